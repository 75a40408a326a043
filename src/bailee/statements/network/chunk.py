"""The statement *these steps were trained right*, hidden model: claim, tape, proof (docs/training.md, 7).

A chunk reads datasets, the boundary before, the boundary after and, if private, its noise; it says that the second
boundary follows from the first. Boundaries bear an opening for the chunk that writes (0) and one for the chunk that
reads (1); further ones are a final model's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import Axis, Node
from bailee.argument.tape import Tape
from bailee.errors import PlanError, StatementError
from bailee.statements.dataset import TENSOR, check
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.boundary import (
    READ,
    WRITTEN,
    commit_boundary,
    cut,
    held_at,
    held_inside,
    state_of,
)
from bailee.statements.network.draws import coins, draw, draws_many, tensor_name, write_draw
from bailee.statements.network.gradients import write_gradients
from bailee.statements.network.numbers import Integers
from bailee.statements.network.optimizer import Rule, join, write_follow, write_ranges, write_update
from bailee.statements.network.run import iterate, present_rows
from bailee.statements.network.stage import Stage
from bailee.statements.noise import uniform_words

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector

__all__ = [
    "ChunkClaim", "ChunkCommitments", "ChunkWitness", "Part", "chunk_tape", "commit_boundary", "commit_noise",
    "draw_noise", "prove_chunk", "read_rows", "verify_chunk",
]  # fmt: skip

LONGEST_CHUNK = 1 << 10
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Part:
    """The rows of one dataset that a chunk reads.

    rows: of the whole dataset (its card's, proven); steps, batch: the slice is cut in `steps` batches of `batch` rows,
    powers of two, or (1, rows) for full batches; first: the row where the slice starts, a multiple of steps * batch;
    opening: which opening of the dataset's commitment is spent.
    """

    rows: int
    steps: int
    batch: int
    first: int = 0
    opening: int = 0

    def __post_init__(self) -> None:
        whole = self.steps == 1 and self.batch == self.rows and self.first == 0
        powers = all(n >= 1 and n & (n - 1) == 0 for n in (self.steps, self.batch))
        if self.rows < 1 or not (whole or powers) or not 0 <= self.first < self.rows:
            raise StatementError(f"a part is all rows at once, or steps and batches of powers of two; got {self}")
        if self.first % (self.steps * self.batch) or self.slice_axis.bits < 0:
            raise StatementError(f"a part's rows start at a multiple of steps * batch, within the dataset; got {self}")

    @property
    def step_axis(self) -> Axis:
        return Axis.of("step", self.steps)

    def batch_axis(self, number: int) -> Axis:
        return Axis.of(f"batch{number}", self.batch)

    @property
    def slice_axis(self) -> Axis:
        bits = Axis.of("row", self.rows).bits - self.step_axis.bits - self.batch_axis(0).bits
        return Axis("slice", bits)

    @property
    def slice(self) -> int:
        return self.first // (self.steps * self.batch)

    def present(self) -> NDArray[np.bool_]:
        """(steps, batch padded): which of the slice's rows the dataset has."""
        return present_rows(self.rows - self.first, self.steps, self.batch_axis(0).size)


@dataclass(frozen=True)
class ChunkClaim:
    """Everything public about a chunk. rule: its steps, a power of two (idle ones at the end); coins: the 32-byte
    public seed of the coins, drawn after the noise was committed, never used for another chunk; empty without noise.
    Steps go round the parts' batches: step t reads batch t mod steps of each."""

    architecture: Architecture
    rule: Rule
    parts: tuple[Part, ...]
    coins: bytes = b""

    def __post_init__(self) -> None:
        length = len(self.rule.multipliers)
        if length & (length - 1) or not 1 <= length <= LONGEST_CHUNK:
            raise StatementError(f"a chunk has a power of two of steps, at most {LONGEST_CHUNK}; got {length}")
        if not self.parts or len({part.steps for part in self.parts}) != 1 or length % self.parts[0].steps:
            raise StatementError("a chunk reads at least one dataset, and equally many batches of each")
        if len(self.coins) != (32 if self.rule.noise else 0):
            raise StatementError("a chunk has a 32-byte seed of coins iff it has noise")
        try:
            self.rule.check(self.architecture, sum(part.batch for part in self.parts))
        except PlanError as error:
            raise StatementError(str(error)) from None

    def time(self) -> tuple[Axis, Axis]:
        step = self.parts[0].step_axis
        return Axis("epoch", Axis.of("", len(self.rule.multipliers)).bits - step.bits), step

    def stages(self, tape: Tape) -> list[Stage]:
        epoch, step = self.time()
        return [Stage(tape, epoch, step, part.batch_axis(n), part.present()) for n, part in enumerate(self.parts)]


@dataclass(frozen=True)
class ChunkCommitments:
    """The records of what a chunk reads: datasets in the order of the parts."""

    datasets: tuple[Commitment, ...]
    before: Commitment
    after: Commitment
    noise: Commitment | None = None


@dataclass(frozen=True, eq=False)
class ChunkWitness:
    """Their secret sides."""

    datasets: tuple[CommittedVector, ...]
    before: CommittedVector
    after: CommittedVector
    noise: CommittedVector | None = None

    @property
    def records(self) -> ChunkCommitments:
        noise = self.noise.record if self.noise else None
        return ChunkCommitments(tuple(d.record for d in self.datasets), self.before.record, self.after.record, noise)


def commit_noise(architecture: Architecture, rule: Rule, seed: bytes) -> CommittedVector:
    """The uniform values behind the noise of the rule's steps, expanded from a secret seed; one opening."""
    from bailee.argument.commitment import CommittedVector
    from bailee.argument.randomness import Expansion

    if rule.noise is None:
        raise StatementError("a rule without noise has nothing to commit")
    secret = Expansion(seed)
    tensors: dict[str, NDArray[np.uint64]] = {}
    for parameter in architecture.parameters:
        count = len(rule.multipliers) * int(np.prod(parameter.padded))
        for name, _, _ in rule.noise.draws:
            tensor = tensor_name(parameter.name, name)
            tensors[tensor] = uniform_words(secret.octets(f"uniforms {tensor}", 8 * count))
    return CommittedVector(tensors, 1, secret.octets("noise commitment", 32))


def draw_noise(
    architecture: Architecture, rule: Rule, noise: CommittedVector, seed: bytes
) -> dict[str, NDArray[np.int64]]:
    """The noise that committed uniforms and public coins make: what `run_steps` takes."""
    if rule.noise is None:
        raise StatementError("a rule without noise draws none")
    found: dict[str, NDArray[np.int64]] = {}
    for parameter in architecture.parameters:
        names = [tensor_name(parameter.name, name) for name, _, _ in rule.noise.draws]
        uniforms = [noise.tensor(name) for name in names]
        public = [coins(seed, name, u.size.bit_length() - 1) for name, u in zip(names, uniforms, strict=True)]
        drawn = draw(rule.noise, uniforms, public)
        found[parameter.name] = cut(parameter, drawn.reshape(len(rule.multipliers), *parameter.padded))
    return found


def chunk_tape(
    tape: Tape, claim: ChunkClaim, commitments: ChunkCommitments, states: dict[str, list[Integers]] | None = None
) -> None:
    """Write the statement. `states` are a prover's: for each "NAME weights" (and velocity) its value at every step."""
    if len(commitments.datasets) != len(claim.parts) or (commitments.noise is None) != (claim.rule.noise is None):
        raise StatementError(
            f"a claim on {len(claim.parts)} datasets {'with' if claim.rule.noise else 'without'} noise needs as many "
            "commitments"
        )
    architecture, rule = claim.architecture, claim.rule
    momentum = rule.momentum > 0
    stages = claim.stages(tape)
    stage = stages[0]
    rows = [
        read_rows(tape, part, each, architecture, tape.source(dataset, part.opening))
        for part, each, dataset in zip(claim.parts, stages, commitments.datasets, strict=True)
    ]
    before, after = tape.source(commitments.before, READ), tape.source(commitments.after, WRITTEN)
    noise = tape.source(commitments.noise, 0) if commitments.noise else None

    inside = {p.name: held_inside(stage, p, states or {}, momentum) for p in architecture.parameters}
    used = {name: held.used for name, held in inside.items()}
    found = [write_gradients(each, architecture, x, used, rule.clip) for each, x in zip(stages, rows, strict=True)]
    many = draws_many(stage, architecture)
    for parameter in architecture.parameters:
        held = inside[parameter.name]
        axes = (*stage.time, *parameter.axes)
        sums = [gradients[parameter.name] for gradients in found]
        whole = sums[0] if len(sums) == 1 else tape.linear(axes, [(1, each) for each in sums])
        drawn = None
        if rule.noise and noise is not None:
            drawn = write_draw(tape, axes, rule.noise, noise, parameter.name, claim.coins, many)
        moved, velocity = write_update(stage, architecture, parameter, held, whole, rule, drawn)
        first, last = (held_at(stage, source, parameter, momentum) for source in (before, after))
        write_ranges(stage, held)
        write_ranges(stage, last)
        write_follow(stage, join(stage, held), moved, join(stage, first), join(stage, last))
        if velocity is not None and held.velocity and first.velocity and last.velocity:
            write_follow(stage, held.velocity, velocity, first.velocity, last.velocity)


def read_rows(tape: Tape, part: Part, stage: Stage, architecture: Architecture, source: int) -> Node:
    """The rows of a part over (step, batch, column), of a dataset's commitment."""
    whole = tape.committed(source, TENSOR, (part.slice_axis, stage.step, stage.batch, architecture.column))
    return tape.select(whole, part.slice_axis, part.slice)


def prove_chunk(
    claim: ChunkClaim,
    witness: ChunkWitness,
    context: bytes,
    progress: Progress | None = None,
    seed: bytes | None = None,
) -> bytes:
    """Prove a chunk, spending one opening of everything it reads; with a secret `seed`, the same proof every time.

    Raises StatementError, before anything is revealed, where the boundary after is not what the steps give.
    """
    from bailee.argument.prover import prove

    vectors = [*witness.datasets, witness.before, witness.after, *([witness.noise] if witness.noise else [])]
    given = {(n, name): vector.tensor(name) for n, vector in enumerate(vectors) for name, _ in vector.shape}
    tape = Tape(given)
    chunk_tape(tape, claim, witness.records, _states(claim, witness))
    return prove(tape, vectors, context, progress, seed)


def _states(claim: ChunkClaim, witness: ChunkWitness) -> dict[str, list[Integers]]:
    """What every step starts from, by training again."""
    architecture, rule = claim.architecture, claim.rule
    state = state_of(architecture, witness.before, rule.momentum > 0)
    noise = draw_noise(architecture, rule, witness.noise, claim.coins) if rule.noise and witness.noise else None
    features = [_slice(part, vector, architecture) for part, vector in zip(claim.parts, witness.datasets, strict=True)]
    present = [part.present() for part in claim.parts]
    states: dict[str, list[Integers]] = {}
    for after, _ in iterate(architecture, state, features, present, rule, noise):
        for kind, values in (("weights", state.weights), ("velocity", state.velocity)):
            for name, value in values.items():
                states.setdefault(f"{name} {kind}", []).append(value)
        state = after
    return states


def _slice(part: Part, vector: CommittedVector, architecture: Architecture) -> Integers:
    """The rows that a part reads: (steps, batch padded, columns)."""
    size = part.batch_axis(0).size
    cube = vector.tensor(TENSOR).reshape(-1, architecture.column.size)
    rows = cube[part.first : part.first + part.steps * size, : architecture.columns]
    return field.to_signed(rows).reshape(part.steps, size, architecture.columns)


def verify_chunk(
    claim: ChunkClaim, commitments: ChunkCommitments, context: bytes, proof: bytes, plain: bool = False
) -> dict[str, float]:
    """Check such a proof, by the fast verifier or the plain one; returns its soundness table in bits.

    Raises ProofError.
    """
    tape = Tape()
    chunk_tape(tape, claim, commitments)
    return check(tape, context, proof, plain)
