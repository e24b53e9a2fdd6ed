"""From the assistant to a person and back: who is told what. A real database; a Rasa that says what it is told."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, update
from sqlalchemy.orm import Session

from bot.answers.knowledge import DESKS, Knowledge, load
from bot.answers.rendering import person_button
from bot.conversations.router import Router
from bot.conversations.store import ConversationStore
from bot.conversations.streams import Streams
from bot.conversations.turns import Turns
from bot.database.engine import migrate, open_engine
from bot.database.types import new_id, now
from bot.guides.guiding import Guiding, open_guiding
from bot.helpdesk import handing_over
from bot.helpdesk.desks import Desks
from bot.helpdesk.handing_over import HandingOver
from bot.helpdesk.hours import AMSTERDAM, portal_hours
from bot.helpdesk.models import HandOver
from bot.helpdesk.queue import ClaimedBySomebody, HandOverStore
from bot.messages import Draft, GuideState, Memory, MessageShown, PersonAsked
from bot.registry.companies import CompanyStore
from bot.registry.showing import Showing
from bot.registry.verification import Verifier
from bot.settings import Settings, settings
from bot.staff.models import StaffAccount, StaffDesk
from bot.texts import text

PATTERN = str(Settings.model_fields["activation_code_pattern"].default)
ANSWER = Draft(kind="answer", text="Antwoord.", language="nl")
OPEN = datetime(2026, 11, 20, 10, tzinfo=AMSTERDAM)
EVENING = datetime(2026, 11, 20, 19, tzinfo=AMSTERDAM)
WAIT = timedelta(minutes=10)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@cache
def known() -> tuple[Knowledge, Guiding]:
    folder = settings().knowledge_dir
    knowledge = load(folder)
    return knowledge, open_guiding(folder, knowledge)


@dataclass(frozen=True)
class Agent:
    id: str
    name: str = "Anna Voorbeeld"


class Present:
    """Who is there."""

    def __init__(self) -> None:
        self.agents = {"portal": 1, "charter": 1}

    def present(self, desk: str) -> int:
        return self.agents[desk]


class NoRegister:
    """The Handelsregister, switched off."""

    async def find(self, said: str) -> list[Any]:
        return []


class Rasa:
    """Speaks Rasa's REST channel, and gives the drafts that it was told to give."""

    def __init__(self) -> None:
        self.drafts: deque[Draft] = deque()
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.reached = asyncio.Event()
        self._connections: set[asyncio.Task[Any] | None] = set()

    async def serve(self) -> None:
        self.server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Once its clients have hung up: nothing is left open."""
        self.server.close()
        await self.server.wait_closed()
        await asyncio.gather(*(task for task in self._connections if task))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(asyncio.current_task())
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                [length] = [
                    int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line
                ]
                self.asked.append(json.loads(await reader.readexactly(length))["message"])
                self.reached.set()
                await self.may_answer.wait()
                draft = self.drafts.popleft() if self.drafts else ANSWER
                body = json.dumps([{"custom": draft.model_dump(mode="json")}]).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


class Room:
    """A web process without a web: visitors, agents, and what each of them is told."""

    def __init__(self, engine: Engine, rasa: Rasa) -> None:
        knowledge, guiding = known()
        self.engine, self.rasa, self.present, self.moment = engine, rasa, Present(), OPEN
        self.store = ConversationStore(engine)
        hours = portal_hours(False)
        self.turns = Turns(
            self.store,
            Router(rasa.url, 20),
            Streams(),
            guiding=guiding,
            showing=Showing(CompanyStore(engine), Verifier(engine, b"k" * 32), guiding, hours),
            desks=Desks(self.present, hours, guiding, knowledge, lambda: self.moment),
            register=NoRegister(),
            code_pattern=PATTERN,
        )
        self.queue = HandOverStore(engine, PATTERN)
        self.over = HandingOver(self.turns, self.queue, WAIT)
        self.tokens: dict[str, str] = {}

    def agent(self, name: str = "Anna Voorbeeld", **columns: Any) -> Agent:
        id_ = new_id()
        values = {
            "id": id_, "email": f"{id_}@example.nl", "name": name, "language": "nl", "is_active": True,
            "failed_sign_ins": 0, "takes_chats": True, "seen_at": now(), "created_at": now(), **columns,
        }  # fmt: skip
        with Session(self.engine) as session, session.begin():
            session.execute(insert(StaffAccount).values(values))
            session.execute(insert(StaffDesk), [{"account_id": id_, "desk": desk} for desk in DESKS])
        return Agent(id_, name)

    def opened(self, language: str = "nl", *drafts: Draft) -> str:
        id_, self.tokens[id_], _ = self.store.open(language, "website", None, drafts)
        return id_

    async def says(self, id_: str, said: str = "Wat is het ingroeiquotum?") -> list[MessageShown]:
        return await self.turns.take(id_, self.tokens[id_], said=said)

    async def presses(self, id_: str, message: MessageShown, title: str) -> list[MessageShown]:
        [button] = [button for button in message.buttons if button.title == title]
        return await self.turns.take(id_, self.tokens[id_], button_id=button.id)

    async def asks(self, id_: str, language: str = "nl") -> MessageShown:
        """Presses the button that asks for a person, as the widget does."""
        [reply, *_] = await self.says(id_, text("button.person", language))
        return reply

    async def waiting(self) -> str:
        id_ = self.opened()
        await self.asks(id_)
        return id_

    def mode(self, id_: str) -> str:
        return self.store.check(id_, self.tokens[id_]).mode

    def last(self, id_: str) -> MessageShown:
        return self.store.messages(id_, self.tokens[id_])[-1]

    def senders(self, id_: str) -> list[str]:
        return [message.sender for message in self.store.messages(id_, self.tokens[id_])]

    def set(self, id_: str, **columns: Any) -> None:
        with Session(self.engine) as session, session.begin():
            session.execute(update(HandOver).where(HandOver.conversation_id == id_).values(columns))


@pytest.fixture
async def room(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Room]:
    url = f"sqlite:///{tmp_path / 'test.db'}"
    migrate(url)
    engine = open_engine(url, 20)
    rasa = Rasa()
    await rasa.serve()
    room = Room(engine, rasa)
    yield room
    await room.turns.close()
    await rasa.close()
    engine.dispose()


def told(frames: asyncio.Queue[dict[str, Any] | None]) -> list[dict[str, Any] | None]:
    """What somebody who watches was told since the last time."""
    found = []
    while not frames.empty():
        found.append(frames.get_nowait())
    return found


def of(frames: list[dict[str, Any] | None], kind: str) -> list[dict[str, Any]]:
    return [frame for frame in frames if frame is not None and frame["type"] == kind]


# Asking for a person


@pytest.mark.anyio
@pytest.mark.parametrize("language", ["nl", "en"])
async def test_when_somebody_is_there_the_visitor_gets_a_place(room: Room, language: str) -> None:
    await room.waiting()
    id_ = room.opened(language)
    with room.turns.streams.watch(id_) as frames, room.turns.streams.watch("desk:portal") as desk:
        reply = await room.asks(id_, language)
        assert of(told(frames), "mode") == [{"type": "mode", "mode": "queue", "position": 2}]
        [frame] = of(told(desk), "hand_over")
    assert frame["hand_over"]["conversation_id"] == id_ and frame["hand_over"]["state"] == "waiting"
    assert (reply.kind, reply.language) == ("handoff", language)
    assert "2" in reply.text and text("desk.portal.name", language) in reply.text
    assert [button.title for button in reply.buttons] == [text("hand_over.leave", language)]
    assert room.mode(id_) == "queue"
    assert room.rasa.asked == [], "it needs no Rasa"


@pytest.mark.anyio
@pytest.mark.parametrize("why", ["closed", "nobody there"])
async def test_when_nobody_is_there_a_question_can_be_left(room: Room, why: str) -> None:
    """It says so, when the desk opens, how to reach it, and offers the form. Nobody is put into a queue."""
    if why == "closed":
        room.moment = EVENING
    else:
        room.present.agents["portal"] = 0
    id_ = room.opened()
    reply = await room.asks(id_)
    assert (reply.kind, room.mode(id_)) == ("handoff", "assistant")
    assert "(/?wegwijzer-form=question)" in reply.text and "070 - 2002 532" in reply.text
    assert ("maandag 23 november om 08:00" in reply.text) == (why == "closed")
    assert room.queue.get(id_) is None


@pytest.mark.anyio
async def test_the_charters_desk_has_no_hours(room: Room) -> None:
    """No source gives them: it is there exactly when an agent is."""
    room.moment = EVENING
    id_ = room.opened("nl", Draft(kind="answer", text="…", language="nl", memory=Memory(last_topic="charter.what-is")))
    reply = await room.asks(id_)
    assert text("desk.charter.name", "nl") in reply.text and room.mode(id_) == "queue"
    room.present.agents["charter"] = 0
    later = room.opened(
        "nl", Draft(kind="answer", text="…", language="nl", memory=Memory(last_topic="charter.what-is"))
    )
    said = (await room.asks(later)).text
    assert said.index("070 - 3 499 576") < said.index("070 - 2002 532")


@pytest.mark.anyio
async def test_the_desk_is_that_of_the_guide_that_waits(room: Room) -> None:
    _, guiding = known()
    guide = next(guide for guide in guiding.guides.guides.values() if guide.desk == "charter")
    state = GuideState(guide=guide.id, step=guide.steps[0].id)
    begun = Draft(kind="guide", text="…", language="nl", memory=Memory(guide=state, last_topic="law.quota"))
    id_ = room.opened("nl", begun)
    handoff, again = await room.says(id_, text("button.person", "nl"))
    assert room.queue.get(id_).desk == "charter"  # type: ignore[union-attr]
    assert (handoff.kind, again.kind) == ("handoff", "guide"), "and the guide says where it was"


@pytest.mark.anyio
async def test_the_button_of_a_message_asks_for_a_person(room: Room) -> None:
    id_ = room.opened("nl", Draft(kind="unknown", text="…", language="nl", buttons=[person_button("nl")]))
    [reply] = await room.presses(id_, room.last(id_), text("button.person", "nl"))
    assert reply.kind == "handoff" and room.mode(id_) == "queue"


@pytest.mark.anyio
@pytest.mark.parametrize("reason", ["asked", "misses"])
async def test_what_the_actions_ask_for(room: Room, reason: str) -> None:
    """In words that only Rasa understands, or after two misses: what they say comes first."""
    asked = PersonAsked(desk="charter", reason=reason)  # type: ignore[arg-type]
    said = "" if reason == "asked" else text("unknown.second", "nl")
    room.rasa.drafts.append(
        Draft(kind="handoff", text=said, language="nl", fill="person", memory=Memory(misses=0, person=asked))
    )
    id_ = room.opened()
    [reply] = await room.says(id_, "mens")
    assert reply.text.startswith(said or text("hand_over.queued", "nl").split("{")[0])
    shown = room.queue.get(id_)
    assert shown is not None and (shown.desk, shown.reason) == ("charter", reason)


@pytest.mark.anyio
async def test_asking_twice_tells_the_place_again(room: Room) -> None:
    id_ = await room.waiting()
    reply = await room.asks(id_)
    assert "nummer 1" in reply.text and len(room.queue.waiting(["portal"])) == 1
    room.moment = EVENING
    assert "nummer 1" in (await room.asks(id_)).text, "also just after closing time: the queue tells them"


@pytest.mark.anyio
async def test_with_rasa_down_a_person_can_be_asked_for(room: Room) -> None:
    await room.rasa.close()
    id_ = room.opened()
    [failed] = await room.says(id_)
    assert failed.kind == "error"
    assert (await room.asks(id_)).kind == "handoff" and room.mode(id_) == "queue"


# In the queue


@pytest.mark.anyio
async def test_in_the_queue_the_assistant_answers_and_the_desk_sees_it(room: Room) -> None:
    id_ = await room.waiting()
    with room.turns.streams.watch("desk:portal") as desk, room.turns.streams.watch("desk:charter") as other:
        [reply] = await room.says(id_)
        frames = told(desk)
        assert told(other) == []
    assert reply.sender == "assistant" and room.mode(id_) == "queue"
    assert [frame["message"]["sender"] for frame in of(frames, "message")] == ["visitor", "assistant"]
    assert {frame["conversation"] for frame in of(frames, "message")} == {id_}
    assert of(frames, "hand_over")[-1]["hand_over"]["last_text"] == "Wat is het ingroeiquotum?"


@pytest.mark.anyio
async def test_the_assistant_alone_is_nobodys_business(room: Room) -> None:
    id_ = room.opened()
    with room.turns.streams.watch("desk:portal") as desk:
        await room.says(id_)
        room.over.typed(id_)
        assert told(desk) == []


@pytest.mark.anyio
async def test_leaving_with_the_button_moves_the_others_up(room: Room) -> None:
    first, second = room.opened(), room.opened()
    reply = await room.asks(first)
    await room.asks(second)
    with room.turns.streams.watch(first) as mine, room.turns.streams.watch(second) as theirs:
        [left] = await room.presses(first, reply, text("hand_over.leave", "nl"))
        assert of(told(mine), "mode")[-1] == {"type": "mode", "mode": "assistant", "position": None}
        assert of(told(theirs), "mode") == [{"type": "mode", "mode": "queue", "position": 1}]
    assert left.text == text("hand_over.left", "nl") and left.buttons, "never a dead end"
    assert room.queue.get(first).state == "left"  # type: ignore[union-attr]
    [again] = await room.presses(first, reply, text("hand_over.leave", "nl"))
    assert again.text == left.text, "an old button, pressed once more"


@pytest.mark.anyio
async def test_erasing_tells_the_desk_and_moves_the_others_up(room: Room) -> None:
    first, second = await room.waiting(), await room.waiting()
    with room.turns.streams.watch("desk:portal") as desk, room.turns.streams.watch(second) as theirs:
        room.store.erase(first, room.tokens[first])
        await room.over.erased(first)
        assert of(told(desk), "erased") == [{"type": "erased", "conversation": first}]
        assert of(told(theirs), "mode") == [{"type": "mode", "mode": "queue", "position": 1}]


# With an agent


@pytest.mark.anyio
async def test_from_the_claim_on_the_agent_talks_and_the_assistant_is_silent(room: Room) -> None:
    id_, anna = await room.waiting(), room.agent()
    with room.turns.streams.watch(id_) as visitor, room.turns.streams.watch("desk:portal") as desk:
        shown = await room.over.claim(id_, anna)
        frames = told(visitor)
        assert [frame["message"]["sender"] for frame in of(frames, "message")] == ["system"]
        assert of(frames, "mode") == [{"type": "mode", "mode": "agent", "position": None}]
        assert of(told(desk), "hand_over")[-1]["hand_over"]["claimed_by_name"] == "Anna Voorbeeld"
        assert await room.says(id_, "Bent u er?") == []
        assert of(told(visitor), "typing") == [], "nobody pretends to look for an answer"
        frames = told(desk)
        assert [frame["message"]["text"] for frame in of(frames, "message")] == ["Bent u er?"]
        assert of(frames, "hand_over")[-1]["hand_over"]["unread"] == shown.unread + 1
        said = await room.over.say(id_, anna, "Goedemiddag!", "k")
        assert await room.over.say(id_, anna, "Goedemiddag!", "k") == said
        assert {frame["message"]["id"] for frame in of(told(visitor), "message")} == {said.id}
    assert room.senders(id_).count("agent") == 1
    assert room.rasa.asked == []


@pytest.mark.anyio
async def test_a_claim_while_the_assistant_works_drops_its_reply(room: Room) -> None:
    """The claim does not wait for Rasa. The message stays, for the agent."""
    id_, anna = await room.waiting(), room.agent()
    room.rasa.may_answer.clear()
    asking = asyncio.create_task(room.says(id_))
    await asyncio.wait_for(room.rasa.reached.wait(), 20)
    shown = await asyncio.wait_for(room.over.claim(id_, anna), 20)
    assert shown.last_text == "Wat is het ingroeiquotum?"
    room.rasa.may_answer.set()
    assert await asking == []
    assert room.senders(id_) == ["visitor", "assistant", "visitor", "system"]


@pytest.mark.anyio
async def test_two_agents_at_the_same_moment(room: Room) -> None:
    id_ = await room.waiting()
    agents = [room.agent("Anna"), room.agent("Bert")]
    found = await asyncio.gather(*(room.over.claim(id_, agent) for agent in agents), return_exceptions=True)
    [refused] = [one for one in found if isinstance(one, ClaimedBySomebody)]
    assert refused.name == room.queue.get(id_).claimed_by_name  # type: ignore[union-attr]


@pytest.mark.anyio
async def test_a_claim_moves_the_others_up(room: Room) -> None:
    first, second, third = await room.waiting(), await room.waiting(), await room.waiting()
    with room.turns.streams.watch(second) as frames, room.turns.streams.watch(third) as others:
        await room.over.claim(first, room.agent())
        assert of(told(frames), "mode") == [{"type": "mode", "mode": "queue", "position": 1}]
        assert of(told(others), "mode") == [{"type": "mode", "mode": "queue", "position": 2}]


@pytest.mark.anyio
async def test_typing_goes_both_ways_and_not_too_often(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    id_, anna = await room.waiting(), room.agent()
    await room.over.claim(id_, anna)
    with room.turns.streams.watch(id_) as visitor, room.turns.streams.watch("desk:portal") as desk:
        for _ in range(5):
            await room.over.typing(id_, anna)
            room.over.typed(id_)
        assert told(visitor) == [{"type": "typing", "sender": "agent"}]
        assert told(desk) == [{"type": "typing", "conversation": id_, "sender": "visitor"}]
        monkeypatch.setattr(handing_over, "TYPING_AT_MOST_EVERY_SECONDS", 0)
        await room.over.typing(id_, room.agent("Bert"))
        assert told(visitor) == [], "only whoever holds it"
        await room.over.typing(id_, anna)
        assert told(visitor) == [{"type": "typing", "sender": "agent"}]


@pytest.mark.anyio
@pytest.mark.parametrize("said", ["", "   ", "x" * 4001])
async def test_what_an_agent_cannot_say(room: Room, said: str) -> None:
    id_, anna = await room.waiting(), room.agent()
    await room.over.claim(id_, anna)
    with pytest.raises(ValueError, match="4000"):
        await room.over.say(id_, anna, said, "k")


@pytest.mark.anyio
async def test_read_up_to_is_told_to_the_desk(room: Room) -> None:
    id_, anna = await room.waiting(), room.agent()
    await room.over.claim(id_, anna)
    await room.says(id_, "Bent u er?")
    with room.turns.streams.watch("desk:portal") as desk:
        await room.over.read_up_to(id_, anna, room.last(id_).id)
        assert [frame["hand_over"]["unread"] for frame in of(told(desk), "hand_over")] == [0]


@pytest.mark.anyio
async def test_while_an_agent_talks_no_guide_goes_on(room: Room) -> None:
    """A form or a verification is still confirmed; the step of the guide is not repeated."""
    _, guiding = known()
    guide = next(iter(guiding.guides.guides.values()))
    state = GuideState(guide=guide.id, step=guide.steps[0].id)
    id_ = room.opened("nl", Draft(kind="guide", text="…", language="nl", memory=Memory(guide=state)))
    await room.asks(id_)
    await room.over.claim(id_, room.agent())
    confirmed = Draft(sender="system", kind="text", text="Bewaard.", language="nl")
    kept = await room.turns.tell(id_, lambda _, said: guiding.after(said, [confirmed]))
    assert [message.text for message in kept] == ["Bewaard."]


@pytest.mark.anyio
async def test_handed_back_and_the_assistant_answers(room: Room) -> None:
    id_, anna = await room.waiting(), room.agent()
    await room.over.claim(id_, anna)
    with room.turns.streams.watch(id_) as visitor, room.turns.streams.watch("desk:portal") as desk:
        await room.over.hand_back(id_, anna)
        frames = told(visitor)
        assert of(frames, "mode") == [{"type": "mode", "mode": "assistant", "position": None}]
        assert of(frames, "message")[0]["message"]["text"] == text("hand_over.handed_back", "nl")
        assert of(told(desk), "hand_over")[-1]["hand_over"]["state"] == "handed_back"
        [reply] = await room.says(id_)
        assert reply.sender == "assistant"
        assert told(desk) == [], "no longer the desk's business"


@pytest.mark.anyio
async def test_closed_and_a_new_question_simply_goes_on(room: Room) -> None:
    id_, anna = await room.waiting(), room.agent()
    await room.over.claim(id_, anna)
    with room.turns.streams.watch(id_) as visitor:
        await room.over.close(id_, anna, "answered")
        assert of(told(visitor), "mode")[-1]["mode"] == "closed"
        room.store.give_feedback(id_, room.tokens[id_], room.last(id_).id, True)
        [reply] = await room.says(id_)
        assert of(told(visitor), "mode") == [{"type": "mode", "mode": "assistant", "position": None}]
    assert reply.sender == "assistant" and room.mode(id_) == "assistant"


@pytest.mark.anyio
async def test_released_and_another_agent_takes_it(room: Room) -> None:
    id_, anna, bert = await room.waiting(), room.agent(), room.agent("Bert")
    await room.over.claim(id_, anna)
    with room.turns.streams.watch(id_) as visitor:
        await room.over.release(anna.id)
        assert of(told(visitor), "mode")[-1] == {"type": "mode", "mode": "queue", "position": 1}
    assert (await room.over.claim(id_, bert)).claimed_by == bert.id


# What time does


@pytest.mark.anyio
async def test_who_waits_long_is_told_once_and_keeps_the_place(room: Room) -> None:
    id_ = await room.waiting()
    room.set(id_, asked_at=now() - WAIT)
    with room.turns.streams.watch(id_) as visitor:
        for _ in range(3):
            await room.over.tick(now())
        [message] = of(told(visitor), "message")
    assert "(/?wegwijzer-form=question)" in message["message"]["text"]
    assert [button["title"] for button in message["message"]["buttons"]] == [text("hand_over.leave", "nl")]
    assert room.mode(id_) == "queue" and room.queue.position(id_) == 1


@pytest.mark.anyio
async def test_who_waits_and_waits_is_told_again_later(room: Room) -> None:
    id_ = await room.waiting()
    room.set(id_, asked_at=now() - WAIT)
    with room.turns.streams.watch(id_) as visitor:
        await room.over.tick(now())
        await room.over.tick(now() + timedelta(minutes=9))
        assert len(of(told(visitor), "message")) == 1
        await room.over.tick(now() + timedelta(minutes=11))
        assert len(of(told(visitor), "message")) == 1


@pytest.mark.anyio
async def test_who_waits_long_and_is_no_longer_there_leaves_the_queue(room: Room) -> None:
    """Whoever comes back finds what they can do, and no agent opens a chat with nobody in it."""
    id_ = await room.waiting()
    room.set(id_, asked_at=now() - WAIT)
    await room.over.tick(now())
    assert (room.mode(id_), room.queue.get(id_).state) == ("assistant", "missed")  # type: ignore[union-attr]
    assert "(/?wegwijzer-form=question)" in room.last(id_).text


@pytest.mark.anyio
async def test_who_reads_without_a_stream_is_there(room: Room) -> None:
    id_ = await room.waiting()
    room.set(id_, asked_at=now() - WAIT)
    room.over.read(id_)
    await room.over.tick(now())
    assert room.mode(id_) == "queue"


@pytest.mark.anyio
async def test_not_before_the_time_is_over(room: Room) -> None:
    id_ = await room.waiting()
    room.set(id_, asked_at=now() - WAIT + timedelta(seconds=30))
    await room.over.tick(now())
    assert room.mode(id_) == "queue" and room.senders(id_)[-1] == "assistant"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "asked_at", [datetime(2026, 10, 25, 0, 55, tzinfo=UTC), datetime(2027, 3, 28, 0, 55, tzinfo=UTC)],
    ids=["clock back", "clock forward"],
)  # fmt: skip
async def test_the_nights_the_clock_changes(room: Room, asked_at: datetime) -> None:
    """Ten minutes are ten minutes, though the clock on the wall goes back or forward an hour meanwhile."""
    id_ = room.opened("nl", Draft(kind="answer", text="…", language="nl", memory=Memory(last_topic="charter.what-is")))
    await room.asks(id_)
    room.set(id_, asked_at=asked_at)
    with room.turns.streams.watch(id_) as visitor:
        await room.over.tick(asked_at + timedelta(minutes=9, seconds=59))
        assert of(told(visitor), "message") == []
        await room.over.tick(asked_at + WAIT)
        assert len(of(told(visitor), "message")) == 1


@pytest.mark.anyio
async def test_when_the_desk_closes_who_waits_is_told(room: Room) -> None:
    portal = await room.waiting()
    charter = room.opened(
        "nl", Draft(kind="answer", text="…", language="nl", memory=Memory(last_topic="charter.what-is"))
    )
    await room.asks(charter)
    room.moment = EVENING
    with room.turns.streams.watch(portal) as visitor, room.turns.streams.watch("desk:portal") as desk:
        await room.over.tick(now())
        frames = told(visitor)
        assert of(frames, "mode")[-1] == {"type": "mode", "mode": "assistant", "position": None}
        assert "maandag 23 november" in of(frames, "message")[0]["message"]["text"]
        assert of(told(desk), "hand_over")[-1]["hand_over"]["state"] == "missed"
    assert room.mode(charter) == "queue", "no source gives that desk hours"


@pytest.mark.anyio
async def test_when_the_last_agent_leaves_who_waits_is_told(room: Room) -> None:
    """Not at once: an agent who reloads the page is back within a minute."""
    id_ = await room.waiting()
    start = now()
    await room.over.tick(start)
    room.present.agents["portal"] = 0
    await room.over.tick(start + timedelta(seconds=30))
    assert room.mode(id_) == "queue"
    room.present.agents["portal"] = 1
    await room.over.tick(start + timedelta(seconds=45))
    room.present.agents["portal"] = 0
    await room.over.tick(start + timedelta(seconds=75))
    assert room.mode(id_) == "queue"
    await room.over.tick(start + timedelta(seconds=106))
    assert room.mode(id_) == "assistant"
    assert "(/?wegwijzer-form=question)" in room.last(id_).text


@pytest.mark.anyio
async def test_an_agent_whose_connection_is_gone(room: Room) -> None:
    """For a minute nothing happens; after two the visitor waits again, in front."""
    first, second = await room.waiting(), await room.waiting()
    start = now()
    anna = room.agent(seen_at=start)
    await room.over.claim(first, anna)
    room.set(first, claimed_at=start)
    await room.over.tick(start - timedelta(minutes=10))
    await room.over.tick(start + timedelta(minutes=1))
    assert room.mode(first) == "agent"
    with room.turns.streams.watch(first) as visitor, room.turns.streams.watch(second) as other:
        await room.over.tick(start + timedelta(minutes=2, seconds=1))
        frames = told(visitor)
        assert of(frames, "mode")[-1] == {"type": "mode", "mode": "queue", "position": 1}
        assert of(frames, "message")[0]["message"]["text"] == text("hand_over.lost", "nl", position=1)
        assert of(told(other), "mode")[-1]["position"] == 2


@pytest.mark.anyio
async def test_after_a_restart_agents_get_the_time_to_come_back(room: Room) -> None:
    """The process was down for five minutes: nobody could show a sign of life."""
    id_, start = await room.waiting(), now()
    anna = room.agent(seen_at=start - timedelta(minutes=5))
    await room.over.claim(id_, anna)
    room.set(id_, claimed_at=start - timedelta(minutes=30))
    again = HandingOver(room.turns, room.queue, WAIT)
    await again.start()
    await again.tick(start)
    await again.tick(start + timedelta(seconds=90))
    assert room.mode(id_) == "agent"
    await again.tick(start + timedelta(minutes=2))
    assert room.mode(id_) == "queue"


@pytest.mark.anyio
async def test_a_new_process_takes_up_what_was_open(room: Room) -> None:
    """The agent still holds it, and sees what the visitor says from the first message on."""
    held, waits, anna = await room.waiting(), await room.waiting(), room.agent()
    await room.over.claim(held, anna)
    streams = room.turns.streams = Streams()
    again = HandingOver(room.turns, room.queue, WAIT)
    await again.start()
    assert set(streams.followed) == {held, waits}
    assert await again.mode(held) == ("agent", None)
    assert await again.mode(waits) == ("queue", 1)
    with streams.watch("desk:portal") as desk:
        assert await room.says(held, "Bent u er nog?") == []
        assert [frame["message"]["text"] for frame in of(told(desk), "message")] == ["Bent u er nog?"]
    assert (await again.say(held, anna, "Ja hoor.", "k")).sender == "agent"


@pytest.mark.anyio
async def test_what_retention_erased_in_another_process_is_told(room: Room) -> None:
    id_ = await room.waiting()
    room.store.erase(id_, room.tokens[id_])
    with room.turns.streams.watch("desk:portal") as desk, room.turns.streams.watch(id_) as visitor:
        await room.over.tick(now())
        assert of(told(desk), "erased") == [{"type": "erased", "conversation": id_}]
        assert told(visitor) == [None]
    assert room.turns.streams.followed == ()


@pytest.mark.anyio
async def test_who_is_there_is_told_when_it_changes(room: Room) -> None:
    with room.turns.streams.watch("desk:portal") as desk:
        await room.over.check_presence()
        room.present.agents["portal"] = 2
        await room.over.check_presence()
        await room.over.check_presence()
        assert [frame["present"] for frame in of(told(desk), "presence")] == [1, 2]


@pytest.mark.anyio
async def test_fifty_conversations_at_once(room: Room) -> None:
    """Visitors ask, agents claim and talk, all together; every message arrives, and nobody gets somebody else's."""
    agents = [room.agent(f"Agent {number}") for number in range(10)]

    async def talk(number: int) -> None:
        id_ = await room.waiting()
        agent = agents[number % 10]
        await room.over.claim(id_, agent)
        with room.turns.streams.watch(id_) as visitor:
            for turn in range(3):
                assert await room.says(id_, f"vraag {number}.{turn}") == []
                await room.over.say(id_, agent, f"antwoord {number}.{turn}", f"{turn}")
            texts = [frame["message"]["text"] for frame in of(told(visitor), "message")]
        assert texts == [f"{kind} {number}.{turn}" for turn in range(3) for kind in ("vraag", "antwoord")]
        await room.over.close(id_, agent, "answered")

    await asyncio.gather(*(talk(number) for number in range(50)))
    assert room.queue.still_open() == []
    assert room.turns.streams.followed == ()
