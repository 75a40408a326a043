"""Equal chunks are one blob: what is stored, what is erased, two writers, crashes, and that nobody else can tell."""

from __future__ import annotations

import random
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bailee.adapters.catalogue.tables import blobs, chunks, loose
from bailee.errors import ConflictError, StoreError
from bailee.keys import Identity
from bailee.seal.vault.chunking import AVERAGE, LONGEST
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.share import granting
from bailee.seal.vault.share.received import open_share
from bailee.seal.vault.share.rotation import revoke_now
from bailee.seal.vault.vault import Vault
from databases import KINDS

from .conftest import OWNER, Clock, entries, fragments

both = pytest.mark.parametrize("kind", KINDS, indirect=True)
DATA = random.Random(11).randbytes(4 << 20)
"""Each vault cuts elsewhere, by its secret: what is asserted below holds wherever that is."""


def read(vault: Vault, name: str, version: str | None = None) -> bytes:
    return b"".join(vault.get(name, version))


def counts(vault: Vault) -> tuple[int, int, int]:
    """Blobs, chunks that are known, and blobs that wait for a version."""
    with vault.ground.catalogue.reading() as connection:
        found = [
            connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (blobs, chunks, loose)
        ]
    return found[0], found[1], found[2]


@both
def test_what_is_there_is_not_stored_again(vault: Vault, tmp_path: Path) -> None:
    first = vault.put("one", DATA, deduplicate=True)
    before, files = counts(vault), fragments(tmp_path)
    second = vault.put("two", DATA, deduplicate=True)
    assert counts(vault) == before
    assert fragments(tmp_path) == files
    assert (first.etag, first.length) == (second.etag, second.length) == (vault.put("plain", DATA).etag, len(DATA))
    assert read(vault, "one") == read(vault, "two") == DATA
    assert b"".join(vault.get("two", start=1_000_000, stop=3_000_001)) == DATA[1_000_000:3_000_001]


@both
def test_an_edit_stores_what_is_around_it(vault: Vault) -> None:
    vault.put("file", DATA, deduplicate=True)
    before = counts(vault)[0]
    edited = DATA[: 2 << 20] + b"an edit" + DATA[2 << 20 :]
    with vault.writer("file", deduplicate=True) as writer:
        for at in range(0, len(edited), 77_777):
            writer.write(edited[at : at + 77_777])
        assert writer.finish().length == len(edited)
    assert counts(vault)[0] <= before + 3
    assert writer.stored <= 5 * AVERAGE
    assert read(vault, "file") == edited


def test_the_same_chunk_many_times_in_one_put(vault: Vault) -> None:
    data = bytes(6 << 20)
    vault.put("zeros", data, deduplicate=True)
    assert counts(vault)[0] <= 2
    assert read(vault, "zeros") == data
    vault.erase("zeros")
    assert counts(vault) == (0, 0, 0)


@pytest.mark.parametrize("data", [b"", b"x", DATA[: 100 << 10]])
def test_small_objects(vault: Vault, data: bytes) -> None:
    for name in ("a", "b"):
        vault.put(name, data, deduplicate=True)
        assert read(vault, name) == data
    assert counts(vault)[0] == (1 if data else 0)


@both
def test_erasing_respects_references(vault: Vault, tmp_path: Path) -> None:
    data = random.Random(12).randbytes(2 * LONGEST)
    changed = data[: LONGEST + AVERAGE] + b"other"
    one = vault.put("one", data, deduplicate=True)
    two = vault.put("two", changed, deduplicate=True)
    erased = vault.erase("one")
    assert erased.versions == (one.id,)
    assert erased.shared > 0
    assert read(vault, "two", two.id) == changed
    again = vault.put("three", data, deduplicate=True)
    vault.erase("two")
    assert read(vault, "three", again.id) == data
    vault.erase("three")
    assert counts(vault) == (0, 0, 0)
    assert not fragments(tmp_path)


@both
def test_two_writers_of_the_same_bytes(vault: Vault) -> None:
    go, errors = threading.Barrier(3), []

    def put(name: str) -> None:
        go.wait()
        try:
            vault.put(name, DATA, deduplicate=True)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=put, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert all(read(vault, name) == DATA for name in "abc")
    assert counts(vault)[2] == 0
    for name in "abc":
        vault.erase(name)
    assert counts(vault) == (0, 0, 0)


