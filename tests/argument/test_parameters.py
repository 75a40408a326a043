"""The soundness table, recomputed from the parameters in force with exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from bailee.algebra.field import P
from bailee.argument.parameters import QUERY_BITS, Costs, closing_parameters, code_parameters, query_bits, soundness
from bailee.errors import ProofFormatError

SHAPES = [(2**k, b) for k in (3, 8, 12, 16, 20, 24, 26) for b in (1, 2, 8)] + [(2**24 + 2**18, 8), (3 * 2**15, 1)]


@pytest.mark.parametrize(("values", "openings"), SHAPES)
def test_a_code_holds_its_values_and_hides_every_opening(values, openings):
    code = code_parameters(values, openings)
    assert code.rows * code.width >= values
    assert code.tail == openings * code.queries <= code.width
    assert code.length & (code.length - 1) == 0 == code.length % code.width
    radius = (code.length - code.width - code.tail) // 2
    assert 2 * radius < code.length - code.width - code.tail + 1  # unique decoding
    missed = Fraction(code.length - radius - 1, code.length) ** code.queries
    assert missed <= Fraction(1, 2 ** query_bits(values))
    assert code.openings * code.queries < code.length // 2


def test_the_closing_code_catches_both_kinds_of_lie():
    shape = closing_parameters(3000, 100)
    radius = (shape.length - 2 * shape.dimension + 1) // 2
    far = Fraction(shape.length - radius - 1, shape.length)
    wrong_product = Fraction(radius + shape.product_length - 1, shape.length)
    assert max(far, wrong_product) ** shape.queries <= Fraction(1, 2**QUERY_BITS)


@pytest.mark.parametrize(("values", "openings"), SHAPES)
def test_the_sum_of_all_errors_is_below_two_to_the_minus_hundred(values, openings):
    codes = (code_parameters(values, openings), code_parameters(4096, 1), code_parameters(values, 1))
    costs = Costs(
        rounds=5000,
        layers=80,
        lookup_degree=2**27,
        assertion_bits=2000,
        claims=500,
        openings=3,
        constraints=3000,
        pairs=500,
    )
    closing = closing_parameters(12000, 500)
    table = soundness(costs, codes, closing)
    field = P * P
    exact = Fraction(0)
    for code in codes:
        radius = (code.length - code.width - code.tail) // 2
        exact += Fraction(code.length - radius - 1, code.length) ** code.queries
        padded_rows = (code.rows * code.width - 1).bit_length() - (code.width.bit_length() - 1)
        exact += Fraction((1 + max(0, padded_rows)) * code.length, field)
    radius = (closing.length - 2 * closing.dimension + 1) // 2
    exact += Fraction(closing.length - radius - 1, closing.length) ** closing.queries
    exact += Fraction(
        (closing.rows + 1) * closing.length + 3000 + 500 + 1 + 15000 + 160 + 2**27 + 2000 + 500 + 3, field
    )
    bits = math.log2(exact.denominator) - math.log2(exact.numerator)
    assert table["total"] == pytest.approx(bits, abs=1e-6)
    assert table["total"] >= 100


def test_what_no_code_can_hold_is_refused():
    for values, openings in [(0, 1), (2**33, 1), (8, 0), (8, 65)]:
        with pytest.raises(ProofFormatError):
            code_parameters(values, openings)


@pytest.mark.parametrize(("values", "openings"), SHAPES)
def test_both_verifiers_derive_the_same_code(values, openings):
    from bailee.argument.plain.words import commitment_code

    fast, plain = code_parameters(values, openings), commitment_code(values, openings)
    assert (fast.width, fast.length, fast.queries, fast.tail) == (plain.size, plain.length, plain.queries, plain.tail)
