"""An index compared with the chain, row by row: rows that were changed, added or taken out are named."""

from __future__ import annotations

from collections.abc import Iterable

from bailee.adapters.chain.index.following import PIECE, read_rows
from bailee.adapters.chain.index.logs import LogRow, fetched, row
from bailee.adapters.chain.index.opening import Index
from bailee.adapters.chain.index.tables import blocks, progress
from bailee.adapters.chain.ledger import Ledger
from bailee.adapters.chain.refusals import outside
from bailee.errors import ChainError

_SELECTED = (blocks.c.number, blocks.c.hash, blocks.c.time)


def check(index: Index, ledger: Ledger, first: int = 0, piece: int = PIECE) -> list[str]:
    """What is wrong, in words; empty where the index says exactly what the node says up to where it was followed."""
    from sqlalchemy import select

    name = ledger.name
    with index.using() as connection:
        rows = read_rows(connection, name)
        last = connection.execute(select(progress.c.number).where(progress.c.ledger == name)).scalar()
        kept = connection.execute(select(*_SELECTED).where(blocks.c.ledger == name)).all()
    wrong = [words for number, hash_, time in kept if (words := _block(ledger, number, hash_, time))]
    told: list[LogRow] = []
    shares: set[str] = set()
    for at in range(first, (-1 if last is None else int(last)) + 1, piece):
        found, new = fetched(ledger, shares, at, min(at + piece - 1, int(last or 0)))
        told, shares = told + found, shares | new
    return wrong + _differences({(one.block, one.position): one for one in rows}, told)


def check_receipts(ledger: Ledger, rows: Iterable[LogRow]) -> list[str]:
    """The same for these rows alone, each against the receipt of its transaction."""
    from hexbytes import HexBytes
    from web3.exceptions import TransactionNotFound

    wrong = []
    for one in rows:
        try:
            with outside("a receipt"):
                receipt = ledger.chain.web3.eth.get_transaction_receipt(HexBytes(one.transaction))
        except (ChainError, TransactionNotFound):
            wrong.append(f"block {one.block}, log {one.position}: the node knows no transaction 0x{one.transaction}")
            continue
        logs = {int(log["logIndex"]): row(log, one.contract) for log in receipt["logs"]}
        if logs.get(one.position) != one:
            wrong.append(f"block {one.block}, log {one.position}: the receipt of 0x{one.transaction} says otherwise")
    return wrong


def _differences(kept: dict[tuple[int, int], LogRow], told: list[LogRow]) -> list[str]:
    wrong = []
    for one in told:
        mine = kept.pop((one.block, one.position), None)
        if mine is None:
            wrong.append(f"block {one.block}, log {one.position}: missing in the index")
        elif mine != one:
            wrong.append(f"block {one.block}, log {one.position}: the index says otherwise than the node")
    return wrong + [f"block {block}, log {position}: not on the chain" for block, position in sorted(kept)]


def _block(ledger: Ledger, number: int, hash_: str, time: int) -> str | None:
    try:
        found = ledger.chain.block(int(number))
    except ChainError:
        return f"block {number}: not on the chain"
    return None if (found.hash.hex(), found.time) == (hash_, int(time)) else f"block {number}: another hash or time"
