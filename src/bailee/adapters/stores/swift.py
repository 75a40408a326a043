"""OpenStack Swift gives tokens that end after hours or a day; OpenDAL takes one and cannot ask for the next. This does.

Logging in is Swift's own way, the "v1" of TempAuth and of Ceph's gateway: user and key in two headers, back come the
storage URL and a token. A token that was refused is followed by a new one, and the question is asked once more.
Keystone is not spoken: give OpenDAL `endpoint` and a `token`, for as long as that holds, or use the cloud's S3 door.
"""

from __future__ import annotations

import http.client
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import opendal

from bailee.errors import InputError, StoreError
from bailee.keys import Secret

TIMEOUT, TRIES, REST = 20.0, 3, 0.5
_SCHEMES = ("http", "https")


@dataclass(frozen=True)
class Login:
    """As whom a store logs in, and where. auth: the URL that gives tokens, such as `https://HOST/auth/v1.0`."""

    store: str
    auth: str
    user: Secret
    key: Secret

    def __post_init__(self) -> None:
        parts = urlsplit(self.auth)
        if parts.scheme not in _SCHEMES or not parts.hostname or parts.username or parts.password:
            raise InputError(f"store {self.store}: expected auth=https://HOST/auth/v1.0, without credentials")
        for secret in (self.user, self.key):
            text = secret.reveal().decode("ascii", "replace")
            if not text or not text.isprintable() or "\N{REPLACEMENT CHARACTER}" in text:
                variable = f"BAILEE_STORE_{self.store.upper().replace('-', '_')}"
                raise InputError(
                    f"store {self.store}: logging in to Swift takes a user and a key, in printable ASCII; set "
                    f"{variable}_USER and {variable}_KEY, or USER and KEY in its file of credentials"
                )

    def ask(self) -> tuple[str, Secret]:
        """The storage URL and a fresh token. StoreError where it is refused, or nobody answers in TRIES."""
        headers = {"X-Auth-User": self.user.reveal().decode(), "X-Auth-Key": self.key.reveal().decode()}
        request = urllib.request.Request(self.auth, headers=headers)  # noqa: S310 - http or https, seen to above
        problem = ""
        for number in range(TRIES):
            time.sleep(REST * number)
            try:
                with _opener.open(request, timeout=TIMEOUT) as answer:
                    told = answer.headers
                return self._checked(told.get("X-Storage-Url", "")), Secret(told.get("X-Auth-Token", "").encode())
            except HTTPError as error:
                error.close()
                if error.code in (401, 403):
                    raise StoreError(
                        f"store {self.store}: {self.auth} refuses its user and key (status {error.code}); check both"
                    ) from None
                problem = f"status {error.code}"
                if error.code < 500 and error.code != 429:
                    break
            except (OSError, http.client.HTTPException) as error:
                problem = str(getattr(error, "reason", error))
        raise StoreError(f"store {self.store}: cannot log in at {self.auth}: {problem}")

    def _checked(self, storage: str) -> str:
        """The token and all fragments go there, so it may not be less private than the place that named it."""
        asked, told = urlsplit(self.auth).scheme, urlsplit(storage)
        if told.scheme not in _SCHEMES or not told.hostname or (asked == "https" and told.scheme == "http"):
            raise StoreError(f"store {self.store}: {self.auth} answers with no {asked} URL to store at")
        return storage


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows nobody elsewhere: the key would go along."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_Stays)


class Session:
    """The operator that holds the newest token. Safe in several threads, which all wait for the same log-in.

    make: an operator from a storage URL and a token. Nobody is asked before the first use.
    """

    def __init__(self, login: Login, make: Callable[[str, Secret], opendal.Operator]) -> None:
        self._login, self._make = login, make
        self._lock = threading.Lock()
        self._newest: opendal.Operator | None = None
        self._failures, self._problem = 0, ""

    def current(self, refused: opendal.Operator | None) -> opendal.Operator:
        """The newest operator, made anew where there is none yet, or where it is the one that was refused."""
        before = self._failures
        with self._lock:
            if self._newest is not None and self._newest is not refused:
                return self._newest
            if self._failures != before:
                # It failed while this thread waited. Else threads would wait for a dead server one after the other.
                raise StoreError(self._problem)
            try:
                self._newest = self._make(*self._login.ask())
            except StoreError as error:
                self._failures, self._problem = self._failures + 1, str(error)
                raise
            return self._newest
