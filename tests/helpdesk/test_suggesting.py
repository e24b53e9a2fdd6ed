"""Suggested answers: three for a question, kept once for a message, and what became of each."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from bot.answers.decision import Candidate
from bot.answers.knowledge import load
from bot.conversations.models import Message
from bot.conversations.store import ConversationStore
from bot.database.engine import open_engine
from bot.database.types import new_id, now
from bot.helpdesk import suggesting
from bot.helpdesk.fates import Batch, Seen, as_table, monday, report, settled
from bot.helpdesk.models import Suggestion
from bot.helpdesk.reranking import SUGGESTIONS_NEEDED, Reranking, Verdict, judge, offsets
from bot.helpdesk.suggesting import (
    NoSuchSuggestion,
    NoSuggestions,
    Suggester,
    SuggestionShown,
    distance,
    open_suggester,
)
from bot.jobs import end_helpdesk_retention
from bot.settings import Settings, settings
from tests.eval import fates as eval_fates

KNOWLEDGE = load(settings().knowledge_dir)
THREE = (
    Candidate("portal.activation-code-missing", 0.6),
    Candidate("portal.activation-code-where", 0.3),
    Candidate("charter.who-can-sign", 0.05),
)


class Ranking:
    """Ranks every question the same; remembers what it was asked."""

    def __init__(self, candidates: tuple[Candidate, ...] = THREE) -> None:
        self.candidates, self.asked = candidates, list[tuple[str, str | None]]()

    def rank(self, question: str, language: str, last_topic: str | None = None) -> tuple[Candidate, ...]:
        self.asked.append((question, last_topic))
        return self.candidates


@dataclass
class Helpdesk:
    """A suggester on a database, with conversations to suggest for."""

    engine: Engine
    ranking: Ranking
    suggester: Suggester
    folder: Path

    def conversation(self) -> str:
        return ConversationStore(self.engine).open("nl", "website", None, [])[0]

    def message(self, conversation_id: str, words: str = "Wij kregen geen code") -> str:
        with Session(self.engine) as session, session.begin():
            message = Message(
                id=new_id(), conversation_id=conversation_id, sender="visitor", kind="text", text=words, language="nl",
                sources=[], created_at=now(),
            )  # fmt: skip
            session.add(message)
            return message.id

    def suggested(self, conversation_id: str, message_id: str) -> list[SuggestionShown]:
        return self.suggester.suggest(
            "Wij kregen geen code", "nl", channel="chat", conversation_id=conversation_id, message_id=message_id
        )

    def rows(self) -> list[Suggestion]:
        with Session(self.engine, expire_on_commit=False) as session:
            return list(session.scalars(select(Suggestion).order_by(Suggestion.id)))

    def fates(self) -> list[str]:
        return [row.fate for row in self.rows()]


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Helpdesk]:
    engine, ranking = open_engine(database_url), Ranking()
    suggester = Suggester(lambda: ranking, KNOWLEDGE, engine, tmp_path / "reranking.json")  # type: ignore[arg-type, return-value]
    yield Helpdesk(engine, ranking, suggester, tmp_path)
    suggester.close()
    engine.dispose()


def test_three_answers_with_their_texts_and_sources(desk: Helpdesk) -> None:
    shown = desk.suggester.suggest("geen code", "en", channel="phone")
    assert [each.topic for each in shown] == [each.topic for each in THREE]
    assert [each.position for each in shown] == [1, 2, 3]
    assert [each.score for each in shown] == [0.6, 0.3, 0.05]
    topic = KNOWLEDGE.topics["portal.activation-code-missing"]
    assert shown[0].title == topic.title["en"]
    assert shown[0].text.startswith(topic.answer["en"])
    assert shown[0].sources and shown[0].desk == topic.desk
    assert len({each.batch_id for each in shown}) == 1


def test_an_answer_past_its_review_is_marked_but_does_not_say_so_to_the_visitor(desk: Helpdesk) -> None:
    topic = KNOWLEDGE.topics["portal.activation-code-missing"]
    fresh = desk.suggester.suggest("geen code", "nl", channel="phone", keep=False)[0]
    assert not fresh.is_due
    with pytest.MonkeyPatch.context() as clock:
        late = datetime.combine(topic.review_by + timedelta(days=1), datetime.min.time(), UTC)
        clock.setattr(suggesting, "now", lambda: late)
        due = desk.suggester.suggest("geen code", "nl", channel="phone", keep=False)[0]
    assert due.is_due and due.text == fresh.text


def test_while_somebody_types_nothing_is_kept(desk: Helpdesk) -> None:
    assert len(desk.suggester.suggest("gee", "nl", channel="phone", keep=False)) == 3
    assert desk.suggester.suggest("  ", "nl", channel="phone") == []
    assert desk.rows() == []


def test_a_message_has_one_batch_whoever_asks(desk: Helpdesk) -> None:
    conversation = desk.conversation()
    message = desk.message(conversation)
    first = desk.suggested(conversation, message)
    with ThreadPoolExecutor(4) as threads:
        again = list(threads.map(lambda _: desk.suggested(conversation, message), range(8)))
    assert all(each == first for each in again)
    assert len(desk.ranking.asked) == 1 and len(desk.rows()) == 3


def test_many_who_ask_first_get_the_same_batch(desk: Helpdesk) -> None:
    conversation = desk.conversation()
    message = desk.message(conversation)
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda _: desk.suggested(conversation, message), range(12)))
    assert len({tuple(each.id for each in shown) for shown in found}) == 1
    assert len(desk.rows()) == 3


def test_the_last_topic_reaches_the_engine(desk: Helpdesk) -> None:
    conversation = desk.conversation()
    asked = SimpleNamespace(
        message_id=desk.message(conversation), text="en voor een groep?", language="nl", last_topic="portal.login"
    )
    shown = asyncio.run(desk.suggester.for_message(asked, conversation))
    assert desk.ranking.asked == [("en voor een groep?", "portal.login")]
    assert {row.conversation_id for row in desk.rows()} == {conversation} and len(shown) == 3


def test_an_inserted_suggestion_leaves_the_others_ignored(desk: Helpdesk) -> None:
    conversation = desk.conversation()
    shown = desk.suggested(conversation, desk.message(conversation))
    assert asyncio.run(desk.suggester.settle_said(shown[1].batch_id, shown[1].id, shown[1].text))
    rows = desk.rows()
    assert [row.fate for row in rows] == ["ignored", "inserted", "ignored"]
    assert [row.distance for row in rows] == [None, 0.0, None]
    assert all(row.settled_at for row in rows)


def test_an_edited_suggestion_keeps_how_far_it_went(desk: Helpdesk) -> None:
    conversation = desk.conversation()
    shown = desk.suggested(conversation, desk.message(conversation))
    sent = "Geachte mevrouw,\n\n" + shown[0].text
    desk.suggester.settle(shown[0].batch_id, shown[0].id, "inserted", sent)
    used = desk.rows()[0]
    assert used.fate == "edited"
    assert used.distance == pytest.approx(distance(shown[0].text, sent)) and 0 < used.distance < 0.1


def test_another_message_leaves_all_ignored_and_a_used_one_stays_used(desk: Helpdesk) -> None:
    conversation = desk.conversation()
    shown = desk.suggested(conversation, desk.message(conversation))
    desk.suggester.settle(shown[0].batch_id, None, sent_text="Een ogenblik.")
    assert desk.fates() == ["ignored"] * 3
    desk.suggester.settle(shown[0].batch_id, shown[2].id, sent_text=shown[2].text)
    desk.suggester.settle(shown[0].batch_id, None, sent_text="Graag gedaan.")
    assert desk.fates() == ["ignored", "ignored", "inserted"]


def test_a_later_message_supersedes_what_was_not_taken_up(desk: Helpdesk) -> None:
    conversation, other = desk.conversation(), desk.conversation()
    untouched = desk.suggested(other, desk.message(other))
    first = desk.suggested(conversation, desk.message(conversation))
    second = desk.suggested(conversation, desk.message(conversation))
    by_batch = {row.id: row.fate for row in desk.rows()}
    assert [by_batch[each.id] for each in first] == ["ignored"] * 3
    assert [by_batch[each.id] for each in second] == ["shown"] * 3
    assert [by_batch[each.id] for each in untouched] == ["shown"] * 3
    # The agent had put one of the first into the composer already, and sends it now.
    desk.suggester.settle(first[0].batch_id, first[0].id, sent_text=first[0].text)
    by_batch = {row.id: row.fate for row in desk.rows()}
    assert [by_batch[each.id] for each in first] == ["inserted", "ignored", "ignored"]
    assert [by_batch[each.id] for each in second] == ["ignored"] * 3


def test_what_is_no_suggestion_is_refused(desk: Helpdesk) -> None:
    conversation = desk.conversation()
    shown = desk.suggested(conversation, desk.message(conversation))
    for batch, id_ in ((new_id(), None), (shown[0].batch_id, new_id())):
        with pytest.raises(NoSuchSuggestion):
            desk.suggester.settle(batch, id_)
        assert asyncio.run(desk.suggester.settle_said(batch, id_, "x")) is False
    with pytest.raises(ValueError, match="inserted or edited"):
        desk.suggester.settle(shown[0].batch_id, shown[0].id, "ignored")
    assert desk.fates() == ["shown"] * 3


def test_a_phone_question_keeps_what_was_picked(desk: Helpdesk) -> None:
    for topic in (THREE[1].topic, "law.quota", None):
        asyncio.run(desk.suggester.settle_logged("geen code", "nl", topic, channel="email"))
    assert desk.fates() == ["ignored", "inserted", "ignored", *["ignored"] * 6]
    assert {row.channel for row in desk.rows()} == {"email"}


def test_a_partners_suggestions_stay_shown(desk: Helpdesk) -> None:
    asyncio.run(desk.suggester.for_partner("geen code", "nl"))
    assert desk.fates() == ["shown"] * 3
    assert settled(desk.engine) == []


def test_nothing_points_to_an_erased_conversation(desk: Helpdesk) -> None:
    store = ConversationStore(desk.engine)
    conversation, token, _ = store.open("nl", "website", None, [])
    message = desk.message(conversation)
    desk.suggested(conversation, message)
    store.erase(conversation, token)
    for row in desk.rows():
        assert (row.conversation_id, row.message_id) == (None, None)
        assert message not in (row.batch_id, row.id)
    assert desk.suggested(conversation, new_id()) == [], "an erased conversation gets no rows"
    assert len(desk.rows()) == 3


def test_suggestions_go_in_time(desk: Helpdesk) -> None:
    for _ in range(2):
        desk.suggester.suggest("geen code", "nl", channel="phone")
    rows = desk.rows()
    with Session(desk.engine) as session, session.begin():
        old = update(Suggestion).where(Suggestion.batch_id == rows[0].batch_id)
        session.execute(old.values(created_at=now() - timedelta(days=731)))
    assert end_helpdesk_retention(desk.engine, 30, 730) == 3
    assert {row.batch_id for row in desk.rows()} == {rows[-1].batch_id}


def test_without_models_it_says_so_and_tries_again(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    engine, tries = open_engine(database_url), list[int]()

    def cannot() -> Any:
        tries.append(1)
        raise RuntimeError("run `make train`")

    suggester = Suggester(cannot, KNOWLEDGE, engine)
    with pytest.raises(NoSuggestions, match="make train"):
        suggester.suggest("geen code", "nl", channel="phone")
    with pytest.raises(NoSuggestions):
        asyncio.run(suggester.typed("geen code", "nl"))
    with caplog.at_level(logging.WARNING):
        asyncio.run(suggester.settle_logged("een geheime vraag", "nl", None, channel="phone"))
        suggester.warm()
        end = time.monotonic() + 20
        while len(tries) < 4 and time.monotonic() < end:
            time.sleep(0.01)
        suggester.close()
    assert len(tries) == 4
    assert "make train" in caplog.text and "geheime" not in caplog.text
    engine.dispose()


def test_the_models_are_read_once_and_only_when_needed(database_url: str) -> None:
    engine, opened = open_engine(database_url), list[Ranking]()

    def open_answers() -> Any:
        opened.append(Ranking())
        return opened[-1]

    suggester = Suggester(open_answers, KNOWLEDGE, engine)
    assert opened == []
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: suggester.suggest("geen code", "nl", channel="phone", keep=False), range(8)))
    assert len(opened) == 1
    suggester.close()
    engine.dispose()


def test_with_the_models_that_are_served(database_url: str) -> None:
    """The right topic is among the three, in both languages, also for half a question and a follow-up."""
    engine = open_engine(database_url)
    suggester = open_suggester(settings(), KNOWLEDGE, engine)
    for question, language in (
        ("Wij hebben geen activatiecode ontvangen", "nl"),
        ("We did not receive an activation code", "en"),
        ("geen activatiecod", "nl"),
    ):
        topics = [each.topic for each in suggester.suggest(question, language, channel="phone", keep=False)]
        assert "portal.activation-code-missing" in topics, question
    after = suggester.suggest("en voor een gebroken boekjaar?", "nl", "law.report-deadline", channel="chat", keep=False)
    assert "portal.broken-financial-year" in [each.topic for each in after]
    assert all(0 <= each.score <= 1 for each in after)
    likeness = suggester.alike("Wat is het ingroeiquotum?", ["What is the quota?", "Waar is het toilet?"])
    assert likeness[0] > likeness[1]
    suggester.close()
    engine.dispose()


def test_an_index_for_other_knowledge_is_no_suggestion(database_url: str, tmp_path: Path) -> None:
    engine = open_engine(database_url)
    config = Settings(_env_file=None, models_dir=tmp_path)  # type: ignore[call-arg]
    suggester = open_suggester(config, KNOWLEDGE, engine)
    with pytest.raises(NoSuggestions, match="make train"):
        suggester.suggest("geen code", "nl", channel="phone")
    suggester.close()
    engine.dispose()


@pytest.mark.parametrize(
    ("suggested", "sent", "expected"),
    [
        ("een twee drie vier", "een twee drie vier", 0.0),
        ("een twee\n\ndrie vier", "een twee drie  vier ", 0.0),
        ("een twee drie vier", "vijf zes", 1.0),
        ("een twee drie vier", "een twee", 1 - 2 * 2 / 6),
        ("een twee drie vier", "", 1.0),
        ("", "", 0.0),
    ],
)
def test_distance_counts_words(suggested: str, sent: str, expected: float) -> None:
    assert distance(suggested, sent) == pytest.approx(expected)


# ---- precision


def test_precision_counts_what_stood_first_and_what_was_shown() -> None:
    week, later = date(2026, 11, 16), date(2026, 11, 23)

    def batch(of: date, *used: bool) -> Batch:
        return Batch(of, tuple(Seen(topic, 0.5, hit, None) for topic, hit in zip("abc", used, strict=True)))

    found = report(
        [batch(week, True, False, False), batch(week, False, True, False), batch(later, False, False, False)]
    )
    assert (found.total.at_one, found.total.at_three, found.total.first) == (1 / 3, 2 / 3, 3)
    assert [(day, of.at_one, of.at_three) for day, of in found.weeks] == [(later, 0.0, 0.0), (week, 0.5, 1.0)]
    topics = dict(found.topics)
    assert (topics["a"].at_one, topics["a"].at_three, topics["a"].shown) == (1 / 3, 1 / 3, 3)
    assert topics["b"].at_one is None and topics["b"].at_three == 1 / 3
    by_both = {(day, topic): of for day, topic, of in found.topics_by_week}
    assert by_both[week, "b"].used == 1 and by_both[later, "b"].used == 0
    assert " a " in as_table(found) and "2026-11-23" in as_table(found)


def test_a_report_of_nothing_shows_no_shares() -> None:
    empty = report([])
    assert empty.total.at_one is None and empty.weeks == ()
    assert "–" in as_table(empty) and "%" not in as_table(empty)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 22, 22, 59, tzinfo=UTC), date(2026, 11, 16)),
        (datetime(2026, 11, 22, 23, 0, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 3, 29, 21, 59, tzinfo=UTC), date(2026, 3, 23)),
        (datetime(2026, 3, 29, 22, 0, tzinfo=UTC), date(2026, 3, 30)),
    ],
)
def test_weeks_are_those_of_amsterdam(moment: datetime, day: date) -> None:
    """Also on the Sunday on which the clock goes forward."""
    assert monday(moment) == day


def test_the_report_reads_what_was_settled(desk: Helpdesk) -> None:
    conversation = desk.conversation()
    shown = desk.suggested(conversation, desk.message(conversation))
    assert settled(desk.engine) == []
    desk.suggester.settle(shown[0].batch_id, shown[1].id, sent_text="Beste, " + shown[1].text)
    [batch] = settled(desk.engine)
    assert batch.week == monday(now())
    assert [seen.used for seen in batch.seen] == [False, True, False]
    found = report([batch])
    assert (found.total.at_one, found.total.at_three) == (0.0, 1.0)
    assert found.total.distance is not None and found.total.distance > 0
    assert settled(desk.engine, now() + timedelta(minutes=1)) == []


# ---- re-ranking


def _kept(weeks: int, each: int, used: Any) -> list[Batch]:
    """Batches of made-up weeks; `used` says which place is used of (week, number), or None."""
    batches = []
    for week in range(weeks):
        for number in range(each):
            topics = (("a", 0.5), ("b", 0.4), ("c", 0.05)) if number % 2 else (("d", 0.7), ("e", 0.2), ("f", 0.05))
            hit = used(week, number)
            seen = tuple(Seen(topic, sure, place == hit) for place, (topic, sure) in enumerate(topics))
            batches.append(Batch(date(2026, 1, 5) + timedelta(weeks=week), seen))
    return batches


def _misjudged(_week: int, number: int) -> int | None:
    """The engine puts `a` before `b`, but agents take `b` three times out of four. Of d, e, f it is right."""
    if number % 2:
        return 1 if number % 8 != 1 else 0
    return 0 if number % 10 else None


def _as_expected(_week: int, number: int) -> int | None:
    """What is used follows the confidences: the first a little more often than the second."""
    if number % 2:
        return 0 if number % 20 < 11 else 1 if number % 20 < 19 else None
    return 0 if number % 10 < 8 else 1


def test_a_bias_that_lasts_switches_the_re_ranking_on() -> None:
    verdict = judge(_kept(12, 60, _misjudged))
    assert (verdict.is_on, verdict.reason) == (True, "helps")
    assert verdict.offsets["b"] > 0.5 > 0 > verdict.offsets["a"]
    assert verdict.better > verdict.worse
    assert (verdict.at_one_with or 0) > (verdict.at_one_without or 1) + 0.1
    assert ": on." in verdict.in_words() and str(verdict.judged_on) in verdict.in_words()


def test_without_a_bias_it_stays_off() -> None:
    verdict = judge(_kept(12, 60, _as_expected))
    assert (verdict.is_on, verdict.reason) == (False, "no_gain")
    assert ": off." in verdict.in_words()


def test_a_bias_that_has_passed_does_not_switch_it_on() -> None:
    """What was learned from the first weeks no longer holds in the last ones."""
    verdict = judge(
        _kept(12, 60, lambda week, number: _misjudged(week, number) if week < 9 else _as_expected(week, number))
    )
    assert not verdict.is_on


def test_too_few_or_too_short_a_time_stays_off() -> None:
    few = judge(_kept(12, SUGGESTIONS_NEEDED // 12, _misjudged))
    assert (few.is_on, few.reason) == (False, "too_few")
    assert "too few" in few.in_words() and str(few.batches) in few.in_words()
    one_week = judge(_kept(1, 600, _misjudged))
    assert (one_week.is_on, one_week.reason) == (False, "too_few_weeks")
    assert judge([]).reason == "too_few"


def test_what_the_agent_did_not_come_to_does_not_count_against_it() -> None:
    """Who takes the first one has not judged those below it."""
    seen = (Seen("a", 0.5, True), Seen("b", 0.3, False), Seen("c", 0.1, False))
    assert set(offsets([Batch(date(2026, 1, 5), seen)] * 50)) == {"a"}
    assert offsets([]) == {}


def test_a_verdict_that_is_on_changes_the_order_that_is_shown(desk: Helpdesk) -> None:
    file = desk.folder / "reranking.json"
    first, second, third = (each.topic for each in THREE)

    def topics() -> list[str]:
        return [each.topic for each in desk.suggester.suggest("geen code", "nl", channel="phone", keep=False)]

    assert topics() == [first, second, third]
    Verdict(False, "no_gain", 600, weight=1.0, offsets={second: 3.0}).save(file)
    assert topics() == [first, second, third]
    Verdict(True, "helps", 600, weight=1.0, offsets={second: 3.0}, since=date(2026, 1, 5)).save(file)
    assert topics() == [second, first, third]
    shown = desk.suggester.suggest("geen code", "nl", channel="phone")
    assert shown[0].score > shown[1].score
    kept = {row.topic: (row.position, row.confidence) for row in desk.rows()}
    assert kept[second] == (1, 0.3), "what is kept is the engine's own confidence"
    assert Reranking.read(file) is not None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"is_on": true}', '{"is_on": true, "weight": "x", "offsets": {}}'])
def test_a_broken_verdict_is_off(desk: Helpdesk, content: str, caplog: pytest.LogCaptureFixture) -> None:
    (desk.folder / "reranking.json").write_text(content)
    assert len(desk.suggester.suggest("geen code", "nl", channel="phone", keep=False)) == 3
    assert "cannot be read" in caplog.text


def test_the_saved_verdict_says_what_it_rests_on(tmp_path: Path) -> None:
    judge(_kept(12, 60, _misjudged)).save(tmp_path / "deep" / "reranking.json")
    saved = json.loads((tmp_path / "deep" / "reranking.json").read_text())
    assert saved["batches"] == 720 and saved["judged_on"] > 100 and saved["since"] == "2026-03-09"
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["reranking.json"]


def test_make_eval_saves_its_verdict_beside_the_models(
    desk: Helpdesk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    conversation = desk.conversation()
    shown = desk.suggested(conversation, desk.message(conversation))
    desk.suggester.settle(shown[0].batch_id, shown[1].id, sent_text=shown[1].text)
    url = desk.engine.url.render_as_string(hide_password=False)
    config = Settings(_env_file=None, database_url=url, models_dir=desk.folder)  # type: ignore[call-arg]
    monkeypatch.setattr(eval_fates, "settings", lambda: config)
    found = eval_fates.measure()
    eval_fates.show(found)
    assert (found["batches"], found["at_one"], found["at_three"]) == (1, 0.0, 1.0)
    assert found["reranking"]["is_on"] is False
    assert "too few" in capsys.readouterr().out
    saved = json.loads((desk.folder / "reranking.json").read_text())
    assert (saved["is_on"], saved["batches"]) == (False, 1)


def test_make_eval_says_so_where_there_is_no_helpdesk_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And makes no database."""
    nowhere = tmp_path / "none" / "test.db"
    config = Settings(_env_file=None, database_url=f"sqlite:///{nowhere}", models_dir=tmp_path)  # type: ignore[call-arg]
    monkeypatch.setattr(eval_fates, "settings", lambda: config)
    found = eval_fates.measure()
    assert (found["batches"], found["at_one"], found["reranking"]["reason"]) == (0, None, "too_few")
    assert not nowhere.exists()
