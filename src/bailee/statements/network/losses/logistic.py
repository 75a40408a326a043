"""The logistic loss (docs/training.md, 3)."""

from __future__ import annotations


class Logistic:
    def check_outputs(self, outputs: int) -> None:
        pass
