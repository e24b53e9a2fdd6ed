"""Being led through a guide over the API: every way of answering, everything that comes in between, and coming back."""

from __future__ import annotations

import io
import re
import signal
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from functools import cache

import httpx
import pytest
from icalendar import Calendar
from pypdf import PdfReader

from bot.answers.knowledge import load
from bot.guides.dates import add_months
from bot.guides.guides import Guide, Guides, Step
from bot.guides.guiding import open_guiding
from bot.helpdesk.hours import AMSTERDAM
from bot.settings import settings
from bot.texts import LANGUAGES, text
from bot.texts.days import in_words
from tests.conftest import Visitor
from tests.e2e.conversing import asked_back_about, check_problem, within_the_hour
from tests.running import System

PORTAL, CHARTER = "070 - 2002 532", "070 - 3 499 576"
CODE = "AB12-CD34-EF56"
GO_ON = {"nl": "verder", "en": "next"}
GO_BACK = {"nl": "terug", "en": "back"}
LEAD = {
    "activation": {"nl": "Loods me stap voor stap door de aanmelding", "en": "Guide me step by step in registering"},
    "charter": {"nl": "Loop het Chartertraject met mij door", "en": "Walk me through the Charter process"},
    "law": {"nl": "Loop met mij na of de wet voor ons geldt", "en": "Go through with me whether the law applies to us"},
}  # fmt: skip


@cache
def guides() -> Guides:
    folder = settings().knowledge_dir
    return open_guiding(folder, load(folder)).guides


def guide(id_: str) -> Guide:
    return guides().guides[id_]


def step_of(guide_: str, id_: str) -> Step:
    return next(step for step in guide(guide_).steps if step.id == id_)


def today() -> date:
    return datetime.now(AMSTERDAM).date()


def button(message: dict, title: str) -> dict:
    """The button with this title."""
    return next(button for button in message["buttons"] if button["title"] == title)


def begun(system: System, guide_: str, language: str = "nl") -> Visitor:
    """A visitor at the first step of a guide."""
    visitor = Visitor(system, language)
    visitor.press(button(visitor.opening[0], text("guide.offer", language, title=guide(guide_).title[language])))
    return visitor


def last(visitor: Visitor) -> dict:
    """The last message."""
    return visitor.messages(limit=200)[-1]


def taken(visitor: Visitor, *said: str) -> dict:
    """Says one thing after the other, each for the guide alone; gives the last reply."""
    reply = {}
    for words in said:
        replies = visitor.say(words)
        assert [reply["kind"] for reply in replies] == ["guide"], f"{words}: {replies}"
        reply = replies[0]
    return reply


def at(reply: dict, guide_: str, step: str, *, again: bool = False) -> dict:
    """The reply is this step, whole or once more in short; gives the reply."""
    expected, language = step_of(guide_, step), reply["language"]
    title = expected.title[language]
    where = reply["progress"]
    lead = text("guide.again", language, **where, title=title) if again else f"**{title}**"
    assert reply["kind"] == "guide" and reply["sender"] == "assistant"
    assert lead in reply["text"], reply["text"]
    assert [button["title"] for button in reply["buttons"]] == titles(expected, guide_, language)
    assert 1 <= where["step"] <= where["of"]
    return reply


def titles(step: Step, guide_: str, language: str) -> list[str]:
    """What the buttons of a step say."""
    names = ("next", "skip", "back", "later", "stop", "person", "restart")
    of = {name: text(f"guide.{name}", language) for name in names}
    if step.kind == "end":
        return [of["restart"], of["person"]]
    ways = [option.title[language] for option in step.options]
    ways += [of["next"]] * (step.kind == "tell") + [of["skip"]] * step.optional
    ways += [of["back"]] * (step.id != guide(guide_).steps[0].id)
    return [*ways, of["later"], of["stop"], of["person"]]


# Every guide from its first step to its last


