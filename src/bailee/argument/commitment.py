"""Committing: the matrix, its code, its tree, the columns revealed later (docs/protocol.md, section 3). Prover only.

Memory: the vector and the two cosets of a large commitment's code, three words for each committed value; or, where the
code is longer, the vector, its coefficients and (while committing) one coset.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bailee import tags
from bailee.algebra import kernels
from bailee.algebra.merkle import MerkleTree
from bailee.argument.commitment_record import Commitment, layout
from bailee.argument.parameters import CodeParameters, code_parameters
from bailee.argument.randomness import Expansion

Words = NDArray[np.uint64]

_SALT_WORDS = 2
_KEPT_COSETS = 2
"""A code of at most so many cosets is kept for the columns opened later; of a longer one, its coefficients are."""


class CommittedVector:
    """A committed vector with everything needed to open it. `tensors` are flat, canonical, of power-of-two sizes."""

    def __init__(self, tensors: Mapping[str, Words], openings: int, seed: bytes) -> None:
        self.shape = tuple((name, values.size.bit_length() - 1) for name, values in tensors.items())
        self.code: CodeParameters = code_parameters(sum(values.size for values in tensors.values()), openings)
        code = self.code
        offsets = layout(self.shape)
        whole = code.rows * code.width
        if len(tensors) == 1 and next(iter(tensors.values())).size == whole:
            self.vector = next(iter(tensors.values()))
        else:
            self.vector = np.zeros(whole, dtype=np.uint64)
            for name, values in tensors.items():
                self.vector[offsets[name] : offsets[name] + values.size] = values
        self._expansion = Expansion(seed)
        self.tails = self._expansion.words("tails", code.height, code.tail)
        self.masks = self._expansion.words("masks", 2 * code.openings, code.width)
        self._salts = np.frombuffer(self._expansion.octets("salts", 16 * code.length), dtype="<u8").astype(np.uint64)
        self._salts = self._salts.reshape(code.length, _SALT_WORDS)
        self._code: list[Words] = []
        self._coefficients = np.empty((0, 0), dtype=np.uint64)
        self.tree = self._commit()
        self.record = Commitment(self.tree.root, self.shape, openings)

    def __repr__(self) -> str:
        return f"CommittedVector({self.record.root.hex()[:16]}, secret)"

    def tensor(self, name: str) -> Words:
        """A view of one tensor in the committed vector."""
        start = layout(self.shape)[name]
        return self.vector[start : start + (1 << dict(self.shape)[name])]

    @property
    def matrix(self) -> Words:
        return self.vector.reshape(self.code.rows, self.code.width)

    def columns(self, indices: NDArray[np.int64]) -> tuple[Words, bytes, tuple[bytes, ...]]:
        """The opened columns (t, height), their salts, and the Merkle siblings."""
        code = self.code
        found = np.empty((len(indices), code.height), dtype=np.uint64)
        for coset in range(code.length // code.width):
            wanted = np.flatnonzero(indices // code.width == coset)
            places = indices[wanted] % code.width
            if self._code:
                found[wanted] = self._code[coset][:, places].T
            elif wanted.size:
                found[wanted] = kernels.coset_columns(self._coefficients, self.tails, coset, code.length, places).T
        salts = np.ascontiguousarray(self._salts[indices], dtype="<u8").tobytes()
        return found, salts, self.tree.open([int(i) for i in indices])

    def _commit(self) -> MerkleTree:
        """Encode coset after coset and hash its columns. A short code is kept; of a long one, the coefficients."""
        code = self.code
        coefficients = np.empty((code.height, code.width), dtype=np.uint64)
        kernels.interpolate_rows(self.matrix, coefficients[: code.rows])
        kernels.interpolate_rows(self.masks, coefficients[code.rows :])
        cosets = code.length // code.width
        keep = cosets <= _KEPT_COSETS
        salts = np.ascontiguousarray(self._salts.T)
        leaves: list[bytes] = []
        block: Words | None = None
        for coset in range(cosets):
            if keep:  # the last coset takes the place of the coefficients
                block = coefficients if coset + 1 == cosets else None
            block = kernels.coset_rows(coefficients, self.tails, coset, code.length, block)
            if keep:
                self._code.append(block)
            here = slice(coset * code.width, (coset + 1) * code.width)
            leaves.append(kernels.column_digests(tags.LEAF, salts[:, here], block))
        if not keep:
            self._coefficients = coefficients
        return MerkleTree(b"".join(leaves), partial(kernels.pair_digests, tags.NODE))
