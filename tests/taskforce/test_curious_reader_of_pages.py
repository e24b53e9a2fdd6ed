"""Plays somebody of the task force, and an analyst, who want to know what one company asked: by all that is shown.

Hidden in a thin log are a company with questions, a topic, a need, a material and referrals of its own; four askers who
share such things; and, so that this test can fail, askers enough with things that must be shown.

Counts are looked at wherever they stand in a table; percents are shares of shown numbers, and are worked out again.
"""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from bot.conversations.models import Conversation, Message
from bot.database.engine import migrate, open_engine
from bot.helpdesk.hours import AMSTERDAM
from bot.trends import weeks
from bot.trends.brief import read, write
from bot.trends.figures import Figure
from bot.trends.models import Popularity, RecurringQuestion, TrendQuestion
from bot.trends.papers import table_as_csv
from bot.trends.reading import Names, SnapshotStore
from bot.trends.views import OVER_TIME, Selection, Views
from bot.trends.views import select as selected
from integrations.console.blueprints import BLUEPRINTS
from tests.console.conftest import Console, running_console
from tests.taskforce.crawling import Document, Reader, at, every_choice
from tests.trends.curious import ALL, KNOWLEDGE, LEAST, Cells, sparse_world, subtractions, with_events
from tests.trends.made_up import add, cells, freeze, question

TODAY = date(2026, 7, 20)
BEFORE, MIDDLE, LAST = "2025-M12", "2026-M01", "2026-M06"
IN_WEEKS = weeks.weeks_of(BEFORE)[-2:] + weeks.weeks_of(MIDDLE)[:3] + weeks.weeks_of(LAST)
NOT_OVER = "2026-W29"
TOPICS = sorted(KNOWLEDGE.topics)
OF_ALL, OF_VICTIM, OF_FOUR = TOPICS[10], TOPICS[20], TOPICS[30]
SHARED_NEED = (
    "Een draaiboek met voorbeelden voor een gesprek over het zoeken, kiezen en behouden van mensen in de top "
    "van ons bedrijf, "
)
"""Longer than what needs are told apart by: what follows it is the asker's own."""
HIDDEN = (
    "kraanvogel", "zwaluw", "nestkast", "volière", "kolibrie", "ijsvogel", "voorbeelden???",
    OF_VICTIM, OF_FOUR, *KNOWLEDGE.topics[OF_VICTIM].title.values(), *KNOWLEDGE.topics[OF_FOUR].title.values(),
)  # fmt: skip
"""What must be nowhere, in whatever is shown."""
SHOWN = ("spreeuwenflat", "merelbad", "pimpelmees", "spreeuwenboek", "mussennet", "koekoeksgids", "draaiboek", "awvn")
"""What enough askers have in common; all of it must be somewhere."""


def victims_questions(asker: str) -> Iterator[TrendQuestion]:
    """One company: what nobody else asks, and what others ask in words of its own, at the centre of their group."""
    for week in (IN_WEEKS[0], IN_WEEKS[3], IN_WEEKS[-2], IN_WEEKS[-1]):
        own = {"referrer": "nestkast", "need": "Een volière voor Kraanvogel", "referred_to": "network"}
        yield question(
            asker, week, 777, 0, text="Onze fabriek Kraanvogel in Zwaluwdorp wil een volière", topic=OF_VICTIM,
            decision="answer", referred_name="zwaluwnet", channel="email", **own,
        )  # fmt: skip
        yield question(asker, week, 778, 0, text="Geldt het voor Kraanvogel uit Zwaluwdorp", need="Voorbeelden???")
        yield question(asker, week, 605, 0, text="Hoeveel ruimte vraagt een pimpelmees bij Kraanvogel")
        for _ in range(9):
            yield question(
                asker, week, 601, 0, text="Hoe regelt Kraanvogel een spreeuwenflat op kantoor", need="Voorbeelden???"
            )
        yield question(
            asker, week, 603, 0, text="Is er een merelbad voor Kraanvogel", need=f"{SHARED_NEED}aan Kraanvogel!"
        )


