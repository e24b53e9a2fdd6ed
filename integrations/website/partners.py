"""Suggested answers, referrals and what was asked, for partners' own desks; suggestions for signed-in staff as well."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sanic import Blueprint, Request, json
from sanic.response import HTTPResponse
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from bot.conversations.models import Message
from bot.guides.guiding import Said
from bot.helpdesk.forms import FieldsWrong, filled_in
from bot.helpdesk.logging_questions import BY_PARTNER, NewQuestion, QuestionWrong
from bot.helpdesk.partners import CONTACT, HandedOver, Partner, Referral, referral_form
from bot.helpdesk.suggesting import LONGEST_QUESTION, NoSuggestions, SuggestionShown
from bot.messages import Draft
from bot.texts import text
from integrations.console.sessions import allowed
from integrations.console.sessions import token_of as session_of
from integrations.website.admission import limits_of, services_of
from integrations.website.conversations import greeting
from integrations.website.problems import Problem
from integrations.website.requests import LONGEST_TEXT, key_of, read
from integrations.website.services import Services

blueprint = Blueprint("partners", url_prefix="/api/v1")

SUGGEST_WITHIN_SECONDS = 20.0
"""The first suggestion reads the encoder; none takes longer than a moment after that."""
RETRY_AFTER_SECONDS = 60

OTHERWISE = "portal"
"""The desk under which agents find a question that no topic answers."""

_Line = Annotated[str, Field(max_length=1000)]
_Words = Annotated[str, Field(max_length=20_000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Suggest(_Body):
    """POST /suggestions."""

    question: str
    language: Literal["nl", "en"]


class Asked(_Body):
    """POST /questions."""

    question: _Words
    language: Literal["nl", "en"]
    topic: _Line | None = None
    """None where the knowledge did not answer it."""
    signatory: Annotated[bool, Field(strict=True)] | None = None
    size: Literal["large", "sme"] | None = None
    need: _Words | None = None
    referred_to: Literal["network", "material", "advice_talk", "other"] | None = None
    referred_name: _Line | None = None


class Contact(_Body):
    """Whom to get in touch with; checked as the forms are."""

    name: _Line | None = None
    email: _Line | None = None
    phone: _Line | None = None


class Refer(_Body):
    """POST /referrals."""

    desk: Literal["portal", "charter"]
    language: Literal["nl", "en"]
    message: Annotated[str, Field(max_length=20_000)]
    subject: _Line | None = None
    organisation: _Line | None = None
    contact: Contact | None = None
    consent: Annotated[bool, Field(strict=True)] = False
    open_conversation: Annotated[bool, Field(strict=True)] = False


async def _partner(request: Request, scope: str) -> Partner:
    """Whose key came along, and may do this. Raises Problem 401, 403, 429."""
    limits_of(request).asking(request)
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    partner = None
    if scheme.lower() == "bearer" and key.isascii():
        services = services_of(request)
        partner = await services.turns.in_database(services.partner_keys.find, key.strip())
    if partner is None:
        raise Problem(401, "no_key")
    limits_of(request).partner(partner.id)
    if not partner.may(scope):
        raise Problem(403, "scope")
    return partner


def asked_in(body: Suggest | Asked) -> str:
    """The question. Raises Problem 422 for one that is empty or too long."""
    if not body.question.strip():
        raise Problem(422, "empty")
    if len(body.question) > LONGEST_QUESTION:
        raise Problem(422, "too_long", length=len(body.question), most=LONGEST_QUESTION)
    return body.question


def suggestion_shown(suggested: SuggestionShown) -> dict[str, Any]:
    """A suggestion as the API gives it."""
    return {
        "topic": suggested.topic,
        "title": suggested.title,
        "text": suggested.text,
        "score": suggested.score,
        "sources": [source.model_dump(mode="json") for source in suggested.sources],
    }


async def typed(services: Services, body: Suggest) -> list[SuggestionShown]:
    """Suggestions for somebody who is typing. Raises Problem 422, 503."""
    try:
        return await asyncio.wait_for(services.suggester.typed(asked_in(body), body.language), SUGGEST_WITHIN_SECONDS)
    except NoSuggestions:
        raise Problem(503, "no_suggestions", retry_after=RETRY_AFTER_SECONDS) from None


@blueprint.post("/suggestions")
async def suggestions(request: Request) -> HTTPResponse:
    """Three answers to a question, for staff who are signed in or for a partner's key."""
    services = services_of(request)
    if "authorization" not in request.headers and session_of(request):
        staff = await allowed(request, "agent", "editor")
        limits_of(request).suggesting(staff.id)
        found = await typed(services, read(request, Suggest))
    else:
        partner = await _partner(request, "suggestions")
        body = read(request, Suggest)
        request.ctx.language = body.language
        found = await _for_partner(services, partner, body)
    return json(
        {"suggestions": [suggestion_shown(each) for each in found]},
        ensure_ascii=False,
        headers={"Cache-Control": "no-store"},
    )


