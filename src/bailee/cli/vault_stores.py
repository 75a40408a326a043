"""`bailee vault init`, `store`, `cache`: a vault, where its fragments lie and how they are spread."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.vault_face import bytes_words, columns, opened, parse_size
from bailee.errors import InputError
from bailee.party.identities import own_identity

if TYPE_CHECKING:
    from bailee.adapters.stores.entry import StoreEntry

store_app = typer.Typer(no_args_is_help=True, help="Where fragments lie: folders, buckets, WebDAV shares ...")
_ONE_DISK = (
    "all stores are folders below this home: if this disk is lost, everything is. Add stores elsewhere with: "
    "bailee vault store add"
)
_FORM = (
    "NAME=URL[,provider=..][,region=..][,credentials=FILE]; a URL is a folder, or SERVICE://BUCKET/PREFIX?OPTION=VALUE "
    "of s3, webdav, swift, ipmfs ... Secrets come from BAILEE_STORE_NAME_OPTION variables or the file, never the URL."
)
_EXTRA = re.compile(r",(provider|region|credentials)=([^,]*)$")
_CODE = re.compile(r"(\d+)\+(\d+)")


@command
def init(
    store: Annotated[list[str] | None, typer.Option(help=f"{_FORM} Repeat for more.")] = None,
    code: Annotated[
        str | None, typer.Option(help="K+M: any K of K+M fragments give an object back, as 8+4 or 2+1.")
    ] = None,
    catalogue: Annotated[
        str | None, typer.Option(help="postgresql://user@host/name; a file of the home by default.")
    ] = None,
    allow: Annotated[list[str] | None, typer.Option(help="Only stores of this region; repeat for more.")] = None,
    deny: Annotated[list[str] | None, typer.Option(help="No store of this region; repeat for more.")] = None,
    per_provider: Annotated[
        int | None, typer.Option(help="At most so many fragments with one provider.", min=1)
    ] = None,
    need: Annotated[int | None, typer.Option(help="Fragments that must be safe before a put counts.", min=1)] = None,
    cache: Annotated[
        str | None, typer.Option(help="Keep sealed segments that were read near, up to this size.")
    ] = None,
    deduplicate: Annotated[
        bool, typer.Option("--deduplicate", help="Puts share what the vault holds already.")
    ] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Make a vault in a home that has keys. Without --store: three folders below the home, any two of them enough.

    Example: `bailee vault init --store a=/mnt/a --store b=/mnt/b --store c=s3://bucket/x?region=eu-west-1 --code 2+1`
    """
    from bailee.seal.vault.cache import LEAST, set_cache
    from bailee.seal.vault.facts import Code, Policy
    from bailee.seal.vault.vault import Vault

    face, identity = Face(as_json), own_identity(home)
    given = store or [f"{name}={home.absolute() / 'stores' / name}" for name in "abc"]
    entries = [parse_store(one) for one in given]
    spread = parse_code(code) if code else _usual(len(entries))
    policy = Policy(Code(*spread), need, frozenset(allow or ()), frozenset(deny or ()), per_provider)
    size = None if cache is None else parse_size(cache)
    if size is not None and size < LEAST:
        raise InputError(f"expected a cache of at least {bytes_words(LEAST)}, got {cache}")
    with Vault.create(home, identity, entries, policy, catalogue) as vault:
        if deduplicate:
            vault.set_deduplicates(True)
    if size is not None:
        set_cache(home, size)
    if not store:
        face.say(f"note: {_ONE_DISK}")
    facts = {
        "home": str(home),
        "stores": [one.name for one in entries],
        "code": str(policy.code),
        "one_disk": not store,
    }
    shown = {**facts, "stores": ", ".join(one.name for one in entries), "a put needs": f"{policy.enough} fragments"}
    face.result(facts, facts_table({name: shown[name] for name in ("home", "stores", "code", "a put needs")}))


