"""How a run is cut into chunks: which steps, on which rows of which dataset (docs/sessions.md, hidden mode).

Everything follows from the plan, the row counts and two public numbers that a trainer picks for its memory: how many
batches a chunk may read and how many times it goes round them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from bailee.errors import PlanError
from bailee.statements.network.plan import MAX_STEPS, ModelPlan

MAX_CHUNK = 1024
"""Steps that one proof covers, at most."""
MAX_CHUNKS = 1 << 12


@dataclass(frozen=True)
class Slice:
    """Rows first .. first + steps * batch of a dataset of `rows` rows, as `steps` batches; what is beyond is absent."""

    dataset: int
    rows: int
    first: int
    steps: int
    batch: int

    @property
    def places(self) -> slice:
        """Of its rows in the dataset."""
        return slice(self.first, self.first + self.steps * self.batch)

    @property
    def present(self) -> int:
        """Batches that hold at least one row."""
        return min(self.steps, -(-(self.rows - self.first) // self.batch))


@dataclass(frozen=True)
class Chunk:
    """Steps `first` .. of a run. active: for each step of the proof (a power of two) whether it is one of the run's."""

    index: int
    first: int
    active: tuple[bool, ...]
    slices: tuple[Slice, ...]
    passes: int
    """Passes over each of its slices."""

    @property
    def steps(self) -> int:
        return sum(self.active)

    def fill(self, values: Sequence[int]) -> tuple[int, ...]:
        """Values of the run's steps, put where this chunk's steps are; 0 for idle ones."""
        own = iter(values[self.first : self.first + self.steps])
        return tuple(next(own) if active else 0 for active in self.active)


def power_above(number: int) -> int:
    """The least power of two that is at least `number`."""
    return 1 << max(0, number - 1).bit_length()


def batch_rows(plan: ModelPlan, rows: Sequence[int]) -> int:
    """Rows of one step: by this a gradient sum is divided."""
    return sum(rows) if plan.full_batch else int(plan.batch)


