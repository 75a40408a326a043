"""All registered fingerprints on disk, and what is near a new one: `NearCopies`.

    CURRENT                  the name of the generation that counts
    g-000001/KIND/*.npy      arrays of one kind, memory-mapped (shelf.py)
    g-000001/entries.bin     the entries themselves; ends.npy says where each ends
    g-000001/added           entries added since, one a line; a line cut off by a crash does not count

Adding appends a line; `rebuild` writes a new generation beside the old one and then names it, in one rename. So a
crash leaves one or the other, whole. One process writes at a time; readers keep the generation they opened. The index
holds nothing that the ledger's events do not: deleted, it is made again from them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bailee.adapters.files import (
    new_directory,
    open_journal,
    read_bytes,
    storage_errors,
    sync_directory,
    write_atomic,
    write_new,
)
from bailee.errors import InputError, RecordError, StorageError
from bailee.own.near_copies.shelf import Shelf, packed
from bailee.own.near_copies.verdict import COPY, NOT_COMPARABLE, UNRELATED, Entry, Verdict, judge
from bailee.records.canonical import Json, canonical, parse
from bailee.records.fields import encode
from bailee.records.fingerprint import KINDS, Fingerprint

_CURRENT = "CURRENT"
_ADDED = "added"
_ENTRIES = "entries.bin"
_NAME = "g-000000"
_MOST_ADDED = 256 << 20
REBUILD_AFTER = 5_000
"""Entries in the journal from which `add` rebuilds, so that opening stays quick."""


class NearCopies:
    """An index in a folder of its own, made on first use. `find` is for any thread, `add` and `rebuild` for one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        if not (folder / _CURRENT).exists():
            self._write(_next(_NAME), [])
        self._open()

    def __len__(self) -> int:
        return self._base + len(self._added)

    def add(self, entries: Iterable[Entry]) -> None:
        """Entries more, on disk when this returns. Very many are not journalled first, and never all in memory."""
        rest = iter(entries)
        entries = list(islice(rest, self._most_added))
        if len(entries) == self._most_added:
            self.rebuild(chain(entries, rest))
            return
        lines = [(entry, _line(entry)) for entry in entries]
        with open_journal(self._path / _ADDED) as journal:
            journal.append(b"\n".join(line for _, line in lines)) if lines else None
        self._take([entry for entry, _ in lines])
        if len(self._added) >= self._most_added:
            self.rebuild()

    def find(self, new: Entry) -> list[Verdict]:
        """Verdicts on `new` against all that is not unrelated to it, the nearest first. Itself is left out."""
        asked = new.fingerprint
        if asked.withheld:
            raise InputError("a withheld fingerprint cannot be looked up; look up the whole one, before it is withheld")
        near: list[Entry] = []
        if (shelf := self._shelves.get(asked.kind)) is not None:
            near += [self._entry(int(self._rows[asked.kind][row])) for row in shelf.candidates(asked)]
        if tail := self._tail.get(asked.kind):
            found = Shelf(asked.kind, packed(asked.kind, [entry.fingerprint for entry in tail]))
            near += [tail[row] for row in found.candidates(asked)]
        verdicts = [judge(new, entry) for entry in near if entry.work != new.work]
        verdicts = [verdict for verdict in verdicts if verdict.decision not in (UNRELATED, NOT_COMPARABLE)]
        return sorted(verdicts, key=_nearness)

    def entries(self) -> Iterable[Entry]:
        """All of them, oldest addition first."""
        for place in range(self._base):
            yield self._entry(place)
        yield from self._added

    def rebuild(self, more: Iterable[Entry] = ()) -> None:
        """A new generation that holds everything, and `more`, in the place of the old one."""
        name = _next(self._path.name)
        self._write(name, chain(self.entries(), more))
        old = self._path
        self._open()
        shutil.rmtree(old, ignore_errors=True)

    @property
    def _most_added(self) -> int:
        return max(REBUILD_AFTER, self._base // 8)

    def _write(self, name: str, entries: Iterable[Entry]) -> None:
        target = self._folder / name
        if target.exists():  # of a rebuild that ended before CURRENT was written
            shutil.rmtree(target, ignore_errors=True)
        with new_directory(target) as draft, storage_errors(target):
            places: dict[str, list[int]] = {}
            ends = [0]
            with (draft / _ENTRIES).open("wb") as file:
                for place, entry in enumerate(entries):
                    ends.append(ends[-1] + file.write(_pack(entry)))
                    if not entry.fingerprint.withheld:
                        places.setdefault(entry.fingerprint.kind, []).append(place)
            _save(draft / "ends.npy", np.array(ends, np.uint64))
            for kind, rows in places.items():
                (draft / kind).mkdir()
                _save(draft / kind / "rows.npy", np.array(rows, np.int64))
                data = np.memmap(draft / _ENTRIES, np.uint8, "r")
                for part, array in packed(kind, (_unpack_print(data, ends, row) for row in rows)).items():
                    _save(draft / kind / f"{part}.npy", array)
                sync_directory(draft / kind)
            write_new(draft / _ADDED, b"")
        write_atomic(self._folder / _CURRENT, name.encode())

    def _open(self) -> None:
        name = read_bytes(self._folder / _CURRENT, 64, "index").decode("ascii", "replace")
        self._path = self._folder / name
        if len(name) != len(_NAME) or not (self._path / _ADDED).is_file():
            raise StorageError(f"the index of fingerprints in {self._folder} is damaged; delete that folder, and it is "
                               "made again from the ledger")  # fmt: skip
        self._ends = np.load(self._path / "ends.npy", mmap_mode="r", allow_pickle=False)
        self._base = len(self._ends) - 1
        self._entries = np.memmap(self._path / _ENTRIES, np.uint8, "r") if int(self._ends[-1]) else None
        self._shelves, self._rows = {}, {}
        for kind in KINDS:
            if (self._path / kind).is_dir():
                paths = {path.stem: path for path in (self._path / kind).glob("*.npy")}
                arrays = {part: np.load(path, mmap_mode="r", allow_pickle=False) for part, path in paths.items()}
                self._rows[kind] = arrays.pop("rows")
                self._shelves[kind] = Shelf(kind, arrays)
        self._added: list[Entry] = []
        self._tail: dict[str, list[Entry]] = {}
        added = read_bytes(self._path / _ADDED, _MOST_ADDED, "index")
        self._take([_entry(line) for line in added.split(b"\n")[:-1] if line])

    def _take(self, entries: list[Entry]) -> None:
        self._added += entries
        for entry in entries:
            if not entry.fingerprint.withheld:
                self._tail.setdefault(entry.fingerprint.kind, []).append(entry)

    def _entry(self, place: int) -> Entry:
        if self._entries is None:
            raise StorageError(f"the index of fingerprints in {self._folder} is damaged; delete that folder")
        return _unpack(self._entries, self._ends, place)


def _save(path: Path, array: NDArray[np.generic]) -> None:
    with path.open("xb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())


def _pack(entry: Entry) -> bytes:
    """work, 32 bytes | since, 8 | number of ancestors, 2 | each, 32 | the fingerprint."""
    head = bytes.fromhex(entry.work) + entry.since.to_bytes(8, "big") + len(entry.ancestors).to_bytes(2, "big")
    return head + bytes.fromhex("".join(entry.ancestors)) + entry.fingerprint.to_bytes()


def _unpack(data: NDArray[np.uint8], ends: Sequence[int] | NDArray[np.uint64], place: int) -> Entry:
    body = data[int(ends[place]) : int(ends[place + 1])].tobytes()
    begin = _begin(body)
    ancestors = tuple(body[at : at + 32].hex() for at in range(42, begin, 32))
    whole = Fingerprint.from_bytes(body[begin:])
    return Entry(body[:32].hex(), int.from_bytes(body[32:40], "big"), whole, ancestors)


def _unpack_print(data: NDArray[np.uint8], ends: Sequence[int], place: int) -> Fingerprint:
    """Of an entry, its fingerprint alone."""
    body = data[ends[place] : ends[place + 1]].tobytes()
    return Fingerprint.from_bytes(body[_begin(body) :])


def _begin(body: bytes) -> int:
    """Where the fingerprint begins in a packed entry."""
    return 42 + 32 * int.from_bytes(body[40:42], "big")


def _nearness(verdict: Verdict) -> tuple[object, ...]:
    found = verdict.scores
    return (verdict.decision != COPY, -found.subject, -found.semantic, -found.structural, verdict.other.since)


def _next(name: str) -> str:
    return f"g-{int(name[2:]) + 1:06d}"


def _line(entry: Entry) -> bytes:
    fields: dict[str, Json] = {"work": entry.work, "since": entry.since, "ancestors": encode(entry.ancestors)}
    return canonical({**fields, "fingerprint": entry.fingerprint.to_bytes().hex()})


def _entry(line: bytes) -> Entry:
    fields = parse(line)
    if not isinstance(fields, dict) or set(fields) != {"work", "since", "ancestors", "fingerprint"}:
        raise RecordError("index of fingerprints: expected an entry; delete the index, and it is made again")
    whole = Fingerprint.from_bytes(bytes.fromhex(fields["fingerprint"]))
    return Entry(fields["work"], fields["since"], whole, tuple(fields["ancestors"]))
