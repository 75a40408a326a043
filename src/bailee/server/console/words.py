"""The console's two languages. English text is the key; `script/words` collects it and compiles the catalogues.

Errors of `bailee.errors` stay in English, word for word as the command line says them: they can be searched for.
"""

from __future__ import annotations

from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files

LANGUAGES = {"en": "English", "zh": "中文"}
DOMAIN = "console"


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for it
    """Marks text that is translated where it is shown."""
    return text


STATES = (
    N_("holds"), N_("not yet"), N_("expired"), N_("revoked"), N_("open"), N_("given"), N_("refused"), N_("running"),
    N_("done"), N_("failed"), N_("finished"), N_("unfinished"), N_("ok"), N_("off"), N_("passed"), N_("waiting"),
)  # fmt: skip
"""What `badge` shows: pages give it in English."""


@cache
def catalogue(language: str) -> NullTranslations:
    """English, and what has no translation, is shown as it is written."""
    found = files("bailee.server.console") / "locales" / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
    if language == "en" or not found.is_file():
        return NullTranslations()
    with found.open("rb") as file:
        return GNUTranslations(file)


def best_language(wanted: str | None, kept: str | None, accepted: str) -> str:
    """`?lang`, else the cookie, else the browser's `Accept-Language`, else English."""
    for choice in (wanted, kept):
        if choice in LANGUAGES:
            return choice
    ranked = sorted(_ranked(accepted[:1000]), key=lambda one: -one[1])
    return next((name for name, weight in ranked if name in LANGUAGES and weight > 0), "en")


def _ranked(accepted: str) -> list[tuple[str, float]]:
    found = []
    for part in accepted.split(","):
        name, _, rest = part.strip().partition(";")
        weight = rest.strip().removeprefix("q=")
        try:
            found.append((name.strip().lower().partition("-")[0], float(weight) if weight else 1.0))
        except ValueError:
            continue
    return found
