"""What a home calls works of a ledger: the titles under which it prepared or registered them itself.

Only a work's own number counts. Somebody else's registration of the same commitment is another work, and gets no title
of ours; what strangers call their works is not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from bailee import json_text
from bailee.adapters.files import read_bytes
from bailee.errors import BaileeError
from bailee.own.one_line import one_line
from bailee.party.registrations import METADATA, folder_of
from bailee.records.canonical import MAX_BYTES

_LONGEST = 80
_NUMBER = re.compile(r"[0-9a-f]{64}")


def titles_of(home: Path, ledger: str) -> dict[int, str]:
    """Titles by the number of the work. ledger: its CAIP-10 name. What cannot be read has no title.

    A title is one line of at most 80 letters, with nothing that a terminal obeys: some came with a stranger's passport.
    """
    found = {}
    for path in folder_of(home, ledger, 0).parent.glob(f"*/{METADATA}"):
        if _NUMBER.fullmatch(path.parent.name) and (title := title_in(path.parent)):
            found[int(path.parent.name, 16)] = title
    return found


def titled(work: int, titles: Mapping[int, str]) -> str:
    """The number, and the title beside it where there is one."""
    return f"{work} ({titles[work]})" if work in titles else str(work)


def title_in(folder: Path) -> str:
    """The title of what was prepared in a folder; empty where it says none."""
    try:
        name = json_text.load(read_bytes(folder / METADATA, MAX_BYTES, "metadata"))["name"]
    except (BaileeError, ValueError, KeyError, TypeError):
        return ""
    text = one_line(name.strip()) if isinstance(name, str) else ""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
