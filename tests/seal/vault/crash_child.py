"""What is killed: puts, copies, deletes and erases in a loop, and says on its output what was acknowledged.

Before an action a line says what is tried, after it what is done; a line is one write, so a kill never tears it.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from bailee.keys import Identity
from bailee.seal.vault.vault import Vault

MARKER = b"PLAINTEXT-MARKER-"


def body(seed: int) -> bytes:
    """Bytes that hold the marker throughout: small ones mostly, some of more than a segment."""
    rng = random.Random(seed)
    size = 1_300_000 if seed % 7 == 0 else rng.randrange(0, 3000)
    return (MARKER + b"%d " % seed) * (size // 20 + 1)


def say(*words: object) -> None:
    os.write(1, " ".join(map(str, words)).encode() + b"\n")


def main(home: Path, seed: int) -> None:
    rng = random.Random(seed)
    with Vault.open(home, Identity.load(home)) as vault:
        say("ready")
        number = 0
        while True:
            number += 1
            name, other = f"n{rng.randrange(4)}", f"n{rng.randrange(4)}"
            action = rng.choice(["put", "put", "put", "copy", "delete", "erase", "multipart"])
            token = seed * 100_000 + number
            say("try", action, name, other, token)
            if action == "put":
                say("done", action, name, vault.put(name, body(token)).id, token)
            elif action == "multipart":
                with vault.part_writer() as writer:
                    writer.write(body(token))
                    uploaded = writer.finish()
                say("done", action, name, vault.compose(name, [uploaded]).id, token)
            elif name not in {one.name for one in vault.list().versions}:
                say("done", "nothing")
            elif action == "copy":
                version = vault.head(name).id
                say("done", action, other, vault.copy(name, other, version).id, version)
            elif action == "delete":
                say("done", action, name, vault.delete(name).id)
            else:
                vault.erase(name)
                say("done", action, name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
