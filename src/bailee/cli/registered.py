"""How commands say which registered work is meant; what it means is in `bailee.party.registered`."""

from bailee.party.registered import dataset_commitment, own_registrations, work_named

__all__ = ["WORK_HELP", "dataset_commitment", "own_registrations", "work_named"]

WORK_HELP = "A work: its number, its commitment (64 hex digits), or the name of a sealed dataset of the home."
