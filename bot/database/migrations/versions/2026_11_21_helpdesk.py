"""Staff, hand-overs, suggestions, logged questions, drafts of topics, partners, and the outbox.

Revision: 0005
Follows: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:  # noqa: PLR0915
    op.create_table(
        "partner_keys",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("referrer", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_partner_keys_key_hash")),
    )
    op.create_table(
        "staff_accounts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("oidc_subject", sa.String(length=255), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("failed_sign_ins", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("takes_chats", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("language IN ('nl', 'en')", name=op.f("ck_staff_accounts_language")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_staff_accounts_email")),
        sa.CheckConstraint("failed_sign_ins >= 0", name=op.f("ck_staff_accounts_failed_sign_ins")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_accounts")),
        sa.UniqueConstraint("email", name=op.f("uq_staff_accounts_email")),
        sa.UniqueConstraint("oidc_subject", name=op.f("uq_staff_accounts_oidc_subject")),
    )
    op.create_table(
        "staff_audit",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=True),
        sa.Column("details", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_audit")),
    )
    with op.batch_alter_table("staff_audit") as table:
        table.create_index(op.f("ix_staff_audit_account_id"), ["account_id", "at"], unique=False)
        table.create_index(op.f("ix_staff_audit_at"), ["at"], unique=False)

    op.create_table(
        "canned_texts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("shortcut", sa.String(length=30), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("language IN ('nl', 'en')", name=op.f("ck_canned_texts_language")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["staff_accounts.id"], name=op.f("fk_canned_texts_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canned_texts")),
        sa.UniqueConstraint(
            "account_id", "shortcut", "language", name=op.f("uq_canned_texts_account_id_shortcut_language")
        ),
    )
    op.create_table(
        "conversation_notes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["staff_accounts.id"], name=op.f("fk_conversation_notes_account_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_conversation_notes_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation_notes")),
    )
    with op.batch_alter_table("conversation_notes") as table:
        table.create_index(op.f("ix_conversation_notes_conversation_id"), ["conversation_id", "id"], unique=False)

    op.create_table(
        "hand_overs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("desk", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_by", sa.String(length=36), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("read_up_to", sa.String(length=36), nullable=True),
        sa.CheckConstraint(
            "(state IN ('waiting', 'claimed')) = (ended_at IS NULL)", name=op.f("ck_hand_overs_ended_at")
        ),
        sa.CheckConstraint("desk IN ('portal', 'charter')", name=op.f("ck_hand_overs_desk")),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome IN ('answered', 'referred', 'not_in_knowledge', 'no_reply', 'other')",
            name=op.f("ck_hand_overs_outcome"),
        ),
        sa.CheckConstraint("reason IN ('asked', 'misses')", name=op.f("ck_hand_overs_reason")),
        sa.CheckConstraint("state != 'claimed' OR claimed_at IS NOT NULL", name=op.f("ck_hand_overs_claimed_at")),
        sa.CheckConstraint(
            "state IN ('waiting', 'claimed', 'handed_back', 'closed', 'left', 'missed')",
            name=op.f("ck_hand_overs_state"),
        ),
        sa.ForeignKeyConstraint(
            ["claimed_by"], ["staff_accounts.id"], name=op.f("fk_hand_overs_claimed_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_hand_overs_conversation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_overs")),
    )
    with op.batch_alter_table("hand_overs") as table:
        table.create_index(op.f("ix_hand_overs_claimed_by"), ["claimed_by", "state"], unique=False)
        table.create_index(op.f("ix_hand_overs_desk"), ["desk", "state", "asked_at"], unique=False)
        table.create_index(
            "uq_hand_overs_still_open",
            ["conversation_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('waiting', 'claimed')"),
            postgresql_where=sa.text("state IN ('waiting', 'claimed')"),
        )

    op.create_table(
        "logged_questions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("desk", sa.String(length=10), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("referrer", sa.String(length=40), nullable=True),
        sa.Column("is_signatory", sa.Boolean(), nullable=True),
        sa.Column("size", sa.String(length=10), nullable=True),
        sa.Column("topic", sa.String(length=120), nullable=True),
        sa.Column("need", sa.String(length=300), nullable=True),
        sa.Column("referred_to", sa.String(length=20), nullable=True),
        sa.Column("referred_name", sa.String(length=120), nullable=True),
        sa.Column("account_id", sa.String(length=36), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "channel IN ('chat', 'phone', 'email', 'partner')", name=op.f("ck_logged_questions_channel")
        ),
        sa.CheckConstraint("desk IN ('portal', 'charter')", name=op.f("ck_logged_questions_desk")),
        sa.CheckConstraint("language IN ('nl', 'en')", name=op.f("ck_logged_questions_language")),
        sa.CheckConstraint(
            "referred_to IS NULL OR referred_to IN ('network', 'material', 'advice_talk', 'other')",
            name=op.f("ck_logged_questions_referred_to"),
        ),
        sa.CheckConstraint("size IS NULL OR size IN ('large', 'sme')", name=op.f("ck_logged_questions_size")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["staff_accounts.id"], name=op.f("fk_logged_questions_account_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logged_questions")),
    )
    with op.batch_alter_table("logged_questions") as table:
        table.create_index(op.f("ix_logged_questions_created_at"), ["created_at"], unique=False)

    op.create_table(
        "sign_in_links",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["staff_accounts.id"], name=op.f("fk_sign_in_links_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in_links")),
    )
    with op.batch_alter_table("sign_in_links") as table:
        table.create_index(op.f("ix_sign_in_links_account_id"), ["account_id"], unique=False)
        table.create_index(op.f("ix_sign_in_links_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "staff_desks",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("desk", sa.String(length=10), nullable=False),
        sa.CheckConstraint("desk IN ('portal', 'charter')", name=op.f("ck_staff_desks_desk")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["staff_accounts.id"], name=op.f("fk_staff_desks_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "desk", name=op.f("pk_staff_desks")),
    )
    op.create_table(
        "staff_roles",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.CheckConstraint(
            "role IN ('agent', 'editor', 'analyst', 'taskforce', 'admin')", name=op.f("ck_staff_roles_role")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["staff_accounts.id"], name=op.f("fk_staff_roles_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "role", name=op.f("pk_staff_roles")),
    )
    op.create_table(
        "staff_sessions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["staff_accounts.id"], name=op.f("fk_staff_sessions_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_staff_sessions_token_hash")),
    )
    with op.batch_alter_table("staff_sessions") as table:
        table.create_index(op.f("ix_staff_sessions_account_id"), ["account_id"], unique=False)
        table.create_index(op.f("ix_staff_sessions_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "topic_drafts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("topic", sa.String(length=120), nullable=True),
        sa.Column("desk", sa.String(length=10), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("desk IN ('portal', 'charter')", name=op.f("ck_topic_drafts_desk")),
        sa.CheckConstraint("language IN ('nl', 'en')", name=op.f("ck_topic_drafts_language")),
        sa.CheckConstraint("origin IN ('edited', 'unanswered')", name=op.f("ck_topic_drafts_origin")),
        sa.CheckConstraint("state IN ('open', 'done', 'dropped')", name=op.f("ck_topic_drafts_state")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["staff_accounts.id"], name=op.f("fk_topic_drafts_account_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topic_drafts")),
    )
    with op.batch_alter_table("topic_drafts") as table:
        table.create_index(op.f("ix_topic_drafts_state"), ["state", "created_at"], unique=False)

    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("dedupe_key", sa.String(length=120), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("account_id", sa.String(length=36), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=True),
        sa.Column("external_id", sa.String(length=80), nullable=True),
        sa.Column("problem", sa.String(length=120), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('ticket', 'reply')", name=op.f("ck_outbox_kind")),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'failed')", name=op.f("ck_outbox_state")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["staff_accounts.id"], name=op.f("fk_outbox_account_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_outbox_request_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("request_id", "dedupe_key", name=op.f("uq_outbox_request_id_dedupe_key")),
    )
    with op.batch_alter_table("outbox") as table:
        table.create_index(op.f("ix_outbox_state"), ["state", "next_at"], unique=False)

    op.create_table(
        "suggestions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("batch_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=True),
        sa.Column("message_id", sa.String(length=36), nullable=True),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(length=120), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("fate", sa.String(length=10), nullable=False),
        sa.Column("distance", sa.Double(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("channel IN ('chat', 'phone', 'email', 'partner')", name=op.f("ck_suggestions_channel")),
        sa.CheckConstraint("fate IN ('shown', 'inserted', 'edited', 'ignored')", name=op.f("ck_suggestions_fate")),
        sa.CheckConstraint("language IN ('nl', 'en')", name=op.f("ck_suggestions_language")),
        sa.CheckConstraint("distance IS NULL OR (distance BETWEEN 0 AND 1)", name=op.f("ck_suggestions_distance")),
        sa.CheckConstraint("position >= 1", name=op.f("ck_suggestions_position")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_suggestions_conversation_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_suggestions_message_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suggestions")),
        sa.UniqueConstraint("batch_id", "position", name=op.f("uq_suggestions_batch_id_position")),
    )
    with op.batch_alter_table("suggestions") as table:
        table.create_index(op.f("ix_suggestions_conversation_id"), ["conversation_id"], unique=False)
        table.create_index(op.f("ix_suggestions_created_at"), ["created_at"], unique=False)
        table.create_index(op.f("ix_suggestions_message_id"), ["message_id"], unique=False)
        table.create_index(op.f("ix_suggestions_topic"), ["topic", "created_at"], unique=False)

    op.create_table(
        "topic_draft_questions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("draft_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=True),
        sa.Column("logged_question_id", sa.String(length=36), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_topic_draft_questions_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["topic_drafts.id"], name=op.f("fk_topic_draft_questions_draft_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["logged_question_id"],
            ["logged_questions.id"],
            name=op.f("fk_topic_draft_questions_logged_question_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topic_draft_questions")),
    )
    with op.batch_alter_table("topic_draft_questions") as table:
        table.create_index(op.f("ix_topic_draft_questions_conversation_id"), ["conversation_id"], unique=False)
        table.create_index(op.f("ix_topic_draft_questions_draft_id"), ["draft_id"], unique=False)
        table.create_index(op.f("ix_topic_draft_questions_logged_question_id"), ["logged_question_id"], unique=False)

    with op.batch_alter_table("messages") as table:
        table.add_column(sa.Column("account_id", sa.String(length=36), nullable=True))

    with op.batch_alter_table("requests") as table:
        table.add_column(sa.Column("assigned_to", sa.String(length=36), nullable=True))
        table.add_column(sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
        table.create_foreign_key(
            op.f("fk_requests_assigned_to"), "staff_accounts", ["assigned_to"], ["id"], ondelete="SET NULL"
        )


def downgrade() -> None:
    with op.batch_alter_table("requests") as table:
        table.drop_constraint(op.f("fk_requests_assigned_to"), type_="foreignkey")
        table.drop_column("closed_at")
        table.drop_column("answered_at")
        table.drop_column("assigned_to")
    with op.batch_alter_table("messages") as table:
        table.drop_column("account_id")
    for name in (
        "topic_draft_questions", "suggestions", "outbox", "topic_drafts", "staff_sessions", "staff_roles",
        "staff_desks", "sign_in_links", "logged_questions", "hand_overs", "conversation_notes", "canned_texts",
        "staff_audit", "staff_accounts", "partner_keys",
    ):  # fmt: skip
        op.drop_table(name)
