"""The specification's package is the one that was pinned, and has what is used and changed of it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from bailee.adapters.chain.embedded import specification as spec

# What is used, with the names of its parameters: another version is another decision (docs/decisions/0020).
USED = {
    "fork.process_transaction": "block_env block_output tx index",
    "fork.process_withdrawals": "block_env block_output withdrawals",
    "fork.process_general_purpose_requests": "block_env block_output",
    "fork.process_unchecked_system_transaction": "block_env target_address data",
    "fork.apply_body": "block_env transactions withdrawals",
    "fork.calculate_base_fee_per_gas": "block_gas_limit parent_gas_limit parent_gas_used parent_base_fee_per_gas",
    "fork.state_transition": "chain block",
    "state.get_account": "state address",
    "state.set_account": "state address account",
    "state.get_storage": "state address key",
    "state.set_storage": "state address key value",
    "state.increment_nonce": "state address",
    "state.state_root": "state",
    "state.begin_transaction": "state transient_storage",
    "state.rollback_transaction": "state transient_storage",
    "state.begin_db_transaction": "state",
    "state.commit_db_transaction": "state",
    "state.rollback_db_transaction": "state",
    "state.close_state": "state",
    "state.get_metadata": "state key",
    "state.set_metadata": "state key value",
    "transactions.recover_sender": "chain_id tx",
    "transactions.calculate_intrinsic_cost": "tx",
    "transactions.decode_transaction": "tx",
    "transactions.encode_transaction": "tx",
    "trie.root": "trie get_storage_root",
    "trie.trie_set": "trie key value",
    "bloom.logs_bloom": "logs",
    "gas.calculate_excess_blob_gas": "parent_header",
    "message.prepare_message": "block_env tx_env tx",
    "address.compute_contract_address": "address nonce",
    "requests.compute_requests_hash": "requests",
}


def test_the_version_is_the_pinned_one() -> None:
    assert version("ethereum-execution") == spec.VERSION == "1.17.0"
    written = (Path(__file__).resolve().parents[4] / "pyproject.toml").read_text()
    assert written.count(f'"ethereum-execution[optimized]=={spec.VERSION}"') == 2


@pytest.mark.parametrize("name", USED)
def test_what_is_used_is_there(name: str) -> None:
    module, _, function = name.partition(".")
    found = getattr(getattr(spec, module), function)
    assert " ".join(inspect.signature(found).parameters) == USED[name]


def test_what_is_changed_is_changed_everywhere() -> None:
    """No module of the fork holds a function of the slow state, of the slow loop, or of the traced gas."""
    changed = {
        "get_account_optional": spec.state.get_account_optional,
        "set_storage": spec.state.set_storage,
        "destroy_storage": spec._destroy_storage,
        "State": spec.state.State,
        "execute_code": spec._execute_code,
        "charge_gas": spec._charge_gas,
        "process_message_call": spec._process_message_call,
        "secp256k1_recover": spec._recover,
    }
    seen = set()
    for name, module in list(sys.modules.items()):
        if name.startswith("ethereum.prague"):
            for attribute, new in changed.items():
                if attribute in vars(module):
                    seen.add(attribute)
                    assert vars(module)[attribute] is new, (name, attribute)
    assert seen == set(changed)


def test_a_storage_destroyed_twice_can_be_rolled_back() -> None:
    """As the optimized state comes, the second `remove` raises KeyError."""
    state = spec.open_state(None)
    address, key = spec.fork_types.Address(b"\1" * 20), b"\2" * 32
    account = spec.fork_types.Account(spec.Uint(1), spec.U256(0), b"")
    spec.state.set_account(state, address, account)
    spec.state.set_storage(state, address, key, spec.U256(5))
    before = spec.state.state_root(state)
    spec.state.begin_transaction(state)
    spec.state.destroy_storage(state, address)
    spec.state.set_storage(state, address, key, spec.U256(6))
    spec.state.begin_transaction(state)
    spec.state.destroy_storage(state, address)
    assert spec.state.get_storage(state, address, key) == 0
    spec.state.rollback_transaction(state)
    assert spec.state.get_storage(state, address, key) == 6
    spec.state.rollback_transaction(state)
    assert spec.state.get_storage(state, address, key) == 5
    assert spec.state.state_root(state) == before
    spec.state.close_state(state)


def test_recursion_is_deep_only_while_something_executes() -> None:
    """In a process of its own: other programs raise the limit for themselves."""
    told = """
import sys
from bailee.adapters.chain.opening import open_chain
try:
    open_chain("http://127.0.0.1:9")
except Exception:
    print(sys.getrecursionlimit())
from bailee.adapters.chain.embedded import specification as spec
print(sys.getrecursionlimit())
with spec.deep(), spec.deep():
    print(sys.getrecursionlimit())
print(sys.getrecursionlimit())
"""
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    assert found == ["1000", "1000", str(1024 * 12), "1000"]


def test_numbers_compare_as_before() -> None:
    assert spec.Uint(3) == 3 == spec.U256(3) == spec.Uint(3)
    assert spec.Uint(3) == 3.0
    for other in (4, "3", 3.5, None, spec.U256(4)):
        assert spec.Uint(3) != other
    assert spec.U256(True) == 1
    for value in (-1, 2**256):
        with pytest.raises(OverflowError):
            spec.U256(value)
