"""What compose.yaml needs beside itself, for three organisations on one machine: certificates, secrets, folders.

    python deploy/three.py deploy/local

Everything stays as it is where it is there already, but the certificates, which are made anew (run it once a year).

    local/.env                     for Compose: whose user the containers run as, and where this folder is
    local/ca.pem                   the authority of the servers' certificates: give it to whoever calls them
    local/NAME/home/               the party's folder (keys!), local/NAME/cache/ what was compiled for this processor
    local/NAME/{certificate,key}.pem, s3.json (keys to its store), stores.env (its keys to all stores),
    local/NAME/{database,pgpass}   the database's password, for the server and for its client
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path

import certificates

NAMES = ("north", "south", "west")


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        raise SystemExit(__doc__)
    folder = Path(arguments[0]).absolute()
    for place in ("chain", *(f"{name}/{inner}" for name in NAMES for inner in ("home", "cache", "store"))):
        (folder / place).mkdir(parents=True, exist_ok=True, mode=0o700)
    hosts = [f"{name}={name},{name}-console,{name}-store,localhost,127.0.0.1" for name in NAMES]
    certificates.main([str(folder), *hosts])
    for name in NAMES:
        _keep(folder / name / "database", secrets.token_urlsafe(24))
        _keep(folder / name / "pgpass", f"*:*:*:bailee:{(folder / name / 'database').read_text()}\n")
    _stores(folder)
    _keep(folder / ".env", f"BAILEE_USER={os.getuid()}:{os.getgid()}\nBAILEE_LOCAL={folder}\n")
    print(folder / ".env")
    return 0


def _stores(folder: Path) -> None:
    """Each organisation gets a bucket, and keys to it alone, in the store of each: a vault's fragments lie with all."""
    keys = {(owner, store): secrets.token_urlsafe(24) for owner in NAMES for store in NAMES}
    for store in NAMES:
        identities = [
            {
                "name": owner,
                "credentials": [{"accessKey": owner, "secretKey": keys[owner, store]}],
                "actions": [f"{action}:{owner}" for action in ("Read", "Write", "List", "Tagging")],
            }
            for owner in NAMES
        ]
        if not _keep(folder / store / "s3.json", json.dumps({"identities": identities}, indent=1)):
            return  # the keys of an earlier run are in use
    for owner in NAMES:
        lines = [
            f"BAILEE_STORE_{store.upper()}_{option}={value}\n"
            for store in NAMES
            for option, value in (("ACCESS_KEY_ID", owner), ("SECRET_ACCESS_KEY", keys[owner, store]))
        ]
        _keep(folder / owner / "stores.env", "".join(lines))


def _keep(place: Path, text: str) -> bool:
    """Written where nothing is yet, readable to this user alone. Whether it was."""
    try:
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
