"""Croissant files as mlcroissant, the library of the format, reads them, in an environment of its own."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_PYTHON = Path(__file__).parents[1] / ".tools" / "croissant" / "bin" / "python"
_READ = """
import json, logging, sys
import mlcroissant

warned = []
handler = logging.Handler()
handler.emit = lambda record: warned.append(record.getMessage())
logging.getLogger().addHandler(handler)
found = mlcroissant.Dataset(jsonld=sys.argv[1])
told = lambda value: value.decode() if isinstance(value, bytes) else getattr(value, "item", lambda: value)()
records = [{name: told(value) for name, value in one.items()} for one in found.records(sys.argv[2])]
errors = sorted(map(str, found.metadata.ctx.issues.errors))
print(json.dumps({"name": found.metadata.name, "errors": errors, "warned": warned, "records": records}))
"""
needs_mlcroissant = pytest.mark.skipif(
    not _PYTHON.exists(), reason="mlcroissant is not in .tools/croissant; script/tools fetches it"
)


@dataclass(frozen=True)
class Read:
    """name: as the file gives it; records: of the record set that was asked for, columns by `set/column`."""

    name: Any
    errors: list[str]
    warned: list[str]
    records: list[dict[str, Any]]


def read_croissant(path: Path, records: str) -> Read:
    done = subprocess.run([_PYTHON, "-c", _READ, path, records], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return Read(**json.loads(done.stdout.splitlines()[-1]))
