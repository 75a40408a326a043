"""`bailee vault share, shares, revoke` of an owner; `bailee vault open, pass` of a grantee."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from bailee.adapters.files import read_bytes, write_atomic
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.vault_face import WHEN, bytes_words, columns, moment, opened, when
from bailee.cli.vault_trees import write_file
from bailee.errors import DamageError, InputError, StorageError
from bailee.party.identities import own_identity, read_public

if TYPE_CHECKING:
    from bailee.seal.vault.share.received import Received

_SHARE = 64 << 20
ShareFile = Annotated[Path, typer.Argument(help="The share's file.")]
Owner = Annotated[Path | None, typer.Option("--owner", help="identity.json of whom it must come from.")]


@command
def share(
    name: Annotated[list[str], typer.Argument(help="Objects to share; NAME@VERSION for an older version.")],
    to: Annotated[Path | None, typer.Option(help="identity.json of the grantee.")] = None,
    public: Annotated[bool, typer.Option("--public", help="Give it to everybody: the keys stand in the file.")] = False,
    purpose: Annotated[str, typer.Option(help="What for; it is signed.")] = "reading",
    until: Annotated[str, typer.Option(help=f"Until when: {WHEN}")] = "30d",
    column: Annotated[list[str] | None, typer.Option(help="Only this column of a table; repeat for more.")] = None,
    passes: Annotated[int, typer.Option(help="How often it may be passed on, one after another.", min=0)] = 0,
    out: Annotated[Path, typer.Option(help="The share's file, for the grantee.")] = Path("share.json"),
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Let somebody read objects: their keys are sealed once more, no data moves. The grantee needs access to k stores.

    Example: `bailee vault share scan.tar --to ann/identity.json --until 30d --out scan.share`
    """
    from bailee.seal.vault.share import granting

    if (to is None) is not public:
        raise InputError("expected --to IDENTITY, or --public to give it to everybody")
    columns = tuple(column) if column else None
    wishes = [
        granting.Wish(one, version or None, columns) for one, _, version in (each.partition("@") for each in name)
    ]
    ends = datetime.fromtimestamp(int(moment(until)), UTC)
    with opened(home) as vault:
        grantee = None if to is None else read_public(to)
        chain = granting.share(vault, wishes, grantee, purpose, ends, passes=passes)
    write_atomic(out, chain.to_bytes(), 0o600)
    facts = {"share": chain.first.record.id, "to": "everybody" if grantee is None else grantee.name,
             "until": chain.terms.not_after, "file": str(out)}  # fmt: skip
    Face(as_json).result(facts, facts_table(facts))


