"""The builder's side of a session: it asks, adds up what owners release, takes the public step, and makes the passport.

It never holds a row: all it receives are signed records and proofs. Everything it has heard is in its session folder
before it goes on, so that a killed builder comes back to the same iterates.
The owner's side is `owner.py`; what messages mean is in `bailee.statements.session`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bailee.adapters.files import storage_errors, write_atomic
from bailee.adapters.transport import Channel
from bailee.errors import BaileeError, SessionError
from bailee.keys import Identity, Secret
from bailee.records import (
    Card,
    Entrant,
    Grant,
    Invite,
    Passport,
    Revocation,
    Signed,
    digest,
    open_signed,
    sign,
    time_text,
)
from bailee.statements.fixed_point import WEIGHT_BITS
from bailee.statements.session import COIN_BYTES, commit_coin
from bailee.statements.tasks import AnyPlan, plan_of, task_of
from bailee.train.consent import Consent, open_consent
from bailee.train.events import Event
from bailee.train.folder import Folder
from bailee.train.holding import Setting
from bailee.train.plan import fix_task
from bailee.train.proving import Checking
from bailee.train.table import Guest, Score, Table

HELLO_PATIENCE = 30.0
"""Seconds for an owner that connected to show its card: a stranger must not hold up the others."""


@dataclass(frozen=True)
class Outcome:
    """A finished session: the passport, the folder with its attachments, the weights in real units and the events."""

    passport: Signed[Passport]
    path: Path
    weights: NDArray[np.float64]


@dataclass
class Builder:
    """One session of `plan` with the owners whose public keys (hex) are expected.

    check raises ProofError for an owner's proof that does not convince. revocations are passed on in the passport.
    check_card, if given, raises for a card whose validity proof does not hold.
    """

    identity: Identity
    plan: AnyPlan
    expected: Sequence[str]
    check: Checking
    setting: Setting
    check_card: Callable[[Signed[Card], bytes], object] | None = None
    score: Score | None = None
    revocations: Sequence[Signed[Revocation]] = ()

    def run(self, accept: Callable[[float], Channel]) -> Outcome:
        """The whole session; `accept` gives the next owner's channel (a Listener's). Raises SessionError and siblings.

        With `setting.resume` the newest session folder in `setting.home` goes on.
        """
        consent = open_consent(self.plan.ledger, self.setting.open_ledger)
        guests = self._welcome(accept)
        try:
            return self._run(guests, consent)
        finally:
            for guest in guests:
                guest.channel.close()

    def _welcome(self, accept: Callable[[float], Channel]) -> list[Guest]:
        """Owners in the order of their keys, each once, each expected. A stranger is turned away, not fatal."""
        self.setting.watch(Event("waiting"))
        found: dict[str, Guest] = {}
        while len(found) < len(self.expected):
            channel = accept(self.setting.patience)
            try:
                guest = self._hear(channel)
                if guest.key not in self.expected or guest.key in found:
                    raise SessionError(f"owner {guest.key[:16]} is not expected, or here already")
            except BaileeError:
                channel.close()
                continue
            found[guest.key] = guest
            self.setting.watch(Event("joined", owner=guest.key))
        return [found[key] for key in sorted(found)]

    def _hear(self, channel: Channel) -> Guest:
        wait = min(self.setting.patience, HELLO_PATIENCE)
        card = open_signed(channel.receive(wait), Card)
        proof = channel.receive(wait)
        grant = open_signed(channel.receive(wait), Grant, card.signer)
        if digest(proof) != card.record.proof:
            raise SessionError(f"the card of {card.record.owner_name} came with another proof than its own")
        if grant.record.card != card.digest or grant.record.builder != self.identity.public_key.hex():
            raise SessionError(f"the grant of {card.record.owner_name} is for another card or another builder")
        return Guest(card.record.owner, channel, card, proof, grant)

    def _run(self, guests: Sequence[Guest], consent: Consent | None) -> Outcome:
        if self.check_card is not None:
            for guest in guests:
                self.check_card(guest.card, guest.card_proof)
        invite, folder = self._invite(guests)
        task = task_of(self.plan, invite.record.terms)
        table = Table(self.identity, task, self.setting, self.check, self.score, tuple(guests), invite, folder, consent)
        table.keep_hellos(self.revocations)
        table.gather_commitments()
        table.gather_spendings()
        table.gather_coins()
        table.train()
        table.gather_proofs()
        passport = table.passport()
        for guest in guests:
            guest.channel.send(passport.envelope)
        weights = np.array(passport.record.weights, dtype=np.float64) / 2.0**WEIGHT_BITS
        self.setting.watch(Event("done", task.rounds, task.rounds))
        return Outcome(passport, folder.path / "passport.json", weights)

    def _invite(self, guests: Sequence[Guest]) -> tuple[Signed[Invite], Folder]:
        """The invite of a new session, or of the one resumed, sent to everybody."""
        key = self.identity.public_key.hex()
        entrants = tuple(Entrant(guest.key, guest.card.digest, guest.grant.digest) for guest in guests)
        kept = self._newest() if self.setting.resume else None
        if kept is None:
            terms = fix_task(self.plan, [guest.card.record for guest in guests]).terms
            session = self.setting.entropy(32).hex()
            coin = self.setting.entropy(COIN_BYTES)
            folder = Folder.open(self.setting.home, session, resume=False)
            folder.put_secret("coin.sealed", Secret(coin), self.identity)
            record = Invite(
                session=session,
                builder=key,
                plan=self.plan.to_mapping(),
                terms=terms.to_mapping(),
                owners=entrants,
                coin_commitment=commit_coin(session, key, coin),
                created=time_text(self.setting.clock()),
            )
            invite = sign(record, self.identity)
            folder.put("invite.json", invite.envelope, "the invite")
            write_atomic(self.setting.home / "newest", session.encode())
        else:
            folder, invite = kept, self._invited(kept)
            if not self._fits(invite.record, entrants):
                raise SessionError("the session to resume has other owners, cards, grants or another plan")
            if not _all_in(folder, entrants) and (before := self._all_answered(entrants)) is not None:
                folder, invite = before, self._invited(before)
        for guest in guests:
            guest.channel.send(invite.envelope)
        self.setting.watch(Event("invited", rounds=task_of(self.plan, invite.record.terms).rounds))
        return invite, folder

    def _newest(self) -> Folder | None:
        """The session last begun in this home, or None: there was none, or it never got as far as its invite."""
        path = self.setting.home / "newest"
        with storage_errors(path):
            if not path.exists():
                return None
            session = path.read_text().strip()
        if len(session) != 64 or any(letter not in "0123456789abcdef" for letter in session):
            raise SessionError(f"{path} does not name a session; delete it and start anew")
        return Folder.open(self.setting.home, session, resume=True)

    def _all_answered(self, entrants: Sequence[Entrant]) -> Folder | None:
        """The last session of these owners under this plan that all of them entered, and so paid for, and that has not
        ended. It is meant where one was begun anew beside it by mistake, and an owner that had paid refused that."""
        found: list[tuple[str, Folder]] = []
        for path in self.setting.home.glob("[0-9a-f]" * 64):
            folder = Folder(path)
            if _all_in(folder, entrants) and folder.get("passport.json") is None:
                with suppress(BaileeError):  # a damaged one cannot be gone on with
                    record = self._invited(folder).record
                    if self._fits(record, entrants):
                        found.append((record.created, folder))
        return max(found, key=lambda one: one[0])[1] if found else None

    def _invited(self, folder: Folder) -> Signed[Invite]:
        return open_signed(folder.need("invite.json"), Invite, self.identity.public_key)

    def _fits(self, record: Invite, entrants: Sequence[Entrant]) -> bool:
        return record.owners == tuple(entrants) and plan_of(record.plan) == self.plan


def _all_in(folder: Folder, entrants: Sequence[Entrant]) -> bool:
    """Whether every owner entered the session: it charges its budget first, then says its noise commitment."""
    return all((folder.path / f"noise-{one.owner}.json").exists() for one in entrants)
