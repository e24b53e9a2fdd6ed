"""The log of questions: what gets in, what became of it, and how it goes again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from bot.answers.knowledge import load
from bot.conversations.models import Button, Conversation, Message
from bot.conversations.store import ConversationStore
from bot.database.engine import open_engine
from bot.database.types import new_id, now
from bot.helpdesk import partners
from bot.helpdesk.forms import load_forms
from bot.helpdesk.hours import AMSTERDAM
from bot.helpdesk.logging_questions import LoggedQuestionStore as WrittenDown
from bot.helpdesk.logging_questions import NewQuestion
from bot.helpdesk.models import HandOver, LoggedQuestion, Request, Suggestion
from bot.helpdesk.partners import HandedOver, PartnerKeys, PartnerQuestions, Referral, Referrals
from bot.helpdesk.requests import Answer, PutIn, RequestStore
from bot.registry.models import CharterTrack, Company, VerificationAttempt
from bot.settings import Settings, settings
from bot.staff.accounts import AccountStore
from bot.trends import erasing
from bot.trends.erasing import NO_QUESTION
from bot.trends.log import Asked, QuestionLog
from bot.trends.models import Popularity, TrendImport, TrendQuestion
from bot.trends.names import Names
from bot.trends.popularity import NothingToOpen, PopularityLog, window_start
from bot.trends.redaction import Own, Redactor
from bot.trends.weeks import week_of
from bot.trends.words import load_words

KNOWLEDGE = load(settings().knowledge_dir)
PATTERN = str(Settings.model_fields["activation_code_pattern"].default)
BEGIN = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
"""A Monday morning in week 47."""
LATER = BEGIN + timedelta(hours=6)
SIGN, CODE, QUOTA = "charter.road", "portal.activation-code-missing", "law.quota"


class StandInEncoder:
    """Vectors that depend on the text alone: what stands in them is tested elsewhere."""

    dimensions = 384

    def __init__(self, hash_: str = "one") -> None:
        self.hash = hash_
        self.seen: list[str] = []

    def encode_one(self, text: str, kind: str = "query") -> Any:
        self.seen.append(text)
        seed = int.from_bytes(hashlib.sha256((self.hash + text).encode()).digest()[:4], "little")
        vector = np.random.default_rng(seed).standard_normal(self.dimensions).astype(np.float32)
        return vector / np.linalg.norm(vector)


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    words = load_words(KNOWLEDGE)
    names = Names(["Voorbeeld Bloemen BV"], ["Vera Voorbeeld"], ordinary=words.ordinary, terms=words.terms)
    return Redactor(names, words, PATTERN, Own.of(KNOWLEDGE))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def log(engine: Engine, redactor: Redactor) -> QuestionLog:
    return QuestionLog(engine, redactor, StandInEncoder())  # type: ignore[arg-type]


class Chat:
    """A conversation that a test writes, message by message, a minute apart."""

    def __init__(self, engine: Engine, at: datetime = BEGIN, **fields: Any) -> None:
        self.engine, self.at = engine, at
        self.store = ConversationStore(engine)
        referrer = fields.get("referrer", "awvn")
        self.id, self.token, _ = self.store.open("nl", fields.get("channel", "website"), referrer, [])

    def _add(self, message: Message, *others: Any) -> str:
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.add(message)
            session.flush()
            session.add_all(others)
        return message.id

    def _message(self, sender: str, text: str, kind: str, **fields: Any) -> Message:
        self.at += timedelta(minutes=1)
        made = {"language": "nl", "sources": [], "created_at": self.at, **fields}
        return Message(id=new_id(), conversation_id=self.id, sender=sender, kind=kind, text=text, **made)

    def says(self, text: str, **fields: Any) -> str:
        return self._add(self._message("visitor", text, "text", **fields))

    def reply(self, to: str, outcome: str, *topics: str, offered: tuple[str, ...] = (), sure: float = 0.9) -> str:
        kind = {"answer": "answer", "choices": "choices", "unknown": "unknown"}[outcome]
        candidates = [{"topic": topic, "confidence": round(sure / (at + 1), 3)} for at, topic in enumerate(topics)]
        message = self._message(
            "assistant", "…", kind, reply_to=to, topic=topics[0] if kind == "answer" else None,
            decision={"outcome": outcome, "candidates": candidates, "follow_up_of": None},
        )  # fmt: skip
        buttons = [
            Button(id=new_id(), message_id=message.id, position=place, title=topic, payload={"topic": topic})
            for place, topic in enumerate(offered)
        ]
        return self._add(message, *buttons)

    def asks(self, text: str = "Hoe teken ik het Charter?", outcome: str = "answer") -> tuple[str, str]:
        asked = self.says(text)
        return asked, self.reply(asked, outcome, SIGN, CODE, QUOTA)

    def small_talk(self, text: str = "dank u wel") -> str:
        said = self.says(text)
        self._add(self._message("assistant", "Graag gedaan.", "smalltalk", reply_to=said, decision=None))
        return said

    def asks_for_a_person(self, claimed: bool = False, answered: bool = False) -> None:
        self.at += timedelta(minutes=1)
        claimed_at = self.at + timedelta(minutes=1) if claimed else None
        row = HandOver(
            id=new_id(), conversation_id=self.id, desk="charter", reason="asked", asked_at=self.at,
            state="claimed" if claimed else "waiting", claimed_at=claimed_at,
        )  # fmt: skip
        with Session(self.engine) as session, session.begin():
            session.add(row)
        if answered:
            self.at += timedelta(minutes=2)
            self._add(self._message("agent", "Dat gaat zo.", "text"))

    def is_verified(self, kvk_number: str) -> None:
        self.at += timedelta(minutes=1)
        with Session(self.engine) as session, session.begin():
            session.add(
                VerificationAttempt(
                    id=new_id(), at=self.at, conversation_id=self.id, kvk_number=kvk_number, way="code",
                    outcome="verified", address_hash="0" * 64,
                )
            )  # fmt: skip


def questions(engine: Engine) -> list[TrendQuestion]:
    """By their words, those that say nothing last: their ids tell no order."""
    with Session(engine, expire_on_commit=False) as session:
        rows = session.scalars(select(TrendQuestion)).all()
    return sorted(rows, key=lambda row: (row.vector is None, row.text.casefold()))


def fill(log: QuestionLog, before: datetime = LATER) -> int:
    return sum(log.add_chat(chat) for chat in log.chats(before))


def points_to(engine: Engine, message_id: str) -> str | None:
    with Session(engine) as session:
        return session.get_one(Message, message_id).trend_id


def asker_of(engine: Engine, chat: Chat) -> str:
    with Session(engine) as session:
        return session.get_one(Conversation, chat.id).asker_id


def company(engine: Engine, kvk_number: str, size: str = "large", signed_on: date | None = None) -> None:
    row = Company(
        id=new_id(), kvk_number=kvk_number, name=f"Voorbeeld {kvk_number}", legal_form="bv", listed=False,
        size_class=size,
    )  # fmt: skip
    with Session(engine) as session, session.begin():
        session.add(row)
        session.flush()
        session.add(CharterTrack(company_id=row.id, signed_on=signed_on))


# What is logged


def test_a_question_is_logged_redacted_with_what_became_of_it(engine: Engine, log: QuestionLog) -> None:
    chat = Chat(engine)
    asked, reply = chat.asks("Ik ben Jan de Vries (06-12345678), hoe tekent Voorbeeld Bloemen het Charter?")
    chat.store.give_feedback(chat.id, chat.token, reply, helpful=True)
    assert fill(log) == 1
    [row] = questions(engine)
    assert row.text == "Ik ben [PERSON] ([PHONE]), hoe tekent [COMPANY] het Charter?"
    assert (row.asked_on, row.week) == (date(2026, 11, 16), "2026-W47")
    assert (row.channel, row.referrer, row.language) == ("chat", "awvn", "nl")
    assert (row.decision, row.topic, row.confidence, row.helpful) == ("answer", SIGN, 0.9, True)
    assert (row.handed_over, row.answered_by_agent) == (False, False)
    assert (row.is_signatory, row.size, row.need) == (None, None, None)
    assert row.asker_id == asker_of(engine, chat)
    assert points_to(engine, asked) == row.id


def test_only_the_redacted_text_is_embedded(engine: Engine, redactor: Redactor) -> None:
    encoder = StandInEncoder()
    Chat(engine).asks("Ik ben Jan de Vries, hoe teken ik het Charter?")
    fill(QuestionLog(engine, redactor, encoder))  # type: ignore[arg-type]
    assert encoder.seen == ["Ik ben [PERSON], hoe teken ik het Charter?"]
    [row] = questions(engine)
    assert row.vector is not None and row.vector_of == "one"
    kept = np.frombuffer(row.vector, dtype="<f2").astype(np.float32)
    assert kept.shape == (384,)
    assert float(kept @ encoder.encode_one(encoder.seen[0])) == pytest.approx(1, abs=0.001)


def test_a_question_of_which_only_tags_are_left_has_no_vector(engine: Engine, log: QuestionLog) -> None:
    Chat(engine).asks("06-12345678 Jan de Vries")
    fill(log)
    [row] = questions(engine)
    assert (row.text, row.vector) == ("[PHONE] [PERSON]", None)
    assert not log.has_old_vectors("one")


def test_it_is_logged_once_the_outcome_can_be_known(engine: Engine, log: QuestionLog) -> None:
    chat = Chat(engine)
    asked, _ = chat.asks()
    assert fill(log, before=chat.at - timedelta(minutes=2)) == 0
    assert not log.has_new(chat.at - timedelta(minutes=2))
    assert points_to(engine, asked) is None
    assert log.has_new(LATER)
    assert fill(log) == 1


def test_it_is_logged_once(engine: Engine, log: QuestionLog) -> None:
    Chat(engine).asks()
    pending = log.chats(LATER)
    assert [log.add_chat(chat) for chat in pending] == [1]
    assert [log.add_chat(chat) for chat in pending] == [0], "two fillings at the same time"
    assert fill(log) == 0
    assert len(questions(engine)) == 1


def test_what_is_no_question_is_not_logged(engine: Engine, log: QuestionLog) -> None:
    chat = Chat(engine)
    chat.small_talk()
    pressed = chat.says("Het Charter ondertekenen", payload={"topic": SIGN})
    chat.reply(pressed, "answer", SIGN)
    declined = chat.says("geen van deze")
    chat.reply(declined, "unknown")
    assert fill(log) == 0
    assert questions(engine) == []
    assert points_to(engine, pressed) == points_to(engine, declined) == NO_QUESTION
    assert not log.has_new(LATER), "they are looked at once"


def test_the_question_behind_try_again_is_logged(engine: Engine, log: QuestionLog) -> None:
    chat = Chat(engine)
    pressed = chat.says("Opnieuw proberen", payload={"again": "Wat is het ingroeiquotum?"})
    chat.reply(pressed, "answer", QUOTA, SIGN)
    fill(log)
    assert [row.text for row in questions(engine)] == ["Wat is het ingroeiquotum?"]


def test_a_chosen_topic_is_what_answered_it(engine: Engine, log: QuestionLog) -> None:
    chat = Chat(engine)
    asked = chat.says("iets met tekenen")
    chat.reply(asked, "choices", CODE, SIGN, offered=(CODE, SIGN))
    pressed = chat.says("Het Charter ondertekenen", payload={"topic": SIGN})
    answer = chat.reply(pressed, "answer", SIGN)
    chat.store.give_feedback(chat.id, chat.token, answer, helpful=False)
    fill(log)
    [row] = questions(engine)
    assert (row.decision, row.topic, row.helpful) == ("choices", SIGN, False)


def test_what_was_offered_and_not_chosen_is_a_gap(engine: Engine, log: QuestionLog) -> None:
    chat = Chat(engine)
    asked = chat.says("iets met tekenen")
    chat.reply(asked, "choices", CODE, SIGN, offered=(CODE, SIGN))
    chat.asks("Wat is het ingroeiquotum?")
    fill(log)
    first, second = questions(engine)
    assert (first.topic, second.topic) == (None, SIGN)


def test_a_topic_that_was_not_offered_answers_another_question(engine: Engine, log: QuestionLog) -> None:
    chat = Chat(engine)
    asked = chat.says("iets met tekenen")
    chat.reply(asked, "unknown", CODE, SIGN)
    pressed = chat.says("Ingroeiquotum", payload={"topic": QUOTA})
    chat.reply(pressed, "answer", QUOTA)
    fill(log)
    [row] = questions(engine)
    assert (row.decision, row.topic) == ("unknown", None)


def test_the_last_question_before_a_hand_over_was_handed_over(engine: Engine, log: QuestionLog) -> None:
    chat = Chat(engine)
    chat.asks("Wat is het ingroeiquotum?")
    chat.asks("Kan dat ook voor onze stichting?")
    chat.asks_for_a_person(claimed=True, answered=True)
    fill(log)
    assert {row.text: (row.handed_over, row.answered_by_agent) for row in questions(engine)} == {
        "Wat is het ingroeiquotum?": (False, False),
        "Kan dat ook voor onze stichting?": (True, True),
    }


def test_two_misses_before_a_hand_over_were_both_handed_over(engine: Engine, log: QuestionLog) -> None:
    chat = Chat(engine)
    chat.asks("Wat is het ingroeiquotum?")
    chat.asks("Bestaat er subsidie?", "unknown")
    chat.asks("Maar een vergoeding dan?", "unknown")
    chat.asks_for_a_person()
    fill(log)
    assert {row.text: (row.handed_over, row.answered_by_agent) for row in questions(engine)} == {
        "Wat is het ingroeiquotum?": (False, False),
        "Bestaat er subsidie?": (True, False),
        "Maar een vergoeding dan?": (True, False),
    }


def test_the_suggestion_that_an_agent_sent_is_the_topic(engine: Engine, log: QuestionLog) -> None:
    chat = Chat(engine)
    asked, _ = chat.asks("Bestaat er subsidie?", "unknown")
    chat.asks_for_a_person(claimed=True, answered=True)
    with Session(engine) as session, session.begin():
        session.add(
            Suggestion(
                id=new_id(), batch_id=new_id(), conversation_id=chat.id, message_id=asked, channel="chat",
                language="nl", position=1, topic=QUOTA, confidence=0.4, fate="edited", created_at=chat.at,
            )
        )  # fmt: skip
    fill(log)
    [row] = questions(engine)
    assert (row.decision, row.topic, row.answered_by_agent) == ("unknown", QUOTA, True)


def test_a_conversation_through_a_partner_is_the_partners(engine: Engine, log: QuestionLog) -> None:
    Chat(engine, channel="partner", referrer="vno-ncw").asks()
    fill(log)
    assert [(row.channel, row.referrer) for row in questions(engine)] == [("partner", "vno-ncw")]


def test_days_and_weeks_are_amsterdams(engine: Engine, log: QuestionLog) -> None:
    # 23:30 on Sunday in London is Monday in Amsterdam.
    Chat(engine, at=datetime(2026, 11, 15, 23, 30, tzinfo=UTC)).asks()
    fill(log)
    assert [(row.asked_on, row.week) for row in questions(engine)] == [(date(2026, 11, 16), "2026-W47")]


# Who asks


@pytest.mark.parametrize(
    ("size", "signed_on", "shown"),
    [
        ("large", date(2026, 11, 16), ("large", True)),
        ("not-large", None, ("sme", False)),
        ("unknown", date(2026, 11, 17), (None, False)),
    ],
)
def test_a_verified_company_says_who_asks(
    engine: Engine, log: QuestionLog, size: str, signed_on: date | None, shown: tuple[str | None, bool]
) -> None:
    company(engine, "90001234", size, signed_on)
    chat = Chat(engine)
    chat.asks()
    chat.is_verified("90001234")
    fill(log)
    [row] = questions(engine)
    assert (row.size, row.is_signatory) == shown


def test_conversations_of_one_company_are_one_asker(engine: Engine, log: QuestionLog) -> None:
    first, second, other, unknown = (Chat(engine) for _ in range(4))
    for chat in (first, second, other, unknown):
        chat.asks()
    first.is_verified("90001234")
    second.is_verified("90001234")
    other.is_verified("90009999")
    fill(log)
    assert asker_of(engine, first) == asker_of(engine, second)
    assert len({asker_of(engine, chat) for chat in (first, other, unknown)}) == 3
    assert len({row.asker_id for row in questions(engine)}) == 3


def test_what_was_logged_before_the_verification_moves_along(engine: Engine, log: QuestionLog) -> None:
    first, second = Chat(engine), Chat(engine)
    first.asks()
    first.is_verified("90001234")
    second.asks()
    fill(log)
    before = asker_of(engine, second)
    popularity = PopularityLog(engine, KNOWLEDGE)
    popularity.count([first.id, second.id], BEGIN)
    second.is_verified("90001234")
    second.asks("Nog een vraag over het Charter")
    fill(log)
    shared = asker_of(engine, first)
    assert {row.asker_id for row in questions(engine)} == {shared}
    assert before != shared
    with Session(engine) as session:
        assert set(session.scalars(select(Popularity.asker_id))) == {shared}


def test_an_asker_is_not_made_of_the_time(engine: Engine, log: QuestionLog) -> None:
    Chat(engine).asks()
    fill(log)
    assert questions(engine)[0].asker_id[14] == "4", "a UUIDv7 would tell the moment"


# Calls and mails


def written_down(engine: Engine, **fields: Any) -> tuple[WrittenDown, str, str]:
    agent = AccountStore(engine).create(f"{new_id()}@example.org", "Anna", ["agent"], ["portal"])
    store = WrittenDown(engine, KNOWLEDGE, PATTERN)
    new = NewQuestion(channel="phone", question="Moet een stichting rapporteren?", language="nl", desk="portal")
    return store, store.add(replace(new, **fields), agent.id), agent.id


def test_a_call_is_logged_as_the_agent_wrote_it_down(engine: Engine, log: QuestionLog) -> None:
    written_down(
        engine, question="Mevrouw Jansen vraagt of een stichting moet rapporteren", referrer="vno-ncw", size="sme",
        is_signatory=False, need="voorbeeld voor Voorbeeld Bloemen", referred_to="network", topic=QUOTA,
        referred_name="normaalste-zaak",
    )  # fmt: skip
    for id_, asked in log.written_down(now() + timedelta(minutes=1)):
        assert log.add_written_down(id_, asked)
    [row] = questions(engine)
    assert row.text == "Mevrouw [PERSON] vraagt of een stichting moet rapporteren"
    assert (row.channel, row.referrer, row.size, row.is_signatory) == ("phone", "vno-ncw", "sme", False)
    assert (row.need, row.referred_to, row.referred_name) == (
        "voorbeeld voor [COMPANY]", "network", "normaalste-zaak",
    )  # fmt: skip
    assert (row.decision, row.topic, row.answered_by_agent) == (None, QUOTA, True)
    assert log.written_down(now() + timedelta(minutes=1)) == []


def test_each_call_is_another_asker(engine: Engine, log: QuestionLog) -> None:
    for _ in range(2):
        written_down(engine)
    for id_, asked in log.written_down(now() + timedelta(minutes=1)):
        log.add_written_down(id_, asked)
    assert len({row.asker_id for row in questions(engine)}) == 2


def test_a_call_that_is_taken_back_leaves_the_log(engine: Engine, log: QuestionLog) -> None:
    store, id_, agent = written_down(engine)
    pending = log.written_down(now() + timedelta(minutes=1))
    log.add_written_down(*pending[0])
    assert not store.remove(id_, "somebody else")
    assert len(questions(engine)) == 1
    assert store.remove(id_, agent)
    assert questions(engine) == []
    assert not log.add_written_down(*pending[0]), "it was taken back while it was being redacted"
    assert questions(engine) == []


# Partners' desks, and requests that were answered


@dataclass
class Partner:
    """A partner's own desk: what it was asked, and whom it hands over."""

    engine: Engine
    asked: PartnerQuestions
    referrals: Referrals
    requests: RequestStore
    itself: partners.Partner
    agent: str

    def refers(self, **fields: Any) -> HandedOver:
        given = {"message": "Hoe teken ik het Charter?", "email": "vera@example.nl", "consent": True}
        return self.referrals.put_in(self.itself, Referral("charter", "nl", given, **fields))

    def answers(self, reference: str, text: str = "Dat gaat zo.") -> None:
        with Session(self.engine) as session:
            request = session.scalars(select(Request).where(Request.reference == reference)).one()
        self.requests.answer(request.id, ("charter",), self.agent, Answer("Uw vraag", text, request.answered_at))

    def helped(self) -> list[Popularity]:
        PopularityLog(self.engine, KNOWLEDGE).count_answered(now() - timedelta(days=7))
        with Session(self.engine, expire_on_commit=False) as session:
            return list(session.scalars(select(Popularity).where(Popularity.thing == "asker")))


