"""Digests in lanes equal BLAKE3's own, for every length around a block and a chunk and for trees of chunks."""

import numpy as np
import pytest
from blake3 import blake3

from bailee import tags
from bailee.algebra import kernels
from bailee.algebra.kernels.hashing import LANES
from bailee.algebra.merkle import MerkleTree, leaf_digests, node_digests
from strategies import mixture

KEY = bytes(range(32))


@pytest.mark.parametrize("rows", [1, 5, 6, 7, 14, 125, 126, 127, 253, 254, 255, 383, 511, 639, 900, 1150])
def test_columns_under_their_salts(rows):
    heads, values = mixture(1, (2, 5 * LANES), 0.2), mixture(2, (rows, 5 * LANES), 0.2)
    salts, columns = heads.T.astype("<u8").tobytes(), np.ascontiguousarray(values.T)
    assert kernels.column_digests(tags.LEAF, heads, values) == leaf_digests(salts, columns)


@pytest.mark.parametrize("heads", [0, 3, 8])
def test_columns_behind_other_heads(heads):
    above, values = mixture(3, (heads, 1024), 0.2), mixture(4, (130, 1024), 0.2)
    whole = np.concatenate((above, values)).T
    expected = b"".join(blake3(column.astype("<u8").tobytes(), key=KEY).digest() for column in whole)
    assert kernels.column_digests(KEY, above, values) == expected


@pytest.mark.parametrize("bits", [0, 1, 2, 6, 12])
def test_trees(bits):
    leaves = np.random.default_rng(bits).bytes(32 << bits)
    tree = MerkleTree(leaves, lambda level: kernels.pair_digests(tags.NODE, level))
    assert tree.root == MerkleTree(leaves).root
    if bits:
        assert kernels.pair_digests(tags.NODE, leaves) == node_digests(leaves)


def test_columns_that_fill_no_group_of_lanes():
    with pytest.raises(ValueError, match="groups of"):
        kernels.column_digests(KEY, mixture(5, (2, 9), 0.2), mixture(6, (4, 9), 0.2))
