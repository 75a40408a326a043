"""Shares of a real vault on folders: given, opened elsewhere, passed on, renewed, revoked, re-encrypted; tables too."""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import select

from bailee.adapters.catalogue.sharing import REENCRYPT
from bailee.adapters.catalogue.tables import shares as shares_table
from bailee.adapters.catalogue.tables import tasks
from bailee.adapters.stores.entry import StoreEntry
from bailee.errors import ConflictError, GrantError, InputError, NotFoundError, RecordError
from bailee.keys import Identity
from bailee.records import Signed
from bailee.records.passing import Chain
from bailee.records.proxy import ProxyFragment
from bailee.records.share import FACE, SCHEMA, SharedStore
from bailee.seal.vault.facts import Code, Lock, LockMode, Policy
from bailee.seal.vault.keep.sweeping import MARK
from bailee.seal.vault.share import columns as columns_room
from bailee.seal.vault.share.granting import Wish, is_stale, renew, revocations, revoke, share, share_as, shares
from bailee.seal.vault.share.received import Received, open_share
from bailee.seal.vault.share.recipients import CurvePrivate
from bailee.seal.vault.share.rotation import revoke_now, rotate, rotate_queued
from bailee.seal.vault.share.sharing import Offer, pass_on
from bailee.seal.vault.share.tables import PUBLIC, get_table, put_table, read_table, table_face
from bailee.seal.vault.vault import Vault
from shares import words_of

OWNER, ANN, BOB = (Identity.generate(name) for name in ("Owner", "Ann", "Bob"))
END = datetime.now(UTC) + timedelta(days=30)
DATA = secrets.token_bytes(3_000_000)
PEOPLE = pa.table(
    {
        "id": pa.array(range(1000), pa.int64()),
        "name": [f"person {i}" for i in range(1000)],
        "income": pa.array([float(i) for i in range(1000)], pa.float64()),
    }
).replace_schema_metadata({"source": "survey"})


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    entries = [StoreEntry(f"s{i}", str(tmp_path / f"s{i}"), provider="acme", region="de") for i in range(3)]
    with Vault.create(tmp_path / "home", OWNER, entries, Policy(Code(2, 3))) as made:
        yield made


def opened(vault: Vault, data: bytes, reader: Identity | None = ANN) -> Received:
    return open_share(data, reader, vault.ground.stores, owner=OWNER.public_key, revocations=revocations(vault))


def fragments(vault: Vault) -> set[tuple[str, str]]:
    found = {(name, stored.path) for name, store in vault.ground.stores.items() for stored in store.paths()}
    return {one for one in found if one[1] != MARK}


def count_tasks(vault: Vault, kind: str) -> int:
    with vault.ground.catalogue.reading() as connection:
        return len(connection.execute(select(tasks).where(tasks.c.kind == kind)).all())


def events(vault: Vault) -> list[str]:
    return [json.loads(event.entry)["event"] for event in vault.log()]


def test_a_share_is_read_without_the_catalogue(vault: Vault) -> None:
    before = fragments(vault) if vault.put("a/scan", DATA) else set()
    chain = share(vault, [Wish("a/scan")], ANN.public, "research", END, passes=1)
    assert fragments(vault) == before
    received = opened(vault, chain.to_bytes())
    assert b"".join(received.read()) == DATA
    assert received.versions[0].name == "a/scan"
    assert {store.name for store in chain.first.record.stores} == {"s0", "s1", "s2"}
    longer = pass_on(chain, ANN, BOB.public, datetime.now(UTC))
    assert b"".join(opened(vault, longer.to_bytes(), BOB).read(start=5, stop=9)) == DATA[5:9]
    assert events(vault)[-1] == "share"
    (given,) = shares(vault)
    assert (given.grantee, given.revoked, given.digest) == (ANN.public_key.hex(), None, chain.first.digest)
    assert not is_stale(vault, given)


