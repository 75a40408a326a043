"""Shares that t of n proxies open: enough answers do, too few or wrong ones do not, and a revoked one gets none."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shares import ANN, BOB, EVE, KEYS, NOW, OWNER, PLAIN_VERSION, STORES, YEAR, offer, span, whole

pytest.importorskip("umbral_pre")

from bailee.errors import GrantError, InputError, RecordError, StorageError
from bailee.keys import Identity
from bailee.records import Signed, sign, time_text
from bailee.records.passing import Chain, check_chain, read_chain
from bailee.records.proxy import ProxyFragment, ReceivingKey, Reencrypted, ReencryptionRequest
from bailee.records.share import PROXIED
from bailee.seal.vault.share.proxies import (
    KEY_FILE,
    ProxyReader,
    ReceivingSecret,
    give_by_proxies,
    reencrypt,
    request,
)
from bailee.seal.vault.share.sharing import open_keys, revoke

PROXIES = tuple(Identity.generate(f"proxy {i}") for i in range(3))
SECRET = ReceivingSecret.generate()
WANTED = tuple(KEYS[blob.id] for blob in PLAIN_VERSION.blobs)


def give(threshold: int = 2, to: ReceivingSecret = SECRET) -> tuple[Chain, tuple[Signed[ProxyFragment], ...]]:
    return give_by_proxies(
        OWNER, [offer(whole())], to.public(ANN), [one.public for one in PROXIES], threshold, "research",
        NOW, NOW + YEAR, STORES, bytes(16),
    )  # fmt: skip


CHAIN, FRAGMENTS = give()
ASKED = request(ANN, CHAIN, NOW)
ANSWERS = tuple(reencrypt(one, fragment, ASKED, [], NOW) for one, fragment in zip(PROXIES, FRAGMENTS, strict=True))


def test_any_two_of_three_open_it() -> None:
    assert CHAIN.first.record.grantee.suite == PROXIED
    check_chain(read_chain(CHAIN.to_bytes()), [], NOW, OWNER.public_key)
    for some in (ANSWERS[:2], ANSWERS[1:], ANSWERS[::2], ANSWERS):
        assert open_keys(CHAIN, ProxyReader(SECRET, some)) == WANTED


def test_too_few_or_the_same_twice_do_not() -> None:
    again = reencrypt(PROXIES[0], FRAGMENTS[0], ASKED, [], NOW)
    for some, right in (((), 0), (ANSWERS[:1], 1), ((ANSWERS[0], again), 1)):
        with pytest.raises(GrantError, match=f"the answers of 2 proxies, got {right} right ones; ask more"):
            open_keys(CHAIN, ProxyReader(SECRET, some))
    # one answer signed by two: the signatures are right, the fragments are one
    copied = sign(dataclasses.replace(ANSWERS[0].record, proxy=EVE.public_key.hex()), EVE)
    with pytest.raises(GrantError, match="got 1 right ones; ask more"):
        open_keys(CHAIN, ProxyReader(SECRET, (ANSWERS[0], copied)))
    assert open_keys(CHAIN, ProxyReader(SECRET, (ANSWERS[0], copied, ANSWERS[1]))) == WANTED


def test_wrong_answers_are_named_and_left_out() -> None:
    def tampered(at: int) -> Signed[Reencrypted]:
        raw = bytearray.fromhex(ANSWERS[0].record.fragment)
        raw[at] ^= 1
        return sign(dataclasses.replace(ANSWERS[0].record, fragment=raw.hex()), PROXIES[0])

    size = len(ANSWERS[0].record.fragment) // 2
    for at in (*range(0, size, 37), size - 1):
        assert open_keys(CHAIN, ProxyReader(SECRET, (tampered(at), *ANSWERS[1:]))) == WANTED
        with pytest.raises(GrantError, match=f"got 1 right ones; wrong ones came from {ANSWERS[0].record.proxy[:16]}"):
            open_keys(CHAIN, ProxyReader(SECRET, (tampered(at), ANSWERS[1])))
    other_chain, other = give()
    foreign = tuple(
        reencrypt(one, fragment, request(ANN, other_chain, NOW), [], NOW)
        for one, fragment in zip(PROXIES, other, strict=True)
    )
    with pytest.raises(GrantError, match="got 0 right ones"):
        open_keys(CHAIN, ProxyReader(SECRET, foreign))


def test_only_the_grantee_opens() -> None:
    with pytest.raises(GrantError, match="got 0 right ones"):
        open_keys(CHAIN, ProxyReader(ReceivingSecret.generate(), ANSWERS))
    for reader in (ANN, None):
        with pytest.raises(GrantError, match="for somebody else"):
            open_keys(CHAIN, reader)


def test_the_keys_are_bound_to_their_terms() -> None:
    terms = dataclasses.replace(CHAIN.terms, not_after="2099-01-01T00:00:00Z")
    stolen = dataclasses.replace(CHAIN.first.record, owner=EVE.public_key.hex(), terms=terms)
    with pytest.raises(GrantError, match="do not open this share"):
        open_keys(Chain(sign(stolen, EVE)), ProxyReader(SECRET, ANSWERS))


@pytest.mark.parametrize(
    ("later", "message"),
    [
        (timedelta(minutes=11), "the request was made at"),
        (-timedelta(minutes=11), "the request was made at"),
        (YEAR + timedelta(seconds=1), "the share has expired"),
        (-timedelta(seconds=1), "not yet valid"),
    ],
)
def test_a_proxy_looks_at_its_clock(later: timedelta, message: str) -> None:
    now = NOW + later
    asked = ASKED if "request" in message else request(ANN, CHAIN, now)
    with pytest.raises(GrantError, match=message):
        reencrypt(PROXIES[0], FRAGMENTS[0], asked, [], now)


def test_a_proxy_answers_for_its_share_its_grantee_and_while_nobody_revoked() -> None:
    other, _ = give()
    with pytest.raises(GrantError, match="for another share"):
        reencrypt(PROXIES[0], FRAGMENTS[0], request(ANN, other, NOW), [], NOW)
    with pytest.raises(GrantError, match="who asks"):
        reencrypt(PROXIES[0], FRAGMENTS[0], request(EVE, CHAIN, NOW), [], NOW)
    with pytest.raises(GrantError, match="was revoked by its owner"):
        reencrypt(PROXIES[0], FRAGMENTS[0], ASKED, [revoke(OWNER, CHAIN, NOW)], NOW)
    reencrypt(PROXIES[0], FRAGMENTS[0], ASKED, [revoke(OWNER, other, NOW)], NOW)
    with pytest.raises(StorageError, match="not sealed to"):
        reencrypt(PROXIES[1], FRAGMENTS[0], ASKED, [], NOW)


CHANGES: list[dict[str, Any]] = [
    {"owner": EVE.public_key.hex()},
    {"proxy": "1" * 64},
    {"share": ASKED.record.share[::-1]},
    {"grantee": BOB.public_key.hex()},
    {"not_before": "2020-01-01T00:00:00Z"},
    {"not_after": "2099-01-01T00:00:00Z"},
    {"number": 1},
    {"threshold": 1},
    {"proxies": 4},
    {"capsule": FRAGMENTS[0].record.capsule[:-2] + "00"},
    {"delegating": FRAGMENTS[0].record.verifying},
    {"verifying": FRAGMENTS[0].record.delegating},
    {"receiving": FRAGMENTS[0].record.delegating},
    {"fragment": "00" + FRAGMENTS[0].record.fragment[2:]},
]


@pytest.mark.parametrize("change", CHANGES, ids=[next(iter(change)) for change in CHANGES])
def test_a_fragment_is_of_use_under_its_own_terms_only(change: dict[str, Any]) -> None:
    """Signed anew by somebody who changes one field: the fragment was sealed to the proxy with the others."""
    signer = EVE if "owner" in change else OWNER
    changed = sign(dataclasses.replace(FRAGMENTS[0].record, **change), signer)
    with pytest.raises((StorageError, GrantError)):
        reencrypt(PROXIES[0], changed, ASKED, [], NOW)


def test_fragments_and_keys_that_make_no_sense() -> None:
    for change in ({"number": 3}, {"threshold": 4}, {"threshold": 0}, {"proxies": 65}, {"receiving": "00"}):
        with pytest.raises(RecordError, match="proxy-fragment"):
            dataclasses.replace(FRAGMENTS[0].record, **change)  # type: ignore[arg-type]
    with pytest.raises(RecordError, match="33 bytes"):
        ReceivingKey(ANN.public_key.hex(), "00")
    no_point = sign(ReceivingKey(ANN.public_key.hex(), "00" * 33), ANN)
    with pytest.raises(InputError, match="point of secp256k1"):
        give_by_proxies(
            OWNER, [offer(whole())], no_point, [BOB.public], 1, "research", NOW, NOW + YEAR, STORES, bytes(16)
        )
    for threshold in (0, 4):
        with pytest.raises(InputError, match="different proxies"):
            give(threshold)
    longer = dataclasses.replace(CHAIN.terms, passes=1)
    with pytest.raises(RecordError, match="set passes to 0"):
        dataclasses.replace(CHAIN.first.record, terms=longer)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.tuples(st.integers(0, 300), st.integers(0, 255)))
def test_sealed_keys_that_are_none(data: bytes | tuple[int, int]) -> None:
    whole_packet = bytes.fromhex(CHAIN.first.record.keys)
    if isinstance(data, tuple):
        at = data[0] % len(whole_packet)
        if whole_packet[at] == data[1]:
            return
        data = whole_packet[:at] + bytes([data[1]]) + whole_packet[at + 1 :]
    broken = Chain(sign(dataclasses.replace(CHAIN.first.record, keys=data.hex()), OWNER))
    try:
        opened = open_keys(broken, ProxyReader(SECRET, ANSWERS))
    except (GrantError, RecordError, InputError):
        return
    assert opened == WANTED  # a lower threshold in the packet: the answers are as many as they must be
    assert data[0] in (2, 3)


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=500))
def test_answers_that_are_none(raw: bytes) -> None:
    noise = sign(Reencrypted(EVE.public_key.hex(), ASKED.record.share, raw.hex(), time_text(NOW)), EVE)
    assert open_keys(CHAIN, ProxyReader(SECRET, (noise, *ANSWERS[:2]))) == WANTED


def test_a_receiving_key_is_kept_in_its_home(tmp_path: Path) -> None:
    SECRET.save(tmp_path, ANN)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert ReceivingSecret.load(tmp_path, ANN) == SECRET
    assert SECRET.secret.reveal() not in (tmp_path / KEY_FILE).read_bytes()
    with pytest.raises(StorageError):
        SECRET.save(tmp_path, ANN)
    with pytest.raises(StorageError, match="not sealed to"):
        ReceivingSecret.load(tmp_path, EVE)
    with pytest.raises(InputError, match="does not exist"):
        ReceivingSecret.load(tmp_path / "nothing", ANN)


def test_nothing_secret_is_shown() -> None:
    shown = repr(SECRET) + repr(ProxyReader(SECRET, ANSWERS)) + repr(FRAGMENTS[0].record) + repr(CHAIN.first.record)
    assert SECRET.secret.reveal().hex() not in shown
    assert FRAGMENTS[0].record.fragment not in shown
    assert isinstance(ASKED.record, ReencryptionRequest)


def test_a_span_by_proxies_gives_its_blobs_only() -> None:
    chain, fragments = give_by_proxies(
        OWNER,
        [offer(span(0, 1))],
        SECRET.public(ANN),
        [PROXIES[0].public],
        1,
        "care",
        NOW,
        NOW + YEAR,
        STORES,
        bytes(16),
    )
    answer = reencrypt(PROXIES[0], fragments[0], request(ANN, chain, NOW), [], NOW)
    assert open_keys(chain, ProxyReader(SECRET, (answer,))) == WANTED[:1]


def test_the_rest_of_the_vault_does_not_import_it() -> None:
    code = (
        "import sys, bailee.seal.vault.vault, bailee.seal.vault.share.received, bailee.records.proxy;"
        "sys.exit('umbral_pre' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
