"""The plain verifier and the fast one say the same of every proof, and the plain one needs no compiled code.

The plain verifier was written from docs/protocol.md alone: that it accepts what the prover makes shows that the
document suffices; that both reject the same changes shows that neither is laxer than the other.
"""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pytest
from blake3 import blake3
from numpy.typing import NDArray

from bailee import tags
from bailee.algebra import field, transform
from bailee.argument.plain import words
from bailee.argument.plain.claims import Form
from bailee.errors import ProofError, ProofFormatError
from bailee.statements.dataset import DatasetClaim, Domain, commit_dataset, prove_dataset, verify_dataset
from bailee.statements.gradient import GradientClaim, commit_noise, prove_gradients, verify_gradients
from bailee.statements.logistic import compute_round
from bailee.statements.noise import combine, noise_table
from bailee.statements.reseal import prove_equal, verify_equal

SEED, OTHER_SEED = bytes(range(32)), bytes(range(1, 33))
CONTEXT = b"a card"


@dataclass(frozen=True)
class Case:
    """A true proof and how to verify it: verify(context, proof, plain)."""

    verify: Callable[[bytes, bytes, bool], dict[str, float]]
    proof: bytes

    def rejected(self, context: bytes, proof: bytes, plain: bool) -> bool:
        try:
            self.verify(context, proof, plain)
        except ProofError:
            return True
        return False


def matrix_of(rows: int, columns: int) -> NDArray[np.int64]:
    """Numeric columns, then (from six on) a one-hot pair, a bias and a label; fewer columns keep what fits."""
    draw = np.random.default_rng(rows * 100 + columns)
    whole = draw.integers(-4096, 4097, (rows, columns))
    if columns > 1:
        whole[:, -1] = draw.integers(0, 2, rows)
    if columns >= 6:
        first = draw.integers(0, 2, rows)
        whole[:, -4], whole[:, -3], whole[:, -2] = 4096 * first, 4096 * (1 - first), 4096
    return whole


@lru_cache
def dataset_case(rows: int, columns: int, openings: int = 8, opening: int = 0) -> Case:
    matrix = matrix_of(rows, columns)
    domains, groups = [Domain(-4096, 4096)] * columns, ()
    if columns > 1:
        domains[-1] = Domain(0, 1)
    if columns >= 6:
        domains[-4:-1] = [Domain(0, 4096, 4096)] * 2 + [Domain(4096, 4096)]
        groups = ((columns - 4, columns - 3),)
    names = tuple(f"c{k}" for k in range(columns))
    claim = DatasetClaim(rows, names, tuple(domains), groups, 4096, int((matrix**2).sum(axis=1).max()) + 3)
    commitment = commit_dataset(matrix, openings, SEED)
    proof = prove_dataset(claim, matrix, SEED, openings, opening, CONTEXT)
    return Case(lambda c, p, plain: verify_dataset(claim, commitment, opening, c, p, plain), proof)


@lru_cache
def gradient_case(rows: int, columns: int, rounds: int) -> Case:
    matrix, label, shift, sigma = matrix_of(rows, columns), columns - 1, 12, "30.5"
    draw = np.random.default_rng(rounds)
    released = tuple(k != label for k in range(columns))
    weights = draw.integers(-(1 << 12), 1 << 12, (rounds, columns)) * np.array(released)
    uniforms, coins = (draw.integers(0, 1 << 60, (rounds, columns), dtype=np.uint64) for _ in range(2))
    noise = noise_table(sigma).sample(combine(uniforms, coins))
    sums = np.stack([compute_round(matrix, label, row, shift) for row in weights]) + noise
    claim = GradientClaim(rows, columns, label, released, weights, sums * np.array(released), coins, shift, sigma)
    dataset, drawn = commit_dataset(matrix, 4, SEED), commit_noise(uniforms, OTHER_SEED)
    proof = prove_gradients(claim, matrix, SEED, 4, 2, uniforms, OTHER_SEED, CONTEXT)
    return Case(lambda c, p, plain: verify_gradients(claim, dataset, 2, drawn, c, p, plain), proof)


@lru_cache
def reseal_case(rows: int, columns: int) -> Case:
    matrix = matrix_of(rows, columns)
    old, new = commit_dataset(matrix, 8, SEED), commit_dataset(matrix, 5, OTHER_SEED)
    proof = prove_equal(matrix, SEED, 8, 7, OTHER_SEED, 5, 0, CONTEXT)
    return Case(lambda c, p, plain: verify_equal(rows, columns, old, 7, new, 0, c, p, plain), proof)


