"""The cache is bounded, forgets what was used longest ago, never fails a read, and several processes may share it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from bailee.errors import InputError
from bailee.keys import Secret
from bailee.seal.vault.blobs.fragments import NamingKey
from bailee.seal.vault.blobs.layout import SEGMENT
from bailee.seal.vault.cache import LEAST, DiskCache, set_cache
from bailee.seal.vault.cache import open_cache as open_home_cache

NAMING = NamingKey(Secret(bytes(32)))
BLOB = b"b" * 16


def open_cache(folder: Path, limit: int = LEAST) -> DiskCache:
    return DiskCache(folder / "cache", limit, NAMING)


def test_what_is_put_is_got(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    assert cache.get(BLOB, 0) is None
    cache.put(BLOB, 0, memoryview(b"sealed"))
    assert (cache.get(BLOB, 0), cache.get(BLOB, 1), cache.get(b"c" * 16, 0)) == (b"sealed", None, None)
    assert cache.has(BLOB, 0)
    assert not cache.has(BLOB, 1)
    cache.drop(BLOB, 0)
    cache.drop(BLOB, 0)
    assert cache.get(BLOB, 0) is None


def test_an_erased_blob_is_forgotten(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    for segment in range(3):
        cache.put(BLOB, segment, b"sealed")
    cache.put(b"c" * 16, 0, b"other")
    cache.forget(BLOB, 3)
    assert cache.size() == len(b"other")
    cache.clear()
    assert cache.size() == 0


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    for segment in range(16):
        cache.put(BLOB, segment, bytes(SEGMENT))
    assert cache.size() == LEAST
    for at, segment in enumerate((1, *range(2, 16), 0)):  # 0 was used last
        os.utime(cache._path(BLOB, segment), ns=(at, at))
    assert cache.get(BLOB, 1) is not None  # now 1 was
    cache.put(BLOB, 16, bytes(SEGMENT))
    kept = {segment for segment in range(17) if cache.has(BLOB, segment)}
    assert {0, 1, 16} <= kept
    assert not {2, 3} & kept
    assert cache.size() <= LEAST


def _fill(folder: Path, first: int, limit: int) -> None:
    cache = open_cache(folder, limit)
    for segment in range(first, first + 30):
        cache.put(BLOB, segment, bytes(SEGMENT))
        cache.get(BLOB, segment - 5)


def test_processes_together_stay_below_the_limit(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_fill, args=(tmp_path, 20 * number + 5, LEAST)) for number in range(3)]
    for worker in workers:
        worker.start()
    cache = open_cache(tmp_path)
    while any(worker.is_alive() for worker in workers):
        with cache._counting():
            assert cache.size() <= LEAST
        workers[0].join(0.005)
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert cache.size() <= LEAST
    assert not list((tmp_path / "cache").glob(".draft-*"))


def test_readers_see_all_or_nothing(tmp_path: Path) -> None:
    cache, stop = open_cache(tmp_path), threading.Event()

    def write() -> None:
        while not stop.is_set():
            cache.drop(BLOB, 0)
            cache.put(BLOB, 0, b"\x07" * SEGMENT)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(500):
            assert cache.get(BLOB, 0) in (None, b"\x07" * SEGMENT)
    finally:
        stop.set()
        thread.join()


def test_a_disk_that_takes_nothing_is_no_error(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    (tmp_path / "cache").rmdir()
    (tmp_path / "cache").write_text("a file where the folder was")
    cache.put(BLOB, 0, b"sealed")
    cache.drop(BLOB, 0)
    assert cache.get(BLOB, 0) is None
    assert cache.size() == 0


def test_names_say_nothing_and_files_are_the_owners(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.put(BLOB, 0, b"sealed")
    other = DiskCache(tmp_path / "cache", LEAST, NamingKey(Secret(b"x" * 32)))
    assert other.get(BLOB, 0) is None
    (path,) = [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.name != "size"]
    assert path.stat().st_mode & 0o077 == 0
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


def test_abandoned_drafts_go_when_room_is_made(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    draft = tmp_path / "cache" / ".draft-0011"
    draft.write_bytes(b"torn")
    for segment in range(17):
        cache.put(BLOB, segment, bytes(SEGMENT))
    assert not draft.exists()


def test_a_tiny_cache_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a cache of at least"):
        open_cache(tmp_path, 1000)


def test_a_home_has_a_cache_when_it_was_asked_for(tmp_path: Path) -> None:
    assert open_home_cache(tmp_path, NAMING) is None
    set_cache(tmp_path, LEAST)
    cache = open_home_cache(tmp_path, NAMING)
    assert cache is not None
    cache.put(BLOB, 0, b"sealed")
    set_cache(tmp_path, 2 * LEAST)
    cache = open_home_cache(tmp_path, NAMING)
    assert cache is not None
    assert (cache.limit, cache.get(BLOB, 0)) == (2 * LEAST, b"sealed")
    (tmp_path / "cache.json").write_text("{}")
    with pytest.raises(InputError, match="is not the settings of a cache of version 1; set it again"):
        open_home_cache(tmp_path, NAMING)
    set_cache(tmp_path, None)
    assert open_home_cache(tmp_path, NAMING) is None
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="expected a cache of at least"):
        set_cache(tmp_path, 1)
