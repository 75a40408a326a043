"""Hidden values as affine forms over pads, and the constraints they end in (docs/protocol.md, section 4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from bailee.algebra.field import e_add, e_mul, e_neg

Ext = tuple[int, int]
ZERO: Ext = (0, 0)
ONE: Ext = (1, 0)


@dataclass(frozen=True)
class Form:
    """`constant + sum coefficient * slot`. Slot i >= 0 is pad i; slot -1-k is the product of pair k."""

    constant: Ext
    terms: dict[int, Ext] = field(default_factory=dict)

    def scaled(self, by: Ext) -> Form:
        return Form(e_mul(self.constant, by), {slot: e_mul(value, by) for slot, value in self.terms.items()})

    def plus(self, other: Form, by: Ext = ONE) -> Form:
        """`self + by * other`."""
        terms = dict(self.terms)
        for slot, value in other.terms.items():
            terms[slot] = e_add(terms.get(slot, ZERO), value if by == ONE else e_mul(value, by))
        return Form(e_add(self.constant, e_mul(other.constant, by)), terms)

    def minus(self, other: Form) -> Form:
        return self.plus(other, e_neg(ONE))

    def plus_constant(self, value: Ext) -> Form:
        return Form(e_add(self.constant, value), self.terms)

    @property
    def is_public(self) -> bool:
        return not self.terms


def public(value: Ext) -> Form:
    return Form(value)


@dataclass(frozen=True)
class Hidden(Form):
    """A value that was sent: what was sent, plus one pad."""

    pad: int = -1


@dataclass
class System:
    """Everything a reduction recorded: how many pads, which pairs of them are multiplied, which forms are zero."""

    pads: int = 0
    pairs: list[tuple[int, int]] = field(default_factory=list)
    zeros: list[Form] = field(default_factory=list)
    _pair_index: dict[tuple[int, int], int] = field(default_factory=dict)

    def received(self, sent: Ext) -> Hidden:
        self.pads += 1
        return Hidden(sent, {self.pads - 1: ONE}, self.pads - 1)

    def zero(self, form: Form) -> None:
        self.zeros.append(form)

    def pair(self, x: Hidden, y: Hidden) -> int:
        """The number of this unordered pair of pads, which is made once."""
        pair = (min(x.pad, y.pad), max(x.pad, y.pad))
        if pair not in self._pair_index:
            self._pair_index[pair] = len(self.pairs)
            self.pairs.append(pair)
        return self._pair_index[pair]

    def product(self, x: Hidden, y: Hidden) -> Form:
        slot = -1 - self.pair(x, y)
        base = Form(e_mul(x.constant, y.constant), {slot: ONE})
        return base.plus(Form(ZERO, {y.pad: ONE}), x.constant).plus(Form(ZERO, {x.pad: ONE}), y.constant)
