"""What a guide says in a turn: begun, answered, left, gone on with, and asked something in the middle."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from bot.answers.knowledge import LANGUAGES, load
from bot.answers.rendering import answer
from bot.conversations.store import Context
from bot.guides import machine
from bot.guides.guides import Guide
from bot.guides.guiding import MOVES_OF_INTENTS, Said, open_guiding
from bot.guides.walking import states
from bot.messages import RESUME_CODE, ButtonDraft, Draft, GuideState, Language, Memory
from bot.settings import settings as config
from bot.texts import text
from bot.texts.days import in_words

TODAY = date(2026, 11, 21)
KNOWLEDGE = load(config().knowledge_dir)
GUIDING = open_guiding(config().knowledge_dir, KNOWLEDGE)
GUIDES = GUIDING.guides.guides
CHARTER, ACTIVATION = GUIDES["charter"], GUIDES["activation"]
every_guide = pytest.mark.parametrize("guide", GUIDES.values(), ids=list(GUIDES))


def said(
    words: str = "",
    *guides: GuideState,
    payload: dict[str, Any] | None = None,
    choices: tuple[dict[str, Any], ...] = (),
    language: Language = "nl",
) -> Said:
    """A turn of somebody who typed something, or pressed a button."""
    context = Context("c", language, "assistant", 0, None, 0, None, words, payload, choices, guides)
    return Said(context, language, TODAY)


def reply(turn: Said, intent: str = "ask_fact") -> Draft:
    """The guide's only draft in a turn."""
    drafts = GUIDING.reply(turn, intent)
    assert drafts is not None
    (draft,) = drafts
    assert draft.kind == "guide" and draft.language == turn.language
    return draft


def after(draft: Draft) -> GuideState:
    """Where the guide is after a draft."""
    assert draft.memory.guide is not None
    return draft.memory.guide


def press(button: ButtonDraft, *guides: GuideState) -> Draft:
    return reply(said(button.title, *guides, payload=button.payload))


def at(guide: Guide, *answers: str | None) -> GuideState:
    """The state after these answers."""
    state = machine.begin(guide)
    for given in answers:
        state = machine.advance(guide, state, given)
    return state


def left(state: GuideState) -> GuideState:
    return state.model_copy(update={"waiting": False})


ORIENTING = at(CHARTER, "orienting", None, None)
SIGNED = at(CHARTER, "signed", "2026-03-03", None)
CODE = "4821-7730-1963"


# -- beginning


@every_guide
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_guide_begins(guide: Guide, language: Language) -> None:
    draft = reply(said(payload={"guide": guide.id, "move": "start"}, language=language))
    first = guide.steps[0]
    assert after(draft) == machine.begin(guide)
    assert draft.text.startswith(f"{text('guide.begun', language)}\n\n**{first.title[language]}**")
    titles = [button.title for button in draft.buttons]
    assert titles[: len(first.options)] == [option.title[language] for option in first.options]
    assert text("guide.back", language) not in titles
    assert titles[-3:] == [text(f"guide.{key}", language) for key in ("later", "stop", "person")]
    assert draft.progress is not None and draft.progress.step == 1
    assert {shown.document for shown in draft.sources} == {source.document for source in first.sources}
    assert (draft.memory.last_topic, draft.memory.misses) == (first.topic, 0)


@every_guide
def test_who_asks_for_a_guide_gets_a_step_of_it(guide: Guide) -> None:
    for pair in guide.asks:
        for language in LANGUAGES:
            (draft,) = GUIDING.start(said(pair[language], language=language), guide)
            state = after(draft)
            assert state.guide == guide.id and state.waiting
            assert state.trail in ([], [guide.steps[0].id], ["where", "signed-on"])


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nl", "wij hebben op 3 maart getekend, wat moeten we nu doen?"),
        ("nl", "We hebben op 3 maart ondertekend. En nu?"),
        ("nl", "wij hebben op 3 maart getekend"),
        ("en", "We signed on 3 March, what do we have to do now?"),
        ("en", "we have signed on March 3rd. What now?"),
    ],
)
def test_who_tells_what_was_done_begins_there(language: Language, words: str) -> None:
    turn = said(words, language=language)
    for draft in (reply(turn), *GUIDING.start(turn, CHARTER)):
        state = after(draft)
        assert (state.step, state.answers) == ("plan-due", {"where": "signed", "signed-on": "2026-03-03"})
        noted, due = {"nl": ("3 maart 2026", "3 september 2026"), "en": ("3 March 2026", "3 September 2026")}[language]
        assert draft.text.startswith(text("guide.noted", language, date=noted))
        assert f"**{due}** ({'voorbij' if language == 'nl' else 'past'})" in draft.text
        assert "{" not in draft.text


