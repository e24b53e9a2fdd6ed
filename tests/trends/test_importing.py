"""Questions that partners bring: checked, redacted, all or nothing, the same file once. And the filling's process."""

from __future__ import annotations

import csv
import stat
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bot.answers.engine import AnswerEngine, open_engine
from bot.answers.knowledge import load
from bot.commands import main
from bot.conversations.models import Message
from bot.conversations.store import ConversationStore
from bot.database.engine import migrate
from bot.database.engine import open_engine as open_database
from bot.database.types import new_id, now
from bot.registry.report import BadFile, BadRows
from bot.settings import Settings, settings
from bot.trends import filling, importing, keeping_up
from bot.trends.importing import BadReferrer, Importer, Row, file_hash, imported_before, read
from bot.trends.log import QuestionLog
from bot.trends.models import Popularity, Snapshot, SnapshotCell, TrendImport, TrendQuestion
from bot.trends.redaction import Redactor, open_redactor
from bot.trends.snapshots import SnapshotMaker

KNOWLEDGE = load(settings().knowledge_dir)
PATTERN = str(Settings.model_fields["activation_code_pattern"].default)
TODAY = date(2026, 11, 21)


@pytest.fixture(scope="module")
def answers() -> AnswerEngine:
    return open_engine(settings().models_dir, KNOWLEDGE)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    yield engine
    engine.dispose()


_REDACTORS: list[Redactor] = []


@pytest.fixture
def importer(engine: Engine, answers: AnswerEngine) -> Importer:
    if not _REDACTORS:
        _REDACTORS.append(open_redactor(engine, KNOWLEDGE, settings()))
    return Importer(engine, answers, QuestionLog(engine, _REDACTORS[0], answers.encoder))


def written(folder: Path, *lines: str, name: str = "questions.csv") -> Path:
    file = folder / name
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def rows_of(file: Path) -> list[Row]:
    return read(file, KNOWLEDGE, TODAY, 730, PATTERN)


def questions(engine: Engine) -> list[TrendQuestion]:
    """By their words, those that say nothing last: their ids tell no order."""
    with Session(engine, expire_on_commit=False) as session:
        rows = session.scalars(select(TrendQuestion)).all()
    return sorted(rows, key=lambda row: (row.vector is None, row.text.casefold()))


def quietly(_what: str, _count: int) -> None:
    """No progress."""


# Reading


def test_a_whole_row_is_read(tmp_path: Path) -> None:
    topic = next(iter(KNOWLEDGE.topics))
    file = written(
        tmp_path,
        "text;asked_on;language;asker;signatory;size;need;topic;referred_to;referred_name",
        f'"Hoe teken ik; en wanneer?";16-11-2026;nl;7;ja;sme;een voorbeeld;{topic};Network;normaalste-zaak',
    )
    day = date(2026, 11, 16)
    assert rows_of(file) == [
        Row(
            "Hoe teken ik; en wanneer?", day, "nl", "7", True, "sme", "een voorbeeld", topic, "network",
            "normaalste-zaak",
        )
    ]  # fmt: skip


