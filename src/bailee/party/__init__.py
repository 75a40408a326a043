"""What a party does in its own folder, for every face alike: command line, HTTP, Python, console.

The folder    home   beginning: keys, a vault, a chain in one step   identities: keys in folders   people: names by key
              remotes: others' servers   doctor: what is wrong   unchanged: what need not be read again
              standing: what is left and spent, as facts   owning: the same as records, whatever is damaged
              events: all that happened   store_health: what the vault's stores say
Rows          schema_guess: what columns seem to be   sealing   bars: how far it is
              lending: rows and coins for a trainer   spending: on a ledger, for its run
Consent       granting   carrying: whether a grant can carry its plan   requested: requests as they are kept
              asking: asked for, and answered   answered: what came of it, as facts
              correspondence: asking at others' servers   uses: who used what   sold: answers that a gate sold
Plans         plans: either kind, read   planning: written and kept   loss_words: what a privacy loss means
Sessions      training   watched: while one runs here   course: one, from its files   followed: all of them
              scoring: on test rows   model_training: on rows that are held   model_watched: while that runs
Passports     papers: those that are here   checking: link by link   handing_out   releasing: for others' tools
Proofs        telling: how good a hidden model is, what it answers, rules on rows   claims: what to show, read
              trained: a finished run, with its openings
The ledger    accounts: who acts, and nodes reached   opened_ledger: which one, opened
              ledger_reading: all it said   ledger_view: that, kept for pages
              links: accounts   registrations: works on the way there   near_works: what is near them
              offering: consent there   model_claims: what verifiers attest   cases: what arbiters decide
              amounts: money in words   earnings: what works earned   paying: for a use, and what is drawn
              registered: which work is meant   titles: what the folder calls works

Here the stages meet: a face parses what people ask, calls these functions, and shows what they return.
"""
