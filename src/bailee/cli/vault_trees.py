"""Folders to names and back. A name never leads outside the folder; files appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from bailee.adapters.files import storage_errors
from bailee.cli.face import Report
from bailee.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from bailee.seal.vault.facts import Version
    from bailee.seal.vault.vault import Vault


@dataclass
class Moved:
    """moved, skipped: files, and bytes moved; left: what was no plain file or no plain name, and stayed."""

    moved: int = 0
    skipped: int = 0
    bytes: int = 0
    left: list[str] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        return {"moved": self.moved, "skipped": self.skipped, "bytes": self.bytes, "left": self.left}


def put_tree(vault: Vault, folder: Path, prefix: str, report: Report, options: Mapping[str, Any]) -> Moved:
    """Every plain file under `folder`. Links are not followed: what they lead to may be outside."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; without -r a single file is put")
    done, files = Moved(), sorted(_files(folder))
    for at, path in enumerate(files):
        name = "/".join(filter(None, (prefix.strip("/"), path.relative_to(folder).as_posix())))
        if path.is_symlink() or not path.is_file():
            done.left.append(str(path))
        elif _is_same(_head(vault, name), path):
            done.skipped += 1
        else:
            with storage_errors(path), path.open("rb") as source:
                done.bytes += vault.put(name, source, **options).length
            done.moved += 1
        report(str(folder), (at + 1) / len(files))
    return done


def get_tree(vault: Vault, prefix: str, folder: Path, report: Report) -> Moved:
    """Every object under `prefix`/. Raises InputError where there is none."""
    prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    done, total, after = Moved(), 0, ""
    while True:
        page = vault.list(prefix, "", after)
        for version in page.versions:
            total += 1
            target = place(folder, version.name.removeprefix(prefix))
            if target is None:
                done.left.append(version.name)
            elif _is_same(version, target):
                done.skipped += 1
            else:
                write_file(target, vault.get(version.name, version.id))
                done.moved, done.bytes = done.moved + 1, done.bytes + version.length
        after = page.after
        if not after:
            break
    if not total:
        raise InputError(f"there is nothing under {prefix or 'this vault'}; see: bailee vault ls")
    report(prefix or "all", 1.0)
    return done


def place(folder: Path, name: str) -> Path | None:
    """Where a name lies under `folder`; None where it is no plain path, or a link in the folder leads elsewhere."""
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts) or PurePosixPath(name).is_absolute():
        return None
    at = folder
    for part in parts:
        at = at / part
        if at.is_symlink():
            return None
    return at


def write_file(path: Path, parts: Iterable[bytes], progress: Callable[[int], None] | None = None) -> None:
    """All of `parts` at `path`, or what was there before."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
        done = 0
        try:
            with draft.open("xb") as file:
                for part in parts:
                    file.write(part)
                    done += len(part)
                    if progress is not None:
                        progress(done)
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        yield from (Path(root) / name for name in names)


def _head(vault: Vault, name: str) -> Version | None:
    try:
        return vault.head(name)
    except NotFoundError:
        return None


def _is_same(version: Version | None, path: Path) -> bool:
    """Size and content are those of the version. An etag of several parts is no digest of the content: then not."""
    if version is None or not path.is_file() or path.stat().st_size != version.length:
        return False
    with storage_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == version.etag
