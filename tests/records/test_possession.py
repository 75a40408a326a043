"""What a challenge asks for: uniform, distinct, the same for everybody; and how many samples find how much."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailee.errors import InputError, RecordError
from bailee.records import tree
from bailee.records.possession import (
    Audit,
    Challenge,
    Entry,
    Holding,
    Levels,
    entries,
    loss_found,
    places,
    samples_for,
    spread,
)
from possessions import OWNER, T, toy

KEY = OWNER.public_key.hex()
D = "d" * 64


def test_688_samples_find_one_per_cent_with_999_in_a_thousand() -> None:
    assert samples_for(0.01, 0.999) == 688
    assert 1 - 0.99**688 >= 0.999 > 1 - 0.99**687
    assert samples_for(0.01, 0.99) == 459
    assert samples_for(0.001, 0.999) == 6905
    assert samples_for(1, 0.999) == 1
    assert loss_found(688, 0.999) <= 0.01 < loss_found(687, 0.999)


@given(st.floats(1e-4, 0.999), st.floats(0.01, 0.999999))
def test_sample_counts_are_the_smallest(loss: float, confidence: float) -> None:
    samples = samples_for(loss, confidence)
    assert 1 - (1 - loss) ** samples >= confidence - 1e-12
    assert samples == 1 or 1 - (1 - loss) ** (samples - 1) < confidence + 1e-12


@given(st.integers(1, 400), st.floats(0.001, 1), st.sampled_from([0.5, 0.9, 0.999]))
def test_without_repetition_fewer_are_enough(pieces: int, loss: float, confidence: float) -> None:
    samples = samples_for(loss, confidence, pieces)
    lost = max(1, math.ceil(loss * pieces))

    def found(count: int) -> float:
        return 1 - math.comb(pieces - lost, count) / math.comb(pieces, count)

    assert 1 <= samples <= pieces
    assert found(samples) >= confidence - 1e-9
    assert samples == 1 or found(samples - 1) < confidence + 1e-9
    assert samples <= samples_for(lost / pieces, confidence)


@pytest.mark.parametrize(("loss", "confidence"), [(0, 0.9), (-0.1, 0.9), (1.1, 0.9), (0.1, 0), (0.1, 1)])
def test_impossible_wishes_are_refused(loss: float, confidence: float) -> None:
    with pytest.raises(InputError, match="expected 0 < loss"):
        samples_for(loss, confidence)
    with pytest.raises(InputError, match="at least one piece"):
        samples_for(0.1, 0.9, 0)
    with pytest.raises(InputError, match="at least one sample"):
        loss_found(0, 0.9)


def test_places_are_distinct_within_and_the_same_for_everybody() -> None:
    held = toy()
    asked = held.challenge(samples=6)
    found = places(held.holding, asked)
    assert found == tuple(sorted(set(found))) == places(held.holding, asked)
    assert len(found) == 6
    assert 0 <= found[0] <= found[-1] < 16
    assert places(held.holding, held.challenge(samples=500)) == tuple(range(16))
    assert len({places(held.holding, held.challenge(number)) for number in range(50)}) > 40


VECTOR = (217, 353, 433, 496, 504, 789, 795, 798)
LARGE = (4851572745469644, 5176440623052939)


def test_the_first_places_are_written_down() -> None:
    """A vector for other implementations: nothing here may change under `bailee/vault/possession/v1`."""
    assert spread(bytes(32), b"\xdd" * 32, 1000, 8) == VECTOR
    assert spread(bytes(32), b"\xdd" * 32, 2**53 - 1, 2) == LARGE
    assert spread(bytes(32), b"\xdd" * 32, 3, 8) == (0, 1, 2)


def test_every_set_of_places_is_as_likely_as_any_other() -> None:
    held = toy((1, 3, 2))
    draws = 3000
    seen = Counter(places(held.holding, held.challenge(number, samples=2)) for number in range(draws))
    assert set(seen) == set(combinations(range(6), 2))
    expected = draws / 15
    chi_square = sum((count - expected) ** 2 / expected for count in seen.values())
    assert chi_square < 42.6  # 14 degrees of freedom: one in 10,000 of true generators; the seeds are fixed


def test_a_challenge_is_for_one_holding() -> None:
    with pytest.raises(RecordError, match="the challenge is for the holding"):
        places(toy(seed=2).holding, toy(seed=1).challenge())


def test_records_that_say_nonsense() -> None:
    with pytest.raises(RecordError, match="at least one fragment"):
        Holding(owner=KEY, store="north", fragments=0, pieces=0, tree=D, created=T)
    with pytest.raises(RecordError, match="at least one piece"):
        Holding(owner=KEY, store="north", fragments=3, pieces=2, tree=D, created=T)
    for samples in (0, 2**20 + 1):
        with pytest.raises(RecordError, match="samples"):
            Challenge(challenger=KEY, holding=D, randomness=D, source="x", samples=samples, created=T)
    for missing, answer in ((1, D), (0, None), (10, None)):
        with pytest.raises(RecordError, match="missing"):
            Audit(auditor=KEY, store="n", holding=D, challenge=D, samples=9, missing=missing, answer=answer, created=T)


@given(st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.integers(1, 2**40)), max_size=8))
def test_entries_follow_one_another(fragments: list[tuple[bytes, int]]) -> None:
    made = list(entries(fragments))
    assert [Entry.from_bytes(entry.to_bytes()) for entry in made] == made
    assert [entry.first for entry in made] == [sum(size for _, size in fragments[:i]) for i in range(len(made))]


@given(st.binary(max_size=60))
def test_an_entry_has_48_bytes_and_a_piece(data: bytes) -> None:
    try:
        entry = Entry.from_bytes(data)
    except RecordError:
        return
    assert entry.to_bytes() == data
    assert entry.pieces > 0


@given(st.integers(1, 70))
def test_levels_are_the_tree_of_the_rfc(size: int) -> None:
    leaves = [tree.leaf_hash(b"%d" % number) for number in range(size)]
    levels = Levels(leaves)
    assert levels.root() == tree.root(leaves)
    for index in range(size):
        assert levels.inclusion(index) == tree.inclusion(leaves, index)
    with pytest.raises(InputError, match="32 bytes"):
        Levels([*leaves, b"short"])


def test_no_leaves_have_the_empty_root() -> None:
    assert Levels([]).root() == tree.EMPTY
