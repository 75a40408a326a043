"""Repair and rebalance in a process of their own, killed at random: no acknowledged byte is lost, and the end is whole.

BAILEE_KILLS: how many rounds.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bailee.adapters.catalogue.keeping import count_tasks, due_tasks
from bailee.adapters.stores.entry import StoreEntry
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.home import put_entries
from bailee.seal.vault.keep.keeping import Keeping, walk
from bailee.seal.vault.keep.rebalancing import moves, rebalance
from bailee.seal.vault.keep.repairing import repair
from bailee.seal.vault.keep.scrubbing import scrub
from bailee.seal.vault.keep.sweeping import sweep
from bailee.seal.vault.vault import Vault

ROUNDS = int(os.environ.get("BAILEE_KILLS", "4"))
OBJECTS = 12
WORKER = """
import sys
from pathlib import Path
from bailee.keys import Identity
from bailee.seal.vault.keep.keeping import Keeping
from bailee.seal.vault.keep.rebalancing import rebalance
from bailee.seal.vault.keep.repairing import repair
from bailee.seal.vault.keep.scrubbing import scrub
from bailee.seal.vault.vault import Vault

home = Path(sys.argv[1])
with Vault.open(home / "vault", Identity.load(home / "keys")) as vault:
    ground = vault.ground
    keeping = Keeping(ground.catalogue, ground.keyring, ground.time, vault.entries, ground.stores, vault.policy)
    print("ready", flush=True)
    scrub(keeping, page=2)
    repair(keeping, lease=0.01)
    rebalance(keeping, page=2)
"""


def keeping_of(vault: Vault) -> Keeping:
    ground = vault.ground
    return Keeping(ground.catalogue, ground.keyring, ground.time, vault.entries, ground.stores, vault.policy)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    identity = Identity.create(tmp_path / "keys", "Ann")
    entries = [StoreEntry(f"s{j}", str(tmp_path / f"s{j}"), provider=f"p{j}") for j in range(6)]
    with Vault.create(tmp_path / "vault", identity, entries, Policy(Code(2, 4))) as vault:
        for number in range(OBJECTS):
            vault.put(f"{number}", content(number))
    return tmp_path


def content(number: int) -> bytes:
    return random.Random(number).randbytes(200_000 * (number % 4) + number)


def test_killed_at_any_point_nothing_is_lost_and_the_next_run_ends_it(home: Path) -> None:
    rng = random.Random(1)
    for turn in range(ROUNDS):
        spoil(home, rng, turn)
        worker = subprocess.Popen([sys.executable, "-c", WORKER, str(home)], stdout=subprocess.PIPE)
        assert worker.stdout is not None
        worker.stdout.readline()
        time.sleep(rng.uniform(0, 0.8))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        worker.stdout.close()
        with Vault.open(home / "vault", Identity.load(home / "keys")) as vault:
            for number in range(OBJECTS):
                assert b"".join(vault.get(f"{number}")) == content(number)
    # Later, so that the lease of the last worker is over.
    with Vault.open(home / "vault", Identity.load(home / "keys"), clock=lambda: time.time() + 100) as vault:
        keeping = vault.keeping
        scrub(keeping)  # the rest of the walk that was killed, and then all
        scrub(keeping)
        assert repair(keeping, lease=0.01).left == {}
        rebalance(keeping)
        rebalance(keeping)
        assert scrub(keeping).wrong == {}
        with vault.ground.catalogue.reading() as connection:
            assert count_tasks(connection).get("repair", 0) == 0
        for page in walk(keeping, -1, 100):
            for _, blob in page:
                assert moves(keeping, blob) == {}
                assert len({one.store for one in blob.fragments}) == 4
        sweep(keeping, older_than=-5.0, even_many=True)
        named = 4 * sum(len(page) for page in walk(keeping, -1, 100))
        lying = [path for store in keeping.stores.values() for path in store.paths() if path.size > 64]
        assert len(lying) == named
        assert vault.journal.check() > 0


def spoil(home: Path, rng: random.Random, turn: int) -> None:
    """Two of four fragments of some blobs are lost or rotten, and another store is switched off."""
    with Vault.open(home / "vault", Identity.load(home / "keys")) as vault:
        keeping = vault.keeping
        scrub(keeping)
        scrub(keeping)
        with vault.ground.catalogue.reading() as connection:
            wrong = {task.subject for task in due_tasks(connection, "repair", float("inf"), 1000)}
        for page in walk(keeping, -1, 100):
            for _, blob in page:
                if blob.id in wrong or rng.random() < 0.5:
                    continue
                for index in rng.sample(range(4), 2):
                    path = home / blob.fragments[index].store / keeping.keyring.naming.path(blob.id, index)
                    if rng.random() < 0.5:
                        path.unlink()
                    else:
                        data = bytearray(path.read_bytes())
                        data[rng.randrange(len(data))] ^= 1
                        path.write_bytes(data)
        off = f"s{turn % 6}"
        entries = [replace(one, enabled=one.name != off) for one in vault.entries]
        vault.ground.catalogue.change(lambda unit: put_entries(unit.connection, entries))
