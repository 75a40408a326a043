"""The index and the verdicts: priority, lineage, what is found among many, and what a crash leaves."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bailee.errors import InputError, RecordError, StorageError
from bailee.own.near_copies import (
    COPY,
    NEAR_COPY,
    NOT_COMPARABLE,
    RELATED,
    Entry,
    NearCopies,
    decide,
    judge,
    shelf,
)
from bailee.own.near_copies import index as near_copies_index
from bailee.own.near_copies.scanning import nearest
from bailee.own.near_copies.scores import scores
from bailee.records.fingerprint import (
    BINS,
    CODE,
    COLUMN_BYTES,
    KINDS,
    PROBE_BYTES,
    VIEW,
    VIEW_COUNT,
    Fingerprint,
)

RNG = random.Random(11)


def work(number: int) -> str:
    return f"{number:064x}"


def made(kind: str, rng: random.Random = RNG) -> Fingerprint:
    """A fingerprint of nothing in particular: random codes, as unrelated works have."""
    some = rng.randbytes
    parts = {"instance": some(32), "meta": some(32)}
    if kind == "table":
        probes = bytes(rng.randint(1, 255) for _ in range(sum(BINS))) + bytes([44] * len(BINS))  # 2,047 rows
        return Fingerprint(
            kind, 2047, {**parts, "schema": some(32), "probes": probes, "columns": some(COLUMN_BYTES * 4)}
        )
    parts["data"] = some(32)
    if kind != "bytes":
        parts["content"] = some(32)
    if kind == "image":
        parts["views"] = some(VIEW * VIEW_COUNT)
    if kind == "text":
        parts["words"] = some(32)
    return Fingerprint(kind, 5000, parts)


def edited(whole: Fingerprint, rng: random.Random = RNG, share: float = 0.1) -> Fingerprint:
    """The same work after an edit: some bits of its code turned, or some cells of its sketch another's."""
    parts = {**whole.parts, "instance": rng.randbytes(32), "meta": rng.randbytes(32)}
    for name in ("content", "data"):
        if name in parts:
            code = int.from_bytes(parts[name], "big")
            for bit in rng.sample(range(256), round(256 * share)):
                code ^= 1 << bit
            parts[name] = code.to_bytes(32, "big")
    if "probes" in parts:
        cells = bytearray(parts["probes"])
        for at in rng.sample(range(sum(BINS)), round(sum(BINS) * 3 * share)):
            cells[at] = rng.randint(1, 255)
        parts |= {"probes": bytes(cells), "schema": rng.randbytes(32), "columns": rng.randbytes(COLUMN_BYTES)}
    if "words" in parts:
        parts["words"] = rng.randbytes(32)
    return Fingerprint(whole.kind, whole.extent, parts)


def entries(count: int, kinds: Iterable[str] = KINDS) -> list[Entry]:
    return [Entry(work(at), at, made(kind)) for kind in kinds for at in range(count)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rebuilt", [False, True])
def test_an_edited_copy_is_found_among_others_and_nothing_else_is(kind: str, rebuilt: bool, tmp_path: Path) -> None:
    index, all_ = NearCopies(tmp_path), entries(60, [kind])
    index.add(all_)
    if rebuilt:
        index.rebuild()
    new = Entry(work(999), 1000, edited(all_[17].fingerprint))
    (found,) = index.find(new)
    assert (found.decision, found.other, found.first, found.declared) == (NEAR_COPY, all_[17], True, False)
    assert 0.35 < found.scores.subject < 1
    same = Entry(work(998), 1000, replace(all_[3].fingerprint, extent=all_[3].fingerprint.extent))
    assert [(verdict.decision, verdict.other) for verdict in index.find(same)] == [(COPY, all_[3])]
    assert index.find(all_[3]) == []
    assert index.find(Entry(work(997), 1000, made(kind))) == []


def test_more_tables_than_are_compared_one_by_one_are_found_by_bands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "EXHAUSTIVE", 100)
    index, all_ = NearCopies(tmp_path), entries(300, ["table"])
    index.add(all_)
    index.rebuild()
    assert any("band_orders" in path.name for path in tmp_path.rglob("*.npy"))
    for at in range(0, 300, 30):
        found = index.find(Entry(work(999), 1000, edited(all_[at].fingerprint)))
        assert [verdict.other.work for verdict in found] == [work(at)]


def test_a_view_of_a_picture_finds_the_whole(tmp_path: Path) -> None:
    index, all_ = NearCopies(tmp_path), entries(40, ["image"])
    index.add(all_)
    index.rebuild()
    view = all_[5].fingerprint.items("views")[2]
    parts = {"instance": bytes(32), "data": RNG.randbytes(32), "content": view + RNG.randbytes(CODE - VIEW)}
    (found,) = index.find(Entry(work(999), 1, Fingerprint("image", 0, parts)))
    assert (found.decision, found.other.work, found.first) == (NEAR_COPY, work(5), False)


