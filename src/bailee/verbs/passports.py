"""What anybody does with a passport or another proof: verify it, offline, and ask a published model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bailee.adapters.files import read_bytes
from bailee.errors import InputError
from bailee.party.accounts import reached
from bailee.party.beginning import default_home
from bailee.party.checking import Statement as ProvenStatement
from bailee.party.checking import check_known, check_paper, kind_of, load_libraries, paper_in
from bailee.party.identities import read_public
from bailee.records import Revocation, open_signed
from bailee.records.canonical import MAX_BYTES
from bailee.verbs.given import listed
from bailee.verbs.showing import Rows, Shown
from bailee.verbs.tables import table_of
from bailee.verify.inference import ProvenClaim
from bailee.verify.rules import ProvenRules

if TYPE_CHECKING:
    from bailee.release import ReleasedModel

_LONG = ("weights", "columns", "shapes", "accounting", "owners", "model", "anchor")


@dataclass(frozen=True, repr=False)
class Statement(Shown):
    """What was proven, after every link was checked: it exists only where everything holds. text: in plain words."""

    proven: ProvenStatement

    @property
    def facts(self) -> dict[str, Any]:
        """All of it, as `bailee verify --json` says it."""
        return self.proven.to_dict()

    @property
    def text(self) -> str:
        return self.proven.to_text()

    def _title(self) -> str:
        return "It holds: every signature, grant, card and proof"

    def _facts(self) -> Mapping[str, object]:
        told = None if not isinstance(self.proven, ProvenClaim | ProvenRules) else [
            line.strip() for line in self.text.splitlines()[isinstance(self.proven, ProvenClaim) : -1]
        ]  # fmt: skip
        short = {name.replace("_", " "): value for name, value in self.facts.items() if name not in _LONG}
        plain = {name: value for name, value in short.items() if isinstance(value, str | int | float)}
        return plain if told is None else {**plain, "told": told}

    def _tables(self) -> Mapping[str, Rows]:
        shown = ("name", "rows", "epsilon", "delta", "share", "grant_id", "revoked")
        owners = self.facts.get("owners") or ()
        return {"owners": [{name: one[name] for name in shown if name in one} for one in owners]} if owners else {}


@dataclass(frozen=True, repr=False)
class Paper(Shown):
    """What anybody can check, in `file`; its attachments lie beside it. Nothing is checked yet."""

    file: Path

    def verify(
        self, *, plain: bool = False, trusted: Sequence[Any] = (),
        revocations: Sequence[str | os.PathLike[str]] = (), ledger: str | None = None,
    ) -> Statement:  # fmt: skip
        """Check every signature, grant, card, proof and sum, the noise, the privacy loss and the weights, offline.

        plain: by the slow verifier in plain Python, which shares no fast code with the prover. trusted: parties you
        know, as `Party` or identity.json; then no other may take part. revocations: files that you know of. ledger:
        where the plan names one, a node that you trust (http(s)://..., or embedded: for the chain of BAILEE_HOME), to
        check what stands there; without, the statement says what was not checked. Raises the error of the link that
        does not hold: ProofError, PassportError, SignatureError, GrantError, RecordError; ChainError.
        """
        revoked = [open_signed(read_bytes(Path(one), MAX_BYTES, "revocation"), Revocation) for one in revocations]
        kind = kind_of(self.file)
        with reached(ledger, default_home()) as opened:
            load_libraries(plain)
            proven = check_paper(kind, self.file, plain, revoked, opened)
        if trusted:
            check_known(proven, {_key(one) for one in listed(trusted, "trusted")})
        return Statement(proven)


@dataclass(frozen=True, repr=False)
class Passport(Paper):
    """The passport in `file`, or another proof about a model; its attachments lie beside it. Nothing is checked yet.

    report: what was measured while it was made, where it was made here. Unsigned.
    """

    report: Mapping[str, Any] = field(default_factory=dict)

    def predict(self, rows: Any) -> NDArray[Any]:
        """(rows,): the class of each row, as the schema spells it, or the value, in the table's units.

        rows: a table as `Party.seal` takes one, without the label. Answered in the integers that were proven. The
        passport is read, not checked: `verify` it once. Raises InputError for a model that stayed hidden, SchemaError.
        """
        scores, classes = self.scores(rows), self.model.classes
        return np.array(classes, dtype=object)[scores.argmax(axis=1)] if classes else scores[:, 0]

    def scores(self, rows: Any) -> NDArray[np.float64]:
        """(rows, classes): probabilities, in the order of `model.classes`; (rows, 1) values for a number."""
        from bailee.seal.encode import encode_features

        return self.model.scores(encode_features(table_of(rows), self.model.schema))

    @cached_property
    def model(self) -> ReleasedModel:
        """The published model: schema, classes, layers, weights. InputError for one that stayed hidden."""
        from bailee.release import open_model

        return open_model(self.file)

    def _title(self) -> str:
        return "Passport"

    def _facts(self) -> Mapping[str, object]:
        names = ("rounds", "steps", "accuracy", "epsilon", "train_seconds", "prove_seconds")
        told = {name.replace("_", " "): self.report[name] for name in names if self.report.get(name) is not None}
        return {"file": self.file, **told, "checked": "not here; passport.verify() does"}


def passport(file: str | os.PathLike[str]) -> Passport:
    """The passport, evaluation, answer or rules in a file, or in the folder that was handed out. InputError.

    >>> import bailee
    >>> bailee.passport("nowhere")
    Traceback (most recent call last):
    bailee.errors.InputError: passport nowhere does not exist; check the path
    """
    return Passport(paper_in(Path(file)))


def _key(one: Any) -> str:
    """Public key, hex, of a party or of what is in an identity.json."""
    key = getattr(one, "key", None)
    if isinstance(key, str):
        return key
    if isinstance(one, str | os.PathLike):
        return read_public(Path(one)).public_key.hex()
    if isinstance(raw := getattr(one, "public_key", None), bytes):
        return raw.hex()
    raise InputError(f"expected a Party or an identity.json, got {type(one).__name__}")
