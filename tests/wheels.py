"""The wheel and the source archive, built from a copy of the sources; and Python as `pip install` leaves it.

Installing again what the tests run with would take minutes. Instead the wheel is unpacked, and in a process of its own
every module is hidden that neither the core's requirements nor those of the extras asked for bring.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
_BUILD = "import sys; from setuptools import build_meta as b; out = sys.argv[1]; b.build_wheel(out); b.build_sdist(out)"
_HIDE = '''
import json, sys
from importlib.machinery import ModuleSpec
HIDDEN = frozenset(json.loads({hidden!r}))
class Hidden:
    """Modules that only extras not asked for would bring."""
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        return None
sys.meta_path.insert(0, Hidden())
'''


@dataclass(frozen=True)
class Built:
    wheel: Path
    archive: Path
    unpacked: Path
    """The wheel's contents, as pip lays them into site-packages."""


def build(folder: Path) -> Built:
    """From a copy: what an earlier build left beside the sources would get into the wheel."""
    sources, out = folder / "sources", folder / "dist"
    out.mkdir(parents=True)
    shutil.copytree(ROOT / "src", sources / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources / name)
    done = subprocess.run([sys.executable, "-c", _BUILD, str(out)], cwd=sources, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,), (archive,) = out.glob("*.whl"), out.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder / "unpacked")
    return Built(wheel, archive, folder / "unpacked")


def brought(requirements: Iterable[str], extras: Iterable[str] = ()) -> set[str]:
    """Names of all distributions that these requirements bring here, with what each installed one requires itself."""
    found: set[str] = set()
    waiting = [(list(requirements), frozenset(extras) or frozenset({""}))]
    while waiting:
        texts, wanted = waiting.pop()
        for one in map(Requirement, texts):
            if one.marker is not None and not any(one.marker.evaluate({"extra": extra}) for extra in wanted):
                continue
            name = canonicalize_name(one.name)
            if name in found and not one.extras:
                continue
            found.add(name)
            with suppress(importlib.metadata.PackageNotFoundError):  # for another platform
                waiting.append((importlib.metadata.requires(name) or [], frozenset(one.extras) or frozenset({""})))
    return found


@functools.cache
def owners() -> dict[str, set[str]]:
    """Of each module's first name that can be imported here, the distributions it is from."""
    listed = importlib.metadata.packages_distributions()
    found = {module: {canonicalize_name(name) for name in names} for module, names in listed.items()}
    found.setdefault("ethereum_optimized", {"ethereum-execution"})  # its own list of modules forgets this one
    return found


def environment(built: Built, folder: Path, *extras: str) -> dict[str, str]:
    """Variables for a process in which `bailee` is the wheel and only the core and these extras can be imported."""
    (metadata,) = built.unpacked.glob("*.dist-info")
    allowed = brought(importlib.metadata.PathDistribution(metadata).requires or (), extras)
    hidden = sorted(module for module, names in owners().items() if module != "bailee" and not allowed & names)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(_HIDE.format(hidden=json.dumps(hidden)))
    paths = os.pathsep.join([str(folder), str(built.unpacked)])
    return os.environ | {"PYTHONPATH": paths, "COLUMNS": "200"}
