"""The house keeps its shape: arrows go one way, and every name that people rely on is documented."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from bot.answers import knowledge
from bot.guides.charter_text import load_dimensions
from bot.guides.guiding import Guiding, open_guiding
from bot.guides.outline import outline
from bot.helpdesk.forms import FIELD_KINDS, REQUEST, SENDS
from bot.registry.verification import Limit
from bot.settings import Settings
from bot.texts import catalogue
from integrations.website import conversations, forms, guides, health, pages, partners, stream, verification

ROOT = Path(__file__).resolve().parent.parent
KNOWLEDGE = ROOT / "knowledge"
SOURCES = sorted([*(ROOT / "bot").rglob("*.py"), *(ROOT / "integrations").rglob("*.py")])


@pytest.fixture(scope="module")
def guiding() -> Guiding:
    return open_guiding(KNOWLEDGE, knowledge.load(KNOWLEDGE))


def imported(file: Path) -> set[str]:
    """The modules that a file imports, by their full name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def importers_of(package: str) -> set[str]:
    """The folders and modules that import a package."""
    return {
        str(file.relative_to(ROOT))
        for file in SOURCES
        if any(name == package or name.startswith(f"{package}.") for name in imported(file))
    }


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("integrations", r"integrations/"),
        ("sanic", r"integrations/|bot/actions/__main__\.py"),
        ("rasa", r"bot/nlu/"),
        ("rasa_sdk", r"bot/actions/"),
        ("bot.actions", r"bot/actions/"),
        ("bot.nlu", r"bot/nlu/"),
        ("torch", r"bot/encoder/(build|tuning|export)\.py"),
        ("sentence_transformers", r"bot/encoder/(build|tuning|export|measure)\.py|bot/train\.py"),
        ("sklearn", r"bot/nlu/classifier\.py|bot/answers/training\.py"),
    ],
)
def test_arrows_go_one_way(package: str, allowed: str) -> None:
    strangers = {name for name in importers_of(package) if not re.match(allowed, name)}
    assert not strangers, f"{package} may not be imported by {strangers}"


def test_what_runs_in_rasa_needs_little() -> None:
    """These run on Python 3.10, beside Rasa's own old libraries."""
    allowed = {
        "__future__", "aiohttp", "asyncio", "base64", "collections", "concurrent",
        "contextlib", "dataclasses", "datetime", "functools", "hashlib", "json", "logging", "os",
        "pathlib", "re", "threading", "time", "types", "typing", "numpy", "onnxruntime", "tokenizers", "yaml", "rasa",
        "sklearn", "jsonschema", "bot",
    }  # fmt: skip
    files = [ROOT / "bot/encoder/runtime.py", ROOT / "bot/answers/knowledge.py", *(ROOT / "bot/nlu").glob("*.py")]
    for file in files:
        names = {name.partition(".")[0] for name in imported(file)}
        assert names <= allowed, f"{file.name} imports {names - allowed}"
        ours = {name for name in imported(file) if name.startswith("bot.")}
        assert ours <= {
            "bot.encoder.runtime",
            "bot.answers",
            "bot.answers.knowledge",
            "bot.nlu.featurizer",
            "bot.nlu.lighter_turns",
            "bot.nlu.quiet_log",
        }


def test_every_setting_is_documented() -> None:
    documented = set(re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_every_command_is_in_the_readme() -> None:
    commands = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)) - {"help"}
    readme = (ROOT / "README.md").read_text()
    assert {name for name in commands if f"`make {name}`" not in readme} == set()


def test_every_endpoint_is_in_the_contract() -> None:
    document = pages.api_document()
    described = {
        (method.upper(), path)
        for path, methods in document["paths"].items()  # type: ignore[attr-defined]
        for method in methods
        if method != "parameters"
    }
    routes = set()
    for blueprint in (part.blueprint for part in (conversations, forms, guides, verification, partners, health, pages)):
        for route in blueprint._future_routes:
            path = re.sub(
                r"<(\w+)_?:\w+>", lambda m: "{" + m[1].rstrip("_") + "}", f"{blueprint.url_prefix or ''}{route.uri}"
            )
            routes |= {(method, path.rstrip("/") or "/") for method in route.methods}
    pages_only = {"/", "/en", "/favicon.ico", "/openapi.json", "/docs", "/<name:widget.(?:js|css)>"}
    assert {(method, path) for method, path in routes if path not in pages_only} == described
    assert "/stream" in document["info"]["description"], "the stream is described in words"  # type: ignore[index]
    assert stream.blueprint._future_routes


def enumerated(name: str, *path: str) -> set[str]:
    """The values that the contract allows somewhere in one of its schemas."""
    part = pages.api_document()["components"]["schemas"][name]  # type: ignore[index]
    for key in path:
        part = part[key]
    return set(part["enum"])


def test_every_kind_of_request_is_in_the_contract(guiding: Guiding) -> None:
    kinds = {form.id for form in guiding.forms.values() if form.sends == REQUEST}
    assert enumerated("PutInRequest", "properties", "kind") == kinds
    described = pages.api_document()["components"]["schemas"]["PutInRequest"]["properties"]["kind"]["description"]  # type: ignore[index]
    assert {kind for kind in kinds if f"`{kind}`" not in described} == set()


