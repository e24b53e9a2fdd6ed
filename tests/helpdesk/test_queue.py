"""Who waits for a person and who holds what: in real databases, with many at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.orm import Session

from bot.answers.knowledge import DESKS
from bot.conversations.masking import MASK
from bot.conversations.models import Conversation, Message
from bot.conversations.store import ConversationStore, KeyUsedForAnother, NoSuchConversation
from bot.database.engine import open_engine
from bot.database.types import new_id, now
from bot.helpdesk import saying
from bot.helpdesk.models import HandOver
from bot.helpdesk.queue import ClaimedBySomebody, HandOverStore, NotHolding, NotWaiting
from bot.messages import Draft, Memory, PersonAsked
from bot.settings import Settings
from bot.staff.models import StaffAccount, StaffDesk
from bot.texts import text

PATTERN = str(Settings.model_fields["activation_code_pattern"].default)
ANSWER = Draft(kind="answer", text="Antwoord.", language="nl")


class Helpdesk:
    """Both stores on one database, with agents."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.conversations, self.queue = ConversationStore(engine), HandOverStore(engine, PATTERN)
        self.tokens: dict[str, str] = {}

    def agent(self, name: str = "Anna Voorbeeld", **columns: Any) -> str:
        id_ = new_id()
        values = {
            "id": id_, "email": f"{id_}@example.nl", "name": name, "language": "nl", "is_active": True,
            "failed_sign_ins": 0, "takes_chats": True, "seen_at": now(), "created_at": now(), **columns,
        }  # fmt: skip
        with Session(self.engine) as session, session.begin():
            session.execute(insert(StaffAccount).values(values))
            session.execute(insert(StaffDesk), [{"account_id": id_, "desk": desk} for desk in DESKS])
        return id_

    def opened(self, language: str = "nl") -> str:
        id_, self.tokens[id_], _ = self.conversations.open(language, "website", None, [])
        return id_

    def waiting(self, desk: str = "portal") -> str:
        id_ = self.opened()
        self.queue.ask(id_, desk, "asked")
        return id_

    def says(self, id_: str, said: str = "hallo", key: str | None = None):
        return self.conversations.begin_turn(id_, self.tokens[id_], text=said, button_id=None, language=None, key=key)

    def mode(self, id_: str) -> str:
        return self.conversations.check(id_, self.tokens[id_]).mode

    def version(self, id_: str) -> int:
        return self.conversations.check(id_, self.tokens[id_]).version

    def senders(self, id_: str) -> list[str]:
        return [message.sender for message in self.conversations.messages(id_, self.tokens[id_])]

    def asked_at(self, id_: str, moment: datetime) -> None:
        with Session(self.engine) as session, session.begin():
            session.execute(update(HandOver).where(HandOver.conversation_id == id_).values(asked_at=moment))

    def states(self, id_: str) -> list[str]:
        with Session(self.engine) as session:
            query = select(HandOver.state).where(HandOver.conversation_id == id_).order_by(HandOver.asked_at)
            return list(session.scalars(query))


@pytest.fixture
def desk(database_url: str) -> Iterator[Helpdesk]:
    engine = open_engine(database_url, 20)
    yield Helpdesk(engine)
    engine.dispose()


# Asking, and going on without


def test_each_desk_has_a_queue_of_its_own(desk: Helpdesk) -> None:
    first, other, second = desk.waiting("portal"), desk.waiting("charter"), desk.waiting("portal")
    assert [desk.queue.position(id_) for id_ in (first, other, second)] == [1, 1, 2]
    assert desk.queue.queue("portal") == [first, second]
    assert [row.conversation_id for row in desk.queue.waiting(["portal", "charter"])] == [first, other, second]
    assert desk.mode(first) == "queue"


