"""Phone and e-mail questions, drafts of topics, and how good the suggestions were. JSON, for the console alone."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field
from sanic import Blueprint, Request, empty, json
from sanic.response import HTTPResponse, raw
from sqlalchemy.exc import SQLAlchemyError

from bot.answers.knowledge import DESKS, LANGUAGES
from bot.database.types import now
from bot.helpdesk import fates
from bot.helpdesk.drafting import DraftShown, DraftWrong, From, NoSuchDraft, TooManyDrafts
from bot.helpdesk.logging_questions import (
    BY,
    LONGEST_NEED,
    LONGEST_QUESTION,
    NETWORKS,
    REFERRERS,
    NewQuestion,
    QuestionShown,
    QuestionWrong,
)
from bot.helpdesk.models import REFERRED_TO, SIZES
from bot.helpdesk.reranking import Reranking
from bot.helpdesk.suggesting import RERANKING_FILE
from bot.staff.accounts import Staff
from bot.texts import text
from integrations.console.conversations import SOURCES_LINE
from integrations.console.seeing import desks_of, may_see, seen_until
from integrations.console.sessions import allowed
from integrations.website.admission import limits_of, services_of
from integrations.website.partners import Suggest, suggestion_shown, typed
from integrations.website.problems import Problem
from integrations.website.requests import read
from integrations.website.services import Services

log = logging.getLogger(__name__)

blueprint = Blueprint("console_questions", url_prefix="/console/api")

MOST_WEEKS = 104
_NO_STORE = {"Cache-Control": "no-store"}

_Id = Annotated[str, Field(max_length=120)]
_Words = Annotated[str, Field(max_length=20_000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Typed(Suggest):
    """POST /suggestions of the console: what is typed, before it is saved."""

    channel: Literal["phone", "email"] = "phone"


class _Log(_Body):
    channel: Literal["phone", "email"]
    question: _Words
    language: Literal["nl", "en"]
    desk: Literal["portal", "charter"]
    topic: _Id | None = None
    referrer: _Id | None = None
    is_signatory: Annotated[bool, Field(strict=True)] | None = None
    size: Literal["large", "sme"] | None = None
    need: _Words | None = None
    referred_to: _Id | None = None
    referred_name: _Words | None = None


class _MakeDraft(_Body):
    """Of an edited answer: the topic, the answer and its language. Where there is no topic: the question and the desk.

    conversation: where it was asked; then the question is the visitor's last one.
    """

    language: Literal["nl", "en"]
    topic: _Id | None = None
    answer: _Words | None = None
    conversation: _Id | None = None
    question: _Words | None = None
    desk: Literal["portal", "charter"] | None = None


class _ChangeDraft(_Body):
    title: _Words | None = None
    answer: _Words | None = None
    state: Literal["open", "done", "dropped"] | None = None


# ---- questions by phone and mail


@blueprint.get("/questions/options")
async def options(request: Request) -> HTTPResponse:
    """What can be chosen when a question is written down, in the agent's language. The encoder is read meanwhile."""
    staff = await allowed(request, "agent")
    services = services_of(request)
    services.suggester.warm()
    language = staff.language

    def named(kind: str, ids: tuple[str, ...]) -> list[dict[str, str]]:
        return [{"id": id_, "title": text(f"questions.{kind}.{id_}", language)} for id_ in ids]

    knowledge = services.knowledge
    return json(
        {
            "channels": named("channel", BY),
            "languages": list(LANGUAGES),
            "desks": [desk for desk in DESKS if desk in desks_of(staff)],
            "referrers": named("referrer", REFERRERS),
            "sizes": named("size", SIZES),
            "referred_to": named("referred_to", REFERRED_TO),
            "networks": named("network", NETWORKS),
            "materials": [
                {"id": each.id, "title": each.title[language], "planned": each.status == "planned"}
                for each in knowledge.materials.values()
            ],
            "topics": [
                {"id": topic.id, "title": topic.title[language], "desk": topic.desk}
                for topic in knowledge.topics.values()
            ],
            "most": {"question": LONGEST_QUESTION, "need": LONGEST_NEED},
        },
        ensure_ascii=False,
        headers=_NO_STORE,
    )


