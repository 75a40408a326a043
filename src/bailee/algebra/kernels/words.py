"""Arithmetic on single elements, as LLVM code that Numba inlines: the 64 x 64 -> 128 bit product and its reduction.

Most functions also take `Lanes`, four words in one register (one word among them: `spread` it first), and then give
them. A vector unit has no product of 64 bits, but four of 32 bits for four words at once cost less than four of 64.

Values are "canonical" (< p) or "loose" (any 64-bit word congruent to the value); each function says which it takes and
gives. Where a sum of products is wanted, 192-bit accumulators of three words delay the reduction to the end: with fewer
than 2^32 products their top word stays below 2^32.

The reductions ask for conditional moves, not branches, so that time hardly depends on values; nothing guarantees it.
Changing this file does not invalidate the compiled kernels Numba has stored: remove `__pycache__` of this package.
"""

from collections.abc import Callable
from functools import reduce
from inspect import Parameter, Signature
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

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

WIDTH = 4
"""Words in a `Lanes`."""


class LanesType(types.Type):
    """Numba's name for WIDTH words that go through the same steps in one SIMD register."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.VectorType(_I64, WIDTH))  # type: ignore[no-untyped-call]


LANES: Any = LanesType("Lanes")


def kernel(function: F) -> F:
    """Compile without the GIL, with the result stored on disk. Typed, so that mypy sees the Python signature."""
    compiled: Any = numba.njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")(function)
    return cast(F, compiled)


def inlined(function: F) -> F:
    """A function for use inside kernels, always inlined."""
    compiled: Any = numba.njit(nogil=True, boundscheck=False, error_model="numpy", forceinline=True)(function)
    return cast(F, compiled)


def _same(like: Any, value: int) -> Any:
    """A constant of the type of a word or of lanes."""
    if isinstance(like.type, ir.VectorType):
        return ir.Constant(like.type, [value] * WIDTH)
    return _I64(value)


def _wide(b: Any, x: Any, y: Any) -> Any:
    return b.mul(b.zext(x, _I128), b.zext(y, _I128))


def _halves(b: Any, wide: Any) -> tuple[Any, Any]:
    return b.trunc(wide, _I64), b.trunc(b.lshr(wide, wide.type(64)), _I64)


def _choose(b: Any, condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, else y. Many carries are coin tosses: without the hint LLVM may branch on them."""
    chosen = b.select(condition, x, y)
    chosen.set_metadata("unpredictable", b.module.add_metadata([]))
    return chosen


def _masked(b: Any, condition: Any, like: Any) -> Any:
    """2^32 - 1 where the condition holds, else 0: the correction for a carry or borrow of 2^64."""
    return _choose(b, condition, _same(like, _EPSILON), _same(like, 0))


def _loose_add(b: Any, x: Any, y: Any) -> Any:
    """Right when one side is at most p: the correction then cannot carry again."""
    total = b.add(x, y)
    return b.add(total, _masked(b, b.icmp_unsigned("<", total, x), x))


def _loose_sub(b: Any, x: Any, y: Any) -> Any:
    """x loose, y canonical."""
    return b.sub(b.sub(x, y), _masked(b, b.icmp_unsigned("<", x, y), x))


def _canonical(b: Any, x: Any) -> Any:
    return _choose(b, b.icmp_unsigned(">=", x, _same(x, P)), b.add(x, _same(x, _EPSILON)), x)


def _reduce(b: Any, lo: Any, hi: Any) -> Any:
    """hi*2^64 + lo, loose: with hi = h1*2^32 + h0 it is lo - h1 + h0*(2^32 - 1)."""
    first = _loose_sub(b, lo, b.lshr(hi, _same(hi, 32)))
    low = b.and_(hi, _same(hi, _EPSILON))
    return _loose_add(b, first, b.sub(b.shl(low, _same(low, 32)), low))


