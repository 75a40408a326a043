"""Of all tests: what comes first, Ctrl-C for the programs that they start, and what hypothesis tries.

It tries the same examples in every run, however slow the machine: a test fails because of a change, not by chance. With
BAILEE_SEARCH=1 it looks for others.
"""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

_FIRST = "test_readme.py"
"""The longest file: on two cores it runs beside all the others."""


settings.register_profile(
    "bailee", deadline=None, derandomize="BAILEE_SEARCH" not in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("bailee")


def pytest_configure() -> None:
    """Whoever runs the tests in the background of a shell ignores Ctrl-C, and so would every program they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name != _FIRST)
