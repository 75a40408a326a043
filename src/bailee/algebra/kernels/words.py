"""Arithmetic on single elements, as LLVM code that Numba inlines: the 64 x 64 -> 128 bit product and its reduction.

Values are "canonical" (< p) or "loose" (any 64-bit word congruent to the value); each function says which it takes and
gives. Where a sum of products is wanted, 192-bit accumulators of three words delay the reduction to the end: with fewer
than 2^32 products their top word stays below 2^32.

The reductions select, they do not branch, so the time of one operation does not depend on the values.
Changing this file does not invalidate the compiled kernels Numba has stored: remove `__pycache__` of this package.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from bailee.algebra.field import P

F = TypeVar("F", bound=Callable[..., Any])
Acc3 = tuple[np.uint64, np.uint64, np.uint64]
Acc6 = tuple[np.uint64, np.uint64, np.uint64, np.uint64, np.uint64, np.uint64]
Pair = tuple[np.uint64, np.uint64]

ACC3 = (np.uint64(0),) * 3
ACC6 = (np.uint64(0),) * 6

_I64, _I128, _I192 = (ir.IntType(bits) for bits in (64, 128, 192))
_EPSILON = 2**32 - 1


def kernel(function: F) -> F:
    """Compile without the GIL, with the result stored on disk. Typed, so that mypy sees the Python signature."""
    compiled: F = numba.njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")(function)
    return compiled


def _wide(b: Any, x: Any, y: Any) -> Any:
    return b.mul(b.zext(x, _I128), b.zext(y, _I128))


def _halves(b: Any, wide: Any) -> tuple[Any, Any]:
    return b.trunc(wide, _I64), b.trunc(b.lshr(wide, wide.type(64)), _I64)


def _masked(b: Any, condition: Any) -> Any:
    """2^32 - 1 where the condition holds, else 0: the correction for a carry or borrow of 2^64."""
    return b.and_(b.sext(condition, _I64), _I64(_EPSILON))


def _loose_add(b: Any, x: Any, y: Any) -> Any:
    """Right when one side is at most p: the correction then cannot carry again."""
    total = b.add(x, y)
    return b.add(total, _masked(b, b.icmp_unsigned("<", total, x)))


def _loose_sub(b: Any, x: Any, y: Any) -> Any:
    """x loose, y canonical."""
    return b.sub(b.sub(x, y), _masked(b, b.icmp_unsigned("<", x, y)))


def _canonical(b: Any, x: Any) -> Any:
    return b.select(b.icmp_unsigned(">=", x, _I64(P)), b.add(x, _I64(_EPSILON)), x)


def _reduce(b: Any, lo: Any, hi: Any) -> Any:
    """hi*2^64 + lo, loose: with hi = h1*2^32 + h0 it is lo - h1 + h0*(2^32 - 1)."""
    first = _loose_sub(b, lo, b.lshr(hi, _I64(32)))
    low = b.and_(hi, _I64(_EPSILON))
    return _loose_add(b, first, b.sub(b.shl(low, _I64(32)), low))


def _product(b: Any, x: Any, y: Any) -> Any:
    return _reduce(b, *_halves(b, _wide(b, x, y)))


def _reduce192(b: Any, wide: Any) -> Any:
    """Loose, for a top word below 2^32: 2^128 = -2^32."""
    lo, hi = _halves(b, b.trunc(wide, _I128))
    top = b.trunc(b.lshr(wide, _I192(128)), _I64)
    return _loose_sub(b, _reduce(b, lo, hi), b.shl(top, _I64(32)))


def _join(b: Any, lo: Any, hi: Any, top: Any) -> Any:
    lo, hi, top = (b.zext(word, _I192) for word in (lo, hi, top))
    return b.or_(b.or_(lo, b.shl(hi, _I192(64))), b.shl(top, _I192(128)))


def _words(b: Any, wide: Any) -> list[Any]:
    return [b.trunc(b.lshr(wide, _I192(64 * i)), _I64) for i in range(3)]


def _accumulate(b: Any, wide: Any, x: Any, y: Any) -> Any:
    return b.add(wide, b.zext(_wide(b, x, y), _I192))


def _seven(b: Any, x: Any) -> Any:
    """7*x for canonical x, loose."""
    lo, hi = _halves(b, b.mul(b.zext(x, _I128), _I128(7)))
    return _loose_add(b, lo, b.sub(b.shl(hi, _I64(32)), hi))


def _two_products(b: Any, x: Any, y: Any, z: Any, w: Any) -> Any:
    """x*y + z*w, canonical. The sum may carry past 2^128 = (2^32 - 1)*2^64 modulo p*2^64, which is added back."""
    first = _wide(b, x, y)
    total = b.add(first, _wide(b, z, w))
    lo, hi = _halves(b, total)
    hi = b.add(hi, _masked(b, b.icmp_unsigned("<", total, first)))
    return _canonical(b, _reduce(b, lo, hi))


def _tuple(context: Any, b: Any, kind: Any, words: list[Any]) -> Any:
    return context.make_tuple(b, kind, words)


def _plain(emit: Callable[..., Any], arity: int, outputs: int) -> Callable[..., Any]:
    """The (signature, code generator) of an intrinsic from words to a word (outputs = 1) or to a tuple of words."""
    result = types.uint64 if outputs == 1 else types.UniTuple(types.uint64, outputs)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = emit(builder, *arguments)
        return value if outputs == 1 else _tuple(context, builder, result, list(value))

    return lambda: (result(*(types.uint64,) * arity), generate)


def _accumulator(emit: Callable[..., Any], width: int, arity: int, outputs: int) -> Callable[..., Any]:
    """As `_plain`, with an accumulator of `width` words as a tuple before the `arity` words."""
    state = types.UniTuple(types.uint64, width)
    result = types.uint64 if outputs == 1 else types.UniTuple(types.uint64, outputs)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        words = [builder.extract_value(arguments[0], i) for i in range(width)]
        value = emit(builder, [_join(builder, *words[i : i + 3]) for i in range(0, width, 3)], *arguments[1:])
        return value if outputs == 1 else _tuple(context, builder, result, list(value))

    return lambda: (result(state, *(types.uint64,) * arity), generate)


_MUL = _plain(lambda b, x, y: _canonical(b, _product(b, x, y)), 2, 1)
_ADD = _plain(lambda b, x, y: _canonical(b, _loose_add(b, x, y)), 2, 1)
_SUB = _plain(lambda b, x, y: _canonical(b, _loose_sub(b, x, y)), 2, 1)
_LOOSE_ADD = _plain(_loose_add, 2, 1)
_LOOSE_SUB = _plain(_loose_sub, 2, 1)
_CANONICAL = _plain(_canonical, 1, 1)
_I_TIMES = _plain(
    lambda b, x: _canonical(b, _reduce(b, b.shl(x, _I64(48)), b.lshr(x, _I64(16)))),
    1,
    1,
)
_E_MUL = _plain(
    lambda b, x0, x1, y0, y1: (
        _two_products(b, x0, y0, x1, _seven(b, y1)),
        _two_products(b, x0, y1, x1, y0),
    ),
    4,
    2,
)
_MAC = _accumulator(lambda b, s, x, y: _words(b, _accumulate(b, s[0], x, y)), 3, 2, 3)
_REDUCE = _accumulator(lambda b, s: _canonical(b, _reduce192(b, s[0])), 3, 0, 1)


def _emit_e_mac(b: Any, s: Any, x0: Any, x1: Any, y0: Any, y1: Any) -> list[Any]:
    first = _accumulate(b, _accumulate(b, s[0], x0, y0), x1, _seven(b, y1))
    second = _accumulate(b, _accumulate(b, s[1], x0, y1), x1, y0)
    return _words(b, first) + _words(b, second)


_E_MAC = _accumulator(_emit_e_mac, 6, 4, 6)
_FE_MAC = _accumulator(
    lambda b, s, x, y0, y1: _words(b, _accumulate(b, s[0], x, y0)) + _words(b, _accumulate(b, s[1], x, y1)), 6, 3, 6
)
_E_REDUCE = _accumulator(lambda b, s: tuple(_canonical(b, _reduce192(b, half)) for half in s), 6, 0, 2)


@intrinsic  # type: ignore[untyped-decorator]
def mul(typing: Any, x: Any, y: Any) -> Any:
    """x*y, canonical; both loose."""
    return _MUL()


@intrinsic  # type: ignore[untyped-decorator]
def add(typing: Any, x: Any, y: Any) -> Any:
    """x + y, canonical; one loose, the other canonical."""
    return _ADD()


@intrinsic  # type: ignore[untyped-decorator]
def sub(typing: Any, x: Any, y: Any) -> Any:
    """x - y, canonical; x loose, y canonical."""
    return _SUB()


@intrinsic  # type: ignore[untyped-decorator]
def loose_add(typing: Any, x: Any, y: Any) -> Any:
    """x + y, loose; one loose, the other canonical."""
    return _LOOSE_ADD()


@intrinsic  # type: ignore[untyped-decorator]
def loose_sub(typing: Any, x: Any, y: Any) -> Any:
    """x - y, loose; x loose, y canonical."""
    return _LOOSE_SUB()


@intrinsic  # type: ignore[untyped-decorator]
def canonical(typing: Any, x: Any) -> Any:
    """The canonical word of a loose one."""
    return _CANONICAL()


@intrinsic  # type: ignore[untyped-decorator]
def times_i(typing: Any, x: Any) -> Any:
    """x * 2^48, canonical, x loose: 2^48 is the fourth root of unity that the transforms use, w_4."""
    return _I_TIMES()


@intrinsic  # type: ignore[untyped-decorator]
def e_mul(typing: Any, x0: Any, x1: Any, y0: Any, y1: Any) -> Any:
    """(x0 + x1*u)(y0 + y1*u) as a canonical pair; inputs canonical."""
    return _E_MUL()


@intrinsic  # type: ignore[untyped-decorator]
def mac(typing: Any, state: Any, x: Any, y: Any) -> Any:
    """The accumulator state + x*y (three words, at first ACC3)."""
    return _MAC()


@intrinsic  # type: ignore[untyped-decorator]
def reduced(typing: Any, state: Any) -> Any:
    """The canonical value of an accumulator of three words."""
    return _REDUCE()


@intrinsic  # type: ignore[untyped-decorator]
def e_mac(typing: Any, state: Any, x0: Any, x1: Any, y0: Any, y1: Any) -> Any:
    """The accumulator state + x*y over E (six words, at first ACC6), y1 canonical."""
    return _E_MAC()


@intrinsic  # type: ignore[untyped-decorator]
def fe_mac(typing: Any, state: Any, x: Any, y0: Any, y1: Any) -> Any:
    """The accumulator state + x*y for x in F and y in E."""
    return _FE_MAC()


@intrinsic  # type: ignore[untyped-decorator]
def e_reduced(typing: Any, state: Any) -> Any:
    """The canonical pair of an accumulator of six words."""
    return _E_REDUCE()
