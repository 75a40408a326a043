"""Works paid, what they earn, and what is drawn, from Python: on the chain of a home, to the last unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

import bailee
from bailee.errors import InputError, NotFoundError
from paid_works import REMIX, ROWS, SONG, PaidWorks, new_paid_works


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> PaidWorks:
    return new_paid_works(tmp_path_factory.mktemp("home"))


@pytest.fixture
def party(works: PaidWorks) -> bailee.Party:
    return bailee.init("Works", works.home)


def signing(works: PaidWorks, who: str) -> dict[str, Any]:
    return {"account": who, "passphrase_file": works.home / "passphrase"}


def money_of(earned: Any, work: int, coin: str) -> Any:
    return next(one for each in earned.works if each.work == work for one in each.money if one.currency == coin)


def test_a_payment_goes_up_the_lineage_and_is_drawn_once(works: PaidWorks, party: bailee.Party, tmp_path: Path) -> None:
    """The remix gives a quarter to the song, that 40 % of what it gets to the rows: 10 %."""
    licence = tmp_path / "licence.txt"
    licence.write_text("one performance")
    paid = party.pay(REMIX, "3.50", currency=works.coin.lower(), use=licence, **signing(works, "consumer"))
    assert (paid.paid.words, paid.paid.amount, paid.paid.work) == ("3.5 COIN", 3_500_000, works.remix)
    assert paid.paid.use == blake3(b"one performance").hexdigest()
    assert paid.transaction in repr(paid)

    before = money_of(party.earnings(account="owner"), works.rows, works.coin)
    assert (before.paid.smallest, before.drawable.smallest, before.waiting.smallest) == (0, 0, 350_000)
    claimed = party.claim(steps=2, **signing(works, "owner"))
    assert [(one.work, one.child, one.amount) for one in claimed.steps] == [
        (works.song, works.remix, 875_000), (works.rows, works.song, 350_000), (works.rows, None, 350_000),
    ]  # fmt: skip
    assert (claimed.totals, claimed.refused) == ({works.coin: "0.35 COIN"}, ())
    assert "Claimed: 0.35 COIN" in repr(claimed)
    again = party.claim([works.rows], steps=64, **signing(works, "owner"))
    assert (again.steps, again.totals) == ((), {})
    assert "nothing is there to be drawn" in repr(again)
    after = party.earnings(account="owner")
    mine = money_of(after, works.rows, works.coin)
    assert (mine.withdrawn.words, mine.drawable.smallest, mine.waiting.smallest) == ("0.35 COIN", 0, 0)
    assert "0.35 COIN" in after._repr_html_()
    code, said = works.look("royalty", "earnings", ROWS, "--account", "owner")
    told = next(one for one in said["works"][0]["money"] if one["currency"] == works.coin)
    assert (code, told["claimed"], told["received"]) == (0, "350000", str(mine.paid.smallest))


def test_all_accounts_of_a_folder_are_counted_together(works: PaidWorks, party: bailee.Party) -> None:
    assert {one.work for one in party.earnings().works} == {works.rows, works.song, works.remix}
    assert party.earnings(account="consumer").works == ()
    assert repr(party.earnings(account="consumer")).startswith("Earnings\n")


def test_what_is_refused(works: PaidWorks, party: bailee.Party, tmp_path: Path) -> None:
    signs = signing(works, "consumer")
    with pytest.raises(InputError, match="expected an amount as text"):
        party.pay(SONG, 3.5, **signs)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="above 0"):
        party.pay(SONG, "0", **signs)
    with pytest.raises(InputError, match=r"nowhere.pdf does not exist"):
        party.pay(SONG, "1", use="nowhere.pdf", **signs)
    with pytest.raises(NotFoundError, match="is not registered"):
        party.pay("12" * 32, "1", **signs)
    with pytest.raises(InputError, match=r"which account\? --account NAME"):
        party.claim(passphrase_file=works.home / "passphrase")
    with pytest.raises(InputError, match="expected 1 to 64 steps, got 0"):
        party.claim(steps=0, **signs)
    with pytest.raises(InputError, match="which ledger"):
        bailee.init("Nobody", tmp_path / "nobody").earnings()
