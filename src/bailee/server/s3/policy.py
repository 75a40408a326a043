"""Bucket policies: JSON statements that allow or deny actions to access keys. What is not understood is refused.

A principal is `*`, or access keys: `{"AWS": ["BK..."]}`. Elements and conditions beyond those here are refused when a
policy is put, since to skip one would allow more than its author said. A stored policy that does not parse denies.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bailee import json_text
from bailee.server.s3.encoding import parse_iso, to_int
from bailee.server.s3.errors import S3Error

LIMIT = 20 * 1024
_ARN = "arn:aws:s3:::"
_VERSIONS = ("2012-10-17", "2008-10-17")
_KEYS = {
    "aws:sourceip", "aws:securetransport", "aws:currenttime", "aws:username", "aws:useragent", "aws:referer",
    "s3:prefix", "s3:delimiter", "s3:max-keys", "s3:versionid", "s3:x-amz-acl", "s3:authtype",
}  # fmt: skip

Facts = Mapping[str, str]
"""Condition keys in lower case with the values of one request; one that a request does not have is absent."""


@dataclass(frozen=True)
class Statement:
    is_allow: bool
    principals: frozenset[str] | None
    """None is everybody, those without credentials too."""
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]
    """(operator, key, values): all must hold, any value of each."""

    def applies(self, key_id: str | None, action: str, resource: str, facts: Facts) -> bool:
        return (
            (self.principals is None or key_id in self.principals)
            and any(matches(pattern, action.lower()) for pattern in self.actions)
            and any(matches(pattern, resource) for pattern in self.resources)
            and all(_holds(*condition, facts) for condition in self.conditions)
        )


@dataclass(frozen=True)
class Policy:
    statements: tuple[Statement, ...]

    def decide(self, key_id: str | None, action: str, resource: str, facts: Facts) -> bool | None:
        """False where a statement denies, True where one allows, None where none speaks. resource: `bucket[/key]`."""
        found = {s.is_allow for s in self.statements if s.applies(key_id, action, _ARN + resource, facts)}
        return None if not found else False not in found


@lru_cache(256)
def parse_policy(text: str, bucket: str) -> Policy:
    """Raises S3Error MalformedPolicy that says what is wrong."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > LIMIT:
        raise _malformed(f"it is larger than {LIMIT} bytes")
    try:
        document = json_text.load(data, object_pairs_hook=_once)
    except ValueError:
        raise _malformed("it is not JSON, or says an element twice") from None
    _only(document, {"Version", "Id", "Statement"}, "the policy")
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise _malformed(f"expected Version {_VERSIONS[0]}")
    statements = document.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        raise _malformed("expected a list of statements")
    return Policy(tuple(_statement(item, bucket) for item in statements))


def _statement(item: Any, bucket: str) -> Statement:
    _only(item, {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}, "a statement")
    if item.get("Effect") not in ("Allow", "Deny"):
        raise _malformed("expected an Effect of Allow or Deny")
    actions = _strings(item.get("Action"), "Action")
    if any(action != "*" and not action.lower().startswith("s3:") for action in actions):
        raise _malformed("expected actions of s3:")
    resources = _strings(item.get("Resource"), "Resource")
    for resource in resources:
        if resource != f"{_ARN}{bucket}" and not resource.startswith(f"{_ARN}{bucket}/"):
            raise _malformed(f"expected resources that are {_ARN}{bucket} or in it")
        if "${" in resource:
            raise _malformed("variables are not known here")
    return Statement(
        item["Effect"] == "Allow",
        _principals(item.get("Principal")),
        tuple(action.lower() for action in actions),
        resources,
        tuple(_conditions(item.get("Condition", {}))),
    )


def _principals(value: Any) -> frozenset[str] | None:
    if value == "*":
        return None
    _only(value, {"AWS"}, "a Principal")
    names = _strings(value.get("AWS"), "Principal")
    if "*" in names:
        return None
    found = frozenset(name.rpartition("/")[2] for name in names)
    if not all(name.isascii() and name.isalnum() for name in found):
        raise _malformed("expected access keys as principals, or *")
    return found


