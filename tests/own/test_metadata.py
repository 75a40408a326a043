"""Croissant and token documents: canonical, naming each other by digest, and read by Croissant's own library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bailee.errors import InputError, RecordError
from bailee.keys import Identity
from bailee.own.metadata import NOTHING, About, RowsFile, content_documents, croissant, dataset_documents
from bailee.records import Card, Signed, canonical, digest, sign, time_text
from bailee.records.canonical import parse
from bailee.records.fingerprint import INSTANCE, TABLE, Fingerprint
from bailee.records.schema import Schema
from croissants import needs_mlcroissant, read_croissant

SCHEMA = Schema.from_json(
    {
        "version": 1,
        "name": "heart",
        "label": "sick",
        "columns": [
            {"name": "age", "type": "integer", "min": "0", "max": "120", "categories": [], "missing": None,
             "positive": [], "positive_above": None},
            {"name": "pain, (é)", "type": "category", "min": None, "max": None, "categories": ["none", "some"],
             "missing": None, "positive": [], "positive_above": None},
            {"name": "sick", "type": "flag", "min": None, "max": None, "categories": [], "missing": None,
             "positive": [], "positive_above": None},
        ],
        "row_norm": None,
        "over_norm": "refuse",
        "missing_values": [""],
    }
)  # fmt: skip
ABOUT = About("Heart disease", "Rows of 4 patients.", "https://spdx.org/licenses/CC-BY-4.0.html", "https://a.example/h",
              "7" * 64, "https://a.example/terms", ("heart",))  # fmt: skip
PRINT = Fingerprint(TABLE, 4, {INSTANCE: bytes(32)})


@pytest.fixture(scope="module")
def card() -> Signed[Card]:
    owner = Identity.generate("St. Ann")
    record = Card(
        owner=owner.public_key.hex(), name="heart", owner_name="St. Ann", schema=SCHEMA.to_json(), rows=4,
        columns=SCHEMA.layout.names, commitment={"root": "1" * 64}, opening=0, proof="2" * 64,
        created=time_text(datetime(2026, 1, 2, tzinfo=UTC)), renews=None,
    )  # fmt: skip
    return sign(record, owner)


def test_each_digest_of_the_naming_is_of_the_document_it_names(card: Signed[Card]) -> None:
    made = dataset_documents(card, PRINT, ABOUT, None)
    token = parse(made.token)
    assert isinstance(token, dict)
    assert made.naming.metadata == digest(made.token)
    assert made.naming.commitment == digest(canonical(card.record.commitment)) == token["properties"]["commitment"]
    assert made.naming.schema == digest(canonical(card.record.schema)) == token["properties"]["schema"]
    assert made.naming.fingerprints == digest(made.fingerprint) == token["properties"]["fingerprints"]
    assert made.croissant is not None
    assert token["properties"]["croissant"] == digest(made.croissant)
    assert made.naming.terms == "7" * 64
    assert (token["name"], token["external_url"]) == ("Heart disease", "https://a.example/h")
    assert dataset_documents(card, PRINT, ABOUT, None) == made


def test_a_content_has_no_schema_and_no_croissant() -> None:
    made = content_documents("content", "3" * 64, PRINT, About("A song", "Of four bars.", "CC0-1.0"))
    assert (made.naming.commitment, made.naming.schema, made.naming.terms) == ("3" * 64, NOTHING, NOTHING)
    assert made.croissant is None
    assert "external_url" not in json.loads(made.token)
    with pytest.raises(InputError, match="expected a model or a content, got 'dataset'"):
        content_documents("dataset", "3" * 64, PRINT, ABOUT)


@needs_mlcroissant
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_croissants_own_library_reads_the_columns_of_sealed_rows(
    card: Signed[Card], version: str, tmp_path: Path
) -> None:
    path = tmp_path / "croissant.json"
    path.write_bytes(croissant(card, ABOUT, version=version))
    found = read_croissant(path, "columns")
    assert not [line for line in found.warned if "@context" in line]
    assert found.errors == []
    assert found.name in ("Heart disease", {"en": "Heart disease"})
    assert [record["columns/name"] for record in found.records] == ["age", "pain, (é)", "sick"]


@needs_mlcroissant
def test_croissants_own_library_loads_rows_that_are_published(card: Signed[Card], tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text('age,"pain, (é)",sick\n54,none,true\n61,some,false\n')
    data = rows.read_bytes()
    path = tmp_path / "croissant.json"
    where = RowsFile("rows.csv", hashlib.sha256(data).hexdigest(), len(data), "text/csv")
    path.write_bytes(croissant(card, ABOUT, where, "1.0"))
    found = read_croissant(path, "table").records
    assert [(row["table/0"], row["table/1"], bool(row["table/2"])) for row in found] == [
        (54, "none", True), (61, "some", False)]  # fmt: skip


BAD: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: About("x", "", "CC0-1.0"), InputError, "expected a description and a licence of 1 to 10000"),
    (lambda: About("x", "y", "z", "javascript:alert(1)"), InputError, "begins with https:// or ipfs://"),
    (lambda: About(" x", "y", "z"), RecordError, "about.name: expected 1 to 200 printable characters"),
    (lambda: About("x", "y", "z", terms="ab"), RecordError, "about.terms: expected 64 lower-case hex digits"),
    (lambda: RowsFile("u", "0" * 64, 1, "text/html"), InputError, "expected an encoding of text/csv or"),
]


@pytest.mark.parametrize(("make", "kind", "message"), BAD)
def test_what_does_not_fit_is_refused(make: Callable[[], object], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        make()


def test_other_versions_of_croissant_are_refused(card: Signed[Card]) -> None:
    with pytest.raises(InputError, match=r"expected Croissant 1\.0 or 1\.1, got '0.8'"):
        croissant(card, ABOUT, version="0.8")
