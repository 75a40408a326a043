"""Stores of a vault come and go: each change is one transaction and an entry of the log.

A store that is switched off takes no more fragments and is still read from; `rebalancing` moves what it holds. Its
row stays for good, because fragments are known by its number.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from bailee.adapters.catalogue import Unit
from bailee.adapters.stores.entry import StoreEntry
from bailee.adapters.stores.opening import open_store
from bailee.errors import InputError, NotFoundError
from bailee.seal.vault.blobs.placement import place
from bailee.seal.vault.home import get_entries, put_entries
from bailee.seal.vault.journal import entry
from bailee.seal.vault.keep.sweeping import claim
from bailee.seal.vault.vault import Vault


def add_store(vault: Vault, new: StoreEntry) -> None:
    """One more store; a vault that is open sees it when it is opened again. InputError for a name there is,
    ConflictError where another vault has marked the store."""
    claim(vault.ground.keyring, open_store(new, os.environ, create=True))

    def change(entries: tuple[StoreEntry, ...]) -> tuple[StoreEntry, ...]:
        if any(one.name == new.name for one in entries):
            raise InputError(f"there is a store {new.name!r} already; give this one another name")
        return (*entries, new)

    _change(vault, change, "add", new.name)


def switch_store(vault: Vault, name: str, on: bool) -> None:
    """Whether the store takes fragments. InputError where too few would be left for a put."""

    def change(entries: tuple[StoreEntry, ...]) -> tuple[StoreEntry, ...]:
        if all(one.name != name for one in entries):
            raise NotFoundError(f"there is no store {name!r}; stores are {', '.join(one.name for one in entries)}")
        changed = tuple(replace(one, enabled=on) if one.name == name else one for one in entries)
        place(bytes(16), vault.policy, changed)
        return changed

    _change(vault, change, "on" if on else "off", name)


def _change(
    vault: Vault, change: Callable[[tuple[StoreEntry, ...]], tuple[StoreEntry, ...]], what: str, name: str
) -> None:
    def work(unit: Unit) -> tuple[StoreEntry, ...]:
        entries = change(get_entries(unit.connection))
        put_entries(unit.connection, entries)
        unit.log(entry("setting", vault.ground.time.now(), store=name, change=what))
        return entries

    vault.ground.catalogue.change(work)
