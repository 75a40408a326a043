"""Training a model whose weights stay committed, on rows that are here: lent, or of owners whose folders are.

The trainer reads the rows. What it says it did with them it must prove, and owners draw the noise with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bailee.adapters.files import lock, read_bytes, write_atomic, write_new
from bailee.errors import InputError
from bailee.party.accounts import reached
from bailee.party.handing_out import hand_out
from bailee.party.home import PartyHome
from bailee.party.lending import promise, show_coin
from bailee.party.model_training import Held, ModelRunning, borrowed, hold_model, lead_model, model_report
from bailee.party.model_watched import ModelCourse
from bailee.party.spending import lent_for, spend_for
from bailee.records import Spent, open_signed
from bailee.records.canonical import MAX_BYTES
from bailee.records.model import CoinPromise, open_model_coin
from bailee.statements.network.plan import ModelPlan
from bailee.statements.tasks import AnyPlan
from bailee.train.consent import require_consent
from bailee.verbs import sessions
from bailee.verbs.folder import PartyFolder, Place, now, spender
from bailee.verbs.given import listed
from bailee.verbs.passports import Passport
from bailee.verbs.plans import as_plan
from bailee.verbs.progress import steps, watching
from bailee.verbs.sealed import Grant


class HiddenTraining(PartyFolder):
    """Verbs of a trainer that holds rows, and of owners who draw the noise from elsewhere."""

    def train_model(
        self, plan: AnyPlan | Place, rows: Sequence[PartyFolder | Grant | Place], *, coins: Sequence[Place] = (),
        promises: Sequence[Place] = (), spent: Sequence[Place] = (), reveal: bool = False, memory: int | None = None,
        model_openings: int = 16, ledger: str | None = None, account: str | None = None,
        passphrase_file: Place | None = None, out: Place | None = None, resume: bool = False,
    ) -> Passport:  # fmt: skip
        """Train a model on rows that are here, prove every chunk of it, and make its passport. Weights stay committed.

        plan: one that names a loss. rows: folders that owners made with `lend`; a `Party` or one of its grants, where
        its folder is here. Owners who lent draw the noise, too: a first call stops with a SessionError that says where
        opening.json is; they answer with `show_coin`, and `train_model(..., coins=[FILE, ...], resume=True)` goes on.
        promises: of others who draw noise (`promise_coin`). reveal: publish the finished model. memory: bytes that
        proving a chunk may take. model_openings: proofs that the model's commitment bears, one of them this one. out:
        where the passport goes.

        Where the plan names a ledger: ledger, a node's URL; owners who lent `spend` first, and spent are their files;
        account spends for owners whose folders are here, passphrase_file opens it. Killed, resume=True goes on, and
        ends in the same model. Raises GrantError, BudgetError, PlanError, SessionError, StatementError, StorageError.
        """
        wanted, inside = as_plan(plan), self._inside
        if not isinstance(wanted, ModelPlan):
            raise InputError("this plan names no loss, so it is for owners' sums: train it with `train`")
        if account is not None and ledger is None:
            raise InputError("an account is for a plan's ledger: say at which node with ledger=")
        held = [self._held(one, wanted, resume) for one in listed(rows, "rows")]
        here = [one for one in held if one.papers is None]
        if account is not None and not here:
            raise InputError("account spends for owners whose folders are here, and all of these lent: they spend")
        acts = None if account is None else spender(self.home, account, passphrase_file)
        course = ModelCourse()
        with ExitStack() as stack:
            stack.enter_context(lock(self.home))
            with steps(self.quiet) as progress:
                holdings = [hold_model(one, progress) for one in held]
            opened = stack.enter_context(reached(ledger, self.home, acts))
            running = ModelRunning(
                stack.enter_context(watching(course, self.quiet)),
                promised=[open_signed(_read(one, "promise"), CoinPromise) for one in listed(promises, "promises")],
                answers=[open_model_coin(_read(one, "coin")) for one in listed(coins, "coins")],
                spent=[open_signed(_read(one, "spending"), Spent) for one in listed(spent, "spent")],
                resume=resume,
                reveal=reveal,
                memory=memory,
                model_openings=model_openings,
                open_ledger=opened,
                spends=acts is not None,
            )
            run = lead_model(inside, wanted, held, holdings, running)
        target = Path(out) if out is not None else self.home / "passports" / run.passport.record.session[:16]
        told = model_report(run, course)
        hand_out(run.passport.envelope, run.path, target, told)
        return Passport(target / "passport.json", told)

    def show_coin(
        self, opening: Place, out: Place = "coin.json", *, anchor: Place | None = None, ledger: str | None = None
    ) -> Path:
        """Show a trainer the coin that was promised with the rows lent to it, for this opening and for no other ever.

        opening: the trainer's opening.json, which fixes all noise but the coins. out: the file to write, for the
        trainer. Where the plan names a ledger: anchor, the trainer's anchor.json, is checked at the node `ledger`
        first. Raises InputError, SessionError, PlanError, GrantError.
        """
        with reached(ledger, self.home) as opened:
            shown = show_coin(self._inside, Path(opening), None if anchor is None else Path(anchor), opened)
        write_atomic(Path(out), shown.envelope)
        return Path(out)

    def promise_coin(self, plan: AnyPlan | Place, out: Place = "promise.json") -> Path:
        """Promise a coin for the noise of a plan, as somebody who lends no rows: noise is honest if one coin is.

        out: the file to write, for the trainer's `promises`. Raises InputError where it is there, StorageError.
        """
        write_new(Path(out), promise(self._inside, as_plan(plan).digest).envelope)
        return Path(out)

    def spend(
        self, opening: Place, out: Place = "spent.json", *, ledger: str, grant: Grant | str | None = None,
        account: str | None = None, passphrase_file: Place | None = None,
    ) -> Path:  # fmt: skip
        """Spend, on the ledger that its plan names, what a run of a hidden model costs a dataset that was lent to it.

        opening: the trainer's opening.json. out: the file to write, for the trainer's `spent`. ledger: a node's URL.
        grant: which, where the run reads several datasets of this party. account: of this folder, the only one by
        default; passphrase_file opens it. Spent once, however often this is called. Raises GrantError, BudgetError,
        SessionError, PlanError, InputError, ChainError.
        """
        inside = self._inside
        found = lent_for(inside, Path(opening), None if grant is None else self._given(grant).signed)
        with reached(ledger, self.home, spender(self.home, account, passphrase_file)) as opened:
            require_consent(found.run.ledger, opened)
            said = spend_for(inside, found, opened, now())
        write_atomic(Path(out), said)
        return Path(out)

    def _held(self, one: PartyFolder | Grant | Place, plan: ModelPlan, resume: bool) -> Held:
        if isinstance(one, PartyFolder | Grant):
            owner = PartyHome(one.home)
            given = one.signed if isinstance(one, Grant) else sessions.fitting(owner, plan, self.key, resume)
            return Held(owner, owner.dataset_of(given), given)
        lent = borrowed(self._inside, Path(one))
        if lent is None:
            raise InputError(f"{one} was not lent to anybody; expected a folder made by lend, a Party or its grant")
        return lent


def _read(file: Place, what: str) -> bytes:
    return read_bytes(Path(file), MAX_BYTES, what)
