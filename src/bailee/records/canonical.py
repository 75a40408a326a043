"""Canonical JSON: one value has one spelling, so that a signature and a digest mean one thing.

Bytes follow RFC 8785 (JCS), by Python's own encoder where keys are ASCII and by `rfc8785` where not: a test holds the
one, which takes a tenth of the time, to the other. Numbers are integers of at most 53 bits: a real number in a record
is a decimal string, because two languages may print one float in two ways. Reading refuses every other spelling of the
same value: duplicate keys, spaces, another order, floats, NaN.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import rfc8785
from blake3 import blake3

from bailee import json_text
from bailee.errors import RecordError

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"
else:
    Json = Any  # the codec reads annotations at run time, and a recursive one cannot be resolved there

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")).encode
MAX_BYTES = 64 * 2**20
MAX_DEPTH = json_text.MAX_DEPTH
MAX_INTEGER = 2**53 - 1


def canonical(value: Json) -> bytes:
    """The RFC 8785 bytes of `value`. Raises RecordError for floats, integers over 53 bits and foreign types."""
    if _check(value, 0):
        with suppress(TypeError, UnicodeError):  # what it cannot write is said by `rfc8785`
            return _encode(value).encode()
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise RecordError(f"value has no canonical form: {error}") from None


def parse(data: bytes) -> Json:
    """The value whose canonical bytes are exactly `data`. Raises RecordError for anything else."""
    if len(data) > MAX_BYTES:
        raise RecordError(f"record has {len(data)} bytes; at most {MAX_BYTES} are read")
    try:
        value: Json = json_text.load(
            data,
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except RecordError:
        raise
    except ValueError as error:
        reason = "nested too deep" if isinstance(error, json_text.NestingError) else type(error).__name__
        raise RecordError(f"expected canonical JSON, got bytes that are not JSON ({reason})") from None
    if canonical(value) != data:
        raise RecordError("expected canonical JSON (RFC 8785), got another spelling of the same value")
    return value


def digest(data: bytes) -> str:
    """Hex BLAKE3 of a whole file or envelope, 64 digits; the same as `b3sum` prints, as in-toto wants it.

    Untagged on purpose: it names bytes, whatever they mean. What they mean is inside them (the predicate type).
    """
    return blake3(data).hexdigest()


def _check(value: Any, depth: int) -> bool:
    """Whether all keys are ASCII: those sort by code points as RFC 8785 sorts them, by UTF-16."""
    if depth > MAX_DEPTH:
        raise RecordError(f"record is nested deeper than {MAX_DEPTH} levels")
    if value is None or isinstance(value, (bool, str)):
        return True
    is_plain = True
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise RecordError("record holds an integer of more than 53 bits; write it as a hex or decimal string")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise RecordError(f"record has a key of type {type(key).__name__}; expected a string")
            is_plain = _check(item, depth + 1) and is_plain and key.isascii()
    elif isinstance(value, (list, tuple)):
        for item in value:
            is_plain = _check(item, depth + 1) and is_plain
    else:
        raise RecordError(
            f"record holds a {type(value).__name__}; expected string, integer, true, false, null, list, object"
            + ("; write a real number as a decimal string" if isinstance(value, float) else "")
        )
    return is_plain


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RecordError("record names a key twice")
    return found


def _integer(text: str) -> int:
    if len(text) > 17:
        raise RecordError("record holds an integer of more than 53 bits")
    return int(text)


def _refuse_number(text: str) -> NoReturn:
    raise RecordError(f"record holds the number {text[:20]}; expected an integer, or a decimal string")
