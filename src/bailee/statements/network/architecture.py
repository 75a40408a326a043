"""Which tensors a model has: columns of the card, hidden ReLU layers, outputs and a loss (docs/training.md, 2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bailee.argument.nodes import Axis
from bailee.errors import PlanError

LARGEST_WIDTH = 1 << 14
LARGEST_DEPTH = 16


@dataclass(frozen=True)
class Parameter:
    """One tensor of a model: `shape` is (inputs, outputs) for a weight and (outputs,) for a bias."""

    name: str
    shape: tuple[int, ...]
    axes: tuple[Axis, ...]

    @property
    def padded(self) -> tuple[int, ...]:
        return tuple(axis.size for axis in self.axes)


@dataclass(frozen=True)
class Architecture:
    """`columns` of the card go in (the bias column of ones among them), `outputs` numbers come out.

    hidden: widths of the ReLU layers, none for a linear model; loss: "logistic" (one output), "softmax" or "squared";
    labels: the label columns, one for each output, in order; told: for each column whether it is an input of the
    model (a label column never is). Raises PlanError on what does not fit together.
    """

    columns: int
    hidden: tuple[int, ...]
    outputs: int
    loss: str
    labels: tuple[int, ...]
    told: tuple[bool, ...]

    def __post_init__(self) -> None:
        from bailee.statements.network.losses import LOSSES

        if self.loss not in LOSSES:
            raise PlanError(f"expected a loss among {', '.join(sorted(LOSSES))}; got {self.loss!r}")
        widths = (self.columns, *self.hidden, self.outputs)
        if not all(1 <= width <= LARGEST_WIDTH for width in widths) or len(self.hidden) > LARGEST_DEPTH:
            raise PlanError(f"expected 1 to {LARGEST_WIDTH} columns, units and outputs in a layer; got {widths}")
        if len(self.labels) != self.outputs or len(set(self.labels)) != self.outputs:
            raise PlanError(f"{self.outputs} outputs need as many label columns; got {self.labels}")
        if len(self.told) != self.columns or not all(0 <= label < self.columns for label in self.labels):
            raise PlanError(f"a card of {self.columns} columns has labels {self.labels} and {len(self.told)} inputs")
        if not any(self.told) or any(self.told[label] for label in self.labels):
            raise PlanError("a model reads at least one column and none of its labels")
        LOSSES[self.loss].check_outputs(self.outputs)

    @property
    def layers(self) -> int:
        return len(self.hidden) + 1

    @property
    def column(self) -> Axis:
        return Axis.of("column", self.columns)

    def unit(self, layer: int) -> Axis:
        """The axis of layer `layer`'s outputs, from 1; that of the last layer is the outputs' own."""
        if layer == self.layers:
            return Axis.of("class", self.outputs)
        return Axis.of(f"unit{layer}", self.hidden[layer - 1])

    def inputs(self, layer: int) -> Axis:
        return self.column if layer == 1 else self.unit(layer - 1)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """weight1 (columns, unit1), weight2, bias2, ...: the first layer's bias is the card's column of ones."""
        widths = (self.columns, *self.hidden, self.outputs)
        found: list[Parameter] = []
        for layer in range(1, self.layers + 1):
            out = self.unit(layer)
            found.append(Parameter(f"weight{layer}", widths[layer - 1 : layer + 1], (self.inputs(layer), out)))
            if layer > 1:
                found.append(Parameter(f"bias{layer}", (widths[layer],), (out,)))
        return tuple(found)

    def real(self, parameter: Parameter) -> NDArray[np.bool_]:
        """Which entries of the padded tensor are the model's: columns that are no input and padding are not."""
        mask = np.zeros(parameter.padded, dtype=np.bool_)
        mask[tuple(slice(length) for length in parameter.shape)] = True
        if parameter.name == "weight1":
            mask[: self.columns][~np.array(self.told)] = False
        return mask

    @cached_property
    def entries(self) -> int:
        """Weights of the model: what privacy counts as released coordinates."""
        return sum(int(self.real(parameter).sum()) for parameter in self.parameters)
