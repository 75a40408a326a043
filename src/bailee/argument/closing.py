"""Settling a system of constraints on pads by one Ligero instance (docs/protocol.md, section 9): both sides' common part.

The prover's part is `ClosingProver`; a verifier calls `check_closing`. Rows are small (CLOSING_WIDTH values of E), so the plain
transforms serve the prover; the verifier evaluates at the opened columns only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field, transform
from bailee.algebra.field import e_add, e_mul, e_neg
from bailee.argument.affine import ZERO, Ext, System
from bailee.argument.parameters import CLOSING_WIDTH, ClosingParameters, closing_parameters
from bailee.errors import ProofError

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Combined:
    """All constraints under powers of tau: coefficients of every slot of the rows, the sum they give, the pair rows' weights."""

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


def combine_columns(shape: ClosingParameters, combined: Combined, columns: Words, points: Sequence[int]) -> Words:
    """What f_B must be at the opened columns: (t, 2), from columns (t, rows + 2, 2)."""
    linear = evaluate_interpolants(combined.coefficients, points)
    total = columns[:, shape.rows + 1].copy()
    for i in range(shape.rows):
        total = field.ext_add(total, field.ext_mul(linear[i], columns[:, i]))
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


def evaluate_interpolants(rows: Words, points: Sequence[int]) -> Words:
    """(R, L, 2) values on H -> (R, t, 2) values of their interpolants at points outside H, by the barycentric formula."""
    size = rows.shape[1]
    bits = transform.log2(size)
    at = np.array(points, dtype=np.uint64)
    nodes = transform.powers(field.root_of_unity(bits), size)
    nodes = nodes[[transform.bit_reverse(m, bits) for m in range(size)]]
    differences = field.sub(np.repeat(at, size), np.tile(nodes, len(at)))
    kernel = field.mul(np.tile(nodes, len(at)), field.inv(differences)).reshape(len(at), size)
    lead = np.array(
        [(pow(point, size, field.P) - 1) * field.f_inv(size) % field.P for point in points], dtype=np.uint64
    )
    result = np.empty((rows.shape[0], len(at), 2), dtype=np.uint64)
    for component in range(2):
        for i in range(rows.shape[0]):
            products = field.mul(kernel.reshape(-1), np.tile(rows[i, :, component], len(at))).reshape(len(at), size)
            result[i, :, component] = field.mul(_sum_rows(products), lead)
    return result


def evaluate_polynomial(coefficients: Words, points: Sequence[int]) -> Words:
    """(d, 2) coefficients over E -> (t, 2) values at points of F."""
    values = transform.evaluate_points(np.ascontiguousarray(coefficients.T), points)
    return np.ascontiguousarray(values.T)


def code_row(values: Words, tail: Words) -> Words:
    """(L, 2) values and (t, 2) coefficients -> (L + t, 2) coefficients of interpolant + (X^L - 1) tail."""
    size, extra = len(values), len(tail)
    coefficients = np.zeros((size + extra, 2), dtype=np.uint64)
    coefficients[:size] = transform.interpolate(np.ascontiguousarray(values.T)).T
    coefficients[:extra] = field.ext_sub(coefficients[:extra], tail)
    coefficients[size:] = field.ext_add(coefficients[size:], tail)
    return coefficients


def check_sum(f_b: Words, combined: Combined) -> None:
    """L * (f_B[0] + f_B[L] + f_B[2L] + ...) is the sum of f_B over H."""
    folded = f_b[::CLOSING_WIDTH]
    total = (sum(int(v) for v in folded[:, 0]) % field.P, sum(int(v) for v in folded[:, 1]) % field.P)
    if e_mul((CLOSING_WIDTH, 0), total) != combined.total:
        raise ProofError("the constraints on hidden values do not add up: the statement was not proved")


def columns_points(indices: NDArray[np.int64], shape: ClosingParameters) -> list[int]:
    return transform.column_points([int(i) for i in indices], CLOSING_WIDTH, shape.length)


def _sum_rows(products: Words) -> Words:
    """Row sums mod p of a (t, L) array, halving so that every step is one vector addition."""
    while products.shape[1] > 1:
        half = products.shape[1] // 2
        products = field.add(products[:, :half], products[:, half:])
    return products[:, 0]
