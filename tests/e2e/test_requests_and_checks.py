"""Requests for a desk, and the two checks, over the API: what is kept, for whom, and what is kept nowhere."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cache
from typing import Any
from uuid import uuid4

import httpx
import pytest

from bot.answers.knowledge import load
from bot.guides.charter_text import dimensions
from bot.guides.guiding import Guiding, open_guiding
from bot.helpdesk.forms import REQUEST, Form
from bot.settings import settings
from bot.texts import LANGUAGES, text
from tests.conftest import Visitor
from tests.e2e.conversing import check_problem, in_database, within_the_hour
from tests.running import System

COMPANY = {"name": "Voorbeeld BV", "kvk_number": "68750110"}
PHONE = "070 123 45 67"
CODE = "AB12-CD34-EF56"


@cache
def guiding() -> Guiding:
    folder = settings().knowledge_dir
    return open_guiding(folder, load(folder))


def form(id_: str) -> Form:
    return guiding().forms[id_]


def label(form_: str, field: str, language: str) -> str:
    """What a complaint calls the field: a consent, which is a whole sentence, by one word."""
    [found] = [f for f in form(form_).fields if f.id == field]
    return {"nl": "Akkoord", "en": "Consent"}[language] if found.kind == "consent" else found.label[language]


def filled(kind: str, **other: Any) -> dict[str, Any]:
    """A form that is well filled in, by somebody who is called like nobody else."""
    fields: dict[str, Any] = {
        "companies": [COMPANY], "wrong": "new-address", "address": "Voorbeeldstraat 1\n1234 AB Voorbeeldstad",
        "organisation": "Voorbeeld BV", "about": "Ons Plan van Aanpak.", "desk": "charter", "subject": "Het plan",
        "question": "Mag een stichting tekenen?",
        "name": "Vera Voorbeeld", "email": f"vera.{uuid4().hex}@example.nl", "phone": PHONE, "consent": True,
    }  # fmt: skip
    return {field.id: fields[field.id] for field in form(kind).fields if field.id in fields} | other


def put_in(visitor: Visitor, kind: str, fields: Mapping[str, Any], key: str | None = None) -> httpx.Response:
    """Puts a request in, whatever comes of it."""
    headers = {"Idempotency-Key": key} if key else {}
    return visitor.http.post(f"{visitor.path}/requests", json={"kind": kind, "fields": fields}, headers=headers)


def reference_of(reply: httpx.Response) -> str:
    """The reply is a reference, and nothing else."""
    assert (reply.status_code, set(reply.json())) == (201, {"reference"}), reply.text
    reference = str(reply.json()["reference"])
    assert re.fullmatch(r"[PC]-\d{7}", reference)
    return reference


def rows(system: System, query: str, *values: object) -> list[tuple]:
    """What the database says."""
    with closing(sqlite3.connect(system.database, timeout=60)) as database:
        return database.execute(query, values).fetchall()


def counts(system: System) -> dict[str, int]:
    """How many rows every table has."""
    tables = [name for (name,) in rows(system, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: rows(system, f'SELECT count(*) FROM "{name}"')[0][0] for name in tables}


def elsewhere(system: System, words: str) -> list[str]:
    """Which tables but that of the requests hold these words, and whether a log does."""
    with closing(sqlite3.connect(system.database, timeout=60)) as database:
        found = [line.split('"')[1] for line in database.iterdump() if words in line]
    return [table for table in found if table != "requests"] + ["a log"] * (words in system.logs())


KINDS = sorted(form.id for form in guiding().forms.values() if form.sends == REQUEST)
CHECKS = sorted(set(guiding().forms) - set(KINDS))


# Requests


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_request(system: System, kind: str, language: str) -> None:
    """A reference, a confirmation with that reference, and a row; who asked stands in that row alone."""
    visitor, fields = Visitor(system, language), filled(kind)
    reference = reference_of(put_in(visitor, kind, fields))
    desk = fields.get("desk") or form(kind).desk
    assert reference[0] == desk[0].upper()
    [confirmed] = visitor.messages()[len(visitor.opening) :]
    assert (confirmed["sender"], confirmed["kind"], confirmed["language"]) == ("system", "text", language)
    assert confirmed["text"] == form(kind).done[language].format(reference=reference)
    query = "SELECT kind, desk, language, state, conversation_id, fields FROM requests WHERE reference = ?"
    [(*kept, kept_fields)] = rows(system, query, reference)
    assert kept == [kind, desk, language, "open", visitor.id]
    assert json.loads(kept_fields) == fields
    for said in (fields.get("email", f"nobody{uuid4()}"), "Vera Voorbeeld"):
        assert elsewhere(system, said) == []


def test_the_confirmation_is_in_the_language_that_is_spoken_now(visitor: Visitor) -> None:
    visitor.say("English please")
    reference = reference_of(put_in(visitor, "call-back", filled("call-back", desk="portal")))
    said = visitor.messages()[-1]
    assert said["language"] == "en"
    assert said["text"] == form("call-back").done["en"].format(reference=reference)
    assert rows(visitor.system, "SELECT language, desk FROM requests WHERE reference = ?", reference) == [
        ("en", "portal")
    ]  # fmt: skip


def test_the_same_key_again(visitor: Visitor) -> None:
    """A form that is sent again because the answer got lost: one request, one confirmation."""
    fields = filled("advice-talk")
    first = put_in(visitor, "advice-talk", fields, "k")
    again = put_in(visitor, "advice-talk", fields, "k")
    assert reference_of(first) == reference_of(again)
    assert len(visitor.messages()) == len(visitor.opening) + 1
    assert rows(visitor.system, "SELECT count(*) FROM requests WHERE conversation_id = ?", visitor.id) == [(1,)]


def test_the_same_key_at_once(visitor: Visitor) -> None:
    fields = filled("advice-talk")
    with ThreadPoolExecutor(3) as threads:
        sent = list(threads.map(lambda _: put_in(visitor, "advice-talk", fields, "k"), range(3)))
    assert len({reference_of(reply) for reply in sent}) == 1
    assert len(visitor.messages()) == len(visitor.opening) + 1


def test_a_confirmation_that_failed_comes_with_the_same_key(fragile_system: System) -> None:
    """The database failed in between, so nothing was kept: whoever sends it again must see the confirmation.

    On the fragile system: the fault stands in its log.
    """
    visitor = Visitor(fragile_system)
    fields = filled("advice-talk")
    with closing(sqlite3.connect(visitor.system.database, timeout=60)) as database:
        database.execute(
            f"CREATE TRIGGER no_confirmation BEFORE INSERT ON messages WHEN NEW.conversation_id = '{visitor.id}'"
            " BEGIN SELECT RAISE(ABORT, 'out of order'); END"
        )
        try:
            assert put_in(visitor, "advice-talk", fields, "k").status_code >= 500
        finally:
            database.execute("DROP TRIGGER no_confirmation")
    reference = reference_of(put_in(visitor, "advice-talk", fields, "k"))
    assert rows(visitor.system, "SELECT reference FROM requests WHERE conversation_id = ?", visitor.id) == [
        (reference,)
    ]  # fmt: skip
    assert reference in visitor.messages()[-1]["text"]
    assert len(visitor.messages()) == len(visitor.opening) + 1


def test_the_same_key_for_something_else(visitor: Visitor) -> None:
    """Other words, or another form: refused, and nothing is kept of it."""
    fields = filled("orientation-talk")
    reference_of(put_in(visitor, "orientation-talk", fields, "k"))
    before = visitor.messages()
    check_problem(put_in(visitor, "orientation-talk", fields | {"about": "Iets anders."}, "k"), 409, "key-reused")
    check_problem(put_in(visitor, "introduction-talk", fields, "k"), 409, "key-reused")
    assert visitor.messages() == before
    assert rows(visitor.system, "SELECT count(*) FROM requests WHERE conversation_id = ?", visitor.id) == [(1,)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("kind", "field", "value", "key"),
    [
        ("code-missing", "companies", [], "form.required"),
        ("code-missing", "companies", [{"name": "Voorbeeld BV", "kvk_number": "123"}], "registration.kvk.length"),
        ("code-missing", "email", "vera", "registration.email.wrong"),
        ("letter-wrong", "wrong", "everything", "form.choice"),
        ("letter-wrong", "phone", "bel mij", "form.phone"),
        ("orientation-talk", "organisation", "", "form.required"),
        ("introduction-talk", "name", "123", "form.name"),
        ("advice-talk", "about", ["?"], "form.text"),
        ("call-back", "desk", "<script>", "form.choice"),
        ("call-back", "consent", False, "form.required"),
    ],
)
def test_a_field_that_is_wrong(system: System, kind: str, field: str, value: object, key: str, language: str) -> None:
    """The detail names it as the form does, and says what is wrong; nothing is kept."""
    visitor, before = Visitor(system, language), counts(system)["requests"]
    refused = put_in(visitor, kind, filled(kind) | {field: value})
    check_problem(refused, 422, "fields", language)
    detail = refused.json()["detail"]
    assert detail.startswith(f"{label(kind, field, language)}: ")
    assert detail.endswith(text(key, language))
    assert "{" not in detail
    assert visitor.messages() == visitor.opening
    assert counts(system)["requests"] == before


def test_every_field_that_is_wrong_is_named(visitor: Visitor) -> None:
    refused = put_in(visitor, "code-missing", {})
    check_problem(refused, 422, "fields")
    for field in ("companies", "name", "email", "phone", "consent"):
        assert label("code-missing", field, "nl") in refused.json()["detail"]


def test_a_field_that_no_form_has(visitor: Visitor) -> None:
    """Signs that mean something to a computer are just signs."""
    for strange in ("bsn", "{reference}", "%s", "'; --", "<b>"):
        refused = put_in(visitor, "call-back", filled("call-back") | {strange: "1"})
        check_problem(refused, 422, "fields")
        assert refused.json()["detail"] == text("form.strange", "nl", field=strange)


@pytest.mark.parametrize("kind", ["", "no-such-form", "x" * 40, *CHECKS])
def test_a_kind_that_is_no_request(visitor: Visitor, kind: str) -> None:
    """The checks are no requests: nothing of them is kept."""
    refused = put_in(visitor, kind, filled("call-back"))
    check_problem(refused, 422, "invalid")
    assert "kind" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("content", "status", "name"),
    [
        (b"{", 400, "bad-json"), (b"[]", 400, "bad-json"), (b'{"kind": "\\ud800"}', 400, "bad-json"),
        (b"", 422, "invalid"), (b"{}", 422, "invalid"), (b'{"kind": "call-back"}', 422, "invalid"),
        (b'{"kind": "call-back", "fields": []}', 422, "invalid"), (b'{"kind": 1, "fields": {}}', 422, "invalid"),
        (b'{"kind": "call-back", "fields": {}, "desk": "portal"}', 422, "invalid"),
        (json.dumps({"kind": "k" * 41, "fields": {}}).encode(), 422, "invalid"),
        (json.dumps({"kind": "call-back", "fields": {"name": "x" * 70_000}}).encode(), 413, "too-large"),
    ],
    ids=range(11),
)  # fmt: skip
def test_a_body_that_is_no_request(visitor: Visitor, content: bytes, status: int, name: str) -> None:
    refused = visitor.http.post(f"{visitor.path}/requests", content=content)
    check_problem(refused, status, name, "nl")
    assert visitor.messages() == visitor.opening


def test_a_key_that_is_too_long(visitor: Visitor) -> None:
    check_problem(put_in(visitor, "call-back", filled("call-back"), "k" * 201), 422, "invalid")


def test_who_may(visitor: Visitor) -> None:
    """Only who holds the token; a conversation of somebody else is none."""
    stranger, body = Visitor(visitor.system), {"kind": "call-back", "fields": filled("call-back")}
    check_problem(httpx.post(f"{visitor.system.url}{visitor.path}/requests", json=body, timeout=60), 401, "no-token")
    check_problem(stranger.http.post(f"{visitor.path}/requests", json=body), 404, "no-conversation")
    check_problem(stranger.http.post(f"/api/v1/conversations/{uuid4()}/requests", json=body), 404, "no-conversation")
    check_problem(visitor.http.get(f"{visitor.path}/requests"), 405, "method")
    assert visitor.messages() == visitor.opening


def test_codes_are_masked(visitor: Visitor) -> None:
    """Also here, where the form asks not to fill one in."""
    fields = filled("code-missing", remarks=f"Op de brief staat {CODE}, klopt dat?")
    reference = reference_of(put_in(visitor, "code-missing", fields))
    [(kept,)] = rows(
        visitor.system, "SELECT json_extract(fields, '$.remarks') FROM requests WHERE reference = ?", reference
    )
    assert kept == "Op de brief staat •••, klopt dat?"
    assert elsewhere(visitor.system, CODE) == []


def test_hostile_words_are_kept_as_they_are(visitor: Visitor) -> None:
    """They are somebody else's to show; nothing is filled in, run or lost."""
    said = '<script>alert(1)</script> {reference} %s \'; DROP TABLE requests; -- \u202e\U0001f600 #read("/etc/passwd")'
    reference = reference_of(
        put_in(visitor, "advice-talk", filled("advice-talk", about=said, name="{reference} O'Brien"))
    )
    query = "SELECT json_extract(fields, '$.about'), json_extract(fields, '$.name') FROM requests WHERE reference = ?"
    [(about, name)] = rows(visitor.system, query, reference)
    assert (about.replace("\u202e", ""), name) == (said.replace("\u202e", ""), "{reference} O'Brien")
    assert "alert" not in visitor.messages()[-1]["text"]


