"""Keys of a party: an Ed25519 key that signs records and a hybrid HPKE key that opens sealed data.

The HPKE suite is MLKEM768-X25519 / HKDF-SHA256 / AES-256-GCM: sealed rows stay confidential for decades, so they
must outlive a quantum computer; signatures only need to hold until they are checked. A home directory holds
`identity.pem` (private, mode 0600, never leaves) and `identity.json` (public: the name and the keys).
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey, Suite

from bailee import json_text
from bailee.errors import InputError, StorageError

PRIVATE_FILE = "identity.pem"
PUBLIC_FILE = "identity.json"
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_MLKEM_PUBLIC = 1184
_PEM_END = b"-----END PRIVATE KEY-----\n"


class Secret:
    """Bytes that must not be shown: no repr, no pickle, comparison in constant time. `reveal()` is the one way out."""

    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: bytes) -> None:
        if not isinstance(value, bytes):
            raise TypeError(f"expected bytes, got {type(value).__name__}")
        self._value = value

    def reveal(self) -> bytes:
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return hmac.compare_digest(self._value, other._value) if isinstance(other, Secret) else False

    def __repr__(self) -> str:
        return f"Secret(<{len(self._value)} bytes>)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is never pickled or copied")


@dataclass(frozen=True)
class PublicIdentity:
    """What others know of a party. Keys are raw bytes: Ed25519 32; ML-KEM-768 1184 followed by X25519 32."""

    name: str
    public_key: bytes
    sealing_key: bytes

    def seal(self, secret: Secret, info: bytes) -> bytes:
        """HPKE ciphertext that only this party opens, bound to `info`."""
        kem = MLKEM768PublicKey.from_public_bytes(self.sealing_key[:_MLKEM_PUBLIC])
        curve = X25519PublicKey.from_public_bytes(self.sealing_key[_MLKEM_PUBLIC:])
        return _SUITE.encrypt(secret.reveal(), MLKEM768X25519PublicKey(kem, curve), info)

    def to_json(self) -> bytes:
        fields = {"name": self.name, "public_key": self.public_key.hex(), "sealing_key": self.sealing_key.hex()}
        return json.dumps({"version": 1, **fields}, indent=2, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> PublicIdentity:
        """Raises InputError for anything but a public identity of version 1."""
        problem = f"expected a public identity ({PUBLIC_FILE})"
        if data.lstrip().startswith(b"-----BEGIN"):
            raise InputError(
                f"{problem}, got PEM: {PRIVATE_FILE} is the private key: never hand it out; you want {PUBLIC_FILE}"
            )
        try:
            fields = json_text.load(data)
            if sorted(fields) != ["name", "public_key", "sealing_key", "version"] or fields["version"] != 1:
                raise InputError(f"{problem} of version 1 with exactly a name, a public_key and a sealing_key")
            found = cls(fields["name"], bytes.fromhex(fields["public_key"]), bytes.fromhex(fields["sealing_key"]))
            _check_name(found.name)
            if len(found.public_key) != 32 or len(found.sealing_key) != _MLKEM_PUBLIC + 32:
                raise InputError(f"{problem}: a key has the wrong length")
            MLKEM768PublicKey.from_public_bytes(found.sealing_key[:_MLKEM_PUBLIC])
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"{problem}, got something else ({type(error).__name__})") from None
        return found


@dataclass(frozen=True)
class Identity:
    """A party's private keys and its name. Made by `create`, read by `load`."""

    name: str
    _signing: Ed25519PrivateKey = field(repr=False)
    _kem: MLKEM768PrivateKey = field(repr=False)
    _curve: X25519PrivateKey = field(repr=False)

    @property
    def public_key(self) -> bytes:
        """Raw Ed25519 public key, 32 bytes."""
        return self._signing.public_key().public_bytes_raw()

    @property
    def public(self) -> PublicIdentity:
        sealing = self._kem.public_key().public_bytes_raw() + self._curve.public_key().public_bytes_raw()
        return PublicIdentity(self.name, self.public_key, sealing)

    def sign(self, message: bytes) -> bytes:
        """Ed25519 signature, 64 bytes. Records are signed by `bailee.records.sign`, which separates domains."""
        return self._signing.sign(message)

    def unseal(self, sealed: bytes, info: bytes) -> Secret:
        """What was sealed to this party for `info`. Raises StorageError if it was not, or was changed."""
        try:
            return Secret(_SUITE.decrypt(sealed, MLKEM768X25519PrivateKey(self._kem, self._curve), info))
        except (InvalidTag, ValueError):
            raise StorageError(
                f"this was not sealed to {self.name} ({self.public_key.hex()[:16]}...), or it was changed; "
                "use the home it was sealed in"
            ) from None

    @classmethod
    def generate(cls, name: str) -> Identity:
        """Fresh keys, in memory only."""
        _check_name(name)
        return cls(name, Ed25519PrivateKey.generate(), MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())

    @classmethod
    def create(cls, home: Path, name: str) -> Identity:
        """Fresh keys, kept in `home`. Raises InputError if `home` already has an identity: keys are never replaced."""
        identity = cls.generate(name)
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The public file first: the private one, created last and exclusively, is what makes an identity exist.
            if (home / PRIVATE_FILE).exists():
                raise FileExistsError
            _write(home / PUBLIC_FILE, identity.public.to_json(), 0o644)
            _write(home / PRIVATE_FILE, identity._to_pem(), 0o600, exclusive=True)
        except FileExistsError:
            raise InputError(f"{home} already holds an identity; choose another home, or use the one there") from None
        except OSError as error:
            raise StorageError(f"cannot write keys to {home}: {error.strerror}") from None
        return identity

    @classmethod
    def load(cls, home: Path) -> Identity:
        """The identity of a home. Raises InputError (none there, damaged) or StorageError (others may read it)."""
        path = home / PRIVATE_FILE
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                raise StorageError(f"{path} can be read by others (mode {mode:04o}); run: chmod 600 {path}")
            pem = path.read_bytes()
            public = PublicIdentity.from_json((home / PUBLIC_FILE).read_bytes())
        except FileNotFoundError as error:
            raise InputError(f"{home} holds no identity ({Path(error.filename).name} is missing); create one") from None
        except OSError as error:
            raise StorageError(f"cannot read keys in {home}: {error.strerror}") from None
        identity = cls._from_pem(public.name, pem, path)
        if identity.public != public:
            raise InputError(f"{home / PUBLIC_FILE} does not belong to {path}: its keys differ; restore the original")
        return identity

    def _to_pem(self) -> bytes:
        plain = serialization.NoEncryption()
        form, encoding = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
        return b"".join(key.private_bytes(encoding, form, plain) for key in (self._signing, self._kem, self._curve))

    @classmethod
    def _from_pem(cls, name: str, pem: bytes, path: Path) -> Identity:
        blocks = [block + _PEM_END for block in pem.split(_PEM_END)[:-1]]
        try:
            keys = [serialization.load_pem_private_key(block, None) for block in blocks]
        except (ValueError, TypeError, UnsupportedAlgorithm):
            keys = []
        match keys:
            case [Ed25519PrivateKey() as signing, MLKEM768PrivateKey() as kem, X25519PrivateKey() as curve]:
                return cls(name, signing, kem, curve)
        raise InputError(f"{path} is not a private identity: expected an Ed25519, an ML-KEM-768 and an X25519 key")


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= 200 or not name.isprintable() or name != name.strip():
        raise InputError("a name has 1 to 200 printable characters without outer spaces")


def _write(path: Path, data: bytes, mode: int, exclusive: bool = False) -> None:
    """All of `data` at `path`, on disk before this returns; appears whole or not at all."""
    # A name nobody can guess, and exclusively: in a folder that others may write to, a link must not catch the key.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if exclusive:
            os.link(draft, path)  # unlike rename, fails where something is
        else:
            os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
