"""An account and an identity as one party: both have signed, over each other."""

from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from bailee.errors import RecordError, SignatureError
from bailee.keys import Identity
from bailee.records import open_signed
from bailee.records.account import AccountRecord, account_message, link_account
from bailee.records.ecdsa import signer_of, text_digest
from chains import account

NOW = "2026-11-23T00:00:00Z"
WALLET = account(0)


@pytest.fixture(scope="module")
def party() -> Identity:
    return Identity.generate("Ada")


def test_a_link_is_opened_by_everybody(party: Identity) -> None:
    signed = link_account(party, WALLET, 31337, NOW)
    found = open_signed(signed.envelope, AccountRecord, party.public_key).record
    assert (found.identity, found.account) == (party.public_key.hex(), f"eip155:31337:{WALLET.address.lower()}")
    assert found.subjects()[0][0] == found.account
    assert account_message(found.identity) == f"bailee account {party.public_key.hex()}"


def test_the_digest_of_a_text_is_a_wallets() -> None:
    for text in ("", "bailee account " + "ab" * 32, "ä" * 100):
        signed = Account.sign_message(encode_defunct(text=text), WALLET.key)
        assert text_digest(text) == bytes(signed.message_hash)
        assert signer_of(text_digest(text), bytes(signed.signature)) == WALLET.address


def test_links_that_do_not_hold(party: Identity) -> None:
    record = link_account(party, WALLET, 31337, NOW).record
    other = Identity.generate("Eve")
    with pytest.raises(SignatureError, match="over another identity"):
        replace(record, identity=other.public_key.hex())  # somebody else's account claimed
    with pytest.raises(SignatureError, match="over another identity"):
        replace(record, account=f"eip155:31337:{account(1).address.lower()}")
    foreign = Account.sign_message(encode_defunct(text="something else"), WALLET.key).signature
    with pytest.raises(SignatureError, match="over another identity"):
        replace(record, signature=bytes(foreign).hex())
    with pytest.raises(SignatureError, match="27 or 28"):
        replace(record, signature=record.signature[:-2] + "00")
    for change in ({"account": f"eip155:31337:{WALLET.address}"}, {"account": "eip155:0:0x" + "11" * 20},
                   {"signature": record.signature.upper()}, {"signature": "ab"}, {"since": "now"}):  # fmt: skip
        with pytest.raises(RecordError):
            replace(record, **change)
    # The key is the same account on every chain; the record says which one is meant.
    assert replace(record, account=f"eip155:1:{WALLET.address.lower()}").signature == record.signature
