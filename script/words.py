"""What script/words runs: text -> console.po -> console.mo. Texts are sorted and have no line numbers, so that an edit
changes only its own lines."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

CONSOLE = Path(__file__).parents[1] / "src/bailee/server/console"
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)
"""In compiled catalogues: the same texts are the same bytes."""
_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
_OPTIONS = {"templates/**.html": {"trimmed": "true", "silent": "false"}}


def texts() -> Catalog:
    """All that pages and templates say, in English."""
    found = Catalog(charset="utf-8")
    for _, _, message, comments, context in extract_from_dir(
        str(CONSOLE), _METHODS, _OPTIONS, _KEYWORDS, comment_tags=("Translators:",)
    ):
        found.add(message, None, (), auto_comments=comments, context=context)
    return found


def updated(source: Path, language: str) -> Catalog:
    """A language's catalogue with exactly the texts there are now. Nothing is guessed from texts alike."""
    catalogue = read(source, language)
    catalogue.update(texts(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    return catalogue


def read(source: Path, language: str) -> Catalog:
    if not source.exists():
        return Catalog(locale=language, charset="utf-8", fuzzy=False)
    with source.open("rb") as file:
        found = read_po(file, locale=language)
    found.creation_date = found.revision_date = _NO_DATE
    return found


def compiled(catalogue: Catalog) -> bytes:
    made = io.BytesIO()
    write_mo(made, catalogue)
    return made.getvalue()


def missing(catalogue: Catalog) -> list[str]:
    """Texts without a translation, or with a doubtful one."""
    return [
        str(one.id)
        for one in catalogue
        if one.id and (one.fuzzy or not all(one.string if isinstance(one.string, tuple | list) else (one.string,)))
    ]


def main(check: bool) -> int:
    status = 0
    for source in sorted(CONSOLE.glob("locales/*/LC_MESSAGES/console.po")):
        language = source.parents[1].name
        catalogue = updated(source, language)
        lost = missing(catalogue)
        if check:
            stale = compiled(read(source, language)) != source.with_suffix(".mo").read_bytes()
            status |= bool(lost) or stale
            print("\n".join([*(f"{language}: {text!r} is not translated" for text in lost), *["stale"] * stale]))
            continue
        made = io.BytesIO()
        write_po(made, catalogue, width=120, no_location=True, sort_output=True, ignore_obsolete=True)
        source.write_bytes(b"\n".join(line for line in made.getvalue().split(b"\n") if b"Date: " not in line))
        source.with_suffix(".mo").write_bytes(compiled(read(source, language)))
        print(f"{language}: {len(catalogue)} texts, {len(lost)} without a translation")
        print("\n".join(f"  {text!r}" for text in lost))
    return status


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
