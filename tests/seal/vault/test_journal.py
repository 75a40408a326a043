"""The log: everything is in it, nothing of a name is, and whoever kept a head sees that history was rewritten."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from bailee.errors import DamageError, InputError, ProofError
from bailee.keys import Identity
from bailee.records import open_signed, tree
from bailee.records.tree_head import TreeHead
from bailee.seal.vault.facts import Lock, LockMode
from bailee.seal.vault.vault import Vault
from databases import KINDS


@pytest.mark.parametrize("kind", KINDS, indirect=True)
def test_every_event_is_a_leaf_and_every_head_a_beginning(vault: Vault, owner: Identity, clock) -> None:
    heads = [vault.head_of_log()]
    version = vault.put("patient 17", b"x").id
    vault.copy("patient 17", "b")
    vault.restore("patient 17", version)
    heads.append(vault.head_of_log())
    vault.lock("patient 17", version, Lock(LockMode.GOVERNANCE, clock.now + 9))
    vault.hold("patient 17", version, True)
    vault.hold("patient 17", version, False)
    vault.delete("b")
    clock.now += 10
    vault.erase("patient 17")
    heads.append(vault.head_of_log())
    events = vault.log()
    said = [json.loads(event.entry)["event"] for event in events]
    assert said == ["create", "put", "copy", "restore", "lock", "hold", "hold", "delete", "erase", "erase"]
    assert b"patient" not in b"".join(event.entry for event in events)
    assert json.loads(events[1].entry)["name"] == json.loads(events[3].entry)["name"]
    last = heads[-1].record
    for signed in heads:
        head = open_signed(signed.envelope, TreeHead, owner.public_key).record
        proof = vault.journal.consistency(head.size)
        tree.check_consistency(head.size, bytes.fromhex(head.root), last.size, bytes.fromhex(last.root), proof)
    for event in events:
        proof = vault.journal.inclusion(event.seq)
        tree.check_inclusion(tree.leaf_hash(event.entry), event.seq, last.size, proof, bytes.fromhex(last.root))
    assert vault.head_of_log() == heads[-1]
    assert vault.journal.check() == 10
    with pytest.raises(InputError, match="the log has 10 entries; there is no proof for 11"):
        vault.journal.inclusion(0, 11)


def test_a_rewritten_history_is_seen_by_who_kept_a_head(vault: Vault, tmp_path: Path, clock) -> None:
    for number in range(9):
        vault.put(f"name {number}", b"x")
    kept = vault.head_of_log().record
    database = sqlite3.connect(tmp_path / "home" / "catalogue.db")
    (entry,) = database.execute("SELECT entry FROM leaves WHERE seq = 4").fetchone()
    forged = entry.replace(b'"put"', b'"hid"')
    database.execute("UPDATE leaves SET entry = ? WHERE seq = 4", (forged,))
    database.commit()
    with pytest.raises(ProofError, match="the first 10 entries of the log are not those that were signed: rewritten"):
        vault.journal.check()
    # A forger who owns the catalogue makes the whole tree again, and drops the head that was kept in it.
    grown = tree.Accumulator()
    for (one,) in database.execute("SELECT entry FROM leaves ORDER BY seq").fetchall():
        for level, index, value in grown.append(tree.leaf_hash(one)):
            database.execute('UPDATE nodes SET hash = ? WHERE level = ? AND "index" = ?', (value, level, index))
    database.execute("UPDATE state SET peaks = ?", (b"".join(grown.peaks),))
    database.commit()
    with pytest.raises(DamageError, match="the log of 10 entries is not the one that was signed"):
        vault.head_of_log()
    database.execute("DELETE FROM heads")
    database.commit()
    database.close()
    assert vault.journal.check() == 10
    vault.put("after", b"x")
    new = vault.head_of_log().record
    proof = vault.journal.consistency(kept.size)
    with pytest.raises(ProofError, match="does not begin with the tree of 10 that was signed"):
        tree.check_consistency(kept.size, bytes.fromhex(kept.root), new.size, bytes.fromhex(new.root), proof)


def test_a_log_whose_end_was_cut_is_seen(vault: Vault, tmp_path: Path) -> None:
    vault.put("a", b"x")
    vault.head_of_log()
    database = sqlite3.connect(tmp_path / "home" / "catalogue.db")
    database.execute("DELETE FROM leaves WHERE seq = 1")
    database.commit()
    database.close()
    with pytest.raises(ProofError, match="the log has 1 entries, but one of 2 was signed: its end was cut"):
        vault.journal.check()
