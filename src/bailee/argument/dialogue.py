"""The two ends of a proof: what is sent, what is hidden, what is drawn (docs/protocol.md, sections 2 and 4).

The reduction is written once over a `Dialogue`. A `Proving` one computes each value, hides it under the next pad and
keeps what it sent; a `Checking` one reads what was sent; a `Counting` one only counts the pads a tape will need.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bailee.algebra.field import e_sub
from bailee.argument.affine import Ext, Form, Hidden, System
from bailee.argument.parameters import Costs
from bailee.argument.transcript import Transcript
from bailee.errors import ProofFormatError


@dataclass
class Dialogue(ABC):
    """Common to all ends: the system of constraints that grows, and the tally."""

    system: System = field(default_factory=System)
    tally: Costs = field(default_factory=Costs)
    blind: ClassVar[bool] = False
    """Whether no value matters: only which messages are sent, and which of them are multiplied."""

    @abstractmethod
    def send(self, value: Ext) -> Hidden:
        """The form of the next hidden value. Only a prover knows `value`; the others pass zero."""

    @abstractmethod
    def challenge(self, label: str) -> Ext: ...

    def zero(self, form: Form) -> None:
        self.system.zero(form)

    def product(self, x: Hidden, y: Hidden) -> Form:
        return self.system.product(x, y)


@dataclass
class Proving(Dialogue):
    transcript: Transcript = field(default_factory=Transcript)
    pads: NDArray[np.uint64] = field(default_factory=lambda: np.zeros((0, 2), dtype=np.uint64), repr=False)
    sent: list[Ext] = field(default_factory=list)

    def send(self, value: Ext) -> Hidden:
        pad = self.pads[self.system.pads]
        hidden = e_sub(value, (int(pad[0]), int(pad[1])))
        self.sent.append(hidden)
        self.transcript.absorb_ext("hidden", hidden)
        return self.system.received(hidden)

    def challenge(self, label: str) -> Ext:
        return self.transcript.challenge(label)


@dataclass
class Checking(Dialogue):
    transcript: Transcript = field(default_factory=Transcript)
    messages: list[Ext] = field(default_factory=list)

    def send(self, value: Ext) -> Hidden:
        if self.system.pads >= len(self.messages):
            raise ProofFormatError(
                f"the proof sends {len(self.messages)} values, the statement needs more: it proves something else"
            )
        message = self.messages[self.system.pads]
        self.transcript.absorb_ext("hidden", message)
        return self.system.received(message)

    def challenge(self, label: str) -> Ext:
        return self.transcript.challenge(label)


@dataclass
class Counting(Dialogue):
    """Runs a reduction on shapes alone. Challenges are all different, so that no two points coincide by accident.

    Forms have no terms here, and nothing is recorded but pads and pairs.
    """

    drawn: int = 2
    blind: ClassVar[bool] = True

    def send(self, value: Ext) -> Hidden:
        self.system.pads += 1
        return Hidden((0, 0), {}, self.system.pads - 1)

    def zero(self, form: Form) -> None:
        pass

    def product(self, x: Hidden, y: Hidden) -> Form:
        self.system.pair(x, y)
        return Form((0, 0))

    def challenge(self, label: str) -> Ext:
        self.drawn += 1
        return (self.drawn, 1)
