"""What a passport proves, once every link has been checked: the record that `verify_passport` returns."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from bailee.records import Json

NOT_CHECKED = (
    "that the grants were live on the ledger",
    "that the spendings stand there, with these amounts and for this noise",
    "that the beacon's block is there",
)
"""What only a node of the ledger's chain can tell."""


@dataclass(frozen=True)
class ProvenOwner:
    """One owner's part. `share` is exact: rows times rounds proven, over the sum of all owners'."""

    key: str
    name: str
    dataset: str
    card: str
    grant: str
    grant_id: str
    rows: int
    epsilon: str
    delta: str
    share: Fraction
    opening: int
    proving_seconds: str
    revoked: str | None
    """When the grant was revoked, if that was after the session; a revocation before it fails verification."""


@dataclass(frozen=True)
class ProvenAnchor:
    """The ledger that the plan names, and the block whose hash went into the noise. `at_node`: looked up there."""

    ledger: str
    block: int
    hash: str
    at_node: bool

    @property
    def not_checked(self) -> tuple[str, ...]:
        """What is the owners' signed word only."""
        return () if self.at_node else NOT_CHECKED

    def to_dict(self) -> dict[str, Json]:
        fields: dict[str, Json] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**fields, "not_checked": list(self.not_checked)}

    def to_text(self) -> str:
        line = (
            f"Every owner spent on the ledger {self.ledger}; block {self.block} ({self.hash[:16]}...) is in the noise"
        )
        if self.at_node:
            return f"{line}; grants, spendings and that block are there"
        return f"{line}\n  NOT re-checked without a node: {'; '.join(NOT_CHECKED)}. Give one with --ledger"


@dataclass(frozen=True)
class ProvenStatement:
    """The whole proven statement. `weights` are at 14 fractional bits, flat: `shapes` names the tensors they are cut
    into, in order (one of one weight a column, for logistic regression). `bits`: the weakest proof's."""

    session: str
    builder: str
    builder_name: str
    plan: str
    plan_name: str
    purpose: str
    model: str
    features: int
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    rounds: int
    rows: int
    columns: tuple[str, ...]
    weights: tuple[int, ...]
    sigma: str
    shift: int
    neighbours: str
    owners: tuple[ProvenOwner, ...]
    session_opened: str
    passport_made: str
    bits: float
    plain: bool
    anchor: ProvenAnchor | None = None

    def to_dict(self) -> dict[str, Json]:
        """JSON-ready; shares as exact fractions."""
        fields: dict[str, Json] = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in ("owners", "columns", "weights", "shapes", "bits", "anchor")
        }
        fields["bits"] = f"{self.bits:.1f}"
        fields["anchor"] = None if self.anchor is None else self.anchor.to_dict()
        fields["columns"] = list(self.columns)
        fields["weights"] = list(self.weights)
        fields["shapes"] = [[name, list(shape)] for name, shape in self.shapes]
        fields["owners"] = [
            {
                name: str(value) if isinstance(value := getattr(owner, name), Fraction) else value
                for name in owner.__dataclass_fields__
            }
            for owner in self.owners
        ]
        return fields

    def to_text(self) -> str:
        """The statement in plain words, one fact a line."""
        lines = [
            f"Model {self.plan_name!r}, for {self.purpose!r}, made by {self.builder_name} ({self.builder[:16]}...)",
            f"Trained by {self.rounds} full-batch steps of {self.model} on {self.rows} committed rows "
            f"of {len(self.owners)} owner(s), {self.features} features",
            f"Session {self.session[:16]}... opened {self.session_opened}, passport made {self.passport_made}",
            f"Noise: discrete Gaussian, sigma {self.sigma} at lattice shift {self.shift}, proven honest in every round",
            f"Neighbouring datasets: {self.neighbours}",
        ]
        for owner in self.owners:
            lines.append(
                f"  {owner.name} ({owner.key[:16]}...): {owner.rows} rows of {owner.dataset!r}, "
                f"epsilon {owner.epsilon} at delta {owner.delta}, share {float(owner.share):.2%} ({owner.share}), "
                f"grant {owner.grant_id}" + (f", since revoked ({owner.revoked})" if owner.revoked else "")
            )
        if self.anchor is not None:
            lines.append(self.anchor.to_text())
        how = "plain verifier" if self.plain else "fast verifier"
        lines.append(f"Every signature, grant, card, sum, iterate and proof holds ({how}, {self.bits:.0f} bits)")
        return "\n".join(lines)
