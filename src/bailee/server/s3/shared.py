"""A door over what was shared: each opened share is a bucket that can be read, for a grantee's own access keys.

Nothing of the owner's is asked: bytes come from the stores and open with the keys in the share. Its terms are checked
at every request; where it has ended, its bucket answers AccessDenied and says why. What writes is refused.

The key of an object is the name that the share tells; a column of a table is `NAME/COLUMN`, an Arrow IPC stream. What
has no name is called by its version's id, and a name that is there before gets `@` and that id.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import cast

from bailee.errors import GrantError, InputError, NotFoundError
from bailee.records import parse_time
from bailee.seal.vault.facts import Listing, Version
from bailee.seal.vault.opened import Opened
from bailee.seal.vault.share.received import Readable, Received
from bailee.seal.vault.vault import Vault
from bailee.server.s3.access_keys import KeyRing
from bailee.server.s3.application import Application
from bailee.server.s3.buckets import is_bucket_name
from bailee.server.s3.errors import S3Error
from bailee.server.s3.registry import Bucket, Registry, Upload
from bailee.server.s3.request import Request
from bailee.server.s3.routes import Operation, find_operation

COLUMN_TYPE = "application/vnd.apache.arrow.stream"


def shared_application(
    shares: Mapping[str, Received], home: Path, *, region: str = "us-east-1", clock: Callable[[], float] = time.time
) -> Application:
    """The door of opened shares, by the names of their buckets, for the access keys of `home`."""
    for name in shares:
        if not is_bucket_name(name):
            raise InputError(f"expected a bucket's name (3 to 63 of a-z, 0-9, - and .), got {name!r}; say NAME=FILE")
    # The operations that read use these methods of a vault and no others; `_find_reading` lets no other operation in.
    vault, registry = cast(Vault, SharedVault(shares)), cast(Registry, SharedRegistry(shares))
    return Application(vault, KeyRing(home), region, "", clock, registry, _find_reading)


class SharedRegistry:
    """The buckets: one for each share. No uploads are under way in them."""

    def __init__(self, shares: Mapping[str, Received]) -> None:
        self._shares = shares

    def buckets(self) -> list[Bucket]:
        return [_bucket(name, one) for name, one in sorted(self._shares.items())]

    def bucket(self, name: str) -> Bucket:
        """Raises S3Error where the share has ended."""
        if name not in self._shares:
            raise NotFoundError(f"there is no bucket {name!r}")
        _check(self._shares[name])
        return _bucket(name, self._shares[name])

    def bucket_at_once(self, name: str) -> None:
        """Whether a share has ended is asked of `bucket`."""

    def uploads(self, bucket: str, prefix: str = "", after: str = "", after_id: str = "") -> Iterator[Upload]:
        del bucket, prefix, after, after_id
        return iter(())

    def upload(self, upload_id: str) -> Upload:
        raise NotFoundError(f"there is no upload {upload_id[:64]!r}")


class SharedVault:
    """What reading operations ask of a vault, over shares. Names are `BUCKET/KEY`, each with one version."""

    def __init__(self, shares: Mapping[str, Received]) -> None:
        self._shares = shares
        self._held: dict[str, tuple[Version, Readable]] = {}
        for bucket, received in shares.items():
            for what in received.readables():
                self._add(bucket, received, what)
        self._names = sorted(self._held, key=str.encode)

    def _add(self, bucket: str, received: Received, what: Readable) -> None:
        told = what.version
        key = "/".join(filter(None, (told.name or told.id, what.column)))
        name = f"{bucket}/{key}"
        if name in self._held:
            name = f"{name}@{told.id}"
        # Of what was shared no digest is told. With a dash it is no MD5, and no program takes it for one.
        etag = hashlib.sha256(f"{told.id}/{what.column}/{what.first}/{what.length}".encode()).hexdigest()[:32] + "-1"
        created = parse_time(received.terms.not_before).timestamp()
        kind = COLUMN_TYPE if what.column else told.content_type or "application/octet-stream"
        version = Version(told.id, name, 1, created, what.length, etag, content_type=kind)
        self._held[name] = version, what

    def head(self, name: str, version: str | None = None) -> Version:
        return self._find(name, version)[0]

    def get(self, name: str, version: str | None = None, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        found, what = self._find(name, version)
        received = self._shares[name.partition("/")[0]]
        try:
            yield from received.read_bytes(what, start, found.length if stop is None else stop)
        except GrantError as error:
            raise S3Error("AccessDenied", str(error)) from None

    def open_version(self, name: str, version: str | None = None) -> Opened:
        def read(start: int, stop: int) -> Iterator[bytes]:
            return self.get(name, version, start, stop)

        return Opened(self.head(name, version), read, read)

    def open_at_once(self, name: str, version: str | None = None) -> None:
        """Nothing is known to be at hand."""

    def head_at_once(self, name: str, version: str | None = None) -> None:
        """As `open_at_once`."""

    def tags(self, name: str, version: str | None = None) -> Mapping[str, str]:
        self._find(name, version)
        return MappingProxyType({})

    def list(self, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000) -> Listing:
        versions: list[Version] = []
        groups: list[str] = []
        for name in self._above(prefix, after):
            cut = name.find(delimiter, len(prefix)) if delimiter else -1
            group = name[: cut + len(delimiter)] if cut >= 0 else ""
            if group and (group in groups[-1:] or group.encode() <= after.encode()):
                continue
            if len(versions) + len(groups) == limit:
                last = max([one.name for one in versions[-1:]] + groups[-1:], key=str.encode, default="")
                return Listing(tuple(versions), tuple(groups), last)
            if group:
                groups.append(group)
            else:
                versions.append(self._held[name][0])
        return Listing(tuple(versions), tuple(groups), "")

    def versions(self, prefix: str = "", after: str = "", limit: int = 1000) -> Listing:
        found = [self._held[name][0] for name in self._above(prefix, after.partition("\0")[0])]
        return Listing(tuple(found[:limit]), (), found[limit - 1].name if len(found) > limit > 0 else "")

    def _above(self, prefix: str, after: str) -> Iterator[str]:
        return (name for name in self._names if name.startswith(prefix) and name.encode() > after.encode())

    def _find(self, name: str, version: str | None) -> tuple[Version, Readable]:
        found = self._held.get(name)
        if found is None or version not in (None, found[0].id):
            raise NotFoundError(f"there is no {name!r}")
        return found


def _bucket(name: str, received: Received) -> Bucket:
    return Bucket(name, parse_time(received.terms.not_before).timestamp())


def _check(received: Received) -> None:
    try:
        received.check()
    except GrantError as error:  # elsewhere only "Access Denied" would be told; here who asks is who was given it
        raise S3Error("AccessDenied", str(error)) from None


def _find_reading(request: Request) -> Operation:
    operation = find_operation(request)
    if operation.method not in ("GET", "HEAD"):
        raise S3Error("AccessDenied", "What was shared can be read here; nothing is written.")
    return operation