def epoch_steps(plan: ModelPlan, rows: Sequence[int]) -> int:
    """Steps that make one pass over all datasets."""
    return 1 if plan.full_batch else sum(-(-count // int(plan.batch)) for count in rows)


def read_batches(plan: ModelPlan, rows: Sequence[int]) -> tuple[int, ...]:
    """Mini-batches of each dataset that the run reads: all, or those in a share of the plan's steps, spread evenly."""
    batch = int(plan.batch)
    whole = [-(-count // batch) for count in rows]
    if plan.steps is None:
        return tuple(whole)
    if plan.steps >= sum(whole):
        raise PlanError(f"steps: {plan.steps} are not fewer than the {sum(whole)} of a pass; say epochs")
    single = _interleave([_slices(place, count, batch, 1, whole[place]) for place, count in enumerate(rows)])
    read = [sum(part.dataset == place for part in single[: plan.steps]) for place in range(len(rows))]
    if not all(read):
        raise PlanError(f"steps: dataset {read.index(0) + 1} would not be read at all; more steps, or leave it out")
    return tuple(read)


def total_steps(plan: ModelPlan, rows: Sequence[int]) -> int:
    """Steps of the whole run."""
    return plan.epochs * epoch_steps(plan, rows) if plan.steps is None else plan.steps


def cut(plan: ModelPlan, rows: Sequence[int], chunk_steps: int, laps: int) -> tuple[Chunk, ...]:
    """All chunks of a run on datasets of `rows` rows each, in order. Raises PlanError where it cannot be cut so.

    chunk_steps: batches that a chunk may read, a power of two; laps: passes over a dataset in one chunk, more than one
    only where a chunk reads each dataset whole and idle steps can come last: a power of two of batches.
    """
    if not rows or min(rows) < 1:
        raise PlanError("a run needs at least one dataset, of at least one row")
    if not 1 <= chunk_steps <= MAX_CHUNK or chunk_steps & (chunk_steps - 1):
        raise PlanError(f"chunk_steps: expected a power of two of at most {MAX_CHUNK}; got {chunk_steps}")
    total = total_steps(plan, rows)
    if total > MAX_STEPS:
        raise PlanError(f"epochs: {total} steps in all; at most {MAX_STEPS}: fewer epochs or larger batches")
    if not 1 <= laps <= plan.epochs:
        raise PlanError(f"laps: expected 1 to the plan's {plan.epochs} epochs; got {laps}")
    return _full(plan, rows, chunk_steps, laps) if plan.full_batch else _mini(plan, rows, chunk_steps, laps)


def _full(plan: ModelPlan, rows: Sequence[int], chunk_steps: int, laps: int) -> tuple[Chunk, ...]:
    if laps != 1:
        raise PlanError("laps: a full batch is a pass already; expected 1")
    slices = tuple(Slice(place, count, 0, 1, count) for place, count in enumerate(rows))
    _check_count(-(-plan.epochs // chunk_steps))
    chunks: list[Chunk] = []
    for first in range(0, plan.epochs, chunk_steps):
        steps = min(chunk_steps, plan.epochs - first)
        chunks.append(Chunk(len(chunks), first, _idle_after(steps, power_above(steps)), slices, steps))
    return tuple(chunks)


def _mini(plan: ModelPlan, rows: Sequence[int], chunk_steps: int, laps: int) -> tuple[Chunk, ...]:
    batch = int(plan.batch)
    for place, count in enumerate(rows):
        if batch > power_above(count):
            raise PlanError(f"batch: dataset {place + 1} has only {count} rows; expected a batch of at most that many")
    _check_count(sum(-(-count // (batch * chunk_steps)) for count in rows) * -(-plan.epochs // laps))
    read = read_batches(plan, rows)
    order = _interleave([_slices(place, count, batch, chunk_steps, read[place]) for place, count in enumerate(rows)])
    if laps > 1 and (len(order) > len(rows) or any(part.present < part.steps for part in order)):
        raise PlanError("laps: more than one only where a chunk reads a whole dataset, of a power of two of batches")
    chunks: list[Chunk] = []
    first = 0
    for epoch in range(0, plan.epochs, laps):
        passes = min(laps, plan.epochs - epoch)
        for part in order:
            length = part.steps * power_above(passes)
            if length > MAX_CHUNK:
                raise PlanError(f"laps: a chunk would have {length} steps; at most {MAX_CHUNK}")
            present = min(part.steps, read[part.dataset] - part.first // batch)
            active = _idle_after(passes * present, length)
            chunks.append(Chunk(len(chunks), first, active, (part,), passes))
            first += passes * present
    return tuple(chunks)


def _slices(place: int, rows: int, batch: int, chunk_steps: int, batches: int) -> list[Slice]:
    """Of the first `batches` batches of a dataset."""
    return [
        Slice(place, rows, start * batch, min(chunk_steps, power_above(batches - start)), batch)
        for start in range(0, batches, chunk_steps)
    ]


def _interleave(of: Sequence[Sequence[Slice]]) -> list[Slice]:
    """All slices of an epoch, those of each dataset evenly spread: no dataset has the last word for long."""
    placed = [(Fraction(2 * at + 1, 2 * len(slices)), part) for slices in of for at, part in enumerate(slices)]
    return [part for _, part in sorted(placed, key=lambda entry: (entry[0], entry[1].dataset))]


def _check_count(chunks: int) -> None:
    """A reader of a stranger's passport makes as many objects."""
    if chunks > MAX_CHUNKS:
        raise PlanError(f"epochs: {chunks} chunks in all; at most {MAX_CHUNKS}: larger chunks or fewer epochs")


def _idle_after(steps: int, length: int) -> tuple[bool, ...]:
    return (True,) * steps + (False,) * (length - steps)
