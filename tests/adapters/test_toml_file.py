"""TOML files: what they hold, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailee.adapters.toml_file import parse_toml, read_toml, toml_value
from bailee.errors import InputError, PlanError


def test_reals_are_exact(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text("rate = 0.1\n[privacy]\nepsilon = 3\n")
    assert read_toml(tmp_path / "plan.toml", "plan") == {"rate": Decimal("0.1"), "privacy": {"epsilon": 3}}


@pytest.mark.parametrize(
    "data",
    [
        b"rate = ",
        b"\xff",
        b"rate = 1e9999999999999999999",
        b"a = " + b"[" * 9999,
        b"a = 1\na = 2",
        b"a = [0x" + b"f" * 9999 + b"]",
    ],
    ids=["cut", "no UTF-8", "beyond Decimal", "deep", "twice", "a number of 12 000 digits"],
)
def test_what_is_no_toml_is_refused_as_asked(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "plan.toml").write_bytes(data)
    with pytest.raises(PlanError, match=r"plan\.toml is not TOML"):
        read_toml(tmp_path / "plan.toml", "plan", PlanError)


def test_a_file_that_cannot_be_read_is_said_to_be_what_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="claims"):
        read_toml(tmp_path / "none.toml", "claims")


@given(st.text() | st.lists(st.text(), max_size=4) | st.integers(-(2**63), 2**63 - 1))
def test_what_is_written_reads_back(value: object) -> None:
    text = f"one = {toml_value(value)}"
    assert parse_toml(text.encode(), "here") == {"one": value}
    assert text.isprintable()
