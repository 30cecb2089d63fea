"""What Alembic runs: the versions that are missing, on the connection that `ensure_tables` opened."""

from alembic import context

given = context.config.attributes
context.configure(connection=given["connection"], version_table=given["version_table"])
context.run_migrations()
