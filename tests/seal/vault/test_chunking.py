"""Cuts depend on content and vault only, and an edit stays local."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.keys import Secret
from bailee.seal.vault.blobs.fragments import NamingKey
from bailee.seal.vault.chunking import LONGEST, SHORTEST, Chunker

OURS, OTHERS = (NamingKey(Secret(bytes([number]) * 32)) for number in (1, 2))
DATA = random.Random(1).randbytes(12 << 20)


def cut(data: bytes, naming: NamingKey = OURS, portions: Sequence[int] = ()) -> list[bytes]:
    chunker, chunks, at = Chunker(naming), [], 0
    for size in portions:
        chunks += chunker.feed(data[at : at + size])
        at += size
    chunks += chunker.feed(memoryview(data)[at:])
    return [*chunks, *chunker.rest()]


def test_chunks_join_to_what_came() -> None:
    chunks = cut(DATA)
    assert b"".join(chunks) == DATA
    assert all(SHORTEST <= len(chunk) <= LONGEST for chunk in chunks[:-1])
    assert len(chunks) > 5


@pytest.mark.parametrize("size", [0, 1, SHORTEST - 1, SHORTEST, SHORTEST + 1])
def test_short_strings_are_one_chunk_or_none(size: int) -> None:
    chunks = cut(DATA[:size])
    assert b"".join(chunks) == DATA[:size]
    assert len(chunks) == min(size, 1) if size <= SHORTEST else len(chunks) <= 2


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 5 << 20), max_size=8))
def test_portions_do_not_matter(portions: list[int]) -> None:
    assert cut(DATA, portions=portions) == cut(DATA)


@pytest.mark.parametrize("place", [0, 3, 5 << 20])
def test_an_insertion_stays_local(place: int) -> None:
    before, after = cut(DATA), cut(DATA[:place] + b"inserted" + DATA[place:])
    assert len(set(after) - set(before)) <= 3


def test_cuts_and_prints_are_secrets_of_the_vault() -> None:
    ours, others = cut(DATA), cut(DATA, OTHERS)
    assert {len(chunk) for chunk in ours[:-1]}.isdisjoint(len(chunk) for chunk in others[:-1])
    assert Chunker(OURS).print_of(b"known") == Chunker(OURS).print_of(b"known")
    assert Chunker(OURS).print_of(b"known") != Chunker(OTHERS).print_of(b"known")


def test_one_byte_over_and_over_is_cut_at_the_longest() -> None:
    chunks = cut(bytes(5 << 20))
    assert b"".join(chunks) == bytes(5 << 20)
    assert all(len(chunk) <= LONGEST for chunk in chunks)