def test_who_tells_what_was_done_without_a_date_is_asked_for_it() -> None:
    (draft,) = GUIDING.start(said("Wij hebben het Charter getekend, loop het met ons door"), CHARTER)
    assert (after(draft).step, after(draft).answers) == ("signed-on", {"where": "signed"})


@pytest.mark.parametrize(
    "words",
    [
        "Wij hebben op 3 maart getekend, wanneer moet het plan binnen zijn?",
        "Op 3 maart",
        "wij hebben getekend",
        "De bijeenkomst is op 3 maart",
        "wij hebben op 3 maart niet getekend",
        "getekend in maart, nu vastgelopen met het plan, mag ik mailen en waarheen dan",
        "3 maart getekend " * 30,
    ],
)
def test_what_begins_no_guide(words: str) -> None:
    assert GUIDING.reply(said(words), "ask_fact") is None


def test_no_question_of_the_knowledge_begins_a_guide_unless_it_tells_what_was_done() -> None:
    for topic in KNOWLEDGE.topics.values():
        for pair in topic.questions:
            for language in LANGUAGES:
                drafts = GUIDING.reply(said(pair[language], language=language), "ask_fact")
                if drafts is not None:
                    assert set(after(drafts[0]).answers) >= {"where", "signed-on"}, pair[language]


# -- going through it


@every_guide
def test_every_button_of_every_step_does_something(guide: Guide) -> None:
    """Of the first state of each step; what stands on it and what it means agree."""
    met: set[str] = set()
    for state in states(guide):
        if state.step in met:
            continue
        met.add(state.step)
        shown = reply(said("waar was ik", state)) if state.waiting else GUIDING.resume(said(), state)[0]
        assert after(shown) == state
        for button in shown.buttons:
            if "guide" not in button.payload:
                assert button.payload == {"intent": "talk_to_person"}
                continue
            draft = press(button, state)
            step = machine.at(guide, state)
            option = next((option for option in step.options if option.title["nl"] == button.title), None)
            if option:
                assert after(draft) == machine.advance(guide, state, option.id)
            elif button.title == text("guide.next", "nl"):
                assert after(draft) == machine.advance(guide, state)
            elif button.title == text("guide.skip", "nl"):
                assert after(draft) == machine.skip(guide, state)
            elif button.title == text("guide.back", "nl"):
                assert after(draft) == machine.back(guide, state)
            elif button.title == text("guide.restart", "nl"):
                assert after(draft) == machine.begin(guide)
            else:
                assert button.title in (text("guide.later", "nl"), text("guide.stop", "nl"))
                assert after(draft) == left(state)
            assert draft.text and "{" not in draft.text.replace(RESUME_CODE, "")
    assert met == {step.id for step in guide.steps}


def test_typed_answers_go_through_a_guide() -> None:
    state = after(reply(said(payload={"guide": "activation", "move": "start"})))
    for words, step in [
        ("ja, die heb ik", "register"),
        ("verder", "contacts"),
        ("klaar", "accounts"),
        ("de tweede", "account-create"),
        ("terug", "accounts"),
        ("allebei", "login"),
        ("ok", "intake"),
        ("volgende", "financial-year"),
        ("ons boekjaar is gebroken", "financial-year-end"),
        ("31 maart", "year-broken"),
        ("waar was ik?", "year-broken"),
        ("verder", "group"),
        ("nee", "start-report"),
    ]:
        draft = reply(said(words, state))
        state = after(draft)
        assert state.step == step, words
    assert not state.waiting
    assert state.answers["financial-year-end"] == "2026-03-31"
    assert "31 januari 2027" in draft.text


def test_a_date_alone_answers_both_the_choice_and_the_date() -> None:
    state = at(ACTIVATION, "has-code", None, None, "both-have-account", None, None)
    assert state.step == "financial-year"
    draft = reply(said("30 juni", state))
    assert after(draft).step == "year-broken"
    assert draft.text.startswith(text("guide.noted", "nl", date="30 juni 2026"))
    assert "**30 april 2027**" in draft.text
    far = reply(said("30 juni 2040", state))
    assert (after(far).step, after(far).answers["financial-year"]) == ("financial-year-end", "broken")


