"""What every store must do, on each kind: a folder, memory, OpenDAL's memory, SeaweedFS (S3), WebDAV, Swift."""

from __future__ import annotations

import secrets
import threading
from pathlib import Path

import pytest

import engine_swift
import engines
from bailee.adapters.stores import remote
from bailee.adapters.stores.entry import StoreEntry
from bailee.adapters.stores.folder import FolderStore
from bailee.adapters.stores.memory import MemoryStore
from bailee.adapters.stores.opening import open_store
from bailee.adapters.stores.store import Store
from bailee.errors import InputError, MissingError, StoreError

KINDS = ["folder", "memory", "opendal", "s3", "webdav", "swift"]


def make(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Store:
    if kind == "folder":
        return FolderStore.create("shelf", tmp_path / "shelf")
    if kind == "memory":
        return MemoryStore("shelf")
    if kind == "opendal":
        return open_store(StoreEntry("shelf", "memory:///"), {})
    place = secrets.token_hex(4)
    if kind == "swift":
        auth = request.getfixturevalue("swift").auth
        return open_store(StoreEntry("shelf", f"swift://vault/{place}?auth={auth}"), engine_swift.options("shelf"))
    if kind == "s3":
        entry = StoreEntry("shelf", f"s3://vault/{place}?endpoint={request.getfixturevalue('s3_url')}")
        names = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")
    else:
        entry = StoreEntry("shelf", f"webdav:///{place}?endpoint={request.getfixturevalue('webdav_url')}")
        names = ("USERNAME", "PASSWORD")
    values = (engines.ACCESS_KEY, engines.SECRET_KEY)
    return open_store(entry, {f"BAILEE_STORE_SHELF_{name}": value for name, value in zip(names, values, strict=True)})


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return make(request.param, tmp_path, request)


def put(store: Store, path: str, *parts: bytes) -> None:
    writing = store.write(path)
    for part in parts:
        writing.write(memoryview(part))
    writing.finish()


def test_a_string_comes_back_whole_and_in_ranges(store: Store) -> None:
    put(store, "ab/cdef", b"one ", b"and ", b"two")
    assert store.read("ab/cdef") == b"one and two"
    assert store.read("ab/cdef", 4, 3) == b"and"
    assert store.read("ab/cdef", 8) == b"two"
    assert store.read("ab/cdef", 11, 0) == b""


def test_a_string_may_be_empty(store: Store) -> None:
    put(store, "empty")
    assert store.read("empty") == b""
    assert [(found.path, found.size) for found in store.paths()] == [("empty", 0)]


def test_what_is_not_there_is_missing(store: Store) -> None:
    with pytest.raises(MissingError, match="store shelf: nothing is under ab/gone"):
        store.read("ab/gone", 0, 5)
    with pytest.raises(MissingError, match="store shelf: nothing is under ab/gone"):
        store.read("ab/gone")


def test_a_short_answer_is_an_error(store: Store) -> None:
    put(store, "short", b"12345")
    with pytest.raises(StoreError, match="store shelf"):
        store.read("short", 3, 3)
    with pytest.raises(StoreError, match="store shelf"):
        store.read("short", 9, 1)


def test_nothing_shows_before_the_end(store: Store) -> None:
    put(store, "ab/kept", b"old")
    for path in ("ab/kept", "ab/new"):
        writing = store.write(path)
        writing.write(b"unfinished")
        assert [(found.path, found.size) for found in store.paths()] == [("ab/kept", 3)]
        writing.abandon()
    assert store.read("ab/kept") == b"old"
    with pytest.raises(MissingError):
        store.read("ab/new")


def test_finishing_replaces(store: Store) -> None:
    put(store, "ab/kept", b"old and long")
    put(store, "ab/kept", b"new")
    assert store.read("ab/kept") == b"new"


def test_deleting_twice_is_no_error(store: Store) -> None:
    put(store, "ab/gone", b"x")
    put(store, "ab/stays", b"y")
    store.delete("ab/gone")
    store.delete("ab/gone")
    store.delete("xy/never")
    assert [found.path for found in store.paths()] == ["ab/stays"]


def test_listing_by_prefix(store: Store) -> None:
    for path in ("ab/c1", "ab/c2", "ab/d", "xy/c1", "top"):
        put(store, path, b"four")
    assert sorted(found.path for found in store.paths()) == ["ab/c1", "ab/c2", "ab/d", "top", "xy/c1"]
    assert sorted(found.path for found in store.paths("ab/c")) == ["ab/c1", "ab/c2"]
    assert sorted(found.path for found in store.paths("xy/")) == ["xy/c1"]
    assert list(store.paths("none/")) == []
    assert all(found.size == 4 and found.modified > 1.7e9 for found in store.paths())


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../up", "a/../../b", "a//b", "a/.", ".hidden", "a\\b", "é", "a\n", "a b"]
)
def test_names_that_lead_elsewhere_are_refused(store: Store, path: str) -> None:
    for use in (store.write, store.read, store.delete):
        with pytest.raises(InputError, match="is no name in a store"):
            use(path)


def test_many_threads_at_once(store: Store) -> None:
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            data = bytes([number]) * 70_000
            put(store, f"t{number % 2}/n{number}", data[:40_000], data[40_000:])
            assert store.read(f"t{number % 2}/n{number}", 30_000, 20_000) == data[:20_000]
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(list(store.paths())) == 8


@pytest.mark.parametrize("kind", ["opendal", "s3", "webdav", "swift"])
@pytest.mark.parametrize("size", [2048, 2049, 6144, 6145])
def test_long_strings_are_kept_in_parts(
    kind: str, size: int, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "CHUNK", 2048)
    store, data = make(kind, tmp_path, request), secrets.token_bytes(size)
    put(store, "ab/long", data[:1500], data[1500:1501], data[1501:])
    put(store, "ab/longer", b"another")
    assert store.read("ab/long") == data
    assert store.read("ab/long", 2000, 40) == data[2000:2040]
    assert store.read("ab/long", size - 1, 1) == data[-1:]
    with pytest.raises(StoreError):
        store.read("ab/long", size - 1, 2)
    assert {found.path: found.size for found in store.paths()} == {"ab/long": size, "ab/longer": 7}
    store.delete("ab/long")
    assert [found.path for found in store.paths()] == ["ab/longer"]
    writing = store.write("ab/long")
    writing.write(data)
    writing.abandon()
    assert [found.path for found in store.paths()] == ["ab/longer"]


def test_parts_that_a_crash_left_are_listed_and_can_be_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "CHUNK", 16)
    store = open_store(StoreEntry("shelf", "memory:///"), {})
    store.write("ab/long").write(bytes(40))  # and the process is gone
    assert [found.path for found in store.paths()] == ["ab/long.part1"]
    store.delete("ab/long.part1")
    assert list(store.paths()) == []
    with pytest.raises(InputError, match="the store's own"):
        store.write("ab/long.part1")
