"""Signatures against AWS's published examples, and claims that are malformed. Requests here never touch a socket."""

import hashlib
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailee.keys import Secret
from bailee.server.s3.access_keys import AccessKey, Role
from bailee.server.s3.encoding import parse_stamp
from bailee.server.s3.errors import S3Error
from bailee.server.s3.request import read_request
from bailee.server.s3.signing import LONGEST, Verifier, read_claim
from server.s3.door import sign, signing_key_of

# docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and sigv4-query-string-auth.html
KEY = AccessKey("AKIAIOSFODNN7EXAMPLE", Secret(b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), Role.OWNER)
NOW = 1369353600.0
HOST = "examplebucket.s3.amazonaws.com"
EMPTY = hashlib.sha256(b"").hexdigest()


def request(method="GET", target="/", headers=()):
    path, _, query = target.partition("?")
    raw = [(name.encode(), value.encode("latin-1")) for name, value in dict(headers).items()]
    scope = {"method": method, "raw_path": path.encode(), "path": path, "query_string": query.encode(), "headers": raw}
    return read_request(scope, "ID")


def verifier(keys=(KEY,)):
    return Verifier({key.id: key for key in keys}.get, "us-east-1")


def authorization(signed, signature):
    scope = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope},SignedHeaders={signed},Signature={signature}"


def example(signed, signature, **headers):
    given_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    common = {"host": HOST, "x-amz-date": "20130524T000000Z", "x-amz-content-sha256": EMPTY}
    return {**common, **given_headers, "authorization": authorization(signed, signature)}


EXAMPLES = [
    ("GET", "/test.txt", example("host;range;x-amz-content-sha256;x-amz-date",
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41", range="bytes=0-9")),
    ("PUT", "/test%24file.text", example("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd", date="Fri, 24 May 2013 00:00:00 GMT",
     x_amz_storage_class="REDUCED_REDUNDANCY",
     x_amz_content_sha256="44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072")),
    ("GET", "/?lifecycle", example("host;x-amz-content-sha256;x-amz-date",
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")),
    ("GET", "/?max-keys=2&prefix=J", example("host;x-amz-content-sha256;x-amz-date",
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")),
]  # fmt: skip
PRESIGNED = (
    "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
)


@pytest.mark.parametrize(("method", "target", "headers"), EXAMPLES)
def test_published_examples(method, target, headers):
    assert verifier().verify(request(method, target, headers), NOW).key is KEY


def test_published_presigned_example():
    assert verifier().verify(request("GET", PRESIGNED, {"host": HOST}), NOW + 86399).key is KEY


def refusal(call, *arguments):
    with pytest.raises(S3Error) as caught:
        call(*arguments)
    return caught.value.code


@pytest.mark.parametrize("change", ["method", "path", "query", "header", "host", "payload", "signature"])
def test_any_change_breaks_the_signature(change):
    method, target, headers = EXAMPLES[0]
    headers = dict(headers)
    match change:
        case "method":
            method = "HEAD"
        case "path":
            target = "/test.txx"
        case "query":
            target += "?versionId=0"
        case "header":
            headers["range"] = "bytes=0-10"
        case "host":
            headers["host"] = "other"
        case "payload":
            headers["x-amz-content-sha256"] = "0" * 64
        case "signature":
            headers["authorization"] = headers["authorization"][:-1] + "0"
    assert refusal(verifier().verify, request(method, target, headers), NOW) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("name", "value"), [("method", "PUT"), ("path", "x"), ("date", "20130524T000001Z"), ("expires", "86401")]
)
def test_any_change_breaks_a_presigned_url(name, value):
    target, method = PRESIGNED, "GET"
    match name:
        case "method":
            method = value
        case "path":
            target = target.replace("/test.txt", "/test.tx")
        case "date":
            target = target.replace("20130524T000000Z", value)
        case "expires":
            target = target.replace("86400", value)
    assert refusal(verifier().verify, request(method, target, {"host": HOST}), NOW) == "SignatureDoesNotMatch"


def test_time_is_bounded():
    method, target, headers = EXAMPLES[0]
    asked = request(method, target, headers)
    for moment in (NOW - 900, NOW + 900):
        assert verifier().verify(asked, moment)
    for moment in (NOW - 901, NOW + 901):
        assert refusal(verifier().verify, asked, moment) == "RequestTimeTooSkewed"
    asked = request("GET", PRESIGNED, {"host": HOST})
    assert refusal(verifier().verify, asked, NOW + 86400) == "AccessDenied"
    assert refusal(verifier().verify, asked, NOW - 901) == "AccessDenied"
    longer = PRESIGNED.replace("86400", str(LONGEST + 1))
    assert (
        refusal(verifier().verify, request("GET", longer, {"host": HOST}), NOW) == "AuthorizationQueryParametersError"
    )


def test_a_key_that_expired_or_is_unknown():
    method, target, headers = EXAMPLES[0]
    asked = request(method, target, headers)
    assert refusal(verifier(()).verify, asked, NOW) == "InvalidAccessKeyId"
    old = AccessKey(KEY.id, KEY.secret, Role.OWNER, NOW)
    assert refusal(verifier((old,)).verify, asked, NOW) == "InvalidAccessKeyId"
    assert verifier((old,)).verify(asked, NOW - 1)


def test_a_header_that_is_not_signed_could_be_anybodys():
    method, target, headers = EXAMPLES[0]
    asked = request(method, target, {**headers, "x-amz-acl": "public-read"})
    assert refusal(verifier().verify, asked, NOW) == "AccessDenied"
    asked = request("GET", PRESIGNED, {"host": HOST, "x-amz-tagging": "a=1"})
    assert refusal(verifier().verify, asked, NOW) == "AccessDenied"


def test_nothing_claimed_is_nobody():
    assert verifier().verify(request("GET", "/a/b", {"host": HOST}), NOW) is None


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"authorization": "AWS AKID:sig"}, "InvalidRequest"),
        ({"authorization": "Bearer x"}, "InvalidRequest"),
        ({"authorization": "AWS4-HMAC-SHA256"}, "AuthorizationHeaderMalformed"),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=0"},
         "AuthorizationHeaderMalformed"),
        ({"authorization": authorization("host", "0" * 64)}, "AccessDenied"),
        ({"authorization": authorization("host", "0" * 64), "x-amz-date": "20130524T000000Z"}, "InvalidRequest"),
        ({"authorization": authorization("range", "0" * 64), "x-amz-date": "20130524T000000Z",
          "x-amz-content-sha256": EMPTY}, "AuthorizationHeaderMalformed"),
    ],
)  # fmt: skip
def test_malformed_claims(headers, code):
    assert refusal(read_claim, request("GET", "/", headers)) == code