def test_the_catalogue_keeps_no_keys_and_no_names_of_shares(vault: Vault) -> None:
    vault.put("secret name", b"x")
    hidden = share(vault, [Wish("secret name")], None, "all", END, tell_names=False)
    assert b"secret name" not in words_of(hidden)
    assert hidden.first.record.versions[0].name == ""
    (part,) = vault.parts("secret name")
    with vault.ground.catalogue.reading() as connection:
        (told,) = connection.execute(select(shares_table.c.envelope)).scalars()
    for secret in (part.key.reveal(), part.key.reveal().hex().encode(), b"secret name"):
        assert secret not in bytes(told)
    vault.erase("secret name")
    (given,) = shares(vault)
    assert (given.digest, given.shares) == ("", ())
    assert given.revoked is not None
    with vault.ground.catalogue.reading() as connection:
        assert list(connection.execute(select(shares_table.c.envelope)).scalars()) == [b""]
    for end in (revoke, renew):
        with pytest.raises(ConflictError, match="its versions were erased"):
            end(vault, given.id)


def test_what_cannot_be_shared(vault: Vault) -> None:
    vault.put("scan", b"abc")
    put_table(vault, "people", PEOPLE, ["id"])
    for wishes, error, message in (
        ([], InputError, "at least one object"),
        ([Wish("nothing")], NotFoundError, "there is no 'nothing'"),
        ([Wish("scan", "0" * 32)], NotFoundError, "has no version"),
        ([Wish("scan", columns=("id",))], NotFoundError, "has no columns"),
        ([Wish("people", columns=("rank",))], NotFoundError, r"has no columns \['rank'\]"),
        ([Wish("scan", span=(1, 4))], RecordError, "not within the blobs"),
        ([Wish("scan", span=(2, 2))], RecordError, "at least one byte"),
        ([Wish("people", span=(0, 2))], RecordError, "grant columns"),
        ([Wish("scan"), Wish("scan")], RecordError, "each named once"),
    ):
        with pytest.raises(error, match=message):
            share(vault, wishes, ANN.public, "research", END)
    with pytest.raises(RecordError, match="before it begins"):
        share(vault, [Wish("scan")], ANN.public, "research", datetime(2020, 1, 1, tzinfo=UTC))
    assert shares(vault) == ()
    for end in (revoke, renew):
        for name in ("00", "zz", "0" * 32):
            with pytest.raises(NotFoundError, match="there is no share"):
                end(vault, name)


def test_revoking_ends_it_and_what_hangs_on_it(vault: Vault) -> None:
    first = vault.put("scan", DATA)
    chain = share(vault, [Wish("scan")], ANN.public, "research", END, passes=1)
    longer = pass_on(chain, ANN, BOB.public, datetime.now(UTC))
    old = vault.parts("scan")[0].blob.id
    revocation = revoke(vault, chain.first.record.id)
    assert revocation.record.share == chain.first.digest
    assert [one.digest for one in revocations(vault)] == [revocation.digest]
    for data, reader in ((chain.to_bytes(), ANN), (longer.to_bytes(), BOB)):
        with pytest.raises(GrantError, match="was revoked"):
            opened(vault, data, reader)
        # who does not care for revocations, and has access to the stores, still reads until the keys are others
        assert b"".join(open_share(data, reader, vault.ground.stores).read()) == DATA
    with pytest.raises(ConflictError, match="was revoked already"):
        revoke(vault, chain.first.record.id)
    with pytest.raises(ConflictError, match="was revoked already"):
        renew(vault, chain.first.record.id)
    assert count_tasks(vault, REENCRYPT) == 1
    before = fragments(vault)
    done = rotate_queued(vault)
    assert [one for one, _ in done.blobs] == [old.hex()]
    assert (done.failed, done.missed) == ((), ())
    assert count_tasks(vault, REENCRYPT) == count_tasks(vault, "delete") == 0
    assert not before & fragments(vault)
    assert len(fragments(vault)) == 3
    assert vault.head("scan") == first
    assert b"".join(vault.get("scan")) == DATA
    with pytest.raises(GrantError, match="none of its stores any more"):
        b"".join(open_share(chain, ANN, vault.ground.stores).read())
    assert events(vault)[-3:] == ["share", "revoke", "rotate"]
    assert rotate_queued(vault) == dataclasses.replace(done, blobs=())


