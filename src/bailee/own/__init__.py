"""Whose it was first: fingerprints of works, near copies among them, and what is published with a registration.

fingerprints/   what a work is recognised by, made from its file
near_copies/    an index of fingerprints and what two of them say about each other
metadata.py     Croissant and ERC-721 documents of a work

The ledger itself is an adapter; nothing here needs one. docs/fingerprints.md says what each score means and how often
it is wrong.
"""
