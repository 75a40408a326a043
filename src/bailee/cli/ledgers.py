"""Which ledger a command acts on, and as whom: said by options, or remembered in the home by `ledger deploy | use`."""

from __future__ import annotations

from typing import Annotated

import typer

NodeOption = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        envvar="BAILEE_LEDGER",
        help="A node of any EVM chain, http(s)://..., or embedded: for this home's own; the remembered one by default.",
    ),
]
ContractsOption = Annotated[
    str | None,
    typer.Option("--contracts", help="The ledger's name, eip155:CHAIN:GRANTS; the remembered one by default."),
]
