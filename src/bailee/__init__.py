"""Bailee: train on data you are not allowed to see, prove it was done right, and pay those whose data it was.

seal     an owner commits to its rows and encrypts them           -> a dataset card, with a proof of validity
grant    the owner signs who may do what, until when, how much    -> a grant
train    owners answer a builder's rounds with noisy sums         -> a session, and a proof from each owner
verify   anyone re-checks the whole chain, offline                -> the proven statement, or an error

From Python (docs/python.md):

init, open                       a Party: seal, grant, revoke, lend, join; train, train_model, evaluate; earnings; ...
schema, schema_of, plan          what rows may be, and what is trained
passport, card                   what anybody holds: verify and predict; check

Each is loaded when it is first used: `import bailee` itself costs next to nothing.
"""

__version__ = "0.1.0"

__all__ = [
    "BaileeError", "Card", "Dataset", "DraftSchema", "Grant", "Part", "Party", "Passport", "PrivacyWarning", "Proof",
    "Statement", "Status", "__version__", "card", "errors", "init", "open", "passport", "plan", "schema", "schema_of",
]  # fmt: skip

_WHERE = {
    "errors": ("BaileeError", "PrivacyWarning"),
    "verbs.drafts": ("DraftSchema", "schema", "schema_of"),
    "verbs.parties": ("Party", "Status", "init", "open_party"),
    "verbs.passports": ("Passport", "Statement", "passport"),
    "verbs.plans": ("plan",),
    "verbs.proofs": ("Proof",),
    "verbs.sealed": ("Card", "Dataset", "Grant", "Part", "card"),
}
_PLACES = {name: (f"bailee.{module}", name) for module, names in _WHERE.items() for name in names}
_PLACES["open"] = _PLACES.pop("open_party")  # there it must not hide the built-in one


def __getattr__(name: str) -> object:
    """PEP 562: what is in `__all__`, when it is first asked for. __init__.pyi says the same to type checkers."""
    from importlib import import_module

    if name == "errors":
        return import_module("bailee.errors")
    if name not in _PLACES:
        raise AttributeError(f"module 'bailee' has no attribute {name!r}")
    module, inside = _PLACES[name]
    found = globals()[name] = getattr(import_module(module), inside)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
