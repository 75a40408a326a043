"""kill -9 during de-duplicating puts and erasures: what was acknowledged is there, and nothing half is."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.vault import Vault

from .conftest import entries, fragments

ROUNDS = 12
CHILD = """
import random, sys
from pathlib import Path
from bailee.keys import Identity
from bailee.seal.vault.vault import Vault
home, seed = Path(sys.argv[1]), int(sys.argv[2])
draw, base = random.Random(seed), random.Random(1).randbytes(6 << 20)
with Vault.open(home, Identity.load(home)) as vault:
    print("ready", flush=True)
    while True:
        name, at = f"n{draw.randrange(4)}", draw.randrange(len(base))
        if draw.random() < 0.3 and vault.list(name).versions:
            vault.erase(name)
            print("erased", name, flush=True)
        else:
            data = base[:at] + draw.randbytes(9) + base[at:]
            made = vault.put(name, data, deduplicate=True)
            print("put", name, made.id, made.etag, flush=True)
"""


def test_killed_at_any_moment(tmp_path: Path) -> None:
    home, draw = tmp_path / "home", random.Random(7)
    owner = Identity.create(home, "Owner")
    Vault.create(home, owner, entries(tmp_path), Policy(Code(2, 3))).close()
    kept: dict[str, dict[str, str]] = {}
    for seed in range(ROUNDS):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(home), str(seed)], stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        lines = []
        for _ in range(draw.randrange(1, 4)):
            lines.append(child.stdout.readline().split())
        try:
            child.wait(draw.random() * 0.15)
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)
        lines += [line.split() for line in child.stdout.read().splitlines()]
        child.wait()
        for word, name, *more in lines:
            if word == "put":
                kept.setdefault(name, {})[more[0]] = more[1]
            else:
                kept.pop(name, None)
        _check(home, owner, kept)
    with Vault.open(home, owner) as vault:
        for name in {version.name for version in vault.versions().versions}:
            vault.erase(name)
        vault.tidy(older_than=0.0)
        assert not fragments(tmp_path)


def _check(home: Path, owner: Identity, kept: dict[str, dict[str, str]]) -> None:
    """What was said to be put opens, unless an erasure of its name may have been on its way; the rest is whole."""
    with Vault.open(home, owner) as vault:
        found = {version.id: version for version in vault.versions().versions}
        for version in found.values():
            whole = hashlib.md5(b"".join(vault.get(version.name, version.id))).hexdigest()
            assert whole == version.etag
        for name, versions in kept.items():
            there = [version for version in versions if version in found]
            assert there in ([], list(versions)), f"{name} was lost in part"
            assert there or not vault.list(name).versions or set(found) - set(versions)
        kept.clear()
        for version in found.values():
            kept.setdefault(version.name, {})[version.id] = version.etag
