"""What the API accepts: the bodies of requests, checked."""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sanic import Request

from integrations.website.problems import Problem

LONGEST_TEXT = 2000
_NUL = re.compile(rb"((?<!\\)(?:\\\\)*)\\u0000")
"""U+0000 in JSON: a sign that no text has, and that not every database takes. Not the words of who writes about it."""
LONGEST_KEY = 200

Body = TypeVar("Body", bound=BaseModel)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


class OpenConversation(_Body):
    """POST /conversations."""

    language: Literal["nl", "en"] | None = None
    channel: Literal["website", "partner"] = "website"
    referrer: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")] | None = None
    topic: Annotated[str, Field(max_length=120)] | None = None


class SayMessage(_Body):
    """POST /conversations/{id}/messages: either what is said, or the id of a pressed button."""

    text: str | None = None
    payload: Annotated[str, Field(max_length=100)] | None = None


class GiveFeedback(_Body):
    """POST /conversations/{id}/feedback."""

    message_id: Annotated[str, Field(max_length=100)]
    helpful: Annotated[bool, Field(strict=True)]


class Opened(_Body):
    """POST /conversations/{id}/opened."""

    message_id: Annotated[str, Field(max_length=100)]
    url: Annotated[str, Field(min_length=1, max_length=2000)]


def _fields(problem: ValidationError) -> str:
    names = [".".join(str(part) for part in error["loc"]) or "body" for error in problem.errors()]
    return ", ".join(dict.fromkeys(name[:40] for name in names[:5]))


def read(request: Request, kind: type[Body]) -> Body:
    """The body of a request, without U+0000.

    Raises Problem 400 for what is not a JSON object, 422 for one of another form.
    """
    try:
        return kind.model_validate_json(_NUL.sub(rb"\1", request.body or b"{}"))
    except ValidationError as problem:
        broken = ("json_invalid", "string_unicode")
        if any(e["type"] in broken or (e["type"] == "model_type" and not e["loc"]) for e in problem.errors()):
            raise Problem(400, "bad_json") from problem
        raise Problem(422, "invalid", fields=_fields(problem)) from problem


def read_message(request: Request) -> SayMessage:
    """The body of a message, with what it must not be: empty, both, or longer than 2,000 characters.

    Raises Problem 400 or 422.
    """
    body = read(request, SayMessage)
    if (body.text is None) == (body.payload is None):
        raise Problem(422, "empty" if body.text is None else "invalid", fields="text, payload")
    if body.text is not None:
        if not body.text.strip():
            raise Problem(422, "empty")
        if len(body.text) > LONGEST_TEXT:
            raise Problem(422, "too_long", length=len(body.text), most=LONGEST_TEXT)
    return body


def token_of(request: Request) -> str:
    """The bearer token.

    Raises Problem 401 where there is none.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    # Bytes that are no text arrive as surrogates, which nothing behind this can encode.
    if scheme.lower() != "bearer" or not token.strip() or not token.isascii():
        raise Problem(401, "no_token")
    return token.strip()


def key_of(request: Request) -> str | None:
    """The Idempotency-Key, where there is one.

    Raises Problem 422 for one that is too long.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isascii()):
        raise Problem(422, "invalid", fields="Idempotency-Key")
    return key


def page_of(request: Request) -> tuple[str | None, int]:
    """Which messages are asked for: after which id, and how many at most.

    Raises Problem 422.
    """
    after = request.args.get("after") or None
    if after is not None:
        try:
            after = str(uuid.UUID(after))
        except ValueError:
            raise Problem(422, "invalid", fields="after") from None
    limit = request.args.get("limit") or "100"
    if not (limit.isascii() and limit.isdecimal() and len(limit) <= 3 and 1 <= int(limit) <= 200):
        raise Problem(422, "invalid", fields="limit")
    return after, int(limit)
