"""The padded sumcheck: two hidden values a round, and a claim that stays affine (docs/protocol.md, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bailee.algebra.field import e_inv, e_mul, e_sub
from bailee.argument.affine import ONE, ZERO, Ext, Form, Hidden
from bailee.argument.dialogue import Dialogue
from bailee.errors import ProofError


class RoundState(Protocol):
    """A prover's side of one sumcheck: the constant and leading coefficient of a round, then its challenge."""

    def round(self) -> tuple[Ext, Ext]: ...
    def fold(self, challenge: Ext) -> None: ...


def sumcheck(
    d: Dialogue, claim: Form, weights: Sequence[Ext | None], state: RoundState | None
) -> tuple[list[Ext], Form]:
    """Reduce `claim` over `len(weights)` variables to a point and the form of the summand there.

    `weights[k]` is the coordinate of the eq factor of variable k, or None for a free variable. Error: 2/|E| a round,
    3/|E| a weighted one.
    """
    point: list[Ext] = []
    steps: list[tuple[Ext, Hidden, Ext, Hidden, Ext]] = []
    for rho in weights:
        messages = state.round() if state else (ZERO, ZERO)
        first = d.send(messages[0])
        last = d.send(messages[1])
        r = d.challenge("sumcheck")
        if state:
            state.fold(r)
        point.append(r)
        if d.blind:
            continue
        square = e_mul(r, r)
        if rho is None:
            keep, of_first = r, e_sub(e_sub(ONE, r), r)
        else:
            if rho == ZERO:
                raise ProofError("a weight of a sumcheck is zero (probability 2^-128): prove again")
            keep = e_mul(r, e_inv(rho))
            of_first = e_sub(ONE, keep)
        steps.append((keep, first, of_first, last, e_sub(square, r)))
    d.tally.rounds += len(point)
    return point, _unfold(claim, steps)


def _unfold(claim: Form, steps: list[tuple[Ext, Hidden, Ext, Hidden, Ext]]) -> Form:
    """Apply T <- keep T + a first + b last from the last step back, so that each term is scaled once."""
    result = Form(ZERO)
    carried = ONE
    for keep, first, of_first, last, of_last in reversed(steps):
        result = _plus_own(result, first, e_mul(carried, of_first))
        result = _plus_own(result, last, e_mul(carried, of_last))
        carried = e_mul(carried, keep)
    return result.plus(claim, carried)


def _plus_own(result: Form, sent: Hidden, by: Ext) -> Form:
    """`result + by * sent` for a pad that `result` does not hold yet, in place."""
    result.terms[sent.pad] = by
    return result.plus_constant(e_mul(sent.constant, by))
