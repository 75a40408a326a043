"""No record twice, no record shared, statistics within bounds: true ones convince, hidden ones do not."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from bailee import tags
from bailee.algebra import field
from bailee.algebra.field import P
from bailee.argument.commitment import CommittedVector
from bailee.errors import ProofError, StatementError
from bailee.statements import record_keys, rules, statistics
from bailee.statements.dataset import commit_rows
from bailee.statements.rules import DistinctClaim, prove_distinct, verify_distinct
from bailee.statements.statistics import Bound, StatisticsClaim, prove_statistics, verify_statistics
from cheating import look_away

CONTEXT = b"a card"
BOTH = pytest.mark.parametrize("plain", [False, True], ids=["fast", "plain"])


def table(rows: int, columns: int = 3, seed: int = 0) -> NDArray[np.int64]:
    """Distinct rows: the first column numbers them."""
    matrix = np.random.default_rng(seed).integers(-4096, 4097, (rows, columns))
    matrix[:, 0] = np.arange(rows) + 1000 * seed
    return matrix


def committed(matrix: NDArray[np.int64], seed: int = 1) -> CommittedVector:
    return commit_rows(matrix, 2, bytes([seed]) * 32)


def claimed(*matrices: NDArray[np.int64], chosen: tuple[int, ...] = ()) -> DistinctClaim:
    return DistinctClaim(tuple(len(m) for m in matrices), matrices[0].shape[1], chosen)


def convinces(claim: DistinctClaim, vectors: list[CommittedVector], proof: bytes, plain: bool) -> dict[str, float]:
    return verify_distinct(claim, [v.record for v in vectors], [0] * len(vectors), CONTEXT, proof, plain)


@pytest.mark.parametrize("rows", [1, 2, 5, 8, 300])
def test_distinct_records_prove_so(rows):
    matrix = table(rows)
    claim, vectors = claimed(matrix), [committed(matrix)]
    proof = prove_distinct(claim, vectors, [0], CONTEXT)
    fast, plain = (convinces(claim, vectors, proof, slow) for slow in (False, True))
    assert fast == pytest.approx(plain)
    assert fast["total"] >= 100


@BOTH
def test_datasets_that_share_no_record_prove_so(plain):
    matrices = [table(5), table(64, seed=1), table(1, seed=2)]
    claim, vectors = claimed(*matrices), [committed(m, k) for k, m in enumerate(matrices)]
    assert convinces(claim, vectors, prove_distinct(claim, vectors, [0, 0, 0], CONTEXT), plain)["total"] >= 100


def test_a_record_of_zeros_is_a_record_and_no_padding():
    matrix = np.zeros((3, 3), dtype=np.int64)
    matrix[1:, 1] = 5, -5
    claim, vectors = claimed(matrix), [committed(matrix)]
    convinces(claim, vectors, prove_distinct(claim, vectors, [0], CONTEXT), False)


def test_a_repeated_record_is_refused_by_its_rows_without_its_values():
    matrix = table(9)
    matrix[7] = matrix[2]
    with pytest.raises(StatementError, match=r"row 2 and row 7 are the same record") as caught:
        prove_distinct(claimed(matrix), [committed(matrix)], [0], CONTEXT)
    assert str(matrix[2, 1]) not in str(caught.value)


def test_a_shared_record_is_refused_by_its_datasets():
    matrices = [table(5), table(6, seed=1)]
    matrices[1][4] = matrices[0][3]
    vectors = [committed(m, k) for k, m in enumerate(matrices)]
    with pytest.raises(StatementError, match="row 3 of dataset 0 and row 4 of dataset 1"):
        prove_distinct(claimed(*matrices), vectors, [0, 0], CONTEXT)


def test_only_chosen_columns_make_a_record():
    matrix = table(6)
    matrix[4, :2] = matrix[1, :2]
    matrix[:, 2] = np.arange(6)
    vectors = [committed(matrix)]
    convinces(claimed(matrix), vectors, prove_distinct(claimed(matrix), vectors, [0], CONTEXT), False)
    features = claimed(matrix, chosen=(0, 1))
    with pytest.raises(StatementError, match="same record"):
        prove_distinct(features, vectors, [0], CONTEXT)
    matrix[4, 1] += 1
    vectors = [committed(matrix)]
    convinces(features, vectors, prove_distinct(features, vectors, [0], CONTEXT), True)


# Provers that look away


def forged(claim: DistinctClaim, vectors: list[CommittedVector], patched: pytest.MonkeyPatch) -> bytes:
    look_away(patched)
    patched.setattr(rules, "_refuse_repeated", lambda *_: None)
    patched.setattr(rules, "_counter", lambda *_: 0)
    return prove_distinct(claim, vectors, [0] * len(vectors), CONTEXT)


def rejected(claim: DistinctClaim, vectors: list[CommittedVector], proof: bytes) -> None:
    for plain in (False, True):
        with pytest.raises(ProofError):
            convinces(claim, vectors, proof, plain)


def test_a_hidden_duplicate_does_not_prove(monkeypatch):
    """The way from a key to its twin is zero places long, or p: neither is a way less one of few bits."""
    matrix = table(16)
    matrix[9] = matrix[3]
    claim, vectors = claimed(matrix), [committed(matrix)]
    rejected(claim, vectors, forged(claim, vectors, monkeypatch))


def around_twice(keys: list[NDArray[np.uint64]]) -> list[NDArray[np.uint64]]:
    """Each key is there twice: ways through the first copies, then through the second, every one of them short."""
    (whole,) = keys
    order = np.argsort(whole, kind="stable")
    order = np.concatenate([order[0::2], order[1::2]])
    ways = np.empty_like(whole)
    ways[order] = field.sub(field.sub(np.roll(whole[order], -1), whole[order]), np.uint64(1))
    return [ways]


def test_going_around_twice_does_not_prove(monkeypatch):
    """Every look-up, the permutation and all limbs are right: only the ways' total tells that every record is twice."""
    matrix = np.repeat(table(32), 2, axis=0)
    claim, vectors = claimed(matrix), [committed(matrix)]
    monkeypatch.setattr(rules, "_ways", around_twice)
    monkeypatch.setattr(rules, "_counter", lambda *_: 0)
    # an honest prover stops at one number: the top limb of the ways' total, and the sum of its limbs
    with pytest.raises(StatementError, match=r"assertion on node \d+ does not hold for 1 values"):
        prove_distinct(claim, vectors, [0], CONTEXT)
    rejected(claim, vectors, forged(claim, vectors, monkeypatch))


