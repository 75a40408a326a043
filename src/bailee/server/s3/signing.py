"""AWS Signature Version 4: what a signed request says, and whether it was signed with the key it names.

Both forms: the Authorization header, and a presigned URL. The signature of a body that comes in signed chunks goes on
in `chunked`. Replay is bounded by the date: 15 minutes for a header, the signer's own limit (at most 7 days) for a URL.
Source: docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from bailee.keys import Secret
from bailee.server.s3.access_keys import AccessKey
from bailee.server.s3.encoding import encode_part, encode_path, is_plain, parse_stamp, to_int
from bailee.server.s3.errors import S3Error
from bailee.server.s3.request import Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
CHUNKS_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
CHUNKS_SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
CHUNKS_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
PAYLOADS = (UNSIGNED, CHUNKS_SIGNED, CHUNKS_SIGNED_TRAILER, CHUNKS_UNSIGNED_TRAILER)
SKEW = 15 * 60
LONGEST = 7 * 24 * 3600
_CREDENTIAL = re.compile(r"([^/\s]{1,128})/(\d{8})/([^/\s]{1,64})/([^/\s]{1,32})/aws4_request\Z", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{64}\Z")
_SPACES = re.compile(r" {2,}")
_MAX_SIGNED = 100


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of its signature; nothing of it is believed yet."""

    key_id: str
    day: str
    region: str
    service: str
    stamp: str
    signed: tuple[str, ...]
    signature: str
    payload: str
    expires: int | None
    """Seconds a presigned URL lives; None for a header."""

    @property
    def scope(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose signature fits. signing_key and signature seed the chain of a body in signed chunks."""

    key: AccessKey
    claim: Claim
    signing_key: Secret


class Verifier:
    """Checks signatures for one region. find: an access key by its id; signing keys are kept for a day's use."""

    def __init__(self, find: Callable[[str], AccessKey | None], region: str) -> None:
        self._find, self._region = find, region
        self._kept: dict[tuple[str, str], tuple[AccessKey, Secret]] = {}

    def verify(self, request: Request, now: float) -> Signed | None:
        """None for a request that claims nothing. Raises S3Error for a claim that does not hold."""
        claim = read_claim(request)
        if claim is None:
            return None
        _check_date(claim, now)
        key = self._find(claim.key_id)
        if key is None:
            raise S3Error("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
        if key.expires is not None and now >= key.expires:
            raise S3Error("InvalidAccessKeyId", "The access key has expired; ask its owner for another.")
        if claim.region != self._region or claim.service != "s3":
            code = "AuthorizationHeaderMalformed" if claim.expires is None else "AuthorizationQueryParametersError"
            expected = f"expecting '{self._region}/s3', got '{claim.region}/{claim.service}'"
            raise S3Error(code, f"The credential scope is wrong; {expected}", Region=self._region)
        if claim.payload not in PAYLOADS and not _HEX.match(claim.payload):
            raise S3Error(
                "InvalidArgument", f"x-amz-content-sha256 must be a SHA-256 in hex, or one of {', '.join(PAYLOADS)}."
            )
        _check_all_signed(request, claim)
        signing_key = self._signing_key(key, claim)
        text = string_to_sign(claim, canonical_request(request, claim))
        expected_signature = hmac.digest(signing_key.reveal(), text, "sha256").hex()
        if not hmac.compare_digest(expected_signature, claim.signature):
            raise S3Error(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.",
            )
        return Signed(key, claim, signing_key)

    def _signing_key(self, key: AccessKey, claim: Claim) -> Secret:
        kept = self._kept.get((key.id, claim.day))
        if kept is not None and kept[0] is key:
            return kept[1]
        if len(self._kept) > 1000:
            self._kept.clear()
        made = derive_key(key.secret, claim.day, claim.region, claim.service)
        self._kept[(key.id, claim.day)] = (key, made)
        return made


def derive_key(secret: Secret, day: str, region: str, service: str) -> Secret:
    value = b"AWS4" + secret.reveal()
    for part in (day, region, service, "aws4_request"):
        value = hmac.digest(value, part.encode(), "sha256")
    return Secret(value)


def read_claim(request: Request) -> Claim | None:
    """Raises S3Error for a claim that is malformed, or of another algorithm."""
    authorization = request.headers.get("authorization")
    in_query = "X-Amz-Algorithm" in request.query or "X-Amz-Signature" in request.query
    if authorization is not None and in_query:
        raise S3Error("InvalidArgument", "Only one auth mechanism allowed.")
    if authorization is not None:
        return _header_claim(request, authorization)
    if in_query:
        return _query_claim(request)
    if "Signature" in request.query or "AWSAccessKeyId" in request.query:
        raise S3Error("InvalidRequest", "Please use AWS4-HMAC-SHA256; Signature Version 2 is not supported.")
    return None


def _header_claim(request: Request, authorization: str) -> Claim:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise S3Error(
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        )
    fields: dict[str, str] = {}
    for item in rest.split(","):
        name, _, value = item.strip().partition("=")
        if name in fields:
            raise _malformed("a field is given twice")
        fields[name] = value
    if fields.keys() != {"Credential", "SignedHeaders", "Signature"}:
        raise _malformed("expected Credential, SignedHeaders and Signature")
    credential = _CREDENTIAL.match(fields["Credential"])
    if credential is None or not _HEX.match(fields["Signature"]):
        raise _malformed("expected Credential=ID/DATE/REGION/s3/aws4_request and a signature of 64 hex digits")
    stamp = request.headers.get("x-amz-date")
    if stamp is None or parse_stamp(stamp) is None:
        raise S3Error("AccessDenied", "AWS authentication requires a valid X-Amz-Date header, as in 20261123T053900Z")
    payload = request.headers.get("x-amz-content-sha256")
    if payload is None:
        raise S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    signed = _signed_headers(fields["SignedHeaders"])
    if signed is None:
        raise _malformed("expected SignedHeaders in lower case, with host")
    key_id, day, region, service = credential.groups()
    return Claim(key_id, day, region, service, stamp, signed, fields["Signature"], payload, None)


def _query_claim(request: Request) -> Claim:
    query = request.query
    names = [name for name, _ in request.pairs if name.startswith(b"X-Amz-")]
    if len(names) != len(set(names)):
        raise _malformed_query("a parameter is given twice")
    if query.get("X-Amz-Algorithm") != ALGORITHM:
        raise _malformed_query(f"expected X-Amz-Algorithm={ALGORITHM}")
    credential = _CREDENTIAL.match(query.get("X-Amz-Credential", ""))
    stamp = query.get("X-Amz-Date", "")
    expires = to_int(query.get("X-Amz-Expires", ""), 1, LONGEST)
    signature = query.get("X-Amz-Signature", "")
    signed = _signed_headers(query.get("X-Amz-SignedHeaders", ""))
    if credential is None or parse_stamp(stamp) is None or not _HEX.match(signature) or signed is None:
        raise _malformed_query(
            "expected X-Amz-Credential, X-Amz-Date, X-Amz-SignedHeaders (with host) and X-Amz-Signature"
        )
    if expires is None:
        raise _malformed_query(f"expected X-Amz-Expires of 1 to {LONGEST} seconds")
    payload = query.get("X-Amz-Content-Sha256", UNSIGNED)
    if "x-amz-content-sha256" in signed:
        payload = request.headers.get("x-amz-content-sha256", "")
    key_id, day, region, service = credential.groups()
    return Claim(key_id, day, region, service, stamp, signed, signature, payload, expires)


def _signed_headers(text: str) -> tuple[str, ...] | None:
    names = tuple(text.split(";"))
    fits = len(names) <= _MAX_SIGNED and "host" in names and text == text.lower() and len(set(names)) == len(names)
    return tuple(sorted(names)) if fits else None


def _check_date(claim: Claim, now: float) -> None:
    made = parse_stamp(claim.stamp)
    if made is None or claim.stamp[:8] != claim.day:
        raise _malformed("the date of the credential is not that of the request")
    if claim.expires is None:
        if abs(now - made) > SKEW:
            raise S3Error(
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
                MaxAllowedSkewMilliseconds=str(SKEW * 1000),
            )
    elif now < made - SKEW:
        raise S3Error("AccessDenied", "Request is not yet valid")
    elif now >= made + claim.expires:
        raise S3Error("AccessDenied", "Request has expired")


def _check_all_signed(request: Request, claim: Claim) -> None:
    # A header that changes what a request does and is not signed could be added by whoever carries it.
    for name in request.headers:
        if name.startswith("x-amz-") and name not in claim.signed:
            if name == "x-amz-content-sha256" and claim.expires is not None:
                continue
            raise S3Error(
                "AccessDenied", "There were headers present in the request which were not signed", HeadersNotSigned=name
            )
    for name in claim.signed:
        if name not in request.headers:
            raise S3Error("AccessDenied", f"The header {name} is signed but was not sent")


def canonical_request(request: Request, claim: Claim) -> bytes:
    path = request.path.decode("latin-1")
    if not is_plain(path):
        path = encode_path(unquote_to_bytes(request.path))
    pairs = request.pairs
    if claim.expires is not None:
        pairs = [pair for pair in pairs if pair[0] != b"X-Amz-Signature"]
    query = ""
    if pairs:
        query = "&".join(
            f"{name}={value}" for name, value in sorted((encode_part(n), encode_part(v)) for n, v in pairs)
        )
    lines = [request.method, path, query]
    for name in claim.signed:
        value = request.headers[name]
        lines.append(f"{name}:{_SPACES.sub(' ', value) if '  ' in value else value}")
    lines += ["", ";".join(claim.signed), claim.payload]
    return "\n".join(lines).encode("latin-1")


def string_to_sign(claim: Claim, canonical: bytes) -> bytes:
    return f"{ALGORITHM}\n{claim.stamp}\n{claim.scope}\n{hashlib.sha256(canonical).hexdigest()}".encode()


def _malformed(what: str) -> S3Error:
    return S3Error("AuthorizationHeaderMalformed", f"The authorization header is malformed; {what}.")


def _malformed_query(what: str) -> S3Error:
    return S3Error("AuthorizationQueryParametersError", f"The query of a presigned URL is malformed; {what}.")
