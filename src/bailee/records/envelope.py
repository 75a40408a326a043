"""Signed records: an in-toto Statement v1 in a DSSE envelope with one Ed25519 signature.

A record is a frozen dataclass. Its statement's subject follows from it, so a reader is left no second reading; its
signer's public key is one of its fields, so an envelope can be checked with nothing beside it. Who that key
belongs to, and whether it may say this, is for the caller to know (`expected_signer`).

`securesystemslib.dsse` was tried and left: it takes unknown fields, several base64 spellings of one signature and
several signatures. Its envelope class still checks ours in the tests.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from blake3 import blake3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bailee.errors import RecordError, SignatureError
from bailee.records.canonical import MAX_BYTES, Json, canonical, digest, parse
from bailee.records.fields import check, decode, encode, hints, shown

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"


@dataclass(frozen=True)
class Record:
    """Base of every record. Subclasses set KIND and SIGNER, declare fields, and say what they are about."""

    KIND: ClassVar[str]
    VERSION: ClassVar[int] = 1
    SIGNER: ClassVar[str]
    """The field that holds the signer's raw Ed25519 public key, hex."""

    def __post_init__(self) -> None:
        for name, kind in hints(type(self)).items():
            check(kind, getattr(self, name), f"{self.KIND}.{name}")
        self.require()

    def require(self) -> None:
        """What must hold between fields; raises RecordError. Nothing by default."""

    def subjects(self) -> tuple[tuple[str, str], ...]:
        """(name, hex BLAKE3) of what the record speaks about, in order."""
        raise NotImplementedError

    @classmethod
    def predicate_type(cls) -> str:
        return f"https://bailee.dev/{cls.KIND}/v{cls.VERSION}"

    @property
    def signer(self) -> bytes:
        """The raw public key that must have signed this, 32 bytes."""
        return bytes.fromhex(getattr(self, self.SIGNER))

    def to_predicate(self) -> dict[str, Json]:
        return {name: encode(getattr(self, name)) for name in hints(type(self))}

    @classmethod
    def from_predicate(cls, predicate: Json) -> Self:
        """Raises RecordError, naming the field, for anything but exactly this version's fields."""
        record: Self = decode(cls, predicate, cls.KIND)
        return record


class Signer(Protocol):
    """Who signs: `bailee.keys.Identity` is one. `public_key` is raw Ed25519, 32 bytes."""

    @property
    def name(self) -> str: ...
    @property
    def public_key(self) -> bytes: ...
    def sign(self, message: bytes) -> bytes: ...


T = TypeVar("T", bound=Record)


@dataclass(frozen=True)
class Signed(Generic[T]):
    """A record with the envelope that carries it. Made by `sign` and `open_signed` only; both checked it."""

    envelope: bytes
    record: T
    signer: bytes
    """Raw Ed25519 public key, 32 bytes."""

    @property
    def digest(self) -> str:
        """Hex BLAKE3 of the envelope: how other records name this one."""
        return digest(self.envelope)


def key_id(public_key: bytes) -> str:
    """How envelopes name a key: hex BLAKE3 of the raw public key."""
    return blake3(public_key).hexdigest()