def test_asking_again_keeps_the_place(desk: Helpdesk) -> None:
    first, second = desk.waiting(), desk.waiting()
    assert desk.queue.ask(first, "portal", "misses").position == 1
    assert desk.queue.ask(second, "charter", "asked").position == 2, "the queue that it is in"
    assert desk.states(first) == ["waiting"]


def test_asking_while_an_agent_holds_it_changes_nothing(desk: Helpdesk) -> None:
    id_, anna = desk.waiting(), desk.agent()
    desk.queue.claim(id_, anna)
    before = desk.version(id_)
    assert desk.queue.ask(id_, "portal", "asked").position == 0
    assert (desk.mode(id_), desk.version(id_), desk.states(id_)) == ("agent", before, ["claimed"])


def test_leaving_moves_the_others_up(desk: Helpdesk) -> None:
    first, second = desk.waiting(), desk.waiting()
    assert desk.queue.leave(first)
    assert (desk.queue.position(first), desk.queue.position(second)) == (None, 1)
    assert (desk.mode(first), desk.states(first)) == ("assistant", ["left"])
    assert not desk.queue.leave(first)


def test_nobody_leaves_an_agent_with_an_old_button(desk: Helpdesk) -> None:
    id_ = desk.waiting()
    desk.queue.claim(id_, desk.agent())
    assert not desk.queue.leave(id_)
    assert desk.mode(id_) == "agent"


@pytest.mark.parametrize("method", ["ask", "leave", "claim", "hand_back", "close", "say", "read_up_to"])
def test_a_conversation_that_is_gone(desk: Helpdesk, method: str) -> None:
    arguments = {"ask": ("portal", "asked"), "leave": (), "close": ("a", "answered"), "say": ("a", "hallo", "k"),
                 "read_up_to": ("a", "m")}.get(method, ("a",))  # fmt: skip
    with pytest.raises(NoSuchConversation):
        getattr(desk.queue, method)("no such id", *arguments)


def test_a_reply_that_asks_for_a_person_puts_the_conversation_into_the_queue(desk: Helpdesk) -> None:
    """The reply with the place, the row and the mode are stored together."""
    desk.waiting()
    id_ = desk.opened()
    asked = PersonAsked(desk="portal", reason="misses")
    words = saying.queued("nl", "portal")
    draft = Draft(kind="handoff", text=words, language="nl", memory=Memory(person=asked))
    [reply] = desk.conversations.end_turn(desk.says(id_), [draft])
    assert "nummer 2" in reply.text and "{" not in reply.text
    shown = desk.queue.get(id_)
    assert shown is not None and (shown.state, shown.reason, shown.desk) == ("waiting", "misses", "portal")
    assert desk.mode(id_) == "queue"


def test_the_list_shows_the_question_and_not_that_a_person_was_asked_for(desk: Helpdesk) -> None:
    id_ = desk.opened()
    desk.conversations.end_turn(desk.says(id_, "wanneer is de deadline"), [ANSWER])
    memory = Memory(person=PersonAsked(desk="portal", reason="asked"))
    asks = Draft(kind="handoff", text="U bent aan de beurt.", language="nl", memory=memory)
    desk.conversations.end_turn(desk.says(id_, "ik wil een medewerker spreken"), [asks])
    assert desk.queue.get(id_).last_text == "wanneer is de deadline"  # type: ignore[union-attr]
    desk.says(id_, "bent u er nog?")
    assert desk.queue.get(id_).last_text == "bent u er nog?"  # type: ignore[union-attr]


def test_in_the_queue_the_assistant_goes_on_answering(desk: Helpdesk) -> None:
    """Also when the visitor gets into or out of the queue while a reply is being made."""
    id_ = desk.opened()
    turn = desk.says(id_)
    desk.queue.ask(id_, "portal", "asked")
    assert len(desk.conversations.end_turn(turn, [ANSWER])) == 1
    turn = desk.says(id_)
    desk.queue.leave(id_)
    assert len(desk.conversations.end_turn(turn, [ANSWER])) == 1


