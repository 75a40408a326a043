"""What the headers of a put say of its object: type, metadata, lock, hold, tags; and how a version's facts go back out.

User metadata keeps its name in the vault; content headers and checksums are under names that begin with a colon, which
no header does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bailee.seal.vault.facts import Lock, LockMode, Version
from bailee.server.s3.call import Call
from bailee.server.s3.checksums import PREFIX
from bailee.server.s3.encoding import http_date, iso
from bailee.server.s3.errors import S3Error
from bailee.server.s3.locking import default_lock, read_lock_headers
from bailee.server.s3.tagging import tags_of_header

PLAIN = "application/octet-stream"
META = "x-amz-meta-"
_CONTENT = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")
_MOST_METADATA = 2048
_BLANK = str.maketrans(dict.fromkeys((*range(32), 127), " "))
_ACLS = (None, "private", "bucket-owner-full-control", "bucket-owner-read")
_REFUSED = (
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-copy-source-server-side-encryption-customer-algorithm",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-website-redirect-location",
    "x-amz-grant-read",
    "x-amz-grant-full-control",
    "x-amz-grant-write",
    "x-amz-grant-read-acp",
    "x-amz-grant-write-acp",
    "x-amz-write-offset-bytes",
)


@dataclass(frozen=True)
class Options:
    content_type: str = PLAIN
    metadata: Mapping[str, str] = field(default_factory=dict)
    lock: Lock | None = None
    on_hold: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)

    def with_checksum(self, algorithm: str | None, value: str, kind: str = "FULL_OBJECT") -> dict[str, str]:
        """The metadata, with a checksum if there is one."""
        found = dict(self.metadata)
        if algorithm is not None and value:
            found[":checksum"] = f"{algorithm} {value} {kind}"
        return found


def read_options(call: Call, with_default: bool = True) -> Options:
    """Raises S3Error for headers that cannot be kept or promised, and where the caller may not lock or tag.

    with_default: what names no lock gets the bucket's.
    """
    headers = call.request.headers
    refuse_unknown(headers)
    lock, on_hold = read_lock_headers(headers, call.bucket, call.now)
    if lock is not None:
        call.require("s3:PutObjectRetention")
    if on_hold:
        call.require("s3:PutObjectLegalHold")
    tags = tags_of_header(headers.get("x-amz-tagging", ""))
    if tags:
        call.require("s3:PutObjectTagging")
    return Options(
        _text(headers.get("content-type", "")) or PLAIN,
        read_metadata(headers),
        lock or (default_lock(call.bucket, call.now) if with_default else None),
        on_hold,
        tags,
    )


def refuse_unknown(headers: Mapping[str, str]) -> None:
    for name in _REFUSED:
        if name in headers:
            raise S3Error(
                "NotImplemented", f"A header you provided implies functionality that is not implemented: {name}"
            )
    if headers.get("x-amz-server-side-encryption", "AES256") != "AES256":
        raise S3Error(
            "NotImplemented", "Everything is encrypted before it leaves the vault; KMS keys are not known here."
        )
    if headers.get("x-amz-acl") not in _ACLS:
        raise S3Error(
            "AccessControlListNotSupported",
            "Objects have no ACLs of their own here; set one on the bucket, or a bucket policy.",
        )
    if headers.get("x-amz-storage-class", "STANDARD") != "STANDARD":
        raise S3Error("InvalidStorageClass", "The storage class you specified is not valid; expected STANDARD.")


def read_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    found, size = {}, 0
    for name, value in headers.items():
        if name.startswith(META):
            found[name[len(META) :]] = _text(value)
            size += len(name) - len(META) + len(value)
        elif name in _CONTENT:
            if name == "content-encoding":
                value = ",".join(item.strip() for item in value.split(",") if item.strip() != "aws-chunked")
            if value:
                found[f":{name}"] = _text(value)
    if size > _MOST_METADATA:
        raise S3Error("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
    return found


def object_headers(version: Version, is_versioned: bool, with_checksum: bool = False) -> list[tuple[str, str]]:
    """The headers of a GET or HEAD, without its length."""
    headers = [
        ("etag", f'"{version.etag}"'),
        ("last-modified", http_date(version.created)),
        ("content-type", _header(version.content_type)),
        ("accept-ranges", "bytes"),
    ]
    if is_versioned:
        headers.append(("x-amz-version-id", version.id))
    for name, value in version.metadata.items():
        if not name.startswith(":"):
            headers.append((META + _header(name), _header(value)))
        elif name[1:] in _CONTENT:
            headers.append((name[1:], _header(value)))
    if with_checksum:
        headers += checksum_headers(version)
    if version.lock is not None:
        headers.append(("x-amz-object-lock-mode", version.lock.mode.upper()))
        headers.append(("x-amz-object-lock-retain-until-date", iso(version.lock.until)))
    if version.on_hold:
        headers.append(("x-amz-object-lock-legal-hold", "ON"))
    return headers


def checksum_of(version: Version) -> tuple[str, str, str] | None:
    """(algorithm, base64, FULL_OBJECT or COMPOSITE) that the object was put with."""
    parts = version.metadata.get(":checksum", "").split(" ")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None


def checksum_headers(version: Version) -> list[tuple[str, str]]:
    found = checksum_of(version)
    return [] if found is None else [(PREFIX + found[0], found[1]), (f"{PREFIX}type", found[2])]


def to_settings(options: Options, algorithm: str | None, kind: str) -> dict[str, str]:
    """As an upload keeps them until it is completed."""
    fields: dict[str, Any] = {
        "type": options.content_type,
        "metadata": dict(options.metadata),
        "tags": dict(options.tags),
    }
    if options.lock is not None:
        fields["lock"] = [options.lock.mode, options.lock.until]
    fields["hold"] = options.on_hold
    return {"options": json.dumps(fields), "algorithm": algorithm or "", "checksum_type": kind}


def from_settings(settings: Mapping[str, str]) -> Options:
    fields = json.loads(settings["options"])
    lock = Lock(LockMode(fields["lock"][0]), float(fields["lock"][1])) if "lock" in fields else None
    return Options(fields["type"], fields["metadata"], lock, fields["hold"], fields["tags"])


def _text(value: str) -> str:
    """A header's value as text: UTF-8 where it is, else the bytes as Latin-1."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _header(text: str) -> str:
    """Text as it goes into a header: UTF-8 bytes, each a character; whatever could end the line is a space."""
    plain = text if text.isascii() else text.encode("utf-8", "replace").decode("latin-1")
    return plain.translate(_BLANK) if not plain.isprintable() else plain
