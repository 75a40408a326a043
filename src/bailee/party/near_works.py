"""Which works on a ledger a work is near to: their fingerprints, taken from the ledger into an index of the home.

ledger/index.db            what the ledger said (adapters/chain/index)
works/NAME/near            fingerprints of that ledger's works (own/near_copies), and how far they were taken, in `upto`

Both hold nothing but what the ledger says: deleted, they are made again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bailee.adapters.chain.ledger.facts import Status
from bailee.adapters.chain.opening import folder_of
from bailee.adapters.files import read_bytes, storage_errors, turns, write_atomic
from bailee.errors import ChainError, InputError, RecordError
from bailee.own.near_copies.verdict import COPY, NEAR_COPY, Entry, Verdict
from bailee.party.registrations import folder_of as registration_folder
from bailee.records.canonical import canonical, parse
from bailee.records.fingerprint import Fingerprint

if TYPE_CHECKING:
    from bailee.adapters.chain.index import Index
    from bailee.adapters.chain.ledger import Ledger
    from bailee.adapters.chain.ledger.events import Derived, Registered

_UPTO = "upto"
_MOST_ANCESTORS = 1024


@dataclass(frozen=True)
class NearWork:
    """One that is near. `status` as the ledger has it now."""

    verdict: Verdict
    owner: str
    status: int

    @property
    def work(self) -> int:
        return int(self.verdict.other.work, 16)

    @property
    def counts(self) -> bool:
        """Whether registering beside it needs a second thought."""
        return self.verdict.decision in (COPY, NEAR_COPY) and self.status != Status.VOID and not self.verdict.declared

    def as_facts(self) -> dict[str, Any]:
        scores = self.verdict.scores
        told = {name: round(getattr(scores, name), 2) for name in ("structural", "subject", "semantic")}
        first = {True: "it", False: "this one", None: "neither"}[self.verdict.first]
        more = {"status": self.status, "owner": self.owner, "first": first, "declared": self.verdict.declared}
        return {"work": str(self.work), "decision": self.verdict.decision, **told, **more}

    def words(self) -> str:
        scores = self.as_facts()
        told = ", ".join(f"{name} {scores[name]:.2f}" for name in ("structural", "subject", "semantic"))
        void = ", void" if self.status == Status.VOID else ""
        return f"work {self.work} of {self.owner}: {self.verdict.decision} ({told}){void}"


@dataclass(frozen=True)
class _Upto:
    """The last block that was taken, and what could not be: `withheld`, `foreign` (no fingerprint of ours)."""

    block: int = -1
    hash: str = ""
    withheld: int = 0
    foreign: int = 0


@contextmanager
def followed(home: Path, ledger: Ledger) -> Iterator[Index]:
    """The home's index of a ledger's events, up to date."""
    from bailee.adapters.chain.index import follow, open_index

    with open_index(f"sqlite:///{(folder_of(home) / 'index.db').resolve()}") as index:
        follow(index, ledger)
        yield index


def near_works(home: Path, ledger: Ledger, new: Entry) -> tuple[list[NearWork], int]:
    """What is near `new`, the nearest first; and how many works could not be compared: withheld, or no fingerprint.

    `new.fingerprint` must be whole. Near copies under another key or of another kind are not found.
    """
    from bailee.errors import NotFoundError

    if new.fingerprint.withheld:
        raise InputError("a withheld fingerprint is near nothing: whoever keeps the whole one can compare it")
    folder = registration_folder(home, ledger.name, 0).parent / "near"
    with turns(folder.parent):  # two commands of one home would both add what neither has yet
        found, upto = _taken(home, ledger, folder)
        verdicts = list(found.find(new))
    near, seen = [], set()
    for verdict in verdicts:
        if verdict.other.work in seen:
            continue
        seen.add(verdict.other.work)
        try:
            work = ledger.registry.work(int(verdict.other.work, 16))
        except NotFoundError:  # of a block that the chain took back
            continue
        near.append(NearWork(verdict, work.owner, int(work.status)))
    return near, upto.withheld + upto.foreign


def _taken(home: Path, ledger: Ledger, folder: Path) -> tuple[Any, _Upto]:
    """The index of fingerprints, with all that the ledger has up to its newest block. Under `turns`."""
    from bailee.own.near_copies import NearCopies

    upto = _read_upto(folder)
    if upto.block >= 0 and not _is_there(ledger, upto):
        upto = _Upto()
    if upto.block < 0:
        shutil.rmtree(folder, ignore_errors=True)
    head = ledger.chain.block()
    found = NearCopies(folder)
    with followed(home, ledger) as index:
        from bailee.adapters.chain.index import registrations
        from bailee.adapters.chain.ledger.events import Derived

        said = [one for one in registrations(index, ledger, upto.block) if one.where.block <= head.number]
        derived = any(isinstance(one, Derived) for one in said)
        parents = _parents(registrations(index, ledger)) if derived else {}
    entries, withheld, foreign = _entries(said, parents)
    if entries:
        found.add(entries)
    upto = _Upto(head.number, head.hash.hex(), upto.withheld + withheld, upto.foreign + foreign)
    write_atomic(folder / _UPTO, canonical(asdict(upto)))
    return found, upto


def _parents(said: Sequence[Registered | Derived]) -> dict[int, set[int]]:
    from bailee.adapters.chain.ledger.events import Derived

    parents: dict[int, set[int]] = {}
    for event in said:
        if isinstance(event, Derived):
            parents.setdefault(event.id, set()).add(event.parent)
    return parents


def _ancestors(work: int, parents: Mapping[int, set[int]]) -> tuple[str, ...]:
    """All the way up, the nearest first, as many as an entry takes."""
    found: dict[int, None] = {}
    wave = sorted(parents.get(work, ()))
    while wave and len(found) < _MOST_ANCESTORS:
        found |= dict.fromkeys(wave)
        wave = sorted({one for other in wave for one in parents.get(other, ())} - set(found))
    return tuple(f"{one:064x}" for one in list(found)[:_MOST_ANCESTORS])


def _entries(said: Sequence[Registered | Derived], parents: Mapping[int, set[int]]) -> tuple[list[Entry], int, int]:
    from bailee.adapters.chain.ledger.events import Registered

    entries, withheld, foreign = [], 0, 0
    for event in said:
        if not isinstance(event, Registered):
            continue
        try:
            print_ = Fingerprint.from_bytes(event.fingerprint)
        except RecordError:  # a registration holds any bytes
            foreign += 1
            continue
        withheld += print_.withheld
        entries.append(Entry(f"{event.id:064x}", event.since, print_, _ancestors(event.id, parents)))
    return entries, withheld, foreign


def _is_there(ledger: Ledger, upto: _Upto) -> bool:
    try:
        return ledger.chain.block(upto.block).hash.hex() == upto.hash
    except ChainError:
        return False


def _read_upto(folder: Path) -> _Upto:
    with storage_errors(folder):
        if not (folder / _UPTO).is_file():
            return _Upto()
    try:
        return _Upto(**parse(read_bytes(folder / _UPTO, 4096, "index")))  # type: ignore[arg-type]
    except (RecordError, TypeError):
        return _Upto()
