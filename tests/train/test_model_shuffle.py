"""Runs in a secret order: one proof for each dataset, chunks on what it leads to, no other order, rows or claims."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import dp_accounting
import numpy as np
import pytest
from dp_accounting import rdp

from bailee.argument.commitment_record import Commitment
from bailee.errors import BaileeError, BudgetError, PassportError, PlanError, ProofError, StorageError
from bailee.records import Signed, digest, open_signed, sign
from bailee.records.model import ModelCoin, ModelOpening, ModelPassport
from bailee.statements import shuffle
from bailee.statements.hidden.accounting import calibrate, model_loss
from bailee.statements.hidden.schedule import cut, read_batches
from bailee.statements.hidden.terms import ModelTerms, Setup, sampled
from bailee.statements.network.plan import ModelPlan
from bailee.train.model import ModelRun, model_plan_from_toml, order
from bailee.train.model.engine import Rows, real_engine
from bailee.train.model.events import ModelEvent
from bailee.verify.model import verify_model_passport
from cheating import look_away
from model_cast import PLAN_FIELDS, UNPROTECTED, Cast, Spending, make_cast, real_cast, verify
from parties import SCHEMA

SECRET = model_plan_from_toml({**PLAN_FIELDS, "order": "secret"})
SHORT = model_plan_from_toml(
    {**{name: value for name, value in PLAN_FIELDS.items() if name != "epochs"}, "order": "secret", "steps": 4}
)
"""4 of the 10 batches of 90 and 60 rows: 2 of 6, 2 of 4."""
OTHER = "0" * 64


def read(folder: Path, name: str, kind: Any) -> Any:
    return open_signed((folder / "attachments" / name).read_bytes(), kind)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cast, ModelRun]:
    cast = make_cast(tmp_path_factory.mktemp("made"), plan=SECRET)
    return cast, cast.train(reveal=True)


@pytest.fixture
def copy(made: tuple[Cast, ModelRun], tmp_path: Path) -> Path:
    path = made[1].path
    shutil.copytree(path.parent / "attachments", tmp_path / "attachments")
    shutil.copy(path, tmp_path / "passport.json")
    return tmp_path / "passport.json"


def test_one_opening_pays_for_all_chunks(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, plan=SECRET)
    spendings = [Spending(total=3), Spending(total=3)]  # one is left beside the card's and the last
    holdings = [
        replace(one, spend=spending.spend, remaining=spending.remaining)
        for one, spending in zip(cast.holdings, spendings, strict=True)
    ]
    events: list[ModelEvent] = []
    run = cast.train(holdings=holdings, watch=events.append)
    proven = verify(run.path)
    assert [owner.openings for owner in proven.owners] == [(1,), (1,)]
    assert [len(spending.spent) for spending in spendings] == [1, 1]
    assert [event.stage for event in events].count("shuffled") == 2
    assert "in slices of a secret order nobody chose" in proven.to_text()
    assert "Noise and order of rows: coins of" in proven.to_text()
    record = run.passport.record
    assert sorted(chunk.openings for chunk in record.chunks) == [(1,), (1,), (2,), (2,)]
    assert [Commitment.from_json(one.shuffled).openings for one in record.shuffles] == [3, 3]
    with pytest.raises(BudgetError, match=r"spends 1 openings of 'tumours' of Hospital \d; 0 are left"):
        cast.train(holdings=[replace(holdings[0], remaining=lambda: 0), holdings[1]])


def test_the_order_is_used_and_secret(made: Any) -> None:
    """Chunks read rows in another order than sealed; what they cost does not change; nothing public tells the order."""
    cast, run = made
    plain = make_cast(cast.root / "plain", plan=replace(SECRET, order="as-sealed"))
    other = plain.train()
    assert run.epsilon == other.epsilon
    assert run.losses[0] != other.losses[0]
    opening = read(run.path.parent, run.passport.record.opening, ModelOpening).record
    assert len(opening.orders) == 2
    assert not other.passport.record.shuffles
    assert run.passport.record.accounting["releases"] == 2


def test_an_unprotected_run_may_be_in_a_secret_order(tmp_path: Path) -> None:
    plan = replace(UNPROTECTED, order="secret")
    cast = make_cast(tmp_path, plan=plan)
    proven = verify(cast.train().path)
    assert proven.epsilon is None
    assert len(proven.coin_parties) == 2
    assert "Order of rows: coins of" in proven.to_text()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"order": "random"}, "order: expected one of as-sealed, secret"),
        ({"order": "secret", "batch": "full"}, 'order: "secret" is for mini-batches'),
        ({"order": "secret", "steps": 3}, "steps: only with batch"),
        ({"epochs": None, "steps": 3}, "steps: only with batch"),
    ],
)
def test_plans_that_make_no_sense(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        model_plan_from_toml({**PLAN_FIELDS, **changes})


def test_more_chunks_than_a_commitment_bears(tmp_path: Path) -> None:
    plan = replace(SECRET, epochs=70)
    with pytest.raises(PlanError, match=r"epochs: 70 chunks would read 'tumours' in its secret order, .* bears 63"):
        make_cast(tmp_path, plan=plan).train(memory=1 << 28)
    with pytest.raises(PlanError, match=r"epochs: 71 proofs would read dataset 1 in its secret order; .* bears 64"):
        Setup(plan, ModelTerms(SCHEMA.layout.names, (90,), 8, 1, "1", 4)).order_openings(0)


def test_steps_need_a_secret_order(tmp_path: Path) -> None:
    fields = {name: value for name, value in PLAN_FIELDS.items() if name != "epochs"}
    with pytest.raises(PlanError, match='steps: with mini-batches only with order = "secret"'):
        model_plan_from_toml({**fields, "steps": 3})
    for steps, words in ((10, "steps: 10 are not fewer than the 10 of a pass"), (1, "dataset [12] would not be read")):
        with pytest.raises(PlanError, match=words):
            make_cast(tmp_path, plan=replace(SHORT, steps=steps)).train()


# Killed and resumed


class Killed(BaseException):
    """Stands for kill -9."""


@pytest.mark.parametrize(("stage", "number"), [("committing", 2), ("shuffled", 1), ("shuffled", 2), ("trained", 2)])
def test_a_killed_run_has_the_same_order(tmp_path: Path, stage: str, number: int) -> None:
    cast = make_cast(tmp_path, (40, 30), SECRET)
    seen: list[str] = []

    def watch(event: ModelEvent) -> None:
        seen.append(event.stage)
        if seen.count(stage) == number:
            raise Killed

    with pytest.raises(Killed):
        cast.train(watch=watch)
    moved = {path: path.read_text() for path in (tmp_path / "runs").glob("*/shuffle-*.json")}
    assert len(moved) == {"committing": 0, "shuffled": number, "trained": 2}[stage]
    run = cast.train(resume=True)
    assert all(path.read_text() == text for path, text in moved.items())
    assert [owner.openings for owner in verify(run.path).owners] == [(1,), (1,)]
    # all but the opening, and so the order, is lost: the same comes again
    before = run.passport.record
    for path in run.path.parent.iterdir():
        if path.name.startswith(("state", "chunk", "shuffle", "passport")):
            path.unlink()
    again = cast.train(resume=True).passport.record
    assert (again.shuffles, again.chunks) == (before.shuffles, before.chunks)


def test_a_damaged_shuffle_is_named(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (40, 30), SECRET)
    run = cast.train()
    run.path.unlink()
    path = run.path.parent / "shuffle-00001.json"
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    with pytest.raises(StorageError, match=r"shuffle-00001.json is damaged; delete .* the shuffle is proved again"):
        cast.train(resume=True)
    shutil.copy(run.path.parent / "shuffle-00000.json", path)
    with pytest.raises(StorageError, match="is about another shuffle than this run's number 2"):
        cast.train(resume=True)
    path.unlink()
    assert cast.train(resume=True).passport.record.shuffles == run.passport.record.shuffles


# Passports


Change = Callable[[ModelPassport], ModelPassport]


def first(**changes: Any) -> Change:
    return lambda one: replace(one, shuffles=(replace(one.shuffles[0], **changes), *one.shuffles[1:]))


def with_openings(count: int) -> Change:
    def change(one: ModelPassport) -> ModelPassport:
        return first(shuffled={**one.shuffles[0].shuffled, "openings": count})(one)

    return change


def one_for_two(one: ModelPassport) -> ModelPassport:
    return replace(one, shuffles=(one.shuffles[0], replace(one.shuffles[1], shuffled=one.shuffles[0].shuffled)))


def rows_of_another(one: ModelPassport) -> ModelPassport:
    other = {**one.shuffles[0].shuffled, "root": "12" * 32}
    return first(shuffled=other)(one)


def chunk_opening(one: ModelPassport) -> ModelPassport:
    return replace(one, chunks=(*one.chunks[:-1], replace(one.chunks[-1], openings=(1,))))


CHANGES: list[tuple[str, Change, type[BaileeError], str]] = [
    ("none", lambda one: replace(one, shuffles=()), PassportError, "orders: 0 datasets are proven to be shuffled"),
    ("a dataset less", lambda one: replace(one, shuffles=one.shuffles[:1]), PassportError, "orders: 1 datasets"),
    ("swapped", lambda one: replace(one, shuffles=one.shuffles[::-1]), PassportError, "order of .*another statement"),
    ("other rows", rows_of_another, PassportError, "order of .*its proof is of another statement"),
    ("other openings", with_openings(9), PassportError, "its rows bear 9 openings, expected 3"),
    ("one for two", one_for_two, PassportError, "order of .*: its rows are under a commitment that is another's"),
    ("statement", first(statement=OTHER), PassportError, "its proof is of another statement"),
    ("proof", first(proof=OTHER), PassportError, "order of .*attachment 0{16}... cannot"),
    ("the card's opening", first(opening=0), PassportError, "order of .*: it spends opening 0 of"),
    ("the last opening", first(opening=7), PassportError, "order of .*: it spends opening 7 of"),
    ("another opening", first(opening=3), PassportError, "its proof is of another statement"),
    ("a chunk's opening twice", chunk_opening, PassportError, "chunk 4: it spends openings .1. of shuffled rows"),
]


@pytest.mark.parametrize(("change", "kind", "words"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_every_field_is_checked(made: Any, copy: Path, change: Change, kind: type[BaileeError], words: str) -> None:
    cast, run = made
    copy.write_bytes(sign(change(run.passport.record), cast.trainer).envelope)
    with pytest.raises(kind, match=words):
        verify(copy)


def reopened(cast: Cast, copy: Path, record: ModelPassport, **changes: Any) -> None:
    """The passport over another opening, for which every party showed its coin again."""
    folder = copy.parent
    said: Signed[ModelOpening] = sign(
        replace(read(folder, record.opening, ModelOpening).record, **changes), cast.trainer
    )
    keys = {one.key: one.identity for one in cast.owners}
    coins = []
    for name in record.coins:
        coin = read(folder, name, ModelCoin).record
        coins.append(sign(replace(coin, opening=said.digest), keys[coin.party]))
    for signed in (said, *coins):
        (folder / "attachments" / digest(signed.envelope)).write_bytes(signed.envelope)
    names = tuple(coin.digest for coin in coins)
    copy.write_bytes(sign(replace(record, opening=said.digest, coins=names), cast.trainer).envelope)


def test_an_order_chosen_after_the_coins(made: Any, copy: Path) -> None:
    """Other uniforms are another opening: other coins, so another order than the one that was hoped for."""
    cast, run = made
    record = run.passport.record
    orders = read(copy.parent, record.opening, ModelOpening).record.orders
    reopened(cast, copy, record, orders=orders[::-1])
    with pytest.raises(PassportError, match=r"order of .*: its proof is of another statement"):
        verify(copy)
    reopened(cast, copy, record, orders=(orders[0], orders[0]))
    with pytest.raises(PassportError, match="terms: two datasets have the same order"):
        verify(copy)
    reopened(cast, copy, record, orders=orders[:1])
    with pytest.raises(PassportError, match="terms: 1 orders of rows, expected 2"):
        verify(copy)


def test_every_attachment_is_needed(made: Any, copy: Path) -> None:
    for said in made[1].passport.record.shuffles:
        path = copy.parent / "attachments" / said.proof
        data = path.read_bytes()
        path.write_bytes(data[:-1])
        with pytest.raises(PassportError, match=rf"attachment {path.name[:16]}\.\.\. was changed"):
            verify(copy)
        path.write_bytes(data)
    verify(copy)


# The argument system itself


def test_a_real_passport_holds(tmp_path: Path) -> None:
    cast = real_cast(tmp_path, replace(SECRET, hidden=(), epochs=1, momentum="0"), (30, 20))
    run = cast.train(engine=real_engine(), memory=1 << 28)
    fast = verify_model_passport(run.path)
    assert fast.bits >= 100
    plain = verify_model_passport(run.path, plain=True)
    assert replace(plain, plain=False, bits=fast.bits) == fast
    assert [owner.openings for owner in fast.owners] == [(1,), (1,)]
    # killed before the shuffles were written down: the same proofs again
    run.path.unlink()
    for path in run.path.parent.glob("shuffle-*.json"):
        path.unlink()
    again = cast.train(engine=real_engine(), memory=1 << 28, resume=True)
    assert again.passport.record.shuffles == run.passport.record.shuffles


@pytest.mark.parametrize("what", ["another order", "a changed row", "a dropped row"])
def test_a_trainer_that_moves_rows_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """It trains and proves all its chunks on rows of its own: neither verifier takes the shuffle."""
    right = order.put_in_order

    def wrong(begun: Any, place: int, rows: Rows, setting: Any) -> Rows:
        moved = right(begun, place, rows, setting)
        matrix = moved.matrix.copy()
        if what == "another order":
            matrix[[0, 1]] = matrix[[1, 0]]
        elif what == "a changed row":
            matrix[3, 0] += 1
        else:
            matrix[2] = matrix[5]
        committed = setting.engine.data(matrix, moved.commitment.openings, bytes([place + 1]) * 32)
        return Rows(matrix, type(moved.seed)(bytes([place + 1]) * 32), committed)

    monkeypatch.setattr("bailee.train.model.run.put_in_order", wrong)
    cast = real_cast(tmp_path, replace(UNPROTECTED, order="secret", hidden=(), epochs=1), (20,))
    with pytest.raises(BaileeError, match="the shuffled rows are not the dataset's"):
        cast.train(engine=real_engine(), memory=1 << 28)
    look_away(monkeypatch)
    monkeypatch.setattr(shuffle, "_refuse_false", lambda *of: None)
    engine = replace(real_engine(), verify_shuffle=lambda *of: None)
    run = cast.train(engine=engine, memory=1 << 28)
    for plain in (False, True):
        with pytest.raises(ProofError, match="order of Hospital 0: "):
            verify_model_passport(run.path, plain=plain)


# Amplification


def test_a_run_of_a_few_steps_reads_each_row_once_at_most() -> None:
    rows = [90, 60, 16]
    for steps in (6, 7, 10):
        plan = replace(SHORT, steps=steps)
        for chunk_steps in (1, 2, 8):
            chunks = cut(plan, rows, chunk_steps, 1)
            assert sum(chunk.steps for chunk in chunks) == steps
            seen: set[tuple[int, int]] = set()
            for chunk in chunks:
                (part,) = chunk.slices
                places = range(part.first, part.first + chunk.steps * part.batch)
                assert not seen & {(part.dataset, at) for at in places}
                seen |= {(part.dataset, at) for at in places}
            read = [sum(of == place for of, _ in seen) for place in range(3)]
            assert read == [16 * count for count in read_batches(plan, rows)]
        assert sampled(plan, rows) == max(min(Fraction(1), Fraction(n, of)) for n, of in zip(read, rows, strict=True))


def test_amplification_is_what_it_is_said_to_be(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (320, 320), replace(SHORT, steps=4))
    run = cast.train()
    proven = verify(run.path)
    assert proven.steps == 4
    assert "32 of 320, 32 of 320 rows, each once, drawn without replacement" in proven.to_text()
    assert [owner.uses for owner in proven.owners] == [32, 32]
    assert "amplified" in str(proven.accounting["accountant"])


def loss_of(plan: ModelPlan, rows: tuple[int, ...]) -> float:
    terms = ModelTerms(SCHEMA.layout.names, rows, 1, 1, plan.privacy.noise_multiplier, 4)
    loss = model_loss(Setup(plan, terms))
    assert loss is not None
    return float(loss.epsilon)


@pytest.mark.parametrize("multiplier", ["0.8", "2", "8"])
@pytest.mark.parametrize("rows", [64, 1600, 16000])
def test_no_smaller_than_any_law_allows_and_no_larger_than_the_accountant(multiplier: str, rows: int) -> None:
    """One step on 16 of n rows: dp-accounting's own bound for it is never smaller; that of a certain reading larger."""
    privacy = replace(SHORT.privacy, epsilon=None, noise_multiplier=multiplier)
    plan = replace(SHORT, hidden=(), steps=1, privacy=privacy)
    found = loss_of(plan, (rows,))
    accountant = rdp.RdpAccountant(neighboring_relation=dp_accounting.NeighboringRelation.REPLACE_ONE)
    event = dp_accounting.GaussianDpEvent(float(multiplier))
    accountant.compose(dp_accounting.SampledWithoutReplacementDpEvent(rows, 16, event))
    assert 0 < found <= accountant.get_epsilon(1e-5)
    assert found < loss_of(replace(plan, order="secret", steps=None), (rows,))
    # below: two laws that a run on rows of which one is replaced does have, mixed as the sampling mixes them
    part, far = 16 / rows, 1 / float(multiplier)
    grid = np.linspace(-40, 40, 400_001)

    def law(at: float) -> Any:
        return np.exp(-((grid - at) ** 2) / 2) / math.sqrt(2 * math.pi)

    one = (1 - part) * law(0) + part * law(far / 2)
    two = (1 - part) * law(0) + part * law(-far / 2)
    assert float(np.maximum(one - math.exp(found) * two, 0).sum() * (grid[1] - grid[0])) <= 1e-5


def test_less_noise_does_for_fewer_rows() -> None:
    plan = replace(SHORT, steps=1)
    most = calibrate(plan)
    assert calibrate(plan, Fraction(1, 2)) < most
    assert calibrate(plan, Fraction(1, 100)) < calibrate(plan, Fraction(1, 10))


def test_a_claim_of_fewer_rows_than_read(tmp_path: Path) -> None:
    """The part is recomputed from plan and cards: a passport cannot state another."""
    cast = make_cast(tmp_path, plan=SHORT)
    run = cast.train()
    record = run.passport.record
    for accounting in ({**record.accounting, "sampler": "1 of 90"}, {**record.accounting, "accountant": "another"}):
        run.path.write_bytes(sign(replace(record, accounting=accounting), cast.trainer).envelope)
        with pytest.raises(PassportError, match="accounting: it is not how the loss is reached"):
            verify(run.path)
    run.path.write_bytes(sign(replace(record, epsilon="1"), cast.trainer).envelope)
    with pytest.raises(PassportError, match="privacy: the accountant finds epsilon"):
        verify(run.path)
