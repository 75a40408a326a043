"""Bailee: train on data you are not allowed to see, prove it was done right, and pay those whose data it was.

seal     an owner commits to its rows and encrypts them           -> a dataset card, with a proof of validity
grant    the owner signs who may do what, until when, how much    -> a grant
train    owners answer a builder's rounds with noisy sums         -> a session, and a proof from each owner
verify   anyone re-checks the whole chain, offline                -> the proven statement, or an error
"""

__version__ = "0.1.0"