Way = Sequence[tuple[str | None, str, str, str]]
ON = (None, "verder", "next")
WAYS: dict[str, tuple[str, Way]] = {
    "activation": ("activation", [
        ("has-code", "ja, die heb ik", "yes, I have it", "register"),
        (None, "gedaan", "done", "contacts"),
        (*ON, "accounts"),
        ("both-have-account", "de eerste", "the first one", "login"),
        (None, "ja", "yes", "intake"),
        (*ON, "financial-year"),
        ("calendar", "Ja, het is het kalenderjaar", "it's the calendar year", "year-calendar"),
        (None, "volgende stap", "go on", "group"),
        ("not-in-group", "nee", "no", "start-report"),
    ]),
    "activation, the long way": ("activation", [
        ("no-code", "nee, die hebben we niet", "no", "code-missing"),
        (*ON, "register"),
        (*ON, "contacts"),
        (*ON, "accounts"),
        ("one-has-account", "2", "2", "account-create"),
        (*ON, "login"),
        (*ON, "intake"),
        (*ON, "financial-year"),
        ("broken", "nee", "no", "financial-year-end"),
        ("2026-03-31", "31 maart 2026", "31 March 2026", "year-broken"),
        (*ON, "group"),
        ("head", "wij zijn het groepshoofd", "we are the head of the group", "group-registration"),
        (*ON, "group-reporter"),
        (*ON, "group-head"),
        (*ON, "start-report"),
    ]),
    "charter": ("charter", [
        ("orienting", "weet ik niet", "I don't know", "orientation"),
        (*ON, "ambition"),
        (*ON, "feedback"),
        (*ON, "meeting"),
        (*ON, "after-signing"),
        (*ON, "introduction"),
        (*ON, "plan"),
        (*ON, "survey"),
        (*ON, "support"),
        (*ON, "done"),
    ]),
    "charter, with the plan handed in": ("charter", [
        ("plan-in", "ons Plan van Aanpak is ingediend", "our plan of action is handed in", "plan-handed-in-on"),
        ("skip", "sla over", "skip", "survey"),
        (*ON, "support"),
        (*ON, "done"),
    ]),
    "law": ("law", [
        ("bv", "BV", "BV", "listed"),
        ("not-listed", "nee", "no", "assets"),
        ("both", "de eerste", "the first one", "turnover"),
        ("both", "Allebei", "Both", "group"),
        ("alone", "nee", "no", "financial-year"),
        ("calendar", "ja", "yes", "calendar-year"),
        (*ON, "targets"),
    ]),
    "law, another form": ("law", [("other", "wij zijn een stichting", "we are a foundation", "other-form")]),
}  # fmt: skip


WALKS = [
    *((name, language, "pressed") for name in WAYS for language in LANGUAGES),
    ("activation, the long way", "nl", "typed"),
]


@pytest.mark.parametrize(("name", "language", "how"), WALKS)
def test_from_start_to_end(system: System, name: str, language: str, how: str) -> None:
    guide_, way = WAYS[name]
    if how == "pressed":
        visitor = begun(system, guide_, language)
        here, reply = guide(guide_).steps[0], last(visitor)
    else:
        visitor = Visitor(system, language)
        [reply] = visitor.say(LEAD[guide_][language])
        here = guide(guide_).steps[0]
    assert reply["text"].startswith(text("guide.begun", language))
    for number, (answer, dutch, english, to) in enumerate(way, start=1):
        at(reply, guide_, here.id)
        assert (reply["language"], reply["progress"]["step"]) == (language, number)
        assert {s.document for s in here.sources} <= {source["document"] for source in reply["sources"]}
        assert bool(here.form) == (f"(/?wegwijzer-form={here.form})" in reply["text"])
        if how == "typed" or (here.kind == "date" and answer != "skip"):
            replies = visitor.say(dutch if language == "nl" else english)
        else:
            option = here.option(answer) if answer else None
            key = "next" if answer is None else str(answer)
            replies = visitor.press(button(reply, option.title[language] if option else text(f"guide.{key}", language)))
        [reply], here = replies, step_of(guide_, to)
    at(reply, guide_, here.id)
    assert here.kind == "end"
    assert reply["progress"] == {"step": len(way), "of": len(way)}, "the last step, and as many as there were"
    assert f"]({visitor.path}/guide/checklist.pdf)" in reply["text"]
    [after] = visitor.say("goedemiddag" if language == "nl" else "good morning")
    assert after["kind"] == "smalltalk", "a guide that is done waits for nothing"


def test_a_guide_that_is_done_begins_anew(system: System) -> None:
    visitor = begun(system, "law")
    end = taken(visitor, "wij zijn een stichting")
    [reply] = visitor.press(button(end, text("guide.restart", "nl")))
    at(reply, "law", "legal-form")
    assert reply["progress"]["step"] == 1


