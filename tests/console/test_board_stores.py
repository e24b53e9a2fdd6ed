"""What the console reads and keeps, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bot.conversations.models import Conversation, Message
from bot.conversations.store import ConversationStore, NoSuchConversation
from bot.database.engine import open_engine
from bot.database.types import now
from bot.guides.models import GuideProgress
from bot.helpdesk.canned_texts import MOST, CannedTextStore, NoSuchText, ShortcutTaken, TooManyTexts
from bot.helpdesk.dossiers import MOST_NOTES, PAGE, DossierStore, TooManyNotes
from bot.helpdesk.models import HandOver, Request
from bot.messages import Draft
from bot.staff.models import StaffAccount, StaffAudit


@pytest.fixture
def engine(database_url: str):
    engine = open_engine(database_url, 10)
    yield engine
    engine.dispose()


@pytest.fixture
def dossiers(engine: Engine) -> DossierStore:
    return DossierStore(engine)


def conversation(engine: Engine, *drafts: Draft) -> str:
    return ConversationStore(engine).open("nl", "website", "awvn", drafts)[0]


def add(engine: Engine, *rows: object) -> None:
    with Session(engine) as session, session.begin():
        for row in rows:
            session.add(row)
            session.flush()


def account(engine: Engine, id_: str, name: str) -> str:
    add(engine, StaffAccount(id=id_, email=f"{id_}@example.org", name=name))
    return id_


def said(conversation_id: str, words: str, sender: str = "visitor", **values: object) -> Message:
    return Message(
        conversation_id=conversation_id, sender=sender, kind=values.pop("kind", "text"), text=words, language="nl",
        sources=[], **values,
    )  # fmt: skip


def test_a_dossier(engine: Engine, dossiers: DossierStore) -> None:
    decision = {"outcome": "answer", "candidates": [{"topic": "portal.codes", "confidence": 0.9}], "follow_up_of": None}
    id_ = conversation(engine, Draft(kind="answer", text="Antwoord", language="nl", decision=decision))
    anna = account(engine, "anna", "Anna")
    moment = now()
    add(
        engine,
        said(id_, "Hallo?"),
        said(id_, "Goedemiddag", "agent", account_id=anna),
        said(id_, "Van wie", "agent", account_id="nobody-any-more"),
        said(id_, "Ja", payload={"option": 1}),
        HandOver(
            conversation_id=id_, desk="charter", reason="misses", state="closed", outcome="referred", claimed_by=anna,
            asked_at=moment, claimed_at=moment, ended_at=moment,
        ),
        HandOver(conversation_id=id_, desk="charter", reason="asked"),
        Request(reference="P-1000001", kind="call-back", desk="portal", language="nl", fields={}, conversation_id=id_),
    )  # fmt: skip
    found = dossiers.dossier(id_)
    assert (found.language, found.channel, found.referrer, found.is_whole) == ("nl", "website", "awvn", True)
    assert [(one.message.text, one.agent, one.pressed) for one in found.messages] == [
        ("Antwoord", None, False), ("Hallo?", None, False), ("Goedemiddag", "Anna", False), ("Van wie", None, False),
        ("Ja", None, True),
    ]  # fmt: skip
    assert found.messages[0].decision == decision
    assert [(one.state, one.outcome, one.agent) for one in found.earlier] == [("closed", "referred", "Anna")]
    assert found.references == ("P-1000001",)
    with pytest.raises(NoSuchConversation):
        dossiers.dossier("nothing")


def test_the_guide_that_waits_goes_before_the_one_of_last_time(engine: Engine, dossiers: DossierStore) -> None:
    id_ = conversation(engine)
    moment = now()

    def guide(name: str, *, waiting: bool, minutes: int) -> GuideProgress:
        return GuideProgress(
            conversation_id=id_, guide=name, step="first", answers={}, trail=[], waiting=waiting,
            updated_at=moment + timedelta(minutes=minutes),
        )  # fmt: skip

    add(engine, guide("older", waiting=False, minutes=1), guide("newer", waiting=False, minutes=2))
    assert (found := dossiers.dossier(id_).guide)
    assert found.guide == "newer"
    add(engine, guide("waits", waiting=True, minutes=0))
    assert (found := dossiers.dossier(id_).guide)
    assert (found.guide, found.waiting) == ("waits", True)


def test_long_conversations_come_in_pages(engine: Engine, dossiers: DossierStore) -> None:
    id_ = conversation(engine)
    add(engine, *(said(id_, str(number)) for number in range(PAGE + 5)))
    found = dossiers.dossier(id_)
    assert [one.message.text for one in found.messages] == [str(number) for number in range(5, PAGE + 5)]
    assert not found.is_whole
    first = found.messages[0].message.id
    assert [one.message.text for one in dossiers.messages(id_, before=first)] == ["0", "1", "2", "3", "4"]
    last = found.messages[-1].message.id
    assert dossiers.messages(id_, after=last) == ()
    assert [one.message.text for one in dossiers.messages(id_, after=found.messages[-3].message.id)] == ["203", "204"]
    assert len(dossiers.messages(id_)) == PAGE


def test_what_was_asked_last(engine: Engine, dossiers: DossierStore) -> None:
    """Not a pressed button, not small talk, not asking for a person, and nothing of a company's status."""
    id_ = conversation(engine)
    assert dossiers.last_question(id_) is None
    question, thanks, person = said(id_, "Wat kost het?"), said(id_, "Bedankt"), said(id_, "Mag ik een medewerker?")
    add(engine, question, thanks, person)
    with Session(engine) as session:
        ids = {row.text: row.id for row in session.query(Message).filter_by(conversation_id=id_)}
    add(
        engine,
        said(id_, "Graag gedaan", "assistant", kind="smalltalk", reply_to=ids["Bedankt"]),
        said(id_, "U staat in de rij", "assistant", kind="handoff", reply_to=ids["Mag ik een medewerker?"]),
        said(id_, "Het portaal", payload={"topic": "portal.codes"}),
        said(id_, "Toon de status van Bloemen", expires_at=now() + timedelta(minutes=5)),
    )
    assert (found := dossiers.last_question(id_))
    assert (found.text, found.language, found.last_topic) == ("Wat kost het?", "nl", None)
    missed = said(id_, "Wat kost een olifant?")
    add(engine, missed)
    with Session(engine) as session:
        missed_id = session.query(Message).filter_by(text="Wat kost een olifant?").one().id
    add(engine, said(id_, "Bel ons", "assistant", kind="handoff", reply_to=missed_id, decision={"outcome": "unknown"}))
    assert (found := dossiers.last_question(id_))
    assert found.message_id == missed_id, "a question without an answer is a question"


