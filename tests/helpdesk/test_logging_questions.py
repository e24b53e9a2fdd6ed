"""Questions by phone and mail: kept without what points to one company or person, and gone in time."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from bot.answers.knowledge import LANGUAGES, load
from bot.conversations.masking import MASK
from bot.database.engine import open_engine
from bot.database.types import now
from bot.helpdesk.logging_questions import (
    BY,
    LONGEST_NAME,
    LONGEST_NEED,
    LONGEST_QUESTION,
    MOST_SHOWN,
    NETWORKS,
    REFERRERS,
    LoggedQuestionStore,
    NewQuestion,
    QuestionWrong,
    without_numbers,
)
from bot.helpdesk.models import REFERRED_TO, SIZES, LoggedQuestion
from bot.jobs import end_helpdesk_retention, run
from bot.settings import Settings, settings
from bot.staff.accounts import AccountStore
from bot.texts import text

KNOWLEDGE = load(settings().knowledge_dir)
PATTERN = str(Settings.model_fields["activation_code_pattern"].default)
CODE = "AB12-CD34-EF56"
ASKED = NewQuestion(channel="phone", question="Moet een stichting rapporteren?", language="nl", desk="portal")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def log(engine: Engine) -> LoggedQuestionStore:
    return LoggedQuestionStore(engine, KNOWLEDGE, PATTERN)


def rows(engine: Engine) -> list[LoggedQuestion]:
    with Session(engine, expire_on_commit=False) as session:
        return list(session.scalars(select(LoggedQuestion).order_by(LoggedQuestion.id)))


def test_a_whole_question_is_kept(log: LoggedQuestionStore, engine: Engine) -> None:
    agent = AccountStore(engine).create("anna@example.org", "Anna", ["agent"], ["portal"])
    id_ = log.add(
        NewQuestion(
            channel="email", question="Wat is het ingroeiquotum?", language="nl", desk="portal", topic="law.quota",
            referrer="vno-ncw", is_signatory=False, size="sme", need="een voorbeeld", referred_to="network",
            referred_name="normaalste-zaak",
        ),
        agent.id,
    )  # fmt: skip
    [kept] = log.recent(("portal", "charter"))
    assert (kept.id, kept.channel, kept.topic, kept.referrer) == (id_, "email", "law.quota", "vno-ncw")
    assert (kept.is_signatory, kept.size, kept.need) == (False, "sme", "een voorbeeld")
    assert (kept.referred_to, kept.referred_name) == ("network", "normaalste-zaak")
    assert rows(engine)[0].account_id == agent.id


def test_what_is_not_known_stays_unknown(log: LoggedQuestionStore) -> None:
    log.add(ASKED, None)
    [kept] = log.recent(("portal",))
    assert (kept.topic, kept.referrer, kept.is_signatory, kept.size, kept.need) == (None, None, None, None, None)


def test_a_topic_brings_its_own_desk(log: LoggedQuestionStore) -> None:
    log.add(replace(ASKED, topic="charter.who-can-sign"), None)
    assert log.recent(("portal",)) == []
    assert [each.desk for each in log.recent(("charter",))] == ["charter"]


@pytest.mark.parametrize(
    "written",
    [
        f"onze code is {CODE.lower()}",
        "de code K7PQ-3MXD werkt niet",
        "mail vera.voorbeeld+ser@voorbeeld.example.nl",
        "KVK 68750110", "kvk-nummer 68 75 01 10", "nummer 6875 0110", "KVK: 68.75.01.10", "RSIN 123456789",
        "bel 070-123 45 67", "bel 06 12345678", "bel +31 (0)6 1234 5678", "bel 0031612345678", "bel 06-12 34 56 78",
        "bel 6 1234 5678",
        "IBAN NL91 ABNA 0417 1643 00", "iban nl91abna0417164300", "DE89370400440532013000", "BE68 5390 0754 7034",
        "FR1420041010050500013M02606", "bsn 111 222 333",
    ],
)  # fmt: skip
def test_what_points_to_somebody_is_masked(log: LoggedQuestionStore, engine: Engine, written: str) -> None:
    log.add(replace(ASKED, question=f"Hallo, {written}, dank u", need=written[-200:]), None)
    [kept] = rows(engine)
    assert MASK in kept.question and MASK in (kept.need or "")
    assert not re.search(r"\d", kept.question), kept.question
    assert "example" not in kept.question
    assert kept.question.startswith("Hallo, ") and kept.question.endswith(", dank u")


@pytest.mark.parametrize(
    "written",
    [
        "boekjaar 2025 2026", "31-12-2025 of 31 december 2025", "250 werknemers en 25 miljoen",
        "20.000.000 euro balans", "artikel 2:166, Stb. 2021, 495", "termijn 2024-2025", "de wet van 1 januari 2022",
    ],
)  # fmt: skip
def test_years_and_amounts_stay(written: str) -> None:
    assert without_numbers(written, PATTERN) == written


def test_a_number_that_everybody_knows_may_stay() -> None:
    said = "Bel 070 - 2002 532 of 070 - 765 43 21, mail dib@ser.nl of vera@example.nl"
    known = "De helpdesk: 070 - 2002 532, dib@ser.nl"
    assert without_numbers(said, PATTERN, known) == f"Bel 070 - 2002 532 of {MASK}, mail dib@ser.nl of {MASK}"


@pytest.mark.parametrize(
    "written", ["a" * 2000, "0" * 2000, "0 " * 1000, "0-" * 1000, "a." * 1000, "AB12" + "A1" * 900]
)
def test_odd_texts_are_survived(written: str) -> None:
    assert len(without_numbers(written, PATTERN)) <= len(written)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("channel", "chat"), ("channel", "fax"), ("question", "  \u200b "), ("question", "x" * (LONGEST_QUESTION + 1)),
        ("language", "de"), ("desk", "kvk"), ("topic", "portal.no-such-topic"), ("referrer", "shell"),
        ("size", "huge"), ("need", "x" * (LONGEST_NEED + 1)), ("referred_to", "moon"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(log: LoggedQuestionStore, engine: Engine, field: str, wrong: str) -> None:
    with pytest.raises(QuestionWrong) as refused:
        log.add(replace(ASKED, **{field: wrong}), None)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert rows(engine) == []


@pytest.mark.parametrize(
    ("to", "name"),
    [("material", "no-such-material"), (None, "normaalste-zaak"), ("network", "x" * (LONGEST_NAME + 1))],
)
def test_a_referral_onward_names_what_there_is(log: LoggedQuestionStore, to: str | None, name: str) -> None:
    with pytest.raises(QuestionWrong, match="referred_name"):
        log.add(replace(ASKED, referred_to=to, referred_name=name), None)


def test_a_network_that_is_new_is_written_out(log: LoggedQuestionStore) -> None:
    log.add(replace(ASKED, referred_to="network", referred_name="  Netwerk  Zuid "), None)
    log.add(replace(ASKED, referred_to="material", referred_name="charter-text-format"), None)
    assert [each.referred_name for each in log.recent(("portal",))] == ["charter-text-format", "Netwerk Zuid"]


def test_the_last_ones_come_first_and_no_more_than_asked(log: LoggedQuestionStore) -> None:
    for number in range(5):
        log.add(replace(ASKED, question=f"Vraag {number}?"), None)
    assert [each.question for each in log.recent(("portal",), 3)] == ["Vraag 4?", "Vraag 3?", "Vraag 2?"]
    assert len(log.recent(("portal",), MOST_SHOWN + 1)) == 5


def test_only_whoever_wrote_it_down_takes_it_back(log: LoggedQuestionStore, engine: Engine) -> None:
    accounts = AccountStore(engine)
    anna, bram = (accounts.create(f"{n}@example.org", n, ["agent"], ["portal"]) for n in ("anna", "bram"))
    id_ = log.add(ASKED, anna.id)
    assert log.remove(id_, bram.id) is False and len(rows(engine)) == 1
    assert log.remove(id_, anna.id) is True and rows(engine) == []
    assert log.remove(id_, anna.id) is False


def test_they_go_in_time(log: LoggedQuestionStore, engine: Engine) -> None:
    old, fresh = log.add(ASKED, None), log.add(ASKED, None)
    with Session(engine) as session, session.begin():
        late = update(LoggedQuestion).where(LoggedQuestion.id == old).values(created_at=now() - timedelta(days=31))
        session.execute(late)
    assert end_helpdesk_retention(engine, 32, 730) == 0
    assert end_helpdesk_retention(engine, 30, 730) == 1
    assert [row.id for row in rows(engine)] == [fresh]


class _Once(threading.Event):
    """Lets the jobs go round once, without waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.rounds += 1
        return self.rounds > 1


