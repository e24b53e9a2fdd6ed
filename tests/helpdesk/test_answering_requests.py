"""What a desk does with requests: lists, assigns, answers, closes; and what an answer and a ticket look like."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.orm import Session

from bot.answers.knowledge import load
from bot.database.engine import open_engine
from bot.database.types import new_id, now
from bot.helpdesk import requests as module
from bot.helpdesk.answering_requests import PLACEHOLDER, is_finished, templates, tidy_subject, tidy_text
from bot.helpdesk.forms import REQUEST, Form, load_forms
from bot.helpdesk.models import Outgoing, Request
from bot.helpdesk.requests import (
    NOBODY,
    AlreadyAnswered,
    Answer,
    NoAddress,
    NoSuchAgent,
    NoSuchRequest,
    PutIn,
    RequestIsClosed,
    RequestStore,
    TooManyAnswers,
)
from bot.helpdesk.ticketing import LONGEST_BODY, Filed, contact_of, filled_in_words, ticket_of, title_of
from bot.registry.models import Company
from bot.settings import Settings
from bot.staff.accounts import AccountStore, Staff
from bot.texts import catalogue

PATTERN = str(Settings.model_fields["activation_code_pattern"].default)
FIELDS = {"organisation": "Voorbeeld BV", "name": "Vera Voorbeeld", "email": "vera@example.nl", "consent": True}
BOTH = ("portal", "charter")
HELLO = Answer("Uw aanvraag", "Dat kan.")


@cache
def forms() -> dict[str, Form]:
    folder = Settings.model_fields["knowledge_dir"].default
    return dict(load_forms(folder, load(folder)))


class Desk:
    """Requests, and the agents who answer them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.requests, self.accounts = RequestStore(engine, PATTERN), AccountStore(engine)

    def agent(self, name: str, *desks: str) -> Staff:
        email = f"{name.lower()}@example.org"
        return self.accounts.create(email, name, ("agent",), desks or BOTH, "nl")

    def put_in(self, kind: str = "orientation-talk", **fields: Any) -> str:
        """A request; gives its id."""
        put = PutIn(None, forms()[kind], {**FIELDS, **fields}, "nl")
        with Session(self.engine) as session, session.begin():
            reference, _ = self.requests.add(session, put)
            id_ = session.scalar(select(Request.id).where(Request.reference == reference))
        assert id_ is not None
        return id_

    def replies(self, id_: str) -> list[Outgoing]:
        with Session(self.engine) as session:
            query = select(Outgoing).where(Outgoing.request_id == id_, Outgoing.kind == "reply")
            return list(session.scalars(query.order_by(Outgoing.id)))

    def audit(self) -> list[tuple[str | None, str, str | None]]:
        """What was done to requests, in order."""
        with self.engine.connect() as connection:
            query = "SELECT account_id, action, subject FROM staff_audit WHERE action LIKE 'request%' ORDER BY id"
            return [tuple(row) for row in connection.execute(text(query))]

    def write(self, id_: str, **values: Any) -> None:
        with Session(self.engine) as session, session.begin():
            session.execute(update(Request).where(Request.id == id_).values(**values))


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    engine = open_engine(database_url)
    yield Desk(engine)
    engine.dispose()


# ---- lists


def test_the_list_of_a_desk(desk: Desk) -> None:
    charter, portal = desk.put_in(), desk.put_in("code-missing")
    assert [shown.id for shown in desk.requests.list(BOTH).requests] == [charter, portal], "the oldest first"
    assert [shown.id for shown in desk.requests.list(("portal",)).requests] == [portal]
    assert desk.requests.list(()).total == 0
    assert desk.requests.count_open(BOTH) == 2
    assert desk.requests.count_open(("charter",)) == 1


def test_a_list_tells_nothing_of_who_put_it_in(desk: Desk) -> None:
    agent, id_ = desk.agent("Anna"), desk.put_in()
    desk.requests.answer(id_, BOTH, agent.id, Answer("Onderwerp", "Beste Vera"))
    [shown] = desk.requests.list(BOTH).requests
    assert "vera" not in repr(shown).lower()
    assert shown.replies[0].text is None


