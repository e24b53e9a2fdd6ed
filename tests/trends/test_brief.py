"""The brief: every number comes from the data, every sentence is right for none, one and many, and all can read it."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from bot.answers.knowledge import Knowledge, load
from bot.commands import main
from bot.database.engine import open_engine
from bot.settings import ROOT
from bot.settings import settings as settings_of_this_process
from bot.texts import text
from bot.texts.numbers import number
from bot.trends.brief import Brief, Frozen, NoSuchBrief, Points, Shown, half_years, read, write
from bot.trends.drawing import Drawer
from bot.trends.papers import contents, file_name, pdf, safe, tables_as_csv
from bot.trends.reading import Cell, Cells, SnapshotStore
from bot.trends.workbook import workbook
from tests.pdf_ua import check, elements
from tests.trends.frozen import KNOWN, MONTHS, QUESTION_LABELS, WEEKS, everything, freeze, half_year

TODAY = date(2026, 7, 20)
PERIOD = "2026-H1"


@cache
def knowledge() -> Knowledge:
    return load(ROOT / "knowledge")


@pytest.fixture(scope="module")
def drawer() -> Iterator[Drawer]:
    drawer = Drawer()
    yield drawer
    drawer.close()


def frozen(cells: list[Cell] | None = None, **values: Any) -> Frozen:
    known = {"weeks": WEEKS, "known": KNOWN, "months": MONTHS, "known_gaps": KNOWN, "method": "1", **values}
    return Frozen(PERIOD, Cells(everything() if cells is None else cells), **known)


def made(language: str = "nl", cells: list[Cell] | None = None, *, fte: float | None = 2, **values: Any) -> Brief:
    return write(frozen(cells, **values), knowledge(), language, made_on=TODAY, fte=fte, retention_days=730)


def under(brief: Brief, heading: str) -> list[str]:
    """What stands under a heading, without figures."""
    section = next(section for section in brief.sections if section.heading == heading)
    found: list[str] = []
    for part in section.parts:
        if isinstance(part, str):
            found.append(part)
        elif isinstance(part, Points):
            found += [f"- {point}" for point in part.points]
    return found


def sentences(brief: Brief) -> str:
    """All it says but how it was counted."""
    body = (line for section in brief.sections[:-1] for line in under(brief, section.heading))
    return "\n".join([*brief.summary, *body])


def without(measure: str, cells: list[Cell] | None = None) -> list[Cell]:
    return [cell for cell in (everything() if cells is None else cells) if cell.measure != measure]


# ---- what it says


def test_in_short() -> None:
    assert made().summary == (
        "Werkgevers stelden ongeveer 1.250 vragen, van ongeveer 640 verschillende vragers. "
        "Dat zijn er ongeveer 190 meer dan in de tweede helft van 2025.",
        "Het vaakst ging het over “Geen activatiecode ontvangen”, “Wat het Charter Diversiteit is” "
        "en “Streefcijfers van grote vennootschappen”.",
        "Twee terugkerende vragen zijn nieuw. De meest gestelde is “Tellen flexwerkers mee voor de verplichting?”.",
        "Eén vraag werd naar verhouding vaker gesteld.",
        "Twee terugkerende vragen bleven zonder antwoord. "
        "De meest gestelde is “Is er subsidie voor diversiteitsbeleid?”.",
        "Van al het materiaal werd “Format voor het Plan van Aanpak” het vaakst getoond, aan ongeveer 140 vragers, "
        "en ook het vaakst geopend, door ongeveer 60.",
        "Wij stellen voor twee onderwerpen aan de kennis toe te voegen, het meest gevraagde eerst.",
    )


def test_in_short_in_english() -> None:
    assert made("en").summary == (
        "Employers asked about 1,250 questions, from about 640 different askers. "
        "That is about 190 more than in the second half of 2025.",
        "Most questions were about “No activation code received”, “What the Charter Diversiteit is” "
        "and “Targets of large companies”.",
        "Two recurring questions are new. The one asked most is “Tellen flexwerkers mee voor de verplichting?”.",
        "One question was asked relatively more often.",
        "Two recurring questions stayed without an answer. "
        "The one asked most is “Is er subsidie voor diversiteitsbeleid?”.",
        "Of all material, “Format for the plan of action” was shown most, to about 140 askers, "
        "and opened most as well, by about 60.",
        "We propose to add two topics to the knowledge, the one asked most first.",
    )


def test_what_changed() -> None:
    assert under(made(), "Wat er veranderde") == [
        "Twee terugkerende vragen zijn nieuw:",
        "- “Tellen flexwerkers mee voor de verplichting?” (ongeveer 55 keer)",
        "- “Is er subsidie voor diversiteitsbeleid?” (ongeveer 40 keer)",
        "Eén vraag werd naar verhouding vaker gesteld:",
        "- “Wat is een passend en ambitieus streefcijfer?” (ongeveer 80 keer)",
        "Eén vraag werd naar verhouding minder vaak gesteld:",
        "- “How do we sign the Charter?” (ongeveer 65 keer)",
        "De andere terugkerende vragen bleven naar verhouding ongeveer even vaak gesteld.",
        "Over “Geen activatiecode ontvangen” kwamen de meeste vragen erbij: van ongeveer 155 naar ongeveer 180.",
    ]


def test_what_nobody_could_answer() -> None:
    first = under(made("en"), "What we could not answer")[0]
    assert first == (
        "In the chat the assistant answered about 640 questions at once, it first asked about 90 times what was meant "
        "and it had no answer to about 70. Over all channels together, about 105 questions stayed without an answer. "
        "About 85 times somebody at the helpdesk took over a conversation."
    )


def test_employers_helped_beside_the_capacity() -> None:
    said = under(made(), "Wat werkgevers gebruikten")[-1]
    assert said == (
        "Een medewerker hielp ongeveer 120 werkgevers. Van ongeveer 55 is bekend dat zij het Charter niet hebben "
        "ondertekend. De Werkagenda noemt 75 extra werkgevers voor elke extra fte; met 2 fte zijn dat er 150. Ze zegt "
        "niet over welke periode, en bedoelt werkgevers die het Charter niet tekenden."
    )
    assert "met 1,5 fte zijn dat er 112" in sentences(made(fte=1.5))
    assert "with 1.5 fte that makes 112" in sentences(made("en", fte=1.5))


def test_without_a_capacity_nothing_is_compared() -> None:
    brief = made(fte=None)
    assert "Vergelijken kan nog niet" in sentences(brief)
    helped = next(figure for _, figure in brief.figures if figure.id == "helped")
    assert "Capaciteit volgens de Werkagenda" not in [column.title for column in helped.columns]


@pytest.mark.parametrize(
    ("count", "short", "proposed"),
    [
        (0, "Er was geen terugkerende vraag zonder antwoord", "Wij stellen daarom geen nieuw onderwerp voor."),
        (1, "Eén terugkerende vraag bleef zonder antwoord.", "Wij stellen voor één onderwerp toe te voegen"),
        (2, "Twee terugkerende vragen bleven zonder antwoord.", "Wij stellen voor twee onderwerpen toe te voegen"),
        (9, "Negen terugkerende vragen bleven zonder antwoord.", "te beginnen met deze zes onderwerpen"),
        (30, "30 terugkerende vragen bleven zonder antwoord.", "te beginnen met deze zes onderwerpen"),
    ],
)
def test_none_one_and_many_gaps(count: int, short: str, proposed: str) -> None:
    gaps = [Cell(PERIOD, "gap", f"g{n}", "all", "", 40, None, f"Vraag {n}?") for n in range(count)]
    said = sentences(made(cells=[*without("gap"), *gaps]))
    assert short in said
    assert proposed in said
    assert said.count("zonder antwoord\n") + said.endswith("zonder antwoord") == min(count, 6)


@pytest.mark.parametrize("movement", ["new", "rising", "fading", "gone"])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_one_and_many_that_moved(movement: str, language: str) -> None:
    """A number of one takes another verb; what was listed last year in digits stands in words now."""
    for count in (1, 2, 8):
        moved = [
            Cell(PERIOD, "recurring", f"m{n}", "all", "", 0 if movement == "gone" else 50, movement, f"Vraag {n}?")
            for n in range(count)
        ]
        brief = made(language, [*without("recurring"), *moved])
        said = under(brief, {"nl": "Wat er veranderde", "en": "What changed"}[language])
        start = {1: ("Eén", "One"), 2: ("Twee", "Two"), 8: ("Acht", "Eight")}[count][language == "en"]
        assert any(line.startswith(start) and line.endswith(":") for line in said), said
        assert sum(line.startswith("- ") for line in said) == min(count, 6)
        if movement == "gone":
            assert all("(" not in line for line in said if line.startswith("- ")), "what is gone has no number"


@pytest.mark.parametrize(
    "measure", ["topic", "need", "material-shown", "referral-out", "referral-in", "helped", "recurring"]
)
@pytest.mark.parametrize("language", ["nl", "en"])
def test_where_there_is_too_little_it_says_so(measure: str, language: str) -> None:
    cells = without(measure)
    if measure == "material-shown":
        cells = without("material-opened", cells)
    said = sentences(made(language, cells))
    keys = {
        "topic": ("Geen onderwerp werd", "No topic was"), "need": ("Behoeften werden te weinig", "Too few needs"),
        "material-shown": ("Over materiaal is te weinig", "Too little is known about material"),
        "referral-out": ("Doorverwijzingen werden te weinig", "Too few referrals"),
        "referral-in": ("Te weinig werkgevers kwamen via", "Too few employers came through"),
        "helped": ("Hoeveel werkgevers een medewerker hielp, is te weinig", "How many employers the helpdesk helped"),
        "recurring": ("Geen vraag keerde vaak genoeg", "No question came back"),
    }  # fmt: skip
    assert keys[measure][language == "en"] in said


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_half_year_with_too_few_questions(language: str) -> None:
    brief = made(language, [])
    assert len(brief.summary) == 1
    assert ("te weinig vragen", "too few questions")[language == "en"] in brief.summary[0]
    assert len(brief.sections) == 1, "only how it was counted"


def test_without_the_half_year_before_nothing_is_compared() -> None:
    cells = [cell for cell in everything() if cell.period != "2025-H2"]
    said = sentences(made(cells=cells))
    assert "Van de tweede helft van 2025 is er geen overzicht, dus vergelijken kan niet." in said
    assert "Wat er veranderde, is niet te zeggen" in said
    assert "meer dan" not in said


def test_a_small_difference_is_none() -> None:
    """Two rounded numbers that differ by one step may be the same."""
    cells = [
        replace(c, count=1255) if (c.period, c.measure, c.partition) == ("2025-H2", "questions", "all") else c
        for c in everything()
    ]
    assert "ongeveer evenveel als in de tweede helft van 2025" in made(cells=cells).summary[0]


def test_before_and_after_a_topic_that_was_added() -> None:
    cells = [
        *without("gap", [c for c in everything() if c.name != "r2"]),
        *(Cell(m, "recurring", "r2", "all", "", 40, "steady", "Wat is een streefcijfer?") for m in MONTHS),
        *(Cell(m, "gap", "r2", "all", "", 40, None, "Wat is een streefcijfer?") for m in MONTHS[:2]),
        *(Cell(m, "unanswered", "r2", "all", "", 40, None, None) for m in MONTHS[:2]),
        Cell(MONTHS[2], "unanswered", "r2", "all", "", 10, None, None),
    ]
    brief = made(cells=cells)
    figure = next(figure for _, figure in brief.figures if figure.id == "added")
    assert figure.rows == (
        ("Wat is een streefcijfer?", "Streefcijfers van grote vennootschappen", "juni 2026", 80, 100, 40, 25),
    )
    assert "Eén vraag die eerst zonder antwoord bleef, heeft nu een onderwerp:" in sentences(brief)


def test_made_up_questions_are_called_so() -> None:
    assert made(fictional=True).warning.startswith("Let op: deze getallen komen uit verzonnen voorbeelden")
    assert made().warning == ""


# ---- every number comes from the data


def numbers_in(words: str) -> set[int]:
    plain = re.sub(r"“[^”]*”|\d{4}|week \d+|vanaf \d+|from \d+|(?:met|with) [\d.,]+ fte|75 extra", "", words)
    return {int(found.replace(".", "").replace(",", "")) for found in re.findall(r"\d+(?:[.,]\d{3})*", plain)}


def fives() -> st.SearchStrategy[int]:
    return st.integers(1, 400).map(lambda n: 5 * n)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_number_is_in_the_data(data: st.DataObject) -> None:
    """In any half-year, with anything missing: a number in a sentence is a cell, a difference, or the capacity."""
    cells = [
        replace(cell, count=data.draw(fives())) for cell in (*half_year("2025-H2", moved=False), *half_year(PERIOD))
        if data.draw(st.integers(0, 5))
    ]  # fmt: skip
    language = data.draw(st.sampled_from(["nl", "en"]))
    counts = {cell.count for cell in cells}
    totals = [cell.count for cell in cells if cell.measure == "questions" and cell.partition == "all"]
    allowed = counts | {abs(one - other) for one in totals for other in totals} | {150}
    said = sentences(made(language, cells))
    assert numbers_in(said) <= allowed
    assert "{" not in said and "None" not in said
    for line in said.splitlines():
        assert line == line.strip() and "  " not in line, line


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_number_in_a_table_is_in_the_data(language: str) -> None:
    allowed = {cell.count for cell in everything()} | {150}
    for _, figure in made(language).figures:
        for row in figure.rows:
            assert {value for value in row if isinstance(value, int)} <= allowed, figure.id


# ---- on paper


def reader(brief: Brief, drawer: Drawer) -> PdfReader:
    return PdfReader(io.BytesIO(pdf(brief, drawer)))


def words(found: PdfReader) -> str:
    return " ".join(" ".join(page.extract_text() for page in found.pages).split())


@pytest.mark.parametrize("fictional", [False, True])
@pytest.mark.parametrize("of", [None, (), ("questions",), ("gap", "questions"), ("need", "referral-out", "topic")])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_it_passes_the_check_for_pdf_ua(
    language: str, of: tuple[str, ...] | None, fictional: bool, drawer: Drawer
) -> None:
    """With all data, with nothing, and with little."""
    cells = None if of is None else [cell for cell in everything() if cell.measure in of]
    assert check(pdf(made(language, cells, fictional=fictional), drawer)) == []


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_screen_reader_finds_its_way(language: str, drawer: Drawer) -> None:
    brief = made(language)
    found = reader(brief, drawer)
    root = found.trailer["/Root"]
    assert root["/Lang"] == language
    assert found.metadata is not None
    assert found.metadata.title == brief.title
    kinds = [element["/S"] for element in elements(root["/StructTreeRoot"])]
    assert kinds[0] == "/Document"
    assert kinds[1] == "/Title"
    headings = [kind for kind in kinds if re.fullmatch(r"/H\d", kind)]
    assert headings == ["/H1"] * (len(brief.sections) + 2), "in short, the sections, the sources: none is skipped"
    assert kinds.count("/LI") >= len(brief.summary)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_picture_is_described(language: str, drawer: Drawer) -> None:
    brief = made(language)
    figures = [e for e in elements(reader(brief, drawer).trailer["/Root"]["/StructTreeRoot"]) if e["/S"] == "/Figure"]
    drawn = [
        part.figure for section in brief.sections for part in section.parts
        if isinstance(part, Shown) and part.chart and part.figure.chart
    ]  # fmt: skip
    assert [" ".join(str(e["/Alt"]).split()) for e in figures] == [" ".join(figure.alt.split()) for figure in drawn]
    assert all(figure.alt.startswith(("Lijngrafiek", "Staafdiagram", "Line chart", "Bar chart")) for figure in drawn)


def test_every_table_has_heads(drawer: Drawer) -> None:
    found = list(elements(reader(made(), drawer).trailer["/Root"]["/StructTreeRoot"]))
    tables = [element for element in found if element["/S"] == "/Table"]
    written = [p.figure for s in made().sections for p in s.parts if isinstance(p, Shown) and p.table]
    assert written
    for table, figure in zip(tables, written, strict=True):
        heads = [element for element in elements(table["/K"]) if element["/S"] == "/TH"]
        assert [_attribute(head, "/Scope") for head in heads] == ["/Column"] * len(figure.columns)


def _attribute(element: Any, name: str) -> Any:
    attributes = element.get("/A")
    for each in attributes if isinstance(attributes, list) else [attributes]:
        if each is not None and name in (found := each.get_object()):
            return found[name]
    return None


def test_a_question_in_the_other_language_says_so(drawer: Drawer) -> None:
    found = elements(reader(made(), drawer).trailer["/Root"]["/StructTreeRoot"])
    assert "en" in {str(element.get("/Lang")) for element in found}


def test_it_is_set_in_one_letter(drawer: Drawer) -> None:
    """Charts too, and whatever the machine has."""
    for page in reader(made(), drawer).pages:
        assert all("Libertinus" in font.get_object()["/BaseFont"] for font in page["/Resources"]["/Font"].values())


NEED = "Voorbeelden van andere bedrijven"
ENGLISH_NEED = "Examples of other companies"
ENGLISH_GAP = "Is there a grant for diversity?"


def in_two_languages() -> list[Cell]:
    """A need and a gap in English, of which the former is asked for in both languages."""
    cells = [replace(c, label=ENGLISH_NEED) if (c.measure, c.name) == ("need", NEED) else c for c in everything()]
    cells = [replace(c, label=ENGLISH_GAP) if c.name == "r5" else c for c in cells]
    shares = (("en", 30), ("nl", 15))
    return [*cells, *(Cell("2026-H1", "need", NEED, "language", part, count) for part, count in shares)]


def test_what_is_quoted_in_the_other_language_is_read_in_that_language(drawer: Drawer) -> None:
    brief = made("nl", in_two_languages(), known={**KNOWN, "r5": ("en", None)})
    spoken = {ENGLISH_NEED: "en", ENGLISH_GAP: "en", QUESTION_LABELS["r3"]: "en"}
    assert dict(brief.foreign) == spoken
    found = reader(brief, drawer)
    assert check(pdf(brief, drawer)) == []
    data = b"".join(page.get_contents().get_data() for page in found.pages)
    assert re.search(rb"/Span<</MCID \d+/Lang\(en\)>>BDC", data), "inside a sentence"
    plain = reader(replace(brief, foreign=()), drawer)
    assert b"/Lang(en)" not in b"".join(page.get_contents().get_data() for page in plain.pages)


def test_needs_that_may_be_in_the_other_language_are_said_to_be_in_whose_words() -> None:
    words = text("trends.brief.needs_words", "nl")
    assert words in sentences(made("nl", in_two_languages()))
    assert words in sentences(made("nl")), "no cell shows in which language they are"
    names = {cell.name for cell in everything() if cell.measure == "need"}
    all_dutch = [*everything(), *(Cell("2026-H1", "need", name, "language", "nl", 20) for name in names)]
    assert words not in sentences(made("nl", all_dutch))


@pytest.mark.parametrize(("language", "place"), [("nl", 0), ("en", 1)])
def test_a_question_of_the_knowledge_stands_in_the_language_of_the_brief(language: str, place: int) -> None:
    pair = knowledge().topics["charter.what-is"].questions[0]
    cells = [replace(c, label=pair["en"]) if c.name == "r3" else c for c in everything()]
    brief = made(language, cells)
    assert pair[language] in sentences(brief)
    assert (pair["nl"], pair["en"])[1 - place] not in sentences(brief)
    assert pair["en"] not in dict(brief.foreign)
    [table] = [figure for _, figure in brief.figures if figure.id == "recurring-in"]
    assert pair[language] in {row[0] for row in table.rows} and table.language_of(pair[language]) is None


@pytest.mark.parametrize("language", ["nl", "en"])
def test_it_is_a_few_pages_and_says_all(language: str, drawer: Drawer) -> None:
    brief = made(language)
    found = reader(brief, drawer)
    assert 3 <= len(found.pages) <= 6
    # At the end of a line a word may be broken.
    said = re.sub(r"[\s\u00ad\u2010-]", "", words(found))
    footer = re.sub(r"[\s\u00ad\u2010-]", "", brief.lead)
    said = re.sub(rf"{re.escape(footer)}(Pagina|Page)\d+(van|of)\d+", "", said)
    for line in (*brief.summary, *(line for section in brief.sections for line in under(brief, section.heading))):
        assert re.sub(r"[\s\u00ad\u2010-]", "", line.removeprefix("- ")) in said, line


def test_the_same_data_give_the_same_bytes() -> None:
    made_of = []
    for _ in range(2):
        drawer = Drawer()
        made_of.append(pdf(made(), drawer))
        drawer.close()
    assert made_of[0] == made_of[1]


def test_a_spreadsheet_bears_the_day_of_its_brief_and_no_other_moment() -> None:
    """Or the same brief would be other bytes a second later."""
    file = workbook(made())
    with zipfile.ZipFile(io.BytesIO(file)) as parts:
        assert {part.date_time for part in parts.infolist()} == {(*TODAY.timetuple()[:3], 0, 0, 0)}
    properties = openpyxl.load_workbook(io.BytesIO(file)).properties
    assert properties.created == properties.modified == datetime.combine(TODAY, time())


HOSTILE = [
    '#read("/etc/passwd")',
    "=1+1",
    "@SUM(A1)",
    "$ x^2 $ *vet* _a_ `b` <c> // weg \\u{41}",
    "😀 日本 עברית\x00\x07",
    "a" * 300,
]


@pytest.mark.parametrize("label", HOSTILE)
def test_a_question_is_text_whatever_it_says(label: str, drawer: Drawer) -> None:
    cells = [replace(cell, label=label) if cell.label else cell for cell in everything()]
    needs = [replace(cell, name=label[:120]) if cell.measure == "need" else cell for cell in cells]
    brief = made(cells=needs)
    assert check(pdf(brief, drawer)) == []
    book = openpyxl.load_workbook(io.BytesIO(workbook(brief)))
    assert {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row} <= {"s", "n"}, "no formula"
    for row in csv.reader(io.StringIO(tables_as_csv(brief).decode("utf-8-sig"))):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in row)


# ---- in files


def test_the_spreadsheet_has_every_table() -> None:
    brief = made()
    book = openpyxl.load_workbook(io.BytesIO(workbook(brief)))
    assert len(book.sheetnames) == len(set(book.sheetnames)) == len(brief.figures) + 1
    assert book.sheetnames[0] == "Toelichting"
    first = [str(cell.value) for (cell,) in book.worksheets[0].iter_rows(max_col=1) if cell.value]
    assert {brief.title, brief.note, *brief.summary, *brief.sources} <= set(first)
    for sheet, (heading, figure) in zip(book.worksheets[1:], brief.figures, strict=True):
        rows = list(sheet.iter_rows(values_only=True))
        assert rows[0][0] == figure.title
        assert rows[1][0] == heading
        assert rows[3][: len(figure.columns)] == tuple(column.title for column in figure.columns)
        kept = tuple(tuple("–" if value is None else value for value in row) for row in figure.rows)
        assert tuple(row[: len(figure.columns)] for row in rows[4 : 4 + len(kept)]) == kept
        assert sheet.freeze_panes == "A5"


def test_the_csv_has_every_number() -> None:
    brief = made("en")
    lines = list(csv.DictReader(io.StringIO(tables_as_csv(brief).decode("utf-8-sig"))))
    assert set(lines[0]) == {"Section", "Table", "Row", "Column", "Value"}
    for heading, figure in brief.figures:
        of_it = [line for line in lines if (line["Section"], line["Table"]) == (heading, figure.title)]
        assert len(of_it) == len(figure.rows) * (len(figure.columns) - 1)
    values = {(line["Row"], line["Column"]): line["Value"] for line in lines}
    assert values["No activation code received", "1st half 2026"] == "180"


def test_a_formula_is_taken_the_sting_out_of() -> None:
    assert safe("=1+1") == "'=1+1"
    assert safe("Hoe?") == "Hoe?"


@pytest.mark.parametrize(
    ("language", "kind", "name"),
    [("nl", "pdf", "wegwijzer-brief-2026-h1-nl.pdf"), ("en", "csv", "wegwijzer-brief-2026-h1-en.csv")],
)
def test_its_name_tells_nothing_of_anybody(language: str, kind: str, name: str) -> None:
    assert file_name(made(language), kind) == name


def test_what_the_paper_says_is_all_that_the_template_gets(drawer: Drawer) -> None:
    data = contents(made(), drawer)
    assert data["sections"][-1]["parts"][-1]["text"] == made().note
    assert number(730, "nl") in data["sections"][-1]["parts"][1]["text"]


# ---- from the database, and from the command line


def test_it_is_read_from_snapshots(database_url: str) -> None:
    engine = open_engine(database_url, 20)
    freeze(engine, everything())
    snapshots = SnapshotStore(engine)
    assert half_years(snapshots) == ["2026-H1", "2025-H2"]
    found = read(snapshots, PERIOD)
    assert found.weeks == WEEKS
    again = write(found, knowledge(), "nl", made_on=TODAY, fte=2, retention_days=730)
    assert sentences(again) == sentences(made())
    for wrong in ("2024-H1", "2026-W14", "2026-M06", "nonsense", ""):
        with pytest.raises(NoSuchBrief):
            read(snapshots, wrong)
    engine.dispose()


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    url = f"sqlite:///{tmp_path / 'brief.db'}"
    monkeypatch.setenv("DATABASE_URL", url)
    settings_of_this_process.cache_clear()
    yield url
    settings_of_this_process.cache_clear()


def test_the_command_writes_all_files(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "brief", "--out", str(tmp_path / "out")]) == 1
    assert "No half-year is frozen yet" in capsys.readouterr().err
    engine = open_engine(database, 20)
    freeze(engine, everything())
    engine.dispose()
    assert main(["report", "brief", "--period", "2026-H1", "--out", str(tmp_path / "out")]) == 0
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names == {
        f"wegwijzer-brief-2026-h1-{lang}.{kind}" for lang in ("nl", "en") for kind in ("pdf", "xlsx", "csv")
    }
    capsys.readouterr()
    assert main(["report", "brief", "--period", "2030-H1", "--out", str(tmp_path)]) == 1
    assert "There is no frozen half-year 2030-H1; there are: 2026-H1, 2025-H2." in capsys.readouterr().err
