"""Reading plan.toml, and fixing the terms of a session: the lattice and the noise that the plan's privacy asks for.

The records themselves, which verifiers read too, are in `bailee.statements.plan`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal as Number
from fractions import Fraction
from pathlib import Path
from typing import Any

from bailee.adapters.machine import memory_bytes
from bailee.adapters.toml_file import read_toml
from bailee.errors import PlanError
from bailee.records import Card
from bailee.records.schema import Schema
from bailee.statements.hidden.schedule import power_above
from bailee.statements.hidden.terms import check_label
from bailee.statements.logistic_task import LogisticTask
from bailee.statements.open.task import NetworkTask
from bailee.statements.open.terms import fix_open_terms
from bailee.statements.plan import MODEL, NEIGHBOURS, ON_LEDGER, VERSION, Plan, Terms, check_bounds, row_norm_bound
from bailee.statements.planned import ALL_FEATURES
from bailee.statements.privacy import calibrate_multiplier, choose_lattice, privacy_loss
from bailee.statements.task import Task
from bailee.statements.tasks import AnyPlan
from bailee.train.model.sizing import chunk_bytes
from bailee.train.plan_fields import ledger_name, listed, plan_decimal, same_schema

_DEFAULTS: dict[str, Any] = {
    "model": MODEL,
    "features": ALL_FEATURES,
    "l2": "0",
    "momentum": "0",
    "average": False,
    "neighbours": NEIGHBOURS,
}
_PRIVACY = ("epsilon", "delta", "noise_multiplier")


@dataclass(frozen=True)
class Party:
    """What a session's terms need to know of one owner: its card and the row norm bound its card proves."""

    card: Card
    norm_bound: int


def read_plan(path: Path) -> Plan:
    """The plan of a TOML file. Raises PlanError, naming what does not fit, and InputError where there is no file.

    Top level: name, purpose, label, rounds, learning_rate; optional: model, features, l2, momentum, average,
    neighbours, ledger (CAIP-10 of its contract Grants). Table [privacy]: delta and exactly one of epsilon and
    noise_multiplier.
    """
    return plan_from_toml(read_toml(path, "plan", PlanError))


def plan_from_toml(found: dict[str, Any]) -> Plan:
    """The plan of parsed TOML (reals as Decimal). Raises PlanError."""
    fields = {**_DEFAULTS, **found}
    privacy = fields.pop("privacy", None)
    if not isinstance(privacy, dict):
        raise PlanError("privacy: expected a table [privacy] with delta and one of epsilon, noise_multiplier")
    unknown = sorted(set(privacy) - set(_PRIVACY)) + sorted(set(fields) & set(_PRIVACY))
    if unknown:
        raise PlanError(f"privacy: expected only {', '.join(_PRIVACY)}, all in [privacy]; got {', '.join(unknown)}")
    fields |= {name: privacy.get(name) for name in _PRIVACY}
    fields["features"] = listed(fields["features"])
    for name in ("learning_rate", "l2", "momentum", *_PRIVACY):
        fields[name] = plan_decimal(name, fields.get(name))
    on_ledger = fields.get("ledger") is not None
    if on_ledger:
        fields["ledger"] = ledger_name(fields["ledger"])
    fields["version"] = fields.get("version", ON_LEDGER if on_ledger else VERSION)
    return Plan.from_mapping({name: value for name, value in fields.items() if not _missing(name, value)})


def fix_task(plan: AnyPlan, cards: Sequence[Card]) -> Task:
    """What a session of the owners of these cards trains. Raises PlanError where plan and cards do not go together."""
    if isinstance(plan, Plan):
        return LogisticTask(
            plan, fix_terms(plan, [Party(card, row_norm_bound(Schema.from_json(card.schema))) for card in cards])
        )
    first = same_schema(cards)
    check_label(plan, Schema.from_json(first.schema))
    task = NetworkTask(plan, fix_open_terms(plan, first.columns, sum(card.rows for card in cards)))
    task.check()
    return task


def require_memory(task: Task, card: Card) -> None:
    """That this machine can prove all rounds on the rows of a card. Raises PlanError, before anything is spent."""
    if isinstance(task, NetworkTask):
        needed = chunk_bytes(task.plan, task.architecture, (card.rows,), power_above(task.rounds))
        if needed > memory_bytes():
            raise PlanError(
                f"proving {task.rounds} rounds on {card.rows} rows takes about {needed >> 20} MiB, more than there is: "
                "ask for a plan of fewer rounds or a smaller model, or join from a larger machine"
            )


def fix_terms(plan: Plan, parties: Sequence[Party]) -> Terms:
    """The terms of a session of these parties. Raises PlanError where plan and cards do not go together."""
    first = same_schema([party.card for party in parties])
    released = plan.released(first.columns)
    norm_bound = max(party.norm_bound for party in parties)
    multiplier = _multiplier(plan)
    shift, sigma = choose_lattice(multiplier, norm_bound, sum(released))
    rows = sum(party.card.rows for party in parties)
    terms = Terms(first.columns, released, rows, norm_bound, shift, sigma)
    check_bounds(plan, terms)
    if plan.epsilon is not None:
        spent = privacy_loss(LogisticTask(plan, terms).release(norm_bound), plan.delta).epsilon
        if Number(spent) > Number(plan.epsilon):
            raise PlanError(f"calibration reached epsilon {spent}, above the plan's {plan.epsilon}")
    return terms


def _multiplier(plan: Plan) -> float:
    if plan.noise_multiplier is not None:
        return float(Fraction(plan.noise_multiplier))
    if plan.epsilon is None:
        raise PlanError("privacy: expected exactly one of epsilon and noise_multiplier")
    return calibrate_multiplier(plan.epsilon, plan.delta, plan.rounds)


def _missing(name: str, value: object) -> bool:
    """Whether a field was left out, as against epsilon or noise_multiplier, where None means the other is given."""
    return value is None and name not in ("epsilon", "noise_multiplier")
