"""What is said to a step: an answer is taken however it is said, and a question in the middle is never swallowed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.answers.knowledge import LANGUAGES, load, normal_form
from bot.answers.rendering import answer
from bot.conversations.store import Context
from bot.guides import machine
from bot.guides.guides import Guide, Option, Step
from bot.guides.guiding import Said, open_guiding
from bot.guides.understanding import (
    LONGEST_TEXT,
    YEARS_AHEAD,
    YEARS_BACK,
    Given,
    Move,
    Reading,
    Unclear,
    meaning,
    option_told,
    read,
)
from bot.guides.walking import states
from bot.messages import GuideState
from bot.settings import settings as config
from bot.texts import catalogue

TODAY = date(2026, 11, 21)
KNOWLEDGE = load(config().knowledge_dir)
GUIDING = open_guiding(config().knowledge_dir, KNOWLEDGE)
GUIDES = GUIDING.guides.guides
STEPS = {f"{guide.id}/{step.id}": step for guide in GUIDES.values() for step in guide.steps}
OPTIONS = [(name, option) for name, step in STEPS.items() for option in step.options]


def of_kind(kind: str) -> list[str]:
    return [name for name, step in STEPS.items() if step.kind == kind]


every_step = pytest.mark.parametrize("name", STEPS)
every_tell = pytest.mark.parametrize("name", of_kind("tell"))
every_choice = pytest.mark.parametrize("name", of_kind("choice"))
every_date = pytest.mark.parametrize("name", of_kind("date"))
every_option = pytest.mark.parametrize(("name", "option"), OPTIONS, ids=[f"{name}={o.id}" for name, o in OPTIONS])
YEAR_ENDS = [n for n, s in STEPS.items() if s.reads == "financial-year-end"]
every_year_end = pytest.mark.parametrize("name", YEAR_ENDS)
every_past_day = pytest.mark.parametrize("name", [n for n, s in STEPS.items() if s.reads == "past-day"])


def readings(name: str, text: str) -> list[Reading | None]:
    """What a step takes a text for, in a Dutch and in an English conversation."""
    return [read(STEPS[name], text, language, TODAY) for language in LANGUAGES]


def reads_as(name: str, text: str, expected: Reading | None) -> None:
    assert readings(name, text) == [expected, expected], text


# -- a choice


@every_option
def test_an_option_by_its_title(name: str, option: Option) -> None:
    for title in option.title.values():
        for text in (title, title.upper(), title.lower(), f"{title}.", f" {title}! "):
            reads_as(name, text, Given(option.id))


@every_option
def test_an_option_by_each_of_its_words(name: str, option: Option) -> None:
    for phrase in option.words:
        for text in (phrase, phrase.upper(), f"{phrase}.", phrase.replace("'", "’")):
            reads_as(name, text, Given(option.id))


@every_option
def test_an_option_by_its_words_within_a_sentence(name: str, option: Option) -> None:
    """Words that add nothing may stand around it; anything else may change what is said."""
    for phrase in option.words:
        if len(phrase.split()) <= 6:
            for text in (f"Nou, {phrase} hoor", f"Well, {phrase} already"):
                reads_as(name, text, Given(option.id))
            assert readings(name, f"Tja, {phrase} eigenlijk") == [None, None], phrase


# fmt: off
NEGATIVE = {"niet", "geen", "nooit", "niemand", "not", "no", "never", "don", "dont", "doesn", "aren", "haven",
            "neither", "none", "nobody"}
# fmt: on


@every_option
def test_a_yes_or_a_no_in_front_of_the_words_of_an_option(name: str, option: Option) -> None:
    """ "Ja, wij zijn een stichting" says one thing. "Ja, die heb ik niet" says two: that is for nobody."""
    for phrase in option.words:
        negative = bool(NEGATIVE & set(normal_form(phrase).split()))
        for first, opposite in (("ja", ("deny", True)), ("no", ("affirm", False))):
            reads_as(name, f"{first}, {phrase}", None if (option.means, negative) == opposite else Given(option.id))


@every_choice
def test_an_option_by_its_number(name: str) -> None:
    options = STEPS[name].options
    dutch, english = ("eerste", "tweede", "derde", "vierde", "vijfde"), ("first", "second", "third", "fourth", "fifth")
    for at, option in enumerate(options):
        ways = [f"{at + 1}", f"{at + 1}.", f"nummer {at + 1} graag", f"option {at + 1} please", f"de {dutch[at]}"]
        for text in [*ways, f"the {english[at]} one", f"Doe de {dutch[at]} maar"]:
            reads_as(name, text, Given(option.id))
    for text in ("de laatste", "the last one"):
        reads_as(name, text, Given(options[-1].id))
    for text in ("de zesde", "number 6", "6", "9", "9.", "42"):
        reads_as(name, text, Unclear("guide.unclear.place"))


YES = ("ja", "Ja!", "ja hoor", "jazeker", "klopt", "yes", "Yes.", "yep", "that's right", "ja graag")
NO = ("nee", "Nee.", "nee hoor", "nog niet", "no", "No!", "nope", "not yet", "nee bedankt")
UNKNOWN = ("weet ik niet", "Geen idee.", "I don't know", "I don’t know", "not sure", "dat weet ik niet")


@every_choice
@pytest.mark.parametrize(("means", "said"), [("affirm", YES), ("deny", NO), ("unknown", UNKNOWN)])
def test_an_option_by_what_it_means(name: str, means: str, said: tuple[str, ...]) -> None:
    meant = next((option.id for option in STEPS[name].options if option.means == means), None)
    asked_back = Unclear("guide.unclear.unknown") if means == "unknown" else Unclear("guide.unclear.which")
    for text in said:
        reads_as(name, text, Given(meant) if meant else asked_back)


NEGATIONS = ("het is niet zo dat {}", "nooit {}", "er is geen sprake van {}", "it is not true that {}", "never {}",
             "we haven't {}", "I don't think {}")  # fmt: skip
DENIES = {"niet", "geen", "nooit", "no", "not", "never", "t", "dont", "neither", "none", "nobody", "nog", "niemand"}


@every_option
def test_words_that_are_denied_are_not_the_option(name: str, option: Option) -> None:
    for phrase in option.words:
        if DENIES & set(normal_form(phrase).split()):
            continue
        for sentence in NEGATIONS:
            assert Given(option.id) not in readings(name, sentence.format(phrase)), sentence.format(phrase)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("charter/where", "wij hebben nog niet getekend"),
        ("charter/where", "we haven't signed yet"),
        ("charter/where", "we are not a signatory"),
        ("charter/where", "het plan is niet ingediend"),
        ("charter/where", "niemand heeft getekend"),
        ("charter/where", "nobody has signed on yet"),
        ("charter/where", "nothing has been signed on our side"),
        ("charter/where", "wij hebben bijna getekend"),
        ("charter/where", "zodra wij getekend hebben"),
        ("activation/code", "ik heb de code niet"),
        ("law/listed", "wij zijn nog niet beursgenoteerd"),
    ],
)
def test_what_is_not_so_or_not_yet_is_not_taken_for_done(name: str, text: str) -> None:
    positive = {"charter/where": {"signed", "plan-in"}, "activation/code": {"has-code"}, "law/listed": {"listed"}}[name]
    assert not {r.value for r in readings(name, text) if isinstance(r, Given)} & positive


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("charter/where", "Wij hebben op 3 maart getekend", "signed"),
        ("charter/where", "we signed in May", "signed"),
        ("charter/where", "akkoord, maar nog niet getekend", "agreed"),
        ("activation/code", "nee, die hebben we nog niet", "no-code"),
        ("activation/code", "ja, die heb ik", "has-code"),
        ("activation/accounts", "nee, geen van ons", "none-has-account"),
        ("activation/group", "wij zijn een dochter van een holding", "member"),
        ("law/listed", "Nee, wij zijn niet beursgenoteerd", "not-listed"),
        ("law/assets", "geen van beide", "neither"),
        ("law/legal-form", "Wij zijn een stichting", "other"),
        ("law/legal-form", "het is onze BV", "bv"),
        ("law/legal-form", "Wij zijn een cooperatie", "other"),
        ("law/assets", "op de laatste niet, maar daarvoor wel", "previous"),
        ("activation/accounts", "ik wel, maar mijn collega nog niet", "one-has-account"),
        ("activation/financial-year", "het eindigt niet op 31 december", "broken"),
        ("charter/where", "Wij hebben op 3 maart het Charter getekend", "signed"),
    ],
)
def test_what_people_say(name: str, text: str, expected: str) -> None:
    reads_as(name, text, Given(expected))


every_year_choice = pytest.mark.parametrize("name", ["activation/financial-year", "law/financial-year"])


@every_year_choice
def test_a_date_alone_says_that_the_year_is_broken(name: str) -> None:
    for text in ("31 maart", "30 June", "eind september", "op 30-6", "ons boekjaar eindigt op 28 februari"):
        reads_as(name, text, Given("broken"))
    reads_as(name, "31 maart?", None)


@every_year_choice
@pytest.mark.parametrize(
    "text",
    ["31 december", "31-12", "op 31 december", "December 31st", "it ends on 31 December", "eind december",
     "31 dec 2026"],
)  # fmt: skip
def test_31_december_is_the_end_of_a_calendar_year(name: str, text: str) -> None:
    reads_as(name, text, Given("calendar"))


@every_year_choice
def test_a_date_that_does_not_tell_the_year_is_asked_back(name: str) -> None:
    for text in ("1 april tot en met 31 maart", "next summer", "rond 31 maart", "30 juni of 30 september"):
        reads_as(name, text, Unclear("guide.unclear.which"))
    for text in ("31 juni", "30 February"):
        reads_as(name, text, Unclear("guide.unclear.impossible", written=text))


def test_two_options_at_once_are_none() -> None:
    step = STEPS["law/legal-form"]
    assert option_told(step, "een nv. een bv.", "nl", TODAY) is None
    assert option_told(step, "een bv. Wat nu?", "nl", TODAY) == "bv"
    for text in ("een nv en een bv", "een nv. een bv.", "nv of bv", "een bv, nee een nv"):
        reads_as("law/legal-form", text, None)
    for text in ("ja ik heb hem niet", "Ja, ik heb hem niet.", "nee, ik heb de code", "yes I don't have it"):
        reads_as("activation/code", text, None)


def test_the_words_of_an_option_in_one_clause() -> None:
    step = STEPS["charter/where"]
    assert option_told(step, "Wij hebben op 3 maart getekend, wat moeten we nu doen?", "nl", TODAY) == "signed"
    assert option_told(step, "We have signed on 3 March, what now?", "en", TODAY) == "signed"
    assert option_told(step, "Wat kost het?", "nl", TODAY) is None
    assert option_told(step, "My director wants proof that we signed the Charter.", "en", TODAY) is None


# -- something to read


@every_tell
def test_on_from_something_to_read(name: str) -> None:
    for text in ("verder", "Verder.", "next", "NEXT!", "klaar", "volgende", "gelukt", "done", *YES):
        reads_as(name, text, Move("next"))
    for text in NO:
        reads_as(name, text, Unclear("guide.unclear.not_now"))
    for text in UNKNOWN:
        reads_as(name, text, Unclear("guide.unclear.unknown"))
    for text in ("2", "de tweede", "31 maart", "kalenderjaar"):
        reads_as(name, text, None)


# -- at every step

MOVES = {
    "next": ("verder", "ga verder", "volgende stap", "next", "continue"),
    "back": ("terug", "Terug!", "een stap terug", "back", "Go back.", "vorige"),
    "skip": ("overslaan", "sla over", "skip", "Skip this step."),
    "where": ("waar was ik", "Waar was ik?", "waar waren we gebleven?", "where was I", "Where was I?", "repeat"),
    "restart": ("opnieuw", "begin opnieuw", "start over", "Start over!", "vanaf het begin"),
    "stop": ("stop", "STOP", "ik wil stoppen", "laat maar", "never mind", "cancel"),
    "later": ("later", "later verder", "Ik ga later verder.", "continue later", "save it for later"),
}


@pytest.mark.parametrize("move", MOVES)
def test_the_ways_through_a_guide(move: str) -> None:
    for name in STEPS:
        for text in MOVES[move]:
            reads_as(name, text, Move(move))


@every_step
def test_the_title_of_every_button_moves(name: str) -> None:
    """Who types what stands on a button gets what the button does."""
    for language in LANGUAGES:
        for key, move in {"next": "next", "skip": "skip", "back": "back", "later": "later", "stop": "stop"}.items():
            assert read(STEPS[name], catalogue(language)[f"guide.{key}"], language, TODAY) == Move(move)
        assert read(STEPS[name], catalogue(language)["guide.restart"], language, TODAY) == Move("restart")


@pytest.mark.parametrize(
    "text",
    [
        "ja maar hoe zit het met de kosten?",
        "Ja, maar hoe zit het met onze groep?",
        "ja maar hoe zit het met de kosten",
        "nee, wat is een KVK-nummer?",
        "nee wat is een kvk nummer",
        "nee, waar vind ik dat",
        "yes but what about the costs?",
        "yes but what about the costs",
        "no, what is a KVK number?",
        "no what is a kvk number",
        "Wat is het ingroeiquotum?",
        "hoe lang duurt het nog",
        "stop met mij te mailen over de rapportage",
        "kan ik terug als ik iets vergeet?",
        "kan ik later verder met de rapportage in het portaal?",
        "",
        "   ",
        "?",
        "👍",
        "verder " * 60,
        "ja " * 120,
    ],
)
def test_what_is_none_of_a_steps_business(text: str) -> None:
    assert {name: readings(name, text) for name in STEPS if readings(name, text) != [None, None]} == {}


@pytest.mark.parametrize(
    "text",
    [
        "ok stop",
        "nee stop",
        "ok terug",
        "nee terug",
        "nee, ga terug",
        "ok, later",
        "ja opnieuw",
        "ja ik heb een vraag",
        "yes I have a question",
        "nee ik wil eerst iets vragen",
        "ja ik begrijp het niet",
        "ok ik snap het niet",
        "oke ik wil een medewerker spreken",
        "nee ik wil een medewerker spreken",
        "ja bel mij terug",
        "no call me back",
        "no letter received",
        "no new account needed",
        "no-obligation talk about charter",
        "no longer large under the criteria",
        "correct submitted report",
    ],
)
def test_a_yes_or_no_in_front_of_something_else_is_no_answer(text: str) -> None:
    """What follows is a move, a request or a question: it is not a yes to the step, and not a no."""
    found = {(name, reading) for name in STEPS for reading in readings(name, text) if reading is not None}
    assert {(name, r) for name, r in found if not isinstance(r, Move) or r.to == "next"} == set()


WORDS = normal_form("""
    ja nee niet 2 de 31 maart getekend code no verder é kalenderjaar may yes 1 one juni vandaag stop
