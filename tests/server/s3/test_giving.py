"""Letting an access key into a bucket while the door is open, and out again."""

import io
import json

import pytest
from botocore.exceptions import ClientError

from bailee.errors import InputError
from bailee.server.s3 import giving, new_access_key
from bailee.server.s3.registry import Registry

pytestmark = pytest.mark.usefixtures("looking")
SOMEBODY = {"Sid": "others", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::given/open/*"}  # fmt: skip


@pytest.fixture(scope="module")
def given(s3):
    s3.create_bucket(Bucket="given")
    for key in ("open/a", "kept/b"):
        s3.put_object(Bucket="given", Key=key, Body=key.encode())
    s3.put_bucket_policy(Bucket="given", Policy=json.dumps({"Id": "mine", "Statement": SOMEBODY}))
    return "given"


def refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_a_guest_is_let_into_a_part_and_out_again(door, home, vault, given, s3):
    key, registry = new_access_key(home, "guest"), Registry(vault)
    guest = door.boto(key)
    refused(guest.get_object, Bucket=given, Key="kept/b")
    giving.give(registry, given, key.id, "kept/")
    assert guest.get_object(Bucket=given, Key="kept/b")["Body"].read() == b"kept/b"
    assert guest.get_object(Bucket=given, Key="open/a")["Body"].read() == b"open/a"  # by the owner's own statement
    assert [one["Key"] for one in guest.list_objects_v2(Bucket=given, Prefix="kept/")["Contents"]] == ["kept/b"]
    refused(guest.list_objects_v2, Bucket=given)
    refused(guest.list_objects_v2, Bucket=given, Prefix="open/")
    refused(guest.put_object, Bucket=given, Key="kept/new", Body=b"")
    assert guest.get_bucket_location(Bucket=given)["LocationConstraint"] is None
    giving.give(registry, given, key.id, "kept/", writes=True)
    guest.put_object(Bucket=given, Key="kept/new", Body=b"new")
    guest.upload_fileobj(io.BytesIO(bytes(9 << 20)), given, "kept/large")
    guest.delete_object(Bucket=given, Key="kept/new")
    refused(guest.put_object, Bucket=given, Key="open/new", Body=b"")
    assert giving.given(registry.bucket(given)) == (key.id,)
    assert giving.take(registry, given, key.id)
    assert not giving.take(registry, given, key.id)
    refused(guest.get_object, Bucket=given, Key="kept/b")
    assert json.loads(s3.get_bucket_policy(Bucket=given)["Policy"])["Statement"] == [SOMEBODY]
    guest.close()


def test_the_last_one_out_leaves_no_policy(vault, s3):
    s3.create_bucket(Bucket="bare")
    registry = Registry(vault)
    giving.give(registry, "bare", "BKA")
    giving.give(registry, "bare", "BKB", "b/")
    assert giving.given(registry.bucket("bare")) == ("BKA", "BKB")
    giving.take(registry, "bare", "BKA")
    giving.take(registry, "bare", "BKB")
    assert "policy" not in registry.bucket("bare").settings


@pytest.mark.parametrize("prefix", ["a*", "?", "${aws:username}/", "a\n"])
def test_a_prefix_is_no_pattern(vault, given, prefix):
    with pytest.raises(InputError, match="expected a prefix without"):
        giving.give(Registry(vault), given, "BKA", prefix)
