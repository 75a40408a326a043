"""Bailee from Python: `import bailee` has all of this, and loads a part when it is first used.

parties    init, open, and a Party's verbs    passports  passport: what anybody checks and asks
folder     what all of those are about        proofs     evaluate, prove_inference, prove_rules
sessions   a training, in this process or     hidden     train_model, and the coins drawn for it
           with owners elsewhere              plans      plan: what is trained
tables     what counts as a table             drafts     schema, schema_of: what rows may be
sealed     datasets, cards, grants, parts     showing    how things look in a notebook or a terminal
money      earnings, pay, claim               progress   what is going on, while it goes on

Another face over the same functions as the command line; docs/python.md says why it has this shape.
"""
