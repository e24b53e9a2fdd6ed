"""Loading: what is written, what is left alone, and that one bad row keeps all others out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.exc import SQLAlchemyError

from bot.registry.codes import code_hmac
from bot.registry.companies import CharterRecord, IntakeRecord, MemberRecord, ReportRecord, SurveyRecord
from bot.registry.loading import Loaded
from bot.registry.report import BadRows
from tests.registry.conftest import KEY, Registry, row

FULL = row(
    "68750110", name="Voorbeeld Bloemen BV", sector="Sierteelt", invited_on="2025-02-03", activated_on="2025-02-10",
    activation_code="ABCD-12EF-34GH", contact_1_name="Vera Voorbeeld", contact_1_email="Vera@Example.nl",
    contact_1_account="active", contact_2_name="Bram Voorbeeld", contact_2_email="bram@example.com",
    contact_2_account="invited", year_end="31-03", who_reports="company", intake_confirmed_on="2025-02-17",
    reports="2025-03-31=2025-09-30;2026-03-31=", charter_orientation_on="2025-03-04",
    charter_text_agreed_on="2025-04-08", charter_signed_on="2025-08-31", charter_plan_handed_in_on="2025-12-30",
    charter_surveys="2026=;2025=20-11-2025",
)  # fmt: skip


def refused(registry: Registry, *rows: Mapping[str, str], **options: object) -> list[tuple[int, str, str]]:
    """The row, column and reason of each problem; nothing may have been written."""
    before = registry.everything()
    with pytest.raises(BadRows) as wrong:
        registry.load(*rows, **options)
    assert registry.everything() == before
    return [(problem.row, problem.column, problem.reason) for problem in wrong.value.problems]


def test_a_whole_row_is_kept(registry: Registry) -> None:
    assert registry.load(FULL) == Loaded(created=1, updated=0, unchanged=0)
    found = registry.company("68750110")
    assert (found.name, found.legal_form, found.listed, found.sector, found.size_class) == (
        "Voorbeeld Bloemen BV", "bv", False, "Sierteelt", "large",
    )  # fmt: skip
    assert found.invited_on == date(2025, 2, 3)
    assert found.activated_at == datetime(2025, 2, 9, 23, tzinfo=UTC), "midnight in Amsterdam"
    assert [(c.role, c.name, c.email, c.account) for c in found.contacts] == [
        ("board", "Vera Voorbeeld", "vera@example.nl", "active"),
        ("second", "Bram Voorbeeld", "bram@example.com", "invited"),
    ]
    assert found.intake == IntakeRecord(date(2025, 2, 17), 3, 31, "company")
    assert found.reports == (
        ReportRecord(date(2025, 3, 31), date(2026, 1, 31), date(2025, 9, 30)),
        ReportRecord(date(2026, 3, 31), date(2027, 1, 31), None),
    )
    assert found.charter == CharterRecord(
        date(2025, 3, 4), date(2025, 4, 8), date(2025, 8, 31), date(2026, 2, 28), date(2025, 12, 30),
        (SurveyRecord(2025, None, date(2025, 11, 20)), SurveyRecord(2026, None, None)),
    )  # fmt: skip
    assert (found.head, found.members, found.has_code) == (None, (), True)


def test_a_bare_row_is_kept(registry: Registry) -> None:
    registry.load(row("90001354", size_class=""))
    found = registry.company("90001354")
    assert (found.size_class, found.sector, found.contacts, found.intake, found.reports, found.charter) == (
        "unknown", None, (), None, (), None,
    )  # fmt: skip
    assert not found.has_code


def test_only_the_hmac_of_a_code_is_kept(registry: Registry) -> None:
    registry.load(FULL)
    assert registry.rows("SELECT code_hmac FROM companies") == [(code_hmac("abcd 12ef34gh", KEY),)]
    assert "12EF" not in repr(registry.everything()).upper()


def test_loading_again_changes_nothing(registry: Registry) -> None:
    rows = [FULL, row("90001354", head_kvk_number="68750110", who_reports="head")]
    registry.load(*rows)
    before = registry.everything()
    assert registry.load(*rows) == Loaded(created=0, updated=0, unchanged=2)
    assert registry.everything() == before


CHANGES = {
    "name": "Anders BV", "legal_form": "nv", "listed": "yes", "sector": "", "size_class": "not-large",
    "head_kvk_number": "90001354", "invited_on": "2025-02-04", "activated_on": "", "activation_code": "ZZZZ-12EF-34GH",
    "contact_1_name": "Vera Anders", "contact_1_email": "nieuw@example.nl", "contact_1_account": "invited",
    "year_end": "30-06", "who_reports": "", "intake_confirmed_on": "", "reports": "2025-03-31=2025-09-30",
    "charter_orientation_on": "", "charter_text_agreed_on": "2025-04-09", "charter_signed_on": "2025-09-01",
    "charter_plan_handed_in_on": "", "charter_surveys": "2025=",
}  # fmt: skip


@pytest.mark.parametrize("column", CHANGES)
def test_every_cell_can_be_changed_and_changed_back(registry: Registry, column: str) -> None:
    head = row("90001354")
    registry.load(FULL, head)
    before = registry.company("68750110")
    stamp = registry.rows("SELECT updated_at FROM companies WHERE kvk_number = '68750110'")
    assert registry.load({**FULL, column: CHANGES[column]}, head) == Loaded(created=0, updated=1, unchanged=1)
    if column != "activation_code":
        assert registry.company("68750110") != before
    assert registry.rows("SELECT updated_at FROM companies WHERE kvk_number = '68750110'") > stamp
    assert registry.load(FULL, head) == Loaded(created=0, updated=1, unchanged=1)
    after = registry.company("68750110")
    assert after.reports == before.reports and after.charter == before.charter and after.intake == before.intake
    assert [(c.name, c.email, c.account) for c in after.contacts] == [
        (c.name, c.email, c.account) for c in before.contacts
    ]


def test_an_empty_code_leaves_the_one_that_is_kept(registry: Registry) -> None:
    registry.load(FULL)
    assert registry.load({**FULL, "activation_code": ""}).unchanged == 1
    assert registry.company("68750110").has_code


def test_a_moment_of_the_day_itself_is_known_better(registry: Registry) -> None:
    registry.load(FULL)
    moment = datetime(2025, 2, 10, 8, 30, tzinfo=UTC)
    registry.rows(
        "UPDATE companies SET activated_at = :at", at=moment if "postgres" in registry.url else str(moment)[:19]
    )
    assert registry.load(FULL).unchanged == 1
    assert registry.company("68750110").activated_at == moment


def test_companies_outside_the_file_stay(registry: Registry) -> None:
    registry.load(FULL)
    registry.load(row("90001354"))
    assert registry.company("68750110").contacts


def test_a_dry_run_says_and_does_not(registry: Registry) -> None:
    registry.load(FULL)
    before = registry.everything()
    loaded = registry.load({**FULL, "name": "Anders BV"}, row("90001354"), dry_run=True)
    assert loaded == Loaded(created=1, updated=1, unchanged=0)
    assert registry.everything() == before
    refused(registry, row("90001354", legal_form="cv"), dry_run=True)


def test_codes_may_be_exchanged(registry: Registry) -> None:
    one, other = row("90001354", activation_code="AAAA-1111"), row("90004760", activation_code="BBBB-2222")
    registry.load(one, other)
    registry.load({**one, "activation_code": "BBBB-2222"}, {**other, "activation_code": "AAAA-1111"})
    kept = dict(registry.rows("SELECT kvk_number, code_hmac FROM companies"))
    assert kept == {"90001354": code_hmac("BBBB2222", KEY), "90004760": code_hmac("AAAA1111", KEY)}


def test_contacts_may_change_roles(registry: Registry) -> None:
    registry.load(FULL)
    swapped = dict(FULL)
    for part in ("name", "email", "account"):
        swapped[f"contact_1_{part}"], swapped[f"contact_2_{part}"] = (
            FULL[f"contact_2_{part}"],
            FULL[f"contact_1_{part}"],
        )
    assert registry.load(swapped).updated == 1
    assert [(c.role, c.email) for c in registry.company("68750110").contacts] == [
        ("board", "bram@example.com"), ("second", "vera@example.nl"),
    ]  # fmt: skip
    assert registry.rows("SELECT count(*) FROM contacts") == [(2,)]


def test_one_contact_for_several_companies(registry: Registry) -> None:
    person = {k: v for k, v in FULL.items() if k.startswith("contact_1")}
    registry.load(FULL, row("90001354", name="Andere BV", **person))
    [contact, _] = registry.company("68750110").contacts
    assert [(c.kvk_number, c.name) for c in registry.store.of_contact(contact.id)] == [
        ("90001354", "Andere BV"), ("68750110", "Voorbeeld Bloemen BV"),
    ]  # fmt: skip
    assert registry.store.of_contact("nobody") == []
    renamed = person | {"contact_1_name": "Vera Anders"}
    assert registry.load(row("90001354", name="Andere BV", **renamed)).updated == 1
    assert registry.company("68750110").contacts[0].name == "Vera Anders"


def test_a_contact_without_company_is_erased(registry: Registry) -> None:
    person = {k: v for k, v in FULL.items() if k.startswith("contact_1")}
    registry.load(FULL, row("90001354", **person))
    registry.load({**FULL, **dict.fromkeys(person, "")})
    assert registry.rows("SELECT email FROM contacts ORDER BY email") == [("bram@example.com",), ("vera@example.nl",)]
    registry.load(row("90001354"))
    assert registry.rows("SELECT email FROM contacts") == [("bram@example.com",)]


def verified(registry: Registry, how: str, contact: str | None) -> None:
    moment = datetime.now(UTC)
    company = registry.company("68750110").id
    registry.rows("DELETE FROM conversations")
    registry.rows(
        "INSERT INTO conversations"
        " (id, token_hash, language, channel, mode, version, misses, created_at, last_active_at)"
        " VALUES ('c', 't', 'nl', 'website', 'assistant', 0, 0, :at, :at)",
        at=moment.isoformat(),
    )
    registry.rows(
        "INSERT INTO verifications VALUES ('c', :company, :contact, :how, :at, :until)",
        company=company,
        contact=contact,
        how=how,
        at=moment.isoformat(),
        until=(moment + timedelta(hours=1)).isoformat(),
    )


def test_what_was_verified_ends_with_the_code(registry: Registry) -> None:
    registry.load(FULL)
    verified(registry, "code", None)
    registry.load({**FULL, "name": "Anders BV"})
    assert registry.rows("SELECT how FROM verifications") == [("code",)]
    registry.load({**FULL, "activation_code": "ZZZZ-12EF-34GH"})
    assert registry.rows("SELECT how FROM verifications") == []


def test_what_was_verified_ends_with_the_contact(registry: Registry) -> None:
    registry.load(FULL)
    verified(registry, "email", registry.company("68750110").contacts[0].id)
    registry.load({**FULL, "activation_code": "ZZZZ-12EF-34GH", "contact_2_account": "active"})
    assert registry.rows("SELECT how FROM verifications") == [("email",)]
    registry.load({**FULL, "contact_1_email": "nieuw@example.nl"})
    assert registry.rows("SELECT how FROM verifications") == []


# Groups


def test_a_head_may_stand_further_on(registry: Registry) -> None:
    registry.load(row("90001354", head_kvk_number="90004760", who_reports="head"), row("90004760", name="Hoofd BV"))
    member, head = registry.company("90001354"), registry.company("90004760")
    assert member.head is not None
    assert (member.head.kvk_number, member.head.name) == ("90004760", "Hoofd BV")
    assert head.members == (MemberRecord("90001354", "Voorbeeld 90001354 BV", False, "head"),)


def test_a_head_may_have_been_loaded_before(registry: Registry) -> None:
    registry.load(row("90004760"))
    registry.load(row("90001354", head_kvk_number="90004760", activated_on="2026-01-02"))
    assert registry.company("90004760").members == (MemberRecord("90001354", "Voorbeeld 90001354 BV", True, None),)


def test_head_and_member_may_change_places(registry: Registry) -> None:
    registry.load(row("90001354", head_kvk_number="90004760"), row("90004760"))
    registry.load(row("90001354"), row("90004760", head_kvk_number="90001354"))
    assert [m.kvk_number for m in registry.company("90001354").members] == ["90004760"]


ONE_HEAD = "has a head itself: a group has one head"


@pytest.mark.parametrize(
    ("kept", "rows", "problems"),
    [
        ([], [row("90001354", head_kvk_number="90001354")],
         [(2, "head_kvk_number", "is the company itself; leave it empty for the head of a group")]),
        ([], [row("90001354", head_kvk_number="90004760")],
         [(2, "head_kvk_number", "no such company, in the file or loaded before")]),
        ([], [row("90001354", head_kvk_number="90004760"), row("90004760", head_kvk_number="90001354")],
         [(2, "head_kvk_number", ONE_HEAD), (3, "head_kvk_number", ONE_HEAD)]),
        ([], [row("90001354", head_kvk_number="90004760"), row("90004760", head_kvk_number="90002903"),
              row("90002903")], [(2, "head_kvk_number", ONE_HEAD)]),
        ([row("90004760", head_kvk_number="90002903"), row("90002903")],
         [row("90001354", head_kvk_number="90004760")], [(2, "head_kvk_number", ONE_HEAD)]),
        ([row("90004760", head_kvk_number="90001354"), row("90001354")],
         [row("90002903"), row("90001354", head_kvk_number="90002903")],
         [(3, "head_kvk_number",
           "the company is the head of 1 others that are not in the file: a group has one head")]),
    ],
    ids=["itself", "nobody", "each other", "a member", "a member that was loaded before", "a head that becomes one"],
)  # fmt: skip
def test_groups_have_one_head(registry: Registry, kept: list, rows: list, problems: list) -> None:
    if kept:
        registry.load(*kept)
    assert refused(registry, *rows) == problems


# Between the rows, and with what is kept


def test_a_company_stands_in_a_file_once(registry: Registry) -> None:
    assert refused(registry, row("90001354"), row("90004760"), row("90001354", name="Anders")) == [
        (4, "kvk_number", "the same KVK number as row 2")
    ]


def test_a_code_is_one_companys(registry: Registry) -> None:
    one = row("90001354", activation_code="AAAA-1111")
    assert refused(registry, one, row("90004760", activation_code="aaaa 1111")) != []
    assert refused(registry, one, row("90004760", activation_code="aaaa-1111")) == [
        (3, "activation_code", "the same activation code as row 2")
    ]
    registry.load(one)
    taken = [(2, "activation_code", "the activation code of another company")]
    assert refused(registry, row("90004760", activation_code="AAAA-1111")) == taken
    assert refused(registry, row("90004760", activation_code="AAAA-1111"), {**one, "activation_code": ""}) == taken


def test_somebody_has_one_name_and_one_account(registry: Registry) -> None:
    person = {"contact_1_name": "Vera", "contact_1_email": "vera@example.nl", "contact_1_account": "active"}
    other = {"contact_2_name": "Vera V.", "contact_2_email": "VERA@example.nl", "contact_2_account": "none"}
    assert refused(registry, row("90001354", **person), row("90004760", **other)) == [
        (3, "contact_2_name", "another name for the same e-mail address than in row 2"),
        (3, "contact_2_account", "another account for the same e-mail address than in row 2"),
    ]


def test_one_bad_row_keeps_all_out(registry: Registry) -> None:
    good = [row(f"9000{number:04}") for number in range(2500)]
    bad = row("9000x", legal_form="cv")
    assert refused(registry, *good, bad) == [
        (2502, "kvk_number", "not eight digits"), (2502, "legal_form", "not one of: nv, bv, other"),
    ]  # fmt: skip


def test_a_database_that_fails_halfway_keeps_nothing(registry: Registry) -> None:
    """Something between the rows that no check foresaw: the database itself says no, and all is as before."""
    registry.load(row("90004760"))
    before = registry.everything()
    registry.rows("CREATE UNIQUE INDEX surprise ON reports (year_end)")
    rows = [row(f"9000{n:04}", reports="2025-12-31=", contact_1_name="V", contact_1_email=f"v{n}@example.nl")
            for n in range(2)]  # fmt: skip
    with pytest.raises(SQLAlchemyError):
        registry.load(*rows)
    assert registry.everything() == before
