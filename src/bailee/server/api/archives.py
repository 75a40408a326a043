"""Zips that strangers send: a paper and its attachments are taken out, or nothing is.

Sizes that a zip states are not believed: what comes out is counted. Its directory is bounded before it is read, for
reading it costs memory by its own word.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from bailee.adapters.files import new_directory, storage_errors, write_all
from bailee.errors import InputError
from bailee.server.api.limits import Limits
from bailee.verify.evidence import ATTACHMENTS
from bailee.verify.inference import FILES as CLAIMS
from bailee.verify.rules import FILE as RULES

PAPERS = frozenset({"passport.json", *CLAIMS, RULES})
_ALSO = frozenset({"report.json"})
"""Beside a paper that `bailee train` handed out; nothing reads it here."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_END = struct.Struct("<4s4H2LH")
_ENTRY = 46 + 600
"""Bytes of a directory entry with a name of ours and some extra fields."""
_BLOCK = 1 << 20
_NO_ZIP = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OSError)
"""What Python's reader raises on bytes that are no zip: OSError where it is sent to a place before the first byte."""


def unpack(zipped: Path, target: Path, limits: Limits) -> None:
    """The papers in `zipped`, in a new directory `target`. Raises InputError for a zip with anything else in it."""
    _check_directory(zipped, limits)
    try:
        with zipfile.ZipFile(zipped) as archive, new_directory(target) as draft:
            files = _files(archive, limits)
            left = limits.zip_unpacked
            for place, entry in files.items():
                path = draft / place
                with storage_errors(path):
                    path.parent.mkdir(exist_ok=True)
                left = _copy(archive, entry, path, left)
    except _NO_ZIP as error:
        raise InputError(f"this is no zip that can be read: {type(error).__name__}") from None


def _check_directory(zipped: Path, limits: Limits) -> None:
    with storage_errors(zipped), zipped.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END.size - 20))
        tail = file.read()
    if len(tail) < _END.size or tail[-_END.size :][:4] != b"PK\x05\x06":
        raise InputError("expected a zip without a comment, got something else")
    _, _, _, _, entries, directory, _, comment = _END.unpack(tail[-_END.size :])
    if comment or b"PK\x06\x07" in tail[: -_END.size]:
        raise InputError("zips with a comment, and zip64, are not taken; pack again with: zip -r")
    if entries > limits.zip_entries or directory > limits.zip_entries * _ENTRY:
        raise InputError(f"the zip has {entries} entries; at most {limits.zip_entries} are taken")


def _files(archive: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    """Where each file goes: PAPER, or attachments/DIGEST."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > limits.zip_entries:
        raise InputError(f"the zip has {len(entries)} entries; at most {limits.zip_entries} are taken")
    found: dict[str, zipfile.ZipInfo] = {}
    papers = [entry.filename for entry in entries if PurePosixPath(entry.filename).name in PAPERS]
    if not papers:
        raise InputError(f"the zip holds none of {', '.join(sorted(PAPERS))}")
    folder = min(papers, key=len).rpartition("/")[0]
    if "/" in folder:
        raise InputError("the papers are deeper than one folder in the zip")
    for entry in entries:
        inside = entry.filename.removeprefix(f"{folder}/") if folder else entry.filename
        if entry.flag_bits & 1 or stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise InputError("the zip holds a link, a device, or something encrypted")
        if (folder and inside == entry.filename) or not _known(inside):
            raise InputError("the zip holds a file that is no paper and no attachment named by its digest")
        if inside in found:
            raise InputError("the zip holds two files of one name")
        if inside not in _ALSO:
            found[inside] = entry
    return found


def _known(inside: str) -> bool:
    folder, slash, name = inside.rpartition("/")
    if not slash:
        return inside in PAPERS or inside in _ALSO
    return folder == ATTACHMENTS and _DIGEST.fullmatch(name) is not None


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, left: int) -> int:
    """One file; what is left of all that may come out."""
    with archive.open(entry) as source, storage_errors(path), path.open("xb", buffering=0) as file:
        while block := _read(source):
            left -= len(block)
            if left < 0:
                raise InputError("the zip is larger unpacked than is taken; leave out what no paper names")
            write_all(file.fileno(), block)
    return left


def _read(source: IO[bytes]) -> bytes:
    """The next block. An OSError here is the zip's fault, not the disk's."""
    try:
        return source.read(_BLOCK)
    except OSError as error:
        raise zipfile.BadZipFile(type(error).__name__) from None
