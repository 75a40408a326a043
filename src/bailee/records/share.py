"""A share: who may read which versions, columns or bytes of an owner's vault, until when, and with which keys.

    owner --Share--> first grantee --PassedOn--> next --PassedOn--> ...        Chain: the file a grantee keeps

The first link says where the fragments are; every link carries the blob keys again, sealed to its grantee. What a
chain allows is checked by `bailee.records.passing`; what the words mean is docs/vault.md, section 9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from blake3 import blake3

from bailee import tags
from bailee.errors import RecordError
from bailee.records.canonical import canonical
from bailee.records.envelope import Record
from bailee.records.fields import Count, Hex16, Hex32, Name, Rule, Time, encode, parse_time

HYBRID, CURVE, CLEAR, PROXIED = "MLKEM768-X25519", "X25519", "clear", "umbral"
MAX_PASSES = 15
FACE, SCHEMA = " face", " schema"
"""Parts of a table beside its columns. A column's name never begins with a space, so these never meet one."""

_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")

HexBytes = Annotated[str, Rule(lambda text: _HEX.fullmatch(text) is not None, "lower-case hex digits in pairs")]
Suite = Annotated[
    str,
    Rule(lambda text: text in (HYBRID, CURVE, CLEAR, PROXIED), f"one of {HYBRID}, {CURVE}, {CLEAR}, {PROXIED}"),
]
StorePath = Annotated[
    str, Rule(lambda text: len(text) <= 512 and _PATH.fullmatch(text) is not None, "a path of plain ASCII components")
]
ObjectName = Annotated[str, Rule(lambda text: len(text) <= 1200, "at most 1200 characters")]
PartName = Annotated[
    str, Rule(lambda text: len(text) <= 201 and text.isprintable(), "at most 201 printable characters")
]
Label = Annotated[str, Rule(lambda text: len(text) <= 255 and text.isprintable(), "at most 255 printable characters")]


def _is_plain_url(text: str) -> bool:
    try:
        return 0 < len(text) <= 2048 and text.isprintable() and "@" not in urlsplit(text).netloc
    except ValueError:
        return False


Url = Annotated[str, Rule(_is_plain_url, "a folder or a URL without a user or password")]


@dataclass(frozen=True)
class Grantee:
    """Who may read. suite `clear`: everybody, the keys are in the record as they are; `umbral`: with t of n proxies."""

    party: Hex32 | None
    """Raw Ed25519 key of the grantee, who can pass the share on if its terms allow; None where it has none."""
    suite: Suite
    sealing: Hex32 | None
    """BLAKE3 of the raw key the blob keys are sealed to; None in the clear."""


@dataclass(frozen=True)
class Span:
    """Bytes start (included) to stop (not included) of a version."""

    start: Count
    stop: Count


@dataclass(frozen=True)
class Item:
    """What of one version may be read: all of it, columns of a table (public ones always), or a span of bytes."""

    version: Hex16
    columns: tuple[Name, ...] | None
    span: Span | None


@dataclass(frozen=True)
class Terms:
    purpose: Name
    not_before: Time
    not_after: Time
    passes: Count
    """How many times it may be passed on from here, one link after another."""
    items: tuple[Item, ...]

    def require(self, where: str) -> None:
        """That the terms make sense by themselves; raises RecordError."""
        if parse_time(self.not_after) < parse_time(self.not_before):
            raise RecordError(f"{where}: ends at {self.not_after}, before it begins at {self.not_before}")
        if self.passes > MAX_PASSES:
            raise RecordError(f"{where}: expected to be passed on at most {MAX_PASSES} times, got {self.passes}")
        if not self.items or len({item.version for item in self.items}) != len(self.items):
            raise RecordError(f"{where}: expected at least one version, each named once")
        for item in self.items:
            if item.columns is not None and item.span is not None:
                raise RecordError(f"{where}: columns and a span of bytes exclude each other")
            if item.columns is not None and len(set(item.columns)) != len(item.columns):
                raise RecordError(f"{where}: a column is named twice")
            if item.span is not None and not item.span.start < item.span.stop:
                raise RecordError(f"{where}: expected a span of at least one byte")


