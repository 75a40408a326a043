"""Parameters of the codes, derived from shapes, and the soundness they buy (docs/protocol.md, sections 3, 9, 10).

Nothing here is sent or chosen by a prover: both sides derive the same numbers from the shapes in the statement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from bailee.algebra.field import P
from bailee.errors import ProofError, ProofFormatError

QUERY_BITS, QUERY_BITS_LARGE = 108, 103
"""Bits bought by the opened columns of each commitment and of the closing, and of a large commitment, where columns
cost most: a proof on four large commitments and any number of others stays above 100 in sum."""

LEAST_BITS = 100
"""A proof whose errors add up to more than 2^-100 is rejected, whatever it says."""

CLOSING_WIDTH = 256
_LARGEST = 1 << 32
_LARGE = 1 << 23  # from here on half the encoding is worth a third more bytes


def query_bits(values: int) -> int:
    """What the opened columns of a commitment to so many values buy."""
    return QUERY_BITS_LARGE if values >= _LARGE else QUERY_BITS


def _queries(n: int, radius: int, bits: int) -> int:
    """The least t with ((n - radius - 1) / n)^t <= 2^-bits: exact integers, so that every machine agrees."""
    if radius < 0:
        return n + 1
    t = max(1, math.floor(bits / math.log2(n / (n - radius - 1))) - 2)
    while (n - radius - 1) ** t << bits > n**t:
        t += 1
    return t


@dataclass(frozen=True)
class CodeParameters:
    """The shape of one commitment: `rows` of `width` values; `queries` of `length` columns opened each time."""

    rows: int
    width: int
    length: int
    queries: int
    openings: int

    @property
    def tail(self) -> int:
        """Uniform coefficients per row: one for each column that may ever be opened."""
        return self.openings * self.queries

    @property
    def height(self) -> int:
        """Entries of a column: the data rows and two mask rows for each opening."""
        return self.rows + 2 * self.openings

    @property
    def variables(self) -> int:
        return max(0, (self.rows * self.width - 1).bit_length())

    @property
    def column_variables(self) -> int:
        return self.width.bit_length() - 1


@lru_cache(maxsize=256)
def code_parameters(values: int, openings: int) -> CodeParameters:
    """The cheapest code for `values` committed values that may be opened `openings` times."""
    if not 0 < values <= _LARGEST or not 0 < openings <= 64:
        raise ProofFormatError(
            f"a commitment holds 1 to 2^32 values and 1 to 64 openings, not {values} and {openings}: split the data"
        )
    best: tuple[int, CodeParameters] | None = None
    for log in range(8, 21):
        width = 1 << log
        rows = -(-values // width)
        for stretch in (2,) if values >= _LARGE else (4, 8, 16, 32):
            length, most = stretch * width, 9 if stretch == 2 else 5
            queries = 1
            while True:
                dimension = width + openings * queries
                if openings * queries > width or 16 * dimension > most * length:
                    queries = 0
                    break
                needed = _queries(length, (length - dimension) // 2, query_bits(values))
                if needed == queries:
                    break
                queries = needed
            if queries:
                found = CodeParameters(rows, width, length, queries, openings)
                cost = queries * (8 * found.height + 16) + 16 * (width + found.tail)
                if best is None or cost < best[0]:
                    best = cost, found
                break
    if best is None:
        raise ProofFormatError(f"no code fits {values} values with {openings} openings: ask for fewer openings")
    return best[1]


@dataclass(frozen=True)
class ClosingParameters:
    """The shape of the closing system: rows of pads and of the X, Y, Z of pairs, each CLOSING_WIDTH values of E."""

    pads: int
    pairs: int
    length: int
    queries: int

    @property
    def pad_rows(self) -> int:
        return -(-self.pads // CLOSING_WIDTH)

    @property
    def pair_rows(self) -> int:
        return -(-self.pairs // CLOSING_WIDTH)

    @property
    def rows(self) -> int:
        return self.pad_rows + 3 * self.pair_rows

    @property
    def dimension(self) -> int:
        return CLOSING_WIDTH + self.queries

    @property
    def product_length(self) -> int:
        """Coefficients of a product of two code words."""
        return 2 * self.dimension - 1

    @property
    def linear_length(self) -> int:
        """Coefficients of f_B: a code word times the interpolant of CLOSING_WIDTH coefficients."""
        return CLOSING_WIDTH + self.dimension - 1

    @property
    def quotient_length(self) -> int:
        """Coefficients of f_C: what X^L - 1 leaves of a product."""
        return self.product_length - CLOSING_WIDTH


@lru_cache(maxsize=1)
def _closing_code() -> tuple[int, int]:
    length = 16 * CLOSING_WIDTH
    while True:
        queries = 1
        while 16 * (CLOSING_WIDTH + queries) <= length:
            needed = _queries(length, (length - 2 * (CLOSING_WIDTH + queries) + 1) // 2, QUERY_BITS)
            if needed == queries:
                return length, queries
            queries = needed
        length *= 2


def closing_parameters(pads: int, pairs: int) -> ClosingParameters:
    length, queries = _closing_code()
    return ClosingParameters(pads, pairs, length, queries)


@dataclass
class Costs:
    """What the reduction of one tape spends, counted while it runs: the lines of the soundness table."""

    rounds: int = 0
    layers: int = 0
    lookup_degree: int = 0
    assertion_bits: int = 0
    claims: int = 0
    openings: int = 0
    constraints: int = 0
    pairs: int = 0


def soundness(costs: Costs, codes: tuple[CodeParameters, ...], closing: ClosingParameters) -> dict[str, float]:
    """The error of each step as bits, and of their sum under "total" (docs/protocol.md, section 10)."""
    field = 2.0 * math.log2(P)

    def over_field(numerator: float) -> float:
        return 2.0 ** (math.log2(numerator) - field) if numerator > 0 else 0.0

    query_error = sum(
        2.0 ** (c.queries * math.log2((c.length - (c.length - c.width - c.tail) // 2 - 1) / c.length)) for c in codes
    )
    radius = (closing.length - 2 * closing.dimension + 1) // 2
    closing_query = 2.0 ** (closing.queries * math.log2((closing.length - radius - 1) / closing.length))
    errors = {
        "queries": query_error + closing_query,
        "proximity": sum(over_field((1 + max(0, c.variables - c.column_variables)) * c.length) for c in codes),
        "closing proximity": over_field((closing.rows + 1) * closing.length),
        "closing combination": over_field(costs.constraints + costs.pairs + 1),
        "sumchecks": over_field(3 * costs.rounds),
        "layers": over_field(2 * costs.layers),
        "look-ups": over_field(costs.lookup_degree),
        "assertions": over_field(costs.assertion_bits),
        "batching": over_field(costs.claims),
        "masks": over_field(costs.openings),
    }
    errors["total"] = sum(errors.values())
    return {name: -math.log2(error) if error else math.inf for name, error in errors.items()}


def require_soundness(table: dict[str, float]) -> dict[str, float]:
    """The table, or ProofError where it sums to less than LEAST_BITS."""
    if table["total"] < LEAST_BITS:
        bits = f"{table['total']:.1f}"
        raise ProofError(f"a proof of this size is sound to {bits} bits, at least {LEAST_BITS} are asked: split it")
    return table
