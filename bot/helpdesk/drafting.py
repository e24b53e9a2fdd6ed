"""Drafts of topics: what an agent made of an answer, and what nobody could answer, for an editor. None goes live.

A draft holds no question of its own: those that led to it stand beside it, and go with the conversation or the logged
question that they came from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any, cast

from dateutil.relativedelta import relativedelta
from sqlalchemy import CursorResult, Engine, delete, exists, func, select
from sqlalchemy.orm import Session

from bot.answers.knowledge import DESKS, LANGUAGES, Knowledge, Topic, normal_form
from bot.database.store import Store
from bot.database.types import new_id, now
from bot.helpdesk.logging_questions import tidy, without_numbers
from bot.helpdesk.models import DRAFT_STATES, TopicDraft, TopicDraftQuestion
from bot.staff import audit

LONGEST_TITLE, LONGEST_ANSWER, LONGEST_QUESTION = 200, 4000, 2000
MOST_OPEN = 500
"""Drafts that wait for an editor; beyond it nothing is added until some are done."""
MOST_QUESTIONS = 100
"""Of one draft; more of the same teach nobody anything."""
MOST_COMPARED = 200
"""Questions, the latest ones, that a new one is compared with."""
PAGE = 100
THE_SAME_ANSWER = 0.6
"""Two answers to one topic that share so much, word by word, are one draft: the later one stands."""
THE_SAME_QUESTION = 0.75
"""The cosine from which two questions that nobody answered are one draft. Among the knowledge's own questions, one
pair in a thousand of different topics comes above 0.56, and one in twenty of the same topic above 0.77."""
NEW_SLUG = "new-topic"
REVIEW_AFTER = relativedelta(months=6)

_AT_ONCE = 500

Likeness = Callable[[str, Sequence[str]], Sequence[float]]
"""How alike a question is to each of some others: cosines. RuntimeError where that cannot be told now."""


class NoSuchDraft(LookupError):
    """There is no such draft."""


class DraftWrong(ValueError):
    """A draft cannot be made or changed so; `field` says what is wrong."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class TooManyDrafts(RuntimeError):
    """As many drafts wait for an editor as may wait."""


@dataclass(frozen=True)
class From:
    """A question that leads to a draft, and what it goes with."""

    text: str
    language: str
    conversation_id: str | None = None
    logged_question_id: str | None = None


@dataclass(frozen=True)
class DraftShown:
    """A draft."""

    id: str
    topic: str | None
    """The topic whose answer was edited; None where there is none yet."""
    desk: str
    language: str
    title: str
    """Empty until somebody gives it one."""
    answer: str
    origin: str
    state: str
    questions: tuple[tuple[str, str], ...]
    """(language, text), oldest first."""
    created_at: datetime
    closed_at: datetime | None


def _shown(row: TopicDraft, questions: Sequence[TopicDraftQuestion]) -> DraftShown:
    return DraftShown(
        id=row.id,
        topic=row.topic,
        desk=row.desk,
        language=row.language,
        title=row.title,
        answer=row.answer,
        origin=row.origin,
        state=row.state,
        questions=tuple((each.language, each.text) for each in questions),
        created_at=row.created_at,
        closed_at=row.closed_at,
    )


def by_words(question: str, others: Sequence[str]) -> list[float]:
    """How alike questions are by their words alone: 1 for the same ones, else 0. Where there is no encoder."""
    form = normal_form(question)
    return [float(normal_form(other) == form) for other in others]


