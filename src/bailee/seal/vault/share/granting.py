"""Shares of a vault: given from the catalogue, remembered in it, renewed when what they say is old, revoked.

The catalogue remembers terms, blobs and places of a share, version by version, and neither keys (a public share has
them in the clear, and erasing must not miss them) nor names of objects: the file goes to the grantee and is not kept.

sharing   the keys and the signatures      received   the grantee's side      rotation   fresh keys after revoking
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Connection, select

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue import sharing as rows
from bailee.adapters.catalogue.keeping import add_task, find_task
from bailee.adapters.catalogue.tables import blobs, parts, versions
from bailee.errors import ConflictError, InputError, NotFoundError
from bailee.keys import PublicIdentity
from bailee.records import Json, Signed, canonical, open_signed, parse, parse_time, sign, time_text
from bailee.records.passing import Chain
from bailee.records.share import (
    CLEAR,
    CURVE,
    HYBRID,
    Item,
    Share,
    SharedBlob,
    SharedFragment,
    SharedStore,
    SharedVersion,
    ShareRevocation,
    Span,
    covered,
)
from bailee.seal.vault import history
from bailee.seal.vault.facts import Blob, Part, Version
from bailee.seal.vault.journal import entry
from bailee.seal.vault.rows import BLOB, VERSION
from bailee.seal.vault.share import sharing
from bailee.seal.vault.share.recipients import CurvePublic, Recipient
from bailee.seal.vault.share.sharing import Offer
from bailee.seal.vault.share.tables import public_columns
from bailee.seal.vault.vault import Vault


@dataclass(frozen=True)
class Wish:
    """What is to be shared: an object's current version or one by its id; all of it, columns, or a span of bytes."""

    name: str
    version: str | None = None
    columns: tuple[str, ...] | None = None
    span: tuple[int, int] | None = None


@dataclass(frozen=True)
class Given:
    """A share as the catalogue remembers it. id: 16 bytes, hex; digest: of its envelope, "" where all was erased."""

    id: str
    digest: str
    grantee: str
    """The key of whom it was given to, hex, or "everybody"."""
    created: float
    expires: float | None
    revoked: float | None
    shares: tuple[Share, ...]
    """What it says of each version that is left, without keys and names."""
    tells_names: bool
    revocation: Signed[ShareRevocation] | None


Make = Callable[[Sequence[Offer], Sequence[SharedStore], bytes], Chain]
"""From what is offered, the stores and a fresh id of 16 bytes; a share by proxies is made in this place too."""


def share(
    vault: Vault,
    wishes: Sequence[Wish],
    to: PublicIdentity | CurvePublic | None,
    purpose: str,
    not_after: datetime,
    *,
    not_before: datetime | None = None,
    passes: int = 0,
    tell_names: bool = True,
) -> Chain:
    """A share of what is wished; `to_bytes()` is the file for the grantee. to: None gives it to everybody.

    passes: how often it may be passed on, one after another. tell_names: whether it says what the objects are called.
    Raises NotFoundError for what is not there, RecordError for terms that make no sense.
    """
    begins = now(vault) if not_before is None else not_before

    def make(offers: Sequence[Offer], stores: Sequence[SharedStore], share_id: bytes) -> Chain:
        owner = vault.ground.keyring.identity
        return sharing.give(owner, offers, to, purpose, begins, not_after, stores, share_id, passes)

    return share_as(vault, wishes, make, tell_names=tell_names, to=to)


def share_as(
    vault: Vault,
    wishes: Sequence[Wish],
    make: Make,
    *,
    tell_names: bool = True,
    to: Recipient | None = None,
    instead: str | None = None,
) -> Chain:
    """As `share`, by whatever `make` does with what is offered. instead: the id of a share that ends with this one."""
    if not wishes:
        raise InputError("expected at least one object to share")
    held = [history.hold(vault.ground, wish.name, wish.version) for wish in wishes]
    offers = [_offer(vault, wish, *one, tell_names) for wish, one in zip(wishes, held, strict=True)]
    stores = [SharedStore(one.name, one.url, one.provider, one.region) for one in vault.entries]
    chain = make(offers, stores, secrets.token_bytes(16))
    record, at = chain.first.record, vault.ground.time.now()
    ended = None if instead is None else _revocation(vault, instead)

    def work(unit: Unit) -> None:
        told = []
        for place, (version, its_parts) in enumerate(held):
            number = _row_of(unit.connection, version.id)
            if rows.part_blobs(unit.connection, number) != [part.blob.id for part in its_parts]:
                raise ConflictError(f"{version.name!r} was re-encrypted meanwhile; share it again")
            told.append((number, _told(chain.first, place, tell_names)))
        if instead is not None and ended is not None:
            _end(unit, vault, instead, ended)
        grantee = record.grantee.party or record.grantee.sealing or "everybody"
        expires = parse_time(record.terms.not_after).timestamp()
        rows.add_share(unit.connection, bytes.fromhex(record.id), told, grantee, at, expires)
        if isinstance(to, PublicIdentity | CurvePublic) and record.grantee.sealing is not None:
            rows.keep_recipient(unit.connection, record.grantee.sealing, to.sealing_key)
        for version, _ in held:
            name = vault.ground.keyring.log_name(version.name)
            unit.log(entry("share", at, name=name, version=version.id, share=chain.first.digest))

    vault.ground.catalogue.change(work)
    return chain


