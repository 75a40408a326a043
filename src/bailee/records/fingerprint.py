"""A fingerprint: what is published of a work so that near copies of it are found. At most 2,048 bytes, one spelling.

    "BFP" | version 1 | kind, 1 byte | extent, 8 bytes | parts: tag, 1 byte | length, 2 bytes | body

Integers are big endian, tags ascend strictly. What each part means, and what it tells strangers, is in
docs/fingerprints.md; this room only knows their sizes. A withheld fingerprint holds a commitment to a whole one and,
for tables, the code of the schema, which a card tells anyway: `reveals` checks a whole one, shown later, against it.

Nothing here says that a fingerprint is true of the work it is registered for: whoever registers claims it.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from blake3 import blake3

from bailee import tags
from bailee.errors import RecordError

MAX_BYTES = 2048
_MAGIC = b"BFP\x01"
_HEAD = len(_MAGIC) + 1 + 8

TEXT, IMAGE, AUDIO, VIDEO, BYTES, TABLE = KINDS = ("text", "image", "audio", "video", "bytes", "table")

INSTANCE: Final = "instance"
DATA: Final = "data"
CONTENT: Final = "content"
VIEWS: Final = "views"
WORDS: Final = "words"
META: Final = "meta"
SCHEMA: Final = "schema"
PROBES: Final = "probes"
COLUMNS: Final = "columns"
KEY: Final = "key"
COMMITMENT: Final = "commitment"

CODE = 32
"""Bytes of a code whose bits are compared: 256 bits."""
VIEW = 16
"""Bytes of the code of a part of a picture: the first 128 bits, which its coarse features fill."""
VIEW_COUNT = 14
BINS = (128, 128) + (64,) * 14
"""Cells of each probe of a table's rows."""
PROBE_BYTES = sum(BINS) + len(BINS)
"""One byte a cell, then one byte a probe for how many different rows it saw."""
COLUMN_BINS = 12
COLUMN_BYTES = 4 + 1 + COLUMN_BINS
"""Of each column: hash of its name, how many different values, cells."""
MAX_COLUMNS = 32

_SIZES: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {
        # tag, size of one item, most items
        INSTANCE: (1, CODE, 1),
        DATA: (2, CODE, 1),
        CONTENT: (3, CODE, 1),
        VIEWS: (4, VIEW, VIEW_COUNT),
        WORDS: (5, CODE, 1),
        META: (6, CODE, 1),
        SCHEMA: (7, CODE, 1),
        PROBES: (8, PROBE_BYTES, 1),
        COLUMNS: (9, COLUMN_BYTES, MAX_COLUMNS),
        KEY: (10, 16, 1),
        COMMITMENT: (11, 32, 1),
    }
)
_BY_TAG = {tag: name for name, (tag, _, _) in _SIZES.items()}
_ALLOWED = {
    TEXT: {INSTANCE, DATA, CONTENT, WORDS, META},
    IMAGE: {INSTANCE, DATA, CONTENT, VIEWS, META},
    AUDIO: {INSTANCE, DATA, CONTENT, META},
    VIDEO: {INSTANCE, DATA, CONTENT, META},
    BYTES: {INSTANCE, DATA, META},
    TABLE: {INSTANCE, SCHEMA, PROBES, COLUMNS, META, KEY},
}
_WITHHELD = {COMMITMENT, SCHEMA}


