"""A large tree, made part by part, says in every round what the tree that keeps all its layers says."""

import numpy as np
import pytest

from bailee.argument import fractions
from bailee.argument.fractions import FractionTree, Leaves, LookupTree, Weights
from bailee.argument.lookup import place
from bailee.argument.nodes import Axis
from bailee.argument.tape import Tape
from strategies import mixture

ALPHA, BETA = (12345678901234567, 99), (3, 2**40)


def messages(tree, depth):
    """Everything a tree answers from its root to its leaves, for fixed challenges."""
    said = [tree.root()]
    point = []
    for level in range(depth):
        state = tree.layer(point, (7 + level, 5))
        inner = []
        for k in range(level):
            said.append(state.round())
            inner.append((level * 100 + k, 2**50 + k))
            state.fold(inner[-1])
        state = None
        said.append(tree.children())
        point = [(level, 11), *inner]
    return said


def looked_up(bits):
    """Look-ups of the given sizes: some columns repeat a pattern, some are sums, some are broadcast."""
    tape = Tape({})
    table = tape.table("pairs", [np.repeat(np.arange(4), 8), np.tile(np.arange(8), 4)])
    for number, size in enumerate(bits):
        row, column = Axis(f"row{number}", size - 3), Axis(f"column{number}", 3)
        lead, inner = (np.arange(row.size) < row.size - 2).astype(int), np.arange(8) % 3
        kind = tape.outer(tape.public((row,), lead), tape.public((column,), inner))
        given = np.random.default_rng(number).integers(0, 8, 1 << size)
        value = tape.advice("value", (row, column), lambda given=given: given)
        short = tape.advice("short", (row,), lambda row=row: np.zeros(row.size, dtype=np.int64))
        moved = tape.linear((row, column), [(1, value), (-1, short)])
        tape.lookup(table, [kind, value])
        tape.lookup(table, [tape.linear((row, column), [(0, value)], 3), moved])
    return tape


@pytest.mark.parametrize("bits", [(7,), (8, 6), (9, 4, 4)])
def test_a_large_tree_answers_as_a_small_one(bits, monkeypatch):
    monkeypatch.setattr(fractions, "PART", 8)
    monkeypatch.setattr(fractions, "_INNER_BITS", 2)
    tape = looked_up(bits)
    blocks, depth, _ = place(tape.lookups)
    leaves = Leaves(tape, blocks, depth, ALPHA, BETA)
    whole, ones = np.empty((1 << depth, 2), np.uint64), np.zeros((1 << depth, 2), np.uint64)
    leaves.write(whole, 0)
    ones[:, 0] = 1
    assert messages(LookupTree(leaves, np.empty((1 << depth, 2), np.uint64)), depth) == messages(
        FractionTree(ones, whole), depth
    )


def test_leaves_are_denominators():
    tape = looked_up((7,))
    blocks, depth, _ = place(tape.lookups)
    out = np.empty((1 << depth, 2), np.uint64)
    Leaves(tape, blocks, depth, ALPHA, BETA).write(out, 0)
    from bailee.algebra.field import e_mul, e_sub

    first, second = (tape.values(node) for node in blocks[0].columns)
    for k in (0, 1, 13, 127):
        expected = e_sub(e_sub(ALPHA, (blocks[0].what.tag, 0)), e_mul(BETA, (int(first[k]), 0)))
        expected = e_sub(expected, e_mul(e_mul(BETA, BETA), (int(second[k]), 0)))
        assert tuple(out[k].tolist()) == expected


def test_weights_are_cut_from_the_front():
    point = [tuple(row) for row in mixture(3, (13, 2), 0.2).tolist()]
    weights = Weights(point)
    for first in range(len(point)):
        assert len(weights.outer) * len(weights.inner) == 1 << (len(point) - first)
        again = Weights(point[first:])
        if len(weights.outer) == len(again.outer):
            np.testing.assert_array_equal(weights.outer, again.outer)
            np.testing.assert_array_equal(weights.inner, again.inner)
        weights.bind()
