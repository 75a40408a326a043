"""`bailee predict` and `bailee export`: what a published model answers, and the model as a file for other programs."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.text import Text

from bailee.adapters.files import write_new
from bailee.cli.face import AsJson, Face, command, facts_table
from bailee.errors import InputError
from bailee.release import ReleasedModel, float_bound, onnx_bytes, open_model, safetensors_bytes
from bailee.seal.encode import encode_features

Passport = Annotated[
    Path, typer.Argument(help="The passport, or the folder that holds it; its attachments lie beside it.")
]


@command
def predict(
    passport: Passport,
    data: Annotated[Path, typer.Argument(help="The rows: CSV with a header, or Parquet; no label is needed.")],
    out: Annotated[Path | None, typer.Option(help="Write the answers there as CSV, instead of printing them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Answer rows with a published model, in the integers that were proven: the same on every machine.

    Rows are encoded by the schema the owners sealed under. The passport is read, not checked: do that once with
    `bailee verify`.

    Example: `bailee predict passport.json patients.csv`
    """
    face = Face(as_json)
    _must_be_new(out)
    model = open_model(passport)
    scores = model.scores(encode_features(data, model.schema))
    heads, answers = _answers(model, scores)
    text = _csv(heads, answers)
    if out is not None:
        write_new(out, text.encode(), 0o644)
        facts: dict[str, Any] = {"rows": len(answers), "answers": str(out)}
        face.result(facts, facts_table(facts))
        return
    facts = {"label": model.schema.label, "rows": len(answers), "columns": heads, "answers": answers}
    face.result(facts, Text(text.rstrip("\n")))  # cells of a table: never read as markup


@command
def export(
    passport: Passport,
    onnx: Annotated[Path | None, typer.Option(help="Write an ONNX graph that takes rows as a table has them.")] = None,
    safetensors: Annotated[
        Path | None, typer.Option(help="Write the weights, named as PyTorch names those of a Sequential.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a published model for other programs. Its float32 answers equal the proven ones within a bound.

    The bound is derived from the weights and holds for every row that fits the schema; it is printed, and written into
    the files with the passport's digest. Needs the extra packages of `bailee[export]`.

    Example: `bailee export passport.json --onnx model.onnx --safetensors model.safetensors`
    """
    face = Face(as_json)
    if onnx is None and safetensors is None:
        raise InputError("nothing to write; name a file with --onnx, --safetensors or both")
    for path in (onnx, safetensors):
        _must_be_new(path)
    model = open_model(passport)
    files = [(onnx, onnx_bytes), (safetensors, safetensors_bytes)]
    made = [(path, write(model)) for path, write in files if path is not None]
    for path, content in made:
        write_new(path, content, 0o644)
    bound = float_bound(model)
    facts = {
        "files": [str(path) for path, _ in made],
        "passport": model.passport,
        "commitment": model.commitment,
        "bound_outputs": bound.outputs,
        "bound_scores": bound.scores,
    }
    shown = {
        "files": ", ".join(str(path) for path, _ in made),
        "passport": model.passport,
        "bound": f"{bound.outputs:.2g} on outputs, {bound.scores:.2g} on scores, for every row that fits",
    }
    face.result(facts, facts_table(shown))


def _must_be_new(path: Path | None) -> None:
    if path is not None and path.exists():
        raise InputError(f"{path} exists already; nothing is overwritten: choose another name, or move it away")


def _answers(model: ReleasedModel, scores: np.ndarray[Any, Any]) -> tuple[list[str], list[list[Any]]]:
    """(column names, one list a row): the class and every probability, or the value."""
    label, classes = model.schema.label, model.classes
    if not classes:
        return [label], [[float(value)] for value in scores[:, 0]]
    heads = [label, *(f"p({one})" for one in classes)]
    return heads, [[classes[int(row.argmax())], *map(float, row)] for row in scores]


def _csv(heads: list[str], answers: list[list[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows([f"{cell:.6f}" if isinstance(cell, float) else cell for cell in row] for row in answers)
    return text.getvalue()
