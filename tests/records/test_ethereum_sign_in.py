"""The message of ERC-4361: by its ABNF, in one spelling; signed only for the server, account and party it is for."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailee.errors import InputError, RecordError
from bailee.records.ecdsa import signer_of, text_digest
from bailee.records.ethereum_sign_in import EthereumSignIn, answer_as_account, checked_origin, read_sign_in
from chains import account

WALLET = account(0)
NOW = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
TOLD = EthereumSignIn(
    origin="https://clinic.example:8443",
    address=WALLET.address,
    chain_id=31337,
    nonce="ab" * 48,
    issued="2026-11-23T12:00:00Z",
    expires="2026-11-23T12:01:00Z",
    server="11" * 32,
    party="22" * 32,
)
# The grammar of ERC-4361, written down from its ABNF; what follows the optional parts that are not used is left out.
_CHAR = r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
ABNF = re.compile(
    rf"([a-z][a-z0-9+.-]*://)?{_CHAR}+ wants you to sign in with your Ethereum account:\n0x[0-9A-Fa-f]{{40}}\n\n"
    rf"((?:{_CHAR}| )+\n)?\nURI: {_CHAR}+\nVersion: 1\nChain ID: \d+\nNonce: [A-Za-z0-9]{{8,}}\n"
    rf"Issued At: {_TIME}(\nExpiration Time: {_TIME})?(\nResources:(\n- {_CHAR}+)*)?"
)


def test_the_message_is_of_the_ercs_form_and_reads_back() -> None:
    text = TOLD.text()
    assert ABNF.fullmatch(text) is not None, text
    assert text.startswith("https://clinic.example:8443 wants you to sign in with your Ethereum account:\n0x")
    assert read_sign_in(text) == TOLD


@given(st.integers(0, 700), st.characters(codec="utf-8"))
def test_any_other_text_is_none_or_another_message(place: int, letter: str) -> None:
    text = TOLD.text()
    changed = text[:place] + letter + text[place + 1 :]
    try:
        assert read_sign_in(changed).text() == changed
    except (RecordError, InputError):
        return


@pytest.mark.parametrize(
    "change",
    [
        ("https://", "ftp://"),
        ("Version: 1", "Version: 2"),
        ("Chain ID: 31337", "Chain ID: 0"),
        ("URI: https://clinic", "URI: https://other"),
        ("\n- urn:bailee:party", "\n- urn:bailee:partx"),
        ("12:01:00Z", "25:01:00Z"),
        ("Sign in", "Sign out"),
    ],
)
def test_changed_lines_are_refused(change: tuple[str, str]) -> None:
    with pytest.raises(RecordError):
        read_sign_in(TOLD.text().replace(*change))
    for text in (TOLD.text() + "\n", TOLD.text() + "\n- urn:x", "", TOLD.text() * 3):
        with pytest.raises(RecordError):
            read_sign_in(text)


def answered(told: EthereumSignIn, now: datetime = NOW) -> str:
    return answer_as_account(WALLET, told.text(), "https://clinic.example:8443", "11" * 32, "22" * 32, now)


def test_signed_for_this_server_account_and_party_alone() -> None:
    signature = bytes.fromhex(answered(TOLD))
    assert signer_of(text_digest(TOLD.text()), signature) == WALLET.address
    for change, words in (
        ({"origin": "https://evil.example"}, "another server address"),
        ({"address": account(1).address}, "another account"),
        ({"server": "33" * 32}, "another server key"),
        ({"party": "33" * 32}, "another party"),
    ):
        with pytest.raises(InputError, match=words):
            answered(replace(TOLD, **change))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="has ended"):
        answered(TOLD, datetime(2026, 11, 23, 12, 1, tzinfo=UTC))
    with pytest.raises(InputError, match="no message"):
        answer_as_account(WALLET, "bailee", "https://clinic.example:8443", "11" * 32, "22" * 32, NOW)


def test_addresses_of_servers() -> None:
    for good in ("https://clinic.example", "http://127.0.0.1:8443", "https://[::1]:8443"):
        assert checked_origin(good) == good
    for bad in ("", "clinic.example", "https://clinic.example/", "https://a@b", "https://a?b", "https://a:0", "ftp://a",
                "https://a b", "https://a\n", "https://", "https://[::1"):  # fmt: skip
        with pytest.raises(InputError):
            checked_origin(bad)
