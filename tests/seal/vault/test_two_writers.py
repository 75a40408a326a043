"""Two openings of one vault, as two processes have it: each with a catalogue, a clock and keys of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from bailee.errors import ConflictError, LockedError, NotFoundError
from bailee.keys import Identity
from bailee.seal.vault.vault import Vault
from databases import KINDS

both = pytest.mark.parametrize("kind", KINDS, indirect=True)


@pytest.fixture
def other(vault: Vault, owner: Identity, clock):
    with Vault.open(vault.home, owner, clock=clock) as opened:
        yield opened


def side_by_side(*works: Callable[[], None]) -> None:
    problems: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


@both
def test_neither_loses_a_version_or_a_count(vault: Vault, other: Vault) -> None:
    vault.put("counter", b"")
    counted: list[str] = []

    def work(mine: Vault, name: str) -> None:
        for turn in range(8):
            mine.put("plain", f"{name} {turn}".encode())
            try:
                found = mine.head("counter")
                mine.put("counter", b"".join(mine.get("counter", found.id)) + b"x", if_match=found.etag)
                counted.append(name)
            except ConflictError:
                pass

    side_by_side(lambda: work(vault, "one"), lambda: work(other, "other"))
    kept = vault.versions("plain").versions
    assert [one.number for one in kept] == list(range(16, 0, -1))
    said = {b"".join(vault.get("plain", one.id)) for one in kept}
    assert said == {f"{name} {turn}".encode() for name in ("one", "other") for turn in range(8)}
    assert len(b"".join(other.get("counter"))) == len(counted) > 0
    assert vault.journal.check() == vault.journal.size()


@both
def test_one_name_is_new_once(vault: Vault, other: Vault) -> None:
    won: list[str] = []

    def work(mine: Vault, name: str) -> None:
        for turn in range(8):
            try:
                mine.put(f"new {turn}", name.encode(), if_none_match=True)
                won.append(f"{turn} {name}")
            except ConflictError:
                pass

    side_by_side(lambda: work(vault, "one"), lambda: work(other, "other"))
    assert sorted(one.split()[0] for one in won) == [str(turn) for turn in range(8)]
    for one in won:
        turn, name = one.split()
        assert b"".join(vault.get(f"new {turn}")).decode() == name


def test_what_one_locks_or_erases_the_other_knows_at_once(vault: Vault, other: Vault) -> None:
    version = vault.put("kept", b"kept")
    vault.hold("kept", version.id, True)
    with pytest.raises(LockedError):
        other.erase("kept")
    vault.hold("kept", version.id, False)
    assert b"".join(other.get("kept")) == b"kept"  # the other has the keys in memory now
    vault.erase("kept")
    with pytest.raises(NotFoundError):
        other.get("kept")
    with pytest.raises(NotFoundError):
        other.copy("kept", "copy")
