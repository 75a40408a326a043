"""Stores join, leave and fill up; fragments follow, no more of them than must. What nobody names is swept away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bailee.adapters.catalogue.keeping import count_tasks
from bailee.adapters.catalogue.tables import blobs
from bailee.adapters.stores.entry import StoreEntry
from bailee.errors import ConflictError
from bailee.seal.vault.facts import Code
from bailee.seal.vault.keep import rebalancing
from bailee.seal.vault.keep.health import health
from bailee.seal.vault.keep.keeping import best_places
from bailee.seal.vault.keep.rebalancing import Rebalanced, moves, rebalance
from bailee.seal.vault.keep.scrubbing import scrub
from bailee.seal.vault.keep.sweeping import DAY, MARK, claim, sweep
from keepers import World, world


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    found = world(tmp_path)
    for size in [3000] * 19 + [2_500_000]:
        found.put(size)
    yield found
    found.catalogue.close()


def as_the_policy_wants(made: World) -> None:
    for blob, _, _ in made.blobs.values():
        found = made.now(blob)
        assert {one.store for one in found.fragments} == {one.name for one in best_places(made.keeping, found)}
        assert moves(made.keeping, found) == {}
    made.check()


def switched(made: World, *off: str) -> list[StoreEntry]:
    return [replace(one, enabled=one.name not in off) for one in made.keeping.entries]


def fragments_on(made: World, name: str) -> int:
    return len([path for path in made.stores[name].inner.strings if path != MARK])


def test_where_nothing_changed_nothing_moves(made: World) -> None:
    found = rebalance(made.keeping)
    assert (found.blobs, found.moved, found.stuck, found.read, found.is_finished) == (20, 0, 0, 0, True)
    assert made.events() == []


def test_a_store_that_joins_takes_its_part(made: World) -> None:
    made.change_stores([*made.keeping.entries, StoreEntry("s8", "/nowhere/s8", provider="p8")])
    found = rebalance(made.keeping)
    assert found.moved == fragments_on(made, "s8") == made.events().count("move") > 0
    assert found.moved <= 20  # at most one of each blob
    assert (found.rebuilt, found.stuck) == (0, 0)
    assert found.read == found.written  # a move reads what it moves, not k times as much
    as_the_policy_wants(made)
    assert sum(fragments_on(made, name) for name in made.stores) == 120  # old copies are gone
    assert scrub(made.keeping).wrong == {}


def test_a_store_that_is_switched_off_empties(made: World) -> None:
    held = fragments_on(made, "s3")
    made.change_stores(switched(made, "s3"))
    found = rebalance(made.keeping)
    assert (found.moved, found.rebuilt, found.stuck) == (held, 0, 0)
    assert fragments_on(made, "s3") == 0
    as_the_policy_wants(made)


@pytest.mark.parametrize("trouble", ["down", "lying", "truncating"])
def test_a_store_that_is_gone_is_made_up_for(made: World, trouble: str) -> None:
    held = fragments_on(made, "s3")
    made.stores["s3"].trouble = trouble
    made.change_stores(switched(made, "s3"))
    found = rebalance(made.keeping)
    assert (found.moved, found.rebuilt, found.stuck) == (held, held, 0)
    assert "s3" in found.problems
    as_the_policy_wants(made)


def test_n_minus_k_stores_leave_at_once(tmp_path: Path) -> None:
    made = world(tmp_path, Code(3, 6), stores=9)
    for _ in range(10):
        made.put(3000)
    for name in ("s0", "s1", "s2"):
        made.stores[name].trouble = "down"
    made.change_stores(switched(made, "s0", "s1", "s2"))
    assert rebalance(made.keeping).stuck == 0
    as_the_policy_wants(made)
    assert health(made.keeping).survives == {3: 10}


def test_with_fewer_stores_than_fragments_what_can_stays(tmp_path: Path) -> None:
    made = world(tmp_path, Code(2, 4), stores=4)
    blob = made.put()
    made.change_stores(switched(made, "s1"))
    found = rebalance(made.keeping)
    assert (found.moved, found.stuck) == (0, 0)
    assert made.now(blob) == blob
    made.check()


def test_a_full_store_stays_as_it_is_and_is_tried_again(made: World) -> None:
    made.change_stores([*made.keeping.entries, StoreEntry("s8", "/nowhere/s8", provider="p8")])
    made.stores["s8"].trouble = "full"
    found = rebalance(made.keeping)
    assert found.moved == 0
    assert found.stuck > 0
    assert found.rebuilt == found.written == 0  # making it anew would not help
    assert "no space left" in found.problems["s8"]
    made.check()
    made.stores["s8"].trouble = ""
    assert rebalance(made.keeping).moved == found.stuck
    as_the_policy_wants(made)


def test_providers_are_spread_again(tmp_path: Path) -> None:
    made = world(tmp_path, Code(2, 4), stores=4, providers=1)
    for _ in range(5):
        made.put()
    assert health(made.keeping).crowded == 5
    made.change_stores([*made.keeping.entries, *(StoreEntry(f"t{j}", f"/t{j}", provider=f"q{j}") for j in range(3))])
    rebalance(made.keeping)
    as_the_policy_wants(made)
    assert health(made.keeping).crowded == 0


def test_it_goes_on_where_it_was_stopped(made: World) -> None:
    made.change_stores(switched(made, "s3"))
    seen: list[int] = []

    def stop(done: Rebalanced) -> None:
        seen.append(done.blobs)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebalance(made.keeping, page=4, progress=stop)
    made.check()
    part = rebalance(made.keeping, page=4, blobs=4)
    assert (part.blobs, part.is_finished) == (12, False)
    found = rebalance(made.keeping, page=4)
    assert (found.blobs, found.is_finished) == (20, True)
    assert found.read == found.written
    as_the_policy_wants(made)


def test_a_blob_that_is_erased_meanwhile_stays_erased(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made.change_stores(switched(made, "s3"))
    monkeypatch.setattr(rebalancing, "move_fragments", lambda *given: False)
    found = rebalance(made.keeping)
    assert found.moved == 0
    assert "was changed while" in found.problems[""]
    made.check()


def test_health_says_what_is(made: World) -> None:
    found = health(made.keeping)
    assert (found.blobs, found.survives, found.tasks, found.crowded, found.least) == (20, {3: 20}, {}, 0, 3)
    assert sum(one.fragments for one in found.stores) == 120
    sizes = {name: sum(map(len, store.inner.strings.values())) for name, store in made.stores.items()}
    assert {one.name: one.bytes for one in found.stores} == sizes
    made.lose(next(iter(made.blobs.values()))[0], 2)
    scrub(made.keeping)
    found = health(made.keeping)
    assert (found.survives, found.tasks) == ({2: 1, 3: 19}, {"repair": 1})
    with made.catalogue.reading() as connection:
        assert count_tasks(connection) == found.tasks
    made.catalogue.change(lambda unit: unit.connection.execute(blobs.delete()))
    assert health(made.keeping).least is None


# Sweeping


def orphan(made: World, name: str, path: str = "ab/" + "cd" * 15, age: float = 2 * DAY) -> str:
    inner = made.stores[name].inner
    inner.strings[path] = bytearray(b"left behind")
    inner.modified[path] = inner.modified.get(path, time.time()) - age
    return path


def test_what_nobody_names_goes_and_all_else_stays(made: World) -> None:
    old, young = orphan(made, "s1"), orphan(made, "s1", "ab/" + "ef" * 15, age=100.0)
    foreign = orphan(made, "s1", "photos/holiday")
    for store in made.stores.values():  # everything is old
        for path in store.inner.modified:
            store.inner.modified[path] -= 0 if path == young else 10 * DAY
    found = sweep(made.keeping)
    assert (found.orphans, found.bytes, found.kept) == ({"s1": 1}, {"s1": 11}, {})
    assert old not in made.stores["s1"].inner.strings
    assert {young, foreign, MARK} < set(made.stores["s1"].inner.strings)
    made.check()
    assert sweep(made.keeping).orphans == {}


def test_an_old_copy_on_another_store_is_an_orphan_too(made: World) -> None:
    blob = next(iter(made.blobs.values()))[0]
    here = blob.fragments[0].store
    other = next(name for name in made.stores if all(one.store != name for one in blob.fragments))
    assert other != here
    path = orphan(made, other, made.path(blob, 0))
    assert sweep(made.keeping).orphans == {other: 1}
    assert path not in made.stores[other].inner.strings
    made.check()


def test_what_is_being_repaired_is_let_be(made: World) -> None:
    blob = next(iter(made.blobs.values()))[0]
    made.lose(blob, 0)
    scrub(made.keeping)
    other = next(name for name in made.stores if all(one.store != name for one in blob.fragments))
    orphan(made, other, made.path(blob, 0))
    assert sweep(made.keeping).orphans == {}


def test_a_store_whose_clock_is_wrong_is_judged_by_it(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    orphan(made, "s1", age=100.0)
    inner = made.stores["s1"].inner
    true_paths = inner.paths

    def paths(prefix: str = "") -> object:
        return (replace(one, modified=one.modified - 50 * DAY) for one in true_paths(prefix))

    monkeypatch.setattr(inner, "paths", paths)
    assert sweep(made.keeping).orphans == {}
    inner.modified["ab/" + "cd" * 15] -= 2 * DAY
    assert sweep(made.keeping).orphans == {"s1": 1}


def test_another_vaults_store_is_not_swept(made: World, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    other = world(tmp_path / "b", Code(2, 4), stores=4)
    claim(other.keeping.keyring, made.stores["s1"])
    claim(other.keeping.keyring, made.stores["s1"])
    with pytest.raises(ConflictError, match="store s1 is another vault's"):
        claim(made.keeping.keyring, made.stores["s1"])
    orphan(made, "s1")
    found = sweep(made.keeping)
    assert found.orphans == {}
    assert "another vault's" in found.kept["s1"]


def test_where_much_is_unknown_nothing_is_deleted(made: World) -> None:
    """An old copy of the catalogue, or somebody else's folder."""
    for number in range(40):
        orphan(made, "s1", f"ab/{number:030x}")
    made.stores["s2"].trouble = "down"
    found = sweep(made.keeping)
    assert found.orphans == {}
    assert "40 fragments that this vault does not know" in found.kept["s1"]
    assert "does not answer" in found.kept["s2"]
    assert sweep(made.keeping, even_many=True).orphans == {"s1": 40}
    made.stores["s2"].trouble = ""
    made.check()
