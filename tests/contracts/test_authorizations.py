"""EIP-3009 at the coin and at Shares: replay, time, foreign payees, other uses, somebody who is quicker."""

from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from chains import Engine, engine  # noqa: F401
from evm import WHOLE, Contract, World, new_world

USE = b"\xef" * 32
_FIELDS = [
    {"name": "from", "type": "address"},
    {"name": "to", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "validAfter", "type": "uint256"},
    {"name": "validBefore", "type": "uint256"},
    {"name": "nonce", "type": "bytes32"},
]
FOREVER = 2**40
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def signed(
    world: World,
    kind: str,
    payer: LocalAccount,
    to: str,
    amount: int,
    use: bytes = USE,
    times: tuple[int, int] = (0, FOREVER),
) -> bytes:
    """kind: Receive or Transfer."""
    domain = {
        "name": "Bailee coin",
        "version": "1",
        "chainId": world.evm.engine.chain.chain_id,
        "verifyingContract": world.coin.address,
    }
    message = {
        "from": payer.address, "to": to, "value": amount, "validAfter": times[0], "validBefore": times[1], "nonce": use,
    }  # fmt: skip
    found = Account.sign_typed_data(payer.key, domain, {f"{kind}WithAuthorization": _FIELDS}, message)
    return bytes(found.signature)


def parts(signature: bytes) -> tuple[int, bytes, bytes]:
    return signature[64], signature[:32], signature[32:64]


@pytest.fixture(scope="module")
def built(engine: Engine) -> World:  # noqa: F811
    return new_world(engine)


@pytest.fixture
def world(built: World) -> Any:
    before = built.evm.snapshot()
    built.give(built.coin, built.evm.accounts[0], 10_000)
    yield built
    built.evm.revert(before)


@pytest.fixture
def shares(world: World) -> Contract:
    return world.make(1, {world.evm.accounts[1].address: WHOLE}, (world.coin.address,))


KINDS = [("Receive", "pay_with_authorization"), ("Transfer", "pay_with_transfer_authorization")]


@pytest.mark.parametrize(("kind", "function"), KINDS)
def test_it_pays_once_in_one_transaction_sent_by_anybody(
    world: World, shares: Contract, kind: str, function: str
) -> None:
    evm, payer, somebody, coin = world.evm, world.evm.accounts[0], world.evm.accounts[5], world.coin
    signature = signed(world, kind, payer, shares.address, 700)
    arguments = (coin.address, payer.address, 700, 0, FOREVER, USE, signature)
    logs = evm.do(somebody, shares, function, *arguments).logs(shares)
    assert [log.values for log in logs] == [
        {"currency": coin.address.lower(), "payer": payer.address.lower(), "use": USE, "amount": 700}
    ]
    assert evm.call(shares, "received", coin.address) == 700
    assert evm.refusal(somebody, shares, function, *arguments) == "coin: authorization used or cancelled"


@pytest.mark.parametrize(("kind", "function"), KINDS)
def test_nothing_of_it_can_be_changed(world: World, shares: Contract, kind: str, function: str) -> None:
    evm, payer, somebody, coin = world.evm, world.evm.accounts[0], world.evm.accounts[5], world.coin
    other = world.make(2, {somebody.address: WHOLE}, (coin.address,))
    signature = signed(world, kind, payer, shares.address, 700)
    good = [coin.address, payer.address, 700, 0, FOREVER, USE, signature]
    wrong = "coin: signed by somebody else"
    assert evm.refusal(somebody, other, function, *good) == wrong  # another work's
    for place, value, refusal in (
        (1, somebody.address, wrong),
        (2, 701, wrong),
        (3, 1, wrong),
        (4, FOREVER + 1, wrong),
        (5, b"\x01" * 32, wrong),  # another use
        (6, signature[:64] + bytes([55 - signature[64]]), wrong),
        (6, b"\0" * 65, wrong),
        (6, signature[:64], "shares: a signature of 65 bytes"),
    ):
        arguments = [*good]
        arguments[place] = value
        assert evm.refusal(somebody, shares, function, *arguments) == refusal
    high = (N - int.from_bytes(signature[32:64])).to_bytes(32)
    second = signature[:32] + high + bytes([55 - signature[64]])
    assert evm.refusal(somebody, shares, function, *good[:6], second) == "coin: a signature with a high s"
    assert evm.refusal(somebody, shares, function, *good) == ""