def test_a_hidden_shared_record_does_not_prove(monkeypatch):
    matrices = [table(8), table(8, seed=1)]
    matrices[1][5] = matrices[0][0]
    claim, vectors = claimed(*matrices), [committed(m, k) for k, m in enumerate(matrices)]
    rejected(claim, vectors, forged(claim, vectors, monkeypatch))


def test_one_dataset_twice_shares_its_records(monkeypatch):
    matrix = table(8)
    claim, vectors = claimed(matrix, matrix), [committed(matrix), committed(matrix)]
    rejected(claim, vectors, forged(claim, vectors, monkeypatch))


def test_a_proof_is_of_its_claim_its_datasets_and_its_counter():
    matrix = table(6)
    claim, vectors = claimed(matrix), [committed(matrix)]
    proof = prove_distinct(claim, vectors, [0], CONTEXT)
    rejected(claim, vectors, bytes([proof[0] ^ 1]) + proof[1:])
    rejected(claim, vectors, proof[:3])
    rejected(claimed(matrix, chosen=(0, 1)), vectors, proof)
    rejected(DistinctClaim((5,), 3), vectors, proof)
    rejected(claim, [committed(matrix, 2)], proof)
    with pytest.raises(ProofError):
        verify_distinct(claim, [vectors[0].record], [1], CONTEXT, proof)
    with pytest.raises(ProofError):
        verify_distinct(claim, [vectors[0].record], [0], b"another card", proof)
    with pytest.raises(StatementError, match="1 datasets"):
        verify_distinct(claim, [], [], CONTEXT, proof)


def test_another_counter_is_taken_where_keys_meet(monkeypatch):
    honest = record_keys.drawn

    def drawn(tag: bytes, roots: list[bytes], counter: int, count: int) -> list[int]:
        return [0] * count if counter < 3 else honest(tag, roots, counter, count)

    monkeypatch.setattr(rules, "drawn", drawn)
    matrix = table(5)
    claim, vectors = claimed(matrix), [committed(matrix)]
    proof = prove_distinct(claim, vectors, [0], CONTEXT)
    assert proof[:4] == bytes([3, 0, 0, 0])
    convinces(claim, vectors, proof, False)


def test_claims_that_make_no_sense_are_refused():
    for rows, columns, chosen in [((), 1, ()), ((0,), 1, ()), ((3,), 2, (2,)), ((3,), 2, (0, 0)), ((1 << 27,), 1, ())]:
        with pytest.raises(StatementError):
            DistinctClaim(rows, columns, chosen)
    with pytest.raises(StatementError, match="padded values"):
        prove_distinct(DistinctClaim((60,), 3), [committed(table(6))], [0], CONTEXT)