# Claiming


def test_a_claim_tells_the_visitor_who_is_there_now(desk: Helpdesk) -> None:
    id_, anna = desk.waiting("charter"), desk.agent("Anna van Voorbeeld")
    shown = desk.queue.claim(id_, anna)
    assert (shown.state, shown.claimed_by, shown.claimed_by_name) == ("claimed", anna, "Anna van Voorbeeld")
    [told] = desk.conversations.messages(id_, desk.tokens[id_])
    assert shown.told == (told,)
    assert told.sender == "system"
    assert "Anna" in told.text and "van Voorbeeld" not in told.text, "the first name alone"
    assert text("desk.charter.name", "nl") in told.text
    assert desk.mode(id_) == "agent"


def test_claiming_again_what_one_holds(desk: Helpdesk) -> None:
    id_, anna = desk.waiting(), desk.agent()
    first = desk.queue.claim(id_, anna)
    again = desk.queue.claim(id_, anna)
    assert again == first
    assert desk.senders(id_) == ["system"], "said once"


def test_claiming_what_somebody_else_holds_names_them(desk: Helpdesk) -> None:
    id_ = desk.waiting()
    desk.queue.claim(id_, desk.agent("Anna Voorbeeld"))
    with pytest.raises(ClaimedBySomebody) as taken:
        desk.queue.claim(id_, desk.agent("Bert"))
    assert taken.value.name == "Anna Voorbeeld"


@pytest.mark.parametrize("how", ["never asked", "left", "handed back", "closed"])
def test_claiming_what_does_not_wait(desk: Helpdesk, how: str) -> None:
    id_, anna = desk.opened(), desk.agent()
    if how != "never asked":
        desk.queue.ask(id_, "portal", "asked")
    if how == "left":
        desk.queue.leave(id_)
    if how in ("handed back", "closed"):
        desk.queue.claim(id_, anna)
        _ = desk.queue.hand_back(id_, anna) if how == "handed back" else desk.queue.close(id_, anna, "answered")
    before = desk.mode(id_)
    with pytest.raises(NotWaiting):
        desk.queue.claim(id_, anna)
    assert desk.mode(id_) == before


def test_fifty_agents_claim_at_once_and_one_wins(desk: Helpdesk) -> None:
    id_ = desk.waiting()
    agents = {desk.agent(f"Agent {number}"): f"Agent {number}" for number in range(50)}
    together = threading.Barrier(50)

    def claim(agent: str) -> str:
        together.wait(60)
        try:
            return desk.queue.claim(id_, agent).claimed_by or ""
        except ClaimedBySomebody as taken:
            return taken.name

    with ThreadPoolExecutor(50) as threads:
        found = list(threads.map(claim, agents))
    shown = desk.queue.get(id_)
    assert shown is not None and shown.claimed_by in agents
    assert found.count(shown.claimed_by) == 1
    assert found.count(agents[shown.claimed_by]) == 49, "everybody else hears who it was"
    assert desk.senders(id_) == ["system"]
    assert desk.states(id_) == ["claimed"]


def test_a_message_and_a_claim_together(desk: Helpdesk) -> None:
    """Many rounds: the message is never lost, and no reply of the assistant comes after the claim."""
    anna = desk.agent()
    with ThreadPoolExecutor(2) as threads:
        for number in range(30):
            id_ = desk.waiting()
            together = threading.Barrier(2)

            def speak(id_: str = id_, number: int = number, together: threading.Barrier = together) -> bool:
                together.wait(60)
                turn = desk.says(id_, f"vraag {number}")
                if turn.context.mode == "agent":
                    return False
                return bool(desk.conversations.end_turn(turn, [ANSWER]))

            def claim(id_: str = id_, together: threading.Barrier = together) -> None:
                together.wait(60)
                desk.queue.claim(id_, anna)

            speaking, claiming = threads.submit(speak), threads.submit(claim)
            claiming.result(60)
            answered = speaking.result(60)
            senders = desk.senders(id_)
            assert senders.count("visitor") == 1, "the message is kept"
            assert senders.count("assistant") == int(answered)
            assert "assistant" not in senders[senders.index("system") :], "an answer after the claim"
            assert [m.text for m in desk.conversations.messages(id_, desk.tokens[id_]) if m.sender == "visitor"] == [
                f"vraag {number}"
            ]


