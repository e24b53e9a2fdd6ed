"""The printed checklist, read back: what it says, and what a screen reader finds."""

from __future__ import annotations

import io
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from bot.guides.checklist import TEMPLATE, Line, checklist
from bot.guides.deadlines import Deadline
from bot.guides.typesetting import by_name, options, settable
from tests.pdf_ua import check, elements

TODAY = date(2026, 11, 21)
LINES = [Line("Zoek het KVK-nummer op", True), Line("Kies twee contactpersonen", False)]
REPORT = Deadline(
    rule="report",
    title={"nl": "Rapportage indienen bij de SER", "en": "Submit the report to the SER"},
    due=date(2027, 7, 30),
    past=False,
    remind_days_before=(60, 14),
    document="Aanmelden (folder)",
    where={"nl": "Heeft uw bedrijf een gebroken boekjaar?", "en": "A broken financial year?"},
)
PAST = replace(REPORT, due=date(2026, 7, 30), past=True)


def printed(
    title: str = "Uw bedrijf aanmelden",
    lines: list[Line] = LINES,
    deadlines: tuple[Deadline, ...] = (PAST, REPORT),
    desk: str = "portal",
    language: str = "nl",
) -> bytes:
    return checklist(title, lines, deadlines, desk=desk, language=language, today=TODAY)


def made(*args: Any, **values: Any) -> PdfReader:
    """What was printed, read back."""
    return PdfReader(io.BytesIO(printed(*args, **values)))


def words(reader: PdfReader) -> str:
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "nl",
            "Uw bedrijf aanmelden Gemaakt op 21 november 2026 met Wegwijzer, een digitale assistent (AI). "
            "Dit is geen juridisch advies. Wat u moet doen ☑ Zoek het KVK-nummer op (gedaan) "
            "☐ Kies twee contactpersonen Uw data • Donderdag 30 juli 2026 (deze datum is voorbij) "
            "Rapportage indienen bij de SER Bron: Aanmelden (folder) – Heeft uw bedrijf een gebroken boekjaar? "
            "• Vrijdag 30 juli 2027 Rapportage indienen bij de SER "
            "Bron: Aanmelden (folder) – Heeft uw bedrijf een gebroken boekjaar? "
            "Vragen? Bel de helpdesk van het Diversiteitsportaal: 070 - 2002 532, "
            "maandag tot en met vrijdag van 08:00 tot 18:00 uur. Pagina 1 van 1",
        ),
        (
            "en",
            "Uw bedrijf aanmelden Made on 21 November 2026 with Wegwijzer, a digital assistant (AI). "
            "This is no legal advice. What to do ☑ Zoek het KVK-nummer op (done) ☐ Kies twee contactpersonen "
            "Your dates • Thursday 30 July 2026 (this date has passed) Submit the report to the SER "
            "Source: Aanmelden (folder) – A broken financial year? "
            "• Friday 30 July 2027 Submit the report to the SER Source: Aanmelden (folder) – A broken financial year? "
            "Questions? Call the helpdesk of the Diversiteitsportaal: 070 - 2002 532, "
            "Monday to Friday, 08:00 to 18:00 (Amsterdam time). Page 1 of 1",
        ),
    ],
)
def test_all_that_it_says(language: str, expected: str) -> None:
    assert words(made(language=language)) == expected


@pytest.mark.parametrize("lines", [[], LINES, LINES * 20])
@pytest.mark.parametrize("deadlines", [(), (PAST, REPORT)])
@pytest.mark.parametrize("desk", ["portal", "charter"])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_it_passes_the_check_for_pdf_ua(
    lines: list[Line], deadlines: tuple[Deadline, ...], desk: str, language: str
) -> None:
    assert check(printed(lines=lines, deadlines=deadlines, desk=desk, language=language)) == []


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_screen_reader_finds_its_way(language: str) -> None:
    reader = made(language=language)
    root = reader.trailer["/Root"]
    assert root["/Lang"] == language
    assert reader.metadata is not None
    assert reader.metadata.title == "Uw bedrijf aanmelden"
    found = [element["/S"] for element in elements(root["/StructTreeRoot"])]
    assert found[:4] == ["/Document", "/Title", "/P", "/H1"]
    assert (found.count("/H1"), found.count("/L"), found.count("/LI"), found.count("/Lbl")) == (3, 2, 4, 4)


