"""Reading plan.toml, and fixing the terms of a session: the lattice and the noise that the plan's privacy asks for.

The records themselves, which verifiers read too, are in `bailee.statements.plan`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal as Number
from fractions import Fraction
from pathlib import Path
from typing import Any

from bailee.adapters.files import read_bytes
from bailee.adapters.machine import memory_bytes
from bailee.errors import BaileeError, PlanError
from bailee.records import Card, decimal_text
from bailee.records.schema import Schema
from bailee.statements.hidden.schedule import power_above
from bailee.statements.hidden.terms import check_label
from bailee.statements.logistic_task import LogisticTask
from bailee.statements.open.task import NetworkTask
from bailee.statements.open.terms import fix_open_terms
from bailee.statements.plan import MODEL, NEIGHBOURS, VERSION, Plan, Terms, check_bounds, row_norm_bound
from bailee.statements.planned import ALL_FEATURES
from bailee.statements.privacy import calibrate_multiplier, choose_lattice, privacy_loss
from bailee.statements.task import Task
from bailee.statements.tasks import AnyPlan
from bailee.train.model.sizing import chunk_bytes

_LIMIT = 1 << 20
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
    neighbours. Table [privacy]: delta and exactly one of epsilon and noise_multiplier.
    """
    data = read_bytes(path, _LIMIT, "plan")
    try:
        found = tomllib.loads(data.decode(), parse_float=Number)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PlanError(f"{path} is not TOML: {error}") from None
    return plan_from_toml(found)


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
    if isinstance(fields["features"], str):
        fields["features"] = [fields["features"]]
    for name in ("learning_rate", "l2", "momentum", *_PRIVACY):
        fields[name] = _decimal(name, fields.get(name))
    fields["version"] = fields.get("version", VERSION)
    return Plan.from_mapping({name: value for name, value in fields.items() if not _missing(name, value)})


def fix_task(plan: AnyPlan, cards: Sequence[Card]) -> Task:
    """What a session of the owners of these cards trains. Raises PlanError where plan and cards do not go together."""
    if isinstance(plan, Plan):
        return LogisticTask(
            plan, fix_terms(plan, [Party(card, row_norm_bound(Schema.from_json(card.schema))) for card in cards])
        )
    first = _same_schema(cards)
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


def _same_schema(cards: Sequence[Card]) -> Card:
    """The first of them; all others have its schema."""
    if not cards:
        raise PlanError("a session needs at least one owner")
    first = cards[0]
    for card in cards[1:]:
        if card.columns != first.columns or card.schema != first.schema:
            raise PlanError(
                f"the cards of {first.owner_name} and {card.owner_name} have different schemas: "
                "owners who train together seal under the same schema"
            )
    return first


def fix_terms(plan: Plan, parties: Sequence[Party]) -> Terms:
    """The terms of a session of these parties. Raises PlanError where plan and cards do not go together."""
    first = _same_schema([party.card for party in parties])
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


def _decimal(name: str, value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, str, Number)):
        try:
            return decimal_text(value)
        except BaileeError as error:
            raise PlanError(f"{name}: {error}") from None
    return value


def _missing(name: str, value: object) -> bool:
    """Whether a field was left out, as against epsilon or noise_multiplier, where None means the other is given."""
    return value is None and name not in ("epsilon", "noise_multiplier")
