"""An offer on a ledger, or the grant it became, as a W3C ODRL 2.2 policy in JSON-LD, and back to the same terms.

ODRL's own words are used where it has them; what it lacks (a plan, encoded fields, a privacy budget, a royalty) is in a
profile, `PROFILE`, whose terms docs/ledger.md lists. Nothing is lost: the policy carries the owner's signature, so
whoever reads it checks the signature over exactly these terms. In which block it was accepted or revoked is the
writer's word, until a node of the ledger is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from blake3 import blake3

from bailee.errors import RecordError, SignatureError
from bailee.records import Grant, Signed
from bailee.records.caip import check_address, parse_account
from bailee.records.canonical import MAX_INTEGER, Json, canonical, parse
from bailee.records.fields import parse_time, shown, time_text
from bailee.records.offer import NATIVE, NONE, Offer, SignedOffer

ODRL_CONTEXT = "http://www.w3.org/ns/odrl.jsonld"
PROFILE = "https://bailee.dev/ns/odrl/1"
CONTEXT: Json = [ODRL_CONTEXT, {"bailee": f"{PROFILE}#"}]
_GRANT, _WORK, _UNIT = "https://bailee.dev/grant/", "https://bailee.dev/work/", "https://bailee.dev/unit/"
_EPSILON, _DELTA, _ROYALTY = 9, 18, 9
"""Digits after the point: the ledger's units."""
_LAST_TIME = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,77})(\.([0-9]{0,17}[1-9]))?")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,77}")


@dataclass(frozen=True)
class Consent:
    """What a policy says.

    owner: the assigner's address with check sum. purpose, fields: the text behind the offer's digests; None where it is
    not told. accepted, revoked: block numbers on the offer's ledger; None where it was not, as far as the writer knew.
    """

    signed: SignedOffer
    owner: str
    purpose: str | None = None
    fields: tuple[str, ...] | None = None
    accepted: int | None = None
    revoked: int | None = None

    def __post_init__(self) -> None:
        offer = self.signed.offer
        check_address(self.owner)
        if self.purpose is not None and blake3(self.purpose.encode()).hexdigest() != offer.purpose:
            raise RecordError(f"the purpose {shown(self.purpose)} is not the one that the offer names by its digest")
        if self.fields is not None and blake3(canonical(list(self.fields))).hexdigest() != offer.fields:
            raise RecordError("the fields are not those that the offer names by their digest")
        for name in ("accepted", "revoked"):
            block = getattr(self, name)
            if block is not None and (type(block) is not int or not 0 <= block <= MAX_INTEGER):
                raise RecordError(f"{name}: expected the number of a block, got {shown(block)}")


def consent_of(
    signed: SignedOffer,
    grant: Signed[Grant] | None = None,
    *,
    owner: str | None = None,
    accepted: int | None = None,
    revoked: int | None = None,
) -> Consent:
    """The same with words from the grant/v1 that the offer stands for. owner: whose the work is, where that is a
    contract with a signature of its own kind (ERC-1271); else whoever signed.

    RecordError where the grant is another one; SignatureError where nobody signed and no owner is given.
    """
    if grant is not None and grant.digest != signed.offer.record:
        raise RecordError(f"the grant {grant.record.id} is not the one that the offer stands for")
    purpose, fields = (None, None) if grant is None else (grant.record.purpose, grant.record.fields)
    return Consent(signed, signed.signer() if owner is None else owner, purpose, fields, accepted, revoked)


def to_odrl(consent: Consent) -> bytes:
    """Canonical JSON-LD: an Agreement where it was accepted, else an Offer. The same consent has the same bytes."""
    return canonical(_policy(consent))


def from_odrl(data: bytes, owner: str | None = None) -> Consent:
    """What `to_odrl` wrote; anything else is refused, ODRL of another make too.

    owner: of the work, where that is a contract; else the assigner must be whose signature it is. RecordError,
    SignatureError.
    """
    policy = parse(data)
    if not isinstance(policy, Mapping) or policy.get("@context") != CONTEXT or policy.get("profile") != PROFILE:
        raise RecordError(f"expected an ODRL policy of the profile {PROFILE}, with its context")
    found = _consent(policy)
    if (difference := _difference(policy, _policy(found), "policy")) is not None:
        raise RecordError(f"ODRL: {difference} is not as Bailee writes these terms; ask whoever made it for the offer")
    right = found.signed.signer() if owner is None else owner
    if found.owner.lower() != right.lower():
        raise SignatureError(
            f"ODRL: the assigner is {found.owner}, and the signature over these terms that of {right}: the terms were "
            "changed, or another signed them"
        )
    return found


# ------------------------------------------------------------------------------------------------ writing


