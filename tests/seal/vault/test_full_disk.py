"""A real disk that is full, under a store and under the catalogue: an error that says so, nothing lost, and it goes on
once there is room. The disks are small file systems in memory; mounting one takes root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bailee.adapters.stores.entry import StoreEntry
from bailee.errors import NotFoundError, StorageError, StoreError
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.keep.health import health
from bailee.seal.vault.keep.repairing import repair
from bailee.seal.vault.keep.scrubbing import scrub
from bailee.seal.vault.keep.sweeping import sweep
from bailee.seal.vault.vault import Vault

MIB = 1 << 20
Disk = Callable[[str, int], Path]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Mounts an empty disk of so many bytes."""
    mounted: list[Path] = []

    def mount(name: str, size: int) -> Path:
        if os.geteuid() != 0:
            pytest.skip("mounting a small disk takes root")
        place = tmp_path / name
        place.mkdir()
        asked = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"this system mounts no small disk: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def ballast(place: Path, left: int) -> Path:
    """A file that leaves so many bytes of the disk."""
    found = os.statvfs(place)
    file = place / "ballast"
    file.write_bytes(bytes(found.f_bavail * found.f_frsize - left))
    return file


def entries(folder: Path, roots: dict[int, Path], count: int = 4) -> list[StoreEntry]:
    return [StoreEntry(f"s{j}", f"file://{roots.get(j, folder / f's{j}')}?sync=no") for j in range(count)]


def files(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.is_file() and path.name not in (".bailee-store", "vault")}


def content(number: int, size: int) -> bytes:
    return bytes([number]) * size


def put_until_refused(vault: Vault, size: int, kept: dict[str, bytes]) -> StorageError:
    for number in range(200):
        name, data = f"{size}-{number}", content(number, size)
        try:
            vault.put(name, data)
        except StorageError as error:
            with pytest.raises(NotFoundError):
                vault.get(name)
            return error
        kept[name] = data
    raise AssertionError("the disk never filled")


def check(vault: Vault, kept: dict[str, bytes]) -> None:
    assert {version.name for version in vault.list().versions} == set(kept)
    for name, data in kept.items():
        assert b"".join(vault.get(name)) == data


@pytest.mark.parametrize("size", [40_000, 3 * MIB])
def test_stores_that_are_full(tmp_path: Path, disk: Disk, owner: Identity, size: int) -> None:
    small = [disk("d0", 16 * MIB), disk("d1", 16 * MIB)]
    roots = {j: place / "store" for j, place in enumerate(small)}
    kept: dict[str, bytes] = {}
    stores = entries(tmp_path, roots)
    with Vault.create(tmp_path / "home", owner, stores, Policy(Code(2, 4), need=3)) as vault:
        vault.put("first", kept.setdefault("first", content(255, size)))
        one = ballast(small[0], 200_000)
        while health(vault.keeping).survives.keys() == {2}:  # with one store full, puts go on
            name = f"with one full {len(kept)}"
            kept[name] = content(len(kept), size)
            vault.put(name, kept[name])
            assert len(kept) < 50
        check(vault, kept)

        two = ballast(small[1], 200_000)
        error = put_until_refused(vault, size, kept)
        assert isinstance(error, StoreError)
        assert str(error).startswith("2 stores take fragments, 3 are needed, nothing was stored: store s")
        assert all(f"store s{j}: no space left in {roots[j]} for" in str(error) for j in (0, 1))
        assert "No space left on device" in str(error)
        assert str(error).endswith("free some, or switch the store off")
        check(vault, kept)

        for file in (one, two):
            file.unlink()
        vault.put("again", kept.setdefault("again", content(7, size)))
        check(vault, kept)
        assert repair(vault.keeping).left == {}
        assert health(vault.keeping).survives == {2: len(kept)}
        assert scrub(vault.keeping).wrong == {}
        # Of what was refused nothing is left: each store holds one file for each object.
        roots |= {j: tmp_path / f"s{j}" for j in (2, 3)}
        assert [len(files(roots[j])) for j in range(4)] == [len(kept)] * 4


def test_the_catalogue_on_a_full_disk(tmp_path: Path, disk: Disk, owner: Identity) -> None:
    home = disk("home-disk", 8 * MIB) / "home"
    kept: dict[str, bytes] = {}
    with Vault.create(home, owner, entries(tmp_path, {}, 3), Policy(Code(2, 3), need=2)) as vault:
        vault.put("first", kept.setdefault("first", b"first"))
        file = ballast(home.parent, 300_000)
        for number in range(3):
            error = put_until_refused(vault, 5000 + number, kept)
            assert "database or disk is full" in str(error)
            check(vault, kept)
            name = next(iter(kept))
            with suppress(StorageError):  # it may find room in what SQLite has of the disk already
                vault.erase(name)
                del kept[name]
            check(vault, kept)
    # Another process comes while the disk is full.
    with Vault.open(home, owner) as vault:
        check(vault, kept)
        file.unlink()
        vault.put("again", kept.setdefault("again", b"again"))
        check(vault, kept)
        assert vault.journal.check() == len(vault.log())
        vault.tidy()
        assert scrub(vault.keeping).wrong == {}
        for name in list(kept):
            vault.erase(name)
        assert vault.count() == (0, 0)
        # Of the three that were refused fragments are left, which nothing names: a sweep takes them, later.
        assert sweep(vault.keeping, older_than=-60).orphans == {"s0": 3, "s1": 3, "s2": 3}
        assert [len(files(tmp_path / f"s{j}")) for j in range(3)] == [0, 0, 0]
