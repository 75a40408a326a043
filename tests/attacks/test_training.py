"""A trainer that computes other steps than its plan says, and is wrong in nothing else, convinces nobody.

Each cheat is carried through: all values that follow from it are as if it were right. So one kind of constraint alone
stands against it (`broken` names it), and the test fails if that constraint is ever lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.argument.commitment import CommittedVector
from bailee.argument.nodes import Axis, Node
from bailee.argument.tape import Compute, Tape
from bailee.errors import GrantError, ProofError, StatementError
from bailee.keys import Secret
from bailee.records import digest, sign
from bailee.records.card import Renewal
from bailee.statements.card import card_context
from bailee.statements.network import chunk, clipping, relu
from bailee.statements.network.boundary import commit_boundary, state_of
from bailee.statements.network.chunk import ChunkClaim, ChunkWitness, chunk_tape, prove_chunk, verify_chunk
from bailee.statements.network.draws import coins
from bailee.statements.network.losses import softmax
from bailee.statements.network.optimizer import State
from bailee.statements.network.run import iterate
from bailee.train.holding import Holding
from bailee.train.model import begin
from cheating import look_away
from model_cast import Cast, lend, make_cast
from model_cast import verify as verify_run
from parties import OPENINGS, make_grant, pretend_commit, root_of
from statements.network.toys import CONTEXT, Toy, batches

Change = Callable[[NDArray[Any]], NDArray[Any]]

DEEP = Toy(4, (4,), 1, "logistic", rows=8, batch=4, steps=2)
CLIPPED = Toy(3, (2,), 3, "softmax", rows=8, batch=4, steps=2, clip=Fraction(1, 64))
NOISY = Toy(4, (), 1, "logistic", rows=8, batch=4, steps=2, clip=Fraction(1), noise=Fraction(1))
EPOCHS = Toy(3, (), 2, "squared", rows=8, batch=4, steps=2, epochs=2, live=3, momentum=Fraction(1, 2))


@lru_cache(maxsize=8)
def honest(toy: Toy) -> tuple[ChunkClaim, ChunkWitness]:
    return toy.make()


def retrained(claim: ChunkClaim, witness: ChunkWitness) -> ChunkWitness:
    """What the steps, as patched, lead to."""
    after = states(claim, witness)[-1]
    return replace(witness, after=commit_boundary(claim.architecture, after, 2, b"c" * 32))


def states(claim: ChunkClaim, witness: ChunkWitness) -> list[State]:
    """Before the first step and after each."""
    architecture, rule = claim.architecture, claim.rule
    start = state_of(architecture, witness.before, rule.momentum > 0)
    noise = chunk.draw_noise(architecture, rule, witness.noise, claim.coins) if witness.noise else None
    features = [batches(claim, n, vector.tensor("rows")) for n, vector in enumerate(witness.datasets)]
    present = [part.present() for part in claim.parts]
    return [start, *(state for state, _ in iterate(architecture, start, features, present, rule, noise))]


class Watched(Tape):
    """Knows which of its assertions belong to a range."""

    ranged: set[int]

    def within(self, node: Node, bits: int) -> None:
        first = len(self.assertions)
        super().within(node, bits)
        self.ranged = getattr(self, "ranged", set()) | {one.id for one in self.assertions[first:]}


def broken(claim: ChunkClaim, witness: ChunkWitness) -> set[str]:
    """What does not hold on the cheat's tape: "range", "equation", or the first word of a table's name."""
    vectors = [*witness.datasets, witness.before, witness.after, *([witness.noise] if witness.noise else [])]
    tape = Watched({(n, name): vector.tensor(name) for n, vector in enumerate(vectors) for name, _ in vector.shape})
    chunk_tape(tape, claim, witness.records, chunk._states(claim, witness))
    wrong = [node for node in tape.assertions if tape.values(node).any()]
    found = {"range" if node.id in tape.ranged else "equation" for node in wrong}
    for look in tape.lookups:
        values = [tape.values(column) for column in look.columns]
        rows = np.clip(look.table.locate(values), 0, look.table.axis.size - 1)
        pairs = zip(values, look.table.columns, strict=True)
        if not all(np.array_equal(listed[rows], given) for given, listed in pairs):
            found.add("range" if look.table.name.startswith("range") else look.table.name.split()[0])
    return found


def refused(claim: ChunkClaim, witness: ChunkWitness, why: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert broken(claim, witness) == why
    with monkeypatch.context() as patch:
        look_away(patch)
        proof = prove_chunk(claim, witness, CONTEXT)
    monkeypatch.undo()
    for plain in (False, True):
        with pytest.raises(ProofError):
            verify_chunk(claim, witness.records, CONTEXT, proof, plain)


def forge(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Change]) -> None:
    """Advice of these names is what the changes make of it."""
    asked = Tape.advice

    def advice(self: Tape, called: str, axes: Sequence[Axis], compute: Compute) -> Node:
        change = changes.get(called)
        return asked(self, called, axes, (lambda: change(np.array(compute()).reshape(-1))) if change else compute)

    monkeypatch.setattr(Tape, "advice", advice)


def recommitted(claim: ChunkClaim, witness: ChunkWitness, changes: dict[str, Change]) -> ChunkWitness:
    """Another boundary after, its tensors changed by name, in range or not."""
    after = witness.after
    tensors = {name: after.tensor(name).copy() for name, _ in after.shape}
    for name, change in changes.items():
        tensors[name] = change(tensors[name])
    return replace(witness, after=CommittedVector(tensors, 2, b"c" * 32))


def plus(*amounts: int) -> Change:
    """The first entries, each with an amount added."""

    def change(values: NDArray[Any]) -> NDArray[Any]:
        words = values if values.dtype == np.uint64 else field.from_signed(values.astype(np.int64))
        words[: len(amounts)] = field.add(words[: len(amounts)], field.from_signed(np.array(amounts)))
        return words

    return change


# ---- gradients -------------------------------------------------------------------------------------------------------


def test_units_that_are_said_to_be_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    claim, witness = honest(DEEP)
    right = relu.div
    monkeypatch.setattr(relu, "div", lambda values, bits: np.minimum(right(values, bits), -1))
    cheat = retrained(claim, witness)
    assert cheat.after.record.root != witness.after.record.root
    refused(claim, cheat, {"range"}, monkeypatch)


def test_rounding_that_leans_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Residuals passed back are one unit larger: the remainder that says so is negative."""
    claim, witness = honest(DEEP)
    right = relu.div
    drops: list[int] = []

    def leaning(raw: Any, gate: Any, drop: int, what: str) -> Any:
        drops.append(drop)
        return np.where(gate, right(raw, drop) + 1, 0)

    monkeypatch.setattr(relu, "back", leaning)
    cheat = retrained(claim, witness)
    assert drops
    # the tape divides exactly; it can follow only with remainders below zero
    assert broken(claim, cheat) == {"equation"}
    refused(claim, cheat, {"equation"}, monkeypatch)


