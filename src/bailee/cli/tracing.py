"""`bailee ledger trace`: the life of a work, from registration to payment, and whether the node says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from bailee.adapters.files import write_new
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, plain
from bailee.cli.ledgers import ContractsOption, NodeOption
from bailee.cli.registered import WORK_HELP
from bailee.errors import ProofError
from bailee.own.trace import as_page, as_text, timeline
from bailee.party.ledger_reading import happening
from bailee.party.opened_ledger import index_url, reading
from bailee.party.registered import work_named


@command
def trace(
    work: Annotated[str, typer.Argument(help=WORK_HELP)],
    contracts: ContractsOption = None,
    check: Annotated[bool, typer.Option("--check", help="Ask the node for every row of the index again.")] = False,
    page: Annotated[Path | None, typer.Option("--html", help="New file for a page that a browser shows.")] = None,
    index: Annotated[
        str | None, typer.Option(help="sqlite:////path/file.db or postgresql://...; in the home by default.")
    ] = None,
    first: Annotated[int, typer.Option(help="The first block to read: on a public chain, that of the deployment.")] = 0,
    behind: Annotated[int, typer.Option(help="Newest blocks to leave out: a public chain may take them back.")] = 0,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Tell the life of a work: who registered it, took grants, spent its budget, made what from it, paid and was paid.

    What the chain says is kept in an index, so that only what is new is read. Exit code 4 if --check finds that the
    index says otherwise than the node.

    Example: `bailee ledger trace 0123... --contracts eip155:1:0xabc... --check --html life.html`
    """
    from bailee.adapters.chain.accounts import list_accounts
    from bailee.adapters.chain.index import check as check_index
    from bailee.adapters.chain.index import events, follow, open_index, works_of
    from bailee.adapters.chain.index.checking import check_receipts

    url = index or index_url(home)
    with reading(home, ledger, contracts) as contracts_there, open_index(url) as opened:
        number = work_named(contracts_there, home, work)
        last = follow(opened, contracts_there, first, behind)
        wrong = check_index(opened, contracts_there, first) if check else []
        if wrong:
            raise ProofError(
                f"the index at {plain(url)} says otherwise than the node: {'; '.join(wrong[:5])}"
                f"{f' and {len(wrong) - 5} more' if len(wrong) > 5 else ''}; delete it and trace again"
            )
        every = events(opened, contracts_there)
        about = [one for one in every if number in one.works]
        if check and (wrong := check_receipts(contracts_there, (one.row for one in about))):
            raise ProofError(f"receipts say otherwise than the node's logs: {'; '.join(wrong[:5])}; ask another node")
        names = {one.address.lower(): one.name for one in list_accounts(home)}
    lines = timeline(number, [happening(one) for one in about], works_of(every), names)
    said = f"Each line was compared with its receipt at the node, up to block {last}." if check else "Not checked."
    if page is not None:
        write_new(page, as_page(number, contracts_there.name, lines, said).encode())
    facts = {
        "work": str(number), "ledger": contracts_there.name, "block": last, "checked": check,
        "lines": [line.as_facts() for line in lines],
    }  # fmt: skip
    Face(as_json).result(facts, Text(plain(as_text(number, contracts_there.name, lines)) + f"\n\n{said}"))
