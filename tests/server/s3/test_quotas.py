"""What a bucket may hold: refused as other doors refuse it, whatever the way in; counted again after deletions."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from bailee.errors import InputError
from bailee.server.s3.errors import S3Error
from bailee.server.s3.quotas import Held, Quota, Quotas, count
from bailee.server.s3.registry import Registry

pytestmark = pytest.mark.usefixtures("looking")
MIB = 1 << 20


def limit(vault, bucket, **limits):
    text = Quota(**limits).to_text()
    Registry(vault).change_bucket(bucket, lambda old: replace(old, settings={**old.settings, "quota": text}), "quota")


@pytest.fixture(scope="module")
def small(s3, vault):
    s3.create_bucket(Bucket="small")
    s3.put_object(Bucket="small", Key="before", Body=b"x" * 1000)
    limit(vault, "small", bytes=10 * MIB, objects=20)
    return "small"


def exceeds(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("QuotaExceeded", 403)
    return error["Error"]["Message"]


def test_every_way_in_is_refused_beyond_it(s3, vault, small):
    s3.put_object(Bucket=small, Key="big", Body=b"b" * (6 * MIB))
    assert count(vault.ground.catalogue, small) == Held(6 * MIB + 1000, 2)
    said = exceeds(s3.put_object, Bucket=small, Key="more", Body=b"m" * (4 * MIB))
    assert f"may hold {10 * MIB} bytes" in said
    exceeds(s3.put_object, Bucket=small, Key="more", Body=b"m" * (5 * MIB))
    exceeds(s3.copy_object, Bucket=small, Key="copy", CopySource=f"{small}/big")
    upload = {"Bucket": small, "Key": "parts"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    exceeds(s3.upload_part, **upload, PartNumber=1, Body=b"p" * (5 * MIB))
    exceeds(s3.upload_part_copy, **upload, PartNumber=1, CopySource=f"{small}/big")
    tag = s3.upload_part(**upload, PartNumber=1, Body=b"p" * (3 * MIB))["ETag"]
    assert count(vault.ground.catalogue, small) == Held(9 * MIB + 1000, 2)
    exceeds(s3.put_object, Bucket=small, Key="more", Body=b"m" * MIB)  # parts count while they wait
    parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    s3.complete_multipart_upload(**upload, MultipartUpload=parts)  # and are not counted twice
    assert count(vault.ground.catalogue, small) == Held(9 * MIB + 1000, 3)
    assert s3.get_object(Bucket=small, Key="big")["ContentLength"] == 6 * MIB
    s3.delete_object(Bucket=small, Key="big")
    wait_until_let_in(lambda: s3.put_object(Bucket=small, Key="more", Body=b"m" * (4 * MIB)))


def wait_until_let_in(put):
    """A deletion counts when the bucket is counted again, which takes as long as twenty countings."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if is_let_in(put):
            return
        time.sleep(0.05)
    raise AssertionError("the deletion was never counted")


def is_let_in(put):
    try:
        put()
    except ClientError as error:
        if error.response["Error"]["Code"] != "QuotaExceeded":
            raise
        return False
    return True


def test_a_number_of_objects(s3, vault):
    s3.create_bucket(Bucket="few")
    s3.put_bucket_versioning(Bucket="few", VersioningConfiguration={"Status": "Enabled"})
    limit(vault, "few", objects=3)
    for body in (b"1", b"2"):
        s3.put_object(Bucket="few", Key="same", Body=body)
    s3.delete_object(Bucket="few", Key="same")  # a marker holds nothing
    s3.put_object(Bucket="few", Key="other", Body=b"3")
    assert "may hold 3 objects and holds 3" in exceeds(s3.put_object, Bucket="few", Key="third", Body=b"")
    upload = s3.create_multipart_upload(Bucket="few", Key="parts")["UploadId"]
    part = {"Bucket": "few", "Key": "parts", "UploadId": upload}
    tag = s3.upload_part(**part, PartNumber=1, Body=b"p")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    exceeds(s3.complete_multipart_upload, **part, MultipartUpload=parts)
    limit(vault, "few", objects=4)
    s3.complete_multipart_upload(**part, MultipartUpload=parts)


def test_other_buckets_and_the_owners_own_hands_are_free(s3, vault, small):
    s3.create_bucket(Bucket="free")
    s3.put_object(Bucket="free", Key="big", Body=b"b" * (11 * MIB))
    vault.put("small/by hand", b"h" * (11 * MIB))
    assert count(vault.ground.catalogue, "small").bytes > 11 * MIB
    vault.erase("small/by hand")


def test_many_at_once_exceed_it_by_no_more_than_was_under_way(s3, vault):
    s3.create_bucket(Bucket="rush")
    limit(vault, "rush", objects=10)
    at_once = 4

    def put(number):
        return is_let_in(lambda: s3.put_object(Bucket="rush", Key=str(number), Body=b"x"))

    with ThreadPoolExecutor(at_once) as pool:
        done = sum(pool.map(put, range(40)))
    assert 10 <= done <= 10 + at_once
    assert count(vault.ground.catalogue, "rush").objects == done
    assert not put(99)


class Ticking:
    """A clock that says each look takes a second."""

    now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


def test_what_was_let_in_counts_until_the_catalogue_is_counted_again(vault):
    clock, text = Ticking(), Quota(bytes=100).to_text()
    quotas = Quotas(vault.ground.catalogue, clock)
    for _ in range(4):
        quotas.admit("nowhere", text, 25)
    with pytest.raises(S3Error, match="may hold 100 bytes and holds 100"):
        quotas.admit("nowhere", text, 1)
    quotas.admit("nowhere", text, 0)  # adds nothing
    quotas.admit("nowhere", None, 1 << 50)
    clock.now += 20.0  # none of the four came to anything
    quotas.admit("nowhere", text, 100)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"bytes": -1, "objects": null}', '{"bytes": "1", "objects": 1}'])
def test_a_quota_that_is_none_lets_nothing_in(vault, text):
    with pytest.raises(InputError, match="set it again"):
        Quotas(vault.ground.catalogue).admit("nowhere", text, 1)