def test_a_date_is_noted_and_can_be_skipped() -> None:
    state = at(CHARTER, "signed")
    draft = reply(said("gisteren", state))
    assert draft.text.startswith(text("guide.noted", "nl", date="20 november 2026"))
    assert after(draft).answers["signed-on"] == "2026-11-20"
    skipped = reply(said("overslaan", state))
    assert (after(skipped).answers["signed-on"], after(skipped).step) == ("skipped", "after-signing")
    assert text("guide.noted", "nl", date="")[:8] not in skipped.text


@pytest.mark.parametrize(
    ("state", "words", "key", "written"),
    [
        (at(CHARTER), "ja", "which", ""),
        (at(CHARTER), "nummer 6", "place", ""),
        (at(CHARTER), "terug", "first", ""),
        (at(CHARTER), "verder", "needed", ""),
        (at(CHARTER), "overslaan", "needed", ""),
        (at(CHARTER, "signed"), "verder", "needed", ""),
        (at(CHARTER, "signed"), "volgend jaar", "past-day", ""),
        (at(CHARTER, "signed"), "maart", "day", ""),
        (at(CHARTER, "signed"), "31 juni", "impossible", "31 juni"),
        (at(CHARTER, "signed"), "3 maart 2040", "year", "2040"),
        (at(CHARTER, "signed"), "weet ik niet", "unknown", ""),
        (at(CHARTER, "agreed"), "nee", "not_now", ""),
        (at(ACTIVATION, "has-code", None, None, "both-have-account", None, None, "broken"), "rond juni",
         "financial-year-end", ""),
    ],
)  # fmt: skip
def test_what_is_not_clear_keeps_the_state(state: GuideState, words: str, key: str, written: str) -> None:
    draft = reply(said(words, state))
    assert after(draft) == state
    assert draft.text.startswith(text(f"guide.unclear.{key}", "nl", written=written))
    step = machine.at(GUIDES[state.guide], state)
    assert step.title["nl"] in draft.text
    assert draft.progress == machine.progress(GUIDES[state.guide], state)
    assert draft.memory.misses is None


@pytest.mark.parametrize(("intent", "move"), MOVES_OF_INTENTS.items())
def test_what_rasa_understands_moves_too(intent: str, move: str) -> None:
    """Where the words are none that the step knows."""
    by_words = {"next": "verder", "back": "terug", "skip": "overslaan", "where": "waar was ik", "later": "later",
                "restart": "opnieuw", "stop": "stop"}  # fmt: skip
    assert reply(said("doe dat dan maar eens even", SIGNED), intent) == reply(said(by_words[move], SIGNED))


def test_a_question_is_not_moved_by_an_intent() -> None:
    assert GUIDING.reply(said("mag ik verder zonder code?", SIGNED), "guide_next") is None
    assert GUIDING.reply(said("wat een goed idee zeg", SIGNED), "ask_fact") is None


def test_yes_no_and_places_by_intent() -> None:
    state = at(ACTIVATION)
    assert after(reply(said("dat zou ik wel denken", state), "affirm")).answers == {"code": "has-code"}
    assert after(reply(said("dat had je gedacht", state), "deny")).answers == {"code": "no-code"}
    for words in ("ja ik heb hem niet", "yes but we don't have it"):
        assert GUIDING.reply(said(words, state), "affirm") is None, "a yes and a no is neither"
    assert after(reply(said("ik neem dan toch maar liever de tweede", state), "choose_option")).answers == {
        "code": "no-code"
    }
    assert GUIDING.reply(said("ik neem dan toch maar liever de zesde", state), "choose_option") is None


# -- choices that are still open


def test_yes_is_for_the_topics_that_were_just_offered() -> None:
    offered = ({"topic": "law.quota"}, {"topic": "law.targets"}, {"intent": "none_of_these"})
    state = at(ACTIVATION)
    for words in ("ja", "nee", "2", "de tweede", "weet ik niet"):
        assert GUIDING.reads(said(words, state, choices=offered)) is None
        for intent in ("affirm", "deny", "choose_option", "ask_fact"):
            assert GUIDING.reply(said(words, state, choices=offered), intent) is None
    assert after(reply(said("die heb ik", state, choices=offered))).answers == {"code": "has-code"}
    assert not after(reply(said("stop", state, choices=offered))).waiting


