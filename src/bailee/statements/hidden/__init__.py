"""What the messages of a hidden-model run mean: chunks, terms, coins, contexts, privacy. Trainer and verifier share it.

The arithmetic and the relation are in `bailee.statements.network`; docs/sessions.md (hidden mode) is the specification.
"""