class DraftStore(Store):
    """Drafts in the database. Thread-safe; every write is one transaction.

    alike: compares questions, outside of any transaction.
    """

    def __init__(self, engine: Engine, knowledge: Knowledge, code_pattern: str, alike: Likeness = by_words) -> None:
        super().__init__(engine)
        self._knowledge, self._code_pattern, self._alike = knowledge, code_pattern, alike

    @cached_property
    def _public(self) -> str:
        """What the knowledge says, with the numbers and addresses that everybody may know."""
        return "\n".join(answer for topic in self._knowledge.topics.values() for answer in topic.answer.values())

    # ---- making them

    def from_edited(self, topic: str, language: str, answer: str, question: From | None, account_id: str | None) -> str:
        """A draft of an answer that an agent made better; gives its id.

        With an open draft of the same topic and language whose answer is much the same it becomes one.

        Raises DraftWrong, TooManyDrafts.
        """
        known = self._knowledge.topics.get(topic)
        if known is None:
            raise DraftWrong("topic")
        answer = self._answer(answer)
        if not answer:
            raise DraftWrong("answer")
        asked = self._question(question) if question else None
        with self._writing() as session:
            query = self._open("edited").where(TopicDraft.topic == topic, TopicDraft.language == _language(language))
            alike = (row for row in session.scalars(query) if _the_same_answer(row.answer, answer))
            row = next(alike, None)
            if row is None:
                row = self._new(session, "edited", known.desk, language, account_id=account_id, topic=topic)
                row.title = known.title[language][:LONGEST_TITLE]
            row.answer = answer
            session.add(row)
            session.flush()
            self._add_question(session, row.id, asked)
            audit.record(session, account_id, "draft_made", row.id, {"topic": topic})
            return row.id

    def from_unanswered(
        self,
        question: From,
        desk: str,
        account_id: str | None,
        answer: str = "",
        answer_language: str | None = None,
    ) -> str:
        """A draft of a topic that is missing, for a question that the knowledge cannot answer; gives its id.

        With an open draft that was made of much the same question it becomes one.
        answer: what the agent said; it stands until somebody has written another one.
        answer_language: what the answer is in, and so the draft; None for that of the question.

        Raises DraftWrong, TooManyDrafts.
        """
        if desk not in DESKS:
            raise DraftWrong("desk")
        asked = self._question(question)
        if not asked.text:
            raise DraftWrong("question")
        answer = self._answer(answer)
        language = _language(answer_language or asked.language)
        draft_id = self._of_the_same(asked, desk)
        with self._writing() as session:
            row = session.get(TopicDraft, draft_id) if draft_id else None
            if row is None or row.state != "open":
                row = self._new(session, "unanswered", desk, asked.language, account_id=account_id)
                session.add(row)
            if answer and not row.answer:
                row.answer, row.language = answer, language
            session.flush()
            self._add_question(session, row.id, asked)
            audit.record(session, account_id, "draft_made", row.id)
            return row.id

    def _of_the_same(self, asked: From, desk: str) -> str | None:
        """The open draft of the questions that are most like this one, and like it enough."""
        with self._reading() as session:
            query = (
                select(TopicDraftQuestion.draft_id, TopicDraftQuestion.text)
                .join(TopicDraft, TopicDraft.id == TopicDraftQuestion.draft_id)
                .where(TopicDraft.origin == "unanswered", TopicDraft.state == "open", TopicDraft.desk == desk)
                .order_by(TopicDraftQuestion.id.desc())
                .limit(MOST_COMPARED)
            )
            others = [(row.draft_id, row.text) for row in session.execute(query)]
        if not others:
            return None
        texts = [text for _, text in others]
        try:
            likeness = self._alike(asked.text, texts)
        except RuntimeError:
            # Without an encoder a question that is worded otherwise makes a draft of its own.
            likeness = by_words(asked.text, texts)
        best = max(range(len(others)), key=lambda place: likeness[place])
        return others[best][0] if likeness[best] >= THE_SAME_QUESTION else None

    @staticmethod
    def _open(origin: str) -> Any:
        return (
            select(TopicDraft)
            .where(TopicDraft.origin == origin, TopicDraft.state == "open")
            .order_by(TopicDraft.id.desc())
            .limit(MOST_OPEN)
        )

    @staticmethod
    def _new(
        session: Session, origin: str, desk: str, language: str, *, account_id: str | None, topic: str | None = None
    ) -> TopicDraft:
        count = session.scalar(select(func.count()).select_from(TopicDraft).where(TopicDraft.state == "open")) or 0
        if count >= MOST_OPEN:
            raise TooManyDrafts(str(MOST_OPEN))
        return TopicDraft(
            id=new_id(), topic=topic, desk=desk, language=_language(language), title="", answer="", origin=origin,
            state="open", account_id=account_id, created_at=now(),
        )  # fmt: skip

    def _question(self, question: From) -> From:
        words = without_numbers(tidy(question.text)[:LONGEST_QUESTION], self._code_pattern)
        return From(words, _language(question.language), question.conversation_id, question.logged_question_id)

    def _answer(self, answer: str) -> str:
        """An answer as a file of the knowledge may hold it: no headings, and no numbers that are not in it already."""
        words = without_numbers(tidy(answer, lines=True), self._code_pattern, self._public)
        words = re.sub(r"^[ \t]*#+[ \t]*", "", words, flags=re.MULTILINE)
        if len(words) > LONGEST_ANSWER:
            raise DraftWrong("answer")
        return words.strip()

    @staticmethod
    def _add_question(session: Session, draft_id: str, asked: From | None) -> None:
        if asked is None or not asked.text:
            return
        query = select(TopicDraftQuestion.text).where(TopicDraftQuestion.draft_id == draft_id)
        texts = [normal_form(text) for text in session.scalars(query)]
        if len(texts) >= MOST_QUESTIONS or normal_form(asked.text) in texts:
            return
        session.add(
            TopicDraftQuestion(
                id=new_id(), draft_id=draft_id, conversation_id=asked.conversation_id,
                logged_question_id=asked.logged_question_id, language=asked.language, text=asked.text,
            )
        )  # fmt: skip

    # ---- for editors

    def all(self, state: str = "open", limit: int = PAGE, after: str | None = None) -> list[DraftShown]:
        """Drafts, the newest first; at most `limit`, those after the one with the id `after`. Raises DraftWrong."""
        if state not in DRAFT_STATES:
            raise DraftWrong("state")
        with self._reading() as session:
            query = select(TopicDraft).where(TopicDraft.state == state).order_by(TopicDraft.id.desc())
            if after:
                query = query.where(TopicDraft.id < after)
            rows = session.scalars(query.limit(min(limit, PAGE))).all()
            questions = self._questions(session, [row.id for row in rows])
            return [_shown(row, questions.get(row.id, [])) for row in rows]

    @staticmethod
    def _questions(session: Session, draft_ids: Sequence[str]) -> dict[str, list[TopicDraftQuestion]]:
        found: dict[str, list[TopicDraftQuestion]] = {}
        query = select(TopicDraftQuestion).where(TopicDraftQuestion.draft_id.in_(draft_ids))
        for question in session.scalars(query.order_by(TopicDraftQuestion.id)):
            found.setdefault(question.draft_id, []).append(question)
        return found

    def get(self, id_: str) -> DraftShown:
        """One draft. Raises NoSuchDraft."""
        with self._reading() as session:
            row = session.get(TopicDraft, id_)
            if row is None:
                raise NoSuchDraft(id_)
            return _shown(row, self._questions(session, [id_]).get(id_, []))

    def change(
        self,
        id_: str,
        account_id: str | None,
        *,
        title: str | None = None,
        answer: str | None = None,
        state: str | None = None,
    ) -> DraftShown:
        """Changes what is given. Raises NoSuchDraft, DraftWrong."""
        if state is not None and state not in DRAFT_STATES:
            raise DraftWrong("state")
        if title is not None and len(title := tidy(title)) > LONGEST_TITLE:
            raise DraftWrong("title")
        with self._writing() as session:
            row = session.get(TopicDraft, id_, with_for_update=True)
            if row is None:
                raise NoSuchDraft(id_)
            row.title = row.title if title is None else title
            row.answer = row.answer if answer is None else self._answer(answer)
            if state is not None and state != row.state:
                row.state, row.closed_at = state, None if state == "open" else now()
                audit.record(session, account_id, f"draft_{state}", id_)
            session.flush()
            return _shown(row, self._questions(session, [id_]).get(id_, []))

    def file(self, id_: str) -> tuple[str, str]:
        """A draft as a file of the knowledge: its name and its content. Raises NoSuchDraft."""
        draft = self.get(id_)
        topic = self._knowledge.topics.get(draft.topic) if draft.topic else None
        return _file_name(draft), as_file(draft, topic, now().date())


