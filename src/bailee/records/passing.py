"""Whether a chain of shares allows a reading: each link at most what the one before it allows, none revoked, in time.

Pure, and fails closed: it says which field of which link does not hold. A grantee's file is the links' envelopes, a
line each, the owner's first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from bailee.errors import GrantError, RecordError
from bailee.records.canonical import MAX_BYTES
from bailee.records.envelope import Signed, open_signed
from bailee.records.fields import parse_time
from bailee.records.share import (
    CLEAR,
    FACE,
    MAX_PASSES,
    Item,
    PassedOn,
    Share,
    SharedVersion,
    ShareRevocation,
    Terms,
    covered,
)


@dataclass(frozen=True)
class Chain:
    """A share and how it was passed on. Made by `read_chain` and by who shares; `check_chain` says if it holds."""

    first: Signed[Share]
    passed: tuple[Signed[PassedOn], ...] = ()

    @property
    def last(self) -> Signed[Share] | Signed[PassedOn]:
        return self.passed[-1] if self.passed else self.first

    @property
    def terms(self) -> Terms:
        """What the last grantee may do."""
        return self.last.record.terms

    def opened(self) -> Iterator[tuple[SharedVersion, Item, tuple[int, ...]]]:
        """What the last link opens. The keys it carries are these blobs' keys, in this order. Checked chains only."""
        return opened(self.first.record, self.terms)

    def to_bytes(self) -> bytes:
        return b"".join(
            envelope + b"\n" for envelope in (self.first.envelope, *(link.envelope for link in self.passed))
        )


def opened(share: Share, terms: Terms) -> Iterator[tuple[SharedVersion, Item, tuple[int, ...]]]:
    """Each version of `share` that `terms` name, the item that names it, and places of the blobs it covers."""
    versions = {version.id: version for version in share.versions}
    for item in terms.items:
        yield versions[item.version], item, covered(versions[item.version], item)


def read_chain(data: bytes) -> Chain:
    """The chain in a file's bytes: forms and signatures checked, not yet what it allows.

    Raises RecordError for anything but a chain, SignatureError for a signature that does not fit.
    """
    if len(data) > MAX_BYTES:
        raise RecordError(f"a share has at most {MAX_BYTES} bytes, got {len(data)}")
    lines = data.split(b"\n")
    if len(lines) < 2 or lines[-1]:
        raise RecordError("expected a share: a line for each link, each with its end; ask for the whole file")
    if len(lines) > MAX_PASSES + 2:
        raise RecordError(f"a share has at most {MAX_PASSES + 1} links, got {len(lines) - 1}")
    return Chain(open_signed(lines[0], Share), tuple(open_signed(line, PassedOn) for line in lines[1:-1]))


def check_chain(
    chain: Chain, revocations: Sequence[Signed[ShareRevocation]], now: datetime, owner: bytes | None = None
) -> None:
    """Raises GrantError unless every link holds at the moment `now` (aware).

    owner: raw key of the owner whose share it must be; None takes whoever signed the first link. A revocation counts
    if the owner or the link's giver signed it and its time has come.
    """
    first = chain.first.record
    if owner is not None and chain.first.signer != owner:
        raise GrantError(f"owner: the share is by {first.owner[:16]}..., not by {owner.hex()[:16]}...")
    links: list[Signed[Share] | Signed[PassedOn]] = [chain.first, *chain.passed]
    for number, (before, link) in enumerate(zip(links, chain.passed, strict=False), 2):
        where = f"link {number} of the share"
        if link.record.share != chain.first.digest:
            raise GrantError(f"{where}: share: belongs to another share; each is passed on by itself")
        if link.record.parent != before.digest:
            raise GrantError(f"{where}: parent: does not follow the link before it")
        check_passing(before.record, first.versions, link.record, where)
    for number, link_ in enumerate(links, 1):
        _check_time(link_.record.terms, now, f"link {number} of the share")
        for revocation in revocations:
            end = revocation.record
            by = (first.owner, link_.record.signer.hex())
            if end.share == link_.digest and end.party in by and parse_time(end.revoked) <= now:
                raise GrantError(f"link {number} of the share was revoked at {end.revoked}; ask for a new one")


