"""The model as an ONNX graph that takes rows as a table holds them and answers what the passport's model answers.

Inputs: `numbers`, float64 (rows, k), the schema's number, integer and flag columns in their order (NaN a missing cell,
flags 0 and 1); and for each category column a string tensor (rows, 1) of its name, its cells trimmed. Outputs:
`outputs`, the last layer's, and `scores`, probabilities or values in the table's units; float32. A row that does not
fit the schema answers NaN. The encoding computes in float64 what `bailee.seal.encode` does, to the same integers; the
layers compute in float32, within `bailee.release.bound`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bailee.records.schema import UNIT, Column
from bailee.release.description import description, missing_extra
from bailee.release.model import ReleasedModel

OPSET, ML_OPSET, IR = 18, 2, 9
NUMBERS, OUTPUTS, SCORES = "numbers", "outputs", "scores"


def onnx_bytes(model: ReleasedModel) -> bytes:
    """The file's bytes. InputError where the package onnx is not installed."""
    try:
        from onnx import TensorProto, checker, helper
    except ImportError:
        raise missing_extra("onnx") from None
    graph = _Graph()
    encoded, fits = _encode(graph, model)
    outputs, scores = _layers(graph, model, encoded)
    nothing = graph.constant(np.float32(np.nan))
    graph.add("Where", [fits, outputs, nothing], OUTPUTS)
    graph.add("Where", [fits, scores, nothing], SCORES)
    numeric, categories = _split(model)
    inputs = [helper.make_tensor_value_info(NUMBERS, TensorProto.DOUBLE, ["rows", len(numeric)])] if numeric else []
    inputs += [helper.make_tensor_value_info(_named(one), TensorProto.STRING, ["rows", 1]) for one in categories]
    width = model.architecture.outputs
    results = [
        helper.make_tensor_value_info(OUTPUTS, TensorProto.FLOAT, ["rows", width]),
        helper.make_tensor_value_info(SCORES, TensorProto.FLOAT, ["rows", max(width, len(model.classes))]),
    ]
    made = helper.make_model(
        helper.make_graph(graph.nodes, "bailee", inputs, results, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
        producer_name="bailee",
        ir_version=IR,
    )
    numbers = [column.name for column in numeric]
    helper.set_model_props(made, {**description(model), "bailee.numbers": json.dumps(numbers, ensure_ascii=False)})
    checker.check_model(made, full_check=True)
    found: bytes = made.SerializeToString(deterministic=True)
    return found


@dataclass
class _Graph:
    """Nodes and constants so far; `add` and `constant` return the name of what they make."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def add(self, kind: str, inputs: Sequence[str], name: str = "", domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        name = name or f"{kind.lower()}/{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], domain=domain, **attributes))
        return name

    def constant(self, value: Any) -> str:
        from onnx import numpy_helper

        name = f"constant/{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def cast(self, value: str, kind: int) -> str:
        return self.add("Cast", [value], to=kind)


def _named(column: Column) -> str:
    """The graph's input for a category: the column's name, unless the graph has that name already."""
    taken = column.name in (NUMBERS, OUTPUTS, SCORES) or "/" in column.name
    return f"category {column.name}" if taken else column.name


def _split(model: ReleasedModel) -> tuple[list[Column], list[Column]]:
    features = model.schema.features
    numeric = [column for column in features if column.type != "category"]
    return numeric, [column for column in features if column.type == "category"]


def _encode(graph: _Graph, model: ReleasedModel) -> tuple[str, str]:
    """(encoded rows, float64 integers, numeric columns first; which rows fit the schema, boolean (rows, 1))."""
    numeric, categories = _split(model)
    parts: list[str] = []
    fits: list[str] = []
    shrinking = np.array([column.type == "number" for column in numeric])
    if numeric:
        part, fit = _numbers(graph, numeric)
        parts.append(part)
        fits.append(fit)
    for column in categories:
        part, fit = _category(graph, column, model.schema.missing_values)
        parts.append(part)
        fits.append(fit)
    whole = graph.add("Concat", parts, axis=1)
    if model.schema.row_norm is not None:
        width = len(numeric) + sum(len(column.encoded) for column in categories)
        mask = np.zeros(width)
        mask[: len(numeric)] = shrinking
        whole, fit = _bound(graph, whole, mask, model)
        fits.append(fit)
    every = fits[0]
    for fit in fits[1:]:
        every = graph.add("And", [every, fit])
    return whole, every


def _numbers(graph: _Graph, columns: list[Column]) -> tuple[str, str]:
    """What encode does to numbers, operation for operation, so that both round alike."""
    flags = np.array([column.type == "flag" for column in columns])
    low = np.array([float(column.min or 0) for column in columns])
    high = np.array([1.0 if column.type == "flag" else float(column.max or 0) for column in columns])
    factor = np.where(flags, UNIT, 2 * UNIT / (high - low))
    fill = np.array([np.nan if column.missing is None else _fill(column) for column in columns])
    whole = np.array([column.type != "number" for column in columns])
    x = graph.add("Where", [graph.add("IsNaN", [NUMBERS]), graph.constant(fill), NUMBERS])
    inside = graph.add(
        "And",
        [
            graph.add("GreaterOrEqual", [x, graph.constant(low)]),
            graph.add("LessOrEqual", [x, graph.constant(high)]),
        ],
    )
    is_whole = graph.add("Equal", [x, graph.add("Floor", [x])])
    inside = graph.add("And", [inside, graph.add("Or", [is_whole, graph.constant(~whole)])])
    scaled = graph.add("Mul", [graph.add("Sub", [x, graph.constant(low)]), graph.constant(factor)])
    rounded = graph.add("Sub", [graph.add("Round", [scaled]), graph.constant(np.where(flags, 0.0, UNIT))])
    safe = graph.add("Where", [inside, rounded, graph.constant(np.float64(0))])
    return safe, _every(graph, inside)


def _category(graph: _Graph, column: Column, missing: Sequence[str]) -> tuple[str, str]:
    from onnx import TensorProto

    keys = list(column.categories)
    places = list(range(len(keys)))
    blank = [text for text in missing if text not in keys]
    if column.missing is not None:
        keys += blank
        places += [column.categories.index(column.missing)] * len(blank)
    # As encode does, a spelling of missing cells means a missing cell even where a category is spelled so.
    for text in set(missing) & set(column.categories):
        places[keys.index(text)] = -1 if column.missing is None else column.categories.index(column.missing)
    index = graph.add(
        "LabelEncoder", [_named(column)], domain="ai.onnx.ml", keys_strings=keys, values_int64s=places, default_int64=-1
    )
    hot = graph.add("Equal", [index, graph.constant(np.arange(len(column.categories)).reshape(1, -1))])
    value = graph.add("Mul", [graph.cast(hot, TensorProto.DOUBLE), graph.constant(np.float64(UNIT))])
    return value, graph.add("GreaterOrEqual", [index, graph.constant(np.int64(0))])


def _bound(graph: _Graph, whole: str, mask: NDArray[np.float64], model: ReleasedModel) -> tuple[str, str]:
    """Rows above the norm bound do not fit, or their numbers shrink; float64 holds these integers exactly."""
    bound = float(model.schema.row_bound - UNIT * UNIT)  # the bias is always there

    def squares(value: str) -> str:
        axes = graph.constant(np.array([1], dtype=np.int64))
        return graph.add("ReduceSum", [graph.add("Mul", [value, value]), axes], keepdims=1)

    limit = graph.constant(np.float64(bound))
    total = squares(whole)
    if model.schema.over_norm == "refuse":
        return whole, graph.add("LessOrEqual", [total, limit])
    part = graph.add("Mul", [whole, graph.constant(mask)])
    own = squares(part)
    room = graph.add("Sub", [limit, graph.add("Sub", [total, own])])
    fit = graph.add("GreaterOrEqual", [room, graph.constant(np.float64(0))])
    least = graph.add("Max", [own, graph.constant(np.float64(1))])
    ratio = graph.add("Div", [graph.add("Max", [room, graph.constant(np.float64(0))]), least])
    scaled = graph.add("Mul", [part, graph.add("Sqrt", [ratio])])
    cut = graph.add("Mul", [graph.add("Sign", [scaled]), graph.add("Floor", [graph.add("Abs", [scaled])])])
    small = graph.add("Add", [cut, graph.add("Sub", [whole, part])])
    over = graph.add("Greater", [total, limit])
    return graph.add("Where", [over, small, whole]), fit


def _layers(graph: _Graph, model: ReleasedModel, encoded: str) -> tuple[str, str]:
    from onnx import TensorProto

    value = graph.add("Mul", [graph.cast(encoded, TensorProto.FLOAT), graph.constant(np.float32(1 / UNIT))])
    layers = model.layers
    for number, layer in enumerate(layers):
        weight = _arranged(model, layer.weight) if number == 0 else layer.weight
        value = graph.add(
            "Gemm",
            [
                value,
                graph.constant(weight.astype(np.float32)),
                graph.constant(layer.bias.astype(np.float32)),
            ],
        )
        if number + 1 < len(layers):
            value = graph.add("Relu", [value])
    if model.architecture.loss == "logistic":
        one = graph.add("Sigmoid", [value])
        return value, graph.add("Concat", [graph.add("Sub", [graph.constant(np.float32(1)), one]), one], axis=1)
    if model.architecture.loss == "softmax":
        return value, graph.add("Softmax", [value], axis=1)
    slope, offset = (graph.constant(np.float32(number)) for number in model.target)
    return value, graph.add("Add", [graph.add("Mul", [value, slope]), offset])


def _arranged(model: ReleasedModel, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first layer's rows in the order of the graph's encoded columns; those the model leaves out weigh 0."""
    rows = {name: row for row, name in enumerate(model.inputs)}
    numeric, categories = _split(model)
    names = [name for column in (*numeric, *categories) for name in column.encoded]
    found = np.zeros((len(names), weight.shape[1]))
    for place, name in enumerate(names):
        if name in rows:
            found[place] = weight[rows[name]]
    return found


def _every(graph: _Graph, inside: str) -> str:
    """Boolean (rows, 1): all of a row's columns."""
    from onnx import TensorProto

    whole = graph.cast(inside, TensorProto.FLOAT)
    return graph.cast(graph.add("ReduceMin", [whole, graph.constant(np.array([1]))], keepdims=1), TensorProto.BOOL)


def _fill(column: Column) -> float:
    return float(column.missing == "true") if column.type == "flag" else float(column.missing or 0)
