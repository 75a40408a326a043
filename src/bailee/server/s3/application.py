"""The S3 door as an ASGI application: reads a request, finds who asks and what, lets the vault work in threads.

Everything before the body (signature, bucket, permission, what the headers ask for) is decided before the body is
asked for, so that a client that waits for `100 Continue` sends nothing in vain. Bodies go through in blocks of 1 MiB,
one being read while the other is worked on.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from bailee.errors import BaileeError, NotFoundError
from bailee.seal.vault.vault import Vault
from bailee.server.s3 import xml
from bailee.server.s3.access import caller_of
from bailee.server.s3.access_keys import KeyRing
from bailee.server.s3.body import Intake
from bailee.server.s3.call import Call
from bailee.server.s3.changes import Changes
from bailee.server.s3.cors import cors_headers, preflight
from bailee.server.s3.errors import S3Error, from_vault
from bailee.server.s3.putting import PutObject, Receiver
from bailee.server.s3.registry import Bucket, Registry
from bailee.server.s3.request import Request, Response, read_request
from bailee.server.s3.routes import Level, Operation, find_operation
from bailee.server.s3.sending import SILENCE, Sender, send_whole
from bailee.server.s3.signing import Signed, Verifier
from bailee.server.s3.together import Together

T = TypeVar("T")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BLOCK = 1 << 20
"""Bytes of a body that are handed on at once; a request holds at most two blocks."""
WORKING = 128
"""Requests that are worked on at once; others wait with their bodies unread."""
WAITING = 4096
_DOCUMENT = 4 << 20
_BLOCK_TIME = 600.0
"""Seconds for a block of a body: who sends a byte a minute holds a place that others wait for."""
_KNOWN_FOR = 1.0
"""Seconds a bucket's settings are believed before they are looked up again; changes made here count at once."""
_LOG = logging.getLogger("bailee.server.s3")


