"""All that happened in a folder, the newest first: keys, datasets, asks, grants, sessions, passports, ledger, vault.

Facts only: whoever shows them has a sentence for each kind, in the reader's language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from bailee.errors import BaileeError
from bailee.keys import PUBLIC_FILE
from bailee.party.followed import Followed, sessions_of
from bailee.party.home import PartyHome
from bailee.party.ledger_view import kept_view
from bailee.party.papers import papers
from bailee.party.people import known_people
from bailee.party.store_health import has_vault
from bailee.records import parse

KINDS: Final = (
    "keys", "sealed", "resealed", "asked", "asking", "answered", "granted", "revoked", "opened", "round", "finished",
    "passport", "ledger", "vault", "damaged",
)  # fmt: skip
_MOST_VAULT = 500


@dataclass(frozen=True)
class Happened:
    """time: as records have it; kind: of KINDS; facts: what fills its sentence, strangers' words among them; link:
    a path of the console where there is more, or ""."""

    time: str
    kind: str
    facts: Mapping[str, str]
    link: str = ""


@dataclass(frozen=True)
class Events:
    """One page. found: how many there are in all; missing: what could not be looked at, and why."""

    page: tuple[Happened, ...]
    found: int
    start: int
    missing: tuple[str, ...]


def events_of(
    party: PartyHome, now: datetime, start: int = 0, most: int = 50, kinds: tuple[str, ...] | None = None
) -> Events:
    """Those from `start` (0: the newest) on, at most `most`. kinds: only these.

    What one source cannot tell, a vault that another program has open say, is named in `missing`.
    """
    told: list[Happened] = []
    missing: list[str] = []
    names = known_people(party.path)
    for source in (_keys, _datasets, _asks, _grants, _sessions, _papers, _ledger, _vault):
        try:
            told += source(party, now, names)
        except BaileeError as error:
            missing.append(str(error))
    chosen = [one for one in told if kinds is None or one.kind in kinds]
    chosen.sort(key=lambda one: (one.time, one.kind), reverse=True)
    return Events(tuple(chosen[start : start + most]), len(chosen), start, tuple(missing))


_Names = Mapping[str, str]


def _who(names: _Names, key: str) -> str:
    return names.get(key) or f"{key[:8]}…"


def _keys(party: PartyHome, now: datetime, names: _Names) -> Iterator[Happened]:
    del now, names
    path = party.path / PUBLIC_FILE
    if path.is_file():  # when it was written is all that says when keys were made
        yield Happened(_written(path), "keys", {"name": party.public.name}, "/about")


def _datasets(party: PartyHome, now: datetime, names: _Names) -> Iterator[Happened]:
    del now, names
    for dataset in party.datasets():
        card, name = dataset.card.record, dataset.directory.name
        facts = {"name": name, "rows": str(card.rows)}
        yield Happened(
            card.created, "sealed" if card.renews is None else "resealed", facts, f"/datasets/{quote(name, safe='')}"
        )


def _asks(party: PartyHome, now: datetime, names: _Names) -> Iterator[Happened]:
    from bailee.party.asking import asked, requests

    for one in requests(party, now):
        record = one.request.record
        facts = {"who": record.builder_name, "name": record.dataset}
        yield Happened(record.asked, "asked", facts, "/requests")
        yield from _answered(one, facts, "/requests")
    for one in asked(party, now):
        record = one.request.record
        facts = {"who": _who(names, record.owner), "name": record.dataset}
        yield Happened(record.asked, "asking", facts, "/asks")
        yield from _answered(one, facts, "/asks")


def _answered(one: Any, facts: Mapping[str, str], link: str) -> Iterator[Happened]:
    if one.answer is not None:
        said = one.answer.record
        yield Happened(said.answered, "answered", {**facts, "answer": said.decision}, link)


def _grants(party: PartyHome, now: datetime, names: _Names) -> Iterator[Happened]:
    del now
    cards = {dataset.card.digest: dataset.directory.name for dataset in party.datasets()}
    taken = {one.record.grant: one.record.revoked for one in party.revocations()}
    for grant in party.grants():
        record = grant.record
        name = cards.get(record.card, f"{record.card[:8]}…")
        facts = {"name": name, "who": _who(names, record.builder), "purpose": record.purpose}
        path = party.path / "grants" / f"{record.id}.json"
        given = min(_written(path), taken.get(grant.digest, "9999"))  # a copy of a folder has newer files
        yield Happened(given, "granted", facts, "/grants")
        if grant.digest in taken:
            yield Happened(taken[grant.digest], "revoked", facts, "/grants")


def _sessions(party: PartyHome, now: datetime, names: _Names) -> Iterator[Happened]:
    for one in sessions_of(party.path, now):
        yield from _of_session(one, names)


def _of_session(one: Followed, names: _Names) -> Iterator[Happened]:
    link = f"/sessions/{one.id}"
    if one.fault is not None:
        yield Happened(one.heard, "damaged", {"name": f"session {one.id[:8]}…", "reason": one.fault}, link)
        return
    if not one.steps:
        return
    facts = {"plan": one.leader.plan or f"{one.id[:8]}…", "who": _who(names, one.leader.builder)}
    yield Happened(one.began, "opened", facts, link)
    if one.done:
        yield Happened(one.heard, "finished", facts, link)
    elif one.round:
        yield Happened(one.heard, "round", {**facts, "round": str(one.round)}, link)


def _papers(party: PartyHome, now: datetime, names: _Names) -> Iterator[Happened]:
    del now, names
    for paper in papers(party.path):
        if paper.fault is None:
            facts = {"model": paper.model, "who": paper.builder_name}
            yield Happened(paper.made, "passport", facts, f"/models/{quote(paper.name, safe='')}")


def _ledger(party: PartyHome, now: datetime, names: _Names) -> Iterator[Happened]:
    del now, names
    view = kept_view(party.path)
    for one in () if view is None else view.events:
        facts = {"what": one.kind, "words": one.words, "transaction": f"0x{one.transaction}"}
        yield Happened(one.time, "ledger", facts, f"/lineage?work={one.work}")


def _vault(party: PartyHome, now: datetime, names: _Names) -> Iterator[Happened]:
    """The newest entries of the vault's log: it names objects by keyed hashes only, and so does this."""
    del now, names
    if not has_vault(party):
        return
    from bailee.seal.vault.vault import Vault  # a database's libraries: folders without a vault do without

    with Vault.open(party.path, party.identity) as vault:
        size = vault.journal.size()
        entries = vault.journal.events(max(0, size - _MOST_VAULT), _MOST_VAULT)
    for one in entries:
        said = parse(one.entry)
        if isinstance(said, dict):
            yield Happened(str(said.get("at", "")), "vault", {"event": str(said.get("event", ""))}, "/stores")


def _written(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
