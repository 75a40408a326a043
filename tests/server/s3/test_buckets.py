"""Buckets, listings, versions, locks and settings, as boto3 sees them."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from bailee.server.s3 import expire
from server.s3.test_objects import refused


def test_a_buckets_life(s3):
    s3.create_bucket(Bucket="life")
    assert "life" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket="life")["LocationConstraint"] is None
    refused("BucketAlreadyOwnedByYou", 409, s3.create_bucket, Bucket="life")
    s3.put_object(Bucket="life", Key="x", Body=b"")
    refused("BucketNotEmpty", 409, s3.delete_bucket, Bucket="life")
    s3.delete_object(Bucket="life", Key="x")
    upload = s3.create_multipart_upload(Bucket="life", Key="x")["UploadId"]
    refused("BucketNotEmpty", 409, s3.delete_bucket, Bucket="life")
    s3.abort_multipart_upload(Bucket="life", Key="x", UploadId=upload)
    s3.delete_bucket(Bucket="life")
    refused("404", 404, s3.head_bucket, Bucket="life")
    refused("NoSuchBucket", 404, s3.delete_bucket, Bucket="life")


@pytest.mark.parametrize("name", ["ab", "Upper", "a_b", "-ab", "a..b", "1.2.3.4", "a" * 64, "ab-"])
def test_names_that_are_no_buckets(door, owner, name):
    status, _, body = door.signed(owner, "PUT", f"/{name}")
    assert (status, b"InvalidBucketName" in body) == (400, True)


KEYS = ["a", "a/1", "a/2", "b/", "b/c/d", "b/c/e", "z z", "ä", "日本"]


@pytest.fixture(scope="module")
def listed(s3):
    s3.create_bucket(Bucket="listed")
    for key in KEYS:
        s3.put_object(Bucket="listed", Key=key, Body=key.encode())
    return "listed"


@pytest.mark.parametrize("page", [1, 2, 3, 1000])
@pytest.mark.parametrize("kind", ["list_objects", "list_objects_v2", "list_object_versions"])
@pytest.mark.parametrize(
    ("prefix", "delimiter", "keys", "prefixes"),
    [
        ("", "", KEYS, []),
        ("", "/", ["a", "z z", "ä", "日本"], ["a/", "b/"]),
        ("b/", "/", ["b/"], ["b/c/"]),
        ("a", "", ["a", "a/1", "a/2"], []),
        ("none", "/", [], []),
        ("", "c/", ["a", "a/1", "a/2", "b/", "z z", "ä", "日本"], ["b/c/"]),
    ],
)
def test_pages(s3, listed, kind, page, prefix, delimiter, keys, prefixes):
    found, groups = [], []
    for answer in s3.get_paginator(kind).paginate(
        Bucket=listed, Prefix=prefix, Delimiter=delimiter, PaginationConfig={"PageSize": page}
    ):
        found += [one["Key"] for one in answer.get("Contents", []) + answer.get("Versions", [])]
        groups += [one["Prefix"] for one in answer.get("CommonPrefixes", [])]
    assert (found, groups) == (keys, prefixes)


def test_starts_and_tokens(s3, listed):
    found = s3.list_objects_v2(Bucket=listed, StartAfter="b/", MaxKeys=2)
    assert [one["Key"] for one in found["Contents"]] == ["b/c/d", "b/c/e"]
    refused("InvalidArgument", 400, s3.list_objects_v2, Bucket=listed, ContinuationToken="x")
    refused("InvalidArgument", 400, s3.list_objects_v2, Bucket=listed, ContinuationToken="b3RoZXIva2V5")
    assert s3.list_objects_v2(Bucket=listed, MaxKeys=0)["KeyCount"] == 0


@pytest.fixture(scope="module")
def versioned(s3):
    s3.create_bucket(Bucket="versioned")
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket="versioned")["Status"] == "Enabled"
    return "versioned"


def test_versions(s3, versioned):
    where = {"Bucket": versioned, "Key": "v"}
    ids = [s3.put_object(**where, Body=body)["VersionId"] for body in (b"1", b"2", b"3")]
    assert [s3.get_object(**where, VersionId=one)["Body"].read() for one in ids] == [b"1", b"2", b"3"]
    marker = s3.delete_object(**where)
    assert marker["DeleteMarker"] is True
    answer = refused("NoSuchKey", 404, s3.get_object, **where)
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    refused("MethodNotAllowed", 405, s3.get_object, **where, VersionId=marker["VersionId"])
    listing = s3.list_object_versions(Bucket=versioned, Prefix="v", MaxKeys=2)
    assert listing["IsTruncated"] is True
    rest = s3.list_object_versions(
        Bucket=versioned, KeyMarker=listing["NextKeyMarker"], VersionIdMarker=listing["NextVersionIdMarker"]
    )
    told = [one["VersionId"] for one in listing["Versions"] + rest["Versions"]]
    assert told == ids[::-1]
    assert listing["DeleteMarkers"][0]["IsLatest"] is True
    gone = s3.delete_object(**where, VersionId=marker["VersionId"])
    assert gone["DeleteMarker"] is True
    assert s3.get_object(**where)["Body"].read() == b"3"
    s3.delete_object(**where, VersionId=ids[2])
    assert s3.get_object(**where)["Body"].read() == b"2"
    refused("NoSuchVersion", 404, s3.get_object, **where, VersionId=ids[2])
    refused("InvalidArgument", 400, s3.get_object, **where, VersionId="x")
    copied = s3.copy_object(**where, CopySource={**where, "VersionId": ids[0]})
    assert copied["CopySourceVersionId"] == ids[0]
    assert s3.get_object(**where)["Body"].read() == b"1"
    deleted = {"Objects": [{"Key": "v", "VersionId": ids[0]}, {"Key": "v"}]}
    assert len(s3.delete_objects(Bucket=versioned, Delete=deleted)["Deleted"]) == 2


def test_versioning_is_not_suspended(s3, versioned):
    suspended = {"Status": "Suspended"}
    refused("NotImplemented", 501, s3.put_bucket_versioning, Bucket=versioned, VersioningConfiguration=suspended)


def test_locks_and_holds(s3):
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    where = {"Bucket": "locked", "Key": "k"}
    put = s3.put_object(**where, Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    version = {**where, "VersionId": put["VersionId"]}
    head = s3.head_object(**where)
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", until)
    refused("AccessDenied", 403, s3.delete_object, **version)
    shorter = {"Mode": "GOVERNANCE", "RetainUntilDate": until - timedelta(days=1)}
    refused("AccessDenied", 403, s3.put_object_retention, **version, Retention=shorter)
    s3.put_object_retention(**version, Retention=shorter, BypassGovernanceRetention=True)
    assert s3.get_object_retention(**version)["Retention"] == shorter
    s3.put_object_legal_hold(**version, LegalHold={"Status": "ON"})
    assert s3.get_object_legal_hold(**version)["LegalHold"]["Status"] == "ON"
    refused("AccessDenied", 403, s3.delete_object, **version, BypassGovernanceRetention=True)
    s3.put_object_legal_hold(**version, LegalHold={"Status": "OFF"})
    s3.delete_object(**version, BypassGovernanceRetention=True)
    refused("NoSuchVersion", 404, s3.get_object, **version)
    past = datetime.now(UTC) - timedelta(days=1)
    refused("InvalidArgument", 400, s3.put_object, **where, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=past)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration=configuration)
    assert s3.get_object_lock_configuration(Bucket="locked")["ObjectLockConfiguration"] == configuration
    put = s3.put_object(Bucket="locked", Key="default", Body=b"x")
    assert s3.head_object(Bucket="locked", Key="default")["ObjectLockMode"] == "COMPLIANCE"
    refused(
        "AccessDenied", 403, s3.delete_object, Bucket="locked", Key="default", VersionId=put["VersionId"],
        BypassGovernanceRetention=True,
    )  # fmt: skip


def test_locks_need_a_bucket_with_locks(s3, versioned):
    until = datetime.now(UTC) + timedelta(days=1)
    refused(
        "InvalidRequest", 400, s3.put_object, Bucket=versioned, Key="k", ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=until,
    )  # fmt: skip
    refused("ObjectLockConfigurationNotFoundError", 404, s3.get_object_lock_configuration, Bucket=versioned)


def test_settings_come_back(s3, versioned):
    refused("NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket=versioned)
    tags = [{"Key": "a", "Value": "1"}]
    s3.put_bucket_tagging(Bucket=versioned, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=versioned)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=versioned)
    s3.put_bucket_acl(Bucket=versioned, ACL="public-read")
    grants = s3.get_bucket_acl(Bucket=versioned)["Grants"]
    assert [one["Permission"] for one in grants] == ["FULL_CONTROL", "READ"]
    s3.put_bucket_acl(Bucket=versioned, AccessControlPolicy={"Grants": grants[:1], "Owner": {"ID": "bailee"}})
    assert len(s3.get_bucket_acl(Bucket=versioned)["Grants"]) == 1
    refused("NoSuchBucketPolicy", 404, s3.get_bucket_policy, Bucket=versioned)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::versioned/*"}
    s3.put_bucket_policy(Bucket=versioned, Policy=json.dumps({"Statement": [statement]}))
    assert json.loads(s3.get_bucket_policy(Bucket=versioned)["Policy"])["Statement"] == [statement]
    assert s3.get_bucket_policy_status(Bucket=versioned)["PolicyStatus"]["IsPublic"] is True
    s3.delete_bucket_policy(Bucket=versioned)
    refused("MalformedPolicy", 400, s3.put_bucket_policy, Bucket=versioned, Policy="{}")


def test_cors(s3, versioned, door):
    rule = {"AllowedOrigins": ["https://*.example"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["x-*"],
            "ExposeHeaders": ["etag"], "MaxAgeSeconds": 5}  # fmt: skip
    s3.put_bucket_cors(Bucket=versioned, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=versioned)["CORSRules"] == [rule]
    asked = {
        "origin": "https://a.example",
        "access-control-request-method": "PUT",
        "access-control-request-headers": "x-a",
    }
    status, headers, _ = door.ask("OPTIONS", "/versioned/k", headers=asked)
    assert (status, headers["access-control-allow-origin"]) == (200, "https://a.example")
    for change in (("origin", "https://example.org"), ("access-control-request-method", "DELETE"),
                   ("access-control-request-headers", "y")):  # fmt: skip
        assert door.ask("OPTIONS", "/versioned/k", headers={**asked, change[0]: change[1]})[0] == 403
    _, headers, _ = door.ask("GET", "/versioned/k", headers={"origin": "https://a.example"})
    assert headers["access-control-expose-headers"] == "etag"
    assert "access-control-allow-origin" not in door.ask("GET", "/versioned/k", headers={"origin": "https://b.org"})[1]
    s3.delete_bucket_cors(Bucket=versioned)
    assert door.ask("OPTIONS", "/versioned/k", headers=asked)[0] == 403


def test_lifecycle(s3, vault):
    for name in ("rules", "rules-plain"):
        s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket="rules", VersioningConfiguration={"Status": "Enabled"})
    abort, lone = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}, {"ExpiredObjectDeleteMarker": True}
    rules = [
        {"ID": "1", "Status": "Enabled", "Filter": {"Prefix": "log/"}, "Expiration": {"Days": 1}},
        {"ID": "2", "Status": "Enabled", "Filter": {"Tag": {"Key": "t", "Value": "1"}}, "Expiration": {"Days": 1}},
        {"ID": "3", "Status": "Enabled", "Filter": {"Prefix": "old/"},
         "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 1}},
        {"ID": "4", "Status": "Enabled", "Filter": {"Prefix": "up/"}, **abort},
        {"ID": "5", "Status": "Disabled", "Filter": {"Prefix": "keep/"}, "Expiration": {"Days": 1}},
        {"ID": "6", "Status": "Enabled", "Filter": {"Prefix": "mark/"}, "Expiration": lone},
    ]  # fmt: skip
    for name in ("rules", "rules-plain"):
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
        for key in ("log/1", "keep/1"):
            s3.put_object(Bucket=name, Key=key, Body=b"x")
        s3.put_object(Bucket=name, Key="tagged", Body=b"x", Tagging="t=1")
    assert s3.get_bucket_lifecycle_configuration(Bucket="rules")["Rules"] == rules
    for _ in range(4):
        s3.put_object(Bucket="rules", Key="old/1", Body=b"x")
    only = s3.put_object(Bucket="rules", Key="mark/1", Body=b"x")["VersionId"]
    s3.delete_object(Bucket="rules", Key="mark/1")
    s3.delete_object(Bucket="rules", Key="mark/1", VersionId=only)
    s3.create_multipart_upload(Bucket="rules", Key="up/1")
    done = expire(vault, time.time() + 3600)
    assert (done.objects, done.versions, done.uploads, done.markers) == (0, 0, 0, 1)
    done = expire(vault, time.time() + 3 * 86400)
    assert (done.objects, done.versions, done.uploads, done.markers) == (4, 2, 1, 0)
    left = [version.name for name in ("rules", "rules-plain") for version in vault.list(f"{name}/").versions]
    assert left == ["rules/keep/1", "rules/old/1", "rules-plain/keep/1"]
    moved = {"ID": "1", "Status": "Enabled", "Filter": {}, "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}
    refused(
        "NotImplemented", 501, s3.put_bucket_lifecycle_configuration, Bucket="rules",
        LifecycleConfiguration={"Rules": [moved]},
    )  # fmt: skip


def test_what_s3_knows_and_the_door_does_not(s3, versioned, door, owner):
    for resource in ("website", "notification", "replication", "accelerate", "logging", "unknown"):
        assert door.signed(owner, "DELETE", f"/{versioned}", [(resource, "")])[0] == 501
        assert door.signed(owner, "PUT", f"/{versioned}", [(resource, "")], b"<x/>")[0] == 501
    s3.head_bucket(Bucket=versioned)
