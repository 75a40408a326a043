"""A committed model applied to committed rows, on the tape (docs/statements.md): what inference and evaluation share.

The forward half is that of training (`network.forward`); here are the model's own conditions and the
deciding: which class has the largest logit, exactly and both ways.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bailee.algebra import field
from bailee.algebra.field import P
from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import Axis, Node
from bailee.argument.tape import Tape
from bailee.errors import RecordError, StatementError
from bailee.records.canonical import Json
from bailee.statements.network.architecture import Architecture, Parameter
from bailee.statements.network.forward import write_forward
from bailee.statements.network.numbers import ACTIVATION_BITS, FEATURE_BITS, SCORE_BITS, USED_BITS, Integers, ints
from bailee.statements.network.stage import Stage

MARGIN_BITS = 32
"""Logits of one row are less than 2^32 apart, 64 in real units, unless a claim says otherwise."""
LEAST_MARGIN, MOST_MARGIN = 24, 46
_EPOCH, _STEP = Axis("epoch", 0), Axis("step", 0)


def used_tensor(parameter: Parameter) -> str:
    """The name, in a boundary's commitment (`network.boundary`), of the weights as a prediction uses them."""
    return f"{parameter.name} used"


def architecture_json(architecture: Architecture, columns: Sequence[str]) -> dict[str, Json]:
    """An architecture on columns of these names, as a record tells it."""
    return {
        "columns": list(columns),
        "hidden": list(architecture.hidden),
        "loss": architecture.loss,
        "labels": [columns[place] for place in architecture.labels],
        "inputs": [name for name, told in zip(columns, architecture.told, strict=True) if told],
    }


def read_architecture(value: Mapping[str, Any]) -> tuple[Architecture, tuple[str, ...]]:
    """The architecture of a record and its columns' names. Raises RecordError, PlanError."""
    if set(value) != {"columns", "hidden", "loss", "labels", "inputs"}:
        raise RecordError("an architecture has exactly columns, hidden, loss, labels and inputs")
    lists = [value[name] for name in ("columns", "labels", "inputs")]
    texts = all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists)
    widths = isinstance(value["hidden"], list) and all(type(width) is int for width in value["hidden"])
    if not texts or not widths or not isinstance(value["loss"], str):
        raise RecordError("an architecture has lists of names, a list of widths and the name of a loss")
    columns, labels, inputs = lists
    if len(set(columns)) != len(columns) or not {*labels, *inputs} <= set(columns):
        raise RecordError("an architecture's columns are named once, labels and inputs are among them")
    told = tuple(name in inputs for name in columns)
    if [name for name in columns if name in inputs] != inputs:
        raise RecordError("an architecture's inputs are in the order of its columns")
    places = tuple(columns.index(name) for name in labels)
    hidden = tuple(value["hidden"])
    return Architecture(len(columns), hidden, len(labels), value["loss"], places, told), tuple(columns)


def write_logits(
    tape: Tape, architecture: Architecture, model: Commitment, opening: int, features: Node, rows: Axis
) -> Node:
    """The last layer at 2^26 over (rows, class), of the model committed to; `features` over (step, rows, column).

    Features are within 2^12 of zero: by a card's proof, by a look-up or publicly. Used weights are shown to be in
    range and zero where the architecture has none, so that whoever checks this need not have checked the training.
    """
    source = tape.source(model, opening)
    stage = Stage(tape, _EPOCH, _STEP, rows, np.ones((1, rows.size), dtype=np.bool_))
    nodes = {one.name: _weight(tape, architecture, source, one) for one in architecture.parameters}
    return without_time(tape, write_forward(stage, architecture, features, nodes).z)


def commit_features(tape: Tape, source: int, tensor: str, rows: Axis, column: Axis) -> Node:
    """Committed rows over (step, rows, column), as `write_logits` takes them."""
    return tape.committed(source, tensor, (_STEP, rows, column))


def public_features(tape: Tape, rows: Axis, column: Axis, values: Integers) -> Node:
    whole = np.zeros((rows.size, column.size), dtype=np.int64)
    whole[: len(values), : values.shape[1]] = values
    return tape.public((_STEP, rows, column), whole)


def without_time(tape: Tape, node: Node) -> Node:
    """The node without the axes of steps and epochs, which have one entry here."""
    for axis in (_EPOCH, _STEP):
        if axis in node.axes:
            node = tape.select(node, axis, 0)
    return node


def require_margin(architecture: Architecture, margin_bits: int) -> None:
    """That no difference of logits can wrap around p and look small. Raises StatementError."""
    if not LEAST_MARGIN <= margin_bits <= MOST_MARGIN:
        raise StatementError(f"margin_bits: expected {LEAST_MARGIN} to {MOST_MARGIN}, got {margin_bits}")
    ins = architecture.inputs(architecture.layers).size
    ties = architecture.unit(architecture.layers).bits
    largest = (ins << (ACTIVATION_BITS + USED_BITS - 1)) + (1 << (FEATURE_BITS + USED_BITS - 1))
    if (largest << (ties + 2)) + (1 << (margin_bits + ties + 1)) >= P:
        raise StatementError(f"logits of {ins} units and 2^{ties} classes could wrap around: use fewer of either")