def test_the_nearest_comes_first_and_the_earlier_has_priority() -> None:
    whole = made("text")
    old, new = Entry(work(1), 10, whole), Entry(work(2), 20, edited(whole), (work(1),))
    verdict = judge(new, old)
    assert (verdict.first, verdict.declared, verdict.decision) == (True, True, NEAR_COPY)
    verdict = judge(old, new)
    assert (verdict.first, verdict.declared) == (False, True)
    assert judge(old, Entry(work(3), 10, whole)).first is None
    assert not judge(replace(new, ancestors=()), old).declared


def test_the_order_is_by_how_near(tmp_path: Path) -> None:
    index, whole = NearCopies(tmp_path), made("audio")
    copies = [Entry(work(at), at, edited(whole, share=share)) for at, share in enumerate((0.2, 0.05, 0.12))]
    index.add([*copies, Entry(work(7), 7, whole)])
    found = index.find(Entry(work(9), 9, whole))
    assert [verdict.other.work for verdict in found] == [work(at) for at in (7, 1, 2, 0)]


def test_withheld_ones_are_kept_and_compare_with_nothing(tmp_path: Path) -> None:
    index, whole = NearCopies(tmp_path), made("table")
    hidden = whole.withhold(b"s" * 32)
    index.add([Entry(work(1), 1, hidden)])
    index.rebuild()
    assert [entry.fingerprint for entry in index.entries()] == [hidden]
    assert index.find(Entry(work(2), 2, whole)) == []
    decision, found = decide(whole, hidden)
    assert (decision, found.structural, found.subject) == (NOT_COMPARABLE, 1.0, 0.0)
    with pytest.raises(InputError, match="look up the whole one, before it is withheld"):
        index.find(Entry(work(2), 2, hidden))


def test_kinds_are_kept_apart_and_titles_relate() -> None:
    one, other = made("audio"), made("video")
    assert decide(one, other)[0] == NOT_COMPARABLE
    titled = Fingerprint("audio", 1, {**made("audio").parts, "meta": one.parts["meta"]})
    decision, found = decide(titled, one)
    assert (decision, found.semantic) == (RELATED, 1.0)


def test_scores_stay_in_their_bounds_and_are_symmetric() -> None:
    for kind in KINDS:
        whole = made(kind)
        for other in (whole, edited(whole), made(kind), Fingerprint(kind, 2**64 - 1, made(kind).parts)):
            one_way, back = scores(whole, other), scores(other, whole)
            assert one_way == back
            assert all(0 <= value <= 1 for value in (one_way.structural, one_way.subject, one_way.semantic))


def test_huge_claims_make_nobody_near() -> None:
    """Extents are claims: one that claims all rows there are, or none, is no nearer for it."""
    one = made("table")
    for extent in (0, 1, 2**64 - 1):
        assert scores(one, Fingerprint("table", extent, made("table").parts)).subject < 0.05
    full = bytes([7]) * sum(BINS) + bytes([255]) * len(BINS)
    stuffed = Fingerprint("table", 1, {**one.parts, "instance": bytes(32), "probes": full})
    assert scores(one, stuffed).subject < 0.05
    text = made("text")
    for extent in (0, 1, 2**64 - 1):
        assert scores(text, Fingerprint("text", extent, made("text").parts)).subject < 0.35


def test_the_index_is_the_same_after_it_is_opened_again(tmp_path: Path) -> None:
    index, all_ = NearCopies(tmp_path), entries(5)
    index.add(all_[:10])
    index.rebuild()
    index.add(all_[10:])
    again = NearCopies(tmp_path)
    assert list(again.entries()) == all_
    assert len(again) == len(all_)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CURRENT", again._path.name]


def test_enough_additions_rebuild_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_copies_index, "REBUILD_AFTER", 8)
    index = NearCopies(tmp_path)
    for entry in (all_ := entries(20, ["bytes"])):
        index.add([entry])
    assert index._path.name == "g-000003"
    assert [entry.work for entry in NearCopies(tmp_path).entries()] == [entry.work for entry in all_]


