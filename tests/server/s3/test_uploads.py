"""Listings of multipart uploads are read in pages: the same whatever the page, on both databases."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from bailee.adapters.stores.entry import StoreEntry
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.vault import Vault
from bailee.server.s3 import registry as module
from bailee.server.s3.registry import Registry, Upload
from databases import new_url

OWNER = Identity.generate("Owner")
KEYS = ["a", "a/1", "a/1", "a/1", "a/2", "b", "b/ä", "b/\U0001f600", "c", "c", "é"]


@pytest.fixture
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    stores = [StoreEntry("s0", f"file://{tmp_path}/s0?sync=no")]
    url = new_url(request.param, tmp_path)
    with Vault.create(tmp_path / "home", OWNER, stores, Policy(Code(1, 1)), url) as vault:
        yield Registry(vault)


def fill(registry: Registry) -> list[Upload]:
    made = [Upload(f"{at:032x}", "mine", key, 100.0 + at // 4) for at, key in enumerate(KEYS)]
    for one in random.Random(1).sample(made, len(made)):
        registry.add_upload(one)
    registry.add_upload(Upload("f" * 32, "other", "a/1", 100.0))
    return made


@pytest.mark.parametrize(
    ("registry", "page"), [("sqlite", 1), ("sqlite", 2), ("sqlite", 1000), ("postgresql", 2)], indirect=["registry"]
)
def test_pages_of_uploads(registry: Registry, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAGE", page)
    fill(registry)
    every = list(registry.uploads("mine"))
    assert [one.key for one in every] == sorted(KEYS, key=str.encode)
    assert every == sorted(every, key=lambda one: (one.key.encode(), one.created))
    for prefix in ("", "a/", "a/1", "b", "é", "z"):
        assert list(registry.uploads("mine", prefix)) == [one for one in every if one.key.startswith(prefix)]
    for at, one in enumerate(every):
        assert list(registry.uploads("mine", "", one.key, one.id)) == every[at + 1 :]
        above = [other for other in every if other.key.encode() > one.key.encode()]
        assert list(registry.uploads("mine", "", one.key)) == above
        assert list(registry.uploads("mine", "", one.key, "f" * 32)) == above
    assert list(registry.uploads("nobody's")) == []


@pytest.mark.parametrize("registry", ["sqlite"], indirect=True)
def test_uploads_that_end_while_they_are_listed(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAGE", 2)
    made = fill(registry)
    seen = []
    for one in registry.uploads("mine"):
        registry.remove_upload(one.id)
        seen.append(one.id)
    assert sorted(seen) == [one.id for one in made]
    assert list(registry.uploads("mine")) == []
