"""Facts become a page: the language, the frame around it, and how keys, times and amounts are written."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bailee import __version__
from bailee.errors import BaileeError
from bailee.records.fields import parse_time
from bailee.server.console.context import context_of, draft_of
from bailee.server.console.words import LANGUAGES, N_, catalogue


@dataclass(frozen=True)
class Place:
    """An entry of the navigation."""

    path: str
    title: str


NAVIGATION: tuple[tuple[str, tuple[Place, ...]], ...] = (
    (N_("Own"), (
        Place("/", N_("Overview")), Place("/datasets", N_("Datasets")), Place("/requests", N_("Requests")),
        Place("/grants", N_("Grants")), Place("/uses", N_("Uses")), Place("/budget", N_("Budget")),
        Place("/stores", N_("Stores")), Place("/earnings", N_("Earnings")),
    )),
    (N_("Build"), (
        Place("/find", N_("Find data")), Place("/asks", N_("Asks")), Place("/plans", N_("Plans")),
        Place("/sessions", N_("Sessions")), Place("/models", N_("Models")),
    )),
    (N_("Check"), (
        Place("/verify", N_("Verify")), Place("/royalties", N_("Royalties")), Place("/lineage", N_("Lineage")),
        Place("/events", N_("Events")),
    )),
)  # fmt: skip


def render(request: Request, template: str, facts: Mapping[str, Any], status: int = 200) -> Response:
    """The page of `template`, in the visitor's language, with the frame of every page."""
    state = request.scope["state"]
    visitor = state.get("visitor")
    found = environment(state["language"]).get_template(template)
    flashes = [] if visitor is None else visitor.flashes
    if visitor is not None:
        visitor.flashes = []
    return HTMLResponse(
        found.render({**facts, "flashes": flashes, **_frame(request)}), status, {"Vary": "Accept-Language, Cookie"}
    )


def fragment(request: Request, template: str, facts: Mapping[str, Any]) -> str:
    """A part of a page, for streams: no frame, no flashes taken."""
    found = environment(request.scope["state"]["language"]).get_template(template)
    return found.render({**facts, "flashes": [], **_frame(request)})


def _frame(request: Request) -> dict[str, Any]:
    state, context = request.scope["state"], context_of(request)
    visitor, name, key = state.get("visitor"), None, None
    if visitor is not None and context.party is not None:
        try:
            public = context.party.public
            name, key = public.name, public.public_key.hex()
        except (BaileeError, OSError):  # the page itself says what is wrong
            name = None
    path, draft = request.url.path, draft_of(request)
    query = urlencode([(key, value) for key, value in request.query_params.multi_items() if key != "lang"])
    return {
        "language": state["language"],
        "languages": LANGUAGES,
        "theme": state["theme"],
        "csrf": "" if visitor is None else visitor.form_token,
        "signed_in": visitor is not None,
        "party_name": name,
        "party_key": key,
        "navigation": NAVIGATION if name is not None else (),
        "here": _nearest(path),
        "path": path,
        "address": f"{path}?{query}" if query else path,
        "typed": draft.texts,
        "refused": draft.problem,
        "home": str(context.home),
        "now": context.clock(),
        "version": __version__,
    }


def _nearest(path: str) -> str:
    """The entry of the navigation that a page belongs to."""
    places = [place.path for _, group in NAVIGATION for place in group]
    return max((one for one in places if path == one or (one != "/" and path.startswith(one + "/"))), default="")


@cache
def environment(language: str) -> Environment:
    made = Environment(
        loader=PackageLoader("bailee.server.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    made.install_gettext_translations(catalogue(language), newstyle=True)  # type: ignore[attr-defined]
    made.filters |= {
        "short": short,
        "when": lambda value: when(value, language),
        "day": lambda value: day(value, language),
        "until": lambda value, now: until(value, now, language),
        "count": count,
        "size": size,
        "loss": loss,
        "percent": lambda value: f"{100 * value:.0f} %",
        "plain": plain,
        "decimal": Decimal,
        "pretty": lambda value: json.dumps(value, indent=2, ensure_ascii=True),
        "shell": shlex.quote,
    }
    return made


def short(key: str | bytes) -> str:
    """The first letters of a key, an id or a digest."""
    text = key.hex() if isinstance(key, bytes) else key
    return text if len(text) <= 16 else f"{text[:8]}…{text[-4:]}"


def plain(text: str) -> str:
    """Strangers' text without turned directions and control letters, which could make it read as something else."""
    return "".join(letter if letter.isprintable() or letter == "\n" else ascii(letter).strip("'") for letter in text)


def _moment(value: str | float | datetime) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, str):
        return parse_time(value)
    return datetime.fromtimestamp(value, UTC)


def when(value: str | float | datetime | None, language: str = "en") -> Markup:
    """A time as people read it (UTC), with the exact one for machines. Text (RFC 3339, UTC), seconds or a datetime."""
    if value is None:
        return Markup("–")
    from babel.dates import format_datetime

    moment = _moment(value)
    pattern = "y年M月d日 HH:mm 'UTC'" if language == "zh" else "d MMM y, HH:mm 'UTC'"
    return _time(moment, format_datetime(moment, pattern, UTC, language))


def day(value: str | float | datetime | None, language: str = "en") -> Markup:
    if value is None:
        return Markup("–")
    from babel.dates import format_datetime

    moment = _moment(value)
    return _time(moment, format_datetime(moment, "y年M月d日" if language == "zh" else "d MMM y", UTC, language))


def until(value: str | float | datetime, now: datetime, language: str = "en") -> Markup:
    """How far away a time is: 'in 3 days', '2 hours ago'."""
    from babel.dates import format_timedelta

    moment = _moment(value)
    told = format_timedelta(moment - now, add_direction=True, locale=language)
    return _time(moment, told)


def _time(moment: datetime, shown: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(moment.strftime("%Y-%m-%dT%H:%M:%SZ"), shown)


def count(value: int) -> str:
    """A whole number, its thousands apart."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def size(value: float) -> str:
    """Bytes."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.0f}\N{NO-BREAK SPACE}{unit}" if unit == "B" else f"{value:.1f}\N{NO-BREAK SPACE}{unit}"
        value /= 1000
    return ""


def loss(value: str | Decimal | float) -> str:
    """An epsilon or a delta: at most four digits that count, no exponent where it can be helped."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    if number.adjusted() > 15:  # strangers may ask for anything; rounding has 28 digits
        return f"{number:.3e}"
    if number == 0:
        return "0"
    if abs(number) < Decimal("0.000001"):
        return f"{number:.1e}".replace(".0e", "e").replace("e-0", "e-")
    places = Decimal("0.001") if abs(number) >= Decimal("0.01") else Decimal("0.000001")
    return format(number.quantize(places).normalize(), "f")
