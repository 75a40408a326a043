"""A passport's links, as somebody who watches the check sees them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bailee.errors import PassportError
from bailee.verify.evidence import link, watching_links
from bailee.verify.passport import verify_passport
from parties import PretendCards, make_cast, pretend_verify, run_session


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outcome, said = run_session(make_cast(tmp_path_factory.mktemp("made"), (20, 30)))
    assert outcome is not None, said
    return outcome.path


def test_every_link_is_told_as_it_holds(made: Path) -> None:
    told: list[tuple[str, str]] = []
    with watching_links(lambda name, state: told.append((name, state))):
        verify_passport(made, cards=PretendCards(), gradients=pretend_verify)
    names = [name for name, state in told if state == "begun"]
    assert sorted(names) == sorted(name for name, state in told if state == "holds")
    assert {state for _, state in told} == {"begun", "holds"}
    assert names[:2] == ["passport", "invite"]
    assert {"terms", "anchor", "closing", "weights", "accounting", "shares"} <= set(names)


def test_the_link_that_breaks_is_the_last_one_told(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made.parent / "attachments", tmp_path / "attachments")
    shutil.copy(made, tmp_path / "passport.json")
    for path in sorted((tmp_path / "attachments").iterdir(), key=lambda one: one.stat().st_size)[-1:]:
        path.write_bytes(b"something else")
    told: list[tuple[str, str]] = []
    with pytest.raises(PassportError) as caught, watching_links(lambda name, state: told.append((name, state))):
        verify_passport(tmp_path / "passport.json", cards=PretendCards(), gradients=pretend_verify)
    assert told[-1][1] == "broken"
    assert str(caught.value).startswith(told[-1][0])


def test_nobody_watches_afterwards() -> None:
    told: list[str] = []
    with watching_links(lambda name, state: told.append(name)), link("inside"):
        pass
    with link("outside"):
        pass
    assert set(told) == {"inside"}
