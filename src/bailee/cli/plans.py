"""Plans of either kind are read in `bailee.party.plans`: all faces share it."""

from bailee.party.plans import read_any_plan

__all__ = ["read_any_plan"]
