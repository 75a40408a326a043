"""The life of a work in words: each event's line, whose work it is, and nothing that a page would run."""

from __future__ import annotations

from typing import Any

import pytest

from bailee.own.trace import Happening, Line, as_page, as_text, timeline

WORK, OTHER = 0xAB << 248, 0xCD << 248
MINE, THEIRS, ANNA, BEN = (f"0x{number:02x}" + "0" * 38 for number in (0x51, 0x52, 0xA1, 0xB1))
NATIVE = "0x" + "0" * 40
SHARES = {MINE[2:]: WORK, THEIRS[2:]: OTHER}
GRANT = "99" * 32


def lines(kind: str, contract: str = ANNA, /, **fields: Any) -> list[Line]:
    happened = Happening(kind, fields, 7, 86_400, "ee" * 32, 3, contract)
    return timeline(WORK, [happened], SHARES, {ANNA: "Anna"})


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("Registered", {"id": WORK, "kind": 1, "registrant": ANNA, "commitment": "12" * 32, "uri": "ipfs://x"},
         "Registered as a dataset by Anna (a1000000...): commitment 12121212..., described at ipfs://x"),
        ("Derived", {"id": WORK, "parent": OTHER, "grant": GRANT, "units": 25 * 10**6},
         "Made under grant 99999999... of work cd000000..., which has 2.5 % of its earnings"),
        ("Derived", {"id": OTHER, "parent": WORK, "grant": GRANT, "units": 10**7},
         "Work cd000000... was made from it under grant 99999999...: 1 % of its earnings come here"),
        ("WorkTransferred", {"sender": ANNA, "receiver": BEN, "id": WORK},
         f"Anna (a1000000...) gave the work over to {BEN}"),
        ("Disputed", {"id": WORK, "earlier": OTHER, "by": BEN, "uri": "u"},
         f"Disputed by {BEN}: work cd000000... was there before; evidence u"),
        ("Disputed", {"id": OTHER, "earlier": WORK, "by": BEN, "uri": "u"},
         f"{BEN} says that work cd000000... is a copy of this one; evidence u"),
        ("DisputeConcluded", {"id": WORK, "upheld": True}, "The dispute was upheld: the registration is void"),
        ("Accepted", {"grant": GRANT, "builder": BEN, "price": 15 * 10**17, "currency": NATIVE, "royalty": 10**8},
         f"{BEN} took grant 99999999... for 1.5 of native money; what is made with it alone owes 10 % of its earnings"),
        ("Accepted", {"grant": GRANT, "builder": BEN, "price": 0, "currency": NATIVE, "royalty": 0},
         f"{BEN} took grant 99999999... free of charge"),
        ("Revoked", {"grant": GRANT, "work": WORK}, "Grant 99999999... was revoked; what it earned before stays"),
        ("BudgetSet", {"work": WORK, "epsilon": 8 * 10**9, "delta": 10**13},
         "The privacy budget was set to epsilon 8, delta 1e-05"),
        ("Spent", {"grant": GRANT, "session": "77" * 32, "epsilon": 10**9, "delta": 10**12},
         "Training session 77777777... spent epsilon 1, delta 1e-06 of the privacy budget under grant 99999999..."),
        ("Attested", {"claim": GRANT, "verifier": BEN}, f"{BEN} verified the passport and attested it under a bond"),
        ("Retracted", {"claim": GRANT, "verifier": ANNA},
         "The attestation of Anna (a1000000...) counts no more: taken back, or its bond is gone"),
        ("Challenged", {"claim": GRANT, "by": BEN, "evidence": "5e" * 32, "uri": ""},
         f"{BEN} challenged what was attested; evidence 5e5e5e5e..."),
        ("ChallengeConcluded", {"claim": GRANT, "upheld": True}, "The challenge was upheld: what was attested is void"),
        ("ChallengeConcluded", {"claim": GRANT, "upheld": False},
         "The challenge was rejected: the window began anew"),
        ("Slashed", {"claim": GRANT, "verifier": BEN, "amount": 10**18}, f"{BEN} lost its bond of 1 of native money"),
        ("Voted", {"case": GRANT, "arbiter": BEN, "upheld": False}, f"Arbiter {BEN} voted to reject"),
        ("Decided", {"case": GRANT, "upheld": True}, "The arbiters decided: upheld"),
        ("CurrencyAccepted", {"currency": BEN}, f"Payments in {BEN} are accepted from now on"),
        ("Gathered", {"child": THEIRS, "currency": BEN, "amount": 4},
         f"4 smallest units of {BEN} came from the holders of work cd000000..."),
        ("Credited", {"currency": NATIVE, "amount": 10**9}, "0.000000001 of native money came in by a plain transfer"),
        ("UnitsTransferred", {"sender": NATIVE, "receiver": ANNA, "value": 10**9},
         "Anna (a1000000...) had 100 % of the earnings from the start"),
        ("UnitsTransferred", {"sender": ANNA, "receiver": MINE, "value": 10**8},
         "Anna (a1000000...) gave 10 % of the earnings to the holders of this work"),
    ],
)  # fmt: skip
def test_each_event_has_its_words(kind: str, fields: dict[str, Any], words: str) -> None:
    (line,) = lines(kind, **fields)
    assert (line.words, line.kind, line.block, line.time) == (words, kind, 7, "1970-01-02 00:00:00")


def test_money_of_another_work_says_so() -> None:
    paid = {"payer": ANNA, "currency": NATIVE, "amount": 10**18, "use": "55" * 32}
    assert lines("Paid", MINE, **paid)[0].words == "Anna (a1000000...) paid 1 of native money for use 55555555..."
    assert lines("Paid", THEIRS, **paid)[0].words.endswith("for use 55555555... (work cd000000...)")
    drawn = {"holder": MINE, "currency": NATIVE, "amount": 10**18, "to": MINE}
    told = lines("Claimed", THEIRS, **drawn)[0].words
    assert told == "the holders of this work drew 1 of native money (work cd000000...)"


def test_what_goes_with_another_line_has_none() -> None:
    assert lines("WorkTransferred", sender=NATIVE, receiver=ANNA, id=WORK) == []
    assert lines("Registered", id=OTHER, kind=1) == []
    assert lines("WorkApproved", owner=ANNA) == []


def test_facts_are_exact_for_other_programs() -> None:
    (line,) = lines("Revoked", grant=GRANT, work=WORK)
    assert line.as_facts()["fields"] == {"grant": GRANT, "work": str(WORK)}
    assert line.as_facts()["transaction"] == "0x" + "ee" * 32


def test_a_page_runs_nothing_of_strangers() -> None:
    evil = "</li><script>alert(1)</script><img src=x onerror=alert(1)>"
    found = lines("Disputed", id=WORK, earlier=OTHER, by=BEN, uri=evil)
    page = as_page(WORK, "eip155:1:0x<b>", found, "Not <checked>.")
    assert "<script" not in page
    assert "<img" not in page
    assert "default-src 'none'" in page
    assert "&lt;script&gt;" in page
    assert "0x&lt;b&gt;" in page
    assert "Not &lt;checked&gt;." in page
    assert page.count("<li>") == 1
    assert "http" not in page.replace("http-equiv", "")


def test_a_work_without_a_life_says_so() -> None:
    assert as_text(5, "eip155:1:0x0", []) == "Nothing happened to work 5 on eip155:1:0x0."
