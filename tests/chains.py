"""Chains for tests, behind one face: anvil, a node of another maker, and the embedded chain. Accounts have money.

`with open_engine("anvil", folder) as engine: engine.chain.send(..., engine.accounts[0])`, or the fixture `engine`,
which runs a module's tests on each: `from chains import engine  # noqa: F401`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from bailee.adapters.chain.chain import Chain
from bailee.adapters.chain.embedded.memory import MemoryLedger
from bailee.adapters.chain.embedded.provider import EmbeddedProvider
from bailee.adapters.chain.opening import embedded_chain, open_chain
from bailee.errors import ChainError
from ports import free_port

ENGINES = ("anvil", "embedded")
RICH = 10_000 * 10**18
"""What each account has, in wei."""
DEPLOYMENT_PROXY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
_ROOT = Path(__file__).resolve().parents[1]


def account(number: int) -> LocalAccount:
    """A test account: the same key for the same number, everywhere."""
    return Account.from_key(keccak(b"bailee test account %d" % number))  # type: ignore[no-any-return]


@dataclass
class Engine:
    """An open chain, ten accounts with RICH wei each, and what only test chains can do."""

    name: str
    chain: Chain
    accounts: list[LocalAccount] = field(default_factory=lambda: [account(number) for number in range(10)])

    def fund(self, address: str, wei: int) -> None:
        """Give `address` that much more, a multiple of 10^9."""
        provider = self.chain.web3.provider
        if isinstance(provider, EmbeddedProvider):
            provider.ledger.fund(bytes.fromhex(address[2:]), wei)
            return
        had = self.chain.web3.eth.get_balance(address)  # type: ignore[arg-type]
        self._ask("anvil_setBalance", address, hex(had + wei))

    def advance(self, seconds: int) -> None:
        """A block whose time is `seconds` later than it would be, and so are all after it."""
        self._ask("evm_increaseTime", hex(seconds))
        self._ask("evm_mine")

    def mine(self, blocks: int = 1) -> None:
        """That many blocks without transactions."""
        for _ in range(blocks):
            self._ask("evm_mine")

    def snapshot(self) -> Any:
        """The state as it is now, to go back to by `revert`, once."""
        return self._ask("evm_snapshot")

    def revert(self, snapshot: Any) -> None:
        assert self._ask("evm_revert", snapshot) is True

    def _ask(self, method: str, *parameters: Any) -> Any:
        answer = self.chain.web3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
        assert "error" not in answer, answer["error"]
        return answer["result"]


@contextmanager
def open_engine(name: str, folder: Path) -> Iterator[Engine]:
    """A chain of that engine, new and empty but for the accounts' money. Skips the test where it cannot be had."""
    with _opened(name, folder) as chain:
        engine = Engine(name, chain)
        for one in engine.accounts:
            engine.fund(one.address, RICH)
        yield engine


@contextmanager
def _opened(name: str, folder: Path) -> Iterator[Chain]:
    if name == "embedded":
        with embedded_chain(MemoryLedger()) as chain:
            yield chain
        return
    with _anvil(folder) as url, open_chain(url) as chain:
        yield chain


@pytest.fixture(params=ENGINES, scope="module")
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with open_engine(request.param, tmp_path_factory.mktemp(request.param)) as opened:
        yield opened


def anvil_program() -> str:
    """anvil's own program; npm's wrapper around it would leave it behind when killed."""
    named = os.environ.get("BAILEE_ANVIL") or str(_ROOT / ".tools/node_modules/.bin/anvil")
    packages = Path(named).parent.parent / "@foundry-rs"
    found = [str(path) for path in packages.glob("anvil-*/bin/anvil")] or [shutil.which(named) or ""]
    if not found[0]:
        pytest.skip("anvil is not here: script/tools fetches it where npm is, or name it in BAILEE_ANVIL")
    return found[0]


@contextmanager
def _anvil(folder: Path) -> Iterator[str]:
    program, port = anvil_program(), free_port()
    with (folder / "anvil.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "--host", "127.0.0.1", "--port", str(port), "--hardfork", "prague", "--accounts", "0"],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, folder / "anvil.log")
        yield url
    finally:
        process.kill()  # it keeps nothing
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        try:
            open_chain(url).close()
        except ChainError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"anvil did not start: {log.read_text()[-2000:]}")
