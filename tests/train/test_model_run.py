"""Hidden-model runs: a model and its passport, killed and resumed at every point, files damaged, plans changed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import model_cast
from bailee.errors import BudgetError, GrantError, InputError, SessionError, StatementError, StorageError
from bailee.keys import Identity, Secret
from bailee.records import Grant, Signed, sign, time_text
from bailee.records.model import ModelPassport, Waiver
from bailee.statements.network.run import initial_state, used_weights
from bailee.train.ledger import Ledger
from bailee.train.model import ModelRun
from bailee.train.model.events import ModelEvent
from model_cast import FULL, PLAN, UNPROTECTED, Cast, Spending, make_cast, verify


def content(passport: ModelPassport) -> ModelPassport:
    """All but when it was made."""
    return replace(passport, created="2026-01-01T00:00:00Z")


class Killed(BaseException):
    """Stands for kill -9."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cast, ModelRun, Callable[[int], bytes]]:
    """A run that nobody interrupted, and the entropy it used."""
    entropy = stream()
    cast = make_cast(tmp_path_factory.mktemp("whole"))
    return cast, cast.train(entropy=entropy), entropy


def stream() -> Callable[[int], bytes]:
    """The same random bytes for each run that starts anew."""
    count = iter(range(1000))
    return lambda size: bytes((7 * next(count) + at) % 251 for at in range(size))


@pytest.mark.parametrize("plan", [PLAN, UNPROTECTED, FULL], ids=["private", "unprotected", "full"])
def test_a_run_ends_in_a_passport(tmp_path: Path, plan: Any) -> None:
    cast = make_cast(tmp_path, plan=plan)
    events: list[ModelEvent] = []
    run = cast.train(watch=events.append, reveal=True)
    proven = verify(run.path)
    assert (proven.plan, proven.rows) == (plan, 150)
    assert proven.weights is not None
    assert all(np.array_equal(proven.weights[name], run.weights[name]) for name in run.weights)
    assert (proven.epsilon is None) == (not plan.private) == (run.epsilon is None)
    last = events[-1]
    assert (last.stage, last.trained, last.proved, last.verified) == ("done", *[proven.chunks] * 3)
    assert last.steps == last.total == proven.steps == len(run.losses)
    assert sum(owner.share for owner in proven.owners) == 1
    assert ("UNPROTECTED" in proven.to_text()) == (not plan.private)
    spent = [float(event.epsilon) for event in events if event.stage == "trained" and event.epsilon]
    assert spent == sorted(spent)
    assert spent[-1:] == ([float(run.epsilon)] if run.epsilon else [])
    for holding in cast.holdings:
        ledger = Ledger(tmp_path / holding.card.record.owner[:8] / "privacy.jsonl")
        assert [entry.session for entry in ledger.entries()] == [run.passport.record.session] * plan.private


def test_training_learns_and_stays_hidden(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, plan=UNPROTECTED)
    run = cast.train()
    assert np.mean(run.losses[-5:]) < 0.7 * np.mean(run.losses[:5])
    start = used_weights(initial_state(run.architecture, bytes(32)))
    assert any(not np.array_equal(start[name], run.weights[name]) for name in start)
    assert run.passport.record.revealed is None
    assert verify(run.path).weights is None


POINTS = [
    *(("committing", at) for at in (1, 3)), *(("trained", at) for at in (1, 2, 4)),
    *(("proved", at) for at in (1, 4)), *(("verified", at) for at in (2, 4)), ("done", 1),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "number"), POINTS)
def test_killed_anywhere_it_ends_in_the_same_passport(whole: Any, tmp_path: Path, stage: str, number: int) -> None:
    cast, run, _ = whole
    again = replace(cast, root=tmp_path, holdings=tuple(fresh(one) for one in cast.holdings))
    entropy, seen = stream(), []

    def watch(event: ModelEvent) -> None:
        seen.append(event.stage)
        if seen.count(stage) == number:
            raise Killed

    with pytest.raises(Killed):
        again.train(entropy=entropy, watch=watch)
    found = again.train(entropy=entropy, resume=True)
    if stage == "committing":  # nothing was signed yet: another run begins
        assert verify(found.path).session != run.passport.record.session
        return
    assert content(found.passport.record) == content(run.passport.record)
    assert verify(found.path).model == verify(run.path).model
    assert found.losses == pytest.approx(run.losses, rel=1e-6)


