"""A grant asked for, and the owner's answer. A request gives nothing: only a grant does, and it stands by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal as Number
from typing import Annotated, ClassVar

from bailee.errors import RecordError
from bailee.records.canonical import Json, canonical, digest
from bailee.records.envelope import Record
from bailee.records.fields import Decimal, Hex16, Hex32, Name, Rule, Time, parse_time

MAX_TEXT = 1000
GIVEN, REFUSED = "given", "refused"


def _is_text(text: str) -> bool:
    # Nothing that turns the direction of writing, moves a cursor or cannot be encoded: strangers' words are shown.
    plain = all(letter.isprintable() or letter == "\n" for letter in text)
    return len(text) <= MAX_TEXT and plain and text == text.strip()


Text = Annotated[str, Rule(_is_text, f"at most {MAX_TEXT} printable characters and line ends, without outer spaces")]


@dataclass(frozen=True)
class GrantRequest(Record):
    KIND: ClassVar[str] = "grant-request"
    SIGNER: ClassVar[str] = "builder"

    id: Hex16
    builder: Hex32
    builder_name: Name
    owner: Hex32
    """Who is asked, and must own the card."""
    card: Hex32
    """Digest of the card's envelope."""
    dataset: Name
    """As the card names it."""
    plan: Mapping[str, Json]
    """The plan, whole: whoever is asked reads what it would allow."""
    fields: tuple[Name, ...] | None
    """Encoded columns, or a table's columns; None for all."""
    begins: Time
    ends: Time
    max_epsilon: Decimal | None
    """None for what the plan says."""
    max_delta: Decimal | None
    purpose: Name
    message: Text
    asked: Time

    def require(self) -> None:
        if parse_time(self.ends) < parse_time(self.begins):
            raise RecordError(f"grant-request: ends at {self.ends}, before it begins at {self.begins}")
        if self.max_epsilon is not None and Number(self.max_epsilon) < 0:
            raise RecordError("grant-request: expected max_epsilon of at least 0")
        if self.max_delta is not None and not 0 <= Number(self.max_delta) < 1:
            raise RecordError("grant-request: expected max_delta in [0, 1)")
        if self.fields is not None and (not self.fields or len(set(self.fields)) != len(self.fields)):
            raise RecordError("grant-request: expected at least one field, each named once, or none for all")

    @property
    def plan_digest(self) -> str:
        """How a grant of it names the plan."""
        return digest(canonical(self.plan))

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("card", self.card), ("plan", self.plan_digest))


@dataclass(frozen=True)
class GrantAnswer(Record):
    KIND: ClassVar[str] = "grant-answer"
    SIGNER: ClassVar[str] = "owner"

    owner: Hex32
    request: Hex32
    """Digest of the request's envelope."""
    decision: str
    grant_id: Hex16 | None
    grant: Hex32 | None
    """Digest of the grant's envelope, where one was given."""
    reason: Text
    answered: Time

    def require(self) -> None:
        if self.decision not in (GIVEN, REFUSED):
            raise RecordError(
                f'grant-answer: expected the decision "{GIVEN}" or "{REFUSED}", got {self.decision[:40]!r}'
            )
        refused = self.decision == REFUSED
        if (self.grant is None) is not refused or (self.grant_id is None) is not refused:
            raise RecordError("grant-answer: names a grant where one was given, and only there")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("request", self.request),)
