"""`bailee://NAME`, `bailee://NAME?version=ID`: a vault's names as paths, its prefixes as directories.

Directories are what names have in common up to a slash; there are no empty ones. Removing sets a delete marker, so
that nothing is lost by it: `bailee vault erase` is for that.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

from fsspec.spec import AbstractFileSystem

from bailee.errors import NotFoundError
from bailee.files.homes import home_of, open_vault
from bailee.files.sealed_file import SealedFile, file_errors
from bailee.seal.vault.facts import Version
from bailee.seal.vault.vault import Vault

_VERSION = re.compile(r"\?version=([0-9a-f]{32})$")
_PAGE = 1000


class VaultFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """home: the party's folder, by default BAILEE_HOME, else ~/.bailee. The vault is opened when it is first needed."""

    protocol = "bailee"
    root_marker = ""

    def __init__(self, home: str | os.PathLike[str] | None = None, **more: Any) -> None:
        super().__init__(**more)
        self._home = home_of(home)

    @property
    def home(self) -> Path:
        return self._home

    @property
    def vault(self) -> Vault:
        return open_vault(self._home)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        text = os.fspath(path)
        return text.removeprefix("bailee://").removeprefix("bailee::").strip("/")

    def split(self, path: str) -> tuple[str, str | None]:
        """Name and version of a path; None: the current one."""
        name = self._strip_protocol(path)
        found = _VERSION.search(name)
        return (name, None) if found is None else (name[: found.start()], found[1])

    def info(self, path: str, version: str | None = None, **more: Any) -> dict[str, Any]:
        name, asked = self.split(path)
        if not name:
            return _directory("")
        with file_errors(path):
            try:
                found = self.vault.head(name, version or asked)
                if found.is_marker:
                    raise NotFoundError(f"version {found.id} of {name!r} is a delete marker; it has no bytes")
                return _file(found, self._strip_protocol(path))
            except NotFoundError:
                if asked is None and version is None and self._is_prefix(name):
                    return _directory(name)
                raise

    def ls(self, path: str, detail: bool = True, **more: Any) -> list[Any]:
        name = self._strip_protocol(path)
        entries = list(self._children(name))
        if not entries and name:
            entries = [self.info(path)]
            if entries[0]["type"] == "directory":
                entries = []
        return entries if detail else sorted(entry["name"] for entry in entries)

    def find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **more: Any
    ) -> Any:
        name, version = self.split(path)
        if maxdepth is not None or version is not None or more.get("prefix"):
            return super().find(path, maxdepth=maxdepth, withdirs=withdirs, detail=detail, **more)
        found = {one.name: _file(one) for one in self._all(f"{name}/" if name else "")}
        if name and self.isfile(name):
            found[name] = self.info(name)
        if withdirs:
            parents = (accumulate(each.split("/")[:-1], "{}/{}".format) for each in found)
            folders = {each for chain in parents for each in chain if len(each) >= len(name)}
            found |= {each: _directory(each) for each in folders}
        names = sorted(found)
        return {each: found[each] for each in names} if detail else names

    def glob(self, path: str, maxdepth: int | None = None, **more: Any) -> Any:
        if _VERSION.search(path) is None:
            return super().glob(path, maxdepth=maxdepth, **more)
        name = self._strip_protocol(path)  # the question mark is no wildcard here
        there = [name] if self.exists(name) else []
        return {each: self.info(each) for each in there} if more.get("detail") else there

    def mkdir(self, path: str, create_parents: bool = True, **more: Any) -> None:
        """Nothing: a directory is there as soon as a name is in it."""

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Nothing, as `mkdir`."""

    def rmdir(self, path: str) -> None:
        """Nothing: an empty directory is not there."""
        if self._is_prefix(self._strip_protocol(path)):
            raise OSError(f"{path} is not empty")

    def rm_file(self, path: str) -> None:
        name, version = self.split(path)
        with file_errors(path):
            if version is not None:
                self.vault.remove(name, version)
                return
            self.vault.head(name)
            self.vault.delete(name)

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        for each in reversed(self.expand_path(path, recursive=recursive, maxdepth=maxdepth)):
            if self.isfile(each):
                self.rm_file(each)
            elif not recursive:
                raise IsADirectoryError(each)

    def cp_file(self, path1: str, path2: str, **more: Any) -> None:
        name, version = self.split(path1)
        with file_errors(path1):
            if self.info(path1)["type"] == "file":
                self.vault.copy(name, self._strip_protocol(path2), version)

    def copy(self, path1: Any, path2: Any, *args: Any, **more: Any) -> Any:
        if isinstance(path1, str) and _VERSION.search(path1):  # one file, no pattern
            return self.cp_file(path1, path2)
        return super().copy(path1, path2, *args, **more)

    def get(self, rpath: Any, lpath: Any, *args: Any, **more: Any) -> Any:
        if isinstance(rpath, str) and _VERSION.search(rpath):
            return self.get_file(rpath, lpath)
        return super().get(rpath, lpath, *args, **more)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **more: Any) -> bytes:
        details = self.info(path)
        if details["type"] != "file":
            raise IsADirectoryError(path)
        size = details["size"]
        first, last = _place(0 if start is None else start, size), _place(size if end is None else end, size)
        with file_errors(path):
            name, _ = self.split(path)
            return b"".join(self.vault.get(name, details["version"], first, max(first, last)))

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **more: Any) -> None:
        with file_errors(path):
            self.vault.put(self._strip_protocol(path), value, if_none_match=mode == "create", **more)

    def touch(self, path: str, truncate: bool = True, **more: Any) -> None:
        if truncate or not self.exists(path):
            self.pipe_file(path, b"", **more)

    def created(self, path: str) -> datetime:
        return self.modified(path)

    def modified(self, path: str) -> datetime:
        """A version never changes: when it was put."""
        found: datetime = self.info(path)["created"]
        return found

    def checksum(self, path: str) -> int:
        return int(self.info(path)["version"], 16)

    def ukey(self, path: str) -> str:
        return str(self.info(path)["version"])

    def versions(self, path: str) -> list[dict[str, Any]]:
        """All versions of one name, the newest first; markers have `is_marker`."""
        name, _ = self.split(path)
        page, found = self.vault.versions(name), []
        while True:
            ours = [one for one in page.versions if one.name == name]
            found += [{**_file(one, f"{name}?version={one.id}"), "is_marker": one.is_marker} for one in ours]
            if not page.after or len(ours) < len(page.versions):
                return found
            page = self.vault.versions(name, page.after)

    def invalidate_cache(self, path: str | None = None) -> None:
        """Nothing: listings are asked of the catalogue each time."""

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        version: str | None = None,
        **more: Any,
    ) -> SealedFile:
        """more: `cache_type` as fsspec has it; when writing the options of `Vault.put` (content_type, expires ...)."""
        reading = {"cache_type": more.pop("cache_type")} if "cache_type" in more else {}
        more.pop("size", None)
        if version is not None:
            path = f"{self.split(path)[0]}?version={version}"
        return SealedFile(
            self, path, mode, options=more, block_size=block_size, autocommit=autocommit,
            cache_options=cache_options, **reading,
        )  # fmt: skip

    def _is_prefix(self, name: str) -> bool:
        page = self.vault.list(f"{name}/" if name else "", limit=1)
        return bool(page.versions)

    def _children(self, name: str) -> Iterator[dict[str, Any]]:
        prefix, after = f"{name}/" if name else "", ""
        while True:
            page = self.vault.list(prefix, "/", after, _PAGE)
            yield from (_directory(each.rstrip("/")) for each in page.prefixes if each.strip("/"))
            yield from (_file(each) for each in page.versions if each.name != prefix)
            after = page.after
            if not after:
                return

    def _all(self, prefix: str) -> Iterator[Version]:
        after = ""
        while True:
            page = self.vault.list(prefix, "", after, _PAGE)
            yield from page.versions
            after = page.after
            if not after:
                return


def _file(version: Version, path: str | None = None) -> dict[str, Any]:
    return {
        "name": version.name if path is None else path,
        "size": version.length,
        "type": "file",
        "version": version.id,
        "ETag": version.etag,
        "created": datetime.fromtimestamp(version.created, UTC),
        "mtime": version.created,
        "content_type": version.content_type,
        "metadata": dict(version.metadata),
    }


def _directory(name: str) -> dict[str, Any]:
    return {"name": name, "size": 0, "type": "directory"}


def _place(at: int, size: int) -> int:
    """As slices count: from the end where negative, never outside."""
    return min(max(at + size if at < 0 else at, 0), size)