def test_yes_is_for_the_step_where_topics_stand_beneath_an_answer_only() -> None:
    beneath = ({"topic": "law.quota", "instead": True},)
    assert after(reply(said("ja", at(ACTIVATION), choices=beneath))).answers == {"code": "has-code"}


# -- leaving, coming back


@pytest.mark.parametrize("language", LANGUAGES)
def test_stop_and_later(language: Language) -> None:
    stopped = reply(said("stop", SIGNED, language=language))
    title = CHARTER.title[language]
    assert stopped.text == text("guide.stopped", language, title=title)
    assert after(stopped) == left(SIGNED) and not stopped.memory.resume_code
    kept = reply(said("later", SIGNED, language=language))
    assert after(kept) == left(SIGNED) and kept.memory.resume_code
    assert RESUME_CODE in kept.text and "<code>" not in kept.text and title in kept.text
    for draft in (stopped, kept):
        assert [(b.title, b.payload) for b in draft.buttons] == [
            (text("guide.resume", language), {"guide": "charter", "move": "start"})
        ]


def test_a_guide_that_was_left_goes_on_where_it_was() -> None:
    (button,) = reply(said("stop", SIGNED)).buttons
    on = press(button, left(SIGNED))
    assert after(on) == SIGNED
    assert on.text.startswith(text("guide.resumed", "nl"))
    assert after(reply(said("waar was ik ook alweer", left(SIGNED)), "guide_where")) == SIGNED
    assert after(GUIDING.start(said("help mij met het charter", left(SIGNED)), CHARTER)[0]) == SIGNED


def test_what_was_done_in_the_meantime_counts_when_coming_back() -> None:
    """Left while still finding out, back with "we have signed": what is said along counts."""
    draft = reply(said("Wij hebben op 3 maart getekend, wat moeten we nu doen?", left(ORIENTING)))
    assert after(draft).answers == {"where": "signed", "signed-on": "2026-03-03"}


def test_a_guide_that_was_left_takes_nothing() -> None:
    for words in ("ja", "verder", "de tweede", "terug", "31 maart"):
        assert GUIDING.reads(said(words, left(SIGNED))) is None
        for intent in ("affirm", "guide_next", "ask_fact"):
            assert GUIDING.reply(said(words, left(SIGNED)), intent) is None


def test_a_guide_that_is_done_begins_anew() -> None:
    done = at(CHARTER, "plan-in", "skipped", None, None)
    assert machine.at(CHARTER, done).kind == "end"
    on = reply(said(payload={"guide": "charter", "move": "start"}), "ask_fact")
    assert on == reply(said("", done, payload={"guide": "charter", "move": "start"}))
    assert after(on) == machine.begin(CHARTER)


def test_a_guide_at_its_first_step_begins_rather_than_goes_on() -> None:
    draft = reply(said("", left(machine.begin(CHARTER)), payload={"guide": "charter", "move": "start"}))
    assert draft.text.startswith(text("guide.begun", "nl"))


def test_start_over() -> None:
    draft = reply(said("opnieuw", SIGNED))
    assert after(draft) == machine.begin(CHARTER)


def test_where_was_i_without_a_guide_is_not_for_a_guide() -> None:
    assert GUIDING.reply(said("waar was ik gebleven"), "guide_where") is None


def test_a_button_that_names_a_step_begins_there() -> None:
    """Also where the guide was begun before."""
    for state in (None, left(SIGNED)):
        context = said("", *([state] if state else []))
        payload = {"guide": "charter", "move": "start", "at": "plan"}
        pressed = replace(context, context=replace(context.context, payload=payload))
        (draft,) = GUIDING.reply(pressed, "guide") or ()
        assert after(draft).step == "plan"
        assert draft.text.startswith(text("guide.begun_at", "nl"))


def test_two_guides_the_one_that_waits_is_answered() -> None:
    waits = at(ACTIVATION)
    draft = reply(said("die heb ik", waits, left(SIGNED)))
    assert after(draft).guide == "activation"
    other = reply(said("", waits, left(SIGNED), payload={"guide": "charter", "move": "start"}))
    assert after(other) == SIGNED


def test_a_state_that_todays_guide_does_not_know_begins_anew() -> None:
    gone = SIGNED.model_copy(update={"step": "gone"})
    draft = reply(said("waar was ik", gone))
    assert after(draft) == machine.begin(CHARTER)
    assert GUIDING.reply(said("ja", SIGNED.model_copy(update={"guide": "gone"})), "affirm") is None


