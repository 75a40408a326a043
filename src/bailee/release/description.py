"""What an exported file says of itself, as strings: where it comes from, how rows are encoded, how exact it is."""

from __future__ import annotations

import json

from bailee import __version__
from bailee.errors import InputError
from bailee.records import canonical
from bailee.release.bound import float_bound
from bailee.release.model import ReleasedModel


def description(model: ReleasedModel) -> dict[str, str]:
    """Metadata of an export, one string a key."""
    bound = float_bound(model)
    label = model.schema.label
    return {
        "bailee.version": __version__,
        "bailee.passport": model.passport or "",
        "bailee.commitment": model.commitment or "",
        "bailee.proven": (
            "no: trained without proof"
            if model.passport is None
            else "the passport proves the training; check it with bailee verify"
        ),
        "bailee.label": label,
        "bailee.classes": json.dumps(list(model.classes), ensure_ascii=False),
        "bailee.inputs": json.dumps(list(model.inputs), ensure_ascii=False),
        "bailee.schema": canonical(model.schema.to_json()).decode(),
        "bailee.loss": model.architecture.loss,
        "bailee.bound.outputs": repr(bound.outputs),
        "bailee.bound.scores": repr(bound.scores),
        "bailee.bound": (
            "Largest absolute difference between these float32 results and the proven fixed-point model's, for every "
            "row that fits the schema and keeps the model's activations in range; IEEE 754 binary32, to nearest."
        ),
    }


def missing_extra(package: str) -> InputError:
    """What to say where an optional package is not installed."""
    return InputError(f'{package} is needed for this file and not installed: pip install "bailee[export]"')
