"""Completeness, soundness against cheating provers, and every field of a proof tampered with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bailee.argument import prover
from bailee.argument.parameters import CLOSING_WIDTH, closing_parameters
from bailee.argument.proof import ClosingOpening, OpenedColumns, Proof, Reader, RowOpening
from bailee.argument.reduction import source_code
from bailee.argument.verifier import verify
from bailee.errors import ProofError, ProofFormatError, StatementError

from . import toy

CONTEXT = b"the statement"


@pytest.fixture(scope="module")
def vector():
    return toy.committed(toy.rows())


@pytest.fixture(scope="module")
def proof(vector):
    return prover.prove(toy.prover_tape(vector), [vector], CONTEXT)


def parsed(data: bytes, commitment) -> Proof:
    tape = toy.verifier_tape(commitment)
    tape.finish()
    reader = Reader(data)
    roots, pads, messages = reader.header(1)
    openings = tuple(reader.opening(source_code(s)) for s in tape.sources)
    # the closing's shape follows from the reduction; here it is found by trying, as tests may
    for pairs in range(1, 400):
        shape = closing_parameters(len(messages), pairs)
        trial = Reader(data)
        trial.__dict__.update(reader.__dict__)
        try:
            closing = trial.closing(shape, CLOSING_WIDTH)
            trial.end()
        except ProofFormatError:
            continue
        return Proof(roots, pads, tuple(messages), openings, closing)
    raise AssertionError("no shape fits")


def test_an_honest_proof_convinces_with_a_hundred_bits(vector, proof):
    assert verify(toy.verifier_tape(vector.record), CONTEXT, proof)["total"] >= 100


def test_each_opening_can_be_used_and_none_beyond_the_budget(vector):
    data = prover.prove(toy.prover_tape(vector, opening=1), [vector], CONTEXT)
    verify(toy.verifier_tape(vector.record, opening=1), CONTEXT, data)
    with pytest.raises(ProofError):
        verify(toy.verifier_tape(vector.record, opening=0), CONTEXT, data)
    with pytest.raises(StatementError, match="bears 2"):
        toy.prover_tape(vector, opening=2)


def test_a_proof_is_of_its_context_its_statement_and_its_commitment(vector, proof):
    with pytest.raises(ProofError):
        verify(toy.verifier_tape(vector.record), b"another statement", proof)
    with pytest.raises(ProofError):
        verify(toy.verifier_tape(vector.record, bound=(1 << 17) - 1), CONTEXT, proof)
    with pytest.raises(ProofError):
        verify(toy.verifier_tape(toy.committed(toy.rows(), seed=bytes(32)).record), CONTEXT, proof)


@pytest.mark.parametrize("what", ["range", "norm"])
def test_a_prover_refuses_a_false_statement(what):
    values = toy.rows()
    values[3, 1] = 101 if what == "range" else values[3, 1]
    vector = toy.committed(values)
    with pytest.raises(StatementError):
        prover.prove(toy.prover_tape(vector, bound=1 << 17 if what == "range" else 100), [vector], CONTEXT)


@pytest.mark.parametrize("index", [0, 5])
def test_a_cheating_prover_with_wrong_advice_is_rejected(vector, monkeypatch, index):
    monkeypatch.setattr(prover, "check_assertions", lambda tape: None)
    monkeypatch.setattr(prover, "verify", lambda *_: None)
    tape = toy.prover_tape(vector)
    name = next(n for n in tape.trace_values if n.endswith("squares"))
    tape.trace_values[name][index] += np.uint64(1)
    data = prover.prove(tape, [vector], CONTEXT)
    with pytest.raises(ProofError):
        verify(toy.verifier_tape(vector.record), CONTEXT, data)


def test_a_cheating_prover_with_a_value_outside_the_table_is_rejected(monkeypatch):
    values = toy.rows()
    values[0, 0] = 101
    vector = toy.committed(values)
    tape = toy.prover_tape(vector)

    def forged(self, look, start, stop):
        given = [self.part(column, start, stop) for column in look.columns]
        rows = np.clip(look.table.locate(given), 0, look.table.axis.size - 1)
        return np.bincount(rows, minlength=look.table.axis.size)

    monkeypatch.setattr(type(tape), "_locate", forged)
    monkeypatch.setattr(prover, "verify", lambda *_: None)
    data = prover.prove(tape, [vector], CONTEXT)
    with pytest.raises(ProofError):
        verify(toy.verifier_tape(vector.record), CONTEXT, data)


def test_a_proof_that_a_fault_has_broken_does_not_leave_the_prover(vector, monkeypatch):
    """The prover checks its own proof: here its closing polynomial is damaged after it was made."""
    honest = prover.ClosingProver.combine

    def faulty(self, transcript, d):
        f_a, f_b, f_c = honest(self, transcript, d)
        return f_a, bump(f_b, 1), f_c

    monkeypatch.setattr(prover.ClosingProver, "combine", faulty)
    with pytest.raises(ProofError):
        prover.prove(toy.prover_tape(vector), [vector], CONTEXT)


def bump(words, at):
    changed = words.copy()
    flat = changed.reshape(-1)
    flat[at % flat.size] = (int(flat[at % flat.size]) + 1) % (2**64 - 2**32 + 1)
    return changed


def columns_tampered(columns: OpenedColumns):
    yield "value", replace(columns, values=bump(columns.values, 7))
    yield "last value", replace(columns, values=bump(columns.values, -1))
    yield "salt", replace(columns, salts=bytes([columns.salts[0] ^ 1]) + columns.salts[1:])
    yield "sibling", replace(columns, siblings=(bytes(32), *columns.siblings[1:]))
    yield (
        "siblings swapped",
        replace(columns, siblings=(columns.siblings[1], columns.siblings[0], *columns.siblings[2:])),
    )


def tamperings(proof: Proof):
    yield "root", replace(proof, roots=(bytes(32),))
    yield "pads root", replace(proof, pads_root=bytes(32))
    for k in range(0, len(proof.messages), 7):
        a, b = proof.messages[k]
        yield (
            f"message {k}",
            replace(
                proof, messages=(*proof.messages[:k], ((a + 1) % (2**64 - 2**32 + 1), b), *proof.messages[k + 1 :])
            ),
        )
    swapped = (proof.messages[1], proof.messages[0], *proof.messages[2:])
    yield "messages swapped", replace(proof, messages=swapped)
    for k, opening in enumerate(proof.openings):
        changes: list[tuple[str, RowOpening]] = [
            ("row value", replace(opening, values=bump(opening.values, 3))),
            ("row tail", replace(opening, tail=bump(opening.tail, 3))),
            *((f"columns {n}", replace(opening, columns=c)) for n, c in columns_tampered(opening.columns)),
        ]
        for name, changed in changes:
            yield (
                f"opening {k} {name}",
                replace(proof, openings=(*proof.openings[:k], changed, *proof.openings[k + 1 :])),
            )
    yield "openings swapped", replace(proof, openings=proof.openings[::-1])
    closing = proof.closing
    changed_closing: list[tuple[str, ClosingOpening]] = [
        ("f_A value", replace(closing, f_a_values=bump(closing.f_a_values, 1))),
        ("f_A tail", replace(closing, f_a_tail=bump(closing.f_a_tail, 1))),
        ("f_B", replace(closing, f_b=bump(closing.f_b, 2))),
        ("f_B constant", replace(closing, f_b=bump(closing.f_b, 0))),
        ("f_C", replace(closing, f_c=bump(closing.f_c, 2))),
        *((f"columns {n}", replace(closing, columns=c)) for n, c in columns_tampered(closing.columns)),
    ]
    for name, changed in changed_closing:
        yield f"closing {name}", replace(proof, closing=changed)


def is_rejected(vector, data: bytes) -> bool:
    try:
        verify(toy.verifier_tape(vector.record), CONTEXT, data)
    except ProofError:
        return True
    return False


def test_every_field_of_a_proof_is_bound(vector, proof):
    whole = parsed(proof, vector.record)
    assert whole.encode() == proof
    tried = 0
    for name, changed in tamperings(whole):
        assert is_rejected(vector, changed.encode()), f"accepted with a changed {name}"
        tried += 1
    assert tried > 60


def test_damaged_bytes_are_named_as_such(vector, proof):
    tape = toy.verifier_tape
    for data, message in [
        (b"", "cut short"),
        (proof[:100], "cut short"),
        (proof[:-1], "cut short"),
        (proof + b"\0", "follow the proof"),
        (b"XXXX" + proof[4:], "not a Bailee proof"),
        (proof[:4] + b"\x02" + proof[5:], "version"),
        (proof[:6] + b"\x03" + proof[7:], "commitments"),
        (proof[:72] + b"\xff" * 4 + proof[76:], "announces"),
        (proof[:76] + b"\xff" * 8 + proof[84:], "below p"),
    ]:
        with pytest.raises(ProofFormatError, match=message):
            verify(tape(vector.record), CONTEXT, data)


def test_any_changed_byte_is_rejected(vector, proof):
    generator = np.random.default_rng(5)
    for at in generator.integers(0, len(proof), 150):
        data = bytearray(proof)
        data[at] ^= int(generator.integers(1, 256))
        assert is_rejected(vector, bytes(data)), f"accepted with byte {at} changed"


def test_two_proofs_of_the_same_statement_share_no_message(vector, proof):
    again = parsed(prover.prove(toy.prover_tape(vector), [vector], CONTEXT), vector.record)
    first = parsed(proof, vector.record)
    assert not set(first.messages) & set(again.messages)