def test_on_from_a_code() -> None:
    (on,) = GUIDING.resume(said(CODE), left(SIGNED))
    assert after(on) == SIGNED
    assert on.text.startswith(text("guide.resumed", "nl"))
    done = at(CHARTER, "plan-in", "skipped", None, None)
    assert after(GUIDING.resume(said(CODE), done)[0]) == done
    for state in (None, SIGNED.model_copy(update={"guide": "gone"})):
        (draft,) = GUIDING.resume(said(CODE), state)
        assert (draft.kind, draft.text, draft.memory) == ("text", text("guide.no_code", "nl"), Memory())


# -- buttons higher up


def pressed(state: GuideState, **payload: str) -> Draft:
    return reply(said("", state, payload={"guide": state.guide, **payload}))


def test_a_button_of_an_earlier_step_answers_that_step_anew() -> None:
    draft = pressed(SIGNED, move="answer", step="where", value="agreed")
    assert (after(draft).step, after(draft).answers, after(draft).trail) == ("meeting", {"where": "agreed"}, ["where"])
    assert after(pressed(ORIENTING, move="next", step="orientation")).step == "ambition"
    assert after(pressed(SIGNED, move="skip", step="signed-on")).answers == {"where": "signed", "signed-on": "skipped"}


def test_a_button_that_is_pressed_twice_goes_one_step() -> None:
    once = pressed(at(CHARTER, "orienting"), move="next", step="orientation")
    assert after(pressed(after(once), move="next", step="orientation")) == after(once)


def test_a_button_of_a_step_that_was_not_passed_says_where_you_are() -> None:
    for payload in (
        {"move": "next", "step": "orientation"},
        {"move": "answer", "step": "nowhere", "value": "agreed"},
        {"move": "skip", "step": "plan-handed-in-on"},
    ):
        draft = pressed(SIGNED, **payload)
        assert after(draft) == SIGNED
        assert draft.text.startswith(text("guide.elsewhere", "nl"))
        assert CHARTER.steps[CHARTER.place(SIGNED.step)].title["nl"] in draft.text


def test_a_button_of_an_answer_that_is_gone_asks_again() -> None:
    draft = pressed(SIGNED, move="answer", step="where", value="gone")
    assert after(draft) == machine.begin(CHARTER)
    assert draft.text.startswith(text("guide.unclear.needed", "nl"))


def test_a_button_of_a_guide_that_was_never_begun_begins_it() -> None:
    draft = reply(said(payload={"guide": "law", "move": "answer", "step": "listed", "value": "listed"}))
    assert after(draft) == machine.begin(GUIDES["law"])


def test_a_button_of_an_unknown_guide_offers_those_there_are() -> None:
    draft = reply(said("", SIGNED, payload={"guide": "gone", "move": "next"}))
    assert draft.text == text("guide.which", "nl")
    assert draft.memory.guide is None
    assert len(draft.buttons) == len(GUIDES)


def test_a_button_wakes_a_guide_that_was_left() -> None:
    state = left(at(CHARTER, "orienting"))
    assert after(pressed(state, move="next", step="orientation")).waiting
    assert after(pressed(state, move="back", step="orientation")) == machine.begin(CHARTER)


def test_a_button_of_another_capability_is_not_for_the_guide() -> None:
    for payload in ({"topic": "law.quota"}, {"intent": "talk_to_person"}):
        assert GUIDING.reply(said("ja", SIGNED, payload=payload), "affirm") is None
        assert GUIDING.reads(said("ja", SIGNED, payload=payload)) is None


def test_what_is_tried_again_is_read_as_what_was_typed() -> None:
    turn = said("Opnieuw proberen", at(ACTIVATION), payload={"again": "die heb ik"})
    assert turn.words == "die heb ik" and turn.payload == {}
    assert after(reply(turn)).answers == {"code": "has-code"}


# -- the end


@every_guide
def test_an_end_gives_papers(guide: Guide) -> None:
    ends = {state.step: state for state in states(guide) if not state.waiting}
    assert set(ends) == {step.id for step in guide.steps if step.kind == "end"}
    for state in ends.values():
        for language in LANGUAGES:
            (draft,) = GUIDING.resume(said(language=language), state)
            assert after(draft) == state
            assert "(/api/v1/conversations/c/guide/checklist.pdf)" in draft.text
            assert [b.title for b in draft.buttons] == [text("guide.restart", language), text("guide.person", language)]