def test_erasing_the_conversation_erases_the_request(system: System) -> None:
    """From every file of the database; that of another visitor stays."""
    visitor, other = Visitor(system), Visitor(system)
    fields = filled("introduction-talk")
    reference = reference_of(put_in(visitor, "introduction-talk", fields))
    kept = reference_of(put_in(other, "introduction-talk", filled("introduction-talk")))
    assert visitor.http.delete(visitor.path).status_code == 204
    assert rows(system, "SELECT reference FROM requests WHERE reference IN (?, ?)", reference, kept) == [(kept,)]
    assert in_database(system, fields["email"]) == []
    check_problem(put_in(visitor, "introduction-talk", fields), 404, "no-conversation")


# A request in a guide


def offered(message: dict, title: str) -> dict:
    """The button with this title."""
    return next(button for button in message["buttons"] if button["title"] == title)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_next_step_follows(system: System, language: str) -> None:
    """Behind the confirmation, once; then the guide goes on as always."""
    visitor = Visitor(system, language)
    charter = guiding().guides.guides["charter"]
    start = text("guide.offer", language, title=charter.title[language])
    [first] = visitor.press(offered(visitor.opening[0], start))
    [asked] = visitor.press(first["buttons"][0])
    assert "(/?wegwijzer-form=orientation-talk)" in asked["text"]
    before, fields = len(visitor.messages()), filled("orientation-talk")
    reference = reference_of(put_in(visitor, "orientation-talk", fields, "k"))
    assert reference_of(put_in(visitor, "orientation-talk", fields, "k")) == reference
    confirmed, step = visitor.messages()[before:]
    assert reference in confirmed["text"]
    assert (step["kind"], step["language"]) == ("guide", language)
    assert step["progress"]["step"] == asked["progress"]["step"] + 1
    assert charter.step("ambition").title[language] in step["text"]
    [after] = visitor.say("verder" if language == "nl" else "next")
    assert charter.step("feedback").title[language] in after["text"]


