"""Site bundles, what each box says it works with, machines of runs, and how far the enrolment record was read."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bundles",
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("stored_ms", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("box", "hash", name=op.f("pk_bundles")),
        comment="Signed site bundles as they were delivered, byte for byte",
    )
    op.create_table(
        "configs",
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("wanted_hash", sa.String(length=64), nullable=False),
        sa.Column("wanted_version", sa.BigInteger(), nullable=False),
        sa.Column("wanted_ms", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("roster_version", sa.BigInteger(), nullable=False),
        sa.Column("roster_not_after", sa.String(length=24), nullable=False),
        sa.Column("machine", sa.String(length=16), nullable=False),
        sa.Column("differs_ms", sa.BigInteger(), nullable=True),
        sa.Column("delivered_ms", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("refused_reason", sa.String(length=200), nullable=False),
        sa.Column("refused_ms", sa.BigInteger(), nullable=True),
        sa.Column("drift", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("box", name=op.f("pk_configs")),
        comment="The bundle that each box should work with, and the one that it says it works with",
    )
    op.create_table(
        "record_positions",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_record_positions")),
        comment="How far the record of another machine was read: the last line that was taken",
    )
    with op.batch_alter_table("beat_runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("machine", sa.String(length=16), nullable=False, server_default=""))
    with op.batch_alter_table("beat_runs", schema=None) as batch_op:
        batch_op.alter_column("machine", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("beat_runs", schema=None) as batch_op:
        batch_op.drop_column("machine")
    op.drop_table("record_positions")
    op.drop_table("configs")
    op.drop_table("bundles")
