"""Gas of each use of money, measured on a chain; `contracts/gas.toml` keeps the numbers, `benchmarks` measures more."""

from __future__ import annotations

from eth_account import Account
from eth_account.signers.local import LocalAccount

from evm import NATIVE, WHOLE, Contract, World, double

FOREVER = 2**40
_FIELDS = [
    {"name": "from", "type": "address"},
    {"name": "to", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "validAfter", "type": "uint256"},
    {"name": "validBefore", "type": "uint256"},
    {"name": "nonce", "type": "bytes32"},
]


def signed_authorization(
    world: World,
    kind: str,
    payer: LocalAccount,
    to: str,
    amount: int,
    use: bytes,
    times: tuple[int, int] = (0, FOREVER),
) -> bytes:
    """kind: Receive or Transfer (EIP-3009), of the world's coin."""
    domain = {
        "name": "Bailee coin",
        "version": "1",
        "chainId": world.evm.engine.chain.chain_id,
        "verifyingContract": world.coin.address,
    }
    values = (payer.address, to, amount, *times, use)
    message = {one["name"]: value for one, value in zip(_FIELDS, values, strict=True)}
    found = Account.sign_typed_data(payer.key, domain, {f"{kind}WithAuthorization": _FIELDS}, message)
    return bytes(found.signature)


def settled_work(world: World, work: int, others: int = 0) -> tuple[Contract, Contract]:
    """A work in use and a model derived from it, with `others` more holders; no counter, balance or account is zero."""
    evm, holder, payer = world.evm, *world.evm.accounts[:2]
    coin = world.coin.address
    spreader = evm.deploy(double("Spreader"))
    parent = world.make(work, {holder.address: WHOLE}, (coin,))
    child = world.make(
        work + 1, {holder.address: 5 * 10**8, parent.address: 3 * 10**8, spreader.address: 2 * 10**8}, (coin,)
    )
    for first in range(0, others, 200):
        evm.do(payer, spreader, "spread", child.address, first, min(200, others - first))
    world.give(world.coin, payer, 10**12, child)
    world.give(world.coin, holder, 10)
    for _ in range(2):
        evm.do(payer, child, "pay", coin, 10**6, b"\x01" * 32)
        evm.do(payer, child, "pay", NATIVE, 10**6, b"\x01" * 32, value=10**6)
        for currency in (coin, NATIVE):
            evm.do(payer, child, "claim", holder.address, currency)
            evm.do(payer, parent, "gather", child.address, currency)
    return parent, child


def gas_costs(world: World, parent: Contract, child: Contract) -> dict[str, int]:
    """Of each use, in the steady state: no slot is written for the first time that the next one would not write too."""
    evm, holder, payer = world.evm, *world.evm.accounts[:2]
    coin = world.coin.address
    found: dict[str, int] = {}

    def measure(name: str, *call: object, value: int = 0) -> None:
        contract, function, *arguments = call
        assert isinstance(contract, Contract)
        found[name] = evm.do(payer, contract, str(function), *arguments, value=value).gas

    measure("pay_erc20", child, "pay", coin, 10**6, b"\xaa" * 32)
    evm.do(payer, world.coin, "approve", child.address, 10**9)
    measure("pay_erc20_of_a_limited_allowance", child, "pay", coin, 10**6, b"\xaa" * 32)
    measure("pay_native", child, "pay", NATIVE, 10**6, b"\xaa" * 32, value=10**6)
    for kind, name in (("Receive", "pay_with_authorization"), ("Transfer", "pay_with_transfer_authorization")):
        use = (kind + child.address).encode()[:32].ljust(32)
        signature = signed_authorization(world, kind, payer, child.address, 10**6, use)
        measure(name, child, name, coin, payer.address, 10**6, 0, FOREVER, use, signature)
    evm.do(payer, world.coin, "transfer", child.address, 10**6)
    measure("credit_erc20", child, "credit", coin)
    measure("claim_erc20", child, "claim", holder.address, coin)
    measure("claim_native", child, "claim", holder.address, NATIVE)
    measure("gather_erc20", parent, "gather", child.address, coin)
    measure("gather_native", parent, "gather", child.address, NATIVE)
    evm.do(payer, child, "pay", coin, 10**6, b"\xaa" * 32)
    evm.do(payer, child, "pay", NATIVE, 10**6, b"\xaa" * 32, value=10**6)
    found["transfer_units_two_currencies"] = evm.do(holder, child, "transfer", parent.address, 1000).gas
    found["transfer_units_all_settled"] = evm.do(holder, child, "transfer", parent.address, 1000).gas
    return found
