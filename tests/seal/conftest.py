"""A table, its schema, an owner, and a stand-in for the argument system that is fast and checks what it is given."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3
from numpy.typing import NDArray

from bailee.argument.commitment_record import Commitment
from bailee.errors import ProofError
from bailee.keys import Identity
from bailee.records.schema import Schema

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ANN = Identity.generate("St. Ann")

SCHEMA = b"""
[dataset]
name = "heart"
label = "sick"
missing_values = ["", "?"]

[[column]]
name = "age"
type = "number"
min = 0
max = 100

[[column]]
name = "vessels"
type = "integer"
min = 0
max = 4
missing = { value = 1 }

[[column]]
name = "pain"
type = "category"
categories = ["none", "mild", "bad"]

[[column]]
name = "smoker"
type = "flag"
missing = { value = false }

[[column]]
name = "sick"
type = "integer"
min = 0
max = 4
positive_above = 0
"""
TABLE = """id,pain,age,vessels,smoker,sick
1,none,50,0,true,0
2,mild,0,4,FALSE,1
3,bad, 100 ,?,,4
4,none,25.5,2,1,0
"""


class StandIn:
    """Proves by hashing everything a proof must be bound to. Hides nothing: for tests of what surrounds the proofs."""

    def commit(self, matrix: NDArray[np.int64], openings: int, seed: bytes) -> Commitment:
        return Commitment(blake3(matrix.tobytes() + seed).digest(), (("rows", 10),), openings)

    def _valid(self, schema: Schema, rows: int, commitment: Commitment, opening: int, context: bytes) -> bytes:
        return blake3(repr((schema.layout, rows, commitment, opening, context)).encode()).digest(length=100)

    def valid(self, schema: Schema, *rest: object) -> bytes:
        if len(rest) == 5:
            matrix, seed, openings, opening, context = rest
            commitment = self.commit(matrix, openings, seed)
            return self._valid(schema, len(matrix), commitment, opening, context)
        rows, commitment, opening, context, proof, _plain = rest
        if proof != self._valid(schema, rows, commitment, opening, context):
            raise ProofError("the stand-in proof is wrong")
        return b""

    def equal(
        self, first: object, old: tuple, new: tuple, context: bytes, proof: bytes = b"", plain: bool = False
    ) -> bytes:
        if isinstance(first, np.ndarray):
            (old_seed, old_openings, old_opening), (new_seed, new_openings, new_opening) = old, new
            shape, before = first.shape, (self.commit(first, old_openings, old_seed), old_opening)
            after = (self.commit(first, new_openings, new_seed), new_opening)
            return blake3(repr((shape, before, after, context)).encode()).digest(length=100)
        if proof != blake3(repr((first, old, new, context)).encode()).digest(length=100):
            raise ProofError("the stand-in equality proof is wrong")
        return b""


@pytest.fixture
def owner() -> Identity:
    return ANN


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
def schema_toml() -> bytes:
    return SCHEMA


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    return path
