"""What counts as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from bailee.errors import InputError
from bailee.verbs.tables import table_of

WANTED = {"age": [31.0, None], "sex": ["f", "m"]}


class Stream:
    """As Polars, DuckDB and others hand a table over."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(schema)


@pytest.mark.parametrize(
    "given",
    [
        WANTED,
        {"age": np.array([31.0, np.nan]), "sex": np.array(["f", "m"])},
        pd.DataFrame({"age": [31.0, float("nan")], "sex": ["f", "m"]}, index=[7, 8]),
        pa.table(WANTED),
        pa.table(WANTED).to_batches()[0],
        Stream(pa.table(WANTED)),
        np.array([(31.0, "f"), (np.nan, "m")], dtype=[("age", "f8"), ("sex", "U1")]),
    ],
    ids=["dict", "arrays", "pandas", "table", "batch", "stream", "structured"],
)
def test_rows_are_the_same_from_whatever_holds_them(given: Any) -> None:
    assert table_of(given).to_pydict() == WANTED


def test_a_text_is_a_file() -> None:
    assert table_of("rows.csv") == Path("rows.csv")
    assert table_of(Path("rows.csv")) == Path("rows.csv")


def test_an_array_without_names_is_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match=r"shape \(2, 3\).*does not name its columns"):
        table_of(np.zeros((2, 3)))


@pytest.mark.parametrize("given", [3, None, [1, 2], object()])
def test_what_is_no_table_is_refused(given: object) -> None:
    with pytest.raises(InputError, match="expected a table"):
        table_of(given)


def test_a_column_alone_is_no_table() -> None:
    with pytest.raises(InputError, match="Series"):
        table_of(pd.Series([1, 2], name="age"))


def test_a_refusal_shows_no_cell() -> None:
    with pytest.raises(InputError) as caught:
        table_of({"age": ["secret", 3]})
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__
