"""`bailee work show` and `list`: what a ledger has of works, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from bailee.adapters.chain.accounts import list_accounts
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.ledgers import ContractsOption, NodeOption
from bailee.cli.registered import WORK_HELP
from bailee.cli.vault_face import columns
from bailee.errors import RecordError
from bailee.own.near_copies.verdict import Entry
from bailee.party.model_claims import claim_facts, claim_words
from bailee.party.near_works import NearWork, followed, near_works
from bailee.party.opened_ledger import reading
from bailee.party.registered import work_named
from bailee.party.titles import titled, titles_of
from bailee.records.fingerprint import Fingerprint
from bailee.records.offer import DELTA_UNIT, EPSILON_UNIT
from bailee.records.part import WHOLE

if TYPE_CHECKING:
    from bailee.adapters.chain.index import IndexedEvent
    from bailee.adapters.chain.ledger import Ledger
    from bailee.adapters.chain.ledger.facts import Work

WorkName = Annotated[str, typer.Argument(help=WORK_HELP)]


@command
def show(
    work: WorkName,
    contracts: ContractsOption = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show a work: who registered it and owns it, who shares in it, what it came from, its budget, what is near it.

    Holders and relations come from the home's index of events, all else from the node. Near copies are reasons to look,
    not proofs; a withheld fingerprint is compared with nothing.

    Example: `bailee work show heart-disease`
    """
    from bailee.adapters.chain.index import claims_of, events

    with reading(home, ledger, contracts) as opened:
        number = work_named(opened, home, work)
        found = opened.registry.work(number)
        with followed(home, opened) as index:
            every = events(index, opened)
        titles = titles_of(home, opened.name)
        facts = {"title": titles.get(number), **_registration(opened, found, every)}
        facts |= _relations(number, every)
        facts["holders"] = _holders(opened, found, every)
        facts |= _budget(opened, found) | _dispute(opened, found)
        claim = claims_of(every).get(number)
        if claim is not None:
            facts["attested"] = claim_facts(opened, claim)
        print_ = _fingerprint(number, every)
        near: list[NearWork] = []
        if print_ is not None and not print_.withheld:
            near, facts["not_compared"] = near_works(home, opened, Entry(f"{number:064x}", found.since, print_))
        facts["near"] = [one.as_facts() for one in near]
    Face(as_json).result(facts, _shown(facts, near, titles))