def test_what_forms_are_made_of_is_in_the_contract_and_the_docs() -> None:
    assert enumerated("Form", "properties", "sends") == set(SENDS)
    assert enumerated("Field", "properties", "kind") == set(FIELD_KINDS)
    documented = (ROOT / "docs" / "guides.md").read_text()
    assert {name for name in [*SENDS, *FIELD_KINDS] if f"`{name}`" not in documented} == set()


def test_every_dimension_is_in_the_contract() -> None:
    dimensions = load_dimensions(KNOWLEDGE / "guides" / "dimensions.yml")
    assert enumerated("CharterTextChecked", "properties", "dimensions", "items") == {d.id for d in dimensions}


def test_every_guide_step_and_form_is_in_the_docs(guiding: Guiding) -> None:
    page = (ROOT / "docs" / "guide-steps.md").read_text()
    missing = [line for line in outline(guiding).splitlines() if line not in page.splitlines()]
    assert missing == [], "write it anew: .venv/bin/python -m bot.guides.outline > docs/guide-steps.md"
    assert page == outline(guiding), (
        "it tells of what is gone: .venv/bin/python -m bot.guides.outline > docs/guide-steps.md"
    )


def test_the_outline_names_every_guide_step_and_form_in_both_languages(guiding: Guiding) -> None:
    page = outline(guiding)
    for guide in guiding.guides.guides.values():
        part = page.partition(f"## {guide.id}: ")[2].partition("\n## ")[0]
        assert guide.title["nl"] in part and guide.title["en"] in part, guide.id
        for step in guide.steps:
            line = next((line for line in part.splitlines() if line.startswith(f"| `{step.id}` |")), "")
            assert step.title["nl"] in line and step.title["en"] in line, f"{guide.id}, {step.id}"
    for form in guiding.forms.values():
        line = next((line for line in page.splitlines() if line.startswith(f"| `{form.id}` | `{form.sends}` |")), "")
        assert form.title["nl"] in line and form.title["en"] in line, form.id


def test_every_intent_has_a_story() -> None:
    intents = yaml.safe_load((ROOT / "domain/intents.yml").read_text())["intents"]
    stories = yaml.safe_load((ROOT / "tests/stories/test_conversations.yml").read_text())["stories"]
    told = {step.get("intent") for story in stories for step in story["steps"]}
    assert set(intents) - told == set()


def test_every_intent_and_action_is_in_the_docs() -> None:
    documented = (ROOT / "docs" / "rasa.md").read_text()
    intents = yaml.safe_load((ROOT / "domain/intents.yml").read_text())["intents"]
    actions = yaml.safe_load((ROOT / "domain/actions.yml").read_text())["actions"]
    assert {name for name in [*intents, *actions] if f"`{name}`" not in documented} == set()


def test_every_page_that_is_referred_to_is_there() -> None:
    files = [*SOURCES, *ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    named = {name for file in files for name in re.findall(r"docs/[\w-]+\.(?:md|svg|png)", file.read_text())}
    assert {name for name in named if not (ROOT / name).is_file()} == set()


def test_both_languages_have_the_same_texts_and_places() -> None:
    dutch, english = catalogue("nl"), catalogue("en")
    assert set(dutch) == set(english)
    for key, text in dutch.items():
        assert text.strip() and english[key].strip(), f"{key} is empty"
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", english[key])), key


def test_every_text_that_the_code_asks_for_is_there() -> None:
    asked = set()
    for file in SOURCES:
        asked |= set(re.findall(r'text\(\s*"([a-z_.]+)"', file.read_text()))
        asked |= set(re.findall(r'"((?:unknown|error|smalltalk|choices|privacy)\.[a-z_]+)"', file.read_text()))
        if file.parts[-2] == "website":
            names = re.findall(r'Problem\(\d+, "(\w+)"', file.read_text()) + re.findall(
                r': \(\d+, "(\w+)"\)', file.read_text()
            )
            asked |= {f"problem.{name}.{part}" for name in names for part in ("title", "detail")}
    assert len(asked) > 30
    assert asked <= set(catalogue("nl")), asked - set(catalogue("nl"))


def test_every_limit_of_verification_has_its_words() -> None:
    wanted = {f"problem.verify_{limit}.{part}" for limit in get_args(Limit) for part in ("title", "detail")}
    assert wanted <= set(catalogue("nl"))


def test_a_status_is_gone_in_the_same_words_everywhere() -> None:
    """The widget takes it off the screen with a text of its own."""
    for language in ("nl", "en"):
        assert catalogue(language)["widget.status.gone"] == catalogue(language)["status.gone"]


def test_dutch_addresses_the_reader_formally() -> None:
    """We say "u" throughout; "je" in a text is a slip."""
    slips = [
        key for key, text in catalogue("nl").items() if re.search(r"\b(je|jij|jouw|jullie)\b", text, re.IGNORECASE)
    ]
    assert slips == []


def test_nothing_of_a_machine_stands_in_the_repository() -> None:
    """Lock files carry hashes, not addresses."""
    for file in (ROOT / "requirements").glob("*.txt"):
        assert not re.search(r"https?://|--index-url|--find-links|file:", file.read_text()), file.name
