"""Listing through OpenDAL without stopping the rest of the process.

OpenDAL's blocking lister holds the interpreter while it waits for the service (seen in 0.47): one slow store would hold
up every thread. Its asynchronous lister does not; it runs in a thread of its own, at most PAGE entries ahead.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from queue import Full, Queue
from typing import TypeAlias

import opendal
from opendal.types import Entry

PAGE = 1000
_Item: TypeAlias = Entry | Exception | None


def entries(operator: opendal.Operator, folder: str, *, recursive: bool = False) -> Iterator[Entry]:
    """All entries of `folder` ("" or ending in /). Raises what OpenDAL raises."""
    found: Queue[_Item] = Queue(PAGE)
    left = threading.Event()

    def give(item: _Item) -> bool:
        while not left.is_set():
            try:
                found.put(item, timeout=0.5)
            except Full:
                continue
            return True
        return False

    async def walk() -> None:
        async for entry in await operator.to_async_operator().list(folder, recursive=recursive):
            if not give(entry):
                return

    def work() -> None:
        try:
            asyncio.run(walk())
        except Exception as error:
            give(error)
        else:
            give(None)

    threading.Thread(target=work, name="bailee-listing", daemon=True).start()
    try:
        while (item := found.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        left.set()
