"""Merkle trees over the columns of a code word, with BLAKE3 keyed by the tags LEAF and NODE.

A leaf is blake3(salt || column, key=LEAF): the 16-byte salt hides columns that are never opened, however little their
entropy. A node is blake3(left || right, key=NODE). The number of leaves is a public power of two, so no leaf passes for
a node even without the tags. Several leaves are opened together: only digests that cannot be derived are sent, level by
level from the leaves up, left to right within a level.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from blake3 import blake3

from bailee import tags
from bailee.algebra.field import Words
from bailee.errors import ProofError, ProofFormatError

DIGEST = 32
SALT = 16


def leaf_digest(salt: bytes, column: bytes) -> bytes:
    """The digest of one column: its entries as little-endian 64-bit words, behind a salt of 16 bytes."""
    if len(salt) != SALT:
        raise ValueError(f"a leaf salt has {SALT} bytes, got {len(salt)}")
    return blake3(salt + column, key=tags.LEAF).digest()


def leaf_digests(salts: bytes, columns: Words) -> bytes:
    """The digests of (n, R) columns, one row of the array each, with n salts of 16 bytes, concatenated."""
    count = len(columns)
    if len(salts) != SALT * count:
        raise ValueError(f"{count} columns need {SALT * count} bytes of salt, got {len(salts)}")
    key, words = tags.LEAF, columns.astype("<u8", copy=False)
    return b"".join(
        blake3(salts[SALT * i : SALT * i + SALT] + words[i].tobytes(), key=key).digest() for i in range(count)
    )


def node_digests(level: bytes) -> bytes:
    """The digests of each two neighbours of a level, concatenated."""
    key, pair = tags.NODE, 2 * DIGEST
    return b"".join([blake3(level[i : i + pair], key=key).digest() for i in range(0, len(level), pair)])


class MerkleTree:
    """All levels of a tree; `leaves` is a list of 32-byte digests or their concatenation, a power of two of them."""

    def __init__(self, leaves: Sequence[bytes] | bytes, above: Callable[[bytes], bytes] | None = None) -> None:
        """`above` makes a level from the one below it, as `node_digests` does, which is the default."""
        level = leaves if isinstance(leaves, bytes) else b"".join(leaves)
        count, rest = divmod(len(level), DIGEST)
        if rest or count < 1 or count & (count - 1):
            raise ValueError(f"a tree needs a power of two of {DIGEST}-byte leaves, got {len(level)} bytes")
        self.size = count
        self._levels = [level]
        parents = above or node_digests
        while len(level) > DIGEST:
            level = parents(level)
            self._levels.append(level)

    @property
    def root(self) -> bytes:
        return self._levels[-1]

    def open(self, indices: Sequence[int]) -> tuple[bytes, ...]:
        """The siblings that, with the leaves at these sorted distinct indices, determine the root."""
        known = _sorted_distinct(indices, self.size)
        siblings = []
        for level in self._levels[:-1]:
            present = set(known)
            siblings += [level[DIGEST * (i ^ 1) : DIGEST * (i ^ 1) + DIGEST] for i in known if i ^ 1 not in present]
            known = sorted({i >> 1 for i in known})
        return tuple(siblings)


def verify_paths(
    root: bytes, n: int, indices: Sequence[int], leaf_digests: Sequence[bytes], siblings: Sequence[bytes]
) -> None:
    """Raise unless these leaves lie at these sorted distinct indices of the tree of n leaves with this root.

    ProofFormatError: counts, order or lengths that fit no tree. ProofError: another root. The number of siblings must
    be exact, so an opening has one encoding only.
    """
    if n < 1 or n & (n - 1):
        raise ProofFormatError(f"expected a tree of a power of two of leaves, got {n}")
    try:
        order = _sorted_distinct(indices, n)
    except ValueError as error:
        raise ProofFormatError(str(error)) from None
    if len(leaf_digests) != len(order):
        raise ProofFormatError(f"expected {len(order)} opened leaves, got {len(leaf_digests)}")
    if any(len(digest) != DIGEST for digest in (*leaf_digests, *siblings)):
        raise ProofFormatError(f"every digest of an opening has {DIGEST} bytes")
    nodes = dict(zip(order, leaf_digests, strict=True))
    rest = iter(siblings)
    used = 0
    for _ in range(n.bit_length() - 1):
        above: dict[int, bytes] = {}
        for index, digest in nodes.items():  # in increasing order, as inserted
            if index >> 1 in above:
                continue
            sibling = nodes.get(index ^ 1)
            if sibling is None:
                sibling = next(rest, None)
                used += 1
                if sibling is None:
                    raise ProofFormatError(f"an opening of {len(order)} leaves needs more than {len(siblings)} digests")
            pair = sibling + digest if index & 1 else digest + sibling
            above[index >> 1] = blake3(pair, key=tags.NODE).digest()
        nodes = above
    if used != len(siblings):
        raise ProofFormatError(f"an opening of these leaves has {used} sibling digests, got {len(siblings)}")
    if nodes[0] != root:
        raise ProofError("the opened columns do not belong to the commitment: their paths lead to another root")


def _sorted_distinct(indices: Sequence[int], n: int) -> list[int]:
    """The indices as a list, if they are increasing, in [0, n) and at least one; ValueError otherwise."""
    order = [int(index) for index in indices]
    if not order or order[0] < 0 or order[-1] >= n or any(a >= b for a, b in pairwise(order)):
        raise ValueError(f"leaf indices must be increasing and within [0, {n}), at least one of them")
    return order
