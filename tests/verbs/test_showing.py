"""How things look, with names that strangers chose to look like something else."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser

from bailee.verbs.showing import Rows, Shown

HOSTILE = '<script>alert("1")</script>&\x1b[31m\u202egrant\n  state  holds'


class Thing(Shown):
    def __init__(self, text: str, rows: int = 1) -> None:
        self.text, self.count = text, rows

    def _title(self) -> str:
        return self.text

    def _facts(self) -> Mapping[str, object]:
        return {self.text: self.text, "none": None, "yes": True, "many": (self.text, 3)}

    def _tables(self) -> Mapping[str, Rows]:
        return {self.text: [{self.text: self.text}] * self.count}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}


def test_html_holds_nothing_that_a_stranger_wrote_as_html() -> None:
    page = Tags()
    shown = Thing(HOSTILE)._repr_html_()
    page.feed(shown)
    assert page.tags <= {"div", "table", "caption", "strong", "thead", "tbody", "tr", "th", "td"}
    assert page.names <= {"class", "style", "scope"}
    assert "&lt;script&gt;" in shown
    assert not {"\x1b", "\u202e"} & set(shown)
    assert "<script" not in shown


def test_html_has_no_colour_of_its_own_and_fetches_nothing() -> None:
    shown = Thing("plain")._repr_html_()
    assert not any(word in shown for word in ("color", "background", "http", "src=", "url("))


def test_text_keeps_a_strangers_name_on_its_own_line() -> None:
    shown = repr(Thing(HOSTILE))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\\n" in shown
    assert not any(line.startswith("  state") for line in shown.split("\n"))


def test_long_tables_are_cut_and_say_so() -> None:
    assert "and 20 more" in repr(Thing("many", 120))
    assert Thing("many", 120)._repr_html_().count("<tr>") < 110


def test_a_long_key_is_cut_at_the_end_of_a_line_and_words_are_kept_whole() -> None:
    shown = Thing("ab" * 32)._repr_html_()
    assert f'overflow-wrap:anywhere;min-width:16ch">{"ab" * 32}<' in shown
    assert "overflow-wrap" not in Thing("openings left, of a few words each")._repr_html_()


def test_names_of_facts_are_words_and_what_is_empty_says_so() -> None:
    class Empty(Thing):
        def _facts(self) -> Mapping[str, object]:
            return {"datasets": []}

        def _tables(self) -> Mapping[str, Rows]:
            return {"grants": [{"max_epsilon": "4"}], "sessions": []}

    assert "datasets  none" in repr(Empty("it"))
    assert ">none</td>" in Empty("it")._repr_html_()
    assert "max epsilon 4" in repr(Empty("it"))
    assert ">max epsilon</th>" in Empty("it")._repr_html_()
    assert "sessions" not in Empty("it")._repr_html_()