def test_a_reply_made_before_the_claim_is_dropped(desk: Helpdesk) -> None:
    id_ = desk.waiting()
    turn = desk.says(id_)
    desk.queue.claim(id_, desk.agent())
    assert desk.conversations.end_turn(turn, [ANSWER]) == []
    assert desk.senders(id_) == ["visitor", "system"]


def test_a_message_that_is_left_unanswered_for_the_agent_is_no_fault(desk: Helpdesk) -> None:
    """Whoever comes back later must not read that it went wrong."""
    id_ = desk.waiting()
    desk.queue.claim(id_, desk.agent())
    desk.says(id_)
    assert desk.conversations.unanswered(id_, 0) is None
    desk.queue.claim(id_, desk.queue.get(id_).claimed_by)  # type: ignore[union-attr, arg-type]
    assert desk.mode(id_) == "agent"


# Talking


def test_what_an_agent_says(desk: Helpdesk) -> None:
    id_, anna = desk.waiting(), desk.agent()
    desk.queue.claim(id_, anna)
    said = desk.queue.say(id_, anna, "Goedemiddag, **ik kijk even**.", "k")
    assert (said.sender, said.kind, said.text) == ("agent", "text", "Goedemiddag, **ik kijk even**.")
    assert desk.queue.say(id_, anna, "Goedemiddag, **ik kijk even**.", "k") == said
    assert desk.senders(id_) == ["system", "agent"], "the same key once"
    with pytest.raises(KeyUsedForAnother):
        desk.queue.say(id_, anna, "Iets anders", "k")


def test_the_same_key_at_once(desk: Helpdesk) -> None:
    id_, anna = desk.waiting(), desk.agent()
    desk.queue.claim(id_, anna)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: desk.queue.say(id_, anna, "Een moment.", "k").id, range(16)))
    assert len(set(found)) == 1
    assert desk.senders(id_).count("agent") == 1


def test_a_visitors_key_is_not_an_agents(desk: Helpdesk) -> None:
    id_, anna = desk.waiting(), desk.agent()
    desk.says(id_, "Een moment.", "k")
    desk.queue.claim(id_, anna)
    assert desk.queue.say(id_, anna, "Een moment.", "k").sender == "agent"


def test_a_code_that_an_agent_types_is_masked(desk: Helpdesk) -> None:
    id_, anna = desk.waiting(), desk.agent()
    desk.queue.claim(id_, anna)
    assert desk.queue.say(id_, anna, "Uw code is AB12-CD34-EF56.", "k").text == f"Uw code is {MASK}."


@pytest.mark.parametrize("what", ["say", "hand_back", "close", "read_up_to"])
def test_only_the_holder_acts(desk: Helpdesk, what: str) -> None:
    id_, anna, bert = desk.waiting(), desk.agent(), desk.agent("Bert")
    arguments = {"say": ("hallo", "k"), "close": ("answered",), "read_up_to": (new_id(),)}.get(what, ())
    with pytest.raises(NotHolding):
        getattr(desk.queue, what)(id_, anna, *arguments)
    desk.queue.claim(id_, anna)
    with pytest.raises(NotHolding):
        getattr(desk.queue, what)(id_, bert, *arguments)
    desk.queue.hand_back(id_, anna)
    with pytest.raises(NotHolding):
        getattr(desk.queue, what)(id_, anna, *arguments)


