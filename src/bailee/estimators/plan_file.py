"""A plan as the TOML file that `bailee grant --plan` reads: the same plan, the same digest."""

from __future__ import annotations

import json

from bailee.statements.network.plan import ModelPlan

_LEFT_OUT = ("version", "privacy")


def plan_toml(plan: ModelPlan) -> str:
    """The file's text. Reals are decimal strings, so that the digest is that of `plan` to the last digit."""
    fields = plan.to_mapping()
    privacy = fields["privacy"]
    lines = [
        f"{name} = {_value(value)}" for name, value in fields.items() if name not in _LEFT_OUT and value is not None
    ]
    lines += ["", "[privacy]"]
    lines += [f"{name} = {_value(value)}" for name, value in dict(privacy).items() if value is not None]  # type: ignore[arg-type]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    """JSON's strings, integers and arrays are TOML's."""
    return json.dumps(value, ensure_ascii=False)