def test_another_request_leaves_the_guide_where_it_is(visitor: Visitor) -> None:
    """The step comes again, below the confirmation."""
    charter = guiding().guides.guides["charter"]
    visitor.press(offered(visitor.opening[0], text("guide.offer", "nl", title=charter.title["nl"])))
    before = len(visitor.messages())
    reference = reference_of(put_in(visitor, "call-back", filled("call-back")))
    confirmed, step = visitor.messages()[before:]
    assert reference in confirmed["text"]
    assert step["text"].startswith(text("guide.again", "nl", **step["progress"], title=charter.steps[0].title["nl"]))
    assert visitor.say("wij oriënteren ons")[0]["progress"]["step"] == 2


def test_a_guide_that_was_left_stays_where_it_is(visitor: Visitor) -> None:
    charter = guiding().guides.guides["charter"]
    visitor.press(offered(visitor.opening[0], text("guide.offer", "nl", title=charter.title["nl"])))
    visitor.say("wij oriënteren ons")
    visitor.say("stop")
    before = len(visitor.messages())
    reference_of(put_in(visitor, "orientation-talk", filled("orientation-talk")))
    assert len(visitor.messages()) == before + 1


# What is shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_forms(system: System, language: str) -> None:
    """All of them, in one language, and nothing that is the server's own business."""
    reply = httpx.get(f"{system.url}/api/v1/forms/{language}", timeout=60)
    assert reply.status_code == 200
    assert "max-age" in reply.headers["Cache-Control"]
    shown = reply.json()["forms"]
    assert [entry["id"] for entry in shown] == list(guiding().forms)
    for entry in shown:
        assert set(entry) == {"id", "sends", "title", "intro", "submit", "one_of", "fields"}
        assert entry["title"] == form(entry["id"]).title[language]
        assert entry["sends"] in ("request", "checks/registration", "checks/charter-text", "verification")
        ids = [field["id"] for field in entry["fields"]]
        assert {id_ for group in entry["one_of"] for id_ in group} <= set(ids)
        for field in entry["fields"]:
            assert set(field) == {"id", "kind", "label", "hint", "required", "most", "options"}
            assert field["label"] and "{" not in field["label"]
            for option in field["options"] or ():
                assert set(option) == {"id", "title"}