@command
def shares(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show what was shared, with whom, until when.

    Example: `bailee vault shares`
    """
    from bailee.seal.vault.share import granting

    with opened(home) as vault:
        found = granting.shares(vault)
    facts = [
        {"share": one.id, "grantee": one.grantee, "created": when(one.created), "expires": when(one.expires),
         "revoked": when(one.revoked) or None, "versions": [each.versions[0].id for each in one.shares]}
        for one in found
    ]  # fmt: skip
    rows = [
        (str(one["share"]), str(one["grantee"])[:16], str(one["expires"]),
         f"revoked {one['revoked']}" if one["revoked"] else "holds")
        for one in facts
    ]  # fmt: skip
    table = columns(("share", "grantee", "expires", "state"), rows)
    Face(as_json).result({"shares": facts}, table if facts else Text("nothing was shared"))


@command
def revoke(
    share_id: Annotated[str, typer.Argument(metavar="SHARE", help="Its id, as `shares` shows it.")],
    out: Annotated[
        Path | None, typer.Option(help="Write the signed revocation here, for those who should know.")
    ] = None,
    later: Annotated[bool, typer.Option("--later", help="Leave the fresh keys to `bailee vault work`.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """End a share, and encrypt what it covered under fresh keys. What the grantee has opened already, it has.

    Example: `bailee vault revoke 0123456789abcdef0123456789abcdef`
    """
    from bailee.seal.vault.share import granting
    from bailee.seal.vault.share.rotation import rotate_queued

    face = Face(as_json)
    with opened(home) as vault:
        taken = granting.revoke(vault, share_id)
        rotated = None if later else rotate_queued(vault)
    if out is not None:
        write_atomic(out, taken.envelope)
    facts: dict[str, Any] = {
        "share": share_id,
        "revoked": taken.record.revoked,
        "fresh_keys": len(rotated.blobs) if rotated else 0,
    }
    face.result({**facts, "file": str(out) if out else None}, facts_table(facts))
    if rotated and rotated.failed:
        face.say(f"{len(rotated.failed)} blobs wait for fresh keys: bailee vault work")
        raise typer.Exit(6)


@command
def open_(
    file: ShareFile,
    target: Annotated[
        str | None, typer.Argument(help="Where to: a file, or - for standard output; tables become Parquet.")
    ] = None,
    column: Annotated[list[str] | None, typer.Option(help="Only this column of a table; repeat for more.")] = None,
    version: Annotated[str | None, typer.Option("--version", help="Which, where the share has several.")] = None,
    owner: Owner = None,
    revocation: Annotated[
        list[Path] | None, typer.Option(help="A revocation that the owner gave out; repeat for more.")
    ] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Read what was shared with you, from the share and the stores alone. Without a target: say what is in it.

    A store that asks for credentials gets BAILEE_STORE_NAME_OPTION variables where BAILEE_STORE_NAME_URL is its URL.

    Example: `bailee vault open scan.share scan.tar --owner owner/identity.json`
    """
    face = Face(as_json)
    taken = received(file, owner, revocation or [], home)
    found = [
        {"version": one.id, "name": one.name, "content_type": one.content_type, "is_table": one.public is not None}
        for one in taken.versions
    ]
    facts: dict[str, Any] = {"purpose": taken.terms.purpose, "until": taken.terms.not_after, "versions": found}
    if target is None:
        names = ", ".join(f"{one['name'] or 'unnamed'} ({one['version']})" for one in found)
        face.result(facts, facts_table({**facts, "versions": names}))
        return
    chosen = version or (str(found[0]["version"]) if len(found) == 1 else None)
    try:
        if any(one["is_table"] for one in found if chosen in (None, one["version"])):
            size = _write_table(taken, column, chosen, Path(target))
        elif target == "-":
            for part in taken.read(chosen):
                sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()
            return
        else:
            write_file(Path(target), taken.read(chosen))
            size = Path(target).stat().st_size
    except DamageError as error:
        raise DamageError(f"{error}; or the share was revoked: ask who gave it") from None
    face.result({**facts, "file": target, "bytes": size}, facts_table({"file": target, "bytes": bytes_words(size)}))


@command
def pass_(
    file: ShareFile,
    to: Annotated[Path, typer.Option(help="identity.json of who is to have it.")],
    until: Annotated[str | None, typer.Option(help=f"Sooner than yours ends: {WHEN}")] = None,
    out: Annotated[Path, typer.Option(help="The new share's file.")] = Path("passed.share"),
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Pass on what was shared with you, at most as wide as you have it, where its terms allow that.

    Example: `bailee vault pass scan.share --to bob/identity.json --out for-bob.share`
    """
    from bailee.records.passing import read_chain
    from bailee.seal.vault.share.sharing import pass_on

    giver, ends = own_identity(home), None
    if until is not None:
        ends = datetime.fromtimestamp(int(moment(until)), UTC)
    chain = pass_on(
        read_chain(read_bytes(file, _SHARE, "share")), giver, read_public(to), datetime.now(UTC), not_after=ends
    )
    write_atomic(out, chain.to_bytes(), 0o600)
    facts = {"to": read_public(to).name, "until": chain.terms.not_after, "file": str(out)}
    Face(as_json).result(facts, facts_table(facts))


def received(file: Path, owner: Path | None, revocations: list[Path], home: Path) -> Received:
    """A share that was given to this home, opened; stores that cannot be opened now are left out."""
    from bailee.adapters.stores.access import confirmed
    from bailee.adapters.stores.entry import StoreEntry
    from bailee.adapters.stores.opening import open_store
    from bailee.records import open_signed
    from bailee.records.passing import read_chain
    from bailee.records.share import ShareRevocation
    from bailee.seal.vault.share.received import open_share

    chain = read_chain(read_bytes(file, _SHARE, "share"))
    told = chain.first.record.stores
    stores = {}
    for entry in [StoreEntry(one.name, one.url, one.provider, one.region) for one in told]:
        with suppress(StorageError):
            stores[entry.name] = open_store(entry, confirmed(entry, os.environ))
    taken = [open_signed(read_bytes(path, 1 << 20, "revocation"), ShareRevocation) for path in revocations]
    key = None if owner is None else read_public(owner).public_key
    return open_share(chain, own_identity(home), stores, owner=key, revocations=taken)


def _write_table(opened_share: Received, columns: list[str] | None, version: str | None, target: Path) -> int:
    import pyarrow.parquet as pq

    batches = opened_share.batches(columns or None, version)
    draft = target.with_name(f".{target.name}.draft")
    try:
        with pq.ParquetWriter(draft, batches.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target.stat().st_size
