"""Every service that OpenDAL speaks: S3, WebDAV, Swift, IPFS, HTTP ... with errors that name the store.

A request is tried again a few times, each time after a longer rest, when the service says that it may help; nothing
waits longer than the time-outs. Credentials go to OpenDAL and nowhere else: they are in no message and no repr.

A string longer than CHUNK is kept as several: `path`, `path.part1`, `path.part2` ... The first is written last, so the
string is there when its first part is. Multipart uploads would need no parts of ours, but half of the services know
none, and OpenDAL cannot give one up: what a crash left of it would stay, invisible, and be paid for.
"""

from __future__ import annotations

import re
import secrets as randomness
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain, groupby, islice
from typing import TypeAlias, TypeVar, Unpack
from urllib.parse import urlsplit

import opendal
from opendal import exceptions, layers
from opendal.options import OpenKwargs
from opendal.types import Entry

from bailee.adapters.stores.access import variable
from bailee.adapters.stores.listing import entries
from bailee.adapters.stores.paths import checked, checked_range
from bailee.adapters.stores.store import Stored
from bailee.adapters.stores.swift import Login, Session
from bailee.errors import InputError, MissingError, StoreError
from bailee.keys import Secret

CHUNK = 4 << 20
"""Never changes: where a byte of a stored string lies follows from it."""
TIMEOUT, IO_TIMEOUT = 20.0, 30.0
RETRIES, FIRST_REST, LONGEST_REST = 4, 0.1, 3.0
_LONGEST_LISTING = 1 << 20
"""Entries of a folder that are looked at for the parts of one string: a listing without end holds up no deletion."""
_DRAFTS = "drafts"
_NO_CREDENTIALS, _NO_SCHEME = "failed to load signing credential", "scheme is not registered"
"""What OpenDAL says; a test sees when it says something else."""
_PART = re.compile(r"(.*)\.part([1-9][0-9]*)")
_ENDPOINTS = {"webdav", "http", "ipmfs"}
_Secrets: TypeAlias = tuple[Secret, ...]
_T = TypeVar("_T")


