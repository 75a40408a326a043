"""The outermost layer: how much and how long a request may send, ids, headers every answer has, logs and metrics."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bailee.server.api.limits import Limits
from bailee.server.api.logs import Log
from bailee.server.api.metrics import Metrics
from bailee.server.api.problems import ProblemError, of_problem, unforeseen

_ID = re.compile(rb"[0-9A-Za-z._-]{8,64}")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]


class Outermost:
    """ASGI. Bodies are counted as they come, whatever they said of their length."""

    def __init__(self, inner: ASGIApp, limits: Limits, log: Log, metrics: Metrics, tls: bool) -> None:
        self._inner, self._limits, self._log, self._metrics = inner, limits, log, metrics
        more = [(b"strict-transport-security", b"max-age=31536000")] if tls else []
        self._headers = [*_HEADERS, *more]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["id"] = identifier = _id_of(scope)
        begun, status, sent = time.monotonic(), 0, False

        async def answer(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                sent, status = True, message["status"]
                extra = [*self._headers, (b"x-request-id", identifier.encode())]
                message = {**message, "headers": [*message.get("headers", []), *extra]}
            await send(message)

        try:
            await self._inner(scope, self._counted(scope, receive, state), answer)
        except ProblemError as error:
            if not sent:
                await of_problem(error, identifier)(scope, receive, answer)
        except Exception as error:
            self._log.failure(identifier, error)
            if not sent:
                await unforeseen(identifier)(scope, receive, answer)
            status = 500
        finally:
            call, caller = state.get("call"), state.get("caller")
            operation = call.operation if call is not None else "none"
            seconds = time.monotonic() - begun
            self._metrics.request(operation, str(scope["method"]), status, seconds)
            self._log.request(identifier, operation, status, seconds, caller.key if caller is not None else None)

    def _counted(self, scope: Scope, receive: Receive, state: MutableMapping[str, Any]) -> Receive:
        got, done = 0, False

        async def next_part() -> Message:
            nonlocal got, done
            if done:
                return await receive()  # waits for the other side to leave, as long as it takes
            try:
                message = await asyncio.wait_for(receive(), self._limits.idle)
            except TimeoutError:
                raise ProblemError(408, "TooSlow", f"no byte came for {self._limits.idle:g} s") from None
            if message["type"] != "http.request":
                done = True
                return message
            got += len(message.get("body", b""))
            call = state.get("call")
            most = self._limits.upload if call is not None and call.large else self._limits.body
            if got > most:
                raise ProblemError(413, "TooLarge", f"a body has at most {most} bytes here", {"Connection": "close"})
            done = not message.get("more_body", False)
            return message

        return next_part


def _id_of(scope: Scope) -> str:
    """The caller's own id where it is harmless, else a fresh one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(value) is not None:
            return str(value.decode())
    return secrets.token_hex(8)