@store_app.command("ls")
@command
def list_stores(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show a vault's stores.

    Example: `bailee vault store ls`
    """
    with opened(home) as vault:
        facts = [{**vars(one), "problem": str(vault.problems.get(one.name, "")) or None} for one in vault.entries]
    rows = [
        (one["name"], "yes" if one["enabled"] else "no", one["provider"] or "", one["region"] or "", one["url"])
        for one in facts
    ]
    table = columns(("store", "takes fragments", "provider", "region", "url"), rows)
    Face(as_json).result({"stores": facts}, table)


@store_app.command("add")
@command
def add(store: Annotated[str, typer.Argument(help=_FORM)], home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Add a store. New objects use it at once; `bailee vault rebalance` gives it its part of the others.

    Example: `bailee vault store add d=/mnt/d,provider=acme`
    """
    from bailee.seal.vault.membership import add_store

    new = parse_store(store)
    with opened(home) as vault:
        add_store(vault, new)
    Face(as_json).result({"store": new.name, "change": "added"}, Text(f"added {new.name}; now: bailee vault rebalance"))


@store_app.command("off")
@command
def off(name: Annotated[str, typer.Argument()], home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Give a store no more fragments. What it holds stays there and is read.

    Example: `bailee vault store off d`
    """
    _switch(home, name, False, Face(as_json))


@store_app.command("on")
@command
def on(name: Annotated[str, typer.Argument()], home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Let a store take fragments again.

    Example: `bailee vault store on d`
    """
    _switch(home, name, True, Face(as_json))


@store_app.command("drain")
@command
def drain(name: Annotated[str, typer.Argument()], home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Switch a store off and move all it holds to the others. Run it again where it was stopped.

    Example: `bailee vault store drain d`
    """
    from bailee.seal.vault.keep.rebalancing import rebalance
    from bailee.seal.vault.membership import switch_store

    face = Face(as_json)
    with opened(home) as vault:
        switch_store(vault, name, False)
    with opened(home) as vault:
        done = rebalance(vault.keeping)
    facts: dict[str, Any] = {"store": name, "moved": done.moved, "rebuilt": done.rebuilt, "stuck": done.stuck}
    face.result({**facts, "problems": done.problems}, facts_table(facts))
    if done.stuck:
        face.say(f"{done.stuck} fragments could not be moved: {'; '.join(done.problems.values())[:500]}")
        raise typer.Exit(6)


@command
def cache(
    size: Annotated[str | None, typer.Argument(help="How large it may be, like 4GiB; `off` deletes it.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Keep what was read near: sealed segments on this disk, never plaintext. Without a size: show it.

    A door that runs neither uses nor clears a cache that was switched on after it was opened: open it again.

    Example: `bailee vault cache 4GiB`
    """
    from bailee.seal.vault.cache import set_cache

    if size is not None:
        set_cache(home, None if size == "off" else parse_size(size))
    with opened(home) as vault:
        held = vault.cache
        used = held.size() if held else 0
    shown = f"{bytes_words(used)} of {bytes_words(held.limit)}" if held else "off"
    facts = {"limit": held.limit if held else None, "used": used}
    Face(as_json).result(facts, Text(f"cache: {shown}"))


def parse_store(text: str) -> StoreEntry:
    from bailee.adapters.stores.entry import StoreEntry

    name, equals, url = text.partition("=")
    more: dict[str, str] = {}
    while (found := _EXTRA.search(url)) is not None:
        more[found[1]], url = found[2], url[: found.start()]
    if not equals or not url:
        raise InputError(f"expected a store as NAME=URL, got {text!r}")
    place = url if "://" in url else str(Path(url).expanduser().absolute())
    told = [more.get(key, "") for key in ("provider", "region", "credentials")]
    return StoreEntry(name, place, told[0], told[1], credentials=told[2])


def parse_code(text: str) -> tuple[int, int]:
    """k and n. Raises InputError."""
    found = _CODE.fullmatch(text)
    if found is None:
        raise InputError(f"expected a code like 8+4 (any 8 of 12) or 2+1, got {text!r}")
    return int(found[1]), int(found[1]) + int(found[2])


def _usual(stores: int) -> tuple[int, int]:
    """A third of the stores may be lost, at least one where there are several."""
    return max(stores - max(stores // 3, min(stores - 1, 1)), 1), max(stores, 1)


def _switch(home: Path, name: str, on: bool, face: Face) -> None:
    from bailee.seal.vault.membership import switch_store

    with opened(home) as vault:
        switch_store(vault, name, on)
    more = "" if on else "; move what it holds with: bailee vault rebalance"
    face.result({"store": name, "change": "on" if on else "off"}, Text(f"{name} is {'on' if on else 'off'}{more}"))
