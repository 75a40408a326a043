"""`bailee graph`: works, grants and holders of a ledger as a file, out of it and into another home or ledger."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from bailee.adapters.files import read_bytes, write_atomic, write_new
from bailee.cli.accounts import AccountOption, PassphraseFd, PassphraseFile
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table, plain
from bailee.cli.ledgers import ContractsOption, NodeOption
from bailee.cli.registered import WORK_HELP
from bailee.cli.works import KeyFile, Kind, made, read_print, score_facts
from bailee.errors import InputError, NotFoundError, ProofError
from bailee.own.graph import Graph, differences, from_json, to_json
from bailee.own.graph.elsewhere import LOST, Step, steps
from bailee.own.graph.picture import as_page, as_text
from bailee.own.near_copies import NOT_COMPARABLE, UNRELATED, decide
from bailee.party.accounts import chosen
from bailee.party.ledger_reading import graph_as_of
from bailee.party.opened_ledger import acting, index_url, place_of, reading
from bailee.party.registered import work_named
from bailee.party.titles import titles_of
from bailee.records.canonical import MAX_BYTES, canonical, digest, parse

if TYPE_CHECKING:
    from bailee.adapters.chain.ledger import Ledger
    from bailee.own.near_copies import Entry

app = typer.Typer(no_args_is_help=True, help="The graph of rights as a file: what was made from what, and whose it is.")

FirstBlock = Annotated[
    int, typer.Option("--first", help="The first block to read: on a public chain, that of the deployment.")
]
GraphFile = Annotated[Path, typer.Argument(help="A graph's file, as `graph export` wrote it.")]


@app.command("export")
@command
def export_command(
    file: Annotated[Path, typer.Argument(help="New file for the graph, JSON-LD.")],
    work: Annotated[str | None, typer.Option("--work", help=f"Only the lineage of one. {WORK_HELP}")] = None,
    contracts: ContractsOption = None,
    index: Annotated[
        str | None, typer.Option(help="sqlite:////path/file.db or postgresql://...; in the home by default.")
    ] = None,
    first: FirstBlock = 0,
    behind: Annotated[int, typer.Option(help="Newest blocks to leave out: a public chain may take them back.")] = 0,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Write works, what they were made from, grants and holders as of now, as JSON-LD with PROV-O and ODRL.

    The file is not signed: whoever gets it compares it with the ledger (`graph import`), or has your word alone. No
    money is in it, and no approvals of one account for another.

    Example: `bailee graph export rights.json --work heart-disease`
    """
    from bailee.adapters.chain.index import open_index

    url = index or index_url(home)
    with reading(home, ledger, contracts) as there, open_index(url) as opened:
        graph = graph_as_of(there, opened, first, behind)
        if work is not None:
            graph = graph.lineage(work_named(there, home, work))
    data = to_json(graph)
    write_new(file, data)
    facts = {**_facts(graph), "file": str(file), "bytes": len(data), "digest": digest(data)}
    Face(as_json).result(facts, facts_table(facts))


