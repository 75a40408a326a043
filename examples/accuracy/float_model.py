"""A recipe trained in float32, several noise seeds at once: what the proved, fixed-point run is compared with."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from recipes import Recipe

FRACTION_BITS = 12
ROWS_AT_ONCE = 16_384
Floats = NDArray[np.float32]
Integers = NDArray[np.int16]


def noise_multiplier(epochs: int, epsilon: float, delta: float) -> float:
    """Noise over sensitivity for an `epochs`-fold Gaussian composition, by privacy loss distributions.

    dp-accounting's PLDAccountant reads REPLACE_ONE as a sensitivity of twice the clipping norm and doubles by itself,
    while RdpAccountant does not: so this asks under ADD_OR_REMOVE_ONE, where noise over sensitivity means just that.
    Gaussian releases compose exactly to one Gaussian, so one event is calibrated and scaled: fast, and no looser.
    """
    import dp_accounting
    from dp_accounting.pld import PLDAccountant

    found: float = dp_accounting.calibrate_dp_mechanism(
        lambda: PLDAccountant(neighboring_relation=dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE),
        lambda value: dp_accounting.GaussianDpEvent(value),
        epsilon,
        delta,
        bracket_interval=dp_accounting.ExplicitBracketInterval(0.3, 30.0),
        tol=1e-5,
    )
    return found * math.sqrt(epochs)


def train(recipe: Recipe, rows: Integers, labels: NDArray[np.uint8], multiplier: float, seeds: range) -> Floats:
    """Weights (columns, seeds, classes). Rows (n, columns) are shuffled once; `multiplier` 0 trains without noise."""
    order = np.random.default_rng(0).permutation(len(rows))
    rows, labels = rows[order], labels[order]
    batch = recipe.batch or len(rows)
    steps = recipe.epochs * -(-len(rows) // batch)
    sources = [np.random.default_rng([1, seed]) for seed in seeds]
    deviation = np.float32(2 * recipe.clip * multiplier)
    weights = np.zeros((rows.shape[1], len(seeds), recipe.classes), np.float32)
    velocity = np.zeros_like(weights)
    for step, start in enumerate(_starts(recipe.epochs, len(rows), batch)):
        total = _clipped_sum(recipe, rows[start : start + batch], labels[start : start + batch], weights)
        noise = [source.standard_normal((rows.shape[1], recipe.classes), np.float32) for source in sources]
        total += deviation * np.stack(noise, axis=1)
        velocity = np.float32(recipe.momentum) * velocity + total / np.float32(batch)
        weights = weights - np.float32(recipe.rate * (1 - step / steps)) * velocity
    return weights


def score(rows: Integers, weights: Floats) -> Floats:
    """Logits (n, seeds, classes)."""
    parts = [_logits(_real(rows[start : start + ROWS_AT_ONCE]), weights) for start in range(0, len(rows), ROWS_AT_ONCE)]
    return np.concatenate(parts)


def _starts(epochs: int, count: int, batch: int) -> Iterator[int]:
    for _ in range(epochs):
        yield from range(0, count, batch)


def _clipped_sum(recipe: Recipe, rows: Integers, labels: NDArray[np.uint8], weights: Floats) -> Floats:
    """Sum of the rows' gradients, each shortened to `clip`: |gradient| = |row| |error|, so none is formed."""
    total = np.zeros_like(weights)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = _real(rows[start : start + ROWS_AT_ONCE])
        error = _error(_logits(part, weights), labels[start : start + ROWS_AT_ONCE])
        lengths = np.linalg.norm(part, axis=1)[:, None] * np.linalg.norm(error, axis=2)
        error *= np.minimum(1, np.float32(recipe.clip) / np.maximum(lengths, np.float32(1e-12)))[:, :, None]
        total += (part.T @ error.reshape(len(part), -1)).reshape(weights.shape)
    return total


def _error(logits: Floats, labels: NDArray[np.uint8]) -> Floats:
    """Probabilities less the truth, (n, seeds, classes)."""
    classes = logits.shape[2]
    if classes == 1:
        half = np.float32(0.5)
        error: Floats = half + half * np.tanh(half * logits) - labels[:, None, None].astype(np.float32)
        return error
    powers = np.exp(logits - logits.max(axis=2, keepdims=True))
    error = powers / powers.sum(axis=2, keepdims=True)
    error -= np.eye(classes, dtype=np.float32)[labels][:, None, :]
    return error


def _logits(rows: Floats, weights: Floats) -> Floats:
    return (rows @ weights.reshape(len(weights), -1)).reshape(len(rows), *weights.shape[1:])


def _real(rows: Integers) -> Floats:
    return rows.astype(np.float32) / np.float32(2**FRACTION_BITS)
