"""The console's words: every text has its Chinese, the compiled catalogue is the source's, values fit their places."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailee.server.console.words import LANGUAGES, STATES, best_language, catalogue

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src/bailee/server/console/locales/zh/LC_MESSAGES/console.po"
_PLACES = re.compile(r"%\((\w+)\)s|(?<!%)%(?!%|\()")
_HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def words() -> ModuleType:
    """script/words.py, as a module."""
    specification = importlib.util.spec_from_file_location("words", ROOT / "script/words.py")
    assert specification is not None
    assert specification.loader is not None
    made = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(made)
    return made


def test_every_text_has_its_chinese(words: ModuleType) -> None:
    catalogue = words.updated(SOURCE, "zh")
    assert len(catalogue) > 250
    assert words.missing(catalogue) == [], "translate them in console.po, then run script/words"


def test_the_catalogue_has_nothing_more_and_is_compiled(words: ModuleType) -> None:
    known = {one.id for one in words.texts() if one.id}
    kept = words.read(SOURCE, "zh")
    assert {one.id for one in kept if one.id} - known == set(), "run script/words: these texts are gone"
    assert words.compiled(kept) == SOURCE.with_suffix(".mo").read_bytes(), "run script/words"


def test_values_have_the_same_places_in_both_languages(words: ModuleType) -> None:
    for one in words.read(SOURCE, "zh"):
        texts = one.id if isinstance(one.id, tuple) else (one.id,)
        told = one.string if isinstance(one.string, tuple | list) else (one.string,)
        wanted = {name for text in texts for name in _PLACES.findall(text)}
        for text in told:
            assert set(_PLACES.findall(text)) <= wanted, text
            assert "" not in _PLACES.findall(text), f"a bare % in {text!r}"
        assert set(_PLACES.findall(told[-1])) == wanted, texts


def test_chinese_is_chinese(words: ModuleType) -> None:
    """Names, units and formulas may stand alone; sentences may not."""
    for one in words.read(SOURCE, "zh"):
        text = one.id[-1] if isinstance(one.id, tuple) else one.id
        if text and len(text.split()) > 4:
            told = one.string[-1] if isinstance(one.string, tuple | list) else one.string
            assert _HAN.search(told), text


def test_states_and_languages_are_known() -> None:
    chinese = catalogue("zh")
    assert all(chinese.gettext(state) != state for state in STATES)
    assert catalogue("en").gettext("Grants") == "Grants"
    assert set(LANGUAGES) == {"en", "zh"}


@pytest.mark.parametrize(
    ("wanted", "kept", "accepted", "language"),
    [
        (None, None, "", "en"),
        (None, None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, None, "de, en;q=0.5, zh;q=0.6", "zh"),
        (None, None, "zh;q=0", "en"),
        (None, None, "zh;q=much, en;q=0.1", "en"),
        (None, "zh", "en", "zh"),
        ("en", "zh", "zh", "en"),
        ("xx", "yy", "*", "en"),
    ],
)
def test_which_language(wanted: Any, kept: Any, accepted: str, language: str) -> None:
    assert best_language(wanted, kept, accepted) == language


@given(st.text(max_size=200))
def test_any_header_gives_a_language(accepted: str) -> None:
    assert best_language(None, None, accepted) in LANGUAGES
