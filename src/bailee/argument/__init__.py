"""The proof system: hiding commitments, padded sumchecks, look-ups and the tape. It knows nothing of learning.

`docs/protocol.md` is the specification. `tape` describes a statement, `reduction` is the dialogue both sides hold,
`opening` and `closing` settle it, `prover` and `verifier` are the two ends, `plain` is an independent verifier.
"""
