"""Other people's storage, run for real on loopback: SeaweedFS with its S3 door, and a WebDAV server over a folder."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError

from ports import free_port

ACCESS_KEY, SECRET_KEY = "tester", "not-so-secret-secret"


@contextmanager
def seaweed(folder: Path) -> Iterator[str]:
    """The URL of a SeaweedFS S3 door for ACCESS_KEY and SECRET_KEY; takes some four seconds to start."""
    config = folder / "s3.json"
    actions = '["Admin", "Read", "Write", "List", "Tagging"]'
    credentials = f'[{{"accessKey": "{ACCESS_KEY}", "secretKey": "{SECRET_KEY}"}}]'
    config.write_text(f'{{"identities": [{{"name": "t", "credentials": {credentials}, "actions": {actions}}}]}}')
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    grpc = {f"{name}.port.grpc": free_port() for name in ports}
    options = {f"{name}.port": port for name, port in ports.items()} | grpc
    arguments = [f"-{name}={value}" for name, value in options.items()]
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("weed")), "server", f"-dir={folder}", "-ip=127.0.0.1", "-filer", "-s3",
             f"-s3.config={config}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.volumeSizeLimitMB=64",
             "-volume.max=200", "-master.telemetry=false", *arguments],
            stdout=log, stderr=log,
        )  # fmt: skip
    url = f"http://127.0.0.1:{ports['s3']}"
    try:
        _wait(url, process, folder / "weed.log")
        yield url
    finally:
        process.kill()  # asked nicely it takes ten seconds, and nothing of it is kept
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=10).close()
        except HTTPError:
            return  # it answers
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"SeaweedFS did not start: {log.read_text()[-2000:]}")


@contextmanager
def webdav(folder: Path) -> Iterator[str]:
    """The URL of a WebDAV server over `folder`; user ACCESS_KEY, password SECRET_KEY."""
    from cheroot import wsgi
    from wsgidav.wsgidav_app import WsgiDAVApp

    users: dict[str, Any] = {"*": {ACCESS_KEY: {"password": SECRET_KEY}}}
    app = WsgiDAVApp(
        {
            "provider_mapping": {"/": str(folder)},
            "simple_dc": {"user_mapping": users},
            "logging": {"enable": False},
            "verbose": 0,
        }
    )
    server = wsgi.Server(("127.0.0.1", free_port()), app, numthreads=8)
    server.prepare()
    thread = Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.bind_addr[1]}"
    finally:
        server.stop()
        thread.join(10)
