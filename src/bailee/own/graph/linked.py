"""A graph as JSON-LD in canonical JSON (RFC 8785): one graph, one spelling.

Works are prov:Entity, a part is a prov:Derivation, a session a prov:Activity (PROV-O); a grant is an odrl:Agreement
(ODRL 2.2). Names: chains CAIP-2, accounts and contracts CAIP-10, works CAIP-19 (`<chain>/erc721:<registry>/<id>`), all
of which are IRIs. Numbers beyond 53 bits are decimal text. PROV and ODRL have no words for units, royalties and privacy
budgets: those are in a vocabulary of Bailee's.

What is read must come out again byte for byte when it is written: nothing is in a file that a reader passes over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bailee.errors import RecordError
from bailee.own.graph.facts import (
    DISPUTED,
    GOOD,
    KINDS,
    VOID,
    Budget,
    GrantNode,
    Graph,
    Origin,
    Session,
    WorkNode,
)
from bailee.records.caip import parse_account
from bailee.records.canonical import Json, canonical, parse
from bailee.records.fields import parse_time, time_text

VERSION = 1
_CONTEXT: Mapping[str, Json] = {
    "@vocab": "https://bailee.dev/graph/v1#",
    "prov": "http://www.w3.org/ns/prov#",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "prov:generatedAtTime": {"@type": "xsd:dateTime"},
    **{name: {"@type": "@id"} for name in (
        "prov:wasDerivedFrom", "prov:wasAttributedTo", "prov:entity", "prov:used", "prov:wasAssociatedWith",
        "odrl:target", "odrl:assigner", "odrl:assignee", "odrl:action", "odrl:leftOperand", "odrl:operator",
        "ledger", "registry", "chain", "scope", "owner", "shares", "currencies", "holder", "grant", "currency",
    )},
}  # fmt: skip
_NAMING = ("commitment", "schema", "fingerprints", "terms", "metadata")
_LAST_DATE = 253_402_300_799
"""The last second of the year 9999: dates of ODRL end there, times of the ledger do not."""
_HEX = re.compile(r"([0-9a-f]{2})*")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,77}")


def to_json(graph: Graph) -> bytes:
    """The file of a graph."""
    names = _Names(graph.ledger, graph.registry)
    whole: dict[str, Json] = {
        "@context": _CONTEXT,
        "@id": f"{graph.ledger}#block-{graph.block}",
        "@type": "prov:Bundle",
        "version": VERSION,
        "chain": names.chain,
        "ledger": graph.ledger,
        "registry": graph.registry,
        "block": graph.block,
        "blockHash": graph.block_hash,
        "@graph": [*(names.work(one) for one in graph.works), *(names.grant(one) for one in graph.grants)],
    }
    if graph.scope is not None:
        whole["scope"] = names.asset(graph.scope)
    return canonical(whole)


def from_json(data: bytes) -> Graph:
    """RecordError for anything but the file of a graph that `to_json` writes."""
    found = parse(data)
    try:
        graph = _Reader(found).graph()
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise RecordError(f"expected a graph of rights of version {VERSION}; {error} is missing or no such") from None
    except ValueError as error:
        raise RecordError(f"the graph says what no ledger does: {error}") from None
    if to_json(graph) != data:
        raise RecordError("the graph says something that its own facts do not: it was not written by `graph export`")
    return graph


class _Names:
    """Nodes, and how they are named."""

    def __init__(self, ledger: str, registry: str) -> None:
        self.ledger = ledger
        self.chain = str(parse_account(ledger).chain)
        self.works = f"{self.chain}/erc721:{parse_account(registry).address}/"

    def asset(self, work: int) -> str:
        return f"{self.works}{work}"

    def who(self, address: str) -> str:
        return f"{self.chain}:{address}"

    def of_grant(self, grant: str) -> str:
        return f"{self.ledger}#{grant}"

    def work(self, one: WorkNode) -> dict[str, Json]:
        told: dict[str, Json] = {
            "@id": self.asset(one.id), "@type": ["prov:Entity", one.kind.capitalize()],
            **dict(zip(_NAMING, one.naming, strict=True)), "fingerprint": one.fingerprint.hex(), "uri": one.uri,
            "prov:wasAttributedTo": self.who(one.registrant), "owner": self.who(one.owner),
            "shares": self.who(one.shares), "since": one.since, "block": one.block, "transaction": one.transaction,
            "prov:generatedAtTime": _time(one.time), "status": one.status, "resale": one.resale,
            "currencies": [self.who(address) for address in one.currencies],
            "holders": [{"holder": self.who(address), "units": units} for address, units in one.holders],
            "prov:wasDerivedFrom": [
                self.asset(parent) for parent in dict.fromkeys(origin.parent for origin in one.origins)
            ],
            "prov:qualifiedDerivation": [
                {"@type": "prov:Derivation", "prov:entity": self.asset(origin.parent),
                 "grant": self.of_grant(origin.grant), "share": origin.share, "units": origin.units}
                for origin in one.origins
            ],
            "withdrawnOffers": list(one.withdrawn),
        }  # fmt: skip
        if one.budget is not None:
            told["budget"] = {"epsilon": str(one.budget.epsilon), "delta": str(one.budget.delta)}
        return told

    def grant(self, one: GrantNode) -> dict[str, Json]:
        told: dict[str, Json] = {
            "@id": self.of_grant(one.id), "@type": "odrl:Agreement", "odrl:target": self.asset(one.work),
            "odrl:assigner": self.who(one.assigner), "odrl:assignee": self.who(one.builder),
            "odrl:permission": [self._permission(one)], "record": one.record, "price": str(one.price),
            "currency": self.who(one.currency), "royalty": one.royalty, "notBefore": str(one.not_before),
            "notAfter": str(one.not_after), "epsilon": str(one.epsilon), "delta": str(one.delta), "block": one.block,
            "prov:generatedAtTime": _time(one.time), "sessions": [self._session(one, spent) for spent in one.sessions],
        }  # fmt: skip
        if one.revoked:
            told["revoked"] = one.revoked
        return told

    def _permission(self, one: GrantNode) -> dict[str, Json]:
        """The same for programs that read ODRL, in the words of docs/ledger.md, section 8: when, and what was paid."""
        limits: list[Json] = [
            {"odrl:leftOperand": "odrl:dateTime", "odrl:operator": f"odrl:{operator}",
             "odrl:rightOperand": {"@type": "xsd:dateTime", "@value": _time(when)}}
            for operator, when in (("gteq", one.not_before), ("lteq", one.not_after)) if when <= _LAST_DATE
        ]  # fmt: skip
        paid: Json = {
            "odrl:leftOperand": "odrl:payAmount", "odrl:operator": "odrl:eq", "odrl:rightOperand": str(one.price),
            "odrl:unit": f"https://bailee.dev/unit/{self.who(one.currency)}",
        }  # fmt: skip
        found: dict[str, Json] = {"odrl:action": "odrl:derive", "odrl:constraint": limits}
        if one.price:
            found["odrl:duty"] = [{"odrl:action": "odrl:compensate", "odrl:constraint": [paid]}]
        return found

    def _session(self, grant: GrantNode, one: Session) -> dict[str, Json]:
        return {
            "@id": f"{self.of_grant(grant.id)}/{one.session}", "@type": "prov:Activity",
            "prov:used": self.asset(grant.work), "prov:wasAssociatedWith": self.who(grant.builder),
            "epsilon": str(one.epsilon), "delta": str(one.delta), "anchor": one.anchor, "block": one.block,
        }  # fmt: skip


class _Reader:
    """Takes the facts out of a document; that it says nothing else is seen when they are written again."""

    def __init__(self, found: Any) -> None:
        self.found = found
        self.names = _Names(_text(found["ledger"]), _text(found["registry"]))

    def graph(self) -> Graph:
        found, nodes = self.found, self.found["@graph"]
        works = tuple(self.work(node) for node in nodes if isinstance(node["@type"], Sequence) and _is_work(node))
        grants = tuple(self.grant(node) for node in nodes if not _is_work(node))
        scope = self.number(found["scope"]) if "scope" in found else None
        block = _count(found["block"])
        return Graph(found["ledger"], found["registry"], block, _digest(found["blockHash"]), scope, works, grants)

    def number(self, asset: str) -> int:
        if not _text(asset).startswith(self.names.works):
            raise ValueError(f"{asset[:120]!r} is no work of {self.names.works}")
        return _number(asset.removeprefix(self.names.works))

    def address(self, account: str) -> str:
        named = parse_account(_text(account))
        if str(named.chain) != self.names.chain:
            raise ValueError(f"{account} is not on {self.names.chain}")
        return named.address.lower()

    def grant_id(self, name: str) -> str:
        return _digest(_text(name).rpartition("#")[2])

    def work(self, node: Mapping[str, Any]) -> WorkNode:
        kind, budget = _text(node["@type"][1]).lower(), node.get("budget")
        if kind not in KINDS.values() or node["status"] not in (GOOD, DISPUTED, VOID):
            raise ValueError(f"a work of kind {kind[:40]!r} or of status {str(node['status'])[:40]!r}")
        first, *others = (_digest(node[name]) for name in _NAMING)
        schema, fingerprints, terms, metadata = others
        return WorkNode(
            id=self.number(node["@id"]), kind=kind, naming=(first, schema, fingerprints, terms, metadata),
            fingerprint=bytes.fromhex(_hex(node["fingerprint"])), uri=_text(node["uri"]),
            registrant=self.address(node["prov:wasAttributedTo"]), owner=self.address(node["owner"]),
            shares=self.address(node["shares"]), since=_count(node["since"]), block=_count(node["block"]),
            time=_seconds(node["prov:generatedAtTime"]), transaction=_digest(node["transaction"]),
            status=node["status"], resale=_count(node["resale"]),
            currencies=tuple(self.address(one) for one in node["currencies"]),
            holders=tuple((self.address(one["holder"]), _count(one["units"])) for one in node["holders"]),
            origins=tuple(
                Origin(self.number(one["prov:entity"]), self.grant_id(one["grant"]), _count(one["share"]),
                       _count(one["units"])) for one in node["prov:qualifiedDerivation"]
            ),
            budget=None if budget is None else Budget(_number(budget["epsilon"]), _number(budget["delta"])),
            withdrawn=tuple(_digest(one) for one in node["withdrawnOffers"]),
        )  # fmt: skip

    def grant(self, node: Mapping[str, Any]) -> GrantNode:
        return GrantNode(
            id=self.grant_id(node["@id"]), work=self.number(node["odrl:target"]),
            assigner=self.address(node["odrl:assigner"]), builder=self.address(node["odrl:assignee"]),
            record=_digest(node["record"]), price=_number(node["price"]), currency=self.address(node["currency"]),
            royalty=_count(node["royalty"]), not_before=_number(node["notBefore"]),
            not_after=_number(node["notAfter"]), epsilon=_number(node["epsilon"]), delta=_number(node["delta"]),
            block=_count(node["block"]), time=_seconds(node["prov:generatedAtTime"]),
            revoked=_count(node.get("revoked", 0)),
            sessions=tuple(
                Session(_digest(_text(one["@id"]).rpartition("/")[2]), _number(one["epsilon"]), _number(one["delta"]),
                        _digest(one["anchor"]), _count(one["block"])) for one in node["sessions"]
            ),
        )  # fmt: skip


def _is_work(node: Mapping[str, Any]) -> bool:
    return not isinstance(node["@type"], str)


def _time(seconds: int) -> str:
    return time_text(datetime.fromtimestamp(seconds, UTC))


def _seconds(text: str) -> int:
    return int(parse_time(_text(text)).timestamp())


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, got a {type(value).__name__}")
    return value


def _hex(value: Any) -> str:
    if _HEX.fullmatch(_text(value)) is None:
        raise ValueError(f"expected lower-case hex digits, got {value[:80]!r}")
    return str(value)


def _digest(value: Any) -> str:
    if len(_hex(value)) != 64:
        raise ValueError(f"expected 64 hex digits, got {value[:80]!r}")
    return str(value)


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"expected a whole number from 0, got {str(value)[:80]!r}")
    return value


def _number(value: Any) -> int:
    if _DECIMAL.fullmatch(_text(value)) is None:
        raise ValueError(f"expected a whole number as decimal text, got {value[:80]!r}")
    return int(value)
