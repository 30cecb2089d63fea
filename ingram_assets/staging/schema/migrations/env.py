"""What Alembic runs: the versions up to the one asked for, on the connection that `migrate` opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="ingram_queue_version",
    version_table_schema="public",
)
context.run_migrations()
