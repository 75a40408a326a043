"""Audits over real fragments: a store that keeps its word passes anybody's check, one that does not is found out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from bailee.adapters.catalogue.keeping import count_tasks, find_task
from bailee.adapters.catalogue.tables import blobs as table
from bailee.errors import ConflictError, InputError, NotFoundError
from bailee.records import digest
from bailee.records.possession import OWN_RANDOMNESS
from bailee.seal.vault.blobs.layout import LEAF, Layout
from bailee.seal.vault.facts import Code
from bailee.seal.vault.keep import auditing
from bailee.seal.vault.keep.auditing import ANSWER, CHALLENGE, HOLDING, Randomness, audit, ledger, stock_of
from bailee.verify.possession import Possession, verify_possession
from keepers import IDENTITY, World, world


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    found = world(tmp_path, Code(2, 4), stores=4)
    for size in (1, 5000, 3_300_000, 20_000):
        found.put(size)
    yield found
    found.catalogue.close()


def check(folder: Path) -> Possession:
    with (folder / ANSWER).open("rb") as file:
        holding, challenge = (folder / HOLDING).read_bytes(), (folder / CHALLENGE).read_bytes()
        return verify_possession(holding, challenge, file, IDENTITY.public_key, IDENTITY.public_key)


def test_a_healthy_store_convinces_a_stranger(made: World, tmp_path: Path) -> None:
    for name in made.stores:
        folder = tmp_path / name
        found = audit(made.keeping, name, randomness=Randomness(bytes(range(32)), "a beacon, round 7"), folder=folder)
        shown = check(folder)
        assert found.passed
        assert found.faults == ()
        assert found.record.record.answer == digest((folder / ANSWER).read_bytes())
        assert shown.samples == found.record.record.samples == 7  # 1 + 1 + 4 + 1 pieces, all but those that 7 imply
        assert shown.challenge.record.source == "a beacon, round 7"
        assert shown.bytes <= found.read
    assert [one.record.store for one in ledger(made.keeping)] == list(reversed(made.stores))
    assert made.events() == ["audit"] * 4
    with made.catalogue.reading() as connection:
        assert count_tasks(connection) == {}


def test_own_randomness_is_said_to_be(made: World) -> None:
    found = audit(made.keeping, "s1", samples=2)
    assert found.challenge.record.source == OWN_RANDOMNESS
    assert found.record.record.samples == 2
    assert found.challenge.record.randomness != audit(made.keeping, "s1", samples=2).challenge.record.randomness


def test_samples_weigh_fragments_by_their_pieces(made: World) -> None:
    stock = stock_of(made.keeping, "s0")
    assert (len(stock), stock.pieces) == (4, 7)
    assert [stock.find(place) for place in range(7)] == [0, 1, 2, 2, 2, 2, 3]


@pytest.mark.parametrize("trouble", ["lost", "rotten piece", "rotten leaf", "only leaves", "another's", "cut"])
def test_what_is_wrong_fails_and_is_queued(made: World, tmp_path: Path, trouble: str) -> None:
    blobs = [blob for blob, _, _ in made.blobs.values()]
    blob, other = blobs[2], blobs[3]
    layout = Layout(blob.code, blob.length)
    index = next(one.index for one in blob.fragments if one.store == "s2")
    data = made.fragment(blob, index)
    match trouble:
        case "lost":
            made.lose(blob, index)
        case "rotten piece":
            data[layout.piece] ^= 1
        case "rotten leaf":
            data[layout.body + LEAF] ^= 1
        case "only leaves":
            data[: layout.body] = bytes(layout.body)
        case "another's":
            theirs = next(one.index for one in other.fragments if one.store == "s2")
            data[:] = made.fragment(other, theirs) + bytes(len(data))
        case "cut":
            del data[-1:]
    found = audit(made.keeping, "s2", samples=99, folder=tmp_path / "out")
    assert not found.passed
    assert found.record.record.answer is None
    assert found.record.record.missing == 4
    assert not (tmp_path / "out" / ANSWER).exists()
    assert [one.record.missing for one in ledger(made.keeping, "s2")] == [4]
    with made.catalogue.reading() as connection:
        task = find_task(connection, "repair", blob.id)
    assert trouble == "cut" or (task is not None and list(task.detail["faults"]) == [str(index)])


@pytest.mark.parametrize("trouble", ["down", "lying", "truncating", "short", "flapping"])
def test_a_store_in_trouble_fails_its_audit(made: World, trouble: str) -> None:
    made.stores["s1"].trouble = trouble
    found = audit(made.keeping, "s1")
    assert not found.passed
    with made.catalogue.reading() as connection:
        assert (count_tasks(connection) == {}) == (trouble in ("down", "short", "flapping"))


def test_a_store_that_is_away_is_not_asked_for_ever(tmp_path: Path) -> None:
    made = world(tmp_path, Code(1, 2), stores=2)
    for _ in range(60):
        made.put(10)
    made.stores["s0"].trouble, made.stores["s0"].calls = "down", 0
    assert audit(made.keeping, "s0", samples=60).record.record.missing == 60
    assert made.stores["s0"].calls < 40


def test_what_moved_or_was_erased_meanwhile_is_no_fault(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    true_stock, tried = auditing.stock_of, []

    def stock_before(*given: object) -> object:
        stock = true_stock(*given)  # type: ignore[arg-type]
        blob = next(iter(made.blobs.values()))[0]
        if len(tried) < upto:
            made.catalogue.change(lambda unit: unit.connection.execute(table.delete().where(table.c.id == blob.id)))
            made.blobs.pop(blob.id)
            made.put(100 + len(tried))
        tried.append(0)
        return stock

    monkeypatch.setattr(auditing, "stock_of", stock_before)
    upto = 1
    assert audit(made.keeping, "s3", samples=99).passed
    assert len(tried) == 2
    upto, tried[:] = 9, []
    with pytest.raises(ConflictError, match="moved or erased"):
        audit(made.keeping, "s3", samples=99)
    assert len(ledger(made.keeping)) == 1


def test_nothing_to_ask_for(tmp_path: Path) -> None:
    made = world(tmp_path, Code(1, 2), stores=2)
    with pytest.raises(InputError, match="holds nothing"):
        audit(made.keeping, "s0")
    with pytest.raises(NotFoundError, match="there is no store 'x'"):
        audit(made.keeping, "x")
    with pytest.raises(InputError, match="32 bytes of randomness"):
        Randomness(b"short", "x")


def test_a_store_that_lost_a_part_is_found_as_often_as_the_formula_says(tmp_path: Path) -> None:
    made = world(tmp_path, Code(1, 2), stores=2)
    blobs = [made.put(10) for _ in range(40)]
    for blob in blobs[:4]:
        made.lose(blob, next(one.index for one in blob.fragments if one.store == "s0"))
    samples, draws = 8, 150
    found = sum(
        not audit(made.keeping, "s0", samples=samples, randomness=Randomness(bytes([draw]) * 32, "a test")).passed
        for draw in range(draws)
    )
    expected = 1 - math.comb(36, samples) / math.comb(40, samples)
    # What is drawn hangs on the fragments' names, which are random: one run in 4 billion is further off than this.
    assert abs(found / draws - expected) < 6.3 * math.sqrt(expected * (1 - expected) / draws)
