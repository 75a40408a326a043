"""The console from the command to the first useful page: `bailee console` in a process of its own.

Wall time until the link is printed and until the page behind it is there; the process's own processor time and memory;
how long each page takes then. With --nicegui PYTHON (an interpreter that has NiceGUI): the same for its smallest page.

    python benchmarks/bench_console.py HOME [--times N] [--nicegui PYTHON]
"""

from __future__ import annotations

import argparse
import http.cookiejar
import json
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from measure import machine

PAGES = ("/", "/datasets", "/requests", "/grants", "/uses", "/budget", "/stores")
_HELLO = """
from nicegui import ui
ui.run(lambda: ui.label("hello"), host="127.0.0.1", port={port}, show=False, reload=False)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cost(process: int) -> tuple[float, float]:
    """Processor seconds, and memory in MB."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    rss = next(line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return (int(fields[11]) + int(fields[12])) / 100, int(rss.split()[1]) / 1024


def ours(home: Path, after: Callable[[urllib.request.OpenerDirector, str], None]) -> dict[str, float]:
    port, began = free_port(), time.perf_counter()
    command = [sys.executable, "-c", "from bailee.cli import main; main()", "console", "--no-open", "--json",
               "--listen", f"127.0.0.1:{port}", "--home", str(home)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        link = json.loads(process.stdout.readline())["link"]
        printed = time.perf_counter() - began
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        opened(opener, link)
        opener.open(f"http://127.0.0.1:{port}/").read()
        spent = time.perf_counter() - began
        processor, memory = cost(process.pid)
        after(opener, f"http://127.0.0.1:{port}")
        process.terminate()
    return {"link": printed, "first page": spent, "processor": processor, "MB": memory}


def theirs(python: str) -> dict[str, float]:
    port, began = free_port(), time.perf_counter()
    with subprocess.Popen([python, "-c", _HELLO.format(port=port)], stdout=subprocess.DEVNULL) as process:
        data = opened(urllib.request.build_opener(), f"http://127.0.0.1:{port}/")
        spent = time.perf_counter() - began
        processor, memory = cost(process.pid)
        process.terminate()
    return {"first page": spent, "processor": processor, "MB": memory, "bytes of HTML": float(len(data))}


def opened(opener: urllib.request.OpenerDirector, url: str) -> bytes:
    for _ in range(3000):
        try:
            return bytes(opener.open(url).read())
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.01)
    raise TimeoutError(url)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--nicegui")
    asked = parser.parse_args()
    machine()
    pages: dict[str, list[float]] = {path: [] for path in PAGES}

    def each(opener: urllib.request.OpenerDirector, base: str) -> None:
        for path, times in pages.items():
            for _ in range(5):
                began = time.perf_counter()
                opener.open(base + path).read()
                times.append(time.perf_counter() - began)

    for name, run in (("ours", lambda: ours(asked.home, each)), ("nicegui", lambda: theirs(asked.nicegui))):
        if name == "nicegui" and not asked.nicegui:
            continue
        found = [run() for _ in range(asked.times)]
        print(name, {what: round(statistics.median(one[what] for one in found), 2) for what in found[0]})
    for path, times in pages.items():
        print(f"{path:12} median {1000 * statistics.median(times):6.1f} ms, most {1000 * max(times):6.1f} ms")


if __name__ == "__main__":
    main()
