"""Fingerprints as bytes: one spelling, bounded, nothing else read; and the withheld form with its commitment."""

from __future__ import annotations

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from bailee.errors import RecordError
from bailee.records import fingerprint as records
from bailee.records.fingerprint import KINDS, MAX_BYTES, Fingerprint

CODE = bytes(range(32))
FULL = Fingerprint(
    "table",
    2**40,
    {
        "instance": CODE,
        "meta": CODE,
        "schema": CODE,
        "probes": b"\x01" * records.PROBE_BYTES,
        "columns": b"\x02" * records.COLUMN_BYTES * records.MAX_COLUMNS,
    },
)


@st.composite
def fingerprints(draw: st.DrawFn) -> Fingerprint:
    kind = draw(st.sampled_from(KINDS))
    parts = {"instance": draw(st.binary(min_size=32, max_size=32))}
    for name in sorted(records._ALLOWED[kind] - {"instance", "key"}):
        _, size, most = records._SIZES[name]
        if draw(st.booleans()):
            parts[name] = draw(st.binary(min_size=1, max_size=1)) * (size * draw(st.integers(1, most)))
    return Fingerprint(kind, draw(st.integers(0, 2**64 - 1)), parts)


@given(fingerprints())
def test_bytes_read_back_as_the_same(whole: Fingerprint) -> None:
    data = whole.to_bytes()
    assert len(data) <= MAX_BYTES
    assert Fingerprint.from_bytes(data) == whole
    assert whole.digest == blake3(data).hexdigest()


@given(fingerprints(), st.data())
def test_other_bytes_are_refused_or_are_the_one_spelling_of_what_they_read_as(
    whole: Fingerprint, data: st.DataObject
) -> None:
    changed = bytearray(whole.to_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        match data.draw(st.integers(0, 2)):
            case 0 if changed:
                changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
            case 1:
                del changed[data.draw(st.integers(0, len(changed))) :]
            case _:
                changed += data.draw(st.binary(max_size=40))
    try:
        found = Fingerprint.from_bytes(bytes(changed))
    except RecordError:
        return
    assert found.to_bytes() == bytes(changed)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_one_error(data: bytes) -> None:
    for begun in (data, b"BFP\x01" + data):
        try:
            found = Fingerprint.from_bytes(begun)
        except RecordError:
            continue
        assert found.to_bytes() == begun


def test_the_largest_fits_a_registration() -> None:
    assert len(FULL.to_bytes()) == 1836
    keyed = {name: body for name, body in FULL.parts.items() if name not in ("instance", "meta")}
    assert len(Fingerprint("table", 2**64 - 1, {**keyed, "key": bytes(16)}).to_bytes()) < MAX_BYTES


WRONG = [
    (b"", "do not begin like one"),
    (b"BFP\x02" + bytes(9), "do not begin like one"),
    (b"BFP\x01\x09" + bytes(8), "kind 9 is not known"),
    (b"BFP\x01\x04" + bytes(8), r"expected the code of the bytes \(instance\)"),
    (b"BFP\x01\x04" + bytes(8) + b"\x01\x00\x20" + bytes(31), "byte 13: expected a known part"),
    (
        b"BFP\x01\x04" + bytes(8) + b"\x02\x00\x20" + bytes(32) + b"\x01\x00\x20" + bytes(32),
        "byte 48: expected a known",
    ),
    (b"BFP\x01\x04" + bytes(8) + b"\x63\x00\x00", "byte 13: expected a known part"),
    (b"BFP\x01\x04" + bytes(8) + b"\x01\x00\x00", "instance: expected 1 to 1 times 32 bytes, got 0"),
    (b"BFP\x01\x04" + bytes(8) + b"\x03\x00\x20" + bytes(32), "a bytes has no part 'content' here"),
    (bytes(MAX_BYTES + 1), "2049 bytes; at most 2048 are read"),
]


@pytest.mark.parametrize(("data", "message"), WRONG)
def test_what_is_wrong_is_said(data: bytes, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        Fingerprint.from_bytes(data)


def test_claims_that_no_fingerprint_can_make_are_refused() -> None:
    for kind, extent, parts, message in (
        ("film", 1, {"instance": CODE}, "expected a kind of text, image"),
        ("text", -1, {"instance": CODE}, "expected an extent from 0"),
        ("text", 2**64, {"instance": CODE}, "expected an extent from 0"),
        ("text", True, {"instance": CODE}, "expected an extent from 0"),
        ("table", 1, {"instance": CODE, "key": bytes(16)}, "keyed one holds no code that is made without"),
        ("table", 7, {"commitment": CODE}, "withheld one tells no extent"),
        ("text", 0, {"commitment": CODE, "schema": CODE}, "a schema only of a table"),
        ("text", 0, {"commitment": CODE, "words": CODE}, "a text has no part 'words' here"),
    ):
        with pytest.raises(RecordError, match=message):
            Fingerprint(kind, extent, parts)


def test_a_withheld_one_opens_to_what_it_hides_and_to_nothing_else() -> None:
    salt = b"s" * 32
    hidden = FULL.withhold(salt)
    assert set(hidden.parts) == {"commitment", "schema"}
    assert (hidden.extent, len(hidden.to_bytes())) == (0, 13 + 2 * 35)
    assert Fingerprint.from_bytes(hidden.to_bytes()) == hidden
    hidden.reveals(FULL, salt)
    other = Fingerprint("table", FULL.extent + 1, FULL.parts)
    for shown, with_salt in ((other, salt), (FULL, b"t" * 32)):
        with pytest.raises(RecordError, match="is not the one that was committed to"):
            hidden.reveals(shown, with_salt)
    with pytest.raises(RecordError, match="expected a withheld fingerprint and the whole one"):
        FULL.reveals(FULL, salt)
    with pytest.raises(RecordError, match="withheld already"):
        hidden.withhold(salt)
    with pytest.raises(RecordError, match="a salt of 32 random bytes, got 4"):
        FULL.withhold(b"salt")
    assert FULL.withhold(b"t" * 32).parts["commitment"] != hidden.parts["commitment"]
