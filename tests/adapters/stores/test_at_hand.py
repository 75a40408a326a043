"""What is in the system's memory is read at once; everything else is refused at once, never waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bailee.adapters.stores import at_hand
from bailee.adapters.stores.folder import FolderStore
from bailee.errors import InputError

DATA = bytes(range(256)) * 16


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    found = FolderStore.create("here", tmp_path / "store")
    writing = found.write("ab/cdef")
    writing.write(DATA)
    writing.finish()
    if not found.read_at_hand("ab/cdef", 0, memoryview(bytearray(1))):
        pytest.skip("this system, or the file system of its temporary files, does not tell what is in memory")
    return found


def read(store: FolderStore, path: str, offset: int, length: int) -> bytes | None:
    target = bytearray(length)
    return bytes(target) if store.read_at_hand(path, offset, memoryview(target)) else None


def test_a_range_of_what_was_just_written(store: FolderStore) -> None:
    assert read(store, "ab/cdef", 0, len(DATA)) == DATA
    assert read(store, "ab/cdef", 300, 7) == DATA[300:307]


def test_what_is_not_there_or_too_short(store: FolderStore) -> None:
    assert read(store, "ab/other", 0, 1) is None
    assert read(store, "cd/cdef", 0, 1) is None
    assert read(store, "ab/cdef", len(DATA) - 1, 2) is None
    assert read(store, "ab/cdef", len(DATA) + 5, 1) is None


def test_links_pipes_and_folders_are_not_read(store: FolderStore, tmp_path: Path) -> None:
    root = tmp_path / "store"
    (tmp_path / "secret").write_bytes(DATA)
    (root / "ab" / "link").symlink_to(tmp_path / "secret")
    (root / "ln").symlink_to(root / "ab")
    os.mkfifo(root / "ab" / "pipe")
    (root / "ab" / "folder").mkdir()
    for path in ("ab/link", "ln/cdef", "ab/pipe", "ab/folder"):
        assert read(store, path, 0, 1) is None


def test_a_store_behind_a_link_is_read(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(tmp_path / "store")
    assert read(FolderStore("again", tmp_path / "way"), "ab/cdef", 0, 5) == DATA[:5]


def test_paths_are_checked(store: FolderStore) -> None:
    with pytest.raises(InputError, match=r"\.\./secret"):
        read(store, "../secret", 0, 1)


def test_where_the_system_cannot_tell_nothing_is_at_hand(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_hand, "_how", lambda: None)
    assert read(store, "ab/cdef", 0, 1) is None
