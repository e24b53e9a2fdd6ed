"""Redaction: what points to one person or company goes, what the field talks about stays."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bot.answers.knowledge import LANGUAGES, load
from bot.conversations.masking import MASK
from bot.database.engine import open_engine
from bot.registry.models import Company, Contact
from bot.settings import ROOT, Settings, settings
from bot.trends.names import Names, known_names
from bot.trends.redaction import KINDS, LONGEST, TAGS, Own, Redactor, is_bsn, tidy
from bot.trends.words import Words, load_words
from tests.eval import redaction as evaluation

KNOWLEDGE = load(settings().knowledge_dir)
PATTERN = str(Settings.model_fields["activation_code_pattern"].default)


@pytest.fixture(scope="module")
def words() -> Words:
    return load_words(KNOWLEDGE)


@pytest.fixture(scope="module")
def redactor(words: Words) -> Redactor:
    return evaluation.redactor_for(evaluation.read(), KNOWLEDGE)


def redacted(redactor: Redactor, text: str, language: str = "nl") -> str:
    return redactor.redact(text, language).text


# The measured set


def test_the_measured_set_is_large_and_in_both_languages() -> None:
    sentences = evaluation.read().sentences
    assert len(sentences) >= 300
    for language in LANGUAGES:
        own = [sentence for sentence in sentences if sentence.language == language]
        assert len(own) >= 140
        assert sum(not sentence.spans for sentence in own) >= 40
        kinds = {span.kind for sentence in own for span in sentence.spans}
        assert kinds >= set(KINDS) - {"masked", "number"}, language


def test_what_is_published_holds(redactor: Redactor) -> None:
    """Lower bounds below what docs/measured/eval.json says, for sentences that were not looked at."""
    for part, recall in (("seen", 0.98), ("unseen", 0.93)):
        measured = evaluation.measure(redactor, [s for s in evaluation.read().sentences if s.part == part])
        for language, figures in measured["languages"].items():
            assert figures["kinds"]["all"]["recall"] >= recall, (part, language, measured["wrong"])
            assert figures["kinds"]["all"]["precision"] >= 0.97, (part, language, measured["wrong"])
            assert figures["left_as_they_are"] >= 0.97, (part, language, measured["wrong"])


def test_the_knowledges_own_questions_stay_as_they_are(redactor: Redactor) -> None:
    asked = [(text, language) for _, number, language, text in KNOWLEDGE.questions() if number < 4]
    touched = [text for text, language in asked if redactor.redact(tidy(text), language).found]
    assert len(touched) <= len(asked) // 200, touched


# Kind by kind


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("KVK 90001234, klopt dat?", "KVK [KVK], klopt dat?"),
        ("kvk-nummer: 90 00 12 34", "kvk-nummer: [KVK]"),
        ("Ons nummer is 9000.1234", "Ons nummer is [KVK]"),
        ("mijn code is ab12-cd34-ef56", "mijn code is [CODE]"),
        ("eenmalige code K7PQ-3MXD", "eenmalige code [CODE]"),
        ("bel 06 - 1234 5678", "bel [PHONE]"),
        ("bel (06-12345678) of mail", "bel ([PHONE]) of mail"),
        ("+31 (0)20 123 45 67", "[PHONE]"),
        ("jan@voorbeeld.nl vraagt", "[EMAIL] vraagt"),
        ("NL91 ABNA 0417 1643 00", "[IBAN]"),
        ("bsn 123456782", "bsn [BSN]"),
        ("123456789 is geen bsn", "[NUMBER] is geen bsn"),
        ("kijk op www.voorbeeldbloemen.nl/team", "kijk op [URL]"),
        (f"mijn code is {MASK}", "mijn code is [MASKED]"),
        ("Kerkstraat 12, 3511 AB Utrecht", "[PLACE]"),
        ("in utrecht en in Den Haag", "in [PLACE] en in [PLACE]"),
        ("Jansen Transport B.V. vraagt", "[COMPANY] vraagt"),
        ("mevrouw De Vries", "mevrouw [PERSON]"),
        ("Ik ben Jan de Vries. Wat is het Charter?", "Ik ben [PERSON]. Wat is het Charter?"),
        ("Mijn naam is J.P. Bakker. Hoe teken ik?", "Mijn naam is [PERSON]. Hoe teken ik?"),
        ("Ｊａｎ de Vries", "[PERSON]"),
        ("Ik ben Ja\u00adn de Vr\u200bies", "Ik ben [PERSON]"),
        ("regel een\nregel twee", "regel een regel twee"),
    ],
)
def test_one_of_each(redactor: Redactor, said: str, left: str) -> None:
    assert redacted(redactor, said) == left


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "said",
    [
        "Randstad, ABU, AWVN, NBBU, VNO-NCW, FNV, SER, TNO en KIS",
        "Inspectie SZW en De Normaalste Zaak",
        "het Charter, de Koerskaart, de Monitor en de Werkagenda",
        "Girls' Day and Girls Day and Diversity Day",
        "Nederland, Netherlands, Dutch, Belgium en Duitse dochters",
        "op 31 december 2025, 31-12-2025 of 2025-12-31",
        "tussen 2024 2025, of 2024-2025",
        "een omzet van € 50.000.000 en 250 medewerkers",
        "EUR 12 000 000 omzet",
        "artikel 2:166 lid 2 BW",
        "bel de helpdesk: 070 - 3 499 576",
        "mail dib@ser.nl",
        "zie www.diversiteitsportaal.nl of https://www.diversiteitsportaal.nl",
        "grote bv's en nv's, een BV of een NV",
        "My company may sign in May, will it?",
    ],
)
def test_terms_of_the_field_stay(redactor: Redactor, said: str, language: str) -> None:
    assert redacted(redactor, said, language) == said


def test_a_page_with_something_personal_in_its_address_goes_and_its_website_stays(redactor: Redactor) -> None:
    assert redacted(redactor, "zie https://www.diversiteitsportaal.nl/mijn/90001234?code=1") == (
        "zie https://www.diversiteitsportaal.nl[URL]"
    )


def test_a_term_in_the_name_of_a_company_goes_with_it(redactor: Redactor) -> None:
    assert redacted(redactor, "Randstad Transport BV is niet Randstad") == "[COMPANY] is niet Randstad"


def test_what_was_found_is_told_in_order(redactor: Redactor) -> None:
    found = redactor.redact("Jan de Vries, 06-12345678, KVK 90001234", "nl")
    assert found.found == ("person", "phone", "kvk")
    assert found.text == "[PERSON], [PHONE], KVK [KVK]"
    assert found.says_something
    assert not redactor.redact("Jan de Vries, 06-12345678", "nl").says_something


def test_redacting_again_changes_nothing(redactor: Redactor) -> None:
    for sentence in evaluation.read().sentences:
        once = redacted(redactor, sentence.text, sentence.language)
        assert redacted(redactor, once, sentence.language) == once


def test_the_same_text_gives_the_same(redactor: Redactor) -> None:
    text = "Ik ben Jan de Vries van Jansen Transport BV uit Utrecht, 06-12345678"
    assert len({redacted(redactor, text) for _ in range(5)}) == 1


@pytest.mark.parametrize(
    "text", ["", " ", "\n", "?!", "•", "😀", "a" * 9000, "Jan " * 3000, "(" * 3000, "1" * 5000, "-1" * 3000]
)
def test_strange_and_long_texts_are_redacted_in_bounded_time(redactor: Redactor, text: str) -> None:
    for language in LANGUAGES:
        assert len(redacted(redactor, text, language)) <= LONGEST


def test_every_kind_has_a_tag_that_both_languages_can_read() -> None:
    assert set(TAGS) == set(KINDS)
    assert all(tag.isascii() and tag.isupper() for tag in TAGS.values())


@pytest.mark.parametrize(("digits", "right"), [("123456782", True), ("123456789", False), ("000000000", False)])
def test_the_test_of_a_citizen_service_number(digits: str, right: bool) -> None:
    assert is_bsn(digits) is right


# Names that the registry knows


def found_in(names: Names, text: str) -> list[tuple[str, str]]:
    return [(text[found.start : found.end], found.kind) for found in names.find(text)]


def test_a_company_is_found_however_it_is_written() -> None:
    names = Names(["Noordster Logistiek Holding N.V."])
    for written in (
        "Noordster Logistiek Holding NV",
        "noordster logistiek",
        "NOORDSTER LOGISTIEK HOLDING n.v.",
        "Noordster-Logistiek B.V.",
    ):
        assert found_in(names, f"Is {written} al aangemeld?") == [(written, "company")]
    assert found_in(names, "Is Noordster al aangemeld?") == []
    assert found_in(names, "Noordsterlogistiek") == []


def test_accents_make_no_difference() -> None:
    names = Names(["Café Zoë BV"], ["Szymon Wiśniewski"])
    assert found_in(names, "cafe zoe en szymon wisniewski") == [
        ("cafe zoe", "company"),
        ("szymon wisniewski", "person"),
    ]


def test_a_company_that_is_called_an_ordinary_word() -> None:
    names = Names(["Horizon BV"], ordinary={"horizon"})
    assert found_in(names, "Onze horizon is vijf jaar.") == []
    assert found_in(names, "Horizon is een begrip.") == []
    assert found_in(names, "Wij van Horizon vragen") == [("Horizon", "company")]
    assert found_in(names, "horizon bv vraagt") == [("horizon bv", "company")]


def test_a_company_that_is_called_a_term_stays_readable() -> None:
    assert found_in(Names(["Randstad", "Randstad NV"], terms={"randstad"}), "Wat doet Randstad?") == []


def test_a_surname_alone_is_not_a_contact() -> None:
    assert found_in(Names(people=["Bakker", "Joy Baker"]), "Bakker en Joy Baker") == [("Joy Baker", "person")]


def test_five_thousand_companies_are_looked_up_at_once() -> None:
    names = Names([f"Voorbeeld {number} Handel BV" for number in range(5000)])
    assert len(names) == 5_000
    assert found_in(names, "voorbeeld 4321 handel vraagt") == [("voorbeeld 4321 handel", "company")]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def test_names_come_from_the_registry(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        session.add(
            Company(
                kvk_number="90001234", name="Zilverduin Zorggroep", legal_form="bv", listed=False, size_class="large"
            )
        )
        session.add(Contact(email="v@example.org", name="Vera Voorbeeld", account="none"))
    names = known_names(engine)
    assert found_in(names, "vera voorbeeld van zilverduin") == [("vera voorbeeld", "person")]
    assert found_in(names, "Zilverduin Zorggroep") == [("Zilverduin Zorggroep", "company")]


# The lists


def test_opening_the_lists_leaves_logging_as_it_was() -> None:
    """Importing deduce sets up logging on the screen, at the level of debugging."""
    code = (
        "import logging, warnings; from pathlib import Path; before = list(warnings.filters);"
        "from bot.trends.words import open_deduce; open_deduce();"
        "root = logging.getLogger(); assert root.handlers == [] and root.level == logging.WARNING, root;"
        "assert logging.root.manager.disable == 0; assert warnings.filters == before"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert logging.root.manager.disable == 0


def test_no_term_is_lost(words: Words) -> None:
    for term in ("randstad", "charter", "ser", "girls' day", "de normaalste zaak", "inspectie szw"):
        assert term in words.terms
    assert {"jan", "fatima", "emily", "priya"} <= words.given_names
    assert "utrecht" in words.places and "kerkstraat" in words.streets


def test_what_we_name_ourselves_is_read_from_the_knowledge() -> None:
    own = Own.of(KNOWLEDGE)
    assert {"ser.nl", "diversiteitsportaal.nl"} <= own.hosts
    assert "0703499576" in own.numbers