def test_filters(desk: Desk) -> None:
    anna, bram = desk.agent("Anna"), desk.agent("Bram")
    mine, other, free, closed = (desk.put_in() for _ in range(4))
    desk.requests.assign(mine, BOTH, anna.id, anna.id)
    desk.requests.assign(other, BOTH, anna.id, bram.id)
    desk.requests.close(closed, BOTH, anna.id)

    def listed(*asked: Any) -> list[str]:
        return [shown.id for shown in desk.requests.list(BOTH, *asked).requests]

    assert listed() == [mine, other, free]
    assert listed("open", anna.id) == [mine]
    assert listed("open", NOBODY) == [free]
    assert listed("closed") == [closed]
    assert listed(None) == [closed, free, other, mine], "the newest first"
    assert listed(None, NOBODY) == [closed, free]


def test_pages(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PER_PAGE", 3)
    ids = [desk.put_in() for _ in range(7)]
    pages = [desk.requests.list(BOTH, page=number) for number in (1, 2, 3, 4)]
    assert [[shown.id for shown in page.requests] for page in pages] == [ids[:3], ids[3:6], ids[6:], []]
    assert {(page.pages, page.total) for page in pages} == {(3, 7)}
    assert desk.requests.list(BOTH, page=-5).page == 1
    assert desk.requests.list(("portal",)).pages == 1


# ---- one request


def test_opening_one(desk: Desk) -> None:
    anna, bram, _other = desk.agent("Anna"), desk.agent("Bram", "charter"), desk.agent("Carla", "portal")
    id_ = desk.put_in()
    found = desk.requests.get(id_, BOTH, anna.id)
    assert found.filed.fields["email"] == "vera@example.nl"
    assert found.can_be_answered
    assert found.agents == ((anna.id, "Anna"), (bram.id, "Bram")), "those of its desk"
    assert [ticket.state for ticket in found.shown.tickets] == ["waiting"]
    assert found.shown.replies == ()


def test_the_audit_tells_who_saw_contact_details(desk: Desk) -> None:
    """Once in a while, not each time that a console draws it anew."""
    anna, bram, id_ = desk.agent("Anna"), desk.agent("Bram"), desk.put_in()
    for _ in range(3):
        desk.requests.get(id_, BOTH, anna.id)
    desk.requests.get(id_, BOTH, bram.id)
    assert desk.audit() == [(anna.id, "request_opened", id_), (bram.id, "request_opened", id_)]
    with desk.engine.begin() as connection:
        before = now() - timedelta(minutes=11)
        connection.execute(text("UPDATE staff_audit SET at = :before"), {"before": before})
    desk.requests.get(id_, BOTH, anna.id)
    assert len(desk.audit()) == 3


def test_the_company_that_it_was_verified_for(desk: Desk) -> None:
    agent, id_ = desk.agent("Anna"), desk.put_in()
    company = Company(
        id=new_id(), kvk_number="68750110", name="Verzonnen BV", legal_form="bv", listed=False, size_class="large"
    )
    with Session(desk.engine) as session, session.begin():
        session.add(company)
    with Session(desk.engine) as session, session.begin():
        session.execute(update(Request).values(company_id=session.scalar(select(Company.id))))
    assert desk.requests.get(id_, BOTH, agent.id).filed.company == "Verzonnen BV (68750110)"


@pytest.mark.parametrize("what", ["get", "assign", "answer", "close", "reopen", "send_again"])
def test_another_desks_request_is_not_there(desk: Desk, what: str) -> None:
    agent, id_ = desk.agent("Anna"), desk.put_in()
    arguments = {"assign": [agent.id], "answer": [HELLO]}.get(what, [])
    for asked, desks in ((id_, ("portal",)), (id_, ()), (new_id(), BOTH), ("'; --", BOTH)):
        with pytest.raises(NoSuchRequest):
            getattr(desk.requests, what)(asked, desks, agent.id, *arguments)
    assert desk.audit() == []


# ---- assigning


def test_assigning(desk: Desk) -> None:
    anna, bram, id_ = desk.agent("Anna"), desk.agent("Bram"), desk.put_in()
    assert desk.requests.assign(id_, BOTH, anna.id, anna.id).assigned_name == "Anna"
    assert desk.requests.assign(id_, BOTH, anna.id, bram.id).assigned_to == bram.id
    assert desk.requests.assign(id_, BOTH, anna.id, bram.id).assigned_to == bram.id
    assert desk.requests.assign(id_, BOTH, bram.id, None).assigned_to is None
    assert desk.audit() == [(who.id, "request_assigned", id_) for who in (anna, anna, bram)]


def test_only_to_who_answers_for_the_desk(desk: Desk) -> None:
    anna, carla, id_ = desk.agent("Anna"), desk.agent("Carla", "portal"), desk.put_in()
    editor = desk.accounts.create("eva@example.org", "Eva", ("editor",), (), "nl")
    gone = desk.agent("Dirk")
    desk.accounts.change(gone.id, is_active=False)
    for nobody in (carla.id, editor.id, gone.id, new_id(), ""):
        with pytest.raises(NoSuchAgent):
            desk.requests.assign(id_, BOTH, anna.id, nobody)
    assert desk.requests.list(BOTH).requests[0].assigned_to is None


def test_an_admin_without_a_desk_takes_one(desk: Desk) -> None:
    admin, id_ = desk.accounts.create("ada@example.org", "Ada", ("admin",), (), "nl"), desk.put_in()
    assert desk.requests.assign(id_, BOTH, admin.id, admin.id).assigned_name == "Ada"


# ---- answering


def test_an_answer_waits_in_the_outbox(desk: Desk) -> None:
    anna, id_ = desk.agent("Anna"), desk.put_in()
    shown = desk.requests.answer(id_, BOTH, anna.id, HELLO)
    [row] = desk.replies(id_)
    assert (row.state, row.text, row.account_id) == ("waiting", "Dat kan.", anna.id)
    assert row.subject == f"Uw aanvraag [{shown.reference}]", "the reference is always in it"
    assert shown.answered_at is not None
    assert shown.assigned_to == anna.id, "who answers has it"
    assert shown.replies[0].account_name == "Anna"
    assert desk.audit() == [(anna.id, "request_answered", id_)]


def test_a_subject_that_has_the_reference(desk: Desk) -> None:
    anna, id_ = desk.agent("Anna"), desk.put_in()
    reference = desk.requests.list(BOTH).requests[0].reference
    desk.requests.answer(id_, BOTH, anna.id, Answer(f"Over {reference}", "Dat kan."))
    assert desk.replies(id_)[0].subject == f"Over {reference}"


def test_the_longest_answer_fits(desk: Desk) -> None:
    anna, id_ = desk.agent("Anna"), desk.put_in()
    desk.requests.answer(id_, BOTH, anna.id, Answer("é" * module.LONGEST_SUBJECT, "é" * module.LONGEST_ANSWER))
    assert len(desk.replies(id_)) == 1


def test_who_has_it_keeps_it(desk: Desk) -> None:
    anna, bram, id_ = desk.agent("Anna"), desk.agent("Bram"), desk.put_in()
    desk.requests.assign(id_, BOTH, anna.id, anna.id)
    assert desk.requests.answer(id_, BOTH, bram.id, HELLO).assigned_to == anna.id


def test_the_second_of_two_is_told(desk: Desk) -> None:
    anna, bram, id_ = desk.agent("Anna"), desk.agent("Bram"), desk.put_in()
    first = desk.requests.answer(id_, BOTH, anna.id, HELLO)
    with pytest.raises(AlreadyAnswered) as problem:
        desk.requests.answer(id_, BOTH, bram.id, Answer("Uw aanvraag", "Dat kan niet."))
    assert (problem.value.name, problem.value.answered_at) == ("Anna", first.answered_at)
    assert len(desk.replies(id_)) == 1
    seen = Answer("Uw aanvraag", "Nog iets.", first.answered_at)
    desk.requests.answer(id_, BOTH, bram.id, seen)
    assert [row.text for row in desk.replies(id_)] == ["Dat kan.", "Nog iets."]


def test_many_answer_at_once(desk: Desk) -> None:
    agents, id_ = [desk.agent(f"A{number}") for number in range(8)], desk.put_in()

    def answer(agent: Staff) -> str:
        try:
            desk.requests.answer(id_, BOTH, agent.id, Answer("Uw aanvraag", f"Van {agent.name}"))
        except AlreadyAnswered as problem:
            return str(problem.name)
        return "sent"

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(answer, agents))
    [row] = desk.replies(id_)
    assert found.count("sent") == 1
    winner = agents[found.index("sent")]
    assert row.account_id == winner.id
    assert set(found) == {"sent", winner.name}


