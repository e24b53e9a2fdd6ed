"""What the status of a company says: of every state of the demo companies, in both languages, and of any other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.answers.knowledge import load as load_knowledge
from bot.database.engine import migrate
from bot.guides import machine
from bot.guides.guiding import open_guiding
from bot.registry import demo
from bot.registry.companies import (
    CharterRecord,
    CompanyName,
    CompanyRecord,
    ContactRecord,
    IntakeRecord,
    MemberRecord,
    ReportRecord,
    SurveyRecord,
)
from bot.registry.loading import load
from bot.registry.models import ACCOUNTS, LEGAL_FORMS, ROLES, SIZE_CLASSES, WHO_REPORTS
from bot.registry.status import Status, desk_of, guides_ahead, in_markdown, status_of
from bot.settings import settings as config
from bot.texts import LANGUAGES, catalogue, text
from bot.texts.days import in_words
from tests.registry.conftest import KEY, PATTERN, TODAY, Registry

GUIDES = open_guiding(config().knowledge_dir, load_knowledge(config().knowledge_dir)).guides.guides
UNTIL = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)
IN_STEP, INVITED, NO_LETTER, ACTIVATED, INTAKE_OPEN, LATE = (
    "68750110", "90001354", "90002903", "90004760", "90004973", "68727720",
)  # fmt: skip
ORIENTED, AGREED, PLAN_LATE = "69599068", "55344526", "90009001"
HEAD, MEMBER_HEAD_REPORTS, MEMBER_REPORTS, MEMBER_NOT_IN = "90009002", "90009003", "90009004", "90009005"


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """The demo companies as they are on 21 November 2026."""
    url = f"sqlite:///{tmp_path_factory.mktemp('demo') / 'test.db'}"
    migrate(url)
    registry = Registry(url)
    load(registry.engine, demo.records(TODAY, KEY, PATTERN), KEY, today=TODAY, code_pattern=PATTERN)
    yield registry
    registry.engine.dispose()


def said(key: str, language: str, **values: object) -> str:
    """A text of the status; days are given as days."""
    words = {name: in_words(v, language) if isinstance(v, date) else v for name, v in values.items()}
    return text(f"status.{key}", language, **words)


def start_of(key: str, language: str) -> str:
    """The words of a text up to its first place."""
    return catalogue(language)[f"status.{key}"].partition("{")[0]


def has(lines: tuple[str, ...], key: str, language: str) -> bool:
    """Whether one of the lines is this text, whatever fills its places."""
    pattern = re.sub(r"\\\{\w+\\\}", ".+", re.escape(catalogue(language)[f"status.{key}"]))
    return any(re.fullmatch(pattern, line) for line in lines)


def todo(status: Status) -> tuple[str, ...]:
    return tuple(entry.text for entry in status.todo)


@pytest.mark.parametrize("language", LANGUAGES)
class TestDemo:
    """Each state that the demo companies show."""

    def of(self, demos: Registry, number: str, language: str) -> Status:
        return status_of(demos.company(number), language, TODAY)

    def test_in_step(self, demos: Registry, language: str) -> None:
        """A report in, the next one open; the plan for the Charter comes first, because it is due first."""
        status = self.of(demos, IN_STEP, language)
        for key in ("invited", "activated", "intake", "reported", "charter.signed", "charter.orientation"):
            assert has(status.done, key, language), key
        assert sum(has((line,), "account.active", language) for line in status.done) == 2
        assert has(todo(status)[:1], "charter.to_plan", language)
        assert has(todo(status)[1:], "to_report", language)
        plan, report = status.todo
        assert plan.by == date(2027, 3, 21)
        assert report.by == date(2027, 10, 31)
        assert in_words(date(2027, 3, 21), language) in plan.text
        assert guides_ahead(demos.company(IN_STEP), language, TODAY) == {"charter": "plan"}
        assert status.group == ()

    def test_invited(self, demos: Registry, language: str) -> None:
        status = self.of(demos, INVITED, language)
        assert status.done == (said("invited", language, date=date(2026, 10, 21)),)
        assert todo(status) == (said("to_activate", language),)
        assert guides_ahead(demos.company(INVITED), language, TODAY) == {"activation": None}

    def test_no_letter(self, demos: Registry, language: str) -> None:
        """Nothing is known of it, and that is what is said."""
        status = self.of(demos, NO_LETTER, language)
        assert (status.done, status.todo) == ((), ())
        assert said("nothing", language) in in_markdown(demos.company(NO_LETTER), language, TODAY, UNTIL)

    def test_contacts_without_accounts(self, demos: Registry, language: str) -> None:
        status = self.of(demos, ACTIVATED, language)
        assert has(todo(status), "account.none", language)
        assert has(todo(status), "account.invited", language)
        assert todo(status)[-1] == said("to_intake", language)
        assert not has(status.done, "account.active", language)

    def test_intake_open(self, demos: Registry, language: str) -> None:
        status = self.of(demos, INTAKE_OPEN, language)
        assert todo(status) == (said("to_intake", language),)
        assert not has(status.done, "intake", language)

    def test_report_late(self, demos: Registry, language: str) -> None:
        """What is too late is the next step, with the number of the helpdesk."""
        status = self.of(demos, LATE, language)
        assert has(todo(status)[:1], "report_late", language)
        assert status.todo[0].by == date(2026, 10, 31)
        assert "070 - 2002 532" in status.todo[0].text
        assert has(status.done, "charter.plan", language)
        assert has(status.done, "charter.survey", language)

    def test_on_the_way_to_the_charter(self, demos: Registry, language: str) -> None:
        steps = ((ORIENTED, "charter.to_text", "ambition"), (AGREED, "charter.to_sign", "meeting"))
        for number, next_step, step in steps:
            status = self.of(demos, number, language)
            assert todo(status) == (said(next_step, language),)
            assert desk_of(demos.company(number)) == "charter"
            assert guides_ahead(demos.company(number), language, TODAY) == {"charter": step}

    def test_plan_late(self, demos: Registry, language: str) -> None:
        """A financial year of its own, a contact without account, and a plan that is late: that one first."""
        status = self.of(demos, PLAN_LATE, language)
        assert has(todo(status)[:1], "charter.plan_late", language)
        assert "070 - 3 499 576" in status.todo[0].text
        assert has(todo(status)[1:2], "account.invited", language)
        assert any(in_words(date(2026, 3, 31), language) in line for line in (*todo(status), *status.done))
        assert guides_ahead(demos.company(PLAN_LATE), language, TODAY) == {
            "charter": "plan",
            "activation": "account-create",
        }

    def test_head_of_a_group_sees_who_has_registered(self, demos: Registry, language: str) -> None:
        lines = self.of(demos, HEAD, language).group
        assert len(lines) == 3
        for number, registered, who in (
            (MEMBER_HEAD_REPORTS, "registered", "head"),
            (MEMBER_REPORTS, "registered", "company"),
            (MEMBER_NOT_IN, "not_registered", "unknown"),
        ):
            [line] = [line for line in lines if number in line]
            tail = f"{said(f'members.{registered}', language)}, {said(f'members.{who}', language)}."
            assert line.endswith(f": {tail}")

    def test_members_see_who_reports(self, demos: Registry, language: str) -> None:
        """And nothing of the others."""
        for number, who in (
            (MEMBER_HEAD_REPORTS, "head"),
            (MEMBER_REPORTS, "company"),
            (MEMBER_NOT_IN, "unknown"),
        ):
            status = self.of(demos, number, language)
            assert status.group == (said(f"member.{who}", language, head="Voorbeeld Holding BV"),)
            words = in_markdown(demos.company(number), language, TODAY, UNTIL)
            others = {MEMBER_HEAD_REPORTS, MEMBER_REPORTS, MEMBER_NOT_IN} - {number}
            assert [other for other in others if other in words] == []

    def test_in_words(self, demos: Registry, language: str) -> None:
        """The next step before what is done; of which day it is, and when it disappears, by Amsterdam's clock."""
        words = in_markdown(demos.company(IN_STEP), language, TODAY, UNTIL)
        assert words.startswith("**Voorbeeld Bloemen BV** (KVK 68750110)\n\n")
        parts = [start_of("next", language), said("rest", language), said("done", language)]
        assert [part for part in parts if part not in words] == []
        assert sorted(parts, key=words.index) == parts
        assert words.endswith(said("as_of", language, date=TODAY, time="14:05"))

    def test_up_to_date(self, demos: Registry, language: str) -> None:
        words = in_markdown(demos.company(MEMBER_HEAD_REPORTS), language, TODAY, UNTIL)
        assert said("all_done", language) in words


