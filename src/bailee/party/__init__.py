"""What a party does in its own folder, for every face alike: command line, HTTP, Python.

home       the folder               granting   permissions given and taken back      plans        plans of either kind
standing   what is left and spent   checking   a passport, link by link              identities   keys in folders

registrations  works on the way to a ledger   near_works   what is near them   model_claims   what verifiers attest
cases          what arbiters decide
asking         grants asked for, and answered   requested   requests as they are kept   remotes   others' servers
events         all that happened   uses   who used what   papers   passports that are here   followed   sessions
opened_ledger, ledger_reading, ledger_view   the home's ledger   earnings   what works earned   planning   plans written

Here the stages meet: a face parses what people ask, calls these functions, and shows what they return.
"""
