"""What agents see of a conversation, and do in it. JSON, for the console alone."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sanic import Blueprint, Request, empty, json
from sanic.response import HTTPResponse

from bot.database.types import now
from bot.guides import machine
from bot.helpdesk.dossiers import Dossier, Note, Spoken, TooManyNotes
from bot.helpdesk.hours import AMSTERDAM
from bot.helpdesk.queue import ClaimedBySomebody, HandOverShown
from bot.helpdesk.suggesting import NoSuggestions, SuggestionShown
from bot.registry.status import in_markdown
from bot.staff.accounts import Staff
from bot.texts import text
from integrations.console.seeing import may_see, seen_until
from integrations.console.sessions import allowed
from integrations.website.admission import services_of
from integrations.website.problems import Problem
from integrations.website.requests import page_of, read
from integrations.website.services import Services

blueprint = Blueprint("console_conversations", url_prefix="/console/api/conversations")

LONGEST_TEXT = 4000
LONGEST_NOTE = 2000

SOURCES_LINE = re.compile(r"\n\n(?:Bron|Source): [^\n]+$")
"""What the console puts under a suggested answer when it inserts one: no change to the answer."""

_Id = Annotated[str, Field(max_length=100)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Used(_Body):
    """The suggestion that a message was made from; without `id` none of the batch was."""

    batch: _Id
    id: _Id | None = None


class _Say(_Body):
    text: Annotated[str, Field(max_length=LONGEST_TEXT)]
    key: Annotated[str, Field(min_length=1, max_length=200)]
    suggestion: _Used | None = None


class _Close(_Body):
    outcome: Literal["answered", "referred", "not_in_knowledge", "no_reply", "other"]


class _AddNote(_Body):
    text: Annotated[str, Field(max_length=LONGEST_NOTE)]


class _ReadUpTo(_Body):
    message_id: _Id


async def _seen(request: Request, id_: str) -> tuple[Staff, HandOverShown, Services]:
    """Who asks, and the hand-over of the conversation. Raises Problem 404 where this agent may not see it."""
    staff = await allowed(request, "agent")
    services = services_of(request)
    shown = await services.turns.in_database(services.hand_overs.get, id_)
    if shown is None or not may_see(staff, shown, now()):
        raise Problem(404, "no_conversation")
    return staff, shown, services


async def _held(request: Request, id_: str) -> tuple[Staff, Services]:
    """Who asks, where it is the one who holds the conversation. Raises Problem 404, 409."""
    staff, shown, services = await _seen(request, id_)
    if shown.state != "claimed" or shown.claimed_by != staff.id:
        raise Problem(409, "not_holding")
    return staff, services


def _not_blank(words: str) -> str:
    if not words.strip():
        raise Problem(422, "empty")
    return words.strip()


# ---- as JSON


def _decision(services: Services, decision: dict[str, Any] | None, language: str) -> dict[str, Any] | None:
    """What the assistant tried, with the titles of the topics."""
    if decision is None:
        return None
    topics = services.knowledge.topics
    return {
        "outcome": decision.get("outcome"),
        "candidates": [
            {
                "topic": candidate["topic"],
                "title": topics[candidate["topic"]].title[language] if candidate["topic"] in topics else None,
                "confidence": candidate["confidence"],
            }
            for candidate in decision.get("candidates", ())
        ],
    }


def _message(services: Services, spoken: Spoken, language: str) -> dict[str, Any]:
    return {
        **spoken.message.model_dump(mode="json"),
        "decision": _decision(services, spoken.decision, language),
        "agent": spoken.agent,
        "pressed": spoken.pressed,
    }


def _note(note: Note) -> dict[str, Any]:
    return {"id": note.id, "author": note.author, "text": note.text, "created_at": note.created_at.isoformat()}


def _guide(services: Services, dossier: Dossier, language: str) -> dict[str, Any] | None:
    """The guide and its step, in the agent's language."""
    state = dossier.guide
    guide = services.turns.guiding.guides.guides.get(state.guide) if state else None
    if state is None or guide is None:
        return None
    state = machine.settled(guide, state)
    progress = machine.progress(guide, state)
    return {
        "title": guide.title[language],
        "step": machine.at(guide, state).title[language],
        "progress": {"step": progress.step, "of": progress.of},
        "waiting": state.waiting,
    }


async def _company(services: Services, id_: str, language: str) -> dict[str, Any] | None:
    """The company that the visitor was verified for, and how it stands; only for as long as that holds."""
    verified = await services.turns.in_database(services.verifier.verified, id_)
    company = await services.turns.in_database(services.companies.by_id, verified.company_id) if verified else None
    if verified is None or company is None:
        return None
    words = in_markdown(company, language, datetime.now(AMSTERDAM).date(), verified.expires_at)
    return {
        "name": company.name,
        "kvk_number": company.kvk_number,
        "status": words,
        "until": verified.expires_at.isoformat(),
    }


def _sources_line(suggested: SuggestionShown, language: str) -> list[str]:
    """An answer always shows its source, also when a person sends it."""
    if not suggested.sources:
        return []
    known = dict.fromkeys(
        f"[{source.title}, {source.where}]({source.url})" if source.url else f"{source.title}, {source.where}"
        for source in suggested.sources
    )
    return [f"{text('console.suggestions.source', language)}: {'; '.join(known)}"]