def fours_questions() -> Iterator[TrendQuestion]:
    """Four askers, one of them again and again: one too few."""
    for number in [*range(4), *[3] * 9]:
        yield question(
            f"four-{number}", IN_WEEKS[-3], 650, 1 + number, text=f"Mag een kolibrie mee op {number}", topic=OF_FOUR,
            decision="answer", need="Een kolibrie", referred_to="network", referred_name="kolibrienet",
            referrer="kolibrie",
        )  # fmt: skip
        yield question(f"four-{number}", IN_WEEKS[-3], 651, 1 + number, text=f"Waar woont de kolibrie van {number}")


def everybodys_questions() -> Iterator[TrendQuestion]:
    """Enough askers: a gap that gets its topic in the end, one that stays, a need, referrals; and a week not over."""
    for week in IN_WEEKS:
        for number in range(8):
            answered = {"topic": OF_ALL, "decision": "answer"} if week in weeks.weeks_of(LAST) else {}
            yield question(
                f"all-{week}-{number}", week, 601, 1 + number, text="Hoe regelen wij een spreeuwenflat op kantoor",
                referrer="awvn", need="Een spreeuwenboek", referred_to="network", referred_name="mussennet",
                **answered,
            )  # fmt: skip
            yield question(
                f"gap-{week}-{number}", week, 603, 1 + number, text=f"Is er een merelbad {'in' * (number % 2)} de tuin",
                need=f"{SHARED_NEED}aan nummer {number}", channel="phone", is_signatory=False,
            )  # fmt: skip
            yield question(
                f"tit-{week}-{number}", week, 605, 1 + number,
                text=f"Hoeveel ruimte vraagt een pimpelmees nummer {number}{week[-2:]}",
            )  # fmt: skip
            yield question(
                f"need-{week}-{number}", week, 603, 1 + number, text="Is er een merelbad", need="Voorbeelden"
            )
    for number in range(12):
        yield question(f"late-{number}", NOT_OVER, 699, 1 + number, text="Broedt de ijsvogel hier", topic=OF_ALL)


def unlike_a_number(rows: list[TrendQuestion]) -> list[TrendQuestion]:
    """With askers whose ids stand nowhere by chance."""
    for one in rows:
        one.asker_id = asker_id(one.asker_id)
    return rows


def asker_id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def a_log(engine: Engine, victim: str) -> None:
    """A thin log with everybody in it, and what was shown to whom."""
    with_events(engine, unlike_a_number(sparse_world(7, IN_WEEKS)))
    add(engine, unlike_a_number([*everybodys_questions(), *fours_questions()]))
    add(engine, victims_questions(victim))
    shown_to = [
        *((f"all-{week}-{number}", week, "koekoeksgids") for week in IN_WEEKS for number in range(8)),
        *((f"four-{number}", IN_WEEKS[-3], "kolibriegids") for number in range(4)),
    ]
    with Session(engine) as session, session.begin():
        rows = [(asker_id(name), week, material) for name, week, material in shown_to]
        rows += [(victim, week, material) for week in IN_WEEKS[-2:] for material in ("zwaluwboek", "koekoeksgids")]
        for asker, week, material in rows:
            for event in ("shown", "opened"):
                session.add(Popularity(week=week, thing="material", name=material, event=event, asker_id=asker))


@dataclass
class Played:
    """A web process with the log in it, frozen, and what both readers found in it."""

    console: Console
    frozen: list[str]
    taskforce: Reader
    analyst: Reader
    ids: frozenset[str]
    """Of questions and of askers."""
    victim: str
    conversation: tuple[str, str]
    """The victim's: its id and its token."""

    @property
    def documents(self) -> list[Document]:
        return [*self.taskforce.found.values(), *self.analyst.found.values()]


