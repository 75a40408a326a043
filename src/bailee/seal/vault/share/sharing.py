"""Giving, passing on and ending shares: keys are sealed once more, no byte of the data moves.

Granting gives blob keys, never the version key: what is added to or kept from a share is decided blob by blob, and
the owner's wraps stay as they are. Who may read what is `bailee.records.passing`; reading is `received`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from bailee.errors import GrantError, InputError
from bailee.keys import Identity, Secret
from bailee.records import Signed, sign, time_text
from bailee.records.passing import Chain, check_chain, check_passing, opened
from bailee.records.share import CLEAR, Item, PassedOn, Share, SharedStore, SharedVersion, ShareRevocation, Terms
from bailee.seal.vault.share.recipients import Recipient, Unsealer, grantee_of, is_for

KEY_BYTES = 32
Link = TypeVar("Link", Share, PassedOn)


@dataclass(frozen=True)
class Offer:
    """What the owner shares of one version, its blobs' keys opened: one key for each blob of `version`, in order."""

    version: SharedVersion
    item: Item
    keys: tuple[Secret, ...]


def give(
    owner: Identity,
    offers: Sequence[Offer],
    to: Recipient | None,
    purpose: str,
    not_before: datetime,
    not_after: datetime,
    stores: Sequence[SharedStore],
    share_id: bytes,
    passes: int = 0,
) -> Chain:
    """A share of one link. to: None makes it public, its keys in the clear; share_id: 16 fresh random bytes.

    Raises RecordError for terms that make no sense.
    """
    terms = Terms(
        purpose=purpose,
        not_before=time_text(not_before),
        not_after=time_text(not_after),
        passes=passes,
        items=tuple(offer.item for offer in offers),
    )
    used = {fragment.store for offer in offers for blob in offer.version.blobs for fragment in blob.fragments}
    share = Share(
        id=share_id.hex(),
        owner=owner.public_key.hex(),
        grantee=grantee_of(to),
        terms=terms,
        versions=tuple(offer.version for offer in offers),
        stores=tuple(store for store in stores if store.name in used),
        keys="",
    )
    keys = [key for offer in offers for key in offer.keys]
    if len(keys) != sum(len(version.blobs) for version in share.versions):
        raise InputError("expected one key for each blob that is shared")
    return Chain(sign(_with_keys(share, to, keys), owner))


def pass_on(
    chain: Chain,
    giver: Identity,
    to: Recipient,
    now: datetime,
    *,
    items: Sequence[Item] | None = None,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    passes: int | None = None,
    revocations: Sequence[Signed[ShareRevocation]] = (),
    opener: Unsealer | None = None,
) -> Chain:
    """`chain` with one link more, from its last grantee to the next. What is not said is taken over; passes: one less.

    opener: what opens the giver's own keys, where that is not its identity (a bare X25519 key).
    Raises GrantError where the chain does not hold or the new terms are wider than those held.
    """
    check_chain(chain, revocations, now)
    before = chain.last.record
    held = dict(zip(_blob_names(chain.first.record, before.terms), open_keys(chain, opener or giver), strict=True))
    old = before.terms
    terms = Terms(
        purpose=old.purpose,
        not_before=old.not_before if not_before is None else time_text(not_before),
        not_after=old.not_after if not_after is None else time_text(not_after),
        passes=max(old.passes - 1, 0) if passes is None else passes,
        items=old.items if items is None else tuple(items),
    )
    if grantee_of(to).party is None and passes is None:
        terms = Terms(terms.purpose, terms.not_before, terms.not_after, 0, terms.items)
    link = PassedOn(
        giver=giver.public_key.hex(),
        share=chain.first.digest,
        parent=chain.last.digest,
        grantee=grantee_of(to),
        terms=terms,
        keys="",
    )
    check_passing(before, chain.first.record.versions, link)
    keys = [held[name] for name in _blob_names(chain.first.record, terms)]
    return Chain(chain.first, (*chain.passed, sign(_with_keys(link, to, keys), giver)))


def revoke(party: Identity, chain: Chain, now: datetime) -> Signed[ShareRevocation]:
    """Ends the last link of `chain`, and whatever was passed on from it. By the owner, or by the link's giver.

    Raises GrantError for anybody else.
    """
    if party.public_key not in (chain.first.signer, chain.last.signer):
        raise GrantError(f"{party.name} neither owns nor gave this share; only they can revoke it")
    return sign(ShareRevocation(party.public_key.hex(), chain.last.digest, time_text(now)), party)


def open_keys(chain: Chain, reader: Unsealer | None) -> tuple[Secret, ...]:
    """The keys of the blobs that the last link covers, in the order of `chain.opened()`.

    Raises GrantError where they are sealed to somebody else, or are not as many as the blobs covered.
    """
    link = chain.last.record
    sealed = bytes.fromhex(link.keys)
    if link.grantee.suite == CLEAR:
        keys = Secret(sealed)
    elif reader is None or not is_for(link.grantee, reader):
        raise GrantError("this share is for somebody else; open it with the identity it was given to")
    else:
        keys = reader.unseal(sealed, link.binding())
    wanted = sum(len(places) for _, _, places in chain.opened())
    if len(keys) != KEY_BYTES * wanted:
        raise GrantError(f"the share should carry the keys of {wanted} blobs, but it does not; ask for a new one")
    raw = keys.reveal()
    return tuple(Secret(raw[at : at + KEY_BYTES]) for at in range(0, len(raw), KEY_BYTES))


def _blob_names(share: Share, terms: Terms) -> list[tuple[str, int]]:
    return [(version.id, place) for version, _, places in opened(share, terms) for place in places]


def _with_keys(record: Link, to: Recipient | None, keys: Sequence[Secret]) -> Link:
    joined = Secret(b"".join(key.reveal() for key in keys))
    sealed = joined.reveal() if to is None else to.seal(joined, record.binding())
    return replace(record, keys=sealed.hex())
