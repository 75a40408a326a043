"""Chunks by what they hold: de-duplication within one vault (docs/decisions/0018)."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary

revision = "0002"
down_revision = "0001"

RowNumber = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "chunks",
        Column("print", LargeBinary, primary_key=True),
        Column("blob", RowNumber, ForeignKey("blobs.row", ondelete="CASCADE"), nullable=False, index=True),
    )


def downgrade() -> None:
    raise NotImplementedError("a catalogue never goes back to an older schema; restore the copy made before")
