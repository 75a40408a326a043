"""Objects as boto3 sees them: bytes, ranges, conditions, metadata, copies, deletions."""

import hashlib
import io

import pytest
from botocore.exceptions import ClientError


def refused(code, status, call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    return answer


@pytest.fixture(scope="module")
def bucket(s3):
    s3.create_bucket(Bucket="things")
    return "things"


def test_bytes_come_back(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="a/b c+ü?&#%.txt", Body=b"hello", ContentType="text/plain")
    got = s3.get_object(Bucket=bucket, Key="a/b c+ü?&#%.txt")
    assert got["Body"].read() == b"hello"
    assert got["ETag"] == put["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert got["ContentType"] == "text/plain"
    assert "VersionId" not in put


def test_empty_and_large(s3, bucket):
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    assert s3.get_object(Bucket=bucket, Key="empty")["Body"].read() == b""
    data = bytes(range(256)) * 20_001
    s3.put_object(Bucket=bucket, Key="large", Body=data)
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == data
    assert s3.head_object(Bucket=bucket, Key="large")["ContentLength"] == len(data)


@pytest.mark.parametrize(
    ("header", "part", "told"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
        ("bytes=5-999", b"56789", "bytes 5-9/10"),
    ],
)
def test_ranges(s3, bucket, header, part, told):
    s3.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="digits", Range=header)
    assert (got["Body"].read(), got["ContentRange"]) == (part, told)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_a_range_beyond_the_end(s3, bucket):
    s3.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    answer = refused("InvalidRange", 416, s3.get_object, Bucket=bucket, Key="digits", Range="bytes=10-")
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-range"] == "bytes */10"
    refused("InvalidRange", 416, s3.get_object, Bucket=bucket, Key="digits", Range="bytes=-0")


def test_conditions_of_reading(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="conditional", Body=b"x")
    when = s3.head_object(Bucket=bucket, Key="conditional")["LastModified"]
    where = {"Bucket": bucket, "Key": "conditional"}
    refused("PreconditionFailed", 412, s3.get_object, **where, IfMatch='"00"')
    refused("304", 304, s3.get_object, **where, IfNoneMatch=put["ETag"])
    refused("304", 304, s3.head_object, **where, IfModifiedSince=when)
    refused("PreconditionFailed", 412, s3.get_object, **where, IfUnmodifiedSince="2001-01-01")
    assert s3.get_object(**where, IfMatch=put["ETag"], IfUnmodifiedSince="2001-01-01")["Body"].read() == b"x"
    assert s3.get_object(**where, IfNoneMatch='"00"')["Body"].read() == b"x"


def test_conditions_of_writing(s3, bucket):
    where = {"Bucket": bucket, "Key": "once"}
    put = s3.put_object(**where, Body=b"1", IfNoneMatch="*")
    refused("PreconditionFailed", 412, s3.put_object, **where, Body=b"2", IfNoneMatch="*")
    refused("PreconditionFailed", 412, s3.put_object, **where, Body=b"2", IfMatch='"00"')
    s3.put_object(**where, Body=b"2", IfMatch=put["ETag"])
    refused("NoSuchKey", 404, s3.put_object, Bucket=bucket, Key="never", Body=b"2", IfMatch='"00"')


def test_metadata_and_content_headers(s3, bucket):
    told = {
        "CacheControl": "no-store",
        "ContentDisposition": 'attachment; filename="x"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ContentType": "text/x",
        "Metadata": {"colour": "blue", "empty": ""},
    }
    s3.put_object(Bucket=bucket, Key="told", Body=b"x", **told)
    got = s3.head_object(Bucket=bucket, Key="told")
    assert {name: got[name] for name in told} == told
    got = s3.get_object(Bucket=bucket, Key="told", ResponseContentType="text/y", ResponseCacheControl="private")
    assert (got["ContentType"], got["CacheControl"]) == ("text/y", "private")
    refused("MetadataTooLarge", 400, s3.put_object, Bucket=bucket, Key="told", Body=b"", Metadata={"a": "b" * 2048})


def test_what_is_not_there(s3, bucket):
    refused("NoSuchKey", 404, s3.get_object, Bucket=bucket, Key="nothing")
    refused("404", 404, s3.head_object, Bucket=bucket, Key="nothing")
    refused("NoSuchBucket", 404, s3.get_object, Bucket="no-such", Key="nothing")
    s3.delete_object(Bucket=bucket, Key="nothing")


def test_an_overwritten_object_leaves_nothing_in_a_bucket_without_versions(s3, bucket, vault):
    for body in (b"1", b"2", b"3"):
        s3.put_object(Bucket=bucket, Key="over", Body=body)
    assert s3.get_object(Bucket=bucket, Key="over")["Body"].read() == b"3"
    assert len(vault.versions(f"{bucket}/over").versions) == 1
    s3.delete_object(Bucket=bucket, Key="over")
    assert vault.versions(f"{bucket}/over").versions == ()


def test_copies(s3, bucket):
    s3.put_object(Bucket=bucket, Key="from/ä b", Body=b"copy me", Metadata={"a": "1"}, ContentType="text/a")
    source = {"Bucket": bucket, "Key": "from/ä b"}
    s3.copy_object(Bucket=bucket, Key="to", CopySource=source)
    got = s3.get_object(Bucket=bucket, Key="to")
    assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (b"copy me", {"a": "1"}, "text/a")
    s3.copy_object(Bucket=bucket, Key="to", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"})
    assert s3.head_object(Bucket=bucket, Key="to")["Metadata"] == {"b": "2"}
    refused("InvalidRequest", 400, s3.copy_object, Bucket=bucket, Key="to", CopySource=f"{bucket}/to")
    refused(
        "PreconditionFailed", 412, s3.copy_object, Bucket=bucket, Key="to", CopySource=source, CopySourceIfMatch="0"
    )
    refused("NoSuchKey", 404, s3.copy_object, Bucket=bucket, Key="to", CopySource=f"{bucket}/none")
    refused("NoSuchBucket", 404, s3.copy_object, Bucket=bucket, Key="to", CopySource="no-such/none")


def test_many_deleted_at_once(s3, bucket):
    keys = ["many/1", "many/2", "many/ü&<>"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    wanted = {"Objects": [{"Key": key} for key in [*keys, "many/none"]]}
    deleted = s3.delete_objects(Bucket=bucket, Delete=wanted)["Deleted"]
    assert [one["Key"] for one in deleted] == [*keys, "many/none"]
    assert s3.list_objects_v2(Bucket=bucket, Prefix="many/")["KeyCount"] == 0


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums(s3, bucket, algorithm):
    for size in (100, 3 << 20):
        data = bytes(size)
        put = s3.put_object(Bucket=bucket, Key="sum", Body=io.BytesIO(data), ChecksumAlgorithm=algorithm)
        got = s3.get_object(Bucket=bucket, Key="sum", ChecksumMode="ENABLED")
        assert got["Body"].read() == data
        assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    told = s3.get_object_attributes(Bucket=bucket, Key="sum", ObjectAttributes=["ETag", "Checksum", "ObjectSize"])
    assert told["Checksum"][f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    assert told["ObjectSize"] == 3 << 20


def test_a_wrong_checksum_keeps_nothing(s3, bucket, door, owner):
    refused("BadDigest", 400, s3.put_object, Bucket=bucket, Key="bad", Body=b"x", ChecksumCRC32="AAAAAA==")
    for size in (10, 2 << 20):
        body = bytes(size)
        headers = {"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}
        status, _, answer = door.signed(owner, "PUT", f"/{bucket}/bad", body=body, headers=headers)
        assert (status, b"BadDigest" in answer) == (400, True)
        status, _, answer = door.signed(owner, "PUT", f"/{bucket}/bad", body=body, payload="0" * 64)
        assert (status, b"XAmzContentSHA256Mismatch" in answer) == (400, True)
    refused("NoSuchKey", 404, s3.get_object, Bucket=bucket, Key="bad")


def test_tags(s3, bucket):
    s3.put_object(Bucket=bucket, Key="tagged", Body=b"x", Tagging="a=1&b=%20x")
    where = {"Bucket": bucket, "Key": "tagged"}
    assert s3.get_object_tagging(**where)["TagSet"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": " x"}]
    s3.put_object_tagging(**where, Tagging={"TagSet": [{"Key": "c", "Value": ""}]})
    assert s3.get_object_tagging(**where)["TagSet"] == [{"Key": "c", "Value": ""}]
    s3.delete_object_tagging(**where)
    assert s3.get_object_tagging(**where)["TagSet"] == []
    refused("InvalidTag", 400, s3.put_object, **where, Body=b"", Tagging="a=1&a=2")


def test_headers_that_cannot_be_kept_are_refused(s3, bucket):
    where = {"Bucket": bucket, "Key": "refused", "Body": b"x"}
    refused("AccessControlListNotSupported", 400, s3.put_object, **where, ACL="public-read")
    refused("NotImplemented", 501, s3.put_object, **where, ServerSideEncryption="aws:kms")
    refused("NotImplemented", 501, s3.put_object, **where, WebsiteRedirectLocation="/x")
    refused("InvalidStorageClass", 400, s3.put_object, **where, StorageClass="GLACIER")
    refused("NoSuchKey", 404, s3.get_object, Bucket=bucket, Key="refused")
