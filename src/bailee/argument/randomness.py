"""Uniform field elements and salts, expanded from a 32-byte secret seed. Prover only; not part of the protocol."""

from __future__ import annotations

import numpy as np
from blake3 import blake3
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from numpy.typing import NDArray

from bailee import tags
from bailee.algebra.field import P


class Expansion:
    """Streams of a seed, told apart by name. The same seed and name give the same stream for ever."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != 32:
            raise ValueError("a seed has 32 bytes")
        self._seed = seed

    def octets(self, name: str, count: int) -> bytes:
        key = blake3(self._seed + name.encode(), key=tags.EXPANSION).digest()
        # a key of its own for each stream, so the nonce may be constant
        return Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor().update(bytes(count))

    def words(self, name: str, *shape: int) -> NDArray[np.uint64]:
        """Uniform elements of F: words at or above p (one in 2^32) are replaced from further streams."""
        count = int(np.prod(shape))
        words = np.frombuffer(self.octets(name, 8 * count), dtype="<u8").astype(np.uint64)
        bad = np.flatnonzero(words >= np.uint64(P))
        attempt = 0
        while bad.size:
            attempt += 1
            again = np.frombuffer(self.octets(f"{name}/again{attempt}", 8 * bad.size), dtype="<u8").astype(np.uint64)
            words[bad] = again
            bad = bad[again >= np.uint64(P)]
        return words.reshape(shape)
