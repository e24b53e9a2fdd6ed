"""Dates as people write them are read as they were meant, and never guessed."""

from __future__ import annotations

import time
from calendar import monthrange
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.guides.dates import (
    LONGEST_TEXT,
    Impossible,
    Vague,
    Written,
    add_months,
    end_of_financial_year,
    find,
    is_answer,
    past_day,
)

TODAY = date(2026, 11, 21)
LANGUAGES = ("nl", "en")


def words(text: str) -> list[str]:
    return text.split()


DUTCH = words("januari februari maart april mei juni juli augustus september oktober november december")
ENGLISH = words("January February March April May June July August September October November December")
DUTCH_SHORT = words("jan feb mrt apr mei jun jul aug sept okt nov dec")
DUTCH_NUMBERS = [
    *words("een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien"),
    *words("zeventien achttien negentien twintig eenentwintig tweeëntwintig drieëntwintig vierentwintig"),
    *words("vijfentwintig zesentwintig zevenentwintig achtentwintig negenentwintig dertig eenendertig"),
]
DUTCH_PLACES = [
    *words("eerste tweede derde vierde vijfde zesde zevende achtste negende tiende elfde twaalfde dertiende"),
    *words("veertiende vijftiende zestiende zeventiende achttiende negentiende twintigste eenentwintigste"),
    *words("tweeëntwintigste drieëntwintigste vierentwintigste vijfentwintigste zesentwintigste"),
    *words("zevenentwintigste achtentwintigste negenentwintigste dertigste eenendertigste"),
]
ENGLISH_NUMBERS = [
    *words("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"),
    *words("seventeen eighteen nineteen twenty twenty-one twenty-two twenty-three twenty-four twenty-five"),
    *words("twenty-six twenty-seven twenty-eight twenty-nine thirty thirty-one"),
]
ENGLISH_PLACES = [
    *words("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth"),
    *words("fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first"),
    *words("twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth twenty-seventh"),
    *words("twenty-eighth twenty-ninth thirtieth thirty-first"),
]


def day(number: int, month: int, year: int | None = None) -> Written:
    return Written(number, month, year, end_of_month=False)


def month(number: int, year: int | None = None) -> Written:
    return Written(None, number, year, end_of_month=False)


def end(number: int, year: int | None = None) -> Written:
    return Written(None, number, year, end_of_month=True)


