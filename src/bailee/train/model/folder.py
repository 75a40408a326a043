"""The files of a run: all that a killed trainer needs to end in the same passport.

    run.sealed, coin-KEY.sealed     secrets, to the trainer's (the party's) key alone
    opening.json, coin-KEY.json     what was signed
    state-NNNNN.sealed              the model after a chunk, to the trainer's key alone
    shuffle-NNNNN.json              what was proven of a dataset's secret order
    chunk-NNNNN.json                what was proven of a chunk
    attachments/DIGEST              all that the passport names; passport.json

A file is whole or absent. A chunk's file is written after its proof; nothing of a run leaves before its passport, so
a lost proof may be made again under the same openings.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from blake3 import blake3

from bailee import tags
from bailee.adapters.files import read_bytes, storage_errors, write_atomic
from bailee.errors import BaileeError, InputError, SessionError, StorageError
from bailee.keys import Identity, Secret
from bailee.records import canonical, digest, parse
from bailee.records.fields import decode, encode
from bailee.records.model import ProvenChunk, ProvenShuffle
from bailee.statements.hidden.model_file import ModelFile, read_model, write_model
from bailee.statements.network.architecture import Architecture
from bailee.train.folder import Folder

_PROOF_LIMIT = 1 << 30
_SMALL = 1 << 20

Proven = TypeVar("Proven", ProvenChunk, ProvenShuffle)


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run, with the trainer's key and the run's master secret."""

    folder: Folder
    identity: Identity
    master: Secret

    @classmethod
    def create(cls, home: Path, session: str, identity: Identity, master: Secret) -> RunFolder:
        folder = Folder.open(home, session, resume=False)
        folder.put_secret("run.sealed", master, identity)
        return cls(folder, identity, master)

    @classmethod
    def newest(cls, home: Path, identity: Identity) -> RunFolder | None:
        """The run begun last in `home`, or None: there was none, or it never got as far as its opening."""
        path = home / "newest"
        with storage_errors(path):
            if not path.exists():
                return None
            session = path.read_text().strip()
        if len(session) != 64 or any(letter not in "0123456789abcdef" for letter in session):
            raise StorageError(f"{path} does not name a run; delete it and start anew without --resume")
        if not (home / session).is_dir():
            raise StorageError(f"{home / session} is missing, the run to resume; delete {path} and start anew")
        folder = Folder.open(home, session, resume=True)
        master = folder.get_secret("run.sealed", identity)
        if master is None:
            raise StorageError(f"{folder.path / 'run.sealed'} is missing: the run cannot go on; start a new one")
        return cls(folder, identity, master)

    @property
    def path(self) -> Path:
        return self.folder.path

    def begun(self, home: Path) -> None:
        """From now on `newest` finds this run."""
        write_atomic(home / "newest", self.path.name.encode())

    def refused(self, home: Path, before: bytes | None) -> None:
        """It must not run: `newest` is what it was before (None: not there), and no coin can be asked for it."""
        with storage_errors(home / "newest"):
            if before is None:
                (home / "newest").unlink(missing_ok=True)
            else:
                write_atomic(home / "newest", before)
        with storage_errors(self.path):
            shutil.rmtree(self.path)

    @staticmethod
    def pointer(home: Path) -> bytes | None:
        """What `newest` holds, unread, or None."""
        path = home / "newest"
        with storage_errors(path):
            return path.read_bytes() if path.exists() else None

    def seed(self, name: str, index: int) -> Secret:
        """A seed of the run's own, 32 bytes: the same after every resume."""
        return Secret(blake3(self.master.reveal() + f"{name}/{index}".encode(), key=tags.MODEL_SECRET).digest())

    def keep(self, data: bytes, what: str) -> str:
        """An attachment of the passport, under its digest."""
        name = digest(data)
        self.folder.put(f"attachments/{name}", data, what)
        return name

    def put_state(self, index: int, file: ModelFile) -> None:
        name = self._state(index)
        self.folder.put_secret(name, Secret(write_model(file)), self.identity)

    def get_state(self, index: int, architecture: Architecture) -> ModelFile | None:
        """The model after chunk `index`, or None where it is not there: then it is trained again."""
        name = self._state(index)
        try:
            opened = self.folder.get_secret(name, self.identity)
            return None if opened is None else read_model(opened.reveal(), architecture)
        except BaileeError:
            raise StorageError(
                f"{self.path / name} is damaged: delete it and run again with --resume; the chunk is trained again, to "
                "the same state"
            ) from None

    def put_chunk(self, index: int, chunk: ProvenChunk, proof: bytes) -> None:
        """The proof first: a chunk that is written down has one."""
        self.keep(proof, f"the proof of chunk {index + 1}")
        write_atomic(self.path / self._chunk(index), canonical(encode(chunk)), 0o600)

    def get_chunk(self, index: int, wanted: ProvenChunk) -> ProvenChunk | None:
        """What was proven of a chunk, if it was: `wanted` but for its proof."""
        return self._get(ProvenChunk, self._chunk(index), "chunk", index, wanted)

    def put_shuffle(self, index: int, shuffle: ProvenShuffle, proof: bytes) -> None:
        """The proof first, as for chunks."""
        self.keep(proof, f"the proof of shuffle {index + 1}")
        write_atomic(self.path / self._shuffle(index), canonical(encode(shuffle)), 0o600)

    def get_shuffle(self, index: int, wanted: ProvenShuffle) -> ProvenShuffle | None:
        """What was proven of a dataset's order, if it was; `wanted` but for its proof."""
        return self._get(ProvenShuffle, self._shuffle(index), "shuffle", index, wanted)

    def _get(self, kind: type[Proven], name: str, what: str, index: int, wanted: Proven) -> Proven | None:
        path = self.path / name
        if not path.exists():
            return None
        again = f"delete {path} and run again with --resume: the {what} is proved again"
        try:
            found: Proven = decode(kind, parse(read_bytes(path, _SMALL, what)), what)
        except (InputError, SessionError):
            raise StorageError(f"{path} is damaged; {again}") from None
        if replace(found, proof="") != wanted:
            raise StorageError(f"{path} is about another {what} than this run's number {index + 1}; {again}")
        proof = self.path / "attachments" / found.proof
        if not proof.is_file():
            raise StorageError(f"{proof}, the proof of {what} {index + 1}, is missing; {again}")
        if digest(read_bytes(proof, _PROOF_LIMIT, "proof")) != found.proof:
            raise StorageError(f"{proof}, the proof of {what} {index + 1}, is damaged; delete it, and {again}")
        return found

    def _state(self, index: int) -> str:
        return f"state-{index:05}.sealed"

    def _shuffle(self, index: int) -> str:
        return f"shuffle-{index:05}.json"

    def _chunk(self, index: int) -> str:
        return f"chunk-{index:05}.json"
