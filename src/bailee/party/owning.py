"""What an owner holds, what it gave and what needs it: as records, told so that one damaged file hides nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from bailee.adapters.files import read_bytes
from bailee.errors import BaileeError
from bailee.grant import open_grant, open_revocation
from bailee.party.home import PartyHome
from bailee.party.people import known_people
from bailee.party.requested import REQUESTS, Asked, find, paths_in
from bailee.party.standing import GrantState, grant_state
from bailee.records import Grant, Revocation, Signed
from bailee.records.fields import parse_time
from bailee.records.schema import Schema
from bailee.seal import Dataset, open_dataset
from bailee.seal.card import CARD_FILE
from bailee.train.ledger import Entry

T = TypeVar("T")
_RECORD_LIMIT = 1 << 20
SOON = timedelta(days=7)
FEW = 1
"""Openings at which a dataset is nearly out of them."""


@dataclass(frozen=True)
class Fault:
    """A file of the folder that cannot be read. place: within the folder."""

    place: str
    problem: str


@dataclass(frozen=True)
class Opening:
    """purpose: what a proof was for; when: None for one that is kept or left."""

    number: int
    purpose: str
    when: str | None


@dataclass(frozen=True)
class OwnedDataset:
    """A sealed dataset. openings: those that proofs may take, the one kept to reseal not counted.

    origin: names the rows, whatever card they are under. spent: epsilon of all sessions on these rows. granted: what
    grants on this card that hold may still cost beside. renewed_by: the dataset here that goes on from it, or None.
    """

    name: str
    card: str
    schema: Schema
    rows: int
    columns: tuple[str, ...]
    created: str
    origin: str
    openings: int
    openings_left: int
    can_reseal: bool
    spent: Decimal
    granted: Decimal
    renewed_by: str | None
    opened: tuple[Opening, ...]

    @property
    def renewable(self) -> bool:
        return self.can_reseal and self.renewed_by is None

    @property
    def needs_openings(self) -> bool:
        return self.openings_left <= FEW and self.renewable


@dataclass(frozen=True)
class GivenGrant:
    """A grant. dataset: its name here, None where it is gone; builder_name: None where nobody said it; spent: epsilon
    of the sessions under it; revoked: when it was taken back, None where it was not."""

    id: str
    state: GrantState
    dataset: str | None
    builder: str
    builder_name: str | None
    purpose: str
    plan: str
    fields: tuple[str, ...]
    begins: str
    ends: str
    max_epsilon: Decimal
    max_delta: str
    spent: Decimal
    sessions: int
    revoked: str | None
    unprotected: bool

    @property
    def ended(self) -> bool:
        """Expired or revoked: it never holds again, and there is nothing to take back."""
        return self.state in ("expired", "revoked")

    @property
    def left(self) -> Decimal:
        """Of its epsilon; none where it does not hold any more."""
        return Decimal(0) if self.ended else max(self.max_epsilon - self.spent, Decimal(0))


@dataclass(frozen=True)
class Owned:
    """Everything, the newest first. spending_known: whether the privacy ledger could be read; where it could not, all
    that is said to be spent or left is wrong and must not be shown."""

    datasets: tuple[OwnedDataset, ...]
    grants: tuple[GivenGrant, ...]
    requests: tuple[Asked, ...]
    faults: tuple[Fault, ...]
    spending_known: bool

    def dataset(self, name: str) -> OwnedDataset | None:
        return next((one for one in self.datasets if one.name == name), None)

    def grant(self, grant_id: str) -> GivenGrant | None:
        return next((one for one in self.grants if one.id == grant_id), None)

    @property
    def waiting(self) -> tuple[Asked, ...]:
        return tuple(one for one in self.requests if one.state == "open")

    def ending(self, now: datetime) -> tuple[GivenGrant, ...]:
        """Grants that hold, and not for long any more."""
        return tuple(one for one in self.grants if one.state == "holds" and parse_time(one.ends) - now <= SOON)


def owned(party: PartyHome, now: datetime) -> Owned:
    """All of a folder, as it is now."""
    faults: list[Fault] = []
    places = sorted(path.parent for path in (party.path / "datasets").glob(f"[!.]*/{CARD_FILE}"))
    sealed = _each(party.path, places, open_dataset, faults)
    grants = _each(party.path, _files(party, "grants"), lambda path: open_grant(_record(path)), faults)
    taken = _each(party.path, _files(party, "revocations"), lambda path: open_revocation(_record(path)), faults)
    asked = _each(party.path, paths_in(party, REQUESTS), lambda path: find(party, REQUESTS, path.stem, now), faults)
    ledgers = _each(party.path, [party.path / "privacy.jsonl"], lambda _: party.ledger().entries(), faults)
    entries = ledgers[0] if ledgers else ()
    names = known_people(party.path)
    by_card = {dataset.card.digest: dataset.directory.name for dataset in sealed}
    given = [_grant(party, grant, taken, entries, names, by_card, now) for grant in grants]
    found = _each(party.path, [one.directory for one in sealed], _telling(party, sealed, given, entries), faults)
    return Owned(
        tuple(sorted(found, key=lambda one: (one.created, one.name), reverse=True)),
        tuple(sorted(given, key=lambda one: (one.state == "holds", one.begins, one.id), reverse=True)),
        tuple(sorted(asked, key=lambda one: (one.request.record.asked, one.id), reverse=True)),
        tuple(faults),
        bool(ledgers),
    )


def _telling(
    party: PartyHome, sealed: Sequence[Dataset], given: Sequence[GivenGrant], entries: Sequence[Entry]
) -> Callable[[Path], OwnedDataset]:
    by_place = {one.directory: one for one in sealed}
    renewals = {one.card.record.renews.card: one.directory.name for one in sealed if one.card.record.renews is not None}

    def tell(place: Path) -> OwnedDataset:
        dataset = by_place[place]
        record, budget, origin = dataset.card.record, dataset.ledger.budget(), party.origin(dataset, sealed)
        return OwnedDataset(
            name=place.name,
            card=dataset.card.digest,
            schema=Schema.from_json(record.schema),
            rows=record.rows,
            columns=tuple(record.columns),
            created=record.created,
            origin=origin,
            openings=budget.total - 1,
            openings_left=budget.remaining,
            can_reseal=budget.can_reseal,
            spent=sum((Decimal(one.epsilon) for one in entries if one.dataset == origin), Decimal(0)),
            granted=sum((one.left for one in given if one.dataset == place.name), Decimal(0)),
            renewed_by=renewals.get(dataset.card.digest),
            opened=tuple(Opening(one.opening, one.purpose, one.spent) for one in budget.entries),
        )

    return tell


def _grant(
    party: PartyHome,
    grant: Signed[Grant],
    taken: Sequence[Signed[Revocation]],
    entries: Sequence[Entry],
    names: dict[str, str],
    by_card: dict[str, str],
    now: datetime,
) -> GivenGrant:
    record = grant.record
    revoked = next((one.record.revoked for one in taken if one.record.grant == grant.digest), None)
    under = [one for one in entries if one.grant == grant.digest]
    return GivenGrant(
        id=record.id,
        state=grant_state(record, revoked, now),
        dataset=by_card.get(record.card),
        builder=record.builder,
        builder_name=names.get(record.builder),
        purpose=record.purpose,
        plan=record.plan,
        fields=record.fields,
        begins=record.not_before,
        ends=record.not_after,
        max_epsilon=Decimal(record.max_epsilon),
        max_delta=record.max_delta,
        spent=sum((Decimal(one.epsilon) for one in under), Decimal(0)),
        sessions=len(under),
        revoked=revoked,
        unprotected=(party.path / "waivers" / f"{record.id}.json").is_file(),
    )


def _files(party: PartyHome, folder: str) -> Iterator[Path]:
    return iter(sorted((party.path / folder).glob("*.json")))


def _record(path: Path) -> bytes:
    return read_bytes(path, _RECORD_LIMIT, "record")


def _each(
    home: Path, places: Sequence[Path] | Iterator[Path], read: Callable[[Path], T], faults: list[Fault]
) -> list[T]:
    """What is read at each place; those that cannot be are told of in `faults`."""
    found = []
    for place in places:
        try:
            found.append(read(place))
        except (BaileeError, OSError) as error:
            problem = str(error).replace(f"{home}/", "").replace(str(home), "this folder")
            faults.append(Fault(str(place.relative_to(home)), problem))
    return found
