"""Logistic regression as a session's task: plans of version 1, rows bounded by the card's norm, no clipping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from bailee import tags
from bailee.argument.commitment_record import Commitment
from bailee.errors import PlanError, SessionError
from bailee.records import Card
from bailee.records.schema import Schema
from bailee.statements import privacy
from bailee.statements.fixed_point import weight_radius
from bailee.statements.gradient import GradientClaim, verify_gradients
from bailee.statements.logistic import Rule, State, compute_round, final_model, round_state, start, update
from bailee.statements.noise import combine, noise_table, uniform_words
from bailee.statements.plan import Plan, Terms, check_bounds, row_norm_bound, rule
from bailee.statements.privacy import Loss, Release, check_noise, privacy_curve, privacy_loss
from bailee.statements.task import Facts, Witness


@dataclass(frozen=True, eq=False)
class Uniforms:
    """U, 60 bits each, uint64 (rounds, columns), and the seed of the commitment to it."""

    values: NDArray[np.uint64]
    seed: bytes

    def __repr__(self) -> str:
        return "Uniforms(<secret>)"

    def commit(self) -> Commitment:
        from bailee.statements.gradient import commit_noise

        return commit_noise(self.values, self.seed)


@dataclass
class LogisticIterates:
    """All states: the model may be the mean of the last half of them."""

    rule: Rule
    average: bool
    states: list[State] = field(default_factory=list)

    @cached_property
    def _first(self) -> State:
        return start(self.rule.columns)

    @property
    def _now(self) -> State:
        return self.states[-1] if self.states else self._first

    @property
    def weights(self) -> tuple[int, ...]:
        return _listed(self._now.used())

    def step(self, sums: Sequence[int]) -> None:
        self.states.append(update(self._now, sums, self.rule))

    def model(self) -> tuple[int, ...]:
        return _listed(round_state(final_model(self.states, self.average)))


@dataclass(frozen=True)
class LogisticTask:
    plan: Plan
    terms: Terms
    statement: str = field(default="bailee/gradients/v1", init=False)

    @property
    def rounds(self) -> int:
        return self.plan.rounds

    @property
    def rows(self) -> int:
        return self.terms.rows

    @property
    def columns(self) -> tuple[str, ...]:
        return self.terms.columns

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(name for name, sent in zip(self.columns, self.terms.released, strict=True) if sent)

    @property
    def epsilon(self) -> str | None:
        return self.plan.epsilon

    def check(self) -> None:
        check_bounds(self.plan, self.terms)
        check_noise(self.plan, self.release(self.terms.norm_bound))

    def check_card(self, card: Card) -> None:
        if self.columns != card.columns or self.terms.released != self.plan.released(card.columns):
            raise PlanError("the session's columns are not those of this owner's card and the plan")
        if self.terms.norm_bound < _norm_bound(card) or self.rows < card.rows:
            raise PlanError("the session's rows or row norm bound leave this owner's dataset out")

    def misfit(self, cards: Sequence[Card]) -> str:
        terms = self.terms
        if terms.released != self.plan.released(terms.columns):
            return "released columns are not those of the plan"
        rows = sum(card.rows for card in cards)
        if terms.rows != rows:
            return f"they count {terms.rows} rows; the cards commit to {rows}"
        largest = max(_norm_bound(card) for card in cards)
        return "" if terms.norm_bound == largest else "the row norm bound is not the cards'"

    def release(self, norm_bound: int) -> Release:
        """What an owner whose card proves `norm_bound` sends."""
        terms = self.terms
        return Release(norm_bound, sum(terms.released), len(terms.columns), terms.shift, terms.sigma, self.rounds)

    def loss(self, card: Card) -> Loss:
        return privacy_loss(self.release(_norm_bound(card)), self.plan.delta)

    def curve(self, card: Card) -> tuple[str, ...]:
        return _curve(self.release(_norm_bound(card)), self.plan.delta)

    def accounting(self, cards: Sequence[Card]) -> dict[str, Any]:
        return dict(privacy.accounting(self.release(self.terms.norm_bound), self.plan.delta))

    def iterates(self) -> LogisticIterates:
        return LogisticIterates(rule(self.plan, self.terms), self.plan.average)

    def fits(self, values: Sequence[int]) -> bool:
        released = self.terms.released
        return len(values) == len(released) and all(out or not v for v, out in zip(values, released, strict=True))

    def facts(self) -> Facts:
        count = len(self.columns)
        return Facts("logistic regression", count - 2, (("weights", (count,)),), self.terms.sigma, self.terms.shift)

    def require_safe(self, card: Card, weights: Sequence[int]) -> None:
        radius = weight_radius(_norm_bound(card))
        if sum(value * value for value in weights) > radius * radius:
            raise SessionError("the builder's weights are larger than any step of the plan; nothing was computed")

    @property
    def _shape(self) -> tuple[int, int]:
        return self.rounds, len(self.columns)

    def noise(self, secret: bytes) -> Uniforms:
        return Uniforms(_words(blake3(tags.NOISE, key=secret[:32]), self._shape), secret[32:64])

    def coins(self, seed: bytes) -> NDArray[np.uint64]:
        return _words(blake3(seed, key=tags.COINS), self._shape)

    def draw(self, noise: Uniforms, coins: NDArray[np.uint64]) -> NDArray[np.int64]:
        return noise_table(self.terms.sigma).sample(combine(noise.values, coins))

    def answer(self, matrix: NDArray[np.int64], weights: Sequence[int], noise: NDArray[np.int64]) -> tuple[int, ...]:
        terms = self.terms
        exact = compute_round(matrix, terms.label, np.array(weights, dtype=np.int64), terms.shift, terms.released)
        return _listed(np.where(np.array(terms.released), exact + noise, 0))

    def claim(
        self,
        rows: int,
        opening: int,
        weights: Sequence[Sequence[int]],
        sums: Sequence[Sequence[int]],
        coins: NDArray[np.uint64],
    ) -> GradientClaim:
        return GradientClaim(
            rows=rows,
            columns=len(self.columns),
            label=self.terms.label,
            released=self.terms.released,
            weights=np.array(weights, dtype=np.int64).reshape(-1, len(self.columns)),
            sums=np.array(sums, dtype=np.int64).reshape(-1, len(self.columns)),
            coins=coins,
            shift=self.terms.shift,
            sigma=self.terms.sigma,
        )

    def prove(self, claim: GradientClaim, witness: Witness, context: bytes) -> bytes:
        from bailee.statements.gradient import prove_gradients

        w = witness
        return prove_gradients(claim, w.matrix, w.seed, w.openings, w.opening, w.noise.values, w.noise.seed, context)

    def verify(
        self,
        claim: GradientClaim,
        dataset: Commitment,
        opening: int,
        noise: Commitment,
        context: bytes,
        proof: bytes,
        plain: bool = False,
    ) -> Mapping[str, float]:
        return verify_gradients(claim, dataset, opening, noise, context, proof, plain)


@lru_cache(maxsize=16)
def _curve(release: Release, delta: str) -> tuple[str, ...]:
    """Owners with one norm bound share a curve."""
    return privacy_curve(release, delta, range(1, release.rounds + 1))


def _norm_bound(card: Card) -> int:
    return row_norm_bound(Schema.from_json(card.schema))


def _words(stream: Any, shape: tuple[int, int]) -> NDArray[np.uint64]:
    """A BLAKE3 stream as little-endian words modulo 2^60."""
    return uniform_words(stream.digest(length=8 * shape[0] * shape[1])).reshape(shape)


def _listed(values: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)