def fresh(holding: Any) -> Any:
    """The same dataset with nothing spent."""
    spending = Spending()
    return replace(holding, spend=spending.spend, remaining=spending.remaining, charge=None)


@pytest.mark.parametrize("stop", ["trained:2", "proved:2"])
def test_killed_for_real(tmp_path: Path, stop: str) -> None:
    cast = make_cast(tmp_path)
    model_cast.save(cast)
    command = [sys.executable, model_cast.__file__, str(tmp_path)]
    assert subprocess.run([*command, stop], capture_output=True, timeout=600).returncode == -signal.SIGKILL
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert verify(Path(done.stdout.strip())).chunks == 4


def kept_run(whole: Any, tmp_path: Path) -> tuple[Cast, Path]:
    """A copy of a finished run without its passport, as if killed just before."""
    cast, run, _ = whole
    shutil.copytree(cast.root / "runs", tmp_path / "runs")
    folder = tmp_path / "runs" / run.passport.record.session
    (folder / "passport.json").unlink()
    return replace(cast, root=tmp_path), folder


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("state-00001.sealed", "state-00001.sealed is damaged: delete it and run again with --resume"),
        ("chunk-00002.json", "chunk-00002.json is damaged; delete .*chunk-00002.json and run again"),
        ("proof", "the proof of chunk 3, is damaged; delete it, and delete .*chunk-00002.json"),
    ],
)
@pytest.mark.parametrize("how", ["cut", "changed"])
def test_a_damaged_file_is_named_and_redone(whole: Any, tmp_path: Path, name: str, words: str, how: str) -> None:
    cast, folder = kept_run(whole, tmp_path)
    proof = whole[1].passport.record.chunks[2].proof
    path = folder / (f"attachments/{proof}" if name == "proof" else name)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if how == "cut" else data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(StorageError, match=words):
        cast.train(resume=True)
    path.unlink()
    if name == "proof":
        (folder / "chunk-00002.json").unlink()
    assert content(cast.train(resume=True).passport.record) == content(whole[1].passport.record)


def test_missing_files(whole: Any, tmp_path: Path) -> None:
    cast, folder = kept_run(whole, tmp_path)
    (folder / "state-00002.sealed").unlink()
    (folder / "chunk-00000.json").unlink()
    assert content(cast.train(resume=True).passport.record) == content(whole[1].passport.record)
    (folder / "passport.json").unlink()
    (folder / "attachments" / whole[1].passport.record.chunks[1].proof).unlink()
    with pytest.raises(StorageError, match="the proof of chunk 2, is missing; delete"):
        cast.train(resume=True)
    (folder / "run.sealed").unlink()
    with pytest.raises(StorageError, match=r"run\.sealed is missing"):
        cast.train(resume=True)


def test_a_swapped_chunk_is_noticed(whole: Any, tmp_path: Path) -> None:
    cast, folder = kept_run(whole, tmp_path)
    shutil.copy(folder / "chunk-00001.json", folder / "chunk-00002.json")
    with pytest.raises(StorageError, match=r"chunk-00002.json is about another chunk than this run's number 3"):
        cast.train(resume=True)


def test_another_plan_or_data_on_resume(whole: Any, tmp_path: Path) -> None:
    cast, _ = kept_run(whole, tmp_path)
    with pytest.raises(SessionError, match=r"another plan \(different: schedule\)"):
        cast.train(plan=replace(PLAN, schedule="constant"), resume=True)
    with pytest.raises(SessionError, match="other datasets, grants or waivers"):
        cast.train(holdings=cast.holdings[:1], resume=True)
    with pytest.raises(SessionError, match="other parties that draw coins"):
        cast.train(coins=[cast.trainer], resume=True)