def _policy(consent: Consent) -> dict[str, Json]:
    signed, offer = consent.signed, consent.signed.offer
    chain = parse_account(signed.ledger).chain
    told: dict[str, Json] = {
        "@context": CONTEXT,
        "@type": "Offer" if consent.accepted is None else "Agreement",
        "uid": f"{_GRANT}{signed.ledger.lower()}/{signed.id}",
        "profile": PROFILE,
        "assigner": f"did:pkh:{chain}:{consent.owner}",
        "assignee": f"did:pkh:{chain}:{offer.builder}",
        "bailee:ledger": signed.ledger,
        "bailee:salt": offer.salt,
        "bailee:signature": signed.signature.hex(),
    }
    permission: dict[str, Json] = {
        "target": f"{_WORK}{signed.ledger.lower()}/{offer.work}",
        "action": "derive",
        "constraint": _constraints(consent),
    }
    if offer.price or offer.currency != NATIVE:
        unit: Json = {"@id": f"{_UNIT}{chain}:{offer.currency}"}
        permission["duty"] = [_compensate("payAmount", str(offer.price), unit)]
    if offer.royalty:
        told["obligation"] = [_compensate("bailee:royalty", _decimal(offer.royalty, _ROYALTY), None)]
    if offer.record != NONE:
        told["bailee:record"] = offer.record
    if consent.accepted is not None:
        told["bailee:acceptedInBlock"] = consent.accepted
    if consent.revoked is not None:
        told["bailee:revokedInBlock"] = consent.revoked
    return told | {"permission": [permission]}


def _constraints(consent: Consent) -> list[Json]:
    offer = consent.signed.offer
    told = [
        _constraint(*_moment("gteq", offer.not_before)),
        _constraint(*_moment("lteq", offer.not_after)),
        _constraint("bailee:epsilon", "lteq", _literal("xsd:decimal", _decimal(offer.epsilon, _EPSILON))),
        _constraint("bailee:delta", "lteq", _literal("xsd:decimal", _decimal(offer.delta, _DELTA))),
    ]
    if consent.purpose is not None:
        told.append(_constraint("purpose", "eq", consent.purpose))
    elif offer.purpose != NONE:
        told.append(_constraint("bailee:purposeDigest", "eq", _literal("bailee:blake3", offer.purpose)))
    if offer.plan != NONE:
        told.append(_constraint("bailee:plan", "eq", _literal("bailee:blake3", offer.plan)))
    if consent.fields is not None:
        told.append(_constraint("bailee:fields", "isPartOf", {"@list": list(consent.fields)}))
    elif offer.fields != NONE:
        told.append(_constraint("bailee:fieldsDigest", "eq", _literal("bailee:blake3", offer.fields)))
    return told


def _constraint(left: str, operator: str, right: Json) -> Json:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def _literal(kind: str, text: str) -> Json:
    return {"@type": kind, "@value": text}


def _moment(operator: str, seconds: int) -> tuple[str, str, Json]:
    """A time that no calendar of ours reaches is told in seconds."""
    if seconds > _LAST_TIME:
        return "bailee:unixTime", operator, _literal("xsd:integer", str(seconds))
    return "dateTime", operator, _literal("xsd:dateTime", time_text(datetime.fromtimestamp(seconds, UTC)))


def _compensate(left: str, amount: str, unit: Json) -> Json:
    refinement: dict[str, Json] = {
        "leftOperand": left, "operator": "eq", "rightOperand": _literal("xsd:decimal", amount)
    }  # fmt: skip
    if unit is not None:
        refinement["unit"] = unit
    return {"action": [{"rdf:value": {"@id": "odrl:compensate"}, "refinement": [refinement]}]}


def _decimal(units: int, digits: int) -> str:
    whole, rest = divmod(units, 10**digits)
    return f"{whole}.{rest:0{digits}}".rstrip("0").rstrip(".")


# ------------------------------------------------------------------------------------------------ reading
# Only values are picked out here. That nothing else is said, and nothing otherwise, is seen by writing it again.


