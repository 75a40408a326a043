"""The index says what the chain says: in pieces, again, after a reorganisation; and a changed row is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from adapters.chain.rights import Life, begun
from bailee.adapters.chain.index import Index, check, events, follow, open_index
from bailee.adapters.chain.index.checking import check_receipts
from bailee.adapters.chain.index.tables import blocks, logs, progress
from bailee.adapters.chain.ledger.events import Accepted, Claimed, Paid, Registered, Spent
from bailee.errors import ChainError, InputError, StorageError
from chains import Engine, engine  # noqa: F401
from databases import KINDS, new_url


@pytest.fixture(scope="module")
def life(engine: Engine) -> Life:  # noqa: F811
    return begun(engine)


@pytest.fixture(params=KINDS)
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    with open_index(new_url(request.param, tmp_path)) as opened:
        yield opened


def said(index: Index, life: Life) -> list[str]:
    return [type(one.event).__name__ for one in events(index, life.owner)]


def test_all_that_was_said_is_read_once(index: Index, life: Life) -> None:
    head = life.engine.chain.block().number
    assert follow(index, life.owner, piece=3) == head
    ledger = life.owner
    everywhere = [*ledger.events(), *ledger.shares(life.rows).events(), *ledger.shares(life.song).events()]
    everywhere.sort(key=lambda one: (one.where.block, one.where.index))
    found = events(index, ledger)
    assert [one.event for one in found] == everywhere
    assert all(life.engine.chain.block(one.event.where.block).time == one.time for one in found)
    assert follow(index, ledger) == head
    assert events(index, ledger) == found
    assert check(index, ledger) == []
    assert check_receipts(ledger, [one.row for one in found]) == []


def test_a_work_has_its_events(index: Index, life: Life) -> None:
    follow(index, life.owner)
    kinds = {type(one.event) for one in events(index, life.owner, life.rows)}
    assert {Registered, Accepted, Spent, Paid, Claimed} <= kinds
    of_song = [type(one.event).__name__ for one in events(index, life.owner, life.song)]
    assert sorted(of_song) == ["Registered", "UnitsTransferred", "WorkTransferred"]
    assert events(index, life.owner, 7) == []


def test_what_a_reorganisation_took_back_is_gone(index: Index, life: Life) -> None:
    follow(index, life.owner)
    before = said(index, life)
    taken = life.engine.snapshot()
    life.pay(10**15)
    life.engine.mine(3)
    life.pay(10**15)
    follow(index, life.owner, piece=2)
    assert said(index, life) == [*before, "Paid", "Paid"]
    life.engine.revert(taken)
    life.engine.mine(1)
    life.pay(10**14)
    follow(index, life.owner)
    assert said(index, life) == [*before, "Paid"]
    assert check(index, life.owner) == []


def test_newest_blocks_can_be_left_out(index: Index, life: Life) -> None:
    head = life.engine.chain.block().number
    assert follow(index, life.owner, behind=2) == head - 2
    assert max(one.event.where.block for one in events(index, life.owner)) <= head - 2
    assert follow(index, life.owner) == head
    assert follow(index, life.owner, behind=2) == head  # what was read stays


def test_a_node_that_gives_only_some_blocks_at_once_is_asked_for_fewer(
    index: Index, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    eth, asked = life.engine.chain.web3.eth, []

    def few(wanted: dict[str, int], real: object = eth.get_logs) -> object:
        asked.append(wanted["toBlock"] - wanted["fromBlock"] + 1)
        if asked[-1] > 5:
            raise ChainError("query returned more than 10000 results")
        return real(wanted)  # type: ignore[operator]

    monkeypatch.setattr(eth, "get_logs", few)
    follow(index, life.owner)
    monkeypatch.undo()
    assert max(asked) > 5
    assert check(index, life.owner) == []


@pytest.mark.parametrize("spoiled", ["changed", "deleted", "added", "moved", "time"])
def test_a_changed_row_is_found(index: Index, life: Life, spoiled: str) -> None:
    follow(index, life.owner)
    paid = next(one for one in events(index, life.owner) if isinstance(one.event, Paid) and one.event.amount == 10**16)
    block, position = paid.row.block, paid.row.position
    here = (logs.c.block == block) & (logs.c.position == position)
    with index.using() as connection:
        if spoiled == "changed":
            connection.execute(update(logs).where(here).values(data=paid.row.data[:-1] + "1"))
        elif spoiled == "deleted":
            connection.execute(delete(logs).where(here))
        elif spoiled == "added":
            row = dict(connection.execute(select(logs).where(here)).mappings().one())
            connection.execute(insert(logs).values(row | {"position": 99}))
        elif spoiled == "moved":
            connection.execute(update(logs).where(here).values(transaction="00" * 32))
        else:
            connection.execute(update(blocks).where(blocks.c.number == block).values(time=1))
    words = {
        "changed": f"block {block}, log {position}: the index says otherwise than the node",
        "deleted": f"block {block}, log {position}: missing in the index",
        "added": f"block {block}, log 99: not on the chain",
        "moved": f"block {block}, log {position}: the index says otherwise than the node",
        "time": f"block {block}: another hash or time",
    }
    assert check(index, life.owner) == [words[spoiled]]
    if spoiled in ("changed", "added", "moved"):
        rows = [one.row for one in events(index, life.owner) if one.row.block == block]
        assert len(check_receipts(life.owner, rows)) == 1


def test_rows_that_are_no_events_are_found(index: Index, life: Life) -> None:
    follow(index, life.owner)
    with index.using() as connection:
        connection.execute(update(logs).where(logs.c.contract == "Grants").values(topics="ab" * 32))
    with pytest.raises(StorageError, match=r"is no event of Grants: it was changed; delete the index"):
        events(index, life.owner)


def test_two_followers_write_each_row_once(index: Index, life: Life) -> None:
    """The second finds that the first was quicker, between what it read and what it wants to write."""
    follow(index, life.owner, piece=4)
    with index.using() as connection:
        rows = connection.execute(select(logs)).all()
        connection.execute(delete(logs))
        connection.execute(delete(blocks))
        connection.execute(update(progress).values(number=-1))
    follow(index, life.owner)
    with index.using() as connection:
        assert connection.execute(select(logs)).all() == rows


def test_what_is_no_index_is_refused(tmp_path: Path) -> None:
    for url in ("mysql://x/y", "sqlite://", "nothing"):
        with pytest.raises(InputError, match=r"expected an index as sqlite:////path/file\.db or postgresql://"):
            open_index(url)
    (tmp_path / "index.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageError, match="the index cannot be used: "):
        open_index(f"sqlite:///{tmp_path}/index.db")