def place(number: int) -> str:
    """31st."""
    ending = "th" if 10 < number < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("31 maart", day(31, 3)),
        ("31 MAART.", day(31, 3)),
        ("31 maart 2026", day(31, 3, 2026)),
        ("31 maart, 2026", day(31, 3, 2026)),
        ("31 maart (2026)", day(31, 3, 2026)),
        ("31 maart van 2026", day(31, 3, 2026)),
        ("31 March of 2026", day(31, 3, 2026)),
        ("31st of March", day(31, 3)),
        ("the 3rd of March", day(3, 3)),
        ("March 31", day(31, 3)),
        ("March 31st, 2026", day(31, 3, 2026)),
        ("March the 3rd", day(3, 3)),
        ("March third", day(3, 3)),
        ("March the thirty first, 2026", day(31, 3, 2026)),
        ("May 31", day(31, 5)),
        ("may 31st", day(31, 5)),
        ("May 31, 2026", day(31, 5, 2026)),
        ("31 May", day(31, 5)),
        ("3 mrt '26", day(3, 3, 2026)),
        ("3 mrt ’26", day(3, 3, 2026)),
        ("3 mrt. 2026", day(3, 3, 2026)),
        ("3 mar 26", day(3, 3, 2026)),
        ("3 maart '98", day(3, 3, 1998)),
        ("1 jan", day(1, 1)),
        ("1 feb", day(1, 2)),
        ("1 febr.", day(1, 2)),
        ("30 sept.", day(30, 9)),
        ("30 sep", day(30, 9)),
        ("31 okt", day(31, 10)),
        ("Oct. 31", day(31, 10)),
        ("31-dec-2025", day(31, 12, 2025)),
        ("31 dec. 2025", day(31, 12, 2025)),
        ("31maart", day(31, 3)),
        ("31e maart", day(31, 3)),
        ("de 31ste van maart", day(31, 3)),
        ("1ste juli", day(1, 7)),
        ("op zondag 31 januari", day(31, 1)),
        ("31 maert", day(31, 3)),
        ("31 ocotber", day(31, 10)),
        ("30 septmber", day(30, 9)),
        ("30 septmeber", day(30, 9)),
        ("28 febuari", day(28, 2)),
        ("28 febuary", day(28, 2)),
        ("31 decemebr", day(31, 12)),
        ("30 aprl", day(30, 4)),
        ("31 agustus", day(31, 8)),
        ("31 mrch", day(31, 3)),
        ("31 mars", day(31, 3)),
        ("30-9", day(30, 9)),
        ("30/9", day(30, 9)),
        ("30 - 9", day(30, 9)),
        ("30–9", day(30, 9)),
        ("31.12", day(31, 12)),
        ("31.12.", day(31, 12)),
        ("per 30.9", day(30, 9)),
        ("30.9.2026", day(30, 9, 2026)),
        ("30-09-2026", day(30, 9, 2026)),
        ("30/09/26", day(30, 9, 2026)),
        ("30 / 9 / 2026", day(30, 9, 2026)),
        ("30 09 2026", day(30, 9, 2026)),
        ("30-9 2026", day(30, 9, 2026)),
        ("2026-09-30", day(30, 9, 2026)),
        ("2026/9/30", day(30, 9, 2026)),
        ("2026-09-30T10:00:00", day(30, 9, 2026)),
        ("per 31/12", day(31, 12)),
        ("the 31 st of March", day(31, 3)),
        ("March 31 st", day(31, 3)),
        ("1 e maart", day(1, 3)),
        ("een en dertig maart", day(31, 3)),
        ("twee-en-twintig maart", day(22, 3)),
        ("June fifteen", day(15, 6)),
        ("May the 4th", day(4, 5)),
        ("eind v/d maand september", end(9)),
        ("maart 31", day(31, 3)),
        ("3/4/2026", day(3, 4, 2026)),
        ("3/4", day(3, 4)),
        ("één maart", day(1, 3)),
        ("eerste maart", day(1, 3)),
        ("de eerste van maart", day(1, 3)),
        ("first of March", day(1, 3)),
        ("the first of May", day(1, 5)),
        ("dertig juni", day(30, 6)),
        ("thirty June", day(30, 6)),
        ("eenendertig december 2026", day(31, 12, 2026)),
        ("the thirty-first of December", day(31, 12)),
        ("eerste dag van maart", day(1, 3)),
        ("eind juni", end(6)),
        ("Eind Juni.", end(6)),
        ("einde juni", end(6)),
        ("end of June", end(6)),
        ("the end of May", end(5)),
        ("end of the month of June", end(6)),
        ("ultimo juni", end(6)),
        ("per ultimo december", end(12)),
        ("laatste dag van juni", end(6)),
        ("de laatste dag van de maand juni", end(6)),
        ("last day of June", end(6)),
        ("the last day of June 2027", end(6, 2027)),
        ("eind juni 2026", end(6, 2026)),
        ("eind juni volgend jaar", end(6, 2027)),
        ("eind sept", end(9)),
        ("juni", month(6)),
        ("June 2027", month(6, 2027)),
        ("juni '27", month(6, 2027)),
        ("2027 juni", month(6, 2027)),
        ("mei", month(5)),
        ("May", month(5)),
        ("may", month(5)),
        ("In May.", month(5)),
        ("March", month(3)),
        ("March 2027", month(3, 2027)),
        ("sept", month(9)),
        ("dec.", month(12)),
        ("oktobr", month(10)),
        ("6/2027", month(6, 2027)),
        ("2027-06", month(6, 2027)),
        ("31 maart volgend jaar", day(31, 3, 2027)),
        ("31 March of this year", day(31, 3, 2026)),
        ("vorig jaar op 31 maart", day(31, 3, 2025)),
        ("29 februari", day(29, 2)),
        ("29 February 2028", day(29, 2, 2028)),
        ("vandaag", day(21, 11, 2026)),
        ("today", day(21, 11, 2026)),
        ("gisteren", day(20, 11, 2026)),
        ("yesterday", day(20, 11, 2026)),
        ("wij hebben gisteren getekend", day(20, 11, 2026)),
        ("ons boekjaar eindigt op 31 maart", day(31, 3)),
        ("ons boekjaar eindigt op 30-9", day(30, 9)),
        ("ons boekjaar eindigt in juni", month(6)),
        ("our financial year ends in March", month(3)),
        ("our year end is 30/06", day(30, 6)),
        ("our financial year end June 30", day(30, 6)),
        ("it ends on the 31st of March each year", day(31, 3)),
        ("ons boekjaar loopt tot en met 31 maart", day(31, 3)),
        ("we signed on 3 May last year", day(3, 5, 2025)),
        ("on 31 May we closed the year", day(31, 5)),
        ("we signed on May 3", day(3, 5)),
        ("30 juni, dus 30-6", day(30, 6)),
        ("eind juni, dus 30 juni", day(30, 6)),
        ("31 maart 2026 (31-3)", day(31, 3, 2026)),
        ("in maart, op 31 maart", day(31, 3)),
        ("niet het kalenderjaar maar 31 maart", day(31, 3)),
        ("wij zijn niet beursgenoteerd en ons boekjaar eindigt op 31 maart", day(31, 3)),
        ("31 maart om 10:30 uur", day(31, 3)),
        ("31 maart 10.30 uur", day(31, 3)),
        ("in juni 25 medewerkers", month(6)),
        ("31 maart, met 250 medewerkers", day(31, 3)),
        ("31 maart 2000 medewerkers", day(31, 3)),
        ("31 maart, KVK 12345678", day(31, 3)),
    ],
)
def test_a_date_is_read_in_either_language(text: str, expected: Written, language: str) -> None:
    assert find(text, language, TODAY) == expected


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "ja",
        "we report to the SER",
        "may we have a second report",
        "May we send it later",
        "First may we ask something",
        "you may register",
        "all 3 may register",
        "may 3 companies report together",
        "the first may be reported",
        "we may 3 times",
        "in the end may we stop",
        "march on",
        "it may or may not",
        "you may, or may not",
        "KVK 12 03 2002",
        "we march for equality",
        "naar Mars",
        "maar wij",
        "30 maar niet meer",
        "2 kaart",
        "Jan is onze contactpersoon",
        "Mijn naam is Jan de Vries",
        "eerste",
        "de tweede",
        "the second one",
        "de 31e",
        "the third",
        "12345678",
        "KVK 12345678",
        "KVK-nummer 20302026",
        "070 - 2002 532",
        "070-2002532",
        "070 2002 532",
        "06-12345678",
        "06 12 34 56 78",
        "06-12-34-56-78",
        "bel op 06 - 12 34 56 78",
        "25 miljoen",
        "€ 25.000",
        "25.000.000",
        "2,5 miljoen",
        "2.5",
        "250",
        "3",
        "31",
        "2000 medewerkers",
        "10:30",
        "om 10:30 uur",
        "10.30",
        "om 9.30 uur",
        "24/7 bereikbaar",
        "50/50",
        "60/40",
        "1/3 vrouwen",
        "minstens 1/3",
        "het aandeel is 1/3",
        "3-5 bedrijven",
        "10-12 maanden",
        "20/40/250",
        "artikel 2:142b",
        "1.2.3",
        "192.168.10.12",
        "https://voorbeeld.nl/2026-09-30/verslag",
        "iemand@maart.nl",
        "maandelijks",
        "goede morgen",
        "a quarter of the board",
        "31 maart " + "en verder " * 40,
    ],
)
def test_what_is_no_date(text: str, language: str) -> None:
    assert find(text, language, TODAY) is None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "text",
    [
        "next summer",
        "volgende zomer",
        "in het voorjaar",
        "in the spring",
        "binnenkort",
        "soon",
        "volgende maand",
        "next month",
        "last week",
        "vorige week maandag",
        "maandag",
        "last Friday",
        "eergisteren",
        "the day before yesterday",
        "morgen",
        "tomorrow",
        "begin juni",
        "beginning of June",
        "early June",
        "late March",
        "midden maart",
        "medio maart",
        "half maart",
        "mid-March",
        "tweede helft van juni",
        "eerste week van mei",
        "the last week of June",
        "laatste maandag van maart",
        "last Friday of June",
        "week van 3 maart",
        "Q3",
        "Q3 2026",
        "derde kwartaal",
        "third quarter",
        "ergens in mei",
        "sometime in May",
        "around March",
        "around 31 March",
        "rond 31 maart",
        "ongeveer 31 maart",
        "31 maart ongeveer",
        "31 maart of zo",
        "31 March or so",
        "na de zomer",
        "after the summer",
        "na 31 maart",
        "before the 31st of March",
        "drie weken geleden",
        "3 weeks ago",
        "over 3 maanden",
        "een maand na vandaag",
        "eind volgend jaar",
        "eind dit jaar",
        "end of this year",
        "end of next year",
        "eind 2026",
        "2025",
        "in 2025",
        "boekjaar 2025",
        "2025/2026",
        "2025-2026",
        "het kalenderjaar",
        "our year-end is different",
        "31 maart of 30 juni",
        "31 March or 30 June",
        "31 maart en 30 juni",
        "van 1 april tot en met 31 maart",
        "maart/april",
        "between March and April",
        "from March to May",
        "31 maart 2025 en 31 maart 2026",
        "31 maart 2025 en 2026",
        "31 maart 2025/2026",
        "ons boekjaar 2025 eindigt op 31 maart",
        "vorig jaar tekenden wij op 31 maart",
        "31 maart, komend jaar",
        "31 maart tweeduizend zesentwintig",
        "1-3 maart",
        "30/31 maart",
        "1 t/m 3 maart",
        "1 of 2 maart",
        "1 and 3 March",
        "March 1-3",
        "eind juni, 28 juni",
        "31 juni, nee 30 juni",
        "niet op 31 december",
        "ons boekjaar eindigt niet op 31 december",
        "it does not end on 31 December",
        "it doesn't end on 31 December",
        "31 maart is het niet",
        "250 maart",
        "31, maart",
        "maart, 31",
        "31 maart 2O26",
        "31 maart 20266",
        "March 2026 31",
        "van 1-7 tot 30-6",
        "01/01 - 31/12",
        "eerste en tweede maart",
        "in de loop van juni",
        "tegen eind juni",
        "FY2025",
        "kwartaal 3",
        "31 maart 26 voor ons",
    ],
)
def test_what_needs_a_question_back(text: str, language: str) -> None:
    assert isinstance(find(text, language, TODAY), Vague)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("31 juni", "31 juni"),
        ("op 31 juni dus", "31 juni"),
        ("June 31st", "June 31st"),
        ("30 februari", "30 februari"),
        ("30 February 2028", "30 February 2028"),
        ("29 februari 2026", "29 februari 2026"),
        ("February 29, 2026", "February 29, 2026"),
        ("31 april", "31 april"),
        ("45-13", "45-13"),
        ("per 45-13", "45-13"),
        ("31-6", "31-6"),
        ("31-06-2026", "31-06-2026"),
        ("45/13/2026", "45/13/2026"),
        ("2026-13-01", "2026-13-01"),
        ("2026-30-09", "2026-30-09"),
        ("45 maart", "45 maart"),
        ("0 maart", "0 maart"),
        ("June 45", "June 45"),
        ("eenendertig juni", "eenendertig juni"),
        ("thirty-first of June", "thirty-first of June"),
        ("31 maart 3026", "31 maart 3026"),
    ],
)
def test_a_date_that_no_calendar_has(text: str, written: str, language: str) -> None:
    assert find(text, language, TODAY) == Impossible(written)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("3/31/2026", "en", day(31, 3, 2026)),
        ("12/31", "en", day(31, 12)),
        ("12/31", "nl", Impossible("12/31")),
        ("4/3", "en", day(4, 3)),
        ("31/3", "en", day(31, 3)),
        ("31/13", "en", Impossible("31/13")),
        ("March 26", "en", day(26, 3)),
        ("September 26", "en", day(26, 9)),
        ("september 26", "nl", Vague("september 26")),
        ("juni 26", "nl", Vague("juni 26")),
        ("juni 26", "en", Vague("juni 26")),
        ("juni 3", "nl", day(3, 6)),
        ("eind juni of 5 juli", "nl", Vague("eind juni of 5 juli")),
        ("31 maart of eind van het jaar", "nl", Vague("31 maart")),
        ("eind van het jaar of 31 maart", "nl", Vague("31 maart")),
    ],
)
def test_where_the_language_matters(text: str, language: str, expected: object) -> None:
    assert find(text, language, TODAY) == expected


