"""The first block's contracts are those that their makers' transactions deploy at these addresses on every chain."""

from __future__ import annotations

import pytest
import rlp
from eth_account import Account
from eth_account._utils.legacy_transactions import Transaction
from eth_utils.crypto import keccak

from bailee.adapters.chain.embedded import genesis

# By the EIPs: address, what comes before the code in the deploying transaction, its `s` (`r` is 0x539, `v` 27).
_INHIBITED = f"7f{'f' * 64}5f55"
DEPLOYED = {
    "4788": ("000f3df6d732807ef1319fb7b8bb8522d0beac02", "60618060095f395ff3", 0x1B9B6EB1F0),
    "2935": ("0000f90827f1c53a10cb7a02335b175320002935", "60538060095f395ff3", 0xAA12693182426612186309F02CFE8A80A0000),
    "7002": (
        "00000961ef480eb55e80d19ad83579a64c007002", f"{_INHIBITED}6101f880602d5f395ff3",
        0x5FEEB084551E4E03A3581E269BC2EA2F8D0008,
    ),
    "7251": (
        "0000bbddc7ce488642fb579f8b00f3a590007251", f"{_INHIBITED}61019e80602d5f395ff3",
        0xC0730F92DC275B663D377A7CBB141B6600052,
    ),
}  # fmt: skip
_TWOS = int("2" * 64, 16)


@pytest.mark.parametrize("eip", DEPLOYED)
def test_a_system_contract_is_what_its_eip_deploys(eip: str) -> None:
    address, before, s = DEPLOYED[eip]
    code = bytes.fromhex(before + genesis.CONTRACTS[address])
    assert _deployed_at(250_000, 10**12, code, 0x539, s) == address


def test_the_deployment_proxy_is_the_one_on_every_chain() -> None:
    address = "4e59b44847b379578588920ca78fbf26c0b4956c"
    code = bytes.fromhex("604580600e600039806000f350fe" + genesis.CONTRACTS[address])
    assert _deployed_at(100_000, 100 * 10**9, code, _TWOS, _TWOS) == address


def test_there_is_no_money_in_the_first_block() -> None:
    from bailee.adapters.chain.embedded.memory import MemoryLedger

    ledger = MemoryLedger()
    with ledger.state() as env:
        from bailee.adapters.chain.embedded import specification as spec

        for address in genesis.CONTRACTS:
            found = spec.state.get_account(env.state, spec.fork_types.Address(bytes.fromhex(address)))
            assert (found.nonce, found.balance) == (1, 0)


def _deployed_at(gas: int, price: int, code: bytes, r: int, s: int) -> str:
    """The address of the contract that a transaction with that signature, of a sender nobody has the key of, makes."""
    raw = rlp.encode(Transaction(0, price, gas, b"", 0, code, 27, r, s))
    sender = Account.recover_transaction(bytes(raw))
    return keccak(rlp.encode([bytes.fromhex(sender[2:]), b""]))[12:].hex()
