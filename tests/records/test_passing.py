"""Chains of shares: every widening is refused by its field's name, whoever signed it; none opens more than link one."""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.errors import GrantError, RecordError, SignatureError
from bailee.keys import Identity
from bailee.records import passing, sign, time_text
from bailee.records.passing import Chain, check_chain, check_columns, read_chain
from bailee.records.share import CLEAR, CURVE, Grantee, Item, PassedOn, Share, SharedStore, ShareRevocation, Span, Terms
from bailee.seal.vault.share.recipients import grantee_of
from bailee.seal.vault.share.sharing import pass_on, revoke
from shares import (
    ANN,
    BOB,
    COLUMNS,
    EVE,
    NOW,
    OWNER,
    PLAIN,
    TABLE,
    YEAR,
    blob,
    columns,
    share,
    span,
    whole,
)

DAY = timedelta(days=1)


def link(chain: Chain, giver: Identity, to: Identity | None, **changes: Any) -> Chain:
    """The next link, signed whether or not it may be; `changes` of its terms or its own fields."""
    old = chain.terms
    terms = {f.name: changes.pop(f.name, getattr(old, f.name)) for f in dataclasses.fields(Terms) if f.name != "passes"}
    terms["passes"] = changes.pop("passes", max(old.passes - 1, 0))
    record = PassedOn(
        giver=giver.public_key.hex(),
        share=changes.pop("share", chain.first.digest),
        parent=changes.pop("parent", chain.last.digest),
        grantee=changes.pop("grantee", grantee_of(None if to is None else to.public)),
        terms=Terms(**terms),
        keys="",
    )
    assert not changes
    return Chain(chain.first, (*chain.passed, sign(record, giver)))


MIXED = share(span(50, 250), columns("age", "dose"), passes=2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"passes": 2}, "passes: expected at most 1, got 2"),
        ({"purpose": "advertising"}, "purpose: expected 'research', got 'advertising'"),
        ({"not_before": time_text(NOW - DAY)}, "not_before: .* is earlier"),
        ({"not_after": time_text(NOW + YEAR + DAY)}, "not_after: .* is later"),
        ({"items": (whole(),)}, "span: all of a+ is passed on"),
        ({"items": (span(49, 250),)}, "span: 49 to 250 is not within 50 to 250"),
        ({"items": (span(50, 251),)}, "span: 50 to 251 is not within 50 to 250"),
        ({"items": (whole(TABLE),)}, "columns: all of b+ is passed on"),
        ({"items": (columns("age", "name"),)}, "columns: 'name' is not in the link before"),
        ({"items": (Item(TABLE, None, Span(0, 1)),)}, "columns: all of b+ is passed on"),
        ({"items": (Item(PLAIN, ("age",), None),)}, "columns: the version a+ is no table"),
        ({"items": (Item("c" * 32, None, None),)}, "items: the version c+ is not in the link before"),
        ({"grantee": Grantee(None, CLEAR, None), "passes": 0}, "grantee: only the owner can make a share public"),
        ({"share": "0" * 64}, "share: belongs to another share"),
        ({"parent": "0" * 64}, "parent: does not follow"),
    ],
)
def test_every_widening_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(GrantError, match=f"link 2 of the share: {message}"):
        check_chain(link(MIXED, ANN, BOB, **changes), [], NOW)


def test_what_is_equal_or_weaker_is_let_through() -> None:
    for changes in (
        {},
        {"passes": 0},
        {"not_before": time_text(NOW + DAY), "not_after": time_text(NOW + 2 * DAY)},
        {"items": (span(60, 70),)},
        {"items": (columns(),)},
        {"items": (columns("dose"), span(50, 250))},
    ):
        check_chain(link(MIXED, ANN, BOB, **changes), [], NOW + DAY)


def test_a_table_has_no_bytes_to_pass_on() -> None:
    with pytest.raises(GrantError, match=r"span: the version b+ is a table"):
        check_chain(link(share(whole(TABLE), passes=1), ANN, BOB, items=(Item(TABLE, None, Span(0, 9)),)), [], NOW)


