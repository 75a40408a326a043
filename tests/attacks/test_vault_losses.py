"""Ways in which what was acknowledged could be lost, or what was erased could stay: races, clocks, other processes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bailee.adapters.stores.entry import StoreEntry
from bailee.errors import ConflictError, LockedError
from bailee.keys import Identity
from bailee.seal.vault import deduplicating, membership
from bailee.seal.vault.cache import LEAST, set_cache
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.keep.rebalancing import rebalance
from bailee.seal.vault.vault import Vault
from bailee.server.s3.lifecycle import expire
from bailee.server.s3.registry import Bucket, Registry

OWNER = Identity.generate("Owner")
DAY = 86_400.0


def entries(folder: Path) -> list[StoreEntry]:
    return [StoreEntry(f"s{at}", f"file://{folder}/s{at}?sync=no") for at in range(3)]


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with Vault.create(tmp_path / "home", OWNER, entries(tmp_path), Policy(Code(2, 3))) as opened:
        yield opened


class Boot:
    """Seconds since boot, as a test says."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_put_that_stands_still_for_days_is_not_acknowledged_after_a_sweep(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks wait for one another before their rows are written; a sweep takes what is a day old and has no row."""
    boot = Boot()
    monkeypatch.setattr(deduplicating, "since_boot", boot)
    for at in range(20):
        vault.put(f"other{at}", b"x")  # else so many unknown fragments would not be swept
    writer = vault.writer("slow", deduplicate=True)
    writer.write(os.urandom(12 << 20))
    while writer._writing:
        writer._writing[0][3].result()
        writer._collect()
    boot.now += 2 * DAY
    for path in tmp_path.glob("s*/??/*"):
        os.utime(path, (time.time() - 2 * DAY,) * 2)
    assert vault.tidy().orphans > 0
    with pytest.raises(ConflictError, match="came to a stand for so long that it was given up"):
        writer.finish()
    assert vault.list("slow").versions == ()


def test_a_slow_put_is_written_down_in_time(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    boot = Boot()
    monkeypatch.setattr(deduplicating, "since_boot", boot)
    data = os.urandom(30 << 20)
    with vault.writer("slow", deduplicate=True) as writer:
        for at in range(0, len(data), 10 << 20):
            writer.write(data[at : at + (10 << 20)])
            boot.now += DAY / 3
        writer.finish()
    assert b"".join(vault.get("slow")) == data


def test_a_store_that_another_process_added_is_no_surprise(vault: Vault, tmp_path: Path) -> None:
    names = [f"k{at}" for at in range(20)]  # so many that the new store gets something of them: all but 4^-20
    for name in names:
        vault.put(name, name.encode())
    with Vault.open(tmp_path / "home", OWNER) as other:
        membership.add_store(other, StoreEntry("new", f"file://{tmp_path}/new?sync=no"))
    with Vault.open(tmp_path / "home", OWNER) as other:
        assert rebalance(other.keeping).moved > 0
    for name in names:
        assert b"".join(vault.get(name)) == name.encode()
    # What it cannot reach it says, and leaves to whoever can.
    missed = {store for name in names for store in vault.erase(name).missed}
    assert missed == {"new"}
    with Vault.open(tmp_path / "home", OWNER) as other:
        later = time.time() + DAY
        assert other.count() == (0, 0)
    with Vault.open(tmp_path / "home", OWNER, clock=lambda: later) as other:
        assert other.tidy().waiting == 0
    assert not [path for path in tmp_path.glob("*/??/*") if path.is_file()]


def test_lifecycle_rules_do_nothing_by_a_clock_that_went_back(tmp_path: Path) -> None:
    now = [1_800_000_000.0]
    with Vault.create(tmp_path / "home", OWNER, entries(tmp_path), Policy(Code(2, 3)), clock=lambda: now[0]) as vault:
        rule = "<Rule><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>"
        settings = {"lifecycle": f"<LifecycleConfiguration>{rule}</LifecycleConfiguration>"}
        Registry(vault).add_bucket(Bucket("b", now[0], settings=settings))
        vault.put("b/k", b"x")
        now[0] -= DAY
        with pytest.raises(LockedError, match="nothing is erased by time"):
            expire(vault, now[0] + 10 * DAY)
        now[0] += DAY
        assert expire(vault, now[0] + 10 * DAY).objects == 1


def test_nothing_readable_lies_anywhere(tmp_path: Path) -> None:
    """All that lies on disk but the owner's identity, searched for contents, and stores for names too."""
    home = tmp_path / "home"
    with Vault.create(home, OWNER, entries(tmp_path), Policy(Code(2, 3))):
        set_cache(home, LEAST)
    secret, name = b"the secret of the patient " * 20_000, "patients/17/diagnosis"
    with Vault.open(home, OWNER) as vault:
        vault.put(name, secret)
        vault.put(f"{name}/2", secret, deduplicate=True)
        with vault.part_writer() as writer:
            writer.write(secret)
            part = writer.finish()
        vault.compose(f"{name}/3", [part])
        keys = [held.key.reveal() for one in (name, f"{name}/2", f"{name}/3") for held in vault.parts(one)]
        for one in (name, f"{name}/2", f"{name}/3"):
            assert b"".join(vault.get(one)) == secret
            shown = repr((vault.parts(one), vault.head(one), vault, vault.ground, vault.keeping))
            assert not any(key.hex() in shown or repr(key) in shown for key in keys)
        everything = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any("cache/" in str(path) for path in everything)
    for path, held in everything.items():
        assert b"secret of the patient" not in held, path
        assert not any(key in held or key.hex().encode() in held for key in keys), path
        if home not in path.parents:
            assert b"diagnosis" not in held
            assert "diagnosis" not in str(path)


def test_keys_are_gone_from_every_file_after_an_erasure(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Vault.create(home, OWNER, entries(tmp_path), Policy(Code(2, 3))) as vault:
        data = os.urandom(100_000)
        vault.put("plain", data)
        vault.put("chunks", data, deduplicate=True)
        with vault.part_writer() as writer:
            writer.write(data)
            part = writer.finish()
        vault.compose("composed", [part])
        vault.copy("plain", "copied")
        with vault.ground.catalogue.reading() as connection:
            wanted = [
                bytes(value)
                for query in ("SELECT sealed FROM keys", "SELECT wrapped FROM parts", "SELECT sealed FROM loose")
                for value in connection.exec_driver_sql(query).scalars()
            ]
        assert len(wanted) == 8
        held = b"".join(path.read_bytes() for path in home.glob("catalogue.db*"))
        assert all(value in held for value in wanted)
        for name in ("plain", "chunks", "composed", "copied"):
            assert vault.erase(name).is_overwritten
        held = b"".join(path.read_bytes() for path in home.glob("catalogue.db*"))
        assert not any(value in held for value in wanted)
    assert not [path for path in tmp_path.glob("s*/??/*") if path.is_file()]
