"""Phone and mail questions, drafts of topics and the report, as the console asks for them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from bot.answers.knowledge import load
from bot.database.types import now
from bot.helpdesk.fates import monday
from bot.helpdesk.queue import HandOverStore
from bot.settings import Settings, settings
from tests.console.conftest import Console, SignedIn
from tests.e2e.conversing import check_problem

KNOWLEDGE = load(settings().knowledge_dir)
CODE_PATTERN = str(Settings.model_fields["activation_code_pattern"].default)
ASKED = {
    "channel": "phone", "question": "Wij hebben geen activatiecode ontvangen", "language": "nl", "desk": "portal",
    "topic": "portal.activation-code-missing",
}  # fmt: skip
UNKNOWN = ASKED | {"topic": None, "question": "Mag een voetbalclub ook een streefcijfer kiezen?"}


def asked_in_chat(console: Console, words: str, desk: str = "portal") -> str:
    """A conversation that waits for the desk, in which this was asked last; Rasa does not run here."""
    id_, token = console.conversation()
    console.client(headers={"Authorization": f"Bearer {token}"}).post(
        f"/api/v1/conversations/{id_}/messages", json={"text": words}
    )
    HandOverStore(console.engine, CODE_PATTERN).ask(id_, desk, "asked")
    return id_


def fates(console: Console, channel: str) -> list[str]:
    found = console.rows("SELECT fate FROM suggestions WHERE channel = :channel ORDER BY id", channel=channel)
    return [fate for (fate,) in found]


def test_what_can_be_chosen_is_in_the_agents_language(console: Console) -> None:
    for language, own in (("nl", "Niemand, uit zichzelf"), ("en", "Nobody, of their own accord")):
        options = console.signed_in("agent", language=language).get("/console/api/questions/options").json()
        assert own in [each["title"] for each in options["referrers"]]
        assert {each["id"] for each in options["referrers"]} >= {"abu", "awvn", "inspectie-szw", "doe-netwerk", "own"}
        assert {each["id"] for each in options["topics"]} == set(KNOWLEDGE.topics)
        assert {each["id"] for each in options["materials"]} == set(KNOWLEDGE.materials)
        assert options["topics"][0]["title"] == next(iter(KNOWLEDGE.topics.values())).title[language]
        assert options["desks"] == ["portal"]


def test_suggestions_while_typing_are_not_kept(console: Console, agent: SignedIn) -> None:
    before = console.rows("SELECT count(*) FROM suggestions")
    for typed in ("geen", "geen activ", "geen activatiecode ontvangen"):
        reply = agent.post("/console/api/suggestions", json={"question": typed, "language": "nl", "channel": "email"})
        assert reply.status_code == 200, reply.text
    best = reply.json()["suggestions"][0]
    assert set(best) == {"topic", "title", "text", "score", "sources", "desk", "is_due"}
    assert (best["topic"], best["desk"], best["is_due"]) == ("portal.activation-code-missing", "portal", False)
    assert console.rows("SELECT count(*) FROM suggestions") == before
    check_problem(agent.post("/console/api/suggestions", json={"question": " ", "language": "nl"}), 422, "empty")


def test_a_question_is_logged_with_what_was_picked(console: Console, agent: SignedIn) -> None:
    whole = {
        "referrer": "vno-ncw", "is_signatory": True, "size": "sme", "need": "een voorbeeldbrief",
        "referred_to": "material", "referred_name": "charter-text-format",
    }  # fmt: skip
    before = len(fates(console, "phone"))
    reply = agent.post("/console/api/questions", json=ASKED | whole)
    assert (reply.status_code, set(reply.json()), reply.json()["draft"]) == (201, {"id", "draft"}, None), reply.text
    assert sorted(fates(console, "phone")[before:]) == ["ignored", "ignored", "inserted"]
    logged = agent.get("/console/api/questions").json()["questions"][0]
    assert logged["id"] == reply.json()["id"]
    assert {name: logged[name] for name in (*ASKED, *whole)} == ASKED | whole
    assert console.rows("SELECT account_id FROM logged_questions WHERE id = :id", id=logged["id"]) == [
        (agent.account.id,)
    ]


def test_a_code_and_a_number_reach_neither_the_database_nor_a_log(console: Console, agent: SignedIn) -> None:
    asked = ASKED | {"question": "De code ZX12-CV34-BN56 van KVK 90001354 werkt niet", "need": "bel 070 123 45 67"}
    assert agent.post("/console/api/questions", json=asked).status_code == 201
    for (table,) in console.rows("SELECT name FROM sqlite_master WHERE type = 'table'"):
        kept = repr(console.rows(f'SELECT * FROM "{table}"'))
        assert not [secret for secret in ("ZX12", "90001354", "123 45 67") if secret in kept], table
    assert "ZX12" not in console.system.logs()


def test_what_nobody_can_answer_leads_to_a_draft(console: Console, agent: SignedIn, editor: SignedIn) -> None:
    first = agent.post("/console/api/questions", json=UNKNOWN).json()
    again = agent.post(
        "/console/api/questions", json=UNKNOWN | {"question": "mag een voetbalclub ook een streefcijfer kiezen"}
    )
    assert first["draft"] and again.json()["draft"] == first["draft"], "much the same question, one draft"
    draft = editor.get(f"/console/api/drafts/{first['draft']}").json()
    assert (draft["origin"], draft["topic"], draft["state"]) == ("unanswered", None, "open")
    assert draft["title"] == UNKNOWN["question"], "called after its question until somebody gives it a title"
    assert draft["questions"] == [{"language": "nl", "text": UNKNOWN["question"]}]


def test_a_question_that_was_a_mistake_is_taken_back_with_its_draft_question(
    console: Console, agent: SignedIn, other_agent: SignedIn, editor: SignedIn
) -> None:
    made = agent.post("/console/api/questions", json=UNKNOWN | {"question": f"Vergissing {uuid4().hex}?"}).json()
    check_problem(other_agent.http.delete(f"/console/api/questions/{made['id']}"), 404, "not-found")
    assert agent.http.delete(f"/console/api/questions/{made['id']}").status_code == 204
    assert editor.get(f"/console/api/drafts/{made['draft']}").json()["questions"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"channel": "chat"}, {"question": " "}, {"question": "x" * 2001}, {"language": "de"}, {"desk": "charter"},
        {"topic": "law.no-such-topic"}, {"referrer": "shell"}, {"is_signatory": "yes"}, {"size": "huge"},
        {"need": "x" * 301}, {"referred_to": "moon"}, {"referred_to": "material", "referred_name": "nothing"},
        {"more": 1},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_question_that_cannot_be_is_refused_by_its_field(
    console: Console, agent: SignedIn, change: dict[str, Any]
) -> None:
    before = console.rows("SELECT count(*) FROM logged_questions")
    reply = agent.post("/console/api/questions", json=ASKED | change)
    check_problem(reply, 422, "invalid")
    assert list(change)[-1] in reply.json()["detail"]
    assert console.rows("SELECT count(*) FROM logged_questions") == before


@pytest.mark.parametrize(
    ("method", "path", "roles"),
    [
        ("GET", "questions/options", {"agent"}), ("POST", "suggestions", {"agent", "editor"}),
        ("GET", "questions", {"agent", "editor"}), ("POST", "questions", {"agent"}),
        ("DELETE", "questions/x", {"agent"}),
        ("GET", "drafts", {"editor"}), ("POST", "drafts", {"agent", "editor"}), ("GET", "drafts/x", {"editor"}),
        ("GET", "drafts/x.md", {"editor"}), ("PATCH", "drafts/x", {"editor"}),
        ("GET", "suggestion-report", {"agent", "editor", "analyst"}),
    ],
)  # fmt: skip
def test_who_may_do_what(console: Console, method: str, path: str, roles: set[str]) -> None:
    check_problem(console.client().request(method, f"/console/api/{path}"), 401, "signed-out")
    for role in ("agent", "editor", "analyst", "taskforce"):
        reply = console.signed_in(role).http.request(method, f"/console/api/{path}")
        assert (reply.status_code == 403) == (role not in roles), f"{role}: {reply.text}"
    if method != "GET":
        reply = console.signed_in("admin").http.request(method, f"/console/api/{path}", headers={"X-CSRF-Token": ""})
        check_problem(reply, 403, "csrf")


# ---- drafts


def test_an_edited_answer_becomes_a_file_with_the_question_that_led_to_it(
    console: Console, agent: SignedIn, editor: SignedIn
) -> None:
    conversation = asked_in_chat(console, "Telt een commissaris twee keer mee voor het quotum?")
    answer = KNOWLEDGE.topics["law.quota"].answer["nl"] + " Een commissaris telt één keer mee.\n\nBron: een document"
    body = {"topic": "law.quota", "language": "nl", "answer": answer, "conversation": conversation, "desk": "portal"}
    reply = agent.post("/console/api/drafts", json=body)
    assert reply.status_code == 201, reply.text
    file = editor.get(f"/console/api/drafts/{reply.json()['id']}.md")
    assert file.headers["content-type"] == "text/markdown; charset=utf-8"
    assert file.headers["content-disposition"] == 'attachment; filename="quota.md"'
    assert "id: law.quota\n" in file.text
    assert '- {nl: "Telt een commissaris twee keer mee voor het quotum?", en: ""}' in file.text
    assert "Een commissaris telt één keer mee.\n## en\n" in file.text, "the line with its sources is left out"


def test_an_answer_of_an_agents_own_is_a_draft_without_a_topic(
    console: Console, agent: SignedIn, editor: SignedIn
) -> None:
    conversation = asked_in_chat(console, "Wat is de kleur van de map met stukken?")
    body = {
        "topic": None,
        "language": "nl",
        "answer": "Die map is groen.",
        "conversation": conversation,
        "desk": "portal",
    }
    made = agent.post("/console/api/drafts", json=body).json()
    draft = editor.get(f"/console/api/drafts/{made['id']}").json()
    assert (draft["origin"], draft["answer"], len(draft["questions"])) == ("unanswered", "Die map is groen.", 1)


def test_an_answer_is_kept_whatever_the_language_of_the_question(
    console: Console, agent: SignedIn, editor: SignedIn
) -> None:
    body = {"language": "nl", "answer": "Er staan veertig stoelen.", "desk": "portal"}
    body["conversation"] = asked_in_chat(console, "How many chairs are there in your canteen?")
    made = agent.post("/console/api/drafts", json=body).json()
    draft = editor.get(f"/console/api/drafts/{made['id']}").json()
    assert (draft["answer"], draft["language"]) == ("Er staan veertig stoelen.", "nl")
    assert [question["language"] for question in draft["questions"]] == ["en"]


def test_another_desks_conversation_gives_no_question_away(console: Console, agent: SignedIn) -> None:
    conversation = asked_in_chat(console, "Een vraag over het Charter", desk="charter")
    body = {"language": "nl", "conversation": conversation, "desk": "portal"}
    check_problem(agent.post("/console/api/drafts", json=body), 404, "no-conversation")
    check_problem(agent.post("/console/api/drafts", json=body | {"conversation": "nope"}), 404, "no-conversation")


def test_erasing_the_conversation_takes_the_question_out_of_the_draft(
    console: Console, agent: SignedIn, editor: SignedIn
) -> None:
    id_, token = console.conversation()
    visitor = console.client(headers={"Authorization": f"Bearer {token}"})
    visitor.post(f"/api/v1/conversations/{id_}/messages", json={"text": f"Mag {uuid4().hex} ook?"})
    HandOverStore(console.engine, CODE_PATTERN).ask(id_, "portal", "asked")
    made = agent.post("/console/api/drafts", json={"language": "nl", "conversation": id_, "desk": "portal"}).json()
    assert len(editor.get(f"/console/api/drafts/{made['id']}").json()["questions"]) == 1
    assert visitor.delete(f"/api/v1/conversations/{id_}").status_code == 204
    draft = editor.get(f"/console/api/drafts/{made['id']}").json()
    assert (draft["questions"], draft["title"]) == ([], "Nog zonder titel")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"language": "nl"}, "question"), ({"language": "nl", "question": " ", "desk": "portal"}, "question"),
        ({"language": "nl", "question": "Mag dat?"}, "desk"), ({"language": "nl", "topic": "law.quota"}, "answer"),
        ({"language": "nl", "topic": "law.nothing", "answer": "Ja."}, "topic"), ({"topic": "law.quota"}, "language"),
        ({"language": "nl", "topic": "law.quota", "answer": "x" * 4001}, "answer"),
    ],
)  # fmt: skip
def test_a_draft_that_cannot_be(agent: SignedIn, body: dict[str, Any], field: str) -> None:
    reply = agent.post("/console/api/drafts", json=body)
    check_problem(reply, 422, "invalid")
    assert field in reply.json()["detail"]


def test_an_editor_works_through_the_drafts(console: Console, agent: SignedIn, editor: SignedIn) -> None:
    question = f"Waarom {uuid4().hex}?"
    made = agent.post("/console/api/drafts", json={"language": "nl", "question": question, "desk": "portal"}).json()[
        "id"
    ]
    assert made in [each["id"] for each in editor.get("/console/api/drafts").json()["drafts"]]
    changed = editor.http.patch(
        f"/console/api/drafts/{made}", json={"title": "Waarom", "answer": "Daarom.", "state": "done"}
    )
    assert (changed.json()["title"], changed.json()["answer"], changed.json()["state"]) == ("Waarom", "Daarom.", "done")
    assert made not in [each["id"] for each in editor.get("/console/api/drafts").json()["drafts"]]
    assert made in [each["id"] for each in editor.get("/console/api/drafts?state=done").json()["drafts"]]
    check_problem(editor.get("/console/api/drafts?state=live"), 422, "invalid")
    check_problem(editor.get(f"/console/api/drafts?after={'x' * 121}"), 422, "invalid")
    check_problem(editor.http.patch(f"/console/api/drafts/{made}", json={"state": "live"}), 422, "invalid")
    for reply in (
        editor.http.patch("/console/api/drafts/nope", json={}),
        editor.get("/console/api/drafts/nope"),
        editor.get("/console/api/drafts/nope.md"),
    ):
        check_problem(reply, 404, "not-found")
    [(account,)] = console.rows(
        "SELECT account_id FROM staff_audit WHERE action = 'draft_done' AND subject = :d", d=made
    )
    assert account == editor.account.id


# ---- the report


def test_the_report_counts_what_became_of_suggestions(console: Console, agent: SignedIn) -> None:
    before = agent.get("/console/api/suggestion-report").json()["total"]
    agent.post("/console/api/questions", json=ASKED)
    agent.post("/console/api/questions", json=UNKNOWN)
    found = agent.get("/console/api/suggestion-report?weeks=1").json()
    total = found["total"]
    assert (total["shown"] - before["shown"], total["used"] - before["used"]) == (2, 1)
    assert total["at_three"] == pytest.approx(total["used"] / total["shown"])
    assert str(monday(now())) in [each["week"] for each in found["weeks"]]
    topics = {each["topic"]: each for each in found["topics"]}
    code = topics["portal.activation-code-missing"]
    assert code["title"] == KNOWLEDGE.topics["portal.activation-code-missing"].title["nl"] and code["used"] >= 1
    assert found["reranking_is_on"] is False and found["topics_by_week"]
    for weeks in ("0", "105", "x", "-1"):
        check_problem(agent.get(f"/console/api/suggestion-report?weeks={weeks}"), 422, "invalid")
