"""An owner's sealed objects on stores that nobody needs to trust (docs/vault.md)."""
