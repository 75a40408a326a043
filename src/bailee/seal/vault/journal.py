"""The vault's log: one Merkle tree of everything that happened, whose heads the owner signs (docs/vault.md, section 7).

An entry is canonical JSON: the event, when, which version, and the object's name as a keyed hash. It is written in the
transaction of what it tells, by `finish`. Whoever kept a signed head asks for a consistency proof later: a history
that was rewritten has none.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from blake3 import blake3
from sqlalchemy import Connection, bindparam, insert, select, update

from bailee import tags
from bailee.adapters.catalogue import Catalogue, Ticket, Unit
from bailee.adapters.catalogue.prepared import Prepared
from bailee.adapters.catalogue.tables import heads, leaves, nodes, state
from bailee.errors import DamageError, InputError, ProofError
from bailee.records import Json, Signed, canonical, open_signed, sign, time_text, tree
from bailee.records.tree_head import TreeHead
from bailee.seal.vault.facts import Blob, Event
from bailee.seal.vault.keyring import Keyring
from bailee.seal.vault.timekeeping import Timekeeper

_PAGE = 1000
_STATE = Prepared(select(state.c.size, state.c.peaks, state.c.latest))
_NEW_LEAF, _NEW_NODE = Prepared(insert(leaves)), Prepared(insert(nodes))
_NEW_STATE = Prepared(
    update(state).values(size=bindparam("new_size"), peaks=bindparam("new_peaks"), latest=bindparam("new_latest"))
)


def finishing(time: Timekeeper) -> Callable[[Connection, list[Ticket]], None]:
    """What ends every transaction: its entries become leaves, and the highest time seen is kept."""

    def finish(connection: Connection, tickets: list[Ticket]) -> None:
        if not tickets:
            return
        size, peaks, latest = _STATE.first(connection, {})
        grown = _accumulator(size, bytes(peaks))
        entries, inner = [], []
        for ticket in tickets:
            ticket.seq = grown.size
            entries.append({"seq": ticket.seq, "entry": ticket.entry})
            for level, index, value in grown.append(tree.leaf_hash(ticket.entry)):
                inner.append({"level": level, "index": index, "hash": value})
        _NEW_LEAF.run_many(connection, entries)
        _NEW_NODE.run_many(connection, inner)
        time.see(latest)
        _NEW_STATE.run(
            connection,
            {"new_size": grown.size, "new_peaks": b"".join(grown.peaks), "new_latest": max(latest, time.highest)},
        )

    return finish


def entry(event: str, at: float, **details: Json) -> bytes:
    """The bytes of a leaf. Times in a log are to the second; the order is the tree's."""
    return canonical({"event": event, "at": time_text(datetime.fromtimestamp(at, UTC)), **details})


def content_digest(blobs: tuple[Blob, ...]) -> str:
    """What a log entry says of a version's bytes: BLAKE3 over ids, lengths, commitments and roots of its blobs, hex.

    It names ciphertext, so it tells nothing of the plaintext and stays true when fragments move.
    """
    sponge = blake3(key=tags.VAULT_LOG_CONTENT)
    for blob in blobs:
        sponge.update(blob.id + blob.length.to_bytes(8, "big") + blob.commitment)
        sponge.update(bytes([blob.code.k, blob.code.n]))
        for placed in blob.fragments:
            sponge.update(placed.root)
    return sponge.hexdigest()


