"""Three attempts to cheat, and what comes of each."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from bailee.records import Grant, predicate_type_of
from parties import Party, bailee, free_address

HERE = Path(__file__).parent
CHEAT = HERE / "cheat.py"


def tamper(folder: Path, hospital: Party, builder: Party, console: Console) -> None:
    """Cheat with a row, a date and a proof. Stops the demo if one of them is not noticed."""
    console.print(
        f"   [bold]One row.[/bold] {hospital.name} exchanges the label of one sealed patient and trains with that:"
    )
    _refused(console, _change_row(folder, hospital, builder))
    console.print("   [bold]One grant's date.[/bold] Somebody moves the end of a grant by ten years:")
    _refused(console, _change_date(folder))
    console.print("   [bold]One byte of a proof.[/bold] One bit in the middle of a proof is flipped:")
    _refused(console, _change_proof(folder))


def _refused(console: Console, said: dict[str, object]) -> None:
    if "exit_code" not in said:
        raise SystemExit("demo: this should have been noticed, and was not. Please report it: see SECURITY.md")
    console.print(f"      [red]{said['error']}[/red] (exit code {said['exit_code']}): {said['message']}", markup=True)


def _change_row(folder: Path, hospital: Party, builder: Party) -> dict[str, object]:
    """A session of three rounds with a hospital that exchanged one row after it sealed. What the builder says."""
    plan = folder / "short.toml"
    text = (HERE / "plan.toml").read_text()
    plan.write_text(text.replace("rounds = 20", "rounds = 3").replace("-four-hospitals", "-one-hospital"))
    given = hospital.run("grant", "heart-disease", "--builder", builder.public, "--plan", plan)
    address = free_address()
    with (folder / "cheat.log").open("wb") as log:
        cheat = subprocess.Popen(
            [sys.executable, str(CHEAT), str(hospital.home), address, str(given["grant"])], stdout=log, stderr=log
        )
        try:
            return bailee("train", plan, "--owner", hospital.public, "--listen", address, "--patience", "120",
                          "--home", builder.home, "--json")  # fmt: skip
        finally:
            cheat.kill()
            cheat.wait()


def _change_date(folder: Path) -> dict[str, object]:
    """The end of the first grant among the attachments, ten years later. What a verifier says."""
    copy = _copy(folder, "changed-date")
    for path in sorted((copy / "attachments").iterdir()):
        data = path.read_bytes()
        if not data.startswith(b"{") or predicate_type_of(data) != Grant.predicate_type():
            continue
        envelope = json.loads(data)
        payload = json.loads(base64.b64decode(envelope["payload"]))
        until = payload["predicate"]["not_after"]
        payload["predicate"]["not_after"] = f"{int(until[:4]) + 10}{until[4:]}"
        spelled = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        envelope["payload"] = base64.b64encode(spelled).decode()
        path.write_bytes(json.dumps(envelope, sort_keys=True, separators=(",", ":")).encode())
        break
    return bailee("verify", copy / "passport.json", "--json")


def _change_proof(folder: Path) -> dict[str, object]:
    """One bit in the largest attachment, a proof of training. What a verifier says."""
    copy = _copy(folder, "changed-proof")
    path = max((copy / "attachments").iterdir(), key=lambda file: file.stat().st_size)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return bailee("verify", copy / "passport.json", "--json")


def _copy(folder: Path, name: str) -> Path:
    shutil.copytree(folder / "passport", folder / name)
    return folder / name
