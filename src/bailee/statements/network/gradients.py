"""One step's gradient sums: forward, loss, backward, clip, sum; as integers and on the tape (docs/training.md, 3 to 5).

Both modes read it: open iterates with public weights, the hidden model with committed ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.argument.nodes import Axis, Node
from bailee.errors import InputError
from bailee.statements.network import clipping, dense, relu
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.clipping import Clip, Norms
from bailee.statements.network.forward import layers_of, write_forward
from bailee.statements.network.losses import LOSSES
from bailee.statements.network.numbers import BACK_BITS, BACK_WITHIN, FEATURE_BITS, RESIDUAL_BITS, WEIGHT_BITS, Integers
from bailee.statements.network.stage import Stage

_BLOCK = 1 << 23
"""Values of one layer that are worked on at a time."""


def gradient_sums(
    architecture: Architecture,
    used: Mapping[str, Integers],
    features: NDArray[Any],
    present: NDArray[np.bool_],
    clip: Clip | None,
) -> tuple[dict[str, Integers], float]:
    """(G of each parameter, the summed loss) of one batch: features (rows, columns), present (rows,).

    G is at 2^28, clipped at 2^(28 + clip.bits). Raises StatementError on divergence, InputError on shapes.
    """
    if features.ndim != 2 or features.shape[1] != architecture.columns or present.shape != features.shape[:1]:
        raise InputError(f"expected rows of {architecture.columns} columns; got {features.shape} and {present.shape}")
    widest = max(architecture.columns, *architecture.hidden, architecture.outputs)
    step = max(1, _BLOCK // widest)
    sums: dict[str, Integers] = {}
    loss = 0.0
    for start in range(0, len(features), step):
        part = slice(start, start + step)
        found, more = _block(architecture, used, features[part].astype(np.int64), present[part], clip)
        for name, values in found.items():
            sums[name] = sums[name] + values if name in sums else values
        loss += more
    return sums, loss


def _block(
    architecture: Architecture,
    used: Mapping[str, Integers],
    x: Integers,
    present: NDArray[np.bool_],
    clip: Clip | None,
) -> tuple[dict[str, Integers], float]:
    if x.size and max(-int(x.min()), int(x.max())) > 1 << FEATURE_BITS:
        raise InputError(f"encoded values lie within {1 << FEATURE_BITS} of zero: all bounds of training rest on it")
    loss = LOSSES[architecture.loss]
    passed, z = layers_of(architecture, used, x)
    labels = x[:, list(architecture.labels)]
    d = np.where(present[:, None], loss.residual(z, labels), 0)
    values = [x, *(a for a, _ in passed)]
    residuals = [d]
    for layer in range(architecture.layers, 1, -1):
        raw = dense.back(residuals[0], used[f"weight{layer}"], _residual_bits(architecture, layer))
        residuals.insert(0, relu.back(raw, passed[layer - 2][1], _drop(architecture, layer), f"layer {layer - 1}"))
    extra = 0
    if clip:
        told = x[:, np.array(architecture.told)]
        norms = [
            Norms(
                _squared(told if layer == 1 else values[layer - 1]),
                _squared(residuals[layer - 1]),
                layer > 1,
                _lift(architecture, layer),
            )
            for layer in range(1, architecture.layers + 1)
        ]
        c = clipping.factors(norms, clip)
        residuals = [c[:, None] * residual for residual in residuals]
        extra = clip.bits
    sums: dict[str, Integers] = {}
    for layer in range(1, architecture.layers + 1):
        bits = _residual_bits(architecture, layer) + extra
        lift = _lift(architecture, layer)
        sums[f"weight{layer}"] = dense.gradient(values[layer - 1], residuals[layer - 1], bits) << lift
        if layer > 1:
            sums[f"bias{layer}"] = dense.bias_gradient(residuals[layer - 1]) << lift
    return sums, float(loss.value(z, labels)[present].sum())


def _squared(values: Integers) -> Integers:
    found: Integers = np.einsum("...i,...i->...", values, values)
    return found


def _residual_bits(architecture: Architecture, layer: int) -> int:
    return LOSSES[architecture.loss].residual_bits if layer == architecture.layers else BACK_WITHIN


def _lift(architecture: Architecture, layer: int) -> int:
    """How much coarser the residual of this layer is than the last one's."""
    return 0 if layer == architecture.layers else RESIDUAL_BITS - BACK_BITS


def _drop(architecture: Architecture, layer: int) -> int:
    """From what this layer passes back to the residual of the one below, which is hidden."""
    return WEIGHT_BITS + _lift(architecture, layer - 1) - _lift(architecture, layer)