def test_both_kinds_at_once():
    assert refusal(read_claim, request("GET", PRESIGNED, EXAMPLES[0][2])) == "InvalidArgument"


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)


@given(NAMES, st.lists(st.tuples(NAMES, NAMES), max_size=4, unique_by=lambda pair: pair[0]), st.binary(max_size=20))
def test_what_one_side_signs_the_other_takes(key, query, body):
    path = "/bucket/" + quote(key, safe="/-._~")
    query = [
        (name, value)
        for name, value in query
        if not name.startswith("X-Amz") and name not in ("Signature", "AWSAccessKeyId")
    ]
    headers = sign(KEY, "PUT", path, query, body, {}, host="h", moment=NOW)
    target = path + "?" + "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in query)
    try:
        asked = request("PUT", target, {**headers, "host": "h"})
    except S3Error:
        assert ".." in key
        return
    signed = verifier().verify(asked, NOW)
    assert signed.signing_key.reveal() == signing_key_of(KEY.secret.reveal(), "20130524")


@given(st.text(max_size=300))
def test_any_authorization_is_taken_or_refused(text):
    headers = {"host": "h", "x-amz-date": "20130524T000000Z", "x-amz-content-sha256": EMPTY}
    for value in (text, "AWS4-HMAC-SHA256 " + text, authorization(text, "0" * 64)):
        value = value.encode("utf-8", "replace").decode("latin-1")
        try:
            verifier().verify(request("GET", "/", {**headers, "authorization": value}), NOW)
        except S3Error:
            continue
        assert value.strip() == ""


@given(st.text(max_size=20))
def test_stamps(text):
    assert parse_stamp(text) is None
    assert parse_stamp("20130524T000000Z") == NOW
    assert parse_stamp("20130230T000000Z") is None
    assert parse_stamp("２0130524T000000Z") is None
