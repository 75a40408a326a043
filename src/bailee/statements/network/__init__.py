"""What *trained* means for linear models and ReLU networks, in integers and on the tape (docs/training.md).

One file per layer and per loss holds its arithmetic and its relation. `architecture` names the tensors, `run` trains,
`chunk` proves, `forward` predicts; nothing else needs to be imported from outside.
"""
