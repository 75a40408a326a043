"""Passports leave a party's folder: a copy of what anybody may see, whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bailee.adapters.files import new_directory, storage_errors, write_new
from bailee.records import digest


def hand_out(envelope: bytes, passport: Path, target: Path, report: Mapping[str, Any]) -> None:
    """The passport at `passport`, its attachments and a report, to `target`; nothing where they are already."""
    if (target / "passport.json").is_file() and (target / "passport.json").read_bytes() == envelope:
        return
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