def _consent(policy: Mapping[str, Any]) -> Consent:
    ledger = _text(policy, "bailee:ledger")
    chain, at = parse_account(ledger).chain, ledger.lower()
    permission = _only(policy, "permission")
    said = _said(permission)
    currency, price, royalty = NATIVE, 0, 0
    if "duty" in permission:
        refinement = _refinement(_only(permission, "duty"))
        price = _whole(_value(refinement.get("rightOperand"), "the price"), "the price")
        unit = refinement.get("unit")
        currency = _after(
            unit.get("@id") if isinstance(unit, Mapping) else None, f"{_UNIT}{chain}:", "the price's unit"
        )
    if "obligation" in policy:
        refinement = _refinement(_only(policy, "obligation"))
        royalty = _units(_value(refinement.get("rightOperand"), "the royalty"), _ROYALTY, "the royalty")
    purpose, fields = said.get(("purpose", "eq")), _listed(said.get(("bailee:fields", "isPartOf")))
    if purpose is not None and not isinstance(purpose, str):
        raise RecordError(f"ODRL: expected the purpose as text, got {shown(purpose)}")
    offer = Offer(
        work=_whole(_after(permission.get("target"), f"{_WORK}{at}/", "the target"), "the work"),
        builder=_after(policy.get("assignee"), f"did:pkh:{chain}:", "the assignee"),
        record=_text(policy, "bailee:record") if "bailee:record" in policy else NONE,
        purpose=_digest(said, "bailee:purposeDigest") if purpose is None else blake3(purpose.encode()).hexdigest(),
        plan=_digest(said, "bailee:plan"),
        fields=_digest(said, "bailee:fieldsDigest") if fields is None else blake3(canonical(list(fields))).hexdigest(),
        not_before=_seconds(said, "gteq"),
        not_after=_seconds(said, "lteq"),
        currency=currency,
        price=price,
        royalty=royalty,
        epsilon=_units(_right(said, "bailee:epsilon", "lteq"), _EPSILON, "epsilon"),
        delta=_units(_right(said, "bailee:delta", "lteq"), _DELTA, "delta"),
        salt=_text(policy, "bailee:salt"),
    )
    signature = _text(policy, "bailee:signature")
    if re.fullmatch(r"([0-9a-f]{2}){1,1024}", signature) is None:
        raise RecordError("ODRL: expected bailee:signature of 1 to 1024 bytes as lower-case hex")
    return Consent(
        SignedOffer(offer, ledger, bytes.fromhex(signature)),
        _after(policy.get("assigner"), f"did:pkh:{chain}:", "the assigner"),
        purpose,
        fields,
        policy.get("bailee:acceptedInBlock"),
        policy.get("bailee:revokedInBlock"),
    )


def _text(holder: Mapping[str, Any], name: str) -> str:
    found = holder.get(name)
    if not isinstance(found, str):
        raise RecordError(f"ODRL: expected {name} as text, got {shown(found)}")
    return found


def _only(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = holder.get(name)
    if not isinstance(found, Sequence) or len(found) != 1 or not isinstance(found[0], Mapping):
        raise RecordError(f"ODRL: expected {name} as a list of one object, got {shown(found)}")
    return found[0]


def _said(permission: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """Right operands by left operand and operator."""
    found: dict[tuple[str, str], Any] = {}
    constraints = permission.get("constraint")
    for one in constraints if isinstance(constraints, list) else ():
        if not isinstance(one, Mapping):
            raise RecordError(f"ODRL: expected a constraint as an object, got {shown(one)}")
        found[_text(one, "leftOperand"), _text(one, "operator")] = one.get("rightOperand")
    return found


def _refinement(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    return _only(_only(rule, "action"), "refinement")


def _value(literal: object, what: str) -> str:
    found = literal.get("@value") if isinstance(literal, Mapping) else None
    if not isinstance(found, str):
        raise RecordError(f"ODRL: expected {what} as a value with its type, got {shown(literal)}")
    return found


def _right(said: Mapping[tuple[str, str], Any], left: str, operator: str) -> str:
    return _value(said.get((left, operator)), f"the constraint {left} {operator}")


def _digest(said: Mapping[tuple[str, str], Any], left: str) -> str:
    return _right(said, left, "eq") if (left, "eq") in said else NONE


def _listed(found: Any) -> tuple[str, ...] | None:
    if found is None:
        return None
    listed = found.get("@list") if isinstance(found, Mapping) else None
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise RecordError(f"ODRL: expected bailee:fields as a @list of names, got {shown(found)}")
    return tuple(listed)


def _after(found: object, prefix: str, what: str) -> str:
    if not isinstance(found, str) or not found.startswith(prefix):
        raise RecordError(f"ODRL: expected {what} to begin with {prefix}, got {shown(found)}")
    return found.removeprefix(prefix)


def _whole(text: str, what: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise RecordError(f"ODRL: expected {what} as a whole number, got {shown(text)}")
    return int(text)


def _units(text: str, digits: int, what: str) -> int:
    found = _DECIMAL.fullmatch(text)
    if found is None or len(found[3] or "") > digits:
        raise RecordError(f"ODRL: expected {what} as a decimal of at most {digits} digits after the point, got {text}")
    return int(found[1] + (found[3] or "").ljust(digits, "0"))


def _seconds(said: Mapping[tuple[str, str], Any], operator: str) -> int:
    if ("dateTime", operator) in said:
        return int(parse_time(_right(said, "dateTime", operator)).timestamp())
    return _whole(_right(said, "bailee:unixTime", operator), "a time")


def _difference(found: Any, right: Any, where: str) -> str | None:
    """The first place where two values differ."""
    if isinstance(found, Mapping) and isinstance(right, Mapping):
        for name in sorted(set(found) | set(right)):
            if name not in found or name not in right:
                return f"{where}.{name}, which is {'too much' if name in found else 'missing'},"
            if (inner := _difference(found[name], right[name], f"{where}.{name}")) is not None:
                return inner
        return None
    if isinstance(found, list) and isinstance(right, list) and len(found) == len(right):
        pairs = enumerate(zip(found, right, strict=True))
        return next((inner for at, two in pairs if (inner := _difference(*two, f"{where}[{at}]"))), None)
    return None if type(found) is type(right) and found == right else where