class RemoteStore:
    """A store behind OpenDAL. Made by `open`; strings lie below the root that its options name."""

    def __init__(
        self,
        name: str,
        current: Callable[[opendal.Operator | None], opendal.Operator],
        renames: bool,
        secrets: _Secrets,
    ) -> None:
        """current: the operator to ask, or a newer one than that which was refused, if there can be one."""
        self.name, self._current, self._renames, self._secrets = name, current, renames, secrets

    @classmethod
    def open(
        cls, name: str, service: str, options: Mapping[str, str], secrets: Mapping[str, Secret] | None = None
    ) -> RemoteStore:
        """InputError where OpenDAL knows no such service, or not with these options."""
        hidden = dict(secrets or {})
        options = _completed(name, service, options, has_secrets=bool(hidden))
        everything = tuple(hidden.values())
        if service == "swift" and "auth" in options:
            user, key = hidden.pop("user", Secret(b"")), hidden.pop("key", Secret(b""))
            login = Login(name, options.pop("auth"), user, key)

            def anew(endpoint: str, token: Secret) -> opendal.Operator:
                return _operator(name, service, {**options, "endpoint": endpoint}, {**hidden, "token": token})

            anew(login.auth, Secret(b"none"))  # asks nobody: options that OpenDAL does not take are told now
            return cls(name, Session(login, anew).current, False, everything)
        operator = _operator(name, service, options, hidden)
        # Services with a rename are file systems at heart: there a string grows where everybody can see it.
        return cls(name, lambda refused: operator, operator.capability().rename, everything)

    def __repr__(self) -> str:
        return f"RemoteStore({self.name})"

    def write(self, path: str) -> _Upload:
        checked(path)
        if _PART.fullmatch(path):
            raise InputError(f"{path}: names that end in .part and a number are the store's own; choose another")
        return _Upload(self, path)

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        checked_range(checked(path), offset, length)
        if length is None:
            return self._read_all(path, offset)
        parts = []
        stop = offset + length
        while offset < stop:
            part, within = divmod(offset, CHUNK)
            size = min(stop - offset, CHUNK - within)
            parts.append(self._range(path, part, within, size))
            offset += size
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def delete(self, path: str) -> None:
        # The first part goes last: while it is there, whoever deletes again finds the others.
        with self._errors(path):
            try:
                size = self._ask(lambda operator: operator.stat(checked(path))).content_length
            except exceptions.NotFound:
                return
            if size == CHUNK:
                folder = path.rpartition("/")[0]
                for entry in islice(self._entries(f"{folder}/" if folder else ""), _LONGEST_LISTING):
                    match = _PART.fullmatch(entry.path)
                    if match and match[1] == path:
                        self._remove(entry.path)
            self._remove(path)

    def paths(self, prefix: str = "") -> Iterator[Stored]:
        """Parts without their first one, which a crash left, are listed under their own names."""
        folder = prefix.rpartition("/")[0]
        with self._errors("its listing"):
            found = (
                Stored(entry.path, entry.metadata.content_length, _modified(entry.metadata))
                for entry in self._entries(f"{folder}/" if folder else "", recursive=True)
                if not entry.path.endswith("/") and entry.path.startswith(prefix)
            )
            # Listings go folder by folder, so the parts of a string are never further apart than its folder is long.
            for within, group in groupby(found, key=lambda stored: stored.path.rpartition("/")[0]):
                if within != _DRAFTS:
                    yield from _joined(group)

    def _range(self, path: str, part: int, offset: int, size: int) -> bytes:
        name = _part_name(path, part)
        with self._errors(name):
            data = self._at_most(name, size + 1, offset=offset, size=size)
        if len(data) != size:
            raise StoreError(f"store {self.name}: {name}: expected {size} bytes from {offset}, got {len(data)}")
        return data

    def _read_all(self, path: str, offset: int) -> bytes:
        parts: list[bytes] = []
        while not parts or len(parts[-1]) == CHUNK:
            name = _part_name(path, len(parts))
            try:
                with self._errors(name):
                    parts.append(self._at_most(name, CHUNK + 1))
            except MissingError:
                if not parts:
                    raise
                break
            if len(parts[-1]) > CHUNK:
                raise StoreError(f"store {self.name}: {name}: expected at most {CHUNK} bytes, got more")
        data = b"".join(parts)
        if offset > len(data):
            raise StoreError(f"store {self.name}: {path} has {len(data)} bytes, asked for those from {offset}")
        return data[offset:]

    def _at_most(self, name: str, limit: int, **wanted: Unpack[OpenKwargs]) -> bytes:
        """A service may send without end; OpenDAL's `read` would keep all of it before it looks at the length."""

        def fetch(operator: opendal.Operator) -> bytes:
            parts: list[bytes] = []
            left = limit
            try:
                with operator.open(name, "rb", **wanted) as file:
                    while left and (part := file.read(left)):
                        parts.append(part)
                        left -= len(part)
            except OSError as error:  # a file's errors have no types of their own, but begin with their kind
                kind = getattr(exceptions, str(error).partition(" ")[0], StoreError)
                raise kind(str(error)) from None
            return parts[0] if len(parts) == 1 else b"".join(parts)

        return self._ask(fetch)

    def _put(self, path: str, part: int, data: bytes) -> None:
        name = _part_name(path, part)
        with self._errors(name):
            if not self._renames:
                self._ask(lambda operator: operator.write(name, data))
                return
            draft = f"{_DRAFTS}/{randomness.token_hex(16)}"
            try:
                self._ask(lambda operator: operator.write(draft, data))
                self._ask(lambda operator: operator.rename(draft, name))
            except Exception:
                with suppress(Exception):
                    self._remove(draft)
                raise

    def _remove(self, name: str) -> None:
        self._ask(lambda operator: operator.delete(name))

    def _entries(self, folder: str, *, recursive: bool = False) -> Iterator[Entry]:
        def begin(operator: opendal.Operator) -> tuple[list[Entry], Iterator[Entry]]:
            listing = entries(operator, folder, recursive=recursive)
            return list(islice(listing, 1)), listing

        return chain(*self._ask(begin))

    def _ask(self, request: Callable[[opendal.Operator], _T]) -> _T:
        operator = self._current(None)
        try:
            return request(operator)
        except exceptions.PermissionDenied:
            newer = self._current(operator)
            if newer is operator:
                raise
            return request(newer)

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except exceptions.NotFound:
            raise MissingError(f"store {self.name}: nothing is under {what}") from None
        except (StoreError, InputError, GeneratorExit):
            raise
        except Exception as error:
            reason = _reason(error, self._secrets)
            if _NO_CREDENTIALS in reason:
                reason = _without_credentials(self.name)
            elif isinstance(error, exceptions.PermissionDenied):
                start = variable(self.name)
                reason += f"; check its credentials: {start}... variables, or the file that it names"
            raise StoreError(f"store {self.name}: {what}: {reason}") from None


