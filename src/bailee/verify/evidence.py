"""Reads a passport's links: the envelope, its attachments by digest, and whose signature each must bear."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

from bailee.adapters.files import read_bytes
from bailee.argument.commitment_record import Commitment
from bailee.errors import BaileeError, InputError, PassportError
from bailee.records import Card, Record, Revocation, Signed, digest, open_signed, parse_time, predicate_type_of
from bailee.records.canonical import MAX_BYTES
from bailee.records.schema import Schema
from bailee.statements.card import CardVerifier, check_card

ATTACHMENTS = "attachments"
MAX_PROOF_BYTES = 1 << 30
MAX_REVOCATION_BYTES = 1 << 16
"""A revocation has some 700 bytes; what nobody named must not cost a reader more than that."""
T = TypeVar("T", bound=Record)


class Part(Protocol):
    """What a passport of either kind says of one owner's dataset."""

    @property
    def owner(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def card(self) -> str: ...
    @property
    def card_proof(self) -> str: ...


WatchLinks: TypeAlias = Callable[[str, str], None]
"""Called with a link's name and how it stands: "begun", then "holds" or "broken"."""
# Not an argument: every check of every kind of paper would only hand it on. Nothing but what people see hangs on it.
_watch: ContextVar[WatchLinks | None] = ContextVar("watch", default=None)


@contextmanager
def watching_links(watch: WatchLinks) -> Iterator[None]:
    """Links that are checked inside, in this thread, are told to `watch`."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


@contextmanager
def link(name: str) -> Iterator[None]:
    """Every error inside says which link of the passport it broke; its kind stays."""
    watch = _watch.get()
    if watch is not None:
        watch(name, "begun")
    try:
        yield
    except BaileeError as error:
        if watch is not None:
            watch(name, "broken")
        raise type(error)(f"{name}: {error}") from None
    if watch is not None:
        watch(name, "holds")


def require(holds: bool, message: str) -> None:
    """Raises PassportError unless `holds`."""
    if not holds:
        raise PassportError(message)


@dataclass(frozen=True)
class Evidence:
    """The folder of attachments beside a passport; every file's name is the digest of its bytes."""

    folder: Path

    def read(self, name: str, limit: int = MAX_PROOF_BYTES) -> bytes:
        """The attachment of digest `name`. Raises PassportError where it is missing or changed."""
        try:
            path = self.folder / name
            require(path.is_file(), f"attachment {name[:16]}... cannot be read: it does not exist, or is no file")
            data = read_bytes(path, limit, "attachment")
        except InputError as error:
            raise PassportError(f"attachment {name[:16]}... cannot be read: {error}") from None
        require(digest(data) == name, f"attachment {name[:16]}... was changed: its bytes have digest {digest(data)}")
        return data

    def record(self, name: str, kind: type[T], signer: str) -> Signed[T]:
        """The signed record of digest `name`, by the key `signer` (hex)."""
        return open_signed(self.read(name, MAX_BYTES), kind, bytes.fromhex(signer))

    def part_card(
        self, part: Part, opened: str, plain: bool, cards_by: CardVerifier | None
    ) -> tuple[Signed[Card], Schema]:
        """The card of an owner's part of a passport, its proof checked, older than `opened`, when training began."""
        with link(f"card of {part.name}"):
            card = self.record(part.card, Card, part.owner)
            record = card.record
            require(record.owner_name == part.name, f"it names its owner {record.owner_name!r}")
            require(record.rows == part.rows, f"it commits to {record.rows} rows, the passport says {part.rows}")
            require(record.proof == part.card_proof, "the passport names another proof of validity")
            require(parse_time(record.created) <= parse_time(opened), "it was made after training began")
            return card, check_card(card, self.read(part.card_proof), plain, cards_by)

    def card(self, name: str, proof: str, opening: int, plain: bool) -> Signed[Card]:
        """The card of digest `name`, its proof checked, of whose commitment `opening` was spent on something else."""
        card = open_signed(self.read(name, MAX_BYTES), Card)
        said = card.record
        require(said.proof == proof, "its proof is another than the record names")
        check_card(card, self.read(proof), plain)
        spent = {said.opening} | ({said.renews.new_opening} if said.renews else set())
        fresh = opening not in spent and opening < Commitment.from_json(said.commitment).openings - 1
        require(fresh, f"opening {opening} is kept, or was spent on the card")
        return card

    def revocations(self, known: set[str]) -> tuple[Signed[Revocation], ...]:
        """Revocations among the attachments that no link names (all but `known`). Anything else is left alone."""
        found: list[Signed[Revocation]] = []
        if not self.folder.is_dir():
            raise PassportError(f"there is no folder {self.folder}: a passport needs its attachments beside it")
        for path in sorted(self.folder.iterdir()):
            if path.name in known or not path.is_file() or path.stat().st_size > MAX_REVOCATION_BYTES:
                continue
            data = read_bytes(path, MAX_REVOCATION_BYTES, "attachment")
            try:
                if predicate_type_of(data) == Revocation.predicate_type():
                    found.append(open_signed(data, Revocation))
            except BaileeError:
                continue
        return tuple(found)
