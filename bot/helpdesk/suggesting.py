"""Suggested answers for whoever is answering: three topics with their texts and sources, and what became of each.

The encoder and the index are read when somebody first needs them, and kept: a web process without agents stays small.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, cast

from sqlalchemy import CursorResult, Engine, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.answers import rendering
from bot.answers.decision import Candidate
from bot.answers.knowledge import Knowledge
from bot.database.types import new_id, now
from bot.helpdesk.fates import USED
from bot.helpdesk.models import Suggestion
from bot.helpdesk.reranking import Reranking
from bot.messages import Language, SourceShown
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.answers.engine import AnswerEngine

log = logging.getLogger(__name__)

LONGEST_QUESTION = 2000
RERANKING_FILE = "reranking.json"

_THREADS = 2
_AT_ONCE = 5000
_BATCHES = uuid.UUID("018f3b5c-7d7e-7000-8000-5b1d6c1f0a11")
"""Of the ids that batches get from messages; any number that nothing else takes."""


class NoSuggestions(RuntimeError):
    """Nothing can be suggested now: the models are missing, or were made for other knowledge."""


class NoSuchSuggestion(LookupError):
    """There is no such suggestion in that batch."""


class Asked(Protocol):
    """A visitor's question that a message holds."""

    @property
    def message_id(self) -> str:
        """Of the message."""

    @property
    def text(self) -> str:
        """As it was stored."""

    @property
    def language(self) -> str:
        """The visitor's."""

    @property
    def last_topic(self) -> str | None:
        """What the last answer in the conversation was about."""


@dataclass(frozen=True)
class SuggestionShown:
    """A suggested answer."""

    id: str
    batch_id: str
    """The same for those that are shown together."""
    position: int
    """1 is the best."""
    topic: str
    title: str
    text: str
    """The answer as the assistant gives it, in the question's language: Markdown."""
    score: float
    """The probability, 0 to 1, that this topic answers the question."""
    sources: tuple[SourceShown, ...]
    desk: str
    is_due: bool
    """Past its review date: to be checked before it is sent."""


def distance(suggested: str, sent: str) -> float:
    """How far a text is from what was suggested, word by word: 0 the same, 1 nothing left of it.

    1 less the share of words that both have in the same order (difflib's ratio). Spaces do not count.
    """
    return 1.0 - SequenceMatcher(None, suggested.split(), sent.split(), autojunk=False).ratio()


def _batch_of(message_id: str) -> str:
    """The batch of a message: one for each, whoever asks first. Nobody finds the message by it."""
    return str(uuid.uuid5(_BATCHES, message_id))


