"""`bailee vault serve` and `key`: the S3 door and who may come in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from bailee.adapters.places import check_free, is_here, place_of
from bailee.adapters.tls import tls_of
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.vault_face import WHEN, columns, moment, opened, when
from bailee.cli.vault_shares import received
from bailee.errors import InputError

if TYPE_CHECKING:
    from bailee.seal.vault.share.received import Received

key_app = typer.Typer(no_args_is_help=True, help="Access keys of the S3 door.")


@command
def serve(
    listen: Annotated[str, typer.Option(help="HOST:PORT. Without TLS keep it on this machine.")] = "127.0.0.1:9000",
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate, PEM.")] = None,
    private_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    region: Annotated[str, typer.Option(help="The region that clients are told.")] = "us-east-1",
    share: Annotated[
        list[str] | None,
        typer.Option(help="Serve what was shared with you instead: BUCKET=FILE, or a FILE of that name; repeat."),
    ] = None,
    owner: Annotated[Path | None, typer.Option(help="identity.json of whom those shares must come from.")] = None,
    revocation: Annotated[list[Path] | None, typer.Option(help="A revocation that was given out; repeat.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that serve; more of them for many small objects.")] = 1,
    home: Home = DEFAULT_HOME,
) -> None:
    """Serve the vault to S3 programs: boto3, awscli, rclone, restic, s3fs ... Objects are sealed on this side.

    With --share the door reads shares instead, a bucket for each; that needs keys and no vault.

    Example: `bailee vault serve --listen 127.0.0.1:9000`
    """
    try:
        from bailee.server.s3 import serve as run
        from bailee.server.s3 import serve_shares, serve_workers
    except ImportError as error:
        raise InputError(f"the S3 door needs: pip install 'bailee[s3]' ({error.name} is missing)") from None
    host, port = place_of(listen)
    tls = tls_of(certificate, private_key)
    if (owner is not None or revocation) and not share:
        raise InputError("--owner and --revocation go with --share")
    if share and workers != 1:
        raise InputError("shares are served by one process; leave --workers out")
    check_free(host, port)
    face, at = Face(), (host, port, tls)
    where = f"http{'s' if tls else ''}://{listen}; Ctrl-C ends it"
    if tls is None and not is_here(host):
        face.say(
            f"warning: {listen} can be reached from other machines and there is no TLS: who sees the network reads and "
            "changes what passes, for signatures protect a request and not its contents. Give --certificate and "
            "--private-key, or --listen 127.0.0.1:PORT"
        )
    if share:
        shares = _opened_shares(share, owner, revocation or [], home)
        face.say(f"serving what was shared ({', '.join(shares)}) at {where}")
        serve_shares(shares, home, *at, region=region)
    elif workers != 1:
        face.say(f"serving {home} by {workers} processes at {where}")
        serve_workers(lambda: opened(home), home, *at, workers=workers, region=region)
    else:
        with opened(home) as vault:
            face.say(f"serving {home} at {where}")
            run(vault, home, *at, region=region)
    face.say("the door is closed; requests that were under way were finished")


def _opened_shares(told: list[str], owner: Path | None, revocations: list[Path], home: Path) -> dict[str, Received]:
    shares: dict[str, Received] = {}
    for one in told:
        name, equals, path = one.partition("=")
        name, path = (name, path) if equals else (Path(one).stem.lower(), one)
        if name in shares:
            raise InputError(f"two shares would be the bucket {name}; name them: --share BUCKET=FILE")
        shares[name] = received(Path(path), owner, revocations, home)
    return shares


@key_app.command("new")
@command
def new(
    role: Annotated[str, typer.Option(help="owner, writer, reader, or guest (only what a policy allows).")] = "writer",
    expires: Annotated[str | None, typer.Option(help=f"When it ends: {WHEN}")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Make an access key. The secret is shown this once and kept in a file of the home that only you can read.

    Example: `bailee vault key new --role reader --expires 30d`
    """
    from bailee.server.s3.access_keys import new_access_key

    made = new_access_key(home, role, None if expires is None else moment(expires))
    facts = {"access_key": made.id, "secret": made.secret.reveal().decode(), "role": str(made.role)}
    Face(as_json).result({**facts, "expires": when(made.expires) or None}, facts_table(facts))


@key_app.command("ls")
@command
def list_keys(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show access keys, without their secrets.

    Example: `bailee vault key ls`
    """
    from bailee.server.s3.access_keys import access_keys

    found = [
        {"access_key": one.id, "role": str(one.role), "created": when(one.created), "expires": when(one.expires)}
        for one in access_keys(home)
    ]
    table = columns(("access key", "role", "created", "expires"), [tuple(one.values()) for one in found])
    Face(as_json).result({"keys": found}, table if found else Text("no access keys; make one: bailee vault key new"))


@key_app.command("rm")
@command
def remove(
    access_key: Annotated[str, typer.Argument(help="Its id.")], home: Home = DEFAULT_HOME, as_json: AsJson = False
) -> None:
    """Take an access key back; the door refuses it from its next request on.

    Example: `bailee vault key rm BKABCDEFGHIJKLMNOPQR`
    """
    from bailee.server.s3.access_keys import remove_access_key

    remove_access_key(home, access_key)
    Face(as_json).result({"removed": access_key}, Text(f"removed {access_key}"))
