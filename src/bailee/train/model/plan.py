"""Reading a model's plan from TOML. The record itself is in `bailee.statements.network.plan`."""

from __future__ import annotations

import tomllib
from decimal import Decimal as Number
from pathlib import Path
from typing import Any

from bailee.adapters.files import read_bytes
from bailee.errors import BaileeError, PlanError
from bailee.records import decimal_text
from bailee.statements.network.plan import (
    AS_SEALED,
    FULL,
    NEIGHBOURS,
    PRIVATE,
    UNPROTECTED,
    VERSION,
    ModelPlan,
)
from bailee.statements.planned import ALL_FEATURES

_LIMIT = 1 << 20
_DEFAULTS: dict[str, Any] = {
    "version": VERSION,
    "features": ALL_FEATURES,
    "hidden": [],
    "schedule": "constant",
    "decay_every": None,
    "decay_factor": None,
    "momentum": "0",
    "weight_decay": "0",
    "start": 0,
    "neighbours": NEIGHBOURS,
    "order": AS_SEALED,
    "steps": None,
}
_PRIVACY = ("mode", "clip", "delta", "epsilon", "noise_multiplier")
_REALS = ("learning_rate", "decay_factor", "momentum", "weight_decay")
_NAMES = ("name", "purpose", "label", "loss", "batch", "epochs", "learning_rate", *_DEFAULTS, "privacy")


def read_model_plan(path: Path) -> ModelPlan:
    """The plan of a TOML file. Raises PlanError, naming what does not fit, and InputError where there is no file.

    Top level: name, purpose, label, loss, batch ("full" or a power of two), epochs (or steps, with full batches),
    learning_rate; optional: features, hidden, schedule, decay_every, decay_factor, momentum, weight_decay, start,
    order ("secret": mini-batches are cut from rows in an order that nobody chose; then steps, fewer than a pass, may
    stand instead of epochs).
    Table [privacy]: mode = "private" with clip, delta and one of epsilon and noise_multiplier, or mode = "unprotected".
    """
    data = read_bytes(path, _LIMIT, "plan")
    try:
        found = tomllib.loads(data.decode(), parse_float=Number)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PlanError(f"{path} is not TOML: {error}") from None
    return model_plan_from_toml(found)


def model_plan_from_toml(found: dict[str, Any]) -> ModelPlan:
    """The plan of parsed TOML (reals as Decimal, int or str). Raises PlanError."""
    unknown = sorted(set(found) - set(_NAMES))
    if unknown:
        raise PlanError(f"{unknown[0]}: a model's plan has no such field; it has {', '.join(sorted(set(_NAMES)))}")
    fields = {**_DEFAULTS, **found}
    fields["batch"] = _batch(fields.get("batch"))
    if "steps" in found:
        if "epochs" in found:
            raise PlanError('steps: only with batch = "full" or order = "secret", and then instead of epochs')
        fields["epochs"] = 1
        if fields["batch"] == FULL:
            fields["epochs"], fields["steps"] = fields["steps"], None
    if isinstance(fields["features"], str):
        fields["features"] = [fields["features"]]
    for name in _REALS:
        fields[name] = _decimal(name, fields.get(name))
    fields["privacy"] = _privacy(fields.get("privacy"))
    for name in ("name", "purpose", "label", "loss", "epochs", "learning_rate"):
        if fields.get(name) is None:
            raise PlanError(f"{name}: a model's plan needs it, and it is missing")
    return ModelPlan.from_mapping(fields)


def _privacy(found: object) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise PlanError(
            f'privacy: expected a table [privacy] with mode = "{PRIVATE}" (then clip, delta and one of epsilon, '
            f'noise_multiplier) or mode = "{UNPROTECTED}"'
        )
    unknown = sorted(set(found) - set(_PRIVACY))
    if unknown:
        raise PlanError(f"privacy.{unknown[0]}: no such field; expected {', '.join(_PRIVACY)}")
    if "mode" not in found:
        raise PlanError(f'privacy.mode: expected "{PRIVATE}" or "{UNPROTECTED}"; it is never assumed')
    reals = {name: _decimal(f"privacy.{name}", found.get(name)) for name in _PRIVACY[1:]}
    return {"mode": found["mode"], **reals}


def _batch(value: object) -> object:
    if value is None:
        raise PlanError('batch: expected "full" or a power of two')
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _decimal(name: str, value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, str, Number)):
        try:
            return decimal_text(value)
        except BaileeError as error:
            raise PlanError(f"{name}: {error}") from None
    return value
