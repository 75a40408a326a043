import galois
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.algebra import field
from bailee.algebra.field import P
from strategies import EDGES, elements, ext_elements, nonzero_ext, same, words

GF = galois.GF(P, primitive_element=7, verify=False)
PAIRS = np.array([(a, b) for a in EDGES for b in EDGES], dtype=np.uint64)


def oracle(values):
    return GF([int(v) for v in values])


def as_words(values):
    return np.array([int(v) for v in values], dtype=np.uint64)


def test_the_prime_and_its_generator():
    assert galois.is_prime(P)
    factors, _ = galois.factors(P - 1)
    assert all(pow(field.GENERATOR, (P - 1) // q, P) != 1 for q in factors)
    # 7 is not a square, so u^2 - 7 has no root in F.
    assert pow(field.NON_RESIDUE, (P - 1) // 2, P) == P - 1


@pytest.mark.parametrize("bits", range(33))
def test_roots_of_unity_have_their_exact_order(bits):
    root = field.root_of_unity(bits)
    assert pow(root, 1 << bits, P) == 1
    assert bits == 0 or pow(root, 1 << (bits - 1), P) == P - 1


def test_root_of_unity_of_an_impossible_order():
    with pytest.raises(ValueError, match="orders 2"):
        field.root_of_unity(33)


def test_arrays_against_galois_at_every_pair_of_edges():
    a, b = PAIRS[:, 0], PAIRS[:, 1]
    x, y = oracle(a), oracle(b)
    same(field.add(a, b), as_words(x + y))
    same(field.sub(a, b), as_words(x - y))
    same(field.mul(a, b), as_words(x * y))
    same(field.neg(a), as_words(-x))


@settings(max_examples=30)
@given(words(20), words(20), elements)
def test_arrays_against_galois(a, b, c):
    x, y = oracle(a), oracle(b)
    same(field.add(a, b), as_words(x + y))
    same(field.sub(a, b), as_words(x - y))
    same(field.mul(a, b), as_words(x * y))
    same(field.scale(a, c), as_words(x * GF(c)))
    if a.all():
        same(field.inv(a), as_words(GF(1) / x))


@settings(max_examples=50)
@given(words(9, 2), words(9, 2), ext_elements, words(9))
def test_extension_arrays_against_scalars(a, b, c, base):
    rows = [(tuple(map(int, x)), tuple(map(int, y)), int(z)) for x, y, z in zip(a, b, base, strict=True)]
    same(field.ext_add(a, b), field.ext([field.e_add(x, y) for x, y, _ in rows]))
    same(field.ext_sub(a, b), field.ext([field.e_sub(x, y) for x, y, _ in rows]))
    same(field.ext_mul(a, b), field.ext([field.e_mul(x, y) for x, y, _ in rows]))
    same(field.ext_scale(a, c), field.ext([field.e_mul(x, c) for x, _, _ in rows]))
    same(field.ext_mul_base(a, base), field.ext([field.e_mul(x, field.e_from_f(z)) for x, _, z in rows]))
    dot = field.ZERO
    for x, y, _ in rows:
        dot = field.e_add(dot, field.e_mul(x, y))
    assert field.dot_ext(a, b) == dot
    assert field.dot_base(base, a) == field.dot_ext(np.stack((base, np.zeros_like(base)), axis=1), a)


@settings(max_examples=50)
@given(ext_elements, ext_elements, nonzero_ext)
def test_extension_against_polynomials_modulo_u_squared_minus_7(a, b, c):
    modulus = galois.Poly([1, 0, P - 7], field=GF)
    product = (galois.Poly(list(a[::-1]), field=GF) * galois.Poly(list(b[::-1]), field=GF)) % modulus
    coefficients = [int(v) for v in product.coefficients(2, order="asc")]
    assert field.e_mul(a, b) == tuple(coefficients)
    assert field.e_mul(c, field.e_inv(c)) == field.ONE
    assert field.e_sub(a, b) == field.e_add(a, field.e_neg(b))
    assert field.e_pow(c, 5) == field.e_mul(c, field.e_pow(c, 4))
    assert field.e_pow(c, -3) == field.e_inv(field.e_pow(c, 3))
    assert field.e_pow(c, P * P - 1) == field.ONE


def test_batch_inverse_over_the_extension():
    values = PAIRS[np.any(PAIRS != 0, axis=1)]
    same(field.ext_mul(values, field.ext_inv(values)), np.tile(np.array([1, 0], dtype=np.uint64), (len(values), 1)))


@pytest.mark.parametrize(
    "divide",
    [
        lambda: field.f_inv(0),
        lambda: field.f_inv(P),
        lambda: field.e_inv((0, 0)),
        lambda: field.inv(np.array([3, 0], dtype=np.uint64)),
        lambda: field.ext_inv(np.zeros((2, 2), dtype=np.uint64)),
    ],
)
def test_zero_has_no_inverse(divide):
    with pytest.raises(ZeroDivisionError, match="no inverse"):
        divide()


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_signed_integers_embed_as_residues(values):
    signed = np.array(values, dtype=np.int64)
    same(field.from_signed(signed), np.array([v % P for v in values], dtype=np.uint64))
    small = signed // 2 + 2**30 * np.sign(signed)  # clear of the wrap, which begins at p/2 < 2^63
    if np.all(np.abs(small) <= P // 2):
        assert np.array_equal(field.to_signed(field.from_signed(small)), small)


def test_signed_edges():
    edge = np.array([0, 1, P // 2, P // 2 + 1, P - 1], dtype=np.uint64)
    assert field.to_signed(edge).tolist() == [0, 1, P // 2, -(P // 2), -1]


@settings(max_examples=20)
@given(st.lists(ext_elements, max_size=5))
def test_eq_table_is_the_product_over_coordinates_most_significant_first(point):
    expected = []
    for x in range(1 << len(point)):
        value = field.ONE
        for k, r in enumerate(point):
            bit = x >> (len(point) - 1 - k) & 1
            value = field.e_mul(value, r if bit else field.e_sub(field.ONE, r))
        expected.append(value)
    same(field.eq_table(point), field.ext(expected))


def test_sums_of_many_largest_words_do_not_overflow():
    many = np.full((1 << 17, 2), P - 1, dtype=np.uint64)
    assert field.sum_words(many) == -(1 << 18) % P
    assert field.dot_ext(many, many) == ((8 << 17) % P, (2 << 17) % P)