def test_what_is_said_after_it_ended_is_not_for_agents(desk: Helpdesk) -> None:
    id_, anna = desk.waiting(), desk.agent()
    desk.says(id_, "voor de medewerker")
    desk.queue.claim(id_, anna)
    desk.queue.hand_back(id_, anna)
    desk.says(id_, "voor de assistent")
    shown = desk.queue.get(id_)
    assert shown is not None
    assert (shown.unread, shown.last_text, shown.last_at) == (0, "", None)


def test_who_loses_the_desk_holds_nothing_of_it_any_more(desk: Helpdesk) -> None:
    portal, charter, anna = desk.waiting("portal"), desk.waiting("charter"), desk.agent()
    for id_ in (portal, charter):
        desk.queue.claim(id_, anna)
    with Session(desk.engine) as session, session.begin():
        session.execute(delete(StaffDesk).where(StaffDesk.account_id == anna, StaffDesk.desk == "portal"))
    assert [shown.conversation_id for shown in desk.queue.release_lost(now() - timedelta(minutes=2))] == [portal]
    assert [shown.conversation_id for shown in desk.queue.held_by(anna)] == [charter]


def test_unread_counts_what_the_visitor_said(desk: Helpdesk) -> None:
    id_, anna = desk.waiting(), desk.agent()
    first, second = desk.says(id_, "een").message, desk.says(id_, "twee").message
    shown = desk.queue.claim(id_, anna)
    assert (shown.unread, shown.last_text, shown.last_at) == (2, "twee", second.created_at)
    assert desk.queue.read_up_to(id_, anna, first.id).unread == 1
    assert desk.queue.read_up_to(id_, anna, second.id).unread == 0
    assert desk.queue.read_up_to(id_, anna, first.id).unread == 0, "never back"
    desk.queue.say(id_, anna, "drie", "k")
    assert desk.queue.get(id_).unread == 0  # type: ignore[union-attr]
    desk.says(id_, "vier")
    assert [row.unread for row in desk.queue.held_by(anna)] == [1]


def test_reading_a_message_of_another_conversation_reads_nothing(desk: Helpdesk) -> None:
    mine, other, anna = desk.waiting(), desk.waiting(), desk.agent()
    desk.says(mine)
    desk.queue.claim(mine, anna)
    later = desk.says(other).message
    assert desk.queue.read_up_to(mine, anna, later.id).unread == 1


# Giving it back


def test_handed_back(desk: Helpdesk) -> None:
    id_, anna = desk.waiting(), desk.agent()
    desk.queue.claim(id_, anna)
    turn = desk.says(id_)
    shown = desk.queue.hand_back(id_, anna)
    assert (shown.state, desk.mode(id_), shown.ended_at is not None) == ("handed_back", "assistant", True)
    assert [message.text for message in shown.told] == [text("hand_over.handed_back", "nl")]
    assert desk.conversations.end_turn(turn, [ANSWER]) == [], "what the agent got is not answered afterwards"


def test_closed_and_the_next_message_is_for_the_assistant(desk: Helpdesk) -> None:
    id_, anna = desk.waiting(), desk.agent("Anna Voorbeeld")
    desk.queue.claim(id_, anna)
    shown = desk.queue.close(id_, anna, "answered")
    assert (shown.state, shown.outcome, desk.mode(id_)) == ("closed", "answered", "closed")
    [told] = shown.told
    assert "Anna" in told.text and [button.title for button in told.buttons] == [text("button.person", "nl")]
    turn = desk.says(id_)
    assert (turn.reopened, turn.context.mode) == (True, "assistant")
    assert len(desk.conversations.end_turn(turn, [ANSWER])) == 1
    assert not desk.says(id_).reopened


def test_a_conversation_is_handed_over_more_than_once(desk: Helpdesk) -> None:
    id_, anna = desk.waiting(), desk.agent()
    desk.queue.claim(id_, anna)
    desk.queue.hand_back(id_, anna)
    assert desk.queue.ask(id_, "charter", "misses").position == 1
    assert desk.states(id_) == ["handed_back", "waiting"]
    assert desk.queue.get(id_).desk == "charter"  # type: ignore[union-attr]