@pytest.mark.parametrize("amount", [-(1 << 14), 1 << 13])
def test_a_largest_logit_that_is_none(amount: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too small, and a power is larger than its table; too large, and all powers lose their digits."""
    claim, witness = honest(CLIPPED)
    right = softmax._powers

    def powers(z: Any, real: Any) -> Any:
        away, top, _, _ = right(z, real)
        mask = np.ones(z.shape[-1], dtype=np.bool_) if real is None else real
        away = np.where(mask, away - amount, 0)
        table = softmax.exponential_table()
        found = table[np.clip(away, 1 - len(table), 0) + len(table) - 1]
        return away, top + amount, found, found[..., mask].sum(axis=-1)

    monkeypatch.setattr(softmax, "_powers", powers)
    cheat = retrained(claim, witness)
    refused(claim, cheat, {"range"} if amount > 0 else {"exponential"}, monkeypatch)


# ---- clipping --------------------------------------------------------------------------------------------------------


def test_a_clip_factor_that_is_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    claim, witness = honest(CLIPPED)
    right = clipping.factors
    monkeypatch.setattr(clipping, "factors", lambda norms, clip: right(norms, clip) + 1)
    forge(monkeypatch, {"clip factor0": lambda values: values + 1})
    refused(claim, retrained(claim, witness), {"range"}, monkeypatch)


def test_a_norm_that_is_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    claim, witness = honest(CLIPPED)
    right = clipping.ceil_root
    monkeypatch.setattr(clipping, "ceil_root", lambda squared: right(squared) // 2)
    cheat = retrained(claim, witness)
    assert cheat.after.record.root != witness.after.record.root
    refused(claim, cheat, {"range"}, monkeypatch)


def test_rows_that_are_not_clipped(monkeypatch: pytest.MonkeyPatch) -> None:
    claim, witness = honest(CLIPPED)
    clip = claim.rule.clip
    assert clip is not None
    whole = np.int64(1 << clip.bits)
    monkeypatch.setattr(clipping, "factors", lambda norms, clip: np.full(norms[0].values.shape, whole))
    forge(monkeypatch, {"over the clip": np.zeros_like})
    refused(claim, retrained(claim, witness), {"range"}, monkeypatch)


# ---- noise -----------------------------------------------------------------------------------------------------------


def test_noise_that_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    claim, witness = honest(NOISY)
    right = chunk.draw_noise

    def without(*args: Any) -> Any:
        found = right(*args)
        return {
            name: np.where(np.arange(values.size).reshape(values.shape), values, 0) for name, values in found.items()
        }

    monkeypatch.setattr(chunk, "draw_noise", without)
    forge(monkeypatch, {"noise": lambda values: np.where(np.arange(values.size), values, 0)})
    refused(claim, retrained(claim, witness), {"noise"}, monkeypatch)


@pytest.mark.parametrize("carries", [False, True])
def test_uniforms_beyond_their_range_draw_the_same_noise_or_none(carries: bool) -> None:
    """U is not shown to be below 2^60, and nothing is gained by that."""
    claim, witness = honest(NOISY)
    assert witness.noise is not None
    tensors = {name: witness.noise.tensor(name).copy() for name, _ in witness.noise.shape}
    name, uniforms = next(iter(tensors.items()))
    whole = uniforms + coins(claim.coins, name, uniforms.size.bit_length() - 1)
    place = np.flatnonzero((whole >> np.uint64(60) == 1) == carries)[0]
    uniforms[place] += np.uint64(1 << 60)
    beyond = replace(witness, noise=CommittedVector(tensors, 1, b"d" * 32))
    assert bool(broken(claim, beyond)) == carries


# ---- steps -----------------------------------------------------------------------------------------------------------


def test_an_epoch_that_begins_again_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    claim, witness = honest(EPOCHS)
    right = states(claim, witness)

    def wrong(claim: ChunkClaim, witness: ChunkWitness) -> Any:
        held = [right[0], right[1], right[0], right[1]]
        return {
            f"{name} {kind}": [getattr(state, kind)[name] for state in held]
            for kind in ("weights", "velocity")
            for name in right[0].weights
        }

    monkeypatch.setattr(chunk, "_states", wrong)
    refused(claim, witness, {"equation"}, monkeypatch)


def test_an_idle_step_that_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    claim, witness = honest(EPOCHS)
    busy = replace(claim, rule=replace(claim.rule, multipliers=(*claim.rule.multipliers[:3], 1)))
    after = states(busy, witness)[-1]
    cheat = replace(witness, after=commit_boundary(claim.architecture, after, 2, b"c" * 32))
    refused(claim, cheat, {"equation"}, monkeypatch)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"weight1 used": plus(1), "weight1 low": plus(-(1 << 14))}, {"range"}),
        ({"weight1 used": plus(0, 0, 0, 0, 0, 0, 0, 0, 1)}, {"equation"}),
        ({"weight1 velocity": plus(1)}, {"equation"}),
    ],
    ids=["the same state otherwise", "a weight on a label", "velocity"],
)
def test_a_boundary_that_says_something_else(
    changes: dict[str, Change], why: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, witness = honest(EPOCHS)
    refused(claim, recommitted(claim, witness, changes), why, monkeypatch)


@pytest.mark.parametrize(("multiplier", "expected"), [(1, 1), (3, 1), ((1 << 20) - 1, 1), (6, 2)])
def test_one_remainder_leaves_the_next_weight_in_range(multiplier: int, expected: int) -> None:
    """And none where the right one does not. An even multiplier leaves two: 2 (v' + 1/2) is an integer too."""
    shift, away = 8, (1 << 32) + (1 << 14)
    share, largest = field.f_inv(1 << shift), (1 << 62) // multiplier - (1 << shift)

    def count(moved: int) -> int:
        steps = (multiplier * share * (moved + 128 - rest) % field.P for rest in range(1 << shift))
        return sum(step <= away or step >= field.P - away for step in steps)

    random = np.random.default_rng(multiplier)
    for _ in range(50):
        move = int(random.integers(1 - away, away)) // multiplier
        assert count((move << shift) + int(random.integers(-64, 64))) == expected
        far = int(random.integers(away << (shift + 1), largest * multiplier)) // multiplier
        assert count(far) == count(-far) == 0
    assert count(largest) == count(-largest) == 0


def test_multipliers_are_odd() -> None:
    """Even ones would let a remainder be wrong by half: 2 (v' + 1/2) is an integer too."""
    claim, _ = honest(EPOCHS)
    for even in (2, 1 << 10):
        with pytest.raises(StatementError, match="odd"):
            replace(claim, rule=replace(claim.rule, multipliers=(even, 1, 1, 1)))


# ---- rows ------------------------------------------------------------------------------------------------------------


def renewed(owner: Holding, cast: Cast) -> Holding:
    """The same rows under another commitment, with a grant of their own."""
    seed = b"r" * 32
    old = owner.card.record
    commitment = pretend_commit(owner.matrix, seed, OPENINGS).to_json()
    renewal = Renewal(owner.card.digest, old.commitment, OPENINGS - 1, OPENINGS - 2, "0" * 64)
    draft = replace(old, commitment=commitment, renews=renewal)
    proof = root_of(card_context(draft))
    card = sign(replace(draft, proof=digest(proof)), owner.identity)
    grant = sign(make_grant(card, cast.trainer, cast.now, cast.plan), owner.identity)
    return replace(owner, card=card, card_proof=proof, grant=grant, seed=Secret(seed), dataset=card.digest)


def test_a_renewed_card_beside_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both grants hold; but every row would be read twice in a pass, and its loss is counted for once."""
    cast = make_cast(tmp_path, (40,))
    again = lend(renewed(cast.owners[0], cast), cast.plan, cast.now, tmp_path / "again")
    with pytest.raises(GrantError, match="would count twice"):
        cast.train(holdings=(*cast.holdings, again))
    monkeypatch.setattr(begin, "check_rows_once", lambda cards: None)
    run = cast.train(holdings=(*cast.holdings, again))
    with pytest.raises(GrantError, match=r"terms: .* would count twice"):
        verify_run(run.path)
