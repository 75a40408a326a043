"""Every `bash` block of the README and the how-tos runs, in that order, in one folder; other blocks are only shown."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from ports import free_port

ROOT = Path(__file__).parents[1]
PAGES = (
    "README.md", "docs/howto/owner.md", "docs/howto/builder.md", "docs/howto/verifier.md", "docs/howto/hidden-model.md",
    "docs/howto/export.md", "docs/howto/release.md", "docs/howto/vault.md", "docs/howto/s3.md",
    "docs/howto/api.md", "docs/howto/ledger.md", "docs/howto/consumer.md", "docs/howto/console.md",
    "docs/howto/own-table.md", "docs/howto/own-model.md", "docs/howto/own-images.md",
    "docs/howto/three-organisations.md", "docs/howto/deploy.md",
)  # fmt: skip
_BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def blocks(page: str) -> list[str]:
    return _BLOCK.findall((ROOT / page).read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a checkout looks to somebody who follows the README."""
    made = tmp_path_factory.mktemp("readme")
    (made / "examples").symlink_to(ROOT / "examples")
    return made


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_block_runs(page: str, folder: Path) -> None:
    found = blocks(page)
    assert found
    begin = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"  # a door must not outlive a failure
    ports = {name: str(free_port()) for name in ("7447", "8402", "8440", "8443", "8444", "8545", "9000")}
    script = begin + re.sub(r"(?<=127\.0\.0\.1:)(\d+)", lambda found: ports[found[0]], "\n".join(found))
    path = os.pathsep.join([sysconfig.get_path("scripts"), str(Path(sys.executable).parent), os.environ["PATH"]])
    assert shutil.which("bailee", path=path)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=1_800,
    )
    assert done.returncode == 0, f"{page}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize(
    "page", [str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]]
)
def test_links_lead_somewhere(page: str) -> None:
    lost = [
        link for link in _LINK.findall((ROOT / page).read_text()) if not (ROOT / page).parent.joinpath(link).exists()
    ]
    assert not lost, f"{page} links to {', '.join(lost)}"


def test_every_test_that_a_page_names_exists() -> None:
    named = re.findall(r"`(\w+/test_\w+\.py|attacks/\w+\.py)`", (ROOT / "docs/attacks.md").read_text())
    assert named
    lost = sorted({name for name in named if not (ROOT / "tests" / name).is_file()})
    assert not lost, f"docs/attacks.md names tests that are not there: {', '.join(lost)}"
