"""Events out of an index, decoded, and which works each is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import select

from bailee.adapters.chain.index.following import read_rows
from bailee.adapters.chain.index.logs import LogRow
from bailee.adapters.chain.index.opening import Index
from bailee.adapters.chain.index.tables import blocks
from bailee.adapters.chain.ledger import Event, Ledger
from bailee.adapters.chain.ledger.events import Challenged, Derived, Disputed, Registered, decoded
from bailee.adapters.chain.ledger.facts import Kind, Part, case_id, claim_id
from bailee.errors import StorageError


@dataclass(frozen=True)
class IndexedEvent:
    """`time` of its block, seconds since 1970; `contract`: what said it; `row`: the log that it was read from."""

    event: Event
    time: int
    contract: str
    row: LogRow = field(repr=False)
    works: frozenset[int]


def events(index: Index, ledger: Ledger, work: int | None = None) -> list[IndexedEvent]:
    """In the chain's order: all, or those that are about one work.

    StorageError where a row does not decode: it was changed.
    """
    name = ledger.name
    with index.using() as connection:
        rows = read_rows(connection, name)
        asked = select(blocks.c.number, blocks.c.time).where(blocks.c.ledger == name)
        times = {number: seconds for number, seconds in connection.execute(asked).all()}  # noqa: C416
    said = [(_event(ledger, row), row) for row in rows]
    if missing := next((row for _, row in said if row.block not in times), None):
        raise _changed(missing)
    about = _works([event for event, _ in said])
    every = [IndexedEvent(event, int(times[row.block]), row.contract, row, about(event, row)) for event, row in said]
    return every if work is None else [one for one in every if work in one.works]


def registrations(index: Index, ledger: Ledger, after: int = -1) -> list[Registered | Derived]:
    """What was registered in blocks after that one, and from what it was made. StorageError as `events`."""
    with index.using() as connection:
        rows = read_rows(connection, ledger.name, contract="Registry")
    said = [_event(ledger, row) for row in rows if row.block > after]
    return [event for event in said if isinstance(event, Registered | Derived)]


def _event(ledger: Ledger, row: LogRow) -> Event:
    try:
        found = list(decoded(ledger.chain.web3, row.contract, [row.as_log()]))
    except (KeyError, ValueError, TypeError):
        found = []
    if not found:
        raise _changed(row)
    return found[0]


def _changed(row: LogRow) -> StorageError:
    return StorageError(
        f"the index row of block {row.block}, log {row.position} is no event of {row.contract}: it was "
        f"changed; delete the index and follow the chain again"
    )


class _works:  # noqa: N801
    """Which works an event is about: by its id, its grant's work, whose shares said it, its claim, its case."""

    def __init__(self, said: Iterable[Event]) -> None:
        self.of_shares: dict[str, int] = {}
        self.of_case: dict[str, frozenset[int]] = {}
        every = list(said)
        self.of_claim = _claims(every)
        rounds: Counter[int | str] = Counter()
        for event in every:
            if isinstance(event, Registered):
                self.of_shares[event.shares[2:].lower()] = event.id
            if isinstance(event, Disputed):
                self._keep(event, event.id, f"{event.id:064x}", {event.id, event.earlier} - {0}, rounds)
            if isinstance(event, Challenged) and event.claim in self.of_claim:
                self._keep(event, event.claim, event.claim, {self.of_claim[event.claim]}, rounds)

    def _keep(self, event: Event, key: int | str, subject: str, works: set[int], rounds: Counter[int | str]) -> None:
        rounds[key] += 1
        self.of_case[case_id(event.where.contract, subject, rounds[key])] = frozenset(works)

    def __call__(self, event: Event, row: LogRow) -> frozenset[int]:
        if row.contract == "Shares":
            found = self.of_shares.get(row.sender)
            child = self.of_shares.get(str(getattr(event, "child", ""))[2:].lower())
            return frozenset(one for one in (found, child) if one is not None)
        if isinstance(event, Derived):
            return frozenset((event.id, event.parent))
        if row.contract == "Arbiters":
            return self.of_case.get(getattr(event, "case", ""), frozenset())
        told = {getattr(event, name, None) for name in ("work", "id", "earlier")}
        told.add(self.of_claim.get(getattr(event, "claim", "")))
        return frozenset(one for one in told if isinstance(one, int))


def _claims(said: Iterable[Event]) -> dict[str, int]:
    """Claim of verifiers to the model that was registered by it: registrant, commitment and parts say it again."""
    models: dict[int, Registered] = {}
    parts: dict[int, list[Part]] = {}
    for event in said:
        if isinstance(event, Registered) and event.kind == Kind.MODEL:
            models[event.id] = event
        if isinstance(event, Derived):
            parts.setdefault(event.id, []).append(Part(event.grant, event.share))
    return {
        claim_id(one.where.contract, one.registrant, one.commitment, parts.get(work, ())): work
        for work, one in models.items()
    }


def works_of(every: Iterable[IndexedEvent]) -> dict[str, int]:
    """Address of shares (lower-case digits) to work."""
    return _works(one.event for one in every).of_shares


def claims_of(every: Iterable[IndexedEvent]) -> dict[int, str]:
    """Each registered model to the claim that verifiers attested."""
    return {work: claim for claim, work in _claims(one.event for one in every).items()}
