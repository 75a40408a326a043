"""Fresh keys for blobs whose keys somebody knows who may read them no more.

A blob is read, written again under a new id and key, and in one transaction every version that holds the old one holds
the new one; then the old fragments are deleted. Killed at any point, each version has the one blob or the other, whole.

The version key stays: no share ever carries it (`sharing`). Other shares of the same blob must be renewed afterwards
(`granting.renew`); whoever reads the old blob at that moment gets a DamageError and reads again. A lock or a hold does
not stand against it: no byte of the version changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import select

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.keeping import due_tasks, end_task, put_back
from bailee.adapters.catalogue.sharing import REENCRYPT, holders, switch_part
from bailee.adapters.catalogue.tables import blobs
from bailee.adapters.stores.store import Store
from bailee.errors import NotFoundError, StorageError
from bailee.seal.vault import history
from bailee.seal.vault.blobs.placement import place
from bailee.seal.vault.blobs.reading import read_blob
from bailee.seal.vault.deleting import delete_fragments
from bailee.seal.vault.erasing import release
from bailee.seal.vault.facts import Part
from bailee.seal.vault.ground import Ground
from bailee.seal.vault.journal import content_digest, entry
from bailee.seal.vault.keep.throttle import Throttle
from bailee.seal.vault.keyring import unwrap, wrap
from bailee.seal.vault.objects import Writer
from bailee.seal.vault.rows import BLOB
from bailee.seal.vault.share.granting import revoke
from bailee.seal.vault.vault import Vault

RETRY = 600.0
"""Seconds until a rotation that did not work is tried again."""


@dataclass(frozen=True)
class Rotated:
    """blobs: old and new ids, hex. failed: old ids and why; they stay queued. missed: stores that keep old fragments
    for now; deleting them is queued."""

    blobs: tuple[tuple[str, str], ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    missed: tuple[str, ...] = ()


def rotate_queued(
    vault: Vault,
    limit: int = 1000,
    progress: Callable[[int], None] | None = None,
    *,
    rate: float | None = None,
) -> Rotated:
    """Do what revoking left to do. progress: called with the number of blobs done. rate: bytes a second at most."""
    stores = vault.keeping.throttled(Throttle(rate)) if rate else vault.ground.stores
    with vault.ground.catalogue.reading() as connection:
        queued = due_tasks(connection, REENCRYPT, vault.ground.time.now(), limit)
    done: list[tuple[str, str]] = []
    failed: list[tuple[str, str]] = []
    missed: set[str] = set()
    for task in queued:
        try:
            new, left = _rotate(vault, task.subject, stores)
        except NotFoundError:  # erased meanwhile, or done by somebody else
            vault.ground.catalogue.change(partial(_drop, task.row))
            continue
        except StorageError as error:
            failed.append((task.subject.hex(), str(error)))
            vault.ground.catalogue.change(partial(_wait, task.row, vault.ground.time.now() + RETRY, str(error)[:500]))
            continue
        done.append((task.subject.hex(), new.hex()))
        missed.update(left)
        if progress is not None:
            progress(len(done))
    return Rotated(tuple(done), tuple(failed), tuple(sorted(missed)))


def revoke_now(vault: Vault, share_id: str) -> Rotated:
    """`granting.revoke`, and fresh keys at once for all that waits for them."""
    revoke(vault, share_id)
    return rotate_queued(vault)


def rotate(vault: Vault, name: str, version: str | None = None, parts: Sequence[str] | None = None) -> Rotated:
    """Fresh keys for a version now, revoked or not. parts: names of columns, None for every blob of it."""
    _, held = history.hold(vault.ground, name, version)
    done: list[tuple[str, str]] = []
    missed: set[str] = set()
    for part in held:
        if parts is None or part.name in parts:
            new, left = _rotate(vault, part.blob.id, vault.ground.stores)
            done.append((part.blob.id.hex(), new.hex()))
            missed.update(left)
    return Rotated(tuple(done), (), tuple(sorted(missed)))


def _rotate(vault: Vault, blob_id: bytes, stores: Mapping[str, Store]) -> tuple[bytes, tuple[str, ...]]:
    """The new blob's id, and the stores on which old fragments remain for now."""
    ground = vault.ground
    old = _held(ground, blob_id)

    def keep(part: Part, _etag: str, end: Callable[[Unit], None]) -> bytes:
        def work(unit: Unit) -> bytes:
            end(unit)
            _switch(unit, ground, blob_id, part)
            return part.blob.id

        return ground.catalogue.change(work)

    def targets(fresh: bytes) -> list[Store | None]:
        return [stores.get(one.name) for one in place(fresh, vault.policy, vault.entries)]

    with Writer(ground, vault.policy, targets, keep) as writer:
        for chunk in read_blob(old.blob, old.key, stores, ground.keyring.naming, pace=vault.pace):
            writer.write(chunk)
        new = writer.finish()
    _, missed = delete_fragments(ground, [blob_id])
    return new, missed


def _held(ground: Ground, blob_id: bytes) -> Part:
    """The blob and its key, from any version that holds it. NotFoundError where none does."""
    with ground.catalogue.reading() as connection:
        row = connection.execute(select(*BLOB).where(blobs.c.id == blob_id)).first()
        found = [] if row is None else holders(connection, row.blob_row)
    if row is None or not found:
        raise NotFoundError(f"no version holds the blob {blob_id.hex()} any more")
    first = found[0]
    key = ground.keyring.open_version_key(first.version_id, first.sealed)
    return Part(ground.numbers.to_blob(row), unwrap(key, first.version_id, first.position, blob_id, first.wrapped))


def _drop(row: int, unit: Unit) -> None:
    end_task(unit.connection, row)


def _wait(row: int, due: float, why: str, unit: Unit) -> None:
    put_back(unit.connection, row, due, why)


def _switch(unit: Unit, ground: Ground, old: bytes, new: Part) -> None:
    """Every version that holds `old` holds `new` instead; fragments of `old` are to be deleted."""
    connection, at = unit.connection, ground.time.now()
    old_row = history.find_blob_row(connection, old)
    found = [] if old_row is None else holders(connection, old_row)
    if old_row is None or not found:
        raise NotFoundError(f"the blob {old.hex()} was erased meanwhile")
    new_row = history.add_blob(unit, ground, new.blob, at)
    for one in found:
        key = ground.keyring.open_version_key(one.version_id, one.sealed)
        wrapped = wrap(key, one.version_id, one.position, new.blob.id, new.key)
        switch_part(connection, one.version, one.position, new_row, wrapped)
        name = ground.keyring.log_name(one.name)
        unit.log(
            entry(
                "rotate",
                at,
                name=name,
                version=one.version_id.hex(),
                blob=old.hex(),
                to=content_digest((new.blob,)),
            )
        )
    release(unit, ground, old_row, at)
