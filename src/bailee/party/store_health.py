"""How the vault of a folder is: its stores, what every object survives, what is still to do. What `bailee vault status`
tells, for faces that do not keep a vault open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bailee.party.home import PartyHome

if TYPE_CHECKING:
    from bailee.seal.vault.keep.health import Health


@dataclass(frozen=True)
class VaultHealth:
    """code: 'k+m'. bytes: of all objects' current versions."""

    health: Health
    code: str
    objects: int
    bytes: int

    @property
    def failing(self) -> tuple[str, ...]:
        """Stores that are switched on and do not answer, or failed their last audit."""
        return tuple(
            one.name for one in self.health.stores if one.enabled and (one.problem != "" or one.passed is False)
        )

    @property
    def in_order(self) -> bool:
        least = self.health.least
        return not self.failing and not self.health.tasks and (least is None or least > 0)


VAULT_FILE = "vault.json"
"""As `seal.vault.home` has it, which would bring a database's libraries to every page."""


def has_vault(party: PartyHome) -> bool:
    return (party.path / VAULT_FILE).exists()


def vault_health(party: PartyHome) -> VaultHealth | None:
    """None where the folder has no vault. Asks every store once: seconds, where one does not answer.

    Raises StorageError, StoreError where the catalogue itself cannot be read.
    """
    if not has_vault(party):
        return None
    from bailee.seal.vault.keep.health import health
    from bailee.seal.vault.vault import Vault  # a database's libraries: other pages do without

    with Vault.open(party.path, party.identity) as vault:
        found, (objects, length) = health(vault.keeping), vault.count()
        return VaultHealth(found, str(vault.policy.code), objects, length)
