"""Where the contracts of a ledger are, and how they come there: the same configuration, the same addresses anywhere.

Each is created by the deterministic deployment proxy, by CREATE2 under one salt, so its address is a digest of its
code and its constructor's arguments: who deploys, when, and on which chain has no part in it. Anybody may deploy, and
whoever comes second finds it done. Only Grants is created by another contract, the Registry.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

from bailee.adapters.chain.artefacts import artefact
from bailee.adapters.chain.refusals import outside
from bailee.errors import ChainError, InputError, RecordError, RevertError
from bailee.records.caip import check_address

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from bailee.adapters.chain.chain import Chain

PROXY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
PROXY_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182"
    "fd5b8082525050506014600cf3"
)
SALT_NAME = b"bailee/1"
MOST_ARBITERS, MOST_QUORUM, MOST_WINDOW = 15, 16, 2**32


@dataclass(frozen=True)
class Configuration:
    """What distinguishes one ledger from another. Nothing of it can be changed once the ledger is there.

    arbiters: addresses; threshold: how many of them decide, a majority; quorum: verifiers that a model needs;
    window: seconds in which a claim can be challenged; bonds in wei.
    """

    arbiters: tuple[str, ...]
    threshold: int
    quorum: int
    window: int
    verifier_bond: int
    dispute_bond: int

    def __post_init__(self) -> None:
        for address in self.arbiters:
            try:
                check_address(address)
            except RecordError as error:
                raise InputError(f"an arbiter: {error}") from None
        count = len(self.arbiters)
        if not 0 < count <= MOST_ARBITERS or len({one.lower() for one in self.arbiters}) != count:
            raise InputError(f"expected 1 to {MOST_ARBITERS} arbiters, each named once, got {count}")
        if "0x" + "0" * 40 in self.arbiters:
            raise InputError("the zero address is nobody's: name another arbiter")
        if not count < 2 * self.threshold <= 2 * count:
            raise InputError(f"expected a threshold that is a majority of {count} arbiters, got {self.threshold}")
        if not 0 < self.quorum <= MOST_QUORUM:
            raise InputError(f"expected a quorum of 1 to {MOST_QUORUM} verifiers, got {self.quorum}")
        if not 0 < self.window <= MOST_WINDOW:
            raise InputError(f"expected a window of 1 to {MOST_WINDOW} seconds, got {self.window}")
        for bond in (self.verifier_bond, self.dispute_bond):
            if not 0 < bond < 2**112:
                raise InputError(f"expected bonds of at least one wei and less than 2^112, got {bond}")


@dataclass(frozen=True)
class Addresses:
    """Of a ledger's contracts, with check sums. `shares`: what the shares of each work are a proxy of."""

    arbiters: str
    verifiers: str
    shares: str
    blueprint: str
    registry: str
    grants: str

    def __post_init__(self) -> None:
        for name in fields(self):
            check_address(getattr(self, name.name))


def addresses(configuration: Configuration) -> Addresses:
    """Where a ledger of that configuration is on every chain, deployed or not. Pure arithmetic."""
    return _plan(configuration)[0]


def ledger_name(chain_id: int, found: Addresses) -> str:
    """The CAIP-10 name that plans and anchors have for a ledger: of its Grants, in lower case."""
    return f"eip155:{chain_id}:{found.grants.lower()}"


def deploy(chain: Chain, account: LocalAccount, configuration: Configuration) -> Addresses:
    """What is missing of the ledger is deployed and paid by `account`; what is there is checked and left.

    Call it again after a crash, or to check. InputError where the chain has no deployment proxy or is too old for the
    contracts, ChainError where other code is at an address than there must be.
    """
    found, steps = _plan(configuration)
    _require_proxy(chain)
    for name, address, creation in steps:
        if not _code(chain, address):
            _create(chain, account, name, address, creation)
    check(chain, found)
    return found


def deploy_coin(chain: Chain, account: LocalAccount) -> str:
    """The address of the coin that `account` makes as much of as it likes: no money, for trying out. Deployed once."""
    creation = artefact("Coin").created_by(account.address)
    address = _address(creation)
    if not _code(chain, address):
        _require_proxy(chain)
        _create(chain, account, "Coin", address, creation)
    return address


def check(chain: Chain, found: Addresses) -> None:
    """ChainError unless at every address is the code that belongs there, and each contract names the others.

    An address made by `addresses` can hold nothing else; this is for those that come from elsewhere.
    """
    check_code(chain, found)
    named = found_at(chain, found.grants, found.blueprint)
    if named != found:
        raise ChainError(f"the contracts on {chain.caip2} name other neighbours: expected {found}, got {named}")


