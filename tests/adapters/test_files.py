"""Files are whole or absent, on a full disk and after a crash too."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bailee.adapters.files import (
    append_line,
    lock,
    new_directory,
    open_journal,
    read_bytes,
    storage_errors,
    sweep,
    write_atomic,
    write_new,
)
from bailee.errors import InputError, StorageError


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes ten bytes of any write, then no more."""
    real = os.write
    left = [10]

    def write(handle: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = real(handle, bytes(data[: left[0]]))
        left[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", write)


def test_an_atomic_write_replaces_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_atomic(path, b"old")
    write_atomic(path, b"new and longer", 0o600)
    assert path.read_bytes() == b"new and longer"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, full_disk: None) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"old")
    with pytest.raises(StorageError, match="free space"):
        write_atomic(path, b"x" * 100)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_keeps_the_journal(tmp_path: Path, full_disk: None) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"one\ntwo\n")
    with pytest.raises(StorageError, match="free space"):
        append_line(path, b"x" * 100)
    assert path.read_bytes() == b"one\ntwo\n"


def test_a_file_limit_is_a_full_disk(tmp_path: Path) -> None:
    code = (
        "import resource,sys; from pathlib import Path\n"
        "from bailee.adapters.files import write_atomic; from bailee.errors import StorageError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_atomic(Path(sys.argv[1]), b'x' * 5000)\n"
        "except StorageError as error: print('told', error)"
    )
    path = tmp_path / "state"
    path.write_bytes(b"old")
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("told no space")
    assert path.read_bytes() == b"old"


def test_a_torn_last_line_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"one\ntwo\nthr")
    with open_journal(path) as journal:
        assert journal.lines() == [b"one", b"two"]
        journal.append(b"three")
        assert journal.lines() == [b"one", b"two", b"three"]
    assert path.read_bytes() == b"one\ntwo\nthree\n"
    with pytest.raises(StorageError, match="missing"):
        append_line(tmp_path / "none", b"x")


def test_a_new_directory_appears_at_once_or_never(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "data"
    with new_directory(target) as draft:
        write_new(draft / "a", b"1")
        assert not target.exists()
    assert (target / "a").read_bytes() == b"1"
    with pytest.raises(InputError, match="exists already"), new_directory(target):
        pass
    with pytest.raises(StorageError, match="No such file"), new_directory(tmp_path / "other") as draft:
        write_new(draft / "nowhere" / "a", b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


def test_sweep_removes_drafts_only(tmp_path: Path) -> None:
    (tmp_path / ".draft-x-1234").mkdir()
    (tmp_path / ".draft-x-1234" / "a").write_bytes(b"1")
    (tmp_path / ".draft-y").write_bytes(b"1")
    (tmp_path / "data").mkdir()
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_home_has_one_user_at_a_time(tmp_path: Path) -> None:
    with lock(tmp_path), pytest.raises(StorageError, match="another run"), lock(tmp_path):
        pass
    with lock(tmp_path):
        pass


def test_the_disk_s_errors_are_ours(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_bytes(tmp_path / "none", 10, "card")
    with pytest.raises(InputError, match="directory"):
        read_bytes(tmp_path, 10, "card")
    (tmp_path / "big").write_bytes(b"x" * 11)
    with pytest.raises(InputError, match="larger"):
        read_bytes(tmp_path / "big", 10, "card")
    with pytest.raises(StorageError, match="cannot use"), storage_errors(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")
