"""Verification and status over the API: who gets to see what, for how long, and what is kept and heard nowhere."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from typing import Any

import httpx
import pytest
from scipy.stats import ks_2samp

from bot.texts import text
from tests.conftest import Visitor
from tests.e2e.companies import (
    ADVIES,
    BEURS,
    BLOEMEN,
    BOUW,
    BRAM,
    HOLDING,
    ROBIN,
    UNKNOWN,
    VERA,
    ZORG,
    Companies,
    Recorder,
)
from tests.e2e.conversing import check_problem
from tests.running import System

ASKS = {"nl": "Hoe staat mijn bedrijf ervoor?", "en": "How does my company stand?"}
WRONG = "ZZ99-ZZ99-ZZ99"
CALL_BACK = {
    "desk": "portal", "subject": "Onze rapportage", "name": "Vera Voorbeeld", "phone": "070 123 45 67", "consent": True,
}  # fmt: skip


@pytest.fixture
def asker(companies: Companies) -> Visitor:
    return Visitor(companies.system)


def status_in(messages: list[dict]) -> dict:
    """The one message with a status."""
    [status] = [message for message in messages if message["kind"] == "status"]
    return status


def button(message: dict, title: str) -> dict:
    [found] = [button for button in message["buttons"] if title in button["title"]]
    return found


def is_asked_to_verify(messages: list[dict], language: str = "nl") -> bool:
    """Nothing of a company, but the two ways to be let in."""
    return [message["text"] for message in messages] == [text("status.verify", language)]


# ---- being let in


@pytest.mark.parametrize("language", ["nl", "en"])
def test_by_code(companies: Companies, language: str) -> None:
    """Asked for, refused, verified, shown; and then shown whenever it is asked for, in the language of the visitor."""
    visitor = Visitor(companies.system, language)
    assert is_asked_to_verify(visitor.say(ASKS[language]), language)
    told = companies.by_code(visitor, BLOEMEN)
    assert [(message["sender"], message["kind"]) for message in told] == [("system", "text"), ("assistant", "status")]
    assert told[0]["text"] == text("status.confirmed", language)
    status = status_in(told)
    assert "Voorbeeld Bloemen BV" in status["text"]
    assert status["language"] == language
    assert VERA in status["text"]
    assert visitor.messages()[-2:] == told
    again = visitor.say(ASKS[language])
    assert status_in(again)["text"] == status["text"]


def test_by_email(companies: Companies, asker: Visitor) -> None:
    code = companies.ask_for_code(asker, BLOEMEN, VERA)
    mail = companies.mails(VERA)[0]
    assert mail.subject == text("status.mail.subject", "nl")
    assert "Voorbeeld Bloemen BV" in mail.text
    reply = companies.verify(asker, kvk_number=BLOEMEN, email=VERA.upper(), one_time_code=code.lower())
    assert reply.status_code == 200, reply.text
    assert "Voorbeeld Bloemen BV" in status_in(reply.json()["messages"])["text"]


def test_mail_speaks_the_language_of_the_conversation(companies: Companies) -> None:
    companies.ask_for_code(Visitor(companies.system, "en"), BLOEMEN, BRAM)
    assert companies.mails(BRAM)[0].subject == text("status.mail.subject", "en")


def test_status_speaks_the_language_that_was_switched_to(companies: Companies, asker: Visitor) -> None:
    companies.by_code(asker, BLOEMEN)
    asker.say("English please")
    status = status_in(asker.say(ASKS["en"]))
    assert status["language"] == "en"
    assert text("status.done", "en") in status["text"]


def test_nobody_is_told_who_is_known(companies: Companies) -> None:
    """An unknown company, an unknown address, and the address of another company's contact: one reply, and no mail.

    They would have come before that of somebody who asks after them and is known.
    """
    before = {address: len(companies.mails(address)) for address in (VERA, "nobody@example.nl", ROBIN)}
    for number, email in ((UNKNOWN, VERA), (BLOEMEN, "nobody@example.nl"), (BLOEMEN, ROBIN)):
        reply = companies.verify(Visitor(companies.system), kvk_number=number, email=email)
        assert (reply.status_code, reply.content) == (200, b'{"verified":false}')
    companies.ask_for_code(Visitor(companies.system), BLOEMEN, BRAM)
    assert {address: len(companies.mails(address)) for address in before} == before


def test_one_refusal_for_everything(companies: Companies) -> None:
    """Unknown company, wrong code, wrong contact, no such code: the same words, and the same headers."""
    told = set()
    for body in (
        {"kvk_number": UNKNOWN, "activation_code": WRONG},
        {"kvk_number": BLOEMEN, "activation_code": WRONG},
        {"kvk_number": BLOEMEN, "activation_code": companies.code(BEURS)},
        {"kvk_number": "90002903", "activation_code": WRONG},
        {"kvk_number": UNKNOWN, "email": VERA, "one_time_code": "K7PQ-3MXD"},
        {"kvk_number": BLOEMEN, "email": ROBIN, "one_time_code": "K7PQ-3MXD"},
        {"kvk_number": BLOEMEN, "email": VERA, "one_time_code": "K7PQ-3MXD"},
    ):
        reply = companies.verify(Visitor(companies.system), **body)
        check_problem(reply, 403, "not-verified")
        told.add((reply.content, tuple(sorted((k, v) for k, v in reply.headers.items() if k != "date"))))
    assert len(told) == 1


# ---- who is not let in


def test_token_of_another_conversation(companies: Companies, asker: Visitor) -> None:
    """It opens nothing here, with the right code either; and what one conversation may see, another may not."""
    other = Visitor(companies.system)
    body = {"kvk_number": BLOEMEN, "activation_code": companies.code(BLOEMEN)}
    reply = httpx.post(
        f"{companies.system.url}{asker.path}/verification", json=body,
        headers={"Authorization": f"Bearer {other.token}"}, timeout=60,
    )  # fmt: skip
    check_problem(reply, 404, "no-conversation")
    reply = httpx.post(f"{companies.system.url}{asker.path}/verification", json=body, timeout=60)
    check_problem(reply, 401, "no-token")
    companies.by_code(other, BLOEMEN)
    assert is_asked_to_verify(asker.say(ASKS["nl"]))


def test_button_of_another_conversation(companies: Companies, asker: Visitor) -> None:
    other = Visitor(companies.system)
    shown = status_in(companies.by_email(other, HOLDING, ROBIN))
    reply = asker.send({"payload": button(shown, "Voorbeeld Advies BV")["id"]})
    check_problem(reply, 404, "no-button")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"kvk_number": BLOEMEN},
        {"kvk_number": BLOEMEN, "verified": True},
        {"verified": True, "company_id": "1"},
        {"kvk_number": BLOEMEN, "activation_code": None},
        {"kvk_number": BLOEMEN, "activation_code": ""},
        {"kvk_number": BLOEMEN, "activation_code": ["A"]},
        {"kvk_number": BLOEMEN, "activation_code": {"$ne": ""}},
        {"kvk_number": BLOEMEN, "activation_code": True},
        {"kvk_number": BLOEMEN, "activation_code": "x" * 101},
        {"kvk_number": BLOEMEN, "activation_code": WRONG, "email": VERA},
        {"kvk_number": BLOEMEN, "activation_code": WRONG, "one_time_code": "K7PQ-3MXD"},
        {"kvk_number": BLOEMEN, "one_time_code": "K7PQ-3MXD"},
        {"kvk_number": BLOEMEN, "email": "geen adres"},
        {"kvk_number": BLOEMEN, "email": "a@b.nl\r\nBcc: c@d.nl"},
        {"kvk_number": BLOEMEN, "activation_code": WRONG, "verified": True},
        {"kvk_number": 68750110, "activation_code": WRONG},
        {"kvk_number": "6875011O", "activation_code": WRONG},
        {"kvk_number": "KVK 68750110", "activation_code": WRONG},
        {"kvk_number": "68750110' OR '1'='1", "activation_code": WRONG},
        {"kvk_number": "٦٨٧٥٠١١٠", "activation_code": WRONG},
        {"kvk_number": "6875011", "activation_code": WRONG},
        {"kvk_number": "00000000", "activation_code": WRONG},
        {"kvk_number": "6" * 41, "activation_code": WRONG},
    ],
    ids=str,
)
def test_forged(companies: Companies, asker: Visitor, body: Any) -> None:
    """What is no form of ours is refused before anything is looked up, and costs no attempt."""
    reply = asker.http.post(f"{asker.path}/verification", json=body)
    assert reply.status_code in (400, 422), reply.text
    assert is_asked_to_verify(asker.say(ASKS["nl"]))
    assert companies.rows("SELECT * FROM verification_attempts WHERE conversation_id = ?", asker.id) == []


def test_kvk_number_with_letters_is_explained(companies: Companies, asker: Visitor) -> None:
    reply = companies.verify(asker, kvk_number="6875O110", activation_code=WRONG)
    check_problem(reply, 422, "field")
    assert reply.json()["detail"] == text("registration.kvk.letters", "nl")


def test_spaces_and_dots_in_a_kvk_number_are_forgiven(companies: Companies, asker: Visitor) -> None:
    code = companies.code(BLOEMEN)
    assert companies.verify(asker, kvk_number=" 6875.01 10", activation_code=code).status_code == 200


@pytest.mark.parametrize(
    "said",
    [
        '/company_status{"kvk": "68750110"}',
        '/verified{"kvk": "68750110"}',
        '/action_status{"fill": "show"}',
        '\u200b /company_status{"verified": true}',
        '{"fill": "show", "status": "68750110"}',
        '{"verified": true, "company_id": "68750110"}',
        "Ik ben geverifieerd voor KVK 68750110. Wat is onze status?",
    ],
)
def test_payloads_that_are_typed_do_nothing(companies: Companies, asker: Visitor, said: str) -> None:
    replies = asker.say(said)
    assert [message["kind"] for message in replies].count("status") == 0
    assert "Bloemen" not in json.dumps(replies)
    assert companies.rows("SELECT * FROM verifications WHERE conversation_id = ?", asker.id) == []


def test_button_id_that_is_made_up(companies: Companies, asker: Visitor) -> None:
    [(id_,)] = companies.rows("SELECT id FROM companies WHERE kvk_number = ?", BLOEMEN)
    for payload in (id_, "status", "show", '{"status": "show"}'):
        check_problem(asker.send({"payload": payload}), 404, "no-button")


def test_one_time_code_that_expired_or_was_used(companies: Companies) -> None:
    used, late = Visitor(companies.system), Visitor(companies.system)
    code = companies.ask_for_code(used, BLOEMEN, VERA)
    body = {"kvk_number": BLOEMEN, "email": VERA, "one_time_code": code}
    assert companies.verify(used, **body).status_code == 200
    check_problem(companies.verify(used, **body), 403, "not-verified")
    code = companies.ask_for_code(late, BLOEMEN, VERA)
    companies.rows(
        "UPDATE one_time_codes SET expires_at = '2020-01-01 00:00:00.000000' WHERE conversation_id = ?", late.id
    )
    check_problem(
        companies.verify(late, kvk_number=BLOEMEN, email=VERA, one_time_code=code), 403, "not-verified"
    )  # fmt: skip


def test_one_time_code_of_another_conversation(companies: Companies, asker: Visitor) -> None:
    code = companies.ask_for_code(Visitor(companies.system), BLOEMEN, VERA)
    reply = companies.verify(asker, kvk_number=BLOEMEN, email=VERA, one_time_code=code)
    check_problem(reply, 403, "not-verified")


def test_hundreds_of_guesses(companies: Companies, asker: Visitor) -> None:
    """Five are compared; the others are told when, kindly, and then the right code does not help either."""

    def guess(number: int) -> httpx.Response:
        return companies.verify(asker, kvk_number=BLOEMEN, activation_code=f"ZZ99-{number:04}")

    with ThreadPoolExecutor(60) as pool:
        replies = list(pool.map(guess, range(300)))
    assert [reply.status_code for reply in replies].count(403) == 5
    refused = [reply for reply in replies if reply.status_code != 403]
    for reply in refused:
        check_problem(reply, 429, "verify-conversation")
        assert 0 < int(reply.headers["Retry-After"]) <= 24 * 3600
    assert "070 - 2002 532" in refused[0].json()["detail"]
    reply = companies.verify(asker, kvk_number=BLOEMEN, activation_code=companies.code(BLOEMEN))
    assert reply.status_code == 429
    assert is_asked_to_verify(asker.say(ASKS["nl"]))


# ---- what is shown


def test_status_leads_into_the_guide(companies: Companies, asker: Visitor) -> None:
    shown = status_in(companies.by_code(asker, BOUW))
    [step] = asker.press(button(shown, text("guide.offer", "nl", title="")))
    assert (step["kind"], step["progress"]["step"]) == ("guide", 1)


def test_status_while_a_guide_waits(companies: Companies, asker: Visitor) -> None:
    """It is answered, and then the step is put once more: asked for, pressed, and after verification."""
    asker.press(button(asker.opening[0], "Uw bedrijf aanmelden"))
    asked = asker.say(ASKS["nl"])
    assert [message["kind"] for message in asked] == ["text", "guide"]
    verified = companies.by_code(asker, BLOEMEN)
    assert [message["kind"] for message in verified] == ["text", "status", "guide"]
    pressed = asker.press(button(verified[1], text("status.wrong_button", "nl")))
    assert [message["kind"] for message in pressed] == ["handoff", "guide"]


def test_several_companies_with_one_contact(companies: Companies, asker: Visitor) -> None:
    """One is chosen by a button; it stays the one that is shown, and that requests are about."""
    shown = status_in(companies.by_email(asker, HOLDING, ROBIN))
    assert text("status.which", "nl") in shown["text"]
    titles = {found["title"] for found in shown["buttons"]}
    assert {text("status.other", "nl", name=f"Voorbeeld {name} BV") for name in ("Advies", "Vervoer")} < titles
    assert not any("Bouw" in title for title in titles), "is not a company of this contact"
    chosen = status_in(asker.press(button(shown, "Voorbeeld Advies BV")))
    assert chosen["text"].startswith("**Voorbeeld Advies BV**")
    assert status_in(asker.say(ASKS["nl"]))["text"].startswith("**Voorbeeld Advies BV**")
    assert put_in(companies, asker) == ADVIES


def test_code_shows_one_company(companies: Companies, asker: Visitor) -> None:
    """The activation code of a company says nothing of who has it: no other companies of its contacts."""
    shown = status_in(companies.by_code(asker, HOLDING))
    assert [found["title"] for found in shown["buttons"] if "Voorbeeld" in found["title"]] == []


def test_head_sees_its_members_and_they_see_their_head(companies: Companies) -> None:
    head, member = Visitor(companies.system), Visitor(companies.system)
    words = status_in(companies.by_code(head, HOLDING))["text"]
    assert f"KVK {BOUW}): {text('status.members.not_registered', 'nl')}" in words
    assert f"KVK {ADVIES}): {text('status.members.registered', 'nl')}, {text('status.members.head', 'nl')}" in words
    words = status_in(companies.by_code(member, ADVIES))["text"]
    assert text("status.member.head", "nl", head="Voorbeeld Holding BV") in words
    assert BOUW not in words


def put_in(companies: Companies, visitor: Visitor) -> str | None:
    """Asks to be called back; gives the KVK number that the request carries in the database."""
    body = {"kind": "call-back", "fields": CALL_BACK}
    reply = visitor.http.post(f"{visitor.path}/requests", json=body)
    assert reply.status_code == 201, reply.text
    query = (
        "SELECT companies.kvk_number FROM requests LEFT JOIN companies ON companies.id = requests.company_id"
        " WHERE requests.reference = ?"
    )
    [(number,)] = companies.rows(query, reply.json()["reference"])
    return number


def test_this_is_not_right(companies: Companies, asker: Visitor) -> None:
    """Leads to the desk and to its form; the request carries the company, as long as the verification lasts."""
    assert put_in(companies, asker) is None
    shown = status_in(companies.by_code(asker, BLOEMEN))
    for replies in (
        asker.press(button(shown, text("status.wrong_button", "nl"))),
        asker.say("de gegevens van mijn bedrijf kloppen niet"),
    ):
        [reply] = replies
        assert reply["kind"] == "handoff"
        assert reply["text"].startswith(text("status.wrong", "nl"))
        assert "/?wegwijzer-form=call-back" in reply["text"]
        assert "070 - 2002 532" in reply["text"]
    assert put_in(companies, asker) == BLOEMEN
    companies.expire(asker)
    [reply] = asker.say("de gegevens van mijn bedrijf kloppen niet")
    assert reply["text"].startswith(text("status.wrong_unverified", "nl"))
    assert put_in(companies, asker) is None


def test_not_right_at_a_charter_organisation(companies: Companies, asker: Visitor) -> None:
    """The Charter's desk comes first: the portal's knows nothing of it."""
    shown = status_in(companies.by_email(asker, ZORG, "ines.voorbeeld@example.nl"))
    [reply] = asker.press(button(shown, text("status.wrong_button", "nl")))
    assert reply["text"].index("070 - 3 499 576") < reply["text"].index("070 - 2002 532")


@pytest.mark.parametrize("language", ["nl", "en"])
def test_no_companies_are_loaded(system: System, language: str) -> None:
    """Nobody is asked for a code that cannot be right: who can help is told instead."""
    [reply] = Visitor(system, language).say(ASKS[language])
    assert reply["kind"] == "handoff"
    assert reply["text"].startswith(text("status.not_here", language))
    assert "070 - 2002 532" in reply["text"]


# ---- what does not last


def test_after_half_an_hour(companies: Companies) -> None:
    """A placeholder for whoever reads; then in the database too, and in its log. The names on the buttons go along."""
    asker = Visitor(companies.system)
    shown = status_in(companies.by_email(asker, HOLDING, ROBIN))
    asker.press(button(shown, "Voorbeeld Advies BV"))
    companies.expire(asker)
    after = asker.messages()
    gone = [message for message in after if message["kind"] == "status"]
    assert [(message["text"], message["buttons"]) for message in gone] == [(text("status.gone", "nl"), [])] * 2
    assert "Advies" not in json.dumps(after)
    assert is_asked_to_verify(asker.say(ASKS["nl"]))
    # Who left the page open can still press.
    assert is_asked_to_verify(asker.press(button(shown, "Voorbeeld Vervoer BV")))
    guide = button(shown, text("guide.offer", "nl", title=""))
    assert asker.press(guide)[-1]["kind"] == "guide"

    query = (
        "SELECT text FROM messages WHERE conversation_id = ? UNION ALL SELECT title FROM buttons WHERE message_id IN"
        " (SELECT id FROM messages WHERE conversation_id = ?)"
    )

    def kept() -> str:
        return repr(companies.rows(query, asker.id, asker.id))

    assert "Holding" in kept()
    assert "Advies" in kept()
    companies.system.start("jobs")
    try:
        wait(lambda: "Holding" not in kept() and "Advies" not in kept(), 120)
        wait(lambda: not companies.rows("SELECT * FROM verifications WHERE conversation_id = ?", asker.id), 120)
    finally:
        companies.system.stop("jobs")
    assert [message["text"] for message in asker.messages()] == [
        *(message["text"] for message in after), *(message["text"] for message in asker.messages()[len(after) :]),
    ]  # fmt: skip


def wait(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


def test_erased_with_the_conversation(companies: Companies) -> None:
    """The verification, the code that was mailed, what was shown. The audit stays: it says nothing of the visitor."""
    asker = Visitor(companies.system)
    companies.by_email(asker, BLOEMEN, VERA)
    companies.ask_for_code(asker, BLOEMEN, VERA)
    assert asker.http.delete(asker.path).status_code == 204
    for table in ("verifications", "one_time_codes", "messages"):
        assert companies.rows(f"SELECT * FROM {table} WHERE conversation_id = ?", asker.id) == [], table
    audit = companies.rows(
        "SELECT way, outcome FROM verification_attempts WHERE conversation_id = ? ORDER BY at", asker.id
    )
    assert audit == [("email-request", "sent"), ("email-code", "verified"), ("email-request", "sent")]


# ---- the clock tells nothing

TRIES = 64
"""Of each kind."""
AT_ONCE = 4
FALSE_ALARM = 1e-4
"""How often the test may fail where there is nothing to see: once in ten thousand runs."""

REFUSED: dict[str, dict[str, str]] = {
    "unknown company": {"kvk_number": UNKNOWN, "activation_code": WRONG},
    "wrong code": {"kvk_number": BLOEMEN, "activation_code": WRONG},
    "right company, wrong contact": {"kvk_number": BLOEMEN, "email": ROBIN, "one_time_code": "K7PQ-3MXD"},
}
NOT_TOLD: dict[str, dict[str, str]] = {
    "a mail for an unknown company": {"kvk_number": UNKNOWN, "email": VERA},
    "a mail for a wrong contact": {"kvk_number": BLOEMEN, "email": ROBIN},
    "a mail that is sent": {"kvk_number": BLOEMEN, "email": VERA},
}


def timed(companies: Companies, url: str, kinds: dict[str, dict[str, str]], tries: int) -> dict[str, list[float]]:
    """Seconds until the reply, for each kind; the kinds are dealt in random order.

    One conversation has five attempts, so every worker takes a new one each time.
    """
    deal = [kind for kind in kinds for _ in range(tries)]
    random.SystemRandom().shuffle(deal)
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}

    def attempt(worker: int) -> None:
        with httpx.Client(base_url=url, timeout=60) as http:
            for at, kind in enumerate(deal[worker::AT_ONCE]):
                if at % 3 == 0:
                    visitor = Visitor(companies.system)
                headers = {"Authorization": f"Bearer {visitor.token}"}
                start = time.perf_counter()
                reply = http.post(f"{visitor.path}/verification", json=kinds[kind], headers=headers)
                taken[kind].append(time.perf_counter() - start)
                assert reply.status_code in (200, 403), reply.text

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(attempt, range(AT_ONCE)))
    return taken


def told_apart(taken: dict[str, list[float]]) -> dict[tuple[str, str], float]:
    """The pairs of kinds that the clock tells apart, with the probability that it was chance.

    A Kolmogorov-Smirnov test for each pair: it sees any difference between two distributions, not only in the mean,
    and one slow reply of a busy machine does not matter. The kinds were dealt in random order. So where the server
    treats them alike, every way to divide the measured times among the kinds is equally likely, whatever else the
    machine did meanwhile; and that is all that the test assumes. The pairs share the allowed false alarms among them
    (Bonferroni), so that the whole lot gives one in FALSE_ALARM runs.
    """
    pairs = list(combinations(taken, 2))
    found = {pair: float(ks_2samp(taken[pair[0]], taken[pair[1]], method="exact").pvalue) for pair in pairs}
    return {pair: p for pair, p in found.items() if p < FALSE_ALARM / 2 / len(pairs)}


@pytest.mark.parametrize("kinds", [REFUSED, NOT_TOLD], ids=["refused", "not told"])
def test_clock_tells_nothing(companies: Companies, kinds: dict[str, dict[str, str]]) -> None:
    """Two families of three kinds: half of the false alarms for each."""
    taken = timed(companies, companies.system.url, kinds, TRIES)
    assert told_apart(taken) == {}, {kind: sorted(times)[len(times) // 2] for kind, times in taken.items()}
    assert min(min(times) for times in taken.values()) > 0.39


@pytest.fixture
def leaky(companies: Companies) -> Iterator[Recorder]:
    """The same system behind a door that takes five milliseconds longer for a company that is known."""

    def hesitate(asked: bytes) -> None:
        if BLOEMEN.encode() in asked:
            time.sleep(0.005)

    recorder = Recorder(companies.system.url, hesitate)
    yield recorder
    recorder.close()


def test_five_milliseconds_would_be_noticed(companies: Companies, leaky: Recorder) -> None:
    """That the test above finds nothing says something only if it would find a leak."""
    kinds = {kind: REFUSED[kind] for kind in ("unknown company", "wrong code")}
    taken = timed(companies, leaky.url, kinds, TRIES)
    assert list(told_apart(taken)) == [("unknown company", "wrong code")]


# ---- the last one: no code anywhere


def test_no_code_is_kept_or_heard_anywhere(companies: Companies) -> None:
    """Every code that was used in this file, and some that visitors type into the chat although they should not."""
    asker = Visitor(companies.system)
    companies.by_code(asker, BEURS)
    one_time = companies.ask_for_code(asker, BLOEMEN, VERA)
    for said in (companies.code(BLOEMEN), one_time, one_time.replace("-", ""), companies.code(BEURS).lower()):
        replies = asker.say(f"Mijn code is {said}, hoe staat mijn bedrijf ervoor?")
        assert replies[0]["text"] == text("privacy.masked", "nl")
    asker.http.post(
        f"{asker.path}/requests",
        json={"kind": "call-back", "fields": {**CALL_BACK, "subject": f"Mijn code is {one_time}"}},
    )
    companies.verify(asker, kvk_number=companies.code(BLOEMEN), activation_code="x")
    companies.verify(asker, kvk_number=BLOEMEN, activation_code=companies.code(BLOEMEN))
    assert len(companies.used) >= 5
    assert companies.places_of(*companies.used) == []
    # Looking in the wrong places would find nothing either.
    assert set(companies.places_of("hoe staat mijn bedrijf ervoor")) >= {
        "the database and its logs", "every table", "what Rasa heard",
    }  # fmt: skip
    assert "what the actions heard" in companies.places_of("action_status")
    for recorder, process in zip(companies.recorders, ("Rasa", "the actions"), strict=True):
        assert not re.search(rb"Voorbeeld (Beurs|Bloemen|Holding)", b"".join(recorder.heard)), f"{process} saw a status"
