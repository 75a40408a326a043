"""Whether Python and the libraries are as this version of Bailee needs them, as the installation says of itself."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from bailee import __version__
from bailee.errors import InputError
from bailee.party.doctor.finding import Finding, fine, problem, warning

PYTHON = (3, 11)
_FORM = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*(?P<wants>[^;]*)(?:;(?P<when>.*))?")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Need:
    """wants: versions, as `>=1.2,<3`. extra: "" for what Bailee cannot do without."""

    name: str
    wants: str
    extra: str


def versions() -> Iterator[Finding]:
    told = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON:
        yield problem(
            "python", f"Python {told}; expected 3.11 or newer", "install a newer Python", InputError.exit_code
        )
    else:
        yield fine("python", f"Python {told}, bailee {__version__}")
    try:
        stated = metadata.requires("bailee") or []
    except metadata.PackageNotFoundError:
        yield warning("libraries", "bailee was not installed as a package", "install it with pip, or script/setup")
        return
    yield from libraries([need for line in stated if (need := read_need(line)) is not None])


def libraries(needs: list[Need]) -> Iterator[Finding]:
    """One line for all that is needed always, and one an extra that is there in part, or not."""
    wrong = [said for need in needs if not need.extra and (said := _wrong(need))]
    again = "pip install --upgrade bailee"
    if wrong:
        yield problem("libraries", "; ".join(wrong), again, InputError.exit_code)
    else:
        yield fine("libraries", f"{sum(not need.extra for need in needs)} of them, all as needed")
    whole: list[str] = []
    for extra in sorted({need.extra for need in needs if need.extra} - {"dev"}):
        parts = [need for need in needs if need.extra == extra]
        missing = [need for need in parts if _installed(need.name) is None]
        unfit = [said for need in parts if need not in missing and (said := _wrong(need))]
        if unfit:
            yield warning("extras", f"{extra}: {'; '.join(unfit)}", f'pip install --upgrade "bailee[{extra}]"')
        elif missing:
            names = ", ".join(need.name for need in missing)
            yield fine(
                "extras", f'{extra} is not installed ({names}); where it is wanted: pip install "bailee[{extra}]"'
            )
        else:
            whole.append(extra)
    yield fine("extras", f"installed: {', '.join(whole) or 'none'}")


def read_need(line: str) -> Need | None:
    """Of a line of the package's metadata; None for what another system needs."""
    found = _FORM.fullmatch(line.strip())
    if found is None:
        return None
    when = found["when"] or ""
    if "sys_platform" in when and "win32" not in when:
        return None
    extra = _EXTRA.search(when)
    return Need(found["name"], found["wants"].strip(), extra[1] if extra else "")


def fits(version: str, wants: str) -> bool:
    """Of specifiers such as `>=1.2` and `==1.17.0`, joined by commas; others are taken to fit."""
    have = _numbers(version)
    for one in filter(None, (part.strip() for part in wants.split(","))):
        sign, wanted = one[:2], _numbers(one[2:] if one[1:2] == "=" else one[1:])
        if sign == ">=" and have < wanted:
            return False
        if sign == "==" and have != wanted:
            return False
        if sign[0] == "<" and sign != "<=" and have >= wanted:
            return False
    return True


def _wrong(need: Need) -> str:
    version = _installed(need.name)
    if version is None:
        return f"{need.name} is missing, {need.wants or 'any version'} is needed"
    return "" if fits(version, need.wants) else f"{need.name} is {version}, {need.wants} is needed"


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(text: str) -> tuple[int, ...]:
    """1.2.0rc1 as (1, 2): zeros at the end say nothing."""
    found = [int(match[0]) if (match := _NUMBER.match(part)) else 0 for part in text.strip().split(".")]
    while found and not found[-1]:
        found.pop()
    return tuple(found)
