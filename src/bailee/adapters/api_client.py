"""Another party's HTTP API, as its callers reach it: signs in by itself, tries again what may be tried again.

What a server says is a stranger's word: sizes are bounded, cards and grants are opened with the key that the server was
named by, and its errors come back as those of `bailee.errors`. A token stays in this process's memory.

Signing in shows the caller's key, not the server's: against somebody between the two there is TLS alone.
"""

from __future__ import annotations

import json
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote
from weakref import WeakSet

from bailee import errors, json_text
from bailee.errors import AuthorityError, BaileeError, InputError, SessionError
from bailee.records import Card, Grant, Signer, open_signed
from bailee.records.sign_in import answer

if TYPE_CHECKING:
    import httpx

_SAID = 4 << 20
_PROOF = 256 << 20
_PAGES, _OF_A_PAGE = 50, 200
_SLOWEST = 128 << 10
"""Bytes a second: a server that sends less is left. A read's own time-out would begin anew with each byte."""
_TRIES = 3
_WAITS = (0.2, 1.0)
_LONGEST_WAIT = 5.0
"""Seconds a server may ask to be left alone for; more than that is the caller's to decide."""
_AGAIN = frozenset({429, 502, 503, 504})


class Client:
    """One server, one caller. `server_key`: the raw public key (32 bytes) of the party whose server it should be."""

    def __init__(
        self,
        url: str,
        server_key: bytes,
        me: Signer,
        ca: Path | None = None,
        *,
        patience: float = 20.0,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """ca: PEM of who signs the server's certificate, None for the system's; patience: seconds for an answer."""
        try:
            import httpx
        except ImportError as error:
            raise InputError(
                f"other parties' servers need: pip install 'bailee[api]' ({error.name} is missing)"
            ) from None
        self._url, self._server, self._me, self._wait = url.rstrip("/"), server_key, me, wait
        self._token: str | None = None
        self._patience = patience
        self._sockets: WeakSet[socket.socket] = WeakSet()
        # From the environment nothing is taken: .netrc would put another name in the token's place.
        self._http = httpx.Client(timeout=patience, verify=_trust(url, ca), trust_env=False, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._token = None
        self._http.close()

    def datasets(self) -> list[dict[str, Any]]:
        """What the cards of its datasets say, as GET /v1/datasets tells it."""
        return self._pages("/v1/datasets")

    def card(self, name: str) -> bytes:
        """The envelope of a dataset's card, by this server's party. SignatureError, RecordError."""
        data = self._get(f"/v1/datasets/{quote(name, safe='')}/card")
        open_signed(data, Card, self._server)
        return data

    def proof(self, name: str) -> bytes:
        """The bytes that show the card's claim; nothing is checked here."""
        return self._get(f"/v1/datasets/{quote(name, safe='')}/proof", _PROOF)

    def ask(self, envelope: bytes) -> dict[str, Any]:
        """Send a signed request for a grant; sent again, it is the same one."""
        return self._object(self._write("/v1/requests", envelope))

    def asks(self) -> list[dict[str, Any]]:
        """What this caller asked for there."""
        return self._pages("/v1/requests")

    def asked(self, request_id: str) -> dict[str, Any]:
        """A request and what has become of it; `answer_record` is the signed answer. NotFoundError."""
        return self._object(self._get(f"/v1/requests/{quote(request_id, safe='')}"))

    def grant(self, grant_id: str) -> bytes:
        """The envelope of a grant to this caller, by that party. NotFoundError, SignatureError, RecordError."""
        data = self._get(f"/v1/grants/{quote(grant_id, safe='')}/record")
        open_signed(data, Grant, self._server)
        return data

    def sign_out(self) -> None:
        """End the token now, if there is one, instead of when its time is over."""
        if self._token is not None:
            self._call("DELETE", "/v1/auth/token", None, {}, _SAID)
            self._token = None

    # -------------------------------------------------------------------------------------------- the way there

    def _pages(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor, more, began = "", True, time.monotonic()
        for _ in range(_PAGES):
            if time.monotonic() - began > 3 * self._patience:
                raise self._too_slow(3 * self._patience)
            told = self._object(self._get(f"{path}?limit={_OF_A_PAGE}{cursor}"))
            items = told.get("items")
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise self._no_answer("a list without items")
            if len(items) > _OF_A_PAGE:
                raise self._no_answer(f"a page of more than {_OF_A_PAGE} items")
            found += items
            more = isinstance(told.get("next"), str)
            if not more:
                return found
            cursor = f"&cursor={quote(told['next'], safe='')}"
        raise self._no_answer(f"a list of more than {_PAGES} pages")

    def _get(self, path: str, most: int | None = None) -> bytes:
        return self._signed_in("GET", path, None, {}, most or _SAID)

    def _write(self, path: str, body: bytes) -> bytes:
        headers = {"Idempotency-Key": secrets.token_hex(16), "Content-Type": "application/json"}
        return self._signed_in("POST", path, body, headers, _SAID)

    def _signed_in(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], most: int) -> bytes:
        for last in (False, True):
            if self._token is None:
                self._token = self._sign_in()
            status, data = self._call(method, path, body, headers, most)
            if status == 401 and not last:
                self._token = None  # it has ended, or the server began anew
                continue
            if status >= 300:
                raise self._error(status, data)
            return data
        raise AssertionError

    def _sign_in(self) -> str:
        key = json.dumps({"key": self._me.public_key.hex()}).encode()
        challenge = self._plain("/v1/auth/challenges", key).get("challenge")
        if not isinstance(challenge, str):
            raise self._no_answer("no challenge")
        asked = {"challenge": challenge, "signature": answer(self._me, challenge, self._server.hex())}
        token = self._plain("/v1/auth/tokens", json.dumps(asked).encode()).get("token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or len(token) > 8192:
            raise self._no_answer("no token")
        return token

    def _plain(self, path: str, body: bytes) -> dict[str, Any]:
        status, data = self._call("POST", path, body, {"Content-Type": "application/json"}, _SAID)
        if status >= 300:
            raise self._error(status, data)
        return self._object(data)

    def _call(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], most: int
    ) -> tuple[int, bytes]:
        """(status, body). Every call of ours may be made twice: reads, writes under a key, challenges."""
        import httpx

        told = {"Accept-Encoding": "identity", **headers}  # nothing that unpacks to more than was sent
        if self._token is not None:
            told["Authorization"] = f"Bearer {self._token}"
        once = path == "/v1/auth/tokens"  # a challenge is good once
        seconds = self._patience + most / _SLOWEST
        for turn in range(_TRIES):
            last = once or turn == _TRIES - 1
            try:
                with (
                    self._ended_after(seconds) as late,
                    self._http.stream(
                        method, self._url + path, content=body, headers=told, extensions={"trace": self._noted}
                    ) as response,
                ):
                    told_to = response.headers.get("retry-after")
                    wait = _asked_to_wait(told_to, turn)
                    again = response.status_code in _AGAIN or (response.status_code == 409 and told_to is not None)
                    if not again or last or wait > _LONGEST_WAIT:
                        return response.status_code, self._bounded(response, most)
            except httpx.TransportError as error:
                if late.is_set():
                    raise self._too_slow(seconds) from None
                if last or isinstance(error, httpx.UnsupportedProtocol):
                    raise self._unreached(error) from None
                wait = _WAITS[turn]
            self._wait(wait)
        raise AssertionError

    def _bounded(self, response: httpx.Response, most: int) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise self._no_answer("something packed, which was not asked for")
        found = bytearray()
        for block in response.iter_raw(1 << 16):
            found += block
            if len(found) > most:
                raise self._no_answer(f"more than {most} bytes")
        return bytes(found)

    @contextmanager
    def _ended_after(self, seconds: float) -> Iterator[threading.Event]:
        """What is read from the server within ends then, as if it had hung up; the event says so."""
        late = threading.Event()

        def end() -> None:
            late.set()
            for one in list(self._sockets):
                with suppress(OSError):
                    socket.socket.shutdown(one, socket.SHUT_RDWR)  # below TLS, which another thread is reading

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()

    def _noted(self, event: str, facts: Mapping[str, Any]) -> None:
        """Connections, as httpx tells of them."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets.add(facts["return_value"].get_extra_info("socket"))

    def _object(self, data: bytes) -> dict[str, Any]:
        try:
            found = json_text.load(data)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._no_answer("something else than a JSON object")
        return found

    # -------------------------------------------------------------------------------------------- what went wrong

    def _error(self, status: int, data: bytes) -> BaileeError:
        """A problem (RFC 9457) as the error it was there; anything else as a SessionError."""
        try:
            told = self._object(data)
        except SessionError:
            told = {}
        kind = getattr(errors, str(told.get("error")), None)
        words = _shown(told.get("detail")) or f"status {status}"
        said = f"{self._url} answered: {words}"
        if isinstance(kind, type) and issubclass(kind, BaileeError):
            return kind(said)
        if status in (401, 403):
            return AuthorityError(said)
        if status == 404:
            return errors.NotFoundError(said)
        return SessionError(said) if status in _AGAIN or not 400 <= status < 500 else InputError(said)

    def _no_answer(self, what: str) -> SessionError:
        return SessionError(f"{self._url} does not answer as Bailee's API does: {what}; check the address")

    def _too_slow(self, seconds: float) -> SessionError:
        return SessionError(f"{self._url} is too slow: no whole answer within {seconds:.0f} s; try again later")

    def _unreached(self, error: Exception) -> SessionError:
        why = _shown(str(error)) or type(error).__name__
        return SessionError(
            f"{self._url} cannot be reached ({why}); check the address and the network, and that it is served"
        )


def _trust(url: str, ca: Path | None) -> ssl.SSLContext | bool:
    if not url.startswith("https"):
        return True
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError):
        raise InputError(f"{ca} is no CA certificate that can be read; expected PEM") from None


def _asked_to_wait(told: str | None, turn: int) -> float:
    seconds = float(told) if told is not None and told.isdecimal() and len(told) < 6 else 0.0
    return max(seconds, _WAITS[min(turn, len(_WAITS) - 1)])


def _shown(text: object) -> str:
    """A stranger's words for a message."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text[:1000]) if isinstance(text, str) else ""
    return plain.strip()
