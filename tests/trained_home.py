"""Two homes after a real session, and its passport: three rows, two rounds, a proof that convinces. Some seconds."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

from commands import give, make_world, start_session

PASSPORT = "tiny"


def make_trained(folder: Path) -> Path:
    """The folder with `owner`, `builder` and, in the builder's home, passports/tiny."""
    make_world(folder)
    session = start_session(folder, give(folder)[1]["grant"], "passport")
    assert session.wait() == (0, 0), session.owner.said + session.builder.said
    shutil.copytree(folder / "passport", folder / "builder" / "passports" / PASSPORT)
    return folder


def tampered(passport: Path) -> dict[str, bytes]:
    """Its files, where the largest attachment, a proof, is another by one bit."""
    found = files_of(passport)
    name = max((name for name in found if name.startswith("attachments/")), key=lambda name: len(found[name]))
    data = bytearray(found[name])
    data[len(data) // 2] ^= 1
    return found | {name: bytes(data)}


def files_of(passport: Path) -> dict[str, bytes]:
    return {
        path.relative_to(passport).as_posix(): path.read_bytes() for path in passport.rglob("*") if path.is_file()
    }  # fmt: skip


def zipped(files: dict[str, bytes], folder: str = "passport") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"{folder}/{name}", data)
    return out.getvalue()
