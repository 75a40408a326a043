"""The privacy ledger: it only grows, charges a session once and holds a limit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bailee.errors import BudgetError, StorageError
from bailee.train.ledger import Entry, Ledger

ENTRY = Entry("a" * 64, "b" * 64, "c" * 64, "9" * 64, "1.5", "0.00001")
ALLOWED = ("10", "0.001")


def test_sessions_add_up(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "owner" / "privacy.jsonl", limit="4")
    assert ledger.entries() == ()
    ledger.charge(ENTRY, ALLOWED)
    ledger.charge(ENTRY, ALLOWED)
    ledger.charge(replace(ENTRY, session="d" * 64), ALLOWED)
    ledger.charge(replace(ENTRY, dataset="e" * 64), ALLOWED)
    assert ledger.spent("a" * 64) == Decimal("3")
    with pytest.raises(BudgetError, match="its owner allows 4"):
        ledger.charge(replace(ENTRY, session="f" * 64), ALLOWED)
    assert ledger.spent("a" * 64) == Decimal("3")


def test_a_session_keeps_its_loss(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "privacy.jsonl")
    ledger.charge(ENTRY, ALLOWED)
    with pytest.raises(BudgetError, match="another loss"):
        ledger.charge(replace(ENTRY, epsilon="1"), ALLOWED)


def test_a_torn_line_does_not_count_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "privacy.jsonl")
    ledger.charge(ENTRY, ALLOWED)
    whole = ledger.path.read_bytes()
    ledger.path.write_bytes(whole + whole[:20])
    assert ledger.entries() == (ENTRY,)
    ledger.charge(replace(ENTRY, session="d" * 64), ALLOWED)
    assert len(ledger.entries()) == 2
    ledger.path.write_bytes(whole.replace(b"1.5", b"0,5"))
    with pytest.raises(StorageError, match="damaged"):
        ledger.entries()


@pytest.mark.parametrize("allowed", [("2.9", "0.001"), ("10", "0.000019")])
def test_a_grant_is_not_used_twice(tmp_path: Path, allowed: tuple[str, str]) -> None:
    """A builder that trains again under one grant would average the noise away."""
    ledger = Ledger(tmp_path / "privacy.jsonl")
    ledger.charge(ENTRY, allowed)
    ledger.charge(ENTRY, allowed)
    with pytest.raises(BudgetError, match="give a new grant"):
        ledger.charge(replace(ENTRY, session="d" * 64), allowed)
    ledger.charge(replace(ENTRY, session="d" * 64, grant="8" * 64), allowed)
    assert len(ledger.entries()) == 2
