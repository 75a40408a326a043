"""What goes in and comes out, as OpenAPI tells it. Nothing unknown is taken."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Decimal = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,39})(\.[0-9]{1,80})?$", max_length=124)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ProblemShape(BaseModel):
    """RFC 9457. `error` and `exit_code` are those of the command line, where it has that error."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    error: str | None = None
    exit_code: int | None = None
    fields: list[dict[str, Any]] | None = None


class IdentityShape(BaseModel):
    name: str
    public_key: str
    sealing_key: str
    version: str


class ChallengeAsk(Asked):
    key: Hex32


class ChallengeShape(BaseModel):
    challenge: str
    audience: str
    expires: str


class TokenAsk(Asked):
    challenge: Annotated[str, StringConstraints(max_length=2048)]
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]
    seconds: int | None = Field(None, ge=1, le=86_400, description="Fewer than the server would give.")


class EthereumChallengeAsk(Asked):
    """`link`: the account/v1 that `bailee account link` made, as text."""

    link: Annotated[str, StringConstraints(min_length=1, max_length=16_384)]


class EthereumChallengeShape(BaseModel):
    """`message`: by ERC-4361, to be signed as it is (`personal_sign`)."""

    message: str
    audience: str
    expires: str


class EthereumTokenAsk(Asked):
    message: Annotated[str, StringConstraints(max_length=2048)]
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{130}$")]
    seconds: int | None = Field(None, ge=1, le=86_400, description="Fewer than the server would give.")


class TokenShape(BaseModel):
    token: str
    issuer: str
    role: str
    expires: str


class DatasetShape(BaseModel):
    name: str
    dataset: str
    owner: str
    key: str
    rows: int
    columns: list[str]
    created: str
    renews: str | None
    commitment: dict[str, Any]
    card: str


class DatasetsShape(BaseModel):
    items: list[DatasetShape]
    next: str | None


class GrantAsk(Asked):
    """`plan` is the text of a plan's TOML file; times are UTC, as 2027-01-31 or 2027-01-31T12:00:00Z."""

    dataset: Text
    builder: Hex32
    plan: Annotated[str, StringConstraints(min_length=1, max_length=48_000)]
    fields: list[Text] | None = Field(None, max_length=1000)
    starts: Text | None = None
    until: Text | None = None
    days: int = Field(30, ge=1, le=3650)
    max_epsilon: Decimal | None = None
    max_delta: Decimal | None = None
    purpose: Text | None = None
    unprotected: bool = False


class GrantShape(BaseModel):
    grant: str
    state: str
    builder: str
    purpose: str
    plan: str
    fields: list[str]
    from_: str = Field(serialization_alias="from")
    until: str
    max_epsilon: str
    max_delta: str
    card: str
    note: str | None = None


class GrantsShape(BaseModel):
    items: list[GrantShape]
    next: str | None


class AnswerAsk(Asked):
    """What is left out stays as it was asked; terms can only be narrowed. `unprotected`: the owner's word that a plan
    without privacy may run."""

    decision: Literal["given", "refused"]
    reason: Annotated[str, StringConstraints(max_length=1000)] = ""
    fields: list[Text] | None = Field(None, min_length=1, max_length=1000)
    starts: Text | None = None
    until: Text | None = None
    max_epsilon: Decimal | None = None
    max_delta: Decimal | None = None
    unprotected: bool = False

    @property
    def narrows(self) -> bool:
        terms = (self.fields, self.starts, self.until, self.max_epsilon, self.max_delta)
        return self.unprotected or any(term is not None for term in terms)


class RequestBriefShape(BaseModel):
    request: str
    state: Literal["open", "given", "refused", "expired"]
    builder: str
    builder_name: str
    owner: str
    dataset: str
    card: str
    purpose: str
    plan: str
    fields: list[str] | None
    from_: str = Field(serialization_alias="from")
    until: str
    max_epsilon: str | None
    max_delta: str | None
    unprotected: bool
    message: str
    asked: str
    answered: str | None
    reason: str | None
    grant: str | None


class RequestShape(RequestBriefShape):
    """`record`, `answer_record`: the signed records themselves, as text."""

    plan_text: dict[str, Any]
    record: str
    answer_record: str | None


class RequestsShape(BaseModel):
    items: list[RequestBriefShape]
    next: str | None


class RevocationShape(BaseModel):
    grant: str
    digest: str
    revoked: str


class RevocationsShape(BaseModel):
    items: list[RevocationShape]
    next: str | None


class SessionShape(BaseModel):
    session: str
    kind: Literal["sums", "hidden", ""]
    builder: str
    plan: str
    purpose: str
    owners: list[str]
    stage: str
    round: int
    rounds: int
    finished: bool


class SessionsShape(BaseModel):
    items: list[SessionShape]
    next: str | None


class PassportShape(BaseModel):
    passport: str
    papers: list[str]
    bytes: int


class PassportsShape(BaseModel):
    items: list[PassportShape]
    next: str | None


class VerificationAsk(Asked):
    passport: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    plain: bool = False
    trusted: list[Hex32] = Field([], max_length=64)


class LinkShape(BaseModel):
    link: str
    state: Literal["begun", "holds", "broken"]


class VerificationShape(BaseModel):
    verification: str
    passport: str
    plain: bool
    trusted: list[str]
    created: str
    state: Literal["waiting", "checking", "holds", "broken", "failed"]
    links: list[LinkShape]
    error: str | None = None
    reason: str | None = None
    statement: dict[str, Any] | None = None


class VerificationsShape(BaseModel):
    items: list[VerificationShape]
    next: str | None


class PartShape(BaseModel):
    """units: of the new work's earnings, of 10^9, that the part's work gets."""

    work: str
    grant: str
    units: int


class WorkShape(BaseModel):
    """work: its number, decimal; holders: units of 10^9 by address; own: whether this party owns it or has shares."""

    work: str
    kind: str
    commitment: str
    owner: str
    own: bool
    status: str
    uri: str
    block: int
    holders: dict[str, int]
    made_from: list[PartShape]


class AsOfShape(BaseModel):
    """ledger, block: what was asked, as of when it was `seen`; reason: why there is nothing, or nothing newer."""

    ledger: str | None
    block: int | None
    seen: str | None
    reason: str | None


class WorksShape(AsOfShape):
    items: list[WorkShape]
    next: str | None


class MoneyShape(BaseModel):
    """In the currency's smallest unit, decimal. `paid` came to the work for all who hold it; the rest is this party's.
    words: the same for people."""

    currency: str
    paid: str
    drawable: str
    withdrawn: str
    waiting: str
    words: dict[str, str]


class EarnedShape(BaseModel):
    work: str
    kind: str
    commitment: str
    dataset: str
    units: int
    money: list[MoneyShape]


class EarningsShape(AsOfShape):
    items: list[EarnedShape]
    next: str | None


class LeftShape(BaseModel):
    name: str
    rows: int
    openings_left: int
    can_reseal: bool
    epsilon_spent: str
    card: str


class GrantStandingShape(BaseModel):
    grant: str
    state: str
    builder: str
    purpose: str
    until: str
    max_epsilon: str


class SessionStandingShape(BaseModel):
    session: str
    finished: bool


class StatusShape(BaseModel):
    name: str
    key: str
    datasets: list[LeftShape]
    grants: list[GrantStandingShape]
    sessions: list[SessionStandingShape]


class LiveShape(BaseModel):
    live: bool


class ReadyShape(BaseModel):
    ready: bool
    checks: dict[str, Literal["ok", "not used", "fails"]]


def spelled(shape: BaseModel) -> bytes:
    return shape.model_dump_json(by_alias=True).encode()