def test_only_the_grantee_passes_on_and_only_if_allowed() -> None:
    with pytest.raises(GrantError, match="giver: only the grantee"):
        check_chain(link(MIXED, EVE, BOB), [], NOW)
    with pytest.raises(GrantError, match="passes: the link before may not be passed on"):
        check_chain(link(share(whole()), ANN, BOB), [], NOW)
    with pytest.raises(GrantError, match="giver: a public share"):
        check_chain(link(share(whole(), to=None), ANN, BOB), [], NOW)
    once = link(link(MIXED, ANN, BOB), BOB, EVE)
    check_chain(once, [], NOW)
    with pytest.raises(GrantError, match="link 4 of the share: passes"):
        check_chain(link(once, EVE, ANN), [], NOW)


def test_links_cannot_be_cut_out_or_swapped() -> None:
    long = link(link(MIXED, ANN, BOB), BOB, EVE)
    with pytest.raises(GrantError, match="parent"):
        check_chain(Chain(long.first, long.passed[1:]), [], NOW)
    with pytest.raises(GrantError, match="parent"):
        check_chain(Chain(long.first, long.passed[::-1]), [], NOW)
    other = share(whole(), passes=2)
    with pytest.raises(GrantError, match="share: belongs to another"):
        check_chain(Chain(other.first, long.passed), [], NOW)


@pytest.mark.parametrize("moment", [NOW - timedelta(seconds=1), NOW + YEAR + timedelta(seconds=1)])
def test_time(moment: datetime) -> None:
    with pytest.raises(GrantError, match=r"link 1 of the share (is not yet valid|has expired)"):
        check_chain(link(MIXED, ANN, BOB), [], moment)


def test_the_time_of_each_link_counts() -> None:
    short = link(MIXED, ANN, BOB, not_after=time_text(NOW + DAY))
    check_chain(short, [], NOW + DAY)
    with pytest.raises(GrantError, match="link 2 of the share has expired"):
        check_chain(short, [], NOW + DAY + timedelta(seconds=1))


def test_another_owner_is_refused() -> None:
    check_chain(MIXED, [], NOW, OWNER.public_key)
    with pytest.raises(GrantError, match="owner: the share is by"):
        check_chain(MIXED, [], NOW, EVE.public_key)


def test_revoking_ends_the_chain_below() -> None:
    short = link(MIXED, ANN, BOB)
    long = link(short, BOB, EVE)
    for chain in (MIXED, short, long):
        with pytest.raises(GrantError, match="link 1 of the share was revoked"):
            check_chain(chain, [revoke(OWNER, MIXED, NOW)], NOW)
    for by in (OWNER, ANN):
        check_chain(MIXED, [revoke(by, short, NOW)], NOW)
        for chain in (short, long):
            with pytest.raises(GrantError, match="link 2 of the share was revoked"):
                check_chain(chain, [revoke(by, short, NOW)], NOW)


def test_strangers_cannot_revoke_and_times_to_come_do_not_count() -> None:
    stranger = sign(ShareRevocation(EVE.public_key.hex(), MIXED.first.digest, time_text(NOW)), EVE)
    later = revoke(OWNER, MIXED, NOW + DAY)
    check_chain(MIXED, [stranger, later], NOW)
    with pytest.raises(GrantError, match="revoked"):
        check_chain(MIXED, [later], NOW + DAY)
    with pytest.raises(GrantError, match="only they can revoke"):
        revoke(EVE, MIXED, NOW)
    with pytest.raises(GrantError, match="only they can revoke"):
        revoke(BOB, MIXED, NOW)


def test_a_chain_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    long = link(link(MIXED, ANN, BOB), BOB, EVE)
    data = long.to_bytes()
    assert read_chain(data) == long
    for broken in (b"", data[:-1], data + b"\n", b"\n" + data, data.replace(b"\n", b"\r\n"), data * 9, data[5:]):
        with pytest.raises(RecordError):
            read_chain(broken)
    with pytest.raises(RecordError, match="at most 16 links, got 17"):
        read_chain(data[: data.index(b"\n") + 1] * 17)
    flipped = data.replace(b'"sig":"', b'"sig":"AAAA', 1)
    with pytest.raises((RecordError, SignatureError)):
        read_chain(flipped)
    monkeypatch.setattr(passing, "MAX_BYTES", 99)
    with pytest.raises(RecordError, match="a share has at most 99 bytes"):
        read_chain(data)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.tuples(st.integers(0, 10**4), st.binary(max_size=3)))
