from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from bot.answers.knowledge import normal_form
from bot.trends import weeks
from bot.trends.grouping import Whole, whole
from bot.trends.recurring import (
    LOOKS_BACK,
    Assigning,
    Heard,
    Labels,
    Question,
    Recurring,
    moved_on,
    movement,
    public_words,
)
from bot.trends.rounding import Askers, rounded
from bot.trends.weeks import HALF_YEAR, MONTH, WEEK, NoPeriod
from tests.trends.made_up import direction, knowledge

TOPIC = "law.report-deadline"


def vectors(*abouts: tuple[int, int]) -> Whole:
    return whole(np.stack([np.frombuffer(direction(*about), dtype="<f2") for about in abouts]))


def asked(number: int, topic: str | None = None, language: str = "nl") -> Question:
    return Question(f"vraag {number}", language, topic)


def heard(*counts: int | None, of: int = 200) -> list[Heard]:
    return [Heard(count, of) for count in counts]


# ---- weeks


def test_every_week_is_in_one_month_and_one_half_year() -> None:
    for year in range(2020, 2035):
        inside = [week for half in (f"{year}-H1", f"{year}-H2") for week in weeks.weeks_of(half)]
        months = [week for month in range(1, 13) for week in weeks.weeks_of(f"{year}-M{month:02d}")]
        assert inside == months
        assert len(inside) == date(year, 12, 28).isocalendar().week


@pytest.mark.parametrize("wrong", ["2026-W54", "2025-W53", "2026-M13", "2026-M00", "2026-H3", "2026", "", "2026-W1"])
def test_what_is_no_period_is_refused(wrong: str) -> None:
    with pytest.raises(NoPeriod):
        weeks.kind(wrong)


def test_periods_are_frozen_in_the_order_in_which_they_end() -> None:
    periods = list(weeks.periods_from("2026-W01", date(2026, 7, 20)))
    assert periods[:6] == ["2026-W01", "2026-W02", "2026-W03", "2026-W04", "2026-W05", "2026-M01"]
    assert periods.index("2026-W26") < periods.index("2026-M06") < periods.index("2026-H1") < periods.index("2026-W27")


def test_a_period_waits_until_the_log_has_caught_up() -> None:
    assert weeks.last_day("2026-W26") == weeks.last_day("2026-H1") == date(2026, 6, 28)
    assert not weeks.is_over("2026-W26", date(2026, 6, 29))
    assert weeks.is_over("2026-W26", date(2026, 6, 30))
    assert not weeks.is_over("2026-H1", date(2026, 7, 12))
    assert weeks.is_over("2026-H1", date(2026, 7, 13))


# ---- movement


def test_chance_alone_is_steady() -> None:
    """Counts that vary as arrivals do, and are rounded and held back as they are shown."""
    chance = np.random.default_rng(1)
    for kind in (WEEK, MONTH, HALF_YEAR):
        said: list[str | None] = []
        remembered = LOOKS_BACK[kind][1]
        for mean in (6, 8, 12, 20, 45, 120):
            for counts in chance.poisson(mean, size=(2_000, remembered + 1)):
                shown = [rounded(int(count)) if count >= 5 else None for count in counts]
                before = [Heard(count, 200) for count in shown[:-1]]
                said.append(movement(Heard(shown[-1], 200), before, kind, 5, unheard=False))
        wrong = sum(word not in ("steady", None) for word in said) / len(said)
        assert wrong < 0.01, f"{kind}: {wrong:.2%} of the weeks of a steady question are called something else"


def test_what_doubles_and_more_rises_and_what_falls_away_fades() -> None:
    assert movement(Heard(45, 200), heard(20, 20, 15, 20), WEEK, 5, unheard=False) == "rising"
    assert movement(Heard(5, 200), heard(30, 35, 30, 30), WEEK, 5, unheard=False) == "fading"
    assert movement(Heard(25, 200), heard(20, 20, 20, 20), WEEK, 5, unheard=False) == "steady"


def test_a_busy_month_makes_nothing_rise() -> None:
    before = heard(30, 30, of=300)
    assert movement(Heard(60, 600), before, MONTH, 5, unheard=False) == "steady"
    assert movement(Heard(60, 300), before, MONTH, 5, unheard=False) == "rising"


def test_new_is_what_was_never_heard_or_clearly_more_than_could_be_hidden() -> None:
    silence = heard(*[None] * 8)
    assert movement(Heard(5, 200), silence, WEEK, 5, unheard=True) == "new"
    assert movement(Heard(5, 200), silence, WEEK, 5, unheard=False) is None
    assert movement(Heard(20, 200), silence, WEEK, 5, unheard=False) == "new"
    assert movement(Heard(20, 200), heard(20, *[None] * 7), WEEK, 5, unheard=False) != "new"


def test_gone_is_said_once_when_the_silence_is_long_enough() -> None:
    loud = [20, 25, 20, 20, 25, 20]
    said = []
    counts: list[int | None] = list(loud)
    for _ in range(6):
        said.append(movement(Heard(None, 200), heard(*counts[-8:]), WEEK, 5, unheard=False))
        counts.append(None)
    assert said == ["fading", None, None, "gone", None, None]


def test_what_hovers_at_the_threshold_is_not_gone() -> None:
    assert movement(Heard(None, 200), heard(5, None, 5, 5, None, 5, None, None), WEEK, 5, unheard=False) is None


def test_nothing_is_said_before_there_is_something_to_compare_with() -> None:
    assert movement(Heard(40, 200), heard(10, 10, 10), WEEK, 5, unheard=True) is None
    assert movement(Heard(40, 200), [], HALF_YEAR, 5, unheard=True) is None