@dataclass(frozen=True)
class Fingerprint:
    """kind: one of KINDS. extent: how much there is (rows, characters after cleaning, milliseconds, bytes; 0 for an
    image and where it is withheld). parts: bodies by name."""

    kind: str
    extent: int
    parts: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", MappingProxyType(dict(self.parts)))
        if self.kind not in KINDS:
            raise RecordError(f"fingerprint: expected a kind of {', '.join(KINDS)}, got {self.kind!r}")
        if type(self.extent) is not int or not 0 <= self.extent < 2**64:
            raise RecordError(f"fingerprint: expected an extent from 0 to 2^64-1, got {self.extent!r}")
        allowed = _WITHHELD if COMMITMENT in self.parts else _ALLOWED[self.kind]
        for name, body in self.parts.items():
            if name not in allowed:
                raise RecordError(f"fingerprint: a {self.kind} has no part {name!r} here")
            if not isinstance(body, bytes):
                raise RecordError(f"fingerprint: {name}: expected bytes, got {type(body).__name__}")
            _, size, most = _SIZES[name]
            if not body or len(body) % size or len(body) > size * most:
                raise RecordError(f"fingerprint: {name}: expected 1 to {most} times {size} bytes, got {len(body)}")
        if self.withheld and (self.extent or (self.kind != TABLE and SCHEMA in self.parts)):
            raise RecordError("fingerprint: a withheld one tells no extent, and a schema only of a table")
        if not self.withheld and INSTANCE not in self.parts and KEY not in self.parts:
            raise RecordError("fingerprint: expected the code of the bytes (instance)")
        if KEY in self.parts and {INSTANCE, META} & set(self.parts):
            raise RecordError("fingerprint: a keyed one holds no code that is made without the key")
        if self._length > MAX_BYTES:
            raise RecordError(f"fingerprint has {self._length} bytes; at most {MAX_BYTES} fit a registration")

    @property
    def withheld(self) -> bool:
        return COMMITMENT in self.parts

    @property
    def _length(self) -> int:
        return _HEAD + sum(3 + len(body) for body in self.parts.values())

    def items(self, name: str) -> tuple[bytes, ...]:
        """The items of a part, in order; none where it is absent."""
        body, size = self.parts.get(name, b""), _SIZES[name][1]
        return tuple(body[at : at + size] for at in range(0, len(body), size))

    def to_bytes(self) -> bytes:
        head = _MAGIC + bytes([KINDS.index(self.kind)]) + self.extent.to_bytes(8, "big")
        ordered = sorted(self.parts, key=lambda name: _SIZES[name][0])
        parts = (
            bytes([_SIZES[name][0]]) + len(self.parts[name]).to_bytes(2, "big") + self.parts[name] for name in ordered
        )
        return head + b"".join(parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> Fingerprint:
        """Raises RecordError for anything but the one spelling of a fingerprint of version 1."""
        if len(data) > MAX_BYTES:
            raise RecordError(f"fingerprint has {len(data)} bytes; at most {MAX_BYTES} are read")
        if data[: len(_MAGIC)] != _MAGIC or len(data) < _HEAD:
            raise RecordError("expected a fingerprint of version 1, got bytes that do not begin like one")
        kind, extent = data[len(_MAGIC)], int.from_bytes(data[len(_MAGIC) + 1 : _HEAD], "big")
        if kind >= len(KINDS):
            raise RecordError(f"fingerprint: kind {kind} is not known; a newer version may read it")
        parts: dict[str, bytes] = {}
        at, last = _HEAD, 0
        while at < len(data):
            tag, length = data[at], int.from_bytes(data[at + 1 : at + 3], "big")
            body = data[at + 3 : at + 3 + length]
            if tag <= last or tag not in _BY_TAG or len(body) != length or at + 3 > len(data):
                raise RecordError(f"fingerprint: byte {at}: expected a known part after the last one, whole")
            parts[_BY_TAG[tag]] = body
            at, last = at + 3 + length, tag
        return cls(KINDS[kind], extent, parts)

    @property
    def digest(self) -> str:
        """Hex BLAKE3 of the bytes: what a registration names as its fingerprints."""
        return blake3(self.to_bytes()).hexdigest()

    def withhold(self, salt: bytes) -> Fingerprint:
        """The same, hidden: a commitment with `salt` (32 random bytes, kept by the owner to show it later)."""
        if self.withheld:
            raise RecordError("the fingerprint is withheld already")
        kept = {SCHEMA: self.parts[SCHEMA]} if SCHEMA in self.parts and KEY not in self.parts else {}
        return Fingerprint(self.kind, 0, {**kept, COMMITMENT: _commit(self, salt)})

    def reveals(self, shown: Fingerprint, salt: bytes) -> None:
        """That this withheld fingerprint is of `shown`, as an arbiter checks it. Raises RecordError."""
        if not self.withheld or shown.withheld:
            raise RecordError("expected a withheld fingerprint and the whole one it hides")
        if not hmac.compare_digest(shown.withhold(salt).to_bytes(), self.to_bytes()):
            raise RecordError("the fingerprint shown, or its salt, is not the one that was committed to")


def _commit(whole: Fingerprint, salt: bytes) -> bytes:
    if len(salt) != 32:
        raise RecordError(f"expected a salt of 32 random bytes, got {len(salt)}")
    return blake3(salt + whole.to_bytes(), key=tags.FINGERPRINT_COMMITMENT).digest()
