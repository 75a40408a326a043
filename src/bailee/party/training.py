"""Both sides of a training session, as every face begins them: a builder leads, each owner takes part.

What people see of it while it runs is in watched.py; the messages are the stage's (`bailee.train`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bailee.adapters.transport import Channel
from bailee.errors import BudgetError, GrantError
from bailee.grant import Use, check_grant
from bailee.party.home import PartyHome
from bailee.party.watched import Course
from bailee.records import Grant, Passport, Revocation, Signed
from bailee.records.fields import parse_time
from bailee.seal import Dataset, Progress
from bailee.statements.card import check_card
from bailee.statements.tasks import AnyPlan
from bailee.train.builder import Builder, Outcome
from bailee.train.consent import OpenLedger
from bailee.train.events import Watch
from bailee.train.holding import Holding, Request, Setting
from bailee.train.owner import take_part
from bailee.train.proving import check, proving
from bailee.train.table import Score


@dataclass(frozen=True)
class Running:
    """How a side runs. patience: seconds to wait for another party; open_ledger: where the plan names a ledger."""

    watch: Watch
    resume: bool = False
    patience: float = 600.0
    open_ledger: OpenLedger | None = None

    def setting(self, party: PartyHome) -> Setting:
        return Setting(
            party.sessions, self.resume, self.watch, patience=self.patience, open_ledger=self.open_ledger
        )  # fmt: skip


def lead(
    party: PartyHome,
    plan: AnyPlan,
    owners: Sequence[str],
    accept: Callable[[float], Channel],
    running: Running,
    score: Score | None = None,
    revocations: Sequence[Signed[Revocation]] = (),
) -> Outcome:
    """The builder's side, from the first owner that connects to the passport. owners: public keys, hex.

    The caller holds the folder's lock. Raises SessionError, PlanError, ProofError and siblings.
    """
    setting = running.setting(party)
    return Builder(party.identity, plan, tuple(owners), check, setting, check_card, score, revocations).run(accept)


def join_in(
    party: PartyHome, holding: Holding, channel: Channel, running: Running, epsilon_limit: str | None = None
) -> Passport:
    """An owner's side over an open channel, closed at its end. The caller holds the folder's lock."""
    try:
        return take_part(holding, channel, proving(), party.ledger(epsilon_limit), running.setting(party))
    finally:
        channel.close()


def require_worth_joining(party: PartyHome, dataset: Dataset, grant: Signed[Grant]) -> None:
    """What can be known before a builder is asked: a session that must fail would cost privacy for nothing.

    The grant is checked in full once the builder has said what it wants. Raises GrantError, BudgetError.
    """
    if any(revocation.record.grant == grant.digest for revocation in party.revocations()):
        raise GrantError(f"the grant {grant.record.id} was revoked; give a new one with: bailee grant")
    if datetime.now(UTC) > parse_time(grant.record.not_after):
        raise GrantError(
            f"the grant has expired: it ended at {grant.record.not_after}; give a new one with: bailee grant"
        )
    if not dataset.ledger.budget().remaining:
        name = dataset.directory.name
        raise BudgetError(
            f"all openings of {name} are spent, so nothing can be proven about it any more; "
            f"renew it with `bailee reseal {name}`, then give a new grant on the renewed dataset"
        )


def hold(party: PartyHome, dataset: Dataset, grant: Signed[Grant], progress: Progress | None = None) -> Holding:
    """The dataset, opened, with what its owner allows. Opens its rows in this process."""
    identity = party.identity

    def permit(request: Request) -> None:
        use = Use(
            builder=request.invite.record.builder,
            purpose=request.plan.purpose,
            plan=request.plan.digest,
            fields=request.fields,
            epsilon=request.loss.epsilon,
            delta=request.loss.delta,
        )
        # Read now, not when the command began: a grant may have been taken back since.
        check_grant(request.grant, dataset.card, party.revocations(), use, request.now)

    def spend(session: str) -> int:
        return dataset.ledger.spend("training", datetime.now(UTC), session)

    matrix, seed = dataset.open(identity, progress)
    rows = party.origin(dataset)
    return Holding(identity, dataset.card, dataset.proof, grant, matrix, seed, rows, permit, spend)


def report(course: Course, outcome: Outcome, score: Score | None) -> dict[str, Any]:
    """What was measured on the way; unsigned, for people."""
    record = outcome.passport.record
    return {
        "session": record.session,
        "rounds": course.rounds,
        "accuracy": None if score is None else score(outcome.weights),
        "accuracy_by_round": course.accuracy,
        "train_seconds": round(course.seconds("invited", "closing"), 3),
        "prove_seconds": round(course.seconds("closing", "done"), 3),
        "owners": [
            {
                "name": one.name,
                "rows": one.rows,
                "epsilon": one.epsilon,
                "delta": one.delta,
                "share": one.share,
                "prove_seconds": round(course.proven.get(one.owner, 0.0), 3),
                "proof_bytes": (outcome.path.parent / "attachments" / one.proof).stat().st_size,
            }
            for one in record.owners
        ],
    }
