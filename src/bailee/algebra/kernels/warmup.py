"""Compile every kernel, or load what an earlier run compiled, before time matters."""

from collections.abc import Callable

import numpy as np

from bailee.algebra.field import ONE
from bailee.algebra.kernels import counting, hashing, layers, matrices, rounds, transforms, tuples, vectors


def _ignore(_: str) -> None:
    pass


def warm(progress: Callable[[str], None] = _ignore) -> None:
    """Run each kernel once on tiny inputs; `progress` gets a line before each group. Slow the first time only."""
    flat, table = np.ones(4, dtype=np.uint64), np.ones((4, 2), dtype=np.uint64)
    square, weights = np.ones((4, 4), dtype=np.uint64), np.ones((2, 2), dtype=np.uint64)

    wide = np.ones((2, hashing.LANES), dtype=np.uint64)

    progress("entrywise arithmetic")
    vectors.add(flat, flat)
    vectors.sub(flat, flat)
    vectors.mul(flat, flat)
    vectors.scale(flat, 3)
    vectors.add_scaled(flat.copy(), flat, 3)
    vectors.from_signed(vectors.to_signed(flat))
    progress("tables, dot products and folds")
    vectors.eq_table([ONE])
    vectors.eq_table_add(table[:2], [ONE], ONE)
    vectors.dot_ext(table, table)
    vectors.dot_base(flat, table)
    vectors.fold_base(flat, 2, ONE)
    vectors.fold(table.copy(), ONE)
    vectors.denominators(table, 0, flat, ONE)
    vectors.denominators(table, 0, flat, ONE, weights)
    tuples.leaves(table, tuples.columns([(ONE, flat, 0, 3)])[0], 0)
    progress("matrices")
    matrices.combine_rows(square, table)
    matrices.apply_columns(square, table)
    matrices.transpose(square)
    progress("rows of tables")
    rows = np.zeros(4, dtype=np.int64)
    counting.agree(rows, flat, flat)
    counting.histogram(rows, 4)
    counting.locate_steps(flat, flat, rows, flat, flat, flat)
    counting.locate_sorted(flat, flat)
    counting.spread(flat, [(0, 0, 1)], 0, 4)
    progress("sumcheck rounds")
    rounds.product_round(table, table, weights)
    rounds.product_round_base(flat, flat, weights)
    rounds.product_round_mixed(flat, table, weights)
    rounds.fraction_combine(table, table)
    rounds.fraction_combine_ones(table, 2)
    progress("folds with rounds")
    one = weights[:1]
    layers.product_start(table, table, weights, one)
    layers.product_next(table.copy(), table.copy(), ONE, one, one)
    a, b, c, d = (table.copy() for _ in range(4))
    layers.fraction_start(a, b, c, d, ONE, weights, one)
    layers.fraction_next(a, b, c, d, ONE, one, one)
    a, b, c, d = (np.ones((16, 2), dtype=np.uint64) for _ in range(4))
    layers.product_start(a[:8], b[:8], one, table)
    layers.product_next(a, b, ONE, one, table)
    layers.fraction_start(a[:8], b[:8], c[:8], d[:8], ONE, one, table)
    layers.fraction_next(a, b, c, d, ONE, one, table)
    progress("transforms")
    transforms.interpolate_rows(square)
    transforms.coset_rows(square, square, 0, 16)
    transforms.coset_columns(square, square, 0, 16, np.zeros(1, dtype=np.int64))
    progress("hashes")
    hashing.column_digests(bytes(32), wide, wide)
    hashing.pair_digests(bytes(32), bytes(64))
