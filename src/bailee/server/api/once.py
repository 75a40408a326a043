"""Writing twice is writing once: what was answered under an Idempotency-Key is kept on disk, and said again.

Before the work begins, `began` is on disk with a seed and a date. All that is drawn or dated in the work comes from
them, so a server that was killed in between makes the very same record when the request comes again.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from blake3 import blake3
from fastapi import Header
from starlette.responses import Response

from bailee import json_text
from bailee.adapters.files import read_bytes, storage_errors, write_atomic
from bailee.errors import StorageError
from bailee.server.api.limits import Limits
from bailee.server.api.problems import ProblemError

Key = Annotated[
    str,
    Header(alias="Idempotency-Key", min_length=1, max_length=128, pattern=r"^[!-~]+$", description="Yours to choose."),
]
_ANSWER_LIMIT = 1 << 21


@dataclass(frozen=True)
class Attempt:
    """What a repeated request draws and dates by: the same as the first time."""

    seed: bytes
    """32 bytes."""
    began: datetime


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    location: str | None = None

    def response(self, replayed: bool) -> Response:
        headers = {"Location": self.location} if self.location is not None else {}
        headers |= {"Idempotency-Replayed": "true"} if replayed else {}
        return Response(self.body, self.status, headers, "application/json")


@dataclass
class Once:
    """The answers kept in `folder`."""

    folder: Path
    limits: Limits
    _under_way: set[Path] = field(default_factory=set)

    async def do(self, caller: str, key: str, asked: bytes, work: Callable[[Attempt], Awaitable[Answer]]) -> Response:
        """`asked`: digest of the request. Raises ProblemError: 422 for another request under the key, 409, 429."""
        path = self.folder / caller[:32] / f"{blake3(key.encode()).hexdigest()}.json"
        if path in self._under_way:
            raise ProblemError(409, "UnderWay", "this very request is under way; wait", {"Retry-After": "1"})
        self._under_way.add(path)
        try:
            kept = self._read(path)
            if kept is not None and kept["asked"] != asked.hex():
                detail = "another request was made under this Idempotency-Key; take a fresh one"
                raise ProblemError(422, "KeyReused", detail)
            if kept is not None and kept["answer"] is not None:
                told = kept["answer"]
                return Answer(told["status"], base64.b64decode(told["body"]), told["location"]).response(True)
            if kept is None:
                self._make_room(path.parent)
                kept = {"asked": asked.hex(), "seed": secrets.token_hex(32), "began": time.time(), "answer": None}
                write_atomic(path, json.dumps(kept).encode(), 0o600)
            attempt = Attempt(bytes.fromhex(kept["seed"]), datetime.fromtimestamp(kept["began"], UTC))
            try:
                answer = await work(attempt)
            except Exception:
                path.unlink(missing_ok=True)
                raise
            body = base64.b64encode(answer.body).decode()
            kept["answer"] = {"status": answer.status, "body": body, "location": answer.location}
            write_atomic(path, json.dumps(kept).encode(), 0o600)
            return answer.response(False)
        finally:
            self._under_way.discard(path)

    def sweep(self, now: float) -> None:
        """Forget what is older than a day."""
        for path in self.folder.glob("*/*.json"):
            if path not in self._under_way and path.stat().st_mtime < now - self.limits.kept:
                path.unlink(missing_ok=True)

    def _make_room(self, folder: Path) -> None:
        with storage_errors(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if sum(1 for _ in folder.iterdir()) >= self.limits.answers_of_one:
                raise ProblemError(429, "TooManyKeys", "too many Idempotency-Keys in a day", {"Retry-After": "3600"})

    def _read(self, path: Path) -> dict[str, Any] | None:
        if not path.is_file():
            return None
        try:
            found = json_text.load(read_bytes(path, _ANSWER_LIMIT, "a kept answer"))
            if set(found) != {"asked", "seed", "began", "answer"}:
                raise ValueError
        except (ValueError, TypeError):
            raise StorageError(f"{path} is damaged; remove it, and know that its request may run twice") from None
        return dict(found)


def digest_of(method: str, path: str, *parts: bytes) -> bytes:
    """Of a request: what must be the same under a key. Parts are length-prefixed, so they cannot run into another."""
    whole = blake3()
    for part in (method.encode(), path.encode(), *parts):
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.digest()
