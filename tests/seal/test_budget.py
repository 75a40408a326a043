"""The openings ledger: no opening is given twice, whatever happens in between."""

from __future__ import annotations

import errno
import os
import threading
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bailee.errors import BudgetError, RecordError, StorageError
from bailee.seal import Ledger

NAMED, THIS, OTHER = "c" * 64, "a" * 64, "b" * 64


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path / "openings.jsonl", NAMED, 4)


def test_openings_are_given_once_and_the_last_is_kept(ledger: Ledger, now: datetime) -> None:
    assert ledger.budget().remaining == 3
    assert [ledger.spend(f"session {i}", now) for i in range(3)] == [0, 1, 2]
    with pytest.raises(BudgetError, match="renew with `bailee reseal`"):
        ledger.spend("session 3", now)
    assert ledger.budget().can_reseal
    assert ledger.spend_last("reseal", now, THIS) == 3
    with pytest.raises(BudgetError, match="resealed already"):
        ledger.spend_last("reseal", now, OTHER)
    budget = Ledger(ledger.path).budget()
    assert (budget.remaining, budget.can_reseal, budget.total, budget.commitment) == (0, False, 4, NAMED)
    assert [entry.purpose for entry in budget.entries] == ["session 0", "session 1", "session 2", "reseal"]


def test_the_same_statement_gets_its_opening_again(ledger: Ledger, now: datetime) -> None:
    assert ledger.spend("session", now, THIS) == 0
    assert ledger.spend("session", now, THIS) == 0
    assert ledger.spend("session", now, OTHER) == 1
    assert ledger.spend("another", now, THIS) == 2
    assert ledger.spend("session", now, OTHER) == 1
    assert ledger.spend_last("reseal", now, THIS) == 3
    assert ledger.spend_last("reseal", now, THIS) == 3


def test_it_is_written_before_it_is_given(ledger: Ledger, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match="free space"):
        ledger.spend("session", now)
    monkeypatch.undo()
    assert ledger.budget().entries == ()
    assert ledger.spend("session", now) == 0


def test_a_torn_line_was_never_given(ledger: Ledger, now: datetime) -> None:
    ledger.spend("session", now)
    whole = ledger.path.read_bytes()
    ledger.path.write_bytes(whole + whole.splitlines()[1][:30])
    assert ledger.spend("next", now) == 1
    assert len(ledger.budget().entries) == 2


def test_many_at_once_get_different_openings(tmp_path: Path, now: datetime) -> None:
    ledger = Ledger.create(tmp_path / "openings.jsonl", NAMED, 64)
    given_out: list[int] = []
    threads = [
        threading.Thread(target=lambda: given_out.extend(ledger.spend("session", now) for _ in range(6)))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given_out) == list(range(60))


def test_a_ledger_that_is_damaged_or_gone_gives_nothing(ledger: Ledger, now: datetime) -> None:
    ledger.spend("one", now)
    ledger.spend("two", now)
    head, one, two = ledger.path.read_bytes().splitlines(keepends=True)
    for bad in (
        b"",
        one + two,
        head + one + one,
        head + one.replace(b'"opening":0', b'"opening":9'),
        head + one.replace(b'"opening":0', b'"opening":true'),
        head + b"\n" + one,
        head + one.replace(b'"purpose"', b'"reason"'),
        head + one.replace(b" ", b"  ") + b" \n",
        head.replace(b'"openings":4', b'"openings":999') + one,
        head.replace(b'"version":1', b'"version":2') + one,
        head + head,
    ):
        ledger.path.write_bytes(bad)
        with pytest.raises(StorageError, match="damaged"):
            ledger.spend("three", now)
    ledger.path.unlink()
    with pytest.raises(StorageError, match="missing"):
        ledger.spend("three", now)


def test_what_could_not_be_read_back_is_not_written(ledger: Ledger, now: datetime) -> None:
    for purpose, statement in (("", None), ("a\nb", None), ("x" * 500, None), ("session", "not hex")):
        with pytest.raises(RecordError):
            ledger.spend(purpose, now, statement)
    assert ledger.budget().entries == ()
    for openings in (0, 2, 65):
        with pytest.raises(BudgetError, match="3 to 64"):
            Ledger.create(ledger.path.with_name("other"), NAMED, openings)


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.data())
def test_a_fuzzed_ledger_never_gives_an_opening_twice(tmp_path: Path, now: datetime, data: st.DataObject) -> None:
    path = tmp_path / "fuzzed"
    path.unlink(missing_ok=True)
    ledger = Ledger.create(path, NAMED, 4)
    ledger.spend("one", now)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    try:
        before = ledger.budget()
        opening = ledger.spend("two", now)
    except StorageError:
        return
    assert opening not in [entry.opening for entry in before.entries]
