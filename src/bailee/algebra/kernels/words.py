"""Arithmetic on single elements, as LLVM code that Numba inlines: the 64 x 64 -> 128 bit product and its reduction.

Values are "canonical" (< p) or "loose" (any 64-bit word congruent to the value); each function says which it takes and
gives. Where a sum of products is wanted, 192-bit accumulators of three words delay the reduction to the end: with fewer
than 2^32 products their top word stays below 2^32.

The reductions ask for conditional moves, not branches, so that time hardly depends on values; nothing guarantees it.
Changing this file does not invalidate the compiled kernels Numba has stored: remove `__pycache__` of this package.
"""

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from bailee.algebra.field import P

F = TypeVar("F", bound=Callable[..., Any])
Word = np.uint64
Pair = tuple[Word, Word]
Acc3 = tuple[Word, Word, Word]
Acc6 = tuple[Word, Word, Word, Word, Word, Word]

_NIL = np.uint64(0)
ACC3: Acc3 = (_NIL, _NIL, _NIL)
ACC6: Acc6 = (_NIL, _NIL, _NIL, _NIL, _NIL, _NIL)

_I64, _I128, _I192 = (ir.IntType(bits) for bits in (64, 128, 192))
_EPSILON = 2**32 - 1


def kernel(function: F) -> F:
    """Compile without the GIL, with the result stored on disk. Typed, so that mypy sees the Python signature."""
    compiled: Any = numba.njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")(function)
    return cast(F, compiled)


def inlined(function: F) -> F:
    """A function for use inside kernels, always inlined."""
    compiled: Any = numba.njit(nogil=True, boundscheck=False, error_model="numpy", forceinline=True)(function)
    return cast(F, compiled)


def _wide(b: Any, x: Any, y: Any) -> Any:
    return b.mul(b.zext(x, _I128), b.zext(y, _I128))


def _halves(b: Any, wide: Any) -> tuple[Any, Any]:
    return b.trunc(wide, _I64), b.trunc(b.lshr(wide, wide.type(64)), _I64)