def test_all_months_and_numbers_in_words() -> None:
    for number in range(1, 13):
        for names in (DUTCH, ENGLISH):
            assert find(names[number - 1], "nl", TODAY) == month(number)
        for short in (DUTCH_SHORT[number - 1], ENGLISH[number - 1][:3]):
            assert find(f"12 {short}", "nl", TODAY) == find(f"12 {short}.", "en", TODAY) == day(12, number)
    for numbers in (DUTCH_NUMBERS, DUTCH_PLACES, ENGLISH_NUMBERS, ENGLISH_PLACES):
        for number, word in enumerate(numbers, 1):
            assert find(f"{word} januari", "en", TODAY) == day(number, 1)


@pytest.mark.parametrize("name", sorted({*DUTCH, *map(str.lower, ENGLISH)}))
def test_a_letter_wrong_in_a_month(name: str) -> None:
    """Missing, doubled, another, or two changed places: never another month, and read unless it is another word."""
    number = (DUTCH.index(name) if name in DUTCH else [n.lower() for n in ENGLISH].index(name)) + 1
    if len(name) < 5:
        return
    for at in range(1, len(name)):
        typos = {
            name[:at] + name[at + 1 :],
            name[:at] + name[at] + name[at:],
            name[:at] + "x" + name[at + 1 :],
            name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :],
        }
        for typo in typos - {"maar", "maat", "mart", "marc", "mach"}:
            assert find(f"12 {typo}", "nl", TODAY) == day(12, number), typo


