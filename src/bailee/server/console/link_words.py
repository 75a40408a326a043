"""The links of a passport's chain in words: what each is, and what is checked about it.

`bailee.verify` names links in short English; who reads a page is told more, in their language.
"""

from __future__ import annotations

import re
from typing import Final

from bailee.server.console.words import N_

_LINKS: Final = tuple(
    (re.compile(pattern, re.DOTALL), title, meaning)
    for pattern, title, meaning in (
        (r"passport", N_("The passport itself"), N_("It reads, and its builder signed it.")),
        (
            r"the model's passport", N_("The passport of the model"),
            N_("The proof is about the model of this very passport."),
        ),
        (r"invite", N_("The invitation"), N_("The builder signed what was to be trained, with whom, on which terms.")),
        (
            r"opening", N_("The beginning of the run"),
            N_("The builder fixed plan, rows, noise and order before it trained."),
        ),
        (
            r"card of (?P<who>.*)", N_("The dataset card of %(who)s"),
            N_("Signed, older than the session, and proven: as many rows as it says, each fitting the schema."),
        ),
        (r"terms", N_("The terms"), N_("Columns, noise and sizes follow from the plan and the cards.")),
        (
            r"grant of (?P<who>.*)", N_("The grant of %(who)s"),
            N_("It allows this builder, plan, purpose, columns and loss, at that time, and was not taken back before."),
        ),
        (
            r"spending of (?P<who>.*)", N_("What %(who)s spent on the ledger"),
            N_("The owner signed that it spent this loss there."),
        ),
        (
            r"noise commitment of (?P<who>.*)", N_("The noise of %(who)s"),
            N_("It was fixed before anybody could know the joint randomness."),
        ),
        (
            r"anchor", N_("The anchor on a ledger"),
            N_("If the plan names a ledger, its block is in the noise; if it names none, nothing is to be checked."),
        ),
        (r"ledger", N_("The ledger, at a node"), N_("Grants, spendings and the block stand there.")),
        (r"coins", N_("The coins"), N_("All who promised a coin showed the one that they promised.")),
        (
            r"coin of the builder", N_("The coin of the builder"),
            N_("Its share of the joint randomness is the one that it promised."),
        ),
        (
            r"coin of (?P<who>.*)", N_("The coin of %(who)s"),
            N_("Its share of the joint randomness is the one that it promised."),
        ),
        (r"orders", N_("The order of rows"), N_("It was drawn from the coins, and nobody chose it.")),
        (r"order of (?P<who>.*)", N_("The order of the rows of %(who)s"), N_("Proven: the same rows, in that order.")),
        (r"start", N_("The first weights"), N_("They are the public ones that the plan numbers.")),
        (
            r"chunk (?P<who>\d+)", N_("Chunk %(who)s of the training"),
            N_("Proven: these steps lead from the committed weights before to those after."),
        ),
        (r"rounds of (?P<who>.*)", N_("The rounds of %(who)s"), N_("As many as were planned.")),
        (r"rounds", N_("All rounds"), N_("Each owner signed each sum, at the weights that were asked for.")),
        (
            r"round (?P<who>.*)", N_("Round %(who)s"),
            N_("The owner signed its sum, at the weights that were asked for."),
        ),
        (r"weights", N_("The weights"), N_("Computed again from the sums, step by step, bit by bit.")),
        (r"model", N_("The model"), N_("It is the one that the last step ends in.")),
        (r"closing", N_("The closing"), N_("The builder closed the session on exactly these messages.")),
        (
            r"proof of (?P<who>.*)", N_("The proof of %(who)s"),
            N_("All its sums came from its committed rows, with honest noise. Nobody sees a row."),
        ),
        (
            r"the rules' proof|the \w+'s proof", N_("The proof"),
            N_("The statement was proven; nobody sees a row or a weight."),
        ),
        (
            r"privacy of (?P<who>.*)", N_("The privacy of %(who)s"),
            N_("The loss was computed again, and is within the grant."),
        ),
        (r"privacy", N_("The privacy"), N_("The loss was computed again from noise and steps.")),
        (r"accounting", N_("The accounting"), N_("The passport says how the loss was reached, and it is so.")),
        (r"shares", N_("The shares"), N_("Each owner's part follows from the rows and rounds that it proved.")),
    )
)  # fmt: skip


def link_words(name: str) -> tuple[str, dict[str, str], str]:
    """(title, what fills it, meaning) of a link as the verifier names it. The title is to be translated first."""
    for pattern, title, meaning in _LINKS:
        found = pattern.fullmatch(name)
        if found is not None:
            return title, found.groupdict(), meaning
    return "%(name)s", {"name": name}, ""


NOT_PROVEN: Final = (
    N_("That the rows are true. A proof shows that sealed rows fit the schema, not that they describe real people."),
    N_("That a key belongs to whom it names. Compare it with an identity that you got another way."),
    N_("That the model is good, fair, or fit for a purpose. No accuracy is in a passport."),
    N_("That no grant was taken back since, unless the revocation lies in the folder."),
    N_("That the builder uses the model only for the purpose that it signed."),
)
"""Said below every passport that holds: docs/guarantees.md has all of it."""
