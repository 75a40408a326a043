"""Reading what was shared, with the share and the stores alone: ranges, columns, ends, lies. No catalogue anywhere."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from bailee.adapters.stores.memory import MemoryStore
from bailee.errors import BaileeError, DamageError, GrantError, InputError, NotFoundError, RecordError, StoreError
from bailee.keys import Identity, Secret
from bailee.records import sign
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
from bailee.seal.vault.blobs.fragments import NamingKey
from bailee.seal.vault.blobs.writing import BlobWriter
from bailee.seal.vault.facts import Code
from bailee.seal.vault.share.columns import face_of, schema_bytes, write_columns
from bailee.seal.vault.share.received import Received, open_share
from bailee.seal.vault.share.sharing import Offer, give, pass_on, revoke
from shares import ANN, BOB, EVE, NOW, OWNER, YEAR

CODE = Code(2, 3)
NAMING = NamingKey(Secret(secrets.token_bytes(32)))
STORES = {f"s{i}": MemoryStore(f"s{i}") for i in range(3)}
TOLD = tuple(SharedStore(name, f"s3://{name}/", "", "") for name in STORES)
BYTES, TABLE = "a" * 32, "b" * 32
DATA = secrets.token_bytes(2_500_000)
PATIENTS = pa.table(
    {
        "age": pa.array(range(150_000), pa.int32()),
        "name": pa.array([f"patient {i}" for i in range(150_000)]),
        "ward": pa.array(["north", "south", None] * 50_000).dictionary_encode(),
    }
).replace_schema_metadata({"from": "a hospital"})


class Lasting:
    """A writer of one blob, its key beside it."""

    def __init__(self, name: str) -> None:
        self.name, self.id, self.key = name, secrets.token_bytes(16), Secret(secrets.token_bytes(32))
        self.writer = BlobWriter(self.id, self.key, CODE, list(STORES.values()), NAMING, 3)
        self.write = self.writer.write

    def shared(self, start: int) -> SharedBlob:
        blob = self.writer.finish()
        fragments = tuple(
            SharedFragment(one.index, one.store, NAMING.path(blob.id, one.index), one.root.hex())
            for one in blob.fragments
        )
        return SharedBlob(blob.id.hex(), self.name, start, blob.length, 2, 3, blob.commitment.hex(), fragments)


def finish(
    written: Sequence[Lasting], version: str, public: tuple[str, ...] | None
) -> tuple[SharedVersion, dict[str, Secret]]:
    blobs, start = [], 0
    for one in written:
        blobs.append(one.shared(start))
        start += blobs[-1].length
    keys = {one.id.hex(): one.key for one in written}
    return SharedVersion(version, "scan", "", public, tuple(blobs)), keys


def put_bytes() -> tuple[SharedVersion, dict[str, Secret]]:
    written = []
    for start, stop in ((0, 1_200_000), (1_200_000, 1_200_001), (1_200_001, len(DATA))):
        written.append(Lasting(""))
        written[-1].write(DATA[start:stop])
    return finish(written, BYTES, None)


def put_columns(table: pa.Table | pa.RecordBatchReader) -> tuple[SharedVersion, dict[str, Secret]]:
    written = {name: Lasting(name) for name in (FACE, SCHEMA, *table.schema.names)}
    rows = write_columns(table, written.__getitem__, lambda name: None)
    written[FACE].write(face_of(table.schema, rows, ("age",), hide_names=False).to_bytes())
    written[SCHEMA].write(schema_bytes(table.schema))
    return finish(list(written.values()), TABLE, ("age",))


PLAIN, COLUMNS = put_bytes(), put_columns(PATIENTS)


def shared(*items: Item, to: Identity | None = ANN, passes: int = 0) -> Chain:
    offers = []
    for item in items:
        version, keys = PLAIN if item.version == BYTES else COLUMNS
        blobs = tuple(version.blobs[place] for place in covered(version, item))
        offers.append(Offer(dataclasses.replace(version, blobs=blobs), item, tuple(keys[one.id] for one in blobs)))
    to_public = None if to is None else to.public
    return give(OWNER, offers, to_public, "research", NOW, NOW + YEAR, TOLD, secrets.token_bytes(16), passes)


def received(chain: Chain, reader: Identity | None = ANN, now: datetime = NOW) -> Received:
    return open_share(chain.to_bytes(), reader, STORES, owner=OWNER.public_key, clock=lambda: now)


ALL_BYTES, ALL_COLUMNS = Item(BYTES, None, None), Item(TABLE, None, None)


def columns(*names: str) -> Item:
    return Item(TABLE, names, None)


def test_the_bytes_come_whole_and_in_ranges() -> None:
    opened = received(shared(ALL_BYTES))
    assert b"".join(opened.read()) == DATA
    for start, stop in ((0, 0), (0, 1), (1_199_999, 1_200_002), (1_200_000, 1_200_001), (2_499_999, 2_500_000)):
        assert b"".join(opened.read(BYTES, start, stop)) == DATA[start:stop]
    for start, stop in ((-1, 5), (5, 4), (0, 2_500_001)):
        with pytest.raises(GrantError, match="are not in this share; it has 0 to 2500000"):
            opened.read(None, start, stop)


def test_a_span_is_all_there_is() -> None:
    opened = received(shared(Item(BYTES, None, Span(1_100_000, 1_200_001))))
    assert b"".join(opened.read()) == DATA[1_100_000:1_200_001]
    assert b"".join(opened.read(start=1_199_999)) == DATA[1_199_999:1_200_001]
    assert len(opened.versions[0].blobs) == 2
    for start, stop in ((1_099_999, 1_200_000), (1_150_000, 1_200_002), (0, None)):
        with pytest.raises(GrantError, match="it has 1100000 to 1200001"):
            opened.read(None, start, stop)


def test_columns_and_the_public_one() -> None:
    opened = received(shared(columns("ward")))
    assert opened.columns() == ("age", "ward")
    found = opened.table()
    assert found.select(["age"]).equals(PATIENTS.select(["age"]).replace_schema_metadata(None))
    assert found.column("ward").to_pylist() == PATIENTS.column("ward").to_pylist()
    assert opened.table(["ward"]).column_names == ["ward"]
    assert [(one.name, one.is_public) for one in opened.face().columns] == [
        ("age", True),
        ("name", False),
        ("ward", False),
    ]
    assert opened.face().rows == 150_000
    for name in ("name", "nothing"):
        with pytest.raises(GrantError, match=f"column '{name}' is not in this share; it has age, ward"):
            opened.table(["age", name])
    with pytest.raises(InputError, match="each once"):
        opened.table(["age", "age"])
    with pytest.raises(GrantError, match="is a table; read its columns"):
        opened.read()


def test_the_whole_table_comes_with_its_schema() -> None:
    opened = received(shared(ALL_COLUMNS))
    assert opened.table().equals(PATIENTS)
    assert opened.table().schema.metadata == {b"from": b"a hospital"}
    assert [batch.num_rows for batch in opened.batches(["name"])] == [65536, 65536, 18928]


def test_a_public_share_is_for_everybody() -> None:
    opened = received(shared(columns(), to=None), None)
    assert opened.table().column_names == ["age"]
    assert received(shared(columns(), to=None), EVE).columns() == ("age",)
    with pytest.raises(GrantError, match="is no table"):
        received(shared(ALL_BYTES, to=None), None).table()


def test_several_versions_are_named() -> None:
    opened = received(shared(ALL_BYTES, columns("name")))
    with pytest.raises(NotFoundError, match="2 versions; say which"):
        opened.read()
    assert opened.table(["name"], TABLE).num_rows == 150_000
    assert len(b"".join(opened.read(BYTES))) == len(DATA)
    with pytest.raises(GrantError, match=r"the version 'c+' is not in this share"):
        opened.read("c" * 32)


def test_a_share_that_was_passed_on_opens_what_is_left() -> None:
    chain = shared(ALL_COLUMNS, ALL_BYTES, passes=2)
    second = pass_on(chain, ANN, BOB.public, NOW, items=[columns("name"), Item(BYTES, None, Span(10, 20))])
    third = pass_on(second, BOB, EVE.public, NOW, items=[Item(BYTES, None, Span(12, 13))])
    opened = received(second, BOB)
    assert opened.table(version=TABLE).column_names == ["age", "name"]
    assert b"".join(opened.read(BYTES)) == DATA[10:20]
    assert b"".join(received(third, EVE).read()) == DATA[12:13]
    with pytest.raises(GrantError, match="for somebody else"):
        received(third, BOB)
    for chain_, reader in ((chain, ANN), (second, BOB), (third, EVE)):
        with pytest.raises(GrantError, match="link 1 of the share was revoked"):
            open_share(chain_, reader, STORES, revocations=[revoke(OWNER, chain, NOW)], clock=lambda: NOW)


def test_time_is_looked_at_for_every_reading_and_blob() -> None:
    now = [NOW]
    opened = open_share(shared(ALL_BYTES), ANN, STORES, clock=lambda: now[0])
    parts = opened.read()
    assert next(parts)
    now[0] = NOW + YEAR + timedelta(seconds=1)
    with pytest.raises(GrantError, match="has expired"):
        list(parts)
    with pytest.raises(GrantError, match="has expired"):
        opened.read()
    for moment in (NOW - timedelta(seconds=1), NOW + 2 * YEAR):
        with pytest.raises(GrantError, match=r"not yet valid|expired"):
            received(shared(ALL_BYTES), now=moment)
    opened = open_share(shared(columns()), ANN, STORES, clock=lambda: now[0] - YEAR)
    now[0] += YEAR
    with pytest.raises(GrantError, match="has expired"):
        opened.batches()


def test_a_wrong_key_from_whoever_passed_it_on_is_seen_at_once() -> None:
    public = shared(ALL_BYTES, to=None).first.record
    broken = dataclasses.replace(public, keys="00" + public.keys[2:])
    with pytest.raises(GrantError, match=r"the key of blob [0-9a-f]+ in this share does not fit"):
        received(Chain(sign(broken, OWNER)), None)


def test_another_owner() -> None:
    with pytest.raises(GrantError, match="owner: the share is by"):
        open_share(shared(ALL_BYTES), ANN, STORES, owner=EVE.public_key, clock=lambda: NOW)


def test_stores_that_lie_or_are_gone() -> None:
    chain, version = shared(ALL_BYTES), PLAIN[0]
    lying = {name: MemoryStore(name) for name in STORES}
    for name, store in STORES.items():
        lying[name].strings = {path: bytearray(data) for path, data in store.strings.items()}
    for one in version.blobs:
        lying["s0"].strings[one.fragments[0].path][:64] = bytes(64)
    faults: list[str] = []
    opened = open_share(
        chain, ANN, lying, clock=lambda: NOW, on_fault=lambda store, index, error: faults.append(store.name)
    )
    assert b"".join(opened.read()) == DATA
    assert set(faults) == {"s0"}
    lying["s1"].strings.clear()
    with pytest.raises(DamageError, match="fewer can be had"):
        list(open_share(chain, ANN, lying, clock=lambda: NOW).read())
    with pytest.raises(DamageError, match="is not known here"):
        list(open_share(chain, ANN, {"s0": STORES["s0"]}, clock=lambda: NOW).read())


def test_fragments_that_are_gone_from_every_store_are_no_damage() -> None:
    empty = {name: MemoryStore(name) for name in STORES}
    with pytest.raises(GrantError, match="on none of its stores any more, and all of them answer: it was revoked"):
        list(open_share(shared(ALL_BYTES), ANN, empty, clock=lambda: NOW).read())
    opened = open_share(shared(columns("age")), ANN, empty, clock=lambda: NOW)
    with pytest.raises(GrantError, match="on none of its stores any more"):
        opened.table()
    del empty["s1"]
    with pytest.raises(DamageError, match="s1 is not known here"):
        list(open_share(shared(ALL_BYTES), ANN, empty, clock=lambda: NOW).read())
    for one in PLAIN[0].blobs:  # one fragment is there, and not enough
        empty["s2"].strings[one.fragments[2].path] = STORES["s2"].strings[one.fragments[2].path]
    empty["s1"] = MemoryStore("s1")
    with pytest.raises(DamageError, match="fewer can be had"):
        list(open_share(shared(ALL_BYTES), ANN, empty, clock=lambda: NOW).read())


def test_what_can_be_read_as_bytes() -> None:
    opened = received(shared(ALL_BYTES, columns("ward")))
    by_column = {one.column: one for one in opened.readables()}
    assert set(by_column) == {"", "age", "ward"}
    plain, ward = by_column[""], by_column["ward"]
    assert (plain.version.id, plain.first, plain.length) == (BYTES, 0, len(DATA))
    assert b"".join(opened.read_bytes(plain, 1_199_999, 1_200_002)) == DATA[1_199_999:1_200_002]
    stream = b"".join(opened.read_bytes(ward, 0, ward.length))
    assert pa.ipc.open_stream(stream).read_all()["ward"].to_pylist() == PATIENTS["ward"].to_pylist()
    assert b"".join(opened.read_bytes(ward, 7, 11)) == stream[7:11]
    with pytest.raises(InputError, match=f"within {ward.length} bytes"):
        opened.read_bytes(ward, 0, ward.length + 1)
    (span,) = received(shared(Item(BYTES, None, Span(10, 30)))).readables()
    assert (span.first, span.length) == (10, 20)
    part = received(shared(Item(BYTES, None, Span(10, 30)))).read_bytes(span, 5, 20)
    assert b"".join(part) == DATA[15:30]
    ended = open_share(shared(columns("ward")), ANN, STORES, clock=iter_clock(NOW, NOW + 2 * YEAR))
    with pytest.raises(GrantError, match="has expired"):
        ended.read_bytes(ended.readables()[0], 0, 1)


def iter_clock(*moments: datetime) -> Callable[[], datetime]:
    left = iter(moments)
    return lambda: next(left)


def test_what_is_no_share() -> None:
    for data in (b"", b"{}\n", shared(ALL_BYTES).to_bytes()[:-2]):
        with pytest.raises(RecordError):
            open_share(data, ANN, STORES)


def test_a_table_put_together_wrongly() -> None:
    short = put_columns(PATIENTS.slice(0, 10))
    mixed = tuple(
        dataclasses.replace(new, start=old.start, length=new.length) if new.name == "name" else old
        for old, new in zip(COLUMNS[0].blobs, short[0].blobs, strict=True)
    )
    version = dataclasses.replace(COLUMNS[0], blobs=mixed)
    keys = tuple((COLUMNS[1] | short[1])[one.id] for one in mixed)
    chain = give(OWNER, [Offer(version, ALL_COLUMNS, keys)], None, "care", NOW, NOW + YEAR, TOLD, bytes(16))
    with pytest.raises(DamageError, match="different numbers of rows"):
        received(chain, None).table()
    swapped = tuple(
        dataclasses.replace(one, name={"name": "ward", "ward": "name"}.get(one.name, one.name)) for one in version.blobs
    )
    version = dataclasses.replace(version, blobs=swapped)
    chain = give(OWNER, [Offer(version, ALL_COLUMNS, keys)], None, "care", NOW, NOW + YEAR, TOLD, bytes(16))
    with pytest.raises(DamageError, match="is not an Arrow stream of that column"):
        received(chain, None).table(["ward"])
    assert issubclass(DamageError, BaileeError)
    assert not issubclass(DamageError, StoreError)
