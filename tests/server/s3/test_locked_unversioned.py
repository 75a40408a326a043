"""Objects that were locked from outside in a bucket without versioning: kept, and no half answers."""

import pytest
from botocore.exceptions import ClientError

from bailee.seal.vault.facts import Lock, LockMode


@pytest.fixture(scope="module")
def plain(s3):
    s3.create_bucket(Bucket="plain")
    return "plain"


def hold(vault, name):
    vault.hold(name, vault.head(name).id, True)


def compliance(vault, name):
    vault.lock(name, vault.head(name).id, Lock(LockMode.COMPLIANCE, vault.ground.time.now() + 3600))


def kept(vault, name):
    return [b"".join(vault.get(name, one.id)) for one in vault.versions(name).versions if not one.is_marker]


@pytest.mark.parametrize("keep", [hold, compliance])
def test_it_is_overwritten_and_kept(s3, vault, plain, keep):
    key = keep.__name__
    s3.put_object(Bucket=plain, Key=key, Body=b"kept")
    keep(vault, f"{plain}/{key}")
    for body in (b"second", b"third"):
        s3.put_object(Bucket=plain, Key=key, Body=body)
        assert s3.get_object(Bucket=plain, Key=key)["Body"].read() == body
    assert kept(vault, f"{plain}/{key}") == [b"third", b"kept"]
    s3.copy_object(Bucket=plain, Key=key, CopySource=f"{plain}/{key}", MetadataDirective="REPLACE")
    upload = s3.create_multipart_upload(Bucket=plain, Key=key)["UploadId"]
    part = {"Bucket": plain, "Key": key, "UploadId": upload}
    tag = s3.upload_part(**part, PartNumber=1, Body=b"fourth")["ETag"]
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
    assert kept(vault, f"{plain}/{key}") == [b"fourth", b"kept"]


@pytest.mark.parametrize("keep", [hold, compliance])
def test_it_is_deleted_and_kept(s3, vault, plain, keep):
    key = f"deleted-{keep.__name__}"
    s3.put_object(Bucket=plain, Key=key, Body=b"kept")
    keep(vault, f"{plain}/{key}")
    s3.put_object(Bucket=plain, Key=key, Body=b"newer")
    for _ in range(2):
        s3.delete_object(Bucket=plain, Key=key)
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.get_object(Bucket=plain, Key=key)
    assert key not in [one["Key"] for one in s3.list_objects_v2(Bucket=plain).get("Contents", [])]
    assert kept(vault, f"{plain}/{key}") == [b"kept"]
    assert len(vault.versions(f"{plain}/{key}").versions) == 2  # one marker, however often it is deleted
    s3.delete_objects(Bucket=plain, Delete={"Objects": [{"Key": key}]})
    s3.put_object(Bucket=plain, Key=key, Body=b"again")
    assert kept(vault, f"{plain}/{key}") == [b"again", b"kept"]


def test_once_it_is_free_nothing_stays(s3, vault, plain):
    s3.put_object(Bucket=plain, Key="freed", Body=b"kept")
    name = f"{plain}/freed"
    version = vault.head(name).id
    vault.hold(name, version, True)
    s3.put_object(Bucket=plain, Key="freed", Body=b"newer")
    vault.hold(name, version, False)
    s3.put_object(Bucket=plain, Key="freed", Body=b"newest")
    assert kept(vault, name) == [b"newest"]
    s3.delete_object(Bucket=plain, Key="freed")
    assert not vault.versions(name).versions
