"""Owners on their own machines train networks: real proofs, two owners in threads, both verifiers, cheats, resumes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import parties
from bailee.errors import BaileeError, PassportError, PlanError, ProofError, SessionError, StatementError
from bailee.keys import Identity, Secret
from bailee.records import (
    Card,
    Invite,
    Iterate,
    Passport,
    Proven,
    Round,
    Signed,
    canonical,
    digest,
    open_signed,
    sign,
    time_text,
)  # fmt: skip
from bailee.records.schema import Schema
from bailee.statements.card import card_context
from bailee.statements.dataset import commit_dataset
from bailee.statements.hidden.session import start_state
from bailee.statements.network.optimizer import advance
from bailee.statements.network.plan import ModelPlan
from bailee.statements.network.run import run_steps, used_weights
from bailee.statements.open.task import NetworkTask, cut, flatten
from bailee.statements.open.terms import OpenTerms
from bailee.statements.tasks import plan_of, task_of
from bailee.train.events import Event
from bailee.train.holding import Holding
from bailee.train.model import model_plan_from_toml
from bailee.train.plan import fix_task
from bailee.train.proving import check, proving
from bailee.verify.passport import verify_passport
from bailee.verify.statement import ProvenStatement
from cheating import look_away
from parties import OPENINGS, Cast, Killed, PretendCards, make_grant, no_check, root_of, run_session
from train.test_session_attacks import attack

UNIT = 4096
CLASSES = ("a", "b", "c")
COLUMN = {"min": None, "max": None, "categories": [], "missing": None, "positive": [], "positive_above": None}
SCHEMA = Schema.from_json(
    {
        "version": 2,
        "name": "tumours",
        "label": "kind",
        "label_kind": "classes",
        "columns": [
            *({**COLUMN, "name": name, "type": "number", "min": "-1", "max": "1"} for name in ("size", "age")),
            {**COLUMN, "name": "kind", "type": "category", "categories": list(CLASSES)},
        ],
        "row_norm": None,
        "over_norm": "refuse",
        "missing_values": [""],
    }
)
FIELDS: dict[str, Any] = {
    "name": "tumours", "purpose": "research", "label": "kind", "loss": "softmax", "batch": "full", "epochs": 3,
    "learning_rate": "0.5", "privacy": {"mode": "private", "clip": "1", "delta": "0.00001", "epsilon": 8},
}  # fmt: skip
SOFTMAX = model_plan_from_toml(FIELDS)
MLP = model_plan_from_toml({**FIELDS, "hidden": [4], "schedule": "cosine", "momentum": "0.5", "weight_decay": "0.01"})
PLANS = {"softmax": SOFTMAX, "mlp": MLP}


def rows_for(seed: int, rows: int) -> Any:
    random = np.random.default_rng(seed)
    values = random.uniform(-1, 1, (rows, 2))
    kind = (values @ np.array([[2.0, -1.0, 0.0], [0.0, 1.5, -2.0]])).argmax(axis=1)
    labels = np.eye(3, dtype=np.int64)[kind] * UNIT
    return np.column_stack([np.rint(values * UNIT).astype(np.int64), np.full(rows, UNIT), labels])


def owner_of(place: int, rows: int, builder: Identity, now: datetime, plan: ModelPlan) -> Holding:
    """Rows under a real commitment; the card's own proof is pretended."""
    identity, matrix, seed = Identity.generate(f"Hospital {place}"), rows_for(place, rows), bytes([place]) * 32
    draft = Card(
        owner=identity.public_key.hex(), name=SCHEMA.name, owner_name=identity.name, schema=SCHEMA.to_json(),
        rows=rows, columns=SCHEMA.layout.names, commitment=commit_dataset(matrix, OPENINGS, seed).to_json(), opening=0,
        proof="0" * 64, created=time_text(now - timedelta(days=1)), renews=None,
    )  # fmt: skip
    proof = root_of(card_context(draft))
    card = sign(replace(draft, proof=digest(proof)), identity)
    grant = sign(make_grant(card, builder, now, plan), identity)
    spent: dict[str, int] = {}
    return Holding(
        identity, card, proof, grant, matrix, Secret(seed), card.digest, no_check,
        lambda statement: spent.setdefault(statement, 1 + len(spent)),
    )  # fmt: skip


def cast_of(root: Path, plan: ModelPlan, sizes: tuple[int, ...] = (24, 13)) -> Cast:
    now = datetime.now(UTC).replace(microsecond=0)
    builder = Identity.generate("Builder")
    owners = tuple(owner_of(place, rows, builder, now, plan) for place, rows in enumerate(sizes))
    return Cast(root, builder, owners, now, plan)


