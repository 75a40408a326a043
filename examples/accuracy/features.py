"""Public features of small images: scattering, normalised in each row, whitened by drawn images, rows of one length.

Every step is a function of one image and of public constants, so it costs no privacy. Why whiten: gradient descent in
few steps learns the directions of large variance only, and each step spends privacy; in a space where small pictures
spread evenly, a few steps are enough (the first one alone is close to linear discriminant analysis). Whitening by the
private set's own covariance would do better still (90.3 % on Fashion-MNIST in ten steps) and have to be paid for.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from images import Images, load
from numpy.typing import NDArray
from procedural import draw
from scattering import scatter
from table import Table

from bailee.errors import InputError

FRACTION_BITS = 12
ROW_LENGTH = 4.0  # each row's Euclidean norm; at 500 columns and more nearly no value passes 1
COLUMNS = 1200  # kept in the cache; a recipe takes the first few
GROUPS = 27  # of three channels each: Tramer and Boneh, "Differentially private learning needs better features" (2021)
WIDEST = 4.0  # standard deviations
FAMILIES = ("blobs", "strokes", "silhouettes")
DRAWN = 12_000  # of each family
SEED = 1
BATCH = 5_000  # images at a time
VERSION = 1  # raise it when a number above, or what they mean, changes

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Whitening:
    """Mean (d,), directions (d, COLUMNS) by falling variance, and the variances (COLUMNS,) of the drawn images."""

    mean: Floats
    directions: Floats
    variances: Floats


def image_table(name: str, columns: int, floor: float, power: float, cache: Path) -> Table:
    """`mnist` or `fashion`: column i is scaled by (variance_i + floor) ** -power, then each row to ROW_LENGTH.

    The first call for a name takes some minutes and keeps its projections in `cache`; InputError above COLUMNS columns.
    """
    if not 0 < columns <= COLUMNS:
        raise InputError(f"expected 1 to {COLUMNS} columns, got {columns}")
    images = load(name, cache)
    variances, train, test = _projections(name, images, cache)
    scale = ((variances[:columns] + floor) ** -power).astype(np.float32)
    return Table(
        _quantised(train[:, :columns] * scale),
        images.train_labels,
        _quantised(test[:, :columns] * scale),
        images.test_labels,
    )


def _projections(name: str, images: Images, cache: Path) -> tuple[Floats, NDArray[np.float16], NDArray[np.float16]]:
    """Variances of the drawn images and the projections of both parts, from the cache or made now."""
    path = cache / f"{name}-projections-{VERSION}.npz"
    if not path.exists():
        whitening = _whitening(cache)
        train, test = (_project(pixels, whitening).astype(np.float16) for pixels in (images.train, images.test))
        _save(path, variances=whitening.variances, train=train, test=test)
    with np.load(path) as kept:
        return kept["variances"], kept["train"], kept["test"]


def _whitening(cache: Path) -> Whitening:
    path = cache / f"whitening-{VERSION}.npz"
    if not path.exists():
        whitening = _measure()
        _save(path, mean=whitening.mean, directions=whitening.directions, variances=whitening.variances)
    with np.load(path) as kept:
        return Whitening(kept["mean"], kept["directions"], kept["variances"])


def _measure() -> Whitening:
    """Principal directions of the families together, each counted alike, about their common mean."""
    means, moments = [], []
    for family in FAMILIES:
        rows = _normalised(draw(family, DRAWN, SEED))
        means.append(rows.mean(axis=0, dtype=np.float64))
        moments.append((rows.T @ rows).astype(np.float64) / len(rows))
    mean = np.mean(means, axis=0)
    variances, directions = np.linalg.eigh(np.mean(moments, axis=0) - np.outer(mean, mean))
    directions = directions[:, : -COLUMNS - 1 : -1]
    directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(COLUMNS)])
    kept = variances[: -COLUMNS - 1 : -1]
    return Whitening(mean.astype(np.float32), directions.astype(np.float32), kept.astype(np.float32))


def _project(pixels: NDArray[np.uint8], whitening: Whitening) -> Floats:
    parts = [pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH)]
    return np.concatenate([(_normalised(part) - whitening.mean) @ whitening.directions for part in parts])


def _normalised(pixels: NDArray[np.uint8]) -> Floats:
    """Scattering (n, 81 * 7 * 7), rows near length 1: in each image every group of channels has mean 0, variance 1."""
    groups = scatter(pixels).reshape(len(pixels), GROUPS, -1)
    groups -= groups.mean(axis=2, keepdims=True)
    groups /= np.sqrt(np.square(groups).mean(axis=2, keepdims=True) + 1e-5)
    rows = groups.reshape(len(pixels), -1)
    return np.clip(rows, -WIDEST, WIDEST) / np.float32(np.sqrt(rows.shape[1]))


def _quantised(rows: Floats) -> NDArray[np.int16]:
    lengthened = rows * (ROW_LENGTH / np.linalg.norm(rows, axis=1, keepdims=True))
    quantised: NDArray[np.int16] = np.round(np.clip(lengthened, -1, 1) * 2**FRACTION_BITS).astype(np.int16)
    return quantised


def _save(path: Path, **arrays: NDArray[np.generic]) -> None:
    """Written beside and renamed: a run killed half-way leaves no broken cache."""
    unfinished = path.with_suffix(".part.npz")
    np.savez(unfinished, allow_pickle=False, **arrays)
    unfinished.replace(path)
