"""What counts as a table: a file, or pandas, Polars, PyArrow, DuckDB, or columns by name. Nothing is copied to disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bailee.adapters.tables import Source
from bailee.errors import InputError

_KINDS = (
    "a path of a CSV or Parquet file, a pandas, Polars or PyArrow table, anything with __arrow_c_stream__, or a dict "
    "of columns"
)


def table_of(given: Any) -> Source:
    """A path, or the table in memory. NaN in pandas or NumPy is a missing cell. Raises InputError for anything else."""
    if isinstance(given, str | os.PathLike):
        return Path(given)
    try:
        if isinstance(given, pa.Table):
            return given
        if isinstance(given, pa.RecordBatch):
            return pa.Table.from_batches([given])
        if type(given).__module__.partition(".")[0] == "pandas" and hasattr(given, "columns"):
            return pa.Table.from_pandas(given, preserve_index=False)
        if hasattr(given, "__arrow_c_stream__"):
            return pa.table(given)
        if isinstance(given, np.ndarray) and given.dtype.names:
            return _columns({name: given[name] for name in given.dtype.names})
        if isinstance(given, Mapping):
            return _columns(given)
    except (pa.ArrowException, TypeError, ValueError) as error:
        # Arrow's own words may quote a cell, which is somebody's secret.
        raise InputError(f"this {type(given).__name__} is no table that Arrow reads ({type(error).__name__})") from None
    if isinstance(given, np.ndarray):
        raise InputError(
            f"an array of shape {given.shape} does not name its columns: give them as "
            '{"age": array[:, 0], ...}'
        )  # fmt: skip
    raise InputError(f"expected a table, got {type(given).__name__}; what is taken: {_KINDS}")


def _columns(given: Mapping[Any, Any]) -> pa.Table:
    return pa.table({str(name): pa.array(column, from_pandas=True) for name, column in given.items()})