def forget(engine: Engine, closed_before: datetime, made_before: datetime) -> int:
    """Removes what is left of drafts; gives how many, some hundreds at a time.

    Those without an answer whose questions are all gone, those that were closed before a moment, and those that were
    made before another and that no editor has looked after.
    """
    left = exists().where(TopicDraftQuestion.draft_id == TopicDraft.id)
    bare = (TopicDraft.origin == "unanswered") & (TopicDraft.answer == "") & ~left
    with Session(engine) as session, session.begin():
        old = (TopicDraft.closed_at < closed_before) | (TopicDraft.created_at < made_before)
        query = select(TopicDraft.id).where(bare | old).limit(_AT_ONCE)
        done = session.execute(delete(TopicDraft).where(TopicDraft.id.in_(query)))
        return int(cast("CursorResult[Any]", done).rowcount)


def _language(language: str) -> str:
    if language not in LANGUAGES:
        raise DraftWrong("language")
    return language


def _the_same_answer(one: str, other: str) -> bool:
    return SequenceMatcher(None, one.split(), other.split(), autojunk=False).ratio() >= THE_SAME_ANSWER


# ---- as a file


def _file_name(draft: DraftShown) -> str:
    return f"{(draft.topic or f'{draft.desk}.{NEW_SLUG}').partition('.')[2]}.md"