@pytest.fixture
def partner(engine: Engine) -> Partner:
    requests = RequestStore(engine, PATTERN)
    itself, _ = PartnerKeys(engine).add("fnv", "Desk van FNV", ["questions", "referrals"])
    return Partner(
        engine, PartnerQuestions(engine, WrittenDown(engine, KNOWLEDGE, PATTERN)),
        Referrals(engine, requests, b"k" * 32, PATTERN), requests, itself,
        AccountStore(engine).create("anna@example.org", "Anna", ["agent"], ["charter"]).id,
    )  # fmt: skip


class Sure:
    """Knows the topic of everything."""

    def decide(self, _text: str, _language: str) -> Any:
        return SimpleNamespace(outcome="answer", topics=[SIGN], candidates=[SimpleNamespace(confidence=0.9)])


def log_all(log: QuestionLog) -> None:
    for id_, asked in log.written_down(now() + timedelta(minutes=1)):
        assert log.add_written_down(id_, asked, Sure())  # type: ignore[arg-type]


def test_what_a_partner_was_asked_is_logged_like_a_call(engine: Engine, log: QuestionLog, partner: Partner) -> None:
    new = NewQuestion(
        channel="partner", question="Mevrouw Jansen zoekt een netwerk", language="nl", desk="portal", size="sme",
        is_signatory=True, need="voorbeeld voor Voorbeeld Bloemen", referred_to="network", referred_name="awvn",
    )  # fmt: skip
    partner.asked.put_in(partner.itself, new)
    partner.asked.put_in(partner.itself, replace(new, question="Wat is het quotum?", topic=QUOTA))
    log_all(log)
    gap, answered = questions(engine)
    assert (gap.text, gap.need) == ("Mevrouw [PERSON] zoekt een netwerk", "voorbeeld voor [COMPANY]")
    assert (gap.channel, gap.referrer, gap.size, gap.is_signatory) == ("partner", "fnv", "sme", True)
    assert (gap.referred_to, gap.referred_name, gap.answered_by_agent) == ("network", "awvn", False)
    assert (gap.topic, answered.topic) == (None, QUOTA), "who says that nothing answered it is believed"
    assert gap.asker_id != answered.asker_id


