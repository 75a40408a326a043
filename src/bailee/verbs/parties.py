"""A party and its verbs: an owner's, a builder's, and what both have."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

from bailee.adapters.files import lock, read_bytes
from bailee.adapters.places import place_of
from bailee.adapters.transport import join as connect
from bailee.adapters.transport import reach
from bailee.errors import GrantError, InputError
from bailee.grant import open_revocation
from bailee.keys import PublicIdentity
from bailee.party.accounts import reached
from bailee.party.beginning import begin, default_home
from bailee.party.granting import Terms, give, take_back
from bailee.party.home import PartyHome
from bailee.party.lending import lend_rows
from bailee.party.scoring import score_on
from bailee.party.sealing import renew, seal_rows
from bailee.party.standing import standing
from bailee.party.training import Running, hold, join_in, require_worth_joining
from bailee.party.watched import Course
from bailee.records.schema import Schema
from bailee.seal import DEFAULT_OPENINGS, Progress
from bailee.statements.tasks import AnyPlan
from bailee.verbs import sessions
from bailee.verbs.drafts import DraftSchema
from bailee.verbs.drafts import schema as read
from bailee.verbs.folder import Place, moment_of, now, public_of, spender
from bailee.verbs.given import listed
from bailee.verbs.hidden import HiddenTraining
from bailee.verbs.money import Royalties
from bailee.verbs.passports import Passport
from bailee.verbs.plans import as_plan
from bailee.verbs.progress import steps, watching
from bailee.verbs.proofs import Telling
from bailee.verbs.sealed import Dataset, Grant, Part
from bailee.verbs.showing import Rows, Shown
from bailee.verbs.tables import table_of

_REVOCATION_LIMIT = 1 << 20
_ADDRESS = "an address like 127.0.0.1:7447"


@dataclass(frozen=True, repr=False)
class Status(Shown):
    """What a party has, what it allowed, and what that has cost, when it was asked. facts: as with --json."""

    facts: Mapping[str, Any]

    def _title(self) -> str:
        return str(self.facts["name"])

    def _facts(self) -> Mapping[str, object]:
        return {"key": self.facts["key"]}

    def _tables(self) -> Mapping[str, Rows]:
        return {name: self.facts[name] for name in ("datasets", "grants", "sessions")}


@dataclass(frozen=True, repr=False)
class Party(Telling, HiddenTraining, Royalties):
    """A party's folder, with its keys. Made by `bailee.init` and `bailee.open`. quiet: no progress is shown."""

    # what an owner does

    def seal(
        self, table: Any, schema: Schema | Place, *, name: str | None = None, openings: int = DEFAULT_OPENINGS,
        memory: int | None = None,
    ) -> Dataset:  # fmt: skip
        """Seal rows: check them against a schema, commit to them, prove them valid, encrypt them.

        table: a CSV or Parquet file, a pandas, Polars or PyArrow table, or a dict of columns; cells in the units of the
        schema. schema: `bailee.schema`, or its file. openings: how many proofs the commitment bears. memory: bytes that
        proving may take. Raises SchemaError (row and column, never a cell), InputError, StorageError; nothing is left.
        """
        if isinstance(schema, DraftSchema):
            raise InputError(
                "this is a draft: look at it, say what is known of its columns with draft.known(...), and give what "
                "draft.accept() returns"
            )
        found = schema if isinstance(schema, Schema) else read(schema)
        with steps(self.quiet) as progress:
            made = seal_rows(self._inside, table_of(table), found, now(), name, openings, memory, progress)
        return Dataset(self.home, made)

    def reseal(
        self, dataset: Dataset | str, *, name: str | None = None, openings: int = DEFAULT_OPENINGS
    ) -> Dataset:  # fmt: skip
        """Renew a dataset whose openings are spent: the same rows, proven equal. Its new card needs new grants.

        Raises BudgetError where it was renewed already, InputError, StorageError.
        """
        with steps(self.quiet) as progress:
            made = renew(self._inside, self.dataset(dataset).sealed, now(), name, openings, progress)
        return Dataset(self.home, made)

    def grant(
        self, dataset: Dataset | str, builder: Party | PublicIdentity | Place, plan: AnyPlan | Place, *,
        starts: date | str | None = None, until: date | str | None = None, days: int = 30,
        fields: Sequence[str] | None = None, max_epsilon: str | None = None, max_delta: str | None = None,
        purpose: str | None = None, unprotected: bool = False,
    ) -> Grant:  # fmt: skip
        """Let a builder run exactly this plan on a dataset: for a purpose, for some columns, for a time, up to a loss.

        builder: a Party, or the builder's identity.json. starts, until: UTC, as date, datetime or text like 2027-01-31;
        days where `until` is not given. fields: columns that may be used, all by default. max_epsilon, max_delta: as
        decimal texts, the plan's by default. unprotected: also sign a waiver, for a plan without privacy. Hand
        `grant.file` to the builder. Raises GrantError, PlanError, SchemaError, InputError.
        """
        asked = now()
        begins = asked if starts is None else moment_of(starts, time.min)
        ends = begins + timedelta(days=days) if until is None else moment_of(until, time.max)
        whom, some = public_of(builder).public_key.hex(), None if fields is None else listed(fields, "fields")
        terms = Terms(whom, begins, ends, some, max_epsilon, max_delta, purpose, unprotected)
        sealed, inside = self.dataset(dataset).sealed, self._inside
        given = give(inside, inside.identity, sealed, as_plan(plan), terms, asked, secrets.token_bytes(16))
        return Grant(self.home, given.grant, given.useless)

    def revoke(self, grant: Grant | str) -> Grant:
        """Take a grant back, from now on; a second time changes nothing. Sums that were sent cannot be called back.

        The revocation, for those who should know, is in revocations/ID.json of the folder. Raises GrantError.
        """
        inside, given = self._inside, self._given(grant)
        take_back(inside, inside.identity, given.signed, now())
        return given

    def join(
        self, address: str, grant: Grant | str, *, epsilon_limit: str | None = None, resume: bool = False,
        patience: float = 600.0, ledger: str | None = None, account: str | None = None,
        passphrase_file: Place | None = None,
    ) -> Part:  # fmt: skip
        """Take part in the session of a builder elsewhere, at HOST:PORT. Only noisy sums and a proof leave here.

        epsilon_limit: refuse if all sessions together would cost the dataset more. patience: seconds to wait for the
        builder's next message. A session that broke off goes on with resume=True. Where the plan names a ledger, what
        it costs is spent there, once: ledger, a node's URL; account, of this folder, the only one by default;
        passphrase_file opens it. Raises GrantError, BudgetError, SessionError, PlanError, ChainError.
        """
        inside, given = self._inside, self._given(grant).signed
        dataset = inside.dataset_of(given)
        host, port = place_of(address, _ADDRESS)
        if not resume:
            require_worth_joining(inside, dataset, given)
        if ledger is None and (account, passphrase_file) != (None, None):
            raise InputError("an account is for a plan's ledger: say at which node with ledger=")
        acts = None if ledger is None else spender(self.home, account, passphrase_file)
        with lock(self.home), reached(ledger, self.home, acts) as opened:
            with steps(self.quiet) as progress:
                _reach(host, port, patience, progress)
                holding = hold(inside, dataset, given, progress)
            course = Course({holding.key: self.name})
            with watching(course, self.quiet) as watch:
                channel = connect(host, port, patience)
                made = join_in(inside, holding, channel, Running(watch, resume, patience, opened), epsilon_limit)
        own = next(one for one in made.owners if one.owner == holding.key)
        return Part(made.session, own.epsilon, own.delta, own.share, dataset.ledger.budget().remaining)

    def lend(self, grant: Grant | str, to: Party | PublicIdentity | Place, out: Place, *, openings: int = 4) -> Path:
        """Hand the rows of a dataset to a trainer, who can read them, for the plan that a grant names: a new folder.

        What the grant allows counts as spent now; the openings lent are written off here. Raises InputError,
        BudgetError, GrantError.
        """
        with steps(self.quiet) as progress:
            lend_rows(self._inside, self._given(grant).signed, public_of(to), Path(out), openings, now(), progress)
        return Path(out)

    # what a builder does

    def train(
        self, plan: AnyPlan | Place, owners: Sequence[Party | Grant | PublicIdentity | Place], *,
        listen: str = "127.0.0.1:7447", test: Any = None, schema: Schema | Place | None = None,
        revocations: Sequence[Place] = (), out: Place | None = None, resume: bool = False, patience: float = 600.0,
        ledger: str | None = None, passphrase_file: Place | None = None,
    ) -> Passport:  # fmt: skip
        """Train a model with its owners' permission, without holding a row, and make its passport.

        owners: a Party or one of its grants takes part in this process, in a thread of its own; an identity.json is an
        owner elsewhere, which connects to `listen` (HOST:PORT) with `join`. test, schema: public test rows, to show
        accuracy. out: where the passport goes. patience: seconds to wait for an owner's next message. Where the plan
        names a ledger: ledger, a node's URL; owners of this process spend there by the only account of their folder,
        which passphrase_file opens. Raises an owner's refusal (GrantError, BudgetError), SessionError, PlanError,
        ProofError, ChainError; then resume=True goes on.
        """
        wanted = as_plan(plan)
        if (test is None) != (schema is None):
            raise InputError("test and schema go together: test rows are read by the schema the owners sealed under")
        local, remote = self._owners(wanted, owners, resume)
        for one in local if ledger is not None else ():
            one.account = spender(one.party.path, None, passphrase_file)
        rows = None if schema is None else schema if isinstance(schema, Schema) else read(schema)
        score = None if rows is None else score_on(wanted, table_of(test), rows)
        revoked = [open_revocation(read_bytes(Path(one), _REVOCATION_LIMIT, "revocation")) for one in revocations]
        place = None if out is None else Path(out)
        return sessions.train(
            self._inside,
            wanted,
            local,
            remote,
            place_of(listen, _ADDRESS),
            score,
            revoked,
            place,
            resume,
            patience,
            self.quiet,
            ledger,
        )

    def release(self, passport: Passport | Place, out: Place, *, evaluations: Sequence[Place] = ()) -> Path:
        """Write the model for other people's tools, verified first: ONNX, safetensors, model.sig, provenance, cards.

        out: a new folder. Needs `bailee[export]`. Raises the error of the link that does not hold, InputError.
        """
        from bailee.party.releasing import prepare_release

        target = Path(out)
        if target.exists():
            raise InputError(f"{out} exists already; nothing is overwritten: choose another name, or move it away")
        place = passport.file if isinstance(passport, Passport) else Path(passport)
        made = prepare_release(place, [Path(one) for one in evaluations])
        made.write(target, self._inside.identity, self.home)
        return target

    # what is there

    def datasets(self) -> list[Dataset]:
        return [Dataset(self.home, one) for one in self._inside.datasets()]

    def grants(self) -> list[Grant]:
        """All that were ever given, also those that were taken back."""
        return [Grant(self.home, one) for one in self._inside.grants()]

    def status(self) -> Status:
        """Datasets, grants and sessions: openings left, privacy spent, what still holds."""
        return Status(standing(self._inside, now()))

    def _owners(
        self, plan: AnyPlan, owners: Sequence[Any], resume: bool
    ) -> tuple[list[sessions.Local], dict[str, str]]:
        local: list[sessions.Local] = []
        remote: dict[str, str] = {}
        for one in listed(owners, "owners"):
            if isinstance(one, Party):
                local.append(sessions.Local(one._inside, sessions.fitting(one._inside, plan, self.key, resume)))
            elif isinstance(one, Grant):
                inside = PartyHome(one.home)
                if (whose := one.signed.record.builder) != self.key:
                    raise GrantError(
                        f"the grant {one.signed.record.id} is for another builder ({whose[:16]}...), not for "
                        f"{self.name}; ask its owner for one: owner.grant(dataset, builder, plan)"
                    )
                if not resume:
                    require_worth_joining(inside, inside.dataset_of(one.signed), one.signed)
                local.append(sessions.Local(inside, one.signed))
            else:
                public = public_of(one)
                if public.public_key.hex() in remote:
                    raise InputError("an owner is named twice; name each once")
                remote[public.public_key.hex()] = public.name
        return local, remote

    def _facts(self) -> Mapping[str, object]:
        inside = self._inside
        return {
            "home": self.home,
            "key": self.key,
            "datasets": [one.directory.name for one in inside.datasets()],
            "grants": sum(1 for _ in (self.home / "grants").glob("*.json")),
        }


