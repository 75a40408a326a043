"""A trained model with what a reader of its answers must know: the schema, the classes, the passport it came with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bailee.adapters.files import read_bytes
from bailee.argument.commitment_record import Commitment
from bailee.errors import InputError, PassportError
from bailee.records import Card, Passport, digest, open_signed
from bailee.records.canonical import MAX_BYTES
from bailee.records.model import ModelPassport
from bailee.records.passports import open_any_passport
from bailee.records.schema import BIAS, BINARY, Schema
from bailee.statements.fixed_point import WEIGHT_BITS
from bailee.statements.hidden.model_file import read_model
from bailee.statements.hidden.terms import architecture_of
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.forward import predict, scores
from bailee.statements.network.optimizer import used_weights
from bailee.statements.network.plan import VERSION, ModelPlan, plan_version
from bailee.statements.open.task import cut

ATTACHMENTS = "attachments"


@dataclass(frozen=True)
class Layer:
    """One affine layer in real numbers, exact: weight (inputs, outputs), bias (outputs,)."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]


@dataclass(frozen=True)
class ReleasedModel:
    """weights: used weights, int64 at 2^14, by parameter (`Architecture.parameters`).

    passport: digest of the passport's envelope, commitment: root of the commitment to the model, in hex; both None for
    a model that was trained without proof, commitment also for one whose passport holds the weights themselves.
    """

    schema: Schema
    architecture: Architecture
    weights: Mapping[str, NDArray[np.int64]] = field(repr=False)
    passport: str | None
    commitment: str | None

    @property
    def classes(self) -> tuple[str, ...]:
        """What the label can be: of a binary label "0" and "1", nothing for a number."""
        if self.architecture.loss == "squared":
            return ()
        return ("0", "1") if self.schema.label_kind == BINARY else self.schema.label_column.categories

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the encoded columns that enter the model, the bias left out, in the order of the card."""
        names = self.schema.layout.names
        return tuple(name for name, told in zip(names, self.architecture.told, strict=True) if told and name != BIAS)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The model as floats have it: the first layer on `inputs` only, the weights of the column of ones its bias."""
        places = {name: place for place, name in enumerate(self.schema.layout.names)}
        found: list[Layer] = []
        for number in range(1, self.architecture.layers + 1):
            weight = self.weights[f"weight{number}"] / float(1 << WEIGHT_BITS)
            if number == 1:
                bias = weight[places[BIAS]] * self.architecture.told[places[BIAS]]
                found.append(Layer(weight[[places[name] for name in self.inputs]], bias))
            else:
                found.append(Layer(weight, self.weights[f"bias{number}"] / float(1 << WEIGHT_BITS)))
        return tuple(found)

    @property
    def target(self) -> tuple[float, float]:
        """(slope, offset): a number's encoded value 1.0 in the table's units, value = slope * output + offset."""
        low, high = (float(end or 0) for end in (self.schema.label_column.min, self.schema.label_column.max))
        return (high - low) / 2, (high + low) / 2

    def outputs(self, matrix: NDArray[np.int64]) -> NDArray[np.int64]:
        """The last layer's, int64 (rows, outputs) at 2^26: the proven integers. StatementError: out of range."""
        return predict(self.architecture, self.weights, matrix)

    def scores(self, matrix: NDArray[np.int64]) -> NDArray[np.float64]:
        """(rows, classes) probabilities, or (rows, 1) values in the table's units. StatementError: out of range."""
        found = scores(self.architecture, self.weights, matrix)
        if self.architecture.loss == "squared":
            slope, offset = self.target
            return found * slope + offset
        return np.hstack([1 - found, found]) if found.shape[1] == 1 else found


def open_model(path: Path) -> ReleasedModel:
    """The model of the passport at `path` (or in that folder), whose attachments lie beside it.

    Checks form, signature and digests, not the proofs: that is `bailee verify`. InputError: a model that stayed secret;
    PassportError: an attachment that is missing or changed; RecordError, SignatureError.
    """
    path = path / "passport.json" if path.is_dir() else path
    data = read_bytes(path, MAX_BYTES, "passport")
    said = open_any_passport(data)
    return _public(path, said, digest(data)) if isinstance(said, Passport) else _revealed(path, said, digest(data))


def _public(path: Path, passport: Passport, name: str) -> ReleasedModel:
    schema = _schema(path, passport.owners[0].card)
    layout = schema.layout
    if layout.names != passport.columns:
        raise PassportError(f"{path}: the passport's columns are not those of its cards")
    if plan_version(passport.plan) == VERSION:
        network = architecture_of(ModelPlan.from_mapping(passport.plan), layout.names)
        return ReleasedModel(schema, network, cut(network, passport.weights), name, None)
    weights = np.array(passport.weights, dtype=np.int64).reshape(-1, 1)
    told = tuple(place not in layout.labels for place in range(len(layout.names)))
    architecture = Architecture(len(layout.names), (), 1, "logistic", layout.labels, told)
    return ReleasedModel(schema, architecture, {"weight1": weights}, name, None)


def _revealed(path: Path, passport: ModelPassport, name: str) -> ReleasedModel:
    commitment = Commitment.from_json(passport.model)
    if passport.revealed is None:
        raise InputError(
            f"the model of {path} stayed secret: its passport holds only a commitment to it; "
            "its trainer can answer and prove answers, or publish it by training with reveal"
        )
    schema = _schema(path, passport.owners[0].card)
    architecture = architecture_of(ModelPlan.from_mapping(passport.plan), schema.layout.names)
    state = read_model(attachment(path, passport.revealed), architecture).state
    return ReleasedModel(schema, architecture, used_weights(state), name, commitment.root.hex())


def _schema(path: Path, card: str) -> Schema:
    found = open_signed(attachment(path, card), Card).record
    return Schema.from_json(found.schema)


def attachment(path: Path, name: str) -> bytes:
    """The bytes beside the passport at `path` whose digest is `name`. Raises PassportError."""
    place = path.parent / ATTACHMENTS / name
    try:
        data = read_bytes(place, MAX_BYTES, "attachment")
    except InputError as error:
        raise PassportError(f"attachment {name[:16]}... cannot be read: {error}") from None
    if digest(data) != name:
        raise PassportError(f"attachment {name[:16]}... was changed: its bytes have digest {digest(data)}")
    return data