def test_what_a_referral_asks_may_be_in_the_knowledge(engine: Engine, log: QuestionLog, partner: Partner) -> None:
    partner.refers()
    log_all(log)
    assert [(row.topic, row.referrer) for row in questions(engine)] == [(SIGN, "fnv")]


def test_the_asker_of_a_referral_is_that_of_its_conversation(
    engine: Engine, log: QuestionLog, partner: Partner
) -> None:
    handed = partner.refers(opens_conversation=True)
    log_all(log)
    with Session(engine) as session:
        assert questions(engine)[0].asker_id == session.get_one(Conversation, handed.conversation_id).asker_id


def test_erasing_a_conversation_erases_the_referral_that_opened_it(
    engine: Engine, log: QuestionLog, partner: Partner
) -> None:
    first, second = (partner.refers(opens_conversation=True) for _ in range(2))
    pending = log.written_down(now() + timedelta(minutes=1))
    assert log.add_written_down(*pending[0])
    for handed in (first, second):
        partner.answers(handed.reference)
    assert len(partner.helped()) == 2
    for handed in (first, second):
        ConversationStore(engine).erase(str(handed.conversation_id), str(handed.token))
    assert not log.add_written_down(*pending[1]), "it was erased while it was being redacted"
    assert questions(engine) == [] and partner.helped() == []
    with Session(engine) as session:
        assert session.scalars(select(LoggedQuestion)).all() == []


