"""From what an owner wrote down of a store to the store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from bailee.adapters.stores.access import options_of
from bailee.adapters.stores.entry import StoreEntry
from bailee.adapters.stores.folder import FolderStore
from bailee.adapters.stores.store import Store
from bailee.errors import InputError


def open_store(entry: StoreEntry, env: Mapping[str, str] | None = None, *, create: bool = False) -> Store:
    """The store. Nothing is asked of it yet, so a store that is down opens as well; create makes a folder's mark.

    env: os.environ unless given. InputError where the entry cannot be one, StoreError where a folder cannot be made.
    """
    parts = urlsplit(entry.url) if "://" in entry.url else None
    if parts is None or parts.scheme == "file":
        folder, sync = _folder(entry)
        return FolderStore.create(entry.name, folder, sync) if create else FolderStore(entry.name, folder, sync)
    from bailee.adapters.stores.remote import RemoteStore  # OpenDAL takes a while to load; folders do without

    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    within = unquote(parts.path).strip("/")
    options = {"root": f"/{within}" if within else "/", **asked}
    if parts.netloc:
        options[_PLACE.get(parts.scheme, "bucket")] = parts.netloc
    secrets = options_of(entry, os.environ if env is None else env)
    return RemoteStore.open(entry.name, parts.scheme, options, secrets)


_PLACE = {"swift": "container", "azblob": "container", "webdav": "endpoint", "http": "endpoint", "ipmfs": "endpoint"}
"""What the part after :// is called by services that have no buckets."""


def _folder(entry: StoreEntry) -> tuple[Path, bool]:
    sync = True
    path = entry.url
    if "://" in path:
        parts = urlsplit(path)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        unknown = set(asked) - {"sync"}
        if parts.netloc or unknown or asked.get("sync", "yes") not in ("yes", "no"):
            raise InputError(f"store {entry.name}: expected file:///folder or file:///folder?sync=no, got {entry.url}")
        path, sync = unquote(parts.path), asked.get("sync", "yes") == "yes"
    if not Path(path).is_absolute():
        raise InputError(f"store {entry.name}: expected an absolute path of a folder, or a URL, got {entry.url}")
    return Path(path), sync
