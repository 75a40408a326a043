"""Whether what the server needs answers: keys, disk, the vault's stores, the ledger's chain."""

from __future__ import annotations

import json
import urllib.request
from typing import Literal

from bailee import json_text
from bailee.adapters.files import read_bytes, write_atomic
from bailee.errors import BaileeError, ChainError, StoreError
from bailee.party.home import PartyHome
from bailee.server.api.logs import Log

State = Literal["ok", "not used", "fails"]
_PATIENCE = 3.0


def readiness(party: PartyHome, log: Log) -> dict[str, State]:
    """By name. Reasons go to the log only: whoever asks need not be known."""
    checks = {"keys": _keys, "disk": _disk, "stores": _stores, "chain": _chain}
    found: dict[str, State] = {}
    for name, check in checks.items():
        try:
            found[name] = check(party)
        except (BaileeError, OSError, ValueError, KeyError, TypeError) as error:
            log.event("not ready", check=name, error=type(error).__name__, reason=str(error)[:500])
            found[name] = "fails"
    return found


def _keys(party: PartyHome) -> State:
    return "ok" if party.identity.public == party.public else "fails"


def _disk(party: PartyHome) -> State:
    (party.path / "api").mkdir(exist_ok=True)
    write_atomic(party.path / "api" / "ready", b"written to see whether the disk takes it\n", 0o600)
    return "ok"


def _stores(party: PartyHome) -> State:
    """All stores that are switched on answer."""
    if not (party.path / "vault.json").is_file():
        return "not used"
    # A database's libraries, seconds to load: folders without a vault do without.
    from bailee.seal.vault.keep.health import silent_stores
    from bailee.seal.vault.vault import Vault

    with Vault.open(party.path, party.identity) as vault:
        silent = silent_stores(vault.keeping)
    if silent:
        raise StoreError("; ".join(f"{name}: {problem}" for name, problem in sorted(silent.items())))
    return "ok"


def _chain(party: PartyHome) -> State:
    path = party.path / "ledger.json"
    if not path.is_file():
        return "not used"
    url = str(json_text.load(read_bytes(path, 1 << 14, "the ledger's place"))["url"])
    if not url.startswith(("http://", "https://")):
        return "ok"  # the chain in a folder: there is nobody to ask, and a process that writes to it holds it
    ask = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    request = urllib.request.Request(url, json.dumps(ask).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
        if not str(json_text.load(answer.read(1 << 16)).get("result", "")).startswith("0x"):
            raise ChainError("expected a chain's id")
    return "ok"
