"""`kill -9` while keys are made fresh: each version has the one blob or the other, whole, and nothing else stays."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from bailee.adapters.stores.entry import StoreEntry
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.keep.sweeping import MARK
from bailee.seal.vault.vault import Vault

ROUNDS = int(os.environ.get("BAILEE_CRASH_ROUNDS", "5"))
DATA = bytes(range(256)) * 12_000
CHILD = """
import sys
from pathlib import Path
from bailee.keys import Identity
from bailee.seal.vault.share.rotation import rotate
from bailee.seal.vault.keep.sweeping import MARK
from bailee.seal.vault.vault import Vault

home = Path(sys.argv[1])
with Vault.open(home, Identity.load(home)) as vault:
    print("ready", flush=True)
    while True:
        rotate(vault, "scan")
        print("rotated", flush=True)
"""


def test_either_state_and_nothing_between(tmp_path: Path) -> None:
    chance = random.Random(20260601)
    owner = Identity.create(tmp_path, "Owner")
    entries = [StoreEntry(f"s{i}", str(tmp_path / f"s{i}")) for i in range(3)]
    with Vault.create(tmp_path, owner, entries, Policy(Code(2, 3))) as vault:
        made = vault.put("scan", DATA)
        vault.copy("scan", "copy")
        seen = {vault.parts("scan")[0].blob.id}
    for number in range(ROUNDS):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE)
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            if number == 0:  # however slow the machine is, one rotation is done
                assert child.stdout.readline() == b"rotated\n"
            time.sleep(chance.random() * 0.4)
        finally:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        with Vault.open(tmp_path, owner) as vault:
            assert vault.head("scan") == made
            assert b"".join(vault.get("scan")) == b"".join(vault.get("copy")) == DATA
            (part,), (copied,) = vault.parts("scan"), vault.parts("copy")
            assert part.blob == copied.blob
            assert all(one.store for one in part.blob.fragments)
            seen.add(part.blob.id)
            assert DATA[:64] not in b"".join(
                store.read(stored.path) for store in vault.ground.stores.values() for stored in store.paths()
            )
    assert len(seen) > 1
    later = time.time() + 3 * 86400
    with Vault.open(tmp_path, owner, clock=lambda: later) as vault:
        vault.tidy()
        (part,) = vault.parts("scan")
        naming = vault.ground.keyring.naming
        left = {(name, stored.path) for name, store in vault.ground.stores.items() for stored in store.paths()}
        assert left - {(name, MARK) for name in vault.ground.stores} == {
            (one.store, naming.path(part.blob.id, one.index)) for one in part.blob.fragments
        }
        assert b"".join(vault.get("scan")) == DATA
