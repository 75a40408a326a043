"""Fragments: what one store holds of a blob, under a name that only the owner can link (docs/vault.md, 3 and 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from blake3 import blake3

from bailee.adapters.stores.store import Store
from bailee.errors import DamageError, InputError
from bailee.keys import Secret
from bailee.records import tree
from bailee.seal.vault.blobs.layout import LEAF, Layout
from bailee.seal.vault.facts import Blob

_WINDOW = 4
"""Pieces read at once by `verify_fragment`."""


class Naming(Protocol):
    """Who knows the names of fragments: the owner's NamingKey, or a share that tells some of them."""

    def path(self, blob_id: bytes, index: int) -> str: ...


@dataclass(frozen=True)
class NamingKey:
    """Makes the names of a vault's fragments. secret: 32 random bytes."""

    secret: Secret

    def __post_init__(self) -> None:
        if len(self.secret) != 32:
            raise InputError(f"expected a naming key of 32 bytes, got {len(self.secret)}")

    def path(self, blob_id: bytes, index: int) -> str:
        """Where fragment `index` lies on its store: 32 hex digits, the first two a folder."""
        digest = blake3(blob_id + index.to_bytes(2, "big"), key=self.secret.reveal()).hexdigest()
        return f"{digest[:2]}/{digest[2:32]}"


def leaf(piece: bytes | memoryview) -> bytes:
    """BLAKE3 of a piece, 32 bytes: what its fragment's tree is made of."""
    return blake3(piece).digest()


def fragment_root(leaves: Sequence[bytes] | bytes | bytearray) -> bytes:
    """The RFC 9162 root over the leaves of a fragment, given as a list or one after the other, 32 bytes."""
    if isinstance(leaves, bytes | bytearray):
        if len(leaves) == LEAF:
            return tree.leaf_hash(bytes(leaves))
        leaves = [bytes(leaves[at : at + LEAF]) for at in range(0, len(leaves), LEAF)]
    return tree.root([tree.leaf_hash(entry) for entry in leaves])


def read_leaves(blob: Blob, index: int, store: Store, naming: Naming) -> bytes:
    """The leaves of a fragment, checked against its root. StoreError, or DamageError where they do not fit."""
    layout = Layout(blob.code, blob.length)
    found = store.read(naming.path(blob.id, index), layout.body, LEAF * layout.segments)
    if len(found) != LEAF * layout.segments or fragment_root(found) != blob.fragments[index].root:
        raise DamageError(f"{_what(blob, index, store)}: its leaves do not fit its root; rebuild it")
    return found


def verify_fragment(blob: Blob, index: int, store: Store, naming: Naming) -> None:
    """Read all of a fragment and check it against its root. MissingError, StoreError, or DamageError that says where.

    Needs no key: whoever has the blob's record can check what a store holds.
    """
    layout = Layout(blob.code, blob.length)
    leaves = read_leaves(blob, index, store, naming)
    path, wrong = naming.path(blob.id, index), []
    for first in range(0, layout.segments, _WINDOW):
        stop = min(first + _WINDOW, layout.segments)
        data = memoryview(store.read(path, *layout.pieces(first, stop)))
        for segment in range(first, stop):
            at = (segment - first) * layout.piece
            if leaf(data[at : at + layout.piece_of(segment)]) != leaves[segment * LEAF : (segment + 1) * LEAF]:
                wrong.append(segment)
    if wrong:
        where = ", ".join(map(str, wrong[:5])) + (", ..." if len(wrong) > 5 else "")
        raise DamageError(
            f"{_what(blob, index, store)}: {len(wrong)} of {layout.segments} pieces changed ({where}); rebuild it"
        )


def _what(blob: Blob, index: int, store: Store) -> str:
    return f"fragment {index} of blob {blob.id.hex()} on {store.name}"