def ways(when: date) -> list[str]:
    """A day with its year, written in many ways."""
    d, m, y = when.day, when.month, when.year
    dutch, english, short = DUTCH[m - 1], ENGLISH[m - 1], DUTCH_SHORT[m - 1]
    return [
        f"{d} {dutch} {y}",
        f"{d} {english} {y}",
        f"{english} {d}, {y}",
        f"{english} {place(d)}, {y}",
        f"the {place(d)} of {english} {y}",
        f"{d}e {dutch} {y}",
        f"{d} {short} '{y % 100}",
        f"{d} {short}. {y % 100}",
        f"{d}-{m}-{y}",
        f"{d:02}/{m:02}/{y}",
        f"{d}.{m}.{y % 100}",
        f"{d:02} {m:02} {y}",
        f"{d}-{short}-{y}",
        when.isoformat(),
        f"{DUTCH_NUMBERS[d - 1]} {dutch} {y}",
        f"de {DUTCH_PLACES[d - 1]} {dutch} {y}",
        f"the {ENGLISH_PLACES[d - 1]} of {english} {y}",
        f"{english} {ENGLISH_PLACES[d - 1]}, {y}",
        f"Ons boekjaar eindigt op {d} {dutch} {y}.",
        f"We signed on {english} {d}, {y}, in The Hague",
    ]


