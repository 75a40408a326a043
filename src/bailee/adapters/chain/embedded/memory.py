"""An embedded chain in memory, for tests: it ends with the process, its time can be moved, and it can go back.

A chain on disk cannot: what it has acknowledged stays.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ethereum_types.numeric import U256, Uint

from bailee.adapters.chain.embedded import specification as spec
from bailee.adapters.chain.embedded.blocks import Blocks
from bailee.adapters.chain.embedded.ledger import Clock, EmbeddedLedger, begin, catch_up
from bailee.adapters.chain.embedded.refusals import RpcError


@dataclass(frozen=True)
class _Mark:
    number: int
    withdrawals: int
    shift: int
    writes: int


class MemoryLedger(EmbeddedLedger):
    def __init__(self, clock: Clock = time.time, chain_id: int | None = None) -> None:
        blocks = Blocks.open(None)
        begin(blocks, clock, chain_id)
        state = spec.open_state(None)
        catch_up(blocks, state)
        self._writes = _Writes(state.db)
        state.db = self._writes
        super().__init__(blocks, state, clock, lambda: None)
        self._marks: list[_Mark] = []

    def snapshot(self) -> int:
        """The place where the chain is now, to go back to, once."""
        with self.alone() as blocks:
            self._marks.append(
                _Mark(self.head.number, blocks.withdrawals_made(), self.shift, len(self._writes.undone_by))
            )
            return len(self._marks)

    def revert(self, snapshot: int) -> bool:
        """Back to that place; False if there is none (any more). Snapshots taken after it are gone too."""
        with self.alone() as blocks:
            if not 1 <= snapshot <= len(self._marks):
                return False
            if self._batches:
                raise RpcError("a chain cannot go back while a batch is open")
            mark = self._marks[snapshot - 1]
            del self._marks[snapshot - 1 :]
            # A call that was rolled back leaves accounts it only read among the dirty ones: they must not come back.
            self._state.dirty_accounts.clear()
            self._state.dirty_storage.clear()
            self._writes.go_back(mark.writes)
            blocks.drop_after(mark.number, mark.withdrawals)
            self._head = self._required_head()
            self._hashes = blocks.hashes_before(self._head.number + 1)
            self.shift = mark.shift
            if spec.state.state_root(self._state) != self._head.header.state_root:
                raise RpcError("the chain could not go back: its state came out otherwise")
            return True

    def later(self, seconds: int) -> int:
        """All blocks from now on are that much later than they would be; how far ahead of the clock that is."""
        with self.alone():
            self.shift = max(self.shift, int(self.head.header.timestamp) - int(self._clock())) + seconds
            return self.shift

    def _forget(self) -> None:
        super()._forget()
        self._writes.forget()

    def _seal(self, withdrawals: tuple[Any, ...] = ()) -> Any:
        sealed = super()._seal(withdrawals)
        self._writes.keep()
        return sealed


class _Writes:
    """The state database, with a note of what each write wrote over."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self.undone_by: list[tuple[Any, ...]] = []
        self._kept = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def set_account(self, address: bytes, account: Any) -> None:
        self.undone_by.append((address, self._database.get_account_optional(address)))
        self._database.set_account(address, account)

    def set_storage(self, address: bytes, key: bytes, value: Any) -> None:
        self.undone_by.append((address, key, self._database.get_storage(address, key)))
        self._database.set_storage(address, key, value)

    def destroy_storage(self, address: bytes) -> None:
        if self._database.has_storage(address):  # since fork Cancun only what the same transaction made is destroyed
            raise RpcError("storage from before is destroyed; a chain for tests cannot undo that")
        self._database.destroy_storage(address)

    def keep(self) -> None:
        self._kept = len(self.undone_by)

    def forget(self) -> None:
        del self.undone_by[self._kept :]

    def go_back(self, count: int) -> None:
        while len(self.undone_by) > count:
            note = self.undone_by.pop()
            if len(note) == 3:
                self._database.set_storage(note[0], note[1], note[2])
            else:
                self._database.set_account(note[0], None if note[1] is None else _account(note[1]))
        self._kept = count


def _account(found: tuple[int, int, bytes]) -> Any:
    return spec.fork_types.Account(Uint(found[0]), U256(found[1]), found[2])