def shares(vault: Vault, name: str | None = None, version: str | None = None) -> tuple[Given, ...]:
    """What was given, the oldest first: of one version (the current one of `name`, or one by its id), or all."""
    with vault.ground.catalogue.reading() as connection:
        number = None if name is None else history.find(connection, name, version).row
        found = rows.list_shares(connection, number)
    grouped: dict[bytes, list[rows.ShareRow]] = {}
    for row in found:
        grouped.setdefault(row.id[:16], []).append(row)
    return tuple(_given(group) for group in grouped.values())


def revocations(vault: Vault) -> tuple[Signed[ShareRevocation], ...]:
    """What was revoked: for doors and proxies that answer grantees."""
    return tuple(one.revocation for one in shares(vault) if one.revocation is not None)


def revoke(vault: Vault, share_id: str) -> Signed[ShareRevocation]:
    """Ends a share and all that was passed on from it; its blobs wait for keys of their own (`rotation`). What the
    grantee has opened, or kept the keys of and reads before then, it has.

    Raises NotFoundError for no such share, ConflictError for one that was revoked or all of whose versions were erased.
    """
    revocation = _revocation(vault, share_id)

    def work(unit: Unit) -> None:
        due = vault.ground.time.now()
        for share_ in _end(unit, vault, share_id, revocation):
            for blob in share_.versions[0].blobs:
                blob_id = bytes.fromhex(blob.id)
                known = history.find_blob_row(unit.connection, blob_id) is not None
                if known and find_task(unit.connection, rows.REENCRYPT, blob_id) is None:
                    add_task(unit.connection, rows.REENCRYPT, blob_id, {"share": share_id}, due)

    vault.ground.catalogue.change(work)
    return revocation


def is_stale(vault: Vault, given: Given) -> bool:
    """Whether a share in force tells of blobs or places that are no more: after a rotation, a move. `renew` it."""
    if given.revoked is not None:
        return False
    with vault.ground.catalogue.reading() as connection:
        for share_ in given.shares:
            (version,) = share_.versions
            held = {part.id: part.fragments for part in _blobs_of(vault, connection, version.id)}
            for blob in version.blobs:
                placed = held.get(bytes.fromhex(blob.id))
                if placed is None or any(placed[one.index].store != one.store for one in blob.fragments):
                    return True
    return False


def renew(vault: Vault, share_id: str) -> Chain:
    """The same share again, with keys and places as they are now; the old one ends. What was passed on from it must be
    passed on again.

    Raises NotFoundError for no such share or one by proxies, ConflictError for one that was revoked.
    """
    old = _find(vault, share_id)
    _require_alive(old)
    record = old.shares[0]
    with vault.ground.catalogue.reading() as connection:
        to = _recipient(connection, record)
        names = {one.versions[0].id: _name_of(connection, one.versions[0].id) for one in old.shares}
    items = [one.terms.items[0] for one in old.shares]
    wishes = [
        Wish(
            names[item.version],
            item.version,
            item.columns,
            None if item.span is None else (item.span.start, item.span.stop),
        )
        for item in items
    ]
    terms, owner = record.terms, vault.ground.keyring.identity

    def make(offers: Sequence[Offer], stores: Sequence[SharedStore], fresh: bytes) -> Chain:
        begins, ends = parse_time(terms.not_before), parse_time(terms.not_after)
        return sharing.give(owner, offers, to, terms.purpose, begins, ends, stores, fresh, terms.passes)

    return share_as(vault, wishes, make, tell_names=old.tells_names, to=to, instead=share_id)


def now(vault: Vault) -> datetime:
    return datetime.fromtimestamp(int(vault.ground.time.now()), UTC)


def _offer(vault: Vault, wish: Wish, version: Version, held: Sequence[Part], tell_names: bool) -> Offer:
    public = public_columns(version, held)
    span = None if wish.span is None else Span(*wish.span)
    item = Item(version.id, wish.columns, span)
    if wish.columns is not None:
        known = {part.name for part in held}
        unknown = [name for name in wish.columns if name not in known]
        if public is None or unknown:
            raise NotFoundError(f"{version.name!r} has no columns {unknown or list(wish.columns)}")
    described, start = [], 0
    for part in held:
        described.append(_described(vault, part, start))
        start += part.blob.length
    name = version.name if tell_names else ""
    whole = SharedVersion(version.id, name, version.content_type[:255], public, tuple(described))
    places = covered(whole, item)
    listed = replace(whole, blobs=tuple(described[place] for place in places))
    return Offer(listed, item, tuple(held[place].key for place in places))


