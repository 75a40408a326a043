"""Settling constraints on pads by one Ligero instance (docs/protocol.md, section 9): what both sides share.

The prover's part is `prover.ClosingProver`, the checks are in `verifier`. Rows are small (CLOSING_WIDTH values of E).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field, kernels
from bailee.algebra.field import e_add, e_mul, e_neg
from bailee.argument.affine import ZERO, Ext, System
from bailee.argument.parameters import CLOSING_WIDTH, ClosingParameters, closing_parameters
from bailee.errors import ProofError

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Combined:
    """All constraints under powers of tau: a coefficient for each slot of the rows, their sum, pair rows' weights."""

    coefficients: Words
    total: Ext
    pair_weights: list[Ext]


def parameters_of(system: System) -> ClosingParameters:
    return closing_parameters(system.pads, len(system.pairs))


def combine(system: System, tau: Ext) -> Combined:
    """Weigh constraint c by tau^(c+1): recorded zeros, then copies of the X operands, then of the Y operands."""
    shape = parameters_of(system)
    first_x = shape.pad_rows * CLOSING_WIDTH
    stride = shape.pair_rows * CLOSING_WIDTH
    slots: dict[int, Ext] = {}
    constant = ZERO
    weight = tau

    def put(slot: int, value: Ext) -> None:
        slots[slot] = e_add(slots.get(slot, ZERO), value)

    for form in system.zeros:
        for slot, coefficient in form.terms.items():
            put(slot if slot >= 0 else first_x + 2 * stride - 1 - slot, e_mul(coefficient, weight))
        constant = e_add(constant, e_mul(form.constant, weight))
        weight = e_mul(weight, tau)
    for operand in (0, 1):
        for k, pair in enumerate(system.pairs):
            put(first_x + operand * stride + k, weight)
            put(pair[operand], e_neg(weight))
            weight = e_mul(weight, tau)
    coefficients = np.zeros((shape.rows * CLOSING_WIDTH, 2), dtype=np.uint64)
    for slot, value in slots.items():
        coefficients[slot] = value
    pair_weights: list[Ext] = []
    for _ in range(shape.pair_rows):
        pair_weights.append(weight)
        weight = e_mul(weight, tau)
    return Combined(coefficients.reshape(shape.rows, CLOSING_WIDTH, 2), e_neg(constant), pair_weights)


def rows_of(pads: Words, pairs: Sequence[tuple[int, int]]) -> Words:
    """(rows, CLOSING_WIDTH, 2): the pads, then the X, Y and Z of all pairs, empty places zero."""
    shape = closing_parameters(len(pads), len(pairs))
    rows = np.zeros((shape.rows * CLOSING_WIDTH, 2), dtype=np.uint64)
    rows[: len(pads)] = pads
    first, stride = shape.pad_rows * CLOSING_WIDTH, shape.pair_rows * CLOSING_WIDTH
    if pairs:
        left = pads[[i for i, _ in pairs]]
        right = pads[[j for _, j in pairs]]
        for block, values in enumerate((left, right, field.ext_mul(left, right))):
            rows[first + block * stride : first + block * stride + len(pairs)] = values
    return rows.reshape(shape.rows, CLOSING_WIDTH, 2)


def combine_linear(shape: ClosingParameters, combined: Combined, columns: Words, indices: NDArray[np.int64]) -> Words:
    """What f_B must be at the opened columns: (t, 2), from columns (t, rows + 3, 2)."""
    none = np.zeros((shape.rows, 0, 2), dtype=np.uint64)
    linear = values_at(row_polynomials(combined.coefficients, none), shape.length, indices)
    total = columns[:, shape.rows + 1].copy()
    for i in range(shape.rows):
        total = field.ext_add(total, field.ext_mul(linear[i], columns[:, i]))
    return total


def combine_products(shape: ClosingParameters, combined: Combined, columns: Words) -> Words:
    """What (X^L - 1) f_C must be at the opened columns: (t, 2). It vanishes on H only if every product is right."""
    total = columns[:, shape.rows + 2].copy()
    for h, weight in enumerate(combined.pair_weights):
        x, y, z = (columns[:, shape.pad_rows + block * shape.pair_rows + h] for block in range(3))
        total = field.ext_add(total, field.ext_scale(field.ext_sub(field.ext_mul(x, y), z), weight))
    return total


def combine_proximity(shape: ClosingParameters, sigma: Ext, columns: Words) -> Words:
    """What f_A must be at the opened columns: (t, 2)."""
    total = columns[:, shape.rows].copy()
    power = sigma
    for i in range(shape.rows):
        total = field.ext_add(total, field.ext_scale(columns[:, i], power))
        power = e_mul(power, sigma)
    return total


