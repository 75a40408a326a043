"""One vault over four folders, its door on loopback, and the owner's hand. Each module has its own."""

import sys

import pytest

from bailee.adapters.stores.entry import StoreEntry
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.vault import Vault
from bailee.server.s3 import new_access_key
from server.s3.door import open_door

OWNER = Identity.generate("St. Ann")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def owner(home):
    return new_access_key(home, "owner")


@pytest.fixture(scope="module")
def vault(home):
    stores = [StoreEntry(f"folder{at}", str(home / f"folder{at}")) for at in range(4)]
    for store in stores:
        (home / store.name).mkdir()
    with Vault.create(home, OWNER, stores, Policy(Code(2, 4))) as opened:
        yield opened


@pytest.fixture(scope="module")
def door(vault, home, owner):
    with open_door(vault, home) as opened:
        yield opened


@pytest.fixture(scope="module")
def s3(door, owner):
    client = door.boto(owner)
    yield client
    client.close()


@pytest.fixture
def looking(monkeypatch):
    """The door looks a bucket up each time, and not once a second: tests change settings as another process does."""
    monkeypatch.setattr(sys.modules["bailee.server.s3.application"], "_KNOWN_FOR", 0)
