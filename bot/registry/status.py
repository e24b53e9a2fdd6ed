"""What a company has done, what is next and by when, in plain words. Shown only after verification."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from bot.helpdesk.hours import AMSTERDAM
from bot.registry.companies import CharterRecord, CompanyRecord
from bot.registry.models import ROLES
from bot.texts import text
from bot.texts.days import in_words

ACTIVATION, CHARTER = "activation", "charter"
"""The guides that the remaining steps lead to, and the order of what has no date: first what the report waits for."""


@dataclass(frozen=True)
class Todo:
    """A step that remains."""

    text: str
    by: date | None = None
    guide: str | None = None
    step: str | None = None
    """Of the guide: where it goes on for this company."""


@dataclass(frozen=True)
class Coming:
    """What comes from somebody else: nothing to do."""

    text: str


@dataclass(frozen=True)
class Status:
    """The status of a company: lines of Markdown, in one language."""

    done: tuple[str, ...]
    todo: tuple[Todo, ...]
    """The next one first."""
    coming: tuple[str, ...]
    group: tuple[str, ...]


Entry = str | Todo | Coming

_CHARTER_STEPS = {"to_orientation": "orientation", "to_text": "ambition", "to_sign": "meeting"}


_MARKS = str.maketrans({"*": None, "[": "(", "]": ")"})


def _plain(name: str) -> str:
    """A name without signs that Markdown would take for its own: names come from a file."""
    return name.translate(_MARKS)


def status_of(company: CompanyRecord, language: str, today: date) -> Status:
    """The status as it stands on a day."""
    entries = [*_portal(company, language, today), *_charter(company.charter, language, today)]
    todo = [entry for entry in entries if isinstance(entry, Todo)]
    return Status(
        done=tuple(entry for entry in entries if isinstance(entry, str)),
        todo=tuple(sorted(todo, key=lambda entry: _urgency(entry, today))),
        coming=tuple(entry.text for entry in entries if isinstance(entry, Coming)),
        group=tuple(_group(company, language)),
    )


def _urgency(entry: Todo, today: date) -> tuple[int, date]:
    """What is too late goes first; then what the report waits for; then what has a date, and the rest."""
    if entry.by is not None:
        return (0 if entry.by < today else 2), entry.by
    return (1 if entry.guide == ACTIVATION else 3), date.max


def _portal(company: CompanyRecord, language: str, today: date) -> Iterator[Entry]:
    if company.invited_on:
        yield text("status.invited", language, date=in_words(company.invited_on, language))
    if company.activated_at is None:
        if company.invited_on or company.has_code:
            yield Todo(text("status.to_activate", language), guide=ACTIVATION)
        return
    activated = company.activated_at.astimezone(AMSTERDAM).date()
    yield text("status.activated", language, date=in_words(activated, language))
    by_role = {contact.role: contact for contact in company.contacts}
    for role in ROLES:
        contact = by_role.get(role)
        who = text(f"status.role.{role}", language)
        if contact is None:
            yield Todo(text("status.contact_missing", language, role=who), guide=ACTIVATION, step="contacts")
            continue
        said = text(
            f"status.account.{contact.account}", language, name=_plain(contact.name), email=contact.email, role=who
        )
        yield said if contact.account == "active" else Todo(said, guide=ACTIVATION, step="account-create")
    yield from _intake_and_reports(company, language, today)


def _intake_and_reports(company: CompanyRecord, language: str, today: date) -> Iterator[Entry]:
    intake = company.intake
    if intake is None or intake.confirmed_on is None:
        yield Todo(text("status.to_intake", language), guide=ACTIVATION, step="intake")
    else:
        yield text("status.intake", language, date=in_words(intake.confirmed_on, language))
    by_head = intake is not None and intake.who_reports == "head"
    for report in company.reports:
        until = in_words(report.year_end, language)
        if report.submitted_on:
            yield text("status.reported", language, until=until, date=in_words(report.submitted_on, language))
        elif by_head and company.head is not None:
            yield Coming(text("status.head_reports", language, until=until, head=_plain(company.head.name)))
        else:
            key = "status.report_late" if report.due_on < today else "status.to_report"
            yield Todo(text(key, language, until=until, date=in_words(report.due_on, language)), by=report.due_on)


def _charter(charter: CharterRecord | None, language: str, today: date) -> Iterator[Entry]:
    if charter is None:
        return
    for day, key in ((charter.orientation_on, "orientation"), (charter.text_agreed_on, "text_agreed")):
        if day:
            yield text(f"status.charter.{key}", language, date=in_words(day, language))
    if charter.signed_on is None:
        key = "to_sign" if charter.text_agreed_on else "to_text" if charter.orientation_on else "to_orientation"
        yield Todo(text(f"status.charter.{key}", language), guide=CHARTER, step=_CHARTER_STEPS[key])
        return
    yield text("status.charter.signed", language, date=in_words(charter.signed_on, language))
    if charter.plan_handed_in_on:
        yield text("status.charter.plan", language, date=in_words(charter.plan_handed_in_on, language))
    elif charter.plan_due_on:
        key = "plan_late" if charter.plan_due_on < today else "to_plan"
        said = text(f"status.charter.{key}", language, date=in_words(charter.plan_due_on, language))
        yield Todo(said, by=charter.plan_due_on, guide=CHARTER, step="plan")
    for survey in charter.surveys:
        if survey.filled_in_on:
            day_said = in_words(survey.filled_in_on, language)
            yield text("status.charter.survey", language, year=survey.year, date=day_said)
        else:
            key = "to_survey" if survey.sent_on else "survey_to_come"
            yield Todo(text(f"status.charter.{key}", language, year=survey.year), guide=CHARTER, step="survey")


def _group(company: CompanyRecord, language: str) -> Iterator[str]:
    if company.head is not None:
        who = company.intake.who_reports if company.intake else None
        yield text(f"status.member.{who or 'unknown'}", language, head=_plain(company.head.name))
    for member in company.members:
        registered = text(
            "status.members.registered" if member.activated else "status.members.not_registered", language
        )
        who = text(f"status.members.{member.who_reports or 'unknown'}", language)
        yield f"**{_plain(member.name)}** (KVK {member.kvk_number}): {registered}, {who}."


def in_markdown(company: CompanyRecord, language: str, today: date, until: datetime) -> str:
    """The whole status, the next step first. until: when it disappears from the conversation."""
    status = status_of(company, language, today)
    parts = [f"**{_plain(company.name)}** (KVK {company.kvk_number})"]
    if status.todo:
        parts.append(text("status.next", language, step=status.todo[0].text))
    else:
        parts.append(text("status.all_done" if status.done else "status.nothing", language))
    rest = [entry.text for entry in status.todo[1:]]
    for key, lines in (("rest", rest), ("coming", status.coming), ("group", status.group), ("done", status.done)):
        if lines:
            parts.append("\n".join([text(f"status.{key}", language), *(f"- {line}" for line in lines)]))
    at = f"{until.astimezone(AMSTERDAM):%H:%M}"
    parts.append(text("status.as_of", language, date=in_words(today, language), time=at))
    return "\n\n".join(parts)


def guides_ahead(company: CompanyRecord, language: str, today: date) -> dict[str, str | None]:
    """The guides that the remaining steps lead to, in order, each with the step at which it goes on."""
    found: dict[str, str | None] = {}
    for entry in status_of(company, language, today).todo:
        if entry.guide:
            found.setdefault(entry.guide, entry.step)
    return found


def desk_of(company: CompanyRecord) -> str:
    """The desk that knows the company: that of the Charter where it has nothing to do with the portal."""
    at_portal = company.invited_on or company.has_code or company.activated_at or company.reports
    return "charter" if company.charter and not at_portal else "portal"
