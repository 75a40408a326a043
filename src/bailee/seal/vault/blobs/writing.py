"""Writing a blob: bytes of any length become n fragments on n stores, in constant memory (docs/vault.md, 4 to 6)."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from types import TracebackType
from typing import TypeAlias

from bailee.adapters.stores.store import Store
from bailee.errors import InputError, StoreError
from bailee.keys import Secret
from bailee.seal.vault.blobs import pieces
from bailee.seal.vault.blobs.fragments import NamingKey, fragment_root, leaf
from bailee.seal.vault.blobs.kernel import Bytes
from bailee.seal.vault.blobs.lanes import Lanes, Load
from bailee.seal.vault.blobs.layout import LONGEST, PLAIN, SEGMENT, TAG, padded_length, piece_length
from bailee.seal.vault.blobs.posting import SMALL, Fragment, Parcel, can_post, post_all
from bailee.seal.vault.blobs.segments import Cipher, commitment
from bailee.seal.vault.facts import Blob, Code, Placed

BATCH = 4
"""Segments that go to a store together: waking twelve threads for each would cost more than the code does."""
PATIENCE = 30.0
_ZEROS = bytes(1 << 18)
_Sealed: TypeAlias = tuple[Bytes, list[bytes]]


@cache
def _sealers() -> ThreadPoolExecutor:
    # One fewer than cores: whoever puts seals as well, instead of waiting.
    return ThreadPoolExecutor(max(1, (os.cpu_count() or 2) - 1), thread_name_prefix="bailee-seal")


class BlobWriter:
    """Takes bytes by `write`; `finish` gives the blob's facts when enough fragments are safe, `abandon` gives it up.

    targets[j] keeps fragment j; None where it is to be nowhere for now. need: how many must be safe. workers: threads
    that seal, the caller's among them. patience: seconds for which stores that are needed no more hold the others up.
    Not for several threads at once.
    """

    def __init__(
        self,
        blob_id: bytes,
        key: Secret,
        code: Code,
        targets: Sequence[Store | None],
        naming: NamingKey,
        need: int,
        *,
        workers: int = 1,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if len(targets) != code.n:
            raise InputError(f"a code of {code} needs {code.n} targets, got {len(targets)}")
        if not code.k <= need <= code.n:
            raise InputError(f"a code of {code} needs {code.k} to {code.n} fragments to be safe, got {need}")
        self._id, self._key, self._code = blob_id, key, code
        self._cipher = Cipher(blob_id, key, code)
        self._places = [(j, store, naming.path(blob_id, j)) for j, store in enumerate(targets) if store is not None]
        self._opened: Lanes | None = None
        self._posted: Sequence[Fragment] = ()
        self._need, self._workers, self._patience, self._clock = need, workers, patience, clock
        self._length = self._segment = 0
        self._tail = bytearray()
        self._leaves = [bytearray() for _ in range(code.n)]
        self._sealing: deque[Future[_Sealed]] = deque()
        self._batch: list[Bytes] = []
        self._spare: list[Bytes] = []
        self._whole = piece_length(code, SEGMENT)
        self._is_over = False

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_over:
            self.abandon()

    @property
    def length(self) -> int:
        """Bytes taken so far."""
        return self._length

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """More bytes. StoreError, and the blob is abandoned, when fewer than `need` stores still take them."""
        if self._is_over:
            raise InputError("this blob is finished or abandoned; write another one")
        if self._length + len(memoryview(data).cast("B")) > LONGEST:
            raise InputError(f"a blob has at most {LONGEST} bytes; cut the object into several")
        try:
            self._length += self._feed(data)
        except BaseException:
            self.abandon()
            raise

    def finish(self) -> Blob:
        """Pad, write what is left, and wait for the stores. StoreError when fewer than `need` fragments are safe."""
        parcel = self.parcel()
        try:
            if parcel is not None:
                (error,) = post_all([parcel], self._patience)
                if error is not None:
                    raise error
                return self.posted(parcel)
            rest = padded_length(self._length) - self._length
            while rest:
                rest -= self._feed(_ZEROS[: min(rest, len(_ZEROS))])
            return self._made(self._send_rest())
        except BaseException:
            self.abandon()
            raise

    def parcel(self) -> Parcel | None:
        """All of a small blob, sealed and ready for `post_all`; `posted` ends it. None where it goes another way."""
        if self._is_over:
            raise InputError("this blob is finished or abandoned already")
        if self._length > SMALL or not can_post([store for _, store, _ in self._places]):
            return None
        self._tail += bytes(padded_length(self._length) - self._length)
        made, leaves = self._sealed(0, self._tail, is_last=True)  # no lane was opened for it
        for table, entry in zip(self._leaves, leaves, strict=True):
            table += entry
        self._posted = [Fragment(j, store, path, made[j].tobytes() + leaves[j]) for j, store, path in self._places]
        return Parcel(self._posted, self._need)

    def posted(self, parcel: Parcel) -> Blob:
        """The blob, once `post_all` told no error."""
        return self._made({one.index: one.store.name for one in parcel.fragments if one.is_safe})

    def _made(self, stores: Mapping[int, str]) -> Blob:
        self._is_over = True
        placed = [Placed(j, stores.get(j, ""), fragment_root(self._leaves[j])) for j in range(self._code.n)]
        return Blob(self._id, self._code, self._length, commitment(self._key), tuple(placed))

    def _send_rest(self) -> dict[int, str]:
        self._seal(self._tail, is_last=True)
        self._tail = bytearray()
        while self._sealing:
            self._collect()
        self._lanes.send(self._load(self._leaves), is_last=True)
        self._lanes.settle()
        return {lane.index: lane.store.name for lane in self._lanes.all if lane.finished}

    @property
    def _lanes(self) -> Lanes:
        if self._opened is None:
            self._opened = Lanes(self._places, self._need, self._patience, self._clock)
        return self._opened

    @property
    def faults(self) -> tuple[tuple[str, StoreError], ...]:
        """Stores that were given up, by name, and why."""
        ways = self._posted or (() if self._opened is None else self._opened.all)
        return tuple((one.store.name, one.error) for one in ways if one.error is not None)

    def abandon(self) -> None:
        """Nothing of it stays; a store that cannot be reached now keeps bytes that nothing names."""
        if self._is_over:
            return
        self._is_over = True
        self._sealing.clear()
        self._batch.clear()
        if self._opened is not None:
            self._opened.abandon()

    def _feed(self, data: bytes | bytearray | memoryview) -> int:
        view = memoryview(data).cast("B")
        size = len(view)
        if self._workers > 1 and not isinstance(data, bytes) and len(self._tail) + size > PLAIN:
            view = memoryview(bytes(view))  # sealed later, when the caller's buffer may have changed
        if self._tail and len(self._tail) + len(view) > PLAIN:
            missing = PLAIN - len(self._tail)
            self._tail += view[:missing]
            view = view[missing:]
            self._seal(self._tail, is_last=False)
            self._tail = bytearray()
        while len(view) > PLAIN:  # a whole segment waits until more follows: it may be the last one
            self._seal(view[:PLAIN], is_last=False)
            view = view[PLAIN:]
        self._tail += view
        return size

    def _seal(self, plain: bytearray | memoryview, is_last: bool) -> None:
        segment, self._segment = self._segment, self._segment + 1
        if self._workers == 1 or (is_last and not self._sealing):
            self._add(self._sealed(segment, plain, is_last))
            return
        if sum(not one.done() for one in self._sealing) < self._workers:
            self._sealing.append(_sealers().submit(self._sealed, segment, plain, is_last))
        else:
            own: Future[_Sealed] = Future()
            own.set_result(self._sealed(segment, plain, is_last))
            self._sealing.append(own)
        while self._sealing and (self._sealing[0].done() or len(self._sealing) > 2 * self._workers):
            self._collect()

    def _collect(self) -> None:
        self._add(self._sealing.popleft().result())

    def _sealed(self, segment: int, plain: bytearray | memoryview, is_last: bool) -> _Sealed:
        size = len(plain) + TAG
        made = self._room(size)
        self._cipher.seal(segment, is_last, plain, made.reshape(-1).data[:size])
        pieces.complete(self._code, made)
        return made, [leaf(piece.data) for piece in made]

    def _room(self, size: int) -> Bytes:
        if size == SEGMENT:
            with suppress(IndexError):
                return self._spare.pop()
        return pieces.room(self._code, size)

    def _add(self, sealed: _Sealed) -> None:
        made, leaves = sealed
        for table, entry in zip(self._leaves, leaves, strict=True):
            table += entry
        if len(self._batch) == BATCH:
            self._lanes.send(self._load())
        self._batch.append(made)

    def _load(self, leaves: Sequence[bytearray] | None = None) -> Load:
        """The batch, and after it the leaves."""
        batch, self._batch = self._batch, []
        parts = {j: [made[j].data for made in batch] for j in range(self._code.n)}
        if leaves is not None:
            for j, table in enumerate(leaves):
                parts[j].append(memoryview(table))
        return Load(parts, partial(self._reuse, batch))

    def _reuse(self, batch: list[Bytes]) -> None:
        self._spare += [made for made in batch if made.shape[1] == self._whole]
