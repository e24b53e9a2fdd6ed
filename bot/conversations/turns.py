"""The way of one turn: store the message, have it answered, store the replies, tell whoever is watching."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar, cast

from sqlalchemy.orm import Session

from bot.answers.rendering import person_button
from bot.conversations.language import certain_language
from bot.conversations.masking import MASK, mask_codes
from bot.conversations.router import Router, RouterDown
from bot.conversations.store import Context, ConversationStore, Turn
from bot.conversations.streams import Streams
from bot.conversations.visible import from_first_visible, has_words
from bot.guides.guiding import Guiding, Said
from bot.guides.resuming import code_in, mask_code
from bot.helpdesk import saying
from bot.helpdesk.desks import Desks
from bot.helpdesk.hours import AMSTERDAM
from bot.messages import ButtonDraft, Draft, Language, Memory, MessageShown
from bot.registry.recognising import Handelsregister, name_said, recognise
from bot.registry.showing import Showing
from bot.texts import LANGUAGES, text

log = logging.getLogger(__name__)

Result = TypeVar("Result")

INTERRUPTED_AFTER_SECONDS = 5.0
"""A message without a reply that nobody is answering was left by a process that ended. Younger ones wait for the
widget, which sends them again by itself."""

CLOSE_WITHIN_SECONDS = 15.0

_TRIGGERED = "EXTERNAL: "
"""What Rasa writes for an intent that is triggered from outside: no words of a visitor."""

_PERSON_BUTTONS = ("button.person", "widget.mode.ask")

LONGEST_WITH_A_CODE = 60
"""Characters of a message in which twelve digits must be a resume code."""

_DATABASE_THREADS = 8


class _Locks:
    """One lock per conversation, kept only while somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[None]:
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)

    def held(self, key: str) -> bool:
        return key in self._locks


def _refusal(said: str) -> str | None:
    """Why a visitor's text does not go to Rasa, as a key of the text catalogue; None where it does."""
    visible = from_first_visible(said)
    if visible.startswith("/"):
        return "unknown.slash"
    if visible.startswith(_TRIGGERED):
        return "unknown.no_words"
    return None if has_words(visible) else "unknown.no_words"


def _said_in(context: Context) -> Said:
    """The conversation as a guide sees it. While an agent holds it no guide goes on."""
    if context.mode == "agent":
        context = replace(context, guides=())
    return Said(context, cast("Language", context.language), datetime.now(AMSTERDAM).date())


def asks_for_a_person(said: str) -> bool:
    """Whether these are the words of a button that asks for a person: of a message's, or the widget's own."""
    plain = " ".join(said.split()).rstrip(".!").casefold()
    return plain in {text(key, language).casefold() for key in _PERSON_BUTTONS for language in LANGUAGES}


async def _nobody_follows(_id: str) -> None:
    """What happens in a conversation concerns nobody else, until somebody says so."""


def _said(turn: Turn) -> Said:
    """The turn as a guide sees it."""
    return _said_in(turn.context)


