"""The builder is the adversary: it asks what it may not, forges with its own key, or has an owner on its side."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bailee.errors import (
    BaileeError,
    GrantError,
    PassportError,
    PlanError,
    ProofError,
    RecordError,
    SessionError,
    SignatureError,
)
from bailee.keys import Identity, Secret
from bailee.records import (
    Closing,
    Coin,
    Grant,
    Invite,
    Iterate,
    NoiseCommitment,
    Passport,
    Proven,
    Record,
    Round,
    Signed,
    digest,
    open_signed,
    predicate_type_of,
    sign,
)
from bailee.statements.fixed_point import weight_radius
from bailee.statements.plan import Plan, Terms
from bailee.statements.privacy import Release, check_noise, privacy_loss
from bailee.statements.session import commit_coin, transcript, weights_digest
from bailee.train.plan import plan_from_toml
from bailee.verify.passport import verify_passport
from parties import PLAN, SCHEMA, Cast, PretendCards, make_cast, make_grant, make_owner, pretend_verify, run_session

EVE = Identity.generate("Eve")


def verify(path: Path) -> Any:
    return verify_passport(path, cards=PretendCards(), gradients=pretend_verify)


class Tampered:
    """A channel whose incoming records of one kind were changed and signed again by `signer`."""

    def __init__(self, channel: Any, kind: type[Record], change: Callable[[Any], Any], signer: Identity) -> None:
        self.channel, self.kind, self.change, self.signer = channel, kind, change, signer
        self.send, self.close = channel.send, channel.close

    def receive(self, timeout: float) -> bytes:
        frame: bytes = self.channel.receive(timeout)
        try:
            if predicate_type_of(frame) != self.kind.predicate_type():
                return frame
        except BaileeError:
            return frame
        return sign(self.change(open_signed(frame, self.kind).record), self.signer).envelope


def asked(cast: Cast, kind: type[Record], change: Callable[[Any], Any]) -> Any:
    """What owner 0 says when the builder's records of `kind` are others."""
    outcome, said = run_session(
        cast, wrap=lambda name, ch: Tampered(ch, kind, change, cast.builder) if name == "owner0" else ch
    )
    assert outcome is None
    return said["owner0"]


# ---- what an owner must not answer -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stands_out", [False, True])
def test_weights_that_would_fail_on_some_rows_only_are_refused_whatever_the_rows(
    tmp_path: Path, stands_out: bool
) -> None:
    """Were they tried, an error instead of an answer would tell, without noise, whether such a row is there."""
    cast = make_cast(tmp_path, (30,))
    (holding,) = cast.owners
    matrix = np.clip(holding.matrix, -1000, 4096)
    matrix[0, 0] = 4096 if stands_out else 0
    cast = replace(cast, owners=(replace(holding, matrix=matrix),))
    probe = (1 << 18) - 4  # a score leaves the table only where the first column is near its maximum
    said = asked(cast, Iterate, lambda record: replace(record, weights=(probe, 0, 0, 0, 0)))
    assert isinstance(said, SessionError)
    assert "larger than any step of the plan" in str(said)


def test_no_valid_row_fails_at_weights_within_the_radius() -> None:
    """The worst of all rows: all columns at their ends, weights in the row's direction."""
    from bailee.statements.logistic import compute_round

    bound = SCHEMA.layout.norm_bound
    part = weight_radius(bound) // 2
    for sign_of in (1, -1):
        row = np.array([[4096 * sign_of, -4096 * sign_of, 4096, 4096, 1]])
        weights = np.array([part * sign_of, -part * sign_of, part, part, 0])
        for w in (weights, -weights):
            compute_round(row, 4, w, 20)


def test_a_grant_taken_back_while_a_session_runs_answers_no_further_round(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (30,))
    asked: list[Any] = []

    def permit(request: Any) -> None:
        asked.append(request)
        if len(asked) == 4:
            raise GrantError("the grant was revoked by its owner")

    outcome, said = run_session(replace(cast, owners=(replace(cast.owners[0], permit=permit),)))
    assert outcome is None
    assert isinstance(said["owner0"], GrantError)
    (folder,) = [path for path in (tmp_path / "owner0" / "sessions").iterdir() if path.is_dir()]
    assert len(list(folder.glob("round-*.json"))) == 2


MULTIPLIER = plan_from_toml(
    {
        "name": "tumours",
        "purpose": "research",
        "label": "ill",
        "rounds": 5,
        "learning_rate": "0.5",
        "privacy": {"noise_multiplier": 2, "delta": "0.00001"},
    }
)


