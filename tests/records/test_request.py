"""Requests and answers as records: their own rules, and two that were stored when version 1 was made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bailee.errors import RecordError
from bailee.records import open_signed
from bailee.records.request import GrantAnswer, GrantRequest

STORED = Path(__file__).parent / "stored"
REQUEST = "7afab44797c47ee4445c205cf66d1acc2580c735931218f930a562a707ff7a1b"
ANSWER = "3e1ca93c11b45a6df63a2510cfef2a78f0c01ba1de19fd53c070e5cff828e240"


def request() -> GrantRequest:
    return open_signed((STORED / "grant-request-v1.json").read_bytes(), GrantRequest).record


def answer() -> GrantAnswer:
    return open_signed((STORED / "grant-answer-v1.json").read_bytes(), GrantAnswer).record


def test_what_was_stored_still_opens_as_the_same() -> None:
    asked = open_signed((STORED / "grant-request-v1.json").read_bytes(), GrantRequest)
    said = open_signed((STORED / "grant-answer-v1.json").read_bytes(), GrantAnswer)
    assert (asked.digest, said.digest) == (REQUEST, ANSWER)
    record = asked.record
    assert (record.builder_name, record.dataset, record.fields) == ("Ada", "heart", None)
    assert (record.max_epsilon, record.max_delta, record.message) == ("1.5", None, "May I?\n谢谢")
    assert record.subjects()[1] == ("plan", record.plan_digest)
    assert (said.record.request, said.record.decision, said.record.grant) == (REQUEST, "given", "e" * 64)


def test_terms_that_make_no_sense() -> None:
    for change, words in (
        ({"ends": "2026-11-22T12:00:00Z"}, "before it begins"),
        ({"max_epsilon": "-1"}, "max_epsilon"),
        ({"max_delta": "1"}, "max_delta"),
        ({"max_delta": "-0.1"}, "max_delta"),
        ({"fields": ()}, "at least one field"),
        ({"fields": ("age", "age")}, "each named once"),
        ({"message": "x" * 1001}, "at most 1000"),
        ({"message": "a\u202eb"}, "printable"),
        ({"message": "a\rb"}, "printable"),
    ):
        with pytest.raises(RecordError, match=words):
            replace(request(), **change)  # type: ignore[arg-type]
    assert replace(request(), message="x" * 1000, fields=("age",)).message == "x" * 1000


def test_an_answer_names_a_grant_where_one_was_given_and_only_there() -> None:
    refused = replace(answer(), decision="refused", grant=None, grant_id=None, reason="no")
    assert refused.subjects() == answer().subjects()
    for change in ({"grant": None}, {"grant_id": None}, {"decision": "refused"}, {"grant": None, "grant_id": None}):
        with pytest.raises(RecordError, match="names a grant"):
            replace(answer(), **change)  # type: ignore[arg-type]
    with pytest.raises(RecordError, match="names a grant"):
        replace(refused, grant_id="1" * 32)
    with pytest.raises(RecordError, match="'perhaps'"):
        replace(answer(), decision="perhaps")
