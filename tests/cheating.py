"""A prover that refuses nothing: it counts what is not in a table as something that is, and sends what it made."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bailee.argument import prover
from bailee.argument.nodes import Lookup
from bailee.argument.tape import Tape


def look_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def locate(self: Tape, look: Lookup, start: int, stop: int) -> NDArray[np.int64]:
        rows = look.table.locate([self.part(column, start, stop) for column in look.columns])
        return np.bincount(np.clip(rows, 0, look.table.axis.size - 1), minlength=look.table.axis.size)

    monkeypatch.setattr(Tape, "_locate", locate)
    monkeypatch.setattr(Tape, "_compare", lambda *_: None)
    monkeypatch.setattr(prover, "check_assertions", lambda tape: None)
    monkeypatch.setattr(prover, "verify", lambda *_: None)