# What comes in between


AT_YEAR = {
    "nl": ("ja", "verder", "verder", "allebei", "verder", "verder"),
    "en": ("yes", "next", "next", "both", "next", "next"),
}


def at_year(system: System, language: str = "nl") -> Visitor:
    """A visitor who is asked about the financial year."""
    visitor = begun(system, "activation", language)
    at(taken(visitor, *AT_YEAR[language]), "activation", "financial-year")
    return visitor


@pytest.mark.parametrize(
    ("language", "question", "topic"),
    [
        ("nl", "Wat is het ingroeiquotum?", "law.quota"),
        ("en", "What is the growth quota?", "law.quota"),
        ("nl", "Wanneer telt een bedrijf als groot voor de wet?", "law.large-criteria"),
        ("en", "When does a company count as large under the law?", "law.large-criteria"),
    ],
)
def test_a_question_in_the_middle(system: System, language: str, question: str, topic: str) -> None:
    """It is answered with its source; then the step follows, and takes its answer as if nothing had happened."""
    visitor = begun(system, "activation", language)
    answer, step = visitor.say(question)
    assert (answer["kind"], answer["topic"]) == ("answer", topic)
    assert answer["sources"]
    at(step, "activation", "code", again=True)
    assert step["progress"]["step"] == 1
    at(taken(visitor, AT_YEAR[language][0]), "activation", "register")


@pytest.mark.parametrize("question", ["Welke kaas past bij rode wijn?", "En wat kost een treinkaartje naar Zwolle?"])
def test_a_question_without_an_answer_in_the_middle(system: System, question: str) -> None:
    missed, step = begun(system, "charter").say(question)
    assert missed["kind"] == "unknown"
    at(step, "charter", "where", again=True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_choices_in_the_middle(system: System, language: str) -> None:
    """ "The second one" is about what was asked last, not about the step; one question at a time."""
    visitor = begun(system, "law", language)
    [choices] = visitor.say(asked_back_about(language))
    assert choices["kind"] == "choices", "the step waits until this is settled"
    other = begun(system, "law", language)
    expected = other.press(other.say(asked_back_about(language))[0]["buttons"][1])[0]
    answer, step = visitor.say("de tweede" if language == "nl" else "the second one")
    assert (answer["kind"], answer["topic"]) == ("answer", expected["topic"])
    at(step, "law", "legal-form", again=True)
    at(taken(visitor, "de tweede" if language == "nl" else "the second one"), "law", "listed")


def test_choices_in_the_middle_that_are_passed_over(system: System) -> None:
    """An answer that can only be one to the step is one."""
    visitor = begun(system, "law")
    assert visitor.say(asked_back_about("nl"))[0]["kind"] == "choices"
    at(taken(visitor, "Een andere rechtsvorm"), "law", "other-form")


@pytest.mark.parametrize(
    ("language", "said"), [("nl", "goedemiddag"), ("nl", "ben jij een robot?"), ("en", "thanks a lot for this")]
)
def test_small_talk_in_the_middle(system: System, language: str, said: str) -> None:
    small, step = begun(system, "activation", language).say(said)
    assert (small["kind"], small["language"]) == ("smalltalk", language)
    at(step, "activation", "code", again=True)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("guide_", "number"), [("activation", PORTAL), ("law", PORTAL), ("charter", CHARTER)])
def test_a_person_in_the_middle(system: System, guide_: str, number: str, language: str) -> None:
    """The guide's own desk first; hours for the portal's desk alone. In words or by the button, all the same."""
    visitor = begun(system, guide_, language)
    said = visitor.say("ik wil een medewerker spreken" if language == "nl" else "I want to talk to a person")
    pressed = visitor.press(button(last(visitor), text("guide.person", language)))
    for reach, step in (said, pressed):
        assert (reach["kind"], reach["language"]) == ("handoff", language)
        assert min((PORTAL, CHARTER), key=reach["text"].index) == number
        [portal] = [part for part in reach["text"].split("\n\n") if PORTAL in part]
        assert re.search(r"nu open|nu gesloten|open now|closed now", portal)
        [charter] = [part for part in reach["text"].split("\n\n") if CHARTER in part]
        assert not re.search(r"\d\d:\d\d", charter)
        at(step, guide_, guide(guide_).steps[0].id, again=True)