async def _for_partner(services: Services, partner: Partner, body: Suggest) -> list[SuggestionShown]:
    question = asked_in(body)
    try:
        found = await asyncio.wait_for(services.suggester.for_partner(question, body.language), SUGGEST_WITHIN_SECONDS)
    except NoSuggestions:
        raise Problem(503, "no_suggestions", retry_after=RETRY_AFTER_SECONDS) from None
    await services.turns.in_database(services.partner_keys.used, partner, "suggestions")
    return found


@blueprint.post("/questions")
async def asked(request: Request) -> HTTPResponse:
    """Keeps what a partner's own desk was asked, and what became of it, for the log of trends."""
    partner = await _partner(request, "questions")
    body, key = read(request, Asked), key_of(request)
    request.ctx.language = body.language
    services = services_of(request)
    new = NewQuestion(
        channel=BY_PARTNER, question=asked_in(body), language=body.language, desk=OTHERWISE, topic=body.topic,
        is_signatory=body.signatory, size=body.size, need=body.need, referred_to=body.referred_to,
        referred_name=body.referred_name,
    )  # fmt: skip
    try:
        id_ = await services.turns.in_database(services.partner_questions.put_in, partner, new, key)
    except QuestionWrong as problem:
        raise Problem(422, "invalid", fields=problem.field) from None
    return json({"id": id_}, status=201, headers={"Cache-Control": "no-store"})


def _fields(body: Refer) -> dict[str, Any]:
    """What was filled in, checked as a form is. Raises Problem 422."""
    contact = body.contact.model_dump() if body.contact else {}
    given = {"subject": body.subject, "message": body.message, "organisation": body.organisation, **contact}
    complaints: list[str] = []
    fields: dict[str, Any] = {}
    try:
        fields = filled_in(referral_form(body.desk), given, body.language)
    except FieldsWrong as problem:
        complaints = problem.complaints
    if any(str(contact.get(field) or "").strip() for field in CONTACT):
        fields["consent"] = True
        if not body.consent:
            complaints.append(text("referral.consent", body.language))
    if complaints:
        raise Problem(422, "fields", complaints=" ".join(complaints))
    return fields


@blueprint.post("/referrals")
async def refer(request: Request) -> HTTPResponse:
    """Hands an employer over to a desk, as a request; with a conversation for the employer where one is wanted."""
    partner = await _partner(request, "referrals")
    body, key = read(request, Refer), key_of(request)
    request.ctx.language = body.language
    services = services_of(request)
    if len(body.message) > LONGEST_TEXT:
        raise Problem(422, "too_long", length=len(body.message), most=LONGEST_TEXT)
    referral = Referral(body.desk, body.language, _fields(body), body.open_conversation, key)
    handed = await services.turns.in_database(services.referrals.put_in, partner, referral)
    if handed.is_new:
        await services.tell_requests(body.desk)
    if handed.conversation_id:
        await _greet(services, partner, handed, handed.conversation_id)
    conversation = {"id": handed.conversation_id, "token": handed.token} if handed.conversation_id else None
    return json(
        {"reference": handed.reference, "conversation": conversation},
        status=201,
        headers={"Cache-Control": "no-store"},
    )


async def _greet(services: Services, partner: Partner, handed: HandedOver, conversation_id: str) -> None:
    """Begins the conversation, where nothing was said in it yet: with the greeting, and who handed over what."""

    def make(session: Session, said: Said) -> list[Draft]:
        if session.scalar(select(exists().where(Message.conversation_id == conversation_id))):
            return []
        told = text("referral.opened", said.language, partner=partner.name, reference=handed.reference)
        return [
            *greeting(services, said.language, None),
            Draft(sender="system", kind="text", text=told, language=said.language),
        ]

    await services.turns.tell(conversation_id, make)