@pytest.mark.parametrize(("kind", "function"), KINDS)
def test_it_is_cashed_within_its_time(world: World, shares: Contract, kind: str, function: str) -> None:
    evm, payer, coin = world.evm, world.evm.accounts[0], world.coin
    now = evm.engine.chain.block().time
    for times, refusal in (
        ((now + 1000, FOREVER), "coin: authorization not yet valid"),
        ((0, now), "coin: authorization expired"),
        ((0, now + 1000), ""),
    ):
        signature = signed(world, kind, payer, shares.address, 5, times=times)
        assert evm.refusal(payer, shares, function, coin.address, payer.address, 5, *times, USE, signature) == refusal


def test_what_is_signed_for_this_contract_alone_nobody_else_cashes(world: World, shares: Contract) -> None:
    evm, payer, somebody, coin = world.evm, world.evm.accounts[0], world.evm.accounts[5], world.coin
    found = parts(signed(world, "Receive", payer, shares.address, 700))
    arguments = (payer.address, shares.address, 700, 0, FOREVER, USE, *found)
    assert evm.refusal(somebody, coin, "receiveWithAuthorization", *arguments) == "coin: only the payee cashes it"
    assert evm.refusal(somebody, coin, "transferWithAuthorization", *arguments) == "coin: signed by somebody else"


def test_who_is_quicker_with_a_transfer_only_delivers_it(world: World, shares: Contract) -> None:
    evm, payer, somebody, coin = world.evm, world.evm.accounts[0], world.evm.accounts[5], world.coin
    signature = signed(world, "Transfer", payer, shares.address, 700)
    arguments = (payer.address, shares.address, 700, 0, FOREVER, USE, *parts(signature))
    logs = evm.do(somebody, coin, "transferWithAuthorization", *arguments).logs(coin)
    assert [log.name for log in logs] == ["AuthorizationUsed", "Transfer"]  # what a receipt is read from then
    late = (coin.address, payer.address, 700, 0, FOREVER, USE, signature)
    refusal = evm.refusal(somebody, shares, "pay_with_transfer_authorization", *late)
    assert refusal == "coin: authorization used or cancelled"
    evm.do(somebody, shares, "credit", coin.address)
    assert evm.call(shares, "claimable", evm.accounts[1].address, coin.address) == 700


def test_a_payer_cancels(world: World, shares: Contract) -> None:
    evm, payer, somebody, coin = world.evm, world.evm.accounts[0], world.evm.accounts[5], world.coin
    domain = {
        "name": "Bailee coin", "version": "1", "chainId": evm.engine.chain.chain_id, "verifyingContract": coin.address,
    }  # fmt: skip
    types = {"CancelAuthorization": [_FIELDS[0] | {"name": "authorizer"}, _FIELDS[5]]}
    message = {"authorizer": payer.address, "nonce": USE}
    found = parts(bytes(Account.sign_typed_data(payer.key, domain, types, message).signature))
    assert (
        evm.refusal(somebody, coin, "cancelAuthorization", somebody.address, USE, *found)
        == "coin: signed by somebody else"
    )
    evm.do(somebody, coin, "cancelAuthorization", payer.address, USE, *found)
    refusal = "coin: authorization used or cancelled"
    assert evm.refusal(somebody, coin, "cancelAuthorization", payer.address, USE, *found) == refusal
    arguments = (coin.address, payer.address, 5, 0, FOREVER, USE, signed(world, "Receive", payer, shares.address, 5))
    assert evm.refusal(somebody, shares, "pay_with_authorization", *arguments) == refusal


def test_what_a_wallet_reads_to_sign(world: World) -> None:
    fields, name, version, chain, contract, salt, extensions = world.evm.call(world.coin, "eip712Domain")
    assert (fields, name, version, chain) == (b"\x0f", "Bailee coin", "1", world.evm.engine.chain.chain_id)
    assert (contract, salt, list(extensions)) == (world.coin.address.lower(), b"\0" * 32, [])
    assert world.evm.call(world.coin, "version") == "1"


def test_only_its_minter_mints(world: World) -> None:
    somebody = world.evm.accounts[5]
    assert world.evm.refusal(somebody, world.coin, "mint", somebody.address, 1) == "coin: only its minter"
