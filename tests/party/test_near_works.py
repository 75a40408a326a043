"""Fingerprints of a ledger's works: taken once each, and again where the chain took blocks back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bailee.adapters.chain.deployment import Configuration, deploy
from bailee.adapters.chain.embedded.memory import MemoryLedger
from bailee.adapters.chain.ledger import Ledger
from bailee.adapters.chain.ledger.facts import Kind, Naming
from bailee.adapters.chain.opening import embedded_chain
from bailee.errors import InputError
from bailee.own.fingerprints import fingerprint
from bailee.own.near_copies.verdict import Entry
from bailee.party.near_works import _ancestors, near_works
from bailee.records.fingerprint import Fingerprint
from chains import RICH, Engine, account

TEXT = " ".join(f"Line {at} had {at * 7919 % 1000} boats." for at in range(150))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with embedded_chain(MemoryLedger()) as chain:
        engine = Engine("embedded", chain)
        engine.fund(engine.accounts[0].address, RICH)
        yield engine


@pytest.fixture(scope="module")
def ledger(engine: Engine) -> Ledger:
    found = deploy(engine.chain, engine.accounts[0], Configuration((account(6).address,), 1, 1, 1_000, 1, 1))
    return Ledger(engine.chain, found, engine.accounts[0])


def printed(folder: Path, text: str) -> Fingerprint:
    path = folder / "work.txt"
    path.write_text(text)
    return fingerprint(path)


def registered(ledger: Ledger, number: int, found: bytes) -> str:
    commitment = f"{number:064x}"
    ledger.registry.register(Kind.CONTENT, Naming(commitment), fingerprint=found)
    return f"{ledger.registry.id_of(commitment):064x}"


def test_works_are_taken_once_and_again_after_a_reorganisation(engine: Engine, ledger: Ledger, tmp_path: Path) -> None:
    whole = printed(tmp_path, TEXT)
    asked = Entry("ff" * 32, 2**40, printed(tmp_path, TEXT.replace("Line 7 ", "Row 7 ")))
    assert near_works(tmp_path, ledger, asked) == ([], 0)
    one = registered(ledger, 1, whole.to_bytes())
    registered(ledger, 2, whole.withhold(bytes(32)).to_bytes())
    registered(ledger, 3, b"no fingerprint")
    before = engine.snapshot()
    two = registered(ledger, 4, whole.to_bytes())
    for _ in range(2):
        near, uncompared = near_works(tmp_path, ledger, asked)
        assert {near_one.verdict.other.work for near_one in near} == {one, two}
        assert uncompared == 2
        assert all(near_one.counts for near_one in near)
    engine.revert(before)
    three = registered(ledger, 5, whole.to_bytes())
    near, uncompared = near_works(tmp_path, ledger, asked)
    assert ({near_one.verdict.other.work for near_one in near}, uncompared) == ({one, three}, 2)


def test_a_withheld_fingerprint_is_not_looked_up(ledger: Ledger, tmp_path: Path) -> None:
    hidden = printed(tmp_path, TEXT).withhold(bytes(32))
    with pytest.raises(InputError, match="withheld"):
        near_works(tmp_path, ledger, Entry("ff" * 32, 1, hidden))


def test_ancestors_are_all_the_way_up_and_bounded() -> None:
    assert _ancestors(3, {3: {2, 9}, 2: {1}, 9: {1}}) == tuple(f"{one:064x}" for one in (2, 9, 1))
    assert _ancestors(5, {}) == ()
    long = {at: {at - 1} for at in range(1, 3000)}
    assert len(_ancestors(2999, long)) == 1024
