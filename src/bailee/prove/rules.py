"""An owner's proof of a rule on its sealed rows: no record twice, or column statistics within bounds.

As in `answer`: the rule holds in clear, openings written off, proof made and checked, kept on disk, then returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bailee.errors import InputError
from bailee.prove.holding import ProvingSetting, SealedRows
from bailee.prove.kept import UNPROVEN, Proven, find_kept, keep
from bailee.records import digest, time_text
from bailee.records.rules import BOUNDS, DISTINCT, ColumnBound, DatasetRules, RuledRows
from bailee.statements.ruled import rules_claim, rules_spending
from bailee.statements.rules import prove_distinct, require_distinct
from bailee.statements.statistics import StatisticsClaim, prove_statistics, require_within
from bailee.statements.told import proof_context


def prove_rules(
    rows: Sequence[SealedRows], setting: ProvingSetting, columns: Sequence[str] = (), bounds: Sequence[ColumnBound] = ()
) -> Proven[DatasetRules]:
    """With `bounds`, that they hold of one dataset; without, that no record occurs twice in all of `rows`.

    columns: encoded columns in which records are compared; all where there are none. Takes one opening of each
    dataset. Raises InputError for a rule that does not fit, StatementError where it does not hold, BudgetError where
    no opening is left; nothing is spent then.
    """
    if not rows:
        raise InputError("a rule is on at least one dataset")
    draft = DatasetRules(
        owner=setting.identity.public_key.hex(),
        owner_name=setting.identity.name,
        rule=BOUNDS if bounds else DISTINCT,
        datasets=tuple(RuledRows(one.card.digest, digest(one.card_proof), 0) for one in rows),
        columns=tuple(columns),
        bounds=tuple(bounds),
        proof=UNPROVEN,
        created=time_text(setting.clock()),
    )
    kept = find_kept(setting, draft)
    if kept is not None:
        return kept
    claim = rules_claim(draft, [one.card.record for one in rows])
    vectors = [one.commit() for one in rows]
    if isinstance(claim, StatisticsClaim):
        require_within(claim, vectors[0])
    else:
        require_distinct(claim, vectors)
    openings = [one.spend(rules_spending(draft)) for one in rows]
    datasets = tuple(replace(one, opening=spent) for one, spent in zip(draft.datasets, openings, strict=True))
    record = replace(draft, datasets=datasets)
    context = proof_context(record)
    if isinstance(claim, StatisticsClaim):
        proof = prove_statistics(claim, vectors[0], openings[0], context)
    else:
        proof = prove_distinct(claim, vectors, openings, context)
    return keep(setting, record, proof)
