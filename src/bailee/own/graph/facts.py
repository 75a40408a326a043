"""Works, the grants between them, and who holds what of their earnings: a ledger's rights at one block.

Addresses are lower case, digests and ids of grants 64 hex digits; money and units are not in here, but for who holds
how many units. What a graph says is a copy: only the chain it came from makes it true.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bailee.errors import NotFoundError, RecordError
from bailee.own.near_copies.verdict import Entry
from bailee.records.caip import parse_account
from bailee.records.fingerprint import Fingerprint

WHOLE: Final = 10**9
"""Units of a work, and a share of use of one."""
GOOD, DISPUTED, VOID = "good", "disputed", "void"
KINDS: Final[Mapping[int, str]] = {1: "dataset", 2: "model", 3: "content"}


@dataclass(frozen=True)
class Origin:
    """A part of a work: made under `grant` of `parent`, with `share` of use of WHOLE, for `units` of its earnings."""

    parent: int
    grant: str
    share: int
    units: int


@dataclass(frozen=True)
class Budget:
    """What a dataset's sessions may spend in all: epsilon in 10^-9, delta in 10^-18."""

    epsilon: int
    delta: int


@dataclass(frozen=True)
class WorkNode:
    """naming: digests of commitment, schema, fingerprints, terms, metadata; fingerprint: its bytes, as registered.

    since: block of the reservation or registration, from which priority counts; resale: basis points; holders: of
    units, works among them by the address of their shares; withdrawn: offers revoked before anybody accepted them.
    """

    id: int
    kind: str
    naming: tuple[str, str, str, str, str]
    fingerprint: bytes
    uri: str
    registrant: str
    owner: str
    shares: str
    since: int
    block: int
    time: int
    transaction: str
    status: str
    resale: int
    currencies: tuple[str, ...]
    holders: tuple[tuple[str, int], ...]
    origins: tuple[Origin, ...]
    budget: Budget | None
    withdrawn: tuple[str, ...]

    @property
    def commitment(self) -> str:
        return self.naming[0]


@dataclass(frozen=True)
class Session:
    """Privacy spent under a grant: in units as Budget's; anchor: digest of what the owner committed to."""

    session: str
    epsilon: int
    delta: int
    anchor: str
    block: int


@dataclass(frozen=True)
class GrantNode:
    """An accepted offer. assigner: who owned the work then; royalty of WHOLE; revoked: block, 0 for not."""

    id: str
    work: int
    assigner: str
    builder: str
    record: str
    price: int
    currency: str
    royalty: int
    not_before: int
    not_after: int
    epsilon: int
    delta: int
    block: int
    time: int
    revoked: int
    sessions: tuple[Session, ...]


