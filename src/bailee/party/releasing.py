"""A model's release, for every face: the passport is verified first, then everything is derived from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bailee.adapters.files import read_bytes
from bailee.errors import InputError, PassportError
from bailee.own.metadata import About, croissant
from bailee.party.checking import check_paper, kind_of, paper_in
from bailee.records import digest
from bailee.records.canonical import MAX_BYTES
from bailee.records.inference import Evaluation
from bailee.release import Checked, Dataset, Evaluated, Facts, Measured, Release, facts_of, open_model, release_of
from bailee.verify.inference import ProvenClaim
from bailee.verify.model_statement import ProvenModel
from bailee.verify.statement import ProvenStatement
from bailee.verify.told_text import evaluation_measures


def prepare_release(passport: Path, evaluations: Sequence[Path] = ()) -> Release:
    """What others' tools are given of the passport at `passport` (or in that folder), verified here.

    evaluations: folders that `bailee evaluate` wrote, verified here; they must be of this very model. Raises the error
    of the link that does not hold; InputError for what is no passport or no evaluation of this model.
    """
    path = paper_in(passport)
    name = digest(read_bytes(path, MAX_BYTES, "passport"))
    checked = _checked(path)
    facts = facts_of(path, checked, tuple(_evaluated(name, one) for one in evaluations))
    if facts.passport != name:
        raise PassportError(f"{path} was changed while it was checked; run this again")
    model = open_model(path) if facts.published else None
    return release_of(facts, model, describe(facts))


def _checked(path: Path) -> Checked:
    statement = check_paper(kind_of(path), path)
    if isinstance(statement, ProvenStatement):
        anchor, started = statement.anchor, statement.session_opened
    elif isinstance(statement, ProvenModel):
        anchor, started = statement.anchor, statement.opened
    else:
        raise InputError(f"{path} is no passport of a model; only a model is released")
    revoked = {owner.card: owner.revoked for owner in statement.owners if owner.revoked is not None}
    return Checked(started, statement.bits, revoked, () if anchor is None else anchor.not_checked)


def _evaluated(passport: str, place: Path) -> Evaluated:
    path = paper_in(place)
    claim = check_paper(kind_of(path), path)
    if not isinstance(claim, ProvenClaim) or not isinstance(claim.record, Evaluation) or claim.rows_of is None:
        raise InputError(f"{path} is no evaluation; name a folder that bailee evaluate wrote")
    if claim.passport != passport:
        raise PassportError(f"{path} is about the model of passport {claim.passport}; expected that of {passport}")
    _, owner, dataset = claim.rows_of
    measured = tuple(Measured(*told) for told in evaluation_measures(claim.record))
    return Evaluated(
        digest(read_bytes(path, MAX_BYTES, "evaluation")),
        owner,
        dataset,
        claim.record.claim.rows,
        claim.trained_on,
        measured,
    )


def describe(facts: Facts) -> tuple[bytes, ...]:
    """A Croissant document of each dataset."""
    return tuple(map(_croissant, facts.datasets))


def _croissant(dataset: Dataset) -> bytes:
    """What the card says, and no more; the licence is the grant that the training went by."""
    card = dataset.card.record
    said = f"{card.rows} sealed rows of {len(dataset.schema.columns)} columns, which a model was trained on."
    return croissant(dataset.card, About(card.name, said, f"urn:blake3:{dataset.grant}"))
