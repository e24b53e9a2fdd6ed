"""The task force's pages over HTTP: who may see them, what they show, downloads, and drafts of gaps."""

from __future__ import annotations

import csv
import io
import re

import openpyxl
import pytest
from pypdf import PdfReader

from tests.console.conftest import Console, SignedIn
from tests.trends.frozen import GAP_LABEL

PAGES = ("", "questions", "gaps", "needs", "materials", "referrals", "added", "brief", "method")
A_CHART = "/taskforce/charts/overview/volume/svg"
A_TABLE = "/taskforce/tables/overview/volume"
A_FILE = "/taskforce/brief/file?period=2026-H1&language=nl&format=csv"
ADDRESSES = (*(f"/taskforce/{page}" for page in PAGES), A_CHART, A_TABLE, A_FILE)


# ---- who may see what


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("role", ["taskforce", "analyst", "admin"])
def test_who_may_look(console: Console, role: str, address: str) -> None:
    assert console.signed_in(role).get(address).status_code == 200


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("role", ["agent", "editor"])
def test_who_may_not(console: Console, role: str, address: str) -> None:
    assert console.signed_in(role).get(address).status_code == 403


@pytest.mark.parametrize("address", ADDRESSES)
def test_without_a_session_one_signs_in_first(console: Console, address: str) -> None:
    reply = console.client().get(address)
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/console/sign-in?next=/taskforce/")


def test_the_task_force_sees_nothing_else(taskforce: SignedIn) -> None:
    """It is outside the house: snapshots and briefs, and no more."""
    for page in ("staff/", "api/conversations/x", "api/questions", "api/drafts", "api/requests", "api/me"):
        assert taskforce.get(f"/console/{page}").status_code in (403, 404, 405), page


def test_who_signs_in_for_the_task_force_comes_here(console: Console, taskforce: SignedIn) -> None:
    reply = taskforce.get("/console/")
    assert (reply.status_code, reply.headers["location"]) == (303, "/taskforce/")
    assert 'href="/taskforce/"' in console.signed_in("analyst").get("/console/").text
    assert 'href="/taskforce/"' not in console.signed_in("agent").get("/console/").text


# ---- pages


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_in_both_languages(console: Console, page: str, language: str) -> None:
    reply = console.signed_in("analyst", language=language).get(f"/taskforce/{page}")
    assert reply.status_code == 200
    assert f'<html lang="{language}">' in reply.text
    assert reply.headers["content-language"] == language
    assert reply.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in reply.headers["content-security-policy"]
    assert not re.search(r"<script|<style|style=|trends\.|onclick", reply.text)
    assert "2026-H" not in re.sub(r'"[^"]*"', "", reply.text), "periods are in words"


@pytest.mark.parametrize("page", PAGES)
def test_every_address_on_a_page_leads_somewhere(analyst: SignedIn, page: str) -> None:
    body = analyst.get(f"/taskforce/{page}").text
    found = {
        match.replace("&amp;", "&")
        for match in re.findall(r'(?:href|src|srcset)="(/(?:taskforce|static)[^"#]*)"', body)
    }
    assert found
    for address in found:
        assert analyst.get(address).status_code == 200, address


def test_each_chart_has_its_table_and_its_words(analyst: SignedIn) -> None:
    body = analyst.get("/taskforce/").text
    pictures = re.findall(r'<img src="[^"]+" alt="([^"]*)">', body)
    assert len(pictures) >= 4
    assert all(len(words) > 40 for words in pictures)
    assert body.count("<table>") >= len(pictures)


def test_a_choice_is_in_the_address(analyst: SignedIn) -> None:
    body = analyst.get("/taskforce/?step=week&from=2026-W16&to=2026-W18&by=channel").text
    assert re.findall(r'<th scope="row">(week \d+, 2026)</th>', body)[:3] == [
        "week 16, 2026",
        "week 17, 2026",
        "week 18, 2026",
    ]
    assert 'value="2026-W16" selected' in body and 'value="channel" selected' in body
    assert "from=2026-W16&amp;to=2026-W18&amp;by=channel" in body, "charts and downloads are of the same choice"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/taskforce/?from=2026-W20&to=2026-W15", "De eerste week komt na de laatste"),
        ("/taskforce/needs?period=2011-H1", "Over deze periode is er geen overzicht"),
    ],
)
def test_a_wrong_choice_is_said(analyst: SignedIn, address: str, said: str) -> None:
    reply = analyst.get(address)
    assert reply.status_code == 200
    assert said in reply.text


@pytest.mark.parametrize(
    "query",
    ["from=%00", "period=" + "x" * 500, "by=channel&by=size", "step[]=week", "from=2026-W99", "period=2026-M13"],
)
def test_a_strange_address_is_no_fault(analyst: SignedIn, query: str) -> None:
    for page in ("", "needs", "gaps"):
        assert analyst.get(f"/taskforce/{page}?{query}").status_code == 200


def test_questions_in_the_other_language_say_so(analyst: SignedIn) -> None:
    assert '<th scope="row" lang="en">How do we sign the Charter?</th>' in analyst.get("/taskforce/questions").text


# ---- charts and tables


@pytest.mark.parametrize(
    ("kind", "start", "content_type"), [("svg", b"<svg", "image/svg+xml"), ("png", b"\x89PNG", "image/png")]
)
def test_a_chart(analyst: SignedIn, kind: str, start: bytes, content_type: str) -> None:
    reply = analyst.get(f"/taskforce/charts/overview/volume/{kind}")
    assert reply.content.startswith(start)
    assert reply.headers["content-type"] == content_type
    assert "content-disposition" not in reply.headers
    saved = analyst.get(f"/taskforce/charts/overview/volume/{kind}?download=yes&from=2026-W16&to=2026-W18")
    assert (
        saved.headers["content-disposition"] == f'attachment; filename="wegwijzer-volume-week-2026-w16-2026-w18.{kind}"'
    )


