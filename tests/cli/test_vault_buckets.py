"""`bailee vault bucket`: made, limited, given and taken back from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bailee.keys import Identity
from bailee.seal.vault.vault import Vault
from bailee.server.s3.registry import Registry
from commands import app, refused, run
from vaults import make_home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path / "home")


def do(home: Path, *arguments: str) -> dict[str, Any]:
    code, said = run("vault", *arguments, "--home", home)
    assert code == 0, said
    return said


def settings(home: Path, bucket: str) -> dict[str, str]:
    with Vault.open(home, Identity.load(home)) as vault:
        return dict(Registry(vault).bucket(bucket).settings)


def test_buckets_with_their_limits(home: Path, tmp_path: Path) -> None:
    assert do(home, "bucket", "ls")["buckets"] == []
    made = do(home, "bucket", "make", "scans", "--locks")
    assert (made["is_versioned"], made["has_locks"]) == (True, True)
    do(home, "bucket", "make", "notes")
    refused(run("vault", "bucket", "make", "notes", "--home", home), 6, "ConflictError", "there is a bucket notes")
    refused(run("vault", "bucket", "make", "No", "--home", home), 2, "InputError", "expected a bucket's name")
    (tmp_path / "file").write_bytes(b"x" * 5000)
    do(home, "put", str(tmp_path / "file"), "notes/one")
    do(home, "put", str(tmp_path / "file"), "notes/one")
    do(home, "put", str(tmp_path / "file"), "notes2/not in it")
    limits = do(home, "bucket", "quota", "notes", "--bytes", "2MiB", "--objects", "7")
    assert limits == {"bucket": "notes", "bytes": 2 << 20, "objects": 7}
    notes, scans = do(home, "bucket", "ls")["buckets"]
    assert (notes["bucket"], notes["versions"], notes["bytes"]) == ("notes", 2, 10_000)
    assert (notes["most_bytes"], notes["most_objects"], scans["most_bytes"]) == (2 << 20, 7, None)
    shown = CliRunner().invoke(app, ["vault", "bucket", "ls", "--home", str(home)]).stdout
    assert "10.0 kB" in shown
    assert "2.1 MB" in shown
    do(home, "bucket", "quota", "notes", "--off")
    assert do(home, "bucket", "ls")["buckets"][0]["most_objects"] is None
    refused(run("vault", "bucket", "quota", "notes", "--home", home), 2, "InputError", "expected --bytes")
    off_and_on = ("vault", "bucket", "quota", "notes", "--off", "--objects", "1")
    refused(run(*off_and_on, "--home", home), 2, "InputError", "or --off")
    refused(run("vault", "bucket", "quota", "none", "--off", "--home", home), 2, "NotFoundError", "no bucket 'none'")


def test_a_key_is_let_in_and_out(home: Path) -> None:
    do(home, "bucket", "make", "scans")
    guest, reader = (do(home, "key", "new", "--role", role)["access_key"] for role in ("guest", "reader"))
    assert do(home, "bucket", "give", "scans", guest, "--prefix", "open/")["may"] == "read"
    assert do(home, "bucket", "give", "scans", reader, "--write")["may"] == "read and write"
    told = CliRunner().invoke(app, ["vault", "bucket", "give", "scans", reader, "--home", str(home)])
    assert "this key is a reader, which may read every bucket anyway" in told.stderr
    assert do(home, "bucket", "ls")["buckets"][0]["given"] == [guest, reader]
    policy = json.loads(settings(home, "scans")["policy"])
    assert "arn:aws:s3:::scans/open/*" in [one["Resource"] for one in policy["Statement"]]
    for key in (guest, reader):
        do(home, "bucket", "take", "scans", key)
    assert "policy" not in settings(home, "scans")
    refused(run("vault", "bucket", "take", "scans", guest, "--home", home), 2, "InputError", "was not given to")
    refused(run("vault", "bucket", "give", "scans", "BKNONE", "--home", home), 2, "InputError", "no access key")
    refused(run("vault", "bucket", "give", "none", guest, "--home", home), 2, "NotFoundError", "no bucket 'none'")
