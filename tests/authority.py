"""deploy/certificates.py, as a module: an authority of one's own and certificates of servers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any


def _module() -> Any:
    file = Path(__file__).parents[1] / "deploy" / "certificates.py"
    spec = importlib.util.spec_from_file_location("certificates", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


certificates = _module()
