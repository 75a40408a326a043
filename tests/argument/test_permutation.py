"""Permutations, shifts, ranges and flags on the tape: what they prove, and what a prover that looks away gets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bailee.algebra import field, kernels
from bailee.algebra.field import P
from bailee.argument import plain, prover, verifier
from bailee.argument.commitment import CommittedVector
from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import Axis
from bailee.argument.plain.claims import follows
from bailee.argument.reduction import successor
from bailee.argument.tape import Tape
from bailee.errors import ProofError, StatementError
from cheating import look_away

WRITE = Callable[[Tape, Commitment], None]
ROW, HALF = Axis("row", 3), Axis("half", 2)
CHECKS = [verifier.verify, plain.verify]


def made(write: WRITE, values: dict[str, list[int]]) -> tuple[Commitment, bytes]:
    words = {name: field.from_signed(np.array(given)) for name, given in values.items()}
    vector = CommittedVector(words, 1, bytes(32))
    tape = Tape({(0, name): given for name, given in words.items()})
    write(tape, vector.record)
    return vector.record, prover.prove(tape, [vector], b"")


def holds(write: WRITE, values: dict[str, list[int]]) -> None:
    commitment, proof = made(write, values)
    tables = []
    for check in CHECKS:
        tape = Tape()
        write(tape, commitment)
        tables.append(check(tape, b"", proof))
    assert tables[0] == pytest.approx(tables[1], abs=1e-6)


def fails(write: WRITE, values: dict[str, list[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    """An honest prover refuses; one that looks away convinces nobody."""
    with pytest.raises(StatementError):
        made(write, values)
    look_away(monkeypatch)
    commitment, proof = made(write, values)
    for check in CHECKS:
        tape = Tape()
        write(tape, commitment)
        with pytest.raises(ProofError):
            check(tape, b"", proof)


def pairs(tape: Tape, commitment: Commitment) -> None:
    """Pairs (a, b) are pairs (c, d), of which (e, f) are the second half."""
    source = tape.source(commitment, 0)
    a, b = (tape.committed(source, name, (ROW,)) for name in "ab")
    c, d, e, f = (tape.committed(source, name, (HALF,)) for name in "cdef")
    tape.within(a, 4)
    tape.permutation([[a, b]], [[c, d], [e, f]])


PAIRS = {
    "a": [5, 1, 1, 4, 4, 4, 9, 0],
    "b": [0, 2, 3, -1, -1, 7, 8, 8],
    "c": [4, 5, 1, 4],
    "d": [-1, 0, 3, -1],
    "e": [1, 0, 9, 4],
    "f": [2, 8, 8, 7],
}


def test_tuples_in_another_order_and_other_blocks_are_the_same():
    holds(pairs, PAIRS)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"d": [0, -1, 3, -1]}, id="columns mixed, each of them a permutation"),
        pytest.param({"c": [4, 5, 1, 5], "d": [-1, 0, 3, 0]}, id="one tuple twice for another"),
        pytest.param({"e": [1, 0, 9, 5]}, id="one value"),
    ],
)
def test_tuples_that_are_not_the_same_do_not_prove(change, monkeypatch):
    fails(pairs, PAIRS | change, monkeypatch)


def tagged(tape: Tape, commitment: Commitment) -> None:
    """Two permutations and a table side by side: none may lend the other its tuples."""
    source = tape.source(commitment, 0)
    a, b, c, d = (tape.committed(source, name, (ROW,)) for name in "abcd")
    tape.permutation([[a]], [[b]])
    tape.within(a, 3)
    tape.permutation([[c]], [[d]])


def test_permutations_and_tables_on_one_tape_do_not_mix(monkeypatch):
    up, down, sevens = list(range(8)), list(range(7, -1, -1)), [7] * 8
    holds(tagged, {"a": up, "b": down, "c": sevens, "d": sevens})
    fails(tagged, {"a": up, "b": sevens, "c": sevens, "d": up}, monkeypatch)


def test_a_permutation_alone_needs_no_table():
    def write(tape: Tape, commitment: Commitment) -> None:
        x = tape.committed(tape.source(commitment, 0), "x", (ROW,))
        tape.permutation([[x]], [[tape.shift(x, ROW)]])

    holds(write, {"x": [3, 1, 4, 1, 5, 9, 2, 6]})


def test_blocks_that_do_not_fit_are_refused():
    tape = Tape()
    x, y = tape.public((ROW,), np.arange(8)), tape.public((HALF,), np.arange(4))
    for left, right in [([], []), ([[x]], []), ([[x]], [[x, x]]), ([[x, y]], [[x, x]]), ([[x]], [[y]]), ([[]], [[]])]:
        with pytest.raises(StatementError, match=r"permutation"):
            tape.permutation(left, right)


def moved(tape: Tape, commitment: Commitment) -> None:
    source = tape.source(commitment, 0)
    whole = tape.committed(source, "x", (ROW, HALF))
    rows = tape.committed(source, "rows", (ROW, HALF))
    halves = tape.committed(source, "halves", (ROW, HALF))
    tape.zero(tape.linear((ROW, HALF), [(1, rows), (-1, tape.shift(whole, ROW))]))
    tape.zero(tape.linear((ROW, HALF), [(1, halves), (-1, tape.shift(whole, HALF))]))


def test_a_shift_moves_one_axis_by_one_around(monkeypatch):
    x = np.random.default_rng(1).integers(-50, 50, (8, 4))
    rows, halves = np.roll(x, -1, axis=0), np.roll(x, -1, axis=1)
    holds(moved, {name: part.reshape(-1).tolist() for name, part in (("x", x), ("rows", rows), ("halves", halves))})
    back = np.roll(x, 1, axis=0)
    wrong = {"x": x, "rows": back, "halves": halves}
    fails(moved, {name: part.reshape(-1).tolist() for name, part in wrong.items()}, monkeypatch)


@pytest.mark.parametrize("bits", [0, 1, 2, 5])
def test_the_weight_of_a_shift_is_the_extension_of_the_successor(bits):
    """Exactly on all bits, and the two verifiers' formulas agree everywhere."""

    def at(index: int) -> list[tuple[int, int]]:
        return [(index >> k & 1, 0) for k in range(bits - 1, -1, -1)]

    for z in range(1 << bits):
        for y in range(1 << bits):
            assert successor(at(z), at(y)) == ((y == (z + 1) % (1 << bits)), 0)
    draw = np.random.default_rng(bits)
    z, y = ([(int(a), int(b)) for a, b in draw.integers(0, P, (bits, 2), dtype=np.uint64)] for _ in range(2))
    assert successor(z, y) == follows(tuple(z), tuple(y))
    table = np.roll(kernels.eq_table(z), 1, axis=0)
    assert successor(z, y) == kernels.dot_ext(np.ascontiguousarray(table), kernels.eq_table(y))


