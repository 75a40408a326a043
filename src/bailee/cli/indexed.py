"""Which index of a ledger's events a command reads."""

from __future__ import annotations

from typing import Annotated

import typer

IndexOption = Annotated[
    str | None,
    typer.Option("--index", help="sqlite:////path/file.db or postgresql://...; in the home by default."),
]
FirstOption = Annotated[
    int, typer.Option("--first", help="The first block to read: on a public chain, that of the deployment.")
]
