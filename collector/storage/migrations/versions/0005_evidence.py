"""Pictures and clips: what was promised, sealed, and brought."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evidence",
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("slot", sa.String(length=40), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=36), nullable=False),
        sa.Column("request", sa.Boolean(), nullable=False),
        sa.Column("camera", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("about", sa.String(length=64), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("sealed_number", sa.BigInteger(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=True),
        sa.Column("to_ms", sa.BigInteger(), nullable=True),
        sa.Column("masked", sa.Boolean(), nullable=False),
        sa.Column("came_sha256", sa.String(length=64), nullable=False),
        sa.Column("came_bytes", sa.BigInteger(), nullable=False),
        sa.Column("promised_ms", sa.BigInteger(), nullable=False),
        sa.Column("came_ms", sa.BigInteger(), nullable=True),
        sa.Column("over", sa.SmallInteger(), nullable=False),
        sa.Column("over_request", sa.String(length=36), nullable=False),
        sa.Column("over_tries", sa.Integer(), nullable=False),
        sa.Column("over_due_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("box", "slot", name=op.f("pk_evidence")),
        comment="Pictures and clips that boxes promised, sealed and brought; the files stand in a folder by their hash",
    )
    op.create_index("ix_evidence_owner", "evidence", ["owner"])
    op.create_index("ix_evidence_over_request", "evidence", ["over_request"])
    op.create_index("ix_evidence_over", "evidence", ["over", "over_due_ms"])
    op.create_index("ix_evidence_state", "evidence", ["state", "promised_ms"])
    op.create_index("ix_evidence_came", "evidence", ["came_sha256"])
    op.create_index("ix_evidence_site", "evidence", ["site", "request", "promised_ms"])


def downgrade() -> None:
    op.drop_table("evidence")
