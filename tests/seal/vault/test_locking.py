"""Locks and holds keep what they are on, whatever the clock does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bailee.errors import InputError, LockedError
from bailee.keys import Identity
from bailee.seal.vault.facts import Lock, LockMode
from bailee.seal.vault.timekeeping import Timekeeper
from bailee.seal.vault.vault import Vault

GOVERNANCE, COMPLIANCE = LockMode.GOVERNANCE, LockMode.COMPLIANCE
DAY = 86400.0


def test_a_lock_keeps_a_version_until_it_ends(vault: Vault, clock) -> None:
    version = vault.put("a", b"kept", lock=Lock(COMPLIANCE, clock.now + DAY))
    vault.put("a", b"free")
    for action in (
        lambda: vault.erase("a"), lambda: vault.erase("a", version.id), lambda: vault.remove("a", version.id),
        lambda: vault.remove("a", version.id, bypass=True),
    ):  # fmt: skip
        with pytest.raises(
            LockedError, match="version 1 of 'a' is under a compliance lock until 2027-01-16 08:00:00 UTC"
        ):
            action()
    assert len(vault.versions().versions) == 2
    vault.delete("a")  # a marker hides, it destroys nothing
    clock.now += DAY
    assert set(vault.erase("a").versions) >= {version.id}


def test_a_lock_is_never_shortened(vault: Vault, clock) -> None:
    version = vault.put("a", b"kept").id
    soon, late = clock.now + DAY, clock.now + 2 * DAY
    vault.lock("a", version, Lock(GOVERNANCE, late))
    with pytest.raises(LockedError, match="a lock is never shortened or loosened"):
        vault.lock("a", version, Lock(COMPLIANCE, soon))
    with pytest.raises(LockedError, match="never shortened"):
        vault.lock("a", version, None)
    vault.lock("a", version, Lock(GOVERNANCE, soon), bypass=True)
    assert vault.head("a").lock == Lock(GOVERNANCE, soon)
    vault.lock("a", version, Lock(COMPLIANCE, late))
    for wanted in (None, Lock(GOVERNANCE, late + 1), Lock(COMPLIANCE, late - 1)):
        with pytest.raises(LockedError, match="is under a compliance lock until"):
            vault.lock("a", version, wanted, bypass=True)
    vault.lock("a", version, Lock(COMPLIANCE, late + 1))
    with pytest.raises(InputError, match="expected a lock that ends in the future"):
        vault.lock("a", version, Lock(COMPLIANCE, clock.now))
    with pytest.raises(InputError, match="expected a lock that ends in the future"):
        vault.put("b", b"", lock=Lock(COMPLIANCE, clock.now))
    clock.now = late + 1
    vault.lock("a", version, None)
    assert vault.head("a").lock is None
    assert [b'"bypassed":true' in one.entry for one in vault.log() if b'"lock"' in one.entry].count(True) == 1


def test_a_governance_lock_may_be_bypassed_and_a_hold_not(vault: Vault, clock) -> None:
    version = vault.put("a", b"x", lock=Lock(GOVERNANCE, clock.now + DAY)).id
    vault.hold("a", version, True)
    with pytest.raises(LockedError, match="under a legal hold"):
        vault.remove("a", version, bypass=True)
    clock.now += 2 * DAY
    with pytest.raises(LockedError, match="under a legal hold"):
        vault.erase("a")
    vault.hold("a", version, False)
    vault.erase("a")
    marked = vault.put("b", b"x")
    marker = vault.delete("b").id
    with pytest.raises(InputError, match="is a delete marker; only bytes can be locked or held"):
        vault.hold("b", marker, True)
    vault.lock("b", marked.id, Lock(GOVERNANCE, clock.now + DAY))
    with pytest.raises(LockedError, match="governance lock"):
        vault.remove("b", marked.id)
    vault.remove("b", marked.id, bypass=True)


def test_a_clock_that_jumps_forward_frees_nothing(vault: Vault, owner: Identity, tmp_path: Path, clock) -> None:
    vault.put("locked", b"x", lock=Lock(COMPLIANCE, clock.now + DAY))
    vault.put("purpose", b"x", expires=clock.now + DAY)
    vault.close()
    passed = 0.0
    with Vault.open(tmp_path / "home", owner, clock=clock, passed=lambda: passed) as again:
        clock.now += 10 * DAY
        with pytest.raises(LockedError, match="compliance lock"):
            again.erase("locked")
        assert again.expire().erasure.versions == ()
        passed = 2 * DAY
        again.erase("locked")
        assert len(again.expire().erasure.versions) == 1


def test_a_clock_set_back_is_noticed_and_erases_nothing(vault: Vault, owner: Identity, tmp_path: Path, clock) -> None:
    vault.put("purpose", b"x", expires=clock.now + DAY)
    clock.now += 5 * DAY
    late = vault.put("late", b"x", lock=Lock(COMPLIANCE, clock.now + DAY))
    vault.close()
    clock.now -= 3 * DAY
    with Vault.open(tmp_path / "home", owner, clock=clock) as again:
        with pytest.raises(
            LockedError, match=r"the clock says .* but this vault has seen .* nothing is erased by time"
        ):
            again.expire()
        with pytest.raises(LockedError, match="compliance lock"):
            again.erase("late")
        assert again.put("next", b"").created >= late.created  # stamps never go back
        with pytest.raises(InputError, match="in the future"):
            again.put("b", b"", lock=Lock(COMPLIANCE, clock.now + 1))  # would be over already
        again.accept_clock()
        assert len(again.expire().erasure.versions) == 1
    with Vault.open(tmp_path / "home", owner, clock=clock) as again:
        again.expire()
        assert b'"event":"clock"' in again.log()[-2].entry


def test_purposes_end_but_not_under_a_lock_or_hold(vault: Vault, clock) -> None:
    end = clock.now + DAY
    for name in ("plain", "held", "locked"):
        vault.put(name, b"older")
        vault.put(name, name.encode(), expires=end)
    held, locked = vault.head("held").id, vault.head("locked").id
    vault.hold("held", held, True)
    vault.lock("locked", locked, Lock(GOVERNANCE, end + DAY))
    assert vault.expire().erasure.versions == ()
    clock.now = end
    gone = vault.expire()
    assert gone.kept == (("held", held), ("locked", locked))
    assert len(gone.erasure.versions) == 1
    assert b"".join(vault.get("plain")) == b"older"
    clock.now += DAY
    vault.hold("held", held, False)
    assert len(vault.expire().erasure.versions) == 2
    with pytest.raises(InputError, match="the lock ends after the purpose"):
        vault.put("a", b"", expires=clock.now + 1, lock=Lock(GOVERNANCE, clock.now + 2))
    with pytest.raises(InputError, match="expected a purpose that ends in the future"):
        vault.put("a", b"", expires=clock.now)


def test_a_small_correction_of_the_clock_is_no_matter() -> None:
    now = [1000.0]
    time = Timekeeper(lambda: now[0])
    assert time.now() == 1000.0
    now[0] = 950.0
    time.check()
    assert time.now() == 1000.0
    assert time.surely() == 950.0