@pytest.fixture(autouse=True)
def _real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parties, "PRETENDED", proving())
    monkeypatch.setattr(parties, "pretend_check", check)


@dataclass(frozen=True)
class Made:
    """A finished session; `before`: the rounds that the second owner had answered when it was killed."""

    cast: Cast
    path: Path
    before: tuple[str, ...]


@pytest.fixture(scope="module", params=list(PLANS))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A whole session of each plan: one without trouble, in the other an owner is killed and comes back."""
    root = tmp_path_factory.mktemp(request.param)
    cast, killed = cast_of(root, PLANS[request.param]), request.param == "mlp"

    def kill(name: str, event: Event) -> None:
        if (name, event.stage, event.round) == ("owner1", "round", 2):
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parties, "PRETENDED", proving())
        patch.setattr(parties, "pretend_check", check)
        if killed:
            outcome, said = run_session(cast, watch=kill)
            assert outcome is None
            assert isinstance(said["owner1"], Killed)
        answered = sorted((root / "owner1" / "sessions").glob("*/round-*.json"))
        before = tuple(open_signed(path.read_bytes(), Round).digest for path in answered)
        outcome, said = run_session(cast, resume=killed)
    assert outcome is not None, said
    return Made(cast, outcome.path, before)


def verify(path: Path, **more: Any) -> ProvenStatement:
    return verify_passport(path, cards=PretendCards(), **more)


def passport_at(path: Path) -> Passport:
    return open_signed(path.read_bytes(), Passport).record


def task_at(path: Path) -> NetworkTask:
    passport = passport_at(path)
    invite = open_signed((path.parent / "attachments" / passport.invite).read_bytes(), Invite).record
    task = task_of(plan_of(invite.plan), invite.terms)
    assert isinstance(task, NetworkTask)
    return task


# What a session ends in


def test_a_session_of_networks_ends_in_a_passport_that_both_verifiers_accept(made: Made) -> None:
    cast, path = made.cast, made.path
    fast, plain = verify(path), verify(path, plain=True)
    assert fast.bits >= 100
    assert replace(plain, plain=False, bits=fast.bits) == fast
    passport, task = passport_at(path), task_at(path)
    assert fast.weights == passport.weights
    assert len(passport.weights) == sum(int(np.prod(shape)) for _, shape in fast.shapes)
    assert [owner.share for owner in fast.owners] == [Fraction(part.rows, 37) for part in passport.owners]
    assert all(0 < float(part.epsilon) <= 8 for part in passport.owners)
    assert "softmax loss" in fast.to_text()
    assert json.loads(canonical(fast.to_dict()))["shapes"][0][0] == "weight1"
    assert task.rounds == 3
    for place, holding in enumerate(cast.owners):
        (entry,) = cast.ledger(place).entries()
        assert (entry.session, entry.epsilon) == (passport.session, task.loss(holding.card.record).epsilon)


@pytest.fixture
def copy(made: Made, tmp_path: Path) -> Path:
    shutil.copytree(made.path.parent / "attachments", tmp_path / "attachments")
    shutil.copy(made.path, tmp_path / "passport.json")
    return tmp_path / "passport.json"


def put(path: Path, data: bytes) -> str:
    (path.parent / "attachments" / digest(data)).write_bytes(data)
    return digest(data)


def first(passport: Passport, **change: Any) -> Passport:
    return replace(passport, owners=(replace(passport.owners[0], **change), *passport.owners[1:]))


@pytest.mark.parametrize(
    ("change", "error", "named"),
    [
        (lambda p: replace(p, weights=(p.weights[0] + 1, *p.weights[1:])), PassportError, "weights: "),
        (lambda p: replace(p, weights=p.weights[:-1]), PassportError, "weights: "),
        (lambda p: replace(p, plan={**p.plan, "momentum": "0.4"}), PassportError, "invite: .*another plan"),
        (lambda p: replace(p, accounting={**p.accounting, "shift": 3}), PassportError, "accounting: "),
        (lambda p: first(p, epsilon="1"), PassportError, "privacy of Hospital"),
        (lambda p: first(p, rounds=p.owners[0].rounds[::-1]), PassportError, "round 1 of Hospital"),
        (lambda p: first(p, share="0.9"), PassportError, "shares: "),
    ],
)
def test_a_false_passport_names_the_link(
    made: Made, copy: Path, change: Callable[[Passport], Passport], error: type[BaileeError], named: str
) -> None:
    copy.write_bytes(sign(change(passport_at(copy)), made.cast.builder).envelope)
    with pytest.raises(error, match=named):
        verify(copy)


def test_a_changed_proof_convinces_neither_verifier(made: Made, copy: Path) -> None:
    """Owner and builder sign for it both."""
    cast, passport = made.cast, passport_at(copy)
    part = passport.owners[0]
    proof = bytearray((copy.parent / "attachments" / part.proof).read_bytes())
    proof[len(proof) // 2] ^= 1
    forged = put(copy, bytes(proof))
    proven = open_signed((copy.parent / "attachments" / part.proven).read_bytes(), Proven).record
    signed: Signed[Proven] = sign(replace(proven, proof=forged), key_of(cast, part.owner))
    changed = first(passport, proven=put(copy, signed.envelope), proof=forged)
    copy.write_bytes(sign(changed, cast.builder).envelope)
    for plain in (False, True):
        with pytest.raises(ProofError, match="proof of Hospital"):
            verify(copy, plain=plain)


def key_of(cast: Cast, key: str) -> Identity:
    return next(holding.identity for holding in cast.owners if holding.key == key)


# Cheats and faults under way


def test_sums_that_rows_and_noise_do_not_give_are_not_proved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = NetworkTask.answer

    def answer(self: NetworkTask, matrix: Any, weights: Any, noise: Any) -> tuple[int, ...]:
        sums = honest(self, matrix, weights, noise)
        return (sums[0] + 1, *sums[1:])

    monkeypatch.setattr(NetworkTask, "answer", answer)
    outcome, said = run_session(cast_of(tmp_path / "honest prover", SOFTMAX, (12,)))
    assert outcome is None
    assert isinstance(said["owner0"], StatementError)
    look_away(monkeypatch)
    outcome, said = run_session(cast_of(tmp_path / "cheating prover", SOFTMAX, (12,)))
    assert outcome is None
    assert isinstance(said["builder"], ProofError)


def test_a_killed_session_comes_back_to_the_same_iterates(made: Made) -> None:
    (mine,) = (part for part in passport_at(made.path).owners if part.owner == made.cast.owners[1].key)
    assert mine.rounds[: len(made.before)] == made.before
    assert len(made.before) == (2 if task_at(made.path).plan == MLP else 0)


ITERATES: list[tuple[str, Callable[[Iterate], Any], str]] = [
    ("too few", lambda r: replace(r, weights=r.weights[:-1]), "do not fit"),
    ("a label's weight", lambda r: replace(r, weights=(*r.weights[:-1], 1)), "do not fit"),
    ("beyond 18 bits", lambda r: replace(r, weights=(1 << 17, *r.weights[1:])), "larger than the relation"),
    (
        "far enough to fail on some row",
        lambda r: replace(r, weights=(131071, -131071, 0) * 3 + (0,) * (len(r.weights) - 9)),
        "whether a row fails must not be seen",
    ),
]


@pytest.mark.parametrize(("name", "change", "message"), ITERATES, ids=[case[0] for case in ITERATES])
def test_a_builder_that_asks_wrongly_learns_nothing(
    tmp_path: Path, name: str, change: Callable[[Iterate], Any], message: str
) -> None:
    cast = cast_of(tmp_path, SOFTMAX, (9,))
    said = attack(cast, "owner0", Iterate, change, cast.builder)
    assert isinstance(said["owner0"], SessionError)
    assert message in str(said["owner0"])
    assert not list((tmp_path / "owner0" / "sessions").glob("*/round-*.json"))


def less(invite: Invite) -> str:
    return f"{float(str(invite.terms['noise_multiplier'])) * 0.9:.6f}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: replace(r, terms={**r.terms, "noise_multiplier": less(r)}), "the plan allows"),
        (lambda r: replace(r, terms={**r.terms, "rows": 3}), "leave this owner"),
        (lambda r: replace(r, terms={**r.terms, "columns": ["x", *r.terms["columns"][1:]]}), "columns"),
        (lambda r: replace(r, terms={**r.terms, "more": 1}), "terms"),
        (lambda r: replace(r, plan={**r.plan, "epochs": 4}), "the plan allows"),
        (lambda r: replace(r, plan={**r.plan, "batch": "16"}), "full"),
    ],
)
def test_an_invite_that_asks_too_much_is_declined(
    tmp_path: Path, change: Callable[[Invite], Any], message: str
) -> None:
    cast = cast_of(tmp_path, SOFTMAX, (9,))
    said = attack(cast, "owner0", Invite, change, cast.builder)
    with pytest.raises(PlanError, match=message):
        raise said["owner0"]
    assert cast.ledger(0).entries() == ()


def test_a_proof_too_large_for_the_owners_machine_is_declined_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bailee.train.plan.memory_bytes", lambda: 1 << 12)
    cast = cast_of(tmp_path, SOFTMAX, (9,))
    outcome, said = run_session(cast)
    assert outcome is None
    with pytest.raises(PlanError, match="more than there is"):
        raise said["owner0"]
    assert cast.ledger(0).entries() == ()


# Plans


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"privacy": {"mode": "unprotected"}}, "privacy.mode"),
        ({"batch": 16}, "batch"),
        ({"loss": "logistic"}, "loss"),
        ({"epochs": 20_000}, "epochs"),
    ],
)
def test_plans_that_a_session_cannot_run(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    cards = [holding.card.record for holding in cast_of(tmp_path, SOFTMAX, (9,)).owners]
    with pytest.raises(PlanError, match=named):
        fix_task(model_plan_from_toml({**FIELDS, **change}), cards)


def test_owners_of_different_schemas_do_not_train_together(tmp_path: Path) -> None:
    one, two = (holding.card.record for holding in cast_of(tmp_path, SOFTMAX).owners)
    with pytest.raises(PlanError, match="different schemas"):
        fix_task(SOFTMAX, [one, replace(two, schema={**two.schema, "row_norm": "1"})])


# Two modes, one relation


def both_modes(plan: ModelPlan, rounds_of: int = 40) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]], Any]:
    """(open iterates, hidden iterates) of one owner with the same noise, and the task."""
    plan = replace(plan, epochs=rounds_of)
    matrix = rows_for(5, 50)
    task = NetworkTask(plan, OpenTerms(SCHEMA.layout.names, len(matrix), "2"))
    architecture, rule = task.architecture, task.setup.rule
    noise = task.noise(bytes(range(64)))
    drawn = task.draw(noise, task.coins(b"any coins"))
    assert drawn.std() > 100
    iterates = task.iterates()
    opened = []
    for now in drawn:
        iterates.step(task.answer(matrix, iterates.weights, now))
        opened.append(iterates.weights)
    each = [cut(architecture, now) for now in drawn]
    stacked = {p.name: np.stack([one[p.name] for one in each]) for p in architecture.parameters}
    here = np.ones((1, len(matrix)), dtype=np.bool_)
    state, hidden = start_state(task.setup), []
    for step in range(rounds_of):
        one = {name: values[step : step + 1] for name, values in stacked.items()}
        alone = replace(rule, multipliers=rule.multipliers[step : step + 1])
        state, _ = run_steps(architecture, state, [matrix[None]], [here], alone, one)
        hidden.append(flatten(architecture, used_weights(state)))
    return opened, hidden, task


@pytest.mark.parametrize("hidden", [[], [4], [5, 3]])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_both_modes_walk_the_very_same_iterates(hidden: list[int], schedule: str) -> None:
    opened, secret, _ = both_modes(model_plan_from_toml({**FIELDS, "hidden": hidden, "schedule": schedule}))
    assert opened == secret


def test_with_momentum_and_decay_they_part_by_roundings_only() -> None:
    """The hidden mode rounds momentum, decay and sum together; in the open the sum is rounded before its noise."""
    opened, secret, task = both_modes(MLP, 3)
    rule = task.setup.rule
    unit = max(rule.multipliers) * 2.0**-14  # of a used weight: one lattice unit, in one step
    apart = np.abs(np.array(opened) - np.array(secret)).max(axis=1)
    assert (apart <= 1 + np.array([1, 3, 6]) * unit).all()


def test_the_public_step_is_the_sums_own(tmp_path: Path) -> None:
    """Rounded sums, taken up by `advance` at the lattice: v' = h + div(momentum v + decay u, shift)."""
    task = NetworkTask(MLP, OpenTerms(SCHEMA.layout.names, 30, "2"))
    rule, architecture = task.setup.rule, task.architecture
    assert rule.momentum
    assert rule.decay
    state = start_state(task.setup)
    sums = {p.name: np.where(architecture.real(p)[tuple(map(slice, p.shape))], 7, 0) for p in architecture.parameters}
    lifted = {name: values << (rule.shift - rule.lift) for name, values in sums.items()}
    after = advance(architecture, state, lifted, rule, 0, None)
    half = 1 << (rule.shift - 1)
    for name, values in used_weights(state).items():
        pulled = sums[name] + ((rule.decay * values + half) >> rule.shift)
        assert np.array_equal(after.velocity[name][sums[name] > 0], pulled[sums[name] > 0])


def test_sums_that_no_rows_give_are_told_and_do_not_wrap() -> None:
    task = NetworkTask(MLP, OpenTerms(SCHEMA.layout.names, 30, "2"))
    iterates = task.iterates()
    with pytest.raises(StatementError, match="larger than any rows give"):
        iterates.step((1 << 52,) * len(iterates.weights))
