"""Where a payment goes: exact, to people in the end, also through diamonds and rings of works."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from bailee.settle.flow import Holding, flow_of
from bailee.settle.flow_picture import MOST, as_page, draw

WHOLE = 10**9
ANA, BEA = "0x" + "a1" * 20, "0x" + "b2" * 20


@given(st.lists(st.tuples(st.integers(0, WHOLE), st.lists(st.integers(0, 100), max_size=4)), min_size=1, max_size=8))
def test_all_that_is_paid_goes_to_people(made: list[tuple[int, list[int]]]) -> None:
    """Work n was made from works before it; the rest of each is a person's own."""
    holdings = []
    for number, (own, parents) in enumerate(made):
        of = [parent % number for parent in parents] if number else []
        each = (WHOLE - own) // len(of) if of else 0
        holdings += [Holding(number, f"shares{parent}", each, parent) for parent in of]
        holdings.append(Holding(number, f"person{number % 3}", WHOLE - each * len(of), None))
    found = flow_of(len(made) - 1, holdings)
    assert (sum(found.people.values()), found.rest) == (1, 0)
    assert found.works[len(made) - 1] == 1


def test_a_diamond_adds_up_both_ways() -> None:
    half = WHOLE // 2
    holdings = [
        Holding(4, "s2", half, 2), Holding(4, "s3", half, 3), Holding(2, "s1", half, 1), Holding(2, BEA, half, None),
        Holding(3, "s1", WHOLE, 1), Holding(1, ANA, WHOLE, None), Holding(9, BEA, WHOLE, None),
    ]  # fmt: skip
    found = flow_of(4, holdings)
    assert found.people == {ANA: Fraction(3, 4), BEA: Fraction(1, 4)}
    assert (found.works, found.steps) == (
        {4: 1, 1: Fraction(3, 4), 2: Fraction(1, 2), 3: Fraction(1, 2)},
        {4: 0, 2: 1, 3: 1, 1: 2},
    )


def test_what_goes_round_is_told() -> None:
    third = 333_333_333
    ring = [Holding(1, "s2", third, 2), Holding(1, ANA, WHOLE - third, None), Holding(2, "s1", WHOLE, 1)]
    found = flow_of(1, ring)
    assert 0 < found.rest < Fraction(1, 2**30)
    assert sum(found.people.values()) + found.rest == 1
    works = {1: ("content", "11" * 32), 2: ("content", "22" * 32)}
    assert "still goes round" in as_page(found, works, {}, "eip155:1:0xabc")


def test_names_of_strangers_are_text() -> None:
    found = flow_of(1, [Holding(1, ANA, WHOLE, None)])
    page = as_page(found, {1: ("content", "11" * 32)}, {ANA: "<script>x</script>"}, "eip155:1:0xabc")
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 3  # in the table, in a box, in what a line says


def test_a_drawing_has_all_nodes_as_links_and_says_what_it_leaves_out() -> None:
    """A work held by 300 people: the greatest parts are drawn."""
    people = [f"0x{number:040x}" for number in range(300)]
    holdings = [Holding(1, who, 3_000_000 + place, None) for place, who in enumerate(people)]
    holdings.append(Holding(1, "s2", WHOLE - sum(one.units for one in holdings), 2))
    holdings.append(Holding(2, ANA, WHOLE, None))
    found = flow_of(1, holdings)
    drawn = draw(found, {1: ("model", "11" * 32), 2: ("dataset", "22" * 32)}, {}, lambda member: f"#n{member}")
    picture = ElementTree.fromstring(drawn.svg)
    space = "{http://www.w3.org/2000/svg}"
    links = picture.findall(f"{space}a")
    assert (len(links), drawn.hidden) == (MOST, 303 - MOST)
    assert {link.get("href") for link in links} >= {"#n1", "#n2", f"#n{people[-1]}"}
    assert [one.tag for one in picture[:2]] == [f"{space}title", f"{space}desc"]
    assert "style" not in drawn.svg
    tops = sorted(float(one.get("y") or 0) for one in picture.iter(f"{space}rect") if one.get("class") == "person")
    assert all(later - earlier >= 5 for earlier, later in pairwise(tops))
