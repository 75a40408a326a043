"""Dishonest parties in a session: replayed, reordered, foreign and forged messages; what each meets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bailee.adapters.transport import Channel, Listener, join
from bailee.errors import BaileeError, BudgetError, GrantError, PlanError, ProofError, SessionError, SignatureError
from bailee.keys import Identity
from bailee.records import (
    Anchor,
    Card,
    Closing,
    Coin,
    Entrant,
    Invite,
    Iterate,
    NoiseCommitment,
    Proven,
    Round,
    Spent,
    open_signed,
    predicate_type_of,
    sign,
    time_text,
)
from bailee.train.builder import Builder
from bailee.train.ledger import Ledger
from parties import Cast, make_cast, run_session

R = TypeVar("R")
EVE = Identity.generate("Eve")
OTHER = "e" * 64
KINDS: tuple[Any, ...] = (Anchor, Card, Closing, Coin, Invite, Iterate, NoiseCommitment, Proven, Round, Spent)


class Tampered:
    """A channel whose incoming frames pass through `change(record or None, frame)`."""

    def __init__(self, channel: Channel, change: Callable[[Any, bytes], bytes]) -> None:
        self.channel, self.change = channel, change
        self.send, self.close = channel.send, channel.close

    def receive(self, timeout: float) -> bytes:
        frame = self.channel.receive(timeout)
        return self.change(read(frame), frame)


def read(frame: bytes) -> Any:
    try:
        name = predicate_type_of(frame)
    except BaileeError:
        return None
    for kind in KINDS:
        if kind.predicate_type() == name:
            return open_signed(frame, kind).record
    return None


def attack(
    cast: Cast, end: str, kind: type[R], change: Callable[[R], Any], signer: Identity, **more: Any
) -> dict[str, Any]:
    """A session in which every record of `kind` that arrives at `end` was changed and signed again by `signer`.

    What `change` returns is signed and delivered; None drops nothing and changes nothing.
    """

    def forge(record: Any, frame: bytes) -> bytes:
        changed = change(record) if isinstance(record, kind) else None
        return frame if changed is None else sign(changed, signer).envelope

    outcome, said = run_session(
        cast, wrap=lambda name, channel: Tampered(channel, forge) if name == end else channel, **more
    )
    assert outcome is None
    return said


@pytest.fixture
def cast(tmp_path: Path) -> Cast:
    return make_cast(tmp_path, (30, 40))


ITERATES: list[tuple[str, Callable[[Iterate], Any], str]] = [
    ("skipped", lambda r: replace(r, round=r.round + 1) if r.round == 1 else None, "before round"),
    ("beyond", lambda r: replace(r, round=9) if r.round == 1 else None, "round 10 of 5"),
    ("asked twice", lambda r: replace(r, round=0) if r.round == 1 else None, "differs from what was said"),
    ("foreign session", lambda r: replace(r, session=OTHER), "a message of session"),
    ("weight on the label", lambda r: replace(r, weights=(*r.weights[:-1], 1)), "do not fit"),
    ("too few weights", lambda r: replace(r, weights=r.weights[:-1]), "do not fit"),
]


@pytest.mark.parametrize(("name", "change", "message"), ITERATES, ids=[case[0] for case in ITERATES])
def test_a_builder_that_asks_wrongly_learns_nothing(
    cast: Cast, name: str, change: Callable[[Iterate], Any], message: str
) -> None:
    said = attack(cast, "owner0", Iterate, change, cast.builder)
    assert isinstance(said["owner0"], SessionError)
    assert message in str(said["owner0"])


def test_messages_of_a_stranger_are_not_the_builders(cast: Cast) -> None:
    said = attack(cast, "owner0", Iterate, lambda r: replace(r, builder=EVE.public_key.hex()), EVE)
    assert isinstance(said["owner0"], SignatureError)


def test_closing_early_or_elsewhere_gets_no_proof(cast: Cast) -> None:
    def early(record: Iterate) -> Any:
        return Closing(record.session, record.builder, OTHER) if record.round == 2 else None

    said = attack(cast, "owner0", Iterate, early, cast.builder)
    assert isinstance(said["owner0"], SessionError)
    assert "before all rounds" in str(said["owner0"])
    again = make_cast(cast.root / "again", (30, 40))
    said = attack(again, "owner0", Closing, lambda r: replace(r, session=OTHER), again.builder)
    assert "a message of session" in str(said["owner0"])


def test_a_closing_of_another_transcript_ends_in_no_passport(cast: Cast) -> None:
    said = attack(cast, "owner0", Closing, lambda r: replace(r, transcript=OTHER), cast.builder)
    assert isinstance(said["builder"], SessionError)
    assert "another statement" in str(said["builder"])


def test_an_owners_own_commitment_must_come_back(cast: Cast) -> None:
    owner = cast.owners[0].identity
    said = attack(
        cast,
        "owner0",
        NoiseCommitment,
        lambda r: replace(r, coin_commitment=OTHER) if r.owner == cast.owners[0].key else None,
        owner,
    )
    assert "another noise commitment" in str(said["owner0"])


def test_a_coin_other_than_committed_is_refused(cast: Cast) -> None:
    other = cast.owners[1]
    change: Callable[[Coin], Any] = lambda r: replace(r, coin=OTHER) if r.party == other.key else None  # noqa: E731
    said = attack(cast, "owner0", Coin, change, other.identity)
    assert "not the one it committed to" in str(said["owner0"])


def test_a_resumed_session_keeps_its_commitments(cast: Cast) -> None:
    """A builder that shows other commitments on resuming would draw the noise again."""
    other = cast.owners[1]
    first = attack(cast, "owner0", Iterate, lambda r: replace(r, session=OTHER) if r.round == 2 else None, cast.builder)
    assert isinstance(first["owner0"], SessionError)
    said = attack(
        cast,
        "owner0",
        NoiseCommitment,
        lambda r: replace(r, coin_commitment=OTHER) if r.owner == other.key else None,
        other.identity,
        resume=True,
    )
    assert "differs from what was said" in str(said["owner0"])


def named(invite: Invite, **change: str) -> tuple[Entrant, ...]:
    return tuple(replace(entrant, **change) for entrant in invite.owners)


INVITES: list[tuple[str, Callable[[Invite], Any], type[BaileeError], str]] = [
    ("less noise", lambda r: replace(r, terms={**r.terms, "sigma": "600"}), PlanError, "would cost this owner epsilon"),
    ("finer lattice", lambda r: replace(r, terms={**r.terms, "shift": 20}), PlanError, "at epsilon"),
    ("fewer rows", lambda r: replace(r, terms={**r.terms, "rows": 3}), PlanError, "leave this owner"),
    ("smaller norm", lambda r: replace(r, terms={**r.terms, "norm_bound": 5}), PlanError, "leave this owner"),
    (
        "the label too",
        lambda r: replace(r, terms={**r.terms, "released": [True] * 5}),
        PlanError,
        "label is never released",
    ),
    (
        "fewer columns",
        lambda r: replace(r, terms={**r.terms, "released": [False, True, True, True, False]}),
        PlanError,
        "not those of this owner's card",
    ),
    ("more rounds", lambda r: replace(r, plan={**r.plan, "rounds": 7}), PlanError, "would cost this owner epsilon"),
    ("other card", lambda r: replace(r, owners=named(r, card=OTHER)), SessionError, "with the card"),
    ("other grant", lambda r: replace(r, owners=named(r, grant=OTHER)), SessionError, "with the card and grant"),
    ("old", lambda r: replace(r, created="2020-01-01T00:00:00Z"), SessionError, "check the clocks"),
    ("future", lambda r: replace(r, created="2220-01-01T00:00:00Z"), SessionError, "check the clocks"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "kind", "message"), INVITES, ids=[case[0] for case in INVITES])
def test_an_invite_that_asks_too_much_is_declined(
    cast: Cast, name: str, change: Callable[[Invite], Any], kind: type[BaileeError], message: str
) -> None:
    said = attack(cast, "owner0", Invite, change, cast.builder)
    assert isinstance(said["owner0"], kind)
    assert message in str(said["owner0"])
    assert cast.ledger(0).entries() == ()


def test_the_owners_own_grant_check_decides(cast: Cast) -> None:
    def refuse(request: Any) -> None:
        assert request.plan == cast.plan
        assert request.fields == ("size", "age", "dose", "(bias)")
        assert float(request.loss.epsilon) <= 8
        raise GrantError("it was revoked")

    owners = (replace(cast.owners[0], permit=refuse), cast.owners[1])
    outcome, said = run_session(cast, owners=owners)
    assert outcome is None
    assert isinstance(said["owner0"], GrantError)
    assert isinstance(said["builder"], SessionError)
    assert cast.ledger(0).entries() == ()


def test_a_grant_revoked_between_rounds_ends_the_resume(cast: Cast) -> None:
    attack(cast, "owner0", Iterate, lambda r: replace(r, session=OTHER) if r.round == 2 else None, cast.builder)

    def refuse(request: Any) -> None:
        raise GrantError("it was revoked")

    owners = (replace(cast.owners[0], permit=refuse), cast.owners[1])
    outcome, said = run_session(cast, resume=True, owners=owners)
    assert outcome is None
    assert isinstance(said["owner0"], GrantError)


def test_the_ledgers_limit_holds(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cast, "ledger", lambda self, place: Ledger(self.root / f"{place}.jsonl", limit="7"))
    outcome, said = run_session(cast)
    assert outcome is None
    assert isinstance(said["owner0"], BudgetError)


def test_a_spent_budget_of_openings_is_told(cast: Cast) -> None:
    def none_left(statement: str) -> int:
        raise BudgetError("all openings are spent")

    outcome, said = run_session(cast, owners=(replace(cast.owners[0], spend=none_left), cast.owners[1]))
    assert outcome is None
    assert isinstance(said["owner0"], BudgetError)


def test_a_session_begun_is_not_begun_again(cast: Cast) -> None:
    outcome, _ = run_session(cast)
    assert outcome is not None
    invite = (outcome.path.parent / "attachments" / outcome.passport.record.invite).read_bytes()
    old = open_signed(invite, Invite).record
    said = attack(cast, "owner0", Invite, lambda r: old, cast.builder)
    assert "begun already" in str(said["owner0"])


ANSWERS: list[tuple[str, type[Any], Callable[[Any], Any], str]] = [
    ("late round", Round, lambda r: replace(r, round=r.round + 1), "another round"),
    ("other weights", Round, lambda r: replace(r, weights=OTHER), "another round or other weights"),
    ("label's sum", Round, lambda r: replace(r, sums=(*r.sums[:-1], 7)), "do not fit"),
    ("too few sums", Round, lambda r: replace(r, sums=r.sums[:-1]), "do not fit"),
    ("foreign round", Round, lambda r: replace(r, session=OTHER), "another session"),
    ("foreign noise", NoiseCommitment, lambda r: replace(r, session=OTHER), "another session"),
    ("foreign coin", Coin, lambda r: replace(r, session=OTHER), "another session"),
    ("other coin", Coin, lambda r: replace(r, coin=OTHER), "committed"),
    ("other statement", Proven, lambda r: replace(r, statement=OTHER), "another statement"),
    ("other proof", Proven, lambda r: replace(r, proof=OTHER), "another statement"),
    ("foreign proof", Proven, lambda r: replace(r, session=OTHER), "another session"),
]


@pytest.mark.parametrize(("name", "kind", "change", "message"), ANSWERS, ids=[case[0] for case in ANSWERS])
def test_an_owner_that_answers_wrongly_is_named(
    tmp_path: Path, name: str, kind: type[Any], change: Callable[[Any], Any], message: str
) -> None:
    cast = make_cast(tmp_path, (30,))
    said = attack(cast, "builder0", kind, change, cast.owners[0].identity)
    assert isinstance(said["builder"], SessionError)
    assert message in str(said["builder"])
    assert cast.owners[0].key[:16] in str(said["builder"])


def test_sums_that_were_not_computed_from_the_rows_do_not_prove(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (30,))
    said = attack(
        cast,
        "builder0",
        Round,
        lambda r: replace(r, sums=(r.sums[0] + 1, *r.sums[1:])),
        cast.owners[0].identity,
    )
    assert isinstance(said["builder"], (ProofError, SessionError))


def test_an_opening_other_than_proven_does_not_convince(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (30,))
    said = attack(cast, "builder0", Proven, lambda r: replace(r, opening=5), cast.owners[0].identity)
    assert isinstance(said["builder"], ProofError)


@pytest.mark.parametrize("end", ["owner0", "builder0"])
@pytest.mark.parametrize("frame", [b"{}", b"\0" * 40, b"[" * 5000, b'{"payload":"","payloadType":"","signatures":[]}'])
def test_noise_on_the_line_is_an_error(tmp_path: Path, end: str, frame: bytes) -> None:
    for at in range(3, 7):
        cast = make_cast(tmp_path / str(at), (30,))
        count = iter(range(100))
        outcome, said = run_session(
            cast,
            wrap=lambda name, channel, at=at, count=count: (
                Tampered(channel, lambda record, data: frame if next(count) == at else data) if name == end else channel
            ),
        )
        assert outcome is None
        assert all(isinstance(value, BaileeError) for value in said.values())


def test_strangers_at_the_door_are_turned_away(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (30,))
    with Listener() as door:
        stranger = join(*door.address, 60.0)
        stranger.send(b"hello")
        other = make_cast(tmp_path / "other", (20,)).owners[0]
        uninvited = join(*door.address, 60.0)
        for frame in (other.card.envelope, other.card_proof, other.grant.envelope):
            uninvited.send(frame)
        guest = cast.owners[0]
        friend = join(*door.address, 60.0)
        for frame in (guest.card.envelope, guest.card_proof, guest.grant.envelope):
            friend.send(frame)
        builder = Builder(
            cast.builder, cast.plan, [guest.key], lambda item: None, cast.setting("builder", False, lambda event: None)
        )
        (found,) = builder._welcome(door.accept)
        assert found.key == guest.key
        with pytest.raises(SessionError):
            stranger.receive(60.0)


def test_dates_are_the_setting_clocks(cast: Cast) -> None:
    late = replace(cast, now=cast.now + timedelta(hours=3))
    outcome, said = run_session(late)
    assert outcome is not None, said
    assert outcome.passport.record.created == time_text(late.now)
