"""A network as a session's task: plans of version 2, rows clipped in the relation, the hidden mode's step in public.

Weights and sums are flat: all of `Architecture.parameters`, in their order, row by row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import compress
from math import isqrt, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from bailee import tags
from bailee.argument.commitment_record import Commitment
from bailee.errors import PlanError, SessionError, StatementError
from bailee.records import Card
from bailee.records.fields import decimal_text
from bailee.records.schema import CLASSES, UNIT, Schema
from bailee.statements.hidden.accounting import ModelLoss, accounting, check_plan, loss_curve, model_loss
from bailee.statements.hidden.session import start_state
from bailee.statements.hidden.terms import Setup, check_label
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.chunk import Part
from bailee.statements.network.numbers import USED_BITS
from bailee.statements.network.optimizer import Rule, State, Weights, advance, used_weights
from bailee.statements.network.plan import ModelPlan
from bailee.statements.network.sums import SumsClaim, lattice_sums, noise_rule, verify_sums
from bailee.statements.open.reach import require_reach
from bailee.statements.open.terms import OpenTerms, setup_of
from bailee.statements.privacy import Loss
from bailee.statements.task import Facts, Witness

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector

MAX_ENTRIES = 1 << 20
MAX_NOISE = 1 << 25
"""Numbers in one message, and of noise in a session: what a party must hold at once."""
_INTEGER_BITS = 53


@dataclass(frozen=True, eq=False)
class ModelNoise:
    """Uniforms of all rounds, expanded from a secret seed of 32 bytes; `rule` is filled up with idle rounds."""

    architecture: Architecture
    rule: Rule
    seed: bytes

    def __repr__(self) -> str:
        return "ModelNoise(<secret>)"

    @cached_property
    def vector(self) -> CommittedVector:
        from bailee.statements.network.chunk import commit_noise

        return commit_noise(self.architecture, self.rule, self.seed)

    def commit(self) -> Commitment:
        return self.vector.record


@dataclass
class NetworkIterates:
    """The step of the hidden mode, taken in public on sums that bear their noise already."""

    setup: Setup
    done: int = 0

    @cached_property
    def _state(self) -> State:
        return start_state(self.setup)

    @property
    def weights(self) -> tuple[int, ...]:
        return flatten(self.setup.architecture, used_weights(self._state))

    def step(self, sums: Sequence[int]) -> None:
        architecture, rule = self.setup.architecture, self.setup.rule
        found = cut(architecture, sums)
        self._require_small(found, rule)
        # In units of the lattice `advance` divides them back exactly: noise is in them already, rounding too.
        scaled = {name: values << (rule.shift - rule.lift) for name, values in found.items()}
        self._state = advance(architecture, self._state, scaled, rule, self.done, None)
        self.done += 1

    def model(self) -> tuple[int, ...]:
        return self.weights

    def _require_small(self, sums: Weights, rule: Rule) -> None:
        """What any proof would refuse must not wrap around here."""
        fresh = max(_largest(values) for values in sums.values()) << rule.shift
        speed = max((_largest(values) for values in self._state.velocity.values()), default=0)
        moved = fresh + rule.momentum * speed + (rule.decay << USED_BITS)
        if rule.multipliers[self.done] * moved >= 1 << 62:
            raise StatementError(f"round {self.done + 1}: the sums are larger than any rows give: training diverged")


@dataclass(frozen=True)
class NetworkTask:
    plan: ModelPlan
    terms: OpenTerms
    statement: str = field(default="bailee/sums/v1", init=False)

    @cached_property
    def setup(self) -> Setup:
        return setup_of(self.plan, self.terms)

    @property
    def architecture(self) -> Architecture:
        return self.setup.architecture

    @property
    def rounds(self) -> int:
        return self.plan.epochs

    @property
    def rows(self) -> int:
        return self.terms.rows

    @property
    def columns(self) -> tuple[str, ...]:
        return self.terms.columns

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(name for name, used in zip(self.columns, self.architecture.told, strict=True) if used)

    @property
    def epsilon(self) -> str | None:
        return self.plan.privacy.epsilon

    @cached_property
    def rule(self) -> Rule:
        """What an owner's sums are made by: lattice, clip and noise of the step; the rest of it is public."""
        rule = self.setup.rule
        return replace(rule, shift=rule.shift - rule.lift, lift=0, momentum=0, decay=0, multipliers=(1,) * self.rounds)

    def check(self) -> None:
        entries = self._mask.size
        draws = len(self.rule.noise.draws) if self.rule.noise else 0
        if entries > MAX_ENTRIES or self.rounds * entries * draws > MAX_NOISE:
            raise PlanError(
                f"hidden: {self.rounds} rounds of {entries} weights; a session bears {MAX_ENTRIES} weights and "
                f"{MAX_NOISE} draws of noise at most: fewer rounds, or a smaller model"
            )
        self.rule.check(self.architecture, self.rows)
        clip, noise = self.rule.clip, self.rule.noise
        reach = (self.rows * clip.row_norm() >> self.rule.shift) + noise.reach() if clip and noise else 0
        if reach.bit_length() >= _INTEGER_BITS:
            raise PlanError(f"released sums could reach {reach}; a record's integers end at 2^53: take a smaller clip")
        check_plan(self.setup, self._loss)

    def check_card(self, card: Card) -> None:
        if self.columns != card.columns:
            raise PlanError("the session's columns are not those of this owner's card")
        if self.rows < card.rows:
            raise PlanError("the session's rows leave this owner's dataset out")
        check_label(self.plan, Schema.from_json(card.schema))

    def misfit(self, cards: Sequence[Card]) -> str:
        for card in cards:
            check_label(self.plan, Schema.from_json(card.schema))
        rows = sum(card.rows for card in cards)
        return "" if self.rows == rows else f"they count {self.rows} rows; the cards commit to {rows}"

    @cached_property
    def _loss(self) -> ModelLoss:
        found = model_loss(self.setup)
        if found is None:
            raise PlanError("privacy.mode: expected a private plan")
        return found

    def loss(self, card: Card) -> Loss:
        return Loss(self._loss.epsilon, self._loss.delta)

    def curve(self, card: Card) -> tuple[str, ...]:
        return loss_curve(self.setup)

    def accounting(self, cards: Sequence[Card]) -> dict[str, Any]:
        return accounting(self.setup, self._loss)

    def iterates(self) -> NetworkIterates:
        return NetworkIterates(self.setup)

    @cached_property
    def _mask(self) -> NDArray[np.bool_]:
        """Which entries of a flat list are the model's."""
        real = {
            p.name: self.architecture.real(p)[tuple(slice(n) for n in p.shape)] for p in self.architecture.parameters
        }
        return np.concatenate([values.reshape(-1) for values in real.values()])

    def fits(self, values: Sequence[int]) -> bool:
        return len(values) == self._mask.size and not any(compress(values, ~self._mask))

    def facts(self) -> Facts:
        architecture, noise = self.architecture, self.rule.noise
        depth = f", hidden layers {' '.join(map(str, architecture.hidden))}" if architecture.hidden else ""
        variance = noise.variance() * 10**12 if noise else 0
        return Facts(
            model=f"a {'network' if architecture.hidden else 'linear model'} with {architecture.loss} loss{depth}",
            features=sum(architecture.told) - 1,
            shapes=tuple((p.name, p.shape) for p in architecture.parameters),
            sigma=noise.fine if noise and not noise.factor else _root(int(variance)),
            shift=self.rule.shift,
        )

    def require_safe(self, card: Card, weights: Sequence[int]) -> None:
        schema = Schema.from_json(card.schema)
        # The one column of a label of classes that is set has no part in a row's values.
        squared = schema.layout.norm_bound - (UNIT * UNIT if schema.label_kind == CLASSES else 0)
        if max(map(abs, weights)) >= 1 << (USED_BITS - 1):
            raise SessionError("the builder's weights are larger than the relation can hold; nothing was computed")
        try:
            require_reach(self.architecture, cut(self.architecture, weights), sqrt(squared) / UNIT)
        except StatementError as error:
            raise SessionError(
                f"at the builder's weights {error}. Nothing was computed: whether a row fails must not be seen. Train "
                "with a smaller learning rate, fewer rounds or more weight decay, or seal with a smaller row_norm"
            ) from None

    @cached_property
    def _padded(self) -> Rule:
        return noise_rule(self.rule, Part(self.rows, 1, self.rows))

    def noise(self, secret: bytes) -> ModelNoise:
        return ModelNoise(self.architecture, self._padded, secret[:32])

    def coins(self, seed: bytes) -> bytes:
        return blake3(seed, key=tags.SUMS_COINS).digest()

    def draw(self, noise: ModelNoise, coins: bytes) -> NDArray[np.int64]:
        from bailee.statements.network.chunk import draw_noise

        drawn = draw_noise(self.architecture, noise.rule, noise.vector, coins)
        return np.concatenate(
            [drawn[p.name][: self.rounds].reshape(self.rounds, -1) for p in self.architecture.parameters], axis=1
        )

    def answer(self, matrix: NDArray[np.int64], weights: Sequence[int], noise: NDArray[np.int64]) -> tuple[int, ...]:
        architecture = self.architecture
        here = np.ones(len(matrix), dtype=np.bool_)
        drawn = cut(architecture, noise)
        return flatten(
            architecture, lattice_sums(architecture, self.rule, cut(architecture, weights), matrix, here, drawn)
        )

    def claim(
        self, rows: int, opening: int, weights: Sequence[Sequence[int]], sums: Sequence[Sequence[int]], coins: bytes
    ) -> SumsClaim:
        part = Part(rows, 1, rows, 0, opening)
        return SumsClaim(self.architecture, self.rule, part, self._stacked(weights), self._stacked(sums), coins)

    def _stacked(self, rounds: Sequence[Sequence[int]]) -> Weights:
        each = [cut(self.architecture, values) for values in rounds]
        return {p.name: np.stack([one[p.name] for one in each]) for p in self.architecture.parameters}

    def prove(self, claim: SumsClaim, witness: Witness, context: bytes) -> bytes:
        from bailee.statements.dataset import commit_rows
        from bailee.statements.network.sums import prove_sums

        dataset = commit_rows(witness.matrix, witness.openings, witness.seed)
        return prove_sums(claim, dataset, witness.noise.vector, context)

    def verify(
        self,
        claim: SumsClaim,
        dataset: Commitment,
        opening: int,
        noise: Commitment,
        context: bytes,
        proof: bytes,
        plain: bool = False,
    ) -> Mapping[str, float]:
        return verify_sums(claim, dataset, noise, context, proof, plain)


def flatten(architecture: Architecture, values: Weights) -> tuple[int, ...]:
    return tuple(int(value) for p in architecture.parameters for value in values[p.name].reshape(-1))


def cut(architecture: Architecture, values: Sequence[int] | NDArray[np.int64]) -> Weights:
    """A flat list as tensors, int64, each of its parameter's shape."""
    flat = np.asarray(values, dtype=np.int64)
    found: Weights = {}
    start = 0
    for p in architecture.parameters:
        size = int(np.prod(p.shape))
        found[p.name] = flat[start : start + size].reshape(p.shape)
        start += size
    return found


def _largest(values: NDArray[np.int64]) -> int:
    return max(-int(values.min()), int(values.max())) if values.size else 0


def _root(scaled: int) -> str:
    """The root of a variance at 10^12, as a decimal rounded down."""
    whole, part = divmod(isqrt(scaled), 10**6)
    return decimal_text(f"{whole}.{part:06d}")