@dataclass(frozen=True)
class Graph:
    """ledger, registry: CAIP-10; block and its hash: what the graph is as of; scope: the work whose lineage it is."""

    ledger: str
    registry: str
    block: int
    block_hash: str
    scope: int | None
    works: tuple[WorkNode, ...]
    grants: tuple[GrantNode, ...]

    def __post_init__(self) -> None:
        if parse_account(self.ledger).chain != parse_account(self.registry).chain:
            raise RecordError(f"graph: {self.ledger} and {self.registry} are on two chains")
        known, grants = {one.id for one in self.works}, {one.id: one for one in self.grants}
        if len(known) != len(self.works) or len(grants) != len(self.grants):
            raise RecordError("graph: a work or a grant is in it twice")
        for work in self.works:
            if sum(units for _, units in work.holders) != WHOLE:
                raise RecordError(f"graph: the units of work {work.id:064x} are not {WHOLE} in all")
            for origin in work.origins:
                if origin.grant not in grants or grants[origin.grant].work != origin.parent:
                    raise RecordError(f"graph: work {work.id:064x} has a part without its grant")
        for one in (*(grant.work for grant in self.grants), *(o.parent for w in self.works for o in w.origins)):
            if one not in known:
                raise RecordError(f"graph: work {one:064x} is named and not there")
        if self.scope is not None and self.scope not in known:
            raise RecordError("graph: the work whose lineage it is, is not in it")
        _require_no_cycle(self)

    def work(self, number: int) -> WorkNode:
        """NotFoundError where it is not in the graph."""
        found = next((one for one in self.works if one.id == number), None)
        if found is None:
            raise NotFoundError(f"the graph has no work {number}")
        return found

    def lineage(self, number: int) -> Graph:
        """What the work came from and what came of it, all the way, with the grants of those works.

        What came of it was made of others too: they are in it, or parts would be missing.
        """
        self.work(number)
        kept = _closure(_closure([number], self.children()), self.parents())
        return replace(
            self,
            scope=number,
            works=tuple(one for one in self.works if one.id in kept),
            grants=tuple(one for one in self.grants if one.work in kept),
        )

    def parents(self) -> dict[int, list[int]]:
        """Of each work, in the order of its parts."""
        return {one.id: list(dict.fromkeys(origin.parent for origin in one.origins)) for one in self.works}

    def children(self) -> dict[int, list[int]]:
        """Of each work that has any, in the graph's order."""
        found: dict[int, list[int]] = {}
        for work, parents in self.parents().items():
            for parent in parents:
                found.setdefault(parent, []).append(work)
        return found

    def entries(self) -> Iterable[Entry]:
        """For a search of near copies: works with a fingerprint that is not withheld and fits, and are not void."""
        above = self.parents()
        for work in self.works:
            if work.status == VOID or not work.fingerprint:
                continue
            try:
                found = Fingerprint.from_bytes(work.fingerprint)
            except RecordError:
                continue  # anybody may register bytes that are no fingerprint
            ancestors = _closure([work.id], above) - {work.id}
            if not found.withheld and len(ancestors) <= 1024:
                yield Entry(f"{work.id:064x}", work.since, found, tuple(f"{one:064x}" for one in sorted(ancestors)))


def differences(kept: Graph, told: Graph) -> list[str]:
    """Where two graphs of one ledger and block say otherwise: paths of fields, in words. Empty where they are equal."""
    return list(_unlike("", encode_plain(kept), encode_plain(told)))


def encode_plain(graph: Graph) -> object:
    """As lists, texts and numbers; works and grants by their ids."""
    return {
        "ledger": graph.ledger, "registry": graph.registry, "block": graph.block, "block_hash": graph.block_hash,
        "scope": graph.scope,
        "works": {f"{one.id:064x}": _fields(one) for one in graph.works},
        "grants": {one.id: _fields(one) for one in graph.grants},
    }  # fmt: skip


def _fields(record: object) -> object:
    if isinstance(record, tuple):
        return [_fields(one) for one in record]
    names = getattr(type(record), "__dataclass_fields__", None)
    return record if names is None else {name: _fields(getattr(record, name)) for name in names}


def _unlike(path: str, one: object, other: object) -> Iterable[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            at = f"{path}.{name}" if path else name
            if name not in other:
                yield f"{at}: not on the chain"
            elif name not in one:
                yield f"{at}: missing"
            else:
                yield from _unlike(at, one[name], other[name])
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            yield from _unlike(f"{path}[{place}]", mine, theirs)
    elif one != other:
        yield f"{path}: the chain says otherwise"


def _closure(start: Iterable[int], steps: Mapping[int, Iterable[int]]) -> set[int]:
    found = set(start)
    waiting = list(found)
    while waiting:
        for one in steps.get(waiting.pop(), ()):
            if one not in found:
                found.add(one)
                waiting.append(one)
    return found


def _require_no_cycle(graph: Graph) -> None:
    """A work is made from works that were there before; on a chain nothing else can be."""
    left = {number: len(parents) for number, parents in graph.parents().items()}
    below, free = graph.children(), [number for number, count in left.items() if count == 0]
    while free:
        number = free.pop()
        del left[number]
        for child in below.get(number, ()):
            left[child] -= 1
            if left[child] == 0:
                free.append(child)
    if left:
        raise RecordError(f"graph: work {min(left):064x} is made from itself")
