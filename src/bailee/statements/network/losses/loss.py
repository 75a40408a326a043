"""What every loss provides: the residual of the last layer, as integers and on the tape."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bailee.argument.nodes import Axis, Node
from bailee.statements.network.numbers import Integers
from bailee.statements.network.stage import Stage


class Loss(Protocol):
    """Values are (..., rows, outputs); labels the label columns as encoded."""

    @property
    def residual_bits(self) -> int:
        """A residual is a signed integer of so many bits, at 2^16."""

    def check_outputs(self, outputs: int) -> None:
        """Raises PlanError where the loss cannot have so many outputs."""

    def residual(self, z: Integers, labels: Integers) -> Integers:
        """d at 2^16 from z at 2^26. Raises StatementError where z leaves what the loss can take."""

    def value(self, z: Integers, labels: Integers) -> NDArray[np.float64]:
        """The loss of each row, (..., rows), in floats: for progress only."""

    def scores(self, z: Integers) -> NDArray[np.float64]:
        """What a person reads of z: probabilities or values."""

    def write(self, stage: Stage, z: Node, labels: Node, outs: Axis, real: NDArray[np.bool_]) -> Node:
        """The residual on the tape; entries of outputs that are not `real` may be anything in range."""
