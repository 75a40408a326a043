"""Signed facts that cross boundaries: cards, grants, what a session says, passports.

canonical   the one spelling of a value          envelope    signing and opening
fields      kinds of field, times, decimals      card, grant, session, anchor, passport    the records themselves
"""

from bailee.records.account import AccountRecord
from bailee.records.anchor import Anchor, Beacon, Spending, Spent
from bailee.records.canonical import Json, canonical, digest, parse
from bailee.records.card import Card, Renewal
from bailee.records.envelope import Record, Signed, Signer, key_id, open_signed, predicate_type_of, sign
from bailee.records.fields import decimal_text, parse_time, time_text
from bailee.records.grant import Grant, Revocation
from bailee.records.passport import AnchoredPassport, Contribution, Passport, open_passport
from bailee.records.session import Closing, Coin, Entrant, Invite, Iterate, NoiseCommitment, Proven, Round

__all__ = [
    "AccountRecord", "Anchor", "AnchoredPassport", "Beacon", "Card", "Closing", "Coin", "Contribution", "Entrant",
    "Grant", "Invite", "Iterate", "Json", "NoiseCommitment", "Passport", "Proven", "Record", "Renewal", "Revocation",
    "Round", "Signed", "Signer", "Spending", "Spent", "canonical", "decimal_text", "digest", "key_id", "open_passport",
    "open_signed", "parse", "parse_time", "predicate_type_of", "sign", "time_text",
]  # fmt: skip
