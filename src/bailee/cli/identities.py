"""Keys as commands find them are in `bailee.party.identities`: all faces share them."""

from bailee.party.identities import own_identity, read_public

__all__ = ["own_identity", "read_public"]
