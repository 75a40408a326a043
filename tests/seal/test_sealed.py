"""The sealed file: opens for its owner and its commitment, and not at all once a byte of it has moved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bailee.errors import InputError, StorageError
from bailee.keys import Identity, Secret
from bailee.seal import sealed
from bailee.seal.sealed import fresh_seed, read_rows, write_rows

OWNER = Identity.generate("St. Ann")
NAMED = "c" * 64
SEED = Secret(b"s" * 32)
MATRIX = np.random.default_rng(1).integers(-4096, 4097, (300, 7))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "CHUNK", 1000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.sealed"
    if not path.exists():
        write_rows(path, OWNER.public, NAMED, MATRIX, SEED)
    return path


@pytest.mark.parametrize("rows", [1, 2, 33, 34, 69, 70, 71, 300])
def test_rows_and_seed_come_back(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "rows"
    write_rows(path, OWNER.public, NAMED, MATRIX[:rows], SEED)
    matrix, seed = read_rows(path, OWNER, NAMED)
    assert matrix.dtype == np.int64
    assert (matrix == MATRIX[:rows]).all()
    assert seed == SEED


def test_a_whole_number_of_chunks(tmp_path: Path) -> None:
    for columns in (484, 984):  # 32 bytes of seed and one row fill one or two chunks exactly
        path = tmp_path / str(columns)
        matrix = np.arange(columns, dtype=np.int64)[None, :]
        write_rows(path, OWNER.public, NAMED, matrix, SEED)
        assert (read_rows(path, OWNER, NAMED)[0] == matrix).all()


def test_chunks_of_the_real_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    matrix = np.random.default_rng(2).integers(-4096, 4097, (100_000, 50))
    parts: list[float] = []
    write_rows(tmp_path / "rows", OWNER.public, NAMED, matrix, SEED, lambda step, part: parts.append(part))
    assert parts == sorted(parts)
    assert parts[-1] == 1.0
    assert (read_rows(tmp_path / "rows", OWNER, NAMED)[0] == matrix).all()


def test_the_file_shows_nothing_and_others_cannot_read_it(path: Path) -> None:
    raw = path.read_bytes()
    assert SEED.reveal() not in raw
    assert MATRIX[0].astype("<i2").tobytes() not in raw
    assert path.stat().st_mode & 0o777 == 0o600
    other = path.with_name("other")
    write_rows(other, OWNER.public, NAMED, MATRIX, SEED)
    assert other.read_bytes()[-200:] != raw[-200:]
    assert len(fresh_seed()) == 32
    assert fresh_seed() != fresh_seed()


def test_another_owner_or_commitment_is_refused(path: Path) -> None:
    with pytest.raises(StorageError, match="not sealed to Eve"):
        read_rows(path, Identity.generate("Eve"), NAMED)
    with pytest.raises(StorageError, match="another commitment"):
        read_rows(path, OWNER, "d" * 64)
    with pytest.raises(StorageError, match="No such file"):
        read_rows(path.with_name("none"), OWNER, NAMED)
    with pytest.raises(InputError, match="16 bits"):
        write_rows(path.with_name("wide"), OWNER.public, NAMED, MATRIX * 100, SEED)


def chunks_of(raw: bytes) -> tuple[bytes, list[bytes]]:
    size = 32 + 2 * MATRIX.size
    body = size + -(-size // 1000) * 16
    head, rest = raw[:-body], raw[-body:]
    return head, [rest[at : at + 1016] for at in range(0, len(rest), 1016)]


def test_chunks_cannot_be_moved_dropped_added_or_swapped_between_files(path: Path) -> None:
    head, chunks = chunks_of(path.read_bytes())
    other = path.with_name("other")
    write_rows(other, OWNER.public, NAMED, MATRIX, SEED)
    foreign_head, foreign = chunks_of(other.read_bytes())
    for attack in (
        [chunks[1], chunks[0], *chunks[2:]],
        chunks[:-1],
        chunks[1:],
        [*chunks, chunks[-1]],
        [chunks[0], chunks[0], *chunks[2:]],
        [*chunks[:-2], chunks[-1]],
        [*chunks[:2], foreign[2], *chunks[3:]],
        foreign,
    ):
        path.write_bytes(head + b"".join(attack))
        with pytest.raises(StorageError, match="damaged"):
            read_rows(path, OWNER, NAMED)
    path.write_bytes(foreign_head + b"".join(chunks))
    with pytest.raises(StorageError, match="damaged"):
        read_rows(path, OWNER, NAMED)


def test_every_byte_of_the_head_matters(path: Path) -> None:
    raw = path.read_bytes()
    head = len(chunks_of(raw)[0])
    for place in [*range(240), *range(240, head, 37)]:
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        with pytest.raises(StorageError):
            read_rows(path, OWNER, NAMED)


@settings(max_examples=80, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.data())
def test_fuzzed_files_are_refused(path: Path, data: st.DataObject) -> None:
    raw = bytearray(path.read_bytes())
    match data.draw(st.sampled_from(["flip", "cut", "extend", "replace"])):
        case "flip":
            raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
        case "cut":
            del raw[data.draw(st.integers(0, len(raw) - 1)) :]
        case "extend":
            raw += data.draw(st.binary(min_size=1, max_size=50))
        case _:
            raw = bytearray(data.draw(st.binary(max_size=100)))
    bad = path.with_name("bad")
    bad.write_bytes(raw)
    with pytest.raises(StorageError):
        read_rows(bad, OWNER, NAMED)