def test_a_double_click_sends_one_answer(desk: Desk) -> None:
    anna, id_ = desk.agent("Anna"), desk.put_in()
    with ThreadPoolExecutor(4) as threads:
        shown = list(threads.map(lambda _: desk.requests.answer(id_, BOTH, anna.id, HELLO), range(4)))
    assert len({one.answered_at for one in shown}) == 1
    assert len(desk.replies(id_)) == 1


@pytest.mark.parametrize("fields", [{"email": None}, {"email": "", "phone": "0612345678"}, {"consent": False}])
def test_without_an_address_or_consent_there_is_no_answer(desk: Desk, fields: dict[str, Any]) -> None:
    anna, id_ = desk.agent("Anna"), desk.put_in(**fields)
    assert not desk.requests.get(id_, BOTH, anna.id).can_be_answered
    with pytest.raises(NoAddress):
        desk.requests.answer(id_, BOTH, anna.id, HELLO)
    assert desk.replies(id_) == []


def test_a_closed_request_is_opened_first(desk: Desk) -> None:
    anna, id_ = desk.agent("Anna"), desk.put_in()
    assert desk.requests.close(id_, BOTH, anna.id).closed_at is not None
    desk.requests.close(id_, BOTH, anna.id)
    with pytest.raises(RequestIsClosed):
        desk.requests.answer(id_, BOTH, anna.id, HELLO)
    shown = desk.requests.reopen(id_, BOTH, anna.id)
    assert (shown.state, shown.closed_at) == ("open", None)
    desk.requests.reopen(id_, BOTH, anna.id)
    desk.requests.answer(id_, BOTH, anna.id, HELLO)
    actions = [action for _, action, _ in desk.audit()]
    assert actions == ["request_closed", "request_reopened", "request_answered"]


