"""What is made of a text before anybody answers it: masked, its language found, its hidden start laid bare."""

from __future__ import annotations

import pytest

from bot.answers import knowledge
from bot.conversations.language import certain_language
from bot.conversations.masking import MASK, mask_codes
from bot.conversations.visible import from_first_visible, has_words
from bot.settings import Settings, settings

PATTERN = Settings().activation_code_pattern


@pytest.mark.parametrize(
    "text", ["mijn code is ABCD-1234-EFGH, werkt niet", "code: a1b2-c3d4", "AB12-CD34-EF56-GH78 en ook zz99-yy88"]
)
def test_codes_are_masked(text: str) -> None:
    masked, found = mask_codes(text, PATTERN)
    assert found
    assert MASK in masked
    assert not any(part in masked.upper() for part in ("1234", "C3D4", "CD34", "YY88"))


@pytest.mark.parametrize(
    "text",
    [
        "boekjaar 2024-2025",
        "bel 070-2002 532 of 070 - 3 499 576",
        "KVK 68750110",
        "artikel 2:276 BW",
        "mede-eigenaar van een joint-venture",
        "van 01-01-2025 tot 31-12-2025",
    ],
)
def test_what_is_no_code_stays(text: str) -> None:
    assert mask_codes(text, PATTERN) == (text, False)


def test_no_question_of_the_knowledge_looks_like_a_code() -> None:
    known = knowledge.load(settings().knowledge_dir)
    assert [text for _, _, _, text in known.questions() if mask_codes(text, PATTERN)[1]] == []


def test_short_texts_never_decide_the_language() -> None:
    for text in ("hello there you", "English", "deadline report", "ja", "ok thanks bye"):
        assert certain_language(text) is None


def test_long_texts_do() -> None:
    assert certain_language("Wanneer moeten wij de rapportage bij de SER indienen?") == "nl"
    assert certain_language("When do we have to send the report to the SER?") == "en"


@pytest.mark.parametrize(
    "reference",
    ["5acec7aaad22469cbd38694f48385320", "d37a917916db47ff8db1dcfb00102a48", "the1and2", "report@thequeen.example.org"],
)
def test_a_reference_says_nothing_about_the_language(reference: str) -> None:
    assert certain_language(f"Wat is de kleur van map {reference}?") == "nl"
    assert certain_language(f"{reference} {reference} {reference} {reference}") is None


def test_a_name_that_both_languages_use_says_nothing_either() -> None:
    assert certain_language("What is the Koerskaart?") == "en"
    assert certain_language("Where can I get hold of a copy of the Koerskaart?") == "en"
    assert certain_language("Mogen wij zelf iets doen op Diversity Day?") == "nl"


def test_a_question_is_never_taken_for_the_other_language_often() -> None:
    """A wrong switch annoys more than a missed one: measured over every question of the knowledge."""
    questions = [(text, language) for _, _, language, text in knowledge.load(settings().knowledge_dir).questions()]
    found = [(certain_language(text), language) for text, language in questions]
    wrong = sum(guess is not None and guess != language for guess, language in found)
    assert wrong / len(found) < 0.01


@pytest.mark.parametrize(
    "hidden",
    [
        "",
        " ",
        "\t\n",
        "\u00a0",
        "\u200b\u200c\u200d",
        "\u2060\ufeff",
        "\u00ad",
        "\u202e",
        "\u0301",
        "\u3164\u2800\uffa0",
        "\x00\x1b",
    ],
)
def test_a_slash_does_not_hide(hidden: str) -> None:
    assert from_first_visible(f"{hidden}/restart").startswith("/")
    assert from_first_visible(f"{hidden}wanneer / waar") == "wanneer / waar"


def test_words() -> None:
    assert has_words("é") and has_words("1") and has_words("مرحبا")
    assert not has_words("🙂 ?! …") and not has_words("")