# Agents who are gone


def test_what_a_lost_agent_held_waits_again_in_front(desk: Helpdesk) -> None:
    first, second = desk.waiting(), desk.waiting()
    anna = desk.agent(seen_at=now() - timedelta(minutes=5))
    desk.queue.claim(first, anna)
    assert desk.queue.release_lost(now() - timedelta(minutes=2)) == [], "who has only just claimed it is there"
    with Session(desk.engine) as session, session.begin():
        session.execute(
            update(HandOver).values(claimed_at=now() - timedelta(minutes=3)).where(HandOver.state == "claimed")
        )
    version = desk.version(first)
    [released] = desk.queue.release_lost(now() - timedelta(minutes=2))
    assert (released.conversation_id, released.state, released.claimed_by) == (first, "waiting", None)
    assert (desk.queue.position(first), desk.queue.position(second)) == (1, 2)
    assert (desk.mode(first), desk.version(first)) == ("queue", version + 1)
    assert text("hand_over.lost", "nl", position=1) == released.told[-1].text


def test_an_agent_who_is_there_keeps_what_they_hold(desk: Helpdesk) -> None:
    id_, anna = desk.waiting(), desk.agent()
    desk.queue.claim(id_, anna)
    with Session(desk.engine) as session, session.begin():
        session.execute(update(HandOver).values(claimed_at=now() - timedelta(hours=1)))
    assert desk.queue.release_lost(now() - timedelta(minutes=2)) == []
    assert desk.mode(id_) == "agent"


def test_an_account_that_is_switched_off_holds_nothing(desk: Helpdesk) -> None:
    id_, anna = desk.waiting(), desk.agent()
    desk.queue.claim(id_, anna)
    with Session(desk.engine) as session, session.begin():
        session.execute(update(StaffAccount).values(is_active=False))
    assert [row.conversation_id for row in desk.queue.release_lost(now() - timedelta(minutes=2))] == [id_]


def test_release_is_for_one_agent(desk: Helpdesk) -> None:
    mine, other, anna, bert = desk.waiting(), desk.waiting(), desk.agent(), desk.agent("Bert")
    desk.queue.claim(mine, anna)
    desk.queue.claim(other, bert)
    assert [row.conversation_id for row in desk.queue.release(anna)] == [mine]
    assert (desk.mode(mine), desk.mode(other)) == ("queue", "agent")
    assert desk.queue.claim(mine, bert).claimed_by == bert


# Who waited in vain


def test_missed(desk: Helpdesk) -> None:
    id_ = desk.waiting()
    shown = desk.queue.miss(id_, lambda language, _: saying.left(language))
    assert shown is not None and shown.state == "missed" and len(shown.told) == 1
    assert desk.mode(id_) == "assistant"
    assert desk.queue.miss(id_, lambda language, _: saying.left(language)) is None
    assert desk.senders(id_) == ["assistant"], "said once"


def test_a_claim_wins_from_giving_up(desk: Helpdesk) -> None:
    id_ = desk.waiting()
    desk.queue.claim(id_, desk.agent())
    assert desk.queue.miss(id_, lambda language, _: saying.left(language)) is None
    assert desk.queue.tell_waiting(id_, lambda language, place: saying.takes_long(language, place, "x")) is None
    assert desk.mode(id_) == "agent"


def test_when_it_was_said_that_it_takes_long_is_remembered(desk: Helpdesk) -> None:
    told, other = desk.waiting(), desk.waiting()
    desk.queue.tell_waiting(told, lambda language, place: saying.takes_long(language, place, "formulier"))
    found = {row.conversation_id: row for row in desk.queue.still_open()}
    assert found[other].told_at is None
    assert (now() - found[told].told_at).total_seconds() < 60  # type: ignore[operator]
    assert desk.queue.position(told) == 1


