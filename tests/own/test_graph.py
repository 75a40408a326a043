"""A graph of rights out of events, as JSON-LD and back; every field that is changed is found; what people see of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from bailee.errors import NotFoundError, RecordError
from bailee.own.graph import Graph, Place, differences, from_json, graph_of, to_json
from bailee.own.graph.elsewhere import steps
from bailee.own.graph.facts import Origin
from bailee.own.graph.picture import as_page, as_svg, as_text, nearest
from bailee.own.trace import Happening
from bailee.records.canonical import canonical

NOBODY = "0x" + "0" * 40
ANNA, BEN, CID, COIN, REGISTRY, GRANTS, ROWS, SONG, MADE, FAKE = (f"0x{n:02x}" + "0" * 38 for n in range(0xA1, 0xAB))
ROWS_ID, SONG_ID, MADE_ID, FAKE_ID = 0xAB << 248, 0xCD << 240, 7, 8
ONE, TWO, LEFT = "91" * 32, "92" * 32, "93" * 32
PLACE = Place(f"eip155:1:{GRANTS}", f"eip155:1:{REGISTRY}", 90, "bb" * 32)


class Constants:
    def resale(self, work: int) -> int:
        return 250 if work == ROWS_ID else 0

    def limits(self, grant: str) -> tuple[int, int, int, int]:
        return (5, 2**40, 4 * 10**9, 10**12) if grant == ONE else (0, 10**9, 0, 0)


def registered(number: int, kind: int, who: str, shares: str, block: int, **more: Any) -> list[tuple[Any, ...]]:
    naming = tuple(f"{number % 251:02x}" * 31 + f"{part:02x}" for part in range(5))
    fields = {
        "id": number, "registrant": who, "commitment": naming[0], "kind": kind, "naming": naming,
        "fingerprint": b"print", "uri": "", "shares": shares, "since": block,
    }  # fmt: skip
    return [
        ("WorkTransferred", block, REGISTRY, {"sender": NOBODY, "receiver": who, "id": number}),
        ("Registered", block, REGISTRY, fields | more),
    ]


def units(shares: str, block: int, sender: str, receiver: str, value: int) -> tuple[Any, ...]:
    return ("UnitsTransferred", block, shares, {"sender": sender, "receiver": receiver, "value": value})


EVENTS: list[tuple[Any, ...]] = [
    units(ROWS, 1, NOBODY, ANNA, 10**9), ("CurrencyAccepted", 1, ROWS, {"currency": COIN}),
    *registered(ROWS_ID, 1, ANNA, ROWS, 1, uri="ipfs://rows <x>"),
    units(SONG, 2, NOBODY, BEN, 10**9), *registered(SONG_ID, 3, BEN, SONG, 2),
    ("BudgetSet", 3, GRANTS, {"work": ROWS_ID, "epsilon": 9 * 10**9, "delta": 10**13}),
    ("BudgetSet", 4, GRANTS, {"work": ROWS_ID, "epsilon": 8 * 10**9, "delta": 10**13}),
    ("Accepted", 5, GRANTS, {"grant": ONE, "work": ROWS_ID, "builder": CID, "record": "cc" * 32, "price": 10**18,
                             "currency": COIN, "royalty": 4 * 10**8}),
    ("Accepted", 6, GRANTS, {"grant": TWO, "work": SONG_ID, "builder": CID, "record": "00" * 32, "price": 0,
                             "currency": NOBODY, "royalty": 10**8}),
    ("Spent", 7, GRANTS, {"grant": ONE, "work": ROWS_ID, "session": "dd" * 32, "epsilon": 10**9, "delta": 10**11,
                          "anchor": "ee" * 32}),
    ("Revoked", 8, GRANTS, {"grant": ONE, "work": ROWS_ID}), ("Revoked", 8, GRANTS, {"grant": LEFT, "work": ROWS_ID}),
    units(MADE, 9, NOBODY, ROWS, 2 * 10**8), units(MADE, 9, NOBODY, SONG, 5 * 10**7),
    units(MADE, 9, NOBODY, CID, 75 * 10**7),
    ("Derived", 9, REGISTRY, {"id": MADE_ID, "parent": ROWS_ID, "grant": ONE, "share": 5 * 10**8, "units": 2 * 10**8}),
    ("Derived", 9, REGISTRY, {"id": MADE_ID, "parent": SONG_ID, "grant": TWO, "share": 5 * 10**8, "units": 5 * 10**7}),
    *registered(MADE_ID, 2, CID, MADE, 9),
    units(FAKE, 10, NOBODY, BEN, 10**9), *registered(FAKE_ID, 1, BEN, FAKE, 10),
    ("Disputed", 11, REGISTRY, {"id": FAKE_ID, "earlier": ROWS_ID, "by": ANNA, "evidence": "00" * 32, "uri": ""}),
    ("DisputeConcluded", 12, REGISTRY, {"id": FAKE_ID, "upheld": True}),
    units(SONG, 13, BEN, ANNA, 10**7),
    ("WorkTransferred", 14, REGISTRY, {"sender": BEN, "receiver": ANNA, "id": SONG_ID}),
    ("Paid", 15, MADE, {"currency": NOBODY, "payer": ANNA, "use": "00" * 32, "amount": 5}),
    ("WorkTransferred", 91, REGISTRY, {"sender": ANNA, "receiver": CID, "id": SONG_ID}),
]  # fmt: skip


def happened(events: list[tuple[Any, ...]]) -> Iterator[Happening]:
    for place, (kind, block, contract, fields) in enumerate(events):
        yield Happening(kind, fields, block, 1_000 * block, f"{block:064x}", place, contract)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return graph_of(PLACE, happened(EVENTS), Constants())


def test_events_become_facts_up_to_the_block(graph: Graph) -> None:
    rows, song, made, fake = (graph.work(number) for number in (ROWS_ID, SONG_ID, MADE_ID, FAKE_ID))
    assert (rows.owner, rows.status, rows.resale, rows.currencies, rows.withdrawn) == (
        ANNA,
        "good",
        250,
        (COIN,),
        (LEFT,),
    )
    assert rows.budget is not None
    assert rows.budget.epsilon == 8 * 10**9
    assert (song.owner, song.registrant) == (ANNA, BEN)  # block 91 is later
    assert song.holders == ((ANNA, 10**7), (BEN, 99 * 10**7))
    assert (made.kind, fake.status) == ("model", "void")
    assert made.origins[0] == Origin(ROWS_ID, ONE, 5 * 10**8, 2 * 10**8)
    assert made.holders == ((CID, 75 * 10**7), (ROWS, 2 * 10**8), (SONG, 5 * 10**7))
    one, two = graph.grants
    assert (one.assigner, one.builder, one.revoked, one.not_after) == (ANNA, CID, 8, 2**40)
    assert (one.sessions[0].epsilon, two.assigner, two.revoked) == (10**9, BEN, 0)


def test_a_lineage_is_what_it_came_from_and_what_came_of_it(graph: Graph) -> None:
    assert [one.id for one in graph.lineage(ROWS_ID).works] == [MADE_ID, SONG_ID, ROWS_ID]
    assert [one.id for one in graph.lineage(FAKE_ID).works] == [FAKE_ID]
    assert graph.lineage(FAKE_ID).grants == ()
    with pytest.raises(NotFoundError, match="the graph has no work 5"):
        graph.lineage(5)


def test_events_that_are_missing_are_said() -> None:
    with pytest.raises(RecordError, match="events are missing"):
        graph_of(PLACE, happened(EVENTS[3:]), Constants())
    with pytest.raises(RecordError, match="are not 1000000000 in all"):
        graph_of(PLACE, happened(EVENTS[1:]), Constants())


def test_the_file_is_json_ld_in_one_spelling(graph: Graph) -> None:
    for one in (graph, graph.lineage(MADE_ID)):
        assert from_json(to_json(one)) == one
        assert to_json(from_json(to_json(one))) == to_json(one)
    told = json.loads(to_json(graph))
    nodes = {node["@id"]: node for node in told["@graph"]}
    made = nodes[f"eip155:1/erc721:{REGISTRY}/7"]
    assert (told["chain"], made["@type"]) == ("eip155:1", ["prov:Entity", "Model"])
    assert made["prov:wasDerivedFrom"] == [f"eip155:1/erc721:{REGISTRY}/{one}" for one in (ROWS_ID, SONG_ID)]
    agreement = nodes[f"eip155:1:{GRANTS}#{ONE}"]
    assert (agreement["@type"], agreement["odrl:assignee"]) == ("odrl:Agreement", f"eip155:1:{CID}")
    (permission,) = agreement["odrl:permission"]
    assert [one["odrl:operator"] for one in permission["odrl:constraint"]] == ["odrl:gteq"]  # its end has no date
    assert permission["odrl:duty"][0]["odrl:action"] == "odrl:compensate"
    prefixes = {"odrl", "prov", "xsd"}
    keys = set(re.findall(r'"([a-z]+):[A-Za-z]+":', to_json(graph).decode()))
    assert keys <= prefixes <= set(told["@context"])


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield from leaves(value[key], (*path, key))
    if path:
        yield path


def spoiled(value: Any) -> Iterator[Any]:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int):
        yield from (value + 1, str(value))
    elif isinstance(value, str):
        last = value[-1:]
        yield value[:-1] + ("0" if last != "0" else "1")
        yield from (value + "1", 3)
    else:
        yield from ([], {}, "x")


def test_whatever_is_changed_in_a_file_is_no_graph_or_another_than_the_chain_says(graph: Graph) -> None:
    document = json.loads(to_json(graph))
    paths, found = list(leaves(document)), 0
    for path in paths:
        for how in ("changed", "taken out", "added")[: 1 if path[0] == "@context" else 3]:
            whole = json.loads(to_json(graph))
            at = whole
            for step in path[:-1]:
                at = at[step]
            was = at[path[-1]]
            others = [one for one in spoiled(was) if one != was] if how == "changed" else [None]
            for other in others:
                if how == "changed":
                    at[path[-1]] = other
                elif how == "taken out":
                    at.pop(path[-1])
                elif isinstance(was, dict):
                    was["more"] = 1
                elif isinstance(was, list):
                    was.append(was[0] if was else 1)
                else:
                    continue
                try:
                    told = from_json(canonical(whole))
                except RecordError:
                    found += 1
                    continue
                assert differences(told, graph) != [], (path, how, other)
                found += 1
    assert found > 3 * len(paths) > 600


def test_differences_say_where(graph: Graph) -> None:
    rows = replace(graph.work(ROWS_ID), owner=CID)
    other = replace(graph, block=3, works=(*graph.works[:-1], rows))
    assert differences(other, graph) == [
        "block: the chain says otherwise", f"works.{ROWS_ID:064x}.owner: the chain says otherwise"
    ]  # fmt: skip
    fewer = replace(graph, works=graph.works[:1] + graph.works[2:])
    assert differences(fewer, graph) == [f"works.{FAKE_ID:064x}: missing"]
    assert differences(graph, fewer) == [f"works.{FAKE_ID:064x}: not on the chain"]
    assert differences(graph, graph) == []


def test_what_cannot_be_is_refused(graph: Graph) -> None:
    made = graph.work(MADE_ID)
    itself = replace(made, origins=(Origin(MADE_ID, ONE, 1, 1),))
    rest = tuple(one for one in graph.works if one.id != MADE_ID)
    mine = tuple(replace(one, work=MADE_ID) if one.id == ONE else one for one in graph.grants)
    for works, grants, words in (
        ((*rest, itself), mine, "is made from itself"),
        ((*rest, replace(made, origins=(Origin(ROWS_ID, LEFT, 1, 1),))), graph.grants, "without its grant"),
        (graph.works[:-1], graph.grants, "named and not there|without its grant"),
        ((*graph.works, made), graph.grants, "in it twice"),
    ):
        with pytest.raises(RecordError, match=words):
            replace(graph, works=works, grants=grants)
    with pytest.raises(RecordError, match="on two chains"):
        replace(graph, ledger=f"eip155:2:{GRANTS}")
    for data in (b"", b"[]", b"{}", b"7", canonical({"ledger": 1}), b"[" * 50_000):
        with pytest.raises(RecordError):
            from_json(data)


def test_people_see_what_was_made_from_what(graph: Graph) -> None:
    text = as_text(graph, {ANNA: "Anna"})
    assert text.count("model 00000000...") == 2
    assert "    model 00000000..., 5 % of whose earnings go to the work above" in text
    assert "dataset 00000000..., void" in text
    assert f"    owner Anna ({ANNA}), from block 1\n" in text
    assert "20 % of the earnings: the holders of dataset ab000000..." in text
    assert "grant 91919191... to " + CID + ": royalty 40 %, 1 sessions, revoked in block 8" in text
    page = as_page(graph, "<Checked>")
    assert "&lt;Checked&gt;" in page
    assert "ipfs://rows &lt;x&gt;" in page
    drawn = ElementTree.fromstring(as_svg(graph))
    space = "{http://www.w3.org/2000/svg}"
    boxes = drawn.findall(f".//{space}rect")
    assert (len(boxes), len(drawn.findall(f"{space}path"))) == (4, 2)
    assert len({(box.get("x"), box.get("y")) for box in boxes}) == 4
    assert len(drawn.findall(f"{space}a")) == 4
    assert "style" not in as_svg(graph)


def test_a_large_graph_is_drawn_in_part(graph: Graph) -> None:
    kept = nearest(graph, 2)
    assert len(kept.works) <= 2
    assert all(origin.parent in {one.id for one in kept.works} for work in kept.works for origin in work.origins)
    assert nearest(graph, 4) is graph


def test_what_can_go_to_another_ledger(graph: Graph) -> None:
    assert [(step.work.id, step.why) for step in steps(graph, ANNA, lambda _: False)] == [
        (SONG_ID, "registered by another account: its id is bound to that one; let it register"), (ROWS_ID, ""),
    ]  # fmt: skip
    (_, rows) = steps(graph, ANNA, lambda _: True)
    assert rows.why == "registered there already"
    assert [step.why[:4] for step in steps(graph, BEN, lambda _: False)] == ["void"]
    assert [step.why[:19] for step in steps(graph, CID, lambda _: False)] == ["made of other works"]
