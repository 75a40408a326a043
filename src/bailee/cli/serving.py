"""`bailee serve` and `bailee caller`: the HTTP API of a party's folder, and whose keys may call it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from bailee.adapters.places import check_free, is_here, place_of
from bailee.adapters.tls import tls_of
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table, stoppable
from bailee.errors import InputError
from bailee.party.home import PartyHome
from bailee.party.identities import read_public

if TYPE_CHECKING:
    from bailee.server.api.callers import Callers

caller_app = typer.Typer(no_args_is_help=True, help="Whose keys may call the HTTP API of this folder, and as what.")
_ROLES = "builder, verifier or consumer."


@stoppable("stopped")
def serve(
    listen: Annotated[str, typer.Option(help="HOST:PORT. Without TLS keep it on this machine.")] = "127.0.0.1:8443",
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate, PEM.")] = None,
    private_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    origin: Annotated[
        str | None,
        typer.Option(
            help="How callers reach it, https://HOST:PORT, where that is not --listen: Ethereum accounts sign it."
        ),
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(help="HOST:PORT for Prometheus, without authentication; none by default.")
    ] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Serve this folder's HTTP API until Ctrl-C or SIGTERM; docs/api.md has its calls.

    Logs are JSON lines on standard error. Callers sign in with their keys; give them roles with `bailee caller add`.

    Example: `bailee serve --listen 127.0.0.1:8443 --home cleveland`
    """
    try:
        from bailee.server.api.application import context_for
        from bailee.server.api.serving import serve as run
    except ImportError as error:
        raise InputError(f"the HTTP API needs: pip install 'bailee[api]' ({error.name} is missing)") from None
    tls = tls_of(certificate, private_key)
    host, port = place_of(listen)
    check_free(host, port, "is another server there?")
    watched = None if metrics is None else place_of(metrics, "--metrics HOST:PORT")
    if watched is not None:
        check_free(*watched, "is another server there?", "--metrics")
    reached = origin or f"http{'s' if tls else ''}://{listen}"
    face, context = Face(), context_for(home, origin=reached)
    if tls is None and not is_here(host):
        face.say(
            f"warning: {listen} can be reached from other machines and there is no TLS: who sees the network has every "
            "caller's token. Give --certificate and --private-key, or --listen 127.0.0.1:PORT"
        )
    if watched is not None:
        context.metrics.listen(*watched)
    face.say(f"serving {home} at http{'s' if tls else ''}://{listen}; Ctrl-C ends it")
    run(context, host, port, tls)
    face.say("the server has stopped; requests that were under way were finished")


@caller_app.command("add")
@command
def add(
    identity: Annotated[Path, typer.Argument(help="The caller's public identity: its identity.json.")],
    role: Annotated[str, typer.Option(help=f"What it may: {_ROLES}")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Let a key call this folder's HTTP API, in a role; in place of the role it had.

    Example: `bailee caller add builder/identity.json --role builder --home cleveland`
    """
    callers = _callers(home)
    from bailee.server.api.callers import Role

    if role not in {str(one) for one in Role if one is not Role.OWNER}:
        raise InputError(f"expected --role {_ROLES[:-1]}, got {role!r}")
    made = callers.add(read_public(identity), Role(role), datetime.now(UTC))
    facts = {"name": made.name, "key": made.key, "role": str(made.role), "added": made.added}
    Face(as_json).result(facts, facts_table(facts))


@caller_app.command("ls")
@command
def list_callers(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show who may call this folder's HTTP API.

    Example: `bailee caller ls --home cleveland`
    """
    found = [
        {"name": one.name, "key": one.key, "role": str(one.role), "added": one.added} for one in _callers(home).all()
    ]
    table = Table("name", "key", "role", "added", box=None, pad_edge=False)
    for one in found:
        table.add_row(*(Text(value) for value in one.values()))
    nobody = Text("nobody but this folder's own key; add others with: bailee caller add IDENTITY.JSON --role ROLE")
    Face(as_json).result({"callers": found}, table if found else nobody)


@caller_app.command("rm")
@command
def remove(
    key: Annotated[str, typer.Argument(help="The caller's key, 64 hex digits, as `bailee caller ls` shows it.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take a caller's role away; a server that runs refuses it from its next request on.

    Example: `bailee caller rm 3fa9...`
    """
    _callers(home).remove(key)
    Face(as_json).result({"removed": key}, Text(f"removed {key}"))


def _callers(home: Path) -> Callers:
    own = PartyHome(home).identity.public.public_key.hex()
    from bailee.server.api.callers import Callers

    return Callers(home, own)
