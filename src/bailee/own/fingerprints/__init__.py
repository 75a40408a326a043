"""What a work is recognised by: `fingerprint(path)`.

making    a file in, its fingerprint out        codes     ISO 24138 codes of bytes and titles
texts     plain text                            images    pictures, and views of them
tables    rows as sets, through probes          cells     kernels over cells; `spelling` of other scripts
"""

from bailee.own.fingerprints.making import Title, fingerprint, guess_kind

__all__ = ["Title", "fingerprint", "guess_kind"]
