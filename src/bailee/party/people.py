"""What a folder calls people: names by key, from identities that its party was handed. A name is no proof of anything;
whoever handed it over said it."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from bailee import json_text
from bailee.adapters.files import read_bytes
from bailee.errors import BaileeError
from bailee.keys import PUBLIC_FILE
from bailee.party.identities import read_public
from bailee.party.remotes import remotes
from bailee.party.unchanged import Stamp, stamp_of
from bailee.records import open_signed
from bailee.records.canonical import MAX_BYTES
from bailee.records.passports import open_any_passport
from bailee.records.request import GrantRequest

_LIMIT = 1 << 14


def known_people(home: Path) -> dict[str, str]:
    """Names by raw public key (hex): as they were handed to this party, else what people called themselves in requests
    and in passports. For pages about what happened here; who is to be believed, `handed_people` says.

    What is damaged is left out here; the pages about it say so.
    """
    return _called_themselves(home) | handed_people(home)


def handed_people(home: Path) -> dict[str, str]:
    """This party, its remotes, and those that were given a role at its server: somebody here named each key."""
    found: dict[str, str] = {}
    for path in sorted((home / "api" / "callers").glob("*.json")):
        try:
            told = json_text.load(read_bytes(path, _LIMIT, "a caller's entry"))
            found[path.stem] = str(told["name"])
        except (BaileeError, ValueError, KeyError, TypeError):
            continue
    with suppress(BaileeError):
        for one in remotes(home):
            found[one.identity.public_key.hex()] = one.identity.name
    with suppress(BaileeError):
        if (home / PUBLIC_FILE).is_file():
            public = read_public(home)
            found[public.public_key.hex()] = public.name
    return found


def _called_themselves(home: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(home.glob("*/*/passport.json")):
        found |= _in_passport(path, stamp_of(path))
    for folder in ("requests", "asked"):
        for path in home.glob(f"{folder}/*.json"):
            found |= _in_request(path, stamp_of(path))
    return found


@lru_cache(maxsize=4096)
def _in_passport(path: Path, stamp: Stamp) -> dict[str, str]:
    del stamp
    try:
        said = open_any_passport(read_bytes(path, MAX_BYTES, "passport"))
    except BaileeError:
        return {}
    return {said.builder: said.builder_name} | {one.owner: one.name for one in said.owners}


@lru_cache(maxsize=4096)
def _in_request(path: Path, stamp: Stamp) -> dict[str, str]:
    del stamp
    try:
        asked = open_signed(read_bytes(path, MAX_BYTES, "request"), GrantRequest).record
    except BaileeError:  # answers lie beside requests
        return {}
    return {asked.builder: asked.builder_name}