# Lists, and what goes


def test_lists(desk: Helpdesk) -> None:
    anna = desk.agent()
    waits, held, closed, other = desk.waiting(), desk.waiting(), desk.waiting(), desk.waiting("charter")
    for id_ in (held, closed):
        desk.queue.claim(id_, anna)
    desk.queue.close(closed, anna, "referred")

    def ids(rows: list) -> list[str]:
        return [row.conversation_id for row in rows]

    assert ids(desk.queue.waiting(["portal"])) == [waits]
    assert ids(desk.queue.held(["portal"])) == ids(desk.queue.held_by(anna)) == [held]
    assert ids(desk.queue.ended(["portal", "charter"])) == [closed]
    assert ids(desk.queue.waiting([])) == []
    assert ids(desk.queue.ended(["charter"])) == []
    assert {row.conversation_id for row in desk.queue.still_open()} == {waits, held, other}
    assert desk.queue.get(desk.opened()) is None


def test_the_last_ones_to_end_oldest_first(desk: Helpdesk) -> None:
    ids = [desk.waiting() for _ in range(4)]
    for id_ in ids:
        desk.queue.leave(id_)
    assert [row.conversation_id for row in desk.queue.ended(["portal"], 2)] == ids[2:]


def test_as_json_has_what_the_console_reads(desk: Helpdesk) -> None:
    id_, anna = desk.waiting(), desk.agent()
    desk.says(id_, "é" * 2000)
    shown = desk.queue.claim(id_, anna).as_json()
    assert set(shown) == {
        "id", "conversation_id", "desk", "reason", "state", "asked_at", "claimed_by", "claimed_by_name", "claimed_at",
        "ended_at", "outcome", "language", "unread", "last_text", "last_at",
    }  # fmt: skip
    assert datetime.fromisoformat(shown["asked_at"]).tzinfo is not None
    assert shown["last_text"] == "é" * 300


def test_what_has_expired_is_not_shown_in_a_list(desk: Helpdesk) -> None:
    """A pressed button that names a company stands there for half an hour, in the lists too."""
    id_ = desk.waiting()
    desk.says(id_, "Bekijk Voorbeeld BV")
    with Session(desk.engine) as session, session.begin():
        session.execute(update(Message).values(expires_at=now() - timedelta(minutes=1)))
    assert desk.queue.get(id_).last_text == text("status.gone_pressed", "nl")  # type: ignore[union-attr]


def test_erasing_a_conversation_erases_its_hand_overs(desk: Helpdesk) -> None:
    gone, kept = desk.waiting(), desk.waiting()
    desk.conversations.erase(gone, desk.tokens[gone])
    assert desk.queue.get(gone) is None
    assert desk.queue.mode(gone) is None
    assert desk.queue.position(kept) == 1


def test_retention_takes_hand_overs_along(desk: Helpdesk) -> None:
    old, kept, anna = desk.waiting(), desk.waiting(), desk.agent()
    desk.queue.claim(old, anna)
    with Session(desk.engine) as session, session.begin():
        long_ago = now() - timedelta(days=40)
        session.execute(update(Conversation).values(last_active_at=long_ago).where(Conversation.id == old))
    assert desk.conversations.erase_inactive(now() - timedelta(days=30)) == 1
    assert [row.conversation_id for row in desk.queue.still_open()] == [kept]


def test_many_in_the_queue_at_once(desk: Helpdesk) -> None:
    """Everybody has a place, and no two the same."""
    ids = [desk.opened() for _ in range(24)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda id_: desk.queue.ask(id_, "portal", "asked"), ids))
    assert sorted(desk.queue.position(id_) or 0 for id_ in ids) == list(range(1, 25))
    assert set(desk.queue.queue("portal")) == set(ids)