@command
def list_command(
    every: Annotated[bool, typer.Option("--all", help="All works of the ledger, not only those of this home.")] = False,
    contracts: ContractsOption = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """List the works that this home's accounts registered or own.

    Example: `bailee work list --all`
    """
    from bailee.adapters.chain.index import registrations
    from bailee.adapters.chain.ledger.events import Registered

    with reading(home, ledger, contracts) as opened:
        mine = {one.address.lower() for one in list_accounts(home)}
        with followed(home, opened) as index:
            said = [one for one in registrations(index, opened) if isinstance(one, Registered)]
        works = [(opened.registry.work(one.id), one.registrant) for one in said]
        titles = titles_of(home, opened.name)
    kept = [(work, who) for work, who in works if every or {work.owner.lower(), who.lower()} & mine]
    facts = [
        {
            "work": str(work.id), "title": titles.get(work.id), "kind": work.kind.name.lower(),
            "status": work.status.name.lower(), "commitment": work.naming.commitment,
            "registrant": who, "owner": work.owner, "since": work.since,
            "uri": work.uri,
        }
        for work, who in kept
    ]  # fmt: skip
    rows = [
        (one["work"], one["title"] or "", one["kind"], one["status"], one["since"], one["commitment"]) for one in facts
    ]
    shown = columns(("work", "title", "kind", "status", "since", "commitment"), [tuple(map(str, row)) for row in rows])
    Face(as_json).result({"works": facts}, shown if facts else Text("no works; register one: bailee work register"))


def _registration(ledger: Ledger, work: Work, every: Sequence[IndexedEvent]) -> dict[str, Any]:
    from bailee.adapters.chain.ledger.events import Registered

    said = [one for one in every if isinstance(one.event, Registered) and one.event.id == work.id]
    first = ledger.registry.first(work.naming.commitment)
    return {
        "work": str(work.id), "hex": f"{work.id:064x}", "kind": work.kind.name.lower(),
        "status": work.status.name.lower(), "owner": work.owner,
        "registrant": said[0].event.registrant if said else None,  # type: ignore[attr-defined]
        "since": work.since, "registered": work.registered, "first": first == work.id, "uri": work.uri,
        "shares": work.shares, "resale_basis_points": work.resale,
        **{name: getattr(work.naming, name) for name in ("commitment", "schema", "fingerprints", "terms", "metadata")},
    }  # fmt: skip


def _relations(work: int, every: Sequence[IndexedEvent]) -> dict[str, Any]:
    from bailee.adapters.chain.ledger.events import Derived

    said = [one.event for one in every if isinstance(one.event, Derived)]
    up = [{"work": str(one.parent), "grant": one.grant, "share": one.share, "units": one.units}
          for one in said if one.id == work]  # fmt: skip
    down = [{"work": str(one.id), "grant": one.grant, "share": one.share, "units": one.units}
            for one in said if one.parent == work]  # fmt: skip
    return {"made_from": up, "made_of_it": down}


def _holders(ledger: Ledger, work: Work, every: Sequence[IndexedEvent]) -> list[dict[str, Any]]:
    """Whoever ever had units and has some now, as the node says; the largest first."""
    from bailee.adapters.chain.index import works_of
    from bailee.adapters.chain.ledger.events import UnitsTransferred

    shares, named = ledger.shares_at(work.shares), works_of(every)
    moved = [one.event for one in every if isinstance(one.event, UnitsTransferred)]
    ever = dict.fromkeys(one.receiver for one in moved if one.where.contract == work.shares)
    has = [(shares.units(holder), holder) for holder in ever]
    return [
        {"holder": holder, "units": units, "work": str(child) if (child := named.get(holder[2:].lower())) else None}
        for units, holder in sorted(has, reverse=True)
        if units
    ]


def _budget(ledger: Ledger, work: Work) -> dict[str, Any]:
    found = ledger.grants.budget(work.id)
    if not found.epsilon and not found.delta:
        return {"budget": None}
    told = {name: getattr(found, name) / EPSILON_UNIT for name in ("epsilon", "spent_epsilon")}
    told |= {name: getattr(found, name) / DELTA_UNIT for name in ("delta", "spent_delta")}
    return {"budget": told}


def _dispute(ledger: Ledger, work: Work) -> dict[str, Any]:
    from bailee.adapters.chain.ledger.facts import Status

    if work.status != Status.DISPUTED:
        return {"dispute": None}
    found = ledger.registry.last_dispute(work.id)
    verdict = ledger.arbiters.verdict(ledger.registry.case_of(work.id))
    return {
        "dispute": {
            "by": found.by, "earlier": str(found.earlier) if found.earlier else None,
            "case": ledger.registry.case_of(work.id), "verdict": verdict.name.lower(),
        }
    }  # fmt: skip


def _fingerprint(work: int, every: Sequence[IndexedEvent]) -> Fingerprint | None:
    from bailee.adapters.chain.ledger.events import Registered

    for one in every:
        if isinstance(one.event, Registered) and one.event.id == work:
            try:
                return Fingerprint.from_bytes(one.event.fingerprint)
            except RecordError:
                return None
    return None


def _shown(facts: dict[str, Any], near: Sequence[NearWork], titles: Mapping[int, str]) -> Text:
    def called(work: str) -> str:
        return f"work {titled(int(work), titles)}"

    told = {name: value for name, value in facts.items() if isinstance(value, str | int | bool)}
    if (budget := facts["budget"]) is not None:
        told["budget"] = f"epsilon {budget['epsilon']:g}, delta {budget['delta']:g}"
        told["spent"] = f"epsilon {budget['spent_epsilon']:g}, delta {budget['spent_delta']:g}"
    if (dispute := facts["dispute"]) is not None:
        told["dispute"] = f"by {dispute['by']}, case {dispute['case']}: {dispute['verdict']}"
    if "attested" in facts:
        told["attested"] = claim_words(facts["attested"])
    lines = [facts_table(told)]
    for title, rows in (
        ("shared by", [f"{one['holder']} {one['units'] / WHOLE:.4%}"
                       + (f" ({called(one['work'])})" if one["work"] else "") for one in facts["holders"]]),
        ("made from", [f"{called(one['work'])}, share {one['share'] / WHOLE:.4%}" for one in facts["made_from"]]),
        ("made of it", [f"{called(one['work'])}, {one['units'] / WHOLE:.4%} of its earnings come here"
                        for one in facts["made_of_it"]]),
        ("near", [one.words() for one in near]),
    ):  # fmt: skip
        if rows:
            lines.append(Text.assemble((f"\n{title}\n", "bold"), "\n".join(f"  {row}" for row in rows)))
    return Text("\n").join(lines)
