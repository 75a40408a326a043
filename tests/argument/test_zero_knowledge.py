"""The simulator of docs/protocol.md, section 11.

It makes proofs without a witness that the verifier accepts once it may choose the challenges, and no revealed message
of a real proof can be told from a simulated one.
"""

from __future__ import annotations

import secrets

import numpy as np
import pytest
from numpy.typing import NDArray

from bailee.algebra import field, kernels
from bailee.algebra.field import P, e_mul
from bailee.algebra.merkle import MerkleTree, leaf_digests
from bailee.argument import closing, prover, verifier
from bailee.argument.commitment import CommittedVector
from bailee.argument.commitment_record import Commitment
from bailee.argument.dialogue import Checking, Counting
from bailee.argument.parameters import CLOSING_WIDTH
from bailee.argument.proof import ClosingOpening, OpenedColumns, Proof, RowOpening
from bailee.argument.randomness import Expansion
from bailee.argument.reduction import Reduction, Row, source_code
from bailee.argument.transcript import Transcript

from . import toy


def uniform(*shape: int) -> NDArray[np.uint64]:
    return Expansion(secrets.token_bytes(32)).words("simulated", *shape)


class Chosen(Transcript):
    """A random oracle that the simulator programs: challenges depend on their order alone."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self._generator = np.random.default_rng(seed)

    def challenge(self, label):
        a, b = self._generator.integers(0, P, 2, dtype=np.uint64)
        return int(a), int(b)

    def columns(self, label, count, of):
        return np.sort(self._generator.permutation(of)[:count]).astype(np.int64)


def tree_with(indices, leaves, length):
    """A tree in which only some leaves are of anything: what the simulator commits to."""
    digests = [secrets.token_bytes(32) for _ in range(length)]
    for k, index in enumerate(indices):
        digests[index] = leaves[32 * k : 32 * (k + 1)]
    return MerkleTree(digests)


def simulate(shape, openings: int) -> tuple[Proof, Commitment]:
    """A proof of the toy statement on data that do not exist. Nothing here sees a witness."""
    blank = Commitment(bytes(32), shape, openings)
    tape = toy.verifier_tape(blank)
    tape.finish()
    counting = Counting()
    zero = type("Zero", (), {"row": lambda self, s, code, *_: Row(uniform(code.width, 2), uniform(code.tail, 2))})()
    Reduction(counting, tape, None).run(zero)

    messages = [(int(a), int(b)) for a, b in uniform(counting.system.pads, 2)]
    transcript = Chosen()
    d = Checking(transcript=transcript, messages=messages)
    opened = Reduction(d, tape, None).run(zero)
    settled = closing.parameters_of(d.system)
    tau, sigma = transcript.challenge("closing-linear"), transcript.challenge("closing-proximity")
    combined = closing.combine(d.system, tau)

    roots, row_openings = [], []
    for at in opened:
        indices = transcript.columns("columns", at.code.queries, at.code.length)
        values = uniform(at.code.queries, at.code.height)
        data = kernels.apply_columns(np.ascontiguousarray(values[:, : at.code.rows]), at.row_weights)
        forced = field.ext_sub(verifier._encoded_at(at.row, at.code, indices), field.ext_scale(data, at.mask))
        first = at.code.rows + 2 * at.opening
        values[:, first : first + 2] = forced
        salts = secrets.token_bytes(16 * len(indices))
        tree = tree_with(indices, leaf_digests(salts, values), at.code.length)
        roots.append(tree.root)
        columns = OpenedColumns(values, salts, tree.open([int(i) for i in indices]))
        row_openings.append(RowOpening(at.row.values, at.row.tail, columns))

    f_a, f_a_tail, f_b = uniform(CLOSING_WIDTH, 2), uniform(settled.queries, 2), uniform(settled.linear_length, 2)
    f_c = uniform(settled.quotient_length, 2)
    folded = f_b[::CLOSING_WIDTH]
    short = e_mul(combined.total, (field.f_inv(CLOSING_WIDTH), 0))
    for c in range(2):
        f_b[0, c] = (int(f_b[0, c]) + short[c] - sum(int(v) for v in folded[:, c])) % P
    indices = transcript.columns("columns", settled.queries, settled.length)
    values = uniform(settled.queries, settled.rows + 3, 2)
    values[:, settled.rows :] = 0
    want_a = closing.code_words(f_a[None], f_a_tail[None], settled.length)[0, indices]
    want_b = closing.polynomial_values(f_b, settled.length)[indices]
    forced_a = field.ext_sub(want_a, closing.combine_proximity(settled, sigma, values))
    forced_b = field.ext_sub(want_b, closing.combine_linear(settled, combined, values, indices))
    want_c = closing.polynomial_values(closing.times_vanishing(f_c), settled.length)[indices]
    forced_c = field.ext_sub(want_c, closing.combine_products(settled, combined, values))
    for k, forced in enumerate((forced_a, forced_b, forced_c)):
        values[:, settled.rows + k] = forced
    salts = secrets.token_bytes(16 * len(indices))
    tree = tree_with(indices, leaf_digests(salts, values.reshape(len(indices), -1)), settled.length)
    columns = OpenedColumns(values, salts, tree.open([int(i) for i in indices]))
    proof = Proof(
        (roots[1],), tree.root, tuple(messages), tuple(row_openings), ClosingOpening(f_a, f_a_tail, f_b, f_c, columns)
    )
    return proof, Commitment(roots[0], shape, openings)


@pytest.fixture(scope="module")
def shape():
    return toy.committed(toy.rows()).record.shape


def test_the_simulator_convinces_whoever_lets_it_choose_the_challenges(shape, monkeypatch):
    proof, commitment = simulate(shape, 2)
    monkeypatch.setattr(verifier, "Transcript", Chosen)
    assert verifier.verify(toy.verifier_tape(commitment), b"", proof.encode())["total"] > 100


def revealed(proof: Proof) -> dict[str, NDArray[np.uint64]]:
    """Everything a proof shows but hashes, by kind, as words."""
    shown = {"messages": np.array(proof.messages, dtype=np.uint64)}
    for k, opening in enumerate(proof.openings):
        shown[f"w {k}"], shown[f"w tail {k}"] = opening.values, opening.tail
        shown[f"columns {k}"] = opening.columns.values
    shown["f_A"], shown["f_A tail"], shown["f_B"] = proof.closing.f_a_values, proof.closing.f_a_tail, proof.closing.f_b
    shown["f_C"] = proof.closing.f_c
    shown["pads"] = proof.closing.columns.values
    return {name: words.reshape(-1) for name, words in shown.items()}


def real(values: NDArray[np.int64], monkeypatch: pytest.MonkeyPatch) -> Proof:
    """A real proof under the same programmed challenges."""
    kept: list[Proof] = []
    encode = Proof.encode
    monkeypatch.setattr(prover, "Transcript", Chosen)
    monkeypatch.setattr(prover, "verify", lambda *_: None)
    monkeypatch.setattr(Proof, "encode", lambda self: kept.append(self) or encode(self))
    vector = toy.committed(values, seed=secrets.token_bytes(32))
    prover.prove(toy.prover_tape(vector), [vector], b"")
    monkeypatch.undo()
    return kept[0]


def chi_square(words: NDArray[np.uint64], buckets: int = 16) -> float:
    """Normal deviate of a chi-square test that the top bits of residues are uniform."""
    counts = np.bincount((words >> np.uint64(60)).astype(np.int64), minlength=buckets)
    expected = len(words) / buckets
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return (statistic - (buckets - 1)) / (2 * (buckets - 1)) ** 0.5


def test_every_revealed_message_is_uniform_with_and_without_a_witness(shape, monkeypatch):
    runs = 6
    sets = {
        "zeros": [revealed(real(np.zeros((8, 4), dtype=np.int64), monkeypatch)) for _ in range(runs)],
        "data": [revealed(real(toy.rows(7), monkeypatch)) for _ in range(runs)],
        "simulated": [revealed(simulate(shape, 2)[0]) for _ in range(runs)],
    }
    names = set(sets["zeros"][0])
    for source, shown in sets.items():
        assert set(shown[0]) == names
        for name in names:
            words = np.concatenate([one[name] for one in shown])
            # 12 is exceeded by 5 in 10^11 of uniform samples, and there are some forty.
            assert abs(chi_square(words)) < 12, f"{name} of {source} is not uniform"


def test_under_the_same_challenges_only_the_pads_tell_two_witnesses_apart(monkeypatch):
    """Fresh pads make every message fresh: no message repeats between runs on one witness, nor on two."""
    first, second = real(toy.rows(1), monkeypatch), real(toy.rows(1), monkeypatch)
    third = real(toy.rows(2), monkeypatch)
    for name in revealed(first):
        a, b, c = (set(revealed(one)[name].tolist()) for one in (first, second, third))
        assert len(a & b) <= 1, name
        assert len(a & c) <= 1, name


@pytest.mark.parametrize("openings", [1, 2])
def test_all_columns_of_a_commitments_life_are_independent_of_its_values(openings):
    """Exact, for any data: a row's uniform coefficients and the columns of all its openings determine each other."""
    code = toy.committed(toy.rows(), openings).code
    q = code.tail
    indices = np.sort(np.random.default_rng(3).permutation(code.length)[:q])
    shifts = np.array(
        [
            pow(
                field.GENERATOR * pow(field.root_of_unity(code.length.bit_length() - 1), int(i) // code.width, P) % P,
                code.width,
                P,
            )
            for i in indices
        ]
    )
    assert (shifts != 1).all()  # X^K - 1 never vanishes off H, so a column is an invertible multiple of r(x), plus data
    from bailee.algebra.transform import column_points

    points = column_points([int(i) for i in indices], code.width, code.length)
    assert len(set(points)) == q  # a Vandermonde matrix at q distinct points: r of degree < q is determined by them


def test_an_opening_uses_its_own_mask_and_no_other(monkeypatch):
    vector = CommittedVector({"rows": field.from_signed(toy.rows()).reshape(-1)}, 2, secrets.token_bytes(32))
    masks = vector.masks.reshape(2, -1)
    assert not np.array_equal(masks[0], masks[1])
    codes = [source_code(s) for s in toy.verifier_tape(vector.record).sources]
    assert codes[0].height == codes[0].rows + 4
