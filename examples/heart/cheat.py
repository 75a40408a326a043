"""A hospital that cheats: it joins a session as `bailee join` would, but with one row exchanged after sealing.

Run by demo.py in a process of its own: python cheat.py HOME ADDRESS GRANT
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from bailee.adapters.transport import join
from bailee.errors import BaileeError
from bailee.party.home import PartyHome
from bailee.party.training import hold
from bailee.train.holding import Setting
from bailee.train.owner import take_part
from bailee.train.proving import proving


def main(home: Path, address: str, grant: str) -> None:
    party = PartyHome(home)
    given = party.grant(grant)
    holding = hold(party, party.dataset_of(given), given)
    matrix = holding.matrix.copy()
    matrix[0, -1] ^= 1  # the first patient is now ill, or now healthy; nothing else changes
    host, _, port = address.rpartition(":")
    channel = join(host, int(port), 60)
    try:
        take_part(replace(holding, matrix=matrix), channel, proving(), party.ledger(), Setting(party.sessions))
    except BaileeError as error:
        print(f"{type(error).__name__}: {error}")
    finally:
        channel.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
