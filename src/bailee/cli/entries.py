"""The table of commands. Its lines are what `bailee --help` shows; each is the first line of its command's own help."""

# ruff: noqa: E501

from bailee.cli.one_command import Entry

OWNER, BUILDER, ANYBODY = "For owners", "For builders", "For anybody"

# fmt: off
ENTRIES = (
    Entry("init", "init:init", ANYBODY, "Make a party: its folder and keys, and on request a vault and a chain of its own; then say what comes next."),
    Entry("seal", "datasets:seal", OWNER, "Seal rows: check them against a schema, commit to them, prove them valid, encrypt them."),
    Entry("reseal", "datasets:reseal", OWNER, "Renew a dataset whose openings are spent: the same rows under a fresh commitment, proven equal."),
    Entry("prove-rules", "rules:prove_rules_command", OWNER, "Prove that no record occurs twice in sealed datasets, or is shared by two; or that columns keep to bounds."),
    Entry("grant", "grants:grant", OWNER, "Let a builder run one plan on a dataset: for a purpose, for some columns, for a time, up to a privacy loss."),
    Entry("revoke", "grants:revoke", OWNER, "Take a grant back, from now on. This party answers nobody under it any more."),
    Entry("request", "requests:app", OWNER, "Grants that builders asked you for: look, give that or less, or refuse."),
    Entry("join", "training:join", OWNER, "Take part in a training session with a sealed dataset, under a grant."),
    Entry("lend", "lending:lend", OWNER, "Hand the rows of a dataset to a trainer, readable to it alone, for the plan that a grant names."),
    Entry("spend", "spending:spend", OWNER, "Spend, on the ledger that its plan names, what a run of a hidden model costs a dataset that you lent to it."),
    Entry("ask", "requests:ask", BUILDER, "Ask an owner for a grant: sign a request with the plan in it, keep it, and send it to the owner's server."),
    Entry("asked", "requests:asked", BUILDER, "Show the grants you asked for, and what their owners answered; answers are fetched, checked and kept."),
    Entry("train", "training:train", BUILDER, "Train a model with its owners' permission, without ever holding a row, and make its passport."),
    Entry("train-model", "model_training:train_model", BUILDER, "Train a model on rows you were lent, prove every chunk of it, and make its passport."),
    Entry("evaluate", "inference:evaluate_command", BUILDER, "Prove how well a hidden model does on sealed rows, showing neither."),
    Entry("prove-inference", "inference:prove_inference_command", BUILDER, "Prove what a hidden model answers: to rows in a table, told or committed to, or to rows of a sealed dataset."),
    Entry("verify", "passports:verify", ANYBODY, "Check a passport offline and print what it proves. The exit code is 0 if everything holds, and only then."),
    Entry("predict", "models:predict", ANYBODY, "Answer rows with a published model, in the integers that were proven: the same on every machine."),
    Entry("export", "models:export", ANYBODY, "Write a published model for other programs. Its float32 answers equal the proven ones within a bound."),
    Entry("release", "releasing:release", BUILDER, "Release a model for other people's tools: ONNX, safetensors, model.sig, SLSA provenance, ML-BOM, Croissant, card."),
    Entry("status", "status:status", ANYBODY, "Show a party's datasets, grants and sessions: openings left, privacy spent, what still holds."),
    Entry("console", "console:console", ANYBODY, "Open this folder in the browser: datasets, requests, grants, training, proofs, money. Until Ctrl-C."),
    Entry("completion", "completion:completion", ANYBODY, "Print the script that lets a shell complete commands, options, and names of datasets and grants."),
    Entry("doctor", "doctor:doctor", ANYBODY, "Check keys, disk, datasets, sessions, stores, ledger, clock and versions; say what is wrong and what to do."),
    Entry("serve", "serving:serve", ANYBODY, "Serve this folder's HTTP API until Ctrl-C or SIGTERM; docs/api.md has its calls."),
    Entry("vault", "vault:app", OWNER, "Keep any object sealed on stores that nobody needs to trust: folders, buckets, WebDAV shares."),
    Entry("key", "keys:app", ANYBODY, "A party's keys: they sign what it says and open what it sealed."),
    Entry("account", "balances:app", ANYBODY, "Ethereum accounts: who acts and is paid on a ledger."),
    Entry("consent", "consents:app", ANYBODY, "Consent on a ledger: terms that an owner signs and a builder accepts."),
    Entry("ledger", "ledger:app", ANYBODY, "The ledger: a chain, and the contracts on it."),
    Entry("graph", "graphs:app", ANYBODY, "The graph of rights as a file: what was made from what, and whose it is."),
    Entry("royalty", "royalties:app", ANYBODY, "Royalties: paying for uses of works, and being paid."),
    Entry("gate", "gates:app", ANYBODY, "Answers against payment: HTTP 402 with x402."),
    Entry("card", "datasets:card_app", ANYBODY, "The public description of a sealed dataset."),
    Entry("work", "works_on_ledger:app", OWNER, "What a dataset, a text, a picture, sound or video is recognised by."),
    Entry("attest", "attesting:app", ANYBODY, "Verify models' passports, and answer for it with a bond."),
    Entry("arbiter", "arbiters:app", ANYBODY, "For a ledger's arbiters: disputes and challenges, and votes on them."),
    Entry("coin", "lending:coin_app", OWNER, "A party's share of the noise of a model that somebody else trains."),
    Entry("remote", "remotes:app", ANYBODY, "Other parties' servers: where their datasets are found and asked for."),
    Entry("caller", "serving:caller_app", ANYBODY, "Whose keys may call the HTTP API of this folder, and as what."),
)
# fmt: on
"""In the order of the help. Each is loaded when it is called; a new command needs its line here."""
