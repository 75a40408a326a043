"""What is particular to sealed paths: versions, half-written files, transactions, processes, constant memory."""

from __future__ import annotations

import multiprocessing
import pickle
import random
import tracemalloc
from pathlib import Path

import pytest

from bailee.errors import StorageError
from bailee.files import VaultFileSystem
from bailee.files.homes import close_vault
from bailee.files.sealed_file import BLOCK
from bailee.seal.vault.facts import Lock, LockMode
from vaults import make_home

DATA = random.Random(5).randbytes(2 * BLOCK + 4321)


def test_bytes_come_back(sealed: VaultFileSystem) -> None:
    with sealed.open("plain/data", "wb", content_type="image/png", metadata={"ward": "7"}) as file:
        for at in range(0, len(DATA), 700_001):
            file.write(DATA[at : at + 700_001])
    assert sealed.cat("plain/data") == DATA
    assert sealed.cat_file("plain/data", -10, None) == DATA[-10:]
    assert sealed.cat_file("plain/data", 5, 5) == b""
    assert sealed.cat_file("plain/data", 10**9, None) == b""
    info = sealed.info("plain/data")
    assert (info["content_type"], info["metadata"], info["size"]) == ("image/png", {"ward": "7"}, len(DATA))
    with sealed.open("plain/data", "rb") as file:
        file.seek(-7, 2)
        assert file.read() == DATA[-7:]
        file.seek(BLOCK - 3)
        assert file.read(6) == DATA[BLOCK - 3 : BLOCK + 3]


def test_an_open_file_reads_the_version_it_was_opened_at(sealed: VaultFileSystem) -> None:
    sealed.pipe_file("pinned", b"one")
    file = sealed.open("pinned", "rb")
    sealed.pipe_file("pinned", b"other")
    assert file.read() == b"one"
    assert sealed.cat("pinned") == b"other"


def test_versions_by_path_and_by_argument(sealed: VaultFileSystem, tmp_path: Path) -> None:
    for text in (b"first", b"second"):
        sealed.pipe_file("v/many", text)
    sealed.pipe_file("v/many-more", b"another name")
    newest, oldest = sealed.versions("v/many")
    path = f"v/many?version={oldest['version']}"
    assert sealed.cat(f"bailee://{path}") == b"first"
    assert sealed.open("v/many", version=oldest["version"]).read() == b"first"
    assert sealed.glob(path) == [path]
    assert sealed.exists(path)
    sealed.get(path, str(tmp_path / "got"))
    assert (tmp_path / "got").read_bytes() == b"first"
    sealed.copy(path, "v/many")
    assert sealed.cat("v/many") == b"first"
    sealed.rm_file(f"v/many?version={newest['version']}")
    assert not sealed.exists(f"v/many?version={newest['version']}")
    with pytest.raises(OSError, match="a version never changes"):
        sealed.open(path, "wb")


def test_removing_hides_and_loses_nothing(sealed: VaultFileSystem) -> None:
    sealed.pipe_file("gone/one", b"kept")
    sealed.rm("gone", recursive=True)
    assert not sealed.exists("gone/one")
    assert not sealed.exists("gone")
    with pytest.raises(FileNotFoundError, match="it was deleted, an older version can be restored"):
        sealed.open("gone/one")
    marker, kept = sealed.versions("gone/one")
    assert marker["is_marker"]
    assert sealed.cat(kept["name"]) == b"kept"
    with pytest.raises(FileNotFoundError):
        sealed.rm_file("gone/one")


def test_half_a_file_is_no_file(sealed: VaultFileSystem) -> None:
    def fail() -> None:
        with sealed.open("half", "wb") as file:
            file.write(DATA)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert not sealed.exists("half")
    file = sealed.open("half", "wb")
    file.write(DATA)
    with pytest.warns(ResourceWarning, match="half was not closed: nothing was written"):
        file.__del__()
    assert not sealed.exists("half")