@pytest.mark.parametrize("year", range(2024, 2029))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_day_is_read_back_however_it_is_written(year: int, language: str) -> None:
    for number in range(366 if monthrange(year, 2)[1] == 29 else 365):
        when = date(year, 1, 1) + timedelta(days=number)
        for text in ways(when):
            assert find(text, language, TODAY) == day(when.day, when.month, when.year), text


@given(
    st.dates(date(2024, 1, 1), date(2028, 12, 31)),
    st.sampled_from(["", "ja, ", "Dat is ", "per ", "op ", "it ends on ", "Het boekjaar: "]),
    st.sampled_from(["", ".", " dus", " denk ik", ", dank u", " I think", "!"]),
    st.data(),
)
@settings(deadline=None, max_examples=300)
def test_a_day_is_read_back_among_other_words(when: date, before: str, after: str, data: st.DataObject) -> None:
    text = before + data.draw(st.sampled_from(ways(when))) + after
    for language in LANGUAGES:
        assert find(text, language, TODAY) == day(when.day, when.month, when.year), text


PIECES = [
    *words("0 1 3 12 31 45 2025 2026 - / . , ( ) ' : eind end of van de the maart may march mei jan"),
    *words("eerste first vandaag yesterday dit jaar this year Q3 niet or rond 26 '26 maert ultimo laatste dag"),
    " ", "  ", "\n", "é", "\ue003", "²", "٣", "İ", "ﬁ", "1/3", "e", "st",
]  # fmt: skip


