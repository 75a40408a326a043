"""What servers speak beside 1.3: a client that offers less is not answered."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import uvicorn

from authority import certificates
from bailee.adapters.tls import TLS, spoken, tls_of
from bailee.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    certificates.main([str(made), "here=localhost"])
    return made


def agreed(folder: Path, client: ssl.SSLContext) -> tuple[str, str]:
    """Version and cipher of a handshake with a server of ours, in memory."""
    config = uvicorn.Config(
        lambda scope, receive, send: None,  # type: ignore[arg-type, misc, return-value]
        **spoken(TLS(folder / "here" / "certificate.pem", folder / "here" / "key.pem")),
    )
    config.load()
    assert config.ssl is not None
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(down, up, server_hostname="localhost"),
        config.ssl.wrap_bio(up, down, server_side=True),
    ]
    for _ in range(4):
        for side in sides:
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    cipher = sides[0].cipher()
    assert cipher is not None
    return str(sides[0].version()), cipher[0]


def caller(folder: Path, latest: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    made.set_ciphers(ciphers)
    made.minimum_version, made.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, latest
    return made


def test_the_newest_is_spoken(folder: Path) -> None:
    assert agreed(folder, caller(folder, ssl.TLSVersion.TLSv1_3))[0] == "TLSv1.3"


@pytest.mark.parametrize("kind", ["ECDHE+AESGCM", "ECDHE+CHACHA20", "ALL"])
def test_before_it_only_what_is_authenticated_and_forgets(folder: Path, kind: str) -> None:
    version, cipher = agreed(folder, caller(folder, ssl.TLSVersion.TLSv1_2, kind))
    assert version == "TLSv1.2"
    assert cipher.startswith("ECDHE-")
    assert cipher.endswith(("-GCM-SHA256", "-GCM-SHA384", "-CHACHA20-POLY1305"))


@pytest.mark.parametrize("kind", ["AES128-SHA", "AES256-GCM-SHA384", "ECDHE+AES:!AESGCM:!AESCCM", "DHE", "aNULL:eNULL"])
def test_no_cbc_no_key_that_opens_the_past(folder: Path, kind: str) -> None:
    with pytest.raises(ssl.SSLError):
        agreed(folder, caller(folder, ssl.TLSVersion.TLSv1_2, f"{kind}:@SECLEVEL=0"))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_nothing_older(folder: Path) -> None:
    with pytest.raises(ssl.SSLError):
        agreed(folder, caller(folder, ssl.TLSVersion.TLSv1_1))


def test_half_of_it_is_refused(folder: Path) -> None:
    assert tls_of(None, None) is None
    assert tls_of(folder, folder) == TLS(folder, folder)
    for half in ((folder, None), (None, folder)):
        with pytest.raises(InputError, match="TLS needs both --certificate and --private-key"):
            tls_of(*half)