@pytest.mark.parametrize("language", ["de", "NL", "nl.yml", "..%2Fnl"])
def test_forms_in_no_language_of_ours(system: System, language: str) -> None:
    check_problem(httpx.get(f"{system.url}/api/v1/forms/{language}", timeout=60), 404, "not-found")


# The checks


@pytest.fixture
def asking(system: System) -> Iterator[httpx.Client]:
    """Somebody who has no conversation. When the test is over, every table has as many rows as before."""
    before = counts(system)
    with httpx.Client(base_url=f"{system.url}/api/v1/checks", timeout=60) as http:
        yield http
    assert counts(system) == before, "something was kept"


CONTACTS = [
    {"name": "Vera Voorbeeld", "email": "vera@example.nl"}, {"name": "Wim Voorbeeld", "email": "wim@example.nl"}
]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_details_that_are_well_formed(asking: httpx.Client, language: str) -> None:
    body = {"kvk_number": " 68 75 01 10 ", "contacts": CONTACTS, "language": language}
    reply = asking.post("/registration", json=body)
    assert (reply.status_code, reply.headers["Cache-Control"]) == (200, "no-store")
    said = [text(f"registration.{key}", language) for key in ("fine", "limits", "not_kept")]
    assert reply.json() == {"well_formed": True, "problems": [], "text": "\n\n".join(said)}


