"""What Alembic runs: the one history of the schema, on the connection that migrating.py hands over."""

from alembic import context

from collector.storage.alarm_tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
