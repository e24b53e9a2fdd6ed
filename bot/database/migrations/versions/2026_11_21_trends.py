"""Trends: the question log, imports, popularity, recurring questions and snapshots.

Revision: 0006
Follows: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "popularity",
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("thing", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("event", sa.String(length=10), nullable=False),
        sa.Column("referrer", sa.String(length=40), nullable=False),
        sa.Column("asker_id", sa.String(length=36), nullable=False),
        sa.Column("counted_in", sa.String(length=8), nullable=True),
        sa.CheckConstraint("event IN ('shown', 'opened', 'helpful', 'unhelpful')", name=op.f("ck_popularity_event")),
        sa.CheckConstraint("thing IN ('topic', 'source', 'material')", name=op.f("ck_popularity_thing")),
        sa.PrimaryKeyConstraint("week", "thing", "name", "event", "referrer", "asker_id", name=op.f("pk_popularity")),
    )
    with op.batch_alter_table("popularity") as table:
        table.create_index(op.f("ix_popularity_week"), ["week"], unique=False)

    op.create_table(
        "recurring_questions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("first_week", sa.String(length=8), nullable=False),
        sa.Column("last_week", sa.String(length=8), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("topic", sa.String(length=120), nullable=True),
        sa.Column("centroid", sa.LargeBinary(), nullable=False),
        sa.Column("centroid_of", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recurring_questions")),
    )
    op.create_table(
        "trend_imports",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("referrer", sa.String(length=40), nullable=False),
        sa.Column("file_hash", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trend_imports")),
        sa.UniqueConstraint("referrer", "file_hash", name=op.f("uq_trend_imports_referrer_file_hash")),
    )
    op.create_table(
        "trend_snapshots",
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("week", name=op.f("pk_trend_snapshots")),
    )
    op.create_table(
        "trend_cells",
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("measure", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("partition", sa.String(length=10), nullable=False),
        sa.Column("part", sa.String(length=40), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("movement", sa.String(length=10), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "movement IS NULL OR movement IN ('new', 'rising', 'steady', 'fading', 'gone')",
            name=op.f("ck_trend_cells_movement"),
        ),
        sa.CheckConstraint("count >= 0", name=op.f("ck_trend_cells_count")),
        sa.ForeignKeyConstraint(
            ["week"], ["trend_snapshots.week"], name=op.f("fk_trend_cells_week"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("week", "measure", "name", "partition", "part", name=op.f("pk_trend_cells")),
    )
    with op.batch_alter_table("trend_cells") as table:
        table.create_index(op.f("ix_trend_cells_measure"), ["measure", "name"], unique=False)

    op.create_table(
        "trend_questions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("asker_id", sa.String(length=36), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("referrer", sa.String(length=40), nullable=True),
        sa.Column("is_signatory", sa.Boolean(), nullable=True),
        sa.Column("size", sa.String(length=10), nullable=True),
        sa.Column("decision", sa.String(length=10), nullable=True),
        sa.Column("topic", sa.String(length=120), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("helpful", sa.Boolean(), nullable=True),
        sa.Column("handed_over", sa.Boolean(), nullable=False),
        sa.Column("answered_by_agent", sa.Boolean(), nullable=False),
        sa.Column("need", sa.String(length=300), nullable=True),
        sa.Column("referred_to", sa.String(length=20), nullable=True),
        sa.Column("referred_name", sa.String(length=120), nullable=True),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.Column("vector_of", sa.String(length=16), nullable=True),
        sa.Column("import_id", sa.String(length=36), nullable=True),
        sa.Column("counted_in", sa.String(length=8), nullable=True),
        sa.Column("recurring_id", sa.String(length=36), nullable=True),
        sa.CheckConstraint("channel IN ('chat', 'phone', 'email', 'partner')", name=op.f("ck_trend_questions_channel")),
        sa.CheckConstraint(
            "decision IS NULL OR decision IN ('answer', 'choices', 'unknown')", name=op.f("ck_trend_questions_decision")
        ),
        sa.CheckConstraint("language IN ('nl', 'en')", name=op.f("ck_trend_questions_language")),
        sa.CheckConstraint("size IS NULL OR size IN ('large', 'sme')", name=op.f("ck_trend_questions_size")),
        sa.CheckConstraint(
            "confidence IS NULL OR (confidence BETWEEN 0 AND 1)", name=op.f("ck_trend_questions_confidence")
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["trend_imports.id"], name=op.f("fk_trend_questions_import_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trend_questions")),
    )
    with op.batch_alter_table("trend_questions") as table:
        table.create_index(op.f("ix_trend_questions_asked_on"), ["asked_on"], unique=False)
        table.create_index(op.f("ix_trend_questions_asker_id"), ["asker_id"], unique=False)
        table.create_index(op.f("ix_trend_questions_import_id"), ["import_id"], unique=False)
        table.create_index(op.f("ix_trend_questions_week"), ["week"], unique=False)

    with op.batch_alter_table("conversations") as table:
        table.add_column(sa.Column("asker_id", sa.String(length=36), server_default="", nullable=False))

    with op.batch_alter_table("logged_questions") as table:
        table.add_column(sa.Column("trend_id", sa.String(length=36), nullable=True))

    with op.batch_alter_table("messages") as table:
        table.add_column(sa.Column("trend_id", sa.String(length=36), nullable=True))
        table.create_index(op.f("ix_messages_trend_id"), ["trend_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("messages") as table:
        table.drop_index(op.f("ix_messages_trend_id"))
        table.drop_column("trend_id")

    with op.batch_alter_table("logged_questions") as table:
        table.drop_column("trend_id")

    with op.batch_alter_table("conversations") as table:
        table.drop_column("asker_id")

    with op.batch_alter_table("trend_questions") as table:
        table.drop_index(op.f("ix_trend_questions_week"))
        table.drop_index(op.f("ix_trend_questions_import_id"))
        table.drop_index(op.f("ix_trend_questions_asker_id"))
        table.drop_index(op.f("ix_trend_questions_asked_on"))

    op.drop_table("trend_questions")
    with op.batch_alter_table("trend_cells") as table:
        table.drop_index(op.f("ix_trend_cells_measure"))

    op.drop_table("trend_cells")
    op.drop_table("trend_snapshots")
    op.drop_table("trend_imports")
    op.drop_table("recurring_questions")
    with op.batch_alter_table("popularity") as table:
        table.drop_index(op.f("ix_popularity_week"))

    op.drop_table("popularity")
