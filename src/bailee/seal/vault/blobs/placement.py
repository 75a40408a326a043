"""Which stores keep a blob: rendezvous hashing, spread over providers first and regions second (docs/vault.md, 5).

Every store has a score for every blob. Within a provider its regions take turns, within a region the best score comes
first; then providers take turns. A store that joins changes at most one of a blob's n places, one that leaves as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from blake3 import blake3

from bailee import tags
from bailee.adapters.stores.entry import StoreEntry
from bailee.errors import InputError
from bailee.seal.vault.facts import Placed, Policy


def place(blob_id: bytes, policy: Policy, entries: Sequence[StoreEntry]) -> tuple[StoreEntry, ...]:
    """The n stores of a blob; fragment j goes to the j-th. InputError where the policy leaves fewer than n."""
    allowed = [entry for entry in entries if is_allowed(entry, policy)]
    scores = {entry.name: _score(blob_id, entry) for entry in allowed}
    if len(scores) != len(allowed):
        raise InputError("two stores have one name; give each its own")

    def by_score(entry: StoreEntry) -> bytes:
        return scores[entry.name]

    def by_region(group: Sequence[StoreEntry]) -> list[StoreEntry]:
        return _in_turn(group, lambda entry: entry.region, lambda part: sorted(part, key=by_score), by_score)

    def within(group: Sequence[StoreEntry]) -> list[StoreEntry]:
        return by_region(group)[: policy.per_provider]

    if len({entry.domain for entry in allowed}) == len(allowed):
        chosen = sorted(allowed, key=by_score)[: policy.code.n]  # nobody has to take turns: the same, sooner
    else:
        chosen = _in_turn(allowed, lambda entry: entry.domain, within, by_score)[: policy.code.n]
    if len(chosen) < policy.code.n:
        raise InputError(_too_few(policy, entries, allowed, len(chosen)))
    return tuple(chosen)


def is_allowed(entry: StoreEntry, policy: Policy) -> bool:
    """Switched on, and in a region that may hold fragments. A region not given is in no list."""
    return entry.enabled and entry.region not in policy.deny and (not policy.allow or entry.region in policy.allow)


def assign(wanted: Sequence[StoreEntry], now: Sequence[Placed]) -> tuple[str, ...]:
    """A store's name for each fragment: those that lie on a wanted store stay, the others take what is left over."""
    names = {entry.name for entry in wanted}
    kept = {placed.index: placed.store for placed in now if placed.store in names}
    free = iter([entry.name for entry in wanted if entry.name not in set(kept.values())])
    return tuple(kept.get(placed.index) or next(free) for placed in now)


def _in_turn(
    entries: Sequence[StoreEntry],
    group_of: Callable[[StoreEntry], str],
    order: Callable[[Sequence[StoreEntry]], list[StoreEntry]],
    score: Callable[[StoreEntry], bytes],
) -> list[StoreEntry]:
    """The first of each group, by score, then the second of each, and so on; `order` orders within a group."""
    rounds: list[tuple[int, bytes, StoreEntry]] = []
    for _, group in groupby(sorted(entries, key=group_of), key=group_of):
        rounds += [(turn, score(entry), entry) for turn, entry in enumerate(order(list(group)))]
    return [entry for _, _, entry in sorted(rounds, key=lambda item: item[:2])]


def _score(blob_id: bytes, entry: StoreEntry) -> bytes:
    return blake3(blob_id + entry.name.encode(), key=tags.VAULT_PLACE).digest()


def _too_few(policy: Policy, entries: Sequence[StoreEntry], allowed: Sequence[StoreEntry], places: int) -> str:
    off = [entry.name for entry in entries if not entry.enabled]
    others = [entry for entry in entries if entry.enabled and entry not in allowed]
    elsewhere = [f"{entry.name} ({entry.region or 'no region'})" for entry in others]
    reasons = [f"switched off: {', '.join(off)}"] if off else []
    reasons += [f"region not allowed: {', '.join(elsewhere)}"] if elsewhere else []
    if places < len(allowed):
        reasons.append(f"at most {policy.per_provider} a provider leave {places} places on {len(allowed)} stores")
    because = f" ({'; '.join(reasons)})" if reasons else ""
    return f"{policy.code} needs {policy.code.n} stores, the policy leaves {places}{because}; add stores or change it"