CASES: list[tuple[Callable[..., Case], tuple[int, ...]]] = [
    (dataset_case, (5, 1)),
    (dataset_case, (7, 3, 1, 0)),
    (dataset_case, (64, 8, 3, 2)),
    (dataset_case, (300, 20)),
    (gradient_case, (5, 2, 1)),
    (gradient_case, (33, 7, 3)),
    (gradient_case, (300, 20, 5)),
    (reseal_case, (5, 1)),
    (reseal_case, (300, 20)),
]
SMALL: list[tuple[Callable[..., Case], tuple[int, ...], int]] = [
    (dataset_case, (7, 3, 1, 0), 45),
    (gradient_case, (5, 2, 1), 20),
    (reseal_case, (5, 1), 140),
]


@pytest.mark.parametrize(("make", "shape"), CASES)
def test_both_accept_with_the_same_soundness(make: Callable[..., Case], shape: tuple[int, ...]) -> None:
    case = make(*shape)
    plain, fast = case.verify(CONTEXT, case.proof, True), case.verify(CONTEXT, case.proof, False)
    assert plain == pytest.approx(fast, abs=1e-6)
    assert plain["total"] >= 100


@pytest.mark.parametrize(("make", "shape", "count"), SMALL)
def test_both_reject_single_byte_changes(make: Callable[..., Case], shape: tuple[int, ...], count: int) -> None:
    case, draw = make(*shape), random.Random(count)
    # the front holds the sent values, by far the smaller part: half of the changes go there
    front = 16 * 600
    for number in range(count):
        place = draw.randrange(front if number % 2 else len(case.proof))
        changed = bytearray(case.proof)
        changed[place] ^= draw.randrange(1, 256)
        assert case.rejected(CONTEXT, bytes(changed), True), f"the plain verifier takes a change of byte {place}"
        assert case.rejected(CONTEXT, bytes(changed), False), f"the fast verifier takes a change of byte {place}"


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(("make", "shape", "count"), SMALL)
def test_both_reject_other_lengths(make: Callable[..., Case], shape: tuple[int, ...], count: int, plain: bool) -> None:
    case, draw = make(*shape), random.Random(count)
    lengths = [0, 3, 4, 7, len(case.proof) - 1, len(case.proof) - 32]
    for length in lengths + [draw.randrange(len(case.proof)) for _ in range(4)]:
        with pytest.raises(ProofFormatError):
            case.verify(CONTEXT, case.proof[:length], plain)
    for more in (b"\0", case.proof[-32:], case.proof):
        with pytest.raises(ProofFormatError):
            case.verify(CONTEXT, case.proof + more, plain)


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(("make", "shape", "count"), SMALL)
def test_both_reject_another_context(
    make: Callable[..., Case], shape: tuple[int, ...], count: int, plain: bool
) -> None:
    case = make(*shape)
    for context in (b"", CONTEXT + b"\0", b"another card"):
        with pytest.raises(ProofError):
            case.verify(context, case.proof, plain)


@pytest.mark.parametrize("plain", [True, False])
def test_both_reject_proofs_of_other_statements(plain: bool) -> None:
    """Other kinds, other shapes, another opening of the same commitment."""
    cases = [make(*shape) for make, shape, _ in SMALL] + [dataset_case(7, 3, 1, 0)]
    for case in cases:
        for other in [*cases, dataset_case(64, 8, 3, 2), reseal_case(6, 1)]:
            assert other.proof == case.proof or case.rejected(CONTEXT, other.proof, plain)
    here, there = dataset_case(8, 2, 3, 0), dataset_case(8, 2, 3, 1)
    assert here.rejected(CONTEXT, there.proof, plain)
    assert there.rejected(CONTEXT, here.proof, plain)


def test_words_that_are_not_below_p_are_malformed() -> None:
    case = reseal_case(5, 1)
    start = 4 + 2 + 2 + 32 + 4  # the first sent value of a proof without new roots
    for plain in (True, False):
        with pytest.raises(ProofFormatError):
            case.verify(CONTEXT, case.proof[:start] + b"\xff" * 8 + case.proof[start + 8 :], plain)


def test_no_compiled_code_is_imported() -> None:
    names = "dataset gradient reseal rules shuffle statistics card noise logistic fixed_point plan privacy session"
    program = "import bailee.argument.plain, sys\n" + "".join(f"import bailee.statements.{n}\n" for n in names.split())
    program += "raise SystemExit(any(n == 'numba' or n.startswith('bailee.algebra.kernels') for n in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_verifying_plainly_imports_no_compiled_code() -> None:
    """A whole verification, not only the import, runs without numba."""
    case_program = (
        "import sys, numpy as np\n"
        "from bailee.argument.nodes import Axis\n"
        "from bailee.argument.tape import Tape\n"
        "from bailee.argument.commitment_record import Commitment\n"
        "from bailee.argument.plain import verify\n"
        "from bailee.errors import ProofError\n"
        "tape = Tape(); axis = Axis('a', 3)\n"
        "tape.zero(tape.committed(tape.source(Commitment(bytes(32), (('x', 3),), 1), 0), 'x', (axis,)))\n"
        "try: verify(tape, b'', b'BLEE' + bytes(100))\n"
        "except ProofError: raise SystemExit(3 if 'numba' in sys.modules else 7)\n"
    )
    assert subprocess.run([sys.executable, "-c", case_program], check=False).returncode == 7


