"""Killed at any point: what was acknowledged is there, what was not is whole or absent, and nothing is left behind.

BAILEE_CRASH_ROUNDS says how often (12 unless set). Each round kills one process with SIGKILL at a random moment.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bailee.adapters.stores.entry import StoreEntry
from bailee.errors import NotFoundError
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Policy, Version
from bailee.seal.vault.keep.sweeping import sweep
from bailee.seal.vault.vault import Vault

ROUNDS = int(os.environ.get("BAILEE_CRASH_ROUNDS", "12"))
VAULT_ROUNDS = 25
"""Rounds on one vault: everything is read again after each, so a long life of one vault would cost its square."""
CHILD = Path(__file__).with_name("crash_child.py")
MARKER = b"PLAINTEXT-MARKER-"


class Known:
    """What the child said so far. bodies: version id to the number its bytes are made of."""

    def __init__(self) -> None:
        self.bodies: dict[str, int] = {}
        self.names: dict[str, list[str]] = {}
        self.markers: set[str] = set()

    def take(self, lines: list[list[str]]) -> list[str] | None:
        """The action that was under way when the process was killed, if any."""
        trying: list[str] | None = None
        for kind, *words in lines:
            if kind == "try":
                trying = words
            elif kind == "done":
                trying = None
                self._done(*words)
        return trying

    def _done(self, action: str, name: str = "", version: str = "", source: str = "") -> None:
        if action in ("put", "multipart", "copy"):
            self.bodies[version] = self.bodies[source] if action == "copy" else int(source)
            self.names.setdefault(name, []).append(version)
        elif action == "delete":
            self.markers.add(version)
            self.names.setdefault(name, []).append(version)
        elif action == "erase":
            self.names.pop(name)


@pytest.mark.parametrize("first", range(0, ROUNDS, VAULT_ROUNDS))
def test_acknowledged_bytes_outlive_any_kill(tmp_path: Path, first: int) -> None:
    home = tmp_path / "home"
    owner = Identity.create(home, "Owner")
    stores = [StoreEntry(f"s{index}", f"file://{tmp_path}/s{index}?sync=no") for index in range(3)]
    Vault.create(home, owner, stores, Policy(Code(2, 3))).close()
    known, rng = Known(), random.Random(first)
    rounds = range(first, min(first + VAULT_ROUNDS, ROUNDS))
    for number in rounds:
        lines = run_and_kill(home, number, rng.uniform(0.0, 0.6))
        trying = known.take(lines)
        with Vault.open(home, owner) as vault:
            check(vault, known, trying)
            if number % 10 == 9 or number == rounds[-1]:
                check_disk(vault, tmp_path)
    assert known.bodies


def run_and_kill(home: Path, seed: int, seconds: float) -> list[list[str]]:
    """The lines of a process that was killed `seconds` after it was ready."""
    command = [sys.executable, str(CHILD), str(home), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        first = child.stdout.readline()
        assert first == b"ready\n", child.stderr.read().decode()
        time.sleep(seconds)
        assert child.poll() is None, child.stderr.read().decode()
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read()
    return [line.decode().split() for line in rest.split(b"\n")[:-1]]


def check(vault: Vault, known: Known, trying: list[str] | None) -> None:
    """Every acknowledged version is as it was; the action under way happened whole or not at all."""
    there: dict[str, list[Version]] = {}
    after = ""
    while True:
        page = vault.versions(after=after, limit=500)
        for version in page.versions:
            there.setdefault(version.name, []).insert(0, version)
        after = page.after
        if not after:
            break
    action, name, other, token = trying or ["", "", "", ""]
    if action == "erase" and name not in there and name in known.names:
        known.names.pop(name)
    target = other if action == "copy" else name
    for one in sorted(known.names.keys() | there.keys()):
        expected, found = known.names.get(one, []), [version.id for version in there.get(one, [])]
        if found != expected:
            assert one == target, f"{one}: expected {expected}, got {found} while {trying}"
            assert found[:-1] == expected, (
                f"{one}: expected {expected} and perhaps one more, got {found} while {trying}"
            )
            extra = there[one][-1]
            known.names[one] = found
            if action == "delete":
                assert extra.is_marker
                known.markers.add(extra.id)
            elif action == "copy":
                length, etag = extra.length, extra.etag
                source = [v for v in there[name] if (v.length, v.etag) == (length, etag) and v.id in known.bodies]
                known.bodies[extra.id] = known.bodies[source[-1].id]
            else:
                known.bodies[extra.id] = int(token)
    for one, versions in there.items():
        for version in versions[-3:]:
            if version.id in known.markers:
                assert version.is_marker
            else:
                assert b"".join(vault.get(one, version.id)) == crash_body(known.bodies[version.id])
        if versions[-1].is_marker:
            with pytest.raises(NotFoundError):
                vault.head(one)
        else:
            assert vault.head(one).id == versions[-1].id
    assert vault.journal.check() > 0


def check_disk(vault: Vault, tmp_path: Path) -> None:
    """No plaintext anywhere; after tidying every fragment belongs to a blob that a version holds."""
    vault.ground.time._clock = lambda: time.time() + 30 * 86400
    vault.ground.time._begin += 30 * 86400
    vault.tidy(older_than=86400)
    sweep(vault.ground, older_than=-60.0, even_many=True)  # by the stores' own clocks nothing is old yet
    wanted = set()
    for version in vault.versions(limit=100_000).versions:
        if not version.is_marker:
            for part in vault.parts(version.name, version.id):
                for placed in part.blob.fragments:
                    wanted.add(f"{placed.store}/{vault.ground.keyring.naming.path(part.blob.id, placed.index)}")
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.glob("s*/??/*") if path.is_file()}
    assert found == wanted
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert MARKER not in path.read_bytes(), path
    vault.ground.time._highest = 0.0


def crash_body(seed: int) -> bytes:
    """As crash_child.body."""
    rng = random.Random(seed)
    size = 1_300_000 if seed % 7 == 0 else rng.randrange(0, 3000)
    return (MARKER + b"%d " % seed) * (size // 20 + 1)
