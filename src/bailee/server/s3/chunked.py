"""The aws-chunked encoding: a body in chunks, each of which may be signed, with headers that trail.

    HEX-SIZE[;chunk-signature=HEX]\r\n  BYTES  \r\n   ...   0[;chunk-signature=HEX]\r\n  [NAME:VALUE\r\n ...]  \r\n

Signatures are a chain that starts with the request's: a chunk that is changed, moved or missing is found at its end.
Bytes are handed on before that, so whoever takes them keeps nothing until `finish` has returned.
Source: docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and sigv4-streaming-trailers.html
"""

from __future__ import annotations

import hashlib
import hmac
import re

from bailee.server.s3.errors import S3Error
from bailee.server.s3.signing import Signed

_EMPTY = hashlib.sha256(b"").hexdigest()
_HEAD = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?\Z")
_TRAILER = re.compile(rb"([A-Za-z0-9-]{1,64}):([\x20-\x7e]{0,256})\Z")
_MAX_LINE = 512
_MAX_TRAILERS = 8


class Chain:
    """The chain of chunk signatures of one signed request."""

    def __init__(self, signed: Signed) -> None:
        self._key = signed.signing_key.reveal()
        self._scope = f"{signed.claim.stamp}\n{signed.claim.scope}"
        self._last = signed.claim.signature

    def check_chunk(self, digest: str, given: bytes | None) -> None:
        self._check(f"AWS4-HMAC-SHA256-PAYLOAD\n{self._scope}\n{self._last}\n{_EMPTY}\n{digest}", given)

    def check_trailer(self, digest: str, given: bytes | None) -> None:
        self._check(f"AWS4-HMAC-SHA256-TRAILER\n{self._scope}\n{self._last}\n{digest}", given)

    def _check(self, text: str, given: bytes | None) -> None:
        expected = hmac.digest(self._key, text.encode(), "sha256").hex()
        if given is None or not hmac.compare_digest(expected.encode(), given):
            raise S3Error("SignatureDoesNotMatch", "The signature of a chunk or trailer does not match.")
        self._last = expected


class ChunkReader:
    """Takes the encoded bytes in any cut, gives the plain ones. chain: None where chunks are not signed.

    trailers: names (lower case) that may trail; None where none may. Raises S3Error for what is not this encoding.
    """

    def __init__(self, chain: Chain | None, trailers: frozenset[str] | None) -> None:
        self._chain, self._allowed = chain, trailers
        self._line = bytearray()
        self._state = "head"
        self._left = 0
        self._hash = hashlib.sha256()
        self._signature: bytes | None = None
        self._signed_trailers = bytearray()
        self.trailers: dict[str, str] = {}

    def feed(self, data: bytes | bytearray) -> list[memoryview]:
        view, found = memoryview(data), []
        while view:
            if self._state == "body":
                piece = view[: self._left]
                view = view[len(piece) :]
                self._left -= len(piece)
                if self._chain is not None:
                    self._hash.update(piece)
                found.append(piece)
                if not self._left:
                    self._end_chunk()
                    self._state = "gap"
            elif self._state == "end":
                raise _malformed("bytes follow the end")
            else:
                view = self._take_line(view)
        return found

    def finish(self) -> dict[str, str]:
        """The trailers. Raises S3Error IncompleteBody where the end has not come."""
        if self._state != "end":
            raise S3Error("IncompleteBody", "The body ended before its last chunk.")
        return self.trailers

    def _take_line(self, view: memoryview) -> memoryview:
        # A line is short: what is looked at is bounded, however the bytes are cut.
        window = bytes(view[: _MAX_LINE + 2 - len(self._line)])
        end = window.find(b"\n")
        self._line += window if end < 0 else window[: end + 1]
        if end < 0:
            if len(self._line) > _MAX_LINE:
                raise _malformed("a line is too long")
            return view[len(window) :]
        if not self._line.endswith(b"\r\n"):
            raise _malformed("a line does not end in CR LF")
        line = bytes(self._line[:-2])
        self._line.clear()
        self._read_line(line)
        return view[end + 1 :]

    def _read_line(self, line: bytes) -> None:
        if self._state == "gap":
            if line:
                raise _malformed("a chunk is longer than it says")
            self._state = "head"
        elif self._state == "head":
            head = _HEAD.match(line)
            if head is None:
                raise _malformed("expected a chunk's size in hex")
            self._left, self._signature = int(head[1], 16), head[2]
            self._hash = hashlib.sha256()
            if self._left:
                self._state = "body"
            else:
                self._end_chunk()
                self._state = "trailer"
        elif line:
            self._read_trailer(line)
        else:
            self._end_trailers()

    def _end_chunk(self) -> None:
        if self._chain is not None:
            self._chain.check_chunk(self._hash.hexdigest(), self._signature)

    def _read_trailer(self, line: bytes) -> None:
        match = _TRAILER.match(line)
        if match is None or self._allowed is None or len(self.trailers) >= _MAX_TRAILERS:
            raise _malformed("expected no trailer, or one as NAME:VALUE")
        name, value = match[1].decode().lower(), match[2].decode().strip()
        if name in self.trailers or (name not in self._allowed and name != "x-amz-trailer-signature"):
            raise _malformed(f"x-amz-trailer does not announce {name}")
        if name != "x-amz-trailer-signature":
            self._signed_trailers += f"{name}:{value}\n".encode()
        self.trailers[name] = value

    def _end_trailers(self) -> None:
        given = self.trailers.pop("x-amz-trailer-signature", None)
        if self._allowed is not None and self._allowed != self.trailers.keys():
            raise _malformed("a trailer that was announced did not come")
        if self._chain is not None and self._allowed:
            digest = hashlib.sha256(self._signed_trailers).hexdigest()
            self._chain.check_trailer(digest, None if given is None else given.encode())
        self._state = "end"


def _malformed(what: str) -> S3Error:
    return S3Error("InvalidRequest", f"The body is not aws-chunked as it should be: {what}.")
