"""`model.sig`: the signature over all files of a release that OpenSSF Model Signing (`model_signing verify key`) reads.

A Sigstore bundle 0.3 with a DSSE envelope; its in-toto statement lists the SHA-256 of every file. That tool takes
keys on the NIST curves only, so a party has a P-256 key beside its Ed25519 identity; the identity vouches for it by
naming the public key's file in the provenance that it signs. Signatures are deterministic (RFC 6979): the same files
and key give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bailee import json_text
from bailee.adapters.files import read_bytes, write_new
from bailee.errors import InputError, RecordError, SignatureError, StorageError
from bailee.records.canonical import canonical
from bailee.records.envelope import PAYLOAD_TYPE, STATEMENT_TYPE, pae

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIGNATURE_TYPE = "https://model_signing/signature/v1.0"
SIGNATURE = "model.sig"
KEY_FILE = "release-key.pem"
_LIMIT = 1 << 20


@dataclass(frozen=True)
class ReleaseKey:
    """A P-256 key that signs releases and nothing else. Kept in a party's folder, mode 0600."""

    _private: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def public_pem(self) -> bytes:
        return _pem(self._private.public_key())

    def sign(self, message: bytes) -> bytes:
        """ECDSA with SHA-256, DER, the same for the same message."""
        return self._private.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))

    @classmethod
    def of_home(cls, home: Path) -> ReleaseKey:
        """The key of a party's folder, made where there is none. InputError: another kind of key; StorageError: others
        may read it."""
        path = home / KEY_FILE
        if not path.exists():
            fresh = ec.generate_private_key(ec.SECP256R1())
            form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            write_new(path, fresh.private_bytes(serialization.Encoding.PEM, *form), 0o600)
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise StorageError(f"{path} can be read by others (mode {mode:04o}); run: chmod 600 {path}")
        try:
            key = serialization.load_pem_private_key(read_bytes(path, _LIMIT, "release key"), None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise InputError(f"{path} is not a release key: expected a private P-256 key in PEM; move it away")
        return cls(key)


def statement(name: str, files: Mapping[str, bytes]) -> bytes:
    """The in-toto statement over all files, in the order of their names."""
    digests = {file: hashlib.sha256(files[file]).digest() for file in sorted(files)}
    whole = hashlib.sha256(b"".join(digests.values())).hexdigest()
    return canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": name, "digest": {"sha256": whole}}],
            "predicateType": SIGNATURE_TYPE,
            "predicate": {
                "serialization": {
                    "method": "files",
                    "hash_type": "sha256",
                    "allow_symlinks": False,
                    "ignore_paths": [SIGNATURE],
                },
                "resources": [
                    {"name": file, "algorithm": "sha256", "digest": found.hex()} for file, found in digests.items()
                ],
            },
        }
    )


def bundle(payload: bytes, key: ReleaseKey) -> bytes:
    """The bundle around a statement, signed."""
    return _bundle(payload, key.sign(pae(payload)), key.public_pem)


def _bundle(payload: bytes, signature: bytes, public_pem: bytes) -> bytes:
    return canonical(
        {
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": {"publicKey": {"hint": _hint(public_pem)}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
            },
        }
    )


def open_bundle(data: bytes, public_pem: bytes) -> bytes:
    """The statement in a bundle, by the public key that must have signed it. Raises RecordError, SignatureError."""
    try:
        public = serialization.load_pem_public_key(public_pem)
    except ValueError:
        public = None
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise RecordError("expected a public P-256 key in PEM beside the signature")
    try:
        found: Any = json_text.load(data)
        envelope = found["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        (signed,) = envelope["signatures"]
        signature = base64.b64decode(signed["sig"], validate=True)
        hint = found["verificationMaterial"]["publicKey"]["hint"]
    except (KeyError, TypeError, ValueError):
        raise RecordError(f"{SIGNATURE}: expected a Sigstore bundle with one DSSE signature") from None
    if hint != _hint(public_pem):
        raise SignatureError(f"{SIGNATURE}: expected a signature by the key {_hint(public_pem)}, got {hint!r:.80}")
    if _bundle(payload, signature, public_pem) != data:
        raise RecordError(f"{SIGNATURE}: expected the canonical bytes of one {BUNDLE_TYPE}, got others")
    try:
        public.verify(signature, pae(payload), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise SignatureError(
            f"{SIGNATURE}: the signature does not fit; a file was changed, or another key signed"
        ) from None
    return payload


def _pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _hint(public_pem: bytes) -> str:
    return hashlib.sha256(public_pem).hexdigest()
