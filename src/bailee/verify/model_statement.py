"""What a model's passport proves, once every link has been checked: the record that `verify_model_passport` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from bailee.argument.commitment_record import Commitment
from bailee.records import Json
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.optimizer import Weights
from bailee.statements.network.plan import ModelPlan
from bailee.verify.statement import ProvenAnchor


@dataclass(frozen=True)
class ModelOwner:
    """One owner's dataset in the model. `share` is exact: rows times passes proven, over the sum of all."""

    key: str
    name: str
    dataset: str
    card: str
    grant: str
    grant_id: str
    rows: int
    uses: int
    share: Fraction
    openings: tuple[int, ...]
    """Of the dataset's commitment, spent on this run."""
    waived: bool
    """Whether the owner signed that its rows may be used without privacy."""
    revoked: str | None
    """When the grant was revoked, if that was after the run began; a revocation before it fails verification."""


@dataclass(frozen=True)
class ProvenModel:
    """The whole proven statement. `bits`: the weakest proof's.

    model: the commitment to the trained weights; weights: used weights (int64 at 2^14) by parameter where the model is
    revealed, else None; epsilon: None where nothing is promised about any row.
    """

    session: str
    builder: str
    builder_name: str
    plan: ModelPlan
    architecture: Architecture
    columns: tuple[str, ...]
    rows: int
    chunks: int
    steps: int
    model: Commitment
    weights: Weights | None = field(repr=False)
    epsilon: str | None
    delta: str
    accounting: Mapping[str, Json]
    coin_parties: tuple[str, ...]
    coins_drawn_by: str
    owners: tuple[ModelOwner, ...]
    opened: str
    passport_made: str
    bits: float
    plain: bool
    anchor: ProvenAnchor | None = None

    @property
    def one_party(self) -> bool:
        """Whether a single key is trainer, owner of all data and drawer of all coins."""
        keys = {self.builder, *(owner.key for owner in self.owners), *self.coin_parties}
        return len(keys) == 1

    def to_dict(self) -> dict[str, Json]:
        """JSON-ready; shares as exact fractions; weights as lists at 2^14."""
        weights: Json = None
        if self.weights is not None:
            weights = {name: values.tolist() for name, values in self.weights.items()}
        return {
            "kind": "model",
            "session": self.session,
            "builder": self.builder,
            "builder_name": self.builder_name,
            "plan": self.plan.digest,
            "plan_name": self.plan.name,
            "purpose": self.plan.purpose,
            "mode": self.plan.privacy.mode,
            "loss": self.plan.loss,
            "hidden": list(self.plan.hidden),
            "columns": list(self.columns),
            "rows": self.rows,
            "chunks": self.chunks,
            "steps": self.steps,
            "model": self.model.to_json(),
            "revealed": self.weights is not None,
            "weights": weights,
            "epsilon": self.epsilon,
            "delta": self.delta,
            "accounting": dict(self.accounting),
            "coin_parties": list(self.coin_parties),
            "coins_drawn_by": self.coins_drawn_by,
            "one_party": self.one_party,
            "owners": [_owner(owner) for owner in self.owners],
            "opened": self.opened,
            "passport_made": self.passport_made,
            "bits": f"{self.bits:.1f}",
            "plain": self.plain,
            "anchor": None if self.anchor is None else self.anchor.to_dict(),
        }

    def to_text(self) -> str:
        """The statement in plain words, one fact a line."""
        plan, shown = self.plan, "is revealed" if self.weights is not None else "stays committed"
        ends = sum(plan.used(self.columns)) - 1, self.architecture.outputs  # the bias is no feature
        widths = "-".join(map(str, (ends[0], *plan.hidden, ends[1])))
        lines = [
            f"Model {plan.name!r}, for {plan.purpose!r}, made by {self.builder_name} ({self.builder[:16]}...)",
            f"A {widths} network with {plan.loss} loss, trained in {self.steps} steps ({plan.epochs} passes, "
            f"{'full batches' if plan.full_batch else f'batches of {plan.batch}'}) on {self.rows} committed rows of "
            f"{len(self.owners)} dataset(s)",
            f"The model {shown}: commitment {self.model.root.hex()[:16]}..., {self.chunks} chunks proven",
            f"Run {self.session[:16]}... opened {self.opened}, passport made {self.passport_made}",
            self._privacy(),
            *self._coins(),
        ]
        lines += [_line(owner) for owner in self.owners]
        lines += [] if self.anchor is None else [self.anchor.to_text()]
        how = "plain verifier" if self.plain else "fast verifier"
        lines.append(f"Every signature, grant, card, chunk and proof holds ({how}, {self.bits:.0f} bits)")
        return "\n".join(lines)

    def _privacy(self) -> str:
        if self.epsilon is None:
            return "UNPROTECTED: no clipping, no noise; the model may reveal rows, and nothing is promised about any"
        return (
            f"Privacy of one row (one replaced by another): epsilon {self.epsilon} at delta {self.delta}, by clipping "
            f"and noise proven in every step; {self.accounting['sampler']}"
        )

    def _coins(self) -> list[str]:
        if not self.coin_parties:
            return []
        drawn = ["noise"] * self.plan.private + ["order of rows"] * self.plan.shuffled
        what = " and ".join(drawn).capitalize()
        who = ", ".join(f"{key[:16]}..." for key in self.coin_parties)
        if self.one_party:
            word = "its word" if self.anchor is None else "its word, unless the ledger's block below is honest"
            return [f"{what}: ONE PARTY owns the data, trained and drew the coins ({who}): an honest draw is {word}"]
        where = "in the trainer's own process" if self.coins_drawn_by == "trainer" else "by the parties themselves"
        honest = "one of them" if self.anchor is None else "one of them, or the ledger's block,"
        return [f"{what}: coins of {who}, drawn {where}; honest if {honest} is"]


def _owner(owner: ModelOwner) -> dict[str, Json]:
    found: dict[str, Json] = {name: getattr(owner, name) for name in owner.__dataclass_fields__}
    return found | {"share": str(owner.share), "openings": list(owner.openings)}


def _line(owner: ModelOwner) -> str:
    return (
        f"  {owner.name} ({owner.key[:16]}...): {owner.rows} rows of {owner.dataset!r}, share "
        f"{float(owner.share):.2%} ({owner.share}), grant {owner.grant_id}"
        + (", privacy waived" if owner.waived else "")
        + (f", since revoked ({owner.revoked})" if owner.revoked else "")
    )
