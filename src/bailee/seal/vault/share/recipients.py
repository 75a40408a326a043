"""Whom keys are sealed to: parties with a Bailee identity (hybrid, outlives a quantum computer), or a bare X25519 key.

The bare key is for parties whose software knows RFC 9180's DHKEM(X25519) only; a share says which of the two it used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from bailee.errors import InputError, StorageError
from bailee.keys import Identity, PublicIdentity, Secret
from bailee.records.share import CLEAR, CURVE, HYBRID, Grantee

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class Unsealer(Protocol):
    """Who opens what was sealed to it; raises StorageError where it was not. `bailee.keys.Identity` is one."""

    def unseal(self, sealed: bytes, info: bytes) -> Secret: ...


@dataclass(frozen=True)
class CurvePublic:
    """A raw X25519 key, 32 bytes. party: its holder's Ed25519 key, 32 bytes, if it may pass shares on."""

    sealing_key: bytes
    party: bytes | None = None

    def __post_init__(self) -> None:
        for key in (self.sealing_key, self.party):
            if key is not None and len(key) != 32:
                raise InputError(f"expected a raw key of 32 bytes, got {len(key)}")

    def seal(self, secret: Secret, info: bytes) -> bytes:
        """HPKE ciphertext that only the holder opens, bound to `info`. InputError for a key of low order."""
        try:
            return _SUITE.encrypt(secret.reveal(), X25519PublicKey.from_public_bytes(self.sealing_key), info)
        except ValueError:
            raise InputError("this X25519 key cannot be sealed to (a point of low order); ask for another") from None


@dataclass(frozen=True)
class CurvePrivate:
    """The private half of a bare X25519 key."""

    _key: X25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> CurvePrivate:
        return cls(X25519PrivateKey.generate())

    @classmethod
    def from_secret(cls, secret: Secret) -> CurvePrivate:
        """From its 32 raw bytes. Raises InputError for any other length."""
        if len(secret) != 32:
            raise InputError(f"expected a raw X25519 key of 32 bytes, got {len(secret)}")
        return cls(X25519PrivateKey.from_private_bytes(secret.reveal()))

    @property
    def public(self) -> CurvePublic:
        return CurvePublic(self._key.public_key().public_bytes_raw())

    def unseal(self, sealed: bytes, info: bytes) -> Secret:
        """What was sealed to this key for `info`. Raises StorageError if it was not, or was changed."""
        try:
            return Secret(_SUITE.decrypt(sealed, self._key, info))
        except (InvalidTag, ValueError):
            raise StorageError("this was not sealed to this X25519 key, or it was changed; use the other key") from None


class NamedRecipient(Protocol):
    """Somebody else who can be sealed to, and says how a share names it."""

    @property
    def grantee(self) -> Grantee: ...

    def seal(self, secret: Secret, info: bytes) -> bytes: ...


Recipient: TypeAlias = PublicIdentity | CurvePublic | NamedRecipient


def grantee_of(recipient: Recipient | None) -> Grantee:
    """How a share names its recipient; None is everybody."""
    if recipient is None:
        return Grantee(None, CLEAR, None)
    if not isinstance(recipient, PublicIdentity | CurvePublic):
        return recipient.grantee
    sealing = blake3(recipient.sealing_key).hexdigest()
    if isinstance(recipient, PublicIdentity):
        return Grantee(recipient.public_key.hex(), HYBRID, sealing)
    return Grantee(None if recipient.party is None else recipient.party.hex(), CURVE, sealing)


def is_for(grantee: Grantee, reader: Unsealer | None) -> bool:
    """Whether `reader` holds the key that `grantee` names, as far as its kind tells."""
    if grantee.suite == CLEAR:
        return True
    if isinstance(reader, Identity | CurvePrivate):
        return grantee_of(reader.public).sealing == grantee.sealing
    return reader is not None
