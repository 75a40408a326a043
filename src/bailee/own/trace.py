"""The life of a work as one timeline that anybody can read: from registration to the last payment.

In: what a ledger said, as plain happenings, in the chain's order. Out: lines of words, each with the block and the
transaction that it can be looked up by; as text, as facts for machines, or as a page that needs nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from string import Template
from typing import Any

from bailee.own.one_line import one_line

_PERCENT = 10**7
"""Units of shares in one percent of them."""
_KINDS = {1: "dataset", 2: "model", 3: "content"}
_NOBODY = "0x" + "0" * 40


@dataclass(frozen=True)
class Happening:
    """One event: its kind (the name of the event's record), its fields by name, and where it is. Time in seconds."""

    kind: str
    fields: Mapping[str, Any]
    block: int
    time: int
    transaction: str
    position: int
    contract: str


@dataclass(frozen=True)
class Line:
    """What happened, in words, and where to look it up."""

    time: str
    block: int
    transaction: str
    kind: str
    words: str
    facts: Mapping[str, Any] = field(repr=False)

    def as_facts(self) -> dict[str, Any]:
        told = {"time": self.time, "block": self.block, "transaction": f"0x{self.transaction}", "kind": self.kind}
        return {**told, "words": self.words, "fields": dict(self.facts)}


def timeline(
    work: int,
    happened: Sequence[Happening],
    shares: Mapping[str, int],
    names: Mapping[str, str],
    money: Callable[[int, str], str] | None = None,
) -> list[Line]:
    """Lines about `work`, in order.

    shares: address of shares (lower-case digits) to work, so that holders that are works are named; names: what the
    reader calls addresses (lower case, with 0x); money: an amount of a currency in words, where somebody can ask the
    chain. What moves with another line, a token with its registration say, has
    no line of its own.
    """
    told = _Teller(work, shares, names, money)
    lines = []
    for one in happened:
        words = told.words(one)
        if words:
            moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(one.time))
            facts = {name: _plain(value) for name, value in one.fields.items()}
            lines.append(Line(moment, one.block, one.transaction, one.kind, words, facts))
    return lines


class _Teller:
    def __init__(
        self,
        work: int,
        shares: Mapping[str, int],
        names: Mapping[str, str],
        money: Callable[[int, str], str] | None,
    ) -> None:
        self.work, self.shares, self.named, self.in_words = work, shares, names, money
        self._say: dict[str, Callable[[Mapping[str, Any], Happening], str]] = {
            "Registered": self._registered, "Derived": self._derived, "WorkTransferred": self._moved,
            "Disputed": self._disputed, "DisputeConcluded": self._concluded, "Accepted": self._accepted,
            "Revoked": lambda f, _: f"Grant {_short(f['grant'])} was revoked; what it earned before stays",
            "BudgetSet": lambda f, _: f"The privacy budget was set to {_privacy(f)}", "Spent": self._spent,
            "Paid": self._paid, "Credited": self._credited, "Claimed": self._claimed, "Gathered": self._gathered,
            "CurrencyAccepted": lambda f, _: f"Payments in {self.who(f['currency'])} are accepted from now on",
            "UnitsTransferred": self._shared, "Attested": self._attested, "Retracted": self._retracted,
            "Challenged": self._challenged, "ChallengeConcluded": self._answered, "Slashed": self._slashed,
            "Voted": self._voted,
            "Decided": lambda f, _: f"The arbiters decided: {'upheld' if f['upheld'] else 'rejected'}",
        }  # fmt: skip

    def words(self, one: Happening) -> str:
        """Empty for what needs no line."""
        say = self._say.get(one.kind)
        return say(one.fields, one) if say is not None else ""

    def who(self, address: str) -> str:
        if address == _NOBODY:
            return "native money"
        work = self.shares.get(address[2:].lower())
        if work is not None:
            return "the holders of this work" if work == self.work else f"the holders of work {_short_id(work)}"
        name = self.named.get(address.lower())
        return f"{name} ({_short(address[2:])})" if name else address

    def _registered(self, f: Mapping[str, Any], _: Happening) -> str:
        kind = _KINDS.get(f["kind"], "work")
        if f["id"] != self.work:
            return ""
        where = f", described at {one_line(f['uri'])}" if f["uri"] else ""
        return f"Registered as a {kind} by {self.who(f['registrant'])}: commitment {_short(f['commitment'])}{where}"

    def _derived(self, f: Mapping[str, Any], _: Happening) -> str:
        part, grant = _percent(f["units"]), _short(f["grant"])
        if f["id"] == self.work:
            return f"Made under grant {grant} of work {_short_id(f['parent'])}, which has {part} of its earnings"
        return f"Work {_short_id(f['id'])} was made from it under grant {grant}: {part} of its earnings come here"

    def _moved(self, f: Mapping[str, Any], _: Happening) -> str:
        if f["sender"] == _NOBODY:
            return ""
        return f"{self.who(f['sender'])} gave the work over to {self.who(f['receiver'])}"

    def _disputed(self, f: Mapping[str, Any], _: Happening) -> str:
        by, evidence = self.who(f["by"]), _evidence(f)
        if f["id"] == self.work:
            return f"Disputed by {by}: work {_short_id(f['earlier'])} was there before; {evidence}"
        return f"{by} says that work {_short_id(f['id'])} is a copy of this one; {evidence}"

    def _concluded(self, f: Mapping[str, Any], _: Happening) -> str:
        return "The dispute was upheld: the registration is void" if f["upheld"] else "The dispute was rejected"

    def _accepted(self, f: Mapping[str, Any], _: Happening) -> str:
        price = f"for {self._money(f['price'], f['currency'])}" if f["price"] else "free of charge"
        royalty = f"; what is made with it alone owes {_percent(f['royalty'])} of its earnings" if f["royalty"] else ""
        return f"{self.who(f['builder'])} took grant {_short(f['grant'])} {price}{royalty}"

    def _spent(self, f: Mapping[str, Any], _: Happening) -> str:
        session, grant = _short(f["session"]), _short(f["grant"])
        return f"Training session {session} spent {_privacy(f)} of the privacy budget under grant {grant}"

    def _paid(self, f: Mapping[str, Any], one: Happening) -> str:
        amount = self._money(f["amount"], f["currency"])
        return f"{self.who(f['payer'])} paid {amount} for use {_short(f['use'])}{self._of(one)}"

    def _credited(self, f: Mapping[str, Any], one: Happening) -> str:
        return f"{self._money(f['amount'], f['currency'])} came in by a plain transfer{self._of(one)}"

    def _claimed(self, f: Mapping[str, Any], one: Happening) -> str:
        to = "" if f["to"] == f["holder"] else f", sent to {self.who(f['to'])}"
        return f"{self.who(f['holder'])} drew {self._money(f['amount'], f['currency'])}{to}{self._of(one)}"

    def _gathered(self, f: Mapping[str, Any], _: Happening) -> str:
        return f"{self._money(f['amount'], f['currency'])} came from {self.who(f['child'])}"

    def _shared(self, f: Mapping[str, Any], one: Happening) -> str:
        part = _percent(f["value"])
        if f["sender"] == _NOBODY:
            return f"{self.who(f['receiver'])} had {part} of the earnings from the start{self._of(one)}"
        return f"{self.who(f['sender'])} gave {part} of the earnings to {self.who(f['receiver'])}{self._of(one)}"

    def _attested(self, f: Mapping[str, Any], _: Happening) -> str:
        return f"{self.who(f['verifier'])} verified the passport and attested it under a bond"

    def _retracted(self, f: Mapping[str, Any], _: Happening) -> str:
        return f"The attestation of {self.who(f['verifier'])} counts no more: taken back, or its bond is gone"

    def _challenged(self, f: Mapping[str, Any], _: Happening) -> str:
        return f"{self.who(f['by'])} challenged what was attested; {_evidence(f)}"

    def _answered(self, f: Mapping[str, Any], _: Happening) -> str:
        if f["upheld"]:
            return "The challenge was upheld: what was attested is void"
        return "The challenge was rejected: the window began anew"

    def _slashed(self, f: Mapping[str, Any], _: Happening) -> str:
        return f"{self.who(f['verifier'])} lost its bond of {self._money(f['amount'], _NOBODY)}"

    def _voted(self, f: Mapping[str, Any], _: Happening) -> str:
        return f"Arbiter {self.who(f['arbiter'])} voted to {'uphold' if f['upheld'] else 'reject'}"

    def _of(self, one: Happening) -> str:
        """Whose shares said it, where it was another work's."""
        work = self.shares.get(one.contract[2:].lower())
        return "" if work in (None, self.work) else f" (work {_short_id(work)})"

    def _money(self, amount: int, currency: str) -> str:
        if self.in_words is not None:
            return self.in_words(amount, currency)
        if currency == _NOBODY:
            whole, rest = divmod(amount, 10**18)
            exact = str(whole) if not rest else f"{whole}.{rest:018}".rstrip("0")
            return f"{exact} of native money"
        return f"{amount} smallest units of {self.who(currency)}"


