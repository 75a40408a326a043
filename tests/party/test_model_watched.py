"""What `train-model` shows while it runs."""

from __future__ import annotations

from rich.console import Console

from bailee.party.model_watched import ModelCourse
from bailee.train.model.events import ModelEvent

EVENTS = (
    ModelEvent("committing", 4, total=20),
    ModelEvent("trained", 4, trained=1, steps=4, total=20, loss=0.69, epsilon="2.5", seconds=0.5),
    ModelEvent("trained", 4, trained=2, steps=10, total=20, loss=0.5, epsilon="3.25", seconds=0.5),
    ModelEvent("proved", 4, trained=2, proved=1, steps=10, total=20, epsilon="3.25", seconds=3),
    ModelEvent("verified", 4, trained=2, proved=1, verified=1, steps=10, total=20, epsilon="3.25"),
)


def shown(course: ModelCourse) -> str:
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(course)
    return console.export_text()


def test_a_course_shows_how_far_everything_is() -> None:
    course = ModelCourse()
    assert "checking grants" in shown(course)
    lines = []
    for event in EVENTS:
        course.take(event)
        lines.append(course.line(event))
    text = shown(course)
    for words in ("2 of 4 chunks", "1 of 4 chunks", "10 of 20", "0.5000", "3.250 spent"):
        assert words in text, text
    assert lines[1:] == [
        "chunk 1 of 4 trained, loss 0.6900, epsilon 2.500", "chunk 2 of 4 trained, loss 0.5000, epsilon 3.250", None,
        "chunk 1 of 4 proved and verified",
    ]  # fmt: skip
    assert (course.train_seconds, course.prove_seconds) == (1.0, 3)


def test_without_privacy_it_says_so() -> None:
    course = ModelCourse()
    course.take(ModelEvent("trained", 1, trained=1, steps=4, total=4, loss=0.69))
    assert "unprotected: none is promised" in shown(course)