def code_words(values: Words, tails: Words, length: int) -> Words:
    """(R, L, 2) values and (R, q, 2) coefficients over E -> (R, length, 2) code words, component by component."""
    count, size = values.shape[:2]
    flat = np.ascontiguousarray(values.transpose(2, 0, 1)).reshape(2 * count, size)
    tail = np.ascontiguousarray(tails.transpose(2, 0, 1)).reshape(2 * count, tails.shape[1])
    coefficients = kernels.interpolate_rows(flat)
    cosets = [kernels.coset_rows(coefficients, tail, k, length) for k in range(length // size)]
    return np.ascontiguousarray(np.concatenate(cosets, axis=1).reshape(2, count, length).transpose(1, 2, 0))


def row_polynomials(values: Words, tails: Words) -> Words:
    """(R, L, 2) values and (R, q, 2) coefficients -> (R, L + q, 2) coefficients of interpolant + (X^L - 1) tail."""
    count, size, extra = *values.shape[:2], tails.shape[1]
    flat = np.ascontiguousarray(values.transpose(2, 0, 1)).reshape(2 * count, size)
    coefficients = np.zeros((count, size + extra, 2), dtype=np.uint64)
    coefficients[:, :size] = kernels.interpolate_rows(flat).reshape(2, count, size).transpose(1, 2, 0)
    coefficients[:, :extra] = field.ext_sub(coefficients[:, :extra], tails)
    coefficients[:, size:] = tails
    return coefficients


def values_at(coefficients: Words, length: int, indices: NDArray[np.int64]) -> Words:
    """(R, d, 2) coefficients, any d up to `length` -> (R, t, 2) values at some columns of the closing's code.

    Column kL + j is the point g w^(k + (n/L) rev(j)); a transform of size S >= d finds that point in its own coset
    e mod n/S at place rev(e div n/S), e being the exponent. Fewer, larger transforms than the code's own.
    """
    count, degree = coefficients.shape[:2]
    size = max(CLOSING_WIDTH, 1 << (degree - 1).bit_length())
    padded = np.zeros((2 * count, size), dtype=np.uint64)
    padded[:, :degree] = coefficients.transpose(2, 0, 1).reshape(2 * count, degree)
    cosets, own = length // size, length // CLOSING_WIDTH
    exponents = indices // CLOSING_WIDTH + own * _reversed(indices % CLOSING_WIDTH, CLOSING_WIDTH)
    places = _reversed(exponents // cosets, size)
    found = np.empty((2 * count, len(indices)), dtype=np.uint64)
    none = np.zeros((2 * count, 0), dtype=np.uint64)
    for k in range(cosets):
        here = np.flatnonzero(exponents % cosets == k)
        if here.size:
            found[:, here] = kernels.coset_rows(padded, none, k, length)[:, places[here]]
    return np.ascontiguousarray(found.reshape(2, count, -1).transpose(1, 2, 0))


def _reversed(index: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """The bits of each index below `size`, a power of two, in reverse."""
    result = np.zeros_like(index)
    for bit in range(size.bit_length() - 1):
        result = (result << 1) | ((index >> bit) & 1)
    return result


def polynomial_values(coefficients: Words, length: int) -> Words:
    """(d, 2) coefficients over E, any d up to `length` -> (length, 2) values at all columns."""
    values: Words = values_at(coefficients[None], length, np.arange(length))[0]
    return values


def times_vanishing(quotient: Words) -> Words:
    """(d, 2) coefficients -> (d + L, 2), those of the product with X^L - 1, which vanishes on H."""
    none = np.zeros((CLOSING_WIDTH, 2), dtype=np.uint64)
    return field.ext_sub(np.concatenate([none, quotient]), np.concatenate([quotient, none]))


def over_vanishing(coefficients: Words) -> Words:
    """The quotient of `times_vanishing`: from the top, q[i - L] = c[i] + q[i]."""
    quotient = np.zeros((len(coefficients) - CLOSING_WIDTH, 2), dtype=np.uint64)
    for start in reversed(range(0, len(quotient), CLOSING_WIDTH)):
        part = coefficients[start + CLOSING_WIDTH : start + 2 * CLOSING_WIDTH]
        above = quotient[start + CLOSING_WIDTH : start + CLOSING_WIDTH + len(part)]
        quotient[start : start + len(part)] = part
        quotient[start : start + len(above)] = field.ext_add(part[: len(above)], above)
    return quotient


def check_sum(f_b: Words, combined: Combined) -> None:
    """L * (f_B[0] + f_B[L] + f_B[2L] + ...) is the sum of f_B over H."""
    folded = f_b[::CLOSING_WIDTH]
    total = (sum(int(v) for v in folded[:, 0]) % field.P, sum(int(v) for v in folded[:, 1]) % field.P)
    if e_mul((CLOSING_WIDTH, 0), total) != combined.total:
        raise ProofError("the constraints on hidden values do not add up: the statement was not proved")
