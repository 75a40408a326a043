"""The bytes of a proof (docs/protocol.md, section 12). Decoding is strict: shapes give counts, words are canonical."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bailee.algebra.field import P
from bailee.argument.parameters import ClosingParameters, CodeParameters
from bailee.errors import ProofFormatError

Words = NDArray[np.uint64]

MAGIC = b"BLEE"
VERSION = 1
_MOST_MESSAGES = 1 << 20
_MOST_SIBLINGS = 1 << 20
DIGEST = 32
SALT = 16


@dataclass(frozen=True)
class OpenedColumns:
    """Columns (t, height) of F or (t, rows, 2) of E, their salts in order, and the Merkle siblings."""

    values: Words
    salts: bytes
    siblings: tuple[bytes, ...]

    def salt(self, k: int) -> bytes:
        return self.salts[SALT * k : SALT * (k + 1)]


@dataclass(frozen=True)
class RowOpening:
    """One commitment's opening: w as values (K, 2) and coefficients (q, 2), and the columns."""

    values: Words
    tail: Words
    columns: OpenedColumns


@dataclass(frozen=True)
class ClosingOpening:
    f_a_values: Words
    f_a_tail: Words
    f_b: Words
    f_c: Words
    columns: OpenedColumns


@dataclass(frozen=True)
class Proof:
    roots: tuple[bytes, ...]
    pads_root: bytes
    messages: tuple[tuple[int, int], ...]
    openings: tuple[RowOpening, ...]
    closing: ClosingOpening

    def encode(self) -> bytes:
        parts = [
            MAGIC,
            struct.pack("<HH", VERSION, len(self.roots)),
            *self.roots,
            self.pads_root,
            struct.pack("<I", len(self.messages)),
            struct.pack(f"<{2 * len(self.messages)}Q", *(x for m in self.messages for x in m)),
        ]
        for opening in self.openings:
            parts += [_bytes(opening.values), _bytes(opening.tail), *_columns(opening.columns)]
        closing = self.closing
        parts += [_bytes(words) for words in (closing.f_a_values, closing.f_a_tail, closing.f_b, closing.f_c)]
        return b"".join(parts + _columns(self.closing.columns))


def _bytes(words: Words) -> bytes:
    return np.ascontiguousarray(words, dtype="<u8").tobytes()


def _columns(columns: OpenedColumns) -> list[bytes]:
    return [_bytes(columns.values), columns.salts, struct.pack("<I", len(columns.siblings)), *columns.siblings]


class Reader:
    """Reads a proof front to back; what the shapes do not ask for is an error."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def _take(self, count: int, what: str) -> bytes:
        if self._at + count > len(self._data):
            raise ProofFormatError(
                f"the proof ends at byte {len(self._data)}, within {what}: it is cut short or of another statement"
            )
        self._at += count
        return self._data[self._at - count : self._at]

    def _words(self, shape: tuple[int, ...], what: str) -> Words:
        count = int(np.prod(shape))
        words = np.frombuffer(self._take(8 * count, what), dtype="<u8").astype(np.uint64)
        if words.size and int(words.max()) >= P:
            raise ProofFormatError(f"a number in {what} is not below p: the proof is damaged")
        return words.reshape(shape)

    def header(self, fresh: int) -> tuple[tuple[bytes, ...], bytes, list[tuple[int, int]]]:
        """Roots of commitments made for this proof, the root of the pads, the sent values."""
        if self._take(4, "its head") != MAGIC:
            raise ProofFormatError("these bytes are not a Bailee proof")
        version, roots = struct.unpack("<HH", self._take(4, "its head"))
        if version != VERSION:
            raise ProofFormatError(
                f"the proof has version {version}, this verifier reads {VERSION}: use the matching release"
            )
        if roots != fresh:
            raise ProofFormatError(
                f"the proof makes {roots} commitments, the statement {fresh}: it proves something else"
            )
        found = tuple(self._take(DIGEST, "its roots") for _ in range(roots))
        pads = self._take(DIGEST, "its roots")
        (count,) = struct.unpack("<I", self._take(4, "its messages"))
        if count > _MOST_MESSAGES:
            raise ProofFormatError(f"the proof announces {count} messages, no statement needs so many")
        words = self._words((count, 2), "its messages").tolist()
        return found, pads, [(a, b) for a, b in words]

    def row(self, code: CodeParameters) -> tuple[Words, Words]:
        return self._words((code.width, 2), "a row opening"), self._words((code.tail, 2), "a row opening")

    def columns(self, shape: tuple[int, ...]) -> OpenedColumns:
        values = self._words(shape, "opened columns")
        salts = self._take(SALT * shape[0], "salts")
        (count,) = struct.unpack("<I", self._take(4, "siblings"))
        if count > _MOST_SIBLINGS:
            raise ProofFormatError(f"the proof announces {count} siblings, no tree needs so many")
        return OpenedColumns(values, salts, tuple(self._take(DIGEST, "siblings") for _ in range(count)))

    def opening(self, code: CodeParameters) -> RowOpening:
        values, tail = self.row(code)
        return RowOpening(values, tail, self.columns((code.queries, code.height)))

    def closing(self, shape: ClosingParameters, width: int) -> ClosingOpening:
        values = self._words((width, 2), "the closing")
        tail = self._words((shape.queries, 2), "the closing")
        f_b = self._words((shape.linear_length, 2), "the closing")
        f_c = self._words((shape.quotient_length, 2), "the closing")
        return ClosingOpening(values, tail, f_b, f_c, self.columns((shape.queries, shape.rows + 3, 2)))

    def end(self) -> None:
        if self._at != len(self._data):
            raise ProofFormatError(f"{len(self._data) - self._at} bytes follow the proof: it is damaged")
