"""Who used what, and when: each dataset with the sessions that its owner's privacy ledger was charged for.

The ledger (privacy.jsonl) is what counts; when a session was, and how it ended, is read from its folder and from the
dataset's own list of openings, where they are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bailee.errors import BaileeError
from bailee.party.followed import Followed, State, sessions_of
from bailee.party.home import PartyHome
from bailee.party.people import known_people
from bailee.records import Grant, Signed
from bailee.seal import Dataset
from bailee.train.ledger import Entry


@dataclass(frozen=True)
class Use:
    """One session's use of one dataset.

    dataset: the name under which the folder has it, the newest where it was resealed, "" where it is gone; grant: the
    id, "" where the grant is gone; builder_name: "" where nobody said it; when: of the session's first message, else
    of the opening that it spent, "" where neither is here; ended: how the session stands, "" where it is not here.
    """

    dataset: str
    session: str
    plan: str
    purpose: str
    grant: str
    builder: str
    builder_name: str
    epsilon: str
    delta: str
    when: str
    ended: State | None


@dataclass(frozen=True)
class DatasetUses:
    """A dataset's uses, the newest first. card: digest, ""  where the dataset is gone."""

    name: str
    card: str
    rows: int
    spent: Decimal
    uses: tuple[Use, ...]


@dataclass(frozen=True)
class Uses:
    """By dataset; those that were never used are there too."""

    datasets: tuple[DatasetUses, ...]

    @property
    def all(self) -> tuple[Use, ...]:
        """The newest first."""
        return tuple(sorted((use for one in self.datasets for use in one.uses), key=_newest, reverse=True))

    def of_grant(self, grant_id: str) -> tuple[Use, ...]:
        return tuple(use for use in self.all if use.grant == grant_id)

    def of_dataset(self, name: str) -> tuple[Use, ...]:
        return tuple(use for one in self.datasets if one.name == name for use in one.uses)


def uses_of(party: PartyHome, now: datetime) -> Uses:
    """All that the folder knows of. Raises StorageError where the privacy ledger is damaged."""
    entries = party.ledger().entries()
    sessions = {one.id: one for one in sessions_of(party.path, now)}
    grants = {grant.digest: grant for grant in party.grants()}
    names = known_people(party.path)
    origins: dict[str, list[Dataset]] = {}
    for dataset in party.datasets():
        origins.setdefault(party.origin(dataset), []).append(dataset)
    newest = {origin: max(found, key=lambda one: one.card.record.created) for origin, found in origins.items()}
    opened = _opened(origins)
    by_origin: dict[str, list[Use]] = {origin: [] for origin in newest}
    for entry in entries:
        name = newest[entry.dataset].directory.name if entry.dataset in newest else ""
        use = _use(entry, name, grants.get(entry.grant), sessions.get(entry.session), names, opened)
        by_origin.setdefault(entry.dataset, []).append(use)
    found = []
    for origin, uses in by_origin.items():
        spent, told = sum((Decimal(use.epsilon) for use in uses), Decimal(0)), tuple(sorted(uses, key=_newest)[::-1])
        if origin in newest:
            card = newest[origin].card
            found.append(DatasetUses(newest[origin].directory.name, card.digest, card.record.rows, spent, told))
        else:
            found.append(DatasetUses("", "", 0, spent, told))
    return Uses(tuple(sorted(found, key=lambda one: (not one.name, one.name))))


def _use(
    entry: Entry,
    dataset: str,
    grant: Signed[Grant] | None,
    session: Followed | None,
    names: Mapping[str, str],
    opened: Mapping[str, str],
) -> Use:
    plan, purpose, builder, when, ended = "", "", "", opened.get(entry.session, ""), None
    if session is not None:
        plan, purpose, builder = session.leader.plan, session.leader.purpose, session.leader.builder
        when, ended = session.began or when, session.state
    if grant is not None:
        purpose, builder = grant.record.purpose, grant.record.builder
    return Use(
        dataset, entry.session, plan, purpose, "" if grant is None else grant.record.id, builder,
        names.get(builder, ""), entry.epsilon, entry.delta, when, ended,
    )  # fmt: skip


def _opened(origins: dict[str, list[Dataset]]) -> dict[str, str]:
    """When each session (the statement of an opening) spent one."""
    found: dict[str, str] = {}
    for datasets in origins.values():
        for dataset in datasets:
            try:
                spent = dataset.ledger.budget().entries
            except BaileeError:  # the dataset's own page says what is wrong with it
                continue
            found |= {one.statement: one.spent for one in spent if one.statement is not None}
    return found


def _newest(use: Use) -> tuple[str, str]:
    return use.when, use.session