@pytest.mark.parametrize(
    ("language", "said", "other"), [("nl", "English please", "en"), ("en", "Nederlands graag", "nl")]
)
def test_the_language_in_the_middle(system: System, language: str, said: str, other: str) -> None:
    """The step comes again in the other language, and is answered in it."""
    visitor = begun(system, "activation", language)
    small, step = visitor.say(said)
    assert (small["language"], step["language"]) == (other, other)
    at(step, "activation", "code", again=True)
    at(taken(visitor, AT_YEAR[other][0]), "activation", "register")
    assert last(visitor)["language"] == other


def test_a_question_in_the_other_language_in_the_middle(system: System) -> None:
    visitor = begun(system, "activation")
    answer, step = visitor.say("When does a company count as large under the law?")
    assert (answer["language"], step["language"]) == ("en", "en")
    at(step, "activation", "code", again=True)


# The ways through a guide


@pytest.mark.parametrize(
    ("language", "back", "where", "restart"),
    [("nl", "stap terug", "waar was ik?", "opnieuw beginnen"), ("en", "go back", "where was I?", "start over")],
)
def test_back_where_and_from_the_start(system: System, language: str, back: str, where: str, restart: str) -> None:
    visitor = begun(system, "activation", language)
    at(taken(visitor, *AT_YEAR[language][:2]), "activation", "contacts")
    at(taken(visitor, where), "activation", "contacts")
    at(taken(visitor, back), "activation", "register")
    at(taken(visitor, back), "activation", "code")
    first = at(taken(visitor, back), "activation", "code", again=True)
    assert first["text"].startswith(text("guide.unclear.first", language))
    at(taken(visitor, AT_YEAR[language][0], GO_ON[language]), "activation", "contacts")
    assert at(taken(visitor, restart), "activation", "code")["progress"]["step"] == 1


def test_back_forgets_the_answer(system: System) -> None:
    """No code after all: the step that belongs to it comes, and the number of steps goes up."""
    visitor = begun(system, "activation")
    usual = taken(visitor, "ja")["progress"]["of"]
    taken(visitor, "terug")
    other = at(taken(visitor, "nee"), "activation", "code-missing")
    assert other["progress"] == {"step": 2, "of": usual + 1}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_choice_cannot_be_passed_over(system: System, language: str) -> None:
    visitor = begun(system, "activation", language)
    for said in (GO_ON[language], "sla over" if language == "nl" else "skip"):
        reply = at(taken(visitor, said), "activation", "code", again=True)
        assert reply["text"].startswith(text("guide.unclear.needed", language))


