"""Papers that are checked here: taken from a form, checked in a process of their own, forgotten after a while.

Nothing of it is in the party's folder: a stranger's paper lies in a folder for a while that ends with this console.
The check is that of the HTTP API (`server.api.apart`): its process holds no key, and the kernel bounds what it takes.
"""

from __future__ import annotations

import asyncio
import atexit
import re
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from threading import Lock, Thread
from time import monotonic
from typing import Any, BinaryIO

from bailee.adapters.files import storage_errors
from bailee.errors import ConflictError, InputError, NotFoundError
from bailee.server.api.limits import Limits

MOST_FILES = 2000
"""Of one form. A passport of a long run has a file for each message and proof."""
RUNNING, CHECKED = "running", ("holds", "broken", "failed")
_KEPT = 16
_AT_ONCE = 2
_DIGEST = re.compile(r"[0-9a-f]{64}")
_BLOCK = 1 << 20


@dataclass
class Check:
    """One paper. told: what the checker said so far; ignored: names of files that no paper is made of; trusted: keys
    (hex) other than which nobody may have taken part, none for anybody."""

    id: str
    name: str
    paper: Path
    trusted: tuple[str, ...]
    plain: bool
    ignored: tuple[str, ...] = ()
    state: str = RUNNING
    began: float = field(default_factory=monotonic)
    seconds: float = 0.0
    told: list[dict[str, Any]] = field(default_factory=list)

    @property
    def end(self) -> dict[str, Any]:
        """What was said last of all; nothing while it is checked."""
        return self.told[-1] if self.told and self.state != RUNNING else {}


@dataclass(frozen=True)
class File:
    """One file of an upload: its name, a path in the folder it was chosen from perhaps, and its bytes."""

    name: str
    data: BinaryIO


class Checks:
    """The newest are kept. Two run at a time; more are refused."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._all: dict[str, Check] = {}
        self._running: dict[str, Any] = {}
        self._folder: Path | None = None
        self._lock = Lock()

    def get(self, name: str) -> Check:
        """Raises NotFoundError."""
        found = self._all.get(name)
        if found is None:
            raise NotFoundError("that check is not here any more; check the passport again")
        return found

    def take(self, files: Sequence[File], trusted: Sequence[str] = (), plain: bool = False) -> Check:
        """Check what a form sent: one zip, or a paper and its attachments. InputError where it is neither."""
        if not files:
            raise InputError("no file came; choose a passport's folder, its files, or a zip of them")
        name = PurePosixPath(files[0].name).parts[0] if "/" in files[0].name else files[0].name
        place = Path(tempfile.mkdtemp(dir=self._place()))
        try:
            paper = place / "paper"
            return self.begin(paper, name, trusted, plain, self._unpack(files, place, paper))
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise

    def begin(
        self, paper: Path, name: str, trusted: Sequence[str] = (), plain: bool = False, ignored: tuple[str, ...] = ()
    ) -> Check:
        """Check the paper at `paper`, which is not changed. ConflictError where two are checked already."""
        check = Check(secrets.token_hex(16), name, paper, tuple(trusted), plain, ignored)
        with self._lock:
            if sum(one.state == RUNNING for one in self._all.values()) >= _AT_ONCE:
                raise ConflictError("two passports are checked already; wait until one is done, then try again")
            self._all[check.id] = check
            old = [one for one in self._all.values() if one.state != RUNNING][:-_KEPT]
            for one in old:
                del self._all[one.id]
                self._forget(one)
        from bailee.server.api.apart import Apart

        self._running[check.id] = Apart(self.limits.check_memory, self.limits.check_seconds)
        Thread(target=self._run, args=(check,), name=f"check {check.id[:8]}", daemon=True).start()
        return check

    def stop(self) -> None:
        """End what runs and remove what was sent: with the console, all of it goes."""
        for apart in list(self._running.values()):
            apart.kill()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, check: Check) -> None:
        apart = self._running[check.id]
        state = "failed"
        try:
            state = asyncio.run(apart.check(check.paper, check.plain, check.trusted, check.told.append))
        except OSError:
            check.told.append({"state": "failed", "reason": "this machine could not start the check; try again"})
        finally:
            del self._running[check.id]
            check.seconds = monotonic() - check.began
            check.state = state

    def _place(self) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="bailee-console-"))
                atexit.register(self.stop)
            return self._folder

    def _forget(self, check: Check) -> None:
        if self._folder is not None and self._folder in check.paper.parents:
            shutil.rmtree(check.paper.parent, ignore_errors=True)

    def _unpack(self, files: Sequence[File], place: Path, paper: Path) -> tuple[str, ...]:
        """The names of files that were left out."""
        from bailee.server.api.archives import PAPERS, unpack
        from bailee.verify.evidence import ATTACHMENTS

        if len(files) == 1 and PurePosixPath(files[0].name).name not in PAPERS:
            zipped = place / "zip"
            _copy(files[0].data, zipped)
            unpack(zipped, paper, self.limits)
            zipped.unlink()
            return ()
        with storage_errors(paper):
            (paper / ATTACHMENTS).mkdir(parents=True)
        ignored: list[str] = []
        papers = 0
        for one in files:
            name = PurePosixPath(one.name).name
            target = paper / name if name in PAPERS else paper / ATTACHMENTS / name
            if (name not in PAPERS and _DIGEST.fullmatch(name) is None) or target.exists():
                ignored.append(name)
                continue
            papers += name in PAPERS
            _copy(one.data, target)
        if not papers:
            raise InputError(f"none of these files is one of {', '.join(sorted(PAPERS))}; choose the whole folder")
        return tuple(ignored)


def _copy(source: BinaryIO, target: Path) -> None:
    with storage_errors(target), target.open("xb") as file:
        shutil.copyfileobj(source, file, _BLOCK)
