"""What plans and the terms of a run have in common: typed fields, one mapping each, PlanError for what is not so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from bailee.errors import PlanError, RecordError
from bailee.records.canonical import Json
from bailee.records.fields import check, decode, fields_of, hints

ALL_FEATURES = "all"
"""Stands alone for every feature of a card."""


class Planned:
    """Base of such frozen dataclasses. WHERE names them in errors; VERSION is told beside the fields, None is not."""

    WHERE: ClassVar[str]
    VERSION: ClassVar[int | None] = None

    def check_types(self) -> None:
        """Raises PlanError, naming the field, where one is not as annotated: for `__post_init__`."""
        try:
            for name, kind in hints(type(self)).items():
                check(kind, getattr(self, name), f"{self.WHERE}.{name}")
        except RecordError as error:
            raise PlanError(str(error)) from None

    def to_mapping(self) -> dict[str, Json]:
        version: dict[str, Json] = {} if self.VERSION is None else {"version": self.VERSION}
        return version | fields_of(self)

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any]) -> Self:
        """Raises PlanError, naming the field, for anything but exactly these fields, of this version."""
        fields = dict(value)
        if cls.VERSION is not None:
            said = fields.pop("version", None)
            require(type(said) is int and said == cls.VERSION, f"version: expected {cls.VERSION}, got {said!r}")
        try:
            found: Self = decode(cls, fields, cls.WHERE)
        except RecordError as error:
            raise PlanError(str(error)) from None
        return found


class PlannedOnLedger(Planned):
    """Base of plans. One that names no ledger is of VERSION and has no such field; one that does, of ON_LEDGER."""

    ON_LEDGER: ClassVar[int]

    ledger: str | None

    def to_mapping(self) -> dict[str, Json]:
        fields = super().to_mapping()
        if self.ledger is None:
            del fields["ledger"]
        else:
            fields["version"] = self.ON_LEDGER
        return fields

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any]) -> Self:
        version = value.get("version")
        if type(version) is int and version == cls.ON_LEDGER:
            require(value.get("ledger") is not None, f"ledger: a plan of version {cls.ON_LEDGER} names one")
            return super().from_mapping({**value, "version": cls.VERSION})
        fits = "ledger" not in value
        require(fits, f"ledger: a plan that names one has version {cls.ON_LEDGER}, without one {cls.VERSION}")
        return super().from_mapping({**value, "ledger": None})


def require(holds: bool, message: str) -> None:
    """Raises PlanError unless `holds`."""
    if not holds:
        raise PlanError(message)


def require_features(wanted: Sequence[str]) -> None:
    """That a plan names features: "all" alone, or columns, none twice."""
    require(bool(wanted), 'features: expected "all" or at least one column')
    require(len(set(wanted)) == len(wanted), "features: a column is named twice")
    require(ALL_FEATURES not in wanted or len(wanted) == 1, 'features: "all" stands alone, or not at all')


def chosen_features(wanted: Sequence[str], features: Sequence[str]) -> set[str]:
    """Those of a card's encoded features that a plan names, one by one or by their field. Raises PlanError."""
    if tuple(wanted) == (ALL_FEATURES,):
        return set(features)
    chosen = {name: [column for column in features if belongs(column, name)] for name in wanted}
    for name, found in chosen.items():
        require(bool(found), f"features: no column {name!r}; the card has {', '.join(features)}"[:400])
    return {column for found in chosen.values() for column in found}


def belongs(column: str, wanted: str) -> bool:
    """Whether an encoded column is `wanted`, or one of the field `wanted`."""
    return column == wanted or column.startswith(f"{wanted}=")
