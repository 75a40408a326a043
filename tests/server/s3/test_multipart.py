"""Multipart uploads: order, sizes, replaced parts, checksums, copies, aborting; what is left over is given up."""

import hashlib
import zlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailee.server.s3 import checksums, registry
from server.s3.test_objects import refused

PART = 5 << 20


@pytest.fixture(scope="module")
def where(s3):
    s3.create_bucket(Bucket="parts")
    return {"Bucket": "parts", "Key": "large"}


def begin(s3, where, **options):
    return {**where, "UploadId": s3.create_multipart_upload(**where, **options)["UploadId"]}


def named(*parts):
    return {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in parts]}


def test_parts_in_any_order(s3, where, vault):
    upload = begin(s3, where, ContentType="text/x", Metadata={"a": "1"}, Tagging="t=1")
    bodies = {7: b"7" * 100, 1: b"1" * PART, 3: b"3" * PART}
    etags = {number: s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"] for number, body in bodies.items()}
    etags[3] = s3.upload_part(**upload, PartNumber=3, Body=b"x" * PART)["ETag"]
    s3.upload_part(**upload, PartNumber=9, Body=b"not named")
    listing = s3.list_parts(**upload, MaxParts=2)
    assert ([part["PartNumber"] for part in listing["Parts"]], listing["IsTruncated"]) == ([1, 3], True)
    rest = s3.list_parts(**upload, PartNumberMarker=listing["NextPartNumberMarker"])
    assert [part["PartNumber"] for part in rest["Parts"]] == [7, 9]
    assert [one["Key"] for one in s3.list_multipart_uploads(Bucket="parts")["Uploads"]] == ["large"]
    done = s3.complete_multipart_upload(**upload, MultipartUpload=named((1, etags[1]), (3, etags[3]), (7, etags[7])))
    whole = b"1" * PART + b"x" * PART + b"7" * 100
    sums = b"".join(hashlib.md5(part).digest() for part in (b"1" * PART, b"x" * PART, b"7" * 100))
    assert done["ETag"] == f'"{hashlib.md5(sums).hexdigest()}-3"'
    got = s3.get_object(**where)
    assert (got["Body"].read() == whole, got["ContentType"], got["Metadata"]) == (True, "text/x", {"a": "1"})
    across = s3.get_object(**where, Range=f"bytes={PART - 2}-{PART + 1}")["Body"].read()
    assert across == b"11xx"
    assert s3.get_object_tagging(**where)["TagSet"] == [{"Key": "t", "Value": "1"}]
    refused("NoSuchUpload", 404, s3.list_parts, **upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="parts")


def test_what_does_not_complete(s3, where):
    upload = begin(s3, where)
    first = s3.upload_part(**upload, PartNumber=1, Body=b"small")["ETag"]
    second = s3.upload_part(**upload, PartNumber=2, Body=b"small")["ETag"]
    complete = s3.complete_multipart_upload
    refused("EntityTooSmall", 400, complete, **upload, MultipartUpload=named((1, first), (2, second)))
    refused("InvalidPartOrder", 400, complete, **upload, MultipartUpload=named((2, second), (1, first)))
    refused("InvalidPart", 400, complete, **upload, MultipartUpload=named((1, '"00"')))
    refused("InvalidPart", 400, complete, **upload, MultipartUpload=named((3, first)))
    refused("MalformedXML", 400, complete, **upload)
    refused("InvalidArgument", 400, s3.upload_part, **upload, PartNumber=10001, Body=b"")
    refused("NoSuchUpload", 404, s3.upload_part, **{**upload, "Key": "other"}, PartNumber=1, Body=b"")
    refused("PreconditionFailed", 412, complete, **upload, MultipartUpload=named((1, first)), IfNoneMatch="*")
    s3.abort_multipart_upload(**upload)
    refused("NoSuchUpload", 404, s3.abort_multipart_upload, **upload)
    refused("NoSuchUpload", 404, s3.upload_part, **upload, PartNumber=1, Body=b"x")


def test_a_part_from_another_object(s3, where):
    s3.put_object(Bucket="parts", Key="source", Body=bytes(range(256)) * 40_000)
    upload = begin(s3, {"Bucket": "parts", "Key": "from"})
    source = {"CopySource": "parts/source"}
    ranges = ["bytes=0-5242879", "bytes=5242880-5242889"]
    copied = [
        s3.upload_part_copy(**upload, **source, PartNumber=at + 1, CopySourceRange=part)["CopyPartResult"]["ETag"]
        for at, part in enumerate(ranges)
    ]
    refused(
        "InvalidArgument",
        400,
        s3.upload_part_copy,
        **upload,
        **source,
        PartNumber=3,
        CopySourceRange="bytes=0-99999999",
    )
    s3.complete_multipart_upload(**upload, MultipartUpload=named(*enumerate(copied, start=1)))
    got = s3.get_object(Bucket="parts", Key="from")["Body"].read()
    assert got == (bytes(range(256)) * 40_000)[:5242890]


@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT"])
def test_checksums_of_the_whole(s3, where, kind):
    upload = begin(s3, where, ChecksumAlgorithm="CRC32", ChecksumType=kind)
    bodies = [b"a" * PART, b"bcd"]
    parts = [
        s3.upload_part(**upload, PartNumber=at + 1, Body=body, ChecksumAlgorithm="CRC32")
        for at, body in enumerate(bodies)
    ]
    told = named(*((at + 1, part["ETag"]) for at, part in enumerate(parts)))
    done = s3.complete_multipart_upload(**upload, MultipartUpload=told)
    digests = [zlib.crc32(body).to_bytes(4, "big") for body in bodies]
    whole = b64encode(zlib.crc32(b"".join(bodies)).to_bytes(4, "big")).decode()
    composite = b64encode(zlib.crc32(b"".join(digests)).to_bytes(4, "big")).decode() + "-2"
    assert done["ChecksumCRC32"] == (whole if kind == "FULL_OBJECT" else composite)
    assert done["ChecksumType"] == kind


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=6))
def test_crcs_are_combined(parts):
    told = [(b64encode(zlib.crc32(part).to_bytes(4, "big")).decode(), len(part)) for part in parts]
    assert checksums.full("crc32", told) == b64encode(zlib.crc32(b"".join(parts)).to_bytes(4, "big")).decode()


def test_pages_of_uploads_at_the_door(s3, monkeypatch):
    monkeypatch.setattr(registry, "_PAGE", 2)
    s3.create_bucket(Bucket="begun")
    keys = ["a/1", "a/1", "a/2", "b", "c/1", "c/2", "d"]
    ids = [s3.create_multipart_upload(Bucket="begun", Key=key)["UploadId"] for key in keys]
    seen, marker = [], {}
    while True:
        page = s3.list_multipart_uploads(Bucket="begun", MaxUploads=2, **marker)
        seen += [one["UploadId"] for one in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        marker = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert seen == ids
    within = s3.list_multipart_uploads(Bucket="begun", Prefix="c/")["Uploads"]
    assert [one["Key"] for one in within] == ["c/1", "c/2"]
    groups = s3.list_multipart_uploads(Bucket="begun", Delimiter="/")
    assert [one["Prefix"] for one in groups["CommonPrefixes"]] == ["a/", "c/"]
    assert [one["Key"] for one in groups["Uploads"]] == ["b", "d"]
