"""Training a model chunk by chunk: chunk i is proved while chunk i + 1 trains; a killed run comes back to the same.

begin      grants, terms, noise, coins        (or what a killed run left)
order      rows in a secret order, proven     (where the plan says so)
train      state after state, each on disk before the next
prove      in a thread: opening spent, proof made, checked, kept
passport   when every chunk is proven
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bailee.adapters.files import lock
from bailee.argument.commitment_record import Commitment
from bailee.errors import StatementError
from bailee.keys import Secret
from bailee.records import Signed, digest
from bailee.records.model import ModelPassport, ProvenChunk, ProvenShuffle, open_model_passport
from bailee.statements.hidden.accounting import loss_curve
from bailee.statements.hidden.model_file import ModelFile
from bailee.statements.hidden.schedule import Chunk
from bailee.statements.hidden.session import (
    chunk_claim,
    chunk_coins,
    chunk_context,
    spending,
    start_seeds,
    start_state,
)
from bailee.statements.hidden.terms import BOUNDARY_OPENINGS, Setup
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.chunk import ChunkClaim, ChunkCommitments
from bailee.statements.network.optimizer import State, Weights, used_weights
from bailee.statements.network.plan import ModelPlan
from bailee.statements.network.run import in_batches
from bailee.train.model.begin import Begun, begin
from bailee.train.model.engine import Boundary, ChunkSecrets, Rows
from bailee.train.model.events import ModelEvent, Stage
from bailee.train.model.finish import make_passport
from bailee.train.model.holding import ModelHolding, ModelSetting
from bailee.train.model.order import prove_orders, put_in_order
from bailee.train.model.prover import Proving


@dataclass(frozen=True)
class ModelRun:
    """A finished run: the passport, where it lies (attachments beside it), and the trainer's own view of the model.

    weights: as predictions use them, int64 at 2^14, by parameter; model: the whole state and the seed under which the
    passport's last boundary commits to it; losses: mean of each step, progress only, nothing of them is proven;
    epsilon: None for an unprotected plan.
    """

    passport: Signed[ModelPassport]
    path: Path
    architecture: Architecture
    weights: Weights = field(repr=False)
    model: ModelFile = field(repr=False)
    losses: tuple[float, ...]
    epsilon: str | None
    delta: str


def train_model(holdings: Sequence[ModelHolding], plan: ModelPlan, setting: ModelSetting) -> ModelRun:
    """Train `plan` on the rows of all `holdings`, prove every chunk, and make the passport.

    Raises GrantError, BudgetError (a loss that is not granted, too few openings: it says how many), PlanError (a plan
    that does not fit the cards or could overflow), StatementError (divergence: step, layer, bound), StorageError
    (a damaged file of the run: which, and how to redo it), SessionError (another plan or data on resume).
    """
    ordered = sorted(holdings, key=lambda holding: (holding.card.record.owner, holding.card.digest))
    with lock(setting.home):
        return _Run(ordered, begin(ordered, plan, setting), setting).run()


@dataclass(frozen=True)
class _Job:
    """A chunk that was trained and is to be proved."""

    chunk: Chunk
    claim: ChunkClaim
    context: bytes
    openings: tuple[int, ...]
    secrets: ChunkSecrets


class _Run:
    """One run under way; the counters are shared with the proving thread."""

    def __init__(self, holdings: Sequence[ModelHolding], begun: Begun, setting: ModelSetting) -> None:
        self.holdings, self.begun, self.setting = holdings, begun, setting
        self.setup: Setup = begun.setup
        self.engine, self.folder = setting.engine, begun.folder
        self.rows = [Rows(one.matrix, one.seed, Commitment.from_json(one.card.record.commitment)) for one in holdings]
        self.curve = loss_curve(self.setup)
        self.shuffles: tuple[ProvenShuffle, ...] = ()
        self.proven: dict[int, ProvenChunk] = {}
        self.losses: list[float] = []
        self.trained = self.proved = self.verified = self.steps = 0
        self.spent = ""
        self._passes: dict[tuple[int, int], int] = {}
        self._telling = threading.Lock()

    def run(self) -> ModelRun:
        kept = self.folder.folder.get("passport.json")
        proving: Proving[_Job] = Proving(self._prove)
        try:
            if self.setup.plan.shuffled:
                self._shuffle(kept is None)
            boundary = self._start()
            for chunk in self.setup.chunks:
                after = self._train(chunk, boundary)
                if kept is None:
                    self._hand_over(chunk, boundary, after, proving)
                boundary = after
            proving.finish()
        finally:
            proving.stop()
        model = ModelFile(boundary.state, boundary.seed.reveal())
        if kept is None:
            chunks = [self.proven[chunk.index] for chunk in self.setup.chunks]
            passport = make_passport(self.holdings, self.begun, self.shuffles, chunks, model, self.setting)
        else:
            passport = open_model_passport(kept, self.setting.identity.public_key)
        self._tell("done")
        return ModelRun(
            passport=passport,
            path=self.folder.path / "passport.json",
            architecture=self.setup.architecture,
            weights=used_weights(boundary.state),
            model=model,
            losses=tuple(self.losses),
            epsilon=passport.record.epsilon,
            delta=passport.record.delta,
        )

    def _shuffle(self, prove: bool) -> None:
        """From here on `rows` are the shuffled ones: no chunk reads a dataset itself."""
        sealed = self.rows
        self.rows = [put_in_order(self.begun, place, rows, self.setting) for place, rows in enumerate(sealed)]
        if prove:
            self.shuffles = prove_orders(
                self.holdings, self.begun, sealed, self.rows, self.setting,
                lambda seconds: self._tell("shuffled", seconds=seconds),
            )  # fmt: skip

    def _start(self) -> Boundary:
        state, seed = start_state(self.setup), start_seeds(self.setup.plan)[1]
        return Boundary(state, Secret(seed), self._commit(state, BOUNDARY_OPENINGS, seed))

    def _commit(self, state: State, openings: int, seed: bytes) -> Commitment:
        return self.engine.boundary(self.setup.architecture, state, openings, seed)

    def _train(self, chunk: Chunk, before: Boundary) -> Boundary:
        """The state after a chunk: from disk, or computed and put there."""
        begun = time.monotonic()
        seed = self.folder.seed("boundary", chunk.index)
        found = self.folder.get_state(chunk.index, self.setup.architecture)
        if found is None:
            state, losses = self._steps(chunk, before.state)
            note = [f"{loss:.9g}" for loss in losses]
            self.folder.put_state(chunk.index, ModelFile(state, seed.reveal(), note))
        else:
            state, losses = found.state, [float(str(one)) for one in _listed(found.note)]
        self.losses += losses
        self.trained += 1
        self.steps += chunk.steps
        self._spend_passes(chunk)
        mean = float(np.mean(losses)) if losses else None
        self._tell("trained", mean, time.monotonic() - begun)
        return Boundary(state, seed, self._commit(state, self.setup.openings_after(chunk), seed.reveal()))

    def _steps(self, chunk: Chunk, state: State) -> tuple[State, list[float]]:
        setup, drawn = self.setup, None
        rule = setup.rule_of(chunk)
        if setup.plan.private:
            seed = self.folder.seed("noise", chunk.index).reveal()
            drawn = self.engine.draw(setup.architecture, rule, seed, self._coins(chunk))
        cut = [in_batches(self.rows[part.dataset].matrix[part.places], part.steps, part.batch) for part in chunk.slices]
        try:
            return self.engine.train(
                setup.architecture, state, [rows for rows, _ in cut], [there for _, there in cut], rule, drawn
            )
        except StatementError as error:
            raise StatementError(
                f"training diverged in chunk {chunk.index + 1}, which begins with step {chunk.first + 1}: {error}; "
                "try a smaller learning rate, or smaller weights"
            ) from None

    def _coins(self, chunk: Chunk) -> bytes:
        if not self.setup.plan.private:
            return b""
        begun = self.begun
        return chunk_coins(begun.session, begun.opening.digest, begun.drawn, chunk.index, begun.beacon)

    def _hand_over(self, chunk: Chunk, before: Boundary, after: Boundary, proving: Proving[_Job]) -> None:
        """Openings are written off here, before the proof is begun: whatever happens then, none is used twice."""
        session = self.begun.session
        openings = self.setup.order_opening(chunk) if self.setup.plan.shuffled else self._spend(chunk)
        claim = chunk_claim(self.setup, chunk, openings, self._coins(chunk))
        context = chunk_context(session, self.begun.opening.digest, chunk, claim, (before.commitment, after.commitment))
        kept = self.folder.get_chunk(
            chunk.index, ProvenChunk(after.commitment.to_json(), openings, digest(context), "")
        )
        if kept is not None:
            self.proven[chunk.index] = kept
            self.proved += 1
            self.verified += 1
            return
        noise = self.folder.seed("noise", chunk.index) if self.setup.plan.private else None
        proof = self.folder.seed("proof", chunk.index)
        rows = tuple(self.rows[part.dataset] for part in chunk.slices)
        proving.put(_Job(chunk, claim, context, openings, ChunkSecrets(rows, before, after, noise, proof)))

    def _spend(self, chunk: Chunk) -> tuple[int, ...]:
        of = [self.holdings[part.dataset] for part in chunk.slices]
        return tuple(one.spend(spending(self.begun.session, chunk.index, one.card.digest)) for one in of)

    def _prove(self, job: _Job) -> None:
        """In the proving thread."""
        begun = time.monotonic()
        proof = self.engine.prove(job.claim, job.secrets, job.context)
        self.proved += 1
        self._tell("proved", seconds=time.monotonic() - begun)
        begun = time.monotonic()
        index, said = job.chunk.index, self.begun.opening.record
        commitments = ChunkCommitments(
            datasets=tuple(one.commitment for one in job.secrets.rows),
            before=job.secrets.before.commitment,
            after=job.secrets.after.commitment,
            noise=Commitment.from_json(said.noise[index]) if said.noise else None,
        )
        self.engine.verify(job.claim, commitments, job.context, proof)
        boundary = job.secrets.after.commitment.to_json()
        chunk = ProvenChunk(boundary, job.openings, digest(job.context), digest(proof))
        self.folder.put_chunk(index, chunk, proof)
        self.proven[index] = chunk
        self.verified += 1
        self._tell("verified", seconds=time.monotonic() - begun)

    def _spend_passes(self, chunk: Chunk) -> None:
        """How often the rows used most have been used: by that the loss so far is counted."""
        for part in chunk.slices:
            place = (part.dataset, part.first)
            self._passes[place] = self._passes.get(place, 0) + chunk.passes
        if self.curve:
            self.spent = self.curve[max(self._passes.values()) - 1]

    def _tell(self, stage: Stage, loss: float | None = None, seconds: float = 0.0) -> None:
        with self._telling:
            self.setting.watch(
                ModelEvent(
                    stage=stage,
                    chunks=len(self.setup.chunks),
                    trained=self.trained,
                    proved=self.proved,
                    verified=self.verified,
                    steps=self.steps,
                    total=self.setup.steps,
                    loss=loss,
                    epsilon=self.spent,
                    seconds=seconds,
                )
            )


def _listed(note: object) -> Sequence[object]:
    return note if isinstance(note, list) else ()
