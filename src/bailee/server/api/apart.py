"""A stranger's paper checked in a process of its own (`checker.py`), and how its links stand, from what that says."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bailee import json_text

FAILED = "failed"
_LINE = 1 << 24
"""A statement has all weights of a model."""
_LINES = 20_000
_ROUNDS = re.compile(r"round \d+( of .*)?")


@dataclass
class Apart:
    """One check at a time. memory: bytes of address space; seconds: of time, and of a processor's."""

    memory: int
    seconds: int
    _running: asyncio.subprocess.Process | None = None
    _killed: bool = False

    async def check(
        self, paper: Path, plain: bool, trusted: Sequence[str], say: Callable[[dict[str, Any]], None]
    ) -> str:
        """Its end: "holds", "broken" or "failed". `say` is given each line of the process, and one end in any case."""
        how = ("plain" if plain else "fast", str(self.memory), str(self.seconds))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bailee.server.api.checker", str(paper), *how, *trusted,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            limit=_LINE, start_new_session=True, env=_environment(),
        )  # fmt: skip
        self._running = process
        if self._killed:  # by another thread, while it was started
            self.kill()
        state, ended, lines = FAILED, False, 0
        try:
            async with asyncio.timeout(self.seconds):
                async for line in _output(process):
                    facts = json_text.load(line)
                    lines += 1
                    if "link" in facts and lines > _LINES:
                        continue
                    say(facts)
                    if "link" not in facts:
                        state, ended = facts["state"], True
                await process.wait()
        except (TimeoutError, ValueError):
            pass
        finally:
            await self.stop()
            self._running = None
        if not ended:  # killed by a limit, or by its own fault
            say({"state": FAILED, "reason": "the check took more time or memory than it is given"})
        return state

    async def stop(self) -> None:
        """End the check that runs."""
        process = self._running
        if process is not None and process.returncode is None:
            _kill(process)
            await process.wait()

    def kill(self) -> None:
        """The same from another thread, without waiting for it. Nothing is checked by this one any more."""
        self._killed = True
        process = self._running
        if process is not None and process.returncode is None:
            _kill(process)


def links_of(told: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Each link once, in the order in which they began, with how it stands; rounds are folded into one.

    What was said before the last "begun" is of a check that was cut off.
    """
    begun = max(
        (place for place, one in enumerate(told) if one.get("state") == "begun" and "link" not in one), default=0
    )
    found: dict[str, str] = {}
    for one in told[begun:]:
        if "link" in one:
            name = "rounds" if _ROUNDS.fullmatch(one["link"]) else one["link"]
            found[name] = one["state"]
    return [{"link": name, "state": state} for name, state in found.items()]


def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _output(process: asyncio.subprocess.Process) -> asyncio.StreamReader:
    if process.stdout is None:
        raise TypeError("the check was started without a pipe")
    return process.stdout


def _environment() -> dict[str, str]:
    """Nothing of ours but what Python and Numba need: no variable that may hold a secret."""
    wanted = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS", "VIRTUAL_ENV")
    return {name: os.environ[name] for name in wanted if name in os.environ}
