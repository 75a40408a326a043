"""`bailee vault put, get, cat, ls, versions, restore, rm`: bytes in and out by name."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer
from rich.text import Text

from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.vault_face import (
    WHEN,
    AVersion,
    Name,
    bytes_words,
    columns,
    current,
    moment,
    opened,
    slowly,
    version_facts,
    when,
)
from bailee.cli.vault_trees import get_tree, put_tree, write_file
from bailee.errors import InputError

if TYPE_CHECKING:
    from bailee.seal.vault.facts import Lock, Version
    from bailee.seal.vault.vault import Vault

Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="A folder and all in it; what is there is skipped.")]
_RANGE = re.compile(r"(\d*)-(\d*)")


@command
def put(
    file: Annotated[str, typer.Argument(help="A file, a folder with -r, or - for standard input.")],
    name: Annotated[str, typer.Argument(help="The name it gets; with -r what all names begin with.")],
    content_type: Annotated[str, typer.Option("--type", help="Its media type.")] = "application/octet-stream",
    meta: Annotated[list[str] | None, typer.Option(help="KEY=VALUE; repeat for more.")] = None,
    until: Annotated[str | None, typer.Option(help=f"Locked: nothing destroys it before {WHEN}")] = None,
    mode: Annotated[
        str, typer.Option(help="How it is locked: governance or compliance (nobody lifts it).")
    ] = "governance",
    expires: Annotated[str | None, typer.Option(help=f"Erased when its purpose ends: {WHEN}")] = None,
    deduplicate: Annotated[
        bool | None,
        typer.Option(
            "--deduplicate/--no-deduplicate",
            help="Share what the vault holds; as the vault was set.",
            show_default=False,
        ),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Only where there is none of that name.")] = False,
    recursive: Recursive = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Seal a file under a name, as a new version; what was there before stays as an older one.

    With -r files of the same size and content are skipped, so that the command may be run again after it was stopped.

    Example: `bailee vault put scan.tar patients/17/scan.tar --expires 30d`
    """
    face = Face(as_json)
    options: dict[str, Any] = {
        "content_type": content_type,
        "metadata": _metadata(meta or []),
        "lock": _lock(until, mode),
        "expires": None if expires is None else moment(expires),
        "if_none_match": new,
        "deduplicate": deduplicate,
    }
    with opened(home) as vault, face.progress() as report:
        if recursive:
            done = put_tree(vault, Path(file), name, report, options)
            face.result(done.facts(), facts_table({**done.facts(), "bytes": bytes_words(done.bytes)}))
            return
        with _source(file) as source:
            size = os.fstat(source.fileno()).st_size if file != "-" else 0
            made = vault.put(name, source, progress=slowly(report, name, size), **options)
    facts = version_facts(made)
    face.result(facts, facts_table({"name": made.name, "version": made.id, "length": bytes_words(made.length)}))


