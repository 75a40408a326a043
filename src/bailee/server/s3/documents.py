"""A bucket's settings as documents, kept as they were sent: one way to give them out, take them, and take them away."""

from __future__ import annotations

from collections.abc import Callable

from bailee.server.s3.call import Call
from bailee.server.s3.errors import S3Error
from bailee.server.s3.request import Response

Work = Callable[[Call], Response]
_ABSENT = {
    "cors": ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    "lifecycle": ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    "policy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "tagging": ("NoSuchTagSet", "The TagSet does not exist"),
}


def stored(call: Call, kind: str) -> str:
    """The bucket's document of this kind. Raises S3Error in S3's words where there is none."""
    text = call.bucket.settings.get(kind)
    if text is None:
        raise S3Error(*_ABSENT[kind], BucketName=call.bucket.name)
    return text


def giving(kind: str) -> Work:
    def give(call: Call) -> Response:
        return Response(body=stored(call, kind).encode())

    return give


def taking(kind: str, check: Callable[[Call], object], status: int = 200) -> Work:
    """check: raises S3Error for a document that is not one of this kind."""

    def take(call: Call) -> Response:
        check(call)
        call.change_setting(kind, call.text)
        return Response(status)

    return take


def deleting(kind: str) -> Work:
    def delete(call: Call) -> Response:
        call.change_setting(kind, None)
        return Response(204)

    return delete
