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


def test_many_strings_take_one_sync(store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if folder._syncfs() is None:
        pytest.skip("this system has no syncfs")
    put(store, "ab/first", b"x")
    synced: list[str] = []
    monkeypatch.setattr(folder, "_syncfs", lambda: lambda handle: synced.append(os.readlink(f"/proc/self/fd/{handle}")))
    monkeypatch.setattr(os, "fsync", lambda handle: pytest.fail("synced one by one"))
    monkeypatch.setattr(folder, "sync_directory", lambda path: None)
    store.write_many([(f"a{at % 3}/{at}", b"%d" % at) for at in range(9)])
    assert synced == [str(tmp_path / "shelf")]
    assert [store.read(f"a{at % 3}/{at}") for at in range(9)] == [b"%d" % at for at in range(9)]
    assert drafts(tmp_path / "shelf") == []


@pytest.mark.parametrize("count", [2, 9])
def test_many_strings_are_synced_one_by_one_where_they_are_few_or_the_system_cannot(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    put(store, "ab/first", b"x")
    if count > folder._EACH:
        monkeypatch.setattr(folder, "_syncfs", lambda: None)
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    store.write_many([(f"ab/{at}", b"x") for at in range(count)])
    assert len(synced) == 2 * count


def test_many_strings_stay_within_the_folder_and_replace_nothing(store: FolderStore, tmp_path: Path) -> None:
    put(store, "ab/there", b"old")
    with pytest.raises(StoreError, match="store shelf: cannot use 1 strings: File exists"):
        store.write_many([("ab/there", b"new")])
    assert store.read("ab/there") == b"old"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "shelf" / "cd").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        store.write_many([("cd/x", b"new")])
    assert os.listdir(tmp_path / "elsewhere") == []


def test_no_part_of_a_string_stays_where_the_disk_is_full(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int, data: bytes) -> None:
        os.write(handle, data[:1])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder, "write_all", full)
    with pytest.raises(StoreError, match="no space left"):
        store.write_many([("ab/x", b"12"), ("ab/y", b"34")])
    assert os.listdir(tmp_path / "shelf" / "ab") == []


def test_many_strings_do_not_go_where_no_disk_is_mounted(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "shelf" / MARK).unlink()
    with pytest.raises(StoreError, match="is not marked as a store"):
        store.write_many([("ab/x", b"1")])
    assert not (tmp_path / "shelf" / "ab").exists()
