"""Keeping what was put: audits, scrubs, repairs, moves, sweeps, and how healthy it is."""
