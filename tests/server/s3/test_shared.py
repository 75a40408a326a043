"""What was shared, read through a grantee's own door: the bytes, the ends of a share, and nothing else."""

import io
import os
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from bailee.adapters.stores.entry import StoreEntry
from bailee.adapters.stores.opening import open_store
from bailee.errors import InputError
from bailee.keys import Identity
from bailee.seal.vault.share import granting
from bailee.seal.vault.share.granting import Wish
from bailee.seal.vault.share.received import open_share
from bailee.seal.vault.share.rotation import rotate_queued
from bailee.seal.vault.share.tables import put_table
from bailee.server.s3 import new_access_key, shared_application
from server.s3.door import Door, running

ANN = Identity.generate("Ann")
DATA = os.urandom(3_000_000)
LATER = datetime.now(UTC) + timedelta(days=1)
PATIENTS = pa.table({"age": [30, 40], "name": ["x", "y"]})


class Time:
    """A grantee's clock, moved by tests."""

    def __init__(self):
        self.ahead = timedelta(0)

    def __call__(self):
        return datetime.now(UTC) + self.ahead


@pytest.fixture(scope="module")
def ann(tmp_path_factory):
    return tmp_path_factory.mktemp("ann")


@pytest.fixture(scope="module")
def shares(vault):
    vault.put("scans/one.raw", DATA, content_type="image/raw")
    old = vault.put("scans/two", b"older words")
    vault.put("scans/two", b"newer words")
    vault.put("scans/deep/three", b"3")
    put_table(vault, "patients", PATIENTS)
    wishes = [Wish("scans/one.raw"), Wish("scans/two"), Wish("scans/two", old.id), Wish("scans/deep/three")]
    return {
        "scans": granting.share(vault, wishes, ANN.public, "reading", LATER),
        "part": granting.share(vault, [Wish("scans/one.raw", span=(100, 2_000_100))], ANN.public, "reading", LATER),
        "nameless": granting.share(vault, [Wish("scans/two")], ANN.public, "reading", LATER, tell_names=False),
        "patients": granting.share(vault, [Wish("patients", columns=("age",))], ANN.public, "reading", LATER),
    }


@contextmanager
def grantee_door(vault, shares, home, clock):
    stores = {one.name: open_store(StoreEntry(one.name, one.url)) for one in vault.entries}
    opened = {name: open_share(chain.to_bytes(), ANN, stores, clock=clock) for name, chain in shares.items()}
    with running(shared_application(opened, home)) as port:
        yield Door(None, home, port)


@pytest.fixture(scope="module")
def time_of_ann():
    return Time()


@pytest.fixture(scope="module")
def her_door(vault, shares, ann, time_of_ann):
    with grantee_door(vault, shares, ann, time_of_ann) as opened:
        yield opened


@pytest.fixture(scope="module")
def hers(her_door, ann):
    client = her_door.boto(new_access_key(ann, "owner"))
    yield client
    client.close()