def test_the_jobs_see_to_it(log: LoggedQuestionStore, engine: Engine, tmp_path: Path) -> None:
    log.add(ASKED, None)
    with Session(engine) as session, session.begin():
        session.execute(update(LoggedQuestion).values(created_at=now() - timedelta(days=31)))
    url = engine.url.render_as_string(hide_password=False)
    config = Settings(_env_file=None, database_url=url, server_key_file=tmp_path / "key", retention_days=30)  # type: ignore[call-arg]
    run(config, engine, _Once())
    assert rows(engine) == []


def test_everything_that_can_be_chosen_has_its_words() -> None:
    chosen = {"channel": BY, "referrer": REFERRERS, "size": SIZES, "referred_to": REFERRED_TO, "network": NETWORKS}
    for kind, ids in chosen.items():
        for language in LANGUAGES:
            assert len({text(f"questions.{kind}.{id_}", language) for id_ in ids}) == len(ids)


def test_the_networks_are_those_of_the_knowledge() -> None:
    """Whoever changes that answer looks at this list as well."""
    answer = KNOWLEDGE.topics["working-agenda.networks"].answer["nl"].casefold()
    for words in ("normaalste zaak", "communities of practice", "denktank diversiteit", "awvn"):
        assert words in answer and any(words in text(f"questions.network.{id_}", "nl").casefold() for id_ in NETWORKS)


def test_the_partners_are_those_of_the_knowledge() -> None:
    parties = KNOWLEDGE.topics["working-agenda.parties"].answer["nl"].casefold()
    for id_ in REFERRERS[:7]:
        assert text(f"questions.referrer.{id_}", "nl").casefold() in parties
