"""What is wrong with a party's folder and with what it needs, and what to do. Reads only, bounded in time.

folder.py    keys, disk, datasets, sessions, what killed runs left      outside.py   stores, ledger, clock
versions.py  Python, libraries, extras                                  finding.py   what one check says
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from bailee.errors import BaileeError, StorageError
from bailee.party.doctor import folder, outside, versions
from bailee.party.doctor.finding import OK, PROBLEM, WARNING, Finding, problem, worst

__all__ = ["OK", "PROBLEM", "WARNING", "Finding", "examine", "worst"]

Check: TypeAlias = Callable[[Path, float], Iterator[Finding]]
CHECKS: tuple[tuple[str, Check], ...] = (
    ("keys", lambda home, patience: folder.keys(home)),
    ("folder", lambda home, patience: folder.place(home)),
    ("datasets", lambda home, patience: folder.datasets(home)),
    ("grants", lambda home, patience: folder.papers(home)),
    ("sessions", lambda home, patience: folder.sessions(home)),
    ("runs", lambda home, patience: folder.runs(home)),
    ("stores", outside.stores),
    ("ledger", outside.ledger),
    ("clock", outside.clock),
    ("versions", lambda home, patience: versions.versions()),
)


def examine(home: Path, patience: float = 20.0, checks: Sequence[tuple[str, Check]] = CHECKS) -> tuple[Finding, ...]:
    """All that was found, in the order of the checks. patience: seconds that a check may take before it is left."""
    answers: list[tuple[str, queue.SimpleQueue[list[Finding]]]] = []
    for name, check in checks:
        answer: queue.SimpleQueue[list[Finding]] = queue.SimpleQueue()
        # A thread that is stuck in a store's library must not keep the process.
        threading.Thread(target=_run, args=(name, check, home, patience, answer), daemon=True).start()
        answers.append((name, answer))
    deadline = time.monotonic() + patience + 1
    found: list[Finding] = []
    for name, answer in answers:
        try:
            found += answer.get(timeout=max(deadline - time.monotonic(), 0.01))
        except queue.Empty:
            late = f"gave no answer within {patience:.0f} s"
            todo = "look whether the disk, the stores or the node hang; --patience waits longer"
            found.append(problem(name, late, todo, StorageError.exit_code))
    return tuple(found)


def _run(name: str, check: Check, home: Path, patience: float, answer: queue.SimpleQueue[list[Finding]]) -> None:
    found: list[Finding] = []
    try:
        found += check(home, patience)
    except BaileeError as error:
        found.append(problem(name, str(error), "do what the message says, then run this again", error.exit_code))
    except OSError as error:
        told = f"cannot read {error.filename}: {error.strerror}"
        found.append(problem(name, told, "give your user the right to read it", StorageError.exit_code))
    except Exception as error:  # one check that fails must not hide what the others found
        told = f"the check itself failed ({type(error).__name__})"
        found.append(problem(name, told, "report it, with what this command says of versions", 1))
    answer.put(found)
