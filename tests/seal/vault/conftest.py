"""A vault over three folders, any two of which are enough, with a clock that tests set; on SQLite unless asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bailee.adapters.stores.entry import StoreEntry
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.vault import Vault
from databases import new_url

OWNER = Identity.generate("Owner")


class Clock:
    """Seconds since 1970, as a test says."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def entries(folder: Path, count: int = 3) -> list[StoreEntry]:
    # Without syncs: what a power cut leaves is not what these tests are about.
    return [StoreEntry(f"s{index}", f"file://{folder}/s{index}?sync=no") for index in range(count)]


def fragments(folder: Path) -> set[Path]:
    """Files of fragments on all stores."""
    return {path for path in folder.glob("s*/??/*") if path.is_file()}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def owner() -> Identity:
    return OWNER


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    """Parametrize indirectly with `databases.KINDS` to run on both databases."""
    return getattr(request, "param", "sqlite")


@pytest.fixture
def vault(tmp_path: Path, clock: Clock, kind: str) -> Iterator[Vault]:
    url = None if kind == "sqlite" else new_url(kind, tmp_path)
    opened = Vault.create(tmp_path / "home", OWNER, entries(tmp_path), Policy(Code(2, 3)), url, clock=clock)
    yield opened
    opened.close()
