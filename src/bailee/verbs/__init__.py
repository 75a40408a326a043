"""Bailee from Python: `import bailee` has all of this, and loads a part when it is first used.

parties    init, open, and a Party's verbs    passports  passport, card: what anybody checks and asks
sessions   a training, in this process or     drafts     schema, schema_of: what rows may be
           with owners elsewhere              plans      plan: what is trained
tables     what counts as a table             showing    how things look in a notebook or a terminal
sealed     datasets, grants, parts            progress   what is going on, while it goes on

Another face over the same functions as the command line; docs/python.md says why it has this shape.
"""
