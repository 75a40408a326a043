"""The command line: a thin face over the stages. `bailee --help` is its table of contents.

app.py     the tree of commands           face.py    results, progress, errors, exit codes
the others: the commands. What they do in a party's folder is in `bailee.party`, for other faces too.
"""

import sys


def main() -> None:
    """The entry point `bailee`."""
    try:
        from bailee.cli.app import tree  # not sooner: `import bailee.cli` costs nothing

        app = tree("".join(sys.argv[1:2]))
    except KeyboardInterrupt:  # loading takes a second, and nothing has begun
        raise SystemExit(130) from None
    app()