def test_who_asked_for_something_and_was_answered_is_helped_once(
    engine: Engine, log: QuestionLog, partner: Partner
) -> None:
    company(engine, "90001234", "large", date(2026, 1, 1))
    chat, silent = Chat(engine), Chat(engine)
    chat.is_verified("90001234")
    fields = {"email": "vera@example.nl", "consent": True}
    with Session(engine) as session, session.begin():
        talk = load_forms(settings().knowledge_dir, KNOWLEDGE)["orientation-talk"]
        references = [
            partner.requests.add(session, PutIn(one.id, talk, fields | {"organisation": str(place)}, "nl"))[0]
            for place, one in enumerate((chat, chat, silent))
        ]
    assert partner.helped() == [], "nobody has answered yet"
    partner.answers(references[0])
    partner.answers(references[0], "En nog iets.")
    partner.answers(references[1])
    for _ in range(2):
        [row] = partner.helped()
    assert (row.name, row.event, row.referrer, row.asker_id) == ("yes", "helped", "awvn", asker_of(engine, chat))
    assert row.week == week_of(now().astimezone(AMSTERDAM).date())
    chat.store.erase(chat.id, chat.token)
    assert partner.helped() == []


def test_a_referral_without_a_conversation_counts_its_questions_asker(
    engine: Engine, log: QuestionLog, partner: Partner
) -> None:
    handed = partner.refers()
    partner.answers(handed.reference)
    assert partner.helped() == [], "the question is not in the log yet"
    log_all(log)
    [row] = partner.helped()
    assert (row.name, row.referrer, row.asker_id) == ("unknown", "fnv", questions(engine)[0].asker_id)


