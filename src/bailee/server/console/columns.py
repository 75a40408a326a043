"""The columns of a request as its owner decides on them: one for each of the table, whatever it was encoded as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bailee.errors import GrantError, PlanError
from bailee.grant import granted_fields
from bailee.records import Card
from bailee.records.schema import BIAS, Schema
from bailee.statements.plan import Plan
from bailee.statements.tasks import AnyPlan


@dataclass(frozen=True)
class Choice:
    """A column of the table that was asked for. fields: its encoded columns that a grant would name: those that the
    plan needs, else all that were asked for. needed: without it no session can run under the plan."""

    name: str
    fields: tuple[str, ...]
    needed: bool


def choices_of(plan: AnyPlan, card: Card, asked: Sequence[str] | None) -> tuple[Choice, ...]:
    """asked: as the request names them, None for all. A plan or request that does not fit the card needs and asks for
    everything here; giving it says what is wrong."""
    try:
        within = set(granted_fields(card, asked))
        used = plan.released(card.columns) if isinstance(plan, Plan) else plan.used(card.columns)
        needs = {name for name, is_used in zip(card.columns, used, strict=True) if is_used}
    except (GrantError, PlanError):
        within = needs = set(card.columns)
    found = []
    for column in Schema.from_json(card.schema).features:
        fields = tuple(name for name in column.encoded if name in within)
        wanted = tuple(name for name in fields if name in needs)
        if fields:
            found.append(Choice(column.name, wanted or fields, bool(wanted)))
    return tuple(found)


def fields_of(choices: Sequence[Choice], ticked: Sequence[str]) -> tuple[str, ...]:
    """What a grant names for the boxes that were ticked. A name that no box has is left as it is, and judged there."""
    by_name = {one.name: one.fields for one in choices}
    return tuple(field for name in ticked for field in by_name.get(name, (name,)))


def names_of(fields: Sequence[str], schema: Schema | None) -> tuple[str, ...]:
    """The columns of a grant, as the table names them; encoded ones where only a part is granted or the table is gone.
    The constant column is nobody's."""
    left = [name for name in fields if name != BIAS]
    if schema is None:
        return tuple(left)
    found: list[str] = []
    for column in schema.features:
        given = [name for name in column.encoded if name in left]
        found += [column.name] if len(given) == len(column.encoded) else given
    return tuple(found)