def read_everything(reader: Reader, frozen: list[str]) -> None:
    reader.read_pages(frozen)
    reader.read_tables()
    reader.read_charts(frozen)
    reader.read_briefs(frozen)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    console = running_console(tmp_path_factory.mktemp("curious"), HELPDESK_FTE="2")
    try:
        conversation = console.conversation()
        with Session(console.engine) as session:
            victim = session.get_one(Conversation, conversation[0]).asker_id
        a_log(console.engine, victim)
        with Session(console.engine) as session, session.begin():
            mine = select(TrendQuestion.id).where(TrendQuestion.asker_id == victim)
            session.add_all(
                Message(
                    conversation_id=conversation[0],
                    sender="visitor",
                    kind="text",
                    text="x",
                    language="nl",
                    trend_id=id_,
                )
                for id_ in session.scalars(mine)
            )
            ids = frozenset(session.scalars(select(TrendQuestion.id))) | set(
                session.scalars(select(TrendQuestion.asker_id))
            )
        freeze(console.engine, TODAY, KNOWLEDGE)
        frozen = SnapshotStore(console.engine).periods()
        taskforce = Reader(console.signed_in("taskforce", name="Tess Taskforce"))
        analyst = Reader(console.signed_in("analyst", name="Ana Analist", language="en"))
        read_everything(taskforce, frozen)
        # What an analyst sees besides, the ids of gaps, is on every page of gaps; the rest is the same in English.
        analyst.read_pages([period for period in frozen if weeks.kind(period) != weeks.WEEK or period in IN_WEEKS[-2:]])
        yield Played(console, frozen, taskforce, analyst, ids, victim, conversation)
    finally:
        console.close()


def test_everything_was_read(played: Played) -> None:
    wrong = {one.address: one.status for one in played.documents if one.status != 200}
    assert wrong == {}
    of_type = {one.type for one in played.documents}
    assert of_type >= {"text/html", "text/csv", "image/svg+xml", "application/pdf"} and len(of_type) == 5
    halves = [period for period in played.frozen if weeks.kind(period) == weeks.HALF_YEAR]
    assert halves == ["2025-H2", "2026-H1"]
    assert NOT_OVER not in played.frozen
    unread = set(played.taskforce.links("/taskforce/")) - set(played.taskforce.found)
    assert {
        address for address in unread if not re.search(r"/(charts|static)/|^/taskforce/brief/file$", address)
    } == set()


