"""Alembic runs this; the connection comes from bailee.adapters.catalogue.opening, inside its transaction."""

from __future__ import annotations

from alembic import context

from bailee.adapters.catalogue.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
