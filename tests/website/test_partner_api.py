"""Suggestions and referrals over the API: for whom, how often, what is kept, and what an employer gets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from bot.helpdesk.partners import PartnerKeys
from tests.console.conftest import Console, running_console
from tests.e2e.conversing import check_problem

QUESTION = {"question": "Wij hebben geen activatiecode ontvangen", "language": "nl"}
REFERRAL = {"desk": "charter", "language": "nl", "message": "Deze werkgever wil het Charter tekenen."}
PER_MINUTE = 8


@dataclass
class Desk:
    """A partner's desk with a key of its own."""

    http: httpx.Client
    id: str

    def post(self, path: str, body: Any, key: str | None = None) -> httpx.Response:
        return self.http.post(f"/api/v1/{path}", json=body, headers={"Idempotency-Key": key} if key else {})


@pytest.fixture(scope="module")
def own_console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    console = running_console(tmp_path_factory.mktemp("partners"), PARTNER_REQUESTS_PER_MINUTE=str(PER_MINUTE))
    yield console
    console.close()


@pytest.fixture
def console(own_console: Console) -> Iterator[Console]:
    yield own_console
    own_console.hang_up()


def desk_of(console: Console, *scopes: str) -> Desk:
    partner, key = PartnerKeys(console.engine).add("awvn", "Werkgeverslijn AWVN", scopes)
    return Desk(console.client(headers={"Authorization": f"Bearer {key}"}), partner.id)


@pytest.fixture
def desk(console: Console) -> Desk:
    """A key of its own for each test: each has its own limit."""
    return desk_of(console, "suggestions", "referrals")


def kept(console: Console) -> tuple[int, ...]:
    """How many requests, conversations and messages there are."""
    return tuple(
        console.rows(f"SELECT count(*) FROM {table}")[0][0] for table in ("requests", "conversations", "messages")
    )


def audited(console: Console, action: str) -> int:
    return int(console.rows("SELECT count(*) FROM staff_audit WHERE action = :action", action=action)[0][0])


# ---- suggestions


def test_a_partner_gets_three_answers_with_sources(console: Console, desk: Desk) -> None:
    before = audited(console, "partner_suggestions")
    reply = desk.post("suggestions", QUESTION)
    assert reply.status_code == 200, reply.text
    assert set(reply.json()) == {"suggestions"}
    suggestions = reply.json()["suggestions"]
    assert len(suggestions) == 3
    assert all(set(each) == {"topic", "title", "text", "score", "sources"} for each in suggestions)
    assert suggestions[0]["topic"] == "portal.activation-code-missing"
    assert [each["score"] for each in suggestions] == sorted((each["score"] for each in suggestions), reverse=True)
    assert all(each["sources"] and each["text"] for each in suggestions)
    assert reply.headers["cache-control"] == "no-store"
    assert audited(console, "partner_suggestions") == before + 1


def test_the_question_of_a_partner_is_kept_nowhere(console: Console, desk: Desk) -> None:
    secret = f"vraag{uuid4().hex}"
    assert desk.post("suggestions", {"question": f"Een {secret} over het quotum", "language": "nl"}).status_code == 200
    for (table,) in console.rows("SELECT name FROM sqlite_master WHERE type = 'table'"):
        assert secret not in repr(console.rows(f'SELECT * FROM "{table}"')), table
    assert secret not in console.system.logs()


def test_staff_who_are_signed_in_get_the_same_and_nothing_is_kept(console: Console) -> None:
    agent = console.signed_in("agent")
    before = console.rows("SELECT count(*) FROM suggestions")
    reply = agent.post("/api/v1/suggestions", json=QUESTION)
    assert reply.status_code == 200, reply.text
    assert reply.json()["suggestions"][0]["topic"] == "portal.activation-code-missing"
    assert console.rows("SELECT count(*) FROM suggestions") == before


def test_staff_need_a_role_and_the_token_against_forgery(console: Console) -> None:
    agent, analyst = console.signed_in("agent"), console.signed_in("analyst")
    check_problem(agent.post("/api/v1/suggestions", json=QUESTION, headers={"X-CSRF-Token": "0" * 64}), 403, "csrf")
    check_problem(analyst.post("/api/v1/suggestions", json=QUESTION), 403, "role")