@pytest.mark.parametrize("number", ["4", "9"])
def test_a_number_that_is_not_in_the_list(system: System, number: str) -> None:
    reply = at(taken(begun(system, "activation"), number), "activation", "code", again=True)
    assert reply["text"].startswith(text("guide.unclear.place", "nl"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_stopping_and_going_on(system: System, language: str) -> None:
    """What is said after that is for the guide no more; the button goes on where it was."""
    visitor = begun(system, "activation", language)
    taken(visitor, *AT_YEAR[language][:2])
    [stopped] = visitor.say("stop")
    assert stopped["text"] == text("guide.stopped", language, title=guide("activation").title[language])
    assert not re.search(r"\d{4}-\d{4}-\d{4}", stopped["text"])
    [small] = visitor.say("goedemiddag" if language == "nl" else "good morning")
    assert small["kind"] == "smalltalk"
    [resumed] = visitor.press(button(stopped, text("guide.resume", language)))
    assert resumed["text"].startswith(text("guide.resumed", language))
    at(resumed, "activation", "contacts")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("said", ["the button", "a word", "where"])
def test_going_on_in_words(system: System, language: str, said: str) -> None:
    """People type what a button says, and "go on" after "go on later"."""
    visitor = begun(system, "activation", language)
    taken(visitor, *AT_YEAR[language][:2])
    visitor.say("later")
    where = {"nl": "waar was ik?", "en": "where was I?"}
    words = {"the button": text("guide.resume", language), "a word": GO_ON[language], "where": where[language]}[said]
    at(visitor.say(words)[-1], "activation", "contacts")


def test_another_guide_in_the_middle(system: System) -> None:
    """One guide waits at a time; the first one is found again where it was."""
    visitor = begun(system, "activation")
    taken(visitor, "ja", "verder")
    [law] = visitor.say(LEAD["law"]["nl"])
    at(law, "law", "legal-form")
    at(taken(visitor, "BV"), "law", "listed")
    [again] = visitor.press(
        button(visitor.opening[0], text("guide.offer", "nl", title=guide("activation").title["nl"]))
    )
    assert again["text"].startswith(text("guide.resumed", "nl"))
    at(again, "activation", "contacts")
    at(taken(visitor, "verder"), "activation", "accounts")


def test_a_button_of_an_earlier_step(system: System) -> None:
    """That step is answered anew, and what came after it is forgotten."""
    visitor = begun(system, "activation")
    first = last(visitor)
    taken(visitor, *AT_YEAR["nl"])
    [reply] = visitor.press(button(first, "Nee, geen code gekregen"))
    at(reply, "activation", "code-missing")
    assert reply["progress"]["step"] == 2
    at(taken(visitor, "verder"), "activation", "register")


def test_a_button_of_a_step_that_was_not_on_the_way(system: System) -> None:
    visitor = begun(system, "activation")
    missing = taken(visitor, "nee")
    taken(visitor, "terug", "ja", "verder")
    [reply] = visitor.press(button(missing, "Verder"))
    assert reply["text"].startswith(text("guide.elsewhere", "nl"))
    at(reply, "activation", "contacts")


def test_the_same_button_twice(system: System) -> None:
    """A second click on the same answer leads to the same step, not one further."""
    visitor = begun(system, "activation")
    first = last(visitor)
    for _ in range(2):
        [reply] = visitor.press(button(first, "Ja, ik heb de code"))
        at(reply, "activation", "register")


# Dates


@pytest.mark.parametrize(
    ("language", "said", "day", "due"),
    [
        ("nl", "31 maart", "31 maart", "31 januari"),
        ("nl", "eind juni", "30 juni", "30 april"),
        ("nl", "30-9", "30 september", "30 juli"),
        ("nl", "ons boekjaar eindigt op 31 maart", "31 maart", "31 januari"),
        ("en", "March 31st", "31 March", "31 January"),
        ("en", "the end of June", "30 June", "30 April"),
        ("en", "30-9", "30 September", "30 July"),
    ],
)
def test_the_end_of_a_financial_year(system: System, language: str, said: str, day: str, due: str) -> None:
    """Said at the date's own step, or at once where only yes or no was asked; read back, and worked out."""
    visitor = at_year(system, language)
    at_once = at(taken(visitor, said), "activation", "year-broken")
    taken(visitor, GO_BACK[language], GO_BACK[language])
    at(taken(visitor, "nee" if language == "nl" else "no"), "activation", "financial-year-end")
    reply = at(taken(visitor, said), "activation", "year-broken")
    assert reply["text"] == at_once["text"]
    noted = re.match(rf"(Genoteerd|Noted): \*\*{day} (\d{{4}})\*\*\.\n\n", reply["text"])
    assert noted, reply["text"]
    year = int(noted[2])
    assert abs(year - today().year) <= 1
    assert f"**{due} {year + 1}**" in reply["text"]
    assert "aanmelden" in {source["document"] for source in reply["sources"]}


@pytest.mark.parametrize(
    ("language", "said", "key"),
    [
        ("nl", "volgende zomer", "financial-year-end"),
        ("en", "next summer", "financial-year-end"),
        ("nl", "ja", "financial-year-end"),
        ("nl", "weet ik niet", "unknown"),
        ("nl", "31 februari", "impossible"),
        ("en", "February 31st", "impossible"),
        ("en", "June 31st", "impossible"),
        ("nl", "30 juni 1926", "year"),
    ],
)
def test_no_day_to_reckon_with(system: System, language: str, said: str, key: str) -> None:
    """The step asks again and says why; what was said is not taken for a day, nor for something else."""
    visitor = at_year(system, language)
    taken(visitor, "nee" if language == "nl" else "no")
    reply = at(taken(visitor, said), "activation", "financial-year-end", again=True)
    assert reply["text"].split("\n\n")[0][:12] == text(f"guide.unclear.{key}", language, written="?")[:12]


@pytest.mark.parametrize(("language", "said"), [("nl", "volgende zomer"), ("en", "next summer")])
def test_a_vague_day_where_a_day_is_an_answer(system: System, language: str, said: str) -> None:
    """It was taken for a goodbye."""
    reply = at(taken(at_year(system, language), said), "activation", "financial-year", again=True)
    assert reply["text"].startswith(text("guide.unclear.which", language))


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("nl", "Wij hebben op {} getekend, wat nu?"),
        ("nl", "wij hebben op {} het Charter getekend"),
        ("en", "We have signed on {}, what now?"),
        ("en", "we signed the Charter on {}"),
    ],
)
@pytest.mark.parametrize("within", ["a new conversation", "the guide"])
def test_signed_on_3_march(system: System, language: str, said: str, within: str) -> None:
    """That begins the guide at that point, with the day on which the plan is due."""
    signed = date(today().year, 3, 3)
    signed = signed if signed <= today() else signed.replace(year=signed.year - 1)
    visitor = Visitor(system, language) if within == "a new conversation" else begun(system, "charter", language)
    words = said.format({"nl": "3 maart", "en": "3 March"}[language])
    reply = at(visitor.say(words)[-1], "charter", "plan-due")
    assert reply["text"].startswith(text("guide.noted", language, date=in_words(signed, language)))
    assert f"**{in_words(add_months(signed, 6), language)}**" in reply["text"]
    at(taken(visitor, GO_ON[language]), "charter", "after-signing")


