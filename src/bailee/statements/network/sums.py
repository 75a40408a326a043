"""The statement *these gradient sums are right*, open iterates: one owner, public weights (docs/training.md, 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import Axis
from bailee.argument.tape import Tape
from bailee.errors import PlanError, StatementError
from bailee.statements.dataset import check
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.boundary import pad
from bailee.statements.network.chunk import Part, Progress, read_rows
from bailee.statements.network.draws import draws_many, write_draw
from bailee.statements.network.gradients import gradient_sums, write_gradients
from bailee.statements.network.numbers import USED_BITS, Integers, div, require_signed
from bailee.statements.network.optimizer import Rule, Weights, write_lattice
from bailee.statements.network.stage import Stage

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector

_SUM_BITS = 62


@dataclass(frozen=True, eq=False)
class SumsClaim:
    """What one owner released over the rounds of a session, and from what.

    rule: shift, clip and noise; its multipliers are 1 in each round, and its lift, momentum and decay are the public
    step's, so 0 here. weights: used weights, int64 (rounds, *shape) at 2^14; sums: int64 (rounds, *shape), lattice
    units; coins as in a ChunkClaim.
    """

    architecture: Architecture
    rule: Rule
    part: Part
    weights: Weights
    sums: Weights
    coins: bytes = b""

    def __post_init__(self) -> None:
        rounds, parameters = self.rounds, self.architecture.parameters
        if set(self.rule.multipliers) != {1} or self.rule.lift or self.rule.momentum or self.rule.decay:
            raise StatementError("open sums have a rule of multipliers 1, without lift, momentum and decay")
        if len(self.coins) != (32 if self.rule.noise else 0):
            raise StatementError("a claim has a 32-byte seed of coins iff it has noise")
        for name, given in (("weights", self.weights), ("sums", self.sums)):
            for parameter in parameters:
                shape = (rounds, *parameter.shape)
                if set(given) != {p.name for p in parameters} or given[parameter.name].shape != shape:
                    raise StatementError(f"{name} hold {parameter.name} of shape {shape} and nothing else")
                inside = self.architecture.real(parameter)[tuple(slice(n) for n in parameter.shape)]
                if given[parameter.name][:, ~inside].any():
                    raise StatementError(f"{name} of columns that are no input are zero")
        for parameter in parameters:
            require_signed(self.weights[parameter.name], USED_BITS, f"{parameter.name}: a public weight")
            require_signed(self.sums[parameter.name], _SUM_BITS - self.rule.shift, f"{parameter.name}: a public sum")
        try:
            self.rule.check(self.architecture, self.part.batch)
        except PlanError as error:
            raise StatementError(str(error)) from None

    @property
    def rounds(self) -> int:
        return len(self.rule.multipliers)

    def stage(self, tape: Tape) -> Stage:
        """Rounds fill epochs of `part.steps` rounds each, the last with idle ones."""
        step = self.part.step_axis
        epoch = Axis.of("epoch", -(-self.rounds // step.size))
        return Stage(tape, epoch, step, self.part.batch_axis(0), self.part.present())


def lattice_sums(
    architecture: Architecture,
    rule: Rule,
    weights: Mapping[str, Integers],
    features: NDArray[Any],
    present: NDArray[np.bool_],
    noise: Mapping[str, NDArray[np.int64]] | None = None,
) -> Weights:
    """One round's released sums on (rows, columns): div(G, shift) + noise, each of its parameter's shape.

    weights: used weights of the round; noise: the round's, (*shape). Raises StatementError on divergence.
    """
    sums, _ = gradient_sums(architecture, weights, features, present, rule.clip)
    found: Weights = {}
    for parameter in architecture.parameters:
        inside = architecture.real(parameter)[tuple(slice(n) for n in parameter.shape)]
        value = div(sums[parameter.name], rule.shift)
        if noise is not None:
            value = value + noise[parameter.name]
        found[parameter.name] = np.where(inside, value, 0)
    return found


def sums_tape(tape: Tape, claim: SumsClaim, dataset: Commitment, noise: Commitment | None) -> None:
    """Write the statement."""
    if (noise is None) != (claim.rule.noise is None):
        raise StatementError("a claim with noise needs its commitment, and one without has none")
    architecture, rule = claim.architecture, claim.rule
    stage = claim.stage(tape)
    x = read_rows(tape, claim.part, stage, architecture, tape.source(dataset, claim.part.opening))
    source = tape.source(noise, 0) if noise else None
    length = stage.epoch.size * stage.step.size
    live = (np.arange(length) < claim.rounds).astype(np.int64)

    def rounds(values: Weights, name: str, whole: tuple[int, ...]) -> Integers:
        found = np.zeros((length, *whole), dtype=np.int64)
        found[: claim.rounds] = values[name]
        return found

    used = {
        p.name: tape.public((*stage.time, *p.axes), pad(p, rounds(claim.weights, p.name, p.shape)))
        for p in architecture.parameters
    }
    gradients = write_gradients(stage, architecture, x, used, rule.clip)
    many = draws_many(stage, architecture)
    for p in architecture.parameters:
        axes = (*stage.time, *p.axes)
        drawn = None
        if rule.noise and source is not None:
            drawn = write_draw(tape, axes, rule.noise, source, p.name, claim.coins, many)
        fresh = write_lattice(stage, p.name, gradients[p.name], rule.shift, drawn)
        released = tape.public(axes, pad(p, rounds(claim.sums, p.name, p.shape)))
        told = tape.outer(
            tape.public(stage.time, live), tape.public(p.axes, architecture.real(p).astype(np.int64).reshape(-1))
        )
        tape.zero(stage.product(axes, told, tape.linear(axes, [(1, fresh), (-1, released)])))


def noise_rule(claim_rule: Rule, part: Part) -> Rule:
    """The rule with idle rounds at the end, as `commit_noise` and `draw_noise` take it: a power of two of epochs."""
    rounds = len(claim_rule.multipliers)
    length = part.steps * Axis.of("", -(-rounds // part.steps)).size
    return replace(claim_rule, multipliers=claim_rule.multipliers + (0,) * (length - rounds))


def prove_sums(
    claim: SumsClaim,
    dataset: CommittedVector,
    noise: CommittedVector | None,
    context: bytes,
    progress: Progress | None = None,
) -> bytes:
    """Prove all sums of a session, spending an opening of the dataset and the noise's only one.

    Raises StatementError, before anything is revealed, where a sum is not what rows, weights and noise give.
    """
    from bailee.argument.prover import prove

    vectors = [dataset, *([noise] if noise else [])]
    tape = Tape({(n, name): vector.tensor(name) for n, vector in enumerate(vectors) for name, _ in vector.shape})
    sums_tape(tape, claim, dataset.record, noise.record if noise else None)
    return prove(tape, vectors, context, progress)


def verify_sums(
    claim: SumsClaim, dataset: Commitment, noise: Commitment | None, context: bytes, proof: bytes, plain: bool = False
) -> dict[str, float]:
    """Check such a proof; returns its soundness table in bits. Raises ProofError."""
    tape = Tape()
    sums_tape(tape, claim, dataset, noise)
    return check(tape, context, proof, plain)