@pytest.mark.parametrize("path", ["suggestions", "referrals", "questions"])
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x", "Bearer wp_", f"Bearer wp_{'x' * 43}", "Basic d3A6", "wp_"]
)
def test_without_a_key_nothing(console: Console, path: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    reply = console.client().post(
        f"/api/v1/{path}", json=REFERRAL if path == "referrals" else QUESTION, headers=headers
    )
    check_problem(reply, 401, "no-key")


def test_a_staff_session_hands_nobody_over(console: Console) -> None:
    check_problem(console.signed_in("admin").post("/api/v1/referrals", json=REFERRAL), 401, "no-key")


def test_a_key_is_good_for_its_scopes_alone(console: Console) -> None:
    one, other = desk_of(console, "suggestions"), desk_of(console, "referrals")
    third = desk_of(console, "questions")
    assert third.post("questions", QUESTION).status_code == 201
    for desk, path in ((third, "suggestions"), (one, "questions"), (other, "questions")):
        check_problem(desk.post(path, QUESTION), 403, "scope")
    check_problem(one.post("referrals", REFERRAL), 403, "scope")
    check_problem(other.post("suggestions", QUESTION), 403, "scope")
    assert one.post("suggestions", QUESTION).status_code == 200
    assert other.post("referrals", REFERRAL).status_code == 201


def test_a_revoked_key_is_over_at_once(console: Console, desk: Desk) -> None:
    assert desk.post("suggestions", QUESTION).status_code == 200
    PartnerKeys(console.engine).revoke(desk.id)
    check_problem(desk.post("suggestions", QUESTION), 401, "no-key")


def test_each_key_has_a_limit_of_its_own(console: Console, desk: Desk) -> None:
    replies = [desk.post("suggestions", QUESTION) for _ in range(PER_MINUTE + 1)]
    assert [reply.status_code for reply in replies] == [*[200] * PER_MINUTE, 429]
    check_problem(replies[-1], 429, "too-many")
    assert int(replies[-1].headers["retry-after"]) > 0
    assert desk.post("referrals", REFERRAL).status_code == 429, "the limit is of the key, not of the endpoint"
    assert desk_of(console, "suggestions").post("suggestions", QUESTION).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        ({"question": " ", "language": "nl"}, 422, "empty"),
        ({"question": "x" * 2001, "language": "nl"}, 422, "too-long"),
        ({"question": "Mag dat?"}, 422, "invalid"),
        ({"question": "Mag dat?", "language": "de"}, 422, "invalid"),
        ({"question": "Mag dat?", "language": "nl", "more": 1}, 422, "invalid"),
        ([], 400, "bad-json"),
    ],
)
def test_a_question_that_cannot_be(desk: Desk, body: Any, status: int, problem: str) -> None:
    check_problem(desk.post("suggestions", body), status, problem)


# ---- what was asked


def logged(console: Console) -> list[Any]:
    return console.rows("SELECT id, channel, referrer, desk, question, topic, need FROM logged_questions ORDER BY id")


def test_what_a_partner_was_asked_is_kept(console: Console) -> None:
    desk, before, uses = desk_of(console, "questions"), logged(console), audited(console, "partner_question")
    body = QUESTION | {
        "topic": "charter.who-can-sign", "signatory": False, "size": "sme", "need": "een voorbeeld",
        "referred_to": "material", "referred_name": "charter-monitor",
    }  # fmt: skip
    reply = desk.post("questions", body)
    assert (reply.status_code, set(reply.json())) == (201, {"id"}), reply.text
    assert reply.headers["cache-control"] == "no-store"
    [kept_now] = [row for row in logged(console) if row not in before]
    assert kept_now == (
        reply.json()["id"], "partner", "awvn", "charter", QUESTION["question"], "charter.who-can-sign", "een voorbeeld",
    )  # fmt: skip
    assert audited(console, "partner_question") == uses + 1
    assert QUESTION["question"] not in console.system.logs()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"question": " "}, "empty"), ({"question": "x" * 2001}, "too-long"), ({"question": None}, "invalid"),
        ({"language": "de"}, "invalid"), ({"topic": "no.such-topic"}, "invalid"), ({"signatory": "yes"}, "invalid"),
        ({"size": "huge"}, "invalid"), ({"need": "x" * 301}, "invalid"), ({"referred_to": "moon"}, "invalid"),
        ({"referred_name": "awvn"}, "invalid"), ({"referrer": "fnv"}, "invalid"), ({"channel": "chat"}, "invalid"),
        ({"asked_on": "2026-05-04"}, "invalid"),
    ],
)  # fmt: skip
def test_what_was_asked_and_cannot_be(console: Console, change: dict[str, Any], problem: str) -> None:
    before = logged(console)
    check_problem(desk_of(console, "questions").post("questions", QUESTION | change), 422, problem)
    assert logged(console) == before