def test_a_plan_that_names_a_noise_multiplier_gets_that_noise(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (30,), MULTIPLIER)

    def less(record: Invite) -> Invite:
        terms = dict(record.terms)
        return replace(record, terms={**terms, "sigma": f"{float(str(terms['sigma'])) * 0.9:.3f}"})

    said = asked(cast, Invite, less)
    assert isinstance(said, PlanError)
    assert "the plan says 2" in str(said)
    with pytest.raises(PlanError, match="the plan says 2"):
        check_noise(MULTIPLIER, Release(SCHEMA.layout.norm_bound, 4, 5, 20, "800", 5))


def test_an_honest_noise_multiplier_passes_and_verifies(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (30,), MULTIPLIER)
    outcome, said = run_session(cast)
    assert outcome is not None, said
    verify(outcome.path)


def test_a_builder_is_no_owner_of_its_own_session(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (30,))
    both = make_owner(0, 30, cast.builder, cast.now, identity=cast.builder)
    outcome, said = run_session(replace(cast, owners=(both,)))
    assert outcome is None
    assert isinstance(said["builder"], RecordError)
    assert "use two keys" in str(said["builder"])


# ---- what a passport must not pass -----------------------------------------------------------------------------------


class Forger:
    """A finished session whose every record may be changed and signed again by the keys the forger holds."""

    def __init__(self, cast: Cast, made: Path, target: Path, colluding: int) -> None:
        shutil.copytree(made.parent / "attachments", target / "attachments")
        shutil.copy(made, target / "passport.json")
        self.path = target / "passport.json"
        self.passport = open_signed(self.path.read_bytes(), Passport).record
        self.cast = cast
        friend = cast.owners[colluding]
        self.keys = {identity.public_key: identity for identity in (cast.builder, friend.identity, EVE)}
        self.friend = next(k for k, part in enumerate(self.passport.owners) if part.owner == friend.key)

    def read(self, name: str, kind: type[Any]) -> Any:
        return open_signed((self.path.parent / "attachments" / name).read_bytes(), kind).record

    def put(self, record: Record) -> str:
        envelope = sign(record, self.keys[record.signer]).envelope
        (self.path.parent / "attachments" / digest(envelope)).write_bytes(envelope)
        return digest(envelope)

    def part(self, place: int, **change: Any) -> None:
        owners = list(self.passport.owners)
        owners[place] = replace(owners[place], **change)
        self.passport = replace(self.passport, owners=tuple(owners))

    def finish(self) -> Path:
        """The closing is made anew over what is there; then the passport."""
        parts = self.passport.owners
        messages = [self.passport.invite, *(p.noise for p in parts), *(p.coin for p in parts)]
        messages += [self.passport.builder_coin, *(name for p in parts for name in p.rounds)]
        closing = self.read(self.passport.closing, Closing)
        named = self.put(replace(closing, transcript=transcript(messages)))
        self.passport = replace(self.passport, closing=named)
        self.path.write_bytes(sign(self.passport, self.cast.builder).envelope)
        return self.path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cast, Path]:
    cast = make_cast(tmp_path_factory.mktemp("made"), (30, 40))
    outcome, said = run_session(cast)
    assert outcome is not None, said
    return cast, outcome.path


@pytest.fixture
def forger(made: tuple[Cast, Path], tmp_path: Path) -> Forger:
    return Forger(*made, tmp_path / "forged", colluding=1)


def test_the_forgers_tools_leave_a_whole_passport_whole(forger: Forger) -> None:
    """Signing the same again, with the same closing, changes nothing: the refusals below are of what was changed."""
    verify(forger.finish())


def invited(forger: Forger, **change: Any) -> None:
    invite = forger.read(forger.passport.invite, Invite)
    forger.passport = replace(forger.passport, invite=forger.put(replace(invite, **change)))


def test_an_owner_dropped_everywhere(forger: Forger) -> None:
    """The builder keeps the colluding owner and drops the honest one from invite, rounds, closing and passport."""
    kept = forger.passport.owners[forger.friend]
    forger.passport = replace(forger.passport, owners=(kept,))
    invite = forger.read(forger.passport.invite, Invite)
    entrants = tuple(entrant for entrant in invite.owners if entrant.owner == kept.owner)
    invited(forger, owners=entrants, terms={**invite.terms, "rows": kept.rows})
    with pytest.raises(PassportError, match=r"round 2 of .*other weights"):
        verify(forger.finish())


