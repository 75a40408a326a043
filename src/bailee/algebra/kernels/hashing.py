"""Keyed BLAKE3 of many inputs of one length at once, a SIMD lane for each. Reference: `algebra.merkle`.

Columns of a matrix stored by rows lie side by side as lanes want them, so a code is hashed where it was encoded, with
no transpose and without the interpreter's lock. Words are little-endian 32-bit, as on every machine Numba runs on.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from bailee.algebra.field import Words
from bailee.algebra.kernels import parallel
from bailee.algebra.kernels.vectors import readable
from bailee.algebra.kernels.words import kernel

Lanes = NDArray[np.uint32]

LANES = 8
_IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A)
_ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
_MIXED = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
_CROSSED = ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
_START, _END, _PARENT, _ROOT, _KEYED = (np.uint32(flag) for flag in (1, 2, 4, 8, 16))
_GROUPS = 4
_CHUNK = 128  # 64-bit words
_DEPTH = 24  # of the stack of chunks: inputs of up to 2^24 KB

_I32 = ir.IntType(32)
_VECTOR = ir.VectorType(_I32, LANES)


def _same(value: int) -> Any:
    return ir.Constant(_VECTOR, [value] * LANES)


def _turned(b: Any, x: Any, by: int) -> Any:
    return b.or_(b.lshr(x, _same(by)), b.shl(x, _same(32 - by)))


def _mix(b: Any, v: list[Any], at: tuple[int, int, int, int], x: Any, y: Any) -> None:
    i, j, k, m = at
    for word, first, second in ((x, 16, 12), (y, 8, 7)):
        v[i] = b.add(b.add(v[i], v[j]), word)
        v[m] = _turned(b, b.xor(v[m], v[i]), first)
        v[k] = b.add(v[k], v[m])
        v[j] = _turned(b, b.xor(v[j], v[k]), second)


def _declare(_context: Any, _state: Any, _message: Any, _counter: Any, _length: Any, _flags: Any) -> Any:
    array = types.Array(types.uint32, 1, "C")
    signature = types.void(array, array, types.uint32, types.uint32, types.uint32)

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        b.function.attributes.add("noinline")  # a thousand instructions: once is enough

        def pointer(which: int) -> Any:
            data = context.make_array(signature.args[which])(context, b, arguments[which]).data
            return b.bitcast(data, _VECTOR.as_pointer())

        def spread(word: Any) -> Any:
            one = b.insert_element(ir.Constant(_VECTOR, ir.Undefined), word, _I32(0))
            return b.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), ir.Constant(_VECTOR, [0] * LANES))

        state, message = pointer(0), pointer(1)
        v = [b.load(b.gep(state, [_I32(i)]), align=4) for i in range(8)]
        m = [b.load(b.gep(message, [_I32(i)]), align=4) for i in range(16)]
        v += [_same(word) for word in _IV]
        v += [spread(arguments[2]), _same(0), spread(arguments[3]), spread(arguments[4])]
        for _ in range(7):
            for k, at in enumerate(_MIXED + _CROSSED):
                _mix(b, v, at, m[2 * k], m[2 * k + 1])
            m = [m[k] for k in _ORDER]
        for i in range(8):
            b.store(b.xor(v[i], v[i + 8]), b.gep(state, [_I32(i)]), align=4)
        return context.get_dummy_value()

    return signature, generate


_emit_compress: Any = intrinsic(_declare)


@kernel
def _compress(state: Lanes, message: Lanes, counter: np.uint32, length: np.uint32, flags: np.uint32) -> None:
    """One block in all lanes: state (8 words) and message (16 words), word by word, lanes next to each other."""
    _emit_compress(state, message, counter, length, flags)


@kernel
def _begin(state: Lanes, key: Lanes) -> None:
    for i in range(8):
        for lane in range(LANES):
            state[i * LANES + lane] = key[i]


@kernel
def _join(left: Lanes, state: Lanes, message: Lanes, key: Lanes, flags: np.uint32) -> None:
    """state becomes the parent of left and state."""
    for i in range(8 * LANES):
        message[i], message[8 * LANES + i] = left[i], state[i]
    _begin(state, key)
    _compress(state, message, np.uint32(0), np.uint32(64), _KEYED | _PARENT | flags)


@kernel
def _read(heads: Words, values: Words, word: int, last: int, left: int, message: Lanes) -> None:
    """The block from `word` on of the columns from `left` on; words from `last` on are zero."""
    top = heads.shape[0]
    for j in range(8):
        at, low, high = word + j, 2 * j * LANES, (2 * j + 1) * LANES
        if top <= at < last:
            row = values[at - top]
        elif at < last:
            row = heads[at]
        else:
            message[low : high + LANES] = 0
            continue
        for lane in range(LANES):
            x = row[np.uint64(left + lane)]
            message[low + lane] = np.uint32(x)
            message[high + lane] = np.uint32(x >> np.uint64(32))


@kernel
def _columns(heads: Words, values: Words, key: Lanes, out: Lanes, start: int, stop: int) -> None:
    """Digests of columns LANES*start to LANES*stop: the words of heads, then those of values, from top to bottom.

    Groups of lanes go through a chunk together, so that each row is read in whole cache lines next to each other.
    """
    states, message = np.empty((_GROUPS, 8 * LANES), np.uint32), np.empty(16 * LANES, np.uint32)
    stack = np.empty((_DEPTH, _GROUPS, 8 * LANES), np.uint32)
    total = heads.shape[0] + values.shape[0]
    chunks = max(1, -(-total // _CHUNK))
    for group in range(start, stop, _GROUPS):
        together, depth = min(_GROUPS, stop - group), 0
        for chunk in range(chunks):
            first, last = chunk * _CHUNK, min(total, (chunk + 1) * _CHUNK)
            for g in range(together):
                _begin(states[g], key)
            for word in range(first, max(last, first + 1), 8):
                flags, length = _KEYED, np.uint32(8 * max(0, min(8, last - word)))
                if word == first:
                    flags |= _START
                if word + 8 >= last:
                    flags |= _END
                    if chunks == 1:
                        flags |= _ROOT
                for g in range(together):
                    _read(heads, values, word, last, (group + g) * LANES, message)
                    _compress(states[g], message, np.uint32(chunk), length, flags)
            done = chunk + 1
            if done < chunks:
                while done % 2 == 0:
                    depth -= 1
                    for g in range(together):
                        _join(stack[depth, g], states[g], message, key, np.uint32(0))
                    done //= 2
                stack[depth] = states
                depth += 1
        while depth > 0:
            depth -= 1
            for g in range(together):
                _join(stack[depth, g], states[g], message, key, _ROOT if depth == 0 else np.uint32(0))
        for g in range(together):
            for i in range(8):
                for lane in range(LANES):
                    out[(group + g) * LANES + lane, i] = states[g, i * LANES + lane]


@kernel
def _pairs(below: Lanes, key: Lanes, out: Lanes, start: int, stop: int) -> None:
    """Digests LANES*start to LANES*stop of the 16 words of two neighbours each."""
    state, message = np.empty(8 * LANES, np.uint32), np.empty(16 * LANES, np.uint32)
    for group in range(start, stop):
        left = group * LANES
        _begin(state, key)
        for lane in range(LANES):
            for i in range(16):
                message[i * LANES + lane] = below[left + lane, i]
        _compress(state, message, np.uint32(0), np.uint32(64), _KEYED | _START | _END | _ROOT)
        for i in range(8):
            for lane in range(LANES):
                out[left + lane, i] = state[i * LANES + lane]


def _key(key: bytes) -> Lanes:
    return np.frombuffer(key, dtype=np.uint32).copy()


def column_digests(key: bytes, heads: Words, values: Words) -> bytes:
    """BLAKE3 under a key of each column of heads (S, n) above values (R, n), n a multiple of LANES: n * 32 bytes."""
    count = values.shape[1]
    if heads.shape[1] != count or count % LANES or not len(heads) + len(values):
        raise ValueError(f"columns come in groups of {LANES}, got {heads.shape} above {values.shape}")
    heads, values, words = readable(heads), readable(values), _key(key)
    out = np.empty((count, 8), dtype=np.uint32)
    parallel.over(count // LANES, lambda start, stop: _columns(heads, values, words, out, start, stop), 16)
    return out.tobytes()


def pair_digests(key: bytes, level: bytes) -> bytes:
    """BLAKE3 under a key of each two neighbouring digests; any even number of them."""
    count = len(level) // 64
    below = np.zeros((-(-count // LANES) * LANES, 16), dtype=np.uint32)
    below[:count] = np.frombuffer(level, dtype=np.uint32).reshape(count, 16)
    words, out = _key(key), np.empty((len(below), 8), dtype=np.uint32)
    parallel.over(len(below) // LANES, lambda start, stop: _pairs(below, words, out, start, stop), 64)
    return out[:count].tobytes()
