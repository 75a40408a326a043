"""What a home's ledger said when it was asked: kept whole, and of that ledger only; no answer is said in time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bailee.errors import ChainError, InputError
from bailee.party.events import events_of
from bailee.party.home import PartyHome
from bailee.party.ledger_view import FILE, kept_view, refresh_view
from bailee.party.opened_ledger import LedgerPlace, remember, remembered
from paid_works import REMIX, ROWS, new_paid_works

NOW = datetime(2027, 3, 1, tzinfo=UTC)


def test_earnings_rights_and_events_are_kept_as_the_ledger_said_them(tmp_path: Path) -> None:
    works = new_paid_works(tmp_path)
    assert kept_view(tmp_path) is None
    assert works.run("consumer", "royalty", "pay", REMIX, "3.50", "--currency", works.coin.lower())[0] == 0
    assert works.run("owner", "royalty", "claim", "--steps", "2")[0] == 0
    view = refresh_view(tmp_path, NOW)
    assert kept_view(tmp_path) == view
    assert (view.seen, view.ledger, len(view.graph.works)) == ("2027-03-01T00:00:00Z", works.ledger, 3)
    rows = next(one for one in view.earnings if one.commitment == ROWS)
    coin = next(one for one in rows.money if one.currency == works.coin)
    assert (coin.paid.words, coin.withdrawn.words, coin.drawable.smallest) == ("0.35 COIN", "0.35 COIN", 0)
    assert [one.earned_nothing for one in view.earnings].count(False) == 3
    words = [one.words for one in view.events]
    assert any("paid 3.5 COIN" in one for one in words)
    assert len({(one.transaction, one.words) for one in view.events}) == len(view.events)
    told = events_of(PartyHome(tmp_path), NOW, kinds=("ledger",), most=200)
    assert told.found == len(view.events)
    # another ledger, or a file that somebody spoilt, is as good as nothing
    (tmp_path / FILE).write_text((tmp_path / FILE).read_text().replace('"block"', '"blocked"'))
    assert kept_view(tmp_path) is None
    refresh_view(tmp_path, NOW)
    remember(tmp_path, LedgerPlace("embedded:", "eip155:1:0x" + "ab" * 20))
    assert kept_view(tmp_path) is None


def test_a_home_without_a_ledger_and_a_node_that_is_not_there(tmp_path: Path) -> None:
    assert (remembered(tmp_path), kept_view(tmp_path)) == (None, None)
    with pytest.raises(InputError, match="which ledger"):
        refresh_view(tmp_path, NOW)
    remember(tmp_path, LedgerPlace("http://127.0.0.1:9", "eip155:1:0x" + "ab" * 20))
    begun = time.monotonic()
    with pytest.raises(ChainError):
        refresh_view(tmp_path, NOW, patience=0.5)
    assert time.monotonic() - begun < 60
