"""A training session from Python: owners of this process take part in threads of it, others connect as ever.

Whoever is here, every message is the same signed record: what a passport proves does not depend on it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bailee.adapters.files import lock
from bailee.adapters.transport import Channel, Listener, MemoryChannel, memory_pair
from bailee.errors import InputError, SessionError
from bailee.party.accounts import reached
from bailee.party.answered import require_carried
from bailee.party.handing_out import hand_out
from bailee.party.home import PartyHome
from bailee.party.training import Running, hold, join_in, lead, report, require_worth_joining
from bailee.party.watched import Course
from bailee.records import Grant, Revocation, Signed
from bailee.statements.tasks import AnyPlan
from bailee.train.events import ignore
from bailee.train.holding import Holding
from bailee.train.table import Score
from bailee.verbs.passports import Passport
from bailee.verbs.progress import steps, watching

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount


@dataclass
class Local:
    """An owner whose folder is here, with the grant it takes part under. It runs in a thread of its own.

    account: by which it spends, where the plan names a ledger.
    """

    party: PartyHome
    grant: Signed[Grant]
    account: LocalAccount | None = field(default=None, repr=False)
    failure: BaseException | None = None
    near: MemoryChannel | None = field(default=None, repr=False)
    thread: threading.Thread | None = field(default=None, repr=False)

    def begin(self, holding: Holding, running: Running) -> Channel:
        """The builder's end of the channel to it."""
        far, self.near = memory_pair()
        near = self.near

        def run() -> None:
            try:
                join_in(self.party, holding, near, running)
            except BaseException as error:  # told in the thread that waits for this one
                self.failure = error

        self.thread = threading.Thread(target=run, name=f"bailee-owner-{holding.key[:8]}", daemon=True)
        self.thread.start()
        return far


def train(
    builder: PartyHome,
    plan: AnyPlan,
    local: Sequence[Local],
    remote: dict[str, str],
    listen: tuple[str, int],
    score: Score | None,
    revocations: Sequence[Signed[Revocation]],
    out: Path | None,
    resume: bool,
    patience: float,
    quiet: bool,
    ledger: str | None = None,
) -> Passport:
    """One session. remote: names by public key, hex, of owners that connect to `listen`. Raises as `Party.train`."""
    names = remote | {one.party.identity.public_key.hex(): one.party.public.name for one in local}
    if len(names) != len(remote) + len(local):
        raise InputError("an owner is named twice; name each once")
    if not names:
        raise InputError("expected at least one owner")
    homes = {one.party.path.resolve() for one in local} | {builder.path.resolve()}
    if len(homes) != len(local) + 1:
        raise InputError("owners and the builder each need a folder of their own: one folder runs one side at a time")
    if local and ledger is not None and not ledger.startswith(("http://", "https://")):
        raise InputError(
            f"{ledger} is the chain of one folder, and owners here have folders of their own: serve it with `bailee "
            "ledger serve`, and give its http:// address as ledger"
        )
    if not resume:
        require_carried(builder, plan, names, revocations, datetime.now(UTC))
    course = Course(names)
    with ExitStack() as stack:
        for one in (builder, *(one.party for one in local)):
            stack.enter_context(lock(one.path))
        with steps(quiet) as progress:
            held = [hold(one.party, one.party.dataset_of(one.grant), one.grant, progress) for one in local]
        door = stack.enter_context(Listener(*listen)) if remote else None
        asides = [
            Running(ignore, resume, patience, stack.enter_context(reached(ledger, one.party.path, one.account)))
            for one in local
        ]
        opened = stack.enter_context(reached(ledger, builder.path))
        watch = stack.enter_context(watching(course, quiet))
        waiting: list[Channel] = []
        try:
            waiting += [one.begin(holding, aside) for one, holding, aside in zip(local, held, asides, strict=True)]
            running = Running(watch, resume, patience, opened)
            outcome = lead(builder, plan, tuple(names), _accept(list(waiting), door), running, score, revocations)
        except SessionError as error:
            _end(waiting, local)
            raise _reason(local, error) from None
        finally:
            _end(waiting, local)
    if (failed := next((one.failure for one in local if one.failure is not None), None)) is not None:
        raise failed
    record = outcome.passport.record
    target = out or builder.path / "passports" / record.session[:16]
    told = report(course, outcome, score)
    hand_out(outcome.passport.envelope, outcome.path, target, told)
    return Passport(target / "passport.json", told)


def fitting(owner: PartyHome, plan: AnyPlan, builder: str, resume: bool = False) -> Signed[Grant]:
    """The one grant of an owner's by which this builder may run this plan now. InputError where there is not one.

    resume: a session goes on, for which an opening may be spent already.
    """
    asked = [one for one in owner.grants() if (one.record.builder, one.record.plan) == (builder, plan.digest)]
    taken = {one.record.grant for one in owner.revocations()}
    found = [one for one in asked if one.digest not in taken]
    if len(found) != 1:
        told = ", ".join(one.record.id for one in found) or "none; give one: owner.grant(dataset, builder, plan)"
        raise InputError(
            f"{owner.public.name}: expected one grant for this plan and builder, there are: {told}. Where there are "
            "several, name the grant in place of the party: owners=[grant]"
        )
    if not resume:
        require_worth_joining(owner, owner.dataset_of(found[0]), found[0])
    return found[0]


def _accept(waiting: list[Channel], door: Listener | None) -> Callable[[float], Channel]:
    def accept(timeout: float) -> Channel:
        if waiting:
            return waiting.pop(0)
        if door is None:
            raise SessionError("an owner left before the session began")
        return door.accept(timeout)

    return accept


def _end(channels: Sequence[Channel], local: Sequence[Local]) -> None:
    """Nobody waits for anybody any more."""
    for one in channels:
        one.close()
    for each in local:
        if each.thread is not None:
            each.thread.join()


def _reason(local: Sequence[Local], error: SessionError) -> BaseException:
    """Why a session ended: an owner's own word, where it has one, else what the builder saw of it."""
    own = [one.failure for one in local if one.failure is not None and not isinstance(one.failure, SessionError)]
    return own[0] if own else error
