import galois
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.algebra import field, transform
from bailee.algebra.field import P
from strategies import mixture, same, words

GF = galois.GF(P, primitive_element=7, verify=False)


def subgroup(size):
    root, bits = field.root_of_unity(transform.log2(size)), transform.log2(size)
    return [pow(root, transform.bit_reverse(i, bits), P) for i in range(size)]


@pytest.mark.parametrize("size", [1, 2, 4, 8, 32])
def test_interpolation_against_galois(size):
    values = mixture(size, (1, size), 0.3)
    got = transform.interpolate(values)
    polynomial = galois.Poly([int(c) for c in got[0]][::-1], field=GF)
    assert [int(v) for v in polynomial(GF(subgroup(size)))] == values[0].tolist()
    same(transform.evaluate(got), values)


@settings(max_examples=20)
@given(words(2, 16), st.integers(0, 16), st.sampled_from([16, 32, 64]), st.integers(0, 99))
def test_a_code_word_is_the_masked_polynomial_on_the_cosets(rows, q, n, seed):
    tail = mixture(seed, (2, q), 0.5)
    code = transform.encode(rows, tail, n)
    # Write interpolant + (X^16 - 1)*r as coefficients and evaluate by Horner's rule.
    full = np.zeros((2, 16 + q), dtype=np.uint64)
    full[:, :16] = transform.interpolate(rows)
    full[:, 16:] = tail
    full[:, :q] = field.sub(full[:, :q], tail)
    same(code, transform.evaluate_points(full, transform.column_points(range(n), 16, n)))
    same(transform.evaluate_points(full, subgroup(16)), rows)


def test_the_cosets_are_disjoint_from_the_messages_and_from_each_other():
    points = transform.column_points(range(64), 16, 64) + subgroup(16)
    assert len(set(points)) == 80


def test_encoding_over_the_extension_is_componentwise():
    rows, tail = mixture(1, (2, 8, 2), 0.3), mixture(2, (2, 3, 2), 0.3)
    code = transform.encode_ext(rows, tail, 32)
    assert code.shape == (2, 32, 2)
    for c in range(2):
        same(code[..., c], transform.encode(rows[..., c], tail[..., c], 32))


def test_shapes_that_do_not_fit():
    rows, tail = mixture(1, (1, 8), 0.0), mixture(2, (1, 9), 0.0)
    with pytest.raises(ValueError, match="at most 8"):
        transform.encode(rows, tail, 16)
    with pytest.raises(ValueError, match="shorter"):
        transform.encode(rows, tail[:, :2], 4)
    with pytest.raises(ValueError, match="power of two"):
        transform.interpolate(tail)