def test_a_chunk_that_is_erased_meanwhile_is_a_conflict(vault: Vault) -> None:
    long = DATA * 3  # so that some of it is cut before the end
    vault.put("one", long, deduplicate=True)
    with vault.writer("two", deduplicate=True) as writer:
        writer.write(long)
        vault.erase("one")
        with pytest.raises(ConflictError, match="a chunk that was to be shared was erased meanwhile; put it again"):
            writer.finish()
    vault.put("two", long, deduplicate=True)
    assert read(vault, "two") == long


def test_a_put_that_was_cut_short_goes_on_where_it_was(vault: Vault, clock: Clock, tmp_path: Path) -> None:
    with vault.writer("big", deduplicate=True) as writer:
        writer.write(DATA * 3)
        writer.write(random.Random(1).randbytes(9 << 20))
    kept = counts(vault)
    assert kept[0] == kept[2] > 0, "chunks wait; no version holds them"
    assert not vault.list().versions
    with vault.writer("big", deduplicate=True) as writer:
        writer.write(DATA * 3)
        writer.finish()
    assert writer.stored <= LONGEST, "at most the last chunk, which ends elsewhere now"
    assert read(vault, "big") == DATA * 3
    clock.now += 2 * 86_400
    assert vault.tidy().parts > 0
    assert counts(vault)[2] == 0
    assert read(vault, "big") == DATA * 3
    vault.erase("big")
    assert not fragments(tmp_path)


def test_too_few_stores_leave_no_version(vault: Vault) -> None:
    assert isinstance(vault.ground.stores, dict)
    vault.ground.stores.clear()
    with pytest.raises(StoreError):
        vault.put("one", DATA, deduplicate=True)
    assert not vault.list().versions
    assert counts(vault) == (0, 0, 0)


def test_other_codes_are_not_shared(vault: Vault) -> None:
    vault.put("one", DATA, deduplicate=True)
    before = counts(vault)
    vault.policy = Policy(Code(1, 3))
    vault.put("two", DATA, deduplicate=True)
    assert counts(vault)[:2] == (2 * before[0], before[1])
    assert read(vault, "two") == read(vault, "one") == DATA


def test_two_vaults_share_nothing_and_know_nothing(vault: Vault, tmp_path: Path, clock: Clock) -> None:
    vault.put("one", DATA, deduplicate=True)
    with Vault.create(tmp_path / "other", OWNER, entries(tmp_path / "apart"), Policy(Code(2, 3)), clock=clock) as other:
        other.put("one", DATA, deduplicate=True)
        assert fragments(tmp_path / "apart")
        prints = []
        for one in (vault, other):
            with one.ground.catalogue.reading() as connection:
                prints.append({bytes(found) for found in connection.execute(select(chunks.c.print)).scalars()})
        assert prints[0].isdisjoint(prints[1])


def test_a_vault_may_share_by_default(vault: Vault, tmp_path: Path, clock: Clock) -> None:
    assert not vault.deduplicates
    vault.set_deduplicates(True)
    vault.put("one", DATA)
    vault.put("two", DATA)
    assert counts(vault)[0] == counts(vault)[1]
    vault.put("three", DATA, deduplicate=False)
    assert counts(vault)[0] == counts(vault)[1] + 1
    with Vault.open(tmp_path / "home", OWNER, clock=clock) as again:
        assert again.deduplicates
        again.set_deduplicates(False)
        again.put("four", DATA)
        assert counts(again)[0] == counts(again)[1] + 2


def test_shared_chunks_are_given_and_get_fresh_keys(vault: Vault) -> None:
    """A version that holds one chunk several times, beside another version that holds it too."""
    ann = Identity.generate("Ann")
    data = bytes(9 << 20) + DATA
    vault.put("one", data, deduplicate=True)
    vault.put("two", data[: 9 << 20], deduplicate=True)
    ends = granting.now(vault) + timedelta(days=1)
    chain = granting.share(vault, [granting.Wish("one")], ann.public, "tests", ends)
    received = open_share(chain, ann, vault.ground.stores, clock=lambda: granting.now(vault))
    assert b"".join(received.read()) == data
    rotated = revoke_now(vault, chain.first.record.id)
    assert rotated.blobs
    assert not rotated.failed
    assert read(vault, "one") == data
    assert read(vault, "two") == data[: 9 << 20]
    vault.put("three", data, deduplicate=True)
    assert read(vault, "three") == data
    for name in ("one", "two", "three"):
        vault.erase(name)
    assert counts(vault) == (0, 0, 0)
