"""A cast for tests of shares: an owner, grantees, a plain version of three blobs and a table of four columns.

Nothing lies on a store here; keys are made up.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

from bailee.keys import Identity, Secret
from bailee.records.passing import Chain
from bailee.records.share import (
    FACE,
    SCHEMA,
    Item,
    SharedBlob,
    SharedFragment,
    SharedStore,
    SharedVersion,
    Span,
    covered,
)
from bailee.seal.vault.share.recipients import Recipient
from bailee.seal.vault.share.sharing import Offer, give

OWNER, ANN, BOB, EVE = (Identity.generate(name) for name in ("Owner", "Ann", "Bob", "Eve"))
NOW = datetime(2026, 6, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
PLAIN, TABLE = "a" * 32, "b" * 32
STORES = tuple(SharedStore(name=f"s{i}", url=f"s3://bucket{i}/", provider="acme", region="de") for i in range(3))
COLUMNS = ("age", "dose", "name", "town")


def words_of(chain: Chain) -> bytes:
    """What the records of a chain say; in its bytes they are base64, in which no word is found."""
    return b"".join(base64.b64decode(json.loads(line)["payload"]) for line in chain.to_bytes().splitlines())


def blob(number: int, name: str = "", start: int = 0, length: int = 100) -> SharedBlob:
    fragments = tuple(
        SharedFragment(index=i, store=f"s{i}", path=f"{number:02x}/f{i}", root=f"{i:064x}") for i in range(3)
    )
    return SharedBlob(f"{number:032x}", name, start, length, 2, 3, f"{number:064x}", fragments)


PLAIN_VERSION = SharedVersion(
    PLAIN, "scan.tar", "application/x-tar", None, tuple(blob(i, "", 100 * i) for i in range(3))
)
TABLE_VERSION = SharedVersion(
    TABLE, "patients", "", ("age",),
    tuple(blob(16 + i, name, 100 * i) for i, name in enumerate((FACE, SCHEMA, *COLUMNS))),
)  # fmt: skip
KEYS = {
    each.id: Secret(bytes([0x80 + place]) * 32)
    for version in (PLAIN_VERSION, TABLE_VERSION)
    for place, each in enumerate(version.blobs)
}


def whole(version: str = PLAIN) -> Item:
    return Item(version, None, None)


def columns(*names: str) -> Item:
    return Item(TABLE, names, None)


def span(start: int, stop: int) -> Item:
    return Item(PLAIN, None, Span(start, stop))


def offer(item: Item) -> Offer:
    """What the owner shares of the cast's version under `item`."""
    version = PLAIN_VERSION if item.version == PLAIN else TABLE_VERSION
    blobs = tuple(version.blobs[place] for place in covered(version, item))
    listed = SharedVersion(version.id, version.name, version.content_type, version.public, blobs)
    return Offer(listed, item, tuple(KEYS[b.id] for b in blobs))


def share(*items: Item, to: Recipient | None = ANN.public, passes: int = 0, purpose: str = "research") -> Chain:
    return give(OWNER, [offer(item) for item in items], to, purpose, NOW, NOW + YEAR, STORES, bytes(16), passes)
