"""`--ledger URL` of `train`, `join` and `verify`: the node at which the ledger that a plan names is read."""

from __future__ import annotations

from typing import Annotated

import typer

NodeUrl = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        help="A node of the chain of the ledger that the plan names: http(s)://..., or embedded: for this home's own.",
    ),
]