""").split()
SIGNS = ("?", "’", "\x00", "!", "-")


@given(
    st.sampled_from(list(STEPS)),
    st.one_of(st.text(max_size=400), st.lists(st.sampled_from([*WORDS, *SIGNS]), max_size=14).map(" ".join)),
    st.sampled_from(LANGUAGES),
)
@settings(max_examples=600, deadline=None)
def test_no_text_is_too_strange(name: str, text: str, language: str) -> None:
    """Whatever is read can be done, or can be said."""
    step = STEPS[name]
    reading = read(step, text, language, TODAY)
    if isinstance(reading, Given):
        assert step.option(reading.value) if step.kind == "choice" else date.fromisoformat(reading.value)
    elif isinstance(reading, Unclear):
        assert reading.key in catalogue(language)
    elif isinstance(reading, Move):
        assert reading.to in MOVES
    if len(text.strip()) > LONGEST_TEXT:
        assert reading is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, "affirm") for text in YES),
        *((text, "deny") for text in NO),
        *((text, "unknown") for text in UNKNOWN),
        ("ja, dat heb ik gedaan", "affirm"),
        ("nee, dat is nog niet gelukt", "deny"),
        ("misschien", None),
        ("", None),
        ("ja maar", None),
        ("nee, tenzij het moet", None),
        ("ja en hoe dan", None),
        ("ja ja ja ja ja ja ja", "affirm"),
        ("ja ja ja ja ja ja ja ja", None),
    ],
)
def test_yes_no_or_unknown(text: str, expected: str | None) -> None:
    assert meaning(text) == expected


# -- a date


@every_year_end
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("31 maart", "2026-03-31"),
        ("March 31", "2026-03-31"),
        ("ja, op 31 maart", "2026-03-31"),
        ("Ons boekjaar eindigt op 30 september.", "2026-09-30"),
        ("our financial year ends at the end of June", "2026-06-30"),
        ("eind juni", "2026-06-30"),
        ("juni", "2026-06-30"),
        ("31 maart 2025", "2025-03-31"),
        ("29 februari", "2026-02-28"),
        ("29 februari 2024", "2024-02-29"),
        ("eind februari 2028", "2028-02-29"),
        ("31 januari", "2026-01-31"),
        ("kalenderjaar", "2026-12-31"),
        ("Het kalenderjaar.", "2026-12-31"),
        ("calendar year", "2026-12-31"),
        ("31 december", "2026-12-31"),
    ],
)
def test_the_end_of_a_financial_year(name: str, text: str, expected: str) -> None:
    reads_as(name, text, Given(expected))


@pytest.mark.parametrize("name", YEAR_ENDS[:1])
@pytest.mark.parametrize(
    "text",
    [
        "geen kalenderjaar",
        "niet het kalenderjaar",
        "not the calendar year",
        "wij hebben geen kalenderjaar",
        "Wij hebben een boekjaar dat niet gelijk loopt met het kalenderjaar.",
        "report deadline non-calendar year 10 months after end date",
    ],
)
def test_what_is_not_the_calendar_year_does_not_end_on_31_december(name: str, text: str) -> None:
    assert Given("2026-12-31") not in readings(name, text)


@every_past_day
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 maart", "2026-03-03"),
        ("the 3rd of March", "2026-03-03"),
        ("we signed on March 3rd, 2025", "2025-03-03"),
        ("3-3-2024", "2024-03-03"),
        ("gisteren", "2026-11-20"),
        ("today", "2026-11-21"),
        ("21 november", "2026-11-21"),
        ("22 november", "2025-11-22"),
        ("29 februari", "2024-02-29"),
        ("2 juli 2015", "2015-07-02"),
    ],
)
def test_a_day_that_is_past(name: str, text: str, expected: str) -> None:
    reads_as(name, text, Given(expected))


@every_past_day
def test_a_month_is_no_day(name: str) -> None:
    for text in ("maart", "March 2026", "eind juni"):
        reads_as(name, text, Unclear("guide.unclear.day"))


@every_date
@pytest.mark.parametrize(
    "text",
    ["next summer", "volgend jaar", "1 april tot en met 31 maart", "31 maart of 30 juni", "rond 31 maart", "in 2025",
     "niet op 31 maart", "morgen"],
)  # fmt: skip
def test_a_vague_date_is_asked_back(name: str, text: str) -> None:
    reads_as(name, text, Unclear(f"guide.unclear.{STEPS[name].reads}"))


@every_past_day
def test_a_calendar_year_is_no_day(name: str) -> None:
    reads_as(name, "kalenderjaar", Unclear("guide.unclear.past-day"))


@every_date
@pytest.mark.parametrize("text", ["31 juni", "30 February", "31 april 2026", "31 maart 9999", "29 februari 2026"])
def test_a_date_that_does_not_exist_is_named(name: str, text: str) -> None:
    reads_as(name, text, Unclear("guide.unclear.impossible", written=text))


@every_date
def test_a_year_far_away_is_asked_back(name: str) -> None:
    for year in (1950, TODAY.year - YEARS_BACK - 1, TODAY.year + YEARS_AHEAD[str(STEPS[name].reads)] + 1, 2040, 2199):
        reads_as(name, f"31 maart {year}", Unclear("guide.unclear.year", written=str(year)))
    for year in (TODAY.year - YEARS_BACK, TODAY.year, TODAY.year + YEARS_AHEAD[str(STEPS[name].reads)]):
        reads_as(name, f"31 maart {year}", Given(f"{year}-03-31"))


@every_date
def test_yes_and_no_are_no_date(name: str) -> None:
    for text in (*YES, *NO):
        if text != "klopt":  # Which may begin a question: "klopt 31 maart".
            reads_as(name, text, Unclear(f"guide.unclear.{STEPS[name].reads}"))
    for text in UNKNOWN:
        reads_as(name, text, Unclear("guide.unclear.unknown"))
    for text in ("2", "de tweede", "31", "2026 medewerkers"):
        reads_as(name, text, None)


@every_date
@pytest.mark.parametrize(
    "text",
    ["31 maart?", "wanneer is 31 maart", "is 31 oktober de uiterste datum", "31 maart, wat als dat een zondag is",
     "kan het ook na 31 oktober", "what if it is 31 March"],
)  # fmt: skip
def test_a_question_with_a_date_is_no_date(name: str, text: str) -> None:
    reads_as(name, text, None)


@pytest.mark.parametrize(
    "text",
    [
        "threshold increase 13 March 2024",
        "1 januari 2022 diversiteitswet",
        "SER 24 september 2024",
        "wet vervalt 2030",
        "indexation size criteria 2024",
        "bijeenkomst werkgevers 21 maart dag tegen racisme en discriminatie",
        "Er zit een fout in het rapport dat ik gisteren heb verstuurd.",
        "nummer portaal svp, ik moet vandaag nog rapporteren",
        "Wij willen volgend jaar meedoen met Diversity Day en zoeken informatie.",
    ],
)
def test_a_question_about_something_on_a_date_is_no_date(text: str) -> None:
    """All are questions of the knowledge."""
    steps = [*of_kind("date"), "activation/financial-year", "law/financial-year"]
    assert {name: readings(name, text) for name in steps if readings(name, text) != [None, None]} == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("charter/where", "My director wants proof that we signed the Charter."),
        ("charter/where", "scan en bevestiging ondertekend charter"),
        ("charter/where", "kun je er ook weer vanaf als je getekend hebt"),
        ("charter/where", "ok we signed, what do you do for us now"),
        ("activation/code", "Wij hebben het format voor ons plan nog niet gekregen."),
        ("activation/code", "We don't know which of us to put forward."),
        ("activation/code", "account invitation e-mail not received"),
        ("activation/accounts", "Onze bestuursvoorzitter en onze CEO willen allebei het Charter tekenen."),
        ("activation/accounts", "neither man nor woman count sub-top"),
        ("activation/financial-year", "Er zit een fout in het rapport dat ik gisteren heb verstuurd."),
        ("law/financial-year", "My account stopped working yesterday."),
        ("law/legal-form", "wanner telt een bv als grote vennotschap"),
        ("law/legal-form", "Ik heb geen idee wat de Diversiteitswet is."),
        ("law/assets", "I have no idea what the Diversiteitswet is."),
        ("law/group", "Only the parent company got an activation code."),
    ],
)
def test_a_question_that_has_the_words_of_an_option_is_no_answer(name: str, text: str) -> None:
    """All are questions of the knowledge."""
    reads_as(name, text, None)


# -- the property that matters most: no question of the knowledge is swallowed

SAMPLED = 4
"""So many pairs of each topic, evenly spread."""
MOST_TAKEN = 0.005


@cache
def sample() -> list[tuple[str, str]]:
    """Questions of every topic in both languages, as (language, text)."""
    found = []
    for topic in KNOWLEDGE.topics.values():
        stride = max(1, len(topic.questions) // SAMPLED)
        pairs = topic.questions[::stride]
        assert len(pairs) >= 3
        found += [(language, pair[language]) for pair in pairs for language in LANGUAGES]
    return found


# fmt: off
MAY_STAND_BY_A_DATE = frozenset(normal_form("""
    ja nee yes no ok oke op per in eind einde van het de dat is ons onze boekjaar eindigt wij we hebben dus denk ik
    getekend tekenden ingediend end of on the our it that financial year ends signed handed st nd rd th 1e
    januari februari maart april mei juni juli augustus september oktober november december january february march
    may june july august october vandaag gisteren today yesterday kalenderjaar calendar