def test_the_parser_takes_nothing_else(data: bytes | tuple[int, bytes]) -> None:
    good = link(MIXED, ANN, BOB).to_bytes()
    if isinstance(data, tuple):
        at = data[0] % len(good)
        data = good[:at] + data[1] + good[at + len(data[1]) :]
    with contextlib.suppress(RecordError, SignatureError):
        assert read_chain(data).to_bytes() == data == good


items = (
    st.just(whole())
    | st.builds(lambda a, n: span(a, a + n), st.integers(0, 299), st.integers(1, 300))
    | st.just(whole(TABLE))
    | st.builds(lambda names: columns(*names), st.lists(st.sampled_from(COLUMNS), unique=True))
)
moments = st.integers(-3, 3).map(lambda days: NOW + days * DAY)
steps = st.fixed_dictionaries(
    {},
    optional={
        "items": st.lists(items, min_size=1, max_size=2, unique_by=lambda item: item.version).map(tuple),
        "not_before": moments.map(time_text),
        "not_after": moments.map(lambda moment: time_text(moment + 3 * DAY)),
        "passes": st.integers(0, 4),
    },
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(items, min_size=1, max_size=2, unique_by=lambda item: item.version), st.lists(steps, max_size=4), moments
)
def test_no_chain_opens_more_than_its_first_link(
    first: list[Item], wanted: list[dict[str, Any]], now: datetime
) -> None:
    """Signers who sign whatever they like; a chain that passes the check opens no blob, byte or day of its own."""
    try:
        chain = share(*first, passes=3)
    except RecordError:
        return
    people = [ANN, BOB, EVE, ANN, BOB]
    for giver, to, step in zip(people, people[1:], wanted, strict=False):
        try:
            chain = link(chain, giver, to, **step)
        except RecordError:  # terms that make no sense by themselves
            return
    try:
        check_chain(chain, [], now)
    except GrantError:
        return
    start = Chain(chain.first)
    granted = {version.id: (item, set(places)) for version, item, places in start.opened()}
    for version, item, places in chain.opened():
        old, had = granted[version.id]
        assert set(places) <= had
        if old.span is not None:
            assert item.span is not None
            assert set(range(item.span.start, item.span.stop)) <= set(range(old.span.start, old.span.stop))
    assert start.terms.not_before <= chain.terms.not_before
    assert chain.terms.not_after <= start.terms.not_after
    assert time_text(now) >= chain.terms.not_before
    assert time_text(now) <= chain.terms.not_after
    assert chain.terms.passes + len(chain.passed) <= start.terms.passes


@settings(max_examples=40, deadline=None)
@given(
    st.lists(items, min_size=1, max_size=2, unique_by=lambda item: item.version),
    st.lists(steps, min_size=1, max_size=3),
)
def test_passing_on_makes_only_chains_that_hold(first: list[Item], wanted: list[dict[str, Any]]) -> None:
    try:
        chain = share(*first, passes=3)
    except RecordError:
        return
    people = [ANN, BOB, EVE, ANN]
    for giver, to, step in zip(people, people[1:], wanted, strict=False):
        times = {key: datetime.fromisoformat(value) for key, value in step.items() if key.startswith("not_")}
        rest = {key: value for key, value in step.items() if not key.startswith("not_")}
        try:
            chain = pass_on(chain, giver, to.public, NOW, **times, **rest)
        except (GrantError, RecordError):
            return
        check_chain(chain, [], max(NOW, datetime.fromisoformat(chain.terms.not_before)))


def test_what_a_reader_asks_is_held_against_its_item() -> None:
    table = share(columns("dose")).first.record.versions[0]
    check_columns(columns("dose"), table, ["age", "dose"])
    for name in ("name", "no such"):
        with pytest.raises(GrantError, match=f"the column '{name}' is not in this share; it has age, dose"):
            check_columns(columns("dose"), table, [name])