# Erasing and retention


def test_erasing_a_conversation_erases_its_questions(engine: Engine, log: QuestionLog) -> None:
    chat, other = Chat(engine), Chat(engine)
    for one in (chat, other):
        one.asks()
        one.small_talk()
    fill(log)
    PopularityLog(engine, KNOWLEDGE).count([chat.id, other.id], BEGIN)
    chat.store.erase(chat.id, chat.token)
    kept = asker_of(engine, other)
    assert [row.asker_id for row in questions(engine)] == [kept]
    with Session(engine) as session:
        assert set(session.scalars(select(Popularity.asker_id))) == {kept}


def test_a_conversation_that_is_erased_while_it_is_redacted_is_not_logged(engine: Engine, log: QuestionLog) -> None:
    chat = Chat(engine)
    chat.asks()
    pending = log.chats(LATER)
    chat.store.erase(chat.id, chat.token)
    assert [log.add_chat(one) for one in pending] == [0]
    assert questions(engine) == []


def test_the_end_of_a_conversations_retention_leaves_its_question_without_a_link(
    engine: Engine, log: QuestionLog
) -> None:
    chat = Chat(engine)
    chat.asks()
    fill(log)
    with Session(engine) as session, session.begin():
        session.execute(update(Conversation).values(last_active_at=BEGIN - timedelta(days=99)))
    assert chat.store.erase_inactive(BEGIN) == 1
    [row] = questions(engine)
    with Session(engine) as session:
        assert session.scalar(select(func.count()).where(Message.trend_id == row.id)) == 0
        assert session.scalar(select(func.count()).where(Conversation.asker_id == row.asker_id)) == 0