def _vector_wide(b: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """The low and high words of x*y, by four products of 32 bits."""
    mask, half = _same(x, _EPSILON), _same(x, 32)
    x0, x1, y0, y1 = b.and_(x, mask), b.lshr(x, half), b.and_(y, mask), b.lshr(y, half)
    low, cross, other, high = b.mul(x0, y0), b.mul(x0, y1), b.mul(x1, y0), b.mul(x1, y1)
    middle = b.add(other, b.lshr(low, half))
    cross = b.add(cross, b.and_(middle, mask))
    high = b.add(b.add(high, b.lshr(middle, half)), b.lshr(cross, half))
    return b.or_(b.and_(low, mask), b.shl(cross, half)), high


def _vector_total(b: Any, products: list[tuple[Any, Any]], more: Any = None) -> Any:
    """The sum of wide products, and of `more`, loose: carries of 2^64 = 2^32 - 1 and of 2^96 = -1 are counted apart."""
    mask, half = _same(products[0][0], _EPSILON), _same(products[0][0], 32)
    low, carried = products[0][0], _same(products[0][0], 0)
    middle, top = b.and_(products[0][1], mask), b.lshr(products[0][1], half)
    for lo, hi in products[1:] + ([(more, None)] if more is not None else []):
        low = b.add(low, lo)
        carried = b.add(carried, b.sext(b.icmp_unsigned("<", low, lo), low.type))
        if hi is not None:
            middle, top = b.add(middle, b.and_(hi, mask)), b.add(top, b.lshr(hi, half))
    middle = b.sub(middle, carried)
    top = b.add(top, b.lshr(middle, half))
    middle = b.and_(middle, mask)
    return _loose_add(b, _loose_sub(b, low, top), b.sub(b.shl(middle, half), middle))


def _vector_dot(b: Any, terms: list[tuple[Any, Any, Any, Any]]) -> list[Any]:
    """The sum of products over E, loose, for loose lanes."""
    first = [_vector_wide(b, x, y) for x0, x1, y0, y1 in terms for x, y in ((x0, y0), (x1, _seven(b, y1)))]
    second = [_vector_wide(b, x, y) for x0, x1, y0, y1 in terms for x, y in ((x0, y1), (x1, y0))]
    return [_vector_total(b, first), _vector_total(b, second)]


def _emit_gather(b: Any, low: Any, high: Any, x: Any) -> list[Any]:
    return [b.add(low, b.and_(x, _same(x, _EPSILON))), b.add(high, b.lshr(x, _same(x, 32)))]


def _emit_gathered(b: Any, low: Any, high: Any) -> Any:
    lows, highs = ([b.extract_element(v, ir.IntType(32)(i)) for i in range(WIDTH)] for v in (low, high))
    wide = [b.zext(reduce(b.add, words), _I128) for words in (lows, highs)]
    return _canonical(b, _reduce(b, *_halves(b, b.add(wide[0], b.shl(wide[1], _I128(32))))))


def _product(b: Any, x: Any, y: Any) -> Any:
    if isinstance(x.type, ir.VectorType):
        return _reduce(b, *_vector_wide(b, x, y))
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
    if isinstance(x.type, ir.VectorType):
        low, high = b.mul(b.and_(x, _same(x, _EPSILON)), _same(x, 7)), b.mul(b.lshr(x, _same(x, 32)), _same(x, 7))
        total = b.add(low, b.shl(high, _same(x, 32)))
        over = b.sub(b.lshr(high, _same(x, 32)), b.sext(b.icmp_unsigned("<", total, low), x.type))
        return _loose_add(b, total, b.sub(b.shl(over, _same(x, 32)), over))
    lo, hi = _halves(b, b.mul(b.zext(x, _I128), _I128(7)))
    return _loose_add(b, lo, b.sub(b.shl(hi, _I64(32)), hi))


def _two_products(b: Any, x: Any, y: Any, z: Any, w: Any, more: Any = None) -> Any:
    """x*y + z*w, plus `more` if given, canonical; x and z loose, the others canonical.

    The sum may pass 2^128, which is 2^64*(2^32 - 1) modulo p; as y, w < p, adding that to what is left cannot carry.
    """
    if isinstance(x.type, ir.VectorType):
        return _canonical(b, _vector_total(b, [_vector_wide(b, x, y), _vector_wide(b, z, w)], more))
    first = _wide(b, x, y)
    if more is not None:
        first = b.add(first, b.zext(more, _I128))
    total = b.add(first, _wide(b, z, w))
    lo, hi = _halves(b, total)
    hi = b.add(hi, _masked(b, b.icmp_unsigned("<", total, first), hi))
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
    return _canonical(b, _reduce(b, b.shl(x, _same(x, 48)), b.lshr(x, _same(x, 16))))


def _intrinsic(emit: Callable[..., Any], arity: int, outputs: int = 1, state: int = 0) -> Any:
    """A function for kernels: an accumulator of `state` words, if any, and `arity` words in; a word or a tuple out.

    `emit` gets the LLVM builder, the accumulator as 192-bit integers, and the words.
    """
    tuple_of: Any = types.UniTuple

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if state:
            words = [builder.extract_value(arguments[0], i) for i in range(state)]
            arguments = ([_join(builder, *words[i : i + 3]) for i in range(0, state, 3)], *arguments[1:])
        value = emit(builder, *arguments)
        return value if outputs == 1 else context.make_tuple(builder, signature.return_type, value)

    def declare(_context: Any, *given: Any) -> Any:
        word = LANES if LANES in given else types.uint64
        result = word if outputs == 1 else tuple_of(word, outputs)
        return result(*((tuple_of(word, state),) * (state > 0) + (word,) * arity)), generate

    # Numba counts the parameters of what it is given; a fixed number stands in for the starred one.
    names = ["_context", *(f"x{i}" for i in range((state > 0) + arity))]
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


def _access(emit: Callable[..., Any], *given: Any, outputs: int = 0, dimensions: int = 1) -> Any:
    """A function for kernels of an array, an index and lanes: `emit` gets the builder, a pointer and the lanes.

    The pointer is to the vector at that index of a vector of words, or at that row of an E vector.
    """
    array = types.Array(types.uint64, dimensions, "C")
    tuple_of: Any = types.UniTuple
    result = (types.void, LANES, tuple_of(LANES, 2))[outputs]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = builder.mul(arguments[1], _I64(dimensions))
        data = context.make_array(array)(context, builder, arguments[0]).data
        pointer = builder.bitcast(builder.gep(data, [at]), ir.VectorType(_I64, WIDTH).as_pointer())
        value = emit(builder, pointer, *arguments[2:])
        if outputs == 0:
            return context.get_dummy_value()
        return value if outputs == 1 else context.make_tuple(builder, signature.return_type, value)

    def declare(_context: Any, *_types: Any) -> Any:
        return result(array, types.uint64, *given), generate

    names = ["_context", "array", "index", *(f"x{i}" for i in range(len(given)))]
    declare.__signature__ = Signature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names])  # type: ignore[attr-defined]
    return intrinsic(declare)


