"""Answers of stores that cheat, and of files that were tampered with: each is refused, by name."""

from __future__ import annotations

import dataclasses
import io
import random
import subprocess
import sys
from dataclasses import replace

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.errors import BaileeError, ProofError, ProofFormatError, RecordError, SignatureError
from bailee.keys import Identity
from bailee.records import sign
from bailee.records.possession import Entry, places, samples_for
from bailee.records.possession_file import MAGIC, MAX_PIECE
from bailee.verify.possession import Possession, verify_possession
from possessions import OWNER, Held, toy, written

HELD = toy()
ASKED = HELD.challenge()
SAMPLES = HELD.samples(ASKED)
GOOD = written(ASKED, SAMPLES)


def verify(answer: bytes, held: Held = HELD, asked: bytes = ASKED.envelope) -> Possession:
    return verify_possession(held.holding.envelope, asked, io.BytesIO(answer), OWNER.public_key, OWNER.public_key)


def test_a_true_answer_convinces() -> None:
    found = verify(GOOD)
    assert (found.samples, found.bytes) == (6, sum(len(sample.piece) for sample in SAMPLES))
    assert found.loss == pytest.approx(1 - 0.001 ** (1 / 6))
    assert "6 pieces" in found.to_text()
    assert found.to_dict()["samples"] == 6
    everything = HELD.challenge(samples=99)
    found = verify(written(everything, HELD.samples(everything)), asked=everything.envelope)
    assert (found.samples, found.loss) == (16, 0.0)
    assert found.to_text().endswith("Nothing is missing")


def test_a_pipe_is_read_as_well() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(3, size) if size else size)

    assert verify_possession(HELD.holding.envelope, ASKED.envelope, Slow(GOOD)).samples == 6


@pytest.mark.parametrize("number", range(6))
def test_each_field_of_each_sample_counts(number: int) -> None:
    def with_(**fields: object) -> bytes:
        changed = replace(SAMPLES[number], **fields)  # type: ignore[arg-type]
        return written(ASKED, [*SAMPLES[:number], changed, *SAMPLES[number + 1 :]])

    sample = SAMPLES[number]
    entry, flipped = sample.entry, bytes([sample.piece[0] ^ 1]) + sample.piece[1:]
    for piece in (flipped, sample.piece[:-1], sample.piece + b"\0", b"", SAMPLES[number - 1].piece):
        with pytest.raises(ProofError, match="what was shown is not that piece"):
            verify(with_(piece=piece))
    with pytest.raises(ProofError, match="is not in the holding"):
        verify(with_(entry=replace(entry, root=bytes(32))))
    for place in range(len(sample.in_holding)):
        wrong = (*sample.in_holding[:place], bytes(32), *sample.in_holding[place + 1 :])
        with pytest.raises(ProofError, match="is not in the holding"):
            verify(with_(in_holding=wrong))
    for place in range(len(sample.in_fragment)):
        wrong = (*sample.in_fragment[:place], bytes(32), *sample.in_fragment[place + 1 :])
        with pytest.raises(ProofError, match="what was shown is not that piece"):
            verify(with_(in_fragment=wrong))
    for other in range(7):
        if other != sample.index:
            with pytest.raises(ProofError):  # by place: another number of hashes, or another path
                verify(with_(index=other))
    for wrong_entry in (
        replace(entry, first=entry.first + 1), replace(entry, pieces=entry.pieces + 1), replace(entry, first=2**62),
    ):  # fmt: skip
        with pytest.raises(ProofError):
            verify(with_(entry=wrong_entry))


def test_samples_left_out_repeated_moved_or_added() -> None:
    for samples in (SAMPLES[1:], SAMPLES[:-1], [*SAMPLES, SAMPLES[-1]], []):
        with pytest.raises(ProofFormatError, match="expected an answer of 6 samples"):
            verify(written(ASKED, samples))
    for samples in ([SAMPLES[0], *SAMPLES[:-1]], SAMPLES[::-1]):
        with pytest.raises(ProofError):
            verify(written(ASKED, samples))
    with pytest.raises(ProofFormatError, match="goes on after its last sample"):
        verify(GOOD + b"\0")


def test_the_frame_of_the_file() -> None:
    for cut in range(len(GOOD)):
        with pytest.raises(ProofFormatError, match=r"ends early|another challenge"):
            verify(GOOD[:cut])
    with pytest.raises(ProofFormatError, match="does not begin like one"):
        verify(b"B" + GOOD[1:])
    start = len(MAGIC) + 36
    huge = written(ASKED, [replace(SAMPLES[0], piece=bytes(MAX_PIECE + 1)), *SAMPLES[1:]])
    with pytest.raises(ProofFormatError, match="a piece has at most"):
        verify(huge)
    with pytest.raises(ProofFormatError, match="entry 18446744073709551615 of a holding of 5 fragments"):
        verify(GOOD[:start] + b"\xff" * 8 + GOOD[start + 8 :])
    with pytest.raises(ProofFormatError, match="expected a place, at least one piece"):
        verify(GOOD[:start] + bytes(24) + GOOD[start + 24 :])


def test_an_old_answer_is_not_an_answer_to_a_new_challenge() -> None:
    fresh = HELD.challenge(1)
    with pytest.raises(ProofFormatError, match="another challenge"):
        verify(GOOD, asked=fresh.envelope)
    with pytest.raises(ProofError):
        verify(written(fresh, SAMPLES), asked=fresh.envelope)


def test_a_store_that_kept_only_leaves_or_hashes_has_nothing_to_show() -> None:
    kept = [replace(sample, piece=blake3(sample.piece).digest()) for sample in SAMPLES]
    with pytest.raises(ProofError, match="what was shown is not that piece"):
        verify(written(ASKED, kept))


