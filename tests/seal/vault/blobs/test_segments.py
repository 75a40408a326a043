from __future__ import annotations

import pytest
from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from bailee.errors import DamageError, InputError
from bailee.keys import Secret
from bailee.seal.vault.blobs.layout import LEAF, LONGEST, PLAIN, SEGMENT, SMALLEST, Layout, padded_length, piece_length
from bailee.seal.vault.blobs.segments import Cipher, check_key, commitment
from bailee.seal.vault.facts import Code
from blobs import KEY

CODE = Code(2, 3)


def sealed(cipher: Cipher, segment: int, is_last: bool, plain: bytes) -> memoryview:
    target = memoryview(bytearray(len(plain) + 16))
    cipher.seal(segment, is_last, plain, target)
    return target


def test_a_segment_is_what_the_specification_says() -> None:
    key = blake3(KEY.reveal() + b"i" * 16, derive_key_context="bailee/vault/content-key/v1").digest()
    bound = b"bailee/vault/segment/v1" + b"i" * 16 + bytes([2, 3])
    nonce = (7).to_bytes(8, "big") + (1).to_bytes(4, "big")
    expected = AESGCM(key).encrypt(nonce, b"plain", bound)
    assert bytes(sealed(Cipher(b"i" * 16, KEY, CODE), 7, True, b"plain")) == expected


def test_a_segment_opens_in_its_place_only() -> None:
    cipher = Cipher(b"i" * 16, KEY, CODE)
    text = sealed(cipher, 3, False, b"plain")
    assert cipher.open(3, False, text) == b"plain"
    assert cipher.open(2, False, text) is None, "moved"
    assert cipher.open(3, True, text) is None, "the end was cut off"
    assert cipher.open(3, False, text[:-1]) is None, "shortened"
    assert Cipher(b"j" * 16, KEY, CODE).open(3, False, text) is None, "of another blob"
    assert Cipher(b"i" * 16, KEY, Code(2, 4)).open(3, False, text) is None, "of another code"
    assert Cipher(b"i" * 16, Secret(b"l" * 32), CODE).open(3, False, text) is None, "another key"
    for at in range(len(text)):
        changed = bytearray(text)
        changed[at] ^= 1
        assert cipher.open(3, False, memoryview(changed)) is None


def test_keys_are_committed() -> None:
    check_key(KEY, commitment(KEY))
    with pytest.raises(DamageError, match="this key does not fit the blob"):
        check_key(Secret(b"l" * 32), commitment(KEY))
    with pytest.raises(InputError, match="expected a blob id of 16 and a key of 32 bytes, got 16, 5"):
        Cipher(b"i" * 16, Secret(b"short"), CODE)


@given(st.integers(0, LONGEST))
def test_padding_is_small_and_tells_little(length: int) -> None:
    padded = padded_length(length)
    assert padded >= length
    assert padded == SMALLEST or (padded - length) * 100 <= 12 * length
    assert padded_length(padded) == padded
    # At most log2(log2 L) + 1 significant bits.
    assert padded.bit_length() - (padded & -padded).bit_length() <= padded.bit_length().bit_length()


def test_padding_knows_few_sizes() -> None:
    assert len({padded_length(length) for length in range(1, 1 << 16)}) == 129
    assert [padded_length(length) for length in (0, 256, 257, 1000, 1 << 20, (1 << 20) + 1)] == [
        256, 256, 272, 1024, 1 << 20, (1 << 20) + (1 << 15),
    ]  # fmt: skip


@given(st.integers(0, 5 * SEGMENT), st.integers(1, 32), st.integers(0, 8))
def test_lengths_and_places_fit_together(length: int, k: int, more: int) -> None:
    layout = Layout(Code(k, min(k + more, 32)), length)
    sizes = [layout.piece_of(segment) for segment in range(layout.segments)]
    assert sum(layout.ciphertext(segment) - 16 for segment in range(layout.segments)) == layout.padded
    assert all(layout.ciphertext(segment) == SEGMENT for segment in range(layout.segments - 1))
    assert all(k * size >= layout.ciphertext(segment) for segment, size in enumerate(sizes))
    assert layout.body == sum(sizes)
    assert layout.fragment == layout.body + LEAF * layout.segments
    assert all(layout.pieces(i, i + 1) == (sum(sizes[:i]), sizes[i]) for i in range(layout.segments))
    assert layout.pieces(0, layout.segments) == (0, layout.body)


def test_a_blob_is_not_endless() -> None:
    with pytest.raises(InputError, match="cut it into several"):
        Layout(CODE, LONGEST + 1)
    assert piece_length(Code(8, 12), SEGMENT) == 131072
    assert PLAIN == SEGMENT - 16
