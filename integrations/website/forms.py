"""Forms: what the widget shows, requests for a desk, and checks that keep nothing."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sanic import Blueprint, Request, json
from sanic.exceptions import NotFound
from sanic.response import HTTPResponse
from sqlalchemy.orm import Session

from bot.guides import charter_text, registration
from bot.guides.guiding import Said
from bot.helpdesk.forms import REQUEST, FieldsWrong, Form, filled_in
from bot.helpdesk.requests import PutIn
from bot.messages import Draft, Language
from bot.texts import LANGUAGES, text
from integrations.website.admission import admit, limits_of, services_of
from integrations.website.problems import Problem, language_of
from integrations.website.requests import key_of, read

blueprint = Blueprint("forms", url_prefix="/api/v1")

LONGEST_FIELD = 20_000
CHECK_WITHIN_SECONDS = 20


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PutInRequest(_Body):
    """POST /conversations/{id}/requests."""

    kind: Annotated[str, Field(max_length=40)]
    fields: dict[str, Any]


class Contact(_Body):
    """A contact person, as typed."""

    name: Annotated[str, Field(max_length=LONGEST_FIELD)] = ""
    email: Annotated[str, Field(max_length=LONGEST_FIELD)] = ""


class CheckRegistration(_Body):
    """POST /checks/registration."""

    kvk_number: Annotated[str, Field(max_length=LONGEST_FIELD)] = ""
    contacts: Annotated[list[Contact], Field(max_length=20)] = []
    language: Literal["nl", "en"] | None = None


class CheckCharterText(_Body):
    """POST /checks/charter-text."""

    text: str
    language: Literal["nl", "en"] | None = None


@blueprint.get("/forms/<language:str>")
async def forms(request: Request, language: str) -> HTTPResponse:
    """All forms, in one language."""
    if language not in LANGUAGES:
        raise NotFound
    services = services_of(request)
    days = services.settings.request_retention_days
    shown = [form.shown(language, days) for form in services.turns.guiding.forms.values()]
    return json({"forms": shown}, ensure_ascii=False, headers={"Cache-Control": "public, max-age=300"})


@blueprint.post("/conversations/<id_:str>/requests")
async def put_in(request: Request, id_: str) -> HTTPResponse:
    """Stores a request for a desk; the conversation gets a confirmation with its reference."""
    _, context = await admit(request, id_)
    body, key = read(request, PutInRequest), key_of(request)
    services = services_of(request)
    form = services.turns.guiding.forms.get(body.kind)
    if form is None or form.sends != REQUEST:
        raise Problem(422, "invalid", fields="kind")
    try:
        fields = filled_in(form, body.fields, context.language)
    except FieldsWrong as problem:
        raise Problem(422, "fields", complaints=" ".join(problem.complaints)) from None
    limits_of(request).putting_in(request, id_)
    verified = await services.turns.in_database(services.verifier.verified, id_)
    put = PutIn(id_, form, fields, context.language, key=key, company_id=verified.company_id if verified else None)
    references: list[str] = []

    def make(session: Session, said: Said) -> list[Draft]:
        reference, is_new = services.requests.add(session, put)
        references.append(reference)
        return _confirmed(said, form, reference, services.turns.guiding.after_request(said, form.id)) if is_new else []

    await services.turns.tell(id_, make)
    await services.tell_requests(put.desk)
    return json({"reference": references[0]}, status=201)


def _confirmed(said: Said, form: Form, reference: str, then: list[Draft]) -> list[Draft]:
    language: Language = said.language
    done = form.done[language].format(reference=reference) if form.done else reference
    return [Draft(sender="system", kind="text", text=done, language=language), *then]


@blueprint.post("/checks/registration")
async def check_registration(request: Request) -> HTTPResponse:
    """Whether a KVK number and two contacts are well-formed. Nothing is kept."""
    limits_of(request).asking(request)
    body = read(request, CheckRegistration)
    language = body.language or language_of(request)
    problems = registration.check(body.kvk_number, [(contact.name, contact.email) for contact in body.contacts])
    said = [{"field": problem.field, "message": text(problem.key, language)} for problem in problems]
    return json(
        {"well_formed": not problems, "problems": said, "text": registration.said(problems, language)},
        ensure_ascii=False,
        headers={"Cache-Control": "no-store"},
    )


@blueprint.post("/checks/charter-text")
async def check_charter_text(request: Request) -> HTTPResponse:
    """Whether a draft ambition fits a page, and which dimensions it names. Nothing is kept."""
    limits_of(request).asking(request)
    body = read(request, CheckCharterText)
    language = request.ctx.language = body.language or language_of(request)
    try:
        found = await asyncio.wait_for(asyncio.to_thread(charter_text.check, body.text), CHECK_WITHIN_SECONDS)
    except ValueError as problem:
        raise Problem(422, "field", said=text(str(problem), language)) from None
    return json(
        {
            "fits_page": found.fits_a_page,
            "pages": found.pages,
            "dimensions": list(found.dimensions),
            "text": charter_text.said(found, language),
        },
        ensure_ascii=False,
        headers={"Cache-Control": "no-store"},
    )
