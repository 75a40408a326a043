"""`bailee vault audit`: challenge stores for what they should hold; anybody checks the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from bailee.adapters.files import read_bytes, storage_errors
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command
from bailee.cli.vault_face import Rate, columns, opened, parse_rate
from bailee.errors import InputError
from bailee.party.identities import read_public

audit_app = typer.Typer(invoke_without_command=True)
_RECORD = 1 << 20
_FAILED = 4


@audit_app.callback()
def audit(
    context: typer.Context,
    store: Annotated[list[str] | None, typer.Option(help="This store; repeat for more. All by default.")] = None,
    loss: Annotated[float, typer.Option(help="Find a loss of this part of the pieces ...")] = 0.01,
    confidence: Annotated[float, typer.Option(help="... with this probability.")] = 0.999,
    samples: Annotated[int | None, typer.Option(help="Ask for so many pieces instead.", min=1)] = None,
    randomness: Annotated[
        str | None, typer.Option(help="32 bytes, hex, that the store could not know; fresh ones by default.")
    ] = None,
    source: Annotated[str, typer.Option(help="Where that is from, so that others can look it up.")] = "",
    out: Annotated[Path | None, typer.Option(help="A folder for what others check: one folder for each store.")] = None,
    rate: Rate = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Ask stores for random pieces. The result is signed and goes to the ledger; what is missing is queued for repair.

    Exit code 4 where a store could not show what it should hold.

    Example: `bailee vault audit --loss 0.01 --confidence 0.999 --out audits`
    """
    if context.invoked_subcommand is None:
        _audit(
            store=store, loss=loss, confidence=confidence, samples=samples, randomness=randomness, source=source,
            out=out, rate=rate, home=home, as_json=as_json,
        )  # fmt: skip


@command
def _audit(
    *,
    store: list[str] | None,
    loss: float,
    confidence: float,
    samples: int | None,
    randomness: str | None,
    source: str,
    out: Path | None,
    rate: str | None,
    home: Path,
    as_json: bool,
) -> None:
    from bailee.seal.vault.keep.auditing import Randomness
    from bailee.seal.vault.keep.auditing import audit as run

    face = Face(as_json)
    drawn = None if randomness is None else Randomness(_hex(randomness), source or "as the auditor said")
    results: list[dict[str, Any]] = []
    with opened(home) as vault:
        keeping = vault.keeping
        for name in store or [one.name for one in vault.entries if one.enabled]:
            folder = None if out is None else out / name
            done = run(
                keeping, name, samples=samples, loss=loss, confidence=confidence, randomness=drawn, folder=folder,
                rate=parse_rate(rate),
            )  # fmt: skip
            record = done.record.record
            results.append(
                {"store": name, "passed": done.passed, "samples": record.samples, "missing": record.missing,
                 "record": done.record.digest, "folder": None if folder is None else str(folder)}
            )  # fmt: skip
    face.result({"audits": results}, _table(results))
    if not all(one["passed"] for one in results):
        face.say("what is missing is queued; now: bailee vault repair")
        raise typer.Exit(_FAILED)


@audit_app.command("check")
@command
def check(
    folder: Annotated[Path, typer.Argument(help="What an audit left for one store: holding, challenge, answer.")],
    owner: Annotated[Path | None, typer.Option(help="identity.json of whom it must come from.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check an answer, offline and without trusting anybody but the owner who signed what the store should hold.

    Example: `bailee vault audit check audits/a --owner identity.json`
    """
    from bailee.seal.vault.keep.auditing import ANSWER, CHALLENGE, HOLDING
    from bailee.verify.possession import verify_possession

    key = None if owner is None else read_public(owner).public_key
    holding = read_bytes(folder / HOLDING, _RECORD, "holding")
    challenge = read_bytes(folder / CHALLENGE, _RECORD, "challenge")
    path = folder / ANSWER
    if not path.exists():
        raise InputError(f"{path} does not exist: the store could not answer, or this is not what an audit left")
    with storage_errors(path), path.open("rb") as answer:
        shown = verify_possession(holding, challenge, answer, key)
    Face(as_json).result(dict(shown.to_dict()), Text(shown.to_text()))


@audit_app.command("ledger")
@command
def ledger(
    store: Annotated[str | None, typer.Option(help="Of this store only.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show the results of audits, the newest first.

    Example: `bailee vault audit ledger --store a`
    """
    from bailee.seal.vault.keep.auditing import ledger as read

    with opened(home) as vault:
        found = [one.record for one in read(vault.keeping, store)]
    facts = [
        {
            "store": one.store,
            "created": one.created,
            "samples": one.samples,
            "missing": one.missing,
            "passed": not one.missing,
        }
        for one in found
    ]
    Face(as_json).result({"audits": facts}, _table(facts) if facts else Text("no store was audited yet"))


def _table(results: list[dict[str, Any]]) -> Text:
    rows = [
        (one["store"], str(one["samples"]), str(one["missing"]), "passed" if one["passed"] else "FAILED")
        for one in results
    ]
    return columns(("store", "samples", "missing", "result"), rows, right=(1, 2))


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise InputError(f"expected --randomness as 64 hex digits, got {text[:80]!r}") from None