def _contact(at: int, **other: str) -> list[dict[str, str]]:
    return [contact | other if at == number else contact for number, contact in enumerate(CONTACTS)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("number", "contacts", "field", "key"),
    [
        ("", CONTACTS, "kvk_number", "kvk.empty"),
        ("KVK 68750110", CONTACTS, "kvk_number", "kvk.letters"),
        ("000068750110", CONTACTS, "kvk_number", "kvk.establishment"),
        ("687501100", CONTACTS, "kvk_number", "kvk.rsin"),
        ("00000000", CONTACTS, "kvk_number", "kvk.zeros"),
        ("6875011", CONTACTS, "kvk_number", "kvk.length"),
        ("68750110", CONTACTS[:1], "contacts", "contacts.two"),
        ("68750110", [*CONTACTS, CONTACTS[0]], "contacts", "contacts.two"),
        ("68750110", [], "contacts", "contacts.two"),
        ("68750110", _contact(0, name=""), "contacts.0.name", "name.empty"),
        ("68750110", _contact(1, name="V"), "contacts.1.name", "name.length"),
        ("68750110", _contact(1, name="1234"), "contacts.1.name", "name.letters"),
        ("68750110", _contact(0, email=""), "contacts.0.email", "email.empty"),
        ("68750110", _contact(1, email="wim at example.nl"), "contacts.1.email", "email.wrong"),
        ("68750110", _contact(1, email="VERA@example.nl"), "contacts.1.email", "email.same"),
    ],
    ids=range(15),
)
def test_details_that_are_not(
    asking: httpx.Client, number: str, contacts: list[dict], field: str, key: str, language: str
) -> None:
    body = {"kvk_number": number, "contacts": contacts, "language": language}
    said = asking.post("/registration", json=body).json()
    assert set(said) == {"well_formed", "problems", "text"}
    message = text(f"registration.{key}", language)
    assert (said["well_formed"], said["problems"]) == (False, [{"field": field, "message": message}])
    assert text("registration.problems", language) in said["text"]
    assert f":** {message}" in said["text"]
    assert text("registration.not_kept", language) in said["text"]


