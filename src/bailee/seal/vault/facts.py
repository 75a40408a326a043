"""What the vault knows of its objects: the frozen facts that its parts hand to one another.

Words are those of docs/vault.md. Nothing here touches a disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from bailee.errors import InputError
from bailee.keys import Secret

MAX_FRAGMENTS = 32


@dataclass(frozen=True)
class Code:
    """Any k of n fragments give a blob back. 1 <= k <= n <= 32."""

    k: int
    n: int

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.n <= MAX_FRAGMENTS:
            raise InputError(f"expected a code of k of n fragments with 1 <= k <= n <= {MAX_FRAGMENTS}, got {self}")

    def __str__(self) -> str:
        return f"{self.k} of {self.n}"


@dataclass(frozen=True)
class Placed:
    """Fragment `index` of a blob: on which store, and its root (32 bytes). store is "" while it is nowhere."""

    index: int
    store: str
    root: bytes


@dataclass(frozen=True)
class Blob:
    """One encrypted string. id: 16 bytes; length: of the plaintext; commitment: of the key, 32 bytes."""

    id: bytes
    code: Code
    length: int
    commitment: bytes
    fragments: tuple[Placed, ...]
    """All n, in order of index."""


@dataclass(frozen=True)
class Part:
    """A blob in a version. key: the blob key, 32 bytes, opened; name: the column it holds, "" for plain bytes."""

    blob: Blob
    key: Secret
    name: str = ""


@dataclass(frozen=True)
class Policy:
    """How an owner's blobs are spread. need: fragments that must be safe before a put counts, None for the default.

    allow: regions that may hold fragments, empty for all; deny: regions that never do; per_provider: at most so many
    fragments of a blob with one provider, None for no limit (they are spread as wide as the stores allow anyway).
    """

    code: Code
    need: int | None = None
    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()
    per_provider: int | None = None

    def __post_init__(self) -> None:
        k, n = self.code.k, self.code.n
        if self.need is not None and not k <= self.need <= n:
            raise InputError(f"a put of {self.code} needs {k} to {n} fragments to be safe, got {self.need}")
        if self.per_provider is not None and self.per_provider < 1:
            raise InputError(f"expected at least 1 fragment a provider, got {self.per_provider}")

    @property
    def enough(self) -> int:
        """Fragments that must be safe before a put counts: k + half of the others, rounded up."""
        return self.need if self.need is not None else self.code.k + (self.code.n - self.code.k + 1) // 2


class LockMode(StrEnum):
    """S3's words: `governance`, which the owner may lift by saying so, and `compliance`, which ends by time alone."""

    GOVERNANCE = "governance"
    COMPLIANCE = "compliance"


@dataclass(frozen=True)
class Lock:
    mode: LockMode
    until: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class Version:
    """One version of an object as the catalogue has it. id: 16 random bytes, hex; number: 1, 2, ... within its name."""

    id: str
    name: str
    number: int
    created: float
    length: int
    etag: str
    """Lower-case hex MD5 of the bytes, or S3's form for multipart uploads."""
    is_marker: bool = False
    is_current: bool = True
    content_type: str = "application/octet-stream"
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    lock: Lock | None = None
    on_hold: bool = False
    expires: float | None = None
    """When the purpose it was put for ends and it is erased, seconds since 1970."""


@dataclass(frozen=True)
class Listing:
    """A page of names in order of their UTF-8 bytes. after: give it back to go on; "" at the end."""

    versions: tuple[Version, ...]
    prefixes: tuple[str, ...] = ()
    after: str = ""


@dataclass(frozen=True)
class Uploaded:
    """A blob that was uploaded and that no version holds yet. id: of the blob, hex; etag: hex MD5 of its bytes."""

    id: str
    length: int
    etag: str


@dataclass(frozen=True)
class Event:
    """A leaf of the log. seq: 0, 1, ...; entry: its canonical JSON, of which the leaf is the hash."""

    seq: int
    entry: bytes


@dataclass(frozen=True)
class Erasure:
    """What an erasure did. versions: their ids; leaves: of the log, one a version, in the same order."""

    versions: tuple[str, ...]
    leaves: tuple[int, ...]
    reached: tuple[str, ...] = ()
    """Stores that hold nothing of it any more."""
    missed: tuple[str, ...] = ()
    """Stores that did not answer and may still hold fragments, which nobody can open; they are tried again."""
    shared: int = 0
    """Blobs that stay because another version holds them."""
    is_overwritten: bool = True
    """False where a reader kept the database from overwriting its own files; the next erasure or `tidy` does it."""
