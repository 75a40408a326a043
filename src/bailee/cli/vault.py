"""`bailee vault`: an owner's sealed objects. The tree of its commands."""

from __future__ import annotations

import typer

from bailee.cli import (
    vault_audits,
    vault_buckets,
    vault_copies,
    vault_door,
    vault_ends,
    vault_mount,
    vault_objects,
    vault_order,
    vault_shares,
    vault_stores,
)

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Keep any object sealed on stores that nobody needs to trust: folders, buckets, WebDAV shares.",
)

_OBJECTS, _OTHERS, _KEEPING, _DOORS = "Objects", "Sharing and ending", "Keeping it in order", "The vault and its doors"

app.command(rich_help_panel=_OBJECTS)(vault_objects.put)
app.command(rich_help_panel=_OBJECTS)(vault_objects.get)
app.command(rich_help_panel=_OBJECTS)(vault_objects.cat)
app.command(rich_help_panel=_OBJECTS)(vault_objects.ls)
app.command(rich_help_panel=_OBJECTS)(vault_objects.versions)
app.command(rich_help_panel=_OBJECTS)(vault_objects.restore)
app.command(rich_help_panel=_OBJECTS)(vault_objects.rm)
app.command(rich_help_panel=_OTHERS)(vault_shares.share)
app.command(rich_help_panel=_OTHERS)(vault_shares.shares)
app.command(rich_help_panel=_OTHERS)(vault_shares.revoke)
app.command("open", rich_help_panel=_OTHERS)(vault_shares.open_)
app.command("pass", rich_help_panel=_OTHERS)(vault_shares.pass_)
app.command(rich_help_panel=_OTHERS)(vault_ends.lock)
app.command(rich_help_panel=_OTHERS)(vault_ends.hold)
app.command(rich_help_panel=_OTHERS)(vault_ends.erase)
app.command(rich_help_panel=_OTHERS)(vault_ends.expire)
app.command(rich_help_panel=_KEEPING)(vault_order.status)
app.command(rich_help_panel=_KEEPING)(vault_order.verify)
app.command(rich_help_panel=_KEEPING)(vault_order.repair)
app.command(rich_help_panel=_KEEPING)(vault_order.rebalance)
app.command(rich_help_panel=_KEEPING)(vault_order.work)
app.command(rich_help_panel=_KEEPING)(vault_order.log)
app.add_typer(vault_audits.audit_app, name="audit", rich_help_panel=_KEEPING)
app.command(rich_help_panel=_DOORS)(vault_stores.init)
app.add_typer(vault_stores.store_app, name="store", rich_help_panel=_DOORS)
app.command(rich_help_panel=_DOORS)(vault_stores.cache)
app.command(rich_help_panel=_DOORS)(vault_copies.backup)
app.command(rich_help_panel=_DOORS)(vault_copies.recover)
app.command(rich_help_panel=_DOORS)(vault_door.serve)
app.add_typer(vault_door.key_app, name="key", rich_help_panel=_DOORS)
app.command(rich_help_panel=_DOORS)(vault_mount.mount)
app.add_typer(vault_buckets.bucket_app, name="bucket", rich_help_panel=_DOORS)
