"""Passports leave a party's folder: a copy of what anybody may see, whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bailee.adapters.files import new_directory, read_bytes, storage_errors, write_atomic, write_new
from bailee.errors import BaileeError
from bailee.records import canonical, digest
from bailee.records.canonical import parse

_MAX_NOTE = 1 << 16


NOTE = "handed-out.json"
"""In a session's folder: where its passport was put last. Written once that is done."""


def hand_out(envelope: bytes, passport: Path, target: Path, report: Mapping[str, Any]) -> None:
    """The passport at `passport`, its attachments and a report, to `target`; nothing where they are already.

    Where that is, is noted beside `passport`, in the session's folder.
    """
    if not ((target / "passport.json").is_file() and (target / "passport.json").read_bytes() == envelope):
        _copy(envelope, passport, target, report)
    write_atomic(passport.parent / NOTE, canonical({"folder": str(target.absolute())}))


def handed_out(session: Path) -> Path | None:
    """Where the passport of the session in that folder was put, if that was noted; it may be gone from there."""
    if not (session / NOTE).is_file():
        return None
    try:
        said = parse(read_bytes(session / NOTE, _MAX_NOTE, "note of where a passport was put"))
    except BaileeError:
        return None  # a list of passports does not fail for a note
    folder = said.get("folder") if isinstance(said, dict) else None
    return Path(folder) if isinstance(folder, str) and folder.startswith("/") and "\0" not in folder else None


def _copy(envelope: bytes, passport: Path, target: Path, report: Mapping[str, Any]) -> None:
    with new_directory(target) as draft:
        write_new(draft / "passport.json", envelope)
        write_new(draft / "report.json", json.dumps(report, indent=2).encode() + b"\n")
        with storage_errors(target):
            (draft / "attachments").mkdir()
            for path in sorted((passport.parent / "attachments").iterdir()):
                shutil.copyfile(path, draft / "attachments" / path.name)  # without its mode: these are to be handed out
            draft.chmod(0o755)


def attach(folder: Path, papers: Iterable[bytes]) -> None:
    """Papers under their digests in the attachments of `folder`; none twice."""
    for data in papers:
        if not (folder / "attachments" / digest(data)).exists():
            write_new(folder / "attachments" / digest(data), data)