def ranged(bits: int, axis: Axis) -> WRITE:
    return lambda tape, commitment: tape.within(tape.committed(tape.source(commitment, 0), "x", (axis,)), bits)


@pytest.mark.parametrize("bits", [1, 3, 14, 15, 16, 18, 31, 60, 63])
def test_a_range_ends_where_it_says(bits, monkeypatch):
    top = (1 << bits) - 1
    holds(ranged(bits, ROW), {"x": [0, 1, top, top - 1, 0, 1, top // 2, top]})
    for outside in (top + 1 if bits < 63 else -3, -1):
        with monkeypatch.context() as patched:
            fails(ranged(bits, ROW), {"x": [0, 1, outside, 1, 0, 1, 1, 0]}, patched)


def test_a_range_that_would_not_be_unique_is_refused():
    for bits in (0, 64):
        with pytest.raises(StatementError, match="1 to 63"):
            Tape().within(Tape().public((ROW,), np.zeros(8)), bits)


def test_a_table_of_its_own_is_used_where_it_is_not_larger_than_the_tensor():
    def shape(bits: int, size: int) -> tuple[int, list[int]]:
        tape, axis = Tape(), Axis("row", size)
        tape.within(tape.public((axis,), np.zeros(axis.size)), bits)
        return len(tape.lookups), [table.axis.bits for table in tape.tables]

    assert shape(15, 3) == (1, [15])
    assert shape(4, 3) == (1, [4])
    assert shape(16, 15) == (2, [8])
    assert shape(16, 16) == (1, [16])
    assert shape(18, 18) == (1, [18])
    assert shape(19, 20) == (2, [10, 9])
    assert shape(60, 3) == shape(60, 20) == (4, [15])


def signed(tape: Tape, commitment: Commitment) -> None:
    tape.within_signed(tape.committed(tape.source(commitment, 0), "x", (ROW,)), 5)


def test_a_signed_range_has_one_more_below_than_above(monkeypatch):
    holds(signed, {"x": [-16, -1, 0, 15, 1, 2, 3, 4]})
    for outside in (16, -17):
        with monkeypatch.context() as patched:
            fails(signed, {"x": [outside, 0, 0, 0, 0, 0, 0, 0]}, patched)


def flags(tape: Tape, commitment: Commitment) -> None:
    tape.boolean(tape.committed(tape.source(commitment, 0), "x", (ROW,)))


def test_a_flag_is_zero_or_one(monkeypatch):
    holds(flags, {"x": [0, 1, 1, 0, 0, 0, 1, 1]})
    for outside in (2, -1):
        with monkeypatch.context() as patched:
            fails(flags, {"x": [0, 1, outside, 0, 0, 0, 0, 0]}, patched)


def test_advice_in_a_range_needs_no_tensor_but_its_limbs():
    tape = Tape()
    node = tape.bounded("x", (ROW,), 40, lambda: np.zeros(8))
    tape.finish()
    assert [name for name, _ in tape.sources[0].tensors if "count" not in name] == ["0:x0", "1:x14", "2:x28"]
    assert node.axes == (ROW,)
