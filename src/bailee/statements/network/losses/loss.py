"""What every loss provides: the residual of the last layer, as integers and on the tape."""

from __future__ import annotations

from typing import Protocol


class Loss(Protocol):
    def check_outputs(self, outputs: int) -> None:
        """Raises PlanError where the loss cannot have so many outputs."""
