"""What comes from outside is parsed or refused: keys, ranges, policies, documents, checksums. Nothing else happens."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailee.server.s3 import checksums, cors, lifecycle, locking, tagging, xml
from bailee.server.s3.conditions import read_range
from bailee.server.s3.errors import S3Error
from bailee.server.s3.policy import matches, parse_policy
from bailee.server.s3.request import checked_key, read_request

ARN = "arn:aws:s3:::b"


def code_of(call, *arguments):
    with pytest.raises(S3Error) as caught:
        call(*arguments)
    return caught.value.code


KEYS = ["a//b", "a/./b", "a/b/../c", "./a", "a/", "/", " ", "ü", "a\\b", "%2e", "\n", "x" * 1024]


@pytest.mark.parametrize("key", KEYS)
def test_keys_are_opaque(key, door, owner, s3):
    assert checked_key(key.encode()) == key
    if "keys" not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket="keys")
    from urllib.parse import quote

    path = "/keys/" + quote(key, safe="/-._~")
    assert door.signed(owner, "PUT", path, body=key.encode())[0] == 200
    assert door.signed(owner, "GET", path)[2] == key.encode()
    listed = s3.list_objects_v2(Bucket="keys", Prefix=key)["Contents"]
    assert key in [one["Key"] for one in listed]


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (b"..", "InvalidURI"),
        (b"../other/k", "InvalidURI"),
        (b"a/../../k", "InvalidURI"),
        (b"a\0b", "InvalidURI"),
        (b"x" * 1025, "KeyTooLongError"),
        ("ü".encode() * 513, "KeyTooLongError"),
    ],
)
def test_keys_that_are_refused(key, code):
    assert code_of(checked_key, key) == code


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_target(path, query):
    scope = {"method": "GET", "raw_path": b"/" + path, "path": "/", "query_string": query, "headers": []}
    try:
        found = read_request(scope, "ID")
    except S3Error as error:
        scope = None
        assert error.code == "InvalidURI"  # noqa: PT017
    assert scope is None or "\0" not in found.key


@given(st.text("bytes=0123456789-, x", max_size=20), st.integers(0, 50))
def test_any_range(text, length):
    for header in (text, f"bytes={text}"):
        try:
            found = read_range(header, length)
        except S3Error as error:
            found = error.code
        assert found in (None, "InvalidRange") or 0 <= found[0] < found[1] <= length


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_wildcards(pattern, text):
    import re

    expected = re.fullmatch(pattern.replace("*", ".*").replace("?", "."), text) is not None
    assert matches(pattern, text) is expected


def test_a_wildcard_takes_no_exponential_time():
    assert not matches("*a" * 500 + "b", "a" * 1024)


ATOMS = ["*", "Allow", "Deny", f"{ARN}/*", "s3:*"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(ATOMS),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["Version", "Statement", "Effect", "Principal", "Action", "Resource", "Condition", "AWS",
                         "StringEquals", "IpAddress", "aws:SourceIp", "s3:prefix"]), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip


@given(JSON | st.text(max_size=50))
def test_any_policy(document):
    text = document if isinstance(document, str) else json.dumps(document)
    try:
        parse_policy(text, "b")
    except S3Error as error:
        assert error.code == "MalformedPolicy"  # noqa: PT017


def statement(**changes):
    base = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{ARN}/*"}
    return json.dumps({"Statement": {**base, **changes}})


@pytest.mark.parametrize(
    "changes",
    [
        {"Effect": "Maybe"},
        {"Principal": {"Federated": "*"}},
        {"Principal": {"AWS": "some body"}},
        {"NotAction": "s3:GetObject"},
        {"Action": "ec2:*"},
        {"Resource": "arn:aws:s3:::other/*"},
        {"Resource": "*"},
        {"Resource": f"{ARN}/${{aws:username}}/*"},
        {"Condition": {"StringEqualsIfExists": {"s3:prefix": "a"}}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "x"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "nowhere"}}},
        {"Condition": {"Bool": {"aws:SecureTransport": "perhaps"}}},
    ],
)
def test_policies_that_say_more_than_is_understood(changes):
    assert code_of(parse_policy, statement(**changes), "b") == "MalformedPolicy"


def test_an_element_said_twice():
    assert code_of(parse_policy, '{"Statement": [], "Statement": []}', "b") == "MalformedPolicy"


@pytest.mark.parametrize(
    ("condition", "facts", "holds"),
    [
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws:sourceip": "10.1.2.3"}, True),
        ({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "::1"]}}, {"aws:sourceip": "::1"}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws:sourceip": "11.1.2.3"}, False),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {}, False),
        ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws:sourceip": "10.1.2.3"}, False),
        ({"Bool": {"aws:SecureTransport": True}}, {"aws:securetransport": "false"}, False),
        ({"StringLike": {"s3:prefix": "a/*"}}, {"s3:prefix": "a/b"}, True),
        ({"StringNotEquals": {"s3:prefix": "a"}}, {}, True),
        ({"StringNotEquals": {"s3:prefix": ["a", "b"]}}, {"s3:prefix": "b"}, False),
        ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, {"s3:max-keys": "11"}, False),
        (
            {"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}},
            {"aws:currenttime": "2026-01-01T00:00:00Z"},
            True,
        ),
        ({"Null": {"s3:prefix": True}}, {}, True),
        ({"Null": {"s3:prefix": True}}, {"s3:prefix": ""}, False),
    ],
)
def test_conditions(condition, facts, holds):
    policy = parse_policy(statement(Condition=condition), "b")
    assert policy.decide(None, "s3:GetObject", "b/k", facts) is (True if holds else None)


def test_a_denial_wins():
    both = [json.loads(statement())["Statement"], json.loads(statement(Effect="Deny"))["Statement"]]
    for order in (both, both[::-1]):
        policy = parse_policy(json.dumps({"Statement": order}), "b")
        assert policy.decide("KEY", "s3:GetObject", "b/k", {}) is False


READERS = [
    lambda data: cors.read_rules(data.decode("latin-1")),
    lambda data: lifecycle.read_rules(data.decode("latin-1")),
    lambda data: tagging.tags_of_document(data, 10),
    lambda data: locking._read_configuration(data.decode("latin-1")),
    lambda data: xml.read(data, "Delete"),
]
ELEMENTS = st.sampled_from(
    [
        "Tagging",
        "TagSet",
        "Tag",
        "Key",
        "Value",
        "CORSConfiguration",
        "CORSRule",
        "AllowedOrigin",
        "AllowedMethod",
        "LifecycleConfiguration",
        "Rule",
        "Filter",
        "And",
        "Expiration",
        "Days",
        "Status",
        "ObjectLockConfiguration",
        "DefaultRetention",
        "Delete",
    ]
)
TREES = st.recursive(
    st.sampled_from(["", "1", "Enabled", "GET", "*", "&lt;", "<!-- x -->", "<?x y?>"]),
    lambda inner: st.builds(
        lambda name, held: f"<{name}>{''.join(held)}</{name}>", ELEMENTS, st.lists(inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.binary(max_size=100) | TREES.map(str.encode))
def test_any_document(data):
    for reader in READERS:
        try:
            reader(data)
        except S3Error as error:
            assert error.status in (400, 501)  # noqa: PT017


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;">]><Delete>&y;</Delete>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><Delete/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Delete>&x;</Delete>',
        b"<Delete>" + b"<a>" * 3000 + b"</a>" * 3000 + b"</Delete>",
        b"",
    ],
)
def test_documents_that_attack(document):
    assert code_of(xml.read, document, "Delete") == "MalformedXML"


@given(st.text(max_size=40))
def test_any_checksum(text):
    found = checksums.decode_digest(text, 4)
    assert found is None or len(found) == 4


def test_a_checksum_without_a_library_is_refused():
    if not checksums.is_available("crc64nvme"):
        assert code_of(checksums.new_hash, "crc64nvme") == "NotImplemented"