def test_rounds_cut_short_everywhere(forger: Forger) -> None:
    plan = {**forger.passport.plan, "rounds": 3}
    forger.passport = replace(forger.passport, plan=plan)
    for place, part in enumerate(forger.passport.owners):
        forger.part(place, rounds=part.rounds[:3])
    invited(forger, plan=plan)
    with pytest.raises(BaileeError, match=r"grant of .*another plan"):
        verify(forger.finish())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"sigma": "3900"}, "privacy|proof|accounting"),
        ({"sigma": "0.5"}, "proof|noise table"),
        ({"shift": 5}, "round|released sums"),
        ({"norm_bound": 1 << 40}, "terms: the row norm bound"),
        ({"rows": 71}, "terms: they count"),
        ({"released": [True, True, False, True, False]}, "terms: released"),
    ],
)
def test_terms_told_otherwise_afterwards(forger: Forger, change: dict[str, Any], named: str) -> None:
    """More noise than there was, or less; another step: each is refused by what owners signed and proved."""
    invite = forger.read(forger.passport.invite, Invite)
    invited(forger, terms={**invite.terms, **change})
    with pytest.raises(BaileeError, match=named):
        verify(forger.finish())


@pytest.mark.parametrize("price", ["0.1", "7.9", "0", "-1"])
def test_a_smaller_epsilon_with_matching_accounts(forger: Forger, price: str) -> None:
    for place in range(len(forger.passport.owners)):
        forger.part(place, epsilon=price)
    with pytest.raises(PassportError, match="the accountant finds epsilon"):
        verify(forger.finish())


def test_coins_drawn_again_by_the_builder_and_a_friend(forger: Forger) -> None:
    """Both open other commitments than were made; the honest owner's proof rests on the first ones."""
    session, friend = forger.passport.session, forger.passport.owners[forger.friend]
    fresh = "7" * 64
    noise = forger.read(friend.noise, NoiseCommitment)
    promise = commit_coin(session, friend.owner, bytes.fromhex(fresh))
    forger.part(forger.friend, noise=forger.put(replace(noise, coin_commitment=promise)))
    forger.part(forger.friend, coin=forger.put(replace(forger.read(friend.coin, Coin), coin=fresh)))
    with pytest.raises(ProofError, match="proof of"):
        verify(forger.finish())


def test_the_builders_coin_drawn_again(forger: Forger) -> None:
    session, builder = forger.passport.session, forger.passport.builder
    fresh = "7" * 64
    invited(forger, coin_commitment=commit_coin(session, builder, bytes.fromhex(fresh)))
    coin = forger.read(forger.passport.builder_coin, Coin)
    forger.passport = replace(forger.passport, builder_coin=forger.put(replace(coin, coin=fresh)))
    with pytest.raises(ProofError, match="proof of"):
        verify(forger.finish())


def test_noise_committed_again_after_the_coins(forger: Forger) -> None:
    """A friend that signs its noise commitment once more draws other coins for all: the honest proof breaks."""
    friend = forger.passport.owners[forger.friend]
    noise = forger.read(friend.noise, NoiseCommitment)
    shape = {**noise.commitment, "root": "a" * 64}
    forger.part(forger.friend, noise=forger.put(replace(noise, commitment=shape)))
    with pytest.raises(ProofError, match="proof of"):
        verify(forger.finish())


def test_iterates_that_do_not_follow_the_rule(forger: Forger) -> None:
    """The friend answers at weights of the builder's choice: they are not those the rounds lead to."""
    friend = forger.passport.owners[forger.friend]
    first = forger.read(friend.rounds[0], Round)
    named = forger.put(replace(first, weights=weights_digest((5, 5, 5, 5, 0))))
    forger.part(forger.friend, rounds=(named, *friend.rounds[1:]))
    with pytest.raises(PassportError, match="it was computed at other weights"):
        verify(forger.finish())


def test_a_friends_sums_made_up_change_every_later_round(forger: Forger) -> None:
    friend = forger.passport.owners[forger.friend]
    first = forger.read(friend.rounds[0], Round)
    named = forger.put(replace(first, sums=(*(value + 10_000 for value in first.sums[:-1]), 0)))
    forger.part(forger.friend, rounds=(named, *friend.rounds[1:]))
    with pytest.raises(PassportError, match="round 2 of"):
        verify(forger.finish())