# ---- identity


def assigned(
    questions: list[Question], rows: Whole, register: list[Recurring], period: str = "2026-W10"
) -> tuple[dict[int, str], list[Recurring]]:
    assigning = Assigning(questions, rows, Askers(range(len(questions)), 5), register, period=period)
    found = assigning.assign(range(len(questions)))
    return found, assigning.register


def test_a_question_keeps_its_identity_from_week_to_week() -> None:
    first, register = assigned([asked(n) for n in range(6)], vectors(*((1, n) for n in range(6))), [])
    assert len(set(first.values())) == 1 and len(first) == 6
    second, after = assigned(
        [asked(n) for n in range(9)], vectors(*((1, n) for n in range(20, 29))), register, "2026-W11"
    )
    assert set(second.values()) == set(first.values())
    assert [one.id for one in after] == [one.id for one in register]


def test_the_same_questions_get_the_same_id() -> None:
    questions, rows = [asked(n) for n in range(6)], vectors(*((1, n) for n in range(6)))
    assert assigned(questions, rows, [])[0] == assigned(questions, rows, [])[0]
    assert assigned(questions, rows, [])[1][0].id != assigned(questions, rows, [], "2026-W11")[1][0].id


def test_fewer_askers_than_enough_leave_nothing_behind() -> None:
    found, register = assigned([asked(n) for n in range(4)], vectors(*((1, n) for n in range(4))), [])
    assert (found, register) == ({}, [])


def test_what_a_topic_answered_is_that_topics_question_in_both_languages() -> None:
    questions = [asked(n, TOPIC, "nl" if n % 2 else "en") for n in range(8)]
    found, register = assigned(questions, vectors(*((n, 0) for n in range(8))), [])
    assert len(set(found.values())) == 1 and register[0].topic == TOPIC


def test_a_gap_keeps_its_identity_when_a_topic_comes_to_answer_it() -> None:
    gap, register = assigned([asked(n) for n in range(6)], vectors(*((1, n) for n in range(6))), [])
    answered = [asked(n, TOPIC) for n in range(6)]
    later, after = assigned(answered, vectors(*((1, n) for n in range(30, 36))), register, "2026-W20")
    assert set(later.values()) == set(gap.values())
    assert [one.topic for one in after] == [TOPIC]


def test_a_centroid_drifts_slowly_and_by_nobodys_order() -> None:
    rows = vectors(*((1, n) for n in range(6)), *((2, n) for n in range(6)))
    _, register = assigned([asked(n) for n in range(6)], rows[:6], [])
    one = register[0]
    moved = moved_on(one, rows, set(range(6, 12)), "2026-W11")
    assert moved.last == "2026-W11" and moved.first == one.first
    both = rows[:6].mean(axis=0) @ moved.centroid, rows[6:].mean(axis=0) @ moved.centroid
    assert both[0] > both[1]


# ---- labels


def labels(texts: list[str], askers: list[int] | None = None, language: str = "nl") -> str:
    known = knowledge()
    rows = vectors(*((1, n) for n in range(len(texts))))
    questions = [Question(text, language, None) for text in texts]
    one = Recurring("id", None, "", "nl", "2026-W10", "2026-W10", rows[0])
    counted = Askers(askers or list(range(len(texts))), 5)
    return Labels(questions, rows, counted, known, public_words(known)).label(one, set(range(len(texts))))[0]


def test_a_label_has_no_word_that_fewer_than_enough_used() -> None:
    texts = [
        "Is er subsidie voor ons familiebedrijf Kraanvogel?",
        *[f"Bestaat er subsidie voor diversiteit in vestiging {name}?" for name in ("Zwaluw", "Mus", "Kauw", "Ekster")],
        "Is er subsidie voor diversiteit?",
    ]
    label = labels(texts)
    assert label == "Is er subsidie voor diversiteit?"
    for private in ("Kraanvogel", "Zwaluw", "Mus", "Kauw", "Ekster"):
        assert private.casefold() not in normal_form(label)


def test_where_every_wording_tells_something_the_shared_words_are_the_label() -> None:
    texts = [f"knipmuts afdeling {name}" for name in ("zwaluwnest", "musnest", "kauwnest", "eksternest", "merelnest")]
    label = labels(texts)
    assert "knipmuts" in label and "nest" not in label


def test_one_asker_who_repeats_a_word_does_not_make_it_everybodys() -> None:
    texts = ["Is er subsidie voor kraanvogels?"] * 5 + ["Is er subsidie voor diversiteit?"] * 2
    assert labels(texts, askers=[1, 1, 1, 1, 1, 2, 3]) == "Is er subsidie voor diversiteit?"


def test_what_was_redacted_is_no_label() -> None:
    texts = ["Is er subsidie voor [COMPANY]?"] * 5 + ["Is er subsidie voor diversiteit?"]
    assert labels(texts) == "Is er subsidie voor diversiteit?"


def test_a_greeting_is_no_part_of_a_label() -> None:
    assert labels(["Goedemiddag, is er subsidie?"] * 6) == "Is er subsidie?"


def test_a_question_with_a_topic_is_called_by_the_knowledge() -> None:
    known = knowledge()
    rows = vectors((1, 0), (1, 1))
    questions = [Question("mijn eigen woorden: deadline", "en", TOPIC)] * 2
    one = replace(Recurring("id", None, "", "nl", "2026-W10", "2026-W10", rows[0]), topic=TOPIC)
    label, language = Labels(questions, rows, Askers([1, 2], 2), known, public_words(known)).label(one, {0, 1})
    assert language == "en"
    assert label in {pair["en"] for pair in known.topics[TOPIC].questions}
