"""An HTTP API with callers of every role, for tests: in this process, by ASGI, with a clock that tests turn."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi.testclient import TestClient

from bailee.keys import Identity
from bailee.records.sign_in import answer
from bailee.server.api.application import application, context_for
from bailee.server.api.callers import Callers, Role
from bailee.server.api.context import Context
from bailee.server.api.limits import Limits, Pace
from bailee.server.api.logs import Log

ROLES = ("owner", "builder", "verifier", "consumer")
ROOMY = Limits(strangers=Pace(1e6, 1_000_000), callers=Pace(1e6, 1_000_000), writes=Pace(1e6, 1_000_000), poll=0.02)
"""For tests that are not about pace."""


def make_parties(folder: Path) -> None:
    """Keys for every role (owner and builder have theirs), and roles at the owner's."""
    for name in ("verifier", "consumer", "stranger"):
        Identity.create(folder / name, name.capitalize())
    callers = Callers(folder / "owner", Identity.load(folder / "owner").public_key.hex())
    for role in ROLES[1:]:
        callers.add(Identity.load(folder / role).public, Role(role), datetime.now(UTC))


@dataclass
class World:
    folder: Path
    context: Context
    client: TestClient
    lines: list[str]
    late: timedelta = field(default_factory=timedelta)
    """How far the server's clock is ahead."""

    @classmethod
    @contextlib.contextmanager
    def open(cls, folder: Path, limits: Limits = ROOMY) -> Iterator[World]:
        lines: list[str] = []
        made: list[World] = []

        def clock() -> datetime:
            return datetime.now(UTC) + (made[0].late if made else timedelta())

        context = context_for(folder / "owner", limits, Log(lines.append), clock)
        with TestClient(application(context), raise_server_exceptions=False) as client:
            world = cls(folder, context, client, lines)
            made.append(world)
            yield world

    def identity(self, name: str) -> Identity:
        return Identity.load(self.folder / name)

    def challenge(self, name: str) -> dict[str, Any]:
        asked = self.client.post("/v1/auth/challenges", json={"key": self.identity(name).public_key.hex()})
        assert asked.status_code == 200, asked.text
        found: dict[str, Any] = asked.json()
        return found

    def sign_in(self, name: str, **more: Any) -> httpx.Response:
        given = self.challenge(name)
        signature = answer(self.identity(name), given["challenge"], given["audience"])
        asked = {"challenge": given["challenge"], "signature": signature, **more}
        return self.client.post("/v1/auth/tokens", json=asked)

    def token(self, name: str, **more: Any) -> str:
        found = self.sign_in(name, **more)
        assert found.status_code == 200, found.text
        return str(found.json()["token"])

    def headers(self, name: str, key: str | None = None) -> dict[str, str]:
        more = {} if key is None else {"Idempotency-Key": key}
        return {"Authorization": f"Bearer {self.token(name)}", **more}

    def asked_grant(self, **more: Any) -> dict[str, Any]:
        builder = self.identity("builder").public_key.hex()
        return {"dataset": "tiny", "builder": builder, "plan": (self.folder / "plan.toml").read_text(), **more}

    def give(self, key: str = "one", **more: Any) -> dict[str, Any]:
        given = self.client.post("/v1/grants", json=self.asked_grant(**more), headers=self.headers("owner", key))
        assert given.status_code == 201, given.text
        found: dict[str, Any] = given.json()
        return found

    def upload(self, name: str, data: bytes, key: str = "up") -> httpx.Response:
        headers = {**self.headers(name, key), "Content-Type": "application/zip"}
        return self.client.post("/v1/passports", content=data, headers=headers)


def zipped(files: dict[str, bytes], change: Callable[[zipfile.ZipFile], None] | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        if change is not None:
            change(archive)
    return out.getvalue()


def refused(response: httpx.Response, status: int, name: str, *words: str) -> None:
    """A problem of that kind, with those words."""
    assert response.status_code == status, (response.status_code, response.text)
    assert response.headers["content-type"] == "application/problem+json"
    told = response.json()
    assert (told["status"], told["type"]) == (status, f"https://bailee.dev/errors/{name}"), told
    for word in words:
        assert word in told["detail"], told