@app.command("import")
@command
def import_command(
    file: GraphFile,
    ledger: NodeOption = None,
    first: FirstBlock = 0,
    onto: Annotated[
        str | None, typer.Option("--onto", help="A node of another ledger: say what this account can register there.")
    ] = None,
    onto_contracts: Annotated[
        str | None, typer.Option("--onto-contracts", help="The other ledger's name, eip155:CHAIN:GRANTS.")
    ] = None,
    execute: Annotated[bool, typer.Option("--execute", help="With --onto: register it, too.")] = False,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Read a graph, compare every fact with the ledger it came from, and keep it in the home.

    The ledger is asked where --ledger, or the ledger that the home remembers, is a node of it; else the graph is kept
    as not checked: then it is the word of whoever wrote it. Exit code 4 if the ledger says otherwise; nothing is kept.

    Examples: `bailee graph import rights.json --ledger https://rpc.example`,
    `bailee graph import rights.json --onto http://127.0.0.1:8545 --onto-contracts eip155:1:0xabc... --execute`
    """
    face = Face(as_json)
    if onto is None and (execute or onto_contracts is not None):
        raise InputError("--execute and --onto-contracts are about another ledger: name its node with --onto")
    data = read_bytes(file, MAX_BYTES, "graph")
    graph = from_json(data)
    url = ledger or _remembered_url(home, graph)
    if url is not None:
        _require_as_on_chain(graph, home, url, first)
    kept = _keep(home, data, url is not None)
    said = f"as the ledger says at block {graph.block}" if url is not None else "not checked: no node of its ledger"
    facts: dict[str, Any] = {**_facts(graph), "checked": url is not None, "said": said, "kept": str(kept)}
    table: dict[str, Any] = {name: value for name, value in facts.items() if name != "checked"}
    if onto is not None:
        done = _brought(graph, home, onto, onto_contracts, (account, passphrase_file, passphrase_fd), execute)
        facts["onto"] = [{"work": str(step.work.id), "commitment": step.work.commitment, **how} for step, how in done]
        facts["lost"] = list(LOST)
        table |= {f"{step.work.kind} {step.work.commitment[:8]}...": _in_words(how) for step, how in done}
    face.result(facts, facts_table(table))
    if onto is not None:
        face.say("not carried over:\n" + "\n".join(f"- {one}" for one in LOST))
        if not execute:
            face.say("nothing was sent; the same with --execute registers it")


@app.command("show")
@command
def show_command(
    file: GraphFile,
    work: Annotated[int | None, typer.Option("--work", help="Only the lineage of the work of that number.")] = None,
    page: Annotated[Path | None, typer.Option("--html", help="New file for a page with the lineage drawn.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show a graph: each work below what it was made from, who owns it, who holds its earnings, its grants.

    Nothing is asked of the ledger; `graph import` compares.

    Example: `bailee graph show rights.json --html rights.html`
    """
    from bailee.adapters.chain.accounts import list_accounts

    data = read_bytes(file, MAX_BYTES, "graph")
    graph = from_json(data)
    if work is not None:
        graph = graph.lineage(work)
    checked = _was_checked(home, digest(data))
    titles = titles_of(home, graph.ledger)
    said = "Compared with its ledger when it was imported." if checked else "Not checked: as the file says."
    if page is not None:
        write_new(page, as_page(graph, said, titles).encode())
    names = {one.address.lower(): one.name for one in list_accounts(home)}
    text = plain(as_text(graph, names, titles))
    Face(as_json).result({**_facts(graph), "checked": checked, "text": text}, Text(f"{text}\n\n{said}"))


@app.command("near")
@command
def near_command(
    file: Annotated[Path, typer.Argument(help="A work, or its fingerprint.")],
    kind: Kind = None,
    key: KeyFile = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Say which works of the imported graphs a work is a copy of, near to, or related to. No node is asked.

    Withheld fingerprints, and those of works that are void, are not compared. Each is: a million take minutes.

    Example: `bailee graph near suspicious.csv`
    """
    face = Face(as_json)
    asked = read_print(file) or made(face, file, kind, "", "", key)
    if asked.withheld:
        raise InputError(f"{file} is withheld: nothing can be compared with it; give the whole fingerprint")
    found = [
        {"ledger": ledger, "work": str(int(entry.work, 16)), "decision": decision, **score_facts(scores)}
        for ledger, entry in imported_entries(home)
        for decision, scores in [decide(asked, entry.fingerprint)]
        if decision not in (UNRELATED, NOT_COMPARABLE)
    ]
    shown = {f"work {one['work']}": f"{one['decision']}, subject {one['subject']}, on {one['ledger']}" for one in found}
    face.result({"near": found}, facts_table(shown or {"near": "nothing in the imported graphs"}))


def imported_entries(home: Path) -> Iterator[tuple[str, Entry]]:
    """Works of the home's imported graphs as a search of near copies takes them, each with its ledger's name.

    A work that several graphs have comes once a ledger. RecordError for a file that was changed.
    """
    seen: set[tuple[str, str]] = set()
    for path in sorted(_folder(home).glob("*.json")):
        graph = from_json(read_bytes(path, MAX_BYTES, "graph"))
        for entry in graph.entries():
            if (graph.ledger, entry.work) not in seen:
                seen.add((graph.ledger, entry.work))
                yield graph.ledger, entry


def _require_as_on_chain(graph: Graph, home: Path, url: str, first: int) -> None:
    """ProofError where the ledger says otherwise. All is read from the node: an index of the home could be changed."""
    from bailee.adapters.chain.index import open_index

    with reading(home, url, graph.ledger) as ledger, tempfile.TemporaryDirectory() as folder:
        head = ledger.chain.block().number
        if graph.block > head:
            raise ProofError(f"the graph is as of block {graph.block}, and the node knows {head}; wait, or ask another")
        with open_index(f"sqlite:///{folder}/index.db") as index:
            told = graph_as_of(ledger, index, first, 0, graph.block)
    if told.block_hash != graph.block_hash:
        raise ProofError(
            f"block {graph.block} has another hash than the graph says: it was changed, or the chain was reorganised; "
            "export it again"
        )
    if graph.scope is not None:
        told = told.lineage(graph.scope) if any(one.id == graph.scope for one in told.works) else told
    wrong = differences(graph, told)
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise ProofError(f"the graph is not what {graph.ledger} says: {'; '.join(wrong[:5])}{more}; nothing was kept")


def _remembered_url(home: Path, graph: Graph) -> str | None:
    """Of the home's ledger, where the graph is of that one."""
    try:
        place = place_of(home, None, None)
    except InputError:
        return None
    return place.url if place.contracts.lower() == graph.ledger.lower() else None


def _brought(
    graph: Graph, home: Path, onto: str, contracts: str | None, signer: tuple[Any, Any, Any], execute: bool
) -> list[tuple[Step, dict[str, Any]]]:
    """What this account can register on the other ledger, and with `execute`, that it did."""
    name = place_of(home, onto, contracts).contracts
    if name.lower() == graph.ledger.lower():
        raise InputError(f"the graph is of {name} itself; name another ledger with --onto-contracts")
    address = chosen(home, signer[0]).address
    done: list[tuple[Step, dict[str, Any]]] = []
    with acting(home, onto, name, *signer) if execute else reading(home, onto, name) as ledger:
        for step in steps(graph, address, lambda number: _is_there(ledger, number)):
            how: dict[str, Any] = {"can": not step.why, "why": step.why}
            if execute and not step.why:
                how["transaction"] = _register(ledger, step)
            done.append((step, how))
    return done


def _is_there(ledger: Ledger, number: int) -> bool:
    try:
        ledger.registry.work(number)
    except NotFoundError:
        return False
    return True


def _register(ledger: Ledger, step: Step) -> str:
    from bailee.adapters.chain.ledger.facts import Kind, Naming

    work = step.work
    sent = ledger.registry.register(
        Kind[work.kind.upper()], Naming(*work.naming), work.fingerprint, work.uri, work.resale
    )  # fmt: skip
    return sent.transaction


def _in_words(how: dict[str, Any]) -> str:
    if how["why"]:
        return str(how["why"])
    return f"registered in {how['transaction']}" if "transaction" in how else "can be registered there"


def _folder(home: Path) -> Path:
    return home / "graphs"


def _keep(home: Path, data: bytes, checked: bool) -> Path:
    name = digest(data)
    path = _folder(home) / f"{name}.json"
    _folder(home).mkdir(parents=True, exist_ok=True)
    write_atomic(path, data)
    checked = checked or _was_checked(home, name)  # its bytes are the same, and so is that block
    write_atomic(path.with_suffix(".note"), canonical({"checked": checked}))
    return path


def _was_checked(home: Path, name: str) -> bool:
    path = _folder(home) / f"{name}.note"
    found = parse(read_bytes(path, 1024, "note on a graph")) if path.is_file() else None
    return isinstance(found, dict) and found.get("checked") is True


def _facts(graph: Graph) -> dict[str, Any]:
    return {
        "ledger": graph.ledger, "block": graph.block, "works": len(graph.works), "grants": len(graph.grants),
    }  # fmt: skip
