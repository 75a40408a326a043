"""A plan's file holds either kind of plan: owners who grant need not know which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bailee.adapters.toml_file import parse_toml, read_toml
from bailee.errors import PlanError
from bailee.statements.network.plan import ModelPlan
from bailee.statements.plan import Plan
from bailee.train.model.plan import model_plan_from_toml
from bailee.train.plan import plan_from_toml


def read_any_plan(path: Path) -> Plan | ModelPlan:
    """The plan of a TOML file: a model's if it names a loss, else that of a session of owners. Raises PlanError."""
    return _plan(read_toml(path, "plan", PlanError))


def parse_any_plan(text: str) -> Plan | ModelPlan:
    """The same of a text that is no file."""
    return _plan(parse_toml(text.encode("utf-8", "replace"), "the plan", PlanError))


def _plan(found: dict[str, Any]) -> Plan | ModelPlan:
    return model_plan_from_toml(found) if "loss" in found else plan_from_toml(found)