def test_it_prints_on_a4_with_its_own_letters() -> None:
    (page,) = made().pages
    assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842]
    fonts = [font.get_object()["/BaseFont"] for font in page["/Resources"]["/Font"].values()]
    assert all("Libertinus" in font or "DejaVuSansMono" in font for font in fonts)


def test_what_is_not_there_has_no_heading() -> None:
    assert "Uw data" not in words(made(deadlines=()))
    assert "Wat u moet doen" not in words(made(lines=[]))


def test_the_charter_has_its_own_desk() -> None:
    assert "070 - 3 499 576, of mail dib@ser.nl" in words(made(desk="charter"))


def test_a_long_list_runs_on() -> None:
    long = "Een lange titel van een stap die over meer dan een regel loopt omdat er zoveel te doen is, en dan nog wat"
    reader = made(title=long, lines=[Line(f"{number}. {long}", number % 2 == 0) for number in range(1, 26)])
    assert len(reader.pages) == 2
    assert f"25. {long}" in words(reader)
    assert words(reader).endswith("Pagina 2 van 2")


HOSTILE = [
    '#read("/etc/passwd")',
    "#panic() $ x^2 $ *vet* _schuin_ `code` @bron <label> // weg /* weg */ \\u{41} = kop - lijst ~",
    '"], "title": "anders"',
    "{page} {of} {title}",
    "<b>&amp;</b>",
]


@pytest.mark.parametrize("title", HOSTILE)
def test_markup_is_text(title: str) -> None:
    deadline = replace(REPORT, title={"nl": title, "en": title})
    reader = made(title, [Line(title, False)], (deadline,))
    assert words(reader).count(title) == 3
    assert reader.metadata is not None
    assert reader.metadata.title == title


def test_signs_that_no_letter_has_are_named() -> None:
    reader = made(lines=[Line("a\x00b\x07 😀 \u202e\ud800\ufffe\u2028c é́", False)])
    assert "☐ ab [grinning face] c é" in words(reader)


def test_a_title_is_needed() -> None:
    with pytest.raises(ValueError, match="title"):
        made("\x00 ")


def test_the_same_call_gives_the_same_bytes() -> None:
    first, second = (checklist("A", LINES, [], desk="portal", language="nl", today=TODAY) for _ in range(2))
    assert first == second


def test_nothing_stays_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.chdir(tmp_path)
    before = sorted(TEMPLATE.parent.iterdir())
    made()
    assert not list(tmp_path.iterdir())
    assert sorted(TEMPLATE.parent.iterdir()) == before


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_can_be_printed(text: str) -> None:
    """PDF/UA refuses a sign that no font has, and Typst ends in a panic on some scripts."""
    assert check(printed(lines=[Line(text, False)], deadlines=())) == []


def test_every_sign_that_is_let_through_has_a_letter() -> None:
    signs = [chr(point) for point in range(0x110000) if settable(chr(point), lambda _: "") == chr(point)]
    assert len(signs) > 1000
    data = {"title": "a", "lines": [" ".join(signs)], "ticked": [False], "language": "nl", "deadlines": []}
    labels = dict.fromkeys(["made", "to_do", "done", "dates", "questions", "desk", "no_advice", "page"], "a")
    assert check(typst.compile(**options(TEMPLATE, {**data, **labels}), format="pdf", pdf_standards=["ua-1"])) == []


def test_a_long_word_stays_on_the_page() -> None:
    assert settable("a" * 90, by_name) == "\u200b".join(["a" * 40, "a" * 40, "a" * 10])
    assert settable("a" * 40, by_name) == "a" * 40
