"""Attempts to cheat, each as clever as the next, and what comes of each.

Whoever holds a passport can change its files; the builder can also sign again what it signed; an owner and the builder
together can sign all that is theirs. What nobody can do is sign for another, or prove what is not so.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.markup import escape

from bailee.keys import Identity
from bailee.records import Invite, Passport, Proven, Record, canonical, digest, open_passport, open_signed, sign
from parties import Party, bailee, free_address

HERE = Path(__file__).parent
CHEAT = HERE / "cheat.py"
T = TypeVar("T", bound=Record)


def tamper(folder: Path, hospital: Party, builder: Party, console: Console) -> None:
    """Cheat with a row, a date and a proof. Stops the demo if one of them is not noticed."""

    def attempt(kind: str, what: str, said: dict[str, object]) -> None:
        console.print(f"   [bold]{kind}.[/bold] {what}:")
        _refused(console, said)

    sealed = f"{hospital.name} exchanges the label of one sealed patient and trains with that"
    attempt("One row", sealed, _change_row(folder, hospital, builder))
    theirs, own = Identity.load(builder.home), Identity.load(hospital.home)
    copy = Copy.of(folder, "date")
    copy.move_date(hospital.name)
    attempt("One grant's date", f"Somebody moves the end of {hospital.name}'s grant by ten years", copy.verify())
    copy.sign_again(theirs)
    attempt("The date, signed again", "The builder signs a passport that names the changed grant", copy.verify())
    copy = Copy.of(folder, "proof")
    copy.change_proof(hospital.name)
    attempt("One byte of a proof", f"Somebody flips one bit of {hospital.name}'s proof", copy.verify())
    copy.sign_again(theirs, own)
    attempt(
        "The proof, signed again", f"{hospital.name} and the builder both sign for the changed proof", copy.verify()
    )


def _refused(console: Console, said: dict[str, object]) -> None:
    if "exit_code" not in said:
        raise SystemExit("demo: this should have been noticed, and was not. Please report it: see SECURITY.md")
    console.print(f"      [red]{said['error']}[/red] (exit code {said['exit_code']}): {escape(str(said['message']))}")


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


@dataclass
class Copy:
    """A copy of the passport and its attachments, to be changed. `changed` leads from old digests to new ones."""

    folder: Path
    changed: dict[str, str]

    @classmethod
    def of(cls, folder: Path, name: str) -> Copy:
        shutil.copytree(folder / "passport", folder / f"changed-{name}")
        return cls(folder / f"changed-{name}", {})

    @property
    def passport(self) -> Passport:
        return open_passport((self.folder / "passport.json").read_bytes()).record

    def verify(self) -> dict[str, object]:
        """What a verifier says."""
        return bailee("verify", self.folder / "passport.json", "--json")

    def move_date(self, name: str) -> None:
        """The end of a grant, ten years later; its signature stays."""
        part = next(one for one in self.passport.owners if one.name == name)
        path = self.folder / "attachments" / part.grant
        envelope = json.loads(path.read_bytes())
        payload = json.loads(base64.b64decode(envelope["payload"]))
        until = payload["predicate"]["not_after"]
        payload["predicate"]["not_after"] = f"{int(until[:4]) + 10}{until[4:]}"
        envelope["payload"] = base64.b64encode(canonical(payload)).decode()
        self._replace(path, canonical(envelope))

    def change_proof(self, name: str) -> None:
        """One bit in the middle of a proof of training."""
        part = next(one for one in self.passport.owners if one.name == name)
        path = self.folder / "attachments" / part.proof
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        self._replace(path, bytes(data))

    def sign_again(self, builder: Identity, owner: Identity | None = None) -> None:
        """Every record that names a changed file names the new one, under its signer's own key."""
        passport = self.passport
        for part in passport.owners:
            if owner is not None and part.owner == owner.public_key.hex():
                self._renew(part.proven, Proven, owner)
        self._renew(passport.invite, Invite, builder)
        renewed: Passport = self._with_changes(passport)
        (self.folder / "passport.json").write_bytes(sign(renewed, builder).envelope)

    def _renew(self, name: str, kind: type[T], signer: Identity) -> None:
        path = self.folder / "attachments" / name
        record = open_signed(path.read_bytes(), kind).record
        self._replace(path, sign(self._with_changes(record), signer).envelope)

    def _with_changes(self, record: T) -> T:
        """The record with every changed digest in place of the old one, in its lists too."""
        found: dict[str, object] = {}
        for one in fields(record):
            value = getattr(record, one.name)
            if isinstance(value, str):
                found[one.name] = self.changed.get(value, value)
            elif isinstance(value, tuple) and all(is_dataclass(part) for part in value):
                found[one.name] = tuple(self._with_changes(part) for part in value)
        return replace(record, **found)

    def _replace(self, path: Path, data: bytes) -> None:
        """Both under the old name, as somebody would leave it, and under the name that its bytes have now."""
        self.changed[path.name] = digest(data)
        path.write_bytes(data)
        path.with_name(digest(data)).write_bytes(data)
