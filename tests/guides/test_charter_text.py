"""What is seen of a Charter text: its length and the dimensions that it names."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.guides.charter_text import LONGEST, CharterText, check, dimensions, pages, said
from bot.texts import catalogue

SENTENCE = "Wij willen dat iedereen zich bij ons thuis voelt en mee kan doen. "
IDS = ("gender", "ethnic-cultural", "ability", "lgbti", "age")


def named(text: str) -> tuple[str, ...]:
    return check(text).dimensions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In 2028 zijn drie op de tien leidinggevenden vrouwen.", "gender"),
        ("Een evenwichtige m/v-verhouding in de top", "gender"),
        ("GENDERGELIJKHEID staat bij ons voorop", "gender"),
        ("meer topvrouwen", "gender"),
        ("Wij streven naar genderbalans.", "gender"),
        ("women in leadership", "gender"),
        ("Female leaders", "gender"),
        ("more gender equality", "gender"),
        ("meer collega's met een andere culturele achtergrond", "ethnic-cultural"),
        ("talent met een migratieachtergrond", "ethnic-cultural"),
        ("talent met een migratie-achtergrond", "ethnic-cultural"),
        ("biculturele medewerkers", "ethnic-cultural"),
        ("bi-culturele medewerkers", "ethnic-cultural"),
        ("etnisch-culturele diversiteit", "ethnic-cultural"),
        ("ongeacht afkomst", "ethnic-cultural"),
        ("mensen van kleur", "ethnic-cultural"),
        ("people with a migration background", "ethnic-cultural"),
        ("Ethnicity and culture", "ethnic-cultural"),
        ("people of colour", "ethnic-cultural"),
        ("mensen met een arbeidsbeperking", "ability"),
        ("mensen met een (arbeids)beperking", "ability"),
        ("de banenafspraak", "ability"),
        ("neurodiverse collega's", "ability"),
        ("neurodiversiteit", "ability"),
        ("mensen met een afstand\ntot de arbeidsmarkt", "ability"),
        ("met of zonder beperking", "ability"),
        ("collega's met een visuele beperking", "ability"),
        ("employees with disabilities", "ability"),
        ("neurodivergent talent", "ability"),
        ("a distance to the labour market", "ability"),
        ("LHBTIQ+", "lgbti"),
        ("een lhbti-netwerk", "lgbti"),
        ("LHBTQIA+ers", "lgbti"),
        ("queer collega's", "lgbti"),
        ("seksuele oriëntatie", "lgbti"),
        ("seksuele orie\u0308ntatie", "lgbti"),
        ("homo's en lesbiennes", "lgbti"),
        ("transgender personen", "lgbti"),
        ("LGBTI+ employees", "lgbti"),
        ("LGBTQIA colleagues", "lgbti"),
        ("whatever your sexual orientation", "lgbti"),
        ("ongeacht leeftijd", "age"),
        ("leeftijdsdiversiteit", "age"),
        ("jong en oud werken samen", "age"),
        ("jong & oud", "age"),
        ("vijf generaties op de werkvloer", "age"),
        ("50-plussers", "age"),
        ("50plussers", "age"),
        ("50+'ers", "age"),
        ("50+\u2019ers", "age"),
        ("people of every age", "age"),
        ("Older employees", "age"),
        ("intergenerational teams", "age"),
    ],
)
def test_words_that_name_a_dimension(text: str, expected: str) -> None:
    assert named(text) == (expected,)


@pytest.mark.parametrize(
    "text",
    [
        SENTENCE,
        "Een percentage van de pagina's over management, package, stage en engagement",
        "De bagage van onze manager; men doet wat men kan",
        "De bedrijfscultuur verandert. Een inclusieve cultuur.",
        "Een homogeen team; de mentor",
        "Wij zijn er voor toekomstige generaties; de nieuwe generatie machines",
        "We work for future generations in the digital age",
        "We take pride in our work and have the ability to grow",
        "Zonder beperkingen groeien. De manshoge muur.",
        "In the race for talent; 50+ countries; a senior manager",
        "culturele instellingen en cultural heritage",
        "genderal",
        "Iedereen telt mee, wie u ook bent.",
    ],
)
def test_words_that_name_none(text: str) -> None:
    assert named(text) == ()


def test_every_dimension_at_once_in_the_order_of_the_charter() -> None:
    text = "Ongeacht leeftijd, LHBTI+, arbeidsvermogen, etnisch-culturele achtergrond of gender."
    assert named(text) == IDS
    assert named("Regardless of age, LGBTI+, capacity for work, ethnic background or gender.") == IDS


def test_the_titles_and_every_word_name_their_own_dimension() -> None:
    assert tuple(dimension.id for dimension in dimensions()) == IDS
    for dimension in dimensions():
        for title in dimension.title.values():
            assert named(title) == (dimension.id,), title


def test_a_page_is_a_page() -> None:
    assert check("Kort.") == CharterText(1, True, ())
    longest = max(count for count in range(1, 100) if pages(SENTENCE * count) == 1)
    assert 3500 < longest * len(SENTENCE) < 4500, "Word sets about as much in Arial"
    assert check(SENTENCE * (longest + 1)) == CharterText(2, False, ())


def test_white_space_takes_no_pages_but_lines_do() -> None:
    assert pages("a\n\n\n\n" * 3) == 1
    assert pages("\n" * 5000 + "a") == 1
    assert pages("a\n" * 100) == 3
    assert pages("a\r\n" * 100) == 3
    assert pages("een lang verhaal\u00a0" * 800) > 2, "a space that does not break is a space"
    assert pages("a" * LONGEST) > 3, "a word that does not fit goes on"


@pytest.mark.parametrize(
    "text",
    [
        '#read("/etc/passwd") ' * 300,
        "#pagebreak() " * 300,
        "$ x $ *a* @x <y> `z` // weg " * 100,
        "= kop\n\n" * 20,
    ],
)
def test_markup_takes_room_as_text(text: str) -> None:
    letters = re.sub(r"[^\sa-z]", "x", text)
    assert abs(pages(text) - pages(letters)) <= 1


@pytest.mark.parametrize(
    "text",
    ["😀", "日本 ", "أَمۡ ", "e\u0301", "a\u200d", "\ud800 ", "\x00", "a ", "-", "a\n", "a\n\n", "met een ", "vrouw"],
)
def test_the_strangest_longest_text_is_seen_quickly(text: str) -> None:
    started = time.monotonic()
    assert check((text * LONGEST)[: LONGEST - 1] + "x").pages >= 1
    assert time.monotonic() - started < 5


@given(st.text(min_size=1, max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_text_has_pages(text: str) -> None:
    assert pages(text) >= 1


def test_the_bounds() -> None:
    assert check("a " * (LONGEST // 2)).pages > 1
    with pytest.raises(ValueError, match=r"^charter_text\.too_long$"):
        check("a" * (LONGEST + 1))
    for empty in ("", " \n\t "):
        with pytest.raises(ValueError, match=r"^charter_text\.empty$"):
            check(empty)
    assert {"charter_text.too_long", "charter_text.empty"} <= set(catalogue("nl"))
    assert f"{LONGEST:,}" in catalogue("en")["charter_text.too_long"]


@pytest.mark.parametrize(
    ("language", "fits", "not_yet", "one", "kept"),
    [
        ("nl", "past op één pagina", "ongeveer 3 pagina's", "Eén dimensie is genoeg", "Uw tekst is niet bewaard."),
        ("en", "fits on one page", "about 3 pages", "One dimension is enough", "Your text was not kept."),
    ],
)
def test_what_is_said(language: str, fits: str, not_yet: str, one: str, kept: str) -> None:
    titles = [dimension.title[language] for dimension in dimensions()]
    good = said(CharterText(1, True, ("lgbti",)), language)
    assert fits in good and one in good and f"**{titles[3]}**" in good
    assert not any(title in good for title in (titles[0], titles[1], titles[2], titles[4]))
    long = said(CharterText(3, False, ()), language)
    assert not_yet in long and "Tip:" in long and fits not in long
    assert all(title in long for title in titles)
    several = said(CharterText(1, True, ("gender", "lgbti", "age")), language)
    joint = {"nl": " en ", "en": " and "}[language]
    assert f"**{titles[0]}, {titles[3]}{joint}{titles[4]}**" in several
    for text in (good, long, several):
        assert text.endswith(kept)
        assert "070 - 3 499 576" in text
        assert "{" not in text