@dataclass(frozen=True)
class SharedFragment:
    """Where one fragment of a blob lies, and the root of its pieces."""

    index: Count
    store: Name
    path: StorePath
    root: Hex32


@dataclass(frozen=True)
class SharedBlob:
    """All that reading a blob takes but its key. start: its first byte's place in the version; length: of plaintext."""

    id: Hex16
    name: PartName
    """The column it holds, FACE or SCHEMA; "" for plain bytes."""
    start: Count
    length: Count
    k: Count
    n: Count
    commitment: Hex32
    fragments: tuple[SharedFragment, ...]


@dataclass(frozen=True)
class SharedVersion:
    """A version as the first grantee may know it: only the blobs that its item covers are listed."""

    id: Hex16
    name: ObjectName
    """"" where the owner keeps it to itself."""
    content_type: Label
    public: tuple[Name, ...] | None
    """Columns of a table that every share of it opens; None for plain bytes."""
    blobs: tuple[SharedBlob, ...]


@dataclass(frozen=True)
class SharedStore:
    """A store without its credentials: the grantee has its own, or the store answers everybody."""

    name: Name
    url: Url
    provider: Label
    region: Label


@dataclass(frozen=True)
class Share(Record):
    KIND: ClassVar[str] = "share"
    SIGNER: ClassVar[str] = "owner"

    id: Hex16
    owner: Hex32
    grantee: Grantee
    terms: Terms
    versions: tuple[SharedVersion, ...]
    """In the order of the items of `terms`."""
    stores: tuple[SharedStore, ...]
    keys: HexBytes = field(repr=False)
    """The covered blobs' keys, 32 bytes each, in order, sealed by HPKE with `binding()` as its info."""

    def require(self) -> None:
        self.terms.require("share.terms")
        _require_grantee(self.grantee, "share.grantee")
        if (self.grantee.party is None or self.grantee.suite == PROXIED) and self.terms.passes:
            raise RecordError(
                "share: a grantee without a signing key, or by proxies, cannot pass it on; set passes to 0"
            )
        if [item.version for item in self.terms.items] != [version.id for version in self.versions]:
            raise RecordError("share: expected one version for each item of its terms, in the same order")
        names = {store.name for store in self.stores}
        if len(names) != len(self.stores):
            raise RecordError("share: a store is named twice")
        for item, version in zip(self.terms.items, self.versions, strict=True):
            _require_item(version, item)
            _require_version(version, names)
            if len(covered(version, item)) != len(version.blobs):
                raise RecordError("share: lists a blob that its terms do not cover")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return tuple((version.id, _digest(version)) for version in self.versions)

    def binding(self) -> bytes:
        """Digest of all but the keys, 32 bytes: sealed keys open under these terms only."""
        return _binding(self)


@dataclass(frozen=True)
class PassedOn(Record):
    KIND: ClassVar[str] = "passed-on-share"
    SIGNER: ClassVar[str] = "giver"

    giver: Hex32
    share: Hex32
    """Digest of the first link's envelope."""
    parent: Hex32
    """Digest of the envelope of the link before."""
    grantee: Grantee
    terms: Terms
    keys: HexBytes = field(repr=False)

    def require(self) -> None:
        self.terms.require("passed-on-share.terms")
        _require_grantee(self.grantee, "passed-on-share.grantee")
        if self.grantee.party is None and self.terms.passes:
            raise RecordError("passed-on-share: a grantee without a signing key cannot pass it on; set passes to 0")
        if self.grantee.suite == PROXIED:
            raise RecordError("passed-on-share: only the owner gives by proxies")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("share", self.share), ("parent", self.parent))

    def binding(self) -> bytes:
        """Digest of all but the keys, 32 bytes."""
        return _binding(self)