""").split())
# fmt: on


def is_hardly_more_than_an_answer(step: Step, text: str) -> bool:
    """Whether a text is one of the step's own, give or take a word; or hardly more than a date, a yes or a no."""
    plain = normal_form(text)
    words = plain.split()
    if all(word.isdigit() or word in MAY_STAND_BY_A_DATE for word in words):
        return True
    for option in step.options:
        for phrase in map(normal_form, [*option.title.values(), *option.words]):
            if f" {phrase} " in f" {plain} " and len(words) - len(phrase.split()) <= 1:
                return True
    return False


@cache
def taken(name: str) -> dict[str, Reading]:
    """The questions of the sample that a step takes for itself."""
    read_as = {text: read(STEPS[name], text, language, TODAY) for language, text in sample()}
    return {text: reading for text, reading in read_as.items() if reading is not None}


@every_step
def test_no_question_is_swallowed(name: str) -> None:
    swallowed = {t: r for t, r in taken(name).items() if not is_hardly_more_than_an_answer(STEPS[name], t)}
    assert swallowed == {}


def test_hardly_any_question_is_taken() -> None:
    """Also not those that read as an answer; they are printed."""
    every = {(name, text): reading for name in STEPS for text, reading in taken(name).items()}
    for (name, text), reading in every.items():
        print(f"{name}: {text!r} is taken for {reading}")
    assert len(every) < MOST_TAKEN * len(STEPS) * len(sample())


def first_states() -> Iterator[tuple[Guide, GuideState]]:
    """The first state that is met of each step that waits."""
    for guide in GUIDES.values():
        met: set[str] = set()
        for state in states(guide):
            if state.step not in met and machine.at(guide, state).kind != "end":
                met.add(state.step)
                yield guide, state


@pytest.mark.parametrize(("guide", "state"), [pytest.param(g, s, id=f"{g.id}/{s.step}") for g, s in first_states()])
def test_after_an_answer_the_step_is_asked_again(guide: Guide, state: GuideState) -> None:
    for topic in KNOWLEDGE.topics.values():
        for language in LANGUAGES:
            context = Context("c", language, "assistant", 0, None, 0, guides=(state,), text=topic.title[language])
            given = answer(topic, KNOWLEDGE, language, TODAY)
            first, again = GUIDING.after(Said(context, language, TODAY), [given])
            assert first is given
            assert (again.kind, again.language, again.memory.guide) == ("guide", language, state)
            assert again.progress == machine.progress(guide, state)
            assert machine.at(guide, state).title[language] in again.text
            assert again.memory.last_topic is None and not again.memory.forget_topic
