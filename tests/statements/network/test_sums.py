"""Open iterates: an owner proves its sums of each round, by the relation the hidden model uses."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
import pytest

from bailee.argument.commitment import CommittedVector
from bailee.errors import ProofError, StatementError
from bailee.statements.dataset import commit_rows
from bailee.statements.network.chunk import Part, commit_noise, draw_noise
from bailee.statements.network.run import Rule, initial_state, rule_for, used_weights
from bailee.statements.network.sums import SumsClaim, lattice_sums, noise_rule, prove_sums, verify_sums
from statements.network.toys import CONTEXT, model, rows_for

ROUNDS, ROWS = 3, 13


@lru_cache(maxsize=2)
def made(private: bool) -> tuple[SumsClaim, CommittedVector, CommittedVector | None]:
    architecture = model(4, (5,), 3, "softmax")
    clip, noise = (Fraction(1), Fraction(1)) if private else (None, None)
    planned = rule_for(architecture, ROWS, [Fraction(1, 2)], clip=clip, noise_multiplier=noise)
    rule = Rule(planned.shift, (1,) * ROUNDS, clip=planned.clip, noise=planned.noise)
    part = Part(ROWS, 1, ROWS)
    rows = rows_for(architecture, ROWS)
    uniforms = commit_noise(architecture, noise_rule(rule, part), b"u" * 32) if private else None
    coins = bytes(range(32)) if private else b""
    drawn = draw_noise(architecture, noise_rule(rule, part), uniforms, coins) if uniforms else None
    weights, sums = [], []
    for number in range(ROUNDS):
        used = used_weights(initial_state(architecture, bytes([number])))
        weights.append(used)
        noise_now = {name: values[number] for name, values in drawn.items()} if drawn else None
        sums.append(lattice_sums(architecture, rule, used, rows, np.ones(ROWS, dtype=np.bool_), noise_now))
    stacked = [{name: np.stack([one[name] for one in every]) for name in every[0]} for every in (weights, sums)]
    return SumsClaim(architecture, rule, part, *stacked, coins), commit_rows(rows, 1, b"d" * 32), uniforms


@lru_cache(maxsize=2)
def proved(private: bool) -> bytes:
    return prove_sums(*made(private), CONTEXT)


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("private", [False, True])
def test_sums_are_proved(private: bool, plain: bool) -> None:
    claim, data, noise = made(private)
    record = noise.record if noise else None
    assert verify_sums(claim, data.record, record, CONTEXT, proved(private), plain)["total"] >= 100


@pytest.mark.parametrize("name", ["weight1", "weight2", "bias2"])
@pytest.mark.parametrize("kind", ["sums", "weights"])
def test_another_sum_or_weight_is_refused(name: str, kind: str) -> None:
    claim, data, _ = made(False)
    values = {key: value.copy() for key, value in getattr(claim, kind).items()}
    values[name][1].reshape(-1)[0] += 1 if kind == "sums" else 1 << 12
    other = replace(claim, **{kind: values})
    with pytest.raises(ProofError):
        verify_sums(other, data.record, None, CONTEXT, proved(False))
    with pytest.raises(StatementError, match="does not hold"):
        prove_sums(other, data, None, CONTEXT)


def test_other_coins_are_refused() -> None:
    claim, data, noise = made(True)
    assert noise is not None
    with pytest.raises(ProofError):
        verify_sums(replace(claim, coins=bytes(32)), data.record, noise.record, CONTEXT, proved(True))
    with pytest.raises(StatementError):
        verify_sums(claim, data.record, None, CONTEXT, proved(True))


def test_a_claim_that_is_none() -> None:
    claim, _, _ = made(False)
    large = {name: values.copy() for name, values in claim.sums.items()}
    large["weight2"][0, 0, 0] = 1 << (61 - claim.rule.shift)
    label = {name: values.copy() for name, values in claim.weights.items()}
    label["weight1"][0, -1, 0] = 1
    for change in (
        {"rule": replace(claim.rule, multipliers=(3, 1, 1))},
        {"rule": replace(claim.rule, lift=1)},
        {"coins": bytes(32)},
        {"sums": large},
        {"weights": label},
        {"weights": {}},
        {"rule": replace(claim.rule, multipliers=(1, 1))},
    ):
        with pytest.raises(StatementError):
            replace(claim, **change)