def test_others_keep_theirs_by_a_renewal(vault: Vault) -> None:
    vault.put("scan", DATA)
    mine = share(vault, [Wish("scan", span=(10, 20))], ANN.public, "research", END)
    theirs = share(vault, [Wish("scan")], BOB.public, "research", END)
    curve = CurvePrivate.generate()
    bare = share(vault, [Wish("scan")], curve.public, "research", END, tell_names=False)
    everybody = share(vault, [Wish("scan")], None, "research", END)
    assert revoke_now(vault, theirs.first.record.id).failed == ()
    stale = {given.id: is_stale(vault, given) for given in shares(vault)}
    assert stale == {one.first.record.id: one is not theirs for one in (mine, theirs, bare, everybody)}
    again = renew(vault, mine.first.record.id)
    assert again.first.record.id != mine.first.record.id
    assert again.terms == mine.terms
    assert b"".join(opened(vault, again.to_bytes()).read()) == DATA[10:20]
    fresh = renew(vault, bare.first.record.id)
    assert fresh.first.record.versions[0].name == ""
    assert b"".join(open_share(fresh, curve, vault.ground.stores).read()) == DATA
    assert b"".join(opened(vault, renew(vault, everybody.first.record.id).to_bytes(), None).read()) == DATA
    with pytest.raises(GrantError, match="was revoked"):
        opened(vault, mine.to_bytes())
    assert not any(is_stale(vault, given) for given in shares(vault))
    assert count_tasks(vault, REENCRYPT) == 0  # a renewal takes nothing from anybody


def test_a_copy_of_the_version_gets_the_fresh_keys_too(vault: Vault) -> None:
    vault.put("scan", DATA)
    vault.copy("scan", "copy")
    vault.lock("copy", vault.head("copy").id, Lock(LockMode.COMPLIANCE, END.timestamp()))
    vault.hold("scan", vault.head("scan").id, True)
    chain = share(vault, [Wish("scan")], ANN.public, "research", END)
    done = revoke_now(vault, chain.first.record.id)
    assert len(done.blobs) == 1
    assert vault.parts("scan")[0].blob == vault.parts("copy")[0].blob
    assert b"".join(vault.get("scan")) == b"".join(vault.get("copy")) == DATA
    with pytest.raises(GrantError, match="none of its stores any more"):
        b"".join(open_share(chain, ANN, vault.ground.stores).read())


def test_erased_meanwhile_is_nothing_to_rotate(vault: Vault) -> None:
    vault.put("scan", b"abc")
    chain = share(vault, [Wish("scan")], ANN.public, "research", END)
    revoke(vault, chain.first.record.id)
    vault.erase("scan")
    assert rotate_queued(vault).blobs == ()
    assert fragments(vault) == set()


def test_a_rotation_that_fails_stays_queued(vault: Vault) -> None:
    vault.put("scan", DATA)
    chain = share(vault, [Wish("scan")], ANN.public, "research", END)
    revoke(vault, chain.first.record.id)
    (part,) = vault.parts("scan")
    for store in list(vault.ground.stores.values())[:2]:
        for stored in store.paths():
            store.delete(stored.path)
    done = rotate_queued(vault)
    assert [one for one, _ in done.failed] == [part.blob.id.hex()]
    assert count_tasks(vault, REENCRYPT) == 1
    assert vault.parts("scan") == (part,)
    assert len(fragments(vault)) == 1  # nothing of the new blob stays


def test_fresh_keys_on_request(vault: Vault) -> None:
    put_table(vault, "people", PEOPLE, ["id"])
    before = {part.name: part.blob.id for part in vault.parts("people")}
    assert len(rotate(vault, "people", parts=["income"]).blobs) == 1
    after = {part.name: part.blob.id for part in vault.parts("people")}
    assert {name for name in before if before[name] != after[name]} == {"income"}
    assert len(rotate(vault, "people").blobs) == 5
    assert get_table(vault, "people").equals(PEOPLE)