@command
def get(
    name: Name,
    file: Annotated[
        str | None,
        typer.Argument(help="Where to: a file, a folder, or - for standard output. The name's end by default."),
    ] = None,
    version: AVersion = None,
    span: Annotated[
        str | None, typer.Option("--range", help="Bytes FIRST-LAST, both counted, as 0-99 or 100-.")
    ] = None,
    recursive: Recursive = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Open an object into a file. The file appears whole or not at all.

    With -r NAME is what names begin with, up to a slash, and FILE a folder; what is there with the same content is
    skipped.

    Example: `bailee vault get patients/17/scan.tar .`
    """
    face = Face(as_json)
    with opened(home) as vault, face.progress() as report:
        if recursive:
            done = get_tree(vault, name, Path(file or "."), report)
            face.result(done.facts(), facts_table({**done.facts(), "bytes": bytes_words(done.bytes)}))
            return
        found = vault.head(name, version)
        start, stop = _span(span, found.length)
        parts = vault.get(name, found.id, start, stop)
        if file == "-":
            _pour(parts)
            return
        target = Path(file or name.rsplit("/", 1)[-1])
        target = target / name.rsplit("/", 1)[-1] if target.is_dir() else target
        write_file(target, parts, slowly(report, name, stop - start))
    facts = {**version_facts(found), "file": str(target)}
    face.result(facts, facts_table({"file": target, "version": found.id, "length": bytes_words(stop - start)}))


@command
def cat(name: Name, version: AVersion = None, home: Home = DEFAULT_HOME) -> None:
    """Write an object's bytes to standard output.

    Example: `bailee vault cat notes/today.txt`
    """
    with opened(home) as vault:
        _pour(vault.get(name, version))


@command
def ls(
    prefix: Annotated[
        str, typer.Argument(help="What names begin with; end it with a slash for what is in a folder.")
    ] = "",
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="All names, not grouped at slashes.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """List names.

    Example: `bailee vault ls patients/`
    """
    face = Face(as_json)
    with opened(home) as vault:
        found, folders = _all(vault, prefix, "" if recursive else "/")
    facts = {"objects": [version_facts(one) for one in found], "prefixes": folders}
    face.result(facts, _listed(found, folders) if found or folders else Text("nothing of that name is sealed here"))


@command
def versions(name: Name, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show all versions of an object, the newest first.

    Example: `bailee vault versions notes/today.txt`
    """
    with opened(home) as vault:
        found, after = [], ""
        while True:
            page = vault.versions(name, after)
            found += [one for one in page.versions if one.name == name]
            after = page.after
            if not after or any(one.name != name for one in page.versions):
                break
    if not found:
        raise InputError(f"there is no {name!r}; see: bailee vault ls")
    rows = [(one.id, when(one.created), "" if one.is_marker else bytes_words(one.length), _state(one)) for one in found]
    table = columns(("version", "created", "length", "state"), rows, right=(2,))
    Face(as_json).result({"versions": [version_facts(one) for one in found]}, table)


@command
def restore(
    name: Name,
    version: Annotated[str, typer.Argument(help="The older version's id.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Make an older version the current one again, as a copy; no bytes are stored again.

    Example: `bailee vault restore notes/today.txt 0123456789abcdef0123456789abcdef`
    """
    with opened(home) as vault:
        made = vault.restore(name, version)
    Face(as_json).result(version_facts(made), facts_table({"name": made.name, "version": made.id, "restored": version}))


@command
def rm(
    name: Name,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="All names under NAME/.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Hide an object behind a delete marker. Its versions stay: `restore` brings it back, `erase` destroys it.

    Example: `bailee vault rm notes/today.txt`
    """
    with opened(home) as vault:
        names = [one.name for one in _all(vault, f"{name.rstrip('/')}/", "")[0]] if recursive else [name]
        if recursive and not names:
            raise InputError(f"there is nothing under {name.rstrip('/')}/; see: bailee vault ls")
        if not recursive:
            current(vault, name, None)
        markers = [vault.delete(one).id for one in names]
    facts = {"removed": names, "markers": markers}
    Face(as_json).result(facts, Text(f"hidden: {len(names)}; older versions stay until they are erased"))


def _all(vault: Vault, prefix: str, delimiter: str) -> tuple[list[Version], list[str]]:
    found: list[Version] = []
    folders: list[str] = []
    after = ""
    while True:
        page = vault.list(prefix, delimiter, after)
        found += page.versions
        folders += page.prefixes
        after = page.after
        if not after:
            return found, folders


def _listed(found: list[Version], folders: list[str]) -> Text:
    rows = [("", "", folder) for folder in folders]
    rows += [(when(one.created), bytes_words(one.length), one.name) for one in found]
    return columns((), rows, right=(1,))


def _state(version: Version) -> str:
    told = ["deleted" if version.is_marker else "current" if version.is_current else ""]
    told += [f"{version.lock.mode} lock until {when(version.lock.until)}"] if version.lock else []
    told += ["on hold"] if version.on_hold else []
    told += [f"erased at {when(version.expires)}"] if version.expires else []
    return ", ".join(filter(None, told))


def _source(file: str) -> BinaryIO:
    if file == "-":
        return sys.stdin.buffer
    try:
        return Path(file).open("rb")
    except IsADirectoryError:
        raise InputError(f"{file} is a folder; put all of it with -r") from None
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None


def _pour(parts: Iterator[bytes]) -> None:
    for part in parts:
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


def _metadata(told: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in told]
    if any(not key or not equals for key, equals, _ in pairs):
        raise InputError(f"expected --meta KEY=VALUE, got {', '.join(told)}")
    return {key: value for key, _, value in pairs}


def _lock(until: str | None, mode: str) -> Lock | None:
    from bailee.seal.vault.facts import Lock, LockMode

    if mode not in list(LockMode):
        raise InputError(f"expected a lock of mode {' or '.join(LockMode)}, got {mode!r}")
    return None if until is None else Lock(LockMode(mode), moment(until))


def _span(text: str | None, length: int) -> tuple[int, int]:
    found = _RANGE.fullmatch(text or "0-")
    if found is None or not (found[1] or found[2]):
        raise InputError(f"expected a range like 0-99, 100- or -100 (the last 100 bytes), got {text!r}")
    if not found[1]:
        return max(length - int(found[2]), 0), length
    start, stop = int(found[1]), min(int(found[2]) + 1, length) if found[2] else length
    if start > stop:
        raise InputError(f"expected a range within {length} bytes, the first before the last, got {text!r}")
    return start, stop
