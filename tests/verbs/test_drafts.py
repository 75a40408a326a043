"""A schema from rows: what is found, what is said of it, and that nobody uses one unseen."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bailee
from bailee.errors import InputError, PrivacyWarning, SchemaError
from bailee.records.schema import BINARY, CLASSES, NUMBER
from bailee.seal import read_schema
from bailee.seal.encode import encode
from bailee.verbs.drafts import schema_toml
from bailee.verbs.tables import table_of

ROWS = pd.DataFrame(
    {
        "age": [31, 47, 62],
        "dose": [0.5, None, 2.25],
        "sex": ["f", "m", None],
        "smoker": [True, False, True],
        "ill": [0, 1, 1],
    }
)


def test_kinds_bounds_and_fills_of_columns() -> None:
    draft = bailee.schema_of(ROWS, "ill", name="clinic")
    columns = {column.name: column for column in draft.found.columns}
    assert {name: column.type for name, column in columns.items()} == {
        "age": "integer", "dose": "number", "sex": "category", "smoker": "flag", "ill": "flag",
    }  # fmt: skip
    assert (columns["age"].min, columns["age"].max) == ("20", "80")
    assert columns["sex"].categories == ("f", "m", "unknown")
    assert columns["sex"].missing == "unknown"
    assert columns["dose"].missing is not None
    assert columns["age"].missing is None
    assert draft.told == {"age", "dose", "sex"}
    assert "column smoker, type flag, holds 0 or 1, missing none" in repr(draft)


def test_what_is_left_of_the_rows_is_warned_of_by_name() -> None:
    draft = bailee.schema_of(ROWS, "ill").known("age", min=0, max=120)
    with pytest.warns(PrivacyWarning, match="of dose, sex were taken from the rows"):
        draft.accept()


def test_a_draft_that_somebody_put_right_is_silent_and_seals_the_rows() -> None:
    draft = bailee.schema_of(ROWS, "ill").known("age", min=0, max=120).known("dose", min=0, max=5, missing=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schema = draft.known("sex", categories=["f", "m", "x"], missing="x").accept()
    assert encode(table_of(ROWS), schema).shape[0] == 3


def test_a_draft_is_no_schema(tmp_path: Path) -> None:
    party = bailee.init("Clinic", tmp_path / "clinic")
    with pytest.raises(InputError, match=r"this is a draft: look at it"):
        party.seal(ROWS, bailee.schema_of(ROWS, "ill"))  # type: ignore[arg-type]
    assert not (tmp_path / "clinic" / "datasets").exists()


def test_a_draft_says_in_its_file_what_the_rows_told() -> None:
    draft = bailee.schema_of(ROWS, "ill").known("age", min=0, max=120)
    assert draft.toml.count("as the rows have it") == 2
    assert read_schema(draft.toml.encode()) == draft.found


def test_a_label_of_texts_is_classes_or_says_which_count() -> None:
    rows = {"age": [1, 2, 3], "grade": ["a", "b", "a"]}
    assert bailee.schema_of(rows, "grade").found.label_kind == CLASSES
    assert bailee.schema_of(rows, "grade", positive=["b"]).found.label_column.positive == ("b",)
    later = bailee.schema_of(rows, "grade").known("grade", positive=["b"]).found
    assert (later.label_kind, later.label_column.positive) == (BINARY, ("b",))
    assert bailee.schema_of({"age": [1, 2], "dose": [0.1, 0.9]}, "dose").found.label_kind == NUMBER


def test_from_a_file(tmp_path: Path) -> None:
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    ROWS.to_parquet(tmp_path / "rows.parquet")
    from_file = bailee.schema_of(tmp_path / "rows.csv", "ill")
    assert {one.name: one.type for one in from_file.found.columns}["dose"] == "number"
    assert bailee.schema_of(tmp_path / "rows.parquet", "ill").found.columns[0].type == "integer"


@pytest.mark.parametrize(
    ("rows", "kind", "words"),
    [
        ({"age": [1, 2]}, SchemaError, "no column 'ill'"),
        ({"age": [1, 2], "ill": [True, None]}, InputError, "is the label and has empty cells"),
        ({"age": [None, None], "ill": [True, False]}, InputError, "leave it out"),
        ({"name": [str(n) for n in range(60)], "ill": [True] * 60}, InputError, "60 different texts"),
        ({"age": np.array([1.0, np.inf]), "ill": [True, False]}, InputError, "not finite"),
    ],
)
def test_what_makes_no_draft(rows: dict[str, object], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        bailee.schema_of(rows, "ill")


def test_a_column_that_is_not_there_and_a_word_that_is_none() -> None:
    draft = bailee.schema_of(ROWS, "ill")
    with pytest.raises(SchemaError, match="no column 'weight'; it has 'age', "):
        draft.known("weight", min=0)
    with pytest.raises(SchemaError, match="expected min, max"):
        draft.known("age", least=0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20),
    st.lists(st.one_of(st.none(), st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)), min_size=1),
)
def test_every_row_fits_the_draft_it_made(numbers: list[float], texts: list[str | None]) -> None:
    count = min(len(numbers), len(texts))
    rows = {"x": numbers[:count], "t": texts[:count], "ill": [True] * count}
    if len({text for text in texts[:count] if text is not None}) + (None in texts[:count]) < 2:
        rows["t"] = ["a", "b"][:1] * (count - 1) + ["b"] if count > 1 else ["a"]
    if count < 2:
        return
    draft = bailee.schema_of(rows, "ill")
    assert encode(table_of(rows), draft.found).shape[0] == count
    assert read_schema(schema_toml(draft.found).encode()) == draft.found
