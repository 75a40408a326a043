"""What may a prover of a chunk choose? Every committed value is moved alone, and all constraints are asked again.

Honest computes play no part in the answer: nodes are evaluated by what they mean, in Python's integers. Free is only
what nothing reads: remainders where a step is idle or an entry is no weight, and the logits of padding classes.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bailee.algebra.field import P
from bailee.argument.nodes import Axis, Committed, Contract, Linear, Node, Select, Shift
from bailee.argument.tape import Tape
from bailee.statements.network import chunk
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.chunk import ChunkClaim, chunk_tape
from statements.network.toys import Toy

TOYS = {
    "momentum": Toy(
        3, (), 2, "squared", rows=7, batch=4, steps=2, epochs=2, live=3, momentum=Fraction(1, 2), decay=Fraction(1, 99)
    ),
    "deep": Toy(3, (3,), 1, "logistic", rows=6, batch=4, steps=2),
    "clipped": Toy(3, (3, 2), 3, "softmax", rows=7, batch=4, steps=2, clip=Fraction(1, 64)),
    "noisy": Toy(3, (), 1, "logistic", rows=7, batch=4, steps=2, live=1, clip=Fraction(1), noise=Fraction(1)),
    "two datasets": Toy(3, (), 1, "logistic", rows=3, full=True, datasets=2, epochs=2, steps=1),
}
MOST = 16
"""Entries of a tensor that are moved."""


class Meaning:
    """Values of nodes, exactly as defined, with some tensors replaced."""

    def __init__(self, tape: Tape) -> None:
        self.tape, self.known = tape, dict[int, NDArray[Any]]()
        self.listed = {table.tag: set(zip(*(map(int, c) for c in table.columns), strict=True)) for table in tape.tables}
        self.above: dict[int, set[int]] = {}
        for node in tape.nodes:
            self.above[node.id] = {node.id}.union(*(self.above[child.id] for child in children(node)))

    def moved(self, node: Node, place: int, by: int) -> Meaning:
        other = object.__new__(Meaning)
        other.tape, other.listed, other.above = self.tape, self.listed, self.above
        other.known = {key: value for key, value in self.known.items() if node.id not in self.above[key]}
        values = self.of(node).copy()
        values.reshape(-1)[place] = (values.reshape(-1)[place] + by) % P
        other.known[node.id] = values
        return other

    def of(self, node: Node) -> NDArray[Any]:
        if node.id not in self.known:
            self.known[node.id] = self._of(node)
        return self.known[node.id]

    def _of(self, node: Node) -> NDArray[Any]:
        shape = [axis.size for axis in node.axes]
        if isinstance(node, Linear):
            total = np.full(shape, node.constant, dtype=object)
            for coefficient, child in node.terms:
                total = total + coefficient * spread(self.of(child), child.axes, node.axes)
            return total % P
        if isinstance(node, Select):
            return np.take(self.of(node.child), node.index, axis=node.child.axes.index(node.axis))
        if isinstance(node, Shift):
            return np.roll(self.of(node.child), -1, axis=node.axes.index(node.axis))
        if isinstance(node, Contract):
            every = (*node.axes, *node.over)
            product = spread(self.of(node.left), node.left.axes, every) * spread(
                self.of(node.right), node.right.axes, every
            )
            summed = product.sum(axis=tuple(range(len(node.axes), len(every)))) if node.over else product
            return np.asarray(np.broadcast_to(summed, shape) % P, dtype=object)
        return np.array([int(word) for word in self.tape.values(node)], dtype=object).reshape(shape)

    def holds(self, touched: int) -> bool:
        """All constraints that depend on a node."""
        for node in self.tape.assertions:
            if touched in self.above[node.id] and self.of(node).any():
                return False
        for look in self.tape.lookups:
            if any(touched in self.above[column.id] for column in look.columns):
                columns = [self.of(column).reshape(-1) for column in look.columns]
                if not self.listed[look.table.tag].issuperset(zip(*columns, strict=True)):
                    return False
        return True


def children(node: Node) -> list[Node]:
    if isinstance(node, Linear):
        return [child for _, child in node.terms]
    if isinstance(node, (Select, Shift)):
        return [node.child]
    return [node.left, node.right] if isinstance(node, Contract) else []


def spread(values: NDArray[Any], axes: tuple[Axis, ...], to: tuple[Axis, ...]) -> NDArray[Any]:
    turned = np.transpose(values, [axes.index(axis) for axis in to if axis in axes])
    return turned.reshape([axis.size if axis in axes else 1 for axis in to])


def read_by_nobody(claim: ChunkClaim, node: Committed, index: dict[str, int]) -> bool:
    architecture: Architecture = claim.architecture
    name = node.tensor.split(":", 1)[1]
    if name.startswith("logit remainder"):
        return index["class"] >= architecture.outputs
    for parameter in architecture.parameters:
        if name.startswith(f"{parameter.name} remainder"):
            step = index["epoch"] * claim.parts[0].steps + index["step"]
            real = architecture.real(parameter)[tuple(index[axis.name] for axis in parameter.axes)]
            return claim.rule.multipliers[step] == 0 or not real
    return False


@pytest.mark.parametrize("name", list(TOYS))
def test_nothing_that_is_read_is_free(name: str) -> None:
    claim, witness = TOYS[name].make()
    vectors = [*witness.datasets, witness.before, witness.after, *([witness.noise] if witness.noise else [])]
    tape = Tape({(n, name): vector.tensor(name) for n, vector in enumerate(vectors) for name, _ in vector.shape})
    chunk_tape(tape, claim, witness.records, chunk._states(claim, witness))
    honest = Meaning(tape)
    advice = [node for node in tape.nodes if isinstance(node, Committed) and node.source < 0]
    assert all(honest.holds(node.id) for node in advice)
    random = np.random.default_rng(0)
    seen = 0
    for node in advice:
        values = honest.of(node)
        for place in random.permutation(values.size)[:MOST]:
            for by in (1, -1):
                if honest.moved(node, int(place), by).holds(node.id):
                    where = np.unravel_index(int(place), values.shape)
                    index = {axis.name: int(at) for axis, at in zip(node.axes, where, strict=True)}
                    assert read_by_nobody(claim, node, index), (node.tensor, index)
                    seen += 1
    assert seen