def pae(payload: bytes) -> bytes:
    """DSSE v1 pre-authentication encoding: the bytes that are signed."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(record: T, identity: Signer) -> Signed[T]:
    """The record in a signed envelope. Raises SignatureError if the record names another signer than `identity`."""
    if record.signer != identity.public_key:
        raise SignatureError(
            f"this {record.KIND} names {record.signer.hex()} as its signer, but the key at hand is "
            f"{identity.public_key.hex()} ({identity.name}); use the other home"
        )
    payload = canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": _subject(record),
            "predicateType": record.predicate_type(),
            "predicate": record.to_predicate(),
        }
    )
    envelope = enveloped(payload, identity)
    if len(envelope) > MAX_BYTES:
        raise RecordError(f"this {record.KIND} needs {len(envelope)} bytes; at most {MAX_BYTES} are read")
    return Signed(envelope, record, identity.public_key)


def enveloped(payload: bytes, identity: Signer) -> bytes:
    """A DSSE envelope around any in-toto statement, of a record or of another vocabulary (`bailee.release`)."""
    signature = {"keyid": key_id(identity.public_key), "sig": _base64(identity.sign(pae(payload)))}
    return canonical({"payload": _base64(payload), "payloadType": PAYLOAD_TYPE, "signatures": [signature]})


def open_enveloped(data: bytes, signer: bytes, what: str) -> bytes:
    """The statement in an envelope that `signer` (raw, 32 bytes) signed. Raises RecordError, SignatureError."""
    payload, keyid, signature = _open_envelope(data)
    _check_signature(payload, keyid, signature, signer, what)
    return payload


def open_signed(data: bytes, kind: type[T], expected_signer: bytes | None = None) -> Signed[T]:
    """The record in an envelope, its form and signature checked.

    Raises RecordError for bytes that are not exactly such a record, SignatureError for a signature that is wrong
    or not by the record's own signer, or a signer other than `expected_signer` (raw, 32 bytes).
    """
    payload, keyid, signature = _open_envelope(data)
    statement = _fields(parse(payload), ("_type", "predicate", "predicateType", "subject"), "statement")
    if statement["_type"] != STATEMENT_TYPE:
        raise RecordError(f"expected statement type {STATEMENT_TYPE}, got {shown(statement['_type'])}")
    if statement["predicateType"] != kind.predicate_type():
        raise RecordError(f"expected a record {kind.predicate_type()}, got {shown(statement['predicateType'])}")
    record = kind.from_predicate(statement["predicate"])
    if statement["subject"] != _subject(record):
        raise RecordError(
            f"{kind.KIND}: the statement's subject is not what its predicate speaks about; "
            f"the {kind.KIND} was changed or damaged; ask for it again"
        )
    signer = record.signer
    if expected_signer is not None and signer != expected_signer:
        raise SignatureError(f"{kind.KIND}: expected it signed by {expected_signer.hex()}, got {signer.hex()}")
    _check_signature(payload, keyid, signature, signer, kind.KIND)
    return Signed(data, record, signer)


def predicate_type_of(data: bytes) -> str:
    """What an envelope claims to hold, unchecked: to choose the record to open it as."""
    payload, _, _ = _open_envelope(data)
    statement = _fields(parse(payload), ("_type", "predicate", "predicateType", "subject"), "statement")
    name = statement["predicateType"]
    if not isinstance(name, str):
        raise RecordError(f"statement.predicateType: expected str, got {shown(name)}")
    return name


def _subject(record: Record) -> list[Json]:
    return [{"name": name, "digest": {"blake3": value}} for name, value in record.subjects()]


def _open_envelope(data: bytes) -> tuple[bytes, str, bytes]:
    envelope = _fields(parse(data), ("payload", "payloadType", "signatures"), "envelope")
    if envelope["payloadType"] != PAYLOAD_TYPE:
        raise RecordError(f"expected payload type {PAYLOAD_TYPE}, got {shown(envelope['payloadType'])}")
    signatures = envelope["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise SignatureError("expected exactly one signature in the envelope")
    signature = _fields(signatures[0], ("keyid", "sig"), "signature")
    keyid = signature["keyid"]
    if not isinstance(keyid, str):
        raise RecordError(f"signature.keyid: expected str, got {shown(keyid)}")
    return _unbase64(envelope["payload"], "payload"), keyid, _unbase64(signature["sig"], "signature")


def _check_signature(payload: bytes, keyid: str, signature: bytes, signer: bytes, what: str) -> None:
    if keyid != key_id(signer):
        raise SignatureError(f"{what}: expected signature of key {key_id(signer)}, got {shown(keyid)}")
    try:
        Ed25519PublicKey.from_public_bytes(signer).verify(signature, pae(payload))
    except (InvalidSignature, ValueError):
        raise SignatureError(
            f"{what}: the signature does not fit; the record was changed after signing, or another key signed it"
        ) from None


def _fields(value: Json, names: tuple[str, ...], where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping) or sorted(value) != sorted(names):
        raise RecordError(f"{where}: expected an object with exactly the fields {', '.join(names)}")
    return dict(value)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _unbase64(text: Any, where: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        data = None
    if data is None or _base64(data) != text:  # one value, one spelling
        raise RecordError(f"{where}: expected canonical base64, got {shown(text)}")
    return data
