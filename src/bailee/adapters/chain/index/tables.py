"""The tables of an index. Hashes, addresses and topics are lower-case digits without 0x; `ledger` is a CAIP-10 name.

Logs are kept as the node gave them and decoded when they are read, so that each can be compared with the node again.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, PrimaryKeyConstraint, Table, Text

metadata = MetaData()

blocks = Table(
    "ledger_blocks", metadata,  # with logs, and each last one of a range that was read
    Column("ledger", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    Column("time", BigInteger, nullable=False),  # seconds since 1970
    PrimaryKeyConstraint("ledger", "number"),
)  # fmt: skip

logs = Table(
    "ledger_logs", metadata,
    Column("ledger", Text, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),  # in the block
    Column("block_hash", Text, nullable=False),
    Column("sender", Text, nullable=False),  # the contract's address
    Column("contract", Text, nullable=False),  # what it is: Registry, Grants, Verifiers, Arbiters, Shares
    Column("transaction", Text, nullable=False),
    Column("topics", Text, nullable=False),  # with spaces between
    Column("data", Text, nullable=False),
    PrimaryKeyConstraint("ledger", "block", "position"),
)  # fmt: skip

progress = Table(
    "ledger_progress", metadata,
    Column("ledger", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),  # the last block that was read; -1 before the first
)  # fmt: skip