class Application:
    """One vault behind one ASGI callable. Made by `application`."""

    def __init__(
        self,
        vault: Vault,
        keys: KeyRing,
        region: str,
        domain: str,
        clock: Callable[[], float],
        registry: Registry | None = None,
        find: Callable[[Request], Operation] = find_operation,
        changes: Changes | None = None,
    ) -> None:
        self._registry, self._find = registry or Registry(vault), find
        self._vault, self._region, self._domain, self._clock = vault, region, domain, clock
        self._verifier = Verifier(keys.find, region)
        self._pool = ThreadPoolExecutor(32, thread_name_prefix="s3")
        self._sender, self._together = Sender(self._pool), Together(vault, self._pool)
        self._changes = changes or Changes()
        self._buckets: dict[str, tuple[Bucket, float, bytes]] = {}
        """By name: as it was looked up, when, and which word of changes was seen before."""
        self._turns = asyncio.Semaphore(WORKING)
        self._waiting = 0
        self._prefix, self._count = secrets.token_hex(4).upper(), itertools.count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            if self._waiting >= WAITING:
                await send_whole(
                    send, _refusal(S3Error("SlowDown", "Please reduce your request rate."), scope, "0"), scope
                )
                return
            self._waiting += 1
            try:
                async with self._turns:
                    await self._serve(scope, receive, send)
            finally:
                self._waiting -= 1

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                self._sender.close()
                self._together.close()
                self._pool.shutdown(wait=True)
                return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = f"{self._prefix}{next(self._count):08X}"
        body = _Body(scope, receive)
        try:
            response = await self._answer(scope, request_id, body)
        except BaileeError as error:
            if not isinstance(error, S3Error):
                _LOG.warning("request %s: %s: %s", request_id, type(error).__name__, error)
            response = _refusal(from_vault(error), scope, request_id)
        except _GoneError:
            return
        except Exception:
            _LOG.exception("request %s failed", request_id)
            response = _refusal(
                S3Error("InternalError", "We encountered an internal error. Please try again."), scope, request_id
            )
        response.headers.append(("x-amz-request-id", request_id))
        if not body.is_read and body.is_unwanted:
            response.headers.append(("connection", "close"))
        with suppress(TimeoutError):  # a client that takes nothing: the connection ends
            if isinstance(response.body, bytes):
                await send_whole(send, response, scope)
            else:
                await self._sender.stream(scope, send, receive, response)

    async def _answer(self, scope: Scope, request_id: str, body: _Body) -> Response:
        request = read_request(scope, request_id, self._domain)
        now = self._clock()
        if request.method == "OPTIONS":
            return preflight(await self._bucket(request.bucket, now), request)
        signed = self._verifier.verify(request, now)
        operation = self._find(request)
        bucket = await self._bucket(request.bucket, now) if request.bucket else None
        try:
            response = await self._run(operation, request, signed, bucket, now, body)
        except BaileeError as error:
            refusal = from_vault(error)
            if bucket is not None:
                refusal.headers |= dict(cors_headers(bucket, request))
            raise refusal from error
        finally:
            if operation.changes_bucket:
                self._changes.tell()
        if bucket is not None and "origin" in request.headers:
            response.headers += cors_headers(bucket, request)
        return response

    async def _run(
        self,
        operation: Operation,
        request: Request,
        signed: Signed | None,
        bucket: Bucket | None,
        now: float,
        body: _Body,
    ) -> Response:
        caller = caller_of(request, signed, now)
        action = operation.action_for(request)
        if bucket is None and operation.level is not Level.SERVICE and operation.name != "CreateBucket":
            # Somebody without a right to know gets the same answer whether a bucket is there or not.
            caller.require("s3:ListBucket", None)
            raise S3Error("NoSuchBucket", "The specified bucket does not exist", BucketName=request.bucket)
        if action:
            caller.require(action, bucket, request.key)
        elif caller.key_id is None and bucket is not None and "policy" not in bucket.settings:
            # Each key of the document is asked for by itself; nobody's document is read for nothing.
            caller.require("s3:DeleteObject", bucket)
        call = Call(self._vault, self._registry, request, caller, self._region, now, bucket, b"")
        if operation.receiver is not None:
            return await self._receive(operation.receiver(call, signed), body)
        if operation.work is None:
            raise S3Error("NotImplemented", "This operation is not implemented here.")
        if operation.takes_document:
            await self._read_document(call, signed, body)
        if operation.at_once is not None:
            response = operation.at_once(call)
            if response is not None:
                return response
        return await self._in_thread(operation.work, call)

    async def _read_document(self, call: Call, signed: Signed | None, body: _Body) -> None:
        headers = call.request.headers
        if "transfer-encoding" not in headers:
            headers.setdefault("content-length", "0")
        intake = Intake(call.request, signed)
        if intake.length > _DOCUMENT:
            raise S3Error("MalformedXML", f"Expected a document of at most {_DOCUMENT} bytes")
        pieces: list[bytes | memoryview] = []
        intake.take(await body.whole(2 * _DOCUMENT), pieces.append)
        intake.finish()
        call.document = b"".join(pieces)

    async def _receive(self, receiver: Receiver, body: _Body) -> Response:
        if receiver.intake.length <= BLOCK:
            raw = await body.whole(2 * BLOCK)
            if isinstance(receiver, PutObject) and self._together.takes(receiver):
                return await self._together.put(receiver, raw)
            return await self._in_thread(receiver.whole, raw)
        working: Awaitable[None] | None = None
        try:
            await self._in_thread(receiver.start)
            while block := await body.block():
                if working is not None:
                    await working
                working = self._in_thread(receiver.take, block)
            if working is not None:
                await working
                working = None
            return await self._in_thread(receiver.finish)
        except BaseException:
            # What works on a block still must end before the writer is given up: it is not for two threads.
            await asyncio.shield(self._abandon(receiver, working))
            raise

    async def _abandon(self, receiver: Receiver, working: Awaitable[None] | None) -> None:
        if working is not None:
            await asyncio.gather(working, return_exceptions=True)
        try:
            await self._in_thread(receiver.abandon)
        except BaileeError as error:
            _LOG.warning("a broken upload could not be cleaned up yet: %s", error)

    async def _bucket(self, name: str, now: float) -> Bucket | None:
        seen = self._changes.seen()
        known = self._buckets.get(name)
        if known is not None and known[2] == seen and 0 <= now - known[1] < _KNOWN_FOR:
            return known[0]
        found = self._registry.bucket_at_once(name) or await self._in_thread(self._look_up, name)
        if len(self._buckets) > 1000:
            self._buckets.clear()
        if found is not None:  # what is not there may come to be through any other door
            self._buckets[name] = (found, now, seen)
        return found

    def _look_up(self, name: str) -> Bucket | None:
        try:
            return self._registry.bucket(name)
        except NotFoundError:
            return None

    def _in_thread(self, function: Callable[..., T], *arguments: Any) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)


