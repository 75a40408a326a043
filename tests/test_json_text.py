"""JSON from others: whatever it is, it is a value or a ValueError, also where the limit of recursion is gone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailee.json_text import MAX_DEPTH, NestingError, load

DEEP = 200_000
"""Levels: without a limit of recursion, half as many overflow a stack of 8 MB and end the process."""

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('[]{}"\\a', max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('[]{}"\\', max_size=3), inner, max_size=4),
    max_leaves=60,
)


@pytest.fixture
def no_limit() -> Iterator[None]:
    kept = sys.getrecursionlimit()
    sys.setrecursionlimit(10**9)
    yield
    sys.setrecursionlimit(kept)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * DEEP,
        b"[" * DEEP + b"]" * DEEP,
        b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        b'{"a":[' * DEEP,
        b'"' + b'\\"' * 99 + b'",' + b"[" * DEEP,
        b'["' + b"\\\\" * 99 + b'",' + b"[" * DEEP,
        b'["' + b"\xff" * 99 + b'",' + b"[" * DEEP,
        b"[]" * 40 + b"[" * DEEP,
        b"}" * 99 + b"{" * DEEP,
    ],
)
def test_deep_text_is_refused_without_recursion(data: bytes, no_limit: None) -> None:
    with pytest.raises(NestingError):
        load(data)


@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"":', b"}")])
def test_the_depth_is_exact(opened: bytes, closed: bytes) -> None:
    load(opened * MAX_DEPTH + b"1" + closed * MAX_DEPTH)
    with pytest.raises(NestingError):
        load(opened * (MAX_DEPTH + 1) + b"1" + closed * (MAX_DEPTH + 1))


@given(st.lists(VALUES, max_size=4))
def test_what_is_shallow_is_read_as_json_reads_it(value: object) -> None:
    text = json.dumps(value).encode()
    assert load(text) == json.loads(text)


@given(st.text('[]{}"\\,:1 ', max_size=200))
def test_any_text_gives_what_json_gives_or_an_error(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            load(text.encode())
    else:
        assert load(text.encode()) == expected


def test_a_string_without_end_takes_linear_time() -> None:
    with pytest.raises(NestingError):
        load(b"[" * 40 + b'"' + b'\\"' * 4_000_000)
