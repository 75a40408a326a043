"""Every kernel equals its reference bit for bit: on edges, on sizes that threads share, on missing entries."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.algebra import field, kernels, reference, transform
from bailee.algebra.field import P
from bailee.algebra.kernels import parallel
from strategies import EDGES, ext_elements, mixture, same, words

PAIRS = np.array([(a, b) for a in EDGES for b in EDGES], dtype=np.uint64)
QUADS = np.concatenate([np.concatenate((PAIRS, np.roll(PAIRS, k, axis=0)), axis=1) for k in range(0, len(PAIRS), 3)])
THREADED = 2 * parallel.MINIMUM * parallel.WORKERS + 3
small = st.integers(1, 40)


@pytest.mark.parametrize("name", ["add", "sub", "mul"])
def test_entrywise_at_every_pair_of_edges(name):
    a, b = PAIRS[:, 0], PAIRS[:, 1]
    same(getattr(kernels, name)(a, b), getattr(field, name)(a, b))


def test_entrywise_on_several_threads():
    a, b = mixture(1, (THREADED,), 0.3), mixture(2, (THREADED,), 0.3)
    for name in ("add", "sub", "mul"):
        same(getattr(kernels, name)(a, b), getattr(field, name)(a, b))
    same(kernels.scale(a, P - 1), field.scale(a, P - 1))
    same(kernels.scale(a, -3), field.scale(a, -3))
    same(kernels.lift(a), reference.lift(a))


def test_extension_products_at_every_pair_of_pairs_of_edges():
    a, b = QUADS[:, :2], QUADS[:, 2:]
    _, bottom = kernels.fraction_combine_ones(np.concatenate((a, b)), len(a))
    same(bottom, field.ext_mul(a, b))


def test_inputs_that_are_strided_or_read_only():
    a = mixture(3, (40,), 0.3)
    a.flags.writeable = False
    same(kernels.mul(a[::2], a[1::2]), field.mul(a[::2], a[1::2]))
    with pytest.raises(ValueError, match="in place"):
        kernels.fold(a.reshape(20, 2), (1, 2))


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="one length"):
        kernels.add(PAIRS[:3, 0], PAIRS[:4, 0])


@settings(max_examples=25, deadline=None)
@given(st.lists(ext_elements, max_size=9), ext_elements, st.integers(0, 99))
def test_eq_tables(point, factor, seed):
    table = field.eq_table(point)
    same(kernels.eq_table(point), table)
    out = mixture(seed, table.shape, 0.3)
    expected = field.ext_add(out, field.ext_scale(table, factor))
    kernels.eq_table_add(out, point, factor)
    same(out, expected)
    if point:
        same(kernels.halve_eq(table), field.eq_table(point[1:]))
        same(kernels.halve_eq(out), reference.halve_eq(out))


def test_a_large_eq_table():
    point = [tuple(row) for row in mixture(4, (15, 2), 0.2).tolist()]
    same(kernels.eq_table(point), field.eq_table(point))


@pytest.mark.parametrize("n", [1, 5, THREADED])
@pytest.mark.parametrize("edges", [0.0, 1.0])
def test_dot_products(n, edges):
    a, b, c = mixture(5, (n, 2), edges), mixture(6, (n, 2), edges), mixture(7, (n,), edges)
    assert kernels.dot_ext(a, b) == field.dot_ext(a, b)
    assert kernels.dot_base(c, b) == field.dot_base(c, b)


def test_sums_of_largest_products_do_not_overflow():
    ones = np.full((1 << 16, 2), P - 1, dtype=np.uint64)
    assert kernels.dot_ext(ones, ones) == (8 << 16, 2 << 16)
    assert kernels.dot_base(ones[:, 0], ones) == (1 << 16, 1 << 16)


@settings(max_examples=25, deadline=None)
@given(st.data(), small, ext_elements)
def test_folds(data, h, r):
    n = data.draw(st.integers(0, 2 * h))
    a, f = data.draw(words(2 * h, 2)), data.draw(words(n))
    expected = reference.fold(a, r)
    got = kernels.fold(a, r)
    same(got, expected)
    assert np.shares_memory(got, a)
    same(kernels.fold_base(f, h, r), reference.fold_base(f, h, r))


def test_folds_on_several_threads():
    r, h = (P - 1, 12345), THREADED
    a, f = mixture(8, (2 * h, 2), 0.2), mixture(9, (2 * h - 7,), 0.2)
    expected = reference.fold(a, r)
    same(kernels.fold(a, r), expected)
    same(kernels.fold_base(f, h, r), reference.fold_base(f, h, r))


@pytest.mark.parametrize(
    ("rows", "width"), [(1, 1), (3, 5), (7, 300), (64, 129), (1000, 3), (33, 1025), (5000, 17), (130, 513)]
)
@pytest.mark.parametrize("edges", [0.2, 1.0])
def test_combinations_of_rows_and_columns(rows, width, edges):
    m = mixture(10, (rows, width), edges)
    w, v = mixture(11, (rows, 2), edges), mixture(12, (width, 2), edges)
    same(kernels.combine_rows(m, w), reference.combine_rows(m, w))
    same(kernels.apply_columns(m, v), reference.apply_columns(m, v))
    several = [mixture(20 + k, (width, 2), edges) for k in range(11)]
    small = m >> np.uint64(40)  # entries below 2^24 go another way
    for matrix in (m, small):
        found = kernels.apply_all(matrix, several)
        same(found, np.stack([reference.apply_columns(matrix, each) for each in several]))
    same(kernels.transpose(m), np.ascontiguousarray(m.T))
    wide = np.zeros((m.shape[1], m.shape[0] + 3), dtype=np.uint64)
    kernels.transpose(m, wide, 2)
    same(np.ascontiguousarray(wide[:, 2:-1]), np.ascontiguousarray(m.T))


def test_combinations_of_largest_words():
    m, w = np.full((400, 400), P - 1, dtype=np.uint64), np.full((400, 2), P - 1, dtype=np.uint64)
    expected = np.full((400, 2), 400, dtype=np.uint64)
    same(kernels.combine_rows(m, w), expected)
    same(kernels.apply_columns(m, w), expected)
    small = np.full((3, 600), (1 << 24) - 1, dtype=np.uint64)
    half = np.full((600, 2), (1 << 32) - 1, dtype=np.uint64)
    same(kernels.apply_columns(small, half), reference.apply_columns(small, half))


def test_signed_integers():
    words = np.concatenate([mixture(30, (4099,), 0.5), np.array([0, P // 2, P // 2 + 1, P - 1], dtype=np.uint64)])
    assert np.array_equal(kernels.to_signed(words), field.to_signed(words))
    same(kernels.from_signed(kernels.to_signed(words)), words)
    square = words[:4096].reshape(64, 64).T
    assert np.array_equal(kernels.to_signed(square), field.to_signed(square))


@settings(max_examples=30, deadline=None)
@given(st.data(), st.sampled_from([1, 2, 8, 12]), st.sampled_from([1, 2, 4, 16]), st.booleans())
def test_product_rounds(data, groups, inner, weighted):
    h = groups * inner
    w = data.draw(words(groups, 2)) if weighted else None
    length = st.integers(0, 2 * h)
    a, b, f, g = (data.draw(words(length, *tail)) for tail in ((2,), (2,), (), ()))
    assert kernels.product_round(a, b, w, h) == reference.product_round(a, b, w, h)
    assert kernels.product_round_base(f, g, w, h) == reference.product_round_base(f, g, w, h)
    assert kernels.product_round_mixed(f, b, w, h) == reference.product_round_mixed(f, b, w, h)


@pytest.mark.parametrize("inner", [1, 64])
def test_product_rounds_on_several_threads(inner):
    h = 1 << 15
    a, b, f, g = (mixture(20 + i, (2 * h, *tail), 0.2) for i, tail in enumerate(((2,), (2,), (), ())))
    w = mixture(24, (h // inner, 2), 0.2)
    assert kernels.product_round(a, b, w) == reference.product_round(a, b, w)
    assert kernels.product_round_base(f, g, w) == reference.product_round_base(f, g, w)
    assert kernels.product_round_mixed(f[: h + 5], b, w) == reference.product_round_mixed(f[: h + 5], b, w)


def test_a_round_is_the_polynomial_it_stands_for():
    """t0 and tinf, with the value at 1 from the claimed sum, give the folded sum at any point."""
    a, b, w, r = mixture(30, (16, 2), 0.2), mixture(31, (16, 2), 0.2), mixture(32, (8, 2), 0.2), (5, P - 2)
    zero, leading = kernels.product_round(a, b, w)
    at_one = reference._sum(field.ext_mul(a[8:], b[8:]), w)
    slope = field.e_sub(field.e_sub(at_one, zero), leading)
    expected = field.e_add(zero, field.e_mul(r, field.e_add(slope, field.e_mul(r, leading))))
    assert field.dot_ext(field.ext_mul(kernels.fold(a, r), kernels.fold(b, r)), w) == expected


@settings(max_examples=30, deadline=None)
@given(st.data(), small)
def test_fraction_layers(data, m):
    p, q = data.draw(words(2 * m, 2)), data.draw(words(2 * m, 2))
    for got, expected in zip(kernels.fraction_combine(p, q), reference.fraction_combine(p, q), strict=True):
        same(got, expected)
    q = q[: data.draw(st.integers(0, 2 * m))]
    for got, expected in zip(kernels.fraction_combine_ones(q, m), reference.fraction_combine_ones(q, m), strict=True):
        same(got, expected)


def test_fractions_on_several_threads():
    p0, q0 = (mixture(40 + i, (2 * THREADED, 2), 0.2) for i in range(2))
    for got, expected in zip(kernels.fraction_combine(p0, q0), reference.fraction_combine(p0, q0), strict=True):
        same(got, expected)


@settings(max_examples=20, deadline=None)
@given(words(30, 2), words(st.integers(0, 20)), st.integers(0, 10), ext_elements)
def test_denominators_and_fill(out, column, offset, coefficient):
    expected = reference.denominators(out, offset, column, coefficient)
    kernels.denominators(out, offset, column, coefficient)
    same(out, expected)
    blank = np.zeros_like(out)
    blank[offset : offset + len(column)] = np.array(coefficient, dtype=np.uint64)
    started = np.zeros_like(out)
    kernels.denominators(started, offset, column, coefficient, np.array([coefficient], dtype=np.uint64))
    np.testing.assert_array_equal(started, reference.denominators(blank, offset, column, coefficient))
    kernels.fill(out, 3, 9, coefficient)
    assert all(tuple(row) == coefficient for row in out[3:9].tolist())
    same(out[9:], expected[9:])
    same(out[:3], expected[:3])


def test_denominators_from_a_pattern():
    first, column, out = mixture(45, (8, 2), 0.2), mixture(46, (THREADED,), 0.2), np.zeros((THREADED, 2), np.uint64)
    kernels.denominators(out, 0, column, (P - 1, 3), first)
    same(out, reference.denominators(np.resize(first, out.shape), 0, column, (P - 1, 3)))


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("wrap", [0, 1, 2, 4, 16])
def test_leaves(count, wrap):
    length = 3 * parallel.MINIMUM * parallel.WORKERS
    places = [(0, 15), (3, 7), (0, 2 * length - 1), (63, 0), (5, 31)]
    terms = [((P - 1 - k, 5 + k), mixture(k, (2 * length,), 0.3), *places[k]) for k in range(count)]
    first = mixture(20, (wrap, 2), 0.3) if wrap else None
    for size, low in ((length, 64), (length - 3, 0), (10, 3)):
        out = mixture(21, (size, 2), 0.3)
        expected, start = reference.leaves(out, terms, low, first), first
        for group in kernels.columns(terms):
            kernels.leaves(out, group, low, start)
            start = None
        same(out, expected)


def test_leaves_that_do_not_fit():
    with pytest.raises(ValueError, match="reaches beyond"):
        kernels.columns([((1, 0), PAIRS[:4, 0], 0, 7)])
    group = kernels.columns([((1, 0), PAIRS[:4, 0], 0, 3)])[0]
    with pytest.raises(ValueError, match="power of two"):
        kernels.leaves(PAIRS[:4].copy(), group, 0, PAIRS[:3])


def test_denominators_that_do_not_fit():
    with pytest.raises(ValueError, match="do not fit"):
        kernels.denominators(PAIRS.copy(), len(PAIRS) - 1, PAIRS[:2, 0], (1, 0))


LAYERS = [(1, 1), (1, 2), (1, 32), (2, 1), (4, 8), (2048, 16)]


@pytest.mark.parametrize(("outer", "inner"), LAYERS)
@pytest.mark.parametrize("edges", [0.2, 1.0])
def test_products_folded_and_summed(outer, inner, edges):
    w, v, r = mixture(60, (outer, 2), edges), mixture(61, (inner, 2), edges), (P - 1, 12345)
    a, b = (mixture(62 + i, (4 * outer * inner, 2), edges) for i in range(2))
    weights = reference.split_weights(w, v)
    folded = reference.fold(a, r), reference.fold(b, r)
    expected = reference.product_round(*folded, weights)
    assert kernels.product_start(*folded, w, v) == expected
    assert kernels.product_next(a, b, r, w, v) == expected
    for got, want in zip((a, b), folded, strict=True):
        same(got[: len(want)], want)


@pytest.mark.parametrize(("outer", "inner"), LAYERS)
@pytest.mark.parametrize("edges", [0.2, 1.0])
def test_fractions_folded_and_summed(outer, inner, edges):
    w, v, lam, r = mixture(64, (outer, 2), edges), mixture(65, (inner, 2), edges), (P - 1, P - 2), (P - 1, 12345)
    layer = [mixture(66 + i, (4 * outer * inner, 2), edges) for i in range(4)]
    weights = reference.split_weights(w, v)
    folded = [reference.fold(a, r) for a in layer]
    started = [a.copy() for a in folded]
    expected = reference.fraction_round(*folded, weights, lam)
    assert kernels.fraction_start(*started, lam, w, v) == expected
    same(started[0], field.ext_add(folded[0], field.ext_scale(folded[2], lam)))
    layer[0] = field.ext_add(layer[0], field.ext_scale(layer[2], lam))
    assert kernels.fraction_next(*layer, r, w, v) == expected
    for got, want in zip(layer, (started[0], *folded[1:]), strict=True):
        same(got[: len(want)], want)


def test_weights_that_do_not_match():
    a, w = mixture(70, (8, 2), 0.2), mixture(71, (2, 2), 0.2)
    with pytest.raises(ValueError, match="weights"):
        kernels.product_start(a, a, w, w[:1])


@pytest.mark.parametrize("n", [0, 10, 200_000])
def test_histograms(n):
    index = np.random.default_rng(n).integers(0, 1000, n)
    same(kernels.histogram(index, 1000), reference.histogram(index, 1000))


def test_scaled_sums_at_every_pair_of_edges():
    a, b = np.resize(PAIRS[:, 0], THREADED), np.resize(PAIRS[:, 1], THREADED)
    for factor in (0, 1, 5, P - 1, P - 2):
        for constant in (0, 7, P - 1):
            expected = field.add(field.scale(a, factor), np.full_like(a, constant))
            same(kernels.scale(a, factor, constant), expected)
        out = b.copy()
        kernels.add_scaled(out, a, factor)
        same(out, field.add(b, field.scale(a, factor)))


def test_counting_adds_and_tells_what_it_left_out():
    counts = np.array([1, 0, 5], dtype=np.int64)
    assert kernels.count_into(counts, np.array([2, 2, 0]))
    assert counts.tolist() == [2, 0, 7]
    assert not kernels.count_into(counts, np.array([-1, 1, 3]))
    assert counts.tolist() == [2, 1, 7]


def test_rows_of_progressions():
    low, step, span = (np.array(v, dtype=np.uint64) for v in ((0, P - 4, 10), (1, 1, 5), (1, 9, 20)))
    first = np.array([0, 1, 10])
    kind = np.repeat(np.arange(4, dtype=np.uint64), 60)
    value = np.tile(np.concatenate((np.arange(50, dtype=np.uint64), P - 10 + np.arange(10, dtype=np.uint64))), 4)
    rows = kernels.locate_steps(kind, value, first, low, step, span)
    assert np.array_equal(rows, reference.locate_steps(kind, value, first, low, step, span))
    assert rows[60:].max() == 13
    assert rows[180:].max() == -1


@settings(max_examples=25, deadline=None)
@given(words(small), words(small))
def test_rows_of_sorted_words(listed, points):
    listed = np.sort(listed)
    points = np.concatenate((points, listed, np.array(EDGES, dtype=np.uint64)))
    assert np.array_equal(kernels.locate_sorted(listed, points), reference.locate_sorted(listed, points))


def test_rows_of_many_sorted_words():
    listed, points = np.sort(mixture(8, (70_000,), 0.1)), mixture(9, (THREADED,), 0.1)
    assert np.array_equal(kernels.locate_sorted(listed, points), reference.locate_sorted(listed, points))
    with pytest.raises(ValueError, match="one word or more"):
        kernels.locate_sorted(listed[:0], points)


def test_words_that_are_spread_over_more_axes():
    values = mixture(10, (32,), 0.3)
    for runs in ([], [(0, 0, 5)], [(2, 3, 2), (7, 0, 3)]):
        same(kernels.spread(values, runs, 3, THREADED), reference.spread(values, runs, 3, THREADED))
    with pytest.raises(ValueError, match="reach beyond"):
        kernels.spread(values, [(0, 1, 5)], 0, 4)


def test_words_that_agree_with_a_list():
    listed, index = mixture(72, (50,), 0.2), np.random.default_rng(1).integers(0, 50, 20_000)
    given = listed[index]
    assert kernels.agree(index, given, listed)
    given[-1] ^= np.uint64(1)
    assert not kernels.agree(index, given, listed)


@pytest.mark.parametrize("bad", [-1, 4])
def test_histograms_refuse_what_they_cannot_count(bad):
    with pytest.raises(ValueError, match="outside"):
        kernels.histogram(np.array([0, bad]), 4)


@pytest.mark.parametrize("bits", range(12))
@pytest.mark.parametrize("edges", [0.2, 1.0])
def test_transforms(bits, edges):
    size = 1 << bits
    rows, tail = mixture(50, (3, size), edges), mixture(51, (3, size - size // 3), edges)
    coefficients = transform.interpolate(rows)
    same(kernels.interpolate_rows(rows), coefficients)
    same(kernels.interpolate_rows(rows.copy(), rows.copy()), coefficients)
    places = np.random.default_rng(bits).integers(0, size, 5)
    for k in (0, 3):
        expected = transform.encode_coset(coefficients, tail, k, 4 * size)
        same(kernels.coset_rows(coefficients, tail, k, 4 * size), expected)
        same(kernels.coset_columns(coefficients, tail, k, 4 * size, places), np.ascontiguousarray(expected[:, places]))
        own = coefficients.copy()
        same(kernels.coset_rows(own, tail, k, 4 * size, own), expected)


@pytest.mark.parametrize("bits", [13, 16])
def test_large_transforms(bits):
    rows, tail = mixture(52, (2, 1 << bits), 0.2), mixture(53, (2, 100), 0.2)
    coefficients = transform.interpolate(rows)
    same(kernels.interpolate_rows(rows), coefficients)
    same(kernels.coset_rows(coefficients, tail, 1, 4 << bits), transform.encode_coset(coefficients, tail, 1, 4 << bits))


def test_transforms_of_largest_words():
    rows = np.full((2, 256), P - 1, dtype=np.uint64)
    same(kernels.interpolate_rows(rows), transform.interpolate(rows))
    same(kernels.coset_rows(rows, rows, 2, 1024), transform.encode_coset(rows, rows, 2, 1024))


def test_transforms_that_do_not_fit():
    rows = np.zeros((2, 8), dtype=np.uint64)
    with pytest.raises(ValueError, match="cosets"):
        kernels.coset_rows(rows, rows, 4, 32)
    with pytest.raises(ValueError, match="tails"):
        kernels.coset_rows(rows, rows[:1], 0, 32)


def test_ranges_cover_everything_once():
    for n in (0, 1, 5, 4096, 100_001):
        ranges = parallel.split(n, 100)
        assert ranges[0][0] == 0
        assert ranges[-1][1] == n
        assert all(a[1] == b[0] for a, b in pairwise(ranges))


def test_errors_in_threads_reach_the_caller():
    def fail(start, stop):
        raise RuntimeError("broken range")

    with pytest.raises(RuntimeError, match="broken range"):
        parallel.over(10_000, fail, 1)


def test_warming_up_tells_what_it_does():
    lines = []
    kernels.warm(lines.append)
    assert lines


def test_the_references_need_no_compiler():
    program = (
        "import sys, bailee.algebra.field, bailee.algebra.transform, bailee.algebra.merkle, bailee.algebra.reference;"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