class _GoneError(Exception):
    """The client went away in the middle of its body."""


class _Body:
    """A request's body on its way.

    is_unwanted: if it was not read, the connection must end: it is too large to be read for nothing, or the client
    waits for leave to send it, is refused, and sends its next request where the parser still expects the body.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self.is_read = False
        headers = dict(scope["headers"])
        self.is_unwanted = b"expect" in headers or len(headers.get(b"content-length", b"0")) > 7

    async def block(self) -> bytes:
        """About a block of bytes, fewer only at the end, none after it."""
        pieces: list[bytes] = []
        size = 0
        end = asyncio.get_running_loop().time() + _BLOCK_TIME
        while size < BLOCK and not self.is_read:
            try:
                async with asyncio.timeout(min(SILENCE, end - asyncio.get_running_loop().time())):
                    message = await self._receive()
            except TimeoutError:
                raise S3Error(
                    "RequestTimeout",
                    "Your socket connection to the server was not read from or written to within the timeout period.",
                ) from None
            if message["type"] == "http.disconnect":
                raise _GoneError
            self.is_read = not message.get("more_body", False)
            piece = message.get("body", b"")
            if piece:
                pieces.append(piece)
                size += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def whole(self, limit: int) -> bytes:
        """All of it. Raises S3Error for more than `limit` bytes, whatever its headers said."""
        first = await self.block()
        if self.is_read:
            return first
        blocks = [first]
        while block := await self.block():
            blocks.append(block)
            if sum(map(len, blocks)) > limit:
                raise S3Error("EntityTooLarge", "The body is longer than its headers say.")
        return b"".join(blocks)


def application(
    vault: Vault,
    home: Path,
    *,
    region: str = "us-east-1",
    domain: str = "",
    clock: Callable[[], float] = time.time,
    changes: Changes | None = None,
) -> Application:
    """The door of `vault` for the access keys of `home`.

    domain: where given, `BUCKET.domain` names a bucket too, beside the first part of the path. changes: shared with
    the other workers of the same door.
    """
    return Application(vault, KeyRing(home), region, domain.lower(), clock, changes=changes)


def _refusal(error: S3Error, scope: Scope, request_id: str) -> Response:
    headers = list(error.headers.items())
    if error.status == 304:
        return Response(304, [pair for pair in headers if pair[0] not in ("content-type", "content-length")])
    nodes: list[xml.Node] = [("Code", error.code), ("Message", error.message)]
    nodes += list(error.fields.items())
    nodes += [("Resource", scope["path"]), ("RequestId", request_id), ("HostId", "bailee")]
    kept = [
        pair for pair in headers if pair[0].startswith(("x-amz-", "access-control-", "content-range", "vary", "allow"))
    ]
    return Response(error.status, kept, xml.write("Error", nodes, ""))
