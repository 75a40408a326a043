"""Every operation of the door, asked by everybody who might: what is not meant to be allowed is refused, and how.

The operations are the routing table's own, so that a new one is in the matrix, or fails the test that says so.
"""

import hashlib
import json
import time
from base64 import b64encode

import pytest

from bailee.server.s3 import new_access_key
from bailee.server.s3.access_keys import AccessKey
from bailee.server.s3.routes import OPERATIONS, Level

READS = {
    "ListBuckets", "HeadBucket", "ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads",
    "GetBucketLocation", "GetBucketVersioning", "GetBucketTagging", "GetObjectLockConfiguration", "GetBucketEncryption",
    "GetObject", "HeadObject", "GetObjectAttributes", "GetObjectAcl", "GetObjectTagging", "GetObjectRetention",
    "GetObjectLegalHold", "ListParts",
}  # fmt: skip
WRITES = READS | {
    "DeleteObject", "PutObject", "CopyObject", "PutObjectTagging", "DeleteObjectTagging", "CreateMultipartUpload",
    "UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "AbortMultipartUpload",
}  # fmt: skip
EACH_KEY = {"DeleteObjects"}
"""Answers 200 with a refusal for each key."""
DELETE = b"<Delete><Object><Key>k</Key></Object></Delete>"


@pytest.fixture(scope="module")
def bucket(s3):
    s3.create_bucket(Bucket="matrix")
    s3.put_object(Bucket="matrix", Key="k", Body=b"secret")
    return "matrix"


@pytest.fixture(scope="module")
def hands(home, owner):
    """Access keys of every kind."""
    return {role: new_access_key(home, role) for role in ("reader", "writer", "guest")} | {
        "owner": owner,
        "expired": new_access_key(home, "owner", expires=time.time() - 1),
    }


def parts_of(operation):
    """(path, query, body, headers) of a request of that operation."""
    level = operation.level
    path = {Level.SERVICE: "/", Level.BUCKET: "/matrix", Level.OBJECT: "/matrix/k"}[level]
    subresource, _, copies = operation.subresource.partition(" ")
    if subresource == "copy":
        subresource, copies = "", "copy"
    value = {"list-type": "2", "uploadId": "0" * 32}.get(subresource, "")
    query = [(subresource, value)] if subresource else []
    if operation.name in ("UploadPart", "UploadPartCopy"):
        query.append(("partNumber", "1"))
    headers = {"x-amz-copy-source": "/matrix/k"} if copies else {}
    if operation.name in EACH_KEY:
        headers["content-md5"] = b64encode(hashlib.md5(DELETE).digest()).decode()
    return path, query, DELETE if operation.name in EACH_KEY else b"", headers


def ask(door, operation, key, **options):
    path, query, body, headers = parts_of(operation)
    if operation.name == "CreateBucket":
        path = "/matrix-other"
    if key is None:
        target = path + ("?" + "&".join(f"{n}={v}" for n, v in query) if query else "")
        return door.ask(operation.method, target, body, headers)
    return door.signed(key, operation.method, path, query, body, headers, **options)


def code_of(answer):
    status, _, body = answer
    return status, body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
