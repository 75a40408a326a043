from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.adapters.stores.entry import StoreEntry
from bailee.errors import InputError
from bailee.seal.vault.blobs import placement
from bailee.seal.vault.blobs.placement import assign, place
from bailee.seal.vault.facts import Code, Placed, Policy

IDS = [number.to_bytes(16, "big") for number in range(300)]


def entry(name: str, provider: str = "", region: str = "", enabled: bool = True) -> StoreEntry:
    return StoreEntry(name, f"/stores/{name}", provider, region, enabled)


entries_of = st.lists(
    st.tuples(st.sampled_from(["", "a", "b", "c", "d"]), st.sampled_from(["", "eu", "us"])), min_size=4, max_size=14
).map(lambda drawn: [entry(f"s{i}", provider, region) for i, (provider, region) in enumerate(drawn)])


@settings(deadline=None)
@given(entries_of, st.integers(0, 13), st.integers(1, 4))
def test_a_store_that_joins_or_leaves_changes_at_most_one_place(entries: list[StoreEntry], new: int, n: int) -> None:
    others = [entry for index, entry in enumerate(entries) if index != new % len(entries)]
    policy = Policy(Code(1, min(n, len(others))))
    for blob_id in IDS[:20]:
        before, after = set(place(blob_id, policy, others)), set(place(blob_id, policy, entries))
        assert len(after - before) <= 1
        assert after - before <= set(entries)


@settings(deadline=None)
@given(entries_of, st.randoms())
def test_the_order_of_entries_does_not_matter(entries: list[StoreEntry], draw: object) -> None:
    policy = Policy(Code(2, 4))
    shuffled = sorted(entries, key=lambda _: draw.random())  # type: ignore[attr-defined]
    assert place(IDS[0], policy, entries) == place(IDS[0], policy, shuffled)


def test_blobs_are_spread_evenly() -> None:
    entries = [entry(f"s{i}") for i in range(10)]
    counts = Counter(chosen.name for blob_id in IDS for chosen in place(blob_id, Policy(Code(2, 4)), entries))
    assert all(80 <= counts[f"s{i}"] <= 160 for i in range(10)), counts
    firsts = Counter(place(blob_id, Policy(Code(2, 4)), entries)[0].name for blob_id in IDS)
    assert all(10 <= firsts[f"s{i}"] <= 60 for i in range(10)), firsts


def test_providers_come_first_and_regions_second() -> None:
    entries = [entry(f"a{i}", "a", "eu" if i < 5 else "us") for i in range(8)] + [entry("b", "b"), entry("c", "c")]
    for blob_id in IDS[:50]:
        chosen = place(blob_id, Policy(Code(2, 4)), entries)
        assert Counter(store.provider for store in chosen) == {"a": 2, "b": 1, "c": 1}
        assert {store.region for store in chosen if store.provider == "a"} == {"eu", "us"}


def test_stores_without_a_provider_are_on_their_own() -> None:
    entries = [entry("x"), entry("y"), entry("z"), *(entry(f"a{i}", "a") for i in range(5))]
    for blob_id in IDS[:50]:
        assert sum(store.provider == "a" for store in place(blob_id, Policy(Code(2, 4)), entries)) == 1


def test_regions_and_switches() -> None:
    entries = [entry("a", region="eu"), entry("b", region="us"), entry("c", region="eu", enabled=False), entry("d")]
    assert {store.name for store in place(IDS[0], Policy(Code(1, 3)), entries)} == {"a", "b", "d"}
    expected = (
        r"1 of 2 needs 2 stores, the policy leaves 1 \(switched off: c; region not allowed: b \(us\), d \(no region"
    )
    with pytest.raises(InputError, match=expected):
        place(IDS[0], Policy(Code(1, 2), allow=frozenset({"eu"})), entries)
    assert {store.name for store in place(IDS[0], Policy(Code(1, 2), deny=frozenset({"us"})), entries)} == {"a", "d"}


def test_a_maximum_per_provider() -> None:
    entries = [entry(f"a{i}", "a") for i in range(4)] + [entry("b", "b")]
    policy = Policy(Code(1, 3), per_provider=2)
    assert Counter(store.provider for store in place(IDS[0], policy, entries)) == {"a": 2, "b": 1}
    with pytest.raises(InputError, match="at most 1 a provider leave 2 places on 5 stores"):
        place(IDS[0], Policy(Code(1, 3), per_provider=1), entries)


def test_stores_on_their_own_are_placed_as_if_they_took_turns() -> None:
    entries = [entry(f"a{i}", f"p{i}") for i in range(6)]
    for blob_id in IDS[:50]:
        scores = {one.name: placement._score(blob_id, one) for one in entries}
        turns = placement._in_turn(
            entries, lambda one: one.domain, list, lambda one, scores=scores: scores[one.name]
        )  # fmt: skip
        assert place(blob_id, Policy(Code(2, 4)), entries) == tuple(turns[:4])


def test_two_stores_of_one_name() -> None:
    with pytest.raises(InputError, match="two stores have one name"):
        place(IDS[0], Policy(Code(1, 1)), [entry("a"), entry("a")])


def test_fragments_stay_where_they_may() -> None:
    placed = [Placed(0, "a", b""), Placed(1, "b", b""), Placed(2, "", b""), Placed(3, "d", b"")]
    assert assign([entry("d"), entry("x"), entry("a"), entry("y")], placed) == ("a", "x", "y", "d")


def test_a_policy_that_cannot_be() -> None:
    with pytest.raises(InputError, match="a put of 2 of 4 needs 2 to 4 fragments to be safe, got 5"):
        Policy(Code(2, 4), need=5)
    with pytest.raises(InputError, match="expected at least 1 fragment a provider, got 0"):
        Policy(Code(2, 4), per_provider=0)
    assert [Policy(Code(k, n)).enough for k, n in ((1, 1), (1, 3), (2, 3), (8, 12))] == [1, 2, 3, 10]
