"""Reading a model's plan from TOML. The record itself is in `bailee.statements.network.plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bailee.adapters.toml_file import read_toml
from bailee.errors import PlanError
from bailee.statements.network.plan import (
    AS_SEALED,
    FULL,
    NEIGHBOURS,
    ON_LEDGER,
    PRIVATE,
    UNPROTECTED,
    VERSION,
    ModelPlan,
)
from bailee.statements.planned import ALL_FEATURES
from bailee.train.plan_fields import ledger_name, listed, plan_decimal

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
_NAMES = ("name", "purpose", "label", "loss", "batch", "epochs", "learning_rate", *_DEFAULTS, "ledger", "privacy")


def read_model_plan(path: Path) -> ModelPlan:
    """The plan of a TOML file. Raises PlanError, naming what does not fit, and InputError where there is no file.

    Top level: name, purpose, label, loss, batch ("full" or a power of two), epochs (or steps, with full batches),
    learning_rate; optional: features, hidden, schedule, decay_every, decay_factor, momentum, weight_decay, start,
    order ("secret": mini-batches are cut from rows in an order that nobody chose; then steps, fewer than a pass, may
    stand instead of epochs), ledger (CAIP-10 of its contract Grants).
    Table [privacy]: mode = "private" with clip, delta and one of epsilon and noise_multiplier, or mode = "unprotected".
    """
    return model_plan_from_toml(read_toml(path, "plan", PlanError))


def model_plan_from_toml(found: dict[str, Any]) -> ModelPlan:
    """The plan of parsed TOML (reals as Decimal, int or str). Raises PlanError."""
    unknown = sorted(set(found) - set(_NAMES))
    if unknown:
        raise PlanError(f"{unknown[0]}: a model's plan has no such field; it has {', '.join(sorted(set(_NAMES)))}")
    fields = {**_DEFAULTS, **found}
    if fields.get("ledger") is not None:
        fields["ledger"] = ledger_name(fields["ledger"])
        fields["version"] = found.get("version", ON_LEDGER)
    fields["batch"] = _batch(fields.get("batch"))
    if "steps" in found:
        if "epochs" in found:
            raise PlanError('steps: only with batch = "full" or order = "secret", and then instead of epochs')
        fields["epochs"] = 1
        if fields["batch"] == FULL:
            fields["epochs"], fields["steps"] = fields["steps"], None
    fields["features"] = listed(fields["features"])
    for name in _REALS:
        fields[name] = plan_decimal(name, fields.get(name))
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
    reals = {name: plan_decimal(f"privacy.{name}", found.get(name)) for name in _PRIVACY[1:]}
    return {"mode": found["mode"], **reals}


def _batch(value: object) -> object:
    if value is None:
        raise PlanError('batch: expected "full" or a power of two')
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
