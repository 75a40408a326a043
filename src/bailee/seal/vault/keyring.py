"""The keys of a vault: which are sealed to the owner, which are wrapped under another, and what each is bound to.

owner's identity --HPKE--> version key --AES-256-GCM--> blob key          (docs/vault.md, section 3)
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
from bailee.seal.vault.fragments import NamingKey

KEY_FILE = "vault.key"
_KEY = 32
_NONCE = bytes(12)
_OPENED = 4096
"""Version keys kept opened in memory."""


class Keyring:
    """Opens and makes the keys of one vault. Safe to use from several threads."""

    def __init__(self, identity: Identity, vault_id: bytes, naming: Secret) -> None:
        self._identity, self._public, self.vault_id = identity, identity.public, vault_id
        self.naming = NamingKey(naming)
        self._log_names = blake3(naming.reveal(), derive_key_context=tags.VAULT_LOG_NAME).digest()
        self._opened: OrderedDict[bytes, Secret] = OrderedDict()
        self._guard = threading.Lock()

    @property
    def identity(self) -> Identity:
        return self._identity

    def log_name(self, name: str) -> str:
        """How the log calls `name`, 64 hex digits: nobody without the naming key can tell or guess names."""
        return blake3(name.encode(), key=self._log_names).hexdigest()

    def new_version_key(self, version_id: bytes) -> tuple[Secret, bytes]:
        """A fresh key, and what the catalogue keeps of it: sealed to the owner, bound to the version."""
        key = Secret(secrets.token_bytes(_KEY))
        return key, self._public.seal(key, self._info(tags.VAULT_VERSION_KEY, version_id))

    def open_version_key(self, version_id: bytes, sealed: bytes) -> Secret:
        with self._guard:
            found = self._opened.get(version_id)
            if found is not None:
                self._opened.move_to_end(version_id)
                return found
        key = self._identity.unseal(sealed, self._info(tags.VAULT_VERSION_KEY, version_id))
        with self._guard:
            self._opened[version_id] = key
            while len(self._opened) > _OPENED:
                self._opened.popitem(last=False)
        return key

    def forget(self, version_id: bytes) -> None:
        """An erased version's key is not kept in memory either."""
        with self._guard:
            self._opened.pop(version_id, None)

    def seal_upload(self, blob_id: bytes, key: Secret) -> bytes:
        return self._public.seal(key, self._info(tags.VAULT_UPLOAD_KEY, blob_id))

    def open_upload(self, blob_id: bytes, sealed: bytes) -> Secret:
        return self._identity.unseal(sealed, self._info(tags.VAULT_UPLOAD_KEY, blob_id))

    def _info(self, tag: str, about: bytes) -> bytes:
        return tag.encode() + self.vault_id + about


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
