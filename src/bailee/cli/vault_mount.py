"""`bailee vault mount`: a vault as a folder, to be read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bailee.cli.face import DEFAULT_HOME, Face, Home, command
from bailee.cli.vault_face import opened


@command
def mount(
    folder: Annotated[Path, typer.Argument(help="An empty folder.")],
    prefix: Annotated[str, typer.Option(help="Only what begins with this and a slash.")] = "",
    home: Home = DEFAULT_HOME,
) -> None:
    """Show the vault as a folder that can be read, until Ctrl-C or `umount`. Needs FUSE: pip install mfusepy, libfuse.

    Example: `bailee vault mount /mnt/vault --prefix scans`
    """
    from bailee.server.mounting import mount as run

    face = Face()
    with opened(home) as vault:
        run(vault, folder, prefix, lambda: face.say(f"{home} is at {folder}, to be read; Ctrl-C ends it"))
    face.say(f"{folder} is empty again")
