"""Makes homes as this version of Bailee writes them, and packs them: tests/upgrade/VERSION.tar.xz.

Each release adds one, never changed after; tests/upgrade checks that today's code reads all of them. Only commands that
stay are used, so the same program makes the next one. Keys in it are for nothing else: do not use them. With
`--folder FOLDER` the homes stay there too; `--force` replaces what was not released yet.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from bailee import __version__

ROOT = Path(__file__).resolve().parents[1]
_BAILEE = [sys.executable, "-c", "from bailee.cli import main; main()"]
_FILES = {
    "rows.csv": "age,sex,ill\n30,f,0\n40,m,1\n50,f,1\n",
    "schema.toml": """\
[dataset]
name = "tiny"
label = "ill"

[[column]]
name = "age"
type = "number"
min = 0
max = 100

[[column]]
name = "sex"
type = "category"
categories = ["f", "m"]

[[column]]
name = "ill"
type = "flag"
""",
    "plan.toml": """\
name = "tiny-plan"
purpose = "tests"
label = "ill"
rounds = 2
learning_rate = 1

[privacy]
epsilon = 4
delta = 0.00001
""",
    "passphrase": "for a snapshot only\n",
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Keep what this version writes, for tests of every later one.")
    parser.add_argument("--folder", type=Path, help="leave the homes here too")
    parser.add_argument("--force", action="store_true", help="replace a snapshot of this version")
    asked = parser.parse_args(arguments)
    place = ROOT / "tests" / "upgrade" / f"{__version__}.tar.xz"
    if place.exists() and not asked.force:
        raise SystemExit(f"snapshot: {place} is there; what was released is never changed (--force, before a release)")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        facts = fill(folder)
        (folder / "facts.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
        pack(folder, place)
        if asked.folder:
            shutil.copytree(folder, asked.folder)
    print(f"{place}: {place.stat().st_size:,} B")
    return 0


def fill(folder: Path) -> dict[str, Any]:
    """An owner and a builder after one training; grants open and taken back; a vault; a chain with an account."""

    def bailee(*words: str) -> dict[str, Any]:
        done = subprocess.run([*_BAILEE, *words, "--json"], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"snapshot: bailee {' '.join(words)}: {done.stdout}{done.stderr}")
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return said

    for name, text in _FILES.items():
        (folder / name).write_text(text)
    (folder / "passphrase").chmod(0o600)
    owner, builder = ("--home", "owner"), ("--home", "builder")
    facts: dict[str, Any] = {"version": __version__}
    for name in ("owner", "builder"):
        facts[name] = bailee("key", "new", name.capitalize(), "--home", name)["key"]
    facts["openings"] = bailee("seal", "rows.csv", "schema.toml", "--openings", "8", *owner)["openings_left"]
    terms = ("tiny", "--builder", "builder", "--plan", "plan.toml", "--until", "2999-01-01")
    facts["grant"] = bailee("grant", *terms, *owner)["grant"]
    facts["revoked"] = bailee("grant", *terms, *owner)["grant"]
    bailee("revoke", facts["revoked"], *owner)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    joining = subprocess.Popen([*_BAILEE, "join", address, "--grant", facts["grant"], *owner], cwd=folder)
    trained = ("train", "plan.toml", "--owner", "owner", "--listen", address, "--out", "passport")
    facts["session"] = bailee(*trained, *builder)["session"]
    if joining.wait(60):
        raise SystemExit("snapshot: the owner's side of the training failed")
    bailee("vault", "init", *owner)
    facts["versions"] = [
        bailee("vault", "put", name, "papers/plan", *owner)["version"] for name in ("rows.csv", "plan.toml")
    ]
    bailee("ledger", "init", "--chain-id", "31337", *owner)
    facts["account"] = bailee("account", "new", "--passphrase-file", "passphrase", *owner)["address"]
    return facts


def pack(folder: Path, place: Path) -> None:
    """Names in order, no times and no owners: the same homes give the same bytes."""

    def bare(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.mtime = entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    draft = place.with_name(place.name + ".new")
    draft.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(draft, "wb", preset=9) as packed, tarfile.open(fileobj=packed, mode="w") as file:
        for path in sorted(folder.rglob("*")):
            file.add(path, str(path.relative_to(folder)), recursive=False, filter=bare)
    os.replace(draft, place)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
