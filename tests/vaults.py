"""A vault in a home of its own, for tests of its doors: an owner, and three folders as stores, any two enough."""

from __future__ import annotations

from pathlib import Path

from bailee.adapters.stores.entry import StoreEntry
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.vault import Vault


def make_home(home: Path, stores: int = 3) -> Path:
    """Keys and a vault in `home`; closed again."""
    owner = Identity.create(home, "Owner")
    entries = [StoreEntry(f"s{index}", str(home / "stores" / f"s{index}")) for index in range(stores)]
    Vault.create(home, owner, entries, Policy(Code(2, stores))).close()
    return home
