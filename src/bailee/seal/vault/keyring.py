"""The keys of a vault: which are sealed to the owner, which are wrapped under another, and what each is bound to.

owner's identity --HPKE--> sealing key --AES-256-GCM--> version key --AES-256-GCM--> blob key  (docs/vault.md, 3)
owner's identity --HPKE--> naming key, in `vault.key` of the home; blob keys of uploads that no version holds yet
"""

from __future__ import annotations

import secrets
import stat
import threading
from collections import OrderedDict
from pathlib import Path

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bailee import tags
from bailee.adapters.files import read_bytes, storage_errors, write_new
from bailee.errors import DamageError, StorageError
from bailee.keys import Identity, Secret
from bailee.seal.vault.blobs.fragments import NamingKey

KEY_FILE = "vault.key"
_KEY, _WRAPPED = 32, 48
_NONCE = bytes(12)
_OPENED = 4096
"""Version keys kept opened in memory, and as many sealing keys."""
_SEALS = 256
"""Version keys under one sealing key: HPKE with ML-KEM takes longer than all else that a small object's keys need."""


class Keyring:
    """Opens and makes the keys of one vault. Safe to use from several threads."""

    def __init__(self, identity: Identity, vault_id: bytes, naming: Secret) -> None:
        self._identity, self._public, self.vault_id = identity, identity.public, vault_id
        self.naming = NamingKey(naming)
        self._log_names = blake3(naming.reveal(), derive_key_context=tags.VAULT_LOG_NAME).digest()
        self._opened = _Kept()
        self._sealing = _Kept()
        self._fresh: tuple[Secret, bytes] | None = None
        self._seals = 0
        self._guard = threading.Lock()

    @property
    def identity(self) -> Identity:
        return self._identity

    def log_name(self, name: str) -> str:
        """How the log calls `name`, 64 hex digits: nobody without the naming key can tell or guess names."""
        return blake3(name.encode(), key=self._log_names).hexdigest()

    def new_version_key(self, version_id: bytes) -> tuple[Secret, bytes]:
        """A fresh key, and what the catalogue keeps of it: wrapped for the owner, bound to the version.

        The sealing key stands before it, sealed, in each row: a row opens alone, and one that is erased leaves a key
        that nothing lies under any more.
        """
        key = Secret(secrets.token_bytes(_KEY))
        with self._guard:
            if self._fresh is None or self._seals == 0:
                fresh = Secret(secrets.token_bytes(_KEY))
                self._fresh = fresh, self._public.seal(fresh, self._info(tags.VAULT_SEALING_KEY, b""))
                self._seals = _SEALS
            self._seals -= 1
            sealing, sealed = self._fresh
        wrapping, bound = self._version_wrapping(sealing, version_id)
        return key, sealed + wrapping.encrypt(_NONCE, key.reveal(), bound)

    def open_version_key(self, version_id: bytes, sealed: bytes) -> Secret:
        """Raises DamageError where the catalogue's row was changed, or belongs elsewhere."""
        with self._guard:
            found = self._opened.get(version_id)
            sealing = self._sealing.get(sealed[:-_WRAPPED])
        if found is not None:
            return found
        if sealing is None:
            sealing = self._identity.unseal(sealed[:-_WRAPPED], self._info(tags.VAULT_SEALING_KEY, b""))
        wrapping, bound = self._version_wrapping(sealing, version_id)
        try:
            key = Secret(wrapping.decrypt(_NONCE, sealed[-_WRAPPED:], bound))
        except InvalidTag:
            raise DamageError(
                f"the key of version {version_id.hex()} does not open: "
                "the catalogue was damaged or changed; restore a copy of it"
            ) from None
        with self._guard:
            self._opened.keep(version_id, key)
            self._sealing.keep(sealed[:-_WRAPPED], sealing)
        return key

    def forget(self, version_id: bytes) -> None:
        """An erased version's key is not kept in memory either."""
        with self._guard:
            self._opened.pop(version_id, None)

    def seal_upload(self, blob_id: bytes, key: Secret) -> bytes:
        return self._public.seal(key, self._info(tags.VAULT_UPLOAD_KEY, blob_id))

    def open_upload(self, blob_id: bytes, sealed: bytes) -> Secret:
        return self._identity.unseal(sealed, self._info(tags.VAULT_UPLOAD_KEY, blob_id))

    def _version_wrapping(self, sealing: Secret, version_id: bytes) -> tuple[AESGCM, bytes]:
        # Each version has a wrapping key of its own, so the nonce may be fixed.
        bound = self._info(tags.VAULT_VERSION_KEY, version_id)
        return AESGCM(blake3(sealing.reveal() + bound, derive_key_context=tags.VAULT_VERSION_KEY).digest()), bound

    def _info(self, tag: str, about: bytes) -> bytes:
        return tag.encode() + self.vault_id + about


class _Kept(OrderedDict[bytes, Secret]):
    """The keys that were used last."""

    def keep(self, name: bytes, key: Secret) -> None:
        self[name] = key
        self.move_to_end(name)
        while len(self) > _OPENED:
            self.popitem(last=False)


def new_blob_key() -> Secret:
    return Secret(secrets.token_bytes(_KEY))


def wrap(version_key: Secret, version_id: bytes, position: int, blob_id: bytes, blob_key: Secret) -> bytes:
    """The blob key under the version key, 48 bytes, bound to its place."""
    key, bound = _wrapping(version_key, version_id, position, blob_id)
    return key.encrypt(_NONCE, blob_key.reveal(), bound)


def unwrap(version_key: Secret, version_id: bytes, position: int, blob_id: bytes, wrapped: bytes) -> Secret:
    """Raises DamageError where the catalogue's row was changed, or belongs elsewhere."""
    key, bound = _wrapping(version_key, version_id, position, blob_id)
    try:
        return Secret(key.decrypt(_NONCE, wrapped, bound))
    except InvalidTag:
        raise DamageError(
            f"the key of part {position} of version {version_id.hex()} does not open: "
            "the catalogue was damaged or changed; restore a copy of it"
        ) from None


def _wrapping(version_key: Secret, version_id: bytes, position: int, blob_id: bytes) -> tuple[AESGCM, bytes]:
    # The nonce is fixed, because each (version, position, blob) has a wrapping key of its own: even a blob key that is
    # wrapped again at the same place is the same plaintext under the same key.
    bound = tags.VAULT_BLOB_KEY.encode() + version_id + position.to_bytes(4, "big") + blob_id
    derived = blake3(version_key.reveal() + bound, derive_key_context=tags.VAULT_BLOB_KEY).digest()
    return AESGCM(derived), bound


def create_keyring(home: Path, identity: Identity, vault_id: bytes) -> Keyring:
    """A fresh naming key in `home/vault.key`, mode 0600, sealed to the owner; never replaced."""
    naming = Secret(secrets.token_bytes(_KEY))
    sealed = identity.public.seal(naming, tags.VAULT_NAMING_KEY.encode() + vault_id)
    write_new(home / KEY_FILE, sealed, 0o600)
    return Keyring(identity, vault_id, naming)


def open_keyring(home: Path, identity: Identity, vault_id: bytes) -> Keyring:
    """StorageError where others may read the file, or it was sealed to someone else."""
    path = home / KEY_FILE
    sealed = read_bytes(path, 1 << 16, "the vault's key")
    with storage_errors(path):
        mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise StorageError(f"{path} can be read by others (mode {mode:04o}); run: chmod 600 {path}")
    return Keyring(identity, vault_id, identity.unseal(sealed, tags.VAULT_NAMING_KEY.encode() + vault_id))
