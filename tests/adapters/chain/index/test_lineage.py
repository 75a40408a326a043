"""Lineage out of holdings: what lies below, the farthest first, and how much of it comes up; rings end."""

from __future__ import annotations

from fractions import Fraction

import pytest

from bailee.adapters.chain.index.lineage import Edge, Lineage, SharedWork
from bailee.adapters.chain.ledger.facts import WHOLE, Kind
from bailee.errors import NotFoundError


def shared(number: int, **holders: int) -> SharedWork:
    return SharedWork(number, Kind.CONTENT, f"{number:064x}", f"s{number}", "ana", holders)


def test_money_comes_up_from_the_farthest_first() -> None:
    """1 holds of 2 and 4; 2 of 3, 3 of 4: so 4 is one step away, and three."""
    known = Lineage(
        {one.id: one for one in (
            shared(1, ana=WHOLE), shared(2, s1=WHOLE // 2, bea=WHOLE // 2), shared(3, s2=WHOLE, cy=0),
            shared(4, s3=WHOLE // 2, s1=WHOLE // 4, dan=WHOLE // 4),
        )}
    )  # fmt: skip
    assert known.below([1]) == [Edge(3, 4), Edge(2, 3), Edge(1, 4), Edge(1, 2)]
    assert sorted(known.below([1], 1), key=lambda edge: edge.child) == [Edge(1, 2), Edge(1, 4)]
    assert known.reach(1) == {1: 1, 2: Fraction(1, 2), 3: Fraction(1, 2), 4: Fraction(1, 2)}
    assert known.reach(1, 1) == {1: 1, 2: Fraction(1, 2), 4: Fraction(1, 4)}
    assert (known.held_by(["cy"]), known.held_by(["ana", "dan"]), known.held_by([])) == ([3], [1, 4], [])
    with pytest.raises(NotFoundError, match="knows no work 9"):
        known.work(9)


def test_works_that_hold_each_other_end() -> None:
    known = Lineage({1: shared(1, s2=WHOLE // 2, ana=WHOLE // 2), 2: shared(2, s1=WHOLE)})
    assert set(known.below([1])) == {Edge(1, 2), Edge(2, 1)}
    reach = known.reach(1)
    assert (reach[1] < 2, reach[2] < 2, reach[1] > Fraction(19, 10)) == (True, True, True)