def test_a_transaction_shows_its_files_at_its_end(sealed: VaultFileSystem) -> None:
    with sealed.transaction:
        with sealed.open("t/one", "wb") as file:
            file.write(b"1")
        assert not sealed.exists("t/one")
    assert sealed.cat("t/one") == b"1"

    def fail() -> None:
        with sealed.transaction:
            with sealed.open("t/two", "wb") as file:
                file.write(b"2")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert not sealed.exists("t/two")


def test_appending_is_refused(sealed: VaultFileSystem) -> None:
    with pytest.raises(OSError, match="a version never changes: expected mode rb, wb or xb, got ab"):
        sealed.open("a", "ab")


def test_a_lock_is_a_permission_error(sealed: VaultFileSystem) -> None:
    lock = Lock(LockMode.COMPLIANCE, 4e9)
    with sealed.open("locked", "wb", lock=lock) as file:
        file.write(b"kept")
    version = sealed.info("locked")["version"]
    with pytest.raises(PermissionError, match="compliance lock"):
        sealed.rm_file(f"locked?version={version}")


def test_directories_are_what_names_share(sealed: VaultFileSystem) -> None:
    for name in ("d/a", "d/e/b", "d/e/f/c", "d-other"):
        sealed.pipe_file(name, name.encode())
    assert sealed.ls("d", detail=False) == ["d/a", "d/e"]
    assert sealed.find("d", withdirs=True) == ["d", "d/a", "d/e", "d/e/b", "d/e/f", "d/e/f/c"]
    assert sealed.find("d", maxdepth=1) == ["d/a"]
    assert sealed.du("d") == len("d/ad/e/bd/e/f/c")
    assert [path for path, _, _ in sealed.walk("d")] == ["d", "d/e", "d/e/f"]
    assert sealed.isdir("d/e")
    assert not sealed.isdir("d/a")
    sealed.mv("d/e", "moved", recursive=True)
    assert sealed.find("moved") == ["moved/b", "moved/f/c"]
    assert not sealed.exists("d/e")


def test_it_is_pickled_by_its_home(sealed: VaultFileSystem) -> None:
    sealed.pipe_file("pickled", b"same")
    again = pickle.loads(pickle.dumps(sealed))
    assert again.cat("pickled") == b"same"
    with sealed.open("pickled", "rb") as file:
        assert pickle.loads(pickle.dumps(file)).read() == b"same"


def _read(sealed: VaultFileSystem, path: str, answers: multiprocessing.Queue[bytes]) -> None:
    sealed.pipe_file("forked-child", b"from the child")
    answers.put(sealed.cat(path))


def test_a_forked_process_opens_the_vault_itself(sealed: VaultFileSystem) -> None:
    sealed.pipe_file("forked", b"same")
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[bytes] = context.Queue()
    child = context.Process(target=_read, args=(sealed, "forked", answers))
    child.start()
    assert answers.get(timeout=60) == b"same"
    child.join()
    assert child.exitcode == 0
    assert sealed.cat("forked-child") == b"from the child"


def test_large_files_take_little_memory(sealed: VaultFileSystem, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(DATA[: 1 << 20] * 96)
    sealed.cat("bailee://warm") if sealed.exists("warm") else sealed.pipe_file("warm", b"")
    tracemalloc.start()
    try:
        sealed.put_file(str(source), "large")
        sealed.get_file("large", str(target))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert target.stat().st_size == source.stat().st_size
    assert peak < 64 << 20


def test_somebody_elses_home_is_refused(tmp_path: Path) -> None:
    make_home(tmp_path / "mine")
    (tmp_path / "mine" / "vault.key").write_bytes(bytes(1200))
    (tmp_path / "mine" / "vault.key").chmod(0o600)
    fs = VaultFileSystem(home=tmp_path / "mine")
    with pytest.raises(StorageError, match="this was not sealed to Owner"):
        fs.ls("")
    close_vault(fs.home)
