"""The tables of the catalogue, as the newest migration leaves them (a test compares the two).

Rows are numbered inside; what others see are the 16-byte ids of versions and blobs. Names sort by their UTF-8 bytes on
both databases. Keys are apart from versions, so that listings read narrow rows and erasing touches few pages. The
fragments of a blob are packed into its row: a table of their own would be 12 rows and their index for each object at
8 of 12, and whoever asks wants all of them anyway.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

REVISION = "0002"
"""The newest migration."""

metadata = MetaData()

RowNumber = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts by itself in SQLite
Bytewise = Text().with_variant(Text(collation="C"), "postgresql")  # not its own TEXT: its dialect is slow to load

settings = Table(
    "settings", metadata,
    Column("key", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)  # fmt: skip

state = Table(
    "state", metadata,  # one row; who writes holds it, so that events have one order
    Column("one", SmallInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),  # leaves in the log
    Column("peaks", LargeBinary, nullable=False),  # roots of its complete subtrees, 32 bytes each
    Column("latest", Double, nullable=False),  # the highest time seen, seconds since 1970
)  # fmt: skip

stores = Table(
    "stores", metadata,
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("entry", Text, nullable=False),  # JSON
)  # fmt: skip

objects = Table(
    "objects", metadata,
    Column("row", RowNumber, primary_key=True),
    Column("name", Bytewise, nullable=False, unique=True),
    Column("numbered", BigInteger, nullable=False),  # the highest number a version of it ever had
    Column("current", BigInteger),  # versions.row of the newest
    Column("visible", SmallInteger, nullable=False),  # 1 where the newest is no marker
    Index("objects_listed", "visible", "name"),
)  # fmt: skip

versions = Table(
    "versions", metadata,
    Column("row", RowNumber, primary_key=True),
    Column("id", LargeBinary, nullable=False, unique=True),
    Column("object", RowNumber, ForeignKey("objects.row"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("created", Double, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("is_marker", Boolean, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("metadata", Text, nullable=False),  # JSON, "" for none
    Column("lock_mode", Text),
    Column("lock_until", Double),
    Column("on_hold", Boolean, nullable=False),
    Column("expires", Double),
    UniqueConstraint("object", "number"),
    Index("versions_expiring", "expires"),
)  # fmt: skip

keys = Table(
    "keys", metadata,  # version keys, each sealed to the owner
    Column("version", RowNumber, ForeignKey("versions.row"), primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
)  # fmt: skip

blobs = Table(
    "blobs", metadata,
    Column("row", RowNumber, primary_key=True),
    Column("id", LargeBinary, nullable=False, unique=True),
    Column("k", SmallInteger, nullable=False),
    Column("n", SmallInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("commitment", LargeBinary, nullable=False),
    Column("fragments", LargeBinary, nullable=False),  # n times: store number, 2 bytes, and root, 32 bytes
    Column("created", Double, nullable=False),
)  # fmt: skip

parts = Table(
    "parts", metadata,  # a version is its parts in order; a blob lives while a part or a loose row names it
    Column("version", RowNumber, ForeignKey("versions.row"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("blob", RowNumber, ForeignKey("blobs.row"), nullable=False, index=True),
    Column("wrapped", LargeBinary, nullable=False),  # the blob key under the version key
    Column("name", Text, nullable=False),
)  # fmt: skip

tags = Table(
    "tags", metadata,
    Column("version", RowNumber, ForeignKey("versions.row"), primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)  # fmt: skip

writing = Table(
    "writing", metadata,  # blobs under way that no version names yet
    Column("blob", LargeBinary, primary_key=True),
    Column("until", Double, nullable=False, index=True),  # the lease
    Column("places", Text, nullable=False),  # JSON: [[index, store] ...]
)  # fmt: skip

leaves = Table(
    "leaves", metadata,  # the log
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("entry", LargeBinary, nullable=False),  # canonical JSON
)  # fmt: skip

nodes = Table(
    "nodes", metadata,  # complete subtrees of the log
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)  # fmt: skip

heads = Table(
    "heads", metadata,  # signed tree heads
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("envelope", LargeBinary, nullable=False),
)  # fmt: skip

tasks = Table(
    "tasks", metadata,
    Column("row", RowNumber, primary_key=True),
    Column("kind", Text, nullable=False),  # delete, repair, re-encrypt
    Column("subject", LargeBinary, nullable=False),  # the id of a blob or a version
    Column("detail", Text, nullable=False),  # JSON
    Column("due", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("problem", Text, nullable=False),  # what went wrong last
    Index("tasks_due", "kind", "due"),
    Index("tasks_subject", "subject"),
)  # fmt: skip

audits = Table(
    "audits", metadata,
    Column("row", RowNumber, primary_key=True),
    Column("store", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("envelope", LargeBinary, nullable=False),  # the signed record
    Index("audits_store", "store", "created"),
)  # fmt: skip

shares = Table(
    "shares", metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("version", RowNumber, ForeignKey("versions.row"), index=True),  # none once it was erased
    Column("grantee", Text, nullable=False, index=True),  # public key, hex
    Column("created", Double, nullable=False),
    Column("expires", Double),
    Column("revoked", Double),
    Column("envelope", LargeBinary, nullable=False),  # the signed record; its wraps are taken out on revoking
)  # fmt: skip

buckets = Table(
    "buckets", metadata,
    Column("name", Bytewise, primary_key=True),
    Column("created", Double, nullable=False),
    Column("is_versioned", Boolean, nullable=False),
    Column("has_locks", Boolean, nullable=False),
    Column("settings", Text, nullable=False),  # JSON: documents by kind
)  # fmt: skip

uploads = Table(
    "uploads", metadata,
    Column("row", RowNumber, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("bucket", Bytewise, nullable=False),
    Column("key", Bytewise, nullable=False),
    Column("created", Double, nullable=False),
    Column("options", Text, nullable=False),  # JSON: what its object is to have
    Index("uploads_listed", "bucket", "key"),
)  # fmt: skip

loose = Table(
    "loose", metadata,  # blobs that were uploaded and that no version holds yet
    Column("blob", RowNumber, ForeignKey("blobs.row"), primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),  # the blob key, sealed to the owner
    Column("etag", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("upload", RowNumber, ForeignKey("uploads.row")),
    Column("number", Integer),
    Column("checksum", Text),
    UniqueConstraint("upload", "number"),
)  # fmt: skip

chunks = Table(
    "chunks", metadata,  # blobs that further puts may share, by keyed hash of what they hold
    Column("print", LargeBinary, primary_key=True),
    Column("blob", RowNumber, ForeignKey("blobs.row", ondelete="CASCADE"), nullable=False, index=True),
)  # fmt: skip
