"""What it costs to keep a vault in order: listing and auditing against the number of objects, scrub, repair.

The large catalogue has rows for its objects and no fragments: what is measured there reads the catalogue only. Audits,
scrub and repair run over real fragments of 8 + 4 in memory. Baseline of repair: the bytes that the code needs.

    python benchmarks/bench_keeping.py [OBJECTS ...]        default: 10000 100000 1000000
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import time
from pathlib import Path

from measure import machine, peak_memory, timed
from sqlalchemy import insert

from bailee.adapters.catalogue import Unit, open_catalogue
from bailee.adapters.catalogue.tables import blobs, objects, parts, versions
from bailee.adapters.stores.entry import StoreEntry
from bailee.adapters.stores.memory import MemoryStore
from bailee.keys import Identity, Secret
from bailee.records.possession import spread
from bailee.seal.vault.blobs.layout import Layout
from bailee.seal.vault.blobs.writing import BlobWriter
from bailee.seal.vault.facts import Blob, Code, Placed, Policy
from bailee.seal.vault.ground import Ground
from bailee.seal.vault.history import add_blob
from bailee.seal.vault.home import put_entries
from bailee.seal.vault.journal import Journal, finishing
from bailee.seal.vault.keep.auditing import ANSWER, CHALLENGE, HOLDING, audit, stock_of
from bailee.seal.vault.keep.health import health
from bailee.seal.vault.keep.keeping import Keeping, best_places
from bailee.seal.vault.keep.repairing import repair
from bailee.seal.vault.keep.scrubbing import scrub
from bailee.seal.vault.keyring import Keyring
from bailee.seal.vault.listing import list_current
from bailee.seal.vault.rows import StoreNumbers
from bailee.seal.vault.timekeeping import Timekeeper
from bailee.verify.possession import verify_possession

CODE = Code(8, 12)
SAMPLES = 688


def ground(folder: Path) -> Keeping:
    now = Timekeeper()
    catalogue = open_catalogue(f"sqlite:///{folder}/catalogue.db", finishing(now))
    entries = tuple(StoreEntry(f"s{j}", f"/nowhere/s{j}", provider=f"p{j}") for j in range(CODE.n))
    catalogue.change(lambda unit: put_entries(unit.connection, entries))
    keyring = Keyring(Identity.generate("bench"), bytes(16), Secret(secrets.token_bytes(32)))
    return Keeping(catalogue, keyring, now, entries, {one.name: MemoryStore(one.name) for one in entries}, Policy(CODE))


def fill(keeping: Keeping, first: int, count: int) -> None:
    """Rows of `count` objects of one version and one blob each, 100 to a folder."""

    def work(unit: Unit, start: int, stop: int) -> None:
        rows = range(start + 1, stop + 1)
        ids = {row: secrets.token_bytes(16) for row in rows}
        run = unit.connection.execute
        run(
            insert(objects),
            [
                {"row": row, "name": f"folder-{row // 100:06d}/object-{row:09d}", "numbered": 1, "current": row}
                | {"visible": 1}
                for row in rows
            ],
        )
        fixed = {
            "number": 1,
            "created": 1.8e9,
            "length": 60_000,
            "etag": "0" * 32,
            "is_marker": False,
            "on_hold": False,
        }
        told = {"content_type": "application/octet-stream", "metadata": ""}
        run(insert(versions), [{"row": row, "id": ids[row], "object": row} | fixed | told for row in rows])
        shape = {"k": CODE.k, "n": CODE.n, "length": 60_000, "commitment": bytes(32), "created": 1.8e9}
        run(insert(blobs), [{"row": row, "id": ids[row], "fragments": packed()} | shape for row in rows])
        run(
            insert(parts),
            [{"version": row, "position": 0, "blob": row, "wrapped": bytes(48), "name": ""} for row in rows],
        )

    for start in range(first, first + count, 50_000):
        keeping.catalogue.change(lambda unit, s=start: work(unit, s, min(s + 50_000, first + count)))


def packed() -> bytes:
    roots = os.urandom(32 * CODE.n)
    return b"".join((j + 1).to_bytes(2, "big") + roots[32 * j : 32 * j + 32] for j in range(CODE.n))


def against_objects(counts: list[int]) -> None:
    print("\nThe catalogue alone (SQLite), by number of objects; milliseconds unless said otherwise")
    print(f"{'objects':>10} {'file MB':>8} {'page of 1000':>13} {'from the middle':>16} {'folders':>8}", end="")
    print(f" {'holding s':>10} {'MB':>6} {'688 places':>11} {'688 proofs':>11} {'health s':>9}")
    with tempfile.TemporaryDirectory() as folder:
        keeping, filled = ground(Path(folder)), 0
        catalogue = keeping.catalogue
        for count in counts:
            fill(keeping, filled, count - filled)
            filled = count
            middle = f"folder-{count // 200:06d}/"
            first, _ = timed(lambda: list_current(catalogue, "", "", "", 1000), 5)
            later, _ = timed(lambda after=middle: list_current(catalogue, "", "", after, 1000), 5)
            folders, _ = timed(lambda: list_current(catalogue, "", "/", "", 100), 3)
            with peak_memory() as peak:
                base = peak[0]
                holding, stock = timed(lambda: stock_of(keeping, "s3"))
            drawn, places = timed(lambda s=stock: spread(bytes(32), bytes(32), s.pieces, SAMPLES))
            proofs, _ = timed(lambda s=stock, p=places: [s.levels.inclusion(s.find(place)) for place in p])
            state, _ = timed(lambda: health(keeping))
            size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
            print(
                f"{count:>10,} {size:>8,.0f} {1e3 * first:>13.1f} {1e3 * later:>16.1f} {1e3 * folders:>8.1f} "
                f"{holding:>10.2f} {(peak[0] - base) / 1e6:>6.0f} {1e3 * drawn:>11.1f} {1e3 * proofs:>11.1f} "
                f"{state:>9.2f}",
                flush=True,
            )
        catalogue.close()


def put(keeping: Keeping, size: int) -> Blob:
    blob_id = secrets.token_bytes(16)
    unplaced = Blob(blob_id, CODE, 0, bytes(32), tuple(Placed(j, "", bytes(32)) for j in range(CODE.n)))
    targets = [keeping.stores[one.name] for one in best_places(keeping, unplaced)]
    naming = keeping.keyring.naming
    with BlobWriter(blob_id, Secret(secrets.token_bytes(32)), CODE, targets, naming, CODE.n) as writer:
        writer.write(os.urandom(size))
        blob = writer.finish()
    with keeping.catalogue.reading() as connection:
        numbers = StoreNumbers(connection)
    journal = Journal(keeping.catalogue, keeping.keyring, keeping.time)
    stood = Ground(keeping.keyring, keeping.catalogue, keeping.time, journal, numbers, keeping.stores)
    keeping.catalogue.change(lambda unit: add_blob(unit, stood, blob, time.time()))
    return blob


def over_fragments(count: int, size: int) -> None:
    print(f"\n{count:,} blobs of {size:,} bytes, {CODE}, in memory")
    with tempfile.TemporaryDirectory() as folder:
        keeping = ground(Path(folder))
        put_seconds, made = timed(lambda: [put(keeping, size) for _ in range(count)])
        out = Path(folder) / "audit"
        seconds, found = timed(lambda: audit(keeping, "s3", samples=SAMPLES, folder=out))
        files = [(out / name).read_bytes() for name in (HOLDING, CHALLENGE)]

        def check() -> object:
            with (out / ANSWER).open("rb") as file:
                return verify_possession(*files, file)

        checked, _ = timed(check)
        record, length = found.record.record, (out / ANSWER).stat().st_size
        print(
            f"audit of a store: {record.samples} of {found.holding.record.pieces:,} pieces in {seconds:.2f} s, "
            f"{found.read / 1e6:.1f} MB read, answer {length / 1e6:.1f} MB, checked in {checked:.2f} s"
        )
        seconds, walked = timed(lambda: scrub(keeping))
        print(f"scrub: {walked.bytes / 1e6:,.0f} MB in {seconds:.2f} s, {walked.bytes / seconds / 1e6:,.0f} MB/s")
        print(f"(put: {put_seconds:.2f} s)")
        layout = Layout(CODE, size)
        for lost in (1, 2, 4):
            for blob in made:
                for index in range(lost):
                    store = keeping.stores[blob.fragments[index].store]
                    store.delete(keeping.keyring.naming.path(blob.id, index))
            scrub(keeping, thorough=False)
            seconds, done = timed(lambda: repair(keeping))
            needed = count * (CODE.k + lost) * layout.fragment
            moved = done.read + done.written
            print(
                f"repair of {lost} of {CODE.n}: {moved / 1e6:,.1f} MB moved, {moved / needed:.4f} of what the code "
                f"needs, {seconds:.2f} s, {done.fragments} fragments, {1e3 * seconds / count:.1f} ms a blob"
            )
        keeping.catalogue.close()


def main() -> None:
    machine()
    over_fragments(2000, 60_000)
    over_fragments(30, 8_000_000)
    against_objects([int(word) for word in sys.argv[1:]] or [10_000, 100_000, 1_000_000])


if __name__ == "__main__":
    sys.exit(main())
