"""Compiles each contract to an artefact: its ABI, its bytecode, the compiler and the digest of its source.

The bytecode carries no metadata, so a comment changes no address; the compiler's version and every option are fixed
here, so the same source gives the same bytes anywhere. Called by script/contracts; a test calls it with --check.
Arguments: names of contracts (all, without one).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import vyper
from blake3 import blake3
from vyper.compiler import compile_code
from vyper.compiler.settings import OptimizationLevel, Settings
from vyper.exceptions import VyperException

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "contracts"
ARTEFACTS = ROOT / "src/bailee/adapters/chain/artefacts"
VYPER = "0.4.3"
EVM = "cancun"  # transient storage (cheap locks) and MCOPY; what every chain in use has
OPTIMISE: dict[str, str] = {}  # by name, where code would be too large; the others: gas
CODE_LIMIT = 24_576  # EIP-170, bytes of code at run time; a blueprint is code too


def compiled(source: Path) -> bytes:
    """The artefact's bytes for one contract. Raises SystemExit for another compiler or code that is too large."""
    if vyper.__version__ != VYPER:
        raise SystemExit(f"contracts: expected vyper {VYPER}, got {vyper.__version__}; run script/setup")
    text = source.read_text()
    level = OPTIMISE.get(source.stem, "gas")
    settings = Settings(evm_version=EVM, optimize=OptimizationLevel.from_string(level))
    try:
        found: dict[str, Any] = compile_code(
            text,
            contract_path=str(source),
            output_formats=["abi", "bytecode", "bytecode_runtime"],
            settings=settings,
            no_bytecode_metadata=True,
        )
    except VyperException as error:
        raise SystemExit(f"contracts: {source.name}: {error}") from None
    size = len(found["bytecode_runtime"]) // 2 - 1
    if size > CODE_LIMIT:
        raise SystemExit(f"contracts: {source.name} is {size} bytes at run time; a chain takes {CODE_LIMIT}")
    artefact = {
        "name": source.stem,
        "abi": found["abi"],
        "bytecode": found["bytecode"],
        "compiler": f"vyper {VYPER} --evm-version {EVM} --optimize {level} --no-bytecode-metadata",
        "source": blake3(text.encode()).hexdigest(),
    }
    return json.dumps(artefact, indent=1).encode() + b"\n"


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    names = [name for name in arguments if name != "--check"]
    sources = [SOURCES / f"{name}.vy" for name in names] or sorted(SOURCES.glob("*.vy"))
    if missing := [source.name for source in sources if not source.exists()]:
        raise SystemExit(f"contracts: no {', '.join(missing)} in {SOURCES}")
    wanted = {f"{source.stem}.json": compiled(source) for source in sources}
    there = {path.name: path.read_bytes() for path in ARTEFACTS.glob("*.json") if not names or path.stem in names}
    if check:
        wrong = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
        if wrong:
            print(
                f"contracts: {', '.join(wrong)} not as compiled from contracts/; run script/contracts", file=sys.stderr
            )
        return 1 if wrong else 0
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    for name in there.keys() - wanted.keys():
        (ARTEFACTS / name).unlink()
    for name, data in wanted.items():
        if there.get(name) != data:
            (ARTEFACTS / name).write_bytes(data)
            print(f"contracts: {name}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