@given(
    st.one_of(
        st.text(max_size=400),
        st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join),
        st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
    ),
    st.sampled_from(LANGUAGES),
    st.dates(date(1950, 1, 1), date(2150, 1, 1)),
)
@example("31" + " " * 400, "nl", TODAY)
@settings(deadline=None, max_examples=600)
def test_no_text_is_too_strange(text: str, language: str, today: date) -> None:
    found = find(text, language, today)
    assert is_answer(text, language) in {True, False}
    if isinstance(found, Written):
        assert today.year - 2 <= end_of_financial_year(found, today).year or found.year
        past_day(found, today)
    elif found is not None:
        assert found.written


@pytest.mark.parametrize(
    "text",
    [
        "1" + " " * 298 + "x",
        "1 " * 150,
        "31-" * 100,
        "31 maart " * 33,
        "eind van de maand " * 16,
        "the month of " * 23,
        "rond de " * 37,
        "a" * 300,
        "(" * 300,
        "en " * 100,
        "maart " * 50,
        "0 - " * 75,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    began = time.perf_counter()
    find(text[:LONGEST_TEXT], "nl", TODAY)
    is_answer(text, "nl")
    assert time.perf_counter() - began < 0.25


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("31 maart", True),
        ("ons boekjaar eindigt op 31 maart", True),
        ("ja, op 31 maart", True),
        ("May 31", True),
        ("may", True),
        ("May the 4th", True),
        ("March 31st, May 3rd", True),
        ("our financial year ends on the 31st of March", True),
        ("een twee drie vier vijf zes zeven acht negen tien elf twaalf", True),
        ("een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien", False),
        ("ons boekjaar eindigt op 31 maart, wanneer moeten wij rapporteren?", False),
        ("ons boekjaar eindigt op 31 maart, wanneer moeten wij rapporteren", False),
        ("31 maart?", False),
        ("wanneer is 31 maart", False),
        ("Moet het vóór 31 oktober", False),
        ("kan het ook op 31 maart", False),
        ("mag 31 maart ook", False),
        ("is 31 maart goed", False),
        ("hoe gaat het vandaag", False),
        ("what if it ends on 31 March", False),
        ("When is 31 October", False),
        ("do we report on 31 October", False),
        ("can it be 31 March", False),
        ("may we report on 31 March", False),
        ("en wanneer dan", False),
        ("31 March. What now", False),
        ("", False),
        ("  ", False),
        ("x" * (LONGEST_TEXT + 1), False),
    ],
)
def test_an_answer_is_hardly_more_than_a_date(text: str, answers: bool, language: str) -> None:
    assert is_answer(text, language) is answers


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        (date(2026, 9, 30), 10, date(2027, 7, 30)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 3, 31), 10, date(2027, 1, 31)),
        (date(2026, 12, 31), 10, date(2027, 10, 31)),
        (date(2026, 4, 30), 10, date(2027, 2, 28)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2026, 1, 31), 0, date(2026, 1, 31)),
        (date(2026, 1, 31), -2, date(2025, 11, 30)),
    ],
)
def test_months_are_counted_by_the_number_of_the_day(start: date, months: int, expected: date) -> None:
    assert add_months(start, months) == expected


