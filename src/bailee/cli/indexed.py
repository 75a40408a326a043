"""A ledger's events for a command, from the home's index or another one, up to date with the chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bailee.adapters.chain.opening import folder_of

if TYPE_CHECKING:
    from bailee.adapters.chain.index import IndexedEvent
    from bailee.adapters.chain.ledger import Ledger

IndexOption = Annotated[
    str | None,
    typer.Option("--index", help="sqlite:////path/file.db or postgresql://...; in the home by default."),
]
FirstOption = Annotated[
    int, typer.Option("--first", help="The first block to read: on a public chain, that of the deployment.")
]


def read_events(ledger: Ledger, home: Path, index: str | None = None, first: int = 0) -> list[IndexedEvent]:
    """All that the ledger said up to now, in order; only what is new is asked of the node."""
    from bailee.adapters.chain.index import events, follow, open_index

    with open_index(index or f"sqlite:///{(folder_of(home) / 'index.db').resolve()}") as opened:
        follow(opened, ledger, first)
        return events(opened, ledger)
