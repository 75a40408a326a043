"""A boundary made again by anybody: the first one, which is public, and the last one of a model that is revealed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from bailee.argument.commitment_record import Commitment
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.boundary import tensors
from bailee.statements.network.numbers import LOW_BITS, USED_BITS, div, require_signed
from bailee.statements.network.optimizer import State

Recommit: TypeAlias = Callable[[Architecture, State, int, bytes, bool], Commitment]
"""(architecture, state, openings, seed, plain) -> the commitment that these give."""


def recommit_boundary(architecture: Architecture, state: State, openings: int, seed: bytes, plain: bool) -> Commitment:
    """By kernels, or `plain` without. Raises StatementError where a weight is out of range."""
    if plain:
        from bailee.argument.plain.recommit import recommit

        for name, values in state.weights.items():
            require_signed(div(values, LOW_BITS), USED_BITS, f"{name}: a weight")
        return recommit(tensors(architecture, state), openings, seed)
    from bailee.statements.network.boundary import commit_boundary

    return commit_boundary(architecture, state, openings, seed).record