# Going on elsewhere


def code_of(visitor: Visitor) -> str:
    """The code with which the visitor's guide goes on elsewhere."""
    [kept] = visitor.say("later")
    found = re.findall(r"\*\*(\d{4}-\d{4}-\d{4})\*\*", kept["text"])
    assert len(found) == 1, kept["text"]
    return str(found[0])


def rows(system: System, query: str, *values: object) -> list[tuple]:
    """What the database says."""
    with closing(sqlite3.connect(system.database, timeout=60)) as database:
        found = database.execute(query, values).fetchall()
        database.commit()
    return found


def said_anywhere(system: System, words: str) -> bool:
    """Whether a visitor's message, a file of a process, or what is kept of the codes holds these words."""
    visitors = rows(system, "SELECT text FROM messages WHERE sender = 'visitor' AND instr(text, ?)", words)
    codes = rows(system, "SELECT 1 FROM resume_codes WHERE instr(code_hash, ?)", words)
    return bool(visitors or codes or words in system.logs())


def test_a_code_on_another_device(system: System) -> None:
    """In another language too, and again for a colleague. It gives choices and dates, and opens no conversation."""
    visitor = at_year(system)
    code = code_of(visitor)
    at(taken(visitor, "waar was ik"), "activation", "financial-year")
    for language, typed in (
        ("en", f"my code is {code}"),
        ("nl", code.replace("-", " ")),
        ("nl", code.replace("-", "")),
        ("nl", f"Goedemorgen, mijn collega gaf mij deze code en ik neem het graag van haar over: {code}. Kan dat?"),
    ):
        other = Visitor(system, language)
        [reply] = other.say(typed)
        assert reply["text"].startswith(text("guide.resumed", language))
        at(reply, "activation", "financial-year")
        assert (reply["language"], reply["progress"]["step"]) == (language, 7)
        at(taken(other, "31-3-2026"), "activation", "year-broken")
        shown = other.messages()
        assert len(shown) == len(other.opening) + 4, "nothing of the other conversation"
        assert code not in str(shown)
    at(taken(visitor, "ja"), "activation", "year-calendar")
    for written in (code, code.replace("-", " "), code.replace("-", "")):
        assert not said_anywhere(system, written)


def test_a_code_among_other_digits(system: System) -> None:
    """Two codes in one message are none; the right one was kept in the message as it was typed."""
    code = code_of(begun(system, "law"))
    Visitor(system).say(f"Is het {code} of 1234-5678-9012?")
    assert not said_anywhere(system, code)


def test_twelve_digits_in_a_question(system: System) -> None:
    """No code of ours: the question is answered, and the digits are masked all the same."""
    digits = "1234-5678-9012"
    [answer] = Visitor(system).say(
        f"Bij dossier {digits}: voor welke datum moet onze rapportage bij de SER binnen zijn?"
    )
    assert answer["topic"] == "law.report-deadline"
    assert not said_anywhere(system, digits)


