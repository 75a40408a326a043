"""Signed facts that cross boundaries: cards, grants, what a session says, passports.

canonical   the one spelling of a value          envelope    signing and opening
fields      kinds of field, times, decimals      card, grant, session, passport    the records themselves
"""

from bailee.records.canonical import Json, canonical, digest, parse
from bailee.records.card import Card, Renewal
from bailee.records.envelope import Record, Signed, Signer, key_id, open_signed, predicate_type_of, sign
from bailee.records.fields import decimal_text, parse_time, time_text
from bailee.records.grant import Grant, Revocation
from bailee.records.passport import Contribution, Passport
from bailee.records.session import Closing, Coin, Entrant, Invite, Iterate, NoiseCommitment, Proven, Round

__all__ = [
    "Card", "Closing", "Coin", "Contribution", "Entrant", "Grant", "Invite", "Iterate", "Json", "NoiseCommitment",
    "Passport", "Proven", "Record", "Renewal", "Revocation", "Round", "Signed", "Signer", "canonical", "decimal_text",
    "digest", "key_id", "open_signed", "parse", "parse_time", "predicate_type_of", "sign", "time_text",
]  # fmt: skip
