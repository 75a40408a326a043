from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from bailee.adapters.stores import folder
from bailee.adapters.stores.folder import DRAFTS, MARK, FolderStore
from bailee.errors import MissingError, StoreError


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore.create("shelf", tmp_path / "shelf")


def put(store: FolderStore, path: str, data: bytes) -> None:
    writing = store.write(path)
    writing.write(data)
    writing.finish()


def drafts(root: Path) -> list[str]:
    return os.listdir(root / DRAFTS)


def test_everything_is_synced_before_and_after_the_rename(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "ab/first", b"x")  # the folder is there now
    steps: list[str] = []
    sync, rename = os.fsync, os.rename
    monkeypatch.setattr(
        os, "fsync", lambda handle: (steps.append(os.readlink(f"/proc/self/fd/{handle}")), sync(handle))[1]
    )
    monkeypatch.setattr(os, "rename", lambda *a, **k: (steps.append("rename"), rename(*a, **k))[1])
    put(store, "ab/second", b"y")
    root = tmp_path / "shelf"
    assert [os.path.dirname(steps[0]), *steps[1:]] == [str(root / DRAFTS), "rename", str(root / "ab")]


def test_without_sync_nothing_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderStore.create("shelf", tmp_path / "shelf", sync=False)
    monkeypatch.setattr(os, "fsync", lambda handle: pytest.fail("synced"))
    put(store, "ab/c", b"x")
    store.delete("ab/c")


def test_an_abandoned_draft_is_gone(store: FolderStore, tmp_path: Path) -> None:
    writing = store.write("ab/c")
    writing.write(b"x")
    assert len(drafts(tmp_path / "shelf")) == 1
    writing.abandon()
    assert drafts(tmp_path / "shelf") == []


def test_forgotten_drafts_are_swept_and_fresh_ones_stay(store: FolderStore, tmp_path: Path) -> None:
    root = tmp_path / "shelf"
    store.write("ab/fresh")
    (fresh,) = drafts(root)
    (root / DRAFTS / "old").write_bytes(b"x")
    day_before = time.time() - 90_000
    os.utime(root / DRAFTS / "old", (day_before, day_before))
    FolderStore.create("shelf", root)
    assert drafts(root) == [fresh]


def test_a_disk_that_is_not_mounted_is_no_empty_store(store: FolderStore, tmp_path: Path) -> None:
    put(store, "ab/c", b"x")
    root = tmp_path / "shelf"
    (root / MARK).unlink()
    expected = r"store shelf: .* is not marked as a store \(.bailee-store is missing\)"
    with pytest.raises(StoreError, match=expected):
        store.write("ab/d")
    with pytest.raises(StoreError, match=expected):
        store.delete("ab/c")
    with pytest.raises(StoreError, match=expected):
        list(store.paths())
    with pytest.raises(StoreError, match=expected) as caught:
        store.read("ab/gone")
    assert not isinstance(caught.value, MissingError)


def test_links_are_not_followed(store: FolderStore, tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "shelf", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret").write_bytes(b"not of this store")
    (root / "ab").symlink_to(elsewhere)
    (root / "secret").symlink_to(elsewhere / "secret")
    with pytest.raises(StoreError, match="store shelf: cannot use ab/secret"):
        store.read("ab/secret")
    with pytest.raises(StoreError, match="store shelf: cannot use secret"):
        store.read("secret")
    with pytest.raises(StoreError, match="store shelf: cannot use ab/new"):
        put(store, "ab/new", b"x")
    store.delete("ab/secret")
    assert os.listdir(elsewhere) == ["secret"]
    assert drafts(root) == []


def test_a_full_disk_says_so_and_leaves_nothing(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "ab/kept", b"old")

    def full(handle: int, data: bytes | memoryview) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(folder, "write_all", full)
    writing = store.write("ab/kept")
    with pytest.raises(StoreError, match=r"store shelf: no space left in .* for ab/kept"):
        writing.write(b"new")
    writing.abandon()
    assert drafts(tmp_path / "shelf") == []
    assert store.read("ab/kept") == b"old"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_device_for_real(tmp_path: Path, store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    writing = store.write("ab/c")
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, writing._handle)
    os.close(full)
    with pytest.raises(StoreError, match="no space left"):
        writing.write(b"x")
    writing.abandon()