def granted(cast: Cast, **changes: Any) -> Cast:
    """The first owner's grant with other terms."""
    owner, holding = cast.owners[0], cast.holdings[0]
    grant: Signed[Grant] = sign(replace(holding.grant.record, **changes), owner.identity)
    return replace(cast, holdings=(replace(holding, grant=grant), *cast.holdings[1:]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"plan": "0" * 64}, "another plan"),
        ({"builder": Identity.generate("Eve").public_key.hex()}, "for the builder"),
        ({"purpose": "fun"}, "another purpose"),
        ({"max_epsilon": "2"}, "too much privacy loss: epsilon 7.99"),
        ({"max_delta": "0.000001"}, "too much privacy loss: delta"),
        ({"fields": ("size", "(bias)")}, "'age' is not granted"),
        ({"card": "0" * 64}, "for the card"),
    ],
)
def test_what_a_grant_does_not_allow(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    cast = granted(make_cast(tmp_path), **changes)
    with pytest.raises(GrantError, match=words):
        cast.train()
    assert not list((tmp_path / "runs").glob("?" * 64))


def test_a_grant_out_of_time_or_taken_back(tmp_path: Path) -> None:
    cast = make_cast(tmp_path)
    late = granted(
        cast, not_before=time_text(cast.now - timedelta(days=9)), not_after=time_text(cast.now - timedelta(1))
    )
    with pytest.raises(GrantError, match="expired"):
        late.train()

    def refuse(use: Any, now: Any) -> None:
        raise GrantError("the grant was revoked by its owner")

    with pytest.raises(GrantError, match="revoked"):
        replace(cast, holdings=(replace(cast.holdings[0], permit=refuse), cast.holdings[1])).train()


def test_an_unprotected_plan_wants_a_waiver(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, plan=UNPROTECTED)
    first, owner = cast.holdings[0], cast.owners[0]
    with pytest.raises(GrantError, match="a grant is not enough"):
        replace(cast, holdings=(replace(first, waiver=None), cast.holdings[1])).train()
    for said, words in (
        (Waiver(owner.key, "0" * 64, UNPROTECTED.digest, time_text(cast.now)), "another owner's, or for another grant"),
        (Waiver(owner.key, owner.grant.digest, PLAN.digest, time_text(cast.now)), "for another plan"),
    ):
        other = replace(first, waiver=sign(said, owner.identity))
        with pytest.raises(GrantError, match=words):
            replace(cast, holdings=(other, cast.holdings[1])).train()


def test_too_few_openings_say_how_many(tmp_path: Path) -> None:
    cast = make_cast(tmp_path)
    few = Spending(total=3)
    holdings = (replace(cast.holdings[0], spend=few.spend, remaining=few.remaining), cast.holdings[1])
    with pytest.raises(BudgetError, match=r"spends 2 openings of 'tumours' of Hospital 0; 1 are left: .*--openings 4"):
        cast.train(holdings=holdings)
    assert not few.spent


def test_divergence_is_an_error_that_says_where(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, plan=replace(UNPROTECTED, learning_rate="200", schedule="constant"))
    with pytest.raises(StatementError, match=r"training diverged in chunk \d+, which begins with step \d+: .*try a"):
        cast.train()


def test_rows_that_are_not_the_cards(tmp_path: Path) -> None:
    cast = make_cast(tmp_path)
    other = replace(cast.holdings[0], matrix=cast.holdings[0].matrix + 1)
    with pytest.raises(StorageError, match="are not those their card commits to"):
        cast.train(holdings=(other, cast.holdings[1]))
    with pytest.raises(InputError, match="named twice"):
        cast.train(holdings=(cast.holdings[0], cast.holdings[0]))
    with pytest.raises(StorageError):
        cast.train(holdings=(replace(cast.holdings[0], seed=Secret(b"s" * 32)), cast.holdings[1]))


def test_one_party_alone_is_said_so(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (60,))
    alone = replace(cast, trainer=cast.owners[0].identity)
    owner = cast.owners[0]
    grant = sign(replace(owner.grant.record, builder=owner.key), owner.identity)
    run = alone.train(holdings=(replace(cast.holdings[0], grant=grant),), coins=())
    proven = verify(run.path)
    assert proven.one_party
    assert "ONE PARTY" in proven.to_text()
    assert not verify(make_cast(tmp_path / "two").train().path).one_party