def choose_class(tape: Tape, architecture: Architecture, logits: Node, margin_bits: int) -> Node:
    """A committed one-hot code over (rows, class) of the largest logit, the lowest class where several are largest.

    Logits are ranked as 2^k z - class, which are all different; chosen is the one that no other is above. So there is
    one such code for each row: a proof can claim neither more right answers than there are nor fewer.
    """
    require_margin(architecture, margin_bits)
    klass = architecture.unit(architecture.layers)
    rows = tuple(axis for axis in logits.axes if axis != klass)
    axes, bits = (*rows, klass), margin_bits + klass.bits
    real = np.arange(klass.size) < architecture.outputs
    place = tape.public((klass,), np.arange(klass.size))
    ranked = tape.linear(axes, [(klass.size, logits), (-1, place)])

    def one_hot() -> Integers:
        found = choices(ints(tape, logits, axes)[..., : architecture.outputs])
        code: Integers = (found[..., None] == np.arange(klass.size)).astype(np.int64)
        return code

    chosen = tape.advice("chosen", axes, one_hot)
    tape.boolean(chosen)
    # padding counts twice: a sum of one leaves it out
    weight = tape.public((klass,), np.where(real, 1, 2))
    summed = tape.contract(rows, chosen, weight, over=(klass,), compute=lambda: _total(tape, chosen, weight, axes))
    tape.zero(tape.linear(rows, [(1, summed)], -1))
    top = tape.contract(rows, chosen, ranked, over=(klass,), compute=lambda: _total(tape, chosen, ranked, axes))
    behind = tape.linear(axes, [(1, top), (-1, ranked)])
    if not real.all():
        behind = product(tape, axes, tape.public((klass,), real.astype(np.int64)), behind)
    tape.within(behind, bits)
    return chosen


def choose_side(tape: Tape, architecture: Architecture, logits: Node, threshold: int, margin_bits: int) -> Node:
    """A committed bit for each row: 1 where the one logit is above `threshold` (at 2^26), 0 where it is not."""
    require_margin(architecture, margin_bits)
    require_threshold(threshold)
    klass = architecture.unit(architecture.layers)
    away = tape.linear(logits.axes, [(1, logits)], -threshold)
    chosen = tape.advice("chosen", logits.axes, lambda: (ints(tape, away, logits.axes) > 0).astype(np.int64))
    tape.boolean(chosen)
    above = product(tape, logits.axes, chosen, away)
    # chosen: away - 1; not chosen: -away. Both are not negative only where the choice is right.
    tape.within(tape.linear(logits.axes, [(2, above), (-1, away), (-1, chosen)]), margin_bits)
    return tape.select(chosen, klass, 0)


def require_threshold(threshold: int) -> None:
    if abs(threshold) >= 1 << (SCORE_BITS + 5):
        raise StatementError(f"a threshold lies within 32 (2^{SCORE_BITS + 5}) of zero, got {threshold}")


def choices(logits: Integers) -> Integers:
    """The class chosen for each row: the first of the largest."""
    found: Integers = logits.argmax(axis=-1)
    return found


def require_spread(logits: Integers, threshold: int, margin_bits: int) -> None:
    """Before anything is proven: that logits are close enough. Raises StatementError that says how to go on."""
    if logits.shape[-1] == 1:
        spread = int(np.abs(logits - threshold).max())
    else:
        spread = int((logits.max(axis=-1) - logits.min(axis=-1)).max()) + 1
    if spread >= 1 << margin_bits:
        raise StatementError(
            f"logits of one row lie 2^{spread.bit_length()} apart, the claim allows 2^{margin_bits}: "
            f"give a margin of {spread.bit_length() + 1} bits"
        )


def product(tape: Tape, axes: tuple[Axis, ...], left: Node, right: Node) -> Node:
    """left * right, entry by entry; both are so small that the product is below 2^63."""
    if not axes:
        return tape.contract(axes, left, right, compute=lambda: field.mul(tape.values(left), tape.values(right)))
    return tape.contract(axes, left, right, compute=lambda: ints(tape, left, axes) * ints(tape, right, axes))


def _total(tape: Tape, left: Node, right: Node, axes: tuple[Axis, ...]) -> Integers:
    """The sum over the last of `axes` of left * right."""
    found: Integers = (ints(tape, left, axes) * ints(tape, right, axes)).sum(axis=-1)
    return found


def _weight(tape: Tape, architecture: Architecture, source: int, parameter: Parameter) -> Node:
    axes = (_EPOCH, _STEP, *parameter.axes)
    used = tape.committed(source, used_tensor(parameter), axes)
    tape.within_signed(used, USED_BITS)
    masks = [np.arange(axis.size) < length for axis, length in zip(parameter.axes, parameter.shape, strict=True)]
    if parameter.name == "weight1":
        masks[0][: architecture.columns] &= np.array(architecture.told)
    if not all(mask.all() for mask in masks):
        # an outer product of two masks: whoever checks needs no room for a whole tensor
        real = [tape.public((axis,), mask.astype(np.int64)) for axis, mask in zip(parameter.axes, masks, strict=True)]
        kept = product(tape, axes, tape.outer(*real) if len(real) == 2 else real[0], used)
        tape.zero(tape.linear(axes, [(1, used), (-1, kept)]))
    return used