def _quoted(words: str) -> str:
    """As YAML takes it: JSON is YAML."""
    return json.dumps(words, ensure_ascii=False)


def _pair(texts: dict[str, str], also: Sequence[str] = ()) -> str:
    inside = ", ".join(f"{language}: {_quoted(texts.get(language, ''))}" for language in LANGUAGES)
    more = f", also: [{', '.join(also)}]" if also else ""
    return f"{{{inside}{more}}}"


def _new_questions(draft: DraftShown, topic: Topic | None) -> list[str]:
    known = {normal_form(text) for pair in (topic.questions if topic else ()) for text in pair.values()}
    return [f"  - {_pair({language: text})}" for language, text in draft.questions if normal_form(text) not in known]


def as_file(draft: DraftShown, topic: Topic | None, today: date) -> str:
    """A draft in the format of the knowledge (docs/knowledge.md); an editor fills in what is still empty.

    topic: the one whose answer was edited: what stands in its file stays, and the draft can take its place.
    """
    other = next(language for language in LANGUAGES if language != draft.language)
    names = {"nl": "Dutch", "en": "English"}
    head = [
        "# A draft: nothing of it is live. Before it goes to knowledge/, see docs/knowledge.md and run `make lint`.",
        f"# It was made of {_origin(draft)}.",
    ]
    if topic is None:
        head += [
            f"id: {draft.desk}.{NEW_SLUG}  # <theme>.<slug>, as the folder and the file are called",
            'sources: []  # at least one: {document: <key of sources.yml>, where: {nl: "…", en: "…"}}',
        ]
    else:
        sources = ", ".join(f"{{document: {s.document}, where: {_pair(dict(s.where))}}}" for s in topic.sources)
        head += [f"id: {topic.id}", f"sources: [{sources}]  # does the new answer still rest on these, and no others?"]
    title = dict(topic.title) if topic else {}
    if draft.title:
        title[draft.language] = draft.title
    head += [
        f"review_by: {today + REVIEW_AFTER}",
        f"related: [{', '.join(topic.related if topic else ())}]",
        f"materials: [{', '.join(topic.materials if topic else ())}]",
        f"desk: {draft.desk}",
        f"title: {_pair(title)}",
        "questions:  # ten pairs or more; the same question in both languages",
    ]
    if new := _new_questions(draft, topic):
        head += ["  # asked, and new:", *new]
    if topic is not None:
        head.append("  # as they were:")
        head += [f"  - {_pair(dict(pair), topic.also.get(n, ()))}" for n, pair in enumerate(topic.questions)]
        head.append(f"# The answer in {names[draft.language]} is the new one, the one in {names[other]} the old one.")
    elif not new:
        head[-1] = f"questions: []  {head[-1].partition('  ')[2]}"
    answers = {draft.language: draft.answer, other: topic.answer[other] if topic else ""}
    body = [line for language in LANGUAGES for line in (f"## {language}", answers[language])]
    return "\n".join(["---", *head, "---", *body]).rstrip("\n") + "\n"


def _origin(draft: DraftShown) -> str:
    if draft.origin == "edited":
        return "an answer that an agent edited"
    return f"questions that nobody could answer ({len(draft.questions)})"
