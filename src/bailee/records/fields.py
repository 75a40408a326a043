"""The kinds of field a record may have, and the one codec between a frozen dataclass and its predicate.

A field's annotation is its whole contract: `Hex32`, `Time`, `Decimal`, `Name`, `Count`, `int`, `bool`, `str`,
`tuple[T, ...]`, a nested frozen dataclass, `T | None`, or `Mapping[str, Json]` for a structure that another room
owns and checks (a plan, a commitment). Unknown, missing and wrongly typed fields are refused with RecordError.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal as Number
from decimal import InvalidOperation
from functools import cache
from typing import Annotated, Any

from bailee.errors import RecordError
from bailee.records.canonical import MAX_INTEGER, Json, canonical


@dataclass(frozen=True)
class Rule:
    """A check on top of a type: `test(value)` is true where the value is allowed; `wants` says what is."""

    test: Callable[[Any], bool]
    wants: str


_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,39})(\.[0-9]{1,80})?")


def _is_hex(size: int) -> Rule:
    pattern = re.compile(f"[0-9a-f]{{{2 * size}}}")
    return Rule(lambda text: pattern.fullmatch(text) is not None, f"{2 * size} lower-case hex digits")


def _is_time(text: str) -> bool:
    if _TIME.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_name(text: str) -> bool:
    return 0 < len(text) <= 200 and text.isprintable() and text == text.strip()


Hex16 = Annotated[str, _is_hex(16)]
Hex32 = Annotated[str, _is_hex(32)]
"""A digest or a raw Ed25519 public key."""
Time = Annotated[str, Rule(_is_time, "an RFC 3339 UTC time like 2026-01-31T12:00:00Z")]
Decimal = Annotated[str, Rule(lambda text: _DECIMAL.fullmatch(text) is not None, "a plain decimal like 0.5")]
Name = Annotated[str, Rule(_is_name, "1 to 200 printable characters without outer spaces")]
Count = Annotated[int, Rule(lambda number: 0 <= number <= MAX_INTEGER, "an integer from 0 to 2^53-1")]


def time_text(moment: datetime) -> str:
    """`moment` (aware) as an RFC 3339 UTC string, to the second."""
    if moment.tzinfo is None:
        raise RecordError("expected a time with a time zone, got one without")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """The aware UTC moment of an RFC 3339 string. Raises RecordError."""
    if not isinstance(text, str) or not _is_time(text):
        raise RecordError(f"expected a time like 2026-01-31T12:00:00Z, got {shown(text)}")
    return datetime.fromisoformat(text)


def decimal_text(value: float | int | str | Number) -> str:
    """A real number as a plain decimal string, the shortest that reads back as the same value."""
    try:
        number = Number(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, ValueError):
        raise RecordError(f"expected a real number, got {shown(value)}") from None
    # The exponent comes first: written out, 1e999999999 would fill the memory.
    if not number.is_finite() or abs(number.adjusted()) > 80:
        raise RecordError(f"expected a finite real number of ordinary size, got {shown(value)}")
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    text = "0" if text in ("-0", "") else text
    if _DECIMAL.fullmatch(text) is None:
        raise RecordError(f"expected a finite real number, got {shown(value)}")
    return text


def encode(value: Any) -> Json:
    """A dataclass (or any field value) as JSON: dataclasses to objects, tuples to lists."""
    if dataclasses.is_dataclass(value):
        return fields_of(value)
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    plain: Json = value
    return plain


def fields_of(record: Any) -> dict[str, Json]:
    """The same of a dataclass, which is always an object."""
    return {field.name: encode(getattr(record, field.name)) for field in dataclasses.fields(record)}


def decode(kind: Any, value: Any, where: str) -> Any:
    """The value of annotation `kind` that the JSON `value` spells. `where` names the place in errors."""
    return _read(kind, value, where, list)


def check(kind: Any, value: Any, where: str) -> None:
    """That `value`, already decoded, fits `kind`: what a constructor is held to."""
    _read(kind, value, where, tuple)


def shown(value: object) -> str:
    """A value short enough for a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def hints(record: Any) -> dict[str, Any]:
    """The resolved annotations of a dataclass's fields, by name."""
    return _hints(record)


@cache
def _hints(record: Any) -> dict[str, Any]:
    resolved = typing.get_type_hints(record, include_extras=True)
    return {field.name: resolved[field.name] for field in dataclasses.fields(record)}


@cache
def _shape(kind: Any) -> tuple[Any, tuple[Any, ...], bool]:
    """Origin and arguments of an annotation, and whether it is a dataclass: to ask `typing` takes longer than to
    read."""
    return typing.get_origin(kind), typing.get_args(kind), dataclasses.is_dataclass(kind)


def _read(kind: Any, value: Any, where: str, sequence: type) -> Any:
    origin, arms, is_record = _shape(kind)
    if origin is Annotated:
        inner, rule = arms
        value = _read(inner, value, where, sequence)
        if not rule.test(value):
            raise RecordError(f"{where}: expected {rule.wants}, got {shown(value)}")
        return value
    if origin in (typing.Union, types.UnionType):
        (inner,) = (arm for arm in arms if arm is not type(None))
        return None if value is None else _read(inner, value, where, sequence)
    if origin is tuple:
        if not isinstance(value, sequence):
            raise RecordError(f"{where}: expected a list, got {shown(value)}")
        items = typing.cast("Sequence[Any]", value)
        return tuple(_read(arms[0], item, f"{where}[{place}]", sequence) for place, item in enumerate(items))
    if is_record:
        return _read_record(kind, value, where, sequence)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise RecordError(f"{where}: expected an object, got {shown(value)}")
        canonical(value)
        return value
    if type(value) is not kind:  # exact: a bool is not an int here
        raise RecordError(f"{where}: expected {kind.__name__}, got {shown(value)}")
    return value


def _read_record(kind: Any, value: Any, where: str, sequence: type) -> Any:
    if sequence is tuple:
        if not isinstance(value, kind):
            raise RecordError(f"{where}: expected {kind.__name__}, got {shown(value)}")
        for name, inner in hints(kind).items():
            check(inner, getattr(value, name), f"{where}.{name}")
        return value
    if not isinstance(value, Mapping):
        raise RecordError(f"{where}: expected an object, got {shown(value)}")
    wanted = hints(kind)
    unknown, missing = sorted(set(value) - set(wanted)), sorted(set(wanted) - set(value))
    if unknown or missing:
        raise RecordError(f"{where}: unknown fields {shown(unknown)}, missing fields {shown(missing)}")
    return kind(**{name: decode(inner, value[name], f"{where}.{name}") for name, inner in wanted.items()})
