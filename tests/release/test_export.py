"""Exports answer what the proven integers answer, within the bound they state, and say where they come from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bailee.records.schema import BIAS, UNIT
from bailee.release import ReleasedModel, float_bound, onnx_bytes, safetensors_bytes
from bailee.seal.encode import encode_features
from release.models import model, reference

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

CASES = [
    ("logistic", (), ""),
    ("logistic", (8, 5), ""),
    ("softmax", (), ""),
    ("softmax", (16,), "row_norm = 2.25\nover_norm = 'shrink'"),
    ("squared", (), ""),
    ("squared", (7, 9, 4), "row_norm = 2.5"),
]


def rows(count: int, seed: int) -> dict[str, list[Any]]:
    random = np.random.default_rng(seed)
    return {
        "age": [None if u < 0.1 else round(0.3 + 99.4 * float(u), seed + 1) for u in random.random(count)],
        "vessels": random.integers(-3, 5, count).tolist(),
        "pain": random.choice(["none", "mild", "bad", "?"], count).tolist(),
        "smoker": random.choice([True, False], count).tolist(),
        "numbers": random.choice(["1", "2"], count).tolist(),
    }


def write_csv(path: Path, table: dict[str, list[Any]]) -> Path:
    lines = [",".join(table)]
    for row in zip(*table.values(), strict=True):
        lines.append(
            ",".join("" if cell is None else repr(cell) if isinstance(cell, float) else str(cell) for cell in row)
        )
    path.write_text("\n".join(lines) + "\n")
    return path


def run(data: bytes, table: dict[str, list[Any]]) -> tuple[np.ndarray, np.ndarray]:
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    columns = [
        [np.nan if cell is None else float(cell) for cell in table[name]] for name in ("age", "vessels", "smoker")
    ]
    feed = {
        "numbers": np.array(columns, dtype=np.float64).T,
        "pain": np.array(table["pain"], dtype=object).reshape(-1, 1),
        "category numbers": np.array(table["numbers"], dtype=object).reshape(-1, 1),
    }
    outputs, scores = session.run(["outputs", "scores"], feed)
    assert outputs.dtype == scores.dtype == np.float32
    return outputs, scores


def fitting(found: ReleasedModel, table: dict[str, list[Any]], path: Path) -> dict[str, list[Any]]:
    """The rows within the norm bound, where others are refused."""
    wide = replace(found.schema, row_norm=None)
    matrix = encode_features(write_csv(path, table), wide)
    keep = (matrix**2).sum(axis=1) <= found.schema.row_bound
    if found.schema.over_norm == "shrink":
        return table
    return {name: [cell for cell, kept in zip(cells, keep, strict=True) if kept] for name, cells in table.items()}


@pytest.mark.parametrize(("loss", "hidden", "extra"), CASES)
def test_onnx_is_within_the_bound_of_the_integers(
    loss: str, hidden: tuple[int, ...], extra: str, tmp_path: Path
) -> None:
    for seed in range(3):
        found = model(loss, hidden, seed, extra, left_out=("vessels",) if seed == 2 else ())
        table = fitting(found, rows(300, seed), tmp_path / "t.csv")
        matrix = encode_features(write_csv(tmp_path / "t.csv", table), found.schema)
        z, expected = reference(found, matrix)
        outputs, scores = run(onnx_bytes(found), table)
        bound = float_bound(found)
        off = np.abs(outputs - z / 2**26).max()
        assert off <= bound.outputs
        assert bound.outputs <= 0.05
        if loss == "squared":
            slope, offset = found.target
            expected = expected * slope + offset
        if loss == "logistic":
            expected = np.hstack([1 - expected, expected])
        assert np.abs(scores - expected).max() <= bound.scores
        if hidden:  # the bound is of the right kind: rounding in the integers is seen
            assert off > bound.outputs / 1000


@pytest.mark.parametrize(("loss", "hidden", "extra"), CASES)
def test_a_released_model_answers_in_the_proven_integers(
    loss: str, hidden: tuple[int, ...], extra: str, tmp_path: Path
) -> None:
    found = model(loss, hidden, 1, extra)
    table = fitting(found, rows(60, 1), tmp_path / "t.csv")
    matrix = encode_features(tmp_path / "t.csv" if not extra else write_csv(tmp_path / "t.csv", table), found.schema)
    z, expected = reference(found, matrix)
    assert (found.outputs(matrix) == z).all()
    if loss == "softmax":  # scores are computed from those integers, without the table's rounding
        assert np.abs(found.scores(matrix) - expected).max() <= float_bound(found).scores


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("age", 0.29),
        ("age", 99.8),
        ("vessels", 1.5),
        ("vessels", None),
        ("pain", "None"),
        ("numbers", "?"),
        ("smoker", 2),
    ],
)
def test_a_row_that_does_not_fit_answers_nan(name: str, cell: Any) -> None:
    table = rows(5, 7)
    table[name][3] = cell
    outputs, scores = run(onnx_bytes(model("softmax", (4,), 0)), table)
    assert np.isnan(outputs).any(axis=1).tolist() == [False, False, False, True, False]
    assert np.isnan(scores).all(axis=1).tolist() == [False, False, False, True, False]


def test_a_row_above_the_norm_answers_nan(tmp_path: Path) -> None:
    found = model("logistic", (), 0, "row_norm = 2.2")
    table = rows(200, 3)
    matrix = encode_features(write_csv(tmp_path / "t.csv", table), replace(found.schema, row_norm=None))
    over = (matrix**2).sum(axis=1) > found.schema.row_bound
    assert 0 < over.sum() < 200
    assert (np.isnan(run(onnx_bytes(found), table)[0][:, 0]) == over).all()


@pytest.mark.parametrize(("loss", "hidden", "extra"), CASES)
def test_safetensors_hold_the_exact_weights(loss: str, hidden: tuple[int, ...], extra: str) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    found = model(loss, hidden, 4, extra)
    tensors = safetensors.load(safetensors_bytes(found))
    assert sorted(tensors) == sorted(f"{2 * n}.{part}" for n in range(len(hidden) + 1) for part in ("weight", "bias"))
    places = [found.schema.layout.names.index(name) for name in found.inputs]
    first = found.weights["weight1"]
    assert (tensors["0.weight"] * 2**14 == first[places].T).all()
    assert (tensors["0.bias"] * 2**14 == first[found.schema.layout.names.index(BIAS)]).all()
    for layer in range(2, len(hidden) + 2):
        assert (tensors[f"{2 * layer - 2}.weight"] * 2**14 == found.weights[f"weight{layer}"].T).all()
    # What any float library makes of them is within the bound too.
    random = np.random.default_rng(0)
    whole = np.zeros((50, len(found.schema.layout.names)), dtype=np.int64)
    whole[:, places[:2]] = random.integers(-UNIT, UNIT + 1, (50, 2))
    whole[:, places[2]] = UNIT
    whole[:, found.schema.layout.names.index(BIAS)] = UNIT
    value = (whole[:, places] / UNIT).astype(np.float32)
    for n in range(len(hidden) + 1):
        value = value @ tensors[f"{2 * n}.weight"].T + tensors[f"{2 * n}.bias"]
        value = np.maximum(value, 0) if n < len(hidden) else value
    assert np.abs(value - reference(found, whole)[0] / 2**26).max() <= float_bound(found).outputs


def test_an_export_says_where_it_comes_from() -> None:
    found = model("softmax", (4,), 0)
    said = {one.key: one.value for one in onnx.load_from_string(onnx_bytes(found)).metadata_props}
    assert said["bailee.passport"] == "ab" * 32
    assert said["bailee.commitment"] == "cd" * 32
    assert json.loads(said["bailee.classes"]) == ["red", "green", "blue"]
    assert json.loads(said["bailee.numbers"]) == ["age", "vessels", "smoker"]
    assert float(said["bailee.bound.outputs"]) == float_bound(found).outputs
    assert onnx_bytes(found) == onnx_bytes(found)
    unproven = replace(found, passport=None, commitment=None)
    said = {one.key: one.value for one in onnx.load_from_string(onnx_bytes(unproven)).metadata_props}
    assert said["bailee.proven"].startswith("no")
