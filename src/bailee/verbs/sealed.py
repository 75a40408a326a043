"""What an owner has and gives: datasets with their cards, grants, and its part of a session."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bailee.adapters.files import read_bytes
from bailee.grant import open_card
from bailee.party.home import PartyHome
from bailee.party.standing import card_facts, dataset_facts, grant_state_words
from bailee.records import Card as CardRecord
from bailee.records import Grant as GrantRecord
from bailee.records import Signed
from bailee.records.canonical import MAX_BYTES
from bailee.records.schema import Schema
from bailee.seal import Dataset as SealedDataset
from bailee.seal.card import CARD_FILE, MAX_PROOF_BYTES, PROOF_FILE
from bailee.verbs.showing import Shown


@dataclass(frozen=True, repr=False)
class Card(Shown):
    """What others see of sealed rows, signed by their owner. `file` is public, and card.proof beside it."""

    file: Path
    signed: Signed[CardRecord] = field(repr=False)

    @property
    def schema(self) -> Schema:
        return Schema.from_json(self.signed.record.schema)

    @property
    def rows(self) -> int:
        return self.signed.record.rows

    def check(self, plain: bool = False) -> None:
        """That the committed rows fit the schema and its norm bound, by the proof beside the card. Takes seconds.

        plain: by the slow verifier in plain Python. Raises ProofError.
        """
        from bailee.statements.card import check_card

        check_card(self.signed, read_bytes(self.file.with_name(PROOF_FILE), MAX_PROOF_BYTES, "proof"), plain)

    def _title(self) -> str:
        return f"Card of {self.signed.record.name}"

    def _facts(self) -> Mapping[str, object]:
        said = card_facts(self.signed)
        shown = ("owner", "key", "rows", "columns", "created", "card")
        return {name: said[name] for name in shown} | {"proof": "not checked here; card.check() does"}


def card(file: str | os.PathLike[str]) -> Card:
    """The card in a file, or in a dataset's folder; form and signature are checked, the proof by `Card.check`.

    Raises InputError, RecordError, SignatureError.
    """
    path = Path(file) / CARD_FILE if Path(file).is_dir() else Path(file)
    return Card(path, open_card(read_bytes(path, MAX_BYTES, "card")))


@dataclass(frozen=True, repr=False)
class Dataset(Shown):
    """A sealed dataset of a party. Its rows are encrypted; nothing here shows one."""

    home: Path
    sealed: SealedDataset

    @property
    def name(self) -> str:
        """What its party calls it."""
        return self.sealed.directory.name

    @property
    def directory(self) -> Path:
        return self.sealed.directory

    @property
    def card(self) -> Card:
        return Card(self.sealed.directory / CARD_FILE, self.sealed.card)

    @property
    def rows(self) -> int:
        return self.sealed.card.record.rows

    @property
    def openings_left(self) -> int:
        """How many proofs its commitment still bears before `reseal`."""
        return self.sealed.ledger.budget().remaining

    @property
    def epsilon_spent(self) -> str:
        """What all sessions together have cost a row of it, as a decimal."""
        party = PartyHome(self.home)
        return str(party.ledger().spent(party.origin(self.sealed)))

    def _title(self) -> str:
        return f"Sealed dataset {self.name}"

    def _facts(self) -> Mapping[str, object]:
        party = PartyHome(self.home)
        said = dataset_facts(party, party.ledger(), self.sealed)
        columns = self.sealed.card.record.columns
        return {
            "rows": said["rows"],
            "columns": columns,
            "openings left": said["openings_left"],
            "epsilon spent": said["epsilon_spent"],
            "card": self.card.file,
        }


@dataclass(frozen=True, repr=False)
class Grant(Shown):
    """A permission that a party gave, as it stands when it is asked. note: why no session can run under it, or None."""

    home: Path
    signed: Signed[GrantRecord]
    note: str | None = None

    @property
    def id(self) -> str:
        return self.signed.record.id

    @property
    def file(self) -> Path:
        return self.home / "grants" / f"{self.id}.json"

    @property
    def state(self) -> str:
        """ "holds", "not yet", "expired", or "revoked" and when."""
        taken = PartyHome(self.home).revocation(self.id)
        fits = taken is not None and taken.record.grant == self.signed.digest
        return grant_state_words(self.signed, taken.record.revoked if taken and fits else None, datetime.now(UTC))

    def _title(self) -> str:
        return f"Grant {self.id}"

    def _facts(self) -> Mapping[str, object]:
        record = self.signed.record
        shown: dict[str, object] = {
            "state": self.state, "builder": record.builder, "purpose": record.purpose, "plan": record.plan,
            "fields": record.fields, "from": record.not_before, "until": record.not_after,
            "max epsilon": record.max_epsilon, "max delta": record.max_delta, "file": self.file,
        }  # fmt: skip
        return shown if self.note is None else {**shown, "note": self.note}


@dataclass(frozen=True, repr=False)
class Part(Shown):
    """An owner's part of a finished session. share: of the training, by proven use, a decimal in [0, 1]."""

    session: str
    epsilon: str
    delta: str
    share: str
    openings_left: int

    def _title(self) -> str:
        return f"Part of session {self.session[:16]}"

    def _facts(self) -> Mapping[str, object]:
        facts = {name.replace("_", " "): getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in facts.items() if name != "session"}
