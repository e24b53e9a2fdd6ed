"""What may not be kept, the database itself refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import Engine, Table, insert, select
from sqlalchemy.exc import DataError, IntegrityError

from bot.conversations.store import ConversationStore
from bot.database.types import new_id, now
from bot.registry.models import (
    CharterSurvey,
    CharterTrack,
    Company,
    CompanyContact,
    Contact,
    Intake,
    OneTimeCode,
    Report,
    Verification,
    VerificationAttempt,
)
from tests.registry.conftest import TODAY, Registry, row

EARLIER, LATER = TODAY.replace(year=2025), TODAY.replace(year=2027)


@pytest.fixture
def engine(registry: Registry) -> Iterator[Engine]:
    """Two companies, one with a contact, and a conversation."""
    registry.load(row("90001354", contact_1_name="Vera", contact_1_email="vera@example.nl"), row("90004760"))
    return registry.engine


def ids(engine: Engine) -> dict[str, str]:
    with engine.begin() as connection:
        one, other = connection.scalars(select(Company.id).order_by(Company.kvk_number))
        contact = connection.scalar(select(Contact.id))
    conversation, _, _ = ConversationStore(engine).open("nl", "website", None, [])
    return {"company": one, "other": other, "contact": str(contact), "conversation": conversation}


def company(**values: object) -> dict[str, object]:
    usual = {"kvk_number": "90002903", "name": "V", "legal_form": "bv", "listed": False, "size_class": "large"}
    return {"id": new_id(), **usual, **values}


def verification(**values: object) -> dict[str, object]:
    usual = {"conversation_id": "<conversation>", "company_id": "<company>", "contact_id": None, "how": "code"}
    return usual | {"verified_at": now(), "expires_at": now().replace(year=2099)} | values


def one_time(**values: object) -> dict[str, object]:
    usual = {"conversation_id": "<conversation>", "company_id": "<company>", "contact_id": "<contact>"}
    return usual | {"code_hmac": "0" * 64, "expires_at": now()} | values


def attempt(**values: object) -> dict[str, object]:
    return {"way": "code", "outcome": "refused", "address_hash": "0" * 64} | values


OF = {"company_id": "<company>"}
REFUSED = [
    *((Company, company(kvk_number=n)) for n in ("9000290", "9000290x", "900029030", "", "9000 290", "٩٠٠٠٢٩٠٣")),
    (Company, company(kvk_number="90001354")),
    (Company, company(name="")),
    (Company, company(name=None)),
    (Company, company(legal_form="cv")),
    (Company, company(size_class="huge")),
    (Company, company(id="x", head_id="x")),
    (Company, company(head_id="nobody")),
    (Company, company(code_hmac="a code!")),
    (Contact, {"email": "VERA2@example.nl", "name": "V", "account": "none"}),
    (Contact, {"email": "vera@example.nl", "name": "V", "account": "none"}),
    (Contact, {"email": "v@example.nl", "name": "V", "account": "some"}),
    (CompanyContact, {"company_id": "<company>", "contact_id": "<contact>", "role": "second"}),
    (CompanyContact, {"company_id": "<other>", "contact_id": "<contact>", "role": "third"}),
    (CompanyContact, {"company_id": "<other>", "contact_id": "nobody", "role": "board"}),
    (Intake, OF | {"year_end_month": 3}),
    (Intake, OF | {"year_end_month": 13, "year_end_day": 1}),
    (Intake, OF | {"year_end_month": 2, "year_end_day": 30}),
    (Intake, OF | {"year_end_month": 4, "year_end_day": 31}),
    (Intake, OF | {"who_reports": "nobody"}),
    (Intake, {"company_id": "nobody"}),
    (Report, OF | {"year_end": TODAY, "due_on": TODAY}),
    (CharterTrack, OF | {"plan_due_on": TODAY}),
    (CharterTrack, OF | {"plan_handed_in_on": TODAY}),
    (CharterTrack, OF | {"signed_on": TODAY, "plan_handed_in_on": EARLIER}),
    (CharterSurvey, OF | {"year": 25}),
    (Verification, verification(how="word")),
    (Verification, verification(expires_at=now().replace(year=2020))),
    (Verification, verification(company_id="<other>", contact_id="<contact>", how="email")),
    (Verification, verification(conversation_id="nobody")),
    (OneTimeCode, one_time(company_id="<other>")),
    (OneTimeCode, one_time(code_hmac="K7PQ-3MXD")),
    (VerificationAttempt, attempt(way="phone")),
    (VerificationAttempt, attempt(outcome="maybe")),
]  # fmt: skip
KEPT = [
    (Company, company(head_id="<company>", code_hmac="0" * 64)),
    (CompanyContact, {"company_id": "<other>", "contact_id": "<contact>", "role": "second"}),
    (Intake, OF | {"year_end_month": 2, "year_end_day": 29, "who_reports": "company"}),
    (Report, OF | {"year_end": TODAY, "due_on": LATER}),
    (CharterTrack, OF | {"signed_on": TODAY, "plan_due_on": LATER, "plan_handed_in_on": TODAY}),
    (CharterSurvey, OF | {"year": 2026}),
    (Verification, verification()),
    (Verification, verification(contact_id="<contact>", how="email")),
    (OneTimeCode, one_time()),
    (VerificationAttempt, attempt(conversation_id="gone", kvk_number="12345678")),
]


def put(engine: Engine, table: type, values: dict[str, object]) -> None:
    places = {f"<{name}>": id_ for name, id_ in ids(engine).items()}
    filled = {name: places.get(value, value) if isinstance(value, str) else value for name, value in values.items()}
    made: Table = table.__table__  # type: ignore[attr-defined]
    with engine.begin() as connection:
        connection.execute(insert(made), filled)


def named(case: object) -> str:
    if isinstance(case, dict):
        return ascii({name: value for name, value in case.items() if name != "id" and not isinstance(value, datetime)})
    return case.__name__ if isinstance(case, type) else repr(case)


@pytest.mark.parametrize(("table", "values"), REFUSED, ids=named)
def test_refused(engine: Engine, table: type, values: dict[str, object]) -> None:
    with pytest.raises((IntegrityError, DataError)):
        put(engine, table, values)


@pytest.mark.parametrize(("table", "values"), KEPT, ids=named)
def test_kept(engine: Engine, table: type, values: dict[str, object]) -> None:
    put(engine, table, values)


def test_what_belongs_to_a_company_goes_with_it(registry: Registry, engine: Engine) -> None:
    for table, values in KEPT[2:-1]:
        if values.get("how") != "email":
            put(engine, table, values)
    registry.load(row("90004760", head_kvk_number="90001354"))
    registry.rows("DELETE FROM companies WHERE kvk_number = '90001354'")
    for table in ("company_contacts", "intakes", "reports", "charter_tracks", "charter_surveys", "verifications"):
        assert registry.rows(f"SELECT * FROM {table}") == [], table
    assert registry.rows("SELECT * FROM one_time_codes") == []
    assert registry.company("90004760").head is None
