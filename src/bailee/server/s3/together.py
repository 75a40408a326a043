"""Small puts that wait at the same time go to the vault together, in one thread; larger ones each in their own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bailee.errors import BaileeError
from bailee.seal.vault.facts import Version
from bailee.seal.vault.together import LARGEST, Small
from bailee.seal.vault.vault import Vault
from bailee.server.s3.putting import PutObject
from bailee.server.s3.request import Response

MOST = 64
"""Objects that go together."""
AT_ONCE = 2
"""Batches under way: while one waits for the disk, another is sealed."""


@dataclass(frozen=True)
class _Waiting:
    receiver: PutObject
    raw: bytes
    done: asyncio.Future[Version | BaseException]


class Together:
    """For one loop. pool: where what is left after a put is done."""

    def __init__(self, vault: Vault, pool: ThreadPoolExecutor) -> None:
        self._vault, self._pool = vault, pool
        self._putters = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="s3-put")
        self._waiting: list[_Waiting] = []
        self._running = 0

    def close(self) -> None:
        self._putters.shutdown(wait=True)

    def takes(self, receiver: PutObject) -> bool:
        return receiver.intake.length <= LARGEST and self._vault.puts_together

    async def put(self, receiver: PutObject, raw: bytes) -> Response:
        """The answer, once the object is safe. Raises what putting it alone would raise."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(receiver, raw, loop.create_future())
        self._waiting.append(waiting)
        loop.call_soon(self._begin)  # whoever else has sent its body by now comes along
        found = await waiting.done
        if isinstance(found, BaseException):
            raise found
        if receiver.is_done(found):
            return receiver.answer(found)
        return await loop.run_in_executor(self._pool, receiver.answer, found)

    def _begin(self) -> None:
        if not self._waiting or self._running == AT_ONCE:
            return
        batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        self._running += 1
        work = asyncio.get_running_loop().run_in_executor(self._putters, self._put, batch)
        work.add_done_callback(lambda done: self._end(batch, done))

    def _end(self, batch: Sequence[_Waiting], work: asyncio.Future[list[Version | BaseException]]) -> None:
        self._running -= 1
        failed = work.exception()
        found = work.result() if failed is None else [failed] * len(batch)
        for waiting, outcome in zip(batch, found, strict=True):
            if not waiting.done.done():  # whose client went away is not waited for, and is put all the same
                waiting.done.set_result(outcome)
        self._begin()

    def _put(self, batch: Sequence[_Waiting]) -> list[Version | BaseException]:
        smalls: dict[int, Small] = {}
        outcomes: dict[int, Version | BaseException] = {}
        for place, waiting in enumerate(batch):
            try:
                smalls[place] = waiting.receiver.small(waiting.raw)
            except BaileeError as error:
                outcomes[place] = error
        found = self._vault.put_together(list(smalls.values()))
        outcomes.update(zip(smalls, found, strict=True))
        return [outcomes[place] for place in range(len(batch))]
