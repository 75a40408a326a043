"""The rows of a recipe: which data it names, and the one public order they are trained in."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from recipes import Recipe

ORDER = 5
"""Seed of the public order of the rows: the sets are not all well mixed."""


@dataclass(frozen=True)
class Table:
    """Features (n, columns) as int16 in units of 2^-12; labels (n,) as bytes, of the census 1 above 50,000 dollars."""

    train: NDArray[np.int16]
    train_labels: NDArray[np.uint8]
    test: NDArray[np.int16]
    test_labels: NDArray[np.uint8]


def table_of(recipe: Recipe, cache: Path) -> Table:
    """The first call for a data set fetches it and makes its features (minutes)."""
    from census import census_table  # these two make tables
    from features import image_table

    if recipe.data == "census":
        return census_table(cache)
    return image_table(recipe.data, recipe.columns, recipe.floor, recipe.power, cache)


def shuffled(table: Table) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """Training rows and labels in the public order."""
    order = np.random.default_rng(ORDER).permutation(len(table.train))
    return table.train[order], table.train_labels[order]