def test_answers_have_a_bound(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ANSWERS", 2)
    anna, id_, seen = desk.agent("Anna"), desk.put_in(), None
    for number in range(2):
        seen = desk.requests.answer(id_, BOTH, anna.id, Answer("x", str(number), seen)).answered_at
    with pytest.raises(TooManyAnswers):
        desk.requests.answer(id_, BOTH, anna.id, Answer("x", "2", seen))


def test_what_could_not_be_sent_is_sent_again(desk: Desk) -> None:
    anna, id_ = desk.agent("Anna"), desk.put_in()
    desk.requests.answer(id_, BOTH, anna.id, HELLO)
    with Session(desk.engine) as session, session.begin():
        session.execute(update(Outgoing).values(state="failed", problem="422", attempts=12))
    shown = desk.requests.list(BOTH).requests[0]
    assert [(one.state, one.problem) for one in (*shown.tickets, *shown.replies)] == [("failed", "422")] * 2
    again = desk.requests.send_again(id_, BOTH, anna.id)
    assert [one.state for one in (*again.tickets, *again.replies)] == ["waiting"] * 2
    desk.requests.send_again(id_, BOTH, anna.id)
    assert [action for _, action, _ in desk.audit()].count("request_sent_again") == 1


def test_answers_go_with_the_request(desk: Desk) -> None:
    anna, id_ = desk.agent("Anna"), desk.put_in()
    desk.requests.answer(id_, BOTH, anna.id, HELLO)
    desk.write(id_, created_at=now() - timedelta(days=181))
    assert desk.requests.erase_before(now() - timedelta(days=180)) == 1
    assert desk.replies(id_) == []
    assert [action for _, action, _ in desk.audit()] == ["request_answered"], "the audit holds no texts, and stays"
    with desk.engine.connect() as connection:
        kept = connection.execute(text("SELECT details FROM staff_audit")).scalars().all()
    assert "vera" not in str(kept).lower()


def test_which_references_are_still_kept(desk: Desk) -> None:
    desk.put_in()
    reference = desk.requests.list(BOTH).requests[0].reference
    assert desk.requests.existing([reference, "P-0000000"]) == {reference}
    assert desk.requests.existing([]) == set()


# ---- what an answer begins with


def a_request(kind: str = "code-missing", **values: Any) -> Filed:
    made = Filed(
        "id", "P-1234567", kind, "portal", "nl", FIELDS, None, datetime(2026, 11, 2, 23, 30, tzinfo=UTC)
    )  # fmt: skip
    return replace(made, **values)


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("agent_language", ["nl", "en"])
def test_templates_are_in_the_visitors_language(language: str, agent_language: str) -> None:
    found = list(templates(a_request(language=language), forms()["code-missing"], "Anna Agent", agent_language))
    assert [template.id for template in found] == ["answer", "ask"]
    for template in found:
        assert template.title == catalogue(agent_language)[f"request.template.{template.id}.title"]
        assert template.subject.startswith({"nl": "Uw aanvraag P-1234567", "en": "Your request P-1234567"}[language])
        assert template.text.startswith({"nl": "Geachte Vera Voorbeeld,", "en": "Dear Vera Voorbeeld,"}[language])
        assert catalogue(language)["request.opening.code-missing"] in template.text
        assert "Anna Agent" in template.text
        assert "070 - 2002 532" in template.text
        assert PLACEHOLDER in template.text
        assert len(template.subject) <= module.LONGEST_SUBJECT


def test_a_talk_begins_with_an_appointment() -> None:
    charter = a_request("advice-talk", desk="charter", reference="C-1234567")
    found = list(templates(charter, forms()["advice-talk"], "Anna", "nl"))
    assert [template.id for template in found] == ["appointment", "answer", "ask"]
    assert "dib@ser.nl" in found[0].text
    assert "SER Diversiteit in Bedrijf" in found[0].text


def test_somebody_without_a_name() -> None:
    [first, *_] = templates(a_request("referral", fields={"message": "Hoe?"}), None, "Anna", "nl")
    assert first.text.startswith("Geachte heer of mevrouw,")
    assert catalogue("nl")["request.opening.referral"] in first.text


def test_a_kind_that_is_gone_has_a_template_too() -> None:
    [first, *_] = templates(a_request("long-gone"), None, "Anna", "en")
    assert catalogue("nl")["request.opening.other"] in first.text


def test_every_kind_of_request_has_its_own_opening() -> None:
    kinds = {form.id for form in forms().values() if form.sends == REQUEST} | {"referral"}
    for language in ("nl", "en"):
        assert {kind for kind in kinds if f"request.opening.{kind}" not in catalogue(language)} == set()


def test_an_answer_is_finished() -> None:
    assert not is_finished(f"Geachte, {PLACEHOLDER}")
    assert is_finished("Geachte […zie boven]")


def test_tidying() -> None:
    assert tidy_subject("  Uw\r\nBcc: x@example.org\taanvraag\u2028! ") == "Uw Bcc: x@example.org aanvraag !"
    assert tidy_text("\r\nEen\r\ntwee\rdrie\x00\x07\u200b\tvier\n\n") == "Een\ntwee\ndrie\u200b\tvier"


# ---- tickets


def test_a_ticket_says_all_that_was_filled_in() -> None:
    companies = [{"name": "Een BV", "kvk_number": "68750110"}, {"name": "Twee BV", "kvk_number": "90001354"}]
    fields = {**FIELDS, "companies": companies, "remarks": "Eerste regel\nTweede regel"}
    ticket = ticket_of(a_request(fields=fields, language="en", company="Drie BV (69599068)"), forms()["code-missing"])
    assert ticket.title == f"[P-1234567] {forms()['code-missing'].title['nl']}"
    assert ticket.body.splitlines()[0] == "Kenmerk: P-1234567"
    assert "Ingediend op: 3 november 2026, 00:30" in ticket.body, "Amsterdam's day"
    assert "Taal van de bezoeker: Engels" in ticket.body
    assert "Drie BV (69599068)" in ticket.body
    assert "Een BV (68750110)\nTwee BV (90001354)" in ticket.body
    assert "Eerste regel\nTweede regel" in ticket.body
    assert "Uw e-mailadres: vera@example.nl" in ticket.body
    assert (ticket.name, ticket.email) == ("Vera Voorbeeld", "vera@example.nl")
    assert "True" not in ticket.body, "the consent is a condition, not an answer"


def test_a_choice_is_said_in_words() -> None:
    fields = {"wrong": "new-address", "address": "Kade 1"}
    said = dict(filled_in_words(forms()["letter-wrong"], fields, "en"))
    assert "Our address is different" in said.values()


def test_a_referral_has_words_without_a_form() -> None:
    fields = {
        "message": "Hoe?", "contact": {"name": "Wim", "email": "wim@example.nl"}, "consent": True, "strange": ["a", 2],
    }  # fmt: skip
    assert filled_in_words(None, fields, "en") == [
        ("Question", "Hoe?"), ("Name", "Wim"), ("E-mail address", "wim@example.nl"), ("strange", "a\n2"),
    ]  # fmt: skip
    assert contact_of(fields) == ("Wim", "wim@example.nl")
    assert title_of("referral", None, "en") == "Referral by a partner"
    assert title_of("long-gone", None, "nl") == "Aanvraag"


def test_a_ticket_has_a_bound() -> None:
    ticket = ticket_of(a_request(fields={"remarks": "x" * 200_000}), forms()["code-missing"])
    assert len(ticket.body) == LONGEST_BODY
    assert ticket.body.endswith("…")


def test_nothing_of_a_person_shows_where_it_is_printed() -> None:
    filed = a_request()
    for shown in (repr(filed), repr(ticket_of(filed, forms()["code-missing"])), repr(Answer("Vera", "Vera"))):
        assert "vera" not in shown.lower()
