"""How the catalogue's schema came to be, step by step, for Alembic. A published step never changes."""
