"""Companies, their contacts, reports and Charter tracks; verifications and their audit.

Revision: 0003
Follows: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "companies",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kvk_number", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("legal_form", sa.String(length=5), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("sector", sa.String(length=120), nullable=True),
        sa.Column("size_class", sa.String(length=9), nullable=False),
        sa.Column("head_id", sa.String(length=36), nullable=True),
        sa.Column("invited_on", sa.Date(), nullable=True),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code_hmac", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("legal_form IN ('nv', 'bv', 'other')", name=op.f("ck_companies_legal_form")),
        sa.CheckConstraint(
            "length(kvk_number) = 8 AND trim(kvk_number, '0123456789') = ''", name=op.f("ck_companies_kvk_number")
        ),
        sa.CheckConstraint("size_class IN ('large', 'not-large', 'unknown')", name=op.f("ck_companies_size_class")),
        sa.CheckConstraint("head_id <> id", name=op.f("ck_companies_head")),
        sa.CheckConstraint("length(code_hmac) = 64", name=op.f("ck_companies_code_hmac")),
        sa.CheckConstraint("length(name) > 0", name=op.f("ck_companies_name")),
        sa.ForeignKeyConstraint(["head_id"], ["companies.id"], name=op.f("fk_companies_head_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_companies")),
        sa.UniqueConstraint("code_hmac", name=op.f("uq_companies_code_hmac")),
        sa.UniqueConstraint("kvk_number", name=op.f("uq_companies_kvk_number")),
    )
    op.create_index(op.f("ix_companies_head_id"), "companies", ["head_id"], unique=False)

    op.create_table(
        "contacts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("account", sa.String(length=7), nullable=False),
        sa.CheckConstraint("account IN ('none', 'invited', 'active')", name=op.f("ck_contacts_account")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_contacts_email")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("email", name=op.f("uq_contacts_email")),
    )

    op.create_table(
        "verification_attempts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=True),
        sa.Column("kvk_number", sa.String(length=8), nullable=True),
        sa.Column("way", sa.String(length=13), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('verified', 'refused', 'limited', 'sent')", name=op.f("ck_verification_attempts_outcome")
        ),
        sa.CheckConstraint("way IN ('code', 'email-request', 'email-code')", name=op.f("ck_verification_attempts_way")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification_attempts")),
    )
    op.create_index(
        op.f("ix_verification_attempts_address_hash"), "verification_attempts", ["address_hash", "at"], unique=False
    )
    op.create_index(op.f("ix_verification_attempts_at"), "verification_attempts", ["at"], unique=False)
    op.create_index(
        op.f("ix_verification_attempts_conversation_id"),
        "verification_attempts",
        ["conversation_id", "at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_verification_attempts_kvk_number"), "verification_attempts", ["kvk_number", "at"], unique=False
    )

    op.create_table(
        "charter_surveys",
        sa.Column("company_id", sa.String(length=36), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sent_on", sa.Date(), nullable=True),
        sa.Column("filled_in_on", sa.Date(), nullable=True),
        sa.CheckConstraint("year BETWEEN 2000 AND 2200", name=op.f("ck_charter_surveys_year")),
        sa.ForeignKeyConstraint(
            ["company_id"], ["companies.id"], name=op.f("fk_charter_surveys_company_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("company_id", "year", name=op.f("pk_charter_surveys")),
    )

    op.create_table(
        "charter_tracks",
        sa.Column("company_id", sa.String(length=36), nullable=False),
        sa.Column("orientation_on", sa.Date(), nullable=True),
        sa.Column("text_agreed_on", sa.Date(), nullable=True),
        sa.Column("signed_on", sa.Date(), nullable=True),
        sa.Column("plan_due_on", sa.Date(), nullable=True),
        sa.Column("plan_handed_in_on", sa.Date(), nullable=True),
        sa.CheckConstraint("plan_due_on IS NULL OR signed_on IS NOT NULL", name=op.f("ck_charter_tracks_plan_due_on")),
        sa.CheckConstraint(
            "plan_handed_in_on IS NULL OR (signed_on IS NOT NULL AND plan_handed_in_on >= signed_on)",
            name=op.f("ck_charter_tracks_plan_handed_in_on"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["companies.id"], name=op.f("fk_charter_tracks_company_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("company_id", name=op.f("pk_charter_tracks")),
    )

    op.create_table(
        "company_contacts",
        sa.Column("company_id", sa.String(length=36), nullable=False),
        sa.Column("contact_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=6), nullable=False),
        sa.CheckConstraint("role IN ('board', 'second')", name=op.f("ck_company_contacts_role")),
        sa.ForeignKeyConstraint(
            ["company_id"], ["companies.id"], name=op.f("fk_company_contacts_company_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_company_contacts_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("company_id", "contact_id", name=op.f("pk_company_contacts")),
        sa.UniqueConstraint("company_id", "role", name=op.f("uq_company_contacts_company_id_role")),
    )
    op.create_index(op.f("ix_company_contacts_contact_id"), "company_contacts", ["contact_id"], unique=False)

    op.create_table(
        "intakes",
        sa.Column("company_id", sa.String(length=36), nullable=False),
        sa.Column("confirmed_on", sa.Date(), nullable=True),
        sa.Column("year_end_month", sa.Integer(), nullable=True),
        sa.Column("year_end_day", sa.Integer(), nullable=True),
        sa.Column("who_reports", sa.String(length=7), nullable=True),
        sa.CheckConstraint("who_reports IN ('company', 'head')", name=op.f("ck_intakes_who_reports")),
        sa.CheckConstraint("(year_end_month IS NULL) = (year_end_day IS NULL)", name=op.f("ck_intakes_year_end")),
        sa.CheckConstraint(
            "year_end_day BETWEEN 1 AND 31 AND NOT (year_end_month = 2 AND year_end_day > 29)"
            " AND NOT (year_end_month IN (4, 6, 9, 11) AND year_end_day > 30)",
            name=op.f("ck_intakes_year_end_day"),
        ),
        sa.CheckConstraint("year_end_month BETWEEN 1 AND 12", name=op.f("ck_intakes_year_end_month")),
        sa.ForeignKeyConstraint(
            ["company_id"], ["companies.id"], name=op.f("fk_intakes_company_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("company_id", name=op.f("pk_intakes")),
    )

    op.create_table(
        "reports",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("company_id", sa.String(length=36), nullable=False),
        sa.Column("year_end", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("submitted_on", sa.Date(), nullable=True),
        sa.CheckConstraint("due_on > year_end", name=op.f("ck_reports_due_on")),
        sa.ForeignKeyConstraint(
            ["company_id"], ["companies.id"], name=op.f("fk_reports_company_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("company_id", "year_end", name=op.f("uq_reports_company_id_year_end")),
    )

    op.create_table(
        "one_time_codes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("company_id", sa.String(length=36), nullable=False),
        sa.Column("contact_id", sa.String(length=36), nullable=False),
        sa.Column("code_hmac", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("length(code_hmac) = 64", name=op.f("ck_one_time_codes_code_hmac")),
        sa.ForeignKeyConstraint(
            ["company_id", "contact_id"],
            ["company_contacts.company_id", "company_contacts.contact_id"],
            name="fk_one_time_codes_company_contact",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_one_time_codes_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_codes")),
    )
    op.create_index(op.f("ix_one_time_codes_company_id"), "one_time_codes", ["company_id", "contact_id"], unique=False)
    op.create_index(op.f("ix_one_time_codes_conversation_id"), "one_time_codes", ["conversation_id"], unique=False)
    op.create_index(op.f("ix_one_time_codes_expires_at"), "one_time_codes", ["expires_at"], unique=False)

    op.create_table(
        "verifications",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("company_id", sa.String(length=36), nullable=False),
        sa.Column("contact_id", sa.String(length=36), nullable=True),
        sa.Column("how", sa.String(length=5), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("how IN ('code', 'email')", name=op.f("ck_verifications_how")),
        sa.CheckConstraint("expires_at > verified_at", name=op.f("ck_verifications_expires_at")),
        sa.ForeignKeyConstraint(
            ["company_id", "contact_id"],
            ["company_contacts.company_id", "company_contacts.contact_id"],
            name="fk_verifications_company_contact",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["companies.id"], name=op.f("fk_verifications_company_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_verifications_conversation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_verifications")),
    )
    op.create_index(op.f("ix_verifications_company_id"), "verifications", ["company_id", "contact_id"], unique=False)
    op.create_index(op.f("ix_verifications_expires_at"), "verifications", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_table("verifications")
    op.drop_table("one_time_codes")
    op.drop_table("reports")
    op.drop_table("intakes")
    op.drop_table("company_contacts")
    op.drop_table("charter_tracks")
    op.drop_table("charter_surveys")
    op.drop_table("verification_attempts")
    op.drop_table("contacts")
    op.drop_table("companies")
