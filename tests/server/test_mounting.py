"""A vault as a folder: what the kernel is answered, and, where this system has FUSE, a real mount."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from bailee.errors import InputError
from bailee.keys import Identity
from bailee.seal.vault.vault import Vault
from bailee.server.mounting import Tree, mount
from vaults import make_home

DATA = os.urandom(5_000_000)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def vault(home: Path):
    with Vault.open(home, Identity.load(home)) as opened:
        opened.put("scans/one.raw", DATA)
        opened.put("scans/deep/er/two", b"two")
        opened.put("note", b"first")
        opened.put("note", b"second")
        opened.put("both", b"a name")
        opened.put("both/below", b"and a folder")
        opened.put("hidden", b"x")
        opened.delete("hidden")
        for name in ("../up", "a//b", "./here", f"{'x' * 256}", "odd/../up", "/root"):
            opened.put(name, b"no path")
        yield opened


@pytest.fixture
def tree(vault: Vault) -> Tree:
    return Tree(vault)


def fails(number: int, call: Callable[..., object], *arguments: object) -> None:
    with pytest.raises(OSError, match=rf"^\[Errno {number}\]"):
        call(*arguments)


def whole(tree: Tree, path: str, step: int) -> bytes:
    handle = tree.open(path, os.O_RDONLY)
    data = b""
    while part := tree.read(path, step, len(data), handle):
        data += part
    assert tree.release(path, handle) == 0
    return data


def test_folders_and_files(tree: Tree) -> None:
    assert sorted(tree.readdir("/")) == [".", "..", "a", "both", "note", "odd", "scans"]
    assert tree.readdir("/scans") == [".", "..", "deep", "one.raw"]
    assert tree.readdir("/scans/deep") == [".", "..", "er"]
    assert tree.readdir("/both") == [".", "..", "below"]
    assert stat.S_ISDIR(tree.getattr("/both")["st_mode"])
    found = tree.getattr("/scans/one.raw")
    assert (found["st_mode"], found["st_size"]) == (stat.S_IFREG | 0o400, len(DATA))
    for path in ("/none", "/hidden", "/scans/none", "/a/b", f"/{'x' * 256}"):
        fails(errno.ENOENT, tree.getattr, path)
    fails(errno.ENOTDIR, tree.readdir, "/note")


def test_names_that_are_no_paths_lead_nowhere(tree: Tree) -> None:
    for path in ("/..", "/../up", "/odd/../up", "/./here", "/a//b"):
        fails(errno.ENOENT, tree.open, path, os.O_RDONLY)


def test_bytes_in_any_order_and_of_the_version_that_was_opened(tree: Tree, vault: Vault) -> None:
    assert whole(tree, "/scans/one.raw", 131_072) == DATA
    handle = tree.open("/scans/one.raw", os.O_RDONLY)
    for offset, size in ((4_999_990, 100), (10, 20), (3_000_000, 1 << 20), (9, 2), (5_000_000, 1), (6_000_000, 1)):
        assert tree.read("/scans/one.raw", size, offset, handle) == DATA[offset : offset + size]
    handle = tree.open("/note", os.O_RDONLY)
    vault.put("note", b"third")
    assert tree.read("/note", 100, 0, handle) == b"second"
    assert whole(tree, "/note", 100) == b"third"


def test_nothing_is_written(tree: Tree) -> None:
    for flags in (os.O_WRONLY, os.O_RDWR):
        fails(errno.EROFS, tree.open, "/note", flags)
    fails(errno.EISDIR, tree.open, "/scans", os.O_RDONLY)
    assert not {"write", "create", "mkdir", "unlink", "rename", "truncate"} & set(dir(tree))


def test_a_part_of_the_vault(vault: Vault) -> None:
    part = Tree(vault, "scans/")
    assert part.readdir("/") == [".", "..", "deep", "one.raw"]
    assert whole(part, "/deep/er/two", 10) == b"two"
    fails(errno.ENOENT, part.getattr, "/note")


def test_stores_that_are_gone_are_an_error_of_input_and_output(home: Path, vault: Vault, tree: Tree) -> None:
    handle = tree.open("/scans/one.raw", os.O_RDONLY)
    for name in ("s0", "s1"):
        (home / "stores" / name).rename(home / "stores" / f"{name}-away")
    try:
        fails(errno.EIO, tree.read, "/scans/one.raw", 100, 0, handle)
    finally:
        for name in ("s0", "s1"):
            (home / "stores" / f"{name}-away").rename(home / "stores" / name)
    assert tree.read("/scans/one.raw", 100, 0, handle) == DATA[:100]


def test_without_fuse_it_says_what_is_missing(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mfusepy", None)
    with pytest.raises(InputError, match=r"a mount needs FUSE: pip install mfusepy, and libfuse .* bailee:// paths"):
        mount(vault, tmp_path)


def why_not() -> str:
    try:
        import_module("mfusepy")
    except (ImportError, OSError, AttributeError) as error:
        return f"no FUSE for Python: {error}"
    return "" if os.access("/dev/fuse", os.R_OK | os.W_OK) else "/dev/fuse cannot be opened"


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_the_kernel_reads_it(home: Path, vault: Vault, tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()
    command = [sys.executable, "-c", "from bailee.cli import main; main()", "vault", "mount", str(folder)]
    process = subprocess.Popen([*command, "--home", str(home)], stderr=subprocess.PIPE)
    try:
        for _ in range(3000):
            if folder.is_mount() or process.poll() is not None:
                break
            time.sleep(0.1)
        assert (folder / "scans" / "one.raw").read_bytes() == DATA
        assert sorted(path.name for path in folder.iterdir()) == ["a", "both", "note", "odd", "scans"]
        shutil.copytree(folder / "scans", tmp_path / "copy")
        assert (tmp_path / "copy" / "deep" / "er" / "two").read_bytes() == b"two"
        fails(errno.EROFS, (folder / "new").write_bytes, b"")
    finally:
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=300)[1]
    assert (process.returncode, b"is empty again" in said) == (0, True)
    assert not list(folder.iterdir())
