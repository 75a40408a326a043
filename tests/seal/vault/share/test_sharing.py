"""Keys of a share open for its grantee, under its terms, and for nobody else; nothing secret is ever shown."""

from __future__ import annotations

import dataclasses

import pytest

from bailee.errors import GrantError, InputError, StorageError
from bailee.keys import Secret
from bailee.records import sign
from bailee.records.passing import Chain, check_chain, read_chain
from bailee.records.share import CURVE, HYBRID
from bailee.seal.vault.share.recipients import CurvePrivate, CurvePublic
from bailee.seal.vault.share.sharing import give, open_keys, pass_on
from shares import (
    ANN,
    BOB,
    EVE,
    KEYS,
    NOW,
    OWNER,
    PLAIN_VERSION,
    STORES,
    TABLE,
    TABLE_VERSION,
    YEAR,
    columns,
    offer,
    share,
    span,
    whole,
    words_of,
)


def keys_of(version: str, *names: str) -> list[Secret]:
    assert version == TABLE
    return [KEYS[blob.id] for blob in TABLE_VERSION.blobs if blob.name in names]


def test_the_grantee_opens_the_keys_and_nobody_else() -> None:
    chain = share(whole())
    assert list(open_keys(chain, ANN)) == [KEYS[blob.id] for blob in PLAIN_VERSION.blobs]
    for stranger in (BOB, OWNER, None, CurvePrivate.generate()):
        with pytest.raises(GrantError, match="for somebody else"):
            open_keys(chain, stranger)


def test_columns_come_with_the_public_ones_and_no_others() -> None:
    chain = share(columns("dose"))
    assert list(open_keys(chain, ANN)) == keys_of(TABLE, " face", "age", "dose")
    listed = [blob.name for blob in chain.first.record.versions[0].blobs]
    assert listed == [" face", "age", "dose"]
    assert b'"dose"' in words_of(chain)
    assert b"town" not in words_of(chain)


def test_a_span_gives_the_blobs_it_touches() -> None:
    assert list(open_keys(share(span(99, 101)), ANN)) == [KEYS[blob.id] for blob in PLAIN_VERSION.blobs[:2]]


def test_a_public_share_opens_for_everybody() -> None:
    chain = share(columns(), to=None)
    assert list(open_keys(chain, None)) == keys_of(TABLE, " face", "age")
    assert list(open_keys(chain, EVE)) == keys_of(TABLE, " face", "age")


def test_a_bare_curve_key_will_do() -> None:
    private = CurvePrivate.generate()
    chain = share(whole(), to=private.public)
    assert chain.first.record.grantee.suite == CURVE
    assert share(whole()).first.record.grantee.suite == HYBRID
    assert len(open_keys(chain, private)) == 3
    with pytest.raises(GrantError, match="somebody else"):
        open_keys(chain, CurvePrivate.generate())
    again = CurvePrivate.from_secret(Secret(private._key.private_bytes_raw()))
    assert len(open_keys(chain, again)) == 3
    for wrong in (b"", bytes(31), bytes(33)):
        with pytest.raises(InputError, match="32 bytes"):
            CurvePublic(wrong)
        with pytest.raises(InputError, match="32 bytes"):
            CurvePrivate.from_secret(Secret(wrong))
    with pytest.raises(InputError, match="low order"):
        share(whole(), to=CurvePublic(bytes(32)))


def test_a_party_with_a_bare_curve_key_passes_on() -> None:
    private = CurvePrivate.generate()
    party = CurvePublic(private.public.sealing_key, BOB.public_key)
    chain = share(whole(), to=party, passes=1)
    # Bob signs with his identity, and opens with the bare key.
    with pytest.raises(GrantError, match="somebody else"):
        pass_on(chain, BOB, EVE.public, NOW)
    longer = pass_on(chain, BOB, EVE.public, NOW, opener=private)
    assert len(open_keys(longer, EVE)) == 3


def test_passing_on_seals_what_is_left_and_no_more() -> None:
    chain = share(whole(TABLE), whole(), passes=2)
    second = pass_on(chain, ANN, BOB.public, NOW, items=(columns("dose", "name"), span(150, 160)))
    third = pass_on(second, BOB, EVE.public, NOW, items=(columns("name"),))
    assert list(open_keys(second, BOB)) == [*keys_of(TABLE, " face", "age", "dose", "name"), KEYS[f"{1:032x}"]]
    assert list(open_keys(third, EVE)) == keys_of(TABLE, " face", "age", "name")
    assert read_chain(third.to_bytes()) == third
    check_chain(third, [], NOW)
    with pytest.raises(GrantError, match="somebody else"):
        open_keys(third, BOB)
    with pytest.raises(GrantError, match="passes"):
        pass_on(third, EVE, ANN.public, NOW)


def test_nothing_wider_is_signed() -> None:
    chain = share(columns("dose"), passes=1)
    with pytest.raises(GrantError, match="columns: 'name' is not in the link before"):
        pass_on(chain, ANN, BOB.public, NOW, items=(columns("name"),))
    with pytest.raises(GrantError, match="not_after"):
        pass_on(chain, ANN, BOB.public, NOW, not_after=NOW + 2 * YEAR)
    with pytest.raises(GrantError, match="expired"):
        pass_on(chain, ANN, BOB.public, NOW + 2 * YEAR)
    with pytest.raises(GrantError, match="giver"):
        pass_on(chain, dataclasses.replace(ANN, _signing=BOB._signing), BOB.public, NOW)


def test_sealed_keys_open_under_their_own_terms_only() -> None:
    """Somebody takes the sealed keys of an honest share into a record of its own, with longer terms."""
    honest = share(whole())
    terms = dataclasses.replace(honest.terms, not_after="2099-01-01T00:00:00Z")
    stolen = dataclasses.replace(honest.first.record, owner=EVE.public_key.hex(), terms=terms)
    forged = Chain(sign(stolen, EVE))
    check_chain(forged, [], NOW)  # a share by Eve, of versions that she says are hers
    with pytest.raises(StorageError, match="not sealed to"):
        open_keys(forged, ANN)


def test_keys_of_another_number_are_refused() -> None:
    public = share(whole(), to=None)
    for keys in ("", public.first.record.keys[2:], public.first.record.keys * 2):
        broken = Chain(sign(dataclasses.replace(public.first.record, keys=keys), OWNER))
        with pytest.raises(GrantError, match="the keys of 3 blobs"):
            open_keys(broken, None)
    one = offer(whole())
    with pytest.raises(InputError, match="one key for each blob"):
        give(OWNER, [dataclasses.replace(one, keys=one.keys[1:])], None, "care", NOW, NOW + YEAR, STORES, bytes(16))


def test_no_secret_is_shown() -> None:
    chain, private = share(whole(), to=None), CurvePrivate.generate()
    shown = repr(chain) + repr(private) + repr(open_keys(chain, None)) + repr(offer(whole()))
    for secret in (*(KEYS[blob.id] for blob in PLAIN_VERSION.blobs), Secret(private._key.private_bytes_raw())):
        assert secret.reveal().hex() not in shown
        assert repr(secret.reveal()) not in shown