def as_text(work: int, ledger: str, lines: Sequence[Line]) -> str:
    """For a terminal: time, block, words, and the transaction below."""
    if not lines:
        return f"Nothing happened to work {work} on {ledger}."
    told = [f"Work {work}", f"on {ledger}", ""]
    for line in lines:
        told += [f"{line.time}  block {line.block:<8} {line.words}", f"{'':21}in 0x{line.transaction}"]
    return "\n".join(told)


def as_page(work: int, ledger: str, lines: Sequence[Line], checked: str) -> str:
    """One HTML page without scripts, pictures or anything from elsewhere. `checked`: what was found at the node."""
    rows = "\n".join(
        f"<li><time>{escape(line.time)} UTC</time><p>{escape(line.words)}</p>"
        f"<small>block {line.block}, transaction 0x{escape(line.transaction)}</small></li>"
        for line in lines
    )
    return _PAGE.substitute(work=work, ledger=escape(ledger), rows=rows, checked=escape(checked))


_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>The life of work $work</title><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1c2430}
h1{font-size:1.3rem;overflow-wrap:anywhere}ol{list-style:none;padding:0 0 0 1rem;border-left:3px solid #c7d0dc}
li{margin:0 0 1.2rem}time{color:#586474;font-size:.9rem}p{margin:.1rem 0;overflow-wrap:anywhere}
small{color:#586474;overflow-wrap:anywhere;font-family:ui-monospace,monospace}
</style></head><body><h1>The life of work $work</h1><p>Ledger: $ledger</p><p>$checked</p><ol>
$rows
</ol></body></html>
""")


def _privacy(f: Mapping[str, Any]) -> str:
    return f"epsilon {f['epsilon'] / 10**9:g}, delta {f['delta'] / 10**18:g}"


def _evidence(f: Mapping[str, Any]) -> str:
    return f"evidence {one_line(f['uri']) or _short(f['evidence'])}"


def _percent(units: int) -> str:
    return f"{units / _PERCENT:g} %"


def _short(digits: str) -> str:
    return f"{digits[:8]}..."


def _short_id(work: int) -> str:
    return _short(f"{work:064x}")


def _plain(value: Any) -> Any:
    """As JSON takes it: whole numbers beyond what other programs hold exactly, and bytes, as text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return value if abs(value) < 2**53 else str(value)
