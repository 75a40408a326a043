"""What a folder's ledger said when it was last asked: works, rights, earnings, events. HOME/ledger-view.json.

Pages show what is kept; only `refresh_view` asks a node. So no page waits for one, and each says as of when it is.
A copy: anybody who can write into the folder can change it, and only the chain makes it true.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bailee import json_text
from bailee.adapters.files import read_bytes, write_atomic
from bailee.errors import BaileeError, RecordError
from bailee.party.amounts import in_words
from bailee.party.earnings import Amount, Earned, WorkEarnings
from bailee.party.home import PartyHome
from bailee.party.opened_ledger import reading, remembered
from bailee.records import canonical, digest, time_text

if TYPE_CHECKING:
    from bailee.own.graph import Graph

FILE = "ledger-view.json"
_LIMIT = 64 << 20
PATIENCE = 8.0
"""Seconds that a node may take for one answer while a page waits."""
_MOST_LINES = 5000
"""The newest events that are kept."""


@dataclass(frozen=True)
class Told:
    """One event of an own work, in words: as `own.trace` says it. `time` as in records; work: which it is about."""

    time: str
    block: int
    transaction: str
    kind: str
    words: str
    work: int


@dataclass(frozen=True)
class LedgerView:
    """ledger: CAIP-10 name; seen: when it was asked; own: works that accounts of the folder hold shares of or own;
    names: what the folder calls addresses (lower case)."""

    ledger: str
    seen: str
    block: int
    graph: Graph
    earnings: tuple[WorkEarnings, ...]
    events: tuple[Told, ...]
    own: tuple[int, ...]
    names: dict[str, str]


def kept_view(home: Path) -> LedgerView | None:
    """What was told last of the ledger that the folder remembers; None where nothing was, or it is of another ledger.

    A file that does not read is as good as none: asking again makes it anew.
    """
    place, path = remembered(home), home / FILE
    if place is None or not path.is_file():
        return None
    try:
        view = _read(json_text.load(read_bytes(path, _LIMIT, "what the ledger said")))
    except (BaileeError, ValueError, KeyError, TypeError):
        return None
    return view if view.ledger.lower() == place.contracts.lower() else None


def refresh_view(home: Path, now: datetime, patience: float = PATIENCE) -> LedgerView:
    """Ask the ledger and keep what it said. InputError, ChainError (no answer in time), StorageError (the home's own
    chain is in use by another program: serve it with `bailee ledger serve` and share it)."""
    from bailee.adapters.chain.accounts import list_accounts
    from bailee.adapters.chain.index.lineage import lineage
    from bailee.adapters.chain.index.reading import works_of
    from bailee.own.trace import timeline
    from bailee.party.earnings import earnings_at
    from bailee.party.ledger_reading import graph_from, happening, read_events

    accounts = list_accounts(home)
    holders, names = [one.address for one in accounts], {one.address.lower(): one.name for one in accounts}
    with reading(home, patience=patience) as ledger:
        every = read_events(ledger, home)
        head = max((one.event.where.block for one in every), default=ledger.chain.block().number)
        graph = graph_from(ledger, every, head)
        known = lineage(every)
        earned = earnings_at(ledger, known, every, holders, datasets_by_commitment(home))
        owned = [work.id for work in graph.works if work.owner in names]
        own = tuple(dict.fromkeys([*(one.work for one in earned), *owned]))
        shares, told = works_of(every), dict[tuple[str, str], Told]()

        def money(amount: int, currency: str) -> str:
            return in_words(ledger.chain, currency, amount)

        for number in own:
            about = [happening(one) for one in every if number in one.works]
            for line in timeline(number, about, shares, names, money):
                time = f"{line.time.replace(' ', 'T')}Z"
                one = Told(time, line.block, line.transaction, line.kind, line.words, number)
                told.setdefault((line.transaction, line.words), one)  # two works may tell the same
        view = LedgerView(
            ledger.name, time_text(now), graph.block, graph, earned,
            tuple(sorted(told.values(), key=lambda one: one.block, reverse=True)[:_MOST_LINES]), own, names,
        )  # fmt: skip
    write_atomic(home / FILE, json.dumps(_written(view)).encode(), 0o600)
    return view


def datasets_by_commitment(home: Path) -> dict[str, str]:
    """Names of the folder's sealed datasets by the commitment under which they are registered."""
    found = {}
    for dataset in PartyHome(home).datasets():
        found[digest(canonical(dataset.card.record.commitment))] = dataset.directory.name
    return found


def _written(view: LedgerView) -> dict[str, Any]:
    """Numbers that other readers of JSON would round are texts."""
    from bailee.own.graph import to_json

    facts = asdict(view) | {"graph": to_json(view.graph).decode(), "own": [str(one) for one in view.own]}
    facts["events"] = [asdict(one) | {"work": str(one.work)} for one in view.events]
    facts["earnings"] = [asdict(one) | {"work": str(one.work)} for one in view.earnings]
    return facts


def _read(facts: Any) -> LedgerView:
    from bailee.own.graph import from_json

    if not isinstance(facts, dict):
        raise RecordError("expected an object")
    return LedgerView(
        facts["ledger"], facts["seen"], facts["block"], from_json(facts["graph"].encode()),
        tuple(_earning(one) for one in facts["earnings"]),
        tuple(Told(**(one | {"work": int(one["work"])})) for one in facts["events"]),
        tuple(int(one) for one in facts["own"]), dict(facts["names"]),
    )  # fmt: skip


def _earning(one: dict[str, Any]) -> WorkEarnings:
    money = tuple(
        Earned(coin["currency"], *(Amount(**coin[name]) for name in ("paid", "drawable", "withdrawn", "waiting")))
        for coin in one["money"]
    )
    return WorkEarnings(**(one | {"work": int(one["work"]), "money": money}))