class Journal:
    """Reads the log and proves it."""

    def __init__(self, catalogue: Catalogue, keyring: Keyring, time: Timekeeper) -> None:
        self._catalogue, self._keyring, self._time = catalogue, keyring, time

    def size(self) -> int:
        with self._catalogue.reading() as connection:
            return int(connection.execute(select(state.c.size)).scalar_one())

    def events(self, start: int = 0, limit: int = _PAGE) -> tuple[Event, ...]:
        """Entries from `start` on, at most `limit`."""
        query = select(leaves).where(leaves.c.seq >= start).order_by(leaves.c.seq).limit(limit)
        with self._catalogue.reading() as connection:
            return tuple(Event(row.seq, bytes(row.entry)) for row in connection.execute(query))

    def head(self) -> Signed[TreeHead]:
        """The log as it is now, signed and kept. The same size is signed once."""
        with self._catalogue.reading() as connection:
            row = connection.execute(select(state.c.size, state.c.peaks)).one()
            kept = connection.execute(select(heads.c.envelope).where(heads.c.size == row.size)).scalar()
        identity = self._keyring.identity
        root = _accumulator(row.size, bytes(row.peaks)).root()
        if kept is not None:
            known = open_signed(bytes(kept), TreeHead, identity.public_key)
            if known.record.root != root.hex():
                raise DamageError(
                    f"the log of {row.size} entries is not the one that was signed: it was rewritten or damaged; "
                    "restore a copy of the catalogue"
                )
            return known
        created = time_text(datetime.fromtimestamp(self._time.now(), UTC))
        head = TreeHead(identity.public_key.hex(), self._keyring.vault_id.hex(), row.size, root.hex(), created)
        signed = sign(head, identity)

        def keep(unit: Unit) -> None:
            if unit.connection.execute(select(heads.c.size).where(heads.c.size == row.size)).first() is None:
                unit.connection.execute(insert(heads).values(size=row.size, envelope=signed.envelope))

        self._catalogue.change(keep)
        return signed

    def heads(self) -> tuple[Signed[TreeHead], ...]:
        """All that were signed, by size."""
        with self._catalogue.reading() as connection:
            kept = connection.execute(select(heads.c.envelope).order_by(heads.c.size)).scalars().all()
        return tuple(open_signed(bytes(one), TreeHead, self._keyring.identity.public_key) for one in kept)

    def inclusion(self, seq: int, size: int | None = None) -> tuple[bytes, ...]:
        """The proof that leaf `seq` is in the log of `size` entries (all of them, without). InputError if it is not."""
        return self._hashes(lambda size: tree.inclusion_ranges(seq, size), size)

    def consistency(self, old_size: int, size: int | None = None) -> tuple[bytes, ...]:
        """The proof that the log of `old_size` entries is the beginning of that of `size`."""
        return self._hashes(lambda size: tree.consistency_ranges(old_size, size), size)

    def check(self) -> int:
        """Compute the whole tree again from the entries and compare with every signed head; returns the size.

        Raises ProofError where history was rewritten. Reads all of the log: O(size).
        """
        signed = {head.record.size: head.record.root for head in self.heads()}
        grown, seq = tree.Accumulator(), 0
        size = self.size()
        while True:
            self._agree(signed, grown)
            page = self.events(grown.size, min(_PAGE, size - grown.size))
            if not page:
                break
            for event in page:
                if event.seq != seq:
                    raise ProofError(f"the log lacks entry {seq}: history was cut; restore a copy of the catalogue")
                grown.append(tree.leaf_hash(event.entry))
                seq += 1
                self._agree(signed, grown)
        late = [known for known in signed if known > grown.size]
        if late:
            raise ProofError(f"the log has {grown.size} entries, but one of {max(late)} was signed: its end was cut")
        with self._catalogue.reading() as connection:
            row = connection.execute(select(state.c.size, state.c.peaks)).one()
        if row.size == grown.size and _accumulator(row.size, bytes(row.peaks)).root() != grown.root():
            raise ProofError("the log's entries do not lead to its root: one was changed; restore a copy")
        return grown.size

    def _agree(self, signed: dict[int, str], grown: tree.Accumulator) -> None:
        if signed.get(grown.size, grown.root().hex()) != grown.root().hex():
            raise ProofError(f"the first {grown.size} entries of the log are not those that were signed: rewritten")

    def _hashes(self, ranges: Callable[[int], list[tree.Range]], size: int | None) -> tuple[bytes, ...]:
        with self._catalogue.reading() as connection:
            total = int(connection.execute(select(state.c.size)).scalar_one())
            if size is not None and not 0 <= size <= total:
                raise InputError(f"the log has {total} entries; there is no proof for {size}")

            def node(level: int, index: int) -> bytes:
                query = select(nodes.c.hash).where(nodes.c.level == level, nodes.c.index == index)
                found = connection.execute(query).scalar()
                if found is None:
                    raise DamageError(f"the log lacks node {level}, {index}; restore a copy of the catalogue")
                return bytes(found)

            return tuple(tree.range_hash(*span, node) for span in ranges(total if size is None else size))


def _accumulator(size: int, peaks: bytes) -> tree.Accumulator:
    return tree.Accumulator(size, [peaks[at : at + 32] for at in range(0, len(peaks), 32)])
