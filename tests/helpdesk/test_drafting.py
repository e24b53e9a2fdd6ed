"""Drafts of topics: made of edited answers and unanswered questions, joined where they are alike, never live."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from bot.answers.knowledge import KnowledgeError, load, problems
from bot.conversations.masking import MASK
from bot.conversations.store import ConversationStore
from bot.database.engine import open_engine
from bot.database.types import new_id, now
from bot.helpdesk import drafting
from bot.helpdesk.drafting import (
    LONGEST_ANSWER,
    LONGEST_TITLE,
    MOST_QUESTIONS,
    DraftShown,
    DraftStore,
    DraftWrong,
    From,
    NoSuchDraft,
    TooManyDrafts,
    as_file,
    by_words,
)
from bot.helpdesk.logging_questions import LoggedQuestionStore, NewQuestion
from bot.helpdesk.models import LoggedQuestion, TopicDraft, TopicDraftQuestion
from bot.helpdesk.suggesting import open_suggester
from bot.jobs import end_helpdesk_retention
from bot.settings import Settings, settings
from bot.staff.models import StaffAudit

FOLDER = settings().knowledge_dir
KNOWLEDGE = load(FOLDER)
PATTERN = str(Settings.model_fields["activation_code_pattern"].default)
TOPIC = "law.quota"
CODE = "AB12-CD34-EF56"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> DraftStore:
    return DraftStore(engine, KNOWLEDGE, PATTERN)


def count(engine: Engine, table: type[TopicDraft] | type[TopicDraftQuestion]) -> int:
    with Session(engine) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def edited(words: str = "Zo is het nu geregeld.") -> str:
    return f"{KNOWLEDGE.topics[TOPIC].answer['nl']} {words}"


def test_an_edited_answer_becomes_a_draft_of_its_topic(store: DraftStore, engine: Engine) -> None:
    id_ = store.from_edited(TOPIC, "nl", edited(), From("Geldt het quotum voor ons?", "nl"), None)
    draft = store.get(id_)
    assert (draft.topic, draft.desk, draft.origin, draft.state) == (TOPIC, "portal", "edited", "open")
    assert draft.title == KNOWLEDGE.topics[TOPIC].title["nl"]
    assert draft.answer == edited() and draft.questions == (("nl", "Geldt het quotum voor ons?"),)
    with Session(engine) as session:
        assert session.scalar(select(StaffAudit.action).where(StaffAudit.subject == id_)) == "draft_made"


def test_much_the_same_answer_joins_the_draft_that_is_open(store: DraftStore) -> None:
    first = store.from_edited(TOPIC, "nl", edited("Eerst."), From("Vraag een?", "nl"), None)
    second = store.from_edited(TOPIC, "nl", edited("Later."), From("Vraag twee?", "en"), None)
    assert first == second
    assert store.get(first).answer == edited("Later.")
    assert [text for _, text in store.get(first).questions] == ["Vraag een?", "Vraag twee?"]


def test_what_is_not_alike_stays_apart(store: DraftStore) -> None:
    first = store.from_edited(TOPIC, "nl", edited(), None, None)
    others = {
        store.from_edited(TOPIC, "nl", "Iets heel anders, met andere woorden gezegd.", None, None),
        store.from_edited(TOPIC, "en", edited(), None, None),
        store.from_edited("law.targets", "nl", edited(), None, None),
    }
    assert len(others | {first}) == 4
    store.change(first, None, state="done")
    assert store.from_edited(TOPIC, "nl", edited(), None, None) != first, "what is done takes nothing more"


def test_the_same_question_stands_in_a_draft_once(store: DraftStore) -> None:
    for words in ("Geldt dit voor stichtingen?", "geldt dit voor stichtingen", "Geldt dit voor  stichtingen ?!"):
        id_ = store.from_unanswered(From(words, "nl"), "portal", None)
    assert [draft.id for draft in store.all()] == [id_]
    assert store.get(id_).questions == (("nl", "Geldt dit voor stichtingen?"),)


def test_questions_that_mean_the_same_are_one_draft(engine: Engine) -> None:
    """By the encoder that is served, over both languages."""
    suggester = open_suggester(settings(), KNOWLEDGE, engine)
    store = DraftStore(engine, KNOWLEDGE, PATTERN, suggester.alike)
    first = store.from_unanswered(From("Kan ik een boete krijgen als ik te laat rapporteer?", "nl"), "portal", None)
    again = store.from_unanswered(From("Krijg ik een boete als ik te laat rapporteer?", "nl"), "portal", None)
    other = store.from_unanswered(From("Hebben jullie een vacature voor een stagiair?", "nl"), "portal", None)
    assert first == again != other
    assert store.from_unanswered(From("Krijg ik een boete als ik te laat rapporteer?", "nl"), "charter", None) != first
    suggester.close()


def test_without_an_encoder_the_same_words_are_still_the_same(engine: Engine) -> None:
    def cannot(_question: str, _others: Sequence[str]) -> Sequence[float]:
        raise RuntimeError("no models")

    store = DraftStore(engine, KNOWLEDGE, PATTERN, cannot)
    first = store.from_unanswered(From("Mag dat?", "nl"), "portal", None)
    assert store.from_unanswered(From("mag dat", "nl"), "portal", None) == first
    assert store.from_unanswered(From("Kan dat?", "nl"), "portal", None) != first
    assert by_words("Mag dat?", ["mag dat", "kan dat"]) == [1.0, 0.0]


def test_an_answer_in_another_language_than_the_question_is_kept_in_its_own(store: DraftStore) -> None:
    """Of a short question, or one full of names, nobody can tell the language for certain."""
    id_ = store.from_unanswered(From("Mag dat?", "en"), "portal", None, "Ja, dat mag.", "nl")
    assert (store.get(id_).answer, store.get(id_).language) == ("Ja, dat mag.", "nl")
    assert store.get(id_).questions == (("en", "Mag dat?"),)
    assert "## nl\nJa, dat mag.\n## en\n" in store.file(id_)[1]
    store.from_unanswered(From("mag dat", "en"), "portal", None, "Yes, you may.")
    assert store.get(id_).answer == "Ja, dat mag.", "the first one stands"


def test_an_answer_comes_to_a_draft_that_had_none(store: DraftStore) -> None:
    id_ = store.from_unanswered(From("Mag dat?", "nl"), "portal", None)
    assert store.from_unanswered(From("mag dat", "nl"), "portal", None, "Yes, you may.", "en") == id_
    assert (store.get(id_).answer, store.get(id_).language) == ("Yes, you may.", "en")


def test_a_draft_of_questions_has_no_copy_of_them(store: DraftStore, engine: Engine) -> None:
    """Or it would outlive the conversation that a question came from."""
    store.from_unanswered(From("Een vraag met een geheim?", "nl"), "portal", None)
    with Session(engine) as session:
        [row] = session.scalars(select(TopicDraft))
        assert "geheim" not in f"{row.title} {row.answer}"


def test_codes_and_numbers_are_masked_and_those_of_the_helpdesk_stay(store: DraftStore) -> None:
    answer = f"Beste, uw code {CODE} en KVK 68750110. Bel 070 - 3 499 576 of mail dib@ser.nl, niet vera@example.nl."
    draft = store.get(store.from_edited(TOPIC, "nl", answer, From(f"Werkt {CODE}?", "nl"), None))
    assert draft.answer == (
        f"Beste, uw code {MASK} en KVK {MASK}. Bel 070 - 3 499 576 of mail dib@ser.nl, niet {MASK}."
    )
    assert draft.questions == (("nl", f"Werkt {MASK}?"),)


@pytest.mark.parametrize(
    ("topic", "language", "answer", "field"),
    [
        ("law.no-such-topic", "nl", "Antwoord.", "topic"), (TOPIC, "de", "Antwoord.", "language"),
        (TOPIC, "nl", "  ", "answer"), (TOPIC, "nl", "x" * (LONGEST_ANSWER + 1), "answer"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(
    store: DraftStore, engine: Engine, topic: str, language: str, answer: str, field: str
) -> None:
    with pytest.raises(DraftWrong) as refused:
        store.from_edited(topic, language, answer, None, None)
    assert refused.value.field == field
    assert count(engine, TopicDraft) == 0


def test_unanswered_needs_a_question_and_a_desk(store: DraftStore) -> None:
    with pytest.raises(DraftWrong, match="question"):
        store.from_unanswered(From(" ", "nl"), "portal", None)
    with pytest.raises(DraftWrong, match="desk"):
        store.from_unanswered(From("Wat?", "nl"), "", None)


def test_there_is_a_bound_to_drafts_and_to_their_questions(
    store: DraftStore, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = store.from_edited(TOPIC, "nl", edited(), None, None)
    with Session(engine) as session, session.begin():
        session.add_all(
            TopicDraftQuestion(id=new_id(), draft_id=id_, language="nl", text=f"Vraag {number}?")
            for number in range(MOST_QUESTIONS)
        )
    store.from_edited(TOPIC, "nl", edited(), From("Nog een vraag?", "nl"), None)
    assert len(store.get(id_).questions) == MOST_QUESTIONS
    monkeypatch.setattr(drafting, "MOST_OPEN", 1)
    with pytest.raises(TooManyDrafts):
        store.from_unanswered(From("Iets anders?", "nl"), "portal", None)
    store.change(id_, None, state="dropped")
    store.from_unanswered(From("Iets anders?", "nl"), "portal", None)


# ---- for editors


def test_an_editor_changes_a_draft_and_is_done_with_it(store: DraftStore) -> None:
    id_ = store.from_unanswered(From("Mag dat?", "nl"), "charter", None)
    changed = store.change(id_, None, title="  Wat   mag ", answer="# Kop\nHet mag.\n## en\nIt may.")
    assert (changed.title, changed.answer) == ("Wat mag", "Kop\nHet mag.\nen\nIt may.")
    assert store.change(id_, None, state="done").closed_at is not None
    assert store.all() == [] and [draft.id for draft in store.all("done")] == [id_]
    assert store.change(id_, None, state="open").closed_at is None


def test_an_editor_is_told_what_cannot_be(store: DraftStore) -> None:
    id_ = store.from_unanswered(From("Mag dat?", "nl"), "charter", None)
    for change in ({"state": "live"}, {"title": "x" * (LONGEST_TITLE + 1)}, {"answer": "x" * (LONGEST_ANSWER + 1)}):
        with pytest.raises(DraftWrong):
            store.change(id_, None, **change)  # type: ignore[arg-type]
    for call in (store.get, store.file, lambda draft_id: store.change(draft_id, None, state="done")):
        with pytest.raises(NoSuchDraft):
            call(new_id())
    with pytest.raises(DraftWrong):
        store.all("live")


def test_drafts_come_a_page_at_a_time_the_newest_first(store: DraftStore) -> None:
    ids = [store.from_unanswered(From(f"Vraag nummer {number}?", "nl"), "portal", None) for number in range(5)]
    first = [draft.id for draft in store.all(limit=3)]
    assert first + [draft.id for draft in store.all(limit=3, after=first[-1])] == ids[::-1]


# ---- in time


def test_erasing_a_conversation_takes_its_questions_and_what_rested_on_them(store: DraftStore, engine: Engine) -> None:
    conversations = ConversationStore(engine)
    one, token, _ = conversations.open("nl", "website", None, [])
    two, _, _ = conversations.open("nl", "website", None, [])
    alone = store.from_unanswered(From("Alleen van een?", "nl", conversation_id=one), "portal", None)
    shared = store.from_edited(TOPIC, "nl", edited(), From("Van een?", "nl", conversation_id=one), None)
    store.from_edited(TOPIC, "nl", edited(), From("Van twee?", "nl", conversation_id=two), None)
    worked_on = store.from_unanswered(From("Bewerkt?", "nl", conversation_id=one), "portal", None)
    store.change(worked_on, None, answer="Wat de redacteur ervan maakte.")
    conversations.erase(one, token)
    assert store.get(shared).questions == (("nl", "Van twee?"),)
    assert end_helpdesk_retention(engine, 30, 730) == 1
    assert {draft.id for draft in store.all()} == {shared, worked_on}
    assert alone not in {draft.id for draft in store.all()}


def test_a_logged_question_takes_its_draft_along(store: DraftStore, engine: Engine) -> None:
    log = LoggedQuestionStore(engine, KNOWLEDGE, PATTERN)
    logged = log.add(NewQuestion(channel="phone", question="Mag dat?", language="nl", desk="portal"), None)
    store.from_unanswered(From("Mag dat?", "nl", logged_question_id=logged), "portal", None)
    assert end_helpdesk_retention(engine, 30, 730) == 0
    with Session(engine) as session, session.begin():
        session.execute(update(LoggedQuestion).values(created_at=now() - timedelta(days=31)))
    assert end_helpdesk_retention(engine, 30, 730) == 2
    assert (count(engine, TopicDraft), count(engine, TopicDraftQuestion)) == (0, 0)


def test_what_is_done_goes_in_time(store: DraftStore, engine: Engine) -> None:
    done, waiting = (store.from_edited(topic, "nl", edited(), None, None) for topic in (TOPIC, "law.targets"))
    store.change(done, None, state="done")
    with Session(engine) as session, session.begin():
        session.execute(update(TopicDraft).values(created_at=now() - timedelta(days=400)))
        late = update(TopicDraft).where(TopicDraft.id == done).values(closed_at=now() - timedelta(days=31))
        session.execute(late)
    assert end_helpdesk_retention(engine, 30, 730) == 1
    assert [draft.id for draft in store.all()] == [waiting]
    with Session(engine) as session, session.begin():
        session.execute(update(TopicDraft).values(created_at=now() - timedelta(days=731)))
    assert end_helpdesk_retention(engine, 30, 730) == 1
    assert store.all() == []


# ---- as a file


def _with(tmp_path: Path, file: str, content: str) -> Path:
    """A copy of the knowledge with one file more, or in place of another."""
    folder = tmp_path / "knowledge"
    shutil.copytree(FOLDER, folder)
    (folder / file).write_text(content, encoding="utf-8")
    return folder


def test_a_draft_of_an_edited_answer_can_take_the_place_of_its_topic(store: DraftStore, tmp_path: Path) -> None:
    """It parses as it is, says what the agent made of it, and loses nothing of what stood there."""
    asked = From('Geldt het "quotum" voor ons: ja of nee? {} # \\', "nl")
    name, content = store.file(store.from_edited(TOPIC, "nl", edited("Nieuw."), asked, None))
    assert name == "quota.md" and CODE not in content
    # The new question still lacks its English.
    with pytest.raises(KnowledgeError, match="language missing: en"):
        load(_with(tmp_path, "law/quota.md", content))
    filled = content.replace('{} # \\\\", en: ""}', '{} # \\\\", en: "Does the quota apply to us?"}')
    assert filled != content
    before = KNOWLEDGE.topics[TOPIC]
    made = load(_with(tmp_path / "filled", "law/quota.md", filled)).topics[TOPIC]
    assert made.answer == {"nl": edited("Nieuw."), "en": before.answer["en"]}
    assert made.questions[0]["nl"] == asked.text and made.questions[1:] == before.questions
    assert (made.sources, made.related, made.materials, made.title) == (
        before.sources, before.related, before.materials, before.title,
    )  # fmt: skip
    assert {place - 1: others for place, others in made.also.items()} == dict(before.also)


def test_a_draft_of_unanswered_questions_is_a_topic_once_an_editor_has_filled_it_in(
    store: DraftStore, tmp_path: Path
) -> None:
    id_ = store.from_unanswered(From("Mag een stichting het Charter tekenen?", "nl"), "charter", None)
    store.change(id_, None, title="Stichting en Charter", answer="Ja. " * 40)
    name, content = store.file(id_)
    assert name == "new-topic.md"
    assert "id: charter.new-topic  #" in content and "sources: []  #" in content
    source = "{document: charter, where: {nl: Bladzijde 1, en: Page 1}}"
    pairs = "\n".join(f'  - {{nl: "Vraag {n} over stichtingen", en: "Question {n} on foundations"}}' for n in range(9))
    filled = (
        content.replace("sources: []", f"sources: [{source}]")
        .replace('tekenen?", en: ""}', f'tekenen?", en: "May a foundation sign the Charter?"}}\n{pairs}')
        .replace('Stichting en Charter", en: ""', 'Stichting en Charter", en: "Foundation and Charter"')
        .replace("## en\n", "## en\n" + "Yes. " * 40 + "\n")
    )
    knowledge = load(_with(tmp_path, "charter/new-topic.md", filled))
    made = knowledge.topics["charter.new-topic"]
    assert problems(knowledge) == []
    assert made.answer["nl"].startswith("Ja. Ja.") and len(made.questions) == 10
    assert made.review_by > date(2026, 1, 1) and made.desk == "charter"


def test_a_draft_without_any_question_left_is_still_a_file() -> None:
    draft = DraftShown(
        id="x", topic=None, desk="portal", language="nl", title="", answer="", origin="unanswered", state="open",
        questions=(), created_at=now(), closed_at=None,
    )  # fmt: skip
    content = as_file(draft, None, date(2026, 11, 21))
    assert "questions: []  #" in content and "review_by: 2027-05-21" in content
    assert content.count("---\n") == 2 and content.endswith("## en\n")


def test_a_topic_that_is_gone_leaves_a_file_to_fill_in(store: DraftStore, engine: Engine) -> None:
    id_ = store.from_edited(TOPIC, "nl", edited(), From("Mag dat?", "nl"), None)
    with Session(engine) as session, session.begin():
        session.execute(update(TopicDraft).values(topic="law.has-gone"))
    name, content = store.file(id_)
    assert name == "has-gone.md" and "sources: []" in content and edited() in content