def test_what_is_wrong_is_said_in_the_language_of_the_question(console: Console) -> None:
    body = {"question": "What is it?", "language": "en", "topic": "no.such-topic"}
    reply = desk_of(console, "questions").post("questions", body)
    check_problem(reply, 422, "invalid", "en")
    assert reply.headers["content-language"] == "en" and "topic" in reply.json()["detail"]


def test_the_same_key_keeps_a_question_once(console: Console) -> None:
    desk, before, key = desk_of(console, "questions"), len(logged(console)), uuid4().hex
    with ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(lambda _: desk.post("questions", QUESTION, key), range(4)))
    assert {reply.status_code for reply in replies} == {201} and len({reply.text for reply in replies}) == 1
    assert len(logged(console)) == before + 1
    check_problem(desk.post("questions", QUESTION | {"size": "sme"}, key), 409, "key-reused")
    check_problem(desk.post("questions", QUESTION, "x" * 201), 422, "invalid")


# ---- referrals


def test_a_referral_reaches_the_desk(console: Console, desk: Desk) -> None:
    contact = {"name": "Vera Voorbeeld", "email": "vera@example.nl", "phone": "070 123 45 67"}
    body = REFERRAL | {"subject": "Tekenen", "organisation": "Voorbeeld BV", "contact": contact, "consent": True}
    reply = desk.post("referrals", body)
    assert (reply.status_code, set(reply.json())) == (201, {"reference", "conversation"}), reply.text
    assert reply.json()["conversation"] is None
    reference = reply.json()["reference"]
    assert re.fullmatch(r"C-\d{7}", reference)
    [(kind, language, state, fields)] = console.rows(
        "SELECT kind, language, state, fields FROM requests WHERE reference = :reference", reference=reference
    )
    assert (kind, language, state) == ("referral", "nl", "open")
    for words in ("Tekenen", "Voorbeeld BV", "Vera Voorbeeld", "vera@example.nl", "awvn", "Werkgeverslijn AWVN"):
        assert words in fields
    assert "vera@example.nl" not in console.system.logs()


def test_an_agent_of_the_desk_sees_it(console: Console, desk: Desk) -> None:
    reference = desk.post("referrals", REFERRAL | {"organisation": "Voorbeeld BV"}).json()["reference"]
    agent = console.signed_in("agent", desks=("charter",))
    [shown] = [
        each
        for each in agent.get("/console/api/requests", params={"desk": "charter"}).json()["requests"]
        if each["reference"] == reference
    ]
    assert shown["kind"] == "referral"
    opened = agent.get(f"/console/api/requests/{shown['id']}").json()
    values = {field["value"] for field in opened["fields"]}
    assert {"Deze werkgever wil het Charter tekenen.", "Voorbeeld BV", "Werkgeverslijn AWVN"} <= values


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"message": "  "}, "Vraag"),
        ({"contact": {"email": "vera"}, "consent": True}, "E-mailadres"),
        ({"contact": {"phone": "12"}, "consent": True}, "Telefoonnummer"),
        ({"contact": {"name": "12"}, "consent": True}, "Naam"),
        ({"contact": {"email": "vera@example.nl"}}, "akkoord"),
        ({"contact": {"name": "Vera"}, "consent": False}, "akkoord"),
        ({"subject": "x" * 201}, "Onderwerp"),
    ],
)
def test_what_is_not_filled_in_correctly_is_said(
    console: Console, desk: Desk, change: dict[str, Any], said: str
) -> None:
    before = kept(console)
    reply = desk.post("referrals", REFERRAL | change)
    check_problem(reply, 422, "fields")
    assert said.casefold() in reply.json()["detail"].casefold()
    assert kept(console) == before


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"desk": "kvk"}, "invalid"), ({"language": "de"}, "invalid"), ({"message": 1}, "invalid"),
        ({"referrer": "fnv"}, "invalid"), ({"contact": {"bsn": "1"}}, "invalid"), ({"consent": "yes"}, "invalid"),
        ({"message": "x" * 2001}, "too-long"),
    ],
)  # fmt: skip
def test_a_referral_that_cannot_be(console: Console, desk: Desk, change: dict[str, Any], problem: str) -> None:
    before = kept(console)
    check_problem(desk.post("referrals", REFERRAL | change), 422, problem)
    assert kept(console) == before


