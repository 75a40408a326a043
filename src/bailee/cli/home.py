"""A party's folder is in `bailee.party.home`: all faces share it."""

from bailee.party.home import PartyHome

__all__ = ["PartyHome"]
