"""What is shown of a model that stays hidden, or of sealed rows, and neither of them: verbs, and what they give."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bailee.adapters.toml_file import read_toml
from bailee.errors import InputError
from bailee.party.home import PartyHome
from bailee.party.telling import Bounds, Counted, Sealed, Told, tell_answers, tell_how_good, tell_rules
from bailee.statements.applied import MARGIN_BITS
from bailee.verbs.folder import PartyFolder, Place
from bailee.verbs.passports import Paper, Passport
from bailee.verbs.progress import steps
from bailee.verbs.sealed import Dataset
from bailee.verbs.tables import table_of


@dataclass(frozen=True, repr=False)
class Proof(Paper):
    """An evaluation, answers or rules, in a folder that is complete: whoever checks it needs nothing else.

    told: what is told, a line each. openings_left: how many more proofs the model bears, or each dataset.
    """

    told: tuple[str, ...]
    openings_left: tuple[int, ...]
    proof_bytes: int

    @property
    def folder(self) -> Path:
        """To be handed out whole."""
        return self.file.parent

    def _title(self) -> str:
        return f"Proof: {self.file.stem}"

    def _facts(self) -> Mapping[str, object]:
        return {
            "folder": self.folder,
            "told": "; ".join(self.told),
            "openings left": self.openings_left,
            "proof": f"{self.proof_bytes} bytes",
            "checked": "not here; proof.verify() does",
        }


class Telling(PartyFolder):
    """Verbs of whoever trained a hidden model, or sealed rows."""

    def evaluate(
        self, model: Passport | Place, dataset: Dataset | str, out: Place, *,
        claims: Mapping[str, Any] | Place | None = None, at_least: int | None = None, first: int = 1,
        rows: int | None = None, threshold: float = 0.5, margin_bits: int = MARGIN_BITS,
    ) -> Proof:  # fmt: skip
        """Prove how well a hidden model that was trained here does on sealed rows, showing neither. out: a new folder.

        model: its passport, its run's folder, or the first letters of its session. dataset: of this party, or a
        `Dataset` of another whose folder is here. Without more, the number of right answers is told; with `at_least`,
        that there are so many. claims: groups, claims and gaps, as a TOML file or a dict of the same form
        (`{"claim": [{"measure": "correct", "rate_at_least": 0.7}]}`). first, rows: a part of the dataset, from row 1.
        threshold: the probability above which a binary model says yes. It takes one opening of the model's and one of
        the dataset's; the same again is the same proof and takes none. Raises StatementError where a claim does not
        hold (nothing is spent), InputError, BudgetError, StorageError.
        """
        if claims is not None and at_least is not None:
            raise InputError("give claims or at_least, not both")
        wanted = Counted(_toml(claims, "claims"), at_least, first, rows)
        bounds = Bounds(threshold, margin_bits)
        sealed = _sealed(self.dataset(dataset))
        with steps(self.quiet) as progress:
            return _proof(tell_how_good(self._inside, _run(model), sealed, wanted, bounds, Path(out), progress))

    def prove_inference(
        self, model: Passport | Place, rows: Any, out: Place, *, which: Sequence[int] = (), hidden: bool = False,
        tell: str | None = None, threshold: float = 0.5, margin_bits: int = MARGIN_BITS,
    ) -> Proof:  # fmt: skip
        """Prove what a hidden model that was trained here answers to rows, all in one proof. out: a new folder.

        rows: a table as `seal` takes one, without the label, which is told, or with `hidden` only committed to; or a
        `Dataset`, of which `which` rows are answered, counted from 1. tell: "class" (the default), "score"
        (probabilities, or values: the default of a regression) or "logits". model, threshold, openings and errors: as
        `evaluate`. Raises InputError, SchemaError, BudgetError, StorageError.
        """
        sealed = isinstance(rows, Dataset)
        if sealed and hidden:
            raise InputError("rows of a sealed dataset are hidden as they are; leave hidden out")
        if which and not sealed:
            raise InputError("which is about rows of a sealed dataset: give one, or a table of the rows that are meant")
        asked = _sealed(rows) if isinstance(rows, Dataset) else table_of(rows)
        bounds = Bounds(threshold, margin_bits)
        with steps(self.quiet) as progress:
            told = tell_answers(
                self._inside, _run(model), asked, which, hidden, tell, bounds, Path(out), progress
            )  # fmt: skip
        return _proof(told)

    def prove_rules(
        self, datasets: Dataset | str | Sequence[Dataset | str], out: Place, *, columns: Sequence[str] = (),
        bounds: Mapping[str, Any] | Place | None = None,
    ) -> Proof:  # fmt: skip
        """Prove that no record occurs twice in sealed datasets of this party; or that columns of one keep to bounds.

        out: a new folder. columns: in which records are compared, all by default. bounds: a TOML file or a dict
        (`{"bound": [{"column": "age", "measure": "mean", "at_least": 40, "at_most": 60}]}`). It takes one opening of
        each dataset; the same again takes none. Raises StatementError where it does not hold, InputError, BudgetError.
        """
        several = [datasets] if isinstance(datasets, str | Dataset) else datasets
        found = [self.dataset(one) for one in several]
        for one in found:
            if one.home.resolve() != self.home.resolve():
                raise InputError(f"{one.name!r} is in {one.home}: a party proves rules on datasets of its own")
        inside, wanted = [one.sealed for one in found], _toml(bounds, "bounds")
        with steps(self.quiet) as progress:
            return _proof(tell_rules(self._inside, inside, columns, wanted, Path(out), progress))


def _proof(told: Told) -> Proof:
    return Proof(told.file, told.lines, told.openings_left, told.proof_bytes)


def _sealed(dataset: Dataset) -> Sealed:
    return Sealed(PartyHome(dataset.home), dataset.sealed)


def _run(model: Passport | Place) -> str:
    return str(model.file) if isinstance(model, Passport) else os.fspath(model)


def _toml(given: Mapping[str, Any] | Place | None, what: str) -> Mapping[str, Any] | None:
    if given is None or isinstance(given, Mapping):
        return given
    if not isinstance(given, str | os.PathLike):
        raise InputError(f"{what}: expected a dict, as the TOML file has it, or that file; got {type(given).__name__}")
    return read_toml(Path(given), what)
