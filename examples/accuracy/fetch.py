"""Fetch and check the three data sets, or say what is missing: python examples/accuracy/fetch.py [folder]."""

import sys
from pathlib import Path

from sources import CENSUS, DEFAULT_CACHE, FASHION, MNIST, fetch

from bailee.errors import BaileeError


def main() -> int:
    cache = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_CACHE
    failed = 0
    for archive in (MNIST, FASHION, CENSUS):
        try:
            print(f"{archive.title}: {fetch(archive, cache)}")
        except BaileeError as error:
            print(f"{archive.title}: {error}", file=sys.stderr)
            failed = error.exit_code
    return failed


if __name__ == "__main__":
    sys.exit(main())