class Turns:
    """Takes messages of visitors and gives the replies. Messages of one conversation are taken one at a time."""

    def __init__(
        self,
        store: ConversationStore,
        router: Router,
        streams: Streams,
        *,
        guiding: Guiding,
        showing: Showing,
        desks: Desks,
        register: Handelsregister,
        code_pattern: str,
    ) -> None:
        self.store, self.router, self.streams = store, router, streams
        self.guiding, self.showing, self.register, self.desks = guiding, showing, register, desks
        self.changed: Callable[[str], Awaitable[None]] = _nobody_follows
        """Told of every turn in a conversation that waits for a person or is held by one, or begins or ceases to."""
        self._code_pattern = code_pattern
        self._locks = _Locks()
        self._running: set[asyncio.Task[Any]] = set()
        self._threads = ThreadPoolExecutor(_DATABASE_THREADS, thread_name_prefix="database")

    async def close(self) -> None:
        """Lets the turns under way finish, then ends the threads and the connections to Rasa."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=CLOSE_WITHIN_SECONDS)
        await self.router.close()
        self._threads.shutdown(wait=True)

    async def in_database(self, call: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
        """Runs one transaction in a thread, so that waiting for the database stops nobody else."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: call(*arguments, **named))

    async def take(
        self, id_: str, token: str, *, said: str | None = None, button_id: str | None = None, key: str | None = None
    ) -> list[MessageShown]:
        """Stores a message (what was said, or a pressed button) and gives the replies to it.

        Nothing while a person holds the conversation. Raises what `ConversationStore.begin_turn` raises.
        A visitor who hangs up halfway finds the reply later: the turn goes on without them.
        """
        return await self.to_the_end(self._take(id_, token, said, button_id, key))

    async def to_the_end(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Does what was begun, also when whoever asked for it hangs up: what is stored must be told as well."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # Whoever asked may be gone; who is not has been told.

    async def _take(
        self, id_: str, token: str, said: str | None, button_id: str | None, key: str | None
    ) -> list[MessageShown]:
        masked, language, resume_code = False, None, None
        if said is not None:
            said, masked = mask_codes(said, self._code_pattern)
            resume_code = code_in(said)
            said = mask_code(said, MASK)
            # What is not read decides nothing, the language neither; nor does the name of a company.
            language = None if _refusal(said) or name_said(said) else certain_language(said)
        async with self._locks.hold(id_):
            turn = await self.in_database(
                self.store.begin_turn,
                id_,
                token,
                text=said,
                button_id=button_id,
                language=language,
                key=key,
            )
            if turn.replies:
                return list(turn.replies)
            self.streams.message(id_, turn.message)
            if turn.context.mode == "agent":
                await self.changed(id_)
                return []
            if turn.reopened:
                self.streams.mode(id_, turn.context.mode, None)
            self.streams.typing(id_, "assistant")
            drafts = await self._resumed(turn, resume_code) if resume_code else None
            drafts = drafts or await self._drafts(turn, masked)
            replies = await self.in_database(self.store.end_turn, turn, drafts)
        for reply in replies:
            self.streams.message(id_, reply)
        if self.streams.desk_of(id_) or any(draft.memory.person or draft.memory.leaves_queue for draft in drafts):
            await self.changed(id_)
        return replies

    async def _drafts(self, turn: Turn, masked: bool) -> list[Draft]:
        language = cast("Language", turn.context.language)
        notice = [self._notice("privacy.masked", language)] if masked else []
        payload = turn.context.payload or {}
        # "Try again" brings back a visitor's own words: they meet the same door as the first time.
        words = payload.get("again") if payload else turn.message.text
        refusal = None if words is None else _refusal(str(words))
        if refusal == "unknown.no_words" and notice:
            return self.guiding.after(_said(turn), notice)
        if refusal:
            return self.guiding.after(_said(turn), [*notice, self._not_understood(refusal, language)])
        if payload.get("hand_over") == saying.LEAVE:
            return self.guiding.after(_said(turn), [self._left(turn, language)])
        # Without Rasa: that it is down is one more reason to ask for a person.
        if payload.get("intent") == "talk_to_person" or asks_for_a_person(str(words or "")):
            return self.guiding.after(_said(turn), [*notice, *await self.in_database(self.desks.asked, _said(turn))])
        if "status" in payload:
            shown = await self.in_database(self.showing.reply, _said(turn), str(payload["status"]))
            return self.guiding.after(_said(turn), shown)
        for_guide = self.guiding.reads(_said(turn)) is not None
        if not for_guide and not payload and (known := await recognise(turn.message.text, language, self.register)):
            invited = await self.in_database(self.showing.invite, _said(turn), known)
            return [*notice, *self.guiding.after(_said(turn), invited)]
        try:
            drafts = await self.router.drafts(turn, for_guide=for_guide)
            return [*notice, *[filled for draft in drafts for filled in await self._filled(turn, draft)]]
        except RouterDown as problem:
            log.warning("A message could not be answered: %s.", problem)
            return [*notice, self._failed("error.router", turn, language)]

    async def _filled(self, turn: Turn, draft: Draft) -> list[Draft]:
        """A draft of the actions; where it only says that a status or a person was asked for, what there is of that."""
        if draft.fill is None:
            return [draft]
        if draft.fill == "person":
            return await self.in_database(self.desks.reply, _said(turn), draft)
        return await self.in_database(self.showing.reply, _said(turn), draft.fill)

    async def _resumed(self, turn: Turn, code: str) -> list[Draft] | None:
        """Goes on with the guide that a resume code stands for. The code reaches neither Rasa nor the database.

        In a longer message twelve digits that are no code of ours may be something else: None.
        """
        state = await self.in_database(self.store.resumed, code)
        if state is None and len(turn.message.text) > LONGEST_WITH_A_CODE:
            return None
        return self.guiding.resume(_said(turn), state)

    async def tell(self, id_: str, make: Callable[[Session, Said], list[Draft]]) -> list[MessageShown]:
        """Puts messages into a conversation that answer no message: a confirmation, say.

        make: as in `ConversationStore.tell`.
        """
        async with self._locks.hold(id_):
            told = await self.in_database(
                self.store.tell, id_, lambda session, context: make(session, _said_in(context))
            )
        for message in told:
            self.streams.message(id_, message)
        return told

    @staticmethod
    def _left(turn: Turn, language: Language) -> Draft:
        """To somebody who goes on with the assistant; the same to an old button, when they wait no more."""
        leaves = Memory(leaves_queue=turn.context.mode == "queue", misses=0)
        return saying.left(language).model_copy(update={"memory": leaves})

    @staticmethod
    def _notice(key: str, language: Language) -> Draft:
        return Draft(sender="system", kind="text", text=text(key, language), language=language)

    @staticmethod
    def _not_understood(key: str, language: Language) -> Draft:
        return Draft(kind="unknown", text=text(key, language), language=language, buttons=[person_button(language)])

    @staticmethod
    def _failed(key: str, turn: Turn, language: Language) -> Draft:
        again = ButtonDraft(title=text("button.again", language), payload={"retry": turn.message.id})
        return Draft(kind="error", text=text(key, language), language=language, buttons=[again])

    async def settle(self, id_: str) -> None:
        """Answers a message that was left without a reply by a process that ended: it says so, and offers to retry.

        Not behind the visitor's back: the question itself is only answered when the visitor asks for it.
        """
        if self._locks.held(id_):
            return
        turn = await self.in_database(self.store.unanswered, id_, INTERRUPTED_AFTER_SECONDS)
        if turn is None:
            return
        async with self._locks.hold(id_):
            turn = await self.in_database(self.store.unanswered, id_, INTERRUPTED_AFTER_SECONDS)
            if turn is not None:
                draft = self._failed("error.interrupted", turn, cast("Language", turn.context.language))
                for reply in await self.in_database(self.store.end_turn, turn, [draft]):
                    self.streams.message(id_, reply)
