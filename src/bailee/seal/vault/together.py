"""Small objects that are put together: sealed by one thread, posted in one round, named in one transaction.

Each for itself they would wake half a dozen threads, which for a few KiB costs more than everything else. What one of
them runs into is its own: the others are kept.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bailee.adapters.catalogue import Unit
from bailee.adapters.stores.store import Store
from bailee.errors import BaileeError, InputError
from bailee.keys import Secret
from bailee.seal.vault import history
from bailee.seal.vault.blobs.posting import SMALL, Parcel, can_post, post_all
from bailee.seal.vault.blobs.writing import PATIENCE, BlobWriter
from bailee.seal.vault.facts import Part, Policy, Version
from bailee.seal.vault.ground import Ground
from bailee.seal.vault.history import Content, Wanted
from bailee.seal.vault.keyring import new_blob_key


@dataclass(frozen=True)
class Small:
    """An object of at most LARGEST bytes on its way."""

    name: str
    data: bytes
    wanted: Wanted


LARGEST = SMALL


@dataclass
class _Begun:
    place: int
    small: Small
    writer: BlobWriter
    parcel: Parcel
    key: Secret


def can_put(ground: Ground) -> bool:
    """Whether all stores take many fragments at once."""
    return can_post(list(ground.stores.values()))


def put(
    ground: Ground, policy: Policy, choose: Callable[[bytes], Sequence[Store | None]], smalls: Sequence[Small]
) -> list[Version | BaseException]:
    """A version of each, safe when this returns, or what putting it alone would have raised."""
    outcomes: dict[int, Version | BaseException] = {}
    begun: list[_Begun] = []
    for place, small in enumerate(smalls):
        try:
            begun.append(_begin(ground, policy, choose, place, small))
        except BaileeError as refusal:
            outcomes[place] = refusal
    ready: list[tuple[_Begun, Content]] = []
    for one, error in zip(begun, post_all([one.parcel for one in begun], PATIENCE), strict=True):
        if error is not None:
            outcomes[one.place] = error
        else:
            part = Part(one.writer.posted(one.parcel), one.key)
            etag = hashlib.md5(one.small.data, usedforsecurity=False).hexdigest()
            ready.append((one, history.prepare(ground, [part], etag)))
    works = [partial(_add, ground=ground, small=one.small, content=content) for one, content in ready]
    for (one, _), found in zip(ready, ground.catalogue.change_all(works) if works else (), strict=True):
        outcomes[one.place] = found
    return [outcomes[place] for place in range(len(smalls))]


def _begin(
    ground: Ground, policy: Policy, choose: Callable[[bytes], Sequence[Store | None]], place: int, small: Small
) -> _Begun:
    history.check_wanted(ground, small.name, small.wanted)
    if len(small.data) > LARGEST:
        raise InputError(f"expected an object of at most {LARGEST} bytes, got {len(small.data)}")
    blob_id, key = secrets.token_bytes(16), new_blob_key()
    writer = BlobWriter(blob_id, key, policy.code, choose(blob_id), ground.keyring.naming, policy.enough)
    writer.write(small.data)
    parcel = writer.parcel()
    if parcel is None:
        raise InputError("a store takes one string at a time; put objects one by one")
    return _Begun(place, small, writer, parcel, key)


def _add(unit: Unit, ground: Ground, small: Small, content: Content) -> Version:
    return history.add(unit, ground, small.name, small.wanted, content, "put")
