"""What the world sees of a commitment: its root, the tensors it holds and how many openings it bears."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bailee.argument.parameters import CodeParameters, code_parameters
from bailee.errors import RecordError


@dataclass(frozen=True)
class Commitment:
    """`shape` lists (tensor, log2 of its size) in the order they were given; `openings` is the budget."""

    root: bytes
    shape: tuple[tuple[str, int], ...]
    openings: int

    @property
    def code(self) -> CodeParameters:
        return code_parameters(sum(1 << bits for _, bits in self.shape), self.openings)

    def to_json(self) -> dict[str, Any]:
        return {"root": self.root.hex(), "shape": [[n, b] for n, b in self.shape], "openings": self.openings}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Commitment:
        """Raises RecordError on anything but what `to_json` writes."""
        if not isinstance(data, Mapping) or set(data) != {"root", "shape", "openings"}:
            raise RecordError("a commitment has exactly root, shape and openings")
        root, shape, openings = data["root"], data["shape"], data["openings"]
        if not isinstance(root, str) or not re.fullmatch("[0-9a-f]{64}", root):
            raise RecordError("a commitment's root is 64 lower-case hex digits")
        if type(openings) is not int or not 1 <= openings <= 64:
            raise RecordError("a commitment bears 1 to 64 openings")
        tensors: list[tuple[str, int]] = []
        for entry in shape if isinstance(shape, list) else [None]:
            if not (
                isinstance(entry, list)
                and len(entry) == 2
                and isinstance(entry[0], str)
                and type(entry[1]) is int
                and 0 <= entry[1] <= 32
            ):
                raise RecordError("a commitment's shape is a list of [name, log2 size]")
            tensors.append((entry[0], entry[1]))
        if not tensors or len({name for name, _ in tensors}) != len(tensors):
            raise RecordError("a commitment holds at least one tensor, each under its own name")
        return Commitment(bytes.fromhex(root), tuple(tensors), openings)


def layout(shape: tuple[tuple[str, int], ...]) -> dict[str, int]:
    """The offset of each tensor in the committed vector: by decreasing size, ties as given."""
    offsets: dict[str, int] = {}
    position = 0
    for name, bits in sorted(shape, key=lambda entry: -entry[1]):
        offsets[name] = position
        position += 1 << bits
    return offsets
