"""The fingerprint of a table: sketches of its rows as sets, through probes that each read some of the columns.

A *probe* hashes what it reads of each row into one token, and keeps a MinHash sketch of the set of tokens. So the order
of rows does not matter; tokens are sums over cells, so that of columns does not either. Which columns a probe reads
follows from their names alone: a dropped column leaves every probe that did not read it as it was, and among
probes that read a half or a quarter of the columns some do not. Half of the probes read numbers to two digits
only, for rounded copies; four read values without names, for renamed columns.

Memory: one batch of rows and 16 words a row of it, whatever the size of the table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import iscc_lib
import numpy as np
from blake3 import blake3

from bailee import tags
from bailee.errors import InputError
from bailee.own.fingerprints import cells
from bailee.own.fingerprints.spelling import as_bytes, plain_name
from bailee.records.fingerprint import BINS, COLUMN_BINS, COLUMNS, KEY, MAX_COLUMNS, PROBES, SCHEMA

EXACT, COARSE = 1, 2
NAMED, UNNAMED, CHOSEN = 0, 2, 4
PLAN: tuple[tuple[int, int], ...] = (
    (UNNAMED + EXACT, 1),
    (UNNAMED + COARSE, 1),
    (CHOSEN + EXACT, 1),
    (CHOSEN + COARSE, 1),
    *[(NAMED + EXACT, 2)] * 3,
    *[(NAMED + COARSE, 2)] * 3,
    *[(NAMED + EXACT, 4)] * 3,
    *[(NAMED + COARSE, 4)] * 3,
)
"""Of each probe: how it reads a cell (`cells.add_column`), and that it reads one column in so many."""
BLOCK = 8192
_EMPTY = np.uint64(2**64 - 1)
_TOP = 2.0**48
MOST_COLUMNS = 4096


@dataclass(frozen=True)
class Seeds:
    """All that the hashes of a table depend on: public constants, or a key that only some hold."""

    cell: np.uint64
    probes: cells.Words
    column: np.uint64
    name: bytes
    key_name: bytes | None = None

    @classmethod
    def of(cls, key: bytes | None = None) -> Seeds:
        """key: 32 bytes; only fingerprints under one key can be compared."""
        if key is not None and len(key) != 32:
            raise InputError(f"expected a fingerprint key of 32 bytes, got {len(key)}")
        stream = blake3(key or b"", key=tags.FINGERPRINT_SEEDS).digest(8 * (2 + len(PLAN)) + 32)
        words = np.frombuffer(stream[:-32], "<u8").astype(np.uint64)
        named = None if key is None else blake3(key, key=tags.FINGERPRINT_KEY_NAME).digest(16)
        return cls(words[0], words[2:], words[1], stream[-32:], named)

    def of_name(self, name: str) -> bytes:
        return blake3(tags.FINGERPRINT_NAMES + plain_name(name).encode(), key=self.name).digest()


class _Column:
    def __init__(self, name: str, seeds: Seeds) -> None:
        digest = seeds.of_name(name)
        self.digest, self.word = digest, np.uint64(int.from_bytes(digest[:8], "little"))
        reads = []
        for number, (kind, one_in) in enumerate(PLAN):
            reads.append(kind if digest[8 + number] % one_in == 0 else 0)
        self.plan = np.array(reads, np.int8)
        self.smallest = np.full(COLUMN_BINS, _EMPTY)
        self.numbers = self.there = 0

    @property
    def numeric(self) -> bool:
        return self.numbers * 10 > self.there * 9


class TableSketch:
    """Takes batches of rows, then tells the parts of the table's fingerprint."""

    def __init__(self, columns: Sequence[str], key: bytes | None = None) -> None:
        if not 0 < len(columns) <= MOST_COLUMNS:
            raise InputError(f"expected 1 to {MOST_COLUMNS} columns to fingerprint, got {len(columns)}")
        self._seeds = Seeds.of(key)
        self._columns = {name: _Column(name, self._seeds) for name in columns}
        self._smallest = [np.full(bins, _EMPTY) for bins in BINS]
        self.rows = 0

    def add(self, batch: Mapping[str, Any], rows: int) -> None:
        """batch: an Arrow array of `rows` cells for each column."""
        spelt = [(column, as_bytes(batch[name])) for name, column in self._columns.items()]
        for start in range(0, rows, BLOCK):
            self._add_block(
                [(column, cells_.slice(start, BLOCK)) for column, cells_ in spelt], min(BLOCK, rows - start)
            )
        self.rows += rows

    def _add_block(self, block: Iterable[tuple[_Column, Any]], rows: int) -> None:
        seeds = self._seeds
        sums = np.zeros((len(PLAN), rows), np.uint64)
        exact, coarse = np.empty(rows, np.uint64), np.empty(rows, np.uint64)
        for column, array in block:
            data, offsets, present = _buffers(array)
            numbers, there = cells.hash_cells(data, offsets, present, seeds.cell, exact, coarse)
            column.numbers += numbers
            column.there += there
            cells.add_column(exact, coarse, column.word, column.plan, seeds.probes, sums)
            cells.keep_smallest(coarse, seeds.column, COLUMN_BINS, column.smallest)
        for probe, bins in enumerate(BINS):
            cells.keep_smallest(sums[probe], seeds.probes[probe], bins, self._smallest[probe])

    def parts(self) -> dict[str, bytes]:
        if not self.rows:
            raise InputError("the table has no rows; expected at least one")
        shown = sorted(self._columns.values(), key=lambda column: (-_distinct(column.smallest), column.digest))
        columns = sorted(
            column.digest[:4] + bytes([_log_size(_distinct(column.smallest))]) + _octets(column.smallest)
            for column in shown[:MAX_COLUMNS]
        )
        sketches = b"".join(_octets(smallest) for smallest in self._smallest)
        sizes = bytes(_log_size(_distinct(smallest)) for smallest in self._smallest)
        parts = {SCHEMA: self._schema(), PROBES: sketches + sizes, COLUMNS: b"".join(columns)}
        if self._seeds.key_name is not None:
            parts[KEY] = self._seeds.key_name
        return parts

    def _schema(self) -> bytes:
        """MinHash of names, and of names with kinds: columns keep their place in it when others go."""
        features = []
        for column in self._columns.values():
            features.append(int.from_bytes(column.digest[24:28], "big"))
            features.append(int.from_bytes(column.digest[28:32], "big") ^ (1 if column.numeric else 0))
        return iscc_lib.alg_minhash_256(features)


