"""Records as single numbers: public random combinations of their columns, fixed by what is committed already.

`rules` and `shuffle` compare records by them. How much a comparison proves is said there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from bailee.algebra.field import P
from bailee.argument.nodes import Axis, Node
from bailee.argument.tape import Tape
from bailee.errors import StatementError
from bailee.statements.dataset import TENSOR, dataset_axes

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector

Words = NDArray[np.uint64]

_OCTETS = 16


def drawn(tag: bytes, roots: Sequence[bytes], counter: int, count: int) -> list[int]:
    """`count` elements of F from the roots of commitments and a counter.

    BLAKE3 under `tag` of u32le number of roots | roots | u32le counter; each element is 16 bytes of its extendable
    output, little-endian, mod p: within 2^-64 of uniform.
    """
    head = len(roots).to_bytes(4, "little") + b"".join(roots) + counter.to_bytes(4, "little")
    stream = blake3(head, key=tag).digest(length=_OCTETS * count)
    return [int.from_bytes(stream[k : k + _OCTETS], "little") % P for k in range(0, len(stream), _OCTETS)]


def padded_rows(vector: CommittedVector, rows: int, columns: int) -> Words:
    """A dataset's committed tensor, or StatementError where it has not this shape."""
    bits = dict(vector.shape).get(TENSOR)
    needed = sum(axis.bits for axis in dataset_axes(rows, columns))
    if bits != needed:
        raise StatementError(f"{rows} rows of {columns} columns are 2^{needed} padded values, the dataset has 2^{bits}")
    return vector.tensor(TENSOR)


def combine(tape: Tape, x: Node, row: Axis, column: Axis, weights: Sequence[int]) -> Node:
    """sum_j weights[j] x[row, j], over the first len(weights) columns."""
    whole = np.zeros(column.size, dtype=np.uint64)
    whole[: len(weights)] = weights
    return tape.contract(
        (row,), x, tape.public((column,), whole), over=(column,), compute=lambda: _product(tape.values(x), whole)
    )


def _product(flat: Words, weights: Words) -> Words:
    from bailee.algebra import kernels

    ext = np.stack([weights, np.zeros_like(weights)], axis=-1)
    return np.ascontiguousarray(kernels.apply_columns(flat.reshape(-1, len(weights)), ext)[:, 0])
