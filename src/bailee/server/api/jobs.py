"""Checks of strangers' papers, one after another, each in a process of its own; what they said is kept on disk.

    api/checks/ID/job.json     whose, of which upload, how it stands
    api/checks/ID/told.jsonl   what it said so far

A check that was cut off by the end of the server begins anew when the server does: "begun" is then said again.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from bailee import json_text
from bailee.adapters.files import read_bytes, storage_errors, write_atomic
from bailee.errors import NotFoundError, StorageError
from bailee.server.api.apart import Apart
from bailee.server.api.limits import Limits
from bailee.server.api.logs import Log
from bailee.server.api.metrics import Metrics
from bailee.server.api.problems import ProblemError

WAITING, CHECKING, ENDED = "waiting", "checking", ("holds", "broken", "failed")
_LIMIT = 1 << 26


@dataclass(frozen=True)
class Job:
    id: str
    caller: str
    passport: str
    plain: bool
    trusted: tuple[str, ...]
    created: float
    """Seconds since 1970."""
    state: str = WAITING


@dataclass
class Jobs:
    """The checks in `folder`, of uploads in `uploads` (by caller, then id)."""

    folder: Path
    uploads: Path
    limits: Limits
    log: Log
    metrics: Metrics
    _queue: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    _apart: Apart = field(init=False)

    def __post_init__(self) -> None:
        self._apart = Apart(self.limits.check_memory, self.limits.check_seconds)

    def add(self, job: Job) -> Job:
        """Put a check into the queue; one of the same id is there already. Raises ProblemError (429, 503)."""
        if (self.folder / job.id / "job.json").is_file():
            return self.get(job.id, job.caller)
        open_now = [one for one in self.all() if one.state not in ENDED]
        if len(open_now) >= self.limits.waiting:
            raise ProblemError(503, "TooManyChecks", "too many checks are waiting here", {"Retry-After": "30"})
        if sum(one.caller == job.caller for one in open_now) >= self.limits.waiting_of_one:
            raise ProblemError(429, "TooManyChecks", "wait for your other checks to end", {"Retry-After": "10"})
        with storage_errors(self.folder):
            (self.folder / job.id).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._keep(job)
        self._queue.put_nowait(job.id)
        self.metrics.checks_waiting.inc()
        return job

    def get(self, job_id: str, caller: str) -> Job:
        """Raises NotFoundError for another caller's, too."""
        if re.fullmatch(r"[0-9a-f]{32}", job_id) is not None and (self.folder / job_id / "job.json").is_file():
            found = self._read(job_id)
            if found.caller == caller:
                return found
        raise NotFoundError("no check of that id is yours; list them to see which there are")

    def all(self) -> list[Job]:
        return [self._read(path.parent.name) for path in self.folder.glob("*/job.json")]

    def told_path(self, job_id: str) -> Path:
        return self.folder / job_id / "told.jsonl"

    def told(self, job_id: str) -> list[dict[str, Any]]:
        """What a check said so far."""
        path = self.told_path(job_id)
        if not path.is_file():
            return []
        lines = read_bytes(path, _LIMIT, "what a check said").split(b"\n")[:-1]
        return [json_text.load(line) for line in lines]

    async def work(self) -> None:
        """Check what waits, for ever. Begins with what an earlier server left."""
        for job in sorted(self.all(), key=lambda one: one.created):
            if job.state not in ENDED:
                self._queue.put_nowait(job.id)
                self.metrics.checks_waiting.inc()
        while True:
            job_id = await self._queue.get()
            self.metrics.checks_waiting.dec()
            try:
                await self._check(self._read(job_id))
            except (OSError, StorageError) as error:
                self.log.failure(job_id, error)

    async def stop(self) -> None:
        """End the check that runs; it stays on disk as one to be done."""
        await self._apart.stop()

    def sweep(self, now: float) -> None:
        """Forget checks and uploads that are older than a day."""
        for job in self.all():
            if job.state in ENDED and job.created < now - self.limits.kept:
                shutil.rmtree(self.folder / job.id, ignore_errors=True)
        for path in (
            *self.uploads.glob("*/*"),
            *self.uploads.glob(".body-*"),
        ):  # the latter of a server that was killed
            if path.stat().st_mtime < now - self.limits.kept:
                _remove(path)

    async def _check(self, job: Job) -> None:
        self._keep(replace(job, state=CHECKING))
        paper = self.uploads / job.caller[:32] / job.passport
        path = self.told_path(job.id)
        with storage_errors(path), path.open("ab") as file:
            if path.stat().st_size:  # a line that was cut off by a crash does not count, and must not run into ours
                file.truncate(path.read_bytes().rfind(b"\n") + 1)
            _say(file, {"state": "begun"})
            state = await self._apart.check(paper, job.plain, job.trusted, partial(_say, file))
        self._keep(replace(job, state=state))
        self.metrics.checks.labels(state).inc()

    def _keep(self, job: Job) -> None:
        facts = {**job.__dict__, "trusted": list(job.trusted)}
        write_atomic(self.folder / job.id / "job.json", json.dumps(facts).encode(), 0o600)

    def _read(self, job_id: str) -> Job:
        path = self.folder / job_id / "job.json"
        try:
            facts = json_text.load(read_bytes(path, 1 << 16, "a check"))
            return Job(**{**facts, "trusted": tuple(facts["trusted"])})
        except (ValueError, TypeError, KeyError):
            raise StorageError(f"{path} is damaged; remove its folder and check again") from None


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _say(file: Any, facts: dict[str, Any]) -> None:
    file.write(json.dumps(facts).encode() + b"\n")
    file.flush()
