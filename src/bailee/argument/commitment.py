"""Committing: the matrix, its code, its tree, the columns revealed later (docs/protocol.md, section 3). Prover only.

Memory: the vector, its coefficients, and two cosets of the code (one is hashed while the next is encoded): about four
words for each committed value while committing, two afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from bailee import tags
from bailee.algebra import kernels
from bailee.algebra.merkle import MerkleTree
from bailee.argument.commitment_record import Commitment, layout
from bailee.argument.parameters import CodeParameters, code_parameters
from bailee.argument.randomness import Expansion

Words = NDArray[np.uint64]

_SALT_WORDS = 2
_ENCODED_AT_ONCE = 1 << 21


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
        self._coefficients = self._interpolate()
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
        coefficients = self._coefficients
        found = np.empty((len(indices), code.height), dtype=np.uint64)
        step = max(1, _ENCODED_AT_ONCE // code.width)
        for coset in range(code.length // code.width):
            wanted = np.flatnonzero(indices // code.width == coset)
            for row in range(0, code.height if wanted.size else 0, step):
                part = slice(row, min(row + step, code.height))
                values = kernels.coset_rows(coefficients[part], self.tails[part], coset, code.length)
                found[wanted, part] = values[:, indices[wanted] % code.width].T
        salts = np.ascontiguousarray(self._salts[indices], dtype="<u8").tobytes()
        return found, salts, self.tree.open([int(i) for i in indices])

    def _interpolate(self) -> Words:
        """The coefficients of all rows, kept for the columns that are opened later."""
        code = self.code
        coefficients = np.empty((code.height, code.width), dtype=np.uint64)
        coefficients[: code.rows] = kernels.interpolate_rows(self.matrix)
        coefficients[code.rows :] = kernels.interpolate_rows(self.masks)
        return coefficients

    def _commit(self) -> MerkleTree:
        code = self.code
        coefficients = self._coefficients
        cosets = code.length // code.width

        def encoded(coset: int) -> Words:
            """One coset by columns, each behind its salt: (width, 2 + height)."""
            block = np.empty((code.width, _SALT_WORDS + code.height), dtype=np.uint64)
            block[:, :_SALT_WORDS] = self._salts[coset * code.width : (coset + 1) * code.width]
            step = max(1, _ENCODED_AT_ONCE // code.width)
            for row in range(0, code.height, step):
                part = slice(row, min(row + step, code.height))
                values = kernels.coset_rows(coefficients[part], self.tails[part], coset, code.length)
                kernels.transpose(values, block, _SALT_WORDS + part.start)
            return block

        leaves: list[bytes] = []
        # one coset is encoded while the one before is hashed: the kernels release the interpreter lock
        with ThreadPoolExecutor(1) as ahead:
            following = ahead.submit(encoded, 0)
            for coset in range(cosets):
                block = following.result()
                if coset + 1 < cosets:
                    following = ahead.submit(encoded, coset + 1)
                leaves.extend(_hash_rows(block))
        return MerkleTree(leaves)


def _hash_rows(block: Words) -> list[bytes]:
    stride = block.shape[1] * 8
    view = memoryview(np.ascontiguousarray(block, dtype="<u8").data).cast("B")
    key = tags.LEAF
    return [blake3(view[start : start + stride], key=key).digest() for start in range(0, len(view), stride)]