def test_notes_have_a_bound(engine: Engine, dossiers: DossierStore) -> None:
    id_, anna = conversation(engine), account(engine, "anna", "Anna")
    for number in range(MOST_NOTES):
        assert dossiers.add_note(id_, anna, str(number)).author == "Anna"
    with pytest.raises(TooManyNotes):
        dossiers.add_note(id_, anna, "one more")
    assert [note.text for note in dossiers.dossier(id_).notes] == [str(number) for number in range(MOST_NOTES)]
    with pytest.raises(NoSuchConversation):
        dossiers.add_note("nothing", anna, "x")


def test_reading_is_audited_once_in_a_hand_over(engine: Engine, dossiers: DossierStore) -> None:
    id_ = conversation(engine)
    asked_at = now() - timedelta(seconds=5)
    for reader in ("anna", "bram", "anna"):
        dossiers.opened(id_, reader, asked_at)
    dossiers.opened(id_, "anna", now() + timedelta(seconds=1))
    with Session(engine) as session:
        kept = [(row.account_id, row.action, row.subject) for row in session.query(StaffAudit).order_by(StaffAudit.id)]
    assert kept == [(who, "conversation_opened", id_) for who in ("anna", "bram", "anna")]


def test_everything_goes_with_the_conversation(engine: Engine, dossiers: DossierStore) -> None:
    store = ConversationStore(engine)
    id_, token, _ = store.open("nl", "website", None, [])
    anna = account(engine, "anna", "Anna")
    add(engine, HandOver(conversation_id=id_, desk="portal", reason="asked"))
    dossiers.add_note(id_, anna, "Belt terug")
    store.erase(id_, token)
    with Session(engine) as session:
        assert session.query(Conversation).count() == session.query(HandOver).count() == 0
    with pytest.raises(NoSuchConversation):
        dossiers.dossier(id_)


def test_canned_texts_are_each_agents_own(engine: Engine) -> None:
    store = CannedTextStore(engine)
    anna, bram = account(engine, "anna", "Anna"), account(engine, "bram", "Bram")
    kept = store.add(anna, "groet", "nl", "Goedemiddag")
    store.add(anna, "groet", "en", "Good afternoon")
    store.add(bram, "groet", "nl", "Hoi")
    store.add(anna, "adres", "nl", "Bezuidenhoutseweg")
    assert [(one.shortcut, one.language) for one in store.all(anna)] == [
        ("adres", "nl"),
        ("groet", "en"),
        ("groet", "nl"),
    ]
    with pytest.raises(ShortcutTaken):
        store.add(anna, "groet", "nl", "Nog een")
    with pytest.raises(ShortcutTaken):
        store.change(anna, kept.id, "adres", "nl", "Nog een")
    with pytest.raises(NoSuchText):
        store.change(bram, kept.id, "groet", "nl", "Van een ander")
    with pytest.raises(NoSuchText):
        store.remove(bram, kept.id)
    assert store.change(anna, kept.id, "dag", "nl", "Dag").shortcut == "dag"
    store.remove(anna, kept.id)
    assert [one.shortcut for one in store.all(anna)] == ["adres", "groet"]
    assert [one.text for one in store.all(bram)] == ["Hoi"]


def test_canned_texts_have_a_bound(engine: Engine) -> None:
    store, anna = CannedTextStore(engine), account(engine, "anna", "Anna")
    for number in range(MOST):
        store.add(anna, f"t{number}", "nl", "x")
    with pytest.raises(TooManyTexts):
        store.add(anna, "one-more", "nl", "x")
