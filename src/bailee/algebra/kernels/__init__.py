"""Compiled kernels over F and E: arrays in, arrays out, bit-exact with `algebra.field`, `.transform` and `.reference`.

    words       single elements, as LLVM code           parallel    threads over ranges
    vectors     entrywise, eq tables, dots, folds       rounds      sumcheck rounds, fractional sums
    matrices    rows, columns, transposes           transforms  interpolation and the code
    hashing     digests of many columns             layers      a fold and the next round in one pass
    counting    rows of tables, found and counted   tuples      denominators of look-ups
    warmup      compiles or loads everything once

Only provers and the fast verifier import this package; the plain verifier must not need Numba.
"""

from bailee.algebra.kernels.counting import agree, count_into, histogram, locate_sorted, locate_steps, spread
from bailee.algebra.kernels.hashing import column_digests, pair_digests
from bailee.algebra.kernels.layers import fraction_next, fraction_start, product_next, product_start
from bailee.algebra.kernels.matrices import apply_all, apply_columns, combine_rows, transpose
from bailee.algebra.kernels.rounds import (
    fraction_combine,
    fraction_combine_ones,
    product_round,
    product_round_base,
    product_round_mixed,
)
from bailee.algebra.kernels.transforms import coset_columns, coset_rows, interpolate_rows
from bailee.algebra.kernels.tuples import Columns, columns, leaves
from bailee.algebra.kernels.vectors import (
    add,
    add_scaled,
    denominators,
    dot_base,
    dot_ext,
    eq_table,
    eq_table_add,
    fill,
    fold,
    fold_base,
    from_signed,
    halve_eq,
    lift,
    mul,
    scale,
    sub,
    to_signed,
)
from bailee.algebra.kernels.warmup import warm

__all__ = [
    "Columns",
    "add",
    "add_scaled",
    "agree",
    "apply_all",
    "apply_columns",
    "column_digests",
    "columns",
    "combine_rows",
    "coset_columns",
    "coset_rows",
    "count_into",
    "denominators",
    "dot_base",
    "dot_ext",
    "eq_table",
    "eq_table_add",
    "fill",
    "fold",
    "fold_base",
    "fraction_combine",
    "fraction_combine_ones",
    "fraction_next",
    "fraction_start",
    "from_signed",
    "halve_eq",
    "histogram",
    "interpolate_rows",
    "leaves",
    "lift",
    "locate_sorted",
    "locate_steps",
    "mul",
    "pair_digests",
    "product_next",
    "product_round",
    "product_round_base",
    "product_round_mixed",
    "product_start",
    "scale",
    "spread",
    "sub",
    "to_signed",
    "transpose",
    "warm",
]