def refused(code, call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code
    return caught.value.response["Error"].get("Message", "")


def keys_of(answer):
    return [one["Key"] for one in answer.get("Contents", [])]


def test_each_share_is_a_bucket(hers, shares, vault):
    assert [one["Name"] for one in hers.list_buckets()["Buckets"]] == sorted(shares)
    old = vault.versions("scans/two").versions[1].id
    listed = hers.list_objects_v2(Bucket="scans")
    assert keys_of(listed) == ["scans/deep/three", "scans/one.raw", "scans/two", f"scans/two@{old}"]
    assert [one["Size"] for one in listed["Contents"]] == [1, len(DATA), 11, 11]
    assert keys_of(hers.list_objects_v2(Bucket="nameless")) == [vault.head("scans/two").id]
    refused("NoSuchBucket", hers.list_objects_v2, Bucket="others")


def test_listings_in_pages_and_groups(hers):
    for listing in (hers.list_objects_v2, hers.list_objects):
        grouped = listing(Bucket="scans", Prefix="scans/", Delimiter="/", MaxKeys=2)
        assert [one["Prefix"] for one in grouped["CommonPrefixes"]] == ["scans/deep/"]
        assert (keys_of(grouped), grouped["IsTruncated"]) == (["scans/one.raw"], True)
    grouped = hers.list_objects_v2(Bucket="scans", Prefix="scans/", Delimiter="/", MaxKeys=1)
    token = grouped["NextContinuationToken"]
    more = hers.list_objects_v2(Bucket="scans", Prefix="scans/", Delimiter="/", ContinuationToken=token)
    assert "CommonPrefixes" not in more
    assert len(keys_of(more)) == 3
    pages = hers.get_paginator("list_objects_v2").paginate(Bucket="scans", PaginationConfig={"PageSize": 1})
    assert len([key for page in pages for key in keys_of(page)]) == 4
    assert keys_of(hers.list_objects_v2(Bucket="scans", StartAfter="scans/one.raw"))[0] == "scans/two"
    assert len(hers.list_object_versions(Bucket="scans", MaxKeys=2)["Versions"]) == 2


def test_bytes_whole_in_ranges_and_through_clients(hers, vault):
    got = hers.get_object(Bucket="scans", Key="scans/one.raw")
    assert (got["ContentType"], got["ContentLength"], got["Body"].read()) == ("image/raw", len(DATA), DATA)
    part = hers.get_object(Bucket="scans", Key="scans/one.raw", Range="bytes=999990-1000009")["Body"].read()
    assert part == DATA[999_990:1_000_010]
    whole = io.BytesIO()
    hers.download_fileobj("scans", "scans/one.raw", whole)
    assert whole.getvalue() == DATA
    span = hers.get_object(Bucket="part", Key="scans/one.raw")
    assert (span["ContentLength"], span["Body"].read()) == (2_000_000, DATA[100:2_000_100])
    old = vault.versions("scans/two").versions[1].id
    assert hers.get_object(Bucket="scans", Key=f"scans/two@{old}")["Body"].read() == b"older words"
    head = hers.head_object(Bucket="scans", Key="scans/two")
    refused("304", hers.get_object, Bucket="scans", Key="scans/two", IfNoneMatch=head["ETag"])
    refused("NoSuchKey", hers.get_object, Bucket="scans", Key="scans/none")
    assert hers.get_object_tagging(Bucket="scans", Key="scans/two")["TagSet"] == []
    refused("NoSuchLifecycleConfiguration", hers.get_bucket_lifecycle_configuration, Bucket="scans")
    assert "Uploads" not in hers.list_multipart_uploads(Bucket="scans")


def test_columns_are_streams_of_arrow(hers):
    assert keys_of(hers.list_objects_v2(Bucket="patients")) == ["patients/age"]
    got = hers.get_object(Bucket="patients", Key="patients/age")
    assert got["ContentType"] == "application/vnd.apache.arrow.stream"
    assert pa.ipc.open_stream(got["Body"].read()).read_all().to_pydict() == {"age": [30, 40]}
    refused("NoSuchKey", hers.get_object, Bucket="patients", Key="patients/name")


WRITES = {
    "put_object": {"Key": "k", "Body": b"x"},
    "delete_object": {"Key": "scans/two"},
    "delete_objects": {"Delete": {"Objects": [{"Key": "scans/two"}]}},
    "copy_object": {"Key": "k", "CopySource": "scans/scans/two"},
    "create_multipart_upload": {"Key": "k"},
    "put_object_tagging": {"Key": "scans/two", "Tagging": {"TagSet": []}},
    "put_bucket_policy": {"Policy": "{}"},
    "delete_bucket_policy": {},
    "put_bucket_acl": {"ACL": "public-read"},
    "delete_bucket": {},
    "create_bucket": {},
}


@pytest.mark.parametrize("operation", WRITES)
def test_nothing_is_written(hers, operation):
    bucket = "fresh" if operation == "create_bucket" else "scans"
    said = refused("AccessDenied", getattr(hers, operation), Bucket=bucket, **WRITES[operation])
    assert "nothing is written" in said


def test_only_her_own_keys_open_it(her_door, owner, ann):
    status, _, body = her_door.ask("GET", "/scans?list-type=2")
    assert (status, b"AccessDenied" in body) == (403, True)
    refused("InvalidAccessKeyId", her_door.boto(owner).list_buckets)
    guest = her_door.boto(new_access_key(ann, "guest"))
    refused("AccessDenied", guest.get_object, Bucket="scans", Key="scans/two")


def test_a_share_that_has_ended_says_so(hers, time_of_ann, her_door):
    time_of_ann.ahead = timedelta(days=2)
    try:
        assert "has expired" in refused("AccessDenied", hers.get_object, Bucket="part", Key="scans/one.raw")
    finally:
        time_of_ann.ahead = timedelta(0)


def test_a_share_that_was_revoked_says_so(vault, ann):
    vault.put("secret", b"words")
    chain = granting.share(vault, [Wish("secret")], ANN.public, "reading", LATER)
    with grantee_door(vault, {"given": chain}, ann, Time()) as door:
        client = door.boto(new_access_key(ann, "reader"))
        assert client.get_object(Bucket="given", Key="secret")["Body"].read() == b"words"
        granting.revoke(vault, chain.first.record.id)
        rotate_queued(vault)
        assert "it was revoked" in refused("AccessDenied", client.get_object, Bucket="given", Key="secret")
        client.close()


def test_a_bucket_needs_a_name(ann):
    with pytest.raises(InputError, match=r"expected a bucket's name .* got 'A share'; say NAME=FILE"):
        shared_application({"A share": None}, ann)
