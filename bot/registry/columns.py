"""The columns of a file with companies, in order, each with an example. docs/registry.md says what they mean."""

from __future__ import annotations

from bot.registry.models import ROLES

EXAMPLE = {
    "kvk_number": "68750110",
    "name": "Voorbeeld Bloemen BV",
    "legal_form": "bv",
    "listed": "no",
    "sector": "Sierteelt",
    "size_class": "large",
    "head_kvk_number": "",
    "invited_on": "2025-02-03",
    "activated_on": "2025-02-10",
    "activation_code": "",
    "contact_1_name": "Vera Voorbeeld",
    "contact_1_email": "vera@example.nl",
    "contact_1_account": "active",
    "contact_2_name": "Bram Voorbeeld",
    "contact_2_email": "bram@example.nl",
    "contact_2_account": "invited",
    "year_end": "31-12",
    "who_reports": "company",
    "intake_confirmed_on": "2025-02-17",
    "reports": "2024-12-31=2025-05-06;2025-12-31=",
    "charter_orientation_on": "2025-03-04",
    "charter_text_agreed_on": "2025-04-08",
    "charter_signed_on": "2025-05-15",
    "charter_plan_handed_in_on": "2025-10-30",
    "charter_surveys": "2025=2025-11-20;2026=",
}
"""A fictional company on a documented test number. It has no code: everybody who reads the template would have it."""

COLUMNS = tuple(EXAMPLE)
CONTACT_COLUMNS = {role: f"contact_{number}" for number, role in enumerate(ROLES, 1)}
"""The first contact is the one responsible on the board."""