def test_nothing_at_all_is_filled_in(asking: httpx.Client) -> None:
    """Everything that is missing, in the language of the browser."""
    for body in (b"", b"{}"):
        said = asking.post("/registration", content=body, headers={"Accept-Language": "en-GB, nl;q=0.5"}).json()
        assert [problem["field"] for problem in said["problems"]] == ["kvk_number", "contacts"]
        assert said["text"].startswith(text("registration.problems", "en"))


TEXTS = {
    "nl": ("Wij streven naar gendergelijkheid in onze top.", "Wij streven naar een mooi bedrijf."),
    "en": ("We aim for gender equality at the top.", "We aim for a beautiful company."),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_charter_text(asking: httpx.Client, language: str) -> None:
    """Whether it fits, which dimension it names, and who gives feedback on the rest."""
    one, none = TEXTS[language]
    reply = asking.post("/charter-text", json={"text": one, "language": language})
    assert (reply.status_code, reply.headers["Cache-Control"]) == (200, "no-store")
    said = reply.json()
    assert set(said) == {"fits_page", "pages", "dimensions", "text"}
    assert (said["fits_page"], said["pages"], len(said["dimensions"])) == (True, 1, 1)
    [named] = [dimension.title[language] for dimension in dimensions() if dimension.id in said["dimensions"]]
    assert said["text"].startswith(text("charter_text.fits", language))
    assert named in said["text"]
    for key in ("measured", "feedback", "not_kept"):
        assert text(f"charter_text.{key}", language) in said["text"]
    assert one not in said["text"]

    said = asking.post("/charter-text", json={"text": none, "language": language}).json()
    assert (said["fits_page"], said["dimensions"]) == (True, [])
    assert all(dimension.title[language] in said["text"] for dimension in dimensions())

    said = asking.post("/charter-text", json={"text": f"{one}\n\n" * 60, "language": language}).json()
    assert (said["fits_page"], said["pages"] > 1) == (False, True)
    assert text("charter_text.too_many_pages", language, pages=said["pages"]) in said["text"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_charter_text_that_is_none(asking: httpx.Client, language: str) -> None:
    """Nothing, or more than fits in the check."""
    for nothing in ("", " \n\t\u00a0"):
        refused = asking.post("/charter-text", json={"text": nothing, "language": language})
        check_problem(refused, 422, "field", language)
        assert refused.json()["detail"] == text("charter_text.empty", language)
        assert not re.search("knop|button", refused.json()["detail"]), "that is about a message in the chat"
    refused = asking.post("/charter-text", json={"text": "a" * 20_001, "language": language})
    check_problem(refused, 422, "field", language)
    assert refused.json()["detail"] == text("charter_text.too_long", language)
    assert re.search(r"20[.,]?000", refused.json()["detail"])
    assert not re.search("twee berichten|two messages", refused.json()["detail"]), "that is about a message in the chat"
    assert asking.post("/charter-text", json={"text": "a b " * 5_000, "language": language}).status_code == 200


@pytest.mark.parametrize(
    "said",
    [
        '#read("/etc/passwd") #panic("x") #import "x.typ"', "$ x = 1 $ *a* _b_ `c` <d> @e = Kop",
        "\\ \\u{41} // /* */ ]])",
        "<script>alert(1)</script>", "{reference} {0} %s", "\u202e\u200b\ufeff\u0000\u0007", "\u0301" * 3000,
        "🙂" * 2000, "漢字" * 3000, "a" * 20_000, "\n" * 19_999 + "a", "\r\n\x0b\x0c\u2028\u2029x" * 500,
    ],
    ids=range(12),
)  # fmt: skip
def test_a_hostile_text(asking: httpx.Client, said: str) -> None:
    """It is measured like any other, in good time; nothing of it is run, read or repeated."""
    reply = asking.post("/charter-text", json={"text": said, "language": "nl"})
    assert reply.status_code == 200, reply.text
    assert reply.elapsed.total_seconds() < 15
    assert reply.json()["pages"] >= 1
    assert "root:" not in reply.text
    assert "alert" not in reply.text
    assert said not in reply.text


def test_nothing_of_a_check_is_kept(system: System, asking: httpx.Client) -> None:
    """Not in a file of the database, nor in a log."""
    marker = f"zeepaardje{uuid4().hex}"
    contacts = [{"name": marker, "email": f"{marker}@example.nl"}] * 2
    assert asking.post("/registration", json={"kvk_number": marker, "contacts": contacts}).status_code == 200
    assert asking.post("/charter-text", json={"text": marker}).status_code == 200
    files = [system.database.with_name(f"test.db{end}") for end in ("", "-wal", "-shm")]
    assert not [file.name for file in files if file.exists() and marker.encode() in file.read_bytes()]
    assert marker not in system.logs()


@pytest.mark.parametrize(
    ("path", "content", "status", "name"),
    [
        ("/registration", b"{", 400, "bad-json"), ("/registration", b"[]", 400, "bad-json"),
        ("/registration", b'{"kvk_number": "\\ud800"}', 400, "bad-json"),
        ("/registration", b'{"kvk_number": 68750110}', 422, "invalid"),
        ("/registration", b'{"contacts": {}}', 422, "invalid"),
        ("/registration", b'{"contacts": ["a"]}', 422, "invalid"),
        ("/registration", b'{"contacts": [{"name": null}]}', 422, "invalid"),
        ("/registration", b'{"contacts": [{"phone": "1"}]}', 422, "invalid"),
        ("/registration", json.dumps({"contacts": [CONTACTS[0]] * 21}).encode(), 422, "invalid"),
        ("/registration", json.dumps({"kvk_number": "1" * 20_001}).encode(), 422, "invalid"),
        ("/registration", b'{"language": "de"}', 422, "invalid"), ("/registration", b'{"bsn": "1"}', 422, "invalid"),
        ("/registration", json.dumps({"kvk_number": "1" * 70_000}).encode(), 413, "too-large"),
        ("/charter-text", b"", 422, "invalid"), ("/charter-text", b"{}", 422, "invalid"),
        ("/charter-text", b"nul", 400, "bad-json"), ("/charter-text", b'{"text": "\xff"}', 400, "bad-json"),
        ("/charter-text", b'{"text": null}', 422, "invalid"), ("/charter-text", b'{"text": ["a"]}', 422, "invalid"),
        ("/charter-text", b'{"text": "a", "language": "fr"}', 422, "invalid"),
        ("/charter-text", b'{"text": "a", "pages": 1}', 422, "invalid"),
        ("/charter-text", json.dumps({"text": "a" * 70_000}).encode(), 413, "too-large"),
    ],
    ids=range(22),
)  # fmt: skip
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_no_question_for_a_check(
    asking: httpx.Client, path: str, content: bytes, status: int, name: str, language: str
) -> None:
    check_problem(asking.post(path, content=content, headers={"Accept-Language": language}), status, name, language)


def test_twenty_contacts_are_read_and_said_to_be_too_many(asking: httpx.Client) -> None:
    said = asking.post("/registration", json={"kvk_number": "68750110", "contacts": [CONTACTS[0]] * 20}).json()
    assert "contacts" in [problem["field"] for problem in said["problems"]]


# Limits


def test_too_many_requests(strict: System) -> None:
    """Two in a conversation, three from an address; one that is not well filled in does not count."""
    within_the_hour()
    first, second = Visitor(strict), Visitor(strict, "en")
    assert put_in(first, "call-back", {}).status_code == 422
    sent = [put_in(first, "call-back", filled("call-back")) for _ in range(3)]
    assert [reply.status_code for reply in sent] == [201, 201, 429]
    check_problem(sent[-1], 429, "too-many")
    reference_of(put_in(second, "call-back", filled("call-back")))
    refused = put_in(second, "call-back", filled("call-back"))
    check_problem(refused, 429, "too-many", "en")
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["Retry-After"] in refused.json()["detail"]
    assert rows(strict, "SELECT count(*) FROM requests") == [(3,)]
    assert len(second.messages()) == len(second.opening) + 1


def test_too_many_checks(strict: System) -> None:
    """The checks need no conversation, so the address counts."""
    with httpx.Client(base_url=f"{strict.url}/api/v1/checks", timeout=60) as http:
        assert http.post("/registration", json={}).status_code == 200
        # A window of the clock that ends meanwhile lets a few more in, of either.
        for _ in range(45):
            one, other = http.post("/registration", json={}), http.post("/charter-text", json={"text": "a"})
            if one.status_code == other.status_code == 429:
                break
    check_problem(one, 429, "too-many")
    check_problem(other, 429, "too-many")
    assert int(one.headers["Retry-After"]) >= 1
