"""The forms of the widget: requests for a desk, and checks. Data (knowledge/forms.yml), checked when loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bot.answers.knowledge import DESKS, LANGUAGES, ByLanguage, Knowledge, KnowledgeError, both, read_yaml
from bot.guides.registration import email_address, kvk_number
from bot.texts import text

REQUEST, VERIFICATION = "request", "verification"
SENDS = (REQUEST, "checks/registration", "checks/charter-text", VERIFICATION)
FIELD_KINDS = ("line", "text", "name", "email", "phone", "kvk", "companies", "contacts", "choice", "consent", "code")
FEWEST_ASKS = 6
LONGEST = {"line": 200, "name": 100, "email": 254, "phone": 30, "kvk": 20, "text": 2000, "choice": 60, "code": 100}
"""Characters, where a field says nothing of its own."""
MOST_COMPANIES = 50


@dataclass(frozen=True)
class Field:
    """One field; `most` counts characters, and for companies entries."""

    id: str
    kind: str
    label: ByLanguage
    hint: ByLanguage | None
    required: bool
    most: int | None
    options: tuple[tuple[str, ByLanguage], ...]


@dataclass(frozen=True)
class Form:
    """A form; only requests have a text for when they were sent, and ways to ask for them."""

    id: str
    sends: str
    desk: str
    title: ByLanguage
    intro: ByLanguage
    submit: ByLanguage
    done: ByLanguage | None
    asks: tuple[ByLanguage, ...]
    topics: tuple[str, ...]
    one_of: tuple[tuple[str, ...], ...]
    fields: tuple[Field, ...]

    def shown(self, language: str, retention_days: int) -> dict[str, Any]:
        """As the widget gets it, in one language. retention_days: of requests, which the consent names."""
        return {
            "id": self.id,
            "sends": self.sends,
            "title": self.title[language],
            "intro": self.intro[language],
            "submit": self.submit[language],
            "one_of": [list(group) for group in self.one_of],
            "fields": [
                {
                    "id": field.id,
                    "kind": field.kind,
                    "label": field.label[language].replace("{days}", str(retention_days)),
                    "hint": field.hint[language] if field.hint else None,
                    "required": field.required,
                    "most": field.most,
                    "options": [{"id": id_, "title": title[language]} for id_, title in field.options],
                }
                for field in self.fields
            ],
        }


class FieldsWrong(ValueError):
    """What was filled in cannot be taken; `complaints` says why, per field, in words for the visitor."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__(f"{len(complaints)} fields are wrong")
        self.complaints = complaints


def _field(entry: Mapping[str, Any]) -> Field:
    kind = str(entry["kind"])
    if kind not in FIELD_KINDS:
        raise ValueError(f"field {entry['id']}: there is no kind {kind}")
    return Field(
        id=str(entry["id"]),
        kind=kind,
        label=both(entry["label"]),
        hint=both(entry["hint"]) if entry.get("hint") else None,
        required=bool(entry.get("required", False)),
        most=entry.get("most") or LONGEST.get(kind) or (MOST_COMPANIES if kind == "companies" else None),
        options=tuple((str(option["id"]), both(option["title"])) for option in entry.get("options") or ()),
    )


def _form(id_: str, entry: Mapping[str, Any]) -> Form:
    return Form(
        id=id_,
        sends=str(entry["sends"]),
        desk=str(entry["desk"]),
        title=both(entry["title"]),
        intro=both(entry["intro"]),
        submit=both(entry["submit"]),
        done=both(entry["done"]) if entry.get("done") else None,
        asks=tuple(both(pair) for pair in entry.get("asks") or ()),
        topics=tuple(entry.get("topics") or ()),
        one_of=tuple(tuple(group) for group in entry.get("one_of") or ()),
        fields=tuple(_field(field) for field in entry["fields"]),
    )


def load_forms(folder: Path, knowledge: Knowledge) -> Mapping[str, Form]:
    """Reads forms.yml of the knowledge's folder. Raises KnowledgeError naming every form that breaks a rule."""
    found, forms = [], {}
    for id_, entry in (read_yaml((folder / "forms.yml").read_text(encoding="utf-8"), "forms.yml") or {}).items():
        try:
            forms[id_] = _form(id_, entry)
        except (AttributeError, KeyError, TypeError, ValueError) as problem:
            reason = f"{problem.args[0]} is missing" if isinstance(problem, KeyError) else str(problem)
            found.append(f"forms.yml, {id_}: {reason}")
            continue
        found += [f"forms.yml, {id_}: {problem}" for problem in _problems(forms[id_], knowledge)]
    if found:
        raise KnowledgeError(found)
    return MappingProxyType(forms)


