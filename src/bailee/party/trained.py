"""A finished run of hidden training as its trainer sees it: the model, its ledger of openings, its proofs so far.

RUN/openings.jsonl    which openings of the model's commitment are spent (`bailee.seal.budget`)
RUN/told/DIGEST/      proofs made: one claim never has two
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bailee.adapters.files import read_bytes
from bailee.argument.commitment_record import Commitment
from bailee.errors import BudgetError, InputError, RecordError, StorageError
from bailee.keys import Identity, Secret
from bailee.prove import TrainedModel
from bailee.records import Card, Signed, canonical, digest, open_signed
from bailee.records.canonical import MAX_BYTES
from bailee.records.model import ModelOpening, ModelPassport, open_model_passport
from bailee.records.schema import Schema
from bailee.seal import Ledger
from bailee.statements.hidden.terms import ModelTerms, architecture_of
from bailee.statements.network.plan import ModelPlan
from bailee.statements.told import MODEL_OPENINGS
from bailee.train.folder import Folder
from bailee.train.model.folder import RunFolder

LEDGER, KEPT, TRAINING = "openings.jsonl", "told", "training"


@dataclass(frozen=True, eq=False)
class Trained:
    """A run whose passport is there. schema: what its rows were sealed under."""

    path: Path
    passport: Signed[ModelPassport]
    schema: Schema
    model: TrainedModel

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.path / LEDGER)


def open_trained(home: Path, name: str, identity: Identity, purpose: str) -> Trained:
    """The run in the folder `name`, or the one in `home` whose session begins so. `purpose`: what openings are for.

    The folder may be that of a passport which was handed out: it says which run it is of. Raises InputError (no such
    run, not finished, another trainer's), StorageError (damaged).
    """
    path = _find(home, name)
    if not (path / "passport.json").is_file():
        raise InputError(f"the run {path} has no passport yet: finish it first, with --resume")
    passport = open_model_passport(read_bytes(path / "passport.json", MAX_BYTES, "passport"))
    if passport.signer != identity.public_key:
        raise InputError(
            f"the model was trained by {passport.record.builder_name} ({passport.record.builder[:16]}...); only its "
            "trainer knows it: give that party's folder with --home"
        )
    opening = open_signed(_attachment(path, passport.record.opening), ModelOpening, passport.signer).record
    columns = ModelTerms.from_mapping(opening.terms).columns
    architecture = architecture_of(ModelPlan.from_mapping(passport.record.plan), columns)
    last = len(passport.record.chunks) - 1
    state = RunFolder(Folder(path), identity, Secret(b"")).get_state(last, architecture)
    if state is None:
        raise StorageError(f"{path}: the state of the trained model is missing; restore it, or train again")
    commitment = Commitment.from_json(passport.record.model)
    ledger = _ledger(path, commitment)

    def spend(statement: str) -> int:
        require_left(ledger, purpose, statement)
        return ledger.spend(purpose, datetime.now(UTC), statement)

    model = TrainedModel(passport.digest, architecture, columns, state.state, Secret(state.seed), commitment, spend)
    card = open_signed(_attachment(path, passport.record.owners[0].card), Card)
    return Trained(path, passport, Schema.from_json(card.record.schema), model)


def require_left(ledger: Ledger, purpose: str, statement: str) -> None:
    """Raises BudgetError unless the model bears one more proof, or had its opening for this very one."""
    budget = ledger.budget()
    again = any((entry.purpose, entry.statement) == (purpose, statement) for entry in budget.entries)
    if not budget.remaining and not again:
        raise BudgetError(
            f"all {budget.total - MODEL_OPENINGS - 1} proofs that this model bears are made (its commitment has "
            f"{budget.total} openings, {MODEL_OPENINGS} is training's, one is kept): train it again with more; proofs "
            "made before stay valid, and asking for one again costs nothing"
        )


def _find(home: Path, name: str) -> Path:
    place = Path(name)
    if place.is_file():
        place = place.parent
    if (place / "run.sealed").is_file():
        return place.resolve()
    if (place / "passport.json").is_file():
        name = _session(place / "passport.json")
    found = sorted(path.parent for path in home.glob("*/*/run.sealed") if name and path.parent.name.startswith(name))
    if len(found) != 1:
        known = ", ".join(sorted(path.parent.name[:16] for path in home.glob("*/*/run.sealed"))) or "none"
        raise InputError(
            f"{len(found) or 'no'} runs of a hidden model begin with {name!r} in {home}; there are: {known}"
        )
    return found[0].resolve()


def _session(path: Path) -> str:
    """Of a hidden run's passport, wherever it was put. InputError for a passport of another kind."""
    try:
        return open_model_passport(read_bytes(path, MAX_BYTES, "passport")).record.session
    except RecordError as error:
        raise InputError(
            f"{path} is no passport of a run that committed to its model ({error}); a model that owners' sums trained "
            "is published, and anybody can compute what it answers"
        ) from None


def _attachment(path: Path, name: str) -> bytes:
    data = read_bytes(path / "attachments" / name, MAX_BYTES, "attachment")
    if digest(data) != name:
        raise StorageError(f"{path / 'attachments' / name} was changed; restore it from a copy")
    return data


def _ledger(path: Path, commitment: Commitment) -> Ledger:
    """The model's ledger; a new one begins with the openings that training used."""
    named = digest(canonical(commitment.to_json()))
    if (path / LEDGER).exists():
        ledger = Ledger(path / LEDGER)
    elif any((path / KEPT).glob("*")):
        raise StorageError(f"{path / LEDGER} is missing, but proofs were made: restore it from a copy as new as these")
    else:
        ledger = Ledger.create(path / LEDGER, named, commitment.openings)
    budget = ledger.budget()
    if budget.commitment != named:
        raise StorageError(f"{path / LEDGER} is the ledger of another model; restore the run's own")
    for _ in range(MODEL_OPENINGS - sum(entry.purpose == TRAINING for entry in budget.entries)):
        ledger.spend(TRAINING, datetime.now(UTC))
    return ledger
