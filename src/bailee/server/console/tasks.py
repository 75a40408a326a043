"""What takes longer than a request: it runs in a thread of its own, and its page watches it.

Kept in memory only. A task must leave nothing half done where the process ends in between, as every command does.
"""

from __future__ import annotations

import secrets
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Any, Literal

from bailee.errors import BaileeError, ConflictError

Report = Callable[[str, float], None]
"""Called with a step's name and how much of it is done, 0 to 1."""

SEALING = "sealing"
"""The kind of task that seals and renews."""

_KEPT = 32


@dataclass
class Task:
    """`steps`: by name, in order, how much is done. `result`: what the work returned. mend: the page of the form that
    began it, where it can be mended if the work fails."""

    id: str
    kind: str
    title: str
    state: Literal["running", "done", "failed"] = "running"
    steps: dict[str, float] = field(default_factory=dict)
    result: Any = None
    error: str | None = None
    mend: str | None = None

    def report(self, step: str, part: float) -> None:
        """A new dictionary each time: whoever draws it meanwhile keeps the old one."""
        self.steps = {**self.steps, step: min(max(part, 0.0), 1.0)}


class Tasks:
    """The newest are kept. Of one kind, one runs at a time."""

    def __init__(self) -> None:
        self._all: dict[str, Task] = {}
        self._lock = Lock()

    def start(self, kind: str, title: str, work: Callable[[Report], Any], mend: str | None = None) -> Task:
        """Run `work` in a thread. Raises ConflictError where one of that kind still runs."""
        with self._lock:
            if any(task.kind == kind and task.state == "running" for task in self._all.values()):
                raise ConflictError(f"another {kind} is under way; wait until it is done, then try again")
            task = Task(secrets.token_hex(8), kind, title, mend=mend)
            self._all[task.id] = task
            for name in [name for name, one in self._all.items() if one.state != "running"][:-_KEPT]:
                del self._all[name]
        Thread(target=_run, args=(task, work), name=f"{kind} {task.id}", daemon=True).start()
        return task

    def get(self, name: str) -> Task | None:
        return self._all.get(name)

    def running(self) -> list[Task]:
        with self._lock:
            return [task for task in self._all.values() if task.state == "running"]


def _run(task: Task, work: Callable[[Report], Any]) -> None:
    try:
        task.result = work(task.report)
        task.state = "done"
    except BaileeError as error:
        task.error, task.state = f"{type(error).__name__}: {error}", "failed"
    except MemoryError:
        task.error, task.state = "this machine has too little memory for it; use fewer rows or columns", "failed"
    except OSError as error:
        task.error, task.state = f"StorageError: {error.strerror or 'the disk does not answer'}", "failed"
    except Exception:  # a bug of ours: the page says so, the terminal tells more
        traceback.print_exc(file=sys.stderr)
        task.error, task.state = "something went wrong that is not your doing; the terminal tells more", "failed"
