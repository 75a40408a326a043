"""The way of a request's body into the vault: decoded, counted, hashed, written; believed only when all of it fits.

`Intake` does the work, in a thread; `application` feeds it blocks, one ahead of the other, so that a body of any size
takes the memory of two blocks.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable

from bailee.server.s3 import checksums
from bailee.server.s3.checksums import Hash
from bailee.server.s3.chunked import Chain, ChunkReader
from bailee.server.s3.encoding import to_int
from bailee.server.s3.errors import S3Error
from bailee.server.s3.request import Request
from bailee.server.s3.signing import (
    CHUNKS_SIGNED,
    CHUNKS_SIGNED_TRAILER,
    CHUNKS_UNSIGNED_TRAILER,
    UNSIGNED,
    Signed,
)

MAX_OBJECT = 5 * (1 << 40)


class Intake:
    """Takes a body's raw bytes in order and gives the plain ones to `write`. Raises S3Error for what does not fit.

    length: of the plain body, known before it comes.
    """

    def __init__(self, request: Request, signed: Signed | None, algorithm: str | None = None) -> None:
        headers = request.headers
        payload = signed.claim.payload if signed is not None else headers.get("x-amz-content-sha256", UNSIGNED)
        self._reader = _chunk_reader(headers, payload, signed)
        self.length = _length(headers, self._reader is not None)
        self._count = 0
        self._expected = checksums.expected_checksums(headers)
        self.algorithm = next(iter(self._expected), None) or _trailing_algorithm(headers) or algorithm
        self._hash = checksums.new_hash(self.algorithm) if self.algorithm else None
        self._sha256: Hash | None = None
        self._payload = ""
        if payload not in (UNSIGNED, CHUNKS_SIGNED, CHUNKS_SIGNED_TRAILER, CHUNKS_UNSIGNED_TRAILER):
            self._payload = payload
            self._sha256 = self._hash if self.algorithm == "sha256" else hashlib.sha256()
        self._md5: Hash | None = None
        self._expected_md5 = headers.get("content-md5")
        if self._expected_md5 is not None:
            if checksums.decode_digest(self._expected_md5, 16) is None:
                raise S3Error("InvalidDigest", "The Content-MD5 you specified is not valid.")
            self._md5 = hashlib.md5(usedforsecurity=False)
        self.checksum = ""
        """Base64, of `algorithm`, when `finish` has returned."""

    def use(self, algorithm: str) -> None:
        """Compute this too where the request names none itself. Before the first bytes."""
        if self.algorithm is None:
            self.algorithm, self._hash = algorithm, checksums.new_hash(algorithm)

    def take(self, raw: bytes | bytearray, write: Callable[[bytes | memoryview], None]) -> None:
        pieces = [memoryview(raw)] if self._reader is None else self._reader.feed(raw)
        for piece in pieces:
            self._count += len(piece)
            if self._count > self.length:
                raise S3Error("IncompleteBody", "The body is longer than its length says.")
            for running in (self._hash, self._md5):
                if running is not None:
                    running.update(piece)
            if self._sha256 is not None and self._sha256 is not self._hash:
                self._sha256.update(piece)
            write(piece)

    def finish(self) -> None:
        """Raises S3Error unless length, hashes and signatures all fit."""
        expected = dict(self._expected)
        if self._reader is not None:
            expected |= checksums.expected_checksums(self._reader.finish())
        if self._count != self.length:
            raise S3Error("IncompleteBody", "You did not provide the number of bytes specified by the Content-Length.")
        if self._sha256 is not None and self._sha256.digest().hex() != self._payload:
            raise S3Error(
                "XAmzContentSHA256Mismatch", "The provided x-amz-content-sha256 does not match what was computed."
            )
        if self._md5 is not None and b64encode(self._md5.digest()).decode() != self._expected_md5:
            raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")
        if self._hash is not None and self.algorithm is not None:
            self.checksum = b64encode(self._hash.digest()).decode()
            if expected.get(self.algorithm, self.checksum) != self.checksum:
                raise S3Error(
                    "BadDigest", f"The {self.algorithm.upper()} you specified did not match the calculated checksum."
                )


def _chunk_reader(headers: dict[str, str], payload: str, signed: Signed | None) -> ChunkReader | None:
    if payload in (CHUNKS_SIGNED, CHUNKS_SIGNED_TRAILER):
        if signed is None:
            raise S3Error("AccessDenied", "A body in signed chunks needs a signed request.")
        chain = Chain(signed)
    elif payload == CHUNKS_UNSIGNED_TRAILER:
        chain = None
    else:
        return None
    names = headers.get("x-amz-trailer", "").lower().replace(" ", "")
    trailers = frozenset(names.split(",")) if names and payload != CHUNKS_SIGNED else None
    return ChunkReader(chain, trailers)


def _length(headers: dict[str, str], is_chunked: bool) -> int:
    name = "x-amz-decoded-content-length" if is_chunked else "content-length"
    text = headers.get(name)
    if text is None:
        raise S3Error("MissingContentLength", f"You must provide the {name} HTTP header.")
    length = to_int(text)
    if length is None:
        raise S3Error("InvalidArgument", f"Expected a number of bytes in {name}.")
    if length > MAX_OBJECT:
        raise S3Error(
            "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", MaxSizeAllowed=str(MAX_OBJECT)
        )
    return length


def _trailing_algorithm(headers: dict[str, str]) -> str | None:
    for name in headers.get("x-amz-trailer", "").lower().split(","):
        if name.strip().startswith(checksums.PREFIX):
            algorithm = name.strip()[len(checksums.PREFIX) :]
            if algorithm not in checksums.SIZES:
                raise S3Error("InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
            return algorithm
    return None
