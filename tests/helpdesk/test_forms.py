"""The forms: what is wrong with one is named when it is loaded, and what is filled in is checked and tidied."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.answers.knowledge import KnowledgeError, load
from bot.helpdesk.forms import REQUEST, SENDS, FieldsWrong, Form, filled_in, load_forms
from bot.settings import settings
from bot.texts import LANGUAGES, text

FOLDER = settings().knowledge_dir
KNOWLEDGE = load(FOLDER)
CONTACT = {"name": "Vera Voorbeeld", "email": "vera@example.nl", "consent": True}
COMPANY = {"name": "Voorbeeld BV", "kvk_number": "68750110"}
GOOD: dict[str, dict[str, Any]] = {
    "code-missing": {"companies": [COMPANY], **CONTACT, "remarks": "Ook de bijlage ontbreekt."},
    "letter-wrong": {"companies": [COMPANY], "wrong": "new-address", "address": "Dorpsstraat 1\nOns Dorp", **CONTACT},
    "orientation-talk": {"organisation": "Voorbeeld BV", "about": "Waar beginnen wij?", **CONTACT},
    "introduction-talk": {"organisation": "Voorbeeld BV", **CONTACT},
    "advice-talk": {"organisation": "Voorbeeld BV", "about": "Ons plan.", **CONTACT},
    "question": {
        "desk": "charter", "question": "Mag een stichting tekenen?", "email": "vera@example.nl", "consent": True
    },
    "call-back": {
        "desk": "charter", "subject": "Het plan", "name": "Vera Voorbeeld", "phone": "070 123 45 67", "consent": True
    },
}  # fmt: skip
MINIMAL = {"name": "Vera Voorbeeld", "phone": "+31 70 123 45 67", "consent": True}


@cache
def forms() -> Mapping[str, Form]:
    return load_forms(FOLDER, KNOWLEDGE)


@cache
def written() -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / "forms.yml").read_text(encoding="utf-8")))


def complaints(form: str, given_: Mapping[str, Any], language: str = "nl") -> list[str]:
    with pytest.raises(FieldsWrong) as wrong:
        filled_in(forms()[form], given_, language)
    return wrong.value.complaints


def label(form: str, field: str, language: str) -> str:
    """What a complaint calls the field: a consent, which is a whole sentence, by one word."""
    [found] = [f for f in forms()[form].fields if f.id == field]
    return {"nl": "Akkoord", "en": "Consent"}[language] if found.kind == "consent" else found.label[language]


def check_complaint(said: str, form: str, field: str, language: str, key: str, **values: object) -> None:
    """The complaint names the field, and says what is wrong with it in words that are whole."""
    assert said.startswith(f"{label(form, field, language)}: ")
    assert said.endswith(f": {text(key, language, **values) if values else text(key, language)}")
    assert "{" not in said


# Loading


def test_every_form_goes_somewhere_and_every_kind_of_request_is_tried_here() -> None:
    assert {form.sends for form in forms().values()} == set(SENDS)
    assert {form.id for form in forms().values() if form.sends == REQUEST} == set(GOOD)


def test_a_form_is_shown_in_one_language() -> None:
    for form in forms().values():
        dutch, english = form.shown("nl", 180), form.shown("en", 180)
        assert set(dutch) == {"id", "sends", "title", "intro", "submit", "one_of", "fields"}
        assert dutch["title"] != english["title"]
        assert [f["id"] for f in dutch["fields"]] == [f["id"] for f in english["fields"]]
        for field in dutch["fields"]:
            assert (field["kind"] == "choice") == bool(field["options"])
        for shown in (dutch, english):
            consents = [field["label"] for field in shown["fields"] if field["kind"] == "consent"]
            assert all("180" in label and "{" not in label for label in consents), "how long it is kept"


def test_no_form_speaks_to_the_visitor_as_a_friend() -> None:
    for form in forms().values():
        said = " ".join([form.title["nl"], form.intro["nl"], form.submit["nl"], (form.done or {"nl": ""})["nl"]])
        said += " ".join(f"{f.label['nl']} {f.hint['nl'] if f.hint else ''}" for f in form.fields)
        assert not re.search(r"\b(je|jij|jou|jouw|jullie)\b", said, re.IGNORECASE), form.id


def _without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda form: form.pop(key)


def _with(key: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda form: form.update({key: value})


def _field(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda form: form["fields"][0].update(values)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (_without("title"), "title is missing"),
        (_without("fields"), "fields is missing"),
        (_without("done"), "done has no {reference}"),
        (_with("done", {"nl": "Uw kenmerk is {reference}.", "en": "Thank you."}), "done has no {reference}"),
        (_with("sends", "elsewhere"), "nowhere elsewhere"),
        (_with("desk", "reception"), "no desk reception"),
        (_with("topics", ["law.gone"]), "no topic law.gone"),
        (_with("one_of", [["email", "fax"]]), "one_of names fax"),
        (_with("asks", []), "0 ways to ask for it"),
        (_with("fields", "name"), "code-missing"),
        (_field(id="email"), "two fields have the same id"),
        (_field(kind="colour"), "there is no kind colour"),
        (_field(kind="choice"), "a choice has options"),
        (_field(label={"nl": "Alleen Nederlands"}), "code-missing"),
        (lambda form: form["fields"].pop(), "needs the visitor's consent"),
        (lambda form: form["fields"][-1].update(required=False), "needs the visitor's consent"),
    ],
    ids=range(16),
)
def test_a_form_that_breaks_a_rule_is_named(
    spoil: Callable[[dict[str, Any]], object], complaint: str, tmp_path: Path
) -> None:
    """The consent is spoiled in this form alone: forms share their fields."""
    broken = deepcopy(written()["code-missing"])
    spoil(broken)
    content = yaml.safe_dump({"code-missing": broken, "call-back": written()["call-back"]}, allow_unicode=True)
    (tmp_path / "forms.yml").write_text(content, encoding="utf-8")
    with pytest.raises(KnowledgeError) as wrong:
        load_forms(tmp_path, KNOWLEDGE)
    assert "forms.yml, code-missing" in str(wrong.value)
    assert complaint in str(wrong.value)
    assert "call-back" not in str(wrong.value)


# What is filled in


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", sorted(GOOD))
def test_well_filled_in(form: str, language: str) -> None:
    assert filled_in(forms()[form], GOOD[form], language) == GOOD[form]


@pytest.mark.parametrize("form", sorted(set(GOOD) - {"call-back", "question"}))
def test_an_address_or_a_number_is_enough(form: str) -> None:
    """Empty fields are left out, whichever way they are empty."""
    bare = {key: value for key, value in GOOD[form].items() if key != "email"}
    bare |= MINIMAL
    found = filled_in(forms()[form], bare | {"email": ""}, "nl")
    assert (found["phone"], "email" in found) == ("+31 70 123 45 67", False)
    assert filled_in(forms()[form], bare | {"email": None}, "nl") == found
    assert filled_in(forms()[form], bare | {"email": "   "}, "nl") == found


def test_a_question_needs_no_contact_details() -> None:
    """Only who wants the answer by mail fills in an address."""
    bare = {key: value for key, value in GOOD["question"].items() if key != "email"}
    assert filled_in(forms()["question"], bare, "nl") == bare


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", sorted(GOOD))
def test_nothing_filled_in(form: str, language: str) -> None:
    """Each field that is needed is named by its label, and so is the choice between two."""
    found = complaints(form, {}, language)
    needed = [field for field in forms()[form].fields if field.required]
    for said, field in zip(found, needed, strict=False):
        check_complaint(said, form, field.id, language, "form.required")
    either = [" / ".join(label(form, id_, language) for id_ in group) for group in forms()[form].one_of]
    assert found[len(needed) :] == [text("form.one_of", language, fields=fields) for fields in either]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("form", "field", "value", "key"),
    [
        ("code-missing", "name", "1234", "form.name"),
        ("code-missing", "name", 12, "form.text"),
        ("code-missing", "email", "vera at example.nl", "registration.email.wrong"),
        ("code-missing", "email", "vera@example", "registration.email.wrong"),
        ("code-missing", "email", ["vera@example.nl"], "form.text"),
        ("code-missing", "phone", "bel mij", "form.phone"),
        ("code-missing", "phone", "1234567", "form.phone"),
        ("code-missing", "phone", "1" * 16, "form.phone"),
        ("code-missing", "remarks", {"a": "b"}, "form.text"),
        ("code-missing", "consent", False, "form.required"),
        ("code-missing", "consent", "ja", "form.required"),
        ("code-missing", "consent", 1, "form.required"),
        ("code-missing", "companies", "Voorbeeld BV", "form.text"),
        ("code-missing", "companies", ["Voorbeeld BV"], "form.text"),
        ("code-missing", "companies", {"name": "Voorbeeld BV"}, "form.text"),
        ("code-missing", "companies", [], "form.required"),
        ("code-missing", "companies", [{"name": "", "kvk_number": ""}], "form.required"),
        ("letter-wrong", "wrong", "everything", "form.choice"),
        ("letter-wrong", "wrong", ["other"], "form.text"),
        ("orientation-talk", "organisation", True, "form.text"),
        ("introduction-talk", "organisation", "\u200b", "form.required"),
        ("advice-talk", "about", " \n ", "form.required"),
        ("call-back", "desk", "Het Diversiteitsportaal", "form.choice"),
        ("call-back", "desk", "reception", "form.choice"),
        ("call-back", "when", "tomorrow", "form.choice"),
        ("call-back", "phone", "", "form.required"),
    ],
)  # fmt: skip
def test_a_wrong_value_says_what_is_wrong(form: str, field: str, value: object, key: str, language: str) -> None:
    both_ways = {"email": "vera@example.nl", "phone": "070 123 45 67"}
    given_ = {key: value for key, value in both_ways.items() if key in {f.id for f in forms()[form].fields}}
    [said] = complaints(form, GOOD[form] | given_ | {field: value}, language)
    check_complaint(said, form, field, language, key)


@pytest.mark.parametrize(("field", "value"), [("email", "vera at example.nl"), ("phone", "070 123")])
def test_what_is_filled_in_wrongly_is_not_called_empty(field: str, value: str) -> None:
    """ "Fill in one of these", said to somebody who did."""
    bare = {key: value for key, value in GOOD["code-missing"].items() if key != "email"}
    [said] = complaints("code-missing", bare | {field: value})
    assert said.startswith(label("code-missing", field, "nl"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("company", "key"),
    [
        ({"name": "Voorbeeld BV", "kvk_number": ""}, "registration.kvk.empty"),
        ({"name": "Voorbeeld BV"}, "registration.kvk.empty"),
        ({"name": "Voorbeeld BV", "kvk_number": "6875011"}, "registration.kvk.length"),
        ({"name": "Voorbeeld BV", "kvk_number": "687501100"}, "registration.kvk.rsin"),
        ({"name": "Voorbeeld BV", "kvk_number": "000068750110"}, "registration.kvk.establishment"),
        ({"name": "Voorbeeld BV", "kvk_number": "KVK 68750110"}, "registration.kvk.letters"),
        ({"name": "", "kvk_number": "68750110"}, "form.name"),
        ({"name": "???", "kvk_number": "68750110"}, "form.name"),
        ({"name": "Voorbeeld BV", "kvk_number": 68750110}, "form.text"),
        ({"name": "Voorbeeld " * 21, "kvk_number": "68750110"}, "form.too_long"),
    ],
)
def test_the_company_that_is_wrong_is_numbered(company: dict[str, Any], key: str, language: str) -> None:
    [said] = complaints("code-missing", GOOD["code-missing"] | {"companies": [COMPANY, company]}, language)
    assert said.startswith(label("code-missing", "companies", language))
    assert said.endswith(text(key, language, most=200) if key == "form.too_long" else text(key, language))
    assert ": 2. " in said


def test_as_many_companies_as_the_form_takes() -> None:
    """Fifty without a code; a letter is for one."""
    fifty = GOOD["code-missing"] | {"companies": [COMPANY] * 50}
    assert len(filled_in(forms()["code-missing"], fifty, "nl")["companies"]) == 50
    [said] = complaints("code-missing", fifty | {"companies": [COMPANY] * 51})
    assert said.endswith(text("form.too_many", "nl", most=50))
    [said] = complaints("letter-wrong", GOOD["letter-wrong"] | {"companies": [COMPANY] * 2})
    assert said.endswith(text("form.too_many", "nl", most=1))


def test_rows_that_were_left_empty_do_not_count() -> None:
    rows = [{}, COMPANY, {"name": " ", "kvk_number": ""}, COMPANY]
    found = filled_in(forms()["code-missing"], GOOD["code-missing"] | {"companies": rows}, "nl")
    assert found["companies"] == [COMPANY] * 2


def test_no_company_is_dropped_in_silence() -> None:
    """Behind an empty row the fifty-first company and the next ones were left out, and the form was taken."""
    rows = [{}, *[COMPANY] * 55]
    [said] = complaints("code-missing", GOOD["code-missing"] | {"companies": rows})
    assert said.endswith(text("form.too_many", "nl", most=50))


@pytest.mark.parametrize("form", sorted(GOOD))
def test_as_long_as_a_field_takes_and_one_more(form: str) -> None:
    for field in forms()[form].fields:
        if field.kind not in ("line", "text", "name"):
            continue
        assert field.most
        most = "a" * field.most
        assert filled_in(forms()[form], GOOD[form] | {field.id: f" {most} "}, "nl")[field.id] == most
        [said] = complaints(form, GOOD[form] | {field.id: most + "a"}, "en")
        assert said.endswith(text("form.too_long", "en", most=field.most))


def test_an_unknown_field_is_named_and_a_long_name_is_cut() -> None:
    [said] = complaints("call-back", GOOD["call-back"] | {"bsn": "1"})
    assert said == text("form.strange", "nl", field="bsn")
    [said] = complaints("call-back", GOOD["call-back"] | {"x" * 4000: "1"}, "en")
    assert said == text("form.strange", "en", field="x" * 40)


def test_what_is_wrong_is_said_of_every_field_at_once() -> None:
    found = complaints("letter-wrong", {"companies": [], "wrong": "x", "name": "1", "email": "2", "phone": "3"})
    assert len(found) == 6, "five fields and the consent; an address and a number were filled in"
    fields = ("companies", "wrong", "name", "email", "phone", "consent")
    assert all(any(said.startswith(f"{label('letter-wrong', field, 'nl')}: ") for said in found) for field in fields)


def test_what_is_filled_in_is_tidied() -> None:
    found = filled_in(
        forms()["code-missing"],
        {
            "companies": [{"name": "  Voorbeeld \n BV ", "kvk_number": "68 75.01 10", "city": "?"}, {}],
            "name": "\tVera\u200b  Voorbeeld\x00",
            "email": " Vera@EXAMPLE.nl ",
            "phone": "(070) 123 45 67",
            "remarks": "  één\n\ttwee\x07 ",
            "consent": True,
        },
        "nl",
    )
    assert found == {
        "companies": [COMPANY],
        "name": "Vera Voorbeeld",
        "email": "Vera@example.nl",
        "phone": "(070) 123 45 67",
        "remarks": "één\n\ttwee",
        "consent": True,
    }


@pytest.mark.parametrize("number", ["070 - 123 45 67", "06-12345678", "+31 (0)6 12345678", "070/1234567", "0701234567"])
def test_numbers_as_people_write_them(number: str) -> None:
    assert filled_in(forms()["call-back"], GOOD["call-back"] | {"phone": number}, "nl")["phone"] == number


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_whatever_is_sent_is_taken_or_refused(form: str, data: st.DataObject) -> None:
    """Never another exception; a refusal says something, and what is taken was filled in by the visitor."""
    ids = [field.id for field in forms()[form].fields]
    sent = GOOD[form] | data.draw(st.dictionaries(st.sampled_from(ids) | st.text(string.ascii_letters), _ANYTHING))
    language = data.draw(st.sampled_from(LANGUAGES))
    try:
        found = filled_in(forms()[form], sent, language)
    except FieldsWrong as problem:
        assert problem.complaints
        assert all(len(said) < 400 for said in problem.complaints)
    else:
        assert set(found) <= set(ids) & set(sent)
        assert found["consent"] is True