def _problems(form: Form, knowledge: Knowledge) -> Iterator[str]:
    ids = [field.id for field in form.fields]
    if form.sends not in SENDS:
        yield f"there is nowhere {form.sends} to send it to"
    if form.desk not in DESKS:
        yield f"there is no desk {form.desk}"
    if len(set(ids)) != len(ids):
        yield "two fields have the same id"
    yield from (f"there is no topic {topic}" for topic in form.topics if topic not in knowledge.topics)
    yield from (f"one_of names {id_}, which is no field" for group in form.one_of for id_ in group if id_ not in ids)
    yield from (f"{f.id}: a choice has options" for f in form.fields if (f.kind == "choice") != bool(f.options))
    if form.sends != REQUEST:
        return
    if len(form.asks) < FEWEST_ASKS:
        yield f"{len(form.asks)} ways to ask for it, fewer than {FEWEST_ASKS}"
    if form.done is None or any("{reference}" not in form.done[language] for language in LANGUAGES):
        yield "done has no {reference}"
    if not any(field.kind == "consent" and field.required for field in form.fields):
        yield "a request needs the visitor's consent"


def filled_in(form: Form, given: Mapping[str, Any], language: str) -> dict[str, Any]:
    """What was filled in, checked and tidied; empty fields are left out.

    Raises FieldsWrong with a complaint for each wrong field, in the visitor's language.
    """
    complaints: list[str] = []
    found: dict[str, Any] = {}
    wrong: set[str] = set()
    for field in form.fields:
        # A consent is a whole sentence: it is named, not quoted.
        label = text("form.consent", language) if field.kind == "consent" else field.label[language]
        try:
            value = _value(field, given.get(field.id), language)
        except ValueError as problem:
            complaints.append(f"{label}: {problem}")
            wrong.add(field.id)
            continue
        if value not in (None, "", [], False):
            found[field.id] = value
        elif field.required:
            complaints.append(f"{label}: {text('form.required', language)}")
    complaints += [text("form.strange", language, field=key[:40]) for key in set(given) - {f.id for f in form.fields}]
    for group in form.one_of:
        if not set(group) & {*found, *wrong}:
            labels = [field.label[language] for field in form.fields if field.id in group]
            complaints.append(text("form.one_of", language, fields=" / ".join(labels)))
    if complaints:
        raise FieldsWrong(complaints)
    return found


def _line(value: Any, most: int, language: str, *, lines: bool = False) -> str:
    if not isinstance(value, str):
        raise ValueError(text("form.text", language))
    if not lines:
        value = " ".join(value.split())
    value = "".join(c for c in value.strip() if c.isprintable() or (lines and c in "\n\t"))
    if len(value) > most:
        raise ValueError(text("form.too_long", language, most=most))
    return str(value)


def _value(field: Field, value: Any, language: str) -> Any:
    """One value, tidied. Raises ValueError in words for the visitor."""
    if value is None or value == "":
        return None
    if field.kind == "consent":
        if not isinstance(value, bool):
            raise ValueError(text("form.required", language))
        return value
    if field.kind == "companies":
        return _companies(value, field.most or MOST_COMPANIES, language)
    tidy = _line(value, field.most or LONGEST["line"], language, lines=field.kind == "text")
    if not tidy:
        return None
    try:
        if field.kind == "email":
            return email_address(tidy)
        if field.kind == "kvk":
            return kvk_number(tidy)
    except ValueError as problem:
        raise ValueError(text(str(problem), language)) from problem
    if field.kind == "phone" and not (
        re.fullmatch(r"\+?[\d\s()./-]+", tidy) and 8 <= sum(map(str.isdigit, tidy)) <= 15
    ):
        raise ValueError(text("form.phone", language))
    if field.kind == "name" and not any(map(str.isalpha, tidy)):
        raise ValueError(text("form.name", language))
    if field.kind == "choice" and tidy not in {id_ for id_, _ in field.options}:
        raise ValueError(text("form.choice", language))
    return tidy


def _companies(value: Any, most: int, language: str) -> list[dict[str, str]]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ValueError(text("form.text", language))
    filled = [entry for entry in value if any(str(entry.get(key) or "").strip() for key in ("name", "kvk_number"))]
    if len(filled) > most:
        raise ValueError(text("form.too_many", language, most=most))
    found = []
    for number, entry in enumerate(filled, start=1):
        try:
            found.append(_company(entry, language))
        except ValueError as problem:
            raise ValueError(f"{number}. {problem}") from problem
    return found


def _company(entry: Mapping[str, Any], language: str) -> dict[str, str]:
    name, number = (_line(entry.get(key) or "", LONGEST["line"], language) for key in ("name", "kvk_number"))
    try:
        number = kvk_number(number)
    except ValueError as problem:
        raise ValueError(text(str(problem), language)) from problem
    if not any(map(str.isalpha, name)):
        raise ValueError(text("form.name", language))
    return {"name": name, "kvk_number": number}
