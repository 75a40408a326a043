"""Keys as faces find them: a home's own, and those that others handed out."""

from __future__ import annotations

from pathlib import Path

from bailee.adapters.files import read_bytes
from bailee.errors import InputError
from bailee.keys import PUBLIC_FILE, Identity, PublicIdentity

_RECORD_LIMIT = 1 << 20


def own_identity(home: Path) -> Identity:
    """Raises InputError that says how to make a party where there is none."""
    if not home.exists():
        raise InputError(
            f"there is no party at {home}; name your folder with --home, "
            f"or make a party: bailee init NAME --home {home}"
        )
    return Identity.load(home)


def read_public(place: Path) -> PublicIdentity:
    """The public identity in a file, or in a party's folder."""
    path = place / PUBLIC_FILE if place.is_dir() else place
    return PublicIdentity.from_json(read_bytes(path, _RECORD_LIMIT, "public identity"))
