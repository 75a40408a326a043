"""How commands say which registered work is meant; what it means is in `bailee.party.registered`."""

WORK_HELP = "A work: its number, its commitment (64 hex digits), or the name of a sealed dataset of the home."
