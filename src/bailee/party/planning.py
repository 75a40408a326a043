"""Plans that are written here: composed field by field, estimated by the accountant, kept as HOME/plans/NAME.toml.

What is kept is a plan's file as `bailee train` and `bailee grant` read it; both kinds are checked by what reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from bailee.adapters.files import read_bytes, storage_errors, write_new
from bailee.adapters.toml_file import toml_value
from bailee.errors import BaileeError, InputError, NotFoundError
from bailee.party.loss_words import LossWords, words_of
from bailee.party.plans import parse_any_plan
from bailee.statements.network.plan import ModelPlan
from bailee.statements.plan import Plan
from bailee.statements.tasks import AnyPlan

FOLDER = "plans"
MAX_BYTES = 1 << 16
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
SUMS, NETWORK = "sums", "network"


@dataclass(frozen=True)
class KeptPlan:
    """A plan's file of the folder. fault: why it is none, then plan is None."""

    name: str
    path: Path
    plan: AnyPlan | None
    fault: str | None = None


@dataclass(frozen=True)
class PlanCost:
    """What a plan costs each row, whoever's they are. multiplier: noise, relative to the most that one row can move a
    release; releases: how often something is released; words: the loss, of the whole; halfway: epsilon after half of
    the releases. words.strength is none where the plan promises nothing."""

    multiplier: float
    releases: int
    words: LossWords
    halfway: str | None


def plans_of(home: Path) -> Iterator[KeptPlan]:
    """All of a folder, by name."""
    for path in sorted((home / FOLDER).glob("*.toml")):
        if _NAME.fullmatch(path.stem):
            yield _read(path)


def plan_named(home: Path, name: str) -> KeptPlan:
    """Raises NotFoundError."""
    path = home / FOLDER / f"{name}.toml"
    if _NAME.fullmatch(name) is None or not path.is_file():
        raise NotFoundError(f"no plan {name[:80]!r} is in this folder; list them to see which there are")
    return _read(path)


def keep_plan(home: Path, name: str, text: str) -> KeptPlan:
    """Keep the text of a plan under that name. PlanError where it is none; InputError where the name is taken."""
    if _NAME.fullmatch(name) is None:
        raise InputError(f"expected a name of small letters, digits, '.', '_', '-', got {name[:80]!r}")
    parse_any_plan(text)
    path = home / FOLDER / f"{name}.toml"
    if path.exists():
        raise InputError(f"there is a plan {name!r} already; choose another name: grants name plans by what they say")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_new(path, text.encode())
    return _read(path)


_TEXTS: Final = ("name", "purpose", "label")
_SUMS: Final = ("rounds", "learning_rate", "l2", "momentum")
_NETWORK: Final = ("epochs", "learning_rate", "momentum", "weight_decay")
_PRIVACY: Final = ("clip", "epsilon", "noise_multiplier", "delta")
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")


def written(fields: Mapping[str, str]) -> str:
    """A plan's file from the fields of a form, all texts; empty ones are left out.

    kind: "sums" or "network"; features: columns with commas between, empty for all; hidden: widths with commas between;
    batch: "full" or a power of two. InputError for a number that is none; whether it is a plan, `parse_any_plan` says.
    """
    network = fields.get("kind") == NETWORK
    lines = [f"{name} = {toml_value(fields.get(name, ''))}" for name in _TEXTS]
    columns = _listed(fields.get("features", ""))
    if columns:
        lines.append(f"features = {toml_value(columns)}")
    if network:
        lines.append(f"loss = {toml_value(fields.get('loss', ''))}")
        widths = [_number("hidden", width) for width in _listed(fields.get("hidden", ""))]
        lines.append(f"hidden = [{', '.join(widths)}]")
        batch = fields.get("batch", "") or "full"
        lines.append(f"batch = {toml_value(batch) if batch == 'full' else _number('batch', batch)}")
    for name in _NETWORK if network else _SUMS:
        if fields.get(name):
            lines.append(f"{name} = {_number(name, fields[name])}")
    lines += ["", "[privacy]", *(['mode = "private"'] if network else [])]
    for name in _PRIVACY if network else _PRIVACY[1:]:
        if fields.get(name):
            lines.append(f"{name} = {_number(name, fields[name])}")
    return "\n".join(lines) + "\n"


def cost_of(plan: AnyPlan) -> PlanCost:
    """By the accountant that sessions use. Takes a second the first time. Raises PlanError where no noise will do."""
    if isinstance(plan, Plan):
        return _cost_of_sums(plan)
    return _cost_of_model(plan)


def _cost_of_sums(plan: Plan) -> PlanCost:
    from bailee.statements.privacy import calibrate_multiplier, epsilon_of

    if plan.noise_multiplier is not None:
        multiplier = float(Fraction(plan.noise_multiplier))
    else:
        multiplier = calibrate_multiplier(plan.epsilon or "0", plan.delta, plan.rounds)
    epsilon = plan.epsilon or epsilon_of(multiplier, plan.delta, plan.rounds)
    half = epsilon_of(multiplier, plan.delta, plan.rounds // 2) if plan.rounds > 1 else None
    return PlanCost(multiplier, plan.rounds, words_of(epsilon, plan.delta), half)


def _cost_of_model(plan: ModelPlan) -> PlanCost:
    from bailee.statements.hidden.accounting import calibrate, epsilon_of

    if not plan.private:
        return PlanCost(0.0, plan.epochs, words_of(None, None), None)
    multiplier = calibrate(plan)
    epsilon = plan.privacy.epsilon or epsilon_of(multiplier, plan.delta, plan.epochs)
    half = epsilon_of(multiplier, plan.delta, plan.epochs // 2) if plan.epochs > 1 else None
    return PlanCost(float(multiplier), plan.epochs, words_of(epsilon, plan.delta), half)


def _read(path: Path) -> KeptPlan:
    try:
        return KeptPlan(path.stem, path, parse_any_plan(read_bytes(path, MAX_BYTES, "plan").decode()))
    except (BaileeError, UnicodeDecodeError) as error:
        return KeptPlan(path.stem, path, None, str(error).replace(str(path), path.name))


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]


def _number(name: str, text: str) -> str:
    if _NUMBER.fullmatch(text) is None:
        raise InputError(f"{name}: expected a number such as 12 or 0.5, got {text[:40]!r}")
    return text
