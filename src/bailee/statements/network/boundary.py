"""A state between two chunks, committed (docs/training.md, 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from bailee.algebra import field
from bailee.argument.nodes import Node, Words
from bailee.errors import StatementError
from bailee.statements.network.architecture import Architecture, Parameter
from bailee.statements.network.numbers import LOW_BITS, USED_BITS, Integers, div, remainder, require_signed
from bailee.statements.network.optimizer import Held, State, Weights
from bailee.statements.network.stage import Stage

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector

READ, WRITTEN = 1, 0
"""The openings of a boundary that the chunk after it and the chunk before it spend; further ones are a model's."""


def pad(parameter: Parameter, values: Integers) -> Integers:
    """(..., *shape) to (..., *padded), with zeros."""
    lead = values.shape[: values.ndim - len(parameter.shape)]
    whole = np.zeros((*lead, *parameter.padded), dtype=np.int64)
    whole[_real(parameter, len(lead))] = values
    return whole


def cut(parameter: Parameter, values: Integers) -> Integers:
    """The other way round."""
    return values[_real(parameter, values.ndim - len(parameter.shape))]


def _real(parameter: Parameter, lead: int) -> tuple[slice, ...]:
    return (slice(None),) * lead + tuple(slice(length) for length in parameter.shape)


def tensors(architecture: Architecture, state: State) -> dict[str, Words]:
    found: dict[str, Words] = {}
    for parameter in architecture.parameters:
        name = parameter.name
        whole = pad(parameter, state.weights[name])
        found[f"{name} used"] = field.from_signed(div(whole, LOW_BITS)).reshape(-1)
        found[f"{name} low"] = field.from_signed(remainder(whole, LOW_BITS)).reshape(-1)
        if state.velocity:
            found[f"{name} velocity"] = field.from_signed(pad(parameter, state.velocity[name])).reshape(-1)
    return found


def commit_boundary(architecture: Architecture, state: State, openings: int, seed: bytes) -> CommittedVector:
    """The commitment to a state between two chunks, at least two openings. Its record is `.record`.

    Raises StatementError where a weight is out of range.
    """
    from bailee.argument.commitment import CommittedVector

    if openings < 2:
        raise StatementError(f"a boundary bears an opening for each of its two chunks; got {openings}")
    for name, values in state.weights.items():
        require_signed(div(values, LOW_BITS), USED_BITS, f"{name}: a weight")
    return CommittedVector(tensors(architecture, state), openings, seed)


def state_of(architecture: Architecture, vector: CommittedVector, momentum: bool) -> State:
    """The state that a boundary was made from."""
    weights: Weights = {}
    velocity: Weights = {}
    for parameter in architecture.parameters:

        def read(kind: str, parameter: Parameter = parameter) -> Integers:
            words = vector.tensor(f"{parameter.name} {kind}")
            return cut(parameter, field.to_signed(words).reshape(parameter.padded))

        weights[parameter.name] = (read("used") << LOW_BITS) + read("low") - (1 << (LOW_BITS - 1))
        if momentum:
            velocity[parameter.name] = read("velocity")
    return State(weights, velocity)


def held_at(stage: Stage, source: int, parameter: Parameter, momentum: bool) -> Held:
    """A boundary's tensors of one parameter on the tape."""

    def read(kind: str) -> Node:
        return stage.tape.committed(source, f"{parameter.name} {kind}", parameter.axes)

    return Held(read("used"), read("low"), read("velocity") if momentum else None)


def held_inside(stage: Stage, parameter: Parameter, states: Mapping[str, list[Integers]], momentum: bool) -> Held:
    """The tensors of one parameter before every step: advice from a prover's states, {"weights", "velocity"}."""
    name, axes = parameter.name, (*stage.time, *parameter.axes)

    def stacked(kind: str) -> Integers:
        return pad(parameter, np.stack(states[f"{name} {kind}"]))

    used = stage.tape.advice(f"{name} used", axes, lambda: div(stacked("weights"), LOW_BITS))
    low = stage.tape.advice(f"{name} low", axes, lambda: remainder(stacked("weights"), LOW_BITS))
    velocity = stage.tape.advice(f"{name} velocity", axes, lambda: stacked("velocity")) if momentum else None
    return Held(used, low, velocity)