@pytest.mark.parametrize("place", ["card", "grant", "noise", "coin", "rounds", "proven"])
def test_an_honest_owner_cannot_be_spoken_for(forger: Forger, place: str) -> None:
    """No record of an owner can be made without its key: here each is signed by Eve in the owner's place."""
    honest = 1 - forger.friend
    part = forger.passport.owners[honest]
    kinds: dict[str, type[Any]] = {"noise": NoiseCommitment, "coin": Coin, "rounds": Round, "proven": Proven}
    if place not in kinds:
        forger.part(honest, **{place: getattr(forger.passport.owners[forger.friend], place)})
        with pytest.raises(BaileeError):
            verify(forger.finish())
        return
    name = part.rounds[0] if place == "rounds" else getattr(part, place)
    record = forger.read(name, kinds[place])
    signer = "party" if place == "coin" else "owner"
    forged = forger.put(replace(record, **{signer: EVE.public_key.hex()}))
    forger.part(honest, **{place: (forged, *part.rounds[1:]) if place == "rounds" else forged})
    with pytest.raises(SignatureError):
        verify(forger.finish())
    envelope = json.loads((forger.path.parent / "attachments" / name).read_bytes())
    envelope["signatures"][0]["sig"] = "A" * 86 + "=="
    data = json.dumps(envelope, separators=(",", ":"), sort_keys=True).encode()
    (forger.path.parent / "attachments" / digest(data)).write_bytes(data)
    forger.part(honest, **{place: (digest(data), *part.rounds[1:]) if place == "rounds" else digest(data)})
    with pytest.raises(SignatureError):
        verify(forger.finish())


def test_one_hospitals_rows_do_not_count_twice_under_two_keys(tmp_path: Path) -> None:
    """Two keys, one commitment. (One table sealed twice is two commitments: that nobody can see.)"""
    cast = make_cast(tmp_path, (30, 30))
    first = cast.owners[0]
    twin = make_owner(0, 30, cast.builder, cast.now)  # the same rows and seed under another key
    cast = replace(cast, owners=(first, twin))
    outcome, said = run_session(cast)
    assert outcome is not None, said
    with pytest.raises(PassportError, match="two owners show the same commitment"):
        verify(outcome.path)


def test_a_grant_for_fewer_columns_is_not_widened_by_the_label(tmp_path: Path) -> None:
    """A grant that leaves the label out still lets it be learned from, and never released (docs/attacks.md)."""
    cast = make_cast(tmp_path, (30,))
    (holding,) = cast.owners
    grant: Grant = replace(make_grant(holding.card, cast.builder, cast.now), fields=("size", "age", "dose"))
    signed: Signed[Grant] = sign(grant, holding.identity)
    outcome, said = run_session(replace(cast, owners=(replace(holding, grant=signed),)))
    assert outcome is not None, said
    terms = Terms.from_mapping(
        open_signed(
            (outcome.path.parent / "attachments" / outcome.passport.record.invite).read_bytes(), Invite
        ).record.terms
    )
    assert terms.released == (True, True, True, True, False)


# ---- what must not be shown ------------------------------------------------------------------------------------------


def test_no_repr_shows_rows_or_secrets(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (30,))
    (owner,) = cast.owners
    shown = repr(owner)
    # Digests and keys are in it: a few figures of the rows may stand there by chance, these words and a whole row not.
    assert "array(" not in shown
    assert "matrix=" not in shown
    assert str(owner.matrix[0].tolist())[1:-1] not in shown
    assert "seed=Secret(<32 bytes>)" in shown
    assert repr(Secret(b"abc")) == "Secret(<3 bytes>)"


def test_epsilon_is_of_the_whole_session_and_of_the_largest_row(made: tuple[Cast, Path]) -> None:
    _, path = made
    passport = open_signed(path.read_bytes(), Passport).record
    invite = open_signed((path.parent / "attachments" / passport.invite).read_bytes(), Invite).record
    terms, plan = Terms.from_mapping(invite.terms), Plan.from_mapping(passport.plan)
    release = Release(SCHEMA.layout.norm_bound, 4, 5, terms.shift, terms.sigma, plan.rounds)
    assert passport.owners[0].epsilon == privacy_loss(release, PLAN.delta).epsilon
    halved = replace(release, rounds=2)
    assert float(privacy_loss(halved, PLAN.delta).epsilon) < float(passport.owners[0].epsilon)
