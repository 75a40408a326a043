"""From arrays to a table under a public schema: names, bounds and classes that are known before any row is read.

Bounds and classes that are taken from the rows tell something of the rows, and no epsilon counts it: that is warned of.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bailee.errors import InputError, PrivacyWarning
from bailee.records.fields import decimal_text
from bailee.records.schema import BINARY, CLASSES, NUMBER, Column, Schema
from bailee.seal.encode import encode_features

_NAME_LIMIT = 90
_WIDEN = 1e-6


@dataclass(frozen=True)
class Domain:
    """What rows and targets may be. Values outside the bounds are moved to the nearest bound, each by itself."""

    schema: Schema

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.schema.features)

    def table(self, x: Any, target: Any = None) -> pa.Table:
        """Rows as a table: from an array with a column a feature, a data frame, or a table as it is.

        target: class indexes, or numbers; None for rows without. InputError where columns do not fit.
        """
        columns: dict[str, Any] = {}
        if isinstance(x, pa.Table):
            columns = {name: x.column(name) for name in self.names if name in x.column_names}
        elif isinstance(x, np.ndarray):
            if x.ndim != 2 or x.shape[1] != len(self.names):
                raise InputError(f"expected rows of {len(self.names)} features, got an array of shape {x.shape}")
            columns = {column.name: _clipped(column, x[:, at]) for at, column in enumerate(self.schema.features)}
        else:
            columns = {name: pa.array(x[name]) for name in self.names}
        if target is not None:
            columns[self.schema.label] = self._target(target)
        return pa.table(columns)

    def encode(self, x: Any) -> NDArray[np.int64]:
        """The integer matrix of rows without targets, as sealed rows are encoded."""
        return encode_features(self.table(x), self.schema)

    def _target(self, target: Any) -> Any:
        column = self.schema.label_column
        if self.schema.label_kind == BINARY:
            return pa.array(np.asarray(target).astype(bool))
        if self.schema.label_kind == CLASSES:
            return pa.array(np.array(column.categories, dtype=object)[np.asarray(target)], pa.string())
        return _clipped(column, np.asarray(target, dtype=np.float64))


def make_domain(
    x: NDArray[np.float64],
    bounds: Any,
    names: Sequence[str] | None,
    label: Column,
    private: bool,
) -> Domain:
    """The domain of arrays with bounds (low, high), each a number or one a feature; None takes them from the rows."""
    if bounds is None:
        if private:
            warn_of("bounds", "the range of each feature, as bounds=(low, high)")
        low, high = x.min(axis=0), x.max(axis=0)
        middle, least = (low + high) / 2, _WIDEN * np.maximum(1.0, np.maximum(abs(low), abs(high)))
        narrow = high - low < least
        low, high = np.where(narrow, middle - least, low), np.where(narrow, middle + least, high)
    else:
        low, high = read_bounds(bounds, x.shape[1])
    kind = {"flag": BINARY, "category": CLASSES}.get(label.type, NUMBER)
    chosen = _names(names, x.shape[1], label.name)
    columns = [
        Column(name, "number", decimal_text(float(a)), decimal_text(float(b)))
        for name, a, b in zip(chosen, low, high, strict=True)
    ]
    schema = Schema("arrays", label.name, (*columns, label), label_kind=kind)
    schema.require()
    return Domain(schema)


def read_bounds(bounds: Any, features: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(low, high), each (features,). Raises ValueError for what is no pair of bounds."""
    try:
        low, high = bounds
        ends = [np.broadcast_to(np.asarray(end, dtype=np.float64), (features,)) for end in (low, high)]
    except (TypeError, ValueError):
        raise ValueError(
            f"bounds: expected (low, high), each a number or one for each of the {features} features"
        ) from None
    if not all(np.isfinite(end).all() for end in ends) or not (ends[0] < ends[1]).all():
        raise ValueError("bounds: expected finite numbers, every low below its high")
    return ends[0], ends[1]


def number_label(y: NDArray[np.float64], targets: Any, private: bool) -> Column:
    """The column of a regression's target, from its public bounds or, with a warning, from the rows."""
    if targets is None:
        if private:
            warn_of("targets", "the range of the target, as targets=(low, high)")
        low, high = float(y.min()), float(y.max())
        if high - low < _WIDEN * max(1.0, abs(low), abs(high)):
            low, high = low - max(1.0, abs(low)), high + max(1.0, abs(high))
    else:
        ends = read_bounds(targets, 1)
        low, high = float(ends[0][0]), float(ends[1][0])
    return Column("target", "number", decimal_text(low), decimal_text(high))


def class_label(classes: NDArray[Any]) -> Column:
    """The column of a classifier's target: a flag for two classes, whose second is 1, else a category."""
    if len(classes) == 2:
        return Column("target", "flag")
    spelled = [str(one) for one in classes.tolist()]
    fine = all(_is_name(text) for text in spelled) and len(set(spelled)) == len(spelled)
    return Column("target", "category", categories=tuple(spelled if fine else map(str, range(len(spelled)))))


def warn_of(parameter: str, wanted: str) -> None:
    warnings.warn(
        f"{parameter} was not given, so it is taken from the rows; that tells something of them which epsilon does NOT "
        f"count. For the stated privacy, say what is public knowledge: {wanted}.",
        PrivacyWarning,
        stacklevel=4,
    )


def _clipped(column: Column, values: NDArray[Any]) -> Any:
    low, high = float(column.min or 0), float(column.max or 1)
    return pa.array(np.clip(np.asarray(values, dtype=np.float64), low, high))


def _names(names: Sequence[str] | None, count: int, label: str) -> list[str]:
    taken = (label, "(bias)")
    if names is None or len(set(names)) != count or not all(_is_name(one) and one not in taken for one in names):
        return [f"x{place}" for place in range(count)]
    if any(one.startswith(f"{label}=") for one in names):
        return [f"x{place}" for place in range(count)]
    return list(names)


def _is_name(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= _NAME_LIMIT and text.isprintable() and text == text.strip()
