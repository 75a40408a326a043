"""What is on disk stays on disk: crashes, locks, files that do not belong together."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import signal
import time
from pathlib import Path

import pytest
from eth_account import Account

from bailee.adapters.chain.embedded import execution
from bailee.adapters.chain.embedded import specification as spec
from bailee.adapters.chain.embedded.ledger import BLOCKS_FILE, STATE_FOLDER, EmbeddedLedger, open_ledger
from bailee.adapters.chain.embedded.memory import MemoryLedger
from bailee.adapters.chain.embedded.refusals import RpcError
from bailee.errors import ChainError, InputError, StorageError
from chains import account

ROUNDS = int(os.environ.get("BAILEE_KILL_ROUNDS", "10"))
SENDER = account(0)
ADDRESS = bytes.fromhex(SENDER.address[2:])
SINK = bytes.fromhex("00000000000000000000000000000000000051c4")


def transfer(ledger: EmbeddedLedger, nonce: int, value: int = 1) -> bytes:
    told = {
        "type": 2, "chainId": ledger.chain_id, "nonce": nonce, "to": SINK, "value": value, "gas": 21_000,
        "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0,
    }  # fmt: skip
    return bytes(SENDER.sign_transaction(told).raw_transaction)


def nonce_and_sunk(ledger: EmbeddedLedger) -> tuple[int, int]:
    with ledger.state() as env:
        sender = spec.state.get_account(env.state, spec.fork_types.Address(ADDRESS))
        return int(sender.nonce), int(spec.state.get_account(env.state, spec.fork_types.Address(SINK)).balance)


def opened(folder: Path) -> EmbeddedLedger:
    ledger = open_ledger(folder)
    if ledger.head.number == 0:
        ledger.fund(ADDRESS, 10**21)
    return ledger


def test_a_chain_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "übung"  # the state's own library would take ASCII only
    ledger = opened(folder)
    sent = [ledger.send(transfer(ledger, nonce)) for nonce in range(3)]
    head, chain_id = ledger.head, ledger.chain_id
    ledger.close()
    ledger.close()
    with pytest.raises(ChainError, match="the embedded chain was closed"):
        ledger.mine()
    again = open_ledger(folder)
    assert (again.head, again.chain_id, nonce_and_sunk(again)) == (head, chain_id, (3, 3))
    with again.alone() as blocks:
        assert [blocks.transaction(name).block for name in sent] == [2, 3, 4]  # type: ignore[union-attr]
    again.close()


def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    """A process that sends one by one and in batches, and says after each what is done, is killed at any moment."""
    opened(tmp_path).close()
    chance, slowest, acknowledged = random.Random(secrets.randbits(64)), 0.0, 0
    for _ in range(ROUNDS):
        said = _killed_after(tmp_path, chance)
        acknowledged = said if said is not None else acknowledged
        began = time.process_time()
        ledger = open_ledger(tmp_path)
        slowest = max(slowest, time.process_time() - began)
        nonce, sunk = nonce_and_sunk(ledger)
        assert nonce == sunk >= acknowledged
        acknowledged = nonce
        ledger.close()
    print(f"{ROUNDS} rounds, {acknowledged} transactions; slowest opening {1000 * slowest:.1f} ms of CPU")


def _killed_after(folder: Path, chance: random.Random) -> int | None:
    """The last nonce that the killed process said to be done, None if it said none."""
    wanted, reading, writing = chance.randrange(12), *os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            _send_until_killed(folder, writing)
        finally:
            os._exit(1)
    os.close(writing)
    said = b""
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while said.count(b"\n") <= wanted and (more := pipe.read(64)):
            said += more
        time.sleep(chance.random() * 0.02)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := pipe.read(4096):
            said += more
    lines = said.split(b"\n")[:-1]
    assert lines, "the child never spoke"
    return int(lines[-1])


def _send_until_killed(folder: Path, writing: int) -> None:
    ledger = open_ledger(folder)
    nonce, _ = nonce_and_sunk(ledger)
    os.write(writing, b"%d\n" % nonce)
    while True:
        ledger.send(transfer(ledger, nonce))
        nonce += 1
        os.write(writing, b"%d\n" % nonce)
        with ledger.batch():
            for _ in range(3):
                ledger.send(transfer(ledger, nonce))
                nonce += 1
        os.write(writing, b"%d\n" % nonce)


def test_a_state_that_is_behind_catches_up(tmp_path: Path) -> None:
    ledger = opened(tmp_path / "a")
    ledger.send(transfer(ledger, 0))
    ledger.close()
    shutil.copytree(tmp_path / "a" / STATE_FOLDER, tmp_path / "older")
    ledger = open_ledger(tmp_path / "a")
    ledger.send(transfer(ledger, 1))
    with ledger.batch():
        ledger.send(transfer(ledger, 2))
        ledger.send(transfer(ledger, 3))
    ledger.fund(SINK, 10**9)
    ledger.close()
    for older in (tmp_path / "older", None):
        shutil.rmtree(tmp_path / "a" / STATE_FOLDER)
        if older:
            shutil.copytree(older, tmp_path / "a" / STATE_FOLDER)
        again = open_ledger(tmp_path / "a")
        assert nonce_and_sunk(again) == (4, 4 + 10**9)
        again.close()


def test_a_state_that_is_ahead_or_foreign_is_found(tmp_path: Path) -> None:
    ledger = opened(tmp_path / "a")
    ledger.close()
    shutil.copy(tmp_path / "a" / BLOCKS_FILE, tmp_path / "older.db")
    ledger = open_ledger(tmp_path / "a")
    ledger.send(transfer(ledger, 0))
    ledger.close()
    shutil.copy(tmp_path / "older.db", tmp_path / "a" / BLOCKS_FILE)
    with pytest.raises(ChainError, match=r"the state is that after block 2 .*which the chain's blocks do not have"):
        open_ledger(tmp_path / "a")
    opened(tmp_path / "b").close()
    shutil.rmtree(tmp_path / "a" / STATE_FOLDER)
    shutil.copytree(tmp_path / "b" / STATE_FOLDER, tmp_path / "a" / STATE_FOLDER)
    with pytest.raises(ChainError, match=r"the state is that after block 1 .*files of two chains"):
        open_ledger(tmp_path / "a")


def test_a_block_that_was_changed_on_disk_is_found(tmp_path: Path) -> None:
    import sqlite3

    ledger = opened(tmp_path)
    ledger.send(transfer(ledger, 0, value=5))
    other = transfer(ledger, 0, value=6)
    ledger.close()
    shutil.rmtree(tmp_path / STATE_FOLDER)
    with sqlite3.connect(tmp_path / BLOCKS_FILE) as sql:
        sql.execute("UPDATE transactions SET raw = ? WHERE block = 2", (other,))
    sql.close()
    with pytest.raises(ChainError, match="block 2 executed again gives the state"):
        open_ledger(tmp_path)


def test_another_process_waits_and_is_told_what_to_do(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    with pytest.raises(StorageError, match=r"another process has the embedded chain in .* `bailee ledger serve`"):
        open_ledger(tmp_path, patience=0.1)
    ledger.close()
    open_ledger(tmp_path, patience=0.1).close()


def test_what_cannot_be_executed_is_refused_in_the_words_of_nodes() -> None:
    ledger = MemoryLedger()
    ledger.fund(ADDRESS, 10**18)
    ledger.send(transfer(ledger, 0))
    head = ledger.head
    other = Account.create()
    cheap = {"type": 2, "chainId": ledger.chain_id, "nonce": 1, "to": SINK, "gas": 21_000, "value": 0}
    signed = {
        "nonce too low: next nonce 1, tx nonce 0": transfer(ledger, 0),
        "nonce too high: next nonce 1, tx nonce 2": transfer(ledger, 2),
        "insufficient funds for gas": transfer(ledger, 1, value=10**18),
        "max fee per gas less than block base fee": SENDER.sign_transaction(
            cheap | {"maxFeePerGas": 1, "maxPriorityFeePerGas": 0}
        ).raw_transaction,
        "intrinsic gas too low: gas 20000": SENDER.sign_transaction(
            cheap | {"gas": 20_000, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0}
        ).raw_transaction,
        "exceeds block gas limit": SENDER.sign_transaction(
            cheap | {"gas": 10**8, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0}
        ).raw_transaction,
        "invalid transaction": SENDER.sign_transaction(
            cheap | {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 2 * 10**10}
        ).raw_transaction,
        "rlp: ": b"\x02\x00",
        "rlp: index out of range": b"",
        "transaction type not supported": b"\x03" + b"\xc0",
        "insufficient funds": other.sign_transaction(
            {"nonce": 0, "to": SINK, "gas": 21_000, "gasPrice": 10**10, "value": 0, "chainId": ledger.chain_id}
        ).raw_transaction,
    }  # fmt: skip
    for words, raw in signed.items():
        with pytest.raises(RpcError, match=words):
            ledger.send(bytes(raw))
    wrong_chain = SENDER.sign_transaction(
        {"nonce": 1, "to": SINK, "gas": 21_000, "gasPrice": 10**10, "value": 0, "chainId": ledger.chain_id + 1}
    )
    with pytest.raises(RpcError, match="invalid sender: bad v"):
        ledger.send(bytes(wrong_chain.raw_transaction))
    assert ledger.head is head
    ledger.send(transfer(ledger, 1))


def test_a_batch_keeps_what_was_sent_before_a_refusal() -> None:
    ledger = MemoryLedger()
    ledger.fund(ADDRESS, 10**18)

    def send_two() -> None:
        with ledger.batch():
            ledger.send(transfer(ledger, 0))
            ledger.send(transfer(ledger, 5))

    with pytest.raises(RpcError, match="nonce too high"):
        send_two()
    assert (nonce_and_sunk(ledger), ledger.head.number) == ((1, 1), 2)


def test_a_batch_goes_into_as_many_blocks_as_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = MemoryLedger()
    ledger.fund(ADDRESS, 10**18)
    monkeypatch.setattr(execution.OpenBlock, "gas_left", property(lambda block: 42_000 - 21_000 * len(block.outcomes)))
    with ledger.batch():
        for nonce in range(5):
            ledger.send(transfer(ledger, nonce))
    assert (nonce_and_sunk(ledger), ledger.head.number) == ((5, 5), 4)


def test_money_comes_in_by_withdrawals_only_in_whole_gwei() -> None:
    ledger = MemoryLedger()
    for wei in (0, -(10**9), 1, 10**9 + 1, 2**64 * 10**9):
        with pytest.raises(InputError, match=r"expected an amount in wei that is a positive multiple of 10\^9"):
            ledger.fund(ADDRESS, wei)
    ledger.fund(SINK, 3 * 10**9)
    ledger.fund(SINK, 4 * 10**9)
    assert nonce_and_sunk(ledger) == (0, 7 * 10**9)
    assert [int(one.index) for one in ledger.head.withdrawals] == [1]
    with ledger.batch(), pytest.raises(InputError, match="end the batch first"):
        ledger.fund(SINK, 10**9)


def test_time_moves_on_when_the_clock_does_not() -> None:
    now = [1_000_000.5]
    ledger = MemoryLedger(clock=lambda: now[0])
    times = []
    for moment in (1_000_000.5, 1_000_000.6, 900_000.0, 1_000_100.0):
        now[0] = moment
        ledger.mine()
        times.append(int(ledger.head.header.timestamp))
    assert times == [1_000_001, 1_000_002, 1_000_003, 1_000_100]


def test_chain_ids_are_random_and_can_be_chosen() -> None:
    assert MemoryLedger().chain_id != MemoryLedger().chain_id >= 2**32
    assert MemoryLedger(chain_id=31_337).chain_id == 31_337
    with pytest.raises(InputError, match="expected a chain id from 1 to"):
        MemoryLedger(chain_id=0)


def test_an_error_in_the_middle_leaves_the_chain_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that runs out, say: the state is half changed, and is taken back."""
    ledger = MemoryLedger()
    ledger.fund(ADDRESS, 10**18)
    head = ledger.head
    with monkeypatch.context() as patched:
        patched.setattr(spec.fork, "make_receipt", _fail)
        with pytest.raises(MemoryError):
            ledger.send(transfer(ledger, 0))
    assert (ledger.head, nonce_and_sunk(ledger)) == (head, (0, 0))
    ledger.send(transfer(ledger, 0))
    assert nonce_and_sunk(ledger) == (1, 1)


def _fail(*_: object) -> None:
    raise MemoryError
