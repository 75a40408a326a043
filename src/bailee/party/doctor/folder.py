"""What a party's folder holds: keys, room, datasets, grants, sessions, and what killed runs left."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from bailee.adapters.files import is_at_work
from bailee.errors import BaileeError, InputError, StorageError
from bailee.keys import PUBLIC_FILE, Identity
from bailee.party.doctor.finding import Finding, fine, problem, warning
from bailee.party.home import PartyHome
from bailee.records import digest
from bailee.seal.card import CARD_FILE, ROWS_FILE

FEW, FEWER = 1 << 30, 100 << 20
"""Bytes of free disk below which it is warned of, and below which nothing may be begun."""
LARGE = 64 << 20
"""Bytes of sealed rows above which they are not opened here."""
_STORAGE, _INPUT = StorageError.exit_code, InputError.exit_code
_DRAFTS = (".draft-*", "datasets/.draft-*", "sessions/.draft-*", "passports/.draft-*")


def keys(home: Path) -> Iterator[Finding]:
    """Present, readable by their owner alone, and of one party."""
    if not (home / "identity.pem").exists():
        todo = f"make a party: bailee init NAME --home {home}; or give --home the folder of yours"
        if (home / PUBLIC_FILE).exists():
            todo = "restore identity.pem from your copy: nobody can make these keys again"
        yield problem("keys", f"there are no keys in {home}", todo, _INPUT)
        return
    identity = Identity.load(home)
    yield fine("keys", f"{identity.name}, {identity.public_key.hex()}")


def place(home: Path) -> Iterator[Finding]:
    """Room on the disk, and who may write to the folder."""
    if not home.is_dir():
        yield problem("folder", f"{home} is no folder", f"bailee init NAME --home {home}", _INPUT)
        return
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o022:
        told = f"others may write to {home} (mode {mode:04o}): they could take grants and ledgers away"
        yield problem("folder", told, f"chmod go-w {home}", _STORAGE)
    elif not os.access(home, os.W_OK | os.X_OK):
        yield problem("folder", f"you may not write to {home}", "become its owner, or use another folder", _STORAGE)
    else:
        yield fine("folder", f"{home}, mode {mode:04o}")
    free = shutil.disk_usage(home).free
    said = f"{free / (1 << 30):.1f} GiB free on the disk of {home}"
    if free < FEWER:
        yield problem("disk", said, "free space before you begin anything: proofs are kept on disk", _STORAGE)
    elif free < FEW:
        yield warning("disk", said, "free space: a training keeps every message and proof")
    else:
        yield fine("disk", said)


def datasets(home: Path) -> Iterator[Finding]:
    """That each opens with this party's key, is what its card says, and can still be proven about."""
    party = PartyHome(home)
    places = [one.parent for one in sorted((home / "datasets").glob(f"[!.]*/{CARD_FILE}"))]
    if places and (home / "identity.pem").exists():
        identity = party.identity
        for one in places:
            try:
                yield from _dataset(party, identity, one.name)
            except BaileeError as error:
                todo = "restore this dataset's files from your copy, or seal the table again under another name"
                yield problem(f"dataset {one.name}", str(error), todo, error.exit_code)
    elif not places:
        yield fine("datasets", "none is sealed here")


def _dataset(party: PartyHome, identity: Identity, name: str) -> Iterator[Finding]:
    check, dataset = f"dataset {name}", party.own_dataset(name)
    if dataset.card.record.owner != identity.public_key.hex():
        told, todo = "its card is another party's", "move it away: it was not sealed with these keys"
        yield problem(check, told, todo, _INPUT)
        return
    if digest(dataset.proof) != dataset.card.record.proof:
        raise StorageError("card.proof is not the proof that card.json names")
    size = (dataset.directory / ROWS_FILE).stat().st_size
    if size <= LARGE:
        dataset.open(identity)
    left = dataset.ledger.budget()
    party.ledger().spent(party.origin(dataset))
    said = f"{dataset.card.record.rows} rows, " + ("opened" if size <= LARGE else "large: not opened here")
    if left.remaining:
        yield fine(check, f"{said}, {left.remaining} openings left")
    elif left.can_reseal:
        yield warning(check, f"{said}, all openings are spent", f"bailee reseal {name} --home {party.path}")
    else:
        yield fine(check, f"{said}, resealed: the dataset it became is used now")


def papers(home: Path) -> Iterator[Finding]:
    """Grants and revocations: every one is read and its signature checked."""
    party = PartyHome(home)
    grants, taken = list(party.grants()), party.revocations()
    yield fine("grants", f"{len(grants)} given, {len(taken)} taken back")


def sessions(home: Path) -> Iterator[Finding]:
    """Those that broke off and may go on."""
    for folder, begun, how, what in (
        ("sessions", "*.json", "train or join", "sessions in which owners answer rounds"),
        ("models", "opening.json", "train-model", "trainings on rows that were lent"),
    ):
        places = [one for one in sorted((home / folder).glob("*")) if one.is_dir() and any(one.glob(begun))]
        for one in places:
            if not (one / "passport.json").is_file():
                told = f"{one.name[:16]} is not finished"
                yield warning(folder, told, f"run the same `bailee {how}` with --resume, or leave it")
        done = sum((one / "passport.json").is_file() for one in places)
        yield fine(folder, f"{done} finished ({what})")


def runs(home: Path) -> Iterator[Finding]:
    """Whether another process works here, and what killed ones left. The kernel frees a dead process's lock."""
    busy = is_at_work(home)
    if busy:
        yield warning("runs", f"another process is working in {home}", "wait for it to end, where a command says so")
    left = [one for pattern in _DRAFTS for one in home.glob(pattern)]
    if left and not busy:
        told = f"{len(left)} unfinished files of runs that were killed, such as {left[0]}"
        yield warning("runs", told, "nothing is lost: seal removes those of datasets; delete the others")
    elif not busy:
        yield fine("runs", "no process is working here, and none left anything behind")
