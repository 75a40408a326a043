"""Doors of a vault for other programs, as servers: thin faces over `bailee.seal.vault`. See `s3`."""