def check_code(chain: Chain, found: Addresses) -> None:
    """The first half of `check`, which is all there is to check of what `found_at` gave."""
    for name, address in (
        ("Arbiters", found.arbiters), ("Verifiers", found.verifiers), ("Shares", found.shares),
        ("Registry", found.registry), ("Grants", found.grants),
    ):  # fmt: skip
        if not artefact(name).made(_code(chain, address)):
            raise ChainError(
                f"on {chain.caip2} the code at {address} is not that of {name} as this version of Bailee has it: the "
                "ledger is another one, is not deployed here, or is of another version"
            )
    if _code(chain, found.blueprint) != b"\xfe\x71\x00" + artefact("Grants").creation:
        raise ChainError(f"on {chain.caip2} the code at {found.blueprint} is not the blueprint of Grants")


def found_at(chain: Chain, grants: str, blueprint: str | None = None) -> Addresses:
    """The ledger whose Grants is at that address, by what its contracts say of each other; `check` checks them.

    blueprint: no contract keeps it; by default where every configuration has it. ChainError where none is there.
    """
    from eth_utils.address import to_checksum_address

    def asked(contract: str, address: str, name: str) -> str:
        with outside(f"the contract {contract}"):
            abi = [one for one in artefact(contract).abi if one.get("name") == name]  # web3.py reads all it is given
            asked_one = chain.web3.eth.contract(address=to_checksum_address(address), abi=abi)
            return str(asked_one.functions[name]().call())

    try:
        registry = asked("Grants", grants, "REGISTRY")
        named = {name: asked("Registry", registry, name) for name in ("ARBITERS", "VERIFIERS", "SHARES", "GRANTS")}
        arbiters = asked("Verifiers", named["VERIFIERS"], "ARBITERS")
    except (RevertError, ChainError) as error:
        raise ChainError(f"on {chain.caip2} no ledger answers at {grants}: {error}") from None
    if named["GRANTS"] != to_checksum_address(grants) or arbiters != named["ARBITERS"]:
        raise ChainError(f"the contracts around {grants} on {chain.caip2} do not name each other: this is no ledger")
    return Addresses(
        arbiters=named["ARBITERS"],
        verifiers=named["VERIFIERS"],
        shares=named["SHARES"],
        blueprint=blueprint or _address(artefact("Grants").blueprint),
        registry=registry,
        grants=named["GRANTS"],
    )


def _plan(configuration: Configuration) -> tuple[Addresses, list[tuple[str, str, bytes]]]:
    """The addresses, and (name, address, creation code) of what is to be created, in that order."""
    members, threshold, quorum, window, verifier_bond, dispute_bond = astuple(configuration)
    steps: list[tuple[str, str, bytes]] = []

    def planned(name: str, creation: bytes) -> str:
        steps.append((name, _address(creation), creation))
        return steps[-1][1]

    arbiters = planned("Arbiters", artefact("Arbiters").created_by([one.lower() for one in members], threshold))
    verifiers = planned("Verifiers", artefact("Verifiers").created_by(arbiters, quorum, window, verifier_bond))
    shares = planned("Shares", artefact("Shares").created_by())
    blueprint = planned("the blueprint of Grants", artefact("Grants").blueprint)
    registry = planned(
        "Registry", artefact("Registry").created_by(shares, blueprint, verifiers, arbiters, dispute_bond)
    )
    return Addresses(arbiters, verifiers, shares, blueprint, registry, _first_child(registry)), steps


def _require_proxy(chain: Chain) -> None:
    if _code(chain, PROXY) != PROXY_CODE:
        raise InputError(
            f"{chain.caip2} has no deterministic deployment proxy at {PROXY}; whoever runs the chain can bring it "
            "there (github.com/Arachnid/deterministic-deployment-proxy), then call this again"
        )


def _create(chain: Chain, account: LocalAccount, name: str, address: str, creation: bytes) -> None:
    try:
        chain.send({"to": PROXY, "data": "0x" + (_salt() + creation).hex()}, account)
    except RevertError:
        if _code(chain, address):
            return  # somebody else was quicker with the very same
        raise InputError(
            f"{chain.caip2} refuses to create {name}: its contracts need what Ethereum has since its fork Cancun"
        ) from None
    if not _code(chain, address):
        raise ChainError(f"{name} was created on {chain.caip2} and is not at {address}: does the node lag behind?")


def _code(chain: Chain, address: str) -> bytes:
    with outside("a contract's code"):
        return bytes(chain.web3.eth.get_code(address))  # type: ignore[arg-type]


def _salt() -> bytes:
    from eth_utils.crypto import keccak

    return keccak(SALT_NAME)


def _address(creation: bytes) -> str:
    """Of what the deployment proxy creates (EIP-1014)."""
    from eth_utils.address import to_checksum_address
    from eth_utils.crypto import keccak

    digest = keccak(b"\xff" + bytes.fromhex(PROXY[2:]) + _salt() + keccak(creation))
    return to_checksum_address(digest[12:])


def _first_child(creator: str) -> str:
    """Of the first contract that a contract creates by CREATE: keccak of the RLP list (creator, nonce 1)."""
    from eth_utils.address import to_checksum_address
    from eth_utils.crypto import keccak

    return to_checksum_address(keccak(b"\xd6\x94" + bytes.fromhex(creator[2:]) + b"\x01")[12:])