def test_a_code_that_is_not_good(system: System) -> None:
    """Unknown, expired, replaced by a newer one, or of an erased conversation: the same words."""
    visitor = begun(system, "charter")
    replaced = code_of(visitor)
    at(taken(visitor, "waar was ik"), "charter", "where")
    expired = code_of(visitor)
    rows(system, "UPDATE resume_codes SET expires_at = '2020-01-01 00:00:00' WHERE conversation_id = ?", visitor.id)
    erased_visitor = begun(system, "charter")
    erased = code_of(erased_visitor)
    assert erased_visitor.http.delete(erased_visitor.path).status_code == 204
    other = Visitor(system)
    for code in ("0000-0000-0000", replaced, expired, erased):
        [reply] = other.say(code)
        assert (reply["kind"], reply["text"]) == ("text", text("guide.no_code", "nl"))
    assert other.say("waar was ik")[0]["buttons"], "there is no guide here; all are offered"


def test_guessing_codes(strict: System) -> None:
    """Three tries, from as many conversations as one likes; other messages are not touched by that."""
    within_the_hour()
    first, second = Visitor(strict), Visitor(strict, "en")
    replies = [visitor.send({"text": f"0000-0000-000{number}"}) for number, visitor in enumerate([first, second] * 3)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429, 429, 429]
    check_problem(replies[-1], 429, "too-many", "en")
    assert int(replies[-1].headers["Retry-After"]) >= 1
    assert replies[-1].headers["Retry-After"] in replies[-1].json()["detail"]
    assert first.send({"text": "goedemiddag"}).status_code == 200
    assert [m["sender"] for m in second.messages()[1:]] == ["visitor", "assistant"], "what was refused is not kept"


# What the visitor takes along


def signed_a_month_ago(system: System, language: str) -> tuple[Visitor, date]:
    """A visitor at the end of the Charter's guide, and the day on which the plan is due."""
    signed = today() - timedelta(days=30)
    visitor = begun(system, "charter", language)
    reply = visitor.press(button(last(visitor), step_of("charter", "where").option("signed").title[language]))[0]
    at(reply, "charter", "signed-on")
    at(taken(visitor, in_words(signed, language)), "charter", "plan-due")
    at(taken(visitor, *[GO_ON[language]] * 6), "charter", "done")
    return visitor, add_months(signed, 6)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_papers(system: System, language: str) -> None:
    """A tagged PDF and a calendar file, both with the visitor's own date; the links stand under the last step."""
    visitor, due = signed_a_month_ago(system, language)
    for name in ("checklist.pdf", "calendar.ics"):
        assert f"]({visitor.path}/guide/{name})" in last(visitor)["text"]

    reply = visitor.http.get(f"{visitor.path}/guide/checklist.pdf")
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/pdf")
    assert reply.headers["Content-Disposition"] == 'attachment; filename="checklist-charter.pdf"'
    paper = PdfReader(io.BytesIO(reply.content))
    root = paper.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] and root["/StructTreeRoot"] and root["/Lang"] == language
    words = " ".join(" ".join(page.extract_text() for page in paper.pages).split())
    assert guide("charter").title[language] in words
    assert in_words(due, language) in words
    assert CHARTER in words and PORTAL not in words

    reply = visitor.http.get(f"{visitor.path}/guide/calendar.ics")
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert reply.headers["Content-Disposition"] == 'attachment; filename="charter.ics"'
    rule = guides().rules["plan-of-action"]
    [event] = Calendar.from_ical(reply.content).events
    assert (event.start, str(event["summary"])) == (due, rule.title[language])
    assert rule.remind_days_before
    mornings = [timedelta(hours=9) - timedelta(days=days) for days in rule.remind_days_before]
    assert [alarm["trigger"].dt for alarm in event.walk("VALARM")] == mornings
    assert visitor.id not in reply.text


def test_the_checklist_halfway(system: System) -> None:
    """What was passed is ticked, what is to come is not; there are no dates yet."""
    visitor = begun(system, "activation")
    taken(visitor, "ja", "verder")
    reply = visitor.http.get(f"{visitor.path}/guide/checklist.pdf")
    words = " ".join(" ".join(p.extract_text() for p in PdfReader(io.BytesIO(reply.content)).pages).split())
    for step in ("register", "contacts", "login"):
        assert step_of("activation", step).title["nl"] in words
    assert words.count(text("checklist.done", "nl")) == 1
    check_problem(visitor.http.get(f"{visitor.path}/guide/calendar.ics"), 404, "no-dates")