def test_what_is_left_out_is_not_known(tmp_path: Path) -> None:
    file = written(tmp_path, "asked_on,text", "2026-11-16,Do we have to report as a foundation with employees?")
    [row] = rows_of(file)
    assert (row.language, row.asker, row.is_signatory, row.size, row.need, row.topic) == (
        "en",
        "",
        None,
        None,
        None,
        None,
    )


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "text,asked_on,language,signatory,size,topic",
        "Goede vraag,2026-11-16,nl,ja,large,",
        ",2026-11-16,nl,ja,large,",
        "Vraag,gisteren,fr,misschien,huge,no.topic",
        "Vraag,2026-11-22,nl,,,",
        "Vraag,2024-11-21,nl,,,",
        f"{'a' * 2001},2026-11-16,nl,,,",
    )
    with pytest.raises(BadRows) as caught:
        rows_of(file)
    told = {(problem.row, problem.column) for problem in caught.value.problems}
    assert told == {
        (3, "text"), (4, "asked_on"), (4, "language"), (4, "signatory"), (4, "size"), (4, "topic"), (5, "asked_on"),
        (6, "asked_on"), (7, "text"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("referred", "wrong"),
    [
        ("network,Netwerk van Jan de Vries", None), ("material,charter-monitor", None), ("other,", None), (",", None),
        ("moon,", ("referred_to", "moon")), (",Jan de Vries", ("referred_name", "")),
        ("material,no-such-material", ("referred_name", "")), (f"network,{'x' * 121}", ("referred_name", "")),
    ],
)  # fmt: skip
def test_where_an_asker_was_referred_to_is_what_agents_may_note(
    tmp_path: Path, referred: str, wrong: tuple[str, str] | None
) -> None:
    file = written(tmp_path, "text,asked_on,referred_to,referred_name", f"Vraag,2026-11-16,{referred}")
    if wrong is None:
        [row] = rows_of(file)
        assert f"{row.referred_to or ''},{row.referred_name or ''}" == referred
        return
    with pytest.raises(BadRows) as caught:
        rows_of(file)
    assert [(problem.column, problem.value) for problem in caught.value.problems] == [wrong]


def test_a_report_does_not_repeat_the_question(tmp_path: Path) -> None:
    file = written(tmp_path, "text,asked_on,need", f"Jan de Vries {'x' * 2000},gisteren,{'y' * 301}")
    with pytest.raises(BadRows) as caught:
        rows_of(file)
    assert {problem.value for problem in caught.value.problems} == {"", "gisteren"}


@pytest.mark.parametrize(
    "lines",
    [
        ["text", "Vraag"],
        ["text,asked_on,text", "Vraag,2026-11-16,Vraag"],
        ["text,asked_on,name", "Vraag,2026-11-16,Jan de Vries"],
        ["text,asked_on", "Vraag,2026-11-16,extra"],
        ["text,asked_on", '"Vraag,2026-11-16'],
        ["text,asked_on"],
        [""],
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(BadFile) as caught:
        rows_of(written(tmp_path, *lines))
    assert "Jan de Vries" not in str(caught.value)


def test_a_file_in_another_encoding_or_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "latin.csv"
    file.write_bytes("text,asked_on\nReëel,2026-11-16\n".encode("latin-1"))
    with pytest.raises(BadFile, match="UTF-8"):
        rows_of(file)
    monkeypatch.setattr(importing, "MOST_ROWS", 2)
    with pytest.raises(BadFile, match="more than 2"):
        rows_of(written(tmp_path, "text,asked_on", *["Vraag,2026-11-16"] * 3))
    with pytest.raises(BadFile):
        file_hash(tmp_path / "nothing.csv")


# Loading


def test_rows_are_redacted_and_kept_under_the_partner(engine: Engine, importer: Importer, tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "text,asked_on,asker,size,need",
        "Ik ben Jan de Vries (06-12345678): wat is het Charter?,2026-11-16,a,sme,voorbeeld van Jan de Vries",
        "Wat kost het om het Charter te ondertekenen?,2026-11-17,a,,",
        "Welke kleur heeft de maan?,2026-11-17,,,",
    )
    assert importer.add(rows_of(file), "awvn", file_hash(file), quietly).rows == 3
    first, second, third = questions(engine)
    assert first.text == "Ik ben [PERSON] ([PHONE]): wat is het Charter?"
    assert (first.need, first.size, first.week) == ("voorbeeld van [PERSON]", "sme", "2026-W47")
    assert {(row.channel, row.referrer, row.decision) for row in (first, second, third)} == {("partner", "awvn", None)}
    assert first.asker_id == second.asker_id != third.asker_id
    assert second.topic in KNOWLEDGE.topics and second.confidence
    assert (third.topic, third.confidence) == (None, None)
    assert all(row.vector is not None and len(row.vector) == 2 * 384 for row in (first, second, third))


def test_referrals_of_a_file_are_counted(engine: Engine, importer: Importer, tmp_path: Path) -> None:
    lines = [f"Wat is het Charter?,2026-05-{4 + at:02},network,normaalste-zaak" for at in range(6)]
    named = ["network,jan@voorbeeld.nl", "network,Netwerk van Jan de Vries", "material,charter-monitor"]
    lines += [f"Wat is het quotum?,2026-05-04,{one}" for one in (*named, *[","] * 5)]
    file = written(tmp_path, "text,asked_on,referred_to,referred_name", *lines)
    importer.add(rows_of(file), "awvn", file_hash(file), quietly)
    assert {row.referred_name for row in questions(engine)} == {
        "normaalste-zaak", "[EMAIL]", "Netwerk van [PERSON]", "charter-monitor", None,
    }  # fmt: skip
    SnapshotMaker(engine, KNOWLEDGE).make_missing(date(2026, 8, 1))
    with Session(engine) as session:
        query = select(SnapshotCell.name, SnapshotCell.count).where(
            SnapshotCell.week == "2026-H1", SnapshotCell.measure == "referral-out", SnapshotCell.partition == "all"
        )
        assert [tuple(row) for row in session.execute(query)] == [("normaalste-zaak", 5)]


def test_the_same_file_again_changes_nothing(engine: Engine, importer: Importer, tmp_path: Path) -> None:
    file = written(tmp_path, "text,asked_on", "Wat is het Charter?,2026-11-16")
    first = importer.add(rows_of(file), "awvn", file_hash(file), quietly)
    again = importer.add(rows_of(file), "awvn", file_hash(file), quietly)
    assert (first.before, again.rows) == (None, 1)
    assert again.before is not None and again == imported_before(engine, "awvn", file_hash(file))
    assert len(questions(engine)) == 1
    importer.add(rows_of(file), "vno-ncw", file_hash(file), quietly)
    assert len(questions(engine)) == 2, "another partner may bring the same"


def test_all_or_nothing(engine: Engine, importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Row(f"Vraag {at} over het Charter", TODAY, "nl", "", None, None, None, None) for at in range(3)]
    prepared = QuestionLog.prepared

    def breaks(log: QuestionLog, asked: object) -> TrendQuestion:
        row = prepared(log, asked)  # type: ignore[arg-type]
        row.channel = "pigeon" if "2" in row.text else row.channel
        return row

    monkeypatch.setattr(QuestionLog, "prepared", breaks)
    with pytest.raises(Exception, match=r"(?i)constraint"):
        importer.add(rows, "awvn", "hash", quietly)
    assert questions(engine) == []
    assert imported_before(engine, "awvn", "hash") is None


@pytest.mark.parametrize("referrer", ["", "AWVN", "a b", "x" * 41, "-a"])
def test_a_referrer_is_a_short_name(importer: Importer, referrer: str) -> None:
    with pytest.raises(BadReferrer):
        importer.add([], referrer, "hash", quietly)


# The commands and the process


@pytest.fixture
def own_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A database that commands of this test use."""
    url = f"sqlite:///{tmp_path / 'own.db'}"
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("SERVER_KEY", "k" * 32)
    settings.cache_clear()
    migrate(url)
    engine = open_database(url)
    yield engine
    engine.dispose()
    settings.cache_clear()


def test_the_command_loads_a_file(own_database: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day = (now() - timedelta(days=3)).date().isoformat()
    file = written(tmp_path, "text,asked_on", f"Ik ben Jan de Vries. Wat is het Charter?,{day}")
    words = ["import", "questions", str(file), "--referrer", "awvn"]
    assert main([*words, "--dry-run"]) == 0
    assert "Would be loaded: 1 questions" in capsys.readouterr().out
    assert questions(own_database) == []
    assert main(words) == 0
    said = capsys.readouterr()
    assert "Loaded: 1 questions" in said.out
    assert "1 read" in said.err and "Jan" not in said.out + said.err
    assert main(words) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert [row.text for row in questions(own_database)] == ["Ik ben [PERSON]. Wat is het Charter?"]


def test_the_command_reports_bad_rows(own_database: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, "text,asked_on,size", "Jan de Vries vraagt,gisteren,reus")
    assert main(["import", "questions", str(file), "--referrer", "awvn"]) == 1
    said = capsys.readouterr().err
    assert "row 2, asked_on" in said and "Nothing was loaded: 2 problems in 1 rows." in said and "Jan" not in said
    report = tmp_path / "questions.problems.csv"
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    with report.open(encoding="utf-8-sig", newline="") as source:
        assert [row["column"] for row in csv.DictReader(source, delimiter=";")] == ["asked_on", "size"]
    assert questions(own_database) == []
    assert main(["import", "questions", str(file), "--referrer", "A B"]) == 1
    assert "short name" in capsys.readouterr().err


def ask(engine: Engine, text: str, at: datetime) -> None:
    """A chat with one question that got an answer."""
    store = ConversationStore(engine)
    id_, _, _ = store.open("nl", "website", None, [])
    topic, other = list(KNOWLEDGE.topics)[:2]
    asked, reply = new_id(), new_id()
    decision = {
        "outcome": "answer", "candidates": [{"topic": topic, "confidence": 0.9}, {"topic": other, "confidence": 0.1}],
    }  # fmt: skip
    with Session(engine) as session, session.begin():
        shared = {"conversation_id": id_, "language": "nl", "sources": [], "created_at": at}
        session.add(Message(id=asked, sender="visitor", kind="text", text=text, **shared))
        session.flush()
        answer = {"reply_to": asked, "topic": topic, "decision": decision}
        session.add(Message(id=reply, sender="assistant", kind="answer", text="…", **answer, **shared))


def test_the_process_fills_the_log(own_database: Engine, capfd: pytest.CaptureFixture[str]) -> None:
    config = settings()
    since = now() - timedelta(hours=1)
    assert not keeping_up.something_to_do(own_database, config, since)
    ask(own_database, "Ik ben Jan de Vries, wat is het Charter?", now() - timedelta(minutes=31))
    ask(own_database, "Nog te kort geleden", now() - timedelta(minutes=1))
    assert keeping_up.something_to_do(own_database, config, since)
    assert keeping_up.fill(threading.Event())
    said = capfd.readouterr()
    assert "1 questions from chats" in said.err and "Jan" not in said.out + said.err
    [row] = questions(own_database)
    assert row.text == "Ik ben [PERSON], wat is het Charter?"
    assert row.vector_of == keeping_up.encoder_hash(config)
    with Session(own_database) as session:
        assert {popular.event for popular in session.scalars(select(Popularity))} == {"shown"}
    assert not keeping_up.something_to_do(own_database, config, now() + timedelta(minutes=1))


def test_the_process_ends_when_told_to_and_says_when_it_failed() -> None:
    stopping = threading.Event()
    stopping.set()
    began = time.monotonic()
    assert not keeping_up.fill(stopping, ("sleep", "600"))
    assert time.monotonic() - began < 60
    assert not keeping_up.fill(threading.Event(), ("false",))
    assert keeping_up.fill(threading.Event(), ("true",))


def test_filling_without_models_says_what_to_do(
    own_database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(own_database, "Wat is het Charter?", datetime(2026, 11, 16, tzinfo=UTC))
    config = settings().model_copy(update={"models_dir": tmp_path / "none"})
    with pytest.raises(filling.CannotFill, match="make train"):
        filling.fill(config, own_database, now())
    assert keeping_up.encoder_hash(config) == ""
    with Session(own_database) as session:
        assert session.scalars(select(TrendImport)).all() == []


def test_the_jobs_keep_up_and_make_snapshots_of_what_is_over(
    own_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a question that was asked three weeks ago to its week's snapshot; one of years ago is erased."""
    monkeypatch.setattr(keeping_up, "FIRST_AFTER_SECONDS", 0.1)
    ask(own_database, "Wat is het Charter?", now() - timedelta(weeks=3))
    with Session(own_database) as session, session.begin():
        old = {"text": "Oud", "language": "nl", "channel": "chat", "asker_id": "a", "handed_over": False}
        session.add(TrendQuestion(id="old", asked_on=date(2020, 1, 6), week="2020-W02", answered_by_agent=False, **old))
    stopping = threading.Event()
    jobs = threading.Thread(target=keeping_up.run, args=(settings(), own_database, stopping))
    jobs.start()
    try:
        until = time.monotonic() + 200
        while time.monotonic() < until and not _snapshots(own_database):
            time.sleep(0.5)
    finally:
        stopping.set()
        jobs.join(60)
    assert not jobs.is_alive()
    [row] = questions(own_database)
    assert row.text == "Wat is het Charter?"
    assert row.week in _snapshots(own_database)


def _snapshots(engine: Engine) -> set[str]:
    with Session(engine) as session:
        return set(session.scalars(select(Snapshot.week)))
