"""What it costs to keep a vault in order: listing and auditing against the number of objects, scrub, repair.

The large catalogue is filled past the vault (`full_catalogue`), its stores give one fragment for all. Scrub and repair
run over real fragments of 8 + 4 in memory. Baseline of repair: the bytes that the code needs.

    python benchmarks/bench_keeping.py [OBJECTS ...]        default: 0 10000 100000 1000000; 0: the fragments
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from full_catalogue import CODE, FullCatalogue
from measure import machine, peak_memory, resident, timed

from bailee.adapters.catalogue import open_catalogue
from bailee.adapters.stores.entry import StoreEntry
from bailee.adapters.stores.memory import MemoryStore
from bailee.keys import Identity, Secret
from bailee.records.possession import spread
from bailee.seal.vault.blobs.layout import Layout
from bailee.seal.vault.blobs.writing import BlobWriter
from bailee.seal.vault.facts import Blob, Placed, Policy
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
from bailee.seal.vault.listing import count as count_objects
from bailee.seal.vault.listing import list_current
from bailee.seal.vault.rows import StoreNumbers
from bailee.seal.vault.timekeeping import Timekeeper
from bailee.verify.possession import verify_possession

SAMPLES = 688
T = TypeVar("T")


def ground(folder: Path) -> Keeping:
    now = Timekeeper()
    catalogue = open_catalogue(f"sqlite:///{folder}/catalogue.db", finishing(now))
    entries = tuple(StoreEntry(f"s{j}", f"/nowhere/s{j}", provider=f"p{j}") for j in range(CODE.n))
    catalogue.change(lambda unit: put_entries(unit.connection, entries))
    keyring = Keyring(Identity.generate("bench"), bytes(16), Secret(secrets.token_bytes(32)))
    return Keeping(catalogue, keyring, now, entries, {one.name: MemoryStore(one.name) for one in entries}, Policy(CODE))


def against_objects(counts: list[int]) -> None:
    print("\nBy number of objects (SQLite); MB of memory above what it was before")
    with tempfile.TemporaryDirectory() as folder:
        full = FullCatalogue(Path(folder))
        for count in counts:
            seconds, _ = timed(lambda wanted=count: full.grow(wanted))
            print(f"{count:,} objects: catalogue of {full.bytes / 1e6:,.0f} MB, filled in {seconds:.0f} s", flush=True)
            listings(full, count)
            planned(full)
            audited(full, Path(folder) / "audit")
            keeping = full.keeping
            seconds, found = remembered(lambda keeping=keeping: health(keeping))
            print(f"    health {seconds}, survives {dict(found.survives)}", flush=True)
        full.close()


def remembered(work: Callable[[], T]) -> tuple[str, T]:
    """Seconds, those of cores and memory, in words, and what it gave."""
    before, busy = resident(), time.process_time()
    with peak_memory() as peak:
        seconds, found = timed(work)
    busy = time.process_time() - busy
    return f"{seconds:.2f} s ({busy:.2f} s of cores), {(peak[0] - before) / 1e6:.0f} MB", found


def listings(full: FullCatalogue, count: int) -> None:
    catalogue = full.keeping.catalogue
    places = {"first": "", "middle": f"folder-{count // 200:06d}/", "last": f"folder-{(count - 500) // 100:06d}/"}
    pages = [
        f"{1e3 * timed(lambda after=after: list_current(catalogue, '', '', after, 1000), 5)[0]:.1f} ms {name}"
        for name, after in places.items()
    ]
    folders, _ = timed(lambda: list_current(catalogue, "", "/", "", 100), 3)
    prefix, _ = timed(lambda: list_current(catalogue, places["middle"], "", "", 1000), 5)
    counted, _ = remembered(lambda: count_objects(catalogue))
    print(f"    page of 1,000: {', '.join(pages)}")
    print(f"    100 folders {1e3 * folders:.1f} ms, one of 100 objects {1e3 * prefix:.1f} ms, count {counted}")

    def walk() -> int:
        seen, after = 0, ""
        while True:
            page = list_current(catalogue, "", "", after, 1000)
            seen, after = seen + len(page.versions), page.after
            if not after:
                return seen

    seconds, seen = remembered(walk)
    print(f"    all {seen:,} names {seconds}", flush=True)


def planned(full: FullCatalogue) -> None:
    keeping = full.keeping
    seconds, stock = remembered(lambda: stock_of(keeping, "s3"))
    created = "2026-01-01T00:00:00Z"
    signed, _ = timed(lambda: stock.sign(keeping.keyring.identity, "s3", created))
    places = spread(bytes(32), bytes(32), stock.pieces, SAMPLES)
    proofs, _ = timed(lambda: [stock.levels.inclusion(stock.find(place)) for place in places])
    print(f"    holding {seconds}, signed in {signed:.3f} s; {SAMPLES} proofs in it {1e3 * proofs:.0f} ms")


def audited(full: FullCatalogue, out: Path) -> None:
    keeping = full.keeping
    whole, found = remembered(lambda: audit(keeping, "s3", samples=SAMPLES, folder=out))
    files = [(out / name).read_bytes() for name in (HOLDING, CHALLENGE)]

    def check() -> object:
        with (out / ANSWER).open("rb") as file:
            return verify_possession(*files, file)

    checked, _ = timed(check)
    print(
        f"    audit of {found.record.record.samples} of {found.holding.record.pieces:,} pieces {whole}, "
        f"answer {(out / ANSWER).stat().st_size / 1e6:.1f} MB, checked by a stranger in {checked:.2f} s",
        flush=True,
    )


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
    counts = [int(word) for word in sys.argv[1:]]
    if not counts or 0 in counts:
        over_fragments(2000, 60_000)
        over_fragments(30, 8_000_000)
    counts = counts or [10_000, 100_000, 1_000_000]
    against_objects([count for count in counts if count])


if __name__ == "__main__":
    sys.exit(main())
