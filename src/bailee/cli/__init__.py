"""The command line: a thin face over the stages. `bailee --help` is its table of contents.

app.py       the tree of commands                     entries.py   their table
one_command.py   loads the one that is called         face.py      results, progress, errors, exit codes
the others: the commands. What they do in a party's folder is in `bailee.party`, for other faces too.
"""

import os


def main() -> None:
    """The entry point `bailee`."""
    try:
        from bailee.cli.app import tree  # not sooner: `import bailee.cli` costs nothing

        if "_BAILEE_COMPLETE" in os.environ:  # a shell asks what fits (completion.py)
            from typer.completion import completion_init  # type: ignore[attr-defined]

            completion_init()
        tree()(prog_name="bailee")
    except KeyboardInterrupt:  # while a command is loaded, and nothing has begun
        raise SystemExit(130) from None
