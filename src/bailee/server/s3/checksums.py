"""Checksums that travel with a body: Content-MD5 and S3's x-amz-checksum-*.

CRC32, SHA-1 and SHA-256 are always here; CRC32C and CRC64NVME where a library for them is installed (`google-crc32c`,
`awscrt`). What is asked for and cannot be computed is refused, never taken unchecked.
"""

from __future__ import annotations

import hashlib
import importlib
import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol

from bailee.server.s3.errors import S3Error

PREFIX = "x-amz-checksum-"
SIZES = {"crc32": 4, "crc32c": 4, "crc64nvme": 8, "sha1": 20, "sha256": 32}
POLYNOMIALS = {"crc32": 0xEDB88320, "crc32c": 0x82F63B78, "crc64nvme": 0x9A6C9329AC4BC9B5}
"""Bit-reflected."""


class Hash(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    """A running CRC over a function (bytes, previous value) -> value."""

    def __init__(self, function: Callable[[bytes | memoryview, int], int], size: int) -> None:
        self._function, self._size, self._value = function, size, 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


def new_hash(algorithm: str) -> Hash:
    """Raises S3Error NotImplemented for an algorithm that is known but has no library here."""
    if algorithm == "sha256":
        return hashlib.sha256()
    if algorithm == "sha1":
        return hashlib.sha1(usedforsecurity=False)
    if algorithm == "crc32":
        return _Crc(zlib.crc32, 4)
    function = _crc_function(algorithm)
    if function is None:
        raise S3Error("NotImplemented", f"No library for {algorithm} is installed here; send crc32 or sha256 instead.")
    return _Crc(function, SIZES[algorithm])


def is_available(algorithm: str) -> bool:
    return algorithm in ("crc32", "sha1", "sha256") or _crc_function(algorithm) is not None


@cache
def _crc_function(algorithm: str) -> Callable[[bytes | memoryview, int], int] | None:
    try:
        library = importlib.import_module("awscrt.checksums")
    except ImportError:
        library = None
    if library is not None and hasattr(library, algorithm):
        found: Callable[[bytes | memoryview, int], int] = getattr(library, algorithm)
        return found
    if algorithm != "crc32c":
        return None
    try:
        extend = importlib.import_module("google_crc32c").extend
    except ImportError:
        return None
    return lambda data, value: int(extend(value, bytes(data)))


def decode_digest(text: str, size: int) -> bytes | None:
    """Base64 of exactly `size` bytes; None for anything else."""
    try:
        value = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return None
    return value if len(value) == size else None


def expected_checksums(headers: dict[str, str]) -> dict[str, str]:
    """What headers (or trailers) promise: algorithm -> base64. Raises S3Error for more than one, or malformed."""
    found = {}
    for name, value in headers.items():
        if name.startswith(PREFIX) and name[len(PREFIX) :] in SIZES:
            algorithm = name[len(PREFIX) :]
            if decode_digest(value, SIZES[algorithm]) is None:
                raise S3Error("InvalidRequest", f"Value for {name} header is invalid.")
            found[algorithm] = value
    if len(found) > 1:
        raise S3Error("InvalidRequest", "Expecting a single x-amz-checksum- header.")
    return found


def wanted_algorithm(headers: dict[str, str]) -> str | None:
    """The algorithm a request names; None where it names none. Raises S3Error for one that S3 does not have."""
    text = headers.get("x-amz-checksum-algorithm") or headers.get("x-amz-sdk-checksum-algorithm")
    if text is None:
        return None
    if text.lower() not in SIZES:
        raise S3Error(
            "InvalidRequest",
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
            "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
        )
    return text.lower()


def to_text(running: Hash) -> str:
    return b64encode(running.digest()).decode()


def composite(algorithm: str, parts: Sequence[str]) -> str:
    """S3's checksum of a multipart upload: over the digests of its parts, with their number."""
    total = new_hash(algorithm)
    for part in parts:
        total.update(b64decode(part))
    return f"{b64encode(total.digest()).decode()}-{len(parts)}"


def full(algorithm: str, parts: Sequence[tuple[str, int]]) -> str:
    """The CRC of all bytes, from those of the parts and their lengths. Only for the CRCs."""
    size, value = SIZES[algorithm], 0
    for part, length in parts:
        value = _combine(algorithm, value, int.from_bytes(b64decode(part), "big"), length)
    return b64encode(value.to_bytes(size, "big")).decode()


def _combine(algorithm: str, first: int, second: int, length: int) -> int:
    """The CRC of two strings together: first * x^(8 * length) + second, over GF(2) modulo the polynomial.

    As zlib's crc32_combine; bit-reflected, so x^0 is the highest bit.
    """
    polynomial, top = POLYNOMIALS[algorithm], 1 << (8 * SIZES[algorithm] - 1)

    def times(a: int, b: int) -> int:
        product = 0
        while a:
            if a & top:
                product ^= b
            a = (a << 1) & (2 * top - 1)
            b = (b >> 1) ^ (polynomial if b & 1 else 0)
        return product

    power, factor, left = top >> 8, top, length  # x^8, x^0
    while left:
        if left & 1:
            factor = times(power, factor)
        power = times(power, power)
        left >>= 1
    return times(factor, first) ^ second