SHARE = share(whole(), columns("dose")).first.record
OTHER = SHARE.versions[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grantee": Grantee(ANN.public_key.hex(), CLEAR, None)}, "neither key nor party"),
        ({"grantee": Grantee(None, CURVE, None)}, "expected a sealing key"),
        ({"grantee": Grantee(None, "rot13", None)}, "expected one of MLKEM768-X25519, X25519, clear"),
        ({"versions": SHARE.versions[::-1]}, "in the same order"),
        ({"versions": SHARE.versions[:1]}, "one version for each item"),
        ({"stores": SHARE.stores[:1]}, "a store that is not described"),
        ({"stores": SHARE.stores * 2}, "a store is named twice"),
        ({"keys": "0"}, "hex digits in pairs"),
        ({"keys": "AA"}, "lower-case"),
    ],
)
def test_a_share_that_makes_no_sense(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        dataclasses.replace(SHARE, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blobs": ()}, "at least one blob"),
        ({"blobs": (*OTHER.blobs[1:], OTHER.blobs[0])}, "blobs in order"),
        ({"blobs": (dataclasses.replace(OTHER.blobs[0], k=4),)}, "1 <= k <= n <= 32"),
        ({"blobs": (dataclasses.replace(OTHER.blobs[0], fragments=OTHER.blobs[0].fragments[:1]),)}, "at least 2 frag"),
        ({"blobs": (dataclasses.replace(OTHER.blobs[0], fragments=OTHER.blobs[0].fragments[::-1]),)}, "ascending"),
        ({"blobs": (blob(0, "age"),)}, "has a column's name"),
        ({"public": ()}, "a table's face"),
    ],
)
def test_a_shared_version_that_makes_no_sense(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        dataclasses.replace(SHARE, versions=(dataclasses.replace(OTHER, **changes), SHARE.versions[1]))


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (columns("rank"), "no blob of the columns"),
        (Item(PLAIN, ("age",), None), "is no table"),
        (span(250, 301), "not within the blobs"),
        (Item(TABLE, None, Span(0, 1)), "grant columns"),
        (columns("age", "age"), "named twice"),
        (Item(TABLE, ("age",), Span(0, 1)), "exclude each other"),
        (span(9, 9), "at least one byte"),
    ],
)
def test_an_item_that_makes_no_sense(item: Item, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        share(item)


def test_a_share_lists_no_blob_it_does_not_open() -> None:
    terms = dataclasses.replace(SHARE.terms, items=(whole(), columns()))
    with pytest.raises(RecordError, match="a blob that its terms do not cover"):
        dataclasses.replace(SHARE, terms=terms)


@pytest.mark.parametrize("url", ["s3://key:secret@host/", "s3://key@host/", "", "http://[::1/"])
def test_a_store_is_described_without_credentials(url: str) -> None:
    with pytest.raises(RecordError, match="without a user or password"):
        dataclasses.replace(SHARE, stores=(SharedStore("s0", url, "", ""), *SHARE.stores[1:]))


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", "a/../b", "", "a/", "ä", ".hidden", "a\\b"])
def test_a_path_is_plain(path: str) -> None:
    fragment = dataclasses.replace(OTHER.blobs[0].fragments[0], path=path)
    broken = dataclasses.replace(OTHER.blobs[0], fragments=(fragment, *OTHER.blobs[0].fragments[1:]))
    versions = (dataclasses.replace(OTHER, blobs=(broken, *OTHER.blobs[1:])), SHARE.versions[1])
    with pytest.raises(RecordError, match="a path of plain ASCII components"):
        dataclasses.replace(SHARE, versions=versions)


def test_the_binding_is_of_every_field_but_the_keys() -> None:
    seen = {SHARE.binding()}
    assert dataclasses.replace(SHARE, keys="ff").binding() in seen
    for changes in (
        {"id": "9" * 32},
        {"owner": "9" * 64},
        {"grantee": dataclasses.replace(SHARE.grantee, party="9" * 64)},
        {"terms": dataclasses.replace(SHARE.terms, purpose="care")},
        {"stores": (*SHARE.stores, SharedStore("more", "s3://more", "", ""))},
        {"versions": (dataclasses.replace(OTHER, name="other"), SHARE.versions[1])},
    ):
        seen.add(dataclasses.replace(SHARE, **changes).binding())  # type: ignore[arg-type]
    assert len(seen) == 7


def test_records_do_not_show_their_keys() -> None:
    public = share(whole(), to=None).first.record
    assert isinstance(public, Share)
    assert public.keys
    assert public.keys not in repr(public)