# ---- any company


days = st.dates(date(2020, 1, 1), date(2028, 12, 31))
maybe = st.none() | days
names = st.text("ab{}*_% é", min_size=1, max_size=12)
companies = st.builds(
    CompanyRecord,
    id=st.uuids().map(str),
    kvk_number=st.from_regex("[0-9]{8}", fullmatch=True),
    name=names,
    legal_form=st.sampled_from(LEGAL_FORMS),
    listed=st.booleans(),
    sector=st.none() | names,
    size_class=st.sampled_from(SIZE_CLASSES),
    invited_on=maybe,
    activated_at=st.none() | st.datetimes(timezones=st.just(UTC), min_value=datetime(2020, 1, 1)),  # noqa: DTZ001
    has_code=st.booleans(),
    contacts=st.lists(
        st.builds(
            ContactRecord,
            id=st.uuids().map(str), email=names, name=names, account=st.sampled_from(ACCOUNTS),
            role=st.sampled_from(ROLES),
        ),
        max_size=2, unique_by=lambda contact: contact.role,
    ).map(tuple),
    intake=st.none()
    | st.builds(
        IntakeRecord, confirmed_on=maybe, year_end_month=st.none() | st.integers(1, 12),
        year_end_day=st.none() | st.integers(1, 28), who_reports=st.none() | st.sampled_from(WHO_REPORTS),
    ),
    reports=st.lists(st.builds(ReportRecord, year_end=days, due_on=days, submitted_on=maybe), max_size=3).map(tuple),
    charter=st.none()
    | st.builds(
        CharterRecord, orientation_on=maybe, text_agreed_on=maybe, signed_on=maybe, plan_due_on=maybe,
        plan_handed_in_on=maybe,
        surveys=st.lists(
            st.builds(SurveyRecord, year=st.integers(2000, 2200), sent_on=maybe, filled_in_on=maybe), max_size=2
        ).map(tuple),
    ),
    head=st.none() | st.builds(CompanyName, id=st.uuids().map(str), kvk_number=st.just("12345678"), name=names),
    members=st.lists(
        st.builds(
            MemberRecord, kvk_number=st.just("87654321"), name=names, activated=st.booleans(),
            who_reports=st.none() | st.sampled_from(WHO_REPORTS),
        ),
        max_size=2,
    ).map(tuple),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(company=companies, today=days, language=st.sampled_from(LANGUAGES))
def test_any_company_has_a_status(company: CompanyRecord, today: date, language: str) -> None:
    """Whatever is known of it: words for everything, what is late first, every step once, and no two endings."""
    status = status_of(company, language, today)
    words = in_markdown(company, language, today, UNTIL + timedelta(minutes=30))
    late = [entry.by for entry in status.todo if entry.by and entry.by < today]
    assert [entry.by for entry in status.todo][: len(late)] == sorted(late)
    shown = [*(entry.text for entry in status.todo), *status.done, *status.coming, *status.group]
    assert [line for line in shown if line not in words] == []
    endings = [key for key in ("next", "all_done", "nothing") if start_of(key, language) in words]
    assert len(endings) == 1
    assert endings == ["next"] or not status.todo
    ahead = guides_ahead(company, language, today)
    assert set(ahead) <= {"activation", "charter"}
    assert all(step is None or machine.reach(GUIDES[guide], step).step == step for guide, step in ahead.items())
    assert desk_of(company) in ("portal", "charter")


def test_both_languages_say_the_same_about_any_company(demos: Registry) -> None:
    """As many lines of each kind, with the same days behind them."""
    for number in (IN_STEP, INVITED, ACTIVATED, INTAKE_OPEN, LATE, ORIENTED, AGREED, PLAN_LATE, HEAD, MEMBER_REPORTS):
        dutch, english = (status_of(demos.company(number), language, TODAY) for language in LANGUAGES)
        assert [(t.by, t.guide) for t in dutch.todo] == [(t.by, t.guide) for t in english.todo]
        for part in ("done", "coming", "group"):
            assert len(getattr(dutch, part)) == len(getattr(english, part)), (number, part)