@pytest.mark.parametrize("name", ["checklist.pdf", "calendar.ics"])
def test_papers_for_nobody(system: System, name: str) -> None:
    """Before a guide there is nothing to take along; without the token, or with another one, there never is."""
    visitor, stranger = Visitor(system, "en"), Visitor(system)
    path = f"{visitor.path}/guide/{name}"
    check_problem(visitor.http.get(path), 404, "no-guide", "en")
    visitor.say("We have signed on 3 March, what now?")
    check_problem(httpx.get(system.url + path, timeout=60), 401, "no-token")
    check_problem(stranger.http.get(path), 404, "no-conversation")
    unknown = httpx.get(system.url + path, headers={"Authorization": "Bearer x"}, timeout=60)
    check_problem(unknown, 404, "no-conversation")
    assert visitor.http.delete(visitor.path).status_code == 204
    check_problem(visitor.http.get(path), 404, "no-conversation")


def test_no_calendar_file_when_all_dates_are_past(system: System) -> None:
    """The link is not offered, and the file is not there."""
    visitor = begun(system, "charter")
    day = in_words(today() - timedelta(days=700), "nl")
    at(taken(visitor, "wij hebben getekend", day), "charter", "plan-due")
    assert "(voorbij)" in last(visitor)["text"]
    taken(visitor, *["verder"] * 6)
    assert "calendar.ics" not in at(last(visitor), "charter", "done")["text"]
    check_problem(visitor.http.get(f"{visitor.path}/guide/calendar.ics"), 404, "no-dates")
    assert visitor.http.get(f"{visitor.path}/guide/checklist.pdf").status_code == 200


# What must not be kept, and what must not be lost


@pytest.mark.parametrize("said", ["{}", "Ja, {}", "de code is {}"])
@pytest.mark.parametrize("code", [CODE, CODE.lower()])
def test_an_activation_code_at_a_step(system: System, said: str, code: str) -> None:
    """Masked, said to be masked, and the step is still there."""
    visitor = begun(system, "activation")
    replies = visitor.say(said.format(code))
    assert (replies[0]["sender"], replies[0]["text"]) == ("system", text("privacy.masked", "nl"))
    shown = str(visitor.messages()) + system.logs()
    assert code not in shown
    assert not rows(system, "SELECT 1 FROM messages WHERE instr(text, ?)", code)
    assert not rows(system, "SELECT 1 FROM guide_progress WHERE instr(answers, ?)", code)
    # What is said around the code may be asked back about: one question at a time.
    assert replies[-1]["kind"] in (("guide", "choices") if said.startswith("de") else ("guide",)), "no way on is shown"


def test_erasing_in_the_middle(system: System) -> None:
    visitor = at_year(system)
    code_of(visitor)
    assert visitor.http.delete(visitor.path).status_code == 204
    for table in ("guide_progress", "resume_codes", "messages"):
        assert not rows(system, f"SELECT 1 FROM {table} WHERE conversation_id = ?", visitor.id)


def test_a_guide_survives_everything(fragile_system: System) -> None:
    """Actions, Rasa and web killed and started again: nothing is remembered there. "Try again" does what was meant."""
    system = fragile_system
    visitor = begun(system, "activation")
    register = taken(visitor, "ja")
    try:
        system.stop("actions", "rasa", with_signal=signal.SIGKILL)
        [typed] = visitor.say("verder")
        [pressed] = visitor.press(button(register, "Terug"))
        assert [typed["kind"], pressed["kind"]] == ["error", "error"]
        system.stop("web", with_signal=signal.SIGKILL)
    finally:
        system.start(*({"actions", "rasa", "web"} - set(system.processes)))
        system.wait_until(200)
    [reply] = visitor.press(typed["buttons"][0])
    at(reply, "activation", "contacts")
    # "Terug" was pressed at the step before: it leads to where it led then.
    [reply] = visitor.press(pressed["buttons"][0])
    at(reply, "activation", "code")
    at(taken(visitor, "ja", "verder", "verder"), "activation", "accounts")
    answer, step = visitor.say("Wat is het ingroeiquotum?")
    assert answer["topic"] == "law.quota"
    at(step, "activation", "accounts", again=True)