def _described(vault: Vault, part: Part, start: int) -> SharedBlob:
    blob, naming = part.blob, vault.ground.keyring.naming
    fragments = tuple(
        SharedFragment(one.index, one.store, naming.path(blob.id, one.index), one.root.hex())
        for one in blob.fragments
        if one.store
    )
    return SharedBlob(
        blob.id.hex(), part.name, start, blob.length, blob.code.k, blob.code.n, blob.commitment.hex(), fragments
    )


def _told(share_: Signed[Share], place: int, tells_names: bool, revocation: str | None = None) -> bytes:
    """What the catalogue keeps of one version of a share: a share of that version alone, unsigned and without keys."""
    record = share_.record
    version, item = replace(record.versions[place], name=""), record.terms.items[place]
    used = {fragment.store for blob in version.blobs for fragment in blob.fragments}
    kept = replace(
        record,
        terms=replace(record.terms, items=(item,)),
        versions=(version,),
        stores=tuple(one for one in record.stores if one.name in used),
        keys="",
    )
    told: Json = {
        "digest": share_.digest,
        "share": kept.to_predicate(),
        "tells_names": tells_names,
        "revocation": revocation,
    }
    return canonical(told)


def _given(group: Sequence[rows.ShareRow]) -> Given:
    told = [cast(Mapping[str, Any], parse(row.told)) for row in group if row.told]
    first, ended = group[0], [row.revoked for row in group if row.revoked is not None]
    texts = [one["revocation"] for one in told if one["revocation"] is not None]
    return Given(
        first.id[:16].hex(),
        told[0]["digest"] if told else "",
        first.grantee,
        first.created,
        first.expires,
        max(ended) if len(ended) == len(group) else None,
        tuple(Share.from_predicate(one["share"]) for one in told),
        bool(told and told[0]["tells_names"]),
        open_signed(texts[0].encode(), ShareRevocation) if texts else None,
    )


def _require_alive(given: Given) -> None:
    if given.revoked is not None:
        why = "was revoked already" if given.revocation is not None else "has ended: its versions were erased"
        raise ConflictError(f"the share {given.id} {why}; give a new one if need be")


def _revocation(vault: Vault, share_id: str) -> Signed[ShareRevocation]:
    given = _find(vault, share_id)
    _require_alive(given)
    owner = vault.ground.keyring.identity
    return sign(ShareRevocation(owner.public_key.hex(), given.digest, time_text(now(vault))), owner)


def _end(unit: Unit, vault: Vault, share_id: str, revocation: Signed[ShareRevocation]) -> tuple[Share, ...]:
    """The share is revoked in the catalogue. ConflictError where somebody else was first."""
    group = rows.find_share(unit.connection, bytes.fromhex(share_id))
    given = _given(group)
    _require_alive(given)
    at = vault.ground.time.now()
    for row in group:
        if row.told:
            told = {**cast(Mapping[str, Any], parse(row.told)), "revocation": revocation.envelope.decode()}
            rows.end_share(unit.connection, row.id, at, canonical(told))
    unit.log(entry("revoke", at, share=given.digest))
    return given.shares


def _find(vault: Vault, share_id: str) -> Given:
    try:
        raw = bytes.fromhex(share_id)
    except ValueError:
        raw = b""
    with vault.ground.catalogue.reading() as connection:
        found = rows.find_share(connection, raw) if len(raw) == 16 else []
    if not found:
        raise NotFoundError(f"there is no share {share_id[:40]!r}; `shares` lists them")
    return _given(found)


def _recipient(connection: Connection, record: Share) -> PublicIdentity | CurvePublic | None:
    grantee = record.grantee
    if grantee.suite == CLEAR:
        return None
    key = rows.find_recipient(connection, grantee.sealing or "")
    party = None if grantee.party is None else bytes.fromhex(grantee.party)
    if key is not None and grantee.suite == HYBRID and party is not None:
        return PublicIdentity("grantee", party, key)
    if key is not None and grantee.suite == CURVE:
        return CurvePublic(key, party)
    raise NotFoundError(f"the key that the share {record.id} was sealed to is not kept here; give a new share")


def _row_of(connection: Connection, version_id: str) -> int:
    found = connection.execute(select(versions.c.row).where(versions.c.id == bytes.fromhex(version_id))).scalar()
    if found is None:
        raise NotFoundError(f"the version {version_id} was erased meanwhile")
    return int(found)


def _blobs_of(vault: Vault, connection: Connection, version_id: str) -> list[Blob]:
    query = (
        select(*BLOB)
        .join_from(parts, blobs, blobs.c.row == parts.c.blob)
        .join(versions, versions.c.row == parts.c.version)
        .where(versions.c.id == bytes.fromhex(version_id))
    )
    return [vault.ground.numbers.to_blob(row) for row in connection.execute(query)]


def _name_of(connection: Connection, version_id: str) -> str:
    found = connection.execute(VERSION.where(versions.c.id == bytes.fromhex(version_id))).first()
    if found is None:
        raise NotFoundError(f"the version {version_id} was erased; revoke the share")
    return str(found.name)