class TestEverybody:
    def refused(self, door, operation, key, code="AccessDenied", status=403, **options):
        found = code_of(ask(door, operation, key, **options))
        if operation.name in EACH_KEY and found[0] == 200:
            assert found == (200, "AccessDenied")
        else:
            assert found == (status, "" if operation.method == "HEAD" else code)

    def test_nobody(self, door, bucket, operation):
        self.refused(door, operation, None)

    def test_guest(self, door, bucket, hands, operation):
        self.refused(door, operation, hands["guest"])

    def test_wrong_secret(self, door, bucket, hands, operation):
        self.refused(door, operation, hands["owner"], "SignatureDoesNotMatch", secret=b"x" * 40)

    def test_unknown_key(self, door, bucket, hands, operation):
        stranger = AccessKey("BKUNKNOWN", hands["owner"].secret, hands["owner"].role)
        self.refused(door, operation, stranger, "InvalidAccessKeyId")

    def test_expired_key(self, door, bucket, hands, operation):
        self.refused(door, operation, hands["expired"], "InvalidAccessKeyId")

    def test_old_request(self, door, bucket, hands, operation):
        self.refused(door, operation, hands["owner"], "RequestTimeTooSkewed", moment=time.time() - 1000)

    def test_other_region(self, door, bucket, hands, operation):
        self.refused(door, operation, hands["owner"], "AuthorizationHeaderMalformed", 400, region="eu-west-1")

    def test_other_service(self, door, bucket, hands, operation):
        self.refused(door, operation, hands["owner"], "AuthorizationHeaderMalformed", 400, service="ec2")

    def test_reader(self, door, bucket, hands, operation):
        if operation.name in READS:
            assert code_of(ask(door, operation, hands["reader"]))[0] != 403
        else:
            self.refused(door, operation, hands["reader"])

    def test_writer(self, door, bucket, hands, operation, s3):
        if operation.name not in WRITES | EACH_KEY:
            self.refused(door, operation, hands["writer"])
            return
        assert code_of(ask(door, operation, hands["writer"]))[0] != 403
        s3.put_object(Bucket="matrix", Key="k", Body=b"secret")

    def test_owner_denied_by_policy(self, door, bucket, hands, operation, s3):
        everything = {"Principal": "*", "Action": "*", "Resource": ["arn:aws:s3:::matrix", "arn:aws:s3:::matrix/*"]}
        s3.put_bucket_policy(Bucket="matrix", Policy=json.dumps({"Statement": {"Effect": "Deny", **everything}}))
        try:
            if operation.name in ("ListBuckets", "CreateBucket") or operation.name.endswith("BucketPolicy"):
                assert code_of(ask(door, operation, hands["owner"]))[0] != 403
            else:
                self.refused(door, operation, hands["owner"])
        finally:
            s3.delete_bucket_policy(Bucket="matrix")

    def test_the_bucket_is_as_it_was(self, bucket, s3, operation):
        assert s3.get_object(Bucket="matrix", Key="k")["Body"].read() == b"secret"


def test_a_version_needs_more_than_its_object(door, bucket, hands):
    for method in ("GET", "DELETE"):
        answer = door.signed(hands["guest"], method, "/matrix/k", [("versionId", "0" * 32)])
        assert code_of(answer) == (403, "AccessDenied")
    answer = door.signed(hands["writer"], "DELETE", "/matrix/k", [("versionId", "0" * 32)])
    assert code_of(answer) == (403, "AccessDenied")


def test_policies_and_acls_open_no_more_than_they_say(door, bucket, hands, s3):
    guest = hands["guest"]
    statement = {"Effect": "Allow", "Principal": {"AWS": guest.id}, "Action": "s3:GetObject",
                 "Resource": "arn:aws:s3:::matrix/k"}  # fmt: skip
    s3.put_bucket_policy(Bucket="matrix", Policy=json.dumps({"Statement": statement}))
    assert door.signed(guest, "GET", "/matrix/k")[2] == b"secret"
    assert code_of(door.signed(guest, "GET", "/matrix/k2")) == (403, "AccessDenied")
    assert code_of(door.signed(guest, "PUT", "/matrix/k")) == (403, "AccessDenied")
    assert code_of(door.ask("GET", "/matrix/k")) == (403, "AccessDenied")
    s3.delete_bucket_policy(Bucket="matrix")
    s3.put_bucket_acl(Bucket="matrix", ACL="public-read")
    assert door.ask("GET", "/matrix/k")[2] == b"secret"
    assert code_of(door.ask("PUT", "/matrix/k", b"x")) == (403, "AccessDenied")
    assert code_of(door.ask("DELETE", "/matrix/k")) == (403, "AccessDenied")
    s3.put_bucket_acl(Bucket="matrix", ACL="private")
    assert code_of(door.ask("GET", "/matrix/k")) == (403, "AccessDenied")


def test_a_copy_needs_its_source(door, bucket, hands, s3):
    s3.create_bucket(Bucket="matrix-mine")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::matrix-mine/*"}
    s3.put_bucket_policy(Bucket="matrix-mine", Policy=json.dumps({"Statement": statement}))
    headers = {"x-amz-copy-source": "/matrix/k"}
    answer = door.signed(hands["guest"], "PUT", "/matrix-mine/stolen", headers=headers)
    assert code_of(answer) == (403, "AccessDenied")


def test_a_key_that_is_removed_is_refused_at_once(door, bucket, home):
    from bailee.server.s3 import remove_access_key

    key = new_access_key(home, "owner")
    assert door.signed(key, "GET", "/matrix/k")[0] == 200
    remove_access_key(home, key.id)
    assert code_of(door.signed(key, "GET", "/matrix/k")) == (403, "InvalidAccessKeyId")


def test_a_key_file_that_others_may_read_lets_nobody_in(door, bucket, owner, home):
    path = home / "s3-keys.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    try:
        assert door.signed(owner, "GET", "/matrix/k")[0] == 503
    finally:
        path.chmod(0o600)
    assert door.signed(owner, "GET", "/matrix/k")[0] == 200
