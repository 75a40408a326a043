"""Every label that separates one use of a hash from another, in one place.

A tag is never reused for another meaning. Changing what a tag stands for means a new version of it.
"""

from blake3 import blake3

PROTOCOL = "bailee/argument/v1"


def _key(name: str) -> bytes:
    """The 32-byte BLAKE3 key of a tag: hashes under two tags never meet."""
    return blake3(name.encode(), derive_key_context="bailee 2026 hash tags v1").digest()


TRANSCRIPT = _key(f"{PROTOCOL}/transcript")
LEAF = _key(f"{PROTOCOL}/merkle/leaf")
NODE = _key(f"{PROTOCOL}/merkle/node")
SALT = _key(f"{PROTOCOL}/commitment/salt")
EXPANSION = _key(f"{PROTOCOL}/commitment/expansion")
PROOF_SECRET = _key(f"{PROTOCOL}/proof/secret")
STRUCTURE = _key(f"{PROTOCOL}/tape/structure")

COINS = _key("bailee/train/coins/v1")
COIN_COMMITMENT = _key("bailee/train/coin-commitment/v1")
NOISE = _key("bailee/train/noise/v1")
SUMS_COINS = _key("bailee/train/sums-coins/v1")
MODEL_PROMISE = _key("bailee/train/model/promise/v1")
MODEL_COINS = _key("bailee/train/model/coins/v1")
MODEL_ORDER = _key("bailee/train/model/order/v1")
MODEL_START = _key("bailee/train/model/start/v1")
MODEL_SECRET = _key("bailee/train/model/secret/v1")
ROWS = _key("bailee/seal/rows/v1")
RECORD_KEYS = _key("bailee/statements/record-keys/v1")
ORDER_PRINTS = _key("bailee/statements/order-prints/v1")
NOISE_COINS = _key("bailee/statements/network/noise-coins/v1")
FIRST_WEIGHTS = _key("bailee/statements/network/first-weights/v1")
SHARE_KEYS = _key("bailee/vault/share-keys/v1")
PROXY_FRAGMENT = _key("bailee/vault/proxy-fragment/v1")
PROXY_RECEIVING = b"bailee/vault/proxy-receiving/v1"
POSSESSION = _key("bailee/vault/possession/v1")
FINGERPRINT_COMMITMENT = _key("bailee/own/fingerprint-commitment/v1")
FINGERPRINT_KEY_NAME = _key("bailee/own/fingerprint-key-name/v1")
FINGERPRINT_SEEDS = _key("bailee/own/fingerprint-seeds/v1")
FINGERPRINT_NAMES = _key("bailee/own/fingerprint-names/v1")
FINGERPRINT_WORDS = _key("bailee/own/fingerprint-words/v1")

VAULT_CONTENT = "bailee/vault/content-key/v1"
VAULT_COMMITMENT = "bailee/vault/key-commitment/v1"
VAULT_SEGMENT = "bailee/vault/segment/v1"
VAULT_PLACE = _key("bailee/vault/place/v1")
VAULT_LOG_NAME = "bailee/vault/log-name/v1"
VAULT_LOG_CONTENT = _key("bailee/vault/log-content/v1")
VAULT_SEALING_KEY = "bailee/vault/sealing-key/v1"
VAULT_VERSION_KEY = "bailee/vault/version-key/v1"
VAULT_UPLOAD_KEY = "bailee/vault/upload-key/v1"
VAULT_BLOB_KEY = "bailee/vault/blob-key/v1"
VAULT_NAMING_KEY = "bailee/vault/naming-key/v1"
VAULT_CACHE = "bailee/vault/cache/v1"
VAULT_CHUNK_CUT = "bailee/vault/chunk-cut/v1"
VAULT_CHUNK_PRINT = "bailee/vault/chunk-print/v1"
VAULT_COPY = "bailee/vault/copy/v1"
CONSOLE_TOKEN = _key("bailee/console/token/v1")
"""Links and cookies of a console, as it keeps them."""
