"""Where a vault lives: `vault.json` (its id, where its catalogue is), `vault.key`, and what its catalogue says of it.

The last thing written is the catalogue's own record: a creation that was cut short before it can be done again.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bailee.adapters.catalogue import Catalogue, Unit, open_catalogue
from bailee.adapters.catalogue.tables import settings, state, stores
from bailee.adapters.files import read_bytes, storage_errors, write_atomic
from bailee.adapters.stores.entry import StoreEntry
from bailee.adapters.stores.opening import open_store
from bailee.adapters.stores.store import Store
from bailee.errors import InputError, StorageError
from bailee.keys import Identity
from bailee.seal.vault.cache import open_cache
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.ground import Ground
from bailee.seal.vault.journal import Journal, entry, finishing
from bailee.seal.vault.keep.sweeping import claim, require_unclaimed
from bailee.seal.vault.keyring import KEY_FILE, create_keyring, open_keyring
from bailee.seal.vault.rows import StoreNumbers
from bailee.seal.vault.timekeeping import Timekeeper

VAULT_FILE = "vault.json"
CATALOGUE_FILE = "catalogue.db"


def create_home(
    home: Path,
    identity: Identity,
    entries: Sequence[StoreEntry],
    policy: Policy,
    catalogue_url: str | None,
    time: Timekeeper,
) -> None:
    """A new vault in `home`. InputError where one is already, or its catalogue belongs to another."""
    if len({one.name for one in entries}) != len(entries):
        raise InputError("expected stores of different names")
    with storage_errors(home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    url = catalogue_url or f"sqlite:///{(home / CATALOGUE_FILE).absolute()}"
    _refuse_password(url)
    catalogue = open_catalogue(url, finishing(time))
    try:
        if _settings(catalogue):
            raise InputError(f"{home} (or its catalogue) holds a vault already; open it, or choose another home")
        opened = [open_store(one, os.environ, create=True) for one in entries]
        for store in opened:
            require_unclaimed(store)
        vault_id = secrets.token_bytes(16)
        with storage_errors(home):
            (home / KEY_FILE).unlink(missing_ok=True)  # of a creation that was cut short: nothing was named by it
        keyring = create_keyring(home, identity, vault_id)
        facts = {"version": 1, "vault": vault_id.hex(), "catalogue": url if catalogue_url else ""}
        write_atomic(home / VAULT_FILE, json.dumps(facts, indent=2).encode() + b"\n", 0o600)

        def work(unit: Unit) -> None:
            if unit.connection.execute(select(settings.c.key).where(settings.c.key == "vault")).first() is not None:
                raise InputError("another vault was made in this catalogue meanwhile; choose another one")
            unit.connection.execute(
                insert(settings),
                [
                    {"key": "vault", "value": vault_id},
                    {"key": "owner", "value": identity.public_key},
                    {"key": "policy", "value": policy_bytes(policy)},
                ],
            )
            put_entries(unit.connection, entries)
            unit.log(entry("create", time.now(), vault=vault_id.hex(), stores=[one.name for one in entries]))

        catalogue.change(work)
        for store in opened:  # the vault is there now; a store that is left unmarked by a crash is marked when swept
            claim(keyring, store)
    finally:
        catalogue.close()


def open_home(
    home: Path, identity: Identity, clock: Callable[[], float], passed: Callable[[], float] | None
) -> tuple[Ground, tuple[StoreEntry, ...], Policy, Mapping[str, StorageError]]:
    """The ground of a vault, its stores and policy, and the stores that could not be opened now."""
    try:
        facts = json.loads(read_bytes(home / VAULT_FILE, 1 << 16, "the vault"))
        vault_id, url = bytes.fromhex(facts["vault"]), facts["catalogue"]
        if facts["version"] != 1 or len(vault_id) != 16 or not isinstance(url, str):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{home / VAULT_FILE} is not a vault of version 1; restore the original") from None
    path = home / CATALOGUE_FILE
    if not url and not path.exists():
        raise StorageError(f"{path} is missing: it holds every name and key of this vault; restore a copy of it")
    time = Timekeeper(clock, passed)
    catalogue = open_catalogue(url or f"sqlite:///{path.absolute()}", finishing(time))
    try:
        told = _settings(catalogue)
        if told.get("vault") != vault_id:
            raise StorageError(f"the catalogue of {home} belongs to another vault, or to none; create the vault again")
        if told.get("owner") != identity.public_key:
            raise InputError(f"the vault in {home} belongs to another identity than {identity.name}; use its home")
        keyring = open_keyring(home, identity, vault_id)
        with catalogue.reading() as connection:
            time.see(connection.execute(select(state.c.latest)).scalar_one())
            numbers, entries = StoreNumbers(connection, catalogue.reading), get_entries(connection)
        opened, problems = open_stores(entries)
        cache = open_cache(home, keyring.naming)
    except BaseException:
        catalogue.close()
        raise
    ground = Ground(keyring, catalogue, time, Journal(catalogue, keyring, time), numbers, opened, cache)
    return ground, entries, to_policy(told["policy"]), problems


def open_stores(entries: Sequence[StoreEntry]) -> tuple[dict[str, Store], dict[str, StorageError]]:
    """All that can be opened, switched off or not (fragments on them still are to be read and deleted)."""
    opened: dict[str, Store] = {}
    problems: dict[str, StorageError] = {}
    for one in entries:
        try:
            opened[one.name] = open_store(one, os.environ)
        except StorageError as error:
            problems[one.name] = error
    return opened, problems


def get_entries(connection: Connection) -> tuple[StoreEntry, ...]:
    rows = connection.execute(select(stores.c.entry).order_by(stores.c.number)).scalars()
    return tuple(StoreEntry(**json.loads(row)) for row in rows)


def put_entries(connection: Connection, entries: Sequence[StoreEntry]) -> None:
    """These stores as they are now; new ones get a number, others are not touched."""
    known = {row.name: row.number for row in connection.execute(select(stores.c.name, stores.c.number))}
    for one in entries:
        values = {"name": one.name, "entry": json.dumps(vars(one), sort_keys=True)}
        if one.name in known:
            connection.execute(stores.update().where(stores.c.name == one.name).values(**values))
        else:
            known[one.name] = max(known.values(), default=0) + 1  # 0 stands for "nowhere"
            connection.execute(insert(stores).values(number=known[one.name], **values))


def policy_bytes(policy: Policy) -> bytes:
    facts = {"k": policy.code.k, "n": policy.code.n, "need": policy.need, "per_provider": policy.per_provider}
    return json.dumps({**facts, "allow": sorted(policy.allow), "deny": sorted(policy.deny)}).encode()


def to_policy(data: bytes) -> Policy:
    facts = json.loads(data)
    regions = frozenset(facts["allow"]), frozenset(facts["deny"])
    return Policy(Code(facts["k"], facts["n"]), facts["need"], *regions, facts["per_provider"])


def _settings(catalogue: Catalogue) -> dict[str, Any]:
    with catalogue.reading() as connection:
        wanted = select(settings).where(settings.c.key.in_(("vault", "owner", "policy")))
        return {row.key: bytes(row.value) for row in connection.execute(wanted)}


def _refuse_password(url: str) -> None:
    try:
        password = make_url(url).password
    except ArgumentError:
        return  # open_catalogue says it
    if password:
        raise InputError("the catalogue's URL is kept in the clear: leave the password to PGPASSFILE or PGPASSWORD")