def test_nothing_tells_of_one_company_nor_of_four(played: Played) -> None:
    leaks = []
    for one in played.documents:
        said = one.says()
        leaks += [(one.address, word) for word in HIDDEN if word.casefold() in said]
        leaks += [(one.address, id_) for id_ in set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", said)) & played.ids]
    assert leaks == []


def test_what_enough_askers_share_is_shown(played: Played) -> None:
    """Or the test before this one would see nothing anywhere."""
    for type_, otherwise in (
        ("text/html", set()),
        ("text/csv", set()),
        # In a half-year that gap has a topic, and is called as the knowledge calls it.
        ("application/pdf", {"spreeuwenflat"}),
        # Who sent whom stands in sentences.
        ("spreadsheetml.sheet", {"spreeuwenflat", "mussennet", "awvn"}),
    ):
        said = "\n".join(one.says() for one in played.taskforce.found.values() if one.type.endswith(type_))
        assert {word for word in SHOWN if word not in said} <= otherwise, type_
    drawn = "\n".join(one.says() for one in played.taskforce.found.values() if one.type == "image/svg+xml")
    assert "pimpelmees" in drawn and "merelbad" in drawn
    added = played.taskforce.found["/taskforce/added"].text
    assert KNOWLEDGE.topics[OF_ALL].title["nl"] in added


def test_every_count_is_of_enough_and_a_multiple_of_five(played: Played) -> None:
    read_off = 0
    for one in played.documents:
        for count in one.numbers():
            read_off += 1
            assert count >= LEAST and count % 5 == 0, (one.address, count)
    assert read_off > 3_000


def test_a_share_is_one_of_shown_numbers(played: Played) -> None:
    """Before and after a topic was added: worked out again from what the months show."""
    shown = cells(played.console.engine)
    months = [period for period in played.frozen if weeks.kind(period) == weeks.MONTH]
    rows = list(csv.reader(io.StringIO(played.taskforce.read("/taskforce/tables/added/added?language=nl").text)))
    with Session(played.console.engine) as session:
        [id_] = session.scalars(select(RecurringQuestion.id).where(RecurringQuestion.topic == OF_ALL))
    gaps = [place for place, month in enumerate(months) if shown.get((month, "gap", id_, *ALL))]
    wanted: list[str] = []
    for part in (months[: gaps[-1] + 1], months[gaps[-1] + 1 :]):
        asked, unanswered = (
            sum(shown.get((month, measure, id_, *ALL), 0) for month in part) for measure in ("recurring", "unanswered")
        )
        wanted += [str(asked), str(min(100, round(100 * unanswered / asked))) if unanswered else ""]
    [row] = [row for row in rows if row[1] == KNOWLEDGE.topics[OF_ALL].title["nl"]]
    assert row[3:] == wanted


# ---- subtracting


def read_off(
    figure: Figure, periods: tuple[str, ...], names: Names
) -> Iterator[tuple[tuple[str, str, str, str, str], int]]:
    """The numbers of a figure's table, under what stands beside them; periods: those that it can be of."""
    short = {names.short_period(period): period for period in periods}
    heads, id_ = [column.title for column in figure.columns], figure.id
    for row in figure.rows:
        first, name = short.get(str(row[0])), str(row[0])
        for head, column, value in list(zip(heads, figure.columns, row, strict=True))[1:]:
            if column.kind != "count" or not isinstance(value, int):
                continue
            if id_ == "volume" and first:
                yield (first, "questions" if head == names.t("questions") else "askers", "", *ALL), value
            elif id_.startswith("volume-by-") and first:
                yield (first, "questions", "", id_.removeprefix("volume-by-"), head), value
            elif id_ == "outcomes" and first:
                yield (first, "decision", head, *ALL), value
            elif id_.startswith("parts-") and head in short:
                yield (short[head], "questions", "", id_.removeprefix("parts-"), name), value
            elif id_.startswith("popular-"):
                thing = id_.removeprefix("popular-")
                events = {names.t(f"event.{event}"): event for event in ("shown", "opened", "helpful", "unhelpful")}
                where = ALL if head in events else ("referrer", head)
                yield (periods[-1], f"{thing}-{events.get(head, 'shown')}", name, *where), value
            elif (measure := MEASURES.get(id_)) and head in short:
                yield (short[head], measure, name, *ALL), value


MEASURES = {
    "recurring": "recurring", "recurring-in": "recurring", "needs": "need", "referred-out": "referral-out",
    "topics": "topic",
}  # fmt: skip


def of_selection(selection: Selection) -> tuple[str, ...]:
    if selection.page in OVER_TIME:
        return selection.periods
    period = selection.period or ""
    return (weeks.before(period), period) if weeks.kind(period) == weeks.HALF_YEAR else (period,)


def test_pages_show_exactly_what_views_give(played: Played) -> None:
    """So that the next test may leave HTTP out."""
    views, compared = Views(SnapshotStore(played.console.engine), KNOWLEDGE, 2), 0
    for page, choice in list(every_choice(played.frozen))[::9]:
        for figure in views.figures(selected(page, choice, played.frozen), "nl"):
            links = [
                link for link in played.taskforce.read(at(page, choice)).links
                if link.startswith(f"/taskforce/tables/{page}/{figure.id}?")
            ]  # fmt: skip
            assert len(links) == bool(figure.rows)
            for link in links:
                compared += 1
                assert played.taskforce.read(link).content == table_as_csv(figure)
    assert compared > 20


def test_no_two_views_subtract_to_fewer_than_enough_even_in_exact_numbers(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page and the brief, of snapshots that were not rounded: week from month, part from all, view from view."""
    for module in ("counting", "snapshots"):
        monkeypatch.setattr(f"bot.trends.{module}.rounded", int)
    url = f"sqlite:///{tmp_path_factory.mktemp('exact')}/exact.db"
    migrate(url)
    engine = open_engine(url, 10)
    try:
        a_log(engine, "victim")
        freeze(engine, TODAY, KNOWLEDGE)
        snapshots = SnapshotStore(engine)
        frozen, names = snapshots.periods(), Names(KNOWLEDGE, "nl")
        views = Views(snapshots, KNOWLEDGE)
        by_kind = [[period for period in frozen if weeks.kind(period) == length] for length in weeks.KINDS]
        whole = [(periods[0], periods[-1]) for periods in by_kind]
        found: Cells = {}
        for page, choice in every_choice(frozen):
            selection = selected(page, choice, frozen)
            for figure in views.figures(selection, "nl"):
                # A recurring question is called as it was last: a view of fewer periods may call it otherwise.
                if figure.id == "recurring" and (selection.periods[0], selection.periods[-1]) not in whole:
                    continue
                for key, count in read_off(figure, of_selection(selection), names):
                    assert found.setdefault(key, count) == count, (key, "is another number in another view")
        for period in ("2025-H2", "2026-H1"):
            brief = write(read(snapshots, period), KNOWLEDGE, "nl", made_on=TODAY, fte=None, retention_days=730)
            periods = (*weeks.weeks_of(period), weeks.before(period), period)
            found.update(pair for _, figure in brief.figures for pair in read_off(figure, periods, names))
    finally:
        engine.dispose()
    assert {"questions", "decision", "recurring", "need", "topic", "referral-out", "material-shown"} <= {
        key[1] for key in found
    }
    assert min(found.values()) >= LEAST and any(count % 5 for count in found.values())
    tried = list(subtractions(found))
    assert len(tried) > 200
    assert [(how, rest) for how, rest in tried if rest != 0 and abs(rest) < LEAST] == []


# ---- what a curious person asks for


ODD = (
    "period=day", "step=day", "period=2026-W22&period=2026-W23", "by=asker_id", "by=company", "by=channel,referrer",
    "by=channel&by=referrer", "referrer=nestkast", "referrer=kolibrie&period=2026-H1", "channel=email&size=sme",
    "part=nestkast&by=referrer", "from=2026-W29&to=2026-W30", "from=2026-M07&to=2026-M07", f"period={NOT_OVER}",
    "period=2026-W30", "period=2026-H2", "period=2027-H1", "by=referrer'--", "period=2026-H1' OR '1'='1",
    "period=2026-H1%00", "period=2026-H1/../", "step=week&from=2026-06-01&to=2026-06-02", "min_askers=1", "askers=1",
    "least=0&rounded=no", "format=json", "debug=1", "language=xx", "topic=" + OF_VICTIM, "limit=100000&offset=-1",
)  # fmt: skip


def test_what_nobody_may_choose_changes_nothing(played: Played) -> None:
    """Whatever is asked for, a page is one of those that were read already, but for the address on it."""
    known = {table for one in played.taskforce.found.values() if one.type == "text/html" for table in tables(one)}
    for page in ("overview", "questions", "gaps", "needs", "materials", "referrals", "added", "brief", "method"):
        for query in ODD:
            reply = played.taskforce.somebody.get(f"{at(page, {})}?{query}")
            assert reply.status_code == 200, (page, query)
            one = Document(query, 200, dict(reply.headers), reply.content)
            assert set(tables(one)) <= known, (page, query)
            echo = re.sub(r'<input type="hidden" name="next" value="[^"]*">', "", reply.text).casefold()
            assert [word for word in HIDDEN if word.casefold() in echo] == [], (page, query)


def tables(one: Document) -> list[str]:
    return re.findall(r"<table>.*?</table>", one.text, flags=re.DOTALL)


@pytest.mark.parametrize(
    "address",
    [
        "tables/overview/questions", "tables/overview/volume-by-asker", "tables/overview/volume-by-size?by=channel",
        "tables/needs/topics?period=2026-H1", "tables/questions/all", "tables/gaps/cells", "tables/brief/brief",
        "charts/needs/topics/svg?period=2026-H1", "charts/questions/recurring/json", "charts/overview/volume/csv",
        f"brief/file?period={NOT_OVER}&language=nl&format=csv", "brief/file?period=2026-M06&language=nl&format=csv",
        "brief/file?period=2026-H2&language=nl&format=csv", "brief/file?period=2026-H1&language=nl&format=json",
        "brief/file?period=2026-H1&language=nl&format=typ", "cells", "snapshots", "snapshots/2026-H1", "log", "export",
        "api/cells", "questions/all", "recurring", "topics", "askers", "static/../../trends.py",
        "static/%2e%2e/%2e%2e/trends.py", "..%2f..%2f.env",
    ],
)  # fmt: skip
def test_there_is_no_other_export(played: Played, address: str) -> None:
    for reader in (played.taskforce, played.analyst):
        assert reader.somebody.get(f"/taskforce/{address}").status_code == 404


def test_a_partner_with_few_questions_is_no_part_of_anything(played: Played) -> None:
    """Neither as a row, nor as a column, nor as a choice; those that have enough are."""
    for page, period in (("referrals", "2026-H1"), ("materials", "2026-H1")):
        body = played.taskforce.read(at(page, {"period": period, "by": "referrer"})).text.casefold()
        assert "awvn" in body and "nestkast" not in body and "kolibrie" not in body


FOR_ANYBODY = {
    "/console/": "sends the task force to its own pages", "/console/sign-in": "", "/console/sign-out": "",
    "/console/link": "", "/console/link/password": "", "/console/password": "their own",
    "/console/language": "their own",
    "/console/oidc/": "signing in", "/console/oidc/callback": "signing in",
}  # fmt: skip
FOR_ANALYSTS = {
    "/console/api/texts": "words of the console", "/console/api/me": "their own account",
    "/console/api/suggestion-report": "precision of suggestions, in numbers of agents' clicks",
}  # fmt: skip


def console_routes() -> Iterator[tuple[str, str]]:
    """Every method and path of the console, but for the stream, which is no request."""
    for blueprint in BLUEPRINTS:
        for route in blueprint._future_routes:
            if not route.websocket:
                yield from ((method, f"{blueprint.url_prefix}{route.uri}") for method in sorted(route.methods))


@pytest.mark.parametrize("role", ["taskforce", "analyst"])
def test_the_console_tells_them_nothing(played: Played, role: str) -> None:
    somebody = {"taskforce": played.taskforce, "analyst": played.analyst}[role].somebody
    opened = {*FOR_ANYBODY, *(FOR_ANALYSTS if role == "analyst" else ())}
    tried = 0
    for method, path in console_routes():
        if path in opened:
            continue
        for id_ in (played.conversation[0], next(iter(played.ids))):
            address = re.sub(r"<[^>]+>", id_, path)
            reply = somebody.http.request(method, address, json={} if method not in ("GET", "HEAD") else None)
            assert reply.status_code == 403, (method, address, reply.status_code)
            tried += 1
    assert tried > 60


def test_the_suggestion_report_names_no_topic_of_one_asker(played: Played) -> None:
    reply = played.analyst.somebody.get("/console/api/suggestion-report")
    assert reply.status_code == 200
    assert [word for word in HIDDEN if word.casefold() in reply.text.casefold()] == []


# ---- erasing, and looking again


def test_erasing_changes_nothing_that_is_shown(played: Played) -> None:
    """Last of all: the victim erases its conversation, and everything is byte for byte what it was."""
    day = datetime.now(AMSTERDAM).date()
    before = Reader(played.taskforce.somebody)
    before.read_briefs(played.frozen)
    id_, token = played.conversation
    gone = played.console.client().delete(f"/api/v1/conversations/{id_}", headers={"Authorization": f"Bearer {token}"})
    assert gone.status_code == 204
    with Session(played.console.engine) as session:
        for table in (TrendQuestion, Popularity):
            assert not session.scalar(select(func.count()).where(table.asker_id == played.victim))
    assert freeze(played.console.engine, TODAY, KNOWLEDGE) == []
    again = Reader(played.taskforce.somebody)
    for address, one in {**played.taskforce.found, **before.found}.items():
        after = again.read(address)
        if address.startswith("/taskforce/brief/file") and datetime.now(AMSTERDAM).date() != day:
            continue
        assert after.content == one.content, address
        assert after.headers == one.headers, address