class Suggester:
    """Suggests, and keeps what became of it. Thread-safe; every write is one transaction.

    open_answers: reads the encoder and the index; called once, when they are first needed. It raises RuntimeError where
    they cannot be read, and is asked again the next time.
    reranking_file: what `make eval` found about ranking by what became of earlier suggestions; it may be missing.
    """

    def __init__(
        self,
        open_answers: Callable[[], AnswerEngine],
        knowledge: Knowledge,
        engine: Engine,
        reranking_file: Path | None = None,
    ) -> None:
        self._open_answers, self._knowledge, self.engine = open_answers, knowledge, engine
        self._reader = engine.execution_options(writes=False)
        self._answers: AnswerEngine | None = None
        self._loading = Lock()
        self._reranking_file = reranking_file
        self._reranking: tuple[int, Reranking | None] = (0, None)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="suggestions")

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    # ---- what it reads

    def answers(self) -> AnswerEngine:
        """The encoder and the index, read now where nobody needed them before. Raises NoSuggestions."""
        with self._loading:
            if self._answers is None:
                try:
                    self._answers = self._open_answers()
                except RuntimeError as problem:
                    raise NoSuggestions(str(problem)) from problem
            return self._answers

    def warm(self) -> None:
        """Has them read in the background, and returns at once: somebody is about to need them."""
        if self._answers is None:
            self._threads.submit(self._warm)

    def _warm(self) -> None:
        try:
            # The first run takes longer than those after it.
            self.answers().encoder.encode_one("warm")
        except NoSuggestions as problem:
            log.warning("No answers can be suggested: %s", problem)

    def close(self) -> None:
        """Ends the threads, once what they are at is done."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _reranked(self, candidates: Sequence[Candidate]) -> list[tuple[Candidate, float]]:
        """The candidates in the order in which they are shown, each with the confidence that is shown."""
        reranking = self._current_reranking()
        if reranking is None:
            return [(candidate, candidate.confidence) for candidate in candidates]
        scored = [(each, reranking.confidence(each.topic, each.confidence)) for each in candidates]
        return sorted(scored, key=lambda pair: -pair[1])

    def _current_reranking(self) -> Reranking | None:
        if self._reranking_file is None:
            return None
        try:
            changed = self._reranking_file.stat().st_mtime_ns
        except OSError:
            return None
        if self._reranking[0] != changed:
            self._reranking = changed, Reranking.read(self._reranking_file)
        return self._reranking[1]

    # ---- suggesting

    def suggest(
        self,
        question: str,
        language: str,
        last_topic: str | None = None,
        *,
        channel: str,
        conversation_id: str | None = None,
        message_id: str | None = None,
        keep: bool = True,
    ) -> list[SuggestionShown]:
        """Three answers, best first; none for an empty question.

        last_topic: what was talked about, for questions that lean on it.
        keep: stores them, so that what becomes of them can be kept. A message has one batch: who asks again gets it
        again, and with a later message the earlier ones of the conversation count as ignored.

        Raises NoSuggestions.
        """
        question = question.strip()[:LONGEST_QUESTION]
        if not question:
            return []
        if keep and message_id is not None and (known := self._kept(_batch_of(message_id))):
            return known
        found = self._reranked(self.answers().rank(question, language, last_topic))
        batch_id = _batch_of(message_id) if message_id is not None else new_id()
        rows = [
            Suggestion(
                id=new_id(), batch_id=batch_id, conversation_id=conversation_id, message_id=message_id,
                channel=channel, language=language, position=position, topic=candidate.topic,
                confidence=min(1.0, max(0.0, candidate.confidence)), fate="shown", created_at=now(),
            )
            for position, (candidate, _) in enumerate(found, start=1)
        ]  # fmt: skip
        shown = [self._shown(row, score) for row, (_, score) in zip(rows, found, strict=True)]
        if not keep:
            return shown
        try:
            with self._writing() as session:
                if conversation_id is not None:
                    _supersede(session, conversation_id, batch_id)
                session.add_all(rows)
        except IntegrityError:
            # Somebody else was first, or the conversation has been erased meanwhile.
            return self._kept(batch_id)
        return shown

    def _kept(self, batch_id: str) -> list[SuggestionShown]:
        with Session(self._reader, expire_on_commit=False) as session:
            query = select(Suggestion).where(Suggestion.batch_id == batch_id).order_by(Suggestion.position)
            rows = session.scalars(query).all()
        reranking = self._current_reranking()
        return [
            self._shown(row, reranking.confidence(row.topic, row.confidence) if reranking else row.confidence)
            for row in rows
            if row.topic in self._knowledge.topics
        ]

    def _shown(self, row: Suggestion, score: float) -> SuggestionShown:
        topic = self._knowledge.topics[row.topic]
        language = cast("Language", row.language)
        return SuggestionShown(
            id=row.id,
            batch_id=row.batch_id,
            position=row.position,
            topic=row.topic,
            title=topic.title[language],
            text=self._text(row.topic, language),
            score=round(score, 3),
            sources=tuple(rendering.shown_sources(topic.sources, self._knowledge, language)),
            desk=topic.desk,
            is_due=now().date() > topic.review_by,
        )

    def _text(self, topic_id: str, language: Language) -> str:
        """What the assistant would say. That it is due for review is for the agent to know, not for the visitor."""
        topic = self._knowledge.topics[topic_id]
        return rendering.answer(topic, self._knowledge, language, today=topic.review_by).text

    def alike(self, question: str, others: Sequence[str]) -> list[float]:
        """How alike a question is to each of the others, in any language: cosines. Raises NoSuggestions."""
        encoder = self.answers().encoder
        vector = encoder.encode_one(question[:LONGEST_QUESTION])
        return [float(vector @ encoder.encode_one(other[:LONGEST_QUESTION])) for other in others]

    # ---- what became of it

    def settle(
        self, batch_id: str, suggestion_id: str | None, fate: str = "inserted", sent_text: str | None = None
    ) -> None:
        """Keeps what became of a batch: one of it was used, or none.

        suggestion_id: the one that was used; None where something else was sent. The others count as ignored; one that
        was used before stays so.
        fate: of the used one, `inserted` or `edited`; where the text that was sent is given, that decides.

        Raises NoSuchSuggestion, ValueError for another fate.
        """
        if suggestion_id is not None and fate not in USED:
            raise ValueError(f"a suggestion that was used is {' or '.join(USED)}, not {fate}")
        with self._writing() as session:
            query = select(Suggestion).where(Suggestion.batch_id == batch_id).order_by(Suggestion.id)
            rows = session.scalars(query.with_for_update()).all()
            if not rows or (suggestion_id is not None and suggestion_id not in {row.id for row in rows}):
                raise NoSuchSuggestion(batch_id)
            moment = now()
            for row in rows:
                if row.id == suggestion_id:
                    self._use(row, fate, sent_text, moment)
                elif row.fate not in USED:
                    row.fate, row.settled_at = "ignored", row.settled_at or moment
            if conversation_id := rows[0].conversation_id:
                _supersede(session, conversation_id, batch_id)

    def _use(self, row: Suggestion, fate: str, sent_text: str | None, moment: datetime) -> None:
        row.fate, row.distance, row.settled_at = fate, None, moment
        if sent_text is not None and row.topic in self._knowledge.topics:
            row.distance = distance(self._text(row.topic, cast("Language", row.language)), sent_text)
            row.fate = "edited" if row.distance else "inserted"

    def logged(self, question: str, language: str, topic: str | None, *, channel: str) -> None:
        """Keeps what was suggested for a question that came by phone or mail, with the topic that was picked.

        While somebody types, nothing is kept: what counts is what the whole question brings up. Raises NoSuggestions.
        """
        shown = self.suggest(question, language, channel=channel)
        if shown:
            picked = next((each.id for each in shown if each.topic == topic), None)
            self.settle(shown[0].batch_id, picked, "inserted")

    # ---- the same, without keeping the event loop waiting

    async def _run(self, call: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def for_message(self, asked: Asked, conversation_id: str) -> list[SuggestionShown]:
        """Suggestions for a visitor's message, kept. Raises NoSuggestions."""
        found = await self._run(
            lambda: self.suggest(
                asked.text, asked.language, asked.last_topic,
                channel="chat", conversation_id=conversation_id, message_id=asked.message_id,
            )
        )  # fmt: skip
        return cast("list[SuggestionShown]", found)

    async def typed(self, question: str, language: str) -> list[SuggestionShown]:
        """Suggestions while somebody types; nothing is kept. Raises NoSuggestions."""
        found = await self._run(lambda: self.suggest(question, language, channel="phone", keep=False))
        return cast("list[SuggestionShown]", found)

    async def for_partner(self, question: str, language: str) -> list[SuggestionShown]:
        """Suggestions for a partner's desk; that they were shown is kept. Raises NoSuggestions."""
        found = await self._run(lambda: self.suggest(question, language, channel="partner"))
        return cast("list[SuggestionShown]", found)

    async def settle_said(self, batch_id: str, suggestion_id: str | None, sent_text: str) -> bool:
        """Keeps what became of a batch once a message has been sent; gives whether the batch is known.

        suggestion_id: the one that the message was made from; None where it was made from none.
        """
        try:
            await self._run(lambda: self.settle(batch_id, suggestion_id, sent_text=sent_text))
        except NoSuchSuggestion:
            return False
        return True

    async def settle_logged(self, question: str, language: str, topic: str | None, *, channel: str) -> None:
        """As `logged`; where nothing can be suggested, nothing is kept."""
        try:
            await self._run(lambda: self.logged(question, language, topic, channel=channel))
        except NoSuggestions as problem:
            log.warning("What became of suggestions was not kept: %s", problem)


