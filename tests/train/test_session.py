"""Sessions of one to three owners, in threads and processes; parties killed at any step come back to one passport."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import parties
from bailee.adapters.transport import Channel
from bailee.errors import BudgetError
from bailee.records import Passport, Round, open_signed, predicate_type_of
from bailee.statements.fixed_point import WEIGHT_BITS
from bailee.train.events import Event
from bailee.verify.passport import verify_passport
from parties import (
    PLAN,
    Cast,
    Killed,
    PretendCards,
    content,
    make_cast,
    pretend_verify,
    rows_for,
    run_session,
    save,
)
from ports import free_port


def verified(path: Path) -> None:
    verify_passport(path, cards=PretendCards(), gradients=pretend_verify)


@pytest.mark.parametrize(("sizes", "tcp"), [((60,), False), ((90, 60), True), ((40, 30, 50), False)])
def test_a_session_ends_in_a_passport(tmp_path: Path, sizes: tuple[int, ...], tcp: bool) -> None:
    cast = make_cast(tmp_path, sizes)
    events: list[tuple[str, Event]] = []
    outcome, said = run_session(cast, watch=lambda name, event: events.append((name, event)), tcp=tcp)
    assert outcome is not None, said
    verified(outcome.path)
    assert all(said[f"owner{place}"] == outcome.passport.record for place in range(len(sizes)))
    rounds = [event for name, event in events if name == "builder" and event.stage == "round"]
    assert [event.round for event in rounds] == [1, 2, 3, 4, 5]
    assert 0 < float(rounds[0].epsilon[cast.owners[0].key]) < float(rounds[-1].epsilon[cast.owners[0].key]) <= 8
    for place, holding in enumerate(cast.owners):
        (entry,) = cast.ledger(place).entries()
        assert (entry.dataset, entry.session) == (holding.dataset, outcome.passport.record.session)


def test_training_learns(tmp_path: Path) -> None:
    plan = replace(PLAN, rounds=40, epsilon="10", average=True)
    cast = replace(make_cast(tmp_path, (3000, 2500), plan), plan=plan)
    outcome, said = run_session(cast)
    assert outcome is not None, said
    test = rows_for(99, 500)
    right = ((test[:, :-1] @ outcome.weights[:-1] > 0) == test[:, -1]).mean()
    assert right > 0.85
    assert outcome.passport.record.weights == tuple(int(w) for w in outcome.weights * 2**WEIGHT_BITS)


def test_the_builder_holds_no_row(tmp_path: Path) -> None:
    """All that reaches the builder is signed records and proofs; noise hides the exact sums."""
    cast = make_cast(tmp_path, (90, 60))
    seen: list[bytes] = []

    class Spy:
        def __init__(self, channel: Channel) -> None:
            self.channel, self.send, self.close = channel, channel.send, channel.close

        def receive(self, timeout: float) -> bytes:
            frame = self.channel.receive(timeout)
            seen.append(frame)
            return frame

    outcome, said = run_session(cast, wrap=lambda name, ch: Spy(ch) if name.startswith("builder") else ch)
    assert outcome is not None, said
    proofs = {part.proof for part in outcome.passport.record.owners} | {o.card.record.proof for o in cast.owners}
    for frame in seen:
        assert parties.digest(frame) in proofs or predicate_type_of(frame).startswith("https://bailee.dev/")
    for holding in cast.owners:
        for row in holding.matrix[:10]:
            assert not any(np.ascontiguousarray(row).tobytes() in frame for frame in seen)
    sums = [open_signed(f, Round).record for f in seen if f != b"" and _is_round(f)]
    first = {said.owner: said.sums for said in sums if said.round == 0}
    for holding in cast.owners:
        weights = np.zeros(5, dtype=np.int64)
        shift = parties.fix_shift(outcome)
        exact = parties.compute_round(holding.matrix, 4, weights, shift)
        assert all(a != b for a, b in zip(first[holding.key][:4], exact[:4].tolist(), strict=True))


def _is_round(frame: bytes) -> bool:
    try:
        return predicate_type_of(frame) == Round.predicate_type()
    except Exception:
        return False


def moments() -> list[tuple[str, str, int]]:
    builder = [("builder", stage, 0) for stage in ("joined", "invited", "committed")]
    builder += [("builder", "round", 1), ("builder", "round", 5), ("builder", "closing", 5), ("builder", "proven", 5)]
    owner = [("owner0", stage, 0) for stage in ("joined", "invited", "committed")]
    owner += [("owner0", "round", 2), ("owner0", "round", 5), ("owner0", "proving", 5), ("owner0", "proven", 5)]
    return builder + owner


@pytest.mark.parametrize(("who", "stage", "index"), moments())
def test_a_party_killed_at_any_step_comes_back(tmp_path: Path, who: str, stage: str, index: int) -> None:
    cast = make_cast(tmp_path, (30, 40))
    answers: dict[tuple[str, int], bytes] = {}

    def kill(name: str, event: Event) -> None:
        if (name, event.stage, event.round) == (who, stage, index):
            raise Killed

    outcome, said = run_session(cast, watch=kill, wrap=lambda name, ch: Recorder(name, ch, answers))
    assert outcome is None
    assert isinstance(said[who], Killed)
    outcome, said = run_session(cast, resume=True, wrap=lambda name, ch: Recorder(name, ch, answers))
    assert outcome is not None, said
    verified(outcome.path)
    again, said = run_session(cast, resume=True)
    assert again is not None, said
    assert content(again.passport.record) == content(outcome.passport.record)
    if (who, stage) not in (("builder", "joined"), ("owner0", "joined")):
        assert len(cast.ledger(0).entries()) == 1


def test_a_session_begun_anew_by_mistake_does_not_bury_the_one_that_was_paid(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (30, 40))

    def kill(name: str, event: Event) -> None:
        if (name, event.stage, event.round) == ("builder", "round", 1):
            raise Killed

    assert run_session(cast, watch=kill)[0] is None
    (paid,) = (path.name for path in (tmp_path / "builder" / "sessions").iterdir() if path.is_dir())
    for _ in range(2):
        outcome, said = run_session(cast)
        assert outcome is None
        assert isinstance(said["owner0"], BudgetError), said
    outcome, said = run_session(cast, resume=True)
    assert outcome is not None, said
    assert outcome.passport.record.session == paid
    verified(outcome.path)
    assert len(cast.ledger(0).entries()) == 1


class Recorder:
    """Watches that no owner ever gives two answers to one round of one session."""

    def __init__(self, name: str, channel: Channel, answers: dict[tuple[str, int], bytes]) -> None:
        self.name, self.channel, self.answers = name, channel, answers
        self.close, self.receive = channel.close, channel.receive

    def send(self, frame: bytes) -> None:
        if self.name.startswith("owner") and _is_round(frame):
            said = open_signed(frame, Round).record
            key = (said.session + said.owner, said.round)
            assert self.answers.setdefault(key, frame) == frame
        self.channel.send(frame)


def spawn(cast: Cast, port: int, stop: Callable[[str], str]) -> dict[str, subprocess.Popen[bytes]]:
    script = str(Path(parties.__file__))
    return {
        role: subprocess.Popen(
            [sys.executable, script, role, str(cast.root), str(port), stop(role)], stderr=subprocess.PIPE
        )
        for role in ("builder", "owner0", "owner1")
    }


@pytest.mark.slow
def test_processes_survive_kill_9(tmp_path: Path) -> None:
    threads = threading.active_count()
    cast = make_cast(tmp_path, (30, 40))
    save(cast)
    port = free_port()
    for role, stop in (("owner0", "round:3"), ("builder", "round:4"), ("", "")):
        running = spawn(cast, port, lambda name, role=role, stop=stop: stop if name == role else "")
        codes = {name: (process.communicate(timeout=300)[1], process.returncode) for name, process in running.items()}
        if role:
            assert codes[role][1] == -9, codes
            assert all(code == 5 for name, (_, code) in codes.items() if name != role), codes
        else:
            assert all(code == 0 for _, code in codes.values()), codes
    (session,) = [path for path in (tmp_path / "builder" / "sessions").iterdir() if path.is_dir()]
    verified(session / "passport.json")
    passport = open_signed((session / "passport.json").read_bytes(), Passport).record
    for place in range(2):
        theirs = tmp_path / f"owner{place}" / "sessions" / passport.session / "passport.json"
        assert theirs.read_bytes() == (session / "passport.json").read_bytes()
    assert threading.active_count() < threads + 10
