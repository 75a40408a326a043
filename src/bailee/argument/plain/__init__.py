"""The plain verifier: a second implementation of docs/protocol.md, written from the text alone, to be read in an hour.

It shares with the fast verifier only the statement (`argument.tape`) and the plain arithmetic of `algebra.field` and
`algebra.transform`; no compiled code. Where the two disagree, one of them or the text is wrong. Numbers in comments
are sections of the document. `words` turns bytes into challenges and code words (1-3, 12), `claims` reduces the
statement to claims on commitments (4-7), `settlement` opens them, settles the closing system (8-10), holds `verify`.
"""

from bailee.argument.plain.settlement import verify

__all__ = ["verify"]