def _supersede(session: Session, conversation_id: str, batch_id: str) -> None:
    """The other batches of the conversation that nobody took up count as ignored from now on."""
    others = (Suggestion.conversation_id == conversation_id, Suggestion.batch_id != batch_id)
    session.execute(
        update(Suggestion).where(*others, Suggestion.fate == "shown").values(fate="ignored", settled_at=now())
    )


def forget(engine: Engine, before: datetime) -> int:
    """Removes suggestions that were made before a moment; gives how many, some thousands at a time."""
    with Session(engine) as session, session.begin():
        old = select(Suggestion.id).where(Suggestion.created_at < before).limit(_AT_ONCE)
        done = session.execute(delete(Suggestion).where(Suggestion.id.in_(old)))
        return int(cast("CursorResult[Any]", done).rowcount)


def open_suggester(settings: Settings, knowledge: Knowledge, engine: Engine) -> Suggester:
    """The suggester over what the settings name. Nothing is read before it is needed."""

    def open_answers() -> AnswerEngine:
        # With numpy and the runtime of the encoder, which a process that suggests nothing does without.
        from bot.answers.engine import open_engine

        return open_engine(settings.models_dir, knowledge)

    return Suggester(open_answers, knowledge, engine, settings.models_dir / RERANKING_FILE)