def test_columns(vault: Vault) -> None:
    made = put_table(vault, "people", PEOPLE, ["id"])
    assert made.content_type == columns_room.CONTENT_TYPE
    assert get_table(vault, "people").equals(PEOPLE)
    assert get_table(vault, "people", ["income", "id"]).column_names == ["income", "id"]
    with pytest.raises(NotFoundError, match="no column 'rank'; there are 'id', 'name', 'income'"):
        get_table(vault, "people", ["rank"])
    chain = share(vault, [Wish("people", columns=("income",))], ANN.public, "research", END)
    received = opened(vault, chain.to_bytes())
    assert received.table().equals(PEOPLE.select(["id", "income"]).replace_schema_metadata(None))
    with pytest.raises(GrantError, match="column 'name' is not in this share; it has id, income"):
        received.table(["name"])
    everybody = share(vault, [Wish("people", columns=())], None, "research", END)
    assert opened(vault, everybody.to_bytes(), None).columns() == ("id",)
    revoke_now(vault, chain.first.record.id)
    kept = {part.name for part in vault.parts("people")} - {FACE, SCHEMA}
    assert kept == {"id", "name", "income"}
    assert get_table(vault, "people").equals(PEOPLE)


def test_a_column_that_is_revoked_is_the_only_one_rewritten(vault: Vault) -> None:
    put_table(vault, "people", PEOPLE)
    before = {part.name: part.blob.id for part in vault.parts("people")}
    chain = share(vault, [Wish("people", columns=("income",))], ANN.public, "research", END)
    revoke_now(vault, chain.first.record.id)
    after = {part.name: part.blob.id for part in vault.parts("people")}
    assert {name for name in before if before[name] != after[name]} == {FACE, "income"}


def test_hidden_names(vault: Vault) -> None:
    put_table(vault, "people", PEOPLE, ["id"], hide_names=True)
    told = table_face(vault, "people")
    assert [(one.name, one.type) for one in told.columns] == [("id", "int64"), ("", ""), ("", "")]
    chain = share(vault, [Wish("people", columns=())], ANN.public, "research", END)
    assert b"income" not in words_of(chain)
    assert opened(vault, chain.to_bytes()).face() == told


def test_a_stream_is_read_once_and_in_groups(vault: Vault) -> None:
    batches = PEOPLE.to_batches(max_chunksize=64)
    put_table(vault, "people", pa.RecordBatchReader.from_batches(PEOPLE.schema, batches))
    assert get_table(vault, "people").equals(PEOPLE)
    assert [batch.num_rows for batch in read_table(vault, "people", ["id"])] == [64] * 15 + [40]


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"a": pa.array([], pa.int8())}),
        pa.table({"a": pa.chunked_array([[1], [], [2, 3]])}),
        pa.table({"a": pa.array(["x", None, "y"]).dictionary_encode(), "b": [[1], [], None]}),
        pa.table({"a": pa.array([{"x": 1, "y": "é"}]), "b": pa.array([b"\0\xff"]), "ü": pa.array([None])}),
        pa.table({f"c{i}": [i] for i in range(70)}),
    ],
    ids=["no rows", "chunks", "dictionary and lists", "struct, bytes, null", "wide"],
)
def test_tables_of_all_kinds(vault: Vault, table: pa.Table) -> None:
    put_table(vault, "t", table)
    assert get_table(vault, "t").equals(table)


def test_dictionaries_that_differ_between_batches(vault: Vault) -> None:
    batches = [
        pa.record_batch({"a": pa.array(values).dictionary_encode()}) for values in (["x", "y"], ["z"], ["y", "w", "x"])
    ]
    put_table(vault, "t", pa.RecordBatchReader.from_batches(batches[0].schema, batches))
    assert get_table(vault, "t").column("a").to_pylist() == ["x", "y", "z", "y", "w", "x"]
    put_table(vault, "t", pa.Table.from_batches(batches))
    assert get_table(vault, "t").column("a").to_pylist() == ["x", "y", "z", "y", "w", "x"]