@pytest.mark.parametrize(
    ("written", "today", "expected"),
    [
        (day(31, 3, 2020), TODAY, date(2020, 3, 31)),
        (day(31, 3, 2030), TODAY, date(2030, 3, 31)),
        (month(6, 2027), TODAY, date(2027, 6, 30)),
        (end(2, 2028), TODAY, date(2028, 2, 29)),
        (day(31, 3), TODAY, date(2026, 3, 31)),
        (day(31, 12), date(2026, 10, 31), date(2025, 12, 31)),
        (day(31, 12), date(2026, 11, 1), date(2026, 12, 31)),
        (day(31, 12), TODAY, date(2026, 12, 31)),
        (day(31, 1), date(2026, 11, 30), date(2026, 1, 31)),
        (day(31, 1), date(2026, 12, 1), date(2027, 1, 31)),
        (day(30, 9), date(2026, 7, 30), date(2025, 9, 30)),
        (day(30, 9), date(2026, 7, 31), date(2026, 9, 30)),
        (end(6), TODAY, date(2026, 6, 30)),
        (month(6), TODAY, date(2026, 6, 30)),
        (month(2), date(2028, 12, 1), date(2028, 2, 29)),
        (day(29, 2), TODAY, date(2026, 2, 28)),
        (day(29, 2), date(2028, 5, 1), date(2028, 2, 29)),
        (day(29, 2, 2026), TODAY, date(2026, 2, 28)),
        (day(29, 2, 2028), TODAY, date(2028, 2, 29)),
        (day(28, 2), date(2028, 5, 1), date(2028, 2, 28)),
    ],
)
def test_the_financial_year_whose_report_is_due_next(written: Written, today: date, expected: date) -> None:
    assert end_of_financial_year(written, today) == expected


@given(st.dates(date(2023, 1, 1), date(2032, 12, 31)), st.dates(date(2020, 1, 1), date(2033, 1, 1)))
@settings(deadline=None)
def test_without_a_year_no_report_is_skipped(when: date, today: date) -> None:
    """The report of that year is still to come, and the one of the year before is not."""
    found = end_of_financial_year(day(when.day, when.month), today)
    assert add_months(found, 10) >= today
    if (when.month, when.day) != (2, 29):
        assert add_months(found.replace(year=found.year - 1), 10) < today


def test_a_day_that_does_not_exist_is_no_end() -> None:
    with pytest.raises(ValueError, match="day"):
        end_of_financial_year(day(31, 6), TODAY)


@pytest.mark.parametrize(
    ("written", "today", "expected"),
    [
        (day(3, 3), TODAY, date(2026, 3, 3)),
        (day(21, 11), TODAY, TODAY),
        (day(22, 11), TODAY, date(2025, 11, 22)),
        (day(29, 2), TODAY, date(2024, 2, 29)),
        (day(29, 2), date(1904, 2, 28), date(1896, 2, 29)),
        (day(3, 3, 2024), TODAY, date(2024, 3, 3)),
        (day(3, 3, 2030), TODAY, date(2030, 3, 3)),
        (month(3), TODAY, None),
        (month(3, 2026), TODAY, None),
        (end(3), TODAY, None),
        (day(29, 2, 2026), TODAY, None),
        (day(31, 6), TODAY, None),
    ],
)
def test_the_most_recent_such_day(written: Written, today: date, expected: date | None) -> None:
    assert past_day(written, today) == expected
