"""A party in one step: its folder and keys, and on request a vault of three folders and a chain of its own.

What is there already stays as it is, so that it may be done again, with more asked for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bailee.errors import InputError
from bailee.keys import PRIVATE_FILE, Identity, PublicIdentity

THREE = "abc"
"""Names of the stores of a vault that was not told where to be."""


@dataclass(frozen=True)
class Begun:
    """made: what this call made, of "keys", "vault", "ledger"; kept: what was there before."""

    home: Path
    public: PublicIdentity
    made: tuple[str, ...]
    kept: tuple[str, ...]


def default_home() -> Path:
    """BAILEE_HOME, or ~/.bailee."""
    return Path(os.environ.get("BAILEE_HOME") or os.path.expanduser("~/.bailee"))


def begin(home: Path, name: str | None, vault: bool = False, ledger: bool = False) -> Begun:
    """The party at `home`, made if it is not there. InputError: no name, another name than the party has; no `ledger`
    extra. StorageError."""
    made, kept = [], []
    if (home / PRIVATE_FILE).exists():
        identity = Identity.load(home)
        if name is not None and name != identity.name:
            raise InputError(
                f"{home} is the folder of {identity.name!r}, not of {name!r}: keys are never replaced, and a party "
                "keeps its name; choose another folder with --home"
            )
        kept.append("keys")
    else:
        if name is None:
            raise InputError("a new party needs a name: how others know it, for example 'Cleveland Clinic'")
        identity = Identity.create(home, name)
        made.append("keys")
    if vault:
        (made if _make_vault(home, identity) else kept).append("vault")
    if ledger:
        (made if _make_ledger(home) else kept).append("ledger")
    return Begun(home, identity.public, tuple(made), tuple(kept))


def _make_vault(home: Path, identity: Identity) -> bool:
    from bailee.adapters.stores.entry import StoreEntry
    from bailee.seal.vault.facts import Code, Policy
    from bailee.seal.vault.home import VAULT_FILE
    from bailee.seal.vault.vault import Vault

    if (home / VAULT_FILE).exists():
        return False
    stores = [StoreEntry(name, str(home.absolute() / "stores" / name)) for name in THREE]
    Vault.create(home, identity, stores, Policy(Code(2, 3), None, frozenset(), frozenset(), None), None).close()
    return True


def _make_ledger(home: Path) -> bool:
    from bailee.adapters.chain.opening import folder_of, open_chain

    if (folder_of(home) / "blocks.db").exists():
        return False
    open_chain(home=home).close()
    return True
