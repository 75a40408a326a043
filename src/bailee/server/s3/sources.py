"""The source of a server-side copy: `x-amz-copy-source: BUCKET/KEY[?versionId=ID]`, percent-encoded."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote_to_bytes

from bailee.seal.vault.facts import Version
from bailee.server.s3.call import Call
from bailee.server.s3.errors import S3Error
from bailee.server.s3.finding import find_version
from bailee.server.s3.request import checked_key


def copy_source(call: Call) -> Version:
    """The version to copy from, once the caller may read it. Raises S3Error."""
    text = call.request.headers["x-amz-copy-source"]
    path, _, asked = text.partition("?versionId=")
    bucket_text, slash, key_text = path.removeprefix("/").partition("/")
    try:
        bucket_name = unquote_to_bytes(bucket_text.encode("latin-1")).decode()
        if not slash:  # the slash itself may be encoded
            bucket_name, slash, rest = bucket_name.partition("/")
            key = checked_key(rest.encode())
        else:
            key = checked_key(unquote_to_bytes(key_text.encode("latin-1")))
    except UnicodeDecodeError:
        raise S3Error("InvalidArgument", "Expected a copy source in UTF-8.") from None
    if not bucket_name or not key or "?" in asked:
        raise S3Error("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
    bucket = call.find_bucket(bucket_name)
    facts = {"s3:versionid": asked} if asked else {}
    call.caller.require("s3:GetObjectVersion" if asked else "s3:GetObject", bucket, key, **facts)
    request = replace(call.request, bucket=bucket_name, key=key, query={"versionId": asked} if asked else {})
    return find_version(replace(call, request=request, found=bucket))
