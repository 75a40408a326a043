"""Checks an answer or an evaluation of a hidden model: its folder alone, offline, trusting nobody.

evaluation.json or answer.json     attachments/DIGEST     passport.json (the model's own, with its attachments)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bailee.adapters.files import read_bytes
from bailee.argument.commitment_record import Commitment
from bailee.errors import InputError
from bailee.records import Card, Json, Revocation, Signed, canonical, open_signed, parse_time
from bailee.records.canonical import MAX_BYTES
from bailee.records.fields import encode
from bailee.records.inference import Answer, Evaluation, UsedModel
from bailee.records.model import ModelOpening, ModelPassport, open_model_passport
from bailee.records.schema import Schema
from bailee.statements.applied import architecture_json
from bailee.statements.evaluation import verify_evaluation
from bailee.statements.hidden.terms import ModelTerms, architecture_of
from bailee.statements.inference import verify_inference
from bailee.statements.network.plan import ModelPlan
from bailee.statements.told import MODEL_OPENINGS, evaluation_claim, inference_claim, proof_context
from bailee.verify.evidence import ATTACHMENTS, Evidence, link, require
from bailee.verify.model import verify_model_passport
from bailee.verify.told_text import answer_lines, evaluation_lines

FILES: dict[str, type[Evaluation] | type[Answer]] = {"evaluation.json": Evaluation, "answer.json": Answer}
PASSPORT = "passport.json"
CheckModel = Callable[[Path, bool, Sequence[Signed[Revocation]]], object]


@dataclass(frozen=True)
class Owner:
    key: str
    name: str


@dataclass(frozen=True)
class ProvenClaim:
    """What was proven about a hidden model. `rows_of`: owner and name of the sealed rows, if they are a card's.

    trained_on: whether those rows also trained the model; None where that cannot be known. bits: the proof's own.
    """

    record: Evaluation | Answer
    builder: str
    builder_name: str
    passport: str | None
    plan_name: str | None
    rows_of: tuple[str, str, str] | None
    trained_on: bool | None
    trained_by: tuple[Owner, ...]
    coin_parties: tuple[str, ...]
    """Keys of those who drew coins while the model was trained."""
    bits: float
    plain: bool

    @property
    def owners(self) -> tuple[Owner, ...]:
        """Whose rows they are, and whose rows trained the model."""
        return (*(() if self.rows_of is None else (Owner(*self.rows_of[:2]),)), *self.trained_by)

    def to_dict(self) -> dict[str, Json]:
        return {
            "kind": self.record.KIND,
            "builder": self.builder,
            "builder_name": self.builder_name,
            "passport": self.passport,
            "plan_name": self.plan_name,
            "rows_of": None if self.rows_of is None else list(self.rows_of),
            "trained_on": self.trained_on,
            "record": encode(self.record),
            "bits": f"{self.bits:.1f}",
            "plain": self.plain,
        }

    def to_text(self) -> str:
        """The statement in plain words, one fact a line."""
        model = f"The model {self.plan_name!r}, as its passport {self.passport[:16]}... commits to it" if (
            self.passport and self.plan_name
        ) else "A committed model; nothing is said of how it was trained"  # fmt: skip
        lines = [f"{model}; it stays hidden. Said by {self.builder_name} ({self.builder[:16]}...)"]
        if self.rows_of is not None:
            key, name, dataset = self.rows_of
            lines.append(f"Rows of {dataset!r}, sealed by {name} ({key[:16]}...); none is shown")
        if self.trained_on:
            lines.append("These very rows also trained the model: this says nothing about rows it has not seen")
        of = evaluation_lines(self.record) if isinstance(self.record, Evaluation) else answer_lines(self.record)
        how = "plain verifier" if self.plain else "fast verifier"
        return "\n".join([*lines, *of, f"Every signature and proof holds ({how}, {self.bits:.0f} bits)"])


def verify_claim(
    path: Path,
    plain: bool = False,
    revocations: Sequence[Signed[Revocation]] = (),
    check_model: CheckModel | None = None,
) -> ProvenClaim:
    """The statement that the answer or evaluation at `path` proves; its attachments and passport lie beside it.

    check_model checks the model's passport (default: `verify_model_passport`). Raises RecordError, SignatureError,
    ProofError and siblings, naming the link that broke.
    """
    if path.name not in FILES:
        raise InputError(f"expected a file {' or '.join(FILES)}, got {path.name!r}")
    signed: Signed[Evaluation] | Signed[Answer]
    data = read_bytes(path, MAX_BYTES, "record")
    signed = open_signed(data, Evaluation) if FILES[path.name] is Evaluation else open_signed(data, Answer)
    record, evidence = signed.record, Evidence(path.parent / ATTACHMENTS)
    passport, coins = _check_model(path, record, evidence, plain, revocations, check_model or verify_model_passport)
    model = Commitment.from_json(record.model.commitment)
    with link("model"):
        spent = MODEL_OPENINGS <= record.model.opening < model.openings
        require(spent, f"opening {record.model.opening} is one of training's, or there is none of that number")
    card = None if record.card is None else _check_card(record, evidence, plain)
    with link(f"the {record.KIND}'s proof"):
        proof, context = evidence.read(record.proof), proof_context(record)
        if isinstance(record, Evaluation):
            if card is None:
                raise InputError("an evaluation is about the rows of a card")
            held = Commitment.from_json(card.record.commitment)
            spend = (record.model.opening, held, record.opening)
            table = verify_evaluation(evaluation_claim(record, card.record), model, *spend, context, proof, plain)
        else:
            told = card.record.commitment if card else record.commitment
            rows = None if told is None else Commitment.from_json(told)
            asked = inference_claim(record, card.record if card else None)
            table = verify_inference(asked, model, record.model.opening, rows, record.opening, context, proof, plain)
    _check_encoding(record, card, passport, evidence)
    plan = None if passport is None else ModelPlan.from_mapping(passport.record.plan)
    return ProvenClaim(
        record=record,
        builder=record.builder,
        builder_name=record.builder_name,
        passport=record.model.passport,
        plan_name=None if plan is None else plan.name,
        rows_of=None if card is None else (card.record.owner, card.record.owner_name, card.record.name),
        trained_on=_trained_on(card, passport, evidence),
        coin_parties=coins,
        trained_by=() if passport is None else tuple(Owner(one.owner, one.name) for one in passport.record.owners),
        bits=table["total"],
        plain=plain,
    )


def _check_model(
    path: Path,
    record: Evaluation | Answer,
    evidence: Evidence,
    plain: bool,
    revocations: Sequence[Signed[Revocation]],
    check_model: CheckModel,
) -> tuple[Signed[ModelPassport] | None, tuple[str, ...]]:
    """The passport, and who drew coins for it: the model is the one it ends with, of its plan and columns."""
    used: UsedModel = record.model
    if used.passport is None:
        return None, ()
    place = path.parent / PASSPORT
    with link("the model's passport"):
        found = open_model_passport(read_bytes(place, MAX_BYTES, "passport"), bytes.fromhex(record.builder))
        require(found.digest == used.passport, "it is not the one that the record names")
        same = canonical(found.record.model) == canonical(used.commitment)
        require(same, "it ends with another commitment than the record's model")
        opening = evidence.record(found.record.opening, ModelOpening, found.record.builder).record
        columns = ModelTerms.from_mapping(opening.terms).columns
        architecture = architecture_of(ModelPlan.from_mapping(found.record.plan), columns)
        told = canonical(architecture_json(architecture, columns)) == canonical(used.architecture)
        require(told, "its plan has another architecture than the record says")
        require(
            parse_time(found.record.created) <= parse_time(record.created), "it is younger than what it is used for"
        )
        check_model(place, plain, revocations)
    return found, tuple(promise.party for promise in opening.promises)


def _check_card(record: Evaluation | Answer, evidence: Evidence, plain: bool) -> Signed[Card]:
    with link("card of the rows"):
        if record.card is None or record.card_proof is None or record.opening is None:
            raise InputError("a card comes with its proof and an opening")
        return evidence.card(record.card, record.card_proof, record.opening, plain)


def _training_cards(passport: Signed[ModelPassport], evidence: Evidence) -> list[Signed[Card]]:
    return [evidence.record(owner.card, Card, owner.owner) for owner in passport.record.owners]


def _check_encoding(
    record: Evaluation | Answer, card: Signed[Card] | None, passport: Signed[ModelPassport] | None, evidence: Evidence
) -> None:
    """Numbers must mean the same to the model and in the rows: the columns of both schemas are the same ones."""
    told = card.record.schema if card else record.schema if isinstance(record, Answer) else None
    if told is None or passport is None:
        return
    ours = Schema.from_json(told)
    for trained in _training_cards(passport, evidence):
        theirs = Schema.from_json(trained.record.schema)
        same = (ours.columns, ours.label, ours.label_kind) == (theirs.columns, theirs.label, theirs.label_kind)
        require(same, "the rows were sealed under another schema than the model was trained on")


def _trained_on(card: Signed[Card] | None, passport: Signed[ModelPassport] | None, evidence: Evidence) -> bool | None:
    """Whether the rows' commitment, or one that it renews, is among those that trained the model."""
    if card is None or passport is None:
        return None
    ours = {Commitment.from_json(card.record.commitment).root}
    if card.record.renews is not None:
        ours.add(Commitment.from_json(card.record.renews.commitment).root)
    for trained in _training_cards(passport, evidence):
        theirs = {Commitment.from_json(trained.record.commitment).root}
        if trained.record.renews is not None:
            theirs.add(Commitment.from_json(trained.record.renews.commitment).root)
        if ours & theirs:
            return True
    return False