def _shuffled(b: Any, x: Any, y: Any, order: tuple[int, int, int, int]) -> Any:
    return b.shuffle_vector(x, y, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), list(order)))


def _load_pairs(b: Any, pointer: Any) -> list[Any]:
    x, y = b.load(pointer, align=8), b.load(b.gep(pointer, [_I64(1)]), align=8)
    return [_shuffled(b, x, y, (0, 4, 2, 6)), _shuffled(b, x, y, (1, 5, 3, 7))]


def _store_pairs(b: Any, pointer: Any, x: Any, y: Any) -> None:
    b.store(_shuffled(b, x, y, (0, 4, 2, 6)), pointer, align=8)
    b.store(_shuffled(b, x, y, (1, 5, 3, 7)), b.gep(pointer, [_I64(1)]), align=8)


def _emit_across(b: Any, x: Any, y: Any, z: Any, w: Any) -> list[Any]:
    low, high, low2, high2 = (
        _shuffled(b, p, q, order) for p, q in ((x, y), (z, w)) for order in ((0, 4, 2, 6), (1, 5, 3, 7))
    )
    return [
        _shuffled(b, p, q, order) for order in ((0, 1, 4, 5), (2, 3, 6, 7)) for p, q in ((low, low2), (high, high2))
    ]


def _emit_spread(b: Any, x: Any) -> Any:
    one = b.insert_element(ir.Constant(ir.VectorType(_I64, WIDTH), ir.Undefined), x, ir.IntType(32)(0))
    return _shuffled(b, one, one, (0, 0, 0, 0))


def _declare_spread(_context: Any, _word: Any) -> Any:
    return LANES(types.uint64), lambda _c, builder, _s, arguments: _emit_spread(builder, arguments[0])


Lanes = Any

# One word in all lanes.
spread: Callable[[Word], Lanes] = cast(Any, intrinsic(_declare_spread))

# WIDTH words of a vector from an index on, and their storing.
load: Callable[..., Lanes] = _access(lambda b, pointer: b.load(pointer, align=8), outputs=1)
store: Callable[..., None] = _access(lambda b, pointer, x: b.store(x, pointer, align=8), LANES)

# WIDTH entries of an E vector, their two components apart, in an order of lanes of its own (0, 2, 1, 3); their storing.
load_pairs: Callable[..., tuple[Lanes, Lanes]] = _access(_load_pairs, outputs=2, dimensions=2)
store_pairs: Callable[..., None] = _access(_store_pairs, LANES, LANES, dimensions=2)
# WIDTH words of a vector in the same order of lanes.
load_base: Callable[..., Lanes] = _access(
    lambda b, pointer: _shuffled(b, b.load(pointer, align=8), b.load(pointer, align=8), (0, 2, 1, 3)), outputs=1
)

# Four lanes of four words turned over: word i of lane k becomes word k of lane i.
across: Callable[[Lanes, Lanes, Lanes, Lanes], tuple[Lanes, Lanes, Lanes, Lanes]] = _intrinsic(_emit_across, 4, 4)

# x*y, and x*y + z*w, over E, loose; lanes only.
lanes_product: Callable[..., tuple[Lanes, Lanes]] = _intrinsic(lambda b, *x: _vector_dot(b, [x]), 4, 2)
lanes_products: Callable[..., tuple[Lanes, Lanes]] = _intrinsic(lambda b, *x: _vector_dot(b, [x[:4], x[4:]]), 8, 2)

# Sums of fewer than 2^30 lanes, at first spread(0) and spread(0): one lane more; and the canonical sum of all four.
gather: Callable[[Lanes, Lanes, Lanes], tuple[Lanes, Lanes]] = _intrinsic(_emit_gather, 3, 2)


def _declare_gathered(_context: Any, _low: Any, _high: Any) -> Any:
    return types.uint64(LANES, LANES), lambda _c, builder, _s, arguments: _emit_gathered(builder, *arguments)


gathered: Callable[[Lanes, Lanes], Word] = cast(Any, intrinsic(_declare_gathered))
