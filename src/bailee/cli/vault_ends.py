"""`bailee vault erase, expire, lock, hold`: what ends, and what must not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.vault_face import WHEN, AVersion, Name, current, moment, opened, when
from bailee.errors import InputError

if TYPE_CHECKING:
    from bailee.seal.vault.facts import Erasure

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@command
def erase(
    name: Name,
    version: AVersion = None,
    yes: Yes = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Destroy an object for good: its keys first, then its fragments on every store. All versions, or one.

    Stores that cannot be reached keep fragments that nobody can open; `bailee vault work` tries them again. Copies of
    the catalogue made before, and what a grantee took, are beyond it.

    Example: `bailee vault erase patients/17/scan.tar --yes`
    """
    face = Face(as_json)
    if not yes:
        if as_json:
            raise InputError("with --json nobody can be asked; say --yes")
        typer.confirm(
            f"Destroy {name}{'' if version is None else f', version {version},'} for good?", abort=True, err=True
        )
    with opened(home) as vault:
        done = vault.erase(name, version)
    _tell(face, done, {"name": name})


@command
def expire(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Erase everything that was put for a purpose that has ended. `work` does it too.

    Example: `bailee vault expire`
    """
    with opened(home) as vault:
        done = vault.expire()
    kept = [{"name": name, "version": version} for name, version in done.kept]
    _tell(Face(as_json), done.erasure, {"kept_by_locks": kept} if kept else {})


@command
def lock(
    name: Name,
    until: Annotated[str | None, typer.Argument(help=f"Until when: {WHEN}")] = None,
    mode: Annotated[
        str, typer.Option(help="governance, which the owner may lift, or compliance, which nobody can.")
    ] = "governance",
    lift: Annotated[bool, typer.Option("--lift", help="Lift a governance lock; the log says so.")] = False,
    version: AVersion = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Let nothing destroy a version before a time. A lock only ever grows.

    Example: `bailee vault lock reports/2026.pdf 2036-12-31 --mode compliance`
    """
    from bailee.seal.vault.facts import Lock, LockMode

    if (until is None) is not lift:
        raise InputError("expected a time until which it is locked, or --lift")
    if mode not in list(LockMode):
        raise InputError(f"expected a lock of mode {' or '.join(LockMode)}, got {mode!r}")
    wanted = None if until is None else Lock(LockMode(mode), moment(until))
    with opened(home) as vault:
        found = current(vault, name, version)
        vault.lock(name, found, wanted, bypass=lift)
    facts = {
        "name": name,
        "version": found,
        "mode": mode if wanted else None,
        "until": when(wanted.until) if wanted else None,
    }
    Face(as_json).result(facts, facts_table(facts))


@command
def hold(
    name: Name,
    off: Annotated[bool, typer.Option("--off", help="Lift the hold.")] = False,
    version: AVersion = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Let nothing destroy a version until the hold is lifted.

    Example: `bailee vault hold reports/2026.pdf`
    """
    with opened(home) as vault:
        found = current(vault, name, version)
        vault.hold(name, found, not off)
    facts = {"name": name, "version": found, "on_hold": not off}
    Face(as_json).result(facts, Text(f"{name}: {'the hold is lifted' if off else 'on hold'}"))


def _tell(face: Face, done: Erasure, more: dict[str, Any]) -> None:
    facts = {**more, "versions": list(done.versions), "log_entries": list(done.leaves), "reached": list(done.reached),
             "missed": list(done.missed), "shared": done.shared, "overwritten": done.is_overwritten}  # fmt: skip
    shown: dict[str, object] = {"keys destroyed": f"{len(done.versions)} versions, log entries {list(done.leaves)}"}
    shown["fragments deleted on"] = ", ".join(done.reached) or "no store"
    if done.missed:
        shown["not reached"] = (
            f"{', '.join(done.missed)}; what lies there opens to nobody, try again: bailee vault work"
        )
    if done.shared:
        shown["kept"] = f"{done.shared} blobs that other versions hold"
    if done.versions and not done.is_overwritten:
        shown["catalogue"] = "a reader kept it from being overwritten; run: bailee vault work"
    face.result(facts, facts_table(shown))