def init(
    name: str, home: Place | None = None, *, vault: bool = False, ledger: bool = False, quiet: bool = False
) -> Party:
    """A party in one step: its folder and keys, if it is not there yet. home: BAILEE_HOME or ~/.bailee by default.

    vault: also a vault of three folders below it; ledger: also a chain of its own (`bailee[ledger]`). Raises InputError
    where the folder is another party's: keys are never replaced.

    >>> import bailee, tempfile
    >>> clinic = bailee.init("Clinic", tempfile.mkdtemp())
    >>> clinic.name, len(clinic.key)
    ('Clinic', 64)
    """
    place = default_home() if home is None else Path(home)
    begin(place, name, vault, ledger)
    return Party(place, quiet)


def open_party(home: Place | None = None, *, quiet: bool = False) -> Party:
    """The party of a folder, whose keys are read and checked. InputError says how to make one; StorageError.

    >>> import bailee
    >>> bailee.open("nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    bailee.errors.InputError: there is no party at nowhere; name your folder with --home, or make a party: ...
    """
    place = default_home() if home is None else Path(home)
    found = Party(place, quiet)
    _ = found._inside.identity
    return found


def _reach(host: str, port: int, patience: float, progress: Progress | None) -> None:
    """Before the rows are decrypted: a wrong address is told at once, and waiting for a builder is no silence."""
    step = f"wait for the builder at {host}:{port}"
    told: list[str] = []

    def wait(reason: str) -> None:
        told.append(reason)
        if progress is not None:
            progress(step, 0.0)

    reach(host, port, patience, wait)
    if told and progress is not None:
        progress(step, 1.0)
