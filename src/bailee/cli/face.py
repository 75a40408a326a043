"""How the command line speaks: one result on standard output, everything else on standard error.

A command returns nothing; it hands its result to `Face.result`, as facts for machines (`--json`) and as a Rich
renderable for people. Errors of the tree in `bailee.errors` become one message and their exit code, never a traceback.
Whoever stops a command with Ctrl-C gets exit code 130.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from bailee.cli.missing import advice
from bailee.errors import BaileeError, InputError, StorageError

P = ParamSpec("P")
Report = Callable[[str, float], None]
"""Called with a step's name and how much of it is done, 0 to 1."""

INTERRUPTED = 130

Home = Annotated[
    Path,
    typer.Option(
        "--home", "-H", envvar="BAILEE_HOME", help="The party's folder: keys, datasets, grants, sessions.",
        show_default="~/.bailee",
    ),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.", show_default=False)]


DEFAULT_HOME = Path(os.path.expanduser("~/.bailee"))


class Face:
    """Where a command's words go. `as_json` is for machines: then nothing but one JSON object is printed."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = Console(highlight=False, soft_wrap=True)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)

    def result(self, facts: Mapping[str, Any], shown: RenderableType) -> None:
        """The command's one result."""
        if self.as_json:
            _print_json(facts)
        else:
            self.out.print(shown)

    def say(self, text: str) -> None:
        """A line on what is going on."""
        if not self.as_json:
            self.err.print(plain(text), markup=False)

    @contextmanager
    def progress(self) -> Iterator[Report]:
        """A bar per step; on something that is no terminal, a line per step as it ends."""
        if self.as_json:
            yield _nothing
            return
        if not self.err.is_terminal:
            yield _lines(self.say)
            return
        from bailee.party.bars import bars

        with bars(self.err) as report:
            yield report


def _nothing(step: str, part: float) -> None:
    del step, part


def _lines(say: Callable[[str], None]) -> Report:
    done: set[str] = set()

    def report(step: str, part: float) -> None:
        if part >= 1 and step not in done:
            done.add(step)
            say(f"{step}: done")

    return report


def stoppable(stopped: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """What every command is wrapped in: errors on purpose become a message and an exit code; Ctrl-C says `stopped`."""

    def wrap(function: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            as_json = bool(kwargs.get("as_json", False))
            try:
                function(*args, **kwargs)
            except BaileeError as error:
                tell(type(error).__name__, str(error), error.exit_code, as_json)
                raise typer.Exit(error.exit_code) from None
            except ModuleNotFoundError as error:
                if (told := advice(error)) is None:
                    raise
                tell("InputError", told, InputError.exit_code, as_json)
                raise typer.Exit(InputError.exit_code) from None
            except MemoryError:
                tell("MemoryError", "this machine has too little memory for it; use fewer rows or columns", 1, as_json)
                raise typer.Exit(1) from None
            except KeyboardInterrupt:
                tell("Interrupted", stopped, INTERRUPTED, as_json)
                raise typer.Exit(INTERRUPTED) from None
            except BrokenPipeError:
                # Whoever read our output left; Python would complain once more while closing it.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise typer.Exit(1) from None
            except OSError as error:  # a name too long for the disk, say
                told = f"cannot use {error.filename}: {error.strerror}" if error.filename else str(error)
                tell("StorageError", told, StorageError.exit_code, as_json)
                raise typer.Exit(StorageError.exit_code) from None

        return run

    return wrap


command = stoppable("stopped; nothing is left half done, run it again when you like")
"""For commands that do all or nothing."""

session_command = stoppable("stopped; what was said so far is kept: run the same command with --resume to go on")
"""For the two sides of a training session."""


def tell(kind: str, message: str, code: int, as_json: bool) -> None:
    """An error, as people or (`as_json`) machines read it."""
    if as_json:
        _print_json({"error": kind, "message": message, "exit_code": code})
    else:
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"{kind}: {plain(message)}", style="red", markup=False
        )


def _print_json(facts: Mapping[str, Any]) -> None:
    """In letters, where the output takes them: strangers' text may hold halves of letters, which nothing can encode."""
    text = json.dumps(facts, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(facts)
    print(text, flush=True)


def plain(text: str) -> str:
    """Text as a terminal may be given it: in strangers' names colours, cursor moves and turned directions are written
    out. Line breaks stay."""
    return "".join(letter if letter.isprintable() or letter == "\n" else ascii(letter).strip("'") for letter in text)


def facts_table(facts: Mapping[str, object]) -> Text:
    """Facts as two columns, for people. Lists are folded; ids, paths and commands stay whole, so they can be copied."""
    indent = max(map(len, facts)) + 2
    width = max(20, shutil.get_terminal_size().columns - indent)
    lines = []
    for name, value in facts.items():
        text = plain(" ".join(str(value).split("\n")))  # a name with a line break must not look like a fact of its own
        parts = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) if ", " in text else [text]
        shown = f"\n{'':{indent}}".join(parts)
        lines.append(Text.assemble((f"{name:{indent}}", "bold"), shown))  # strangers' names: never read as markup
    return Text("\n").join(lines)
