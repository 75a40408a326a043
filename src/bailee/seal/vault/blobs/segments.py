"""Segments: AES-256-GCM with bound order, end, blob and code; and the keys of a blob (docs/vault.md, 3 and 4)."""

from __future__ import annotations

import hmac

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bailee import tags
from bailee.errors import DamageError, InputError
from bailee.keys import Secret
from bailee.seal.vault.facts import Code

KEY = 32
BLOB_ID = 16


def commitment(key: Secret) -> bytes:
    """What a blob's record says of its key, 32 bytes: no ciphertext opens under two keys that fit one record."""
    return _derive(key, tags.VAULT_COMMITMENT)


def check_key(key: Secret, expected: bytes) -> None:
    """DamageError where this is not the key that the commitment was made of."""
    if not hmac.compare_digest(commitment(key), expected):
        raise DamageError(
            f"this key does not fit the blob: expected one with commitment {expected.hex()[:16]}..., got another; "
            "the catalogue gives a blob and its key together"
        )


class Cipher:
    """Seals and opens the segments of one blob. Safe from several threads."""

    def __init__(self, blob_id: bytes, key: Secret, code: Code) -> None:
        if len(blob_id) != BLOB_ID or len(key) != KEY:
            raise InputError(
                f"expected a blob id of {BLOB_ID} and a key of {KEY} bytes, got {len(blob_id)}, {len(key)}"
            )
        # The id as well: were a blob key ever used twice, no two segments would share key and nonce all the same.
        self._aead = AESGCM(_derive(key, tags.VAULT_CONTENT, blob_id))
        self._bound = tags.VAULT_SEGMENT.encode() + blob_id + bytes([code.k, code.n])

    def seal(self, segment: int, is_last: bool, plain: bytes | memoryview | bytearray, target: memoryview) -> None:
        """Ciphertext into `target`, 16 bytes longer than `plain`."""
        self._aead.encrypt_into(_nonce(segment, is_last), plain, self._bound, target)

    def open(self, segment: int, is_last: bool, ciphertext: memoryview) -> bytes | None:
        """The plaintext, or None where these are not the bytes that were sealed there."""
        try:
            return self._aead.decrypt(_nonce(segment, is_last), ciphertext, self._bound)
        except InvalidTag:
            return None

    def open_into(self, segment: int, is_last: bool, ciphertext: memoryview, target: memoryview) -> bool:
        """As `open`, into 16 bytes less than the ciphertext. False: it does not open, and `target` is of no use."""
        try:
            self._aead.decrypt_into(_nonce(segment, is_last), ciphertext, self._bound, target)
        except InvalidTag:
            return False
        return True


def _nonce(segment: int, is_last: bool) -> bytes:
    # Never twice under one key: a blob's key is its own, and each segment is sealed once.
    return segment.to_bytes(8, "big") + int(is_last).to_bytes(4, "big")


def _derive(key: Secret, context: str, more: bytes = b"") -> bytes:
    return blake3(key.reveal() + more, derive_key_context=context).digest()