def test_very_many_at_once_are_no_journal_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_copies_index, "REBUILD_AFTER", 8)
    index, all_ = NearCopies(tmp_path), entries(20, ["bytes", "table"])
    index.add(all_[:3])
    index.add(iter(all_[3:]))
    assert (index._path.name, (index._path / "added").read_bytes()) == ("g-000002", b"")
    assert list(NearCopies(tmp_path).entries()) == all_
    assert [found.other for found in index.find(Entry(work(99), 99, edited(all_[30].fingerprint)))] == [all_[30]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_title_finds_what_is_called_so(kind: str, tmp_path: Path) -> None:
    index, all_ = NearCopies(tmp_path), entries(9, [kind])
    index.add(all_)
    index.rebuild()
    other = made(kind)
    titled = replace(other, parts={**other.parts, "meta": all_[4].fingerprint.parts["meta"]})
    (found,) = index.find(Entry(work(99), 99, titled))
    assert (found.decision, found.other, found.scores.semantic) == (RELATED, all_[4], 1.0)


def test_texts_as_far_as_the_threshold_goes_are_found(tmp_path: Path) -> None:
    """A quarter of a text has another code in nearly 100 of 256 bits; the index looks as far as the verdict does."""
    rng = random.Random(3)
    whole = made("text", rng)
    quarter = edited(whole, rng, share=95 / 256)
    quarter = replace(quarter, extent=whole.extent // 4, parts={**quarter.parts, "data": rng.randbytes(32)})
    assert decide(quarter, whole)[0] == NEAR_COPY
    index = NearCopies(tmp_path)
    index.add([Entry(work(1), 1, whole)])
    assert [found.decision for found in index.find(Entry(work(2), 2, quarter))] == [NEAR_COPY]
    longer = replace(quarter, extent=whole.extent)
    assert index.find(Entry(work(2), 2, longer)) == []


def test_a_line_cut_off_by_a_crash_does_not_count(tmp_path: Path) -> None:
    index, all_ = NearCopies(tmp_path), entries(4, ["bytes"])
    index.add(all_[:3])
    with (index._path / "added").open("ab") as file:
        file.write(b'{"ancestors":[],"fingerpr')
    again = NearCopies(tmp_path)
    assert list(again.entries()) == all_[:3]
    again.add(all_[3:])
    assert list(NearCopies(tmp_path).entries()) == all_


def test_a_rebuild_that_was_killed_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, all_ = NearCopies(tmp_path), entries(4)
    index.add(all_)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("write_atomic", "_save"):
        with monkeypatch.context() as patch:
            patch.setattr(near_copies_index, name, killed)
            with pytest.raises(KeyboardInterrupt):
                index.rebuild()
        assert list(NearCopies(tmp_path).entries()) == all_
    index.rebuild()
    assert list(NearCopies(tmp_path).entries()) == all_


def test_a_damaged_index_says_so(tmp_path: Path) -> None:
    index = NearCopies(tmp_path)
    shutil.rmtree(index._path)
    with pytest.raises(StorageError, match="is damaged; delete that folder, and it is made again"):
        NearCopies(tmp_path)


def test_entries_are_what_a_ledger_has() -> None:
    for fields, message in (
        (("ab", 1), "entry.work: expected 64 lower-case hex digits"),
        ((work(1), -1), "entry.since: expected an integer from 0"),
        ((work(1), 1, ("x",)), r"entry.ancestors\[0\]: expected 64"),
        ((work(1), 1, (work(1),) * 1025), "at most 1024 ancestors, got 1025"),
    ):
        with pytest.raises(RecordError, match=message):
            Entry(fields[0], fields[1], made("bytes"), *fields[2:])  # type: ignore[misc]


def test_the_scan_is_the_plain_count_of_bits() -> None:
    rng = np.random.default_rng(1)
    codes, asked = (rng.integers(0, 2**64, shape, np.uint64) for shape in ((500, 4), (4,)))
    apart = np.bitwise_count(codes ^ asked).sum(axis=1)
    assert nearest(codes, asked, 120, 1000).tolist() == np.flatnonzero(apart <= 120).tolist()
    assert sorted(apart[nearest(codes, asked, 256, 7)]) == sorted(apart)[:7]
    heads = np.ascontiguousarray(codes[:, 0])
    apart = np.bitwise_count(heads[:, None] ^ asked).min(axis=1)
    assert nearest(heads, asked, 22, 1000).tolist() == np.flatnonzero(apart <= 22).tolist()
    assert sorted(apart[nearest(heads, asked, 64, 5)]) == sorted(apart)[:5]
    apart = np.bitwise_count(heads ^ asked[0])
    assert nearest(heads, asked[:1], 26, 1000).tolist() == np.flatnonzero(apart <= 26).tolist()


def test_sizes_of_the_sketch_fit_the_plan() -> None:
    from bailee.own.fingerprints.tables import PLAN

    assert len(PLAN) == len(BINS)
    assert sum(BINS) + len(BINS) == PROBE_BYTES
