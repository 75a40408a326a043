"""The trainer in integers: what the tape of `chunk` proves, computed step by step (docs/training.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bailee.errors import InputError, StatementError
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.draws import NoiseScale
from bailee.statements.network.gradients import gradient_sums
from bailee.statements.network.numbers import Integers
from bailee.statements.network.optimizer import Rule, State, advance, initial_state, used_weights
from bailee.statements.network.schedule import rule_for

__all__ = [
    "NoiseScale", "Rule", "State", "in_batches", "initial_state", "iterate", "present_rows", "rule_for", "run_steps",
    "used_weights",
]  # fmt: skip


def run_steps(
    architecture: Architecture,
    state: State,
    features: Sequence[NDArray[Any]],
    present: Sequence[NDArray[np.bool_]],
    rule: Rule,
    noise: Mapping[str, NDArray[np.int64]] | None = None,
) -> tuple[State, list[float]]:
    """The state after the rule's steps, and the mean loss of each step that is not idle (floats, for progress only).

    features: for each dataset that takes part an integer array (S, rows of a batch, columns) of encoded rows (labels
    among the columns); step t reads entry t mod S of each, so that S = 1 is full batches and S below the number of
    steps is several epochs. present: (S, rows of a batch) for each, False for padding. noise: for each parameter int64
    (steps, *shape), lattice units, iff the rule has noise. Raises StatementError on divergence, naming step, layer
    and bound, PlanError where a step could overflow and InputError on shapes that do not fit.
    """
    losses: list[float] = []
    for after, loss in iterate(architecture, state, features, present, rule, noise):
        state = after
        if len(losses) < rule.live:
            losses.append(loss)
    return state, losses


def iterate(
    architecture: Architecture,
    state: State,
    features: Sequence[NDArray[Any]],
    present: Sequence[NDArray[np.bool_]],
    rule: Rule,
    noise: Mapping[str, NDArray[np.int64]] | None = None,
) -> Iterator[tuple[State, float]]:
    """The same, step by step: (state after, mean loss) of every step, idle ones included."""
    _check(architecture, state, features, present, rule, noise)
    rule.check(architecture, max(1, sum(int(there.sum(axis=1).max()) for there in present)))  # padding adds nothing
    for step, multiplier in enumerate(rule.multipliers):
        if not multiplier:
            yield state, 0.0
            continue
        try:
            sums: dict[str, Integers] = {}
            loss, rows = 0.0, 0
            used = used_weights(state)
            for part, there in zip(features, present, strict=True):
                at = step % len(part)
                found, more = gradient_sums(architecture, used, part[at], there[at], rule.clip)
                sums = {name: sums[name] + g for name, g in found.items()} if sums else found
                loss, rows = loss + more, rows + int(there[at].sum())
            state = advance(architecture, state, sums, rule, step, noise)
        except StatementError as error:
            raise StatementError(f"step {step}, {error}") from None
        yield state, loss / max(1, rows)


def in_batches(rows: NDArray[Any], steps: int, batch: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """(features, present) of one dataset, as `run_steps` takes them: (steps, batch, columns) and (steps, batch).

    rows: at most steps * batch of them; what is beyond them is zero, and absent.
    """
    whole = np.zeros((steps * batch, rows.shape[1]), dtype=np.int64)
    whole[: len(rows)] = rows
    return whole.reshape(steps, batch, -1), present_rows(len(rows), steps, batch)


def present_rows(rows: int, steps: int, batch: int) -> NDArray[np.bool_]:
    """(steps, batch): which of a slice's places the `rows` rows from its first on fill."""
    return (np.arange(steps * batch) < rows).reshape(steps, batch)


def _check(
    architecture: Architecture,
    state: State,
    features: Sequence[NDArray[Any]],
    present: Sequence[NDArray[np.bool_]],
    rule: Rule,
    noise: Mapping[str, NDArray[np.int64]] | None,
) -> None:
    if not features or len(features) != len(present) or len({len(part) for part in features}) != 1:
        raise InputError("expected at least one dataset, each with as many batches and its own `present`")
    for part, there in zip(features, present, strict=True):
        if part.ndim != 3 or part.shape[2] != architecture.columns or there.shape != part.shape[:2]:
            raise InputError(
                f"expected batches x rows x {architecture.columns} columns; got {part.shape} and present {there.shape}"
            )
    if (noise is None) != (rule.noise is None):
        raise InputError("a rule with noise needs noise, and one without takes none")
    for parameter in architecture.parameters:
        held = [state.weights, *([state.velocity] if rule.momentum else [])]
        if any(parameter.name not in of or of[parameter.name].shape != parameter.shape for of in held):
            raise InputError(f"the state holds no {parameter.name} of shape {parameter.shape} (or no velocity)")
        wanted = (len(rule.multipliers), *parameter.shape)
        if noise is not None and (parameter.name not in noise or noise[parameter.name].shape != wanted):
            raise InputError(f"expected noise {parameter.name} of shape {wanted}")
