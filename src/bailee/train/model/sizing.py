"""How a run is cut: chunks as large as memory allows, few enough for the openings that every dataset has left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bailee.adapters.machine import memory_bytes
from bailee.errors import BudgetError, PlanError
from bailee.records.schema import Schema
from bailee.statements.hidden.accounting import settle
from bailee.statements.hidden.schedule import MAX_CHUNK, Chunk, batch_rows, cut, power_above
from bailee.statements.hidden.terms import MAX_OPENINGS, ModelTerms, Setup, architecture_of, check_label, sampled
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.plan import ModelPlan
from bailee.train.model.holding import ModelHolding
from bailee.train.plan_fields import same_schema

_VALUE_BYTES = 80
"""Ten words for each committed value while it is proved: six, and what is held beside them (measured: eight)."""
_DATA_BYTES = 32
_MOST_OPENINGS = 62
"""Of 64 that a commitment may bear: one goes to the card, one is kept to renew."""


def fix_terms(plan: ModelPlan, holdings: Sequence[ModelHolding], memory: int | None, model_openings: int) -> Setup:
    """The terms of a run. Raises PlanError (plan and cards do not fit) and BudgetError (too few openings left)."""
    first = same_schema([holding.card.record for holding in holdings])
    check_label(plan, Schema.from_json(first.schema))
    architecture = architecture_of(plan, first.columns)
    rows = tuple(holding.card.record.rows for holding in holdings)
    left = [holding.remaining() for holding in holdings]
    found = _fitting_cut(plan, architecture, rows, memory, holdings, left)

    def make(noise: str | None) -> Setup:
        return Setup(plan, ModelTerms(first.columns, rows, found.chunk_steps, found.laps, noise, model_openings))

    return settle(plan, make, sampled(plan, rows)) if plan.private else make(None)


def openings_needed(
    plan: ModelPlan, columns: Sequence[str], rows: Sequence[int], memory: int | None
) -> tuple[int, ...]:
    """Openings of each dataset that proving `plan` spends where enough are left: at most 62 can be. Raises PlanError.

    columns: of the cards; rows: of each dataset; memory: as a run's setting has it.
    """
    if plan.shuffled:
        return (1,) * len(rows)
    most = [_MOST_OPENINGS] * len(rows)
    return find_cut(plan, architecture_of(plan, columns), rows, _room(memory), most).uses


@dataclass(frozen=True)
class Room:
    """Bytes that proving a chunk may take, and all that there are: one step alone may take these."""

    chunk: int
    machine: int


@dataclass(frozen=True)
class Cut:
    """How a run is cut (`schedule.cut`), and how many chunks read each dataset."""

    chunk_steps: int
    laps: int
    uses: tuple[int, ...]

    def fits(self, left: Sequence[int]) -> bool:
        return all(wanted <= have for wanted, have in zip(self.uses, left, strict=True))


def find_cut(plan: ModelPlan, architecture: Architecture, rows: Sequence[int], room: Room, left: Sequence[int]) -> Cut:
    """The longest chunks within `room`, and the fewest laps that fit what is `left` of each dataset's openings.

    Of a single dataset as many laps as there is room for, so that the fewest openings are spent. Where nothing fits
    it is the cut of the most laps: see `Cut.fits`. Raises PlanError where no chunk has room.
    """
    steps = _largest(plan, architecture, rows, room)
    found = Cut(steps, 1, count_uses(cut(plan, rows, steps, 1), len(rows)))
    laps = 2
    while laps <= plan.epochs and (len(rows) == 1 or not found.fits(left)):
        try:
            chunks = cut(plan, rows, steps, laps)
        except PlanError:
            break
        if chunk_bytes(plan, architecture, rows, max(len(chunk.active) for chunk in chunks)) > room.chunk:
            break
        tried = Cut(steps, laps, count_uses(chunks, len(rows)))
        if tried.fits(left) or not found.fits(left):
            found = tried
        laps *= 2
    return found


def count_uses(chunks: Sequence[Chunk], datasets: int) -> tuple[int, ...]:
    """Openings of each dataset that proving all chunks takes."""
    return tuple(sum(part.dataset == place for chunk in chunks for part in chunk.slices) for place in range(datasets))


def chunk_bytes(plan: ModelPlan, architecture: Architecture, rows: Sequence[int], steps: int) -> int:
    """An estimate, from above, of the memory that proving a chunk of `steps` steps takes (docs/training.md, 9)."""
    units = sum(power_above(width) for width in architecture.hidden) + power_above(architecture.outputs)
    each = 3 * units + (30 if plan.private else 0)
    batch = sum(map(power_above, rows)) if plan.full_batch else batch_rows(plan, rows)
    entries = sum(_size(one.padded) for one in architecture.parameters)
    values = steps * (batch * each + entries * (5 + (26 if plan.private else 0)))
    data = sum(power_above(count) for count in rows) * power_above(architecture.columns)
    data *= 2 if plan.shuffled else 1
    return _VALUE_BYTES * values + _DATA_BYTES * data


def _room(memory: int | None) -> Room:
    machine = memory_bytes()
    return Room(machine // 5 if memory is None else memory, machine)


def _largest(plan: ModelPlan, architecture: Architecture, rows: Sequence[int], room: Room) -> int:
    """The most steps a chunk has room for."""
    most = power_above(plan.epochs) if plan.full_batch else max(power_above(-(-n // int(plan.batch))) for n in rows)
    steps = min(MAX_CHUNK, most)
    while steps > 1 and chunk_bytes(plan, architecture, rows, steps) > room.chunk:
        steps //= 2
    needed = chunk_bytes(plan, architecture, rows, steps)
    if needed > max(room.chunk, room.machine):
        raise PlanError(
            f"batch: proving one step takes about {needed >> 20} MiB, more than there is: use mini-batches, smaller "
            "batches or a smaller model"
        )
    return steps


def _fitting_cut(
    plan: ModelPlan,
    architecture: Architecture,
    rows: Sequence[int],
    memory: int | None,
    holdings: Sequence[ModelHolding],
    left: Sequence[int],
) -> Cut:
    """The cut of a run, if all datasets have the openings that it spends."""
    if plan.shuffled:  # one opening of the dataset pays for all: chunks spend those of the shuffled rows
        for holding, have in zip(holdings, left, strict=True):
            if have < 1:
                raise BudgetError(_too_few(holding, 1, have))
        left = [MAX_OPENINGS - 1] * len(rows)
    found = find_cut(plan, architecture, rows, _room(memory), left)
    for holding, wanted, have in zip(holdings, found.uses, left, strict=True):
        if wanted > have and plan.shuffled:
            raise PlanError(
                f"epochs: {wanted} chunks would read {holding.card.record.name!r} in its secret order, a commitment "
                f"bears {have}: use more memory (larger chunks), fewer epochs or larger batches"
            )
        if wanted > have:
            raise BudgetError(_too_few(holding, wanted, have))
    return found


def _too_few(holding: ModelHolding, wanted: int, have: int) -> str:
    card = holding.card.record
    said = f"proving this run spends {wanted} openings of {card.name!r} of {card.owner_name}; {have} are left: "
    if wanted > _MOST_OPENINGS:
        return said + (
            f"no commitment bears more than {_MOST_OPENINGS}: use more memory (larger chunks), fewer epochs, larger "
            "batches or full batches"
        )
    return said + (
        f"renew it with `bailee reseal {card.name} --openings {wanted + 3}`, or seal with --openings {wanted + 2}, "
        "then give a new grant on the new card; or use more memory, fewer epochs, larger batches"
    )


def _size(shape: Sequence[int]) -> int:
    total = 1
    for length in shape:
        total *= length
    return total
