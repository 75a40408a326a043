"""Amounts of money as commands take and show them; what they mean is in `bailee.party.amounts`."""

from __future__ import annotations

from typing import Annotated

import typer

CurrencyOption = Annotated[
    str | None, typer.Option("--currency", help="Address of an ERC-20; the chain's native money by default.")
]
