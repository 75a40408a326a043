import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee import tags
from bailee.algebra import merkle
from bailee.algebra.merkle import MerkleTree, verify_paths
from bailee.errors import ProofError, ProofFormatError


def leaves(n):
    return [blake3(i.to_bytes(4, "little")).digest() for i in range(n)]


def node(left, right):
    return blake3(left + right, key=tags.NODE).digest()


def test_the_root_of_four_leaves_by_hand():
    a, b, c, d = leaves(4)
    root = node(node(a, b), node(c, d))
    assert MerkleTree([a, b, c, d]).root == root
    assert MerkleTree(a + b + c + d).root == root
    assert MerkleTree([a]).root == a
    # Level by level from the leaves, left to right: b beside a, then the pair of c and d.
    assert MerkleTree([a, b, c, d]).open([0]) == (b, node(c, d))
    assert MerkleTree([a, b, c, d]).open([0, 3]) == (b, c)
    assert MerkleTree([a, b, c, d]).open([2, 3]) == (node(a, b),)


def test_leaf_digests_hash_salt_then_little_endian_words():
    columns = np.array([[1, 2], [3, 2**63]], dtype=np.uint64)
    salts = bytes(range(32))
    expected = b"".join(
        blake3(
            salts[16 * i : 16 * i + 16] + b"".join(int(v).to_bytes(8, "little") for v in row), key=tags.LEAF
        ).digest()
        for i, row in enumerate(columns)
    )
    assert merkle.leaf_digests(salts, columns) == expected
    assert merkle.leaf_digest(salts[:16], columns[0].tobytes()) == expected[:32]
    with pytest.raises(ValueError, match="16 bytes"):
        merkle.leaf_digest(b"short", b"")
    with pytest.raises(ValueError, match="bytes of salt"):
        merkle.leaf_digests(salts[:-1], columns)


def opening(bits, indices):
    digests = leaves(1 << bits)
    tree = MerkleTree(digests)
    return tree.root, 1 << bits, indices, [digests[i] for i in indices], list(tree.open(indices))


@settings(max_examples=60)
@given(st.integers(0, 6), st.data())
def test_openings_verify(bits, data):
    indices = sorted(data.draw(st.sets(st.integers(0, (1 << bits) - 1), min_size=1)))
    verify_paths(*opening(bits, indices))


def flip(digest):
    return bytes([digest[0] ^ 1]) + digest[1:]


@pytest.mark.parametrize("indices", [[0], [5], [2, 3], [0, 7, 9, 15]])
def test_every_changed_digest_is_refused(indices):
    root, n, indices, opened, siblings = opening(4, indices)
    with pytest.raises(ProofError, match="another root"):
        verify_paths(flip(root), n, indices, opened, siblings)
    for i in range(len(opened)):
        with pytest.raises(ProofError, match="another root"):
            verify_paths(root, n, indices, [*opened[:i], flip(opened[i]), *opened[i + 1 :]], siblings)
    for i in range(len(siblings)):
        with pytest.raises(ProofError, match="another root"):
            verify_paths(root, n, indices, opened, [*siblings[:i], flip(siblings[i]), *siblings[i + 1 :]])


def test_a_leaf_moved_to_another_index_is_refused():
    root, n, _, opened, siblings = opening(4, [4])
    with pytest.raises(ProofError, match="another root"):
        verify_paths(root, n, [5], opened, siblings)


def test_the_number_of_siblings_is_exact():
    root, n, indices, opened, siblings = opening(4, [1, 6])
    with pytest.raises(ProofFormatError, match="sibling digests"):
        verify_paths(root, n, indices, opened, [*siblings, siblings[0]])
    with pytest.raises(ProofFormatError, match="needs more than"):
        verify_paths(root, n, indices, opened, siblings[:-1])


@pytest.mark.parametrize("indices", [[], [3, 1], [1, 1], [-1], [16], [2**70]])
def test_indices_that_fit_no_tree(indices):
    root, n, _, opened, siblings = opening(4, [1])
    with pytest.raises(ProofFormatError, match="increasing"):
        verify_paths(root, n, indices, opened * len(indices), siblings)
    with pytest.raises(ValueError, match="increasing"):
        MerkleTree(leaves(16)).open(indices)


def test_counts_and_lengths_that_fit_no_tree():
    root, n, indices, opened, siblings = opening(4, [1])
    with pytest.raises(ProofFormatError, match="opened leaves"):
        verify_paths(root, n, indices, [], siblings)
    with pytest.raises(ProofFormatError, match="32 bytes"):
        verify_paths(root, n, indices, [opened[0] + b"x"], siblings)
    with pytest.raises(ProofFormatError, match="power of two"):
        verify_paths(root, 12, indices, opened, siblings)
    for bad in (leaves(3), b"", b"x" * 33):
        with pytest.raises(ValueError, match="power of two"):
            MerkleTree(bad)
