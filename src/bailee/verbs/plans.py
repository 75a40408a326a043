"""What is trained, as owners grant it: a plan is a TOML text, and its digest is in every grant."""

from __future__ import annotations

import os

from bailee.errors import InputError
from bailee.party.plans import parse_any_plan, read_any_plan
from bailee.statements.network.plan import ModelPlan
from bailee.statements.plan import Plan
from bailee.statements.tasks import AnyPlan
from bailee.verbs.given import path_of


def plan(file: str | os.PathLike[str] | None = None, *, text: str | None = None) -> AnyPlan:
    """The plan in a TOML file, or in `text`. Raises PlanError that names what does not fit, InputError.

    >>> import bailee
    >>> plan = bailee.plan(text='''
    ... name = "tiny"
    ... purpose = "an example"
    ... label = "ill"
    ... rounds = 2
    ... learning_rate = 1
    ... [privacy]
    ... epsilon = 4
    ... delta = 0.00001
    ... ''')
    >>> plan.name, plan.epsilon
    ('tiny', '4')
    """
    if (file is None) == (text is None):
        raise InputError("expected a plan's file, or its text: one of them")
    if file is None:
        return parse_any_plan(text or "")
    return read_any_plan(path_of(file, "plan"))


def as_plan(given: AnyPlan | str | os.PathLike[str]) -> AnyPlan:
    """A plan as it is, or the one in a file."""
    return given if isinstance(given, Plan | ModelPlan) else plan(given)