def _conditions(value: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    found = []
    _only(value, _OPERATORS.keys(), "a Condition")
    for operator, tests in value.items():
        _only(tests, None, operator)
        for key, wanted in tests.items():
            values = _strings(wanted, key)
            if key.lower() not in _KEYS:
                raise _malformed(f"the condition key {key} is not known here")
            if any("${" in text or not _OPERATORS[operator][1](text) for text in values):
                raise _malformed(f"a value of {operator} {key} does not fit")
            found.append((operator, key.lower(), values))
    return found


def _holds(operator: str, key: str, values: tuple[str, ...], facts: Facts) -> bool:
    if operator == "Null":
        return all((key not in facts) == (value.lower() == "true") for value in values)
    test = _OPERATORS[operator][0]
    is_negated = operator in _NEGATED
    if key not in facts:
        return is_negated
    return any(test(facts[key], value) for value in values) is not is_negated


def matches(pattern: str, text: str) -> bool:
    """`*` is any run of characters, `?` one. Time is at most the product of the lengths."""
    at = start = 0
    star = -1
    while start < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, mark = at, start
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[start]):
            at += 1
            start += 1
        elif star >= 0:
            mark += 1
            at, start = star + 1, mark
        else:
            return False
    return all(letter == "*" for letter in pattern[at:])


def _in_network(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _dated(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def test(found: str, wanted: str) -> bool:
        left, right = parse_iso(found), parse_iso(wanted)
        return left is not None and right is not None and compare(left, right)

    return test


def _numeric(compare: Callable[[int, int], bool]) -> Callable[[str, str], bool]:
    def test(found: str, wanted: str) -> bool:
        left, right = to_int(found), to_int(wanted)
        return left is not None and right is not None and compare(left, right)

    return test


def _any_text(_text: str) -> bool:
    return True


def _is_date(text: str) -> bool:
    return parse_iso(text) is not None


def _is_number(text: str) -> bool:
    return to_int(text) is not None


def _is_bool(text: str) -> bool:
    return text.lower() in ("true", "false")


_OPERATORS: dict[str, tuple[Callable[[str, str], bool], Callable[[str], bool]]] = {
    "StringEquals": (lambda found, wanted: found == wanted, _any_text),
    "StringNotEquals": (lambda found, wanted: found == wanted, _any_text),
    "StringEqualsIgnoreCase": (lambda found, wanted: found.lower() == wanted.lower(), _any_text),
    "StringLike": (lambda found, wanted: matches(wanted, found), _any_text),
    "StringNotLike": (lambda found, wanted: matches(wanted, found), _any_text),
    "IpAddress": (_in_network, _is_network),
    "NotIpAddress": (_in_network, _is_network),
    "Bool": (lambda found, wanted: found.lower() == wanted.lower(), _is_bool),
    "DateLessThan": (_dated(lambda left, right: left < right), _is_date),
    "DateGreaterThan": (_dated(lambda left, right: left > right), _is_date),
    "NumericEquals": (_numeric(lambda left, right: left == right), _is_number),
    "NumericLessThanEquals": (_numeric(lambda left, right: left <= right), _is_number),
    "NumericGreaterThan": (_numeric(lambda left, right: left > right), _is_number),
    "Null": (lambda found, wanted: False, _is_bool),
}
_NEGATED = {"StringNotEquals", "StringNotLike", "NotIpAddress"}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an element is said twice")
    return found


def _only(value: Any, names: Any, what: str) -> None:
    if not isinstance(value, dict) or (names is not None and not value.keys() <= set(names)):
        raise _malformed(f"{what} has an element that is not known here")


def _strings(value: Any, what: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, (str, bool, int)) else value
    if not isinstance(values, list) or not values or not all(isinstance(item, (str, bool, int)) for item in values):
        raise _malformed(f"expected text or a list of texts as {what}")
    return tuple(item if isinstance(item, str) else str(item).lower() for item in values)


def _malformed(why: str) -> S3Error:
    return S3Error("MalformedPolicy", f"The policy is not one that is understood here: {why}.")
