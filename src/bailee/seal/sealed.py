"""The file of sealed rows: the encoded matrix and the commitment seed, encrypted to the owner alone.

    "bailee rows v1\\n" | header length, 4 bytes big endian | header, canonical JSON | chunks
    chunk i: AES-256-GCM of CHUNK bytes of (seed | matrix as little-endian int16, row by row), the last one shorter

The data key is fresh for each file and sealed by HPKE to the owner's key, bound to the header. A chunk's nonce is its
index and whether it is the last, and its associated data is the header's hash: a file that is cut, re-ordered,
extended or joined from two does not open.
"""

from __future__ import annotations

import os
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from bailee import tags
from bailee.adapters.files import storage_errors, write_all
from bailee.errors import InputError, RecordError, StorageError
from bailee.keys import Identity, PublicIdentity, Secret
from bailee.records import Json, canonical, parse
from bailee.records.fields import Count, Hex32, decode, encode
from bailee.seal.progress import Progress

CHUNK = 4 << 20
SEED_BYTES = 32
_MAGIC = b"bailee rows v1\n"
_TAG = 16
_MAX_HEADER = 1 << 16
_MAX_VALUES = 1 << 36


@dataclass(frozen=True)
class RowsHeader:
    """What the file says of itself in the clear."""

    owner: Hex32
    commitment: Hex32
    """Digest of the canonical commitment that the rows and the seed open."""
    rows: Count
    columns: Count

    @property
    def plain_bytes(self) -> int:
        return SEED_BYTES + 2 * self.rows * self.columns


def write_rows(
    path: Path,
    owner: PublicIdentity,
    commitment: str,
    matrix: NDArray[np.int64],
    seed: Secret,
    progress: Progress | None = None,
) -> None:
    """A new file at `path` with `matrix` (rows, columns; values in int16) and `seed` (32 bytes), on disk on return."""
    if matrix.size and (matrix.min() < -(2**15) or matrix.max() >= 2**15):
        raise InputError("expected encoded values of at most 16 bits")
    header = RowsHeader(owner.public_key.hex(), commitment, *matrix.shape)
    key = Secret(AESGCM.generate_key(bit_length=256))
    clear = encode(header)
    sealed_key = owner.seal(key, _info(clear))
    head = canonical({"header": clear, "key": sealed_key.hex()})
    bound = _bound(head)
    cipher = AESGCM(key.reveal())
    step = max(1, CHUNK // (2 * max(1, matrix.shape[1])))
    with storage_errors(path):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            write_all(handle, _MAGIC + struct.pack(">I", len(head)) + head)
            waiting = bytearray(seed.reveal())
            index, last = 0, _chunks(header) - 1
            for start in range(0, max(1, len(matrix)), step):
                waiting += matrix[start : start + step].astype("<i2").tobytes()
                while len(waiting) > CHUNK and index < last:
                    write_all(handle, cipher.encrypt(_nonce(index, False), bytes(waiting[:CHUNK]), bound))
                    del waiting[:CHUNK]
                    index += 1
                if progress is not None:
                    progress("encrypt", min(1.0, (start + step) / max(1, len(matrix))))
            write_all(handle, cipher.encrypt(_nonce(index, True), bytes(waiting), bound))
            os.fsync(handle)
        finally:
            os.close(handle)


def read_rows(
    path: Path, owner: Identity, commitment: str, progress: Progress | None = None
) -> tuple[NDArray[np.int64], Secret]:
    """(matrix, seed) of a sealed file. StorageError: damaged, cut, not this owner's, or not of this commitment."""
    with storage_errors(path), path.open("rb") as file:
        head = _read_head(path, file.read(len(_MAGIC) + 4), file.read)
        try:
            fields = parse(head)
            if not isinstance(fields, Mapping) or set(fields) != {"header", "key"}:
                raise RecordError("expected a header and a key")
            header: RowsHeader = decode(RowsHeader, fields["header"], "header")
            sealed_key = bytes.fromhex(str(fields["key"]))
        except (RecordError, ValueError) as error:
            raise _damaged(path, f"header: {error}") from None
        if header.commitment != commitment:
            raise StorageError(f"{path} holds the rows of another commitment than the card beside it; restore it")
        size, chunks = header.plain_bytes, _chunks(header)
        expected = len(_MAGIC) + 4 + len(head) + size + chunks * _TAG
        actual = os.fstat(file.fileno()).st_size
        if header.rows * header.columns > _MAX_VALUES or actual != expected:
            raise _damaged(path, f"expected {expected} bytes, got {actual}")
        cipher = AESGCM(owner.unseal(sealed_key, _info(encode(header))).reveal())
        bound = _bound(head)
        plain = bytearray(size)
        for index in range(chunks):
            block = file.read(min(CHUNK, size - index * CHUNK) + _TAG)
            try:
                opened = cipher.decrypt(_nonce(index, index == chunks - 1), block, bound)
            except (InvalidTag, ValueError):
                raise _damaged(path, f"part {index + 1} of {chunks} was changed") from None
            plain[index * CHUNK : index * CHUNK + len(opened)] = opened
            if progress is not None:
                progress("decrypt", (index + 1) / chunks)
    matrix = np.frombuffer(plain, "<i2", offset=SEED_BYTES).reshape(header.rows, header.columns).astype(np.int64)
    return matrix, Secret(bytes(plain[:SEED_BYTES]))


def fresh_seed() -> Secret:
    """32 bytes from the system for a new commitment."""
    return Secret(secrets.token_bytes(SEED_BYTES))


def _chunks(header: RowsHeader) -> int:
    return -(-header.plain_bytes // CHUNK)


def _read_head(path: Path, start: bytes, read: object) -> bytes:
    if start[: len(_MAGIC)] != _MAGIC or len(start) != len(_MAGIC) + 4:
        raise _damaged(path, "it does not begin as sealed rows of version 1 do")
    (length,) = struct.unpack(">I", start[len(_MAGIC) :])
    head: bytes = read(length) if length <= _MAX_HEADER and callable(read) else b""
    if len(head) != length:
        raise _damaged(path, "its header is cut off")
    return head


def _damaged(path: Path, reason: str) -> StorageError:
    return StorageError(f"sealed rows {path} are damaged ({reason}); restore the file from a copy, or seal again")


def _info(clear: Json) -> bytes:
    return tags.ROWS + canonical(clear)


def _bound(head: bytes) -> bytes:
    return blake3(head, key=tags.ROWS).digest()


def _nonce(index: int, last: bool) -> bytes:
    """12 bytes; unique under a key that encrypts one file."""
    return struct.pack(">IQ", int(last), index)
