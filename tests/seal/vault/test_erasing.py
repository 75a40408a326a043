"""Erased for good: no key in the database's files, no fragment on stores that answer, the truth about the others."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bailee.adapters.catalogue.tables import keys, parts, tasks
from bailee.errors import NotFoundError
from bailee.keys import Identity
from bailee.records import tree
from bailee.seal.vault import erasing
from bailee.seal.vault import objects as objects_module
from bailee.seal.vault.cache import LEAST, set_cache
from bailee.seal.vault.vault import Vault
from databases import KINDS


def kept_bytes(vault: Vault) -> tuple[list[bytes], list[bytes]]:
    with vault.ground.catalogue.reading() as connection:
        sealed = [bytes(one) for one in connection.execute(select(keys.c.sealed)).scalars()]
        wrapped = [bytes(one) for one in connection.execute(select(parts.c.wrapped)).scalars()]
    return sealed, wrapped


def database_files(tmp_path: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((tmp_path / "home").iterdir()))


def files(tmp_path: Path) -> list[Path]:
    return [path for path in tmp_path.glob("s*/??/*") if path.is_file()]


def test_no_key_is_left_in_the_database_or_its_log(vault: Vault, tmp_path: Path) -> None:
    for number in range(20):
        vault.put(f"secret {number}", b"x" * 100)
    sealed, wrapped = kept_bytes(vault)
    before = database_files(tmp_path)
    # A row may continue on another page: 64 bytes from its middle are there in one piece.
    assert all(key[100:164] in before for key in sealed)
    assert all(key in before for key in wrapped)
    for number in range(20):
        erasure = vault.erase(f"secret {number}")
        assert erasure.is_overwritten
    after = database_files(tmp_path)
    for key in sealed + wrapped:
        for at in range(0, len(key) - 16, 16):
            assert key[at : at + 16] not in after
    assert b"secret 1" not in after
    assert not files(tmp_path)


@pytest.mark.parametrize("kind", KINDS, indirect=True)
def test_erasure_says_what_it_did_and_the_log_proves_it(vault: Vault, tmp_path: Path) -> None:
    one = vault.put("a", b"one")
    two = vault.put("a", b"two")
    vault.copy("a", "b")
    erasure = vault.erase("a")
    assert set(erasure.versions) == {one.id, two.id}
    assert (erasure.reached, erasure.missed, erasure.shared) == (("s0", "s1", "s2"), (), 1)
    assert b"".join(vault.get("b")) == b"two"
    assert len(files(tmp_path)) == 3
    head = vault.head_of_log().record
    for version, seq in zip(erasure.versions, erasure.leaves, strict=True):
        (event,) = vault.log(seq, 1)
        said = json.loads(event.entry)
        assert (said["event"], said["version"]) == ("erase", version)
        proof = vault.journal.inclusion(seq)
        tree.check_inclusion(tree.leaf_hash(event.entry), seq, head.size, proof, bytes.fromhex(head.root))
    sealed, wrapped = kept_bytes(vault)
    assert (len(sealed), len(wrapped)) == (1, 1)


def test_a_store_that_is_away_is_said_and_tried_again(vault: Vault, tmp_path: Path, owner: Identity, clock) -> None:
    vault.put("a", b"x")
    (tmp_path / "s1").rename(tmp_path / "away")
    erasure = vault.erase("a")
    assert (erasure.reached, erasure.missed) == (("s0", "s2"), ("s1",))
    with pytest.raises(NotFoundError):
        vault.get("a")
    assert len([path for path in tmp_path.glob("away/??/*") if path.is_file()]) == 1
    clock.now += 120
    tidied = vault.tidy()
    assert (tidied.deleted, tidied.waiting) == (0, 1)
    (tmp_path / "away").rename(tmp_path / "s1")
    assert vault.tidy().deleted == 0  # it waits longer each time
    clock.now += 86400
    tidied = vault.tidy()
    assert (tidied.deleted, tidied.waiting) == (1, 0)
    assert not files(tmp_path)
    with vault.ground.catalogue.reading() as connection:
        assert connection.execute(select(tasks)).all() == []


def test_keys_are_forgotten_in_memory_too(vault: Vault) -> None:
    version = vault.put("a", b"x")
    list(vault.get("a"))
    assert bytes.fromhex(version.id) in vault.ground.keyring._opened
    vault.erase("a")
    assert vault.ground.keyring._opened == {}


def test_orphans_and_old_parts_are_tidied_and_the_living_stay(vault: Vault, tmp_path: Path, clock) -> None:
    vault.put("a", b"alive" * 300_000)
    with vault.part_writer() as writer:
        writer.write(b"never composed")
        writer.finish()
    stray = tmp_path / "s0" / "ab" / ("0" * 30)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"nobody's")
    assert vault.tidy().orphans == 0
    clock.now += 2 * 86400
    long_ago = os.stat(stray).st_mtime - 2 * 86400  # by the store's own clock
    os.utime(stray, (long_ago, long_ago))
    tidied = vault.tidy()
    assert (tidied.parts, tidied.orphans) == (1, 1)
    assert len(files(tmp_path)) == 3
    assert b"".join(vault.get("a")) == b"alive" * 300_000


def test_a_write_that_is_not_heard_of_loses_its_lease(vault: Vault, tmp_path: Path, clock) -> None:
    writer = vault.writer("slow")
    writer.write(b"x" * 2_000_000)
    clock.now += objects_module.LEASE / 2 + 1
    writer.write(b"x" * 2_000_000)
    clock.now += objects_module.LEASE - 1
    assert vault.tidy().writes == 0
    clock.now += 2
    assert vault.tidy().writes == 1
    with pytest.raises(Exception, match="took longer than its lease and was given up; put it again"):
        writer.finish()
    with pytest.raises(NotFoundError):
        vault.head("slow")
    vault.put("slow", b"x" * 2_000_000)
    assert vault.tidy().writes == 0


def cached(vault: Vault) -> set[Path]:
    return {path for path in (vault.home / "cache").glob("??/*") if path.is_file()}


@pytest.fixture
def caching(vault: Vault, owner: Identity, clock) -> Iterator[Vault]:
    set_cache(vault.home, LEAST)
    with Vault.open(vault.home, owner, clock=clock) as opened:
        yield opened


def read_into_cache(vault: Vault, name: str, data: bytes, **options) -> set[Path]:
    before = cached(vault)
    vault.put(name, data, **options)
    assert b"".join(vault.get(name)) == data
    return cached(vault) - before


@pytest.mark.parametrize("way", ["erase", "remove", "expire"])
def test_no_segment_of_it_is_left_in_the_read_cache(caching: Vault, clock, way: str) -> None:
    kept = read_into_cache(caching, "kept", b"k" * 1000)
    gone = read_into_cache(caching, "gone", b"x" * (3 << 20), expires=clock.now + 10)
    assert (len(kept), len(gone)) == (1, 4)
    if way == "erase":
        caching.erase("gone")
    elif way == "remove":
        caching.remove("gone", caching.head("gone").id)
    else:
        clock.now += 20
        assert len(caching.expire().erasure.versions) == 1
    assert cached(caching) == kept
    assert b"".join(caching.get("kept")) == b"k" * 1000


def test_segments_stay_while_another_version_holds_the_bytes(caching: Vault) -> None:
    gone = read_into_cache(caching, "a", b"x" * 1000)
    caching.copy("a", "b")
    caching.erase("a")
    assert cached(caching) == gone
    caching.erase("b")
    assert not cached(caching)


def test_an_erasure_that_was_killed_clears_the_cache_when_it_is_done(
    caching: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_into_cache(caching, "a", b"x" * 1000)
    with monkeypatch.context() as patch:
        patch.setattr(erasing, "delete_fragments", raise_interrupt)
        with pytest.raises(KeyboardInterrupt):
            caching.erase("a")
    assert cached(caching)
    caching.tidy()
    assert not cached(caching)


def raise_interrupt(*_: object) -> None:
    raise KeyboardInterrupt