def _buffers(array: Any) -> tuple[cells.Octets, cells.Offsets, cells.Flags]:
    _, offsets, data = array.buffers()
    at = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    octets = np.zeros(1, np.uint8) if data is None or not data.size else np.frombuffer(data, np.uint8)
    if array.null_count == 0:
        return octets, at, np.zeros(0, np.bool_)
    return octets, at, np.asarray(array.is_valid().to_numpy(zero_copy_only=False), np.bool_)


def _distinct(smallest: cells.Words) -> float:
    """How many different tokens were seen: the smallest of n hashes in a cell is near 1/n of the range; empty cells
    count as the whole of it."""
    if (smallest == _EMPTY).all():
        return 0.0
    share = np.where(smallest == _EMPTY, 1.0, smallest.astype(np.float64) / _TOP)
    filled = int((smallest != _EMPTY).sum())
    return filled * len(smallest) / max(float(share.sum()), 1e-300)


def _log_size(count: float) -> int:
    """Counts to a fifth: 4 log2(n + 1), one byte."""
    return min(255, round(4 * math.log2(count + 1)))


def size_of(logged: int) -> float:
    return float(2.0 ** (logged / 4) - 1)


def _octets(smallest: cells.Words) -> bytes:
    """A byte for each cell: 0 for an empty one, otherwise 1 to 255 from its smallest hash."""
    scattered = smallest * np.uint64(0x9E3779B97F4A7C15)
    return np.where(smallest == _EMPTY, 0, 1 + (scattered >> np.uint64(40)) % np.uint64(255)).astype(np.uint8).tobytes()
