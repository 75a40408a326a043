"""The embedded chain: blocks in SQLite, the state in MDBX, one process at a time, one thread at a time.

A block is committed to SQLite first, then to the state, with the block's number and hash beside it in the state's own
transaction. A crash between leaves the state behind: on opening, the blocks ahead of it are executed again and each
root compared. A state that is ahead, or of another chain, is no crash of ours and is an error.

The state database is only a memory of what the blocks say: without it, it is made anew from all of them.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ethereum_types.numeric import U64

from bailee.adapters.chain.embedded import genesis
from bailee.adapters.chain.embedded import specification as spec
from bailee.adapters.chain.embedded.blocks import Blocks, KeptBlock
from bailee.adapters.chain.embedded.execution import (
    OpenBlock,
    Outcome,
    Sealed,
    decode,
    environment,
    execute_again,
    header_hash,
    sender_of,
    withdrawal,
)
from bailee.adapters.chain.embedded.refusals import RpcError
from bailee.adapters.files import storage_errors, sync_directory
from bailee.errors import ChainError, InputError, StorageError

BLOCKS_FILE, STATE_FOLDER, LOCK_FILE = "blocks.db", "state", "lock"
PATIENCE = 10.0
"""Seconds that opening waits for another process."""
_AT = b"bailee/at"
_GWEI = 10**9
_LARGEST_ID = 2**52 - 2**12
"""Chain ids stay below what wallets written in JavaScript take."""
Clock = Callable[[], float]


class EmbeddedLedger:
    """An open chain. Methods may be called from any thread; inside `batch` only from the thread that opened it."""

    def __init__(self, blocks: Blocks, state: Any, clock: Clock, release: Callable[[], None]) -> None:
        self._blocks, self._state, self._clock, self._release = blocks, state, clock, release
        self._alone = threading.RLock()
        self._open: OpenBlock | None = None
        self._batches = 0
        self.shift = 0
        """Seconds that test chains are ahead of the clock."""
        self.chain_id = int.from_bytes(blocks.fact("chain_id") or b"", "big")
        self._head = self._required_head()
        self._hashes = blocks.hashes_before(self._head.number + 1)
        self._closed = False

    @contextmanager
    def alone(self) -> Iterator[Blocks]:
        """The kept blocks, while nobody else reads or writes. ChainError on a closed chain."""
        with self._alone:
            if self._closed:
                raise ChainError("the embedded chain was closed; open it again")
            yield self._blocks

    @property
    def head(self) -> KeptBlock:
        return self._head

    def close(self) -> None:
        """Blocks are on disk already. Closing twice does nothing."""
        with self._alone:
            if not self._closed:
                self._closed = True
                spec.state.close_state(self._state)
                self._blocks.close()
                self._release()

    @contextmanager
    def state(self, following: bool = False) -> Iterator[Any]:
        """An environment on the state as it is, for calls: in the latest block, or in the one that would follow it.

        Inside a batch it is the block being made, with what is in it already.
        """
        with self.alone():
            if self._open is not None:
                yield self._open.env
            elif following:
                yield self._next_environment()
            else:
                yield self._latest_environment()

    def send(self, raw: bytes) -> bytes:
        """Execute a signed transaction; its hash. Outside a batch its block is on disk when this returns. RpcError."""
        transaction = decode(raw)
        sender = sender_of(transaction, self.chain_id)
        with self.alone(), self.batch():
            block = self._opened()
            block.check(transaction, sender)
            if int(transaction.gas) > block.gas_left:
                self._seal()
                block = self._opened()
                block.check(transaction, sender)
            return self._added(block, transaction, raw, sender).hash

    @contextmanager
    def batch(self) -> Iterator[None]:
        """What is sent inside comes into one block, or as few as have room; on disk when this ends.

        Where something inside raises, what was sent before it is kept all the same. Nothing is acknowledged by a batch
        that is not ended: a crash loses it whole. Batches nest.
        """
        with self.alone():
            self._batches += 1
            try:
                yield
            finally:
                self._batches -= 1
                if not self._batches and self._open is not None:
                    self._seal_or_forget()

    def fund(self, address: bytes, wei: int) -> bytes:
        """Bring money in from outside, by a withdrawal in a block of its own; the block's hash.

        `wei`: a multiple of 10^9, the unit of withdrawals. InputError.
        """
        if wei <= 0 or wei % _GWEI or wei // _GWEI >= 2**64:
            raise InputError(f"expected an amount in wei that is a positive multiple of 10^9, got {wei}")
        with self.alone():
            if self._batches:
                raise InputError("money comes in by a block of its own; end the batch first")
            self._opened()
            made = withdrawal(self._blocks.withdrawals_made(), address, wei // _GWEI)
            return self._seal((made,)).hash

    def mine(self) -> bytes:
        """A block without transactions; its hash."""
        with self.alone():
            self._opened()
            return self._seal().hash

    def _added(self, block: OpenBlock, transaction: Any, raw: bytes, sender: bytes) -> Outcome:
        try:
            return block.add(transaction, raw, sender)
        except RpcError:
            raise  # refused before anything was done
        except BaseException:
            self._forget()  # the state may be half changed
            raise

    def _opened(self) -> OpenBlock:
        if self._open is None:
            block = OpenBlock(self._next_environment(), self._head.hash)
            block.begin()
            self._open = block
        return self._open

    def _next_environment(self) -> Any:
        header = self._head.header
        moment = max(int(header.timestamp) + 1, int(self._clock()) + self.shift)
        return environment(self._state, self.chain_id, header, self._hashes, moment, secrets.token_bytes(32))

    def _latest_environment(self) -> Any:
        header = self._head.header
        return spec.vm.BlockEnvironment(
            chain_id=U64(self.chain_id), state=self._state, block_gas_limit=header.gas_limit,
            block_hashes=list(self._hashes[:-1]), coinbase=header.coinbase, number=header.number,
            base_fee_per_gas=header.base_fee_per_gas, time=header.timestamp, prev_randao=header.prev_randao,
            excess_blob_gas=header.excess_blob_gas, parent_beacon_block_root=header.parent_beacon_block_root,
        )  # fmt: skip

    def _seal_or_forget(self) -> None:
        assert self._open is not None  # noqa: S101
        if self._open.outcomes:
            self._seal()
        else:  # all that was sent was refused
            self._forget()

    def _forget(self) -> None:
        self._open = None
        self._state.tx_restore_points, self._state.journal = [], []
        spec.state.rollback_db_transaction(self._state)
        self._state.created_accounts.clear()
        spec.state.begin_db_transaction(self._state)

    def _seal(self, withdrawals: tuple[Any, ...] = ()) -> Sealed:
        block = self._opened()
        try:
            sealed = block.seal(withdrawals)
            self._blocks.append(sealed)  # from here on it is acknowledged
        except BaseException:
            self._forget()
            raise
        self._open = None
        self._head = KeptBlock(sealed.header, sealed.hash, sealed.withdrawals)
        self._hashes = [*self._hashes[-255:], sealed.hash]
        _commit_state(self._state, self._head)
        return sealed

    def _required_head(self) -> KeptBlock:
        head = self._blocks.head()
        if head is None:
            raise StorageError("the chain's file holds no block; it is not one of ours, or was emptied")
        return head


def open_ledger(
    folder: Path, clock: Clock = time.time, chain_id: int | None = None, patience: float = PATIENCE
) -> EmbeddedLedger:
    """The chain kept in `folder`, made if there is none. `chain_id`: of a new one; by default a random one.

    StorageError where another process has it open for longer than `patience` seconds, or a file is damaged.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    release = _lock(folder, patience)
    blocks = None
    try:
        blocks = Blocks.open(folder / BLOCKS_FILE)
        if blocks.head() is None:
            begin(blocks, clock, chain_id)
            with storage_errors(folder):
                sync_directory(folder)
        state = spec.open_state(str(folder / STATE_FOLDER))
        try:
            catch_up(blocks, state)
            return EmbeddedLedger(blocks, state, clock, release)
        except BaseException:
            spec.state.close_state(state)
            raise
    except BaseException:
        if blocks is not None:
            blocks.close()
        release()
        raise


