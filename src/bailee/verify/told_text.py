"""Answers and evaluations in plain words, a fact a line."""

from __future__ import annotations

from bailee.records.inference import (
    CLASS,
    ERROR,
    EVERYONE,
    LOGITS,
    PUBLIC,
    SEALED,
    SIZE,
    Answer,
    Condition,
    Evaluation,
    Group,
)

_SHOWN = 20
_UNITS = {ERROR: 1 << 24}


def evaluation_lines(record: Evaluation) -> list[str]:
    claim = record.claim
    lines = [f"Rows {claim.first + 1} to {claim.first + claim.rows}, {claim.rows} in all"]
    if claim.threshold:
        lines.append(f"An answer is yes where the logit is above {claim.threshold / (1 << 26):.6g}")
    lines += [f"  group {group.name!r}: {_where(group)}" for group in claim.groups]
    for what, group, said in evaluation_measures(record):
        lines.append(f"  {what}{_of(group)}: {said}")
    return lines


def evaluation_measures(record: Evaluation) -> list[tuple[str, str, str]]:
    """(measure, the group of rows it is about, what was proven of it), bound by bound."""
    claim, found = record.claim, []
    for count in claim.counts:
        found.append((_name(count.measure), count.group, _bounds(count.measure, count.at_least, count.at_most)))
    for rate in claim.rates:
        limits = [f"at {way} {text}" for way, text in (("least", rate.at_least), ("most", rate.at_most)) if text]
        found.append((f"{_name(rate.measure)}, per row", rate.group, " and ".join(limits)))
    for gap in claim.gaps:
        said = f"{gap.first!r} and {gap.second!r} differ by at most {gap.at_most}"
        found.append((f"{_name(gap.measure)}, per row", EVERYONE, said))
    return found


def answer_lines(record: Answer) -> list[str]:
    rows = {PUBLIC: "public rows", SEALED: "rows of the card"}.get(record.source, "rows committed to for this answer")
    lines = [f"It answers {len(record.answers)} {rows}:"]
    labels = [str(name) for name in _names(record)]
    for place, told in enumerate(record.answers[:_SHOWN]):
        number = record.places[place] + 1 if record.places else place + 1
        if record.told == CLASS:
            if len(labels) == 1:
                what = f"{labels[0]}: {'yes' if told[0] else 'no'}"
            else:
                what = labels[told[0]]
        else:
            scale = 1 << (26 if record.told == LOGITS else 16)
            what = ", ".join(f"{name} {value / scale:.4f}" for name, value in zip(labels, told, strict=True))
        lines.append(f"  row {number}: {what}")
    if len(record.answers) > _SHOWN:
        lines.append(f"  and {len(record.answers) - _SHOWN} more")
    if record.told == CLASS and record.threshold:
        lines.append(f"Yes where the logit is above {record.threshold / (1 << 26):.6g}")
    return lines


def _names(record: Answer) -> list[object]:
    labels = record.model.architecture["labels"]
    return list(labels) if isinstance(labels, (list, tuple)) else []


def _where(group: Group) -> str:
    return " and ".join(_condition(one) for one in group.where)


def _condition(one: Condition) -> str:
    if one.kind in ("set", "not set"):
        return one.column if one.kind == "set" else f"not {one.column}"
    return f"{one.column} {'>=' if one.kind == 'at least' else '<'} {one.value} (encoded)"


def _name(measure: str) -> str:
    return {SIZE: "rows", "correct": "right answers"}.get(measure, measure)


def _of(group: str) -> str:
    return "" if group == EVERYONE else f" in {group!r}"


def _bounds(measure: str, at_least: int | None, at_most: int | None) -> str:
    def shown(value: int) -> str:
        return f"{value / _UNITS[measure]:.6g}" if measure in _UNITS else str(value)

    if at_least is not None and at_least == at_most:
        return f"exactly {shown(at_least)}"
    limits = (("least", at_least), ("most", at_most))
    return " and ".join(f"at {way} {shown(value)}" for way, value in limits if value is not None)
