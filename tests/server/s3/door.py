"""A door that is open on loopback, and hands to knock with: raw signed requests, and clients' settings."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlencode

from bailee.server.s3 import AccessKey, application
from bailee.server.s3.serving import server_of

REGION = "us-east-1"


class Door:
    def __init__(self, vault, home: Path, port: int) -> None:
        self.vault, self.home, self.port = vault, home, port
        self.url = f"http://127.0.0.1:{port}"

    def boto(self, key: AccessKey, **options):
        import boto3
        from botocore.config import Config

        config = Config(
            retries={"max_attempts": 0},
            read_timeout=300,
            s3={"addressing_style": "path"},
            request_checksum_calculation=options.pop("checksums", "when_supported"),
            **options,
        )
        secret = key.secret.reveal().decode()
        return boto3.client(
            "s3", endpoint_url=self.url, aws_access_key_id=key.id, aws_secret_access_key=secret, region_name=REGION,
            config=config,
        )  # fmt: skip

    def ask(self, method, path, body=b"", headers=None):
        """(status, headers, body) of one raw request; `path` is sent as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def signed(self, key, method, path, query=(), body=b"", headers=None, **options):
        options.setdefault("host", f"127.0.0.1:{self.port}")
        given = sign(key, method, path, query, body, headers or {}, **options)
        target = path + ("?" + urlencode(query, quote_via=quote) if query else "")
        return self.ask(method, target, body, {**(headers or {}), **given})


def sign(key, method, path, query, body, headers, *, host, region=REGION, service="s3", moment=None, secret=None,
         payload=None):  # fmt: skip
    """Headers of a SigV4 request, written apart from the door's own reading of it."""
    stamp = datetime.fromtimestamp(time.time() if moment is None else moment, UTC).strftime("%Y%m%dT%H%M%SZ")
    payload = payload or hashlib.sha256(body).hexdigest()
    all_headers = {name.lower(): value for name, value in headers.items()}
    all_headers |= {"host": host, "x-amz-date": stamp, "x-amz-content-sha256": payload}
    names = sorted(all_headers)
    pairs = sorted((quote(n, safe="-._~"), quote(v, safe="-._~")) for n, v in query)
    canonical_query = "&".join(f"{name}={value}" for name, value in pairs)
    lines = [
        method,
        path,
        canonical_query,
        *(f"{name}:{all_headers[name]}" for name in names),
        "",
        ";".join(names),
        payload,
    ]
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signing_key = signing_key_of(secret or key.secret.reveal(), stamp[:8], region, service)
    signature = hmac.new(signing_key, text.encode(), "sha256").hexdigest()
    credential = f"AWS4-HMAC-SHA256 Credential={key.id}/{scope}"
    return {
        "x-amz-date": stamp,
        "x-amz-content-sha256": payload,
        "authorization": f"{credential}, SignedHeaders={';'.join(names)}, Signature={signature}",
    }


def signing_key_of(secret: bytes, day: str, region: str = REGION, service: str = "s3") -> bytes:
    value = b"AWS4" + secret
    for part in (day, region, service, "aws4_request"):
        value = hmac.new(value, part.encode(), "sha256").digest()
    return value


@contextmanager
def open_door(vault, home: Path):
    with running(application(vault, home)) as port:
        yield Door(vault, home, port)


@contextmanager
def running(door):
    """The port of an application that is served."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        serving = server_of(door, "127.0.0.1", port)
        thread = threading.Thread(target=serving.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            while not serving.started:
                if not thread.is_alive():
                    raise RuntimeError("the door did not open")
                time.sleep(0.01)
            yield port
        finally:
            serving.should_exit = True
            thread.join(30)
