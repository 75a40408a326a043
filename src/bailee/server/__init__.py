"""Doors of a vault for other programs: thin faces over `bailee.seal.vault`. `s3` for clients, `mounting` the kernel."""