def test_a_chart_for_a_phone_is_narrow(analyst: SignedIn) -> None:
    wide, narrow = (analyst.get(f"{A_CHART}{query}").text for query in ("", "?narrow=yes"))
    sizes = [float(re.search(r'width="([\d.]+)"', drawing)[1]) for drawing in (wide, narrow)]  # type: ignore[index]
    assert sizes[1] < 400 < sizes[0]


def test_a_chart_in_the_language_that_was_asked_for(analyst: SignedIn) -> None:
    assert "Vragers" in analyst.get(f"{A_CHART}?language=nl").text
    assert "Askers" in analyst.get(f"{A_CHART}?language=en").text


def test_a_table(analyst: SignedIn) -> None:
    reply = analyst.get("/taskforce/tables/needs/needs?period=2026-H1")
    rows = list(csv.reader(io.StringIO(reply.content.decode("utf-8-sig"))))
    assert rows[0] == ["Behoefte", "2e helft 2025", "1e helft 2026"]
    assert rows[1] == ["Voorbeelden van andere bedrijven", "40", "45"]
    assert reply.headers["content-disposition"] == 'attachment; filename="wegwijzer-needs-2026-h1.csv"'


@pytest.mark.parametrize(
    "address",
    [
        "charts/overview/nothing/svg",
        "charts/nowhere/volume/svg",
        "charts/overview/volume/exe",
        "charts/overview/volume/svg?language=de",
        "tables/overview/nothing",
        "static/../trends.py",
        "nothing",
    ],
)
def test_what_is_not_there(analyst: SignedIn, address: str) -> None:
    assert analyst.get(f"/taskforce/{address}").status_code == 404


# ---- the brief


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_brief_in_one_click(analyst: SignedIn, language: str) -> None:
    start = f"/taskforce/brief/file?period=2026-H1&language={language}&format="
    pdf = analyst.get(f"{start}pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.headers["content-disposition"] == f'attachment; filename="wegwijzer-brief-2026-h1-{language}.pdf"'
    assert len(PdfReader(io.BytesIO(pdf.content)).pages) >= 3
    book = openpyxl.load_workbook(io.BytesIO(analyst.get(f"{start}xlsx").content))
    assert len(book.sheetnames) > 5
    assert analyst.get(f"{start}csv").content.decode("utf-8-sig").count("\n") > 30


def test_who_took_a_brief_is_kept(console: Console, taskforce: SignedIn) -> None:
    assert taskforce.get(A_FILE).status_code == 200
    query = "SELECT action, subject, details FROM staff_audit WHERE account_id = :id AND action = 'brief_downloaded'"
    (row,) = console.rows(query, id=taskforce.account.id)
    assert row[1] == "2026-H1"
    assert "csv" in str(row[2]) and "nl" in str(row[2])


@pytest.mark.parametrize(
    "query",
    [
        "",
        "period=2030-H1&language=nl&format=pdf",
        "period=2026-W14&language=nl&format=pdf",
        "period=2026-H1&language=de&format=pdf",
        "period=2026-H1&language=nl&format=exe",
    ],
)
def test_no_other_brief(analyst: SignedIn, query: str) -> None:
    assert analyst.get(f"/taskforce/brief/file?{query}").status_code == 404


# ---- drafts


def draft(somebody: SignedIn, id_: str = "r5", period: str = "2026-H1", desk: str = "charter") -> str:
    reply = somebody.http.post("/taskforce/gaps", data={"id": id_, "period": period, "desk": desk})
    assert reply.status_code in (303, 403), reply.text
    return reply.headers.get("location", "403")


def test_a_draft_of_a_gap(console: Console, analyst: SignedIn) -> None:
    assert draft(analyst) == "/taskforce/gaps?period=2026-H1&draft=made"
    assert "Het concept is gemaakt" in analyst.get(draft(analyst)).text
    rows = console.rows(
        "SELECT q.text, q.language, d.desk, d.origin FROM topic_drafts d "
        "JOIN topic_draft_questions q ON q.draft_id = d.id"
    )
    assert rows == [(GAP_LABEL, "nl", "charter", "unanswered")], "twice the same gap is one draft"


@pytest.mark.parametrize(
    "wrong", [{"id_": "r1"}, {"id_": "nothing"}, {"period": "2030-H1"}, {"period": "x" * 99}, {"desk": "no desk"}]
)
def test_only_a_gap_becomes_a_draft(analyst: SignedIn, wrong: dict[str, str]) -> None:
    location = draft(analyst, **wrong)
    assert location.endswith("draft=cannot")
    assert "kon niet worden gemaakt" in analyst.get(location).text


def test_the_task_force_makes_no_drafts(taskforce: SignedIn) -> None:
    assert draft(taskforce) == "403"
    body = taskforce.get("/taskforce/gaps").text
    assert GAP_LABEL in body
    assert '<form method="post" action="/taskforce/gaps">' not in body
    assert "U kunt hier alleen kijken" in body


def test_a_draft_needs_the_token(console: Console) -> None:
    somebody = console.signed_in("analyst")
    del somebody.http.headers["X-CSRF-Token"]
    assert draft(somebody) == "403"


def test_an_editor_makes_a_draft_too(console: Console) -> None:
    assert draft(console.signed_in("editor")) == "/console/"
