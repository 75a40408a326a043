"""The contracts as they are shipped: ABI and creation code, compiled from contracts/ (script/contracts)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

NAMES = ("Arbiters", "Coin", "Grants", "Registry", "Shares", "Verifiers")


@dataclass(frozen=True)
class Artefact:
    """`creation`: bytes that, with the encoded arguments of the constructor behind them, create the contract."""

    name: str
    abi: list[dict[str, Any]] = field(repr=False, hash=False)
    creation: bytes = field(repr=False)
    compiler: str
    source: str
    """Hex BLAKE3 of the source it was compiled from."""

    def created_by(self, *arguments: Any) -> bytes:
        """Creation code with the constructor's arguments."""
        from eth_abi.abi import encode
        from eth_utils.abi import collapse_if_tuple

        inputs: list[dict[str, Any]] = next(
            (entry["inputs"] for entry in self.abi if entry["type"] == "constructor"), []
        )
        return self.creation + encode([collapse_if_tuple(one) for one in inputs], arguments)

    @property
    def blueprint(self) -> bytes:
        """Creation code of a contract that holds this one's creation code and does nothing itself (ERC-5202)."""
        code = b"\xfe\x71\x00" + self.creation
        # PUSH2 size, then copy what follows these ten bytes and return it.
        return b"\x61" + len(code).to_bytes(2, "big") + bytes.fromhex("3d81600a3d39f3") + code

    def made(self, code: bytes) -> bool:
        """Whether `code`, read from a chain, is what this creation code leaves behind (immutable values aside)."""
        # Vyper puts immutable words of 32 bytes, here at most eight, behind the code that lies in the creation code;
        # most of that is this code, so no scrap of it passes.
        ends = (len(code) - 32 * words for words in range(9))
        return any(2 * end > len(self.creation) and code[:end] in self.creation for end in ends)


@cache
def artefact(name: str) -> Artefact:
    """One of NAMES."""
    path = resources.files("bailee.adapters.chain") / "artefacts" / f"{name}.json"
    found = json.loads(path.read_bytes())
    return Artefact(
        name=found["name"],
        abi=found["abi"],
        creation=bytes.fromhex(found["bytecode"].removeprefix("0x")),
        compiler=found["compiler"],
        source=found["source"],
    )
