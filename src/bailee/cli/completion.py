"""`bailee completion`: the script with which a shell completes commands, options and names."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from bailee.cli.face import command

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_BAILEE_COMPLETE"
"""Set by the script when a shell asks: then `bailee` prints what fits, and runs nothing."""


@command
def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="Which shell the script is for.")],
) -> None:
    """Print the script that lets a shell complete commands, options, and names of datasets and grants.

    bash: put `eval "$(bailee completion bash)"` into ~/.bashrc. zsh: `bailee completion zsh > ~/.zfunc/_bailee`, with
    ~/.zfunc in fpath before compinit. fish: `bailee completion fish > ~/.config/fish/completions/bailee.fish`.

    Example: `bailee completion bash > ~/.bash_completions/bailee.sh`
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    sys.stdout.write(get_completion_script(prog_name="bailee", complete_var=VARIABLE, shell=shell) + "\n")
