"""Rows in an order that nobody chose: a true one convinces, a chosen one, or other rows, do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from bailee.algebra.field import P
from bailee.argument.commitment import CommittedVector
from bailee.errors import ProofError, StatementError
from bailee.statements import shuffle
from bailee.statements.dataset import TENSOR, commit_rows, padded
from bailee.statements.shuffle import UNIFORMS, ShuffleClaim, commit_order, prove_shuffle, ranking, verify_shuffle
from cheating import look_away

CONTEXT = b"a plan"
SEEDS = [bytes([k]) * 32 for k in range(3)]


@dataclass
class Case:
    claim: ShuffleClaim
    data: CommittedVector
    order: CommittedVector
    moved: CommittedVector

    def prove(self) -> bytes:
        return prove_shuffle(self.claim, self.data, 0, self.order, self.moved, 1, CONTEXT)

    def verify(self, proof: bytes, plain: bool, context: bytes = CONTEXT) -> dict[str, float]:
        data, order, moved = self.data.record, self.order.record, self.moved.record
        return verify_shuffle(self.claim, data, 0, order, moved, 1, context, proof, plain)

    def rejects(self, proof: bytes) -> None:
        for plain in (False, True):
            with pytest.raises(ProofError):
                self.verify(proof, plain)

    def forge(self, patched: pytest.MonkeyPatch) -> None:
        """What a prover that refuses nothing makes of it convinces neither verifier; an honest one refuses."""
        with pytest.raises(StatementError):
            self.prove()
        look_away(patched)
        patched.setattr(shuffle, "_refuse_false", lambda *_: None)
        self.rejects(self.prove())


def drawn(rows: int, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64]]:
    draw = np.random.default_rng(rows + 1000 * seed)
    uniforms, coins = (draw.integers(0, 1 << 60, rows, dtype=np.uint64) for _ in range(2))
    return draw.integers(-4096, 4097, (rows, 3)), uniforms, coins


def case(rows: int, columns: int = 3) -> Case:
    matrix, uniforms, coins = drawn(rows)
    matrix = matrix[:, :columns]
    moved = matrix[ranking(uniforms, coins)]
    return Case(
        ShuffleClaim(rows, columns, coins),
        commit_rows(matrix, 2, SEEDS[0]),
        commit_order(uniforms, SEEDS[1]),
        commit_rows(moved, 2, SEEDS[2]),
    )


def with_moved(honest: Case, whole: NDArray[np.uint64]) -> Case:
    return Case(honest.claim, honest.data, honest.order, CommittedVector({TENSOR: whole}, 2, SEEDS[2]))


@pytest.mark.parametrize("rows", [1, 2, 5, 64, 300])
def test_rows_in_the_order_drawn_prove_so(rows):
    honest = case(rows)
    proof = honest.prove()
    fast, plain = honest.verify(proof, False), honest.verify(proof, True)
    assert fast == pytest.approx(plain)
    assert fast["total"] >= 100
    assert fast["prints"] == pytest.approx(128 - honest.claim.row.bits, abs=1e-6)
    assert fast["total"] < fast["prints"]


def test_the_order_is_that_of_the_keys_and_not_of_the_rows():
    _, uniforms, coins = drawn(300)
    order = ranking(uniforms, coins)
    keys = (uniforms + coins) % np.uint64(1 << 60)
    assert (np.diff(keys[order].astype(np.int64)) > 0).all()
    assert abs(np.corrcoef(order, np.arange(300))[0, 1]) < 0.3


def change(honest: Case, what: str) -> NDArray[np.uint64]:
    whole = honest.moved.tensor(TENSOR).copy().reshape(-1, 4)
    if what == "swapped":
        whole[[1, 3]] = whole[[3, 1]]
    elif what == "value":
        whole[2, 0] = (int(whole[2, 0]) + 1) % P
    elif what == "twice":
        whole[4] = whole[0]
    elif what == "padding first":
        whole[: honest.claim.rows + 1] = np.roll(whole[: honest.claim.rows + 1], 1, axis=0)
    elif what == "more":
        whole[-1] = whole[0]
    return whole.reshape(-1)


@pytest.mark.parametrize("what", ["swapped", "value", "twice", "padding first"])
def test_other_rows_or_another_order_do_not_prove(what, monkeypatch):
    honest = case(6)
    with_moved(honest, change(honest, what)).forge(monkeypatch)


def test_a_row_more_does_not_prove(monkeypatch):
    honest = case(6)
    changed = with_moved(honest, change(honest, "more"))
    look_away(monkeypatch)
    changed.rejects(changed.prove())


def test_an_order_of_ones_own_does_not_prove(monkeypatch):
    """Rows and keys both stand as the trainer likes: every tuple is there, but keys do not ascend."""
    honest = case(8)
    monkeypatch.setattr(shuffle, "_ranked", lambda keys: np.sort(keys)[[1, 0, 2, 3, 4, 5, 7, 6]])
    whole = honest.moved.tensor(TENSOR).reshape(-1, 4)[[1, 0, 2, 3, 4, 5, 7, 6]]
    with_moved(honest, np.ascontiguousarray(whole).reshape(-1)).forge(monkeypatch)


def chosen(matrix: NDArray[np.int64], uniforms: list[int], coins: list[int], order: list[int]) -> Case:
    """Rows in any order; uniforms in F, one for each padded row."""
    words = np.array([u % P for u in uniforms], dtype=np.uint64)
    moved = np.concatenate([matrix, np.zeros((len(words) - len(matrix), 3), dtype=np.int64)])[order]
    return Case(
        ShuffleClaim(len(matrix), 3, np.array(coins, dtype=np.uint64)),
        commit_rows(matrix, 2, SEEDS[0]),
        CommittedVector({UNIFORMS: words}, 1, SEEDS[1]),
        CommittedVector({TENSOR: padded(moved)}, 2, SEEDS[2]),
    )


def forge_keys(forged: Case, keys: list[int], carry: list[int], patched: pytest.MonkeyPatch) -> None:
    patched.setattr(shuffle, "_carry", lambda *_: np.array([c % P for c in carry], dtype=np.uint64))
    patched.setattr(shuffle, "_ranked", lambda _: np.array([k % P for k in keys], dtype=np.uint64))
    forged.forge(patched)


@pytest.mark.parametrize("to", ["first", "last"])
def test_a_carry_of_ones_own_does_not_prove(to, monkeypatch):
    """The last row comes first with 2^60 less, the first one last with 2^60 more: all else stays in order."""
    matrix, _, coins = drawn(8)
    base = 0 if to == "first" else (1 << 60) - 1
    coins[:] = sorted(coins >> np.uint64(2))
    if to == "last":
        coins += np.uint64(1)
    sums = [base + int(coin) for coin in coins]
    carry = [s >> 60 for s in sums]
    row = 7 if to == "first" else 0
    carry[row] = 1 - carry[row]
    keys = [s - (c << 60) for s, c in zip(sums, carry, strict=True)]
    order = sorted(range(8), key=keys.__getitem__)
    forged = chosen(matrix, [base] * 8, [int(c) for c in coins], order)
    forge_keys(forged, sorted(keys), carry, monkeypatch)


def test_a_carry_that_is_no_bit_does_not_prove(monkeypatch):
    """2^60 has an inverse: with any number for a carry, rows would stay where they are."""
    matrix, uniforms, coins = drawn(8)
    keys = [(k << 57) + 5 for k in range(8)]
    inverse = pow(1 << 60, -1, P)
    carry = [(int(u) + int(v) - key) * inverse % P for u, v, key in zip(uniforms, coins, keys, strict=True)]
    forged = chosen(matrix, [int(u) for u in uniforms], [int(v) for v in coins], list(range(8)))
    forge_keys(forged, keys, carry, monkeypatch)


def test_padding_whose_uniforms_would_lead_it_among_the_rows_does_not_prove(monkeypatch):
    """Padding's keys are public, whatever its uniforms: here they would cancel what is added."""
    matrix, _, _ = drawn(6)
    keys = [k << 57 for k in (1, 2, 3, 5, 6, 7)]
    uniforms = [*keys, (0 << 57) - (1 << 60) - 6, (4 << 57) - (1 << 60) - 7]
    order = [6, 0, 1, 2, 7, 3, 4, 5]
    forged = chosen(matrix, uniforms, [0] * 6, order)
    forge_keys(forged, [k << 57 for k in range(8)], [0] * 8, monkeypatch)


