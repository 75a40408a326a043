"""Training with proof: rows are sealed under an identity of the home's, granted to itself, and a run makes a passport.

HOME/identity.pem    datasets/NAME/    runs/SESSION/passport.json, attachments/    privacy.jsonl
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from bailee.errors import InputError
from bailee.grant import give_grant
from bailee.keys import PRIVATE_FILE, Identity
from bailee.records import Grant, Signed, sign, time_text
from bailee.records.model import CoinPromise, Waiver
from bailee.records.schema import Schema
from bailee.seal import Dataset, open_dataset, seal
from bailee.seal.lend import lent_papers
from bailee.statements.network.plan import ModelPlan
from bailee.train.ledger import Ledger
from bailee.train.model import ModelHolding
from bailee.train.model.sizing import openings_needed

_OWNER = "estimator"
_DAYS = 1
_LEAST_OPENINGS, _MOST_OPENINGS = 8, 64


@dataclass(frozen=True)
class Workplace:
    """A folder with keys: whose rows are sealed there and who trains."""

    home: Path
    identity: Identity

    @classmethod
    def open(cls, home: str | os.PathLike[str] | None) -> Workplace:
        """The one at `home`, made where there is none; without a home a new temporary folder, which stays."""
        place = Path(tempfile.mkdtemp(prefix="bailee-")) if home is None else Path(home)
        made = not (place / PRIVATE_FILE).exists()
        return cls(place, Identity.create(place, _OWNER) if made else Identity.load(place))

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    def hold(self, table: pa.Table, schema: Schema, plan: ModelPlan, memory: int | None) -> ModelHolding:
        """Seal the table, grant `plan` on it to this very identity (with a waiver if unprotected), and open it.

        memory: bytes that proving may take at a time: by it the run is cut, and so many openings the rows get.
        """
        now = datetime.now(UTC)
        openings = _openings(plan, schema.layout.names, table.num_rows, memory)
        dataset = seal(self.identity, schema, table, self._new("datasets"), now, openings)
        grant = give_grant(
            self.identity,
            dataset.card,
            self.identity.public_key.hex(),
            plan.purpose,
            plan.digest,
            now,
            now + timedelta(days=_DAYS),
            plan.privacy.epsilon or "0",
            plan.delta,
            secrets.token_bytes(16),
        )
        return self._holding(dataset, grant, None if plan.private else self._waive(grant, plan))

    def borrow(self, directory: Path) -> tuple[ModelHolding, Signed[CoinPromise]]:
        """A dataset that was lent to this identity (`bailee lend`), opened, and its owner's promise of a coin."""
        papers = lent_papers(directory)
        if papers is None:
            raise InputError(f"{directory} was not lent to anybody; expected a folder made by: bailee lend")
        return self._holding(open_dataset(directory), papers.grant, papers.waiver), papers.promise

    def _waive(self, grant: Signed[Grant], plan: ModelPlan) -> Signed[Waiver]:
        said = Waiver(self.identity.public_key.hex(), grant.digest, plan.digest, time_text(datetime.now(UTC)))
        return sign(said, self.identity)

    def _holding(self, dataset: Dataset, grant: Signed[Grant], waiver: Signed[Waiver] | None) -> ModelHolding:
        matrix, seed = dataset.open(self.identity)
        allowed = (grant.record.max_epsilon, grant.record.max_delta)
        ledger = Ledger(self.home / "privacy.jsonl")
        return ModelHolding(
            card=dataset.card,
            card_proof=dataset.proof,
            grant=grant,
            matrix=matrix,
            seed=seed,
            dataset=dataset.commitment.root.hex(),
            permit=lambda use, now: None,  # nothing beside the grant, which training checks
            spend=lambda statement: dataset.ledger.spend("training", datetime.now(UTC), statement),
            remaining=lambda: dataset.ledger.budget().remaining,
            charge=lambda entry: ledger.charge(entry, allowed),
            waiver=waiver,
        )

    def _new(self, folder: str) -> Path:
        parent = self.home / folder
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        count = sum(1 for _ in parent.iterdir())
        while (parent / f"arrays-{count + 1}").exists():
            count += 1
        return parent / f"arrays-{count + 1}"


def _openings(plan: ModelPlan, columns: Sequence[str], rows: int, memory: int | None) -> int:
    """What proving the run spends, one for the card, one to renew."""
    (needed,) = openings_needed(plan, columns, (rows,), memory)
    return min(_MOST_OPENINGS, max(_LEAST_OPENINGS, needed + 2))
