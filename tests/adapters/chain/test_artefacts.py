"""What is shipped is what the sources in contracts/ give, byte for byte."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_artefact_is_what_its_source_compiles_to() -> None:
    found = subprocess.run([sys.executable, "script/contracts.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
