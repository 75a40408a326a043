"""A commitment made again from its values and its seed, in plain Python: for what is revealed or public anyway.

The same as `bailee.argument.commitment` makes with kernels (docs/protocol.md, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import transform
from bailee.algebra.merkle import MerkleTree, leaf_digests
from bailee.argument.commitment_record import Commitment, layout
from bailee.argument.parameters import code_parameters
from bailee.argument.randomness import Expansion

Words = NDArray[np.uint64]


def recommit(tensors: Mapping[str, Words], openings: int, seed: bytes) -> Commitment:
    """The commitment to flat tensors (sizes powers of two, in F) under a seed of 32 bytes."""
    shape = tuple((name, values.size.bit_length() - 1) for name, values in tensors.items())
    code = code_parameters(sum(values.size for values in tensors.values()), openings)
    vector = np.zeros(code.rows * code.width, dtype=np.uint64)
    for name, start in layout(shape).items():
        vector[start : start + tensors[name].size] = tensors[name]
    secret = Expansion(seed)
    tails = secret.words("tails", code.height, code.tail)
    masks = secret.words("masks", 2 * code.openings, code.width)
    salts = secret.octets("salts", 16 * code.length)
    coefficients = transform.interpolate(np.concatenate([vector.reshape(code.rows, code.width), masks]))
    leaves: list[bytes] = []
    for coset in range(code.length // code.width):
        columns = np.ascontiguousarray(transform.encode_coset(coefficients, tails, coset, code.length).T)
        first = 16 * coset * code.width
        leaves.append(leaf_digests(salts[first : first + 16 * code.width], columns))
    return Commitment(MerkleTree(b"".join(leaves)).root, shape, openings)
