"""Alembic's entry: runs the steps on the connection that `yunmeng.state.migrate` hands over."""

from alembic import context

from yunmeng.state.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters tables only by copying them
    transactional_ddl=True,  # also on SQLite: `database.open` has it begin transactions for real
)
with context.begin_transaction():
    context.run_migrations()