def _suggestion(suggested: SuggestionShown, language: str) -> dict[str, Any]:
    return {
        "id": suggested.id,
        "batch": suggested.batch_id,
        "position": suggested.position,
        "topic": suggested.topic,
        "title": suggested.title,
        "text": suggested.text,
        "score": suggested.score,
        "sources": [source.model_dump(mode="json") for source in suggested.sources],
        "desk": suggested.desk,
        "is_due": suggested.is_due,
        "insert": "\n\n".join([suggested.text, *_sources_line(suggested, language)]),
    }


# ---- reading


@blueprint.get("/<id_:str>")
async def dossier(request: Request, id_: str) -> HTTPResponse:
    """All that an agent may know of the conversation. That it was read is audited."""
    staff, shown, services = await _seen(request, id_)
    await services.turns.in_database(services.dossiers.opened, id_, staff.id, shown.claimed_at or shown.asked_at)
    found = await services.turns.in_database(services.dossiers.dossier, id_, seen_until(shown))
    earlier = [
        {
            "desk": one.desk,
            "state": one.state,
            "asked_at": one.asked_at.isoformat(),
            "ended_at": one.ended_at.isoformat() if one.ended_at else None,
            "outcome": one.outcome,
            "agent": one.agent,
        }
        for one in found.earlier
    ]
    return json(
        {
            "id": found.id,
            "language": found.language,
            "mode": found.mode,
            "channel": found.channel,
            "referrer": found.referrer,
            "created_at": found.created_at.isoformat(),
            "hand_over": shown.as_json(),
            "messages": [_message(services, spoken, staff.language) for spoken in found.messages],
            "is_whole": found.is_whole,
            "guide": _guide(services, found, staff.language),
            "company": None if shown.ended_at else await _company(services, id_, staff.language),
            "notes": [_note(note) for note in found.notes],
            "earlier": earlier,
            "references": list(found.references),
        }
    )


@blueprint.get("/<id_:str>/messages")
async def messages(request: Request, id_: str) -> HTTPResponse:
    """Messages after one, or before one."""
    staff, shown, services = await _seen(request, id_)
    after, _ = page_of(request)
    before = request.args.get("before")
    if before is not None and len(before) > 100:
        raise Problem(422, "invalid", fields="before")
    until = seen_until(shown)
    found = await services.turns.in_database(services.dossiers.messages, id_, after=after, before=before, until=until)
    return json({"messages": [_message(services, spoken, staff.language) for spoken in found]})


@blueprint.get("/<id_:str>/suggestions")
async def suggestions(request: Request, id_: str) -> HTTPResponse:
    """Three answers to what the visitor asked last, best first; none where nothing was asked."""
    _, shown, services = await _seen(request, id_)
    question = await services.turns.in_database(services.dossiers.last_question, id_)
    if question is None or shown.ended_at:
        return json({"message_id": None, "question": None, "suggestions": []})
    try:
        found = await services.suggester.for_message(question, id_)
    except NoSuggestions:
        raise Problem(503, "no_suggestions", retry_after=60) from None
    return json(
        {
            "message_id": question.message_id,
            "question": question.text,
            "suggestions": [_suggestion(suggested, question.language) for suggested in found],
        }
    )


# ---- doing


@blueprint.post("/<id_:str>/claim")
async def claim(request: Request, id_: str) -> HTTPResponse:
    """Takes the conversation: exactly one agent gets it."""
    staff, _, services = await _seen(request, id_)
    try:
        shown = await services.handing_over.claim(id_, staff)
    except ClaimedBySomebody as problem:
        raise Problem(409, "claimed", agent=problem.name) from None
    return json({"hand_over": shown.as_json()})


@blueprint.post("/<id_:str>/say")
async def say(request: Request, id_: str) -> HTTPResponse:
    """Says something to the visitor. The same key says it once."""
    staff, services = await _held(request, id_)
    body = read(request, _Say)
    words = _not_blank(body.text)
    said = await services.handing_over.say(id_, staff, words, body.key)
    if body.suggestion is not None:
        await services.suggester.settle_said(body.suggestion.batch, body.suggestion.id, SOURCES_LINE.sub("", words))
    return json({"message": {**said.model_dump(mode="json"), "decision": None, "agent": staff.name, "pressed": False}})


@blueprint.post("/<id_:str>/hand-back")
async def hand_back(request: Request, id_: str) -> HTTPResponse:
    """The assistant goes on."""
    staff, services = await _held(request, id_)
    await services.handing_over.hand_back(id_, staff)
    return empty()


@blueprint.post("/<id_:str>/close")
async def close(request: Request, id_: str) -> HTTPResponse:
    """Ends the hand-over, with what came of it."""
    staff, services = await _held(request, id_)
    body = read(request, _Close)
    await services.handing_over.close(id_, staff, body.outcome)
    return empty()


@blueprint.post("/<id_:str>/notes")
async def add_note(request: Request, id_: str) -> HTTPResponse:
    """Keeps a note for the next agent."""
    staff, shown, services = await _seen(request, id_)
    body = read(request, _AddNote)
    words = _not_blank(body.text)
    try:
        note = await services.turns.in_database(services.dossiers.add_note, id_, staff.id, words)
    except TooManyNotes:
        raise Problem(409, "too_many_notes") from None
    services.turns.streams.tell_desk(shown.desk, {"type": "notes", "conversation": id_})
    return json({"note": _note(note)}, status=201)


@blueprint.post("/<id_:str>/read")
async def read_up_to(request: Request, id_: str) -> HTTPResponse:
    """The agent has seen the messages up to this one."""
    staff, services = await _held(request, id_)
    body = read(request, _ReadUpTo)
    await services.handing_over.read_up_to(id_, staff, body.message_id)
    return empty()