@blueprint.post("/suggestions")
async def suggestions(request: Request) -> HTTPResponse:
    """Suggestions as somebody types. Nothing is kept: that is done when the question is saved."""
    staff = await allowed(request, "agent", "editor")
    limits_of(request).suggesting(staff.id)
    found = await typed(services_of(request), read(request, _Typed))
    shown = [suggestion_shown(each) | {"desk": each.desk, "is_due": each.is_due} for each in found]
    return json({"suggestions": shown}, ensure_ascii=False, headers=_NO_STORE)


def _question(shown: QuestionShown) -> dict[str, Any]:
    return asdict(shown) | {"created_at": shown.created_at.isoformat()}


@blueprint.get("/questions")
async def questions(request: Request) -> HTTPResponse:
    """The questions that were written down last, of the agent's desks."""
    staff = await allowed(request, "agent", "editor")
    services = services_of(request)
    desks = DESKS if staff.may("editor") else desks_of(staff)
    found = await services.turns.in_database(services.question_log.recent, desks)
    return json({"questions": [_question(each) for each in found]}, ensure_ascii=False, headers=_NO_STORE)


@blueprint.post("/questions")
async def log_question(request: Request) -> HTTPResponse:
    """Keeps a question that came by phone or mail. One that the knowledge cannot answer leads to a draft."""
    staff = await allowed(request, "agent")
    body = read(request, _Log)
    services = services_of(request)
    if body.desk not in desks_of(staff):
        raise Problem(422, "invalid", fields="desk")
    new = NewQuestion(**body.model_dump())
    try:
        id_ = await services.turns.in_database(services.question_log.add, new, staff.id)
    except QuestionWrong as problem:
        raise Problem(422, "invalid", fields=problem.field) from None
    draft = None
    try:
        await services.suggester.settle_logged(body.question, body.language, body.topic, channel=body.channel)
        if body.topic is None:
            asked = From(body.question, body.language, logged_question_id=id_)
            draft = await services.turns.in_database(services.drafts.from_unanswered, asked, body.desk, staff.id)
    except (TooManyDrafts, DraftWrong, SQLAlchemyError) as problem:
        # The question itself is kept: an agent who is told that it failed would keep it twice.
        log.warning("A question was kept, but not all that follows from it: %s.", type(problem).__name__)
    return json({"id": id_, "draft": draft}, status=201, headers=_NO_STORE)


@blueprint.delete("/questions/<id_:str>")
async def take_back(request: Request, id_: str) -> HTTPResponse:
    """Takes back a question that the agent wrote down by mistake."""
    staff = await allowed(request, "agent")
    services = services_of(request)
    if not await services.turns.in_database(services.question_log.remove, id_, staff.id):
        raise Problem(404, "not_found")
    return empty()


# ---- drafts of topics


def _draft(draft: DraftShown, language: str) -> dict[str, Any]:
    """A draft. One without a title is called after its first question."""
    first = draft.questions[0][1] if draft.questions else text("questions.no_title", language)
    return {
        "id": draft.id,
        "topic": draft.topic,
        "desk": draft.desk,
        "language": draft.language,
        "title": draft.title or first,
        "answer": draft.answer,
        "origin": draft.origin,
        "state": draft.state,
        "questions": [{"language": language, "text": words} for language, words in draft.questions],
        "created_at": draft.created_at.isoformat(),
        "closed_at": draft.closed_at.isoformat() if draft.closed_at else None,
    }


@blueprint.get("/drafts")
async def drafts(request: Request) -> HTTPResponse:
    """Drafts, the newest first, a page at a time."""
    staff = await allowed(request, "editor")
    services = services_of(request)
    state, after = request.args.get("state") or "open", request.args.get("after") or None
    if after is not None and len(after) > 120:
        raise Problem(422, "invalid", fields="after")
    try:
        found = await services.turns.in_database(services.drafts.all, state, after=after)
    except DraftWrong as problem:
        raise Problem(422, "invalid", fields=problem.field) from None
    return json({"drafts": [_draft(each, staff.language) for each in found]}, ensure_ascii=False, headers=_NO_STORE)


async def _asked_in_conversation(services: Services, staff: Staff, conversation_id: str) -> From | None:
    """The visitor's last question of a conversation that this agent may see. Raises Problem 404."""
    shown = await services.turns.in_database(services.hand_overs.get, conversation_id)
    if shown is None or not may_see(staff, shown, now()):
        raise Problem(404, "no_conversation")
    last = await services.turns.in_database(services.dossiers.last_question, conversation_id, seen_until(shown))
    return From(last.text, last.language, conversation_id=conversation_id) if last else None


