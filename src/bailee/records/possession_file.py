"""The file that answers a challenge: every sampled piece, and the hashes that lead from it to the owner's holding.

    "bailee possession1\n" | digest of the challenge, 32 bytes | number of samples, 4 bytes
    for each sample, in the order of places:
        index of its entry in the holding, 8 bytes | the entry, 48 bytes
        inclusion of the entry in the holding | inclusion of the piece in the entry's root     hashes of 32 bytes
        length of the piece, 4 bytes | the piece

Integers are big endian. How many hashes follow is known from index and sizes, so an answer has one spelling only.
Reading needs the memory of one piece. Nothing is believed here: `bailee.verify.possession` decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from bailee.errors import ProofFormatError, RecordError
from bailee.records import tree
from bailee.records.possession import ENTRY_SIZE, Entry

MAGIC = b"bailee possession1\n"
MAX_PIECE = 1 << 21
"""A segment has 1 MiB, and a code of 1 of n keeps it whole."""


@dataclass(frozen=True)
class Sample:
    """One piece, shown. index: of the entry in the holding; offset: of the piece in its fragment."""

    index: int
    entry: Entry
    in_holding: tuple[bytes, ...]
    in_fragment: tuple[bytes, ...]
    piece: bytes


class Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


class AnswerWriter:
    """Writes an answer to `challenge` (digest, 32 bytes). Exactly `count` samples are to follow, in order of places."""

    def __init__(self, file: Sink, challenge: bytes, count: int) -> None:
        self._file = file
        file.write(MAGIC + challenge + count.to_bytes(4, "big"))

    def add(self, sample: Sample) -> None:
        head = sample.index.to_bytes(8, "big") + sample.entry.to_bytes()
        self._file.write(b"".join((head, *sample.in_holding, *sample.in_fragment)))
        self._file.write(len(sample.piece).to_bytes(4, "big"))
        self._file.write(sample.piece)


class AnswerReader:
    """Reads an answer to `challenge` (digest, 32 bytes) that asks a holding of `fragments` for `places`.

    Raises ProofFormatError for bytes that are not exactly such an answer.
    """

    def __init__(self, file: BinaryIO, challenge: bytes, fragments: int, places: tuple[int, ...]) -> None:
        self._file, self._fragments, self._places = file, fragments, places
        if self._take(len(MAGIC), "its first line") != MAGIC:
            raise ProofFormatError("expected an answer to a challenge, got a file that does not begin like one")
        if self._take(32, "the challenge") != challenge:
            raise ProofFormatError("the answer is for another challenge; answers are made for one only")
        count = int.from_bytes(self._take(4, "the number of samples"), "big")
        if count != len(places):
            raise ProofFormatError(f"expected an answer of {len(places)} samples, got one of {count}")

    def __iter__(self) -> Iterator[tuple[int, Sample]]:
        """Each place with its sample; at the end, that nothing follows."""
        for number, place in enumerate(self._places):
            yield place, self._sample(f"sample {number}", place)
        if self._file.read(1):
            raise ProofFormatError("the answer goes on after its last sample")

    def _sample(self, where: str, place: int) -> Sample:
        index = int.from_bytes(self._take(8, where), "big")
        if index >= self._fragments:
            raise ProofFormatError(f"{where}: entry {index} of a holding of {self._fragments} fragments")
        try:
            entry = Entry.from_bytes(self._take(ENTRY_SIZE, where))
        except RecordError as error:
            raise ProofFormatError(f"{where}: {error}") from None
        offset = place - entry.first
        if not 0 <= offset < entry.pieces:
            raise ProofFormatError(f"{where}: asked for piece {place}, got a fragment that does not hold it")
        in_holding = self._hashes(index, self._fragments, where)
        in_fragment = self._hashes(offset, entry.pieces, where)
        length = int.from_bytes(self._take(4, where), "big")
        if length > MAX_PIECE:
            raise ProofFormatError(f"{where}: a piece has at most {MAX_PIECE} bytes, got {length}")
        return Sample(index, entry, in_holding, in_fragment, self._take(length, where))

    def _hashes(self, index: int, size: int, where: str) -> tuple[bytes, ...]:
        data = self._take(32 * len(tree.inclusion_ranges(index, size)), where)
        return tuple(data[at : at + 32] for at in range(0, len(data), 32))

    def _take(self, length: int, where: str) -> bytes:
        data = b""
        while len(data) < length:  # a pipe gives less at a time
            more = self._file.read(length - len(data))
            if not more:
                raise ProofFormatError(f"the answer ends early, in {where}")
            data += more
        return data
