"""`bailee vault backup` and `recover`: a sealed copy of the catalogue, without which nothing on the stores opens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.vault_face import bytes_words, opened
from bailee.party.identities import own_identity


@command
def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes: another disk.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Write a sealed copy of the vault's catalogue and keys; it opens with this home's identity.pem and nothing else.

    Keep identity.pem apart from it. A copy holds the keys of what is erased later: delete old copies when something
    must be gone for good.

    Example: `bailee vault backup /mnt/usb/vault.copy`
    """
    from bailee.seal.vault.copying import make_copy

    identity = own_identity(home)
    with opened(home):
        pass
    size = make_copy(home, identity, file)
    Face(as_json).result({"file": str(file), "bytes": size}, facts_table({"file": file, "bytes": bytes_words(size)}))


@command
def recover(
    file: Annotated[Path, typer.Argument(help="A copy that `backup` made.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Put a copy back into a home that has lost its vault. What was put after the copy was made is not in it.

    Objects that were erased after the copy was made are named in it again, and may open while stores still hold their
    fragments: erase them again.

    Example: `bailee vault recover /mnt/usb/vault.copy --home restored`
    """
    from bailee.seal.vault.copying import open_copy

    names = open_copy(file, own_identity(home), home)
    with opened(home) as vault:
        objects, length = vault.count()
    facts = {"home": str(home), "files": list(names), "objects": objects, "bytes": length}
    Face(as_json).result(facts, facts_table({"home": home, "objects": objects, "bytes": bytes_words(length)}))
