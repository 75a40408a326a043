"""A model's state as bytes: what a run comes back to, and what opens the last boundary when a model is revealed.

    "bailee model v1\\n" | header length, 4 bytes big endian | header, canonical JSON | values, int64 little endian

header: {"seed": hex, "note", "weights": [[name, shape]...], "velocity": [...]}; values in that order, row by row.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bailee.errors import RecordError
from bailee.records.canonical import Json, canonical, parse
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.optimizer import State, Weights

MAGIC = b"bailee model v1\n"
_MAX_HEADER = 1 << 20


@dataclass(frozen=True)
class ModelFile:
    """A state, the seed (32 bytes) of its commitment, and a note of the trainer's own that is never published."""

    state: State
    seed: bytes
    note: Json = None

    def __repr__(self) -> str:
        return "ModelFile(<secret>)"


def write_model(file: ModelFile) -> bytes:
    header: dict[str, Json] = {"seed": file.seed.hex(), "note": file.note}
    parts: list[bytes] = []
    for name, tensors in (("weights", file.state.weights), ("velocity", file.state.velocity)):
        header[name] = [[key, list(values.shape)] for key, values in tensors.items()]
        parts += [np.ascontiguousarray(values, dtype="<i8").tobytes() for values in tensors.values()]
    head = canonical(header)
    return b"".join((MAGIC, struct.pack(">I", len(head)), head, *parts))


def read_model(data: bytes, architecture: Architecture) -> ModelFile:
    """The file's content. Raises RecordError for anything but exactly a state of this architecture."""
    start = len(MAGIC) + 4
    if data[: len(MAGIC)] != MAGIC or len(data) < start:
        raise RecordError("model file: it does not begin as a model of version 1 does")
    (length,) = struct.unpack(">I", data[len(MAGIC) : start])
    if length > _MAX_HEADER or len(data) < start + length:
        raise RecordError("model file: its header is cut off")
    header = parse(data[start : start + length])
    if not isinstance(header, Mapping) or set(header) != {"seed", "note", "weights", "velocity"}:
        raise RecordError("model file: expected a header of seed, note, weights and velocity")
    seed = header["seed"]
    if not isinstance(seed, str) or len(seed) != 64 or any(letter not in "0123456789abcdef" for letter in seed):
        raise RecordError("model file: a seed has 64 lower-case hex digits")
    wanted = [[one.name, list(one.shape)] for one in architecture.parameters]
    place = start + length
    weights, place = _tensors(data, place, header["weights"], wanted)
    velocity, place = _tensors(data, place, header["velocity"], wanted if header["velocity"] else [])
    if place != len(data):
        raise RecordError(f"model file: {len(data) - place} bytes too many")
    return ModelFile(State(weights, velocity), bytes.fromhex(seed), header["note"])


def _tensors(data: bytes, place: int, listed: Any, wanted: list[list[Any]]) -> tuple[Weights, int]:
    if listed != wanted:
        raise RecordError("model file: its tensors are not those of the plan's model")
    found: Weights = {}
    for name, shape in wanted:
        end = place + 8 * math.prod(shape)
        if end > len(data):
            raise RecordError(f"model file: {name} is cut off")
        found[name] = np.frombuffer(data[place:end], dtype="<i8").astype(np.int64).reshape(shape)
        place = end
    return found, place
