"""Codes of plain text: the Text-Code of the standard, and a code of its words that outlives another order of sentences.

The words' code is a SimHash (Charikar, STOC 2002) of stems of at least four letters, weighted by how often they occur.
It says that two texts use the same words: the same subject, often; it understands nothing.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from pathlib import Path

import iscc_lib
from blake3 import blake3

from bailee import tags
from bailee.adapters.files import read_bytes
from bailee.errors import InputError
from bailee.own.fingerprints.codes import BITS, body
from bailee.records.fingerprint import CONTENT, WORDS

MOST_BYTES = 64 << 20
LEAST = 120
"""Characters below which a text has no code of its content: hundreds of unrelated ones would share it."""
_STEM = 6
_MOST_WORDS = 20_000
_ANY_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[A-Za-z]")
_LOOK_ALIKE = str.maketrans(
    "аеорсухіјѕԁһВЕКМНОРСТХАІЅЈαορνικΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeopcyxijsdhBEKMHOPCTXAISJaopvikABEZHIKMNOPTYX"
)
"""Cyrillic and Greek letters that look Latin in most founts: some of those that Unicode Technical Standard 39 lists."""
_WORD = re.compile(r"[^\W\d_]{4,64}")


def read_text(path: Path) -> str:
    """A file in UTF-8 (with or without mark) as text. InputError for anything else."""
    try:
        return read_bytes(path, MOST_BYTES, "text").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text in UTF-8; save it so, or fingerprint it as --kind bytes") from None


def text_codes(text: str) -> tuple[dict[str, bytes], int]:
    """Codes of `text`, and its length once cleaned, in characters."""
    found = iscc_lib.gen_text_code_v0(_without_tricks(text), bits=BITS)
    parts = {CONTENT: body(found.iscc)} if found.characters >= LEAST else {}
    words = _words_code(text)
    if words is not None:
        parts[WORDS] = words
    return parts, int(found.characters)


def _without_tricks(text: str) -> str:
    """Formatting letters (zero-width spaces) go, and letters of other scripts that look Latin become Latin in words
    that mix scripts. Honest texts hardly have either, so their codes are the standard's."""
    shown = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    return shown if shown.isascii() else _ANY_WORD.sub(_one_script, shown)


def _one_script(word: re.Match[str]) -> str:
    found = word.group()
    return found.translate(_LOOK_ALIKE) if not found.isascii() and _LATIN.search(found) else found


def _words_code(text: str) -> bytes | None:
    plain = unicodedata.normalize("NFKD", _without_tricks(text)).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    counts = Counter(match.group()[:_STEM] for match in _WORD.finditer(plain))
    if len(counts) < LEAST // 6:
        return None
    digests: list[bytes] = []
    for stem, count in counts.most_common(_MOST_WORDS):
        digests += [blake3(stem.encode(), key=tags.FINGERPRINT_WORDS).digest()] * (1 + round(math.log2(count)))
    return bytes(iscc_lib.alg_simhash(digests))
