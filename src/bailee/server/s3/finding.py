"""The version that a call means, with S3's answers for what is not there, or must not be known to be."""

from __future__ import annotations

import re

from bailee.errors import InputError, NotFoundError
from bailee.seal.vault.facts import Version
from bailee.seal.vault.opened import Opened
from bailee.server.s3.call import Call
from bailee.server.s3.errors import S3Error

_ID = re.compile(r"[0-9a-f]{32}\Z")


def find_version(call: Call) -> Version:
    """Never a marker. Raises S3Error NoSuchKey, NoSuchVersion, MethodNotAllowed (a marker asked for by its id)."""
    asked = asked_id(call)
    try:
        version = call.vault.head(call.name, asked)
    except NotFoundError:
        raise _not_there(call, asked) from None
    _refuse_marker(version)
    return version


def open_version(call: Call) -> Opened:
    """As `find_version`, with a way to its bytes."""
    asked = asked_id(call)
    try:
        opened = call.vault.open_version(call.name, asked)
    except NotFoundError:
        raise _not_there(call, asked) from None
    _refuse_marker(opened.version)
    return opened


def asked_id(call: Call) -> str | None:
    """The id of the version that is asked for, None for the current one. Raises S3Error InvalidArgument."""
    asked = call.version_id
    if asked is not None:
        check_version_id(asked)
    return asked


def _refuse_marker(version: Version) -> None:
    if version.is_marker:
        raise S3Error(
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
            {"x-amz-delete-marker": "true", "x-amz-version-id": version.id, "allow": "DELETE"},
        )


def check_version_id(asked: str) -> None:
    if not _ID.match(asked):
        raise S3Error(
            "InvalidArgument", "Invalid version id specified", ArgumentName="versionId", ArgumentValue=asked[:100]
        )


def version_headers(call: Call, version: Version) -> list[tuple[str, str]]:
    return [("x-amz-version-id", version.id)] if call.bucket.is_versioned else []


def newest_of(call: Call, name: str) -> Version | None:
    """The newest version of a name, a marker too."""
    for version in call.vault.versions(prefix=name, limit=1).versions:
        if version.name == name:
            return version
    return None


def _not_there(call: Call, asked: str | None) -> S3Error:
    # Who may not list must not learn from the answer which keys there are.
    if not call.caller.may("s3:ListBucket", call.bucket):
        return S3Error("AccessDenied", "Access Denied")
    if asked is not None:
        marker = None
        try:
            page = call.vault.versions(prefix=call.name, limit=1000)
            marker = next((v for v in page.versions if v.name == call.name and v.id == asked and v.is_marker), None)
        except InputError:
            pass
        if marker is not None:
            return S3Error(
                "MethodNotAllowed",
                "The specified method is not allowed against this resource.",
                {"x-amz-delete-marker": "true", "x-amz-version-id": asked, "allow": "DELETE"},
            )
        return S3Error("NoSuchVersion", "The specified version does not exist.", Key=call.key, VersionId=asked)
    headers = {}
    if call.bucket.is_versioned:
        newest = newest_of(call, call.name)
        if newest is not None and newest.is_marker:
            headers = {"x-amz-delete-marker": "true", "x-amz-version-id": newest.id}
    return S3Error("NoSuchKey", "The specified key does not exist.", headers, Key=call.key)
