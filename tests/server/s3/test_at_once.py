"""Small objects that are in memory are answered in the loop; all else goes the ordinary way, with its answers."""

import pytest

from bailee.seal.vault.blobs import reading
from bailee.seal.vault.blobs.segments import Cipher


@pytest.fixture(scope="module")
def bucket(s3):
    s3.create_bucket(Bucket="little")
    return "little"


def put(s3, vault, key, body=b"hello"):
    s3.put_object(Bucket="little", Key=key, Body=body)
    if vault.open_at_once(f"little/{key}").read(0, 1) is None:
        pytest.skip("this system does not tell what is in memory")


def test_no_thread_is_taken(s3, vault, bucket, monkeypatch):
    put(s3, vault, "a")
    for name in ("open_version", "head"):
        monkeypatch.setattr(vault, name, None)
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"hello"
    ranged = s3.get_object(Bucket=bucket, Key="a", Range="bytes=1-2")
    assert (ranged["Body"].read(), ranged["ContentRange"]) == (b"el", "bytes 1-2/5")
    assert s3.head_object(Bucket=bucket, Key="a")["ContentLength"] == 5
    for call in (s3.get_object, s3.head_object):
        with pytest.raises(s3.exceptions.ClientError, match="304"):
            call(Bucket=bucket, Key="a", IfNoneMatch=s3.head_object(Bucket=bucket, Key="a")["ETag"])


def test_what_does_not_open_is_gathered(s3, vault, bucket, monkeypatch):
    put(s3, vault, "b")
    opened, Kept = [], reading.Cipher

    class Wrong(Cipher):
        def open(self, *arguments):
            opened.append(arguments)
            return None if len(opened) == 1 else Kept.open(self, *arguments)

    monkeypatch.setattr(reading, "Cipher", Wrong)
    assert s3.get_object(Bucket=bucket, Key="b")["Body"].read() == b"hello"
    assert len(opened) == 2


def test_a_larger_object_is_read_in_a_thread(s3, vault, bucket, monkeypatch):
    body, ordinary, asked = bytes(70_000), vault.open_version, []
    put(s3, vault, "c", body)
    monkeypatch.setattr(vault, "open_version", lambda *names: asked.append(names) or ordinary(*names))
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == body
    assert asked == [("little/c", None)]


def test_markers_and_what_is_not_there(s3, vault, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(s3, vault, "d")
    marker = s3.delete_object(Bucket=bucket, Key="d")["VersionId"]
    for version, status in ((None, 404), (marker, 405), ("0" * 32, 404)):
        for call in (s3.get_object, s3.head_object):
            with pytest.raises(s3.exceptions.ClientError) as caught:
                call(Bucket=bucket, Key="d", **({"VersionId": version} if version else {}))
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
