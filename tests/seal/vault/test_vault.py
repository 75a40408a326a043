"""The vault by name: bytes come back as they were put, versions, listings, copies and parts, on both databases."""

from __future__ import annotations

import io
import itertools
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bailee.adapters.stores.entry import StoreEntry
from bailee.errors import ConflictError, DamageError, InputError, NotFoundError, StorageError, StoreError
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Listing, Policy
from bailee.seal.vault.vault import Vault
from databases import KINDS

both = pytest.mark.parametrize("kind", KINDS, indirect=True)


def read(vault: Vault, name: str, version: str | None = None, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join(vault.get(name, version, start, stop))


def names(listing: Listing) -> list[str]:
    return [version.name for version in listing.versions]


@both
def test_bytes_come_back_in_every_way_they_are_put(vault: Vault) -> None:
    big = os.urandom(2_500_000)
    for name, source in {
        "bytes": b"hello", "empty": b"", "array": bytearray(b"hello"), "view": memoryview(big), "file": io.BytesIO(big),
        "parts": iter([b"a", b"", b"bc"]),
    }.items():  # fmt: skip
        seen: list[int] = []
        version = vault.put(name, source, progress=seen.append)
        expected = {"empty": b"", "view": big, "file": big, "parts": b"abc"}.get(name, b"hello")
        assert read(vault, name) == expected
        assert version.length == len(expected) == (seen[-1] if seen else 0)
        assert vault.head(name) == version
    assert read(vault, "file", start=1_048_000, stop=1_049_000) == big[1_048_000:1_049_000]
    assert read(vault, "file", start=2_500_000) == b""
    assert vault.count() == (6, 2 * len(big) + 13)


@both
def test_versions_markers_and_restoring(vault: Vault) -> None:
    first = vault.put("a", b"one", content_type="text/plain", metadata={"é": "ü"})
    second = vault.put("a", b"two")
    marker = vault.delete("a")
    assert (first.number, second.number, marker.number) == (1, 2, 3)
    with pytest.raises(NotFoundError, match="there is no 'a'; it was deleted, an older version can be restored"):
        vault.get("a")
    with pytest.raises(NotFoundError, match="there is no 'a'; it was deleted"):
        vault.head("a")
    assert vault.head("a", marker.id).is_marker
    with pytest.raises(NotFoundError, match="is a delete marker; it has no bytes"):
        vault.get("a", marker.id)
    assert vault.list() == Listing(())
    assert read(vault, "a", first.id) == b"one"
    assert [(one.number, one.is_current) for one in vault.versions().versions] == [(3, True), (2, False), (1, False)]
    restored = vault.restore("a", first.id)
    assert (restored.number, restored.content_type, restored.metadata) == (4, "text/plain", {"é": "ü"})
    assert read(vault, "a") == b"one"
    vault.remove("a", restored.id)
    with pytest.raises(NotFoundError):
        vault.head("a")
    vault.remove("a", marker.id)
    assert vault.head("a").id == second.id
    assert vault.head("a").is_current
    vault.remove("a", second.id)
    vault.remove("a", first.id)
    for action in (lambda: vault.head("a"), lambda: vault.delete("a"), lambda: vault.erase("a")):
        with pytest.raises(NotFoundError, match="there is no 'a'"):
            action()
    assert vault.versions() == Listing(())


@both
def test_copies_share_the_stored_bytes(vault: Vault, tmp_path: Path) -> None:
    first = vault.put("a", b"shared", metadata={"x": "1"})
    vault.set_tags("a", None, {"t": "v"})
    stored = set(tmp_path.glob("s*/??/*"))
    copied = vault.copy("a", "b", metadata={"y": "2"})
    assert set(tmp_path.glob("s*/??/*")) == stored
    assert (copied.etag, copied.metadata, vault.tags("b")) == (first.etag, {"y": "2"}, {"t": "v"})
    erasure = vault.erase("a")
    assert erasure.shared == 1
    assert read(vault, "b") == b"shared"
    vault.erase("b")
    assert not set(tmp_path.glob("s*/??/*"))


@both
def test_conditions(vault: Vault) -> None:
    first = vault.put("a", b"one", if_none_match=True)
    with pytest.raises(ConflictError, match=f"'a' exists already .etag {first.etag}.; it was to be new"):
        vault.put("a", b"two", if_none_match=True)
    with pytest.raises(ConflictError, match="'a' has changed: expected etag 00, got"):
        vault.put("a", b"two", if_match="00")
    with pytest.raises(NotFoundError, match="there is no 'b' that could have etag"):
        vault.put("b", b"two", if_match=first.etag)
    vault.put("a", b"two", if_match=first.etag)
    vault.delete("a")
    with pytest.raises(NotFoundError, match="there is no 'a' that could have etag"):
        vault.put("a", b"three", if_match=first.etag)
    vault.put("a", b"three", if_none_match=True)
    assert [one.number for one in vault.versions().versions] == [4, 3, 2, 1]


@both
def test_of_two_writers_at_once_none_loses_a_version_silently(vault: Vault) -> None:
    outcomes: list[Any] = []

    def go(writer: int) -> None:
        for turn in range(5):
            body = b"%d-%d" % (writer, turn)
            outcomes.append((vault.put("plain", body).id, body))
            try:
                etag = vault.head("counter").etag
                vault.put("counter", read(vault, "counter") + b"x", if_match=etag)
                outcomes.append("counted")
            except ConflictError:
                pass

    vault.put("counter", b"")
    threads = [threading.Thread(target=go, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = {one.id: one.number for one in vault.versions("plain").versions}
    assert sorted(kept.values()) == list(range(1, 21))
    for outcome in outcomes:
        if outcome != "counted":
            assert read(vault, "plain", outcome[0]) == outcome[1]
    assert len(read(vault, "counter")) == outcomes.count("counted") > 0


@both
def test_multipart(vault: Vault, tmp_path: Path) -> None:
    uploaded = []
    for body in (b"a" * 1_200_000, b"", b"b" * 10, b"unused"):
        with vault.part_writer() as writer:
            writer.write(body)
            uploaded.append(writer.finish())
    made = vault.compose("whole", [uploaded[2], uploaded[0], uploaded[1]], content_type="x/y")
    assert read(vault, "whole") == b"b" * 10 + b"a" * 1_200_000
    assert read(vault, "whole", start=9, stop=12) == b"baa"
    assert made.etag.endswith("-3")
    assert made.content_type == "x/y"
    with pytest.raises(NotFoundError, match="is not there any more; upload it again"):
        vault.compose("again", [uploaded[0]])
    with pytest.raises(InputError, match="expected each uploaded part once"):
        vault.compose("again", [uploaded[3], uploaded[3]])
    vault.give_up(uploaded)
    assert read(vault, "whole", stop=1) == b"b"
    vault.erase("whole")
    assert not list(tmp_path.glob("s*/??/*"))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    prefix=st.text("ab/", max_size=3), delimiter=st.sampled_from(["", "/", "b", "ab"]), limit=st.integers(1, 7),
    after=st.text("ab/", max_size=3),
)  # fmt: skip
def test_pages_are_what_a_plain_scan_gives(listed: Vault, prefix: str, delimiter: str, limit: int, after: str) -> None:
    expected: list[str] = []
    for name in sorted((one for one in NAMES if one.startswith(prefix)), key=str.encode):
        at = name.find(delimiter, len(prefix)) if delimiter else -1
        item = name if at < 0 else name[: at + len(delimiter)]
        if item > after and item not in expected:
            expected.append(item)
    found: list[str] = []
    for _ in range(100):
        page = listed.list(prefix, delimiter, after, limit)
        found += sorted([*names(page), *page.prefixes], key=str.encode)
        assert len(page.versions) + len(page.prefixes) <= limit
        after = page.after
        if not after:
            break
    assert found == expected


NAMES = ["".join(letters) for size in (1, 2, 3) for letters in itertools.product("ab/", repeat=size)] + [
    "é",
    "\U0001f600",
]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    folder = tmp_path_factory.mktemp("listed")
    stores = [StoreEntry("only", f"file://{folder}/only?sync=no")]
    made = Vault.create(folder / "home", Identity.generate("me"), stores, Policy(Code(1, 1)))
    made.put("first", b"x")
    for name in NAMES:
        made.copy("first", name)
    made.erase("first")
    return made


def test_versions_come_in_pages(vault: Vault) -> None:
    for name in ("a", "b", "ab"):
        for _ in range(3):
            vault.put(name, b"x")
    vault.delete("b")
    expected = [("a", 3), ("a", 2), ("a", 1), ("ab", 3), ("ab", 2), ("ab", 1), ("b", 4), ("b", 3), ("b", 2), ("b", 1)]
    for limit in range(1, 12):
        after, found = "", []
        while True:
            page = vault.versions(after=after, limit=limit)
            found += [(one.name, one.number) for one in page.versions]
            after = page.after
            if not after:
                break
        assert found == expected
    assert names(vault.versions(prefix="ab")) == ["ab"] * 3
    assert names(vault.versions(after="a")) == ["ab"] * 3 + ["b"] * 4


def test_a_store_down_and_a_store_gone(vault: Vault, tmp_path: Path, owner: Identity) -> None:
    vault.put("a", b"x" * 3000)
    vault.close()
    (tmp_path / "s1").rename(tmp_path / "away")
    with Vault.open(tmp_path / "home", owner) as again:
        assert read(again, "a") == b"x" * 3000
        with pytest.raises(StoreError, match="s1"):
            again.put("b", b"needs three of three")
        with pytest.raises(NotFoundError):
            again.head("b")
    (tmp_path / "s2").rename(tmp_path / "away too")
    with Vault.open(tmp_path / "home", owner) as again, pytest.raises(DamageError):
        read(again, "a")


@pytest.mark.parametrize("name", ["", "x" * 1201, "a\0b", "\ud800"])
def test_what_is_no_name(vault: Vault, name: str) -> None:
    for action in (lambda: vault.put(name, b""), lambda: vault.writer(name)):
        with pytest.raises(InputError, match="expected a name"):
            action()
    for look in (vault.get, vault.head, vault.delete, vault.erase):
        with pytest.raises((NotFoundError, InputError)):
            look(name)


def test_names_are_bytes_and_nothing_more(vault: Vault, tmp_path: Path) -> None:
    strange = ["../../etc/passwd", "/", "a//b", "a/../b", "%", "_", "'; DROP TABLE objects; --", " ", "\n", "x" * 1200]
    for name in strange:
        vault.put(name, name.encode())
    for name in strange:
        assert read(vault, name) == name.encode()
    assert names(vault.list()) == sorted(strange)
    assert not (tmp_path / "etc").exists()
    with pytest.raises(NotFoundError, match="there is no version 'nope'"):
        vault.head("/", "nope")
    with pytest.raises(InputError, match="expected a range within 1 bytes, got 1 to 2"):
        vault.get("/", start=1, stop=2)


def test_an_abandoned_or_broken_put_leaves_nothing(vault: Vault, tmp_path: Path) -> None:
    def broken() -> Any:
        yield b"x" * 1_500_000
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="the source is gone"):
        vault.put("a", broken())
    writer = vault.writer("b")
    writer.write(b"x" * 10)
    writer.abandon()
    with pytest.raises(NotFoundError):
        vault.head("a")
    vault.tidy(older_than=-1.0)
    assert not [path for path in tmp_path.glob("s*/??/*") if path.is_file()]


def test_opening_and_creating(vault: Vault, tmp_path: Path, owner: Identity) -> None:
    home, stores = tmp_path / "home", list(vault.entries)
    assert stat.S_IMODE((home / "vault.key").stat().st_mode) == 0o600
    with pytest.raises(InputError, match="holds a vault already"):
        Vault.create(home, owner, stores, Policy(Code(2, 3)))
    with pytest.raises(InputError, match="belongs to another identity than Other"):
        Vault.open(home, Identity.generate("Other"))
    (home / "vault.key").chmod(0o640)
    with pytest.raises(StorageError, match="can be read by others"):
        Vault.open(home, owner)
    (home / "vault.key").chmod(0o600)
    with pytest.raises(InputError, match=r"two stores have one name"):
        Vault.create(tmp_path / "other", owner, [stores[0]] * 3, Policy(Code(2, 3)))
    with pytest.raises(InputError, match="leave the password to PGPASSFILE"):
        Vault.create(tmp_path / "other", owner, stores, Policy(Code(2, 3)), "postgresql://me:pw@host/name")
    with pytest.raises(ConflictError, match="is another vault's; give each vault a folder"):
        Vault.create(tmp_path / "another", owner, stores, Policy(Code(2, 3)))
    (home / "vault.json").write_text("{}")
    with pytest.raises(InputError, match="is not a vault of version 1"):
        Vault.open(home, owner)
