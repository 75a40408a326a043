"""Hypothesis strategies shared by all tests: values of the field, with its edges far more often than chance would."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import NDArray

from bailee.algebra.field import P

# Where carries, borrows and the final subtraction of a reduction change sides.
EDGES = [
    0,
    1,
    2,
    7,
    2**32 - 2,
    2**32 - 1,
    2**32,
    2**32 + 1,
    2**48,
    2**63 - 1,
    2**63,
    P // 2,
    P // 2 + 1,
    P - 2**32,
    P - 2**32 + 1,
    P - 2,
    P - 1,
]

elements: SearchStrategy[int] = st.sampled_from(EDGES) | st.integers(0, P - 1)
ext_elements: SearchStrategy[tuple[int, int]] = st.tuples(elements, elements)
nonzero_ext: SearchStrategy[tuple[int, int]] = ext_elements.filter(lambda a: a != (0, 0))


def mixture(seed: int, shape: tuple[int, ...], edges: float) -> NDArray[np.uint64]:
    """Canonical words: uniform ones, a share `edges` of them replaced by edges."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, P, shape, dtype=np.uint64)
    chosen = rng.choice(np.array(EDGES, dtype=np.uint64), shape)
    return np.where(rng.random(shape) < edges, chosen, values)


@st.composite
def words(draw: DrawFn, *shape: int | SearchStrategy[int]) -> NDArray[np.uint64]:
    """An array of field words; a side may be a strategy. Some arrays are uniform, some all p - 1 or all edges."""
    sides = tuple(side if isinstance(side, int) else draw(side) for side in shape)
    seed, share = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0.0, 0.3, 1.0, 2.0]))
    if share == 2.0:
        return np.full(sides, P - 1, dtype=np.uint64)
    return mixture(seed, sides, share)


def same(a: Any, b: Any) -> None:
    """Equal words, of equal shape and type, all canonical."""
    assert a.dtype == b.dtype == np.uint64
    assert a.shape == b.shape
    assert np.array_equal(a, b)
    assert a.size == 0 or int(a.max()) < P
