"""ListObjects (both kinds) and ListObjectVersions: pages of the vault's listing, as S3 words them."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from urllib.parse import quote

from bailee.errors import NotFoundError
from bailee.seal.vault.facts import Listing, Version
from bailee.server.s3 import xml
from bailee.server.s3.access import OWNER_ID
from bailee.server.s3.call import Call
from bailee.server.s3.encoding import iso, to_int
from bailee.server.s3.errors import S3Error
from bailee.server.s3.finding import check_version_id
from bailee.server.s3.options import checksum_of
from bailee.server.s3.request import Response

MOST = 1000
OWNER: tuple[xml.Node, xml.Node] = (("ID", OWNER_ID), ("DisplayName", OWNER_ID))


class _Page:
    """The parameters all three share."""

    def __init__(self, call: Call) -> None:
        query = call.request.query
        self.bucket = call.bucket.name
        self.prefix, self.delimiter = query.get("prefix", ""), query.get("delimiter", "")
        asked = to_int(query.get("max-keys", str(MOST)))
        if asked is None:
            raise S3Error("InvalidArgument", "Expected max-keys of 0 or more")
        self.limit = min(asked, MOST)
        self.encodes = query.get("encoding-type") == "url"
        if not self.encodes and "encoding-type" in query:
            raise S3Error(
                "InvalidArgument", "Invalid Encoding Method specified in Request", ArgumentName="encoding-type"
            )
        for name in ("prefix", "delimiter", "marker", "start-after", "key-marker"):
            if "\0" in query.get(name, ""):
                raise S3Error("InvalidArgument", f"Expected {name} without NUL")

    def text(self, key: str) -> str:
        return quote(key, safe="/-._~*") if self.encodes else key

    def key(self, name: str) -> str:
        return self.text(name[len(self.bucket) + 1 :])

    def head(self) -> list[xml.Node]:
        return [
            ("Name", self.bucket),
            ("Prefix", self.text(self.prefix)),
            ("Delimiter", self.text(self.delimiter) if self.delimiter else None),
            ("MaxKeys", self.limit),
            ("EncodingType", "url" if self.encodes else None),
        ]

    def prefixes(self, listing: Listing) -> list[xml.Node]:
        return [("CommonPrefixes", [("Prefix", self.key(prefix))]) for prefix in listing.prefixes]

    def fetch(self, call: Call, after: str) -> Listing:
        if self.limit == 0:
            return Listing(())
        return call.vault.list(f"{self.bucket}/{self.prefix}", self.delimiter, after, self.limit)

    def contents(self, version: Version, has_owner: bool) -> xml.Node:
        checksum = checksum_of(version)
        fields: list[xml.Node] = [
            ("Key", self.key(version.name)),
            ("LastModified", iso(version.created)),
            ("ETag", f'"{version.etag}"'),
            ("ChecksumAlgorithm", checksum[0].upper() if checksum else None),
            ("ChecksumType", checksum[2] if checksum else None),
            ("Size", version.length),
            ("Owner", list(OWNER) if has_owner else None),
            ("StorageClass", "STANDARD"),
        ]
        return ("Contents", fields)


def list_objects(call: Call) -> Response:
    page = _Page(call)
    marker = call.request.query.get("marker", "")
    listing = page.fetch(call, f"{page.bucket}/{marker}" if marker else "")
    nodes = page.head()
    nodes.append(("Marker", page.text(marker)))
    nodes.append(("IsTruncated", bool(listing.after)))
    if listing.after:
        names = [version.name for version in listing.versions] + list(listing.prefixes)
        last = max(names, key=lambda name: name.encode("utf-8", "surrogatepass"))
        nodes.append(("NextMarker", page.key(last)))
    nodes += [page.contents(version, True) for version in listing.versions]
    nodes += page.prefixes(listing)
    return Response(headers=[("content-type", "application/xml")], body=xml.write("ListBucketResult", nodes))


def list_objects_v2(call: Call) -> Response:
    page = _Page(call)
    query = call.request.query
    start_after, token = query.get("start-after", ""), query.get("continuation-token")
    if query.get("list-type") != "2":
        raise S3Error("InvalidArgument", "Expected list-type=2", ArgumentName="list-type")
    after = f"{page.bucket}/{start_after}" if start_after else ""
    if token is not None:
        after = _read_token(token, page.bucket)
    listing = page.fetch(call, after)
    nodes = page.head()
    nodes.append(("KeyCount", len(listing.versions) + len(listing.prefixes)))
    nodes.append(("IsTruncated", bool(listing.after)))
    nodes.append(("StartAfter", page.text(start_after) if start_after else None))
    nodes.append(("ContinuationToken", token))
    nodes.append(("NextContinuationToken", _token(listing.after) if listing.after else None))
    has_owner = query.get("fetch-owner") == "true"
    nodes += [page.contents(version, has_owner) for version in listing.versions]
    nodes += page.prefixes(listing)
    return Response(headers=[("content-type", "application/xml")], body=xml.write("ListBucketResult", nodes))


def list_versions(call: Call) -> Response:
    page = _Page(call)
    query = call.request.query
    key_marker, id_marker = query.get("key-marker", ""), query.get("version-id-marker", "")
    if id_marker and not key_marker:
        raise S3Error("InvalidArgument", "A version-id marker cannot be specified without a key marker.")
    entries, prefixes, next_key, next_id = _versions(call, page, key_marker, id_marker)
    nodes = page.head()
    nodes += [("KeyMarker", page.text(key_marker)), ("VersionIdMarker", id_marker)]
    nodes.append(("IsTruncated", next_key is not None))
    if next_key is not None:
        nodes += [("NextKeyMarker", page.key(next_key)), ("NextVersionIdMarker", next_id or None)]
    for version in entries:
        fields: list[xml.Node] = [
            ("Key", page.key(version.name)),
            ("VersionId", version.id if call.bucket.is_versioned else "null"),
            ("IsLatest", version.is_current),
            ("LastModified", iso(version.created)),
            ("Owner", list(OWNER)),
        ]
        if version.is_marker:
            nodes.append(("DeleteMarker", fields))
        else:
            fields += [("ETag", f'"{version.etag}"'), ("Size", version.length), ("StorageClass", "STANDARD")]
            nodes.append(("Version", fields))
    nodes += [("CommonPrefixes", [("Prefix", page.key(prefix))]) for prefix in prefixes]
    return Response(headers=[("content-type", "application/xml")], body=xml.write("ListVersionsResult", nodes))


def _versions(
    call: Call, page: _Page, key_marker: str, id_marker: str
) -> tuple[list[Version], list[str], str | None, str]:
    """(versions, prefixes, last name where there is more, last version id of it unless it is a prefix)."""
    base = f"{page.bucket}/{page.prefix}"
    skip_name = f"{page.bucket}/{key_marker}" if key_marker else ""
    after = _after_version(call, skip_name, id_marker) if id_marker else skip_name
    entries: list[Version] = []
    prefixes: list[str] = []
    last: tuple[str, str] | None = None
    rolled = ""
    if page.delimiter and skip_name.startswith(base):
        cut = skip_name.find(page.delimiter, len(base))
        rolled = skip_name[: cut + len(page.delimiter)] if cut >= 0 else ""
    while page.limit:
        listing = call.vault.versions(base, after, MOST)
        for version in listing.versions:
            if not call.bucket.is_versioned and not version.is_current:
                continue
            cut = version.name.find(page.delimiter, len(base)) if page.delimiter else -1
            prefix = version.name[: cut + len(page.delimiter)] if cut >= 0 else ""
            if prefix and prefix == rolled:
                continue
            if len(entries) + len(prefixes) == page.limit:
                return entries, prefixes, *(last or ("", ""))
            if prefix:
                prefixes.append(prefix)
                rolled, last = prefix, (prefix, "")
            else:
                entries.append(version)
                last = (version.name, version.id)
        if not listing.after:
            break
        after = listing.after
    return entries, prefixes, None, ""


def _after_version(call: Call, name: str, version_id: str) -> str:
    check_version_id(version_id)
    try:
        return f"{name}\0{call.vault.head(name, version_id).number}"
    except NotFoundError:
        raise S3Error("InvalidArgument", "Invalid version id specified", ArgumentName="version-id-marker") from None


def _token(after: str) -> str:
    return urlsafe_b64encode(after.encode("utf-8", "surrogatepass")).decode()


def _read_token(token: str, bucket: str) -> str:
    try:
        after = urlsafe_b64decode(token.encode("ascii")).decode()
    except (Base64Error, ValueError):
        raise _bad_token() from None
    if not after.startswith(f"{bucket}/") or "\0" in after:
        raise _bad_token()
    return after


def _bad_token() -> S3Error:
    return S3Error("InvalidArgument", "The continuation token provided is incorrect", ArgumentName="continuation-token")
