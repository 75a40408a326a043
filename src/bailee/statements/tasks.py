"""The task of a plan: one line for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from bailee.statements.logistic_task import LogisticTask
from bailee.statements.network.plan import VERSION as MODEL_VERSION
from bailee.statements.network.plan import ModelPlan, plan_version
from bailee.statements.open.task import NetworkTask
from bailee.statements.open.terms import OpenTerms
from bailee.statements.plan import Plan, Terms
from bailee.statements.task import Task

AnyPlan: TypeAlias = Plan | ModelPlan


def plan_of(mapping: Mapping[str, Any]) -> AnyPlan:
    """The plan of a record, whatever its version. Raises PlanError."""
    return (ModelPlan if plan_version(mapping) == MODEL_VERSION else Plan).from_mapping(mapping)


def task_of(plan: AnyPlan, terms: Mapping[str, Any]) -> Task:
    """The task of a session on the terms of its invite. Raises PlanError."""
    if isinstance(plan, ModelPlan):
        return NetworkTask(plan, OpenTerms.from_mapping(terms))
    return LogisticTask(plan, Terms.from_mapping(terms))
