"""Tables on their way to being sealed: in the folder, readable by its owner alone, deleted as soon as they are sealed.

HOME/console/uploads/ID.table is in the clear until then. What was forgotten is deleted at the next upload after an
hour.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from bailee.adapters.files import storage_errors
from bailee.errors import NotFoundError

KEPT = 3600.0
_ID = re.compile(r"[0-9a-f]{32}")


def keep_upload(home: Path, sent: BinaryIO, now: float) -> str:
    """The id of a new file with what was sent. now: seconds since 1970. StorageError."""
    folder, name = home / "console" / "uploads", secrets.token_hex(16)
    with storage_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in folder.glob("*.table"):
            with suppress(FileNotFoundError):  # sealed or discarded meanwhile
                if now - old.stat().st_mtime > KEPT:
                    old.unlink()
        path = folder / f"{name}.table"
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                shutil.copyfileobj(sent, file, 1 << 20)
        except OSError:
            path.unlink(missing_ok=True)
            raise
    return name


def upload(home: Path, name: str) -> Path:
    """Raises NotFoundError."""
    path = home / "console" / "uploads" / f"{name}.table"
    if _ID.fullmatch(name) is None or not path.is_file():
        raise NotFoundError("this table is not here any more: it was sealed, discarded or too old; send it again")
    return path


def discard(home: Path, name: str) -> None:
    path = upload(home, name)
    with storage_errors(path):
        path.unlink(missing_ok=True)


def touch(path: Path) -> None:
    """It is in use: not too old yet."""
    with storage_errors(path):
        os.utime(path, (time.time(), time.time()))