def _choose(b: Any, condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, else y. Many carries are coin tosses: without the hint LLVM may branch on them."""
    chosen = b.select(condition, x, y)
    chosen.set_metadata("unpredictable", b.module.add_metadata([]))
    return chosen


def _masked(b: Any, condition: Any) -> Any:
    """2^32 - 1 where the condition holds, else 0: the correction for a carry or borrow of 2^64."""
    return _choose(b, condition, _I64(_EPSILON), _I64(0))


def _loose_add(b: Any, x: Any, y: Any) -> Any:
    """Right when one side is at most p: the correction then cannot carry again."""
    total = b.add(x, y)
    return b.add(total, _masked(b, b.icmp_unsigned("<", total, x)))


def _loose_sub(b: Any, x: Any, y: Any) -> Any:
    """x loose, y canonical."""
    return b.sub(b.sub(x, y), _masked(b, b.icmp_unsigned("<", x, y)))


def _canonical(b: Any, x: Any) -> Any:
    return _choose(b, b.icmp_unsigned(">=", x, _I64(P)), b.add(x, _I64(_EPSILON)), x)


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
    """7*x, loose, for loose x."""
    lo, hi = _halves(b, b.mul(b.zext(x, _I128), _I128(7)))
    return _loose_add(b, lo, b.sub(b.shl(hi, _I64(32)), hi))


def _two_products(b: Any, x: Any, y: Any, z: Any, w: Any, more: Any = None) -> Any:
    """x*y + z*w, plus `more` if given, canonical; x and z loose, the others canonical.

    The sum may pass 2^128, which is 2^64*(2^32 - 1) modulo p; as y, w < p, adding that to what is left cannot carry.
    """
    first = _wide(b, x, y)
    if more is not None:
        first = b.add(first, b.zext(more, _I128))
    total = b.add(first, _wide(b, z, w))
    lo, hi = _halves(b, total)
    hi = b.add(hi, _masked(b, b.icmp_unsigned("<", total, first)))
    return _canonical(b, _reduce(b, lo, hi))


def _emit_e_mac(b: Any, s: Any, x0: Any, x1: Any, y0: Any, y1: Any) -> list[Any]:
    first = _accumulate(b, _accumulate(b, s[0], x0, y0), x1, _seven(b, y1))
    second = _accumulate(b, _accumulate(b, s[1], x0, y1), x1, y0)
    return _words(b, first) + _words(b, second)


def _emit_fe_mac(b: Any, s: Any, x: Any, y0: Any, y1: Any) -> list[Any]:
    return _words(b, _accumulate(b, s[0], x, y0)) + _words(b, _accumulate(b, s[1], x, y1))


def _emit_e_mul(b: Any, x0: Any, x1: Any, y0: Any, y1: Any) -> list[Any]:
    return [_two_products(b, x0, y0, x1, _canonical(b, _seven(b, y1))), _two_products(b, x0, y1, x1, y0)]


def _emit_e_fold(b: Any, x0: Any, x1: Any, y0: Any, y1: Any, r0: Any, r1: Any) -> list[Any]:
    """x joins the first product before it is reduced: (2^64 - 1)*(p - 1) + p still fits in 128 bits."""
    d0, d1 = _loose_sub(b, y0, x0), _loose_sub(b, y1, x1)
    seven = _canonical(b, _seven(b, r1))
    return [_two_products(b, d0, r0, d1, seven, x0), _two_products(b, d0, r1, d1, r0, x1)]


def _emit_times_i(b: Any, x: Any) -> Any:
    return _canonical(b, _reduce(b, b.shl(x, _I64(48)), b.lshr(x, _I64(16))))


def _intrinsic(emit: Callable[..., Any], arity: int, outputs: int = 1, state: int = 0) -> Any:
    """A function for kernels: an accumulator of `state` words, if any, and `arity` words in; a word or a tuple out.

    `emit` gets the LLVM builder, the accumulator as 192-bit integers, and the words.
    """
    tuple_of: Any = types.UniTuple
    result = types.uint64 if outputs == 1 else tuple_of(types.uint64, outputs)
    parameters = (tuple_of(types.uint64, state),) * (state > 0) + (types.uint64,) * arity

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        if state:
            words = [builder.extract_value(arguments[0], i) for i in range(state)]
            arguments = ([_join(builder, *words[i : i + 3]) for i in range(0, state, 3)], *arguments[1:])
        value = emit(builder, *arguments)
        return value if outputs == 1 else context.make_tuple(builder, result, value)

    def declare(_context: Any, *_types: Any) -> Any:
        return result(*parameters), generate

    # Numba counts the parameters of what it is given; a fixed number stands in for the starred one.
    names = ["_context", *(f"x{i}" for i in range(len(parameters)))]
    declare.__signature__ = Signature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names])  # type: ignore[attr-defined]
    return intrinsic(declare)


# x*y; both loose.
loose_mul: Callable[[Word, Word], Word] = _intrinsic(_product, 2)

# x*y, canonical; both loose.
mul: Callable[[Word, Word], Word] = _intrinsic(lambda b, x, y: _canonical(b, _product(b, x, y)), 2)

# x + y, canonical; one loose, the other canonical.
add: Callable[[Word, Word], Word] = _intrinsic(lambda b, x, y: _canonical(b, _loose_add(b, x, y)), 2)

# x - y, canonical; x loose, y canonical.
sub: Callable[[Word, Word], Word] = _intrinsic(lambda b, x, y: _canonical(b, _loose_sub(b, x, y)), 2)

# x + y, loose; one loose, the other canonical.
loose_add: Callable[[Word, Word], Word] = _intrinsic(_loose_add, 2)

# The canonical word of a loose one.
canonical: Callable[[Word], Word] = _intrinsic(_canonical, 1)

# x - y, loose; x loose, y canonical.
loose_sub: Callable[[Word, Word], Word] = _intrinsic(_loose_sub, 2)

# x * 2^48, canonical; x loose. 2^48 is w_4, the fourth root of unity of the transforms.
times_i: Callable[[Word], Word] = _intrinsic(_emit_times_i, 1)

# (x0 + x1*u)*(y0 + y1*u), canonical; x loose, y canonical. Part of the work depends on y alone: pass a constant as y.
e_mul: Callable[[Word, Word, Word, Word], Pair] = _intrinsic(_emit_e_mul, 4, 2)

# x + (y - x)*r over E, canonical; all canonical. Part of the work depends on r alone.
e_fold: Callable[[Word, Word, Word, Word, Word, Word], Pair] = _intrinsic(_emit_e_fold, 6, 2)

# An accumulator, at first ACC3, plus x*y, both loose; and its canonical value.
mac: Callable[[Acc3, Word, Word], Acc3] = _intrinsic(lambda b, s, x, y: _words(b, _accumulate(b, s[0], x, y)), 2, 3, 3)
reduced: Callable[[Acc3], Word] = _intrinsic(lambda b, s: _canonical(b, _reduce192(b, s[0])), 0, 1, 3)

# An accumulator over E, at first ACC6, plus x*y; plus x*y for x in F; and its value, canonical or loose. Factors are
# loose.
e_mac: Callable[[Acc6, Word, Word, Word, Word], Acc6] = _intrinsic(_emit_e_mac, 4, 6, 6)
fe_mac: Callable[[Acc6, Word, Word, Word], Acc6] = _intrinsic(_emit_fe_mac, 3, 6, 6)
e_reduced: Callable[[Acc6], Pair] = _intrinsic(lambda b, s: [_canonical(b, _reduce192(b, c)) for c in s], 0, 2, 6)
e_loose: Callable[[Acc6], Pair] = _intrinsic(lambda b, s: [_reduce192(b, c) for c in s], 0, 2, 6)