class _Upload:
    """Parts of CHUNK bytes, sent as they fill; the first is kept until `finish`."""

    def __init__(self, store: RemoteStore, path: str) -> None:
        self._store, self._path = store, path
        self._first: bytes | None = None
        self._parts = 0
        self._waiting: list[bytes] = []
        self._size = 0

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while len(view):
            taken = view[: CHUNK - self._size]
            self._waiting.append(bytes(taken))
            self._size += len(taken)
            view = view[len(taken) :]
            if self._size == CHUNK:
                self._flush()

    def finish(self) -> None:
        if self._first is None or self._size:
            self._flush()
        if self._first is not None:
            self._store._put(self._path, 0, self._first)
        self._first = None

    def abandon(self) -> None:
        self._waiting, self._first = [], None
        for part in range(1, self._parts):
            with suppress(StoreError), self._store._errors(self._path):
                self._store._remove(_part_name(self._path, part))

    def _flush(self) -> None:
        data, self._waiting, self._size = b"".join(self._waiting), [], 0
        if self._parts:
            self._store._put(self._path, self._parts, data)
        else:
            self._first = data
        self._parts += 1


def _operator(name: str, service: str, options: Mapping[str, str], hidden: Mapping[str, Secret]) -> opendal.Operator:
    told = {option: value.reveal().decode() for option, value in hidden.items()}
    try:
        operator = opendal.Operator(service, **{**options, **told})
    except Exception as error:
        reason = _reason(error, tuple(hidden.values()))
        if _NO_SCHEME in reason:
            raise InputError(
                f"store {name}: there is no kind of store {service}://; expected a folder, s3://, webdav://, swift:// "
                "or another service of OpenDAL (docs/howto/vault.md)"
            ) from None
        raise InputError(
            f"store {name}: {reason}; check its URL and options (docs/howto/vault.md lists kinds of stores)"
        ) from None
    return operator.layer(layers.TimeoutLayer(timeout=TIMEOUT, io_timeout=IO_TIMEOUT)).layer(
        layers.RetryLayer(max_times=RETRIES, min_delay=FIRST_REST, max_delay=LONGEST_REST, jitter=True)
    )


def _without_credentials(name: str) -> str:
    variables = f"{variable(name, 'access_key_id')} and {variable(name, 'secret_access_key')}"
    return (
        f"there are no credentials for it; set {variables}, "
        "or name a file of mode 0600 with ACCESS_KEY_ID=... and SECRET_ACCESS_KEY=... behind its URL: ,credentials=FILE"
    )


def _completed(name: str, service: str, options: Mapping[str, str], has_secrets: bool) -> dict[str, str]:
    endpoint = options.get("endpoint", "")
    if service in _ENDPOINTS and endpoint and "://" not in endpoint:
        endpoint = f"https://{endpoint}"
    if urlsplit(endpoint).username or urlsplit(endpoint).password:
        raise InputError(f"store {name}: an endpoint must not hold credentials; use the environment or a file")
    completed = {**options, "endpoint": endpoint} if endpoint else dict(options)
    if service == "s3":
        # Else every request on a machine that is not Amazon's first waits for Amazon's metadata service.
        completed = {"disable_ec2_metadata": "true", "region": "us-east-1", **completed}
        if has_secrets:
            completed = {"disable_config_load": "true", **completed}
    return completed


def _part_name(path: str, part: int) -> str:
    return f"{path}.part{part}" if part else path


def _joined(listed: Iterator[Stored]) -> Iterator[Stored]:
    sizes: dict[str, int] = {}
    modified: dict[str, float] = {}
    more: dict[str, list[Stored]] = defaultdict(list)
    for stored in listed:
        match = _PART.fullmatch(stored.path)
        if match:
            more[match[1]].append(stored)
        else:
            sizes[stored.path], modified[stored.path] = stored.size, stored.modified
    for path, size in sizes.items():
        yield Stored(path, size + sum(part.size for part in more.pop(path, [])), modified[path])
    for parts in more.values():
        yield from parts


def _modified(metadata: opendal.types.Metadata) -> float:
    # Where a service does not say, nothing may be taken for old.
    return metadata.last_modified.timestamp() if metadata.last_modified else time.time()


def _reason(error: Exception, secrets: _Secrets) -> str:
    """The first line of what OpenDAL says: the rest tells requests and answers in full."""
    text = next(iter(str(error).splitlines()), "") or type(error).__name__
    for secret in secrets:
        if len(secret):
            text = text.replace(secret.reveal().decode(), "***")
    return text[:300]
