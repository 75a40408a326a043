"""Documents that a registration names: Croissant JSON-LD of a dataset, ERC-721 metadata of any work, and their digests.

All are canonical JSON (RFC 8785), so that a digest names one document. A sealed dataset has no file to download: its
Croissant document lists the columns as inline data, and the conditions under which they can be used; where the rows
are published, `RowsFile` says where, and the document describes them so that tools load them.

Nothing here is checked against the world: a description, a licence and a link are the owner's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bailee.errors import InputError
from bailee.records.canonical import Json, canonical, digest
from bailee.records.card import Card
from bailee.records.envelope import Signed
from bailee.records.fields import Hex32, Name, check, hints
from bailee.records.fingerprint import Fingerprint
from bailee.records.schema import Schema

NOTHING: Final = "0" * 64
"""Digest of a document that a work does not have."""
_VERSIONS = {"1.0", "1.1"}
_TYPES = {"number": "sc:Float", "integer": "sc:Integer", "category": "sc:Text", "flag": "sc:Boolean"}
_FORMATS = ("text/csv", "application/vnd.apache.parquet")
MOST_TEXT = 10_000


@dataclass(frozen=True)
class About:
    """What an owner says of a work, for people. Links may be empty; licence: a link, or an SPDX name."""

    name: Name
    description: str
    licence: str
    link: str = ""
    """A page about the work, or where its card is."""
    terms: Hex32 = NOTHING
    """BLAKE3 of the terms of consent, as offered."""
    terms_link: str = ""
    keywords: tuple[Name, ...] = ()

    def __post_init__(self) -> None:
        for name, kind in hints(About).items():
            check(kind, getattr(self, name), f"about.{name}")
        for text in (self.description, self.licence):
            if not 0 < len(text) <= MOST_TEXT:
                raise InputError(f"about: expected a description and a licence of 1 to {MOST_TEXT} characters each")
        for link in (self.link, self.terms_link):
            if link and not link.startswith(("https://", "ipfs://", "http://")):
                raise InputError(f"about: expected a link that begins with https:// or ipfs://, got {link[:60]!r}")


@dataclass(frozen=True)
class RowsFile:
    """Rows that anybody may fetch. sha256: of the file, as Croissant wants it."""

    link: str
    sha256: Hex32
    size: int
    """Bytes."""
    encoding: str

    def __post_init__(self) -> None:
        for name, kind in hints(RowsFile).items():
            check(kind, getattr(self, name), f"rows.{name}")
        if self.encoding not in _FORMATS:
            raise InputError(f"rows: expected an encoding of {' or '.join(_FORMATS)}, got {self.encoding[:60]!r}")


@dataclass(frozen=True)
class Naming:
    """The five digests that a registration holds (docs/ledger.md)."""

    commitment: Hex32
    schema: Hex32
    fingerprints: Hex32
    terms: Hex32
    metadata: Hex32


@dataclass(frozen=True)
class Documents:
    """naming: what is registered; token: the document at the registration's link; croissant: of a dataset, or None."""

    naming: Naming
    token: bytes
    croissant: bytes | None
    fingerprint: bytes


def dataset_documents(card: Signed[Card], fingerprint: Fingerprint, about: About, rows: RowsFile | None) -> Documents:
    """All documents of a sealed dataset. fingerprint: as it will be registered, withheld or whole."""
    described = croissant(card, about, rows)
    record = card.record
    more: dict[str, Json] = {"card": card.digest, "croissant": digest(described), "rows": record.rows}
    addresses = (digest(canonical(record.commitment)), digest(canonical(record.schema)))
    return _documents("dataset", addresses, fingerprint, about, more, described)


def content_documents(kind: str, commitment: Hex32, fingerprint: Fingerprint, about: About) -> Documents:
    """All documents of a model (commitment: digest of its passport) or a content (BLAKE3 of its bytes)."""
    if kind not in ("model", "content"):
        raise InputError(f"expected a model or a content, got {kind!r}; a dataset is described by its card")
    return _documents(kind, (commitment, NOTHING), fingerprint, about, {}, None)


def _documents(
    kind: str,
    addresses: tuple[str, str],
    fingerprint: Fingerprint,
    about: About,
    more: Mapping[str, Json],
    described: bytes | None,
) -> Documents:
    commitment, schema = addresses
    properties: dict[str, Json] = {
        "kind": kind,
        "commitment": commitment,
        "schema": schema,
        "fingerprints": fingerprint.digest,
        "terms": about.terms,
        "terms_url": about.terms_link,
        "licence": about.licence,
        **more,
    }
    fields: dict[str, Json] = {"name": about.name, "description": about.description, "properties": properties}
    if about.link:
        fields["external_url"] = about.link
    token = canonical(fields)
    naming = Naming(commitment, schema, fingerprint.digest, about.terms, digest(token))
    return Documents(naming, token, described, fingerprint.to_bytes())


