"""Vaults that are open in this process: one for each home, however many file systems and threads ask for it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from bailee.keys import Identity
from bailee.seal.vault.vault import Vault

_open: dict[tuple[int, Path], Vault] = {}
_guard = threading.Lock()


def home_of(home: str | os.PathLike[str] | None) -> Path:
    """The party's folder: what was said, else the variable BAILEE_HOME, else ~/.bailee."""
    said = os.fspath(home) if home else os.environ.get("BAILEE_HOME", "~/.bailee")
    return Path(os.path.expanduser(said)).absolute()


def open_vault(home: Path) -> Vault:
    """The vault of `home`. Raises what `Identity.load` and `Vault.open` raise."""
    # By process: a child that was forked must not use its parent's connections and threads, nor close them.
    key = (os.getpid(), home)
    with _guard:
        if key not in _open:
            _open[key] = Vault.open(home, Identity.load(home))
        return _open[key]


def close_vault(home: Path) -> None:
    """Whoever uses it next opens it anew."""
    with _guard:
        vault = _open.pop((os.getpid(), home), None)
    if vault is not None:
        vault.close()


def _after_fork() -> None:
    global _guard
    _guard = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