def test_tables_that_are_refused(vault: Vault) -> None:
    for table, public, message in (
        (pa.table({}), [], "at least one column"),
        (pa.table([[1], [2]], ["a", "a"]), [], "each name once"),
        (pa.table({" a": [1]}), [], "without outer spaces"),
        (pa.table({"": [1]}), [], "rename it"),
        (pa.table({"a\n": [1]}), [], "rename it"),
        (pa.table({"a": [1]}), ["b"], "public columns among 'a'"),
        (pa.table({"a": [1]}), ["a", "a"], "each once"),
    ):
        with pytest.raises(InputError, match=message):
            put_table(vault, "t", table, public)
    wide = pa.table({f"c{i}": [i] for i in range(65)})
    with pytest.raises(InputError, match="at most 64 columns in a stream, got 65"):
        put_table(vault, "t", pa.RecordBatchReader.from_batches(wide.schema, wide.to_batches()))
    vault.put("bytes", b"abc")
    with pytest.raises(InputError, match="is no table"):
        get_table(vault, "bytes")
    assert len(vault.list().versions) == 1


def test_a_stream_that_breaks_leaves_nothing(vault: Vault) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from PEOPLE.to_batches()
        raise ValueError("the source broke")

    with pytest.raises(ValueError, match="the source broke"):
        put_table(vault, "people", pa.RecordBatchReader.from_batches(PEOPLE.schema, batches()))
    assert vault.list().versions == ()
    assert fragments(vault) == set()


def test_a_copy_with_other_metadata_makes_nothing_public_by_accident(vault: Vault) -> None:
    put_table(vault, "people", PEOPLE, ["id"])
    for value in ('["name", "rank", 7, " face"]', "{", "7", '"name"'):
        vault.copy("people", "other", metadata={PUBLIC: value})
        chain = share(vault, [Wish("other", columns=())], ANN.public, "research", END)
        assert opened(vault, chain.to_bytes()).columns() == (("name",) if value.startswith("[") else ())


def test_a_share_by_proxies_is_remembered_like_the_others(vault: Vault) -> None:
    pytest.importorskip("umbral_pre")
    from bailee.seal.vault.share.proxies import ProxyReader, ReceivingSecret, give_by_proxies, reencrypt, request

    vault.put("scan", DATA)
    secret, proxies = ReceivingSecret.generate(), [Identity.generate(name) for name in "pqr"]
    fragments_: list[Signed[ProxyFragment]] = []
    start = datetime.now(UTC) - timedelta(minutes=1)

    def make(offers: Sequence[Offer], stores: Sequence[SharedStore], share_id: bytes) -> Chain:
        chain, made = give_by_proxies(
            OWNER, offers, secret.public(ANN), [one.public for one in proxies], 2, "care", start, END, stores, share_id
        )
        fragments_.extend(made)
        return chain

    chain = share_as(vault, [Wish("scan")], make)
    now = datetime.now(UTC)
    asked = request(ANN, chain, now)
    answers = tuple(
        reencrypt(proxy, fragment, asked, revocations(vault), now)
        for proxy, fragment in zip(proxies, fragments_, strict=True)
    )
    read = open_share(chain.to_bytes(), ProxyReader(secret, answers[:2]), vault.ground.stores).read()
    assert b"".join(read) == DATA
    revoke(vault, chain.first.record.id)
    with pytest.raises(GrantError, match="was revoked by its owner"):
        reencrypt(proxies[0], fragments_[0], asked, revocations(vault), datetime.now(UTC))
    with pytest.raises(ConflictError, match="was revoked already"):
        renew(vault, chain.first.record.id)
    other = share_as(vault, [Wish("scan")], make)
    with pytest.raises(NotFoundError, match="is not kept here; give a new share"):
        renew(vault, other.first.record.id)