def test_the_problem_is_said_in_the_employers_language(desk: Desk) -> None:
    reply = desk.post("referrals", REFERRAL | {"language": "en", "contact": {"name": "Vera"}})
    assert reply.headers["content-language"] == "en"
    assert "agrees" in reply.json()["detail"]


def test_a_conversation_for_the_employer_begins_with_the_reference(console: Console, desk: Desk) -> None:
    reply = desk.post("referrals", REFERRAL | {"open_conversation": True, "language": "en"})
    assert reply.status_code == 201, reply.text
    conversation = reply.json()["conversation"]
    assert set(conversation) == {"id", "token"}
    employer = console.client(headers={"Authorization": f"Bearer {conversation['token']}"})
    messages = employer.get(f"/api/v1/conversations/{conversation['id']}/messages").json()["messages"]
    assert [message["kind"] for message in messages] == ["greeting", "text"]
    assert "AI" in messages[0]["text"] and messages[0]["language"] == "en"
    assert reply.json()["reference"] in messages[1]["text"] and "Werkgeverslijn AWVN" in messages[1]["text"]
    assert messages[1]["sender"] == "system"
    [(channel, referrer)] = console.rows(
        "SELECT channel, referrer FROM conversations WHERE id = :id", id=conversation["id"]
    )
    assert (channel, referrer) == ("partner", "awvn")
    assert employer.delete(f"/api/v1/conversations/{conversation['id']}").status_code == 204
    assert console.rows("SELECT id FROM requests WHERE reference = :r", r=reply.json()["reference"]) == []


def test_the_same_key_again_gives_the_same(console: Console, desk: Desk) -> None:
    body, key = REFERRAL | {"open_conversation": True}, uuid4().hex
    before = kept(console)
    with ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(lambda _: desk.post("referrals", body, key), range(4)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.text for reply in replies}) == 1
    assert tuple(now - was for now, was in zip(kept(console), before, strict=True)) == (1, 1, 2)
    check_problem(desk.post("referrals", body | {"message": "Iets anders."}, key), 409, "key-reused")
    check_problem(desk.post("referrals", body, "x" * 201), 422, "invalid")


def test_a_conversation_that_lost_its_greeting_gets_it_with_the_same_key(console: Console, desk: Desk) -> None:
    """The process ended between storing the referral and greeting."""
    body, key = REFERRAL | {"open_conversation": True}, uuid4().hex
    first = desk.post("referrals", body, key).json()
    console.rows("DELETE FROM messages WHERE conversation_id = :id", id=first["conversation"]["id"])
    assert desk.post("referrals", body, key).json() == first
    count = "SELECT count(*) FROM messages WHERE conversation_id = :id"
    assert console.rows(count, id=first["conversation"]["id"]) == [(2,)]


def test_without_models_it_is_said_and_the_rest_works(tmp_path: Path) -> None:
    console = running_console(tmp_path, MODELS_DIR=str(tmp_path / "nothing"))
    try:
        desk = desk_of(console, "suggestions", "referrals")
        reply = desk.post("suggestions", QUESTION)
        check_problem(reply, 503, "no-suggestions")
        assert int(reply.headers["retry-after"]) > 0
        assert desk.post("referrals", REFERRAL).status_code == 201
    finally:
        console.close()