@blueprint.post("/drafts")
async def make_draft(request: Request) -> HTTPResponse:
    """Makes a draft of an edited answer or of an unanswered question; or adds the question to one that is like it."""
    staff = await allowed(request, "agent", "editor")
    body = read(request, _MakeDraft)
    services = services_of(request)
    asked = From(body.question, body.language) if body.question else None
    if body.conversation is not None:
        asked = await _asked_in_conversation(services, staff, body.conversation) or asked
    if body.topic is None and asked is None:
        raise Problem(422, "invalid", fields="question")

    answer = SOURCES_LINE.sub("", body.answer or "")

    def make() -> str:
        if body.topic is not None:
            return services.drafts.from_edited(body.topic, body.language, answer, asked, staff.id)
        return services.drafts.from_unanswered(cast("From", asked), body.desk or "", staff.id, answer, body.language)

    try:
        id_ = await services.turns.in_database(make)
    except DraftWrong as problem:
        raise Problem(422, "invalid", fields=problem.field) from None
    except TooManyDrafts:
        raise Problem(409, "too_many_drafts") from None
    return json({"id": id_}, status=201, headers=_NO_STORE)


@blueprint.get("/drafts/<name:str>")
async def draft(request: Request, name: str) -> HTTPResponse:
    """One draft; its id with .md is the file, in the format of the knowledge."""
    staff = await allowed(request, "editor")
    services = services_of(request)
    id_, is_file = name.removesuffix(".md"), name.endswith(".md")
    try:
        if not is_file:
            found = await services.turns.in_database(services.drafts.get, id_)
            return json(_draft(found, staff.language), ensure_ascii=False, headers=_NO_STORE)
        file_name, content = await services.turns.in_database(services.drafts.file, id_)
    except NoSuchDraft:
        raise Problem(404, "not_found") from None
    attachment = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return raw(content.encode(), content_type="text/markdown; charset=utf-8", headers=attachment | _NO_STORE)


@blueprint.patch("/drafts/<id_:str>")
async def change_draft(request: Request, id_: str) -> HTTPResponse:
    """Changes a draft's title or answer, or says that it is done with."""
    staff = await allowed(request, "editor")
    body = read(request, _ChangeDraft)
    services = services_of(request)
    try:
        changed = await services.turns.in_database(
            services.drafts.change, id_, staff.id, title=body.title, answer=body.answer, state=body.state
        )
    except NoSuchDraft:
        raise Problem(404, "not_found") from None
    except DraftWrong as problem:
        raise Problem(422, "invalid", fields=problem.field) from None
    return json(_draft(changed, staff.language), ensure_ascii=False, headers=_NO_STORE)


# ---- how good the suggestions were


def _precision(of: fates.Precision) -> dict[str, Any]:
    return {
        "at_one": of.at_one,
        "first": of.first,
        "first_used": of.first_used,
        "at_three": of.at_three,
        "shown": of.shown,
        "used": of.used,
        "edited": len(of.distances),
        "distance": of.distance,
    }


@blueprint.get("/suggestion-report")
async def suggestion_report(request: Request) -> HTTPResponse:
    """Precision at one and at three, per topic and per week, with the counts."""
    staff = await allowed(request, "agent", "editor", "analyst")
    services = services_of(request)
    asked = request.args.get("weeks") or "26"
    if not (asked.isascii() and asked.isdecimal() and len(asked) <= 3 and 1 <= int(asked) <= MOST_WEEKS):
        raise Problem(422, "invalid", fields="weeks")
    since = now() - timedelta(weeks=int(asked))
    found = await services.turns.in_database(lambda: fates.report(fates.settled(services.suggester.engine, since)))
    topics = services.knowledge.topics

    def titled(topic: str) -> dict[str, Any]:
        return {"topic": topic, "title": topics[topic].title[staff.language] if topic in topics else topic}

    file = services.settings.models_dir / RERANKING_FILE
    return json(
        {
            "weeks_asked": int(asked),
            "total": _precision(found.total),
            "weeks": [{"week": str(week)} | _precision(of) for week, of in found.weeks],
            "topics": [titled(topic) | _precision(of) for topic, of in found.topics],
            "topics_by_week": [
                {"week": str(week)} | titled(topic) | _precision(of) for week, topic, of in found.topics_by_week
            ],
            "reranking_is_on": file.is_file() and Reranking.read(file) is not None,
        },
        ensure_ascii=False,
        headers=_NO_STORE,
    )
