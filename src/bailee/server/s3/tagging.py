"""Tags of objects and buckets: S3's limits, from a header or a document."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bailee.server.s3 import xml
from bailee.server.s3.call import Call
from bailee.server.s3.documents import deleting, stored, taking
from bailee.server.s3.encoding import parse_query
from bailee.server.s3.errors import S3Error
from bailee.server.s3.finding import find_version, version_headers
from bailee.server.s3.request import Response

_MOST_OBJECT, _MOST_BUCKET = 10, 50
_ALLOWED = re.compile(r"[\w\s+\-=.:/@]*\Z")


def tags_of_header(text: str) -> dict[str, str]:
    """Of `x-amz-tagging`: pairs as in a query."""
    try:
        pairs = [(key.decode(), value.decode()) for key, value in parse_query(text)]
    except UnicodeDecodeError:
        raise _invalid("expected UTF-8") from None
    return _checked(pairs, _MOST_OBJECT)


def tags_of_document(data: bytes, most: int) -> dict[str, str]:
    root = xml.read(data, "Tagging")
    xml.only(root, "TagSet")
    sets = root.findall("TagSet")
    if len(sets) != 1:
        raise xml.malformed("expected one TagSet")
    pairs = []
    for tag in sets[0]:
        if tag.tag != "Tag":
            raise xml.malformed("expected Tag")
        pairs.append((xml.required(tag, "Key"), xml.text_of(tag, "Value") or ""))
    return _checked(pairs, most)


def _checked(pairs: list[tuple[str, str]], most: int) -> dict[str, str]:
    if len(pairs) > most:
        raise S3Error("BadRequest", f"Object tags cannot be greater than {most}")
    tags = dict(pairs)
    if len(tags) != len(pairs):
        raise _invalid("Cannot provide multiple Tags with the same key")
    for key, value in pairs:
        if not 0 < len(key) <= 128 or not _ALLOWED.match(key) or key.startswith("aws:"):
            raise _invalid("The TagKey you have provided is invalid")
        if len(value) > 256 or not _ALLOWED.match(value):
            raise _invalid("The TagValue you have provided is invalid")
    return tags


def _document(tags: Mapping[str, str]) -> Response:
    nodes: list[xml.Node] = [("Tag", [("Key", key), ("Value", value)]) for key, value in sorted(tags.items())]
    return Response(body=xml.write("Tagging", [("TagSet", nodes)]))


def get_object_tagging(call: Call) -> Response:
    version = find_version(call)
    response = _document(call.vault.tags(version.name, version.id))
    response.headers += version_headers(call, version)
    return response


def put_object_tagging(call: Call) -> Response:
    tags = tags_of_document(call.document, _MOST_OBJECT)
    version = find_version(call)
    call.vault.set_tags(version.name, version.id, tags)
    return Response(200, version_headers(call, version))


def delete_object_tagging(call: Call) -> Response:
    version = find_version(call)
    call.vault.set_tags(version.name, version.id, {})
    return Response(204, version_headers(call, version))


def get_bucket_tagging(call: Call) -> Response:
    return _document(tags_of_document(stored(call, "tagging").encode(), _MOST_BUCKET))


put_bucket_tagging = taking("tagging", lambda call: tags_of_document(call.text.encode(), _MOST_BUCKET), 204)
delete_bucket_tagging = deleting("tagging")


def _invalid(why: str) -> S3Error:
    return S3Error("InvalidTag", why)
