"""Checks one stranger's paper in a process of its own: `python -m bailee.server.api.checker PAPER MEMORY SECONDS`.

What it finds goes to standard output, a JSON object a line: {"link", "state"} as links begin, hold or break, then
one {"state": "holds" | "broken" | "failed", ...}. Memory and processor time are bounded by the kernel; a paper that
exhausts them, or breaks the process in another way, ends a process that holds no key.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

from bailee.errors import BaileeError, InputError, StorageError


def main(arguments: list[str]) -> None:
    paper, plain, memory, seconds = Path(arguments[0]), arguments[1] == "plain", int(arguments[2]), int(arguments[3])
    known = frozenset(arguments[4:])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        _say(**_checked(paper, plain, known))
    except MemoryError:
        _say(state="failed", reason="the check needs more memory than is given to one")


def _checked(paper: Path, plain: bool, known: frozenset[str]) -> dict[str, Any]:
    from bailee.party.checking import check_known, check_paper, kind_of, load_libraries, paper_in
    from bailee.verify.evidence import watching_links

    try:
        with watching_links(lambda name, state: _say(link=name, state=state)):
            found = paper_in(paper)
            kind = kind_of(found)
            load_libraries(plain)
            statement = check_paper(kind, found, plain)
            if known:
                check_known(statement, set(known))
    except StorageError as error:
        return {"state": "failed", "reason": _without(error, paper)}
    except (InputError, BaileeError) as error:
        return {"state": "broken", "error": type(error).__name__, "reason": _without(error, paper)}
    return {"state": "holds", "statement": statement.to_dict()}


def _without(error: BaileeError, paper: Path) -> str:
    return str(error).replace(str(paper), "the upload")


def _say(**facts: Any) -> None:
    print(json.dumps(facts, ensure_ascii=True), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
