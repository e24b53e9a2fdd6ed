"""Questions that partners say they were asked, referrals that are found again, and askers whose request was answered.

Revision: 0007
Follows: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

THINGS = ("topic", "source", "material")
EVENTS = ("shown", "opened", "helpful", "unhelpful")


def _allow(things: tuple[str, ...], events: tuple[str, ...]) -> None:
    with op.batch_alter_table("popularity") as table:
        table.drop_constraint(op.f("ck_popularity_thing"), type_="check")
        table.drop_constraint(op.f("ck_popularity_event"), type_="check")
        table.create_check_constraint(op.f("ck_popularity_thing"), f"thing IN {things}")
        table.create_check_constraint(op.f("ck_popularity_event"), f"event IN {events}")


def upgrade() -> None:
    with op.batch_alter_table("logged_questions") as table:
        table.add_column(sa.Column("request_id", sa.String(length=36), nullable=True))
        table.add_column(sa.Column("idempotency_key", sa.String(length=200), nullable=True))
        table.add_column(sa.Column("request_hash", sa.String(length=64), nullable=True))
        table.create_foreign_key(
            op.f("fk_logged_questions_request_id"), "requests", ["request_id"], ["id"], ondelete="CASCADE"
        )
        table.create_unique_constraint(op.f("uq_logged_questions_idempotency_key"), ["idempotency_key"])
        table.create_index(op.f("ix_logged_questions_request_id"), ["request_id"], unique=False)

    _allow((*THINGS, "asker"), (*EVENTS, "helped"))


def downgrade() -> None:
    op.execute("DELETE FROM popularity WHERE thing = 'asker'")
    _allow(THINGS, EVENTS)

    with op.batch_alter_table("logged_questions") as table:
        table.drop_index(op.f("ix_logged_questions_request_id"))
        table.drop_constraint(op.f("uq_logged_questions_idempotency_key"), type_="unique")
        table.drop_constraint(op.f("fk_logged_questions_request_id"), type_="foreignkey")
        table.drop_column("request_hash")
        table.drop_column("idempotency_key")
        table.drop_column("request_id")