def test_drawn_elements_are_pinned():
    """For who writes a verifier from the text."""
    found = record_keys.drawn(tags.RECORD_KEYS, [bytes(32), bytes([1]) * 32], 7, 2)
    assert found == [14927074253385638655, 4346628640338401121]
    assert max(found) < P


# Statistics


def bounds_of(matrix: NDArray[np.int64]) -> tuple[Bound, ...]:
    rows = len(matrix)
    ages, squares = (Fraction(int((matrix[:, 1] ** k).sum()), rows) for k in (1, 2))
    sick = int(matrix[:, 2].sum())
    return (
        Bound.mean(1, rows, ages - 3, ages + Fraction(1, 7)),
        Bound.second_moment(1, rows, squares, squares),
        Bound.count(2, 1, sick, sick + 2),
    )


def measured(rows: int) -> NDArray[np.int64]:
    matrix = table(rows)
    matrix[:, 2] = np.arange(rows) % 3 == 1
    return matrix


@pytest.mark.parametrize("rows", [1, 5, 300])
def test_statistics_within_their_bounds_prove_so(rows):
    matrix = measured(rows)
    claim, vector = StatisticsClaim(rows, 3, 4096, bounds_of(matrix)), committed(matrix)
    proof = prove_statistics(claim, vector, 1, CONTEXT)
    fast, plain = (verify_statistics(claim, vector.record, 1, CONTEXT, proof, slow) for slow in (False, True))
    assert fast == pytest.approx(plain)
    assert fast["total"] >= 100


OUTSIDE = [
    pytest.param(
        lambda rows, mean: Bound.mean(1, rows, mean + Fraction(1, rows), mean + 9), "sum of column 1", id="low"
    ),
    pytest.param(
        lambda rows, mean: Bound.mean(1, rows, mean - 9, mean - Fraction(1, rows)), "sum of column 1", id="high"
    ),
    pytest.param(lambda rows, mean: Bound(1, 2, 0, 17), "sum of squares of column 1", id="squares"),
    pytest.param(lambda rows, mean: Bound.count(2, 1, 0, 1), "sum of column 2", id="count"),
]


@pytest.mark.parametrize(("make", "named"), OUTSIDE)
def test_a_statistic_outside_its_bounds_does_not_prove(make, named, monkeypatch):
    matrix = measured(20)
    bound = make(20, Fraction(int(matrix[:, 1].sum()), 20))
    claim, vector = StatisticsClaim(20, 3, 4096, (bound, *bounds_of(matrix))), committed(matrix)
    with pytest.raises(StatementError, match=named) as caught:
        prove_statistics(claim, vector, 0, CONTEXT)
    assert str(abs(int(matrix[:, 1].sum()))) not in str(caught.value)
    look_away(monkeypatch)
    monkeypatch.setattr(statistics, "require_within", lambda *_: None)
    proof = prove_statistics(claim, vector, 0, CONTEXT)
    for plain in (False, True):
        with pytest.raises(ProofError):
            verify_statistics(claim, vector.record, 0, CONTEXT, proof, plain)


def test_bounds_that_make_no_sense_are_refused():
    for bound in [Bound(3, 1, 0, 1), Bound(0, 3, 0, 1), Bound(0, 1, 2, 1), Bound(0, 1, 0, 1 << 62)]:
        with pytest.raises(StatementError):
            StatisticsClaim(5, 3, 4096, (bound,))
    with pytest.raises(StatementError, match="2\\^61"):
        StatisticsClaim(1 << 20, 3, 1 << 24, (Bound(0, 1, 0, 1),))
    with pytest.raises(StatementError):
        StatisticsClaim(5, 3, 4096, ())


def test_a_permutation_in_two_trees_is_one_to_both_verifiers(monkeypatch):
    from bailee.argument import lookup
    from bailee.argument.plain import claims

    monkeypatch.setattr(lookup, "SPLIT_FROM", 1 << 8)
    monkeypatch.setattr(claims, "SPLIT_FROM", 1 << 8)
    # the limbs of 512 ways fill a tree; the keys they lead to, and the limbs of one number, make another
    assert len(claims.split([9] * 5 + [0] * 3)) == 2
    matrix = table(300)
    claim, vectors = claimed(matrix), [committed(matrix)]
    proof = prove_distinct(claim, vectors, [0], CONTEXT)
    fast, plain = (convinces(claim, vectors, proof, slow) for slow in (False, True))
    assert fast == pytest.approx(plain)