def write_gradients(
    stage: Stage, architecture: Architecture, x: Node, used: Mapping[str, Node], clip: Clip | None
) -> dict[str, Node]:
    """G of every parameter over (epoch, step, ...), from rows x over (step, batch, column)."""
    layers = architecture.layers
    passed = write_forward(stage, architecture, x, used)
    outs = architecture.unit(layers)
    d = _write_residual(stage, architecture, x, passed.z, outs)
    residuals = [d]
    for layer in range(layers, 1, -1):
        ins = architecture.unit(layer - 1)
        bits = _residual_bits(architecture, layer)
        raw = dense.write_back(stage, residuals[0], used[f"weight{layer}"], bits, ins, architecture.unit(layer))
        residuals.insert(0, relu.write_back(stage, raw, passed.gates[layer - 2], _drop(architecture, layer), ins))
    extra = 0
    if clip:
        residuals = _write_clipped(stage, architecture, x, passed.values, residuals, clip)
        extra = clip.bits
    sums: dict[str, Node] = {}
    for layer in range(1, layers + 1):
        ins, unit = architecture.inputs(layer), architecture.unit(layer)
        bits = _residual_bits(architecture, layer) + extra
        residual = residuals[layer - 1]
        found = {f"weight{layer}": dense.write_gradient(stage, passed.values[layer - 1], residual, bits, ins, unit)}
        if layer > 1:
            found[f"bias{layer}"] = dense.write_bias_gradient(stage, residual, unit)
        lift = _lift(architecture, layer)
        for name, node in found.items():
            sums[name] = stage.tape.linear(node.axes, [(1 << lift, node)]) if lift else node
    return sums


def _write_residual(stage: Stage, architecture: Architecture, x: Node, z: Node, outs: Axis) -> Node:
    """The last layer's residual; that of padding rows and outputs is zero."""
    tape, column = stage.tape, architecture.column
    pick = np.zeros((column.size, outs.size), dtype=np.int64)
    pick[list(architecture.labels), np.arange(architecture.outputs)] = 1
    labels = tape.contract(
        (*stage.data, outs),
        x,
        tape.public((column, outs), pick),
        over=(column,),
        compute=lambda: _columns(stage, x, np.array(architecture.labels), outs),
    )
    real = np.arange(outs.size) < architecture.outputs
    d = LOSSES[architecture.loss].write(stage, z, labels, outs, real)
    if stage.present.all() and real.all():
        return d
    rows = tape.public(stage.data, stage.present.astype(np.int64))
    return stage.product((*stage.rows, outs), tape.outer(rows, tape.public((outs,), real.astype(np.int64))), d)


def _columns(stage: Stage, x: Node, columns: NDArray[np.int64], axis: Axis) -> Integers:
    """Some columns of x, padded with zeros to an axis."""
    cube = stage.tape.values(x).reshape(stage.step.size, stage.batch.size, -1)
    found = np.zeros((stage.step.size, stage.batch.size, axis.size), dtype=np.int64)
    found[..., : len(columns)] = field.to_signed(np.take(cube, columns, axis=-1))
    return found


def _write_clipped(
    stage: Stage, architecture: Architecture, x: Node, values: list[Node], residuals: list[Node], clip: Clip
) -> list[Node]:
    tape, column = stage.tape, architecture.column
    # the first layer's values are all columns less those that are no input
    others = Axis.of("other", architecture.told.count(False))
    pick = np.zeros((column.size, others.size), dtype=np.int64)
    left_out = np.flatnonzero(~np.array(architecture.told))
    pick[left_out, np.arange(len(left_out))] = 1
    rest = tape.contract(
        (*stage.data, others),
        x,
        tape.public((column, others), pick),
        over=(column,),
        compute=lambda: _columns(stage, x, left_out, others),
    )
    every = stage.squares(stage.data, x, x, column)
    inputs = tape.linear(stage.data, [(1, every), (-1, stage.squares(stage.data, rest, rest, others))])
    norms: list[Norms[Node]] = []
    for layer, (a, d) in enumerate(zip(values, residuals, strict=True), start=1):
        ins, unit = architecture.inputs(layer), architecture.unit(layer)
        left = inputs if layer == 1 else stage.squares(stage.rows, a, a, ins)
        right = stage.squares(stage.rows, d, d, unit)
        norms.append(Norms(left, right, layer > 1, _lift(architecture, layer)))
    c = clipping.write_factors(stage, norms, clip)
    return [stage.product((*stage.rows, architecture.unit(layer)), c, d) for layer, d in enumerate(residuals, start=1)]
