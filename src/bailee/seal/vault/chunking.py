"""Cutting bytes where their content says so (FastCDC), so that an edit moves no boundary but those beside it.

Xia et al., FastCDC (USENIX ATC 2016). The bytes are permuted by a secret of the vault before boundaries are sought:
with a public rule, whoever sees the lengths of a known file's chunks on the stores would know that file again. The
chunks themselves are the bytes as they came.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from blake3 import blake3
from fastcdc.fastcdc_cy import fastcdc_cy

from bailee import tags
from bailee.seal.vault.blobs.fragments import NamingKey

SHORTEST, AVERAGE, LONGEST = 256 << 10, 1 << 20, 4 << 20
"""Bytes of a chunk. Each is a blob with a fragment on each of n stores: smaller ones would find more that is equal and
cost more files and catalogue rows than they save."""
_TAKEN = 2 * LONGEST


class Chunker:
    """Takes bytes by `feed` and gives chunks as soon as they are sure; `rest` gives the last ones.

    Where the cuts are depends on the bytes and the vault, not on how they were fed. Memory: 24 MiB.
    """

    def __init__(self, naming: NamingKey) -> None:
        secret = naming.secret.reveal()
        self._hash_key = blake3(secret, derive_key_context=tags.VAULT_CHUNK_PRINT).digest()
        order = blake3(secret, derive_key_context=tags.VAULT_CHUNK_CUT).digest(length=256 * 8)
        # Sorting 64-bit words: two of 256 meet with a chance of 2^-49, and then the order is still a permutation.
        self._permuted = np.argsort(np.frombuffer(order, "<u8"), kind="stable").astype(np.uint8).tobytes()
        self._held = bytearray()

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[bytes]:
        """The chunks that are complete with `data`. Take all of them before feeding again."""
        view = memoryview(data).cast("B")
        for at in range(0, len(view), _TAKEN):
            self._held += view[at : at + _TAKEN]
            if len(self._held) > _TAKEN:
                yield from self._cut(LONGEST)

    def rest(self) -> Iterator[bytes]:
        """What is left, at the end. Nothing where nothing came."""
        yield from self._cut(0)

    def print_of(self, chunk: bytes) -> bytes:
        """By what equal chunks of one vault are known, 32 bytes: keyed, so that nobody else can test a guess."""
        return blake3(chunk, key=self._hash_key).digest()

    def _cut(self, needed: int) -> Iterator[bytes]:
        """Chunks that at least `needed` bytes follow from their beginning: what comes later cannot change those."""
        sought = self._held.translate(self._permuted)
        done = 0
        for chunk in fastcdc_cy(sought, SHORTEST, AVERAGE, LONGEST):
            if len(sought) - chunk.offset < needed:
                break
            yield bytes(self._held[chunk.offset : chunk.offset + chunk.length])
            done = chunk.offset + chunk.length
        del self._held[:done]
