"""What an owner writes down of a store: a name, where it is, who runs it and in which region. Never how to get in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from bailee.errors import InputError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SECRET = re.compile(
    r"secret|passw|token|access_key|account_key|credential|signature|private|refresh|authorization|\bsas|^key$", re.I
)


@dataclass(frozen=True)
class StoreEntry:
    """A store of a vault.

    name: lower-case ASCII letters, digits, - and _. url: a folder's path or `file:///path`, or
    `SERVICE://BUCKET/PREFIX?OPTION=VALUE`, with OpenDAL's services and options (`s3://b/p?endpoint=...&region=...`,
    `webdav:///p?endpoint=...`). credentials: a file of mode 0600 with `OPTION=VALUE` lines; "" means the variables
    BAILEE_STORE_<NAME>_<OPTION> of the environment.
    """

    name: str
    url: str
    provider: str = ""
    region: str = ""
    enabled: bool = True
    credentials: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InputError(
                f"store {self.name!r}: expected a name of 1 to 63 lower-case letters, digits, - and _, "
                "a letter or digit first"
            )
        if not self.url or not self.url.isprintable():
            raise InputError(f"store {self.name}: expected a folder or a URL, got nothing that can be printed")
        parts = urlsplit(self.url)
        told = [option for option, _ in parse_qsl(parts.query, keep_blank_values=True)] if "://" in self.url else []
        if ("://" in self.url and "@" in parts.netloc) or any(_SECRET.search(option) for option in told):
            variable = f"BAILEE_STORE_{self.name.upper().replace('-', '_')}_<OPTION>"
            raise InputError(
                f"store {self.name}: a URL is shown and kept in the clear, so it must not hold credentials; "
                f"set {variable} in the environment, or name a file of mode 0600"
            )

    @property
    def domain(self) -> str:
        """Who fails together: the provider, or this store alone where none is given."""
        return self.provider or f"store {self.name}"