def test_a_store_cannot_bring_a_holding_of_its_own() -> None:
    """Same shape, other bytes: its paths lead to a root that the owner did not sign."""
    other = toy(seed=9)
    with pytest.raises(ProofError, match="is not in the holding"):
        verify(written(ASKED, [other.sample(place) for place in places(HELD.holding, ASKED)]))


def test_the_hash_of_an_inner_node_is_no_piece() -> None:
    """A fragment said to be smaller, its leaves being nodes of the true one: its entry is not in the holding."""
    sample = next(sample for sample in SAMPLES if len(sample.in_fragment) > 1)
    place = SAMPLES.index(sample)
    entry = Entry(sample.entry.first, (sample.entry.pieces + 1) // 2, sample.entry.root)
    if not entry.first <= places(HELD.holding, ASKED)[place] < entry.first + entry.pieces:
        entry = Entry(entry.first + entry.pieces - 1, entry.pieces, entry.root)
    cheat = [*SAMPLES[:place], replace(sample, entry=entry, in_fragment=sample.in_fragment[1:]), *SAMPLES[place + 1 :]]
    with pytest.raises(ProofError):
        verify(written(ASKED, cheat))


def test_records_by_others_or_for_others() -> None:
    eve = Identity.generate("Eve")
    forged = sign(replace(HELD.holding.record, owner=eve.public_key.hex()), eve)
    with pytest.raises(SignatureError, match="holding: expected it signed by"):
        verify_possession(forged.envelope, ASKED.envelope, io.BytesIO(GOOD), OWNER.public_key)
    chosen = sign(replace(ASKED.record, challenger=eve.public_key.hex()), eve)
    with pytest.raises(SignatureError, match="challenge: expected it signed by"):
        verify_possession(HELD.holding.envelope, chosen.envelope, io.BytesIO(GOOD), None, OWNER.public_key)
    with pytest.raises(RecordError, match="the challenge is for the holding"):
        verify(GOOD, asked=toy(seed=9).challenge().envelope)
    with pytest.raises(RecordError):
        verify(GOOD, asked=HELD.holding.envelope)


@pytest.mark.parametrize("name", ["fragments", "pieces", "tree", "store", "created"])
def test_each_field_of_the_holding_counts(name: str) -> None:
    """Signed again by the owner: the challenge is for another holding then, and a new one finds the answer wrong."""
    value = getattr(HELD.holding.record, name)
    new = value + 1 if isinstance(value, int) else value[:3] + ("1" if value[3] != "1" else "2") + value[4:]
    held = toy()
    held.holding = sign(dataclasses.replace(HELD.holding.record, **{name: new}), OWNER)
    with pytest.raises(RecordError, match="the challenge is for the holding"):
        verify(GOOD, held)
    asked = held.challenge()
    with pytest.raises(ProofError):
        verify(written(asked, SAMPLES), held, asked.envelope)


@pytest.mark.parametrize("name", ["randomness", "source", "samples", "created"])
def test_each_field_of_the_challenge_counts(name: str) -> None:
    value = getattr(ASKED.record, name)
    new = value + 1 if isinstance(value, int) else value[:3] + ("1" if value[3] != "1" else "2") + value[4:]
    asked = sign(dataclasses.replace(ASKED.record, **{name: new}), OWNER)
    with pytest.raises(ProofFormatError, match="another challenge"):
        verify(GOOD, asked=asked.envelope)


@pytest.mark.parametrize("loss", [0.02, 0.1])
def test_losses_are_found_as_often_as_the_formula_says(loss: float) -> None:
    """400 pieces, samples sized for 80 %, 1,000 challenges: the share of those that meet a lost piece."""
    held = Held([[b"%d" % (40 * i + j) for j in range(40)] for i in range(10)])
    count, draws = samples_for(loss, 0.8, 400), 1000
    lost = set(random.Random(5).sample(range(400), round(400 * loss)))
    found = sum(not lost.isdisjoint(places(held.holding, held.challenge(i, count))) for i in range(draws))
    expected = 1.0
    for i in range(count):
        expected *= (400 - len(lost) - i) / (400 - i)
    expected = 1 - expected
    assert expected >= 0.8
    assert abs(found / draws - expected) < 4 * (expected * (1 - expected) / draws) ** 0.5


def test_one_per_cent_lost_is_found_by_688_samples_but_once_in_a_thousand() -> None:
    held = toy((1,))
    held.holding = sign(replace(held.holding.record, fragments=10, pieces=100_000), OWNER)
    lost = range(41_000, 42_000)
    missed = sum(all(p not in lost for p in places(held.holding, held.challenge(i, 688))) for i in range(300))
    assert missed <= 3  # 0.3 expected


@settings(max_examples=200)
@given(st.data())
def test_fuzzed_answers_never_convince(data: st.DataObject) -> None:
    raw = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(raw) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "zero"])):
            case "flip":
                raw[place] ^= data.draw(st.integers(1, 255))
            case "cut":
                del raw[place : place + data.draw(st.integers(1, 100))]
            case "zero":
                raw[place : place + 8] = bytes(8)
            case _:
                raw[place:place] = data.draw(st.binary(min_size=1, max_size=4))
        if not raw:
            break
    if bytes(raw) != GOOD:
        with pytest.raises(ProofError):
            verify(bytes(raw))


@given(st.binary(max_size=300), st.booleans())
def test_fuzzed_bytes_are_refused(raw: bytes, framed: bool) -> None:
    with pytest.raises(BaileeError):
        verify(GOOD[: len(MAGIC) + 36] + raw if framed else raw)


def test_a_checker_needs_no_kernel_and_no_store() -> None:
    heavy = "{'numba', 'numpy', 'opendal', 'sqlalchemy'}"
    script = f"import sys, bailee.verify.possession; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
