"""Of all tests: what comes first, and Ctrl-C for the programs that they start."""

from __future__ import annotations

import signal

import pytest

_FIRST = "test_readme.py"
"""The longest file: on two cores it runs beside all the others."""


def pytest_configure() -> None:
    """Whoever runs the tests in the background of a shell ignores Ctrl-C, and so would every program they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name != _FIRST)
