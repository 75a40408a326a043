"""An index brought up to date: ranges of blocks, each in one transaction with how far it is; stop it anywhere.

Before a range is read, its first block must have the last one that was read as its parent; where it has not, the chain
was reorganised, and the index goes back to the last block that both have. After a range, its last block must still be
the one that was seen before it was read. So what a transaction leaves in the index was on one chain.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from bailee.adapters.chain.chain import ChainBlock
from bailee.adapters.chain.index.logs import LogRow, fetched, shares_in
from bailee.adapters.chain.index.opening import Index
from bailee.adapters.chain.index.tables import blocks, logs, progress
from bailee.adapters.chain.ledger import Ledger
from bailee.errors import ChainError

PIECE = 2_000
"""Blocks that a node is asked for at once; fewer where it refuses that many."""
_TRIES = 5


def follow(index: Index, ledger: Ledger, first: int = 0, behind: int = 0, piece: int = PIECE) -> int:
    """Read what is new; the number of the last block read, -1 where there is none.

    first: the block before which the ledger was not there, to begin with; behind: newest blocks that are left out,
    since a public chain may still take them back. ChainError: no answer, or it moves too fast.
    """
    name = ledger.name
    last = ledger.chain.block().number - behind
    for _ in range(_TRIES):
        at = _gone_back(index, ledger, name, first)
        while at < last:
            end = min(at + piece, last)
            try:
                done = _piece(index, ledger, name, at, end)
            except ChainError:
                if end == at + 1:
                    raise
                piece = max(1, (end - at) // 2)
                continue
            if not done:  # another chain, or another process was quicker
                break
            at = end
        else:
            return at
    raise ChainError(f"{ledger.chain.caip2} was reorganised {_TRIES} times while it was read; try again later")


def _gone_back(index: Index, ledger: Ledger, name: str, first: int) -> int:
    """The last block that the index and the chain both have; what the index has after it is deleted."""
    with index.using() as connection:
        if _at(connection, name) is None:
            connection.execute(insert(progress).values(ledger=name, number=first - 1))
        kept = _checkpoints(connection, name)
        begun = _at(connection, name)
    good = next((number for number, hash_ in kept if _is_there(ledger, number, hash_)), first - 1)
    if kept and good != kept[0][0]:
        with index.using() as connection:
            if _at(connection, name) == begun:
                connection.execute(delete(logs).where(logs.c.ledger == name, logs.c.block > good))
                connection.execute(delete(blocks).where(blocks.c.ledger == name, blocks.c.number > good))
                connection.execute(update(progress).where(progress.c.ledger == name).values(number=good))
            return _at(connection, name) or good
    return begun if begun is not None else first - 1


def _checkpoints(connection: Connection, name: str) -> list[tuple[int, str]]:
    asked = select(blocks.c.number, blocks.c.hash).where(blocks.c.ledger == name).order_by(blocks.c.number.desc())
    return [(int(number), hash_) for number, hash_ in connection.execute(asked)]


def _is_there(ledger: Ledger, number: int, hash_: str) -> bool:
    try:
        return ledger.chain.block(number).hash.hex() == hash_
    except ChainError:
        return False


def _piece(index: Index, ledger: Ledger, name: str, at: int, end: int) -> bool:
    """Blocks after `at` up to `end` are read and kept; False where the chain is another one by now."""
    with index.using() as connection:
        parent = connection.execute(
            select(blocks.c.hash).where(blocks.c.ledger == name, blocks.c.number == at)
        ).scalar()
        shares = shares_in(ledger, read_rows(connection, name, contract="Registry"))
    if parent is not None and ledger.chain.block(at + 1).parent.hex() != parent:
        return False
    seen = ledger.chain.block(end)
    rows, _ = fetched(ledger, shares, at + 1, end)
    times = {number: ledger.chain.block(number) for number in sorted({one.block for one in rows} | {end})}
    if times[end] != seen or any(times[one.block].hash.hex() != one.block_hash for one in rows):
        return False
    with index.using() as connection:
        if _at(connection, name) != at:
            return False
        _keep(connection, name, rows, list(times.values()))
        connection.execute(update(progress).where(progress.c.ledger == name).values(number=end))
    return True


def _keep(connection: Connection, name: str, rows: list[LogRow], seen: list[ChainBlock]) -> None:
    connection.execute(
        insert(blocks),
        [{"ledger": name, "number": one.number, "hash": one.hash.hex(), "time": one.time} for one in seen],
    )
    if rows:
        connection.execute(insert(logs), [{"ledger": name, **asdict(one)} for one in rows])


def _at(connection: Connection, name: str) -> int | None:
    asked: Any = select(progress.c.number).where(progress.c.ledger == name)
    if connection.dialect.name == "postgresql":
        asked = asked.with_for_update()
    found = connection.execute(asked).scalar()
    return None if found is None else int(found)


def read_rows(connection: Connection, name: str, **where: Any) -> list[LogRow]:
    """Logs of a ledger in order, all or those that have these values."""
    columns = [column for column in logs.c if column.name != "ledger"]
    asked = select(*columns).where(logs.c.ledger == name, *(logs.c[key] == value for key, value in where.items()))
    found = connection.execute(asked.order_by(logs.c.block, logs.c.position))
    return [LogRow(*one) for one in found]
