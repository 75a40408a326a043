"""How to get into a store: options from the environment or from a file of mode 0600, never shown."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from bailee.adapters.files import read_bytes, storage_errors
from bailee.adapters.stores.entry import StoreEntry
from bailee.errors import InputError, StorageError
from bailee.keys import Secret

_LIMIT = 1 << 16


def options_of(entry: StoreEntry, env: Mapping[str, str]) -> dict[str, Secret]:
    """The options with which a store is opened that its URL does not hold, by OpenDAL's names."""
    if entry.credentials:
        return _from_file(entry, Path(entry.credentials))
    start = variable(entry.name)
    names = [name for name in env if name.startswith(start) and name != f"{start}URL"]
    return {name[len(start) :].lower(): Secret(env[name].encode()) for name in names}


def confirmed(entry: StoreEntry, env: Mapping[str, str]) -> Mapping[str, str]:
    """`env` for a store that somebody else describes, as a share does: nothing, unless BAILEE_STORE_<NAME>_URL is its
    URL. Else whoever made the share could give a store's name to a place of its own, and be sent the credentials."""
    return env if env.get(f"{variable(entry.name)}URL") == entry.url else {}


def variable(store: str, option: str = "") -> str:
    """The variable of the environment that holds an option of a store."""
    return f"BAILEE_STORE_{store.upper().replace('-', '_')}_{option.upper()}"


def _from_file(entry: StoreEntry, path: Path) -> dict[str, Secret]:
    data = read_bytes(path, _LIMIT, f"the credentials of store {entry.name} in")
    with storage_errors(path):
        mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise StorageError(f"{path} can be read by others (mode {mode:04o}); run: chmod 600 {path}")
    options: dict[str, Secret] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            option, equals, value = line.partition("=")
            if not equals or not option.strip().isidentifier():
                raise InputError(f"{path}, line {number}: expected OPTION=VALUE, got something else")
            options[option.strip().lower()] = Secret(value.strip().encode())
    return options
