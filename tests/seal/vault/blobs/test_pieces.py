from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyeclib.ec_iface import ECDriver

from bailee.errors import InputError
from bailee.seal.vault.blobs import pieces
from bailee.seal.vault.blobs.kernel import Product
from bailee.seal.vault.blobs.layout import piece_length
from bailee.seal.vault.facts import Code

HEADER = 80


def encode(code: Code, data: bytes) -> np.ndarray:
    made = pieces.room(code, len(data))
    made.reshape(-1).data[: len(data)] = data
    pieces.complete(code, made)
    return made


def slow(code: Code, data: bytes, index: int) -> bytes:
    """The formula of docs/vault.md, byte by byte."""
    size = piece_length(code, len(data))
    padded = data + bytes(code.k * size - len(data))
    parts = [padded[i * size : (i + 1) * size] for i in range(code.k)]
    if index < code.k:
        return parts[index]
    total = bytearray(size)
    for i, part in enumerate(parts):
        factor = pieces.inverse(i ^ index)
        for at, byte in enumerate(part):
            total[at] ^= pieces.times(factor, byte)
    return bytes(total)


@pytest.mark.parametrize(
    "code", [Code(1, 1), Code(1, 3), Code(2, 3), Code(5, 11), Code(8, 8), Code(8, 12), Code(31, 32)]
)
def test_pieces_are_the_formula(code: Code) -> None:
    for length in (16, 17, 272, 1000):
        data = np.random.default_rng(length).bytes(length)
        made = encode(code, data)
        assert [bytes(made[j]) for j in range(code.n)] == [slow(code, data, j) for j in range(code.n)]


@pytest.mark.parametrize("code", [Code(2, 3), Code(5, 11), Code(8, 12), Code(20, 32)])
def test_pieces_are_those_of_pyeclib(code: Code) -> None:
    data = np.random.default_rng(3).bytes(code.k * 1600)
    theirs = ECDriver(ec_type="isa_l_rs_cauchy", k=code.k, m=code.n - code.k).encode(data)
    assert [bytes(piece) for piece in encode(code, data)] == [piece[HEADER:] for piece in theirs]


@pytest.mark.parametrize("code", [Code(1, 3), Code(2, 3), Code(3, 6), Code(5, 11)])
def test_any_k_give_everything_back(code: Code) -> None:
    data = np.random.default_rng(4).bytes(500)
    made = encode(code, data)
    scratch = np.empty((code.k, made.shape[1]), np.uint8)
    for chosen in combinations(range(code.n), code.k):
        given = {j: made[j] for j in chosen}
        assert bytes(pieces.join(code, given, scratch)[: len(data)]) == data
        others = [j for j in range(code.n) if j not in chosen]
        remade = [np.empty(made.shape[1], np.uint8) for _ in others]
        pieces.remake(code, given, others, remade)
        assert [bytes(piece) for piece in remade] == [bytes(made[j]) for j in others]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_k_of_any_code(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 32))
    code = Code(data.draw(st.integers(1, n)), n)
    text = data.draw(st.binary(min_size=16, max_size=300))
    made = encode(code, text)
    chosen = data.draw(st.permutations(range(n)))[: code.k]
    scratch = np.empty((code.k, made.shape[1]), np.uint8)
    assert bytes(pieces.join(code, {j: made[j] for j in chosen}, scratch)[: len(text)]) == text


def test_the_vandermonde_matrix_would_lose_data() -> None:
    """Why the code is not pyeclib's default: some k of n pieces of it do not give the data back."""
    powers = [bytes(pieces._EXP[(i * j) % 255] for j in range(5)) for i in range(6)]  # its parity rows: (2^i)^j
    rows = [pieces.row(Code(5, 11), j) for j in range(5)] + powers

    def is_singular(chosen: tuple[int, ...]) -> bool:
        left = [bytearray(rows[j]) for j in chosen]
        for column in range(5):
            pivot = next((i for i in range(column, 5) if left[i][column]), None)
            if pivot is None:
                return True
            left[column], left[pivot] = left[pivot], left[column]
            for i in range(column + 1, 5):
                factor = pieces.times(left[i][column], pieces.inverse(left[column][column]))
                left[i] = bytearray(a ^ pieces.times(factor, b) for a, b in zip(left[i], left[column], strict=True))
        return False

    assert any(is_singular(chosen) for chosen in combinations(range(11), 5))


def test_the_field() -> None:
    for a in range(1, 256):
        assert pieces.times(a, pieces.inverse(a)) == 1
    assert pieces.times(0x80, 2) == 0x1D
    assert pieces.times(0, 7) == pieces.times(7, 0) == 0


def test_the_kernel_refuses_what_does_not_fit() -> None:
    product, row = Product([b"\1\1"]), np.zeros(16, np.uint8)
    with pytest.raises(ValueError, match="expected 2 sources and 1 targets, got 1 and 1"):
        product.into([row], [row])
    with pytest.raises(ValueError, match="expected contiguous rows of 16 bytes"):
        product.into([row, row[:8]], [row])
    with pytest.raises(ValueError, match="expected contiguous rows of 16 bytes"):
        product.into([row, np.zeros(32, np.uint8)[::2]], [row])
    for matrix in (np.zeros((2, 16), np.uint8), np.zeros(48, np.uint8), np.zeros((3, 32), np.uint8)[:, ::2]):
        with pytest.raises(ValueError, match="expected 3 contiguous rows, got"):
            product.below(matrix)


@pytest.mark.parametrize(("k", "n"), [(0, 1), (2, 1), (1, 33), (-1, 3)])
def test_codes_that_are_none(k: int, n: int) -> None:
    with pytest.raises(InputError, match="expected a code of k of n fragments"):
        Code(k, n)