@pytest.mark.parametrize(("days_later", "left"), [(729, 3), (730, 3), (731, 2), (800, 0)])
def test_questions_go_after_their_retention(engine: Engine, log: QuestionLog, days_later: int, left: int) -> None:
    """With a moved clock: asked on the 16th, the 17th and the 30th of November."""
    asked = Asked(text="Wat is het Charter?", language="nl", asked_on=BEGIN.date(), channel="chat", asker_id="a")
    with Session(engine) as session, session.begin():
        session.add(TrendImport(id="i", referrer="awvn", file_hash="h", rows=1, imported_at=BEGIN))
    for days in (0, 1):
        log.add(replace(asked, asked_on=BEGIN.date() + timedelta(days=days)))
    log.add(replace(asked, asked_on=BEGIN.date() + timedelta(days=14), import_id="i"))
    with Session(engine) as session, session.begin():
        session.add(Popularity(week="2026-W47", thing="topic", name=SIGN, event="shown", referrer="", asker_id="a"))
    erased = erasing.forget(engine, BEGIN + timedelta(days=days_later), 730)
    assert (erased, len(questions(engine))) == (3 - left, left)
    with Session(engine) as session:
        # The week goes when its last day has gone.
        assert session.scalar(select(func.count()).select_from(Popularity)) == (0 if days_later == 800 else 1)
        # The file is known as long as one of its questions is kept.
        assert session.scalar(select(func.count()).select_from(TrendImport)) == (0 if left == 0 else 1)


