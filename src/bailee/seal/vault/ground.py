"""What the parts of one open vault stand on: its keys, catalogue, clock, log, stores and read cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bailee.adapters.catalogue import Catalogue
from bailee.adapters.stores.store import Store
from bailee.seal.vault.cache import DiskCache
from bailee.seal.vault.journal import Journal
from bailee.seal.vault.keyring import Keyring
from bailee.seal.vault.rows import StoreNumbers
from bailee.seal.vault.timekeeping import Timekeeper


@dataclass(frozen=True)
class Ground:
    """stores: those that are switched on and known here, by name; cache: None where the home has none."""

    keyring: Keyring
    catalogue: Catalogue
    time: Timekeeper
    journal: Journal
    numbers: StoreNumbers
    stores: Mapping[str, Store] = field(default_factory=dict)
    cache: DiskCache | None = None