# The pieces, against definitions


@pytest.mark.parametrize(("total", "openings"), [(1, 1), (32, 8), (1 << 13, 8), (1 << 20, 64), (1 << 26, 8)])
def test_parameters_satisfy_their_definition(total: int, openings: int) -> None:
    code = words.commitment_code(total, openings)
    k, n, t = code.size + code.tail, code.length, code.queries
    assert code.tail == openings * t <= code.size
    assert 16 * k <= (9 if total >= 1 << 23 else 5) * n
    good = n - (n - k) // 2 - 1
    bits = 103 if total >= 1 << 23 else 108
    assert good**t << bits <= n**t
    assert good ** (t - 1) << bits > n ** (t - 1)


def test_closing_parameters_satisfy_their_definition() -> None:
    code = words.closing_code()
    t, n = code.queries, code.length
    assert n // 2 < 16 * (256 + t) <= n
    good = n - (n - 2 * (256 + t) + 1) // 2 - 1
    assert good**t << 108 <= n**t
    assert code.tail == t
    assert -math.log2(code.miss()) >= 108


def test_code_words_are_those_of_the_reference_transform() -> None:
    draw = np.random.default_rng(5)
    code = words.Code(16, 64, 4, 5, 21)
    row = draw.integers(0, field.P, (21, 2), dtype=np.uint64)
    whole = transform.encode_ext(row[np.newaxis, :16], row[np.newaxis, 16:], 64)[0]
    columns = [0, 3, 15, 16, 40, 63]
    assert np.array_equal(code.encode(row, columns), whole[columns])


def test_evaluation_is_horner() -> None:
    draw = np.random.default_rng(6)
    for length in (1, 2, 7, 64):
        coefficients = draw.integers(0, field.P, (3, length), dtype=np.uint64)
        points = [1, 7, field.P - 1, 12345678901234567]
        assert np.array_equal(words.evaluate(coefficients, points), transform.evaluate_points(coefficients, points))


def test_tree_siblings_are_exactly_those_needed() -> None:
    leaves = [blake3(bytes(16) + bytes([c] * 8), key=tags.LEAF).digest() for c in range(4)]

    def node(a: bytes, b: bytes) -> bytes:
        return blake3(a + b, key=tags.NODE).digest()

    left, right = node(leaves[0], leaves[1]), node(leaves[2], leaves[3])
    root, code = node(left, right), words.Code(1, 4, 2, 0, 1)
    entries = np.frombuffer(bytes([0] * 8 + [1] * 8), dtype="<u8").astype(np.uint64).reshape(2, 1)
    opened = words.Columns(entries, [bytes(16)] * 2, [right])
    words.check_tree(root, code, [0, 1], opened)
    for siblings in ([], [right, right], [leaves[1], right]):
        with pytest.raises(ProofFormatError):
            words.check_tree(root, code, [0, 1], replace(opened, siblings=siblings))
    with pytest.raises(ProofError):
        words.check_tree(root, code, [0, 1], replace(opened, siblings=[left]))
    with pytest.raises(ProofError):
        words.check_tree(root, code, [0, 1], replace(opened, salts=[bytes(16), bytes(15) + b"1"]))


def test_forms_are_affine() -> None:
    x, y = Form((3, 1), {0: (2, 0), ~0: (0, 1)}), Form((5, 0), {0: (1, 0), 4: (7, 7)})
    assert (x + y) == Form((8, 1), {0: (3, 0), ~0: (0, 1), 4: (7, 7)})
    assert (x - x) == Form((0, 0), {0: (0, 0), ~0: (0, 0)})
    assert x.times((0, 1)) == Form((7, 3), {0: (0, 2), ~0: (7, 0)})


def test_a_statement_in_two_trees_is_one_to_both_verifiers(monkeypatch: pytest.MonkeyPatch) -> None:
    from bailee.argument import lookup
    from bailee.argument.plain import claims

    monkeypatch.setattr(lookup, "SPLIT_FROM", 1 << 8)
    monkeypatch.setattr(claims, "SPLIT_FROM", 1 << 8)
    assert len(claims.split([14, 9, 9, 8])) == 2
    assert claims.split([14, 9, 9, 8]) == [[0], [1, 2, 3]]
    assert len(claims.split([14, 13, 12])) == 1
    # proofs made anew: those that other tests keep are in one tree
    for case in (dataset_case.__wrapped__(300, 20), gradient_case.__wrapped__(300, 12, 3)):
        fast, plain = (case.verify(CONTEXT, case.proof, slow) for slow in (False, True))
        assert fast == pytest.approx(plain)