def test_a_new_encoder_makes_all_vectors_anew(engine: Engine, redactor: Redactor) -> None:
    Chat(engine).asks()
    Chat(engine).asks("06-12345678")
    fill(QuestionLog(engine, redactor, StandInEncoder("one")))  # type: ignore[arg-type]
    newer = QuestionLog(engine, redactor, StandInEncoder("two"))  # type: ignore[arg-type]
    before = [row.vector for row in questions(engine)]
    assert newer.has_old_vectors("two")
    assert newer.renew_vectors() == 2
    assert not newer.has_old_vectors("two")
    after = questions(engine)
    assert {row.vector_of for row in after} == {"two"}
    assert after[0].vector not in (None, before[0])
    assert after[1].vector is None


# Popular material


def popularity_of(engine: Engine) -> set[tuple[str, str, str]]:
    with Session(engine) as session:
        return {(row.thing, row.name, row.event) for row in session.scalars(select(Popularity))}


def with_sources(engine: Engine, message_id: str, *urls: str) -> None:
    sources = [{"document": f"document-{at}", "url": url} for at, url in enumerate(urls)]
    with Session(engine) as session, session.begin():
        session.get_one(Message, message_id).sources = sources


def test_what_an_answer_shows_is_counted(engine: Engine) -> None:
    linked = next(topic for topic in KNOWLEDGE.topics.values() if topic.materials)
    chat = Chat(engine)
    asked = chat.says("Waar vind ik het format?")
    answer = chat.reply(asked, "answer", linked.id, SIGN)
    with_sources(engine, answer, "https://www.ser.nl/a")
    chat.store.give_feedback(chat.id, chat.token, answer, helpful=True)
    popularity = PopularityLog(engine, KNOWLEDGE)
    for _ in range(2):
        popularity.count([chat.id], BEGIN)
    things = {("topic", linked.id), ("source", "document-0"), *(("material", name) for name in linked.materials)}
    assert popularity_of(engine) == {(*thing, event) for thing in things for event in ("shown", "helpful")}
    with Session(engine) as session:
        assert set(session.scalars(select(Popularity.referrer))) == {"awvn"}


