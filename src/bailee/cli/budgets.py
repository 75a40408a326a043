"""`bailee consent budget`: what of a dataset's privacy may be spent on a ledger, over all grants."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from bailee.cli.accounts import AccountOption, PassphraseFd, PassphraseFile
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.ledgers import ContractsOption, NodeOption
from bailee.cli.registered import WORK_HELP
from bailee.errors import BudgetError, InputError
from bailee.party.amounts import money
from bailee.party.opened_ledger import acting, reading
from bailee.party.registered import work_named
from bailee.records import decimal_text
from bailee.records.offer import DELTA_UNIT, EPSILON_UNIT

if TYPE_CHECKING:
    from bailee.adapters.chain.ledger.facts import Budget


@command
def budget(
    work: Annotated[str, typer.Argument(help=WORK_HELP)],
    epsilon: Annotated[str | None, typer.Option(help="All that may ever be spent; it can only be lowered.")] = None,
    delta: Annotated[str | None, typer.Option(help="The same of delta.")] = None,
    ledger: NodeOption = None,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Say what of a dataset's privacy is left on the ledger, over all grants; or set it, and later only lower it.

    Example: `bailee consent budget heart-disease --epsilon 8`
    """
    face = Face(as_json)
    if (epsilon, delta) == (None, None):
        with reading(home, ledger, contracts) as found:
            number = work_named(found, home, work)
            _show_budget(face, number, found.grants.budget(number), changed=False)
        return
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as found:
        number = work_named(found, home, work)
        now = found.grants.budget(number)
        was_set = (now.epsilon, now.delta) != (0, 0)
        if not was_set and (epsilon is None or delta is None):
            raise InputError(
                "the work has no budget yet: say both --epsilon and --delta, since it only falls afterwards"
            )
        wanted = (
            now.epsilon if epsilon is None else _units("--epsilon", epsilon, EPSILON_UNIT),
            now.delta if delta is None else _units("--delta", delta, DELTA_UNIT),
        )
        changed = wanted != (now.epsilon, now.delta)
        if changed:
            if was_set and (wanted[0] > now.epsilon or wanted[1] > now.delta):
                raise BudgetError(
                    f"the budget is epsilon {money(now.epsilon, 9)}, delta {money(now.delta, 18)}, and can only be "
                    "lowered: what owners once promised to keep stays kept"
                )
            found.grants.set_budget(number, *wanted)
        _show_budget(face, number, found.grants.budget(number), changed)


def _units(option: str, text: str, unit: int) -> int:
    """A limit in the ledger's units, exactly: it is a promise. InputError."""
    number = Decimal(decimal_text(text)) * unit
    if number < 0 or number != number.to_integral_value() or number >= 2**64:
        most = len(str(unit)) - 1
        raise InputError(
            f"{option}: expected a number of at least 0 with at most {most} digits after the point, got {text}"
        )
    return int(number)


def _show_budget(face: Face, work: int, found: Budget, changed: bool) -> None:
    facts = {
        "work": str(work),
        "epsilon": money(found.epsilon, 9),
        "delta": money(found.delta, 18),
        "spent_epsilon": money(found.spent_epsilon, 9),
        "spent_delta": money(found.spent_delta, 18),
        "left_epsilon": money(max(0, found.epsilon - found.spent_epsilon), 9),
        "left_delta": money(max(0, found.delta - found.spent_delta), 18),
        "changed": changed,
    }
    shown = {name.replace("_", " "): value for name, value in facts.items() if name != "changed"}
    face.result(facts, facts_table(shown))