@dataclass(frozen=True)
class ShareRevocation(Record):
    KIND: ClassVar[str] = "share-revocation"
    SIGNER: ClassVar[str] = "party"

    party: Hex32
    """The owner, or whoever passed on the link that it ends."""
    share: Hex32
    """Digest of the envelope of the link that ends; all below it end with it."""
    revoked: Time

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("share", self.share),)


def covered(version: SharedVersion, item: Item) -> tuple[int, ...]:
    """Places in `version.blobs` of the blobs that `item` opens, ascending."""
    if item.columns is not None:
        opened = {*item.columns, *(version.public or ()), FACE}
        return tuple(place for place, blob in enumerate(version.blobs) if blob.name in opened)
    if item.span is not None:
        start, stop = item.span.start, item.span.stop
        return tuple(
            place for place, blob in enumerate(version.blobs) if blob.start < stop and start < blob.start + blob.length
        )
    return tuple(range(len(version.blobs)))


def _require_grantee(grantee: Grantee, where: str) -> None:
    clear = grantee.suite == CLEAR
    if clear != (grantee.sealing is None) or (clear and grantee.party is not None):
        raise RecordError(f"{where}: expected a sealing key, or the suite {CLEAR!r} with neither key nor party")


def _require_version(version: SharedVersion, stores: set[str]) -> None:
    where = f"share: version {version.id}"
    if not version.blobs:
        raise RecordError(f"{where}: expected at least one blob")
    end = 0
    for blob in version.blobs:
        if not 1 <= blob.k <= blob.n <= 32:
            raise RecordError(f"{where}: expected a code with 1 <= k <= n <= 32, got {blob.k} of {blob.n}")
        indices = [fragment.index for fragment in blob.fragments]
        if len(indices) < blob.k or indices != sorted(set(indices)) or indices[-1] >= blob.n:
            raise RecordError(f"{where}: expected at least {blob.k} fragments below {blob.n}, ascending, each once")
        if any(fragment.store not in stores for fragment in blob.fragments):
            raise RecordError(f"{where}: a fragment lies on a store that is not described")
        if blob.start < end:
            raise RecordError(f"{where}: expected blobs in order, one after another")
        end = blob.start + blob.length
        if end > 2**53 - 1:
            raise RecordError(f"{where}: is longer than 2^53-1 bytes")
    names = [blob.name for blob in version.blobs]
    if version.public is None and any(names):
        raise RecordError(f"{where}: a blob has a column's name, but the version is no table")
    if version.public is not None and (len(set(names)) != len(names) or FACE not in names):
        raise RecordError(f"{where}: expected a table's face and each column once")


def _require_item(version: SharedVersion, item: Item) -> None:
    where = f"share: version {version.id}"
    if item.columns is not None:
        if version.public is None:
            raise RecordError(f"{where}: columns are granted, but the version is no table")
        names = {blob.name for blob in version.blobs}
        missing = sorted({*item.columns, *version.public} - names)
        if missing:
            raise RecordError(f"{where}: there is no blob of the columns {missing}")
    if item.span is not None:
        if version.public is not None:
            raise RecordError(f"{where}: a span of bytes is granted, but the version is a table; grant columns")
        place = item.span.start
        for blob in version.blobs:
            if blob.start > place:
                break
            place = max(place, blob.start + blob.length)
        if place < item.span.stop:
            raise RecordError(f"{where}: the span granted is not within the blobs listed")


def _binding(record: Share | PassedOn) -> bytes:
    fields = {name: value for name, value in record.to_predicate().items() if name != "keys"}
    return blake3(canonical({"kind": record.KIND, **fields}), key=tags.SHARE_KEYS).digest()


def _digest(version: SharedVersion) -> str:
    return blake3(canonical(encode(version))).hexdigest()
