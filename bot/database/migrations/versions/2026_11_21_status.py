"""Status messages that expire, and requests that carry a company.

Revision: 0004
Follows: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("messages") as table:
        table.add_column(sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
        table.create_index(op.f("ix_messages_expires_at"), ["expires_at"], unique=False)
    with op.batch_alter_table("requests") as table:
        table.add_column(sa.Column("company_id", sa.String(length=36), nullable=True))
        table.create_foreign_key(
            op.f("fk_requests_company_id"), "companies", ["company_id"], ["id"], ondelete="SET NULL"
        )


def downgrade() -> None:
    with op.batch_alter_table("requests") as table:
        table.drop_constraint(op.f("fk_requests_company_id"), type_="foreignkey")
        table.drop_column("company_id")
    with op.batch_alter_table("messages") as table:
        table.drop_index(op.f("ix_messages_expires_at"))
        table.drop_column("expires_at")