def test_the_last_word_on_an_answer_counts(engine: Engine) -> None:
    chat = Chat(engine)
    _, answer = chat.asks()
    popularity = PopularityLog(engine, KNOWLEDGE)
    for helpful in (True, False):
        chat.store.give_feedback(chat.id, chat.token, answer, helpful=helpful)
        popularity.count([chat.id], BEGIN)
    assert {event for thing, _, event in popularity_of(engine) if thing == "topic"} == {"shown", "unhelpful"}


def test_what_a_snapshot_counted_stays_as_it_was(engine: Engine) -> None:
    chat = Chat(engine)
    _, answer = chat.asks()
    popularity = PopularityLog(engine, KNOWLEDGE)
    chat.store.give_feedback(chat.id, chat.token, answer, helpful=True)
    popularity.count([chat.id], BEGIN)
    with Session(engine) as session, session.begin():
        session.execute(update(Popularity).values(counted_in="2026-W47"))
    before = popularity_of(engine)
    chat.store.give_feedback(chat.id, chat.token, answer, helpful=False)
    popularity.count([chat.id], BEGIN)
    assert popularity_of(engine) == before


def test_what_is_old_is_not_counted_again(engine: Engine) -> None:
    chat = Chat(engine, at=BEGIN - timedelta(days=30))
    chat.asks()
    popularity = PopularityLog(engine, KNOWLEDGE)
    assert popularity.active(BEGIN) == []
    popularity.count([chat.id], BEGIN)
    assert popularity_of(engine) == set()


def test_the_window_begins_on_monday_of_last_week() -> None:
    assert window_start(datetime(2026, 11, 18, 12, tzinfo=UTC)) == datetime(2026, 11, 8, 23, tzinfo=UTC)
    assert window_start(datetime(2026, 11, 15, 23, 30, tzinfo=UTC)) == datetime(2026, 11, 8, 23, tzinfo=UTC)


def test_an_opened_source_and_material_are_counted(engine: Engine) -> None:
    topic, material = next(
        (topic, KNOWLEDGE.materials[name])
        for topic in KNOWLEDGE.topics.values()
        for name in topic.materials
        if KNOWLEDGE.materials[name].url
    )
    chat = Chat(engine)
    asked = chat.says("Waar vind ik het format?")
    answer = chat.reply(asked, "answer", topic.id, SIGN)
    with_sources(engine, answer, "https://www.ser.nl/nl/a/", "https://www.ser.nl/nl/b")
    popularity = PopularityLog(engine, KNOWLEDGE)
    popularity.opened(chat.id, answer, "https://ser.nl/nl/a")
    popularity.opened(chat.id, answer, str(material.url))
    assert popularity_of(engine) == {
        ("source", "document-0", "opened"), ("material", material.id, "opened"), ("topic", topic.id, "opened"),
    }  # fmt: skip


def test_nothing_else_can_be_counted_as_opened(engine: Engine) -> None:
    chat, other = Chat(engine), Chat(engine)
    _, answer = chat.asks()
    with_sources(engine, answer, "https://www.ser.nl/nl/a")
    popularity = PopularityLog(engine, KNOWLEDGE)
    for conversation, message, url in (
        (chat.id, answer, "https://example.org/"), (other.id, answer, "https://www.ser.nl/nl/a"),
        (chat.id, "no message", "https://www.ser.nl/nl/a"), (chat.id, answer, "https://[::1"),
    ):  # fmt: skip
        with pytest.raises(NothingToOpen):
            popularity.opened(conversation, message, url)
    assert popularity_of(engine) == set()
