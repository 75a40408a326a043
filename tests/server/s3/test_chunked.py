"""Bodies in chunks: AWS's published example, any cut, each kind of damage."""

import hashlib
import hmac
import zlib
from base64 import b64encode
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailee.keys import Secret
from bailee.server.s3.access_keys import AccessKey, Role
from bailee.server.s3.chunked import Chain, ChunkReader
from bailee.server.s3.errors import S3Error
from bailee.server.s3.signing import Claim, Signed
from server.s3.door import signing_key_of

SECRET = b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
KEY = AccessKey("AKIAIOSFODNN7EXAMPLE", Secret(SECRET), Role.OWNER)
DAMAGED = ("SignatureDoesNotMatch", "InvalidRequest", "IncompleteBody")
EMPTY = hashlib.sha256(b"").hexdigest()
SIGNING = signing_key_of(SECRET, "20130524")
# docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
PUBLISHED = (
    b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
    + b"a" * 65536
    + b"\r\n"
    b"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" + b"a" * 1024 + b"\r\n"
    b"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
)


def signed(seed=SEED):
    claim = Claim(KEY.id, "20130524", "us-east-1", "s3", "20130524T000000Z", ("host",), seed, "", None)
    return Signed(KEY, claim, Secret(SIGNING))


def read(encoded, cuts=(), *, chain=True, trailers=None):
    reader = ChunkReader(Chain(signed()) if chain else None, trailers)
    edges = [0, *sorted(cut % (len(encoded) + 1) for cut in cuts), len(encoded)]
    pieces = [bytes(p) for a, b in pairwise(edges) for p in reader.feed(encoded[a:b])]
    return b"".join(pieces), reader.finish()


def encode(data, size, trailers=None, chain=True):
    """Written apart from the reader, from the description."""
    last, out = SEED, b""
    head = "20130524T000000Z\n20130524/us-east-1/s3/aws4_request"
    for at in [*range(0, len(data), size), None]:
        chunk = b"" if at is None else data[at : at + size]
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{head}\n{last}\n{EMPTY}\n{hashlib.sha256(chunk).hexdigest()}"
        last = hmac.new(SIGNING, text.encode(), "sha256").hexdigest()
        out += f"{len(chunk):x}".encode() + (b";chunk-signature=" + last.encode() if chain else b"") + b"\r\n"
        out += chunk + b"\r\n" if chunk else b""
    for name, value in (trailers or {}).items():
        out += f"{name}:{value}\r\n".encode()
    if trailers and chain:
        canonical = "".join(f"{name}:{value}\n" for name, value in trailers.items())
        text = f"AWS4-HMAC-SHA256-TRAILER\n{head}\n{last}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        out += b"x-amz-trailer-signature:" + hmac.new(SIGNING, text.encode(), "sha256").hexdigest().encode() + b"\r\n"
    return out + b"\r\n"


@given(st.lists(st.integers(0, 1 << 20), max_size=5))
def test_the_published_example_in_any_cut(cuts):
    assert read(PUBLISHED, cuts) == (b"a" * 66560, {})


@given(st.binary(max_size=300), st.integers(1, 100), st.booleans(), st.lists(st.integers(0, 2000), max_size=8))
def test_trailers_in_any_cut(data, size, chain, cuts):
    told = {"x-amz-checksum-crc32": b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()}
    encoded = encode(data, size, told, chain)
    assert read(encoded, cuts, chain=chain, trailers=frozenset(told)) == (data, told)


@given(st.integers(0), st.integers(1, 255))
def test_any_changed_byte_is_found(at, change):
    told = {"x-amz-checksum-crc32": "AAAAAA=="}
    encoded = bytearray(encode(b"some bytes to keep", 5, told))
    encoded[at % len(encoded)] ^= change
    try:
        data, trailers = read(bytes(encoded), trailers=frozenset(told))
    except S3Error as error:
        code = error.code
    else:
        code = ""
        # What may differ is how a number or a name is written, never what it says.
        assert (data, trailers) == (b"some bytes to keep", told)
    assert code in ("", *DAMAGED)


@pytest.mark.parametrize(
    ("encoded", "code"),
    [
        (b"", "IncompleteBody"),
        (PUBLISHED[:-1], "IncompleteBody"),
        (PUBLISHED[:66000], "IncompleteBody"),
        (PUBLISHED + b"x", "InvalidRequest"),
        (b"zz\r\n", "InvalidRequest"),
        (b"-1\r\n", "InvalidRequest"),
        (b"1" * 17 + b"\r\n", "InvalidRequest"),
        (b"1" * 600, "InvalidRequest"),
        (b"1\n", "InvalidRequest"),
        (b"1\r\na\r\n", "SignatureDoesNotMatch"),
        (PUBLISHED.replace(b"\r\n400;", b"x\r\n400;"), "InvalidRequest"),
        (PUBLISHED[PUBLISHED.index(b"400;") :], "SignatureDoesNotMatch"),
        (PUBLISHED[:65626] + PUBLISHED[PUBLISHED.index(b"0;chunk-signature=b6") :], "SignatureDoesNotMatch"),
        (PUBLISHED[:-2] + b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n", "InvalidRequest"),
    ],
)
def test_damage(encoded, code):
    with pytest.raises(S3Error) as caught:
        read(encoded)
    assert caught.value.code == code


def test_trailers_are_those_that_were_announced():
    told = {"x-amz-checksum-crc32": "AAAAAA=="}
    for announced in (frozenset(), frozenset({"x-amz-checksum-sha1"}), frozenset({*told, "x-amz-checksum-sha1"})):
        with pytest.raises(S3Error) as caught:
            read(encode(b"x", 1, told), trailers=announced)
        assert caught.value.code == "InvalidRequest"
    unsigned = encode(b"x", 1, told).replace(b"x-amz-trailer-signature", b"x-amz-checksum-crc32")
    with pytest.raises(S3Error):
        read(unsigned, trailers=frozenset(told))


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_taken_or_refused(encoded, chain):
    code = ""
    try:
        read(encoded, chain=chain, trailers=frozenset({"x-amz-checksum-crc32"}) if not chain else None)
    except S3Error as error:
        code = error.code
    assert code in ("", *DAMAGED)