def croissant(card: Signed[Card], about: About, rows: RowsFile | None = None, version: str = "1.1") -> bytes:
    """The Croissant document of the dataset of `card`, as canonical JSON. version: 1.0 or 1.1."""
    if version not in _VERSIONS:
        raise InputError(f"expected Croissant 1.0 or 1.1, got {version!r}")
    record = card.record
    schema = Schema.from_json(record.schema)
    fields: dict[str, Any] = {
        "@context": _context(version),
        "@type": "sc:Dataset",
        "conformsTo": [f"http://mlcommons.org/croissant/{version}", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": about.name,
        "description": about.description,
        "license": about.licence,
        "url": about.link or f"urn:blake3:{card.digest}",
        "version": "1.0.0",
        "datePublished": record.created[:10],
        "creator": {"@type": "sc:Organization", "name": record.owner_name, "identifier": f"ed25519:{record.owner}"},
        "identifier": [
            f"urn:blake3:{digest(canonical(record.commitment))}",
            f"urn:blake3:{card.digest}",
        ],
        "citeAs": f"{record.owner_name}: {about.name}, card {card.digest}",
        "rai:dataUseCases": "Only under a grant of the owner, for the purpose, the plan and the time that it names.",
        "rai:personalSensitiveInformation": "The rows are sealed. What others see of them is this document, the card, "
        "the fingerprint, and results that a grant lets out.",
    }
    if about.keywords:
        fields["keywords"] = list(about.keywords)
    if about.terms_link:
        fields["usageInfo"] = about.terms_link
    if about.terms != NOTHING:
        fields["rai:dataReleaseMaintenancePlan"] = f"Terms of consent: urn:blake3:{about.terms}"
    if rows is None:
        fields["conditionsOfAccess"] = "Sealed: train on it under a grant; nobody downloads it."
        fields["recordSet"] = [_columns_inline(schema)]
    else:
        fields["distribution"] = [
            {
                "@type": "cr:FileObject",
                "@id": "rows",
                "name": "rows",
                "contentUrl": rows.link,
                "contentSize": f"{rows.size} B",
                "encodingFormat": rows.encoding,
                "sha256": rows.sha256,
            }
        ]
        fields["recordSet"] = [_columns_of_file(schema)]
    return canonical(fields)


def _columns_inline(schema: Schema) -> dict[str, Any]:
    """A record set that is the schema: one record a column."""
    keys = ("name", "type", "min", "max", "categories")
    described = [{"@type": "cr:Field", "@id": f"columns/{key}", "name": key, "dataType": "sc:Text"} for key in keys]
    records = [
        {
            "columns/name": column.name,
            "columns/type": column.type,
            "columns/min": column.min or "",
            "columns/max": column.max or "",
            "columns/categories": "; ".join(column.categories),
        }
        for column in schema.columns
    ]
    about = "The columns of the sealed rows, as their card proves them."
    return {
        "@type": "cr:RecordSet",
        "@id": "columns",
        "name": "columns",
        "description": about,
        "field": described,
        "data": records,
    }


def _columns_of_file(schema: Schema) -> dict[str, Any]:
    described = [
        {
            "@type": "cr:Field",
            "@id": f"table/{number}",
            "name": column.name,
            "dataType": _TYPES[column.type],
            "source": {"fileObject": {"@id": "rows"}, "extract": {"column": column.name}},
        }
        for number, column in enumerate(schema.columns)
    ]
    return {"@type": "cr:RecordSet", "@id": "table", "name": "table", "field": described}


def _context(version: str) -> dict[str, Any]:
    """The context that the specification of Croissant gives for its version."""
    plain = [
        "citeAs",
        "column",
        "equivalentProperty",
        "extract",
        "field",
        "fileProperty",
        "fileObject",
        "fileSet",
        "format",
        "includes",
        "isLiveDataset",
        "jsonPath",
        "key",
        "md5",
        "parentField",
        "path",
        "recordSet",
        "references",
        "regex",
        "repeated",
        "replace",
        "samplingRate",
        "separator",
        "source",
        "subField",
        "transform",
    ]
    context: dict[str, Any] = {name: f"cr:{name}" for name in plain}
    context |= {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "conformsTo": "dct:conformsTo",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "dct": "http://purl.org/dc/terms/",
        "examples": {"@id": "cr:examples", "@type": "@json"},
        "sc": "https://schema.org/",
    }
    if version == "1.1":
        context |= {name: f"cr:{name}" for name in ("arrayShape", "containedIn", "isArray")}
        context |= {name: {"@container": "@language"} for name in ("name", "description")}
    return context
