"""A plan as the TOML file that `bailee grant --plan` reads: the same plan, the same digest."""

from __future__ import annotations

from collections.abc import Mapping

from bailee.adapters.toml_file import toml_value
from bailee.records.canonical import Json
from bailee.records.fields import fields_of
from bailee.statements.network.plan import ModelPlan


def plan_toml(plan: ModelPlan) -> str:
    """The file's text. Reals are decimal strings, so that the digest is that of `plan` to the last digit."""
    top = {name: value for name, value in fields_of(plan).items() if name != "privacy"}
    return "\n".join([*_lines(top), "", "[privacy]", *_lines(fields_of(plan.privacy))]) + "\n"


def _lines(fields: Mapping[str, Json]) -> list[str]:
    """What is null is left out."""
    return [f"{name} = {toml_value(value)}" for name, value in fields.items() if value is not None]