def test_the_calendar_file_is_there_where_a_date_is_still_to_come() -> None:
    calendar = "/api/v1/conversations/c/guide/calendar.ics"
    for signed, there in [("2026-11-01", True), ("2020-01-01", False), ("skipped", False)]:
        way: list[str | None] = [
            "signed",
            signed,
            *([None] if signed != "skipped" else []),
            None,
            None,
            None,
            None,
            None,
        ]
        state = at(CHARTER, *way)
        assert state.step == "done"
        assert (calendar in GUIDING.resume(said(), state)[0].text) is there


def test_a_guide_past_its_review_says_so() -> None:
    late = CHARTER.review_by + timedelta(1)
    notice = text("guide.review_due", "nl", date=in_words(CHARTER.review_by, "nl"))
    turn = said(payload={"guide": "charter", "move": "start"})
    for today, there in [(CHARTER.review_by, False), (late, True)]:
        drafts = GUIDING.reply(replace(turn, today=today), "ask_fact") or []
        assert (notice in drafts[0].text) is there


# -- something else in the middle


def test_a_question_in_the_middle_is_followed_by_the_step() -> None:
    given = answer(KNOWLEDGE.topics["law.quota"], KNOWLEDGE, "nl", TODAY)
    assert GUIDING.reply(said("wat is het ingroeiquotum?", SIGNED), "ask_fact") is None
    first, again = GUIDING.after(said("wat is het ingroeiquotum?", SIGNED), [given])
    assert first is given
    assert after(again) == SIGNED
    here = machine.progress(CHARTER, SIGNED)
    title = CHARTER.steps[CHARTER.place(SIGNED.step)].title["nl"]
    assert again.text.startswith(text("guide.again", "nl", step=here.step, of=here.of, title=title))
    assert again.memory.misses is None and again.memory.last_topic is None


def test_the_step_is_asked_again_in_the_language_that_was_just_chosen() -> None:
    switched = Draft(kind="smalltalk", text="English it is.", language="en", memory=Memory(language="en"))
    assert GUIDING.after(said("english please", SIGNED), [switched])[1].language == "en"


def test_nothing_is_added_where_nothing_waits_or_a_question_is_open() -> None:
    given = answer(KNOWLEDGE.topics["law.quota"], KNOWLEDGE, "nl", TODAY)
    asks = Draft(kind="choices", text="Wat bedoelt u?", language="nl")
    guide = Draft(kind="guide", text="Een stap", language="nl")
    assert GUIDING.after(said("wat?"), [given]) == [given]
    assert GUIDING.after(said("wat?", left(SIGNED)), [given]) == [given]
    assert GUIDING.after(said("wat?", SIGNED), [asks]) == [asks]
    assert GUIDING.after(said("wat?", SIGNED), [given, asks]) == [given, asks]
    assert GUIDING.after(said("wat?", SIGNED), [guide]) == [guide]
    assert GUIDING.after(said("wat?", SIGNED), []) == []


def test_an_answer_offers_its_guide_but_not_the_one_that_waits() -> None:
    given = answer(KNOWLEDGE.topics["charter.road"], KNOWLEDGE, "nl", TODAY)
    start = {"guide": "charter", "move": "start"}
    assert start in [b.payload for b in GUIDING.offers(given).buttons]
    assert start in [b.payload for b in GUIDING.offers(given, said("", left(SIGNED)).context).buttons]
    assert start not in [b.payload for b in GUIDING.offers(given, said("", SIGNED).context).buttons]


def test_a_request_that_was_sent_goes_on_to_the_next_step() -> None:
    state = at(CHARTER, "orienting")
    assert machine.at(CHARTER, state).form == "orientation-talk"
    (draft,) = GUIDING.after_request(said("", state), "orientation-talk")
    assert after(draft) == machine.advance(CHARTER, state)


def test_another_request_leaves_the_step_as_it_is() -> None:
    state = at(CHARTER, "orienting")
    (draft,) = GUIDING.after_request(said("", state), "call-back")
    assert after(draft) == state
    assert "(/?wegwijzer-form" not in draft.text
    assert GUIDING.after_request(said(""), "orientation-talk") == []
    assert GUIDING.after_request(said("", left(state)), "orientation-talk") == []
