"""`bailee vault bucket`: buckets of the S3 door: what they hold and may hold, and whom they let in. A door that runs
sees a change within a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.vault_face import bytes_words, columns, opened, parse_size
from bailee.errors import InputError

if TYPE_CHECKING:
    from bailee.server.s3.registry import Bucket, Registry

bucket_app = typer.Typer(no_args_is_help=True, help="Buckets of the S3 door: what they may hold, whom they let in.")
BucketName = Annotated[str, typer.Argument(metavar="BUCKET", help="The bucket's name.")]
KeyId = Annotated[str, typer.Argument(metavar="KEY", help="An access key, as `key ls` shows it.")]


@bucket_app.command("ls")
@command
def list_buckets(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show buckets, what they hold (old versions and unfinished uploads too) and may hold.

    Example: `bailee vault bucket ls`
    """
    from bailee.server.s3.giving import given
    from bailee.server.s3.quotas import SETTING, Quota

    facts: list[dict[str, Any]] = []
    with _registry(home) as registry:
        for one in registry.buckets():
            quota, used = Quota.from_text(one.settings.get(SETTING, Quota().to_text())), registry.held(one.name)
            facts.append(
                {"bucket": one.name, "versions": used.objects, "bytes": used.bytes, "most_bytes": quota.bytes,
                 "most_objects": quota.objects, "is_versioned": one.is_versioned, "given": list(given(one))}
            )  # fmt: skip
    rows = []
    for told in facts:
        most_objects = "" if told["most_objects"] is None else str(told["most_objects"])
        most_bytes = "" if told["most_bytes"] is None else bytes_words(told["most_bytes"])
        held = (told["bucket"], str(told["versions"]), most_objects, bytes_words(told["bytes"]), most_bytes)
        rows.append((*held, ", ".join(told["given"])))
    table = columns(("bucket", "versions", "of at most", "bytes", "of at most", "let in"), rows, right=(1, 2, 3, 4))
    Face(as_json).result({"buckets": facts}, table if facts else Text("no buckets; make one: bailee vault bucket make"))


@bucket_app.command("make")
@command
def make(
    name: BucketName,
    versioned: Annotated[bool, typer.Option("--versioned", help="Keep what is overwritten or deleted.")] = False,
    locks: Annotated[bool, typer.Option("--locks", help="Versions can be locked; it is versioned then.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Make a bucket. Names that begin with its name and a slash are in it.

    Example: `bailee vault bucket make pictures --versioned`
    """
    import time

    from bailee.server.s3.buckets import is_bucket_name
    from bailee.server.s3.registry import Bucket

    if not is_bucket_name(name):
        raise InputError(f"expected a bucket's name: 3 to 63 of a-z, 0-9, - and .; got {name!r}")
    with _registry(home) as registry:
        registry.add_bucket(Bucket(name, time.time(), versioned or locks, locks))
    facts = {"bucket": name, "is_versioned": versioned or locks, "has_locks": locks}
    Face(as_json).result(facts, facts_table(facts))


@bucket_app.command("quota")
@command
def quota(
    name: BucketName,
    size: Annotated[str | None, typer.Option("--bytes", help="It may hold so much, like 500GB.")] = None,
    objects: Annotated[int | None, typer.Option(help="It may hold so many versions.", min=0)] = None,
    off: Annotated[bool, typer.Option("--off", help="No limit.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Say how much a bucket may hold; a put beyond it is refused at the door. What is not said is not limited.

    Example: `bailee vault bucket quota pictures --bytes 500GB --objects 1000000`
    """
    from bailee.server.s3.quotas import SETTING, Quota

    if off is not (size is None and objects is None):
        raise InputError("expected --bytes, --objects or both; or --off")
    wanted = Quota(None if size is None else parse_size(size), objects)

    def change(bucket: Bucket) -> Bucket:
        settings = {kind: text for kind, text in bucket.settings.items() if kind != SETTING}
        return replace(bucket, settings=settings if off else {**settings, SETTING: wanted.to_text()})

    with _registry(home) as registry:
        registry.change_bucket(name, change, "quota")
    facts = {"bucket": name, "bytes": wanted.bytes, "objects": wanted.objects}
    most = "any number of" if wanted.bytes is None else bytes_words(wanted.bytes)
    many = "any number" if objects is None else objects
    Face(as_json).result(facts, facts_table({"bucket": name, "bytes": most, "versions": many}))


@bucket_app.command("give")
@command
def give(
    name: BucketName,
    key: KeyId,
    prefix: Annotated[str, typer.Option(help="Only what begins with this.")] = "",
    write: Annotated[bool, typer.Option("--write", help="Let it put and delete there, too.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Let an access key read a bucket, or a part of it. A `guest` has nothing else; other roles keep what they may.

    Example: `bailee vault bucket give pictures BK... --prefix public/`
    """
    from bailee.server.s3 import giving
    from bailee.server.s3.access_keys import access_keys

    roles = {one.id: str(one.role) for one in access_keys(home)}
    if key not in roles:
        raise InputError(f"there is no access key {key[:40]!r}; see: bailee vault key ls")
    face = Face(as_json)
    with _registry(home) as registry:
        giving.give(registry, name, key, prefix, write)
    if roles[key] != "guest":
        face.say(f"note: this key is a {roles[key]}, which may read every bucket anyway; a guest may what it is given")
    facts = {"bucket": name, "key": key, "prefix": prefix, "may": "read and write" if write else "read"}
    face.result(facts, facts_table(facts))


@bucket_app.command("take")
@command
def take(name: BucketName, key: KeyId, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Take back what `give` gave to an access key; `bailee vault key rm` ends the key for all buckets.

    Example: `bailee vault bucket take pictures BK...`
    """
    from bailee.server.s3 import giving

    with _registry(home) as registry:
        if not giving.take(registry, name, key):
            raise InputError(f"the bucket {name} was not given to {key[:40]!r}; see: bailee vault bucket ls")
    facts = {"bucket": name, "key": key, "may": "nothing that was given"}
    Face(as_json).result(facts, facts_table(facts))


@contextmanager
def _registry(home: Path) -> Iterator[Registry]:
    try:
        from bailee.server.s3.registry import Registry
    except ImportError as error:
        raise InputError(f"the S3 door needs: pip install 'bailee[s3]' ({error.name} is missing)") from None
    with opened(home) as vault:
        yield Registry(vault)