def check_passing(
    before: Share | PassedOn, versions: Sequence[SharedVersion], link: PassedOn, where: str = "passed-on share"
) -> None:
    """Raises GrantError, naming the field, where `link` is not within what `before` lets its grantee pass on."""
    if before.grantee.suite == CLEAR:
        raise GrantError(f"{where}: giver: a public share has no grantee who could pass it on")
    if before.grantee.party != link.giver:
        raise GrantError(f"{where}: giver: only the grantee of the link before may pass it on")
    if link.grantee.suite == CLEAR:
        raise GrantError(f"{where}: grantee: only the owner can make a share public")
    old, new = before.terms, link.terms
    if not old.passes:
        raise GrantError(f"{where}: passes: the link before may not be passed on")
    if new.passes >= old.passes:
        raise GrantError(f"{where}: passes: expected at most {old.passes - 1}, got {new.passes}")
    if new.purpose != old.purpose:
        raise GrantError(f"{where}: purpose: expected {old.purpose!r}, got {new.purpose!r}")
    if parse_time(new.not_before) < parse_time(old.not_before):
        raise GrantError(f"{where}: not_before: {new.not_before} is earlier than {old.not_before} in the link before")
    if parse_time(new.not_after) > parse_time(old.not_after):
        raise GrantError(f"{where}: not_after: {new.not_after} is later than {old.not_after} in the link before")
    held, known = {item.version: item for item in old.items}, {version.id: version for version in versions}
    for item in new.items:
        if item.version not in held:
            raise GrantError(f"{where}: items: the version {item.version} is not in the link before")
        _check_item(held[item.version], item, known[item.version], where)


def check_columns(item: Item, version: SharedVersion, columns: Sequence[str]) -> None:
    """Raises GrantError where a reader asks for a column that `item` does not grant, be it in the table or not."""
    granted = {version.blobs[place].name for place in covered(version, item)}
    for name in columns:
        if name not in granted:
            raise GrantError(f"the column {name!r} is not in this share; it has {', '.join(sorted(names(granted)))}")


def names(parts: set[str]) -> set[str]:
    """The columns among a table's parts."""
    return {part for part in parts if not part.startswith(FACE[0])}


def _check_time(terms: Terms, now: datetime, where: str) -> None:
    if now < parse_time(terms.not_before):
        raise GrantError(f"{where} is not yet valid: it begins at {terms.not_before}")
    if now > parse_time(terms.not_after):
        raise GrantError(f"{where} has expired: it ended at {terms.not_after}; ask for a new one")


def _check_item(old: Item, new: Item, version: SharedVersion, where: str) -> None:
    if old.columns is not None and new.columns is None:
        raise GrantError(f"{where}: columns: all of {new.version} is passed on, but only some columns are held")
    if new.columns is not None:
        if version.public is None:
            raise GrantError(f"{where}: columns: the version {new.version} is no table")
        held = {version.blobs[place].name for place in covered(version, old)}
        for name in new.columns:
            if name not in held:
                raise GrantError(f"{where}: columns: {name!r} is not in the link before")
    if old.span is not None and new.span is None:
        raise GrantError(f"{where}: span: all of {new.version} is passed on, but only a span of bytes is held")
    if new.span is not None:
        if version.public is not None:
            raise GrantError(f"{where}: span: the version {new.version} is a table; pass on columns")
        end = max((blob.start + blob.length for blob in version.blobs), default=0)
        start, stop = (0, end) if old.span is None else (old.span.start, old.span.stop)
        if new.span.start < start or new.span.stop > stop:
            raise GrantError(
                f"{where}: span: {new.span.start} to {new.span.stop} is not within {start} to {stop} of the link before"
            )
