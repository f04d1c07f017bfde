"""The life of an alarm: rules, timers, steps, notices, shelters."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answer_tries",
        sa.Column("address", sa.String(length=128), nullable=False),
        sa.Column("wrong", sa.SmallInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_answer_tries")),
        comment="Wrong codes that came from an address",
    )
    op.create_table(
        "collectors",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("steady_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collectors")),
        comment="Who runs on this database: renewed every five seconds, by the clock of the database",
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("alarm", sa.String(length=36), nullable=True),
        sa.Column("sort", sa.String(length=12), nullable=False),
        sa.Column("target", sa.String(length=80), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("queued_ms", sa.BigInteger(), nullable=False),
        sa.Column("claimed_by", sa.String(length=64), nullable=False),
        sa.Column("claimed_ms", sa.BigInteger(), nullable=True),
        sa.Column("sent_ms", sa.BigInteger(), nullable=True),
        sa.Column("delivered_ms", sa.BigInteger(), nullable=True),
        sa.Column("read_ms", sa.BigInteger(), nullable=True),
        sa.Column("answered_ms", sa.BigInteger(), nullable=True),
        sa.Column("perhaps", sa.Boolean(), nullable=False),
        sa.Column("follows", sa.String(length=36), nullable=True),
        sa.Column("bundle", sa.String(length=36), nullable=True),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=6), nullable=False),
        sa.Column("answer_until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("number", name=op.f("uq_notices_number")),
        comment="Who is told what by which way, and what became of it",
    )
    op.create_index(op.f("ix_notices_alarm"), "notices", ["alarm"], unique=False)
    op.create_index("ix_notices_person", "notices", ["person", "queued_ms"], unique=False)
    op.create_index("ix_notices_state", "notices", ["state", "due_ms", "level"], unique=False)
    op.create_index(op.f("ix_notices_token_hash"), "notices", ["token_hash"], unique=False)
    op.create_table(
        "presence",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("collector", sa.String(length=32), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "collector", name=op.f("pk_presence")),
        comment="Who sits at a desk: renewed every five seconds by a live page",
    )
    op.create_index(op.f("ix_presence_at_ms"), "presence", ["at_ms"], unique=False)
    op.create_table(
        "proofs",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("proven_ms", sa.BigInteger(), nullable=False),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("person", "channel", name=op.f("pk_proofs")),
        comment="When a person was last certainly reached by a channel",
    )
    op.create_table(
        "rota_overrides",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("rota", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("removed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_overrides")),
        comment="Who stands in for whom",
    )
    op.create_index(op.f("ix_rota_overrides_rota"), "rota_overrides", ["rota"], unique=False)
    op.create_table(
        "rules",
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("loaded_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_rules")),
        comment="Policies, rotas, contacts and procedures as they were loaded; the highest version holds",
    )
    op.create_table(
        "suspensions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("sort", sa.String(length=12), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("points", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspensions")),
        sa.UniqueConstraint("number", name=op.f("uq_suspensions_number")),
        comment="What is quiet for a time: shelved, on test, under maintenance",
    )
    op.create_index(op.f("ix_suspensions_site"), "suspensions", ["site"], unique=False)
    op.create_table(
        "timers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("alarm", sa.String(length=36), nullable=True),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timers")),
        comment="Everything that will happen by itself; a row is deleted when it has",
    )
    op.create_index("ix_timers_alarm", "timers", ["alarm", "purpose"], unique=False)
    op.create_index(op.f("ix_timers_due_ms"), "timers", ["due_ms"], unique=False)
    op.create_table(
        "alarm_steps",
        sa.Column("alarm", sa.String(length=36), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alarm"], ["alarms.id"], name=op.f("fk_alarm_steps_alarm")),
        sa.PrimaryKeyConstraint("alarm", "position", name=op.f("pk_alarm_steps")),
        comment="The procedure of an alarm, step by step",
    )
    op.create_table(
        "incidents",
        sa.Column("alarm", sa.String(length=36), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("sites", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["alarm"], ["alarms.id"], name=op.f("fk_incidents_alarm")),
        sa.PrimaryKeyConstraint("alarm", name=op.f("pk_incidents")),
        comment="Storms: one alarm for a unit that lost its link or power",
    )
    op.add_column("alarm_events", sa.Column("why", sa.Text(), server_default="{}", nullable=False))
    op.add_column("alarms", sa.Column("raised_ms", sa.BigInteger(), nullable=True))
    op.add_column("alarms", sa.Column("respond_by_ms", sa.BigInteger(), nullable=True))
    op.add_column("alarms", sa.Column("follow_by_ms", sa.BigInteger(), nullable=True))
    op.add_column("alarms", sa.Column("parked_until_ms", sa.BigInteger(), nullable=True))
    op.add_column("alarms", sa.Column("reviewed_ms", sa.BigInteger(), nullable=True))
    op.add_column("alarms", sa.Column("reviewer", sa.String(length=64), nullable=True))
    op.add_column("alarms", sa.Column("closed_ms", sa.BigInteger(), nullable=True))
    op.add_column("alarms", sa.Column("score", sa.SmallInteger(), nullable=True))
    op.add_column("alarms", sa.Column("score_why", sa.Text(), server_default="[]", nullable=False))
    op.add_column("alarms", sa.Column("score_by", sa.String(length=64), server_default="", nullable=False))
    op.add_column("alarms", sa.Column("handlers", sa.Text(), server_default="[]", nullable=False))
    op.add_column("alarms", sa.Column("procedure", sa.String(length=64), server_default="", nullable=False))
    op.add_column("alarms", sa.Column("shelter", sa.String(length=36), nullable=True))
    op.add_column("alarms", sa.Column("shelter_why", sa.String(length=16), server_default="", nullable=False))
    op.add_column("conditions", sa.Column("site", sa.String(length=32), server_default="", nullable=False))
    op.create_index("ix_alarms_shelter", "alarms", ["shelter", "state", "number"], unique=False)
    op.create_index("ix_alarms_state_shelter", "alarms", ["state", "shelter", "id"], unique=False)
    _holders_are_handlers()


def _holders_are_handlers() -> None:
    """Who held an alarm handled it: nobody may review or close what was theirs before there were reviews."""
    connection = op.get_bind()
    alarms = sa.table("alarms", sa.column("holder", sa.String), sa.column("handlers", sa.Text))
    held = sa.select(alarms.c.holder).where(alarms.c.holder.is_not(None)).distinct()
    for holder in connection.execute(held).scalars().all():
        statement = alarms.update().where(alarms.c.holder == holder)
        connection.execute(statement.values(handlers=json.dumps([holder])))


def downgrade() -> None:
    # What the version before can read: nothing open is shown as handled, and nothing handled as open.
    for state, older in (
        ("returned", "new"),
        ("parked", "new"),
        ("verifying", "acknowledged"),
        ("dispatched", "acknowledged"),
        ("reviewed", "resolved"),
        ("closed", "resolved"),
    ):
        statement = sa.text("UPDATE alarms SET state = :older WHERE state = :state")
        op.execute(statement.bindparams(state=state, older=older))
    op.drop_table("answer_tries")
    op.drop_table("collectors")
    op.drop_table("notices")
    op.drop_table("presence")
    op.drop_table("proofs")
    op.drop_table("rota_overrides")
    op.drop_table("rules")
    op.drop_table("suspensions")
    op.drop_table("timers")
    op.drop_table("alarm_steps")
    op.drop_table("incidents")
    op.drop_column("conditions", "site")
    op.drop_index("ix_alarms_state_shelter", "alarms")
    op.drop_index("ix_alarms_shelter", "alarms")
    op.drop_column("alarm_events", "why")
    op.drop_column("alarms", "raised_ms")
    op.drop_column("alarms", "respond_by_ms")
    op.drop_column("alarms", "follow_by_ms")
    op.drop_column("alarms", "parked_until_ms")
    op.drop_column("alarms", "reviewed_ms")
    op.drop_column("alarms", "reviewer")
    op.drop_column("alarms", "closed_ms")
    op.drop_column("alarms", "score")
    op.drop_column("alarms", "score_why")
    op.drop_column("alarms", "score_by")
    op.drop_column("alarms", "handlers")
    op.drop_column("alarms", "procedure")
    op.drop_column("alarms", "shelter")
    op.drop_column("alarms", "shelter_why")