def begin(blocks: Blocks, clock: Clock, chain_id: int | None) -> None:
    """Write the first block of a new chain."""
    number = chain_id if chain_id is not None else 2**32 + secrets.randbelow(_LARGEST_ID - 2**32)
    if not 0 < number < _LARGEST_ID:
        raise InputError(f"expected a chain id from 1 to {_LARGEST_ID - 1}, got {number}")
    with scratch_state() as state:
        root = genesis.fill(state)
    header = genesis.first_header(root, int(clock()), secrets.token_bytes(32))
    blocks.append(Sealed(header, header_hash(header), ()), {"chain_id": number.to_bytes(8, "big")})


@contextmanager
def scratch_state() -> Iterator[Any]:
    state = spec.open_state(None)
    try:
        yield state
    finally:
        spec.state.close_state(state)


def catch_up(blocks: Blocks, state: Any) -> None:
    """Bring the state to the last kept block. ChainError where it is of another chain, ahead, or turns out wrong."""
    at = spec.state.get_metadata(state, _AT)
    if at is None:
        first = blocks.block(0)
        assert first is not None  # noqa: S101
        if genesis.fill(state) != bytes(first.header.state_root):
            raise ChainError("the first block is not one that this Bailee makes; its file is damaged or foreign")
        _commit_state(state, first)
        at = spec.state.get_metadata(state, _AT)
    number, hash_ = int.from_bytes(at[:8], "big"), bytes(at[8:])
    known = blocks.block(number)
    if known is None or known.hash != hash_:
        raise ChainError(
            f"the state is that after block {number} (0x{hash_.hex()}), which the chain's blocks do not have: files of "
            f"two chains, or an older copy of {BLOCKS_FILE}; restore both, or move {STATE_FOLDER} away to make it anew"
        )
    parent = known
    while (following := blocks.block(parent.number + 1)) is not None:
        raws = [one.raw for one in blocks.transactions(following.number)]
        hashes = blocks.hashes_before(following.number)
        chain_id = int.from_bytes(blocks.fact("chain_id") or b"", "big")
        execute_again(state, chain_id, parent.header, hashes, following.header, raws, following.withdrawals)
        _commit_state(state, following)
        parent = following


def _commit_state(state: Any, block: KeptBlock) -> None:
    spec.state.set_metadata(state, _AT, block.number.to_bytes(8, "big") + block.hash)
    spec.state.commit_db_transaction(state)
    spec.state.begin_db_transaction(state)


def _lock(folder: Path, patience: float) -> Callable[[], None]:
    """Hold the folder; the kernel lets go when the process ends. What to call to let go."""
    path = folder / LOCK_FILE
    with storage_errors(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(handle)
                raise StorageError(
                    f"another process has the embedded chain in {folder} open; wait for it to end, or let several "
                    f"share it: run `bailee ledger serve` and give the others its URL (--ledger, BAILEE_LEDGER)"
                ) from None
            time.sleep(0.02)
    return lambda: os.close(handle)
