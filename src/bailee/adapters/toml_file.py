"""What people write as TOML, plans, claims, bounds: read, and written for them."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

from bailee.adapters.files import read_bytes
from bailee.errors import InputError

_LIMIT = 1 << 20


def read_toml(path: Path, what: str, refusal: type[InputError] = InputError) -> dict[str, Any]:
    """The document in a file of at most 1 MiB, reals as Decimal. `what` it should be is said in errors.

    Raises `refusal` for a file that is no TOML or holds a number beyond Decimal, InputError where none can be read.
    """
    return parse_toml(read_bytes(path, _LIMIT, what), str(path), refusal)


def parse_toml(data: bytes, where: str, refusal: type[InputError] = InputError) -> dict[str, Any]:
    """The same of bytes that came from `where`."""
    try:
        found = tomllib.loads(data.decode(), parse_float=Decimal)
        str(found)  # ValueError for a hexadecimal number that is too long to be written in an error
    except (ValueError, ArithmeticError, RecursionError) as error:  # ValueError: not UTF-8, and TOML's own
        raise refusal(f"{where} is not TOML: {error}") from None
    return found


def toml_value(value: object) -> str:
    """A string, an integer or a list of them: JSON's are TOML's. Letters that show nothing are written out."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08X}" for letter in text)
