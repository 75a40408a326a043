"""What a work is registered with, as options of a command say it: words, links, money, a fingerprint shown or not."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer
from blake3 import blake3

from bailee.adapters.files import read_bytes, storage_errors
from bailee.errors import InputError
from bailee.own.metadata import NOTHING, About
from bailee.party.amounts import currency_address
from bailee.records.canonical import Json, canonical, digest
from bailee.records.fingerprint import Fingerprint

Title = Annotated[str | None, typer.Option(help="What the work is called; its own name by default.")]
Description = Annotated[str | None, typer.Option(help="A sentence about it, for people.")]
Licence = Annotated[str, typer.Option(help="A link, or an SPDX name.")]
Link = Annotated[str, typer.Option(help="A page about it: https://... or ipfs://...")]
Keywords = Annotated[list[str] | None, typer.Option("--keyword", help="A word it is found by; repeat.")]
TermsFile = Annotated[Path | None, typer.Option("--terms", help="The terms of consent in words; their digest counts.")]
Uri = Annotated[str, typer.Option("--uri", help="Where metadata.json will be for everybody; at most 256 bytes.")]
Resale = Annotated[
    str, typer.Option(help="Part of a resale of the token that ERC-2981 asks for, for example 2.5%; at most 10%.")
]
Currencies = Annotated[
    list[str] | None,
    typer.Option("--currency", help="An ERC-20 to be paid in, besides native money; repeat, 3 at most."),
]
Withhold = Annotated[
    bool | None,
    typer.Option(
        "--withhold/--publish-fingerprint",
        help="Register a commitment to the fingerprint only. By default for datasets and tables.",
        show_default=False,
    ),
]
Anyway = Annotated[bool, typer.Option("--anyway", help="Register although earlier works are near copies.")]
Afresh = Annotated[bool, typer.Option("--afresh", help="Make documents anew that were prepared and not registered.")]
LICENCE = "LicenseRef-by-grant"
_MOST_URI = 256
_PIECE = 1 << 20


@dataclass(frozen=True)
class Described:
    """What the options say of a work, as documents hold it."""

    about: About
    uri: str
    resale: int
    currencies: tuple[str, ...]
    terms: bytes | None

    def wish(self) -> dict[str, Json]:
        """What makes two runs the same."""
        about = {name: getattr(self.about, name) for name in self.about.__dataclass_fields__}
        about["keywords"] = list(self.about.keywords)
        return {"about": about, "uri": self.uri, "resale": self.resale, "currencies": list(self.currencies)}


def described(
    title: str,
    description: str,
    licence: str,
    link: str,
    keywords: Sequence[str] | None,
    terms: Path | None,
    uri: str,
    resale: str,
    currencies: Sequence[str] | None,
) -> Described:
    """The options, checked. InputError, RecordError."""
    check_uri(uri)
    data = None if terms is None else read_bytes(terms, 1 << 20, "terms")
    about = About(
        title, description, licence, link, NOTHING if data is None else digest(data), "", tuple(keywords or ())
    )  # fmt: skip
    paid_in = tuple(currency_address(one) for one in currencies or ())
    return Described(about, uri, basis_points(resale), paid_in, data)


def kept_secret(whole: Fingerprint, hidden: bool) -> tuple[Fingerprint, bytes | None]:
    """What is registered of a fingerprint, and what the owner keeps of a withheld one (`bailee work open`)."""
    if not hidden:
        return whole, None
    salt = secrets.token_bytes(32)
    return whole.withhold(salt), canonical({"fingerprint": whole.to_bytes().hex(), "salt": salt.hex()})


def file_commitment(path: Path) -> str:
    """BLAKE3 of a file's bytes, hex: what a content is registered by."""
    hasher = blake3()
    with storage_errors(path):
        if not path.is_file():
            raise InputError(f"{path} is neither a sealed dataset of the home nor a file; check the name")
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                hasher.update(piece)
    return hasher.hexdigest()


def basis_points(text: str) -> int:
    """Of a percentage such as 2.5%. InputError."""
    try:
        value = Decimal(text.removesuffix("%")) * 100
    except InvalidOperation:
        value = Decimal(-1)
    if not text.endswith("%") or not value.is_finite() or not 0 <= value <= 1000 or value != int(value):
        raise InputError(f"expected a part of a resale from 0% to 10%, by hundredths of a percent, got {text!r}")
    return int(value)


def check_uri(uri: str) -> None:
    """InputError for one that a contract does not take."""
    if len(uri.encode()) > _MOST_URI:
        raise InputError(f"expected a --uri of at most {_MOST_URI} bytes, got {len(uri.encode())}")
