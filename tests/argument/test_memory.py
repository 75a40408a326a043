"""Whoever proves keeps memory, alone or among others, and it is given back when all are done for a while."""

import time

import numpy as np

from bailee.argument import memory


def test_memory_goes_back_after_the_last_of_those_who_keep_it(monkeypatch):
    given = []
    monkeypatch.setattr(memory, "IDLE", 0.01)
    monkeypatch.setattr(memory, "release", lambda: given.append(True))
    with memory.kept():
        with memory.kept():
            np.ones(1 << 20)
        time.sleep(0.05)
        assert not given
    for _ in range(6000):
        if given:
            break
        time.sleep(0.01)
    assert given == [True]


def test_releasing_changes_no_value():
    values = np.arange(1 << 20)
    memory.release()
    assert values.sum() == (1 << 20) * ((1 << 20) - 1) // 2
