"""A plan's file holds either kind of plan: owners who grant need not know which."""

from __future__ import annotations

import tomllib
from decimal import Decimal as Number
from pathlib import Path

from bailee.adapters.files import read_bytes
from bailee.errors import PlanError
from bailee.statements.network.plan import ModelPlan
from bailee.statements.plan import Plan
from bailee.train.model.plan import model_plan_from_toml
from bailee.train.plan import plan_from_toml

_LIMIT = 1 << 20


def read_any_plan(path: Path) -> Plan | ModelPlan:
    """The plan of a TOML file: a model's if it names a loss, else that of a session of owners. Raises PlanError."""
    try:
        found = tomllib.loads(read_bytes(path, _LIMIT, "plan").decode(), parse_float=Number)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PlanError(f"{path} is not TOML: {error}") from None
    return model_plan_from_toml(found) if "loss" in found else plan_from_toml(found)
