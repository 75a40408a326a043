"""`bailee serve` by TLS, with certificates of deploy/certificates.py; what a caller is told where one is not good."""

from __future__ import annotations

import ipaddress
import signal
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from typer.testing import CliRunner

from authority import certificates
from bailee.adapters.api_client import Client
from bailee.errors import SessionError
from bailee.keys import Identity
from commands import Running, app, free_address, start


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    certificates.main([str(folder), "here=localhost,127.0.0.1", "elsewhere=elsewhere.example.org"])
    return folder


def me(tmp_path: Path) -> Identity:
    return Identity.create(tmp_path / "owner", "Owner")


def served(tmp_path: Path, folder: Path) -> tuple[Running, str]:
    """A server with the certificate of the folder, as a process, once it answers."""
    address = free_address()
    files = ("--certificate", folder / "certificate.pem", "--private-key", folder / "key.pem")
    running = start(tmp_path / "log", "serve", "--listen", address, *files, "--home", tmp_path / "owner")
    trusted = ssl.create_default_context(cafile=str(folder.parent / "ca.pem"))
    end = time.monotonic() + 300
    while True:
        try:
            httpx.get(f"https://{address}/healthz", verify=trusted, trust_env=False).raise_for_status()
            return running, f"https://{address}"
        except httpx.TransportError:
            assert running.process.poll() is None, running.said
            assert time.monotonic() < end, running.said
            time.sleep(0.05)


@contextmanager
def standing(folder: Path) -> Iterator[str]:
    """Something that shows the certificate of the folder: a caller should not come further than that."""
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def told(url: str, who: Identity, ca: Path | None) -> str:
    with (
        Client(url, who.public_key, who, ca, wait=lambda seconds: None) as client,
        pytest.raises(SessionError) as refusal,
    ):
        client.datasets()
    return str(refusal.value)


def test_a_caller_signs_in_by_tls_and_sigterm_ends_the_server(tmp_path: Path, tls: Path) -> None:
    who = me(tmp_path)
    running, url = served(tmp_path, tls / "here")
    with Client(url, who.public_key, who, tls / "ca.pem") as client:
        assert client.datasets() == []
    assert "certificate verify failed" in told(url, who, None)  # an authority of one's own is not the system's
    plain = url.replace("https://", "http://")
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{plain}/healthz", trust_env=False)
    running.process.send_signal(signal.SIGTERM)
    assert running.wait() in (0, -signal.SIGTERM)
    assert "can be reached from other machines" not in running.said


def test_a_renewed_certificate_is_shown_from_the_next_start_on(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    certificates.main([str(folder), "here=127.0.0.1"])
    me(tmp_path)

    def shown(url: str) -> int:
        host, _, port = url.removeprefix("https://").partition(":")
        return x509.load_pem_x509_certificate(ssl.get_server_certificate((host, int(port))).encode()).serial_number

    running, url = served(tmp_path, folder / "here")
    first = shown(url)
    certificates.main([str(folder), "here=127.0.0.1"])
    assert shown(url) == first  # a running server keeps what it read at its start
    running.process.send_signal(signal.SIGTERM)
    running.wait()
    running, url = served(tmp_path, folder / "here")  # who trusts the authority sees no difference
    assert shown(url) != first
    running.process.kill()
    running.process.wait()


def test_a_certificate_for_another_name_is_refused(tmp_path: Path, tls: Path) -> None:
    with standing(tls / "elsewhere") as url:
        said = told(url, me(tmp_path), tls / "ca.pem")
    assert "IP address mismatch" in said
    assert url in said


def test_a_certificate_that_is_over_is_refused(tmp_path: Path, tls: Path) -> None:
    then, day = datetime.now(UTC) - timedelta(days=3), timedelta(days=1)
    authority, key = certificates.authority(tls, then, day)
    hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificates.serve(tls / "over", hosts, authority, key, then, day)
    with standing(tls / "over") as url:
        assert "certificate has expired" in told(url, me(tmp_path), tls / "ca.pem")


def test_a_certificate_of_another_authority_is_refused(tmp_path: Path, tls: Path) -> None:
    certificates.main([str(tmp_path / "other"), "here=127.0.0.1"])
    with standing(tmp_path / "other" / "here") as url:
        assert "certificate verify failed" in told(url, me(tmp_path), tls / "ca.pem")


@pytest.mark.parametrize("more", [["--certificate", "here/certificate.pem"], ["--private-key", "here/key.pem"]])
def test_half_of_tls_is_refused(tmp_path: Path, tls: Path, more: list[str]) -> None:
    me(tmp_path)
    asked = ["serve", "--listen", free_address(), more[0], str(tls / more[1]), "--home", str(tmp_path / "owner")]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 2
    assert "TLS needs both --certificate and --private-key" in done.stderr


def test_the_authority_stays_and_servers_are_renewed(tmp_path: Path) -> None:
    certificates.main([str(tmp_path), "north=127.0.0.1"])
    files = [tmp_path / name for name in ("ca.pem", "ca.key", "north/certificate.pem", "north/key.pem")]
    before = [file.read_bytes() for file in files]
    certificates.main([str(tmp_path), "north=127.0.0.1"])
    after = [file.read_bytes() for file in files]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, False, False]
    assert [oct(file.stat().st_mode & 0o777) for file in files] == ["0o644", "0o600", "0o644", "0o600"]
