"""Committing: the matrix, its code, its tree, the columns revealed later (docs/protocol.md, section 3). Prover only.

Memory: the vector, its coefficients and, while committing, one coset of the code: two words for each committed value,
and then three. The columns opened later are computed again, which costs about as much as the fresh memory to keep them
would. What is committed is copied into the vector tensor by tensor, and whoever gave it is told after each, to let go
of its own copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bailee import tags
from bailee.algebra import kernels
from bailee.algebra.merkle import MerkleTree
from bailee.argument import memory
from bailee.argument.commitment_record import Commitment, layout
from bailee.argument.parameters import CodeParameters, code_parameters
from bailee.argument.randomness import Expansion

Words = NDArray[np.uint64]

_SALT_WORDS = 2


class CommittedVector:
    """A committed vector with everything needed to open it. `tensors` are flat, canonical, of power-of-two sizes."""

    @memory.kept()
    def __init__(
        self,
        tensors: Mapping[str, Words],
        openings: int,
        seed: bytes,
        moved: Callable[[str, Words], None] | None = None,
    ) -> None:
        """`moved` is told each tensor's name and its view in the vector, once it is there."""
        self.shape = tuple((name, values.size.bit_length() - 1) for name, values in tensors.items())
        self.code: CodeParameters = code_parameters(sum(values.size for values in tensors.values()), openings)
        code = self.code
        self._offsets = layout(self.shape)
        whole = code.rows * code.width
        if len(tensors) == 1 and next(iter(tensors.values())).size == whole:
            self.vector = next(iter(tensors.values()))
        else:
            self.vector = np.zeros(whole, dtype=np.uint64)
            for name in tuple(tensors):
                view = self.tensor(name)
                view[:] = tensors[name]
                if moved:
                    moved(name, view)
        self._expansion = Expansion(seed)
        self.tails = self._expansion.words("tails", code.height, code.tail)
        self.masks = self._expansion.words("masks", 2 * code.openings, code.width)
        self._salts = np.frombuffer(self._expansion.octets("salts", 16 * code.length), dtype="<u8").astype(np.uint64)
        self._salts = self._salts.reshape(code.length, _SALT_WORDS)
        self._coefficients = np.empty((code.height, code.width), dtype=np.uint64)
        self.tree = self._commit()
        self.record = Commitment(self.tree.root, self.shape, openings)

    def __repr__(self) -> str:
        return f"CommittedVector({self.record.root.hex()[:16]}, secret)"

    def tensor(self, name: str) -> Words:
        """A view of one tensor in the committed vector."""
        start = self._offsets[name]
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
            if wanted.size:
                found[wanted] = kernels.coset_columns(self._coefficients, self.tails, coset, code.length, places).T
        salts = np.ascontiguousarray(self._salts[indices], dtype="<u8").tobytes()
        return found, salts, self.tree.open([int(i) for i in indices])

    def _commit(self) -> MerkleTree:
        """Encode coset after coset, each in the place of the one before, and hash its columns."""
        code = self.code
        kernels.interpolate_rows(self.matrix, self._coefficients[: code.rows])
        kernels.interpolate_rows(self.masks, self._coefficients[code.rows :])
        salts = np.ascontiguousarray(self._salts.T)
        leaves: list[bytes] = []
        block: Words | None = None
        for coset in range(code.length // code.width):
            block = kernels.coset_rows(self._coefficients, self.tails, coset, code.length, block)
            here = slice(coset * code.width, (coset + 1) * code.width)
            leaves.append(kernels.column_digests(tags.LEAF, salts[:, here], block))
        return MerkleTree(b"".join(leaves), partial(kernels.pair_digests, tags.NODE))
