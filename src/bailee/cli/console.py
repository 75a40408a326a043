"""`bailee console`: the console of a party's folder, in the browser."""

from __future__ import annotations

import sys
import tempfile
import threading
import webbrowser
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from bailee.adapters.places import check_free, is_here, place_of
from bailee.adapters.tls import tls_of
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, stoppable
from bailee.errors import InputError

if TYPE_CHECKING:
    from bailee.server.console.context import ConsoleContext


@stoppable("stopped")
def console(
    listen: Annotated[str, typer.Option(help="HOST:PORT. Keep it on this machine.")] = "127.0.0.1:8440",
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the browser.")] = True,
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate, PEM.")] = None,
    private_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="A host name that browsers reach it by; repeat for more.")
    ] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Open this folder in the browser: datasets, requests, grants, training, proofs, money. Until Ctrl-C.

    It prints a link that works once; Enter prints another. Who has the session acts with this folder's key, so keep it
    on this machine. A folder without keys is fine: the first page makes them.

    Example: `bailee console --home cleveland`
    """
    try:
        from bailee.server.console.context import ConsoleContext
        from bailee.server.console.serving import serve, server_of
    except ImportError as error:
        raise InputError(f"the console needs: pip install 'bailee[console]' ({error.name} is missing)") from None
    face, tls, (host, port) = Face(as_json), tls_of(certificate, private_key), place_of(listen)
    if not is_here(host) and tls is None:
        raise InputError(
            f"{listen} can be reached from other machines, and who has the session acts with your key: give "
            "--certificate and --private-key, or listen at 127.0.0.1 and reach it through `ssh -L`"
        )
    check_free(host, port, "is another console running?")
    hosts = _hosts(host, port, name or [], tls is not None)
    context = ConsoleContext(home.absolute(), frozenset(hosts), tls is not None)
    server = server_of(context, host, port, tls)
    base = f"http{'s' if tls else ''}://{hosts[0]}"

    def link() -> str:
        return f"{base}/enter?link={context.access.new_link()}"

    first = link()
    face.result({"home": str(home), "link": first}, Text(first, style="bold"))
    face.say("the link works once, for ten minutes; Enter prints another; Ctrl-C ends the console")
    if sys.stdin is not None and sys.stdin.isatty():
        threading.Thread(target=_more_links, args=(face, link), daemon=True).start()
    if open_ and not as_json:
        _open(first, context)
    serve(server)
    face.say("the console has stopped")


def _hosts(host: str, port: int, names: list[str], tls: bool) -> list[str]:
    """What a `Host` header may say; the first is for the link. Browsers leave a scheme's own port out."""
    shown = f"[{host}]" if ":" in host else host
    every = [*names, shown] if host not in ("0.0.0.0", "::") else names  # noqa: S104 - compared, not bound
    if not every:
        raise InputError(f"{host} is every address; say by which name browsers reach it: --name console.example.org")
    if is_here(host):
        every = [*every, "localhost", "127.0.0.1"]
    usual = port == (443 if tls else 80)
    return [text for one in dict.fromkeys(every) for text in ([one.lower()] if usual else [f"{one.lower()}:{port}"])]


def _open(link: str, context: ConsoleContext) -> None:
    """The browser, at a page of this user's alone that leads on to the link: every user of a machine may read with
    which arguments a program was started. The page is there until the console ends."""
    folder = tempfile.TemporaryDirectory(prefix="bailee-console-")
    context.closing.append(folder.cleanup)
    page, there = Path(folder.name, "open.html"), escape(link)
    page.write_text(
        f'<!doctype html><meta http-equiv="refresh" content="0; url={there}"><a href="{there}">{there}</a>\n'
    )
    webbrowser.open(page.as_uri())


def _more_links(face: Face, link: Callable[[], str]) -> None:
    for _ in sys.stdin:
        face.say(link())