def test_uniforms_beyond_their_range_that_lead_around_p_do_not_prove(monkeypatch):
    """Each way is short, first and last key are small, all tuples are right: only the ways' total is p too long."""
    rows = 64
    matrix, _, coins = drawn(rows)
    keys = [k * (P // 60) % P for k in range(rows)]
    assert keys[-1] < 1 << 60
    uniforms = np.array([(k - int(c)) % P for k, c in zip(keys, coins, strict=True)], dtype=np.uint64)
    forged = Case(
        ShuffleClaim(rows, 3, coins),
        commit_rows(matrix, 2, SEEDS[0]),
        CommittedVector({UNIFORMS: uniforms}, 1, SEEDS[1]),
        commit_rows(matrix, 2, SEEDS[2]),
    )
    monkeypatch.setattr(shuffle, "_carry", lambda *_: np.zeros(rows, dtype=np.uint64))
    monkeypatch.setattr(shuffle, "_ranked", lambda found: np.array(keys, dtype=np.uint64))
    monkeypatch.setattr(shuffle, "_refuse_false", lambda *_: None)
    with pytest.raises(StatementError, match=r"assertion on node \d+ does not hold for 1 values"):
        forged.prove()
    look_away(monkeypatch)
    forged.rejects(forged.prove())


def test_padding_that_draws_a_key_does_not_come_first(monkeypatch):
    """Uniforms of padding rows are not looked at: their keys are public."""
    matrix, uniforms, coins = drawn(6)
    whole = np.concatenate([uniforms, np.array([5, 7], dtype=np.uint64)])
    honest = Case(
        ShuffleClaim(6, 3, coins),
        commit_rows(matrix, 2, SEEDS[0]),
        CommittedVector({UNIFORMS: whole}, 1, SEEDS[1]),
        commit_rows(matrix[ranking(uniforms, coins)], 2, SEEDS[2]),
    )
    honest.verify(honest.prove(), False)
    with_moved(honest, change(honest, "padding first")).forge(monkeypatch)


def test_a_proof_is_of_its_coins_commitments_and_context():
    honest = case(5)
    proof = honest.prove()
    coins = honest.claim.coins.copy()
    coins[0] ^= np.uint64(1)
    other = case(6)
    for changed in (
        Case(ShuffleClaim(5, 3, coins), honest.data, honest.order, honest.moved),
        Case(honest.claim, other.data, honest.order, honest.moved),
        Case(honest.claim, honest.moved, honest.order, honest.data),
        Case(honest.claim, honest.data, commit_order(coins, SEEDS[1]), honest.moved),
    ):
        changed.rejects(proof)
    with pytest.raises(ProofError):
        honest.verify(proof, False, b"another plan")


def test_equal_keys_are_refused():
    matrix, uniforms, coins = drawn(5)
    uniforms[3], coins[3] = uniforms[1], coins[1]
    same = Case(
        ShuffleClaim(5, 3, coins),
        commit_rows(matrix, 2, SEEDS[0]),
        commit_order(uniforms, SEEDS[1]),
        commit_rows(matrix[ranking(uniforms, coins)], 2, SEEDS[2]),
    )
    with pytest.raises(StatementError, match="draw new coins"):
        same.prove()


def test_claims_that_make_no_sense_are_refused():
    ones = np.ones(4, dtype=np.uint64)
    for rows, coins in [(3, ones), (4, ones << np.uint64(60)), (4, ones.astype(np.int64)), (0, ones[:0])]:
        with pytest.raises(StatementError):
            ShuffleClaim(rows, 2, coins)
    for uniforms in (ones << np.uint64(60), ones.reshape(2, 2), ones[:0]):
        with pytest.raises(StatementError):
            commit_order(uniforms, bytes(32))


def test_the_padding_of_the_new_rows_is_as_committed():
    honest = case(5)
    assert np.array_equal(honest.moved.tensor(TENSOR)[5 * 4 :], padded(np.zeros((5, 3), dtype=np.int64))[5 * 4 :])
