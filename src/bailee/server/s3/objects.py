"""Reading, deleting and copying objects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from bailee.errors import BaileeError, LockedError, NotFoundError
from bailee.seal.vault.facts import Version
from bailee.server.s3 import xml
from bailee.server.s3.call import Call
from bailee.server.s3.conditions import check_read, read_range, write_conditions
from bailee.server.s3.encoding import iso
from bailee.server.s3.errors import S3Error, from_vault
from bailee.server.s3.finding import asked_id, check_version_id, find_version, open_version, version_headers
from bailee.server.s3.locking import may_bypass
from bailee.server.s3.options import checksum_of, object_headers, read_options
from bailee.server.s3.request import Response, checked_key
from bailee.server.s3.sources import copy_source

SMALL = 1 << 20
"""Bytes of a body that is read whole, in one go with finding its version."""
LITTLE = 1 << 16
"""Bytes of an object that is opened while nobody else is served."""
_OVERRIDES = ("content-type", "content-language", "expires", "cache-control", "content-disposition", "content-encoding")
MOST_DELETED = 1000


def get_object(call: Call) -> Response:
    opened = open_version(call)
    status, headers, start, stop = _begun(call, opened.version)
    if start == stop:
        return Response(status, headers, b"", 0)
    if stop - start <= SMALL:
        body = b"".join(opened.read(start, stop))
        return Response(status, headers, body, len(body))
    is_lent = call.request.can_borrow
    chunks = opened.lend(start, stop) if is_lent else opened.read(start, stop)
    # The first chunk before the headers: what cannot be read at all becomes an error and not a broken answer.
    first = next(chunks)
    return Response(status, headers, _after(first, chunks), stop - start, is_lent)


def head_object(call: Call) -> Response:
    status, headers, start, stop = _begun(call, find_version(call))
    return Response(status, headers, b"", stop - start)


def get_at_once(call: Call) -> Response | None:
    """A small object whose bytes the system has in memory: to wake a thread for it would cost as much as all else."""
    opened = call.vault.open_at_once(call.name, asked_id(call))
    if opened is None or opened.version.length > LITTLE:
        return None
    status, headers, start, stop = _begun(call, opened.version)
    body = b"" if start == stop else opened.read(start, stop)
    return None if body is None else Response(status, headers, body, len(body))


def head_at_once(call: Call) -> Response | None:
    version = call.vault.head_at_once(call.name, asked_id(call))
    if version is None or version.is_marker:
        return None
    status, headers, start, stop = _begun(call, version)
    return Response(status, headers, b"", stop - start)


def _begun(call: Call, version: Version) -> tuple[int, list[tuple[str, str]], int, int]:
    """Status, headers and the bytes that are asked for, once the conditions hold."""
    headers = _checked_headers(call, version)
    part = _range(call, version)
    if part is None:
        return 200, headers, 0, version.length
    start, stop = part
    headers.append(("content-range", f"bytes {start}-{stop - 1}/{version.length}"))
    return 206, headers, start, stop


def _after(first: bytes | memoryview, rest: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    yield first
    yield from rest


def _checked_headers(call: Call, version: Version) -> list[tuple[str, str]]:
    request = call.request
    wants_checksum = (
        request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED" and "range" not in request.headers
    )
    headers = object_headers(version, call.bucket.is_versioned, wants_checksum)
    try:
        check_read(request.headers, version)
    except S3Error as error:
        told = ("etag", "last-modified", "cache-control", "expires", "x-amz-version-id")
        error.headers |= {name: value for name, value in headers if name in told}
        raise
    for name in _OVERRIDES:
        value = request.query.get(f"response-{name}")
        if value is not None:
            if call.caller.key_id is None:
                raise S3Error(
                    "InvalidRequest", "Request specific response headers cannot be used for anonymous GET requests."
                )
            if not value.isprintable():
                raise S3Error("InvalidArgument", f"Expected printable text in response-{name}")
            headers = [pair for pair in headers if pair[0] != name]
            headers.append((name, value.encode().decode("latin-1")))
    return headers


def _range(call: Call, version: Version) -> tuple[int, int] | None:
    if "partNumber" in call.request.query:
        raise S3Error("NotImplemented", "Objects are read whole or by Range here, not by the parts of their upload.")
    return read_range(call.request.headers.get("range"), version.length)


def get_object_attributes(call: Call) -> Response:
    version = find_version(call)
    check_read(call.request.headers, version)
    wanted = {item.strip() for item in call.request.headers.get("x-amz-object-attributes", "").split(",")}
    nodes: list[xml.Node] = []
    if "ETag" in wanted:
        nodes.append(("ETag", version.etag))
    checksum = checksum_of(version)
    if "Checksum" in wanted and checksum is not None:
        nodes.append(("Checksum", [(f"Checksum{checksum[0].upper()}", checksum[1]), ("ChecksumType", checksum[2])]))
    if "StorageClass" in wanted:
        nodes.append(("StorageClass", "STANDARD"))
    if "ObjectSize" in wanted:
        nodes.append(("ObjectSize", version.length))
    headers = [
        pair
        for pair in object_headers(version, call.bucket.is_versioned)
        if pair[0] in ("last-modified", "x-amz-version-id")
    ]
    return Response(200, headers, xml.write("GetObjectAttributesResponse", nodes))


def delete_object(call: Call) -> Response:
    if "if-match" in call.request.headers:
        raise S3Error("NotImplemented", "A DELETE with If-Match is not known here; delete a version by its id.")
    asked = call.request.query.get("versionId")
    headers = []
    if asked is not None:
        marker = delete_version(call, call.name, asked)
        headers.append(("x-amz-version-id", asked))
    else:
        marker = delete_newest(call, call.name)
        if marker is not None:
            headers.append(("x-amz-version-id", marker.id))
    if marker is not None:
        headers.append(("x-amz-delete-marker", "true"))
    return Response(204, headers)


def delete_newest(call: Call, name: str) -> Version | None:
    """A marker on top where the bucket keeps versions (which is returned), else the object is gone."""
    if call.bucket.is_versioned:
        with suppress(NotFoundError):
            return call.vault.delete(name)
        return None
    drop_versions(call, name)
    return None


def delete_version(call: Call, name: str, asked: str) -> Version | None:
    """One version for good; the marker, if it was one. Nothing there is no error, as in S3."""
    if asked == "null" and not call.bucket.is_versioned:
        drop_versions(call, name)
        return None
    check_version_id(asked)
    bypass = may_bypass(call)
    try:
        found = call.vault.head(name, asked)
        call.vault.remove(name, asked, bypass)
    except NotFoundError:
        return None
    return found if found.is_marker else None


def drop_versions(call: Call, name: str, below: int | None = None) -> None:
    """Remove all versions of a name, oldest first, or those with numbers under `below`: a bucket without versioning.

    What a lock or a hold keeps (they were set elsewhere: locks need a versioned bucket) stays, as in S3, as an older
    version behind what replaced it, or behind a marker.
    """
    while True:
        page = call.vault.versions(prefix=name, limit=1000)
        found = [version for version in page.versions if version.name == name]
        if below is None and any(_is_kept(version, call.now) for version in found):
            # The marker first: else an older version would come to light when a newer one goes.
            below = (found[0] if found[0].is_marker else call.vault.delete(name)).number
        removed = 0
        for version in reversed(found):
            if below is None or version.number < below:
                removed += _removed(call, version, may_stay=below is not None)
        if not removed or len(page.versions) < 1000:
            return


def _is_kept(version: Version, now: float) -> bool:
    return version.on_hold or (version.lock is not None and version.lock.until > now)


def _removed(call: Call, version: Version, may_stay: bool) -> bool:
    try:
        call.vault.remove(version.name, version.id)
    except NotFoundError:
        pass
    except LockedError:
        if not may_stay:
            raise
        return False
    return True


def delete_objects(call: Call) -> Response:
    if "content-md5" not in call.request.headers and not any(
        name.startswith(("x-amz-checksum-", "x-amz-content-sha256")) for name in call.request.headers
    ):
        raise S3Error("InvalidRequest", "Missing required header for this request: Content-MD5")
    root = xml.read(call.document, "Delete")
    xml.only(root, "Object", "Quiet")
    items = root.findall("Object")
    if not 0 < len(items) <= MOST_DELETED:
        raise xml.malformed(f"expected 1 to {MOST_DELETED} objects")
    is_quiet = xml.text_of(root, "Quiet") == "true"
    asked_items = []
    for item in items:
        xml.only(item, "Key", "VersionId")
        key = xml.raw_text_of(item, "Key")
        if not key:
            raise xml.malformed("Key is missing")
        asked_items.append((key, xml.text_of(item, "VersionId")))
    nodes: list[xml.Node] = []
    for key, asked in asked_items:
        try:
            node = _delete_one(call, key, asked)
        except Exception as error:
            refusal = _refusal(error)
            node = ("Error", [("Key", key), ("VersionId", asked), ("Code", refusal.code), ("Message", refusal.message)])
            nodes.append(node)
        else:
            if not is_quiet:
                nodes.append(node)
    return Response(body=xml.write("DeleteResult", nodes))


def _refusal(error: Exception) -> S3Error:
    if isinstance(error, BaileeError):
        return from_vault(error)
    return S3Error("InternalError", "We encountered an internal error. Please try again.")


def _delete_one(call: Call, key: str, asked: str | None) -> xml.Node:
    checked_key(key.encode())
    name = f"{call.bucket.name}/{key}"
    if asked is None:
        call.caller.require("s3:DeleteObject", call.bucket, key)
        marker = delete_newest(call, name)
        if marker is None:
            return ("Deleted", [("Key", key)])
        return ("Deleted", [("Key", key), ("DeleteMarker", True), ("DeleteMarkerVersionId", marker.id)])
    facts = {"s3:versionid": asked}
    call.caller.require("s3:DeleteObjectVersion", call.bucket, key, **facts)
    if call.request.headers.get("x-amz-bypass-governance-retention", "").lower() == "true":
        call.caller.require("s3:BypassGovernanceRetention", call.bucket, key)
    marker = delete_version(call, name, asked)
    fields: list[xml.Node] = [("Key", key), ("VersionId", asked)]
    if marker is not None:
        fields += [("DeleteMarker", True), ("DeleteMarkerVersionId", marker.id)]
    return ("Deleted", fields)


def copy_object(call: Call) -> Response:
    source = copy_source(call)
    check_read(call.request.headers, source, "x-amz-copy-source-")
    headers = call.request.headers
    for name in ("x-amz-metadata-directive", "x-amz-tagging-directive"):
        if headers.get(name, "COPY") not in ("COPY", "REPLACE"):
            raise S3Error("InvalidArgument", f"Unknown {name}; expected COPY or REPLACE.")
    replaces = headers.get("x-amz-metadata-directive") == "REPLACE"
    options = read_options(call)
    match, none_match = write_conditions(headers)
    if source.name == call.name and not replaces and source.is_current and options.lock is None:
        raise S3Error(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself "
            "without changing the object's metadata.",
        )
    metadata = None
    if replaces:
        checksum = checksum_of(source)
        metadata = options.with_checksum(*checksum) if checksum is not None else dict(options.metadata)
    tags = options.tags
    if headers.get("x-amz-tagging-directive") != "REPLACE":
        tags = call.vault.tags(source.name, source.id)
    call.registry.admit(call.bucket, source.length)
    version = call.vault.copy(
        source.name,
        call.name,
        source.id,
        content_type=options.content_type if replaces else None,
        metadata=metadata,
        lock=options.lock,
        if_match=match,
        if_none_match=none_match,
    )
    if tags:
        call.vault.set_tags(version.name, version.id, tags)
    if options.on_hold:
        call.vault.hold(version.name, version.id, True)
    settle(call, version)
    fields: list[xml.Node] = [("LastModified", iso(version.created)), ("ETag", f'"{version.etag}"')]
    out = version_headers(call, version)
    if (
        source.name.startswith(f"{source.name.partition('/')[0]}/")
        and call.find_bucket(source.name.partition("/")[0]).is_versioned
    ):
        out.append(("x-amz-copy-source-version-id", source.id))
    return Response(200, out, xml.write("CopyObjectResult", fields))


def settle(call: Call, version: Version) -> None:
    """After a put: in a bucket without versioning, what the new version replaced is removed."""
    if version.number > 1 and not call.bucket.is_versioned:
        drop_versions(call, version.name, version.number)
