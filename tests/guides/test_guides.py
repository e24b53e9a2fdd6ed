"""Guides are read and checked: what is wrong with one is named, with its file and its step."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.answers.knowledge import KnowledgeError, load
from bot.guides.conditions import GIVEN, SKIPPED, asked_for, holds
from bot.guides.deadlines import LONGEST_MONTHS, load_rules
from bot.guides.guides import FEWEST_ASKS, LONGEST_TITLE, MOST_WORDS_PER_STEP, Guide, Guides, load_guides
from bot.guides.guiding import open_guiding
from bot.guides.machine import NoWay
from bot.guides.walking import dead_ends, states
from bot.helpdesk.forms import load_forms
from bot.settings import settings

KNOWLEDGE = load(settings().knowledge_dir)
FORMS = load_forms(settings().knowledge_dir, KNOWLEDGE)
TODAYS = load_guides(settings().knowledge_dir, KNOWLEDGE, FORMS)

SOURCE = {"document": "charter", "where": {"nl": "Plan van Aanpak", "en": "Plan of action"}}
RULE: dict[str, Any] = {
    "title": {"nl": "Plan indienen", "en": "Hand in the plan"},
    "after": "day",
    "months": 6,
    "every_year": False,
    "remind_days_before": [14],
    "source": SOURCE,
}
SMALL: dict[str, Any] = yaml.safe_load("""
desk: charter
review_by: 2027-06-01
title: {nl: Klein, en: Small}
asks: []
topics: [charter.road]
steps:
  - id: begin
    kind: choice
    title: {nl: Begin, en: Begin}
    text: {nl: "Heeft u getekend?", en: "Have you signed?"}
    options:
      - {id: signed, means: affirm, title: {nl: Getekend, en: Signed}}
      - {id: not-signed, means: deny, title: {nl: Niet getekend, en: Not signed}}
  - id: day
    kind: date
    when: {begin: signed}
    reads: past-day
    optional: true
    title: {nl: De dag, en: The day}
    text: {nl: "Welke dag?", en: "Which day?"}
  - id: due
    kind: tell
    when: {day: given}
    title: {nl: Het plan, en: The plan}
    text: {nl: "Getekend op {day}.", en: "Signed on {day}."}
    form: orientation-talk
    topic: charter.road
    sources: [{document: charter, where: {nl: Plan, en: Plan}}]
    deadlines: [plan]
  - id: done
    kind: end
    title: {nl: Klaar, en: Done}
    text: {nl: "Dat was het.", en: "That was it."}
""")
SMALL["asks"] = [{"nl": f"Vraag {n}", "en": f"Question {n}"} for n in range(FEWEST_ASKS)]
BEGIN, DAY, DUE, DONE = range(4)


def changed(path: str, value: Any) -> dict[str, Any]:
    """The small guide with another value at a place such as `steps.2.topic`; without it where the value is `...`."""
    guide = deepcopy(SMALL)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = guide
    for part in way:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return guide


def read(folder: Path, *guides: dict[str, Any] | str, rules: Any = None) -> Guides:
    """Writes guides (small-1, small-2, …) and their rules, and reads them back."""
    (folder / "guides").mkdir(exist_ok=True)
    written = yaml.safe_dump({"plan": RULE} if rules is None else rules, allow_unicode=True)
    (folder / "guides" / "deadlines.yml").write_text(written)
    (folder / "guides" / "dimensions.yml").write_text("no: guide")
    for number, guide in enumerate(guides, 1):
        text = guide if isinstance(guide, str) else yaml.safe_dump(guide, allow_unicode=True)
        (folder / "guides" / f"small-{number}.yml").write_text(text)
    return load_guides(folder, KNOWLEDGE, FORMS)


def refused(folder: Path, *guides: dict[str, Any] | str, rules: Any = None) -> list[str]:
    with pytest.raises(KnowledgeError) as refusal:
        read(folder, *guides, rules=rules)
    return refusal.value.problems


# -- today's guides


def test_todays_guides_are_in_order() -> None:
    assert set(TODAYS.guides) == {"activation", "charter", "law"}
    assert set(open_guiding(settings().knowledge_dir, KNOWLEDGE).guides.guides) == set(TODAYS.guides)
    assert set(TODAYS.rules) == {"report", "plan-of-action", "survey"}
    for id_, guide in TODAYS.guides.items():
        assert guide.id == id_
        assert guide.steps[-1].kind == "end"
        assert all(guide.step(step.id) is step and guide.steps[guide.place(step.id)] is step for step in guide.steps)
        assert guide.step("nowhere") is None


@pytest.mark.parametrize("guide", TODAYS.guides.values(), ids=lambda guide: guide.id)
def test_every_way_through_todays_guides_leads_to_an_end(guide: Guide) -> None:
    assert dead_ends(guide) == []


@pytest.mark.parametrize("guide", TODAYS.guides.values(), ids=lambda guide: guide.id)
def test_every_step_of_todays_guides_names_its_source(guide: Guide) -> None:
    assert [step.id for step in guide.steps if not step.sources] == []


def test_a_guide_is_offered_under_its_topics() -> None:
    for guide in TODAYS.guides.values():
        for topic in guide.topics:
            assert TODAYS.under(topic) is guide
    assert TODAYS.under("charter.nowhere") is None


# -- a small one


def test_a_small_guide_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, SMALL)
    assert list(found.guides) == ["small-1"]
    guide = found.guides["small-1"]
    assert dead_ends(guide) == []
    begin = guide.steps[BEGIN]
    assert begin.option("signed") is begin.options[0]
    assert begin.option("Signed") is None
    assert begin.options[0].words == () and not begin.options[0].dated
    assert guide.steps[DAY].optional and not begin.optional
    assert begin.checklist


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("desk", "nowhere", "there is no desk nowhere"),
        ("review_by", "soon", "review_by is not a date"),
        ("review_by", ..., "review_by is missing"),
        ("desk", ..., "desk is missing"),
        ("title", ..., "title is missing"),
        ("title", {"nl": "Klein"}, "language missing: en"),
        ("title", 5, "expected a text, or nl and en"),
        ("asks", ..., "asks is missing"),
        ("asks", [], f"0 ways to ask for it, fewer than {FEWEST_ASKS}"),
        ("asks.0", {"nl": "Alleen Nederlands"}, "language missing: en"),
        ("topics", ["charter.nowhere"], "there is no topic charter.nowhere"),
        ("steps", ..., "steps is missing"),
        ("steps", [], "the first step may have no condition"),
        ("steps.0.when", {"begin": "signed"}, "the first step may have no condition"),
    ],
)
def test_a_guide_that_breaks_a_rule_is_named(tmp_path: Path, path: str, value: Any, problem: str) -> None:
    assert f"guides/small-1.yml: {problem}" in refused(tmp_path, changed(path, value))


@pytest.mark.parametrize(
    ("step", "key", "value", "problem"),
    [
        (DUE, "colour", "red", "there is no key colour"),
        (DUE, "kind", "tells", "there is no kind tells"),
        (DUE, "kind", ..., "kind is missing"),
        (DUE, "title", ..., "title is missing"),
        (DUE, "text", {"nl": "Tekst", "en": " "}, "language missing: en"),
        (DUE, "sources", [{"document": "charter"}], "where is missing"),
        (DUE, "sources", [{"document": "made-up", "where": "x"}], "sources.yml has no made-up"),
        (DUE, "form", "made-up", "forms.yml has no made-up"),
        (DUE, "topic", "charter.nowhere", "there is no topic charter.nowhere"),
        (DUE, "deadlines", ["made-up"], "deadlines.yml has no made-up"),
        (BEGIN, "deadlines", ["plan"], "its deadline plan counts from day, no earlier date of this guide"),
        (DUE, "when", {"begin": "made-up"}, "its condition looks at begin: made-up, which no earlier step gives"),
        (DUE, "when", {"done": "signed"}, "its condition looks at done: signed, which no earlier step gives"),
        (DUE, "when", {"begin": "given"}, "its condition looks at begin: given, which no earlier step gives"),
        (DUE, "when", {"nowhere": "x"}, "its condition looks at nowhere: x, which no earlier step gives"),
        (DUE, "when", {}, "a condition maps steps to answers"),
        (DUE, "when", "begin", "a condition maps steps to answers"),
        (DUE, "when", {"any": ["begin"]}, "a condition maps steps to answers"),
        (DUE, "when", {"not": {}}, "a condition maps steps to answers"),
        (DUE, "when", {"at_least": 2}, "at_least and of go together"),
        (DUE, "when", {"of": [{"begin": "signed"}]}, "at_least and of go together"),
        (DUE, "when", {"at_least": "2", "of": [{"begin": "signed"}]}, "at_least wants a number"),
        (DUE, "when", {"begin": True}, "begin: True is no id of an answer (yes and no need quotes)"),
        (DUE, "when", {"begin": ["signed", 1]}, "begin: 1 is no id of an answer (yes and no need quotes)"),
        (
            BEGIN,
            "options",
            SMALL["steps"][BEGIN]["options"][:1],
            "a choice has two options or more, another step has none",
        ),
        (BEGIN, "options", [], "a choice has two options or more, another step has none"),
        (DUE, "options", SMALL["steps"][BEGIN]["options"], "a choice has two options or more, another step has none"),
        (
            DUE,
            "options",
            SMALL["steps"][BEGIN]["options"][:1],
            "a choice has two options or more, another step has none",
        ),
        (BEGIN, "options", [{"id": "a", "title": "A"}] * 2, "two options have the same id"),
        (BEGIN, "options", [{"id": "a"}, {"id": "b", "title": "B"}], "title is missing"),
        (BEGIN, "options", [{"title": "A"}, {"id": "b", "title": "B"}], "id is missing"),
        (
            BEGIN,
            "options",
            [{"id": "a", "title": "A", "means": "perhaps"}, {"id": "b", "title": "B"}],
            "there is no meaning perhaps",
        ),
        (
            BEGIN,
            "options",
            [{"id": "a", "title": "A", "means": "deny"}, {"id": "b", "title": "B", "means": "deny"}],
            "two options mean the same",
        ),
        (DAY, "reads", ..., "a date reads financial-year-end or past-day, another step reads nothing"),
        (DAY, "reads", "future-day", "a date reads financial-year-end or past-day, another step reads nothing"),
        (DUE, "reads", "past-day", "a date reads financial-year-end or past-day, another step reads nothing"),
        (DUE, "reads", "future-day", "a date reads financial-year-end or past-day, another step reads nothing"),
        (
            DUE,
            "text",
            "woord " * (MOST_WORDS_PER_STEP + 1),
            f"its text in en has 141 words, more than {MOST_WORDS_PER_STEP}",
        ),
        (DUE, "title", "a" * (LONGEST_TITLE + 1), f"its title in nl is longer than {LONGEST_TITLE} characters"),
        (DUE, "text", "Eerst.\n\n# Kop", "its text in nl uses Markdown that the chat does not show"),
        (DUE, "text", "Een <b>woord</b>", "its text in en uses Markdown that the chat does not show"),
        (DUE, "text", "Een\n| tabel |", "its text in en uses Markdown that the chat does not show"),
        (DUE, "text", "Op {begin}.", "its text in nl names {begin}, which is no earlier date"),
        (DAY, "text", "Op {day}.", "its text in en names {day}, which is no earlier date"),
    ],
)
def test_a_step_that_breaks_a_rule_is_named(tmp_path: Path, step: int, key: str, value: Any, problem: str) -> None:
    id_ = SMALL["steps"][step]["id"]
    assert f"guides/small-1.yml: step {id_}: {problem}" in refused(tmp_path, changed(f"steps.{step}.{key}", value))


@pytest.mark.parametrize("id_", ["begin", "Due", "due day", "due_day", "-due", "due-", "", "düe", "due\n"])
def test_a_step_has_an_id_of_its_own(tmp_path: Path, id_: str) -> None:
    expected = f"guides/small-1.yml: step {id_}: its id is not one of its own, in lower case"
    assert expected in refused(tmp_path, changed("steps.2.id", id_))


def test_a_step_without_an_id_is_named_by_its_number(tmp_path: Path) -> None:
    assert refused(tmp_path, changed("steps.2.id", ...)) == ["guides/small-1.yml: step 3: id is missing"]


@pytest.mark.parametrize(
    "content", ["", "text", "- a\n- b", "steps: 5", "steps: [5]", "steps: [text]", "steps: [null]"]
)
def test_what_is_no_guide_at_all_is_named(tmp_path: Path, content: str) -> None:
    (problem,) = refused(tmp_path, content)
    assert problem.startswith("guides/small-1.yml: ")


def test_not_yaml_names_the_file(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, "steps: [")
    assert problem.startswith("guides/small-1.yml: not YAML: ")


def test_a_topic_offers_one_guide(tmp_path: Path) -> None:
    assert refused(tmp_path, SMALL, SMALL) == ["guides: charter.road offers small-1 and small-2"]


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    first = changed("desk", "nowhere")
    first["steps"][DUE]["form"] = "made-up"
    found = refused(tmp_path, first, "steps: [", changed("steps.0.kind", "tells"))
    assert "guides/small-1.yml: there is no desk nowhere" in found
    assert "guides/small-1.yml: step due: forms.yml has no made-up" in found
    assert any(problem.startswith("guides/small-2.yml: not YAML") for problem in found)
    assert "guides/small-3.yml: step begin: there is no kind tells" in found


# -- ways that lead nowhere


def test_a_guide_with_a_dead_end_is_named(tmp_path: Path) -> None:
    guide = read(tmp_path, changed("steps.3.when", {"begin": "signed"})).guides["small-1"]
    assert dead_ends(guide) == ["guides/small-1.yml: not every way leads to an end: nothing follows begin"]
    with pytest.raises(NoWay):
        list(states(guide))


def test_a_step_that_is_never_reached_is_named(tmp_path: Path) -> None:
    never = {"begin": "signed", "not": {"begin": "signed"}}
    guide = read(tmp_path, changed("steps.2.when", never)).guides["small-1"]
    assert dead_ends(guide) == ["guides/small-1.yml: step due is never reached"]


# -- conditions


@pytest.mark.parametrize(
    ("condition", "answers", "met"),
    [
        (None, {}, True),
        ({"a": "x"}, {}, False),
        ({"a": "x"}, {"a": "x"}, True),
        ({"a": "x"}, {"a": "y"}, False),
        ({"a": ["x", "y"]}, {"a": "y"}, True),
        ({"a": "x", "b": "y"}, {"a": "x"}, False),
        ({"a": "x", "b": "y"}, {"a": "x", "b": "y"}, True),
        ({"a": GIVEN}, {"a": "2026-03-31"}, True),
        ({"a": GIVEN}, {"a": SKIPPED}, False),
        ({"a": GIVEN}, {}, False),
        ({"a": [GIVEN, SKIPPED]}, {"a": SKIPPED}, True),
        ({"a": SKIPPED}, {"a": SKIPPED}, True),
        ({"not": {"a": "x"}}, {}, True),
        ({"not": {"a": "x"}}, {"a": "x"}, False),
        ({"any": [{"a": "x"}, {"b": "y"}]}, {"b": "y"}, True),
        ({"any": [{"a": "x"}, {"b": "y"}]}, {"b": "x"}, False),
        ({"all": [{"a": "x"}, {"b": "y"}]}, {"b": "y"}, False),
        ({"all": [{"a": "x"}, {"b": "y"}]}, {"a": "x", "b": "y"}, True),
        ({"at_least": 2, "of": [{"a": "x"}, {"b": "x"}, {"c": "x"}]}, {"a": "x", "c": "x"}, True),
        ({"at_least": 2, "of": [{"a": "x"}, {"b": "x"}, {"c": "x"}]}, {"a": "x", "c": "y"}, False),
        ({"at_least": 1, "of": [{"a": "x"}], "b": "y"}, {"a": "x"}, False),
        ({"at_least": 1, "of": [{"a": "x"}], "b": "y"}, {"a": "x", "b": "y"}, True),
    ],
)
def test_when_a_condition_holds(condition: dict[str, Any] | None, answers: dict[str, str], met: bool) -> None:
    assert holds(condition, answers) is met


def test_what_a_condition_looks_at() -> None:
    assert list(asked_for(None)) == []
    inner = [{"b": "y"}, {"not": {"c": ["y", "z"]}}]
    condition = {"a": "x", "any": inner, "at_least": 1, "of": [{"d": "x"}], "all": [{"e": "given"}]}
    expected = [("a", "x"), ("b", "y"), ("c", "y"), ("c", "z"), ("d", "x"), ("e", "given")]
    assert sorted(asked_for(condition)) == expected


# -- rules for deadlines


def test_todays_rules_name_their_source() -> None:
    for rule in TODAYS.rules.values():
        assert rule.source.document in KNOWLEDGE.documents


@pytest.mark.parametrize("key", RULE)
def test_a_rule_that_lacks_something_is_named(tmp_path: Path, key: str) -> None:
    found = refused(tmp_path, SMALL, rules={"plan": {name: value for name, value in RULE.items() if name != key}})
    assert found == [f"deadlines.yml, plan: KeyError('{key}')"]


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("months", 0, f"months is not 1 to {LONGEST_MONTHS}"),
        ("months", -6, f"months is not 1 to {LONGEST_MONTHS}"),
        ("months", LONGEST_MONTHS + 1, f"months is not 1 to {LONGEST_MONTHS}"),
        ("months", "half a year", "invalid literal"),
        ("months", None, "TypeError"),
        ("title", {"nl": "Alleen Nederlands"}, "language missing: en"),
        ("remind_days_before", None, "TypeError"),
        ("remind_days_before", ["soon"], "invalid literal"),
        ("source", None, "TypeError"),
        ("source", {"document": "charter"}, "KeyError('where')"),
        ("source", {"document": "made-up", "where": "x"}, "sources.yml has no made-up"),
    ],
)
def test_a_rule_that_breaks_a_rule_is_named(tmp_path: Path, key: str, value: Any, problem: str) -> None:
    (found,) = refused(tmp_path, SMALL, rules={"plan": {**RULE, key: value}})
    assert found.startswith("deadlines.yml, plan: ") and problem in found


def test_every_broken_rule_is_named(tmp_path: Path) -> None:
    rules = {"plan": 5, "other": "text", "third": {**RULE, "months": 0}, "fourth": RULE}
    found = refused(tmp_path, SMALL, rules=rules)
    named = sorted(problem.partition(":")[0] for problem in found)
    assert named == ["deadlines.yml, other", "deadlines.yml, plan", "deadlines.yml, third"]


def test_rules_that_are_not_yaml_or_empty(tmp_path: Path) -> None:
    file = tmp_path / "deadlines.yml"
    file.write_text("plan: [")
    with pytest.raises(KnowledgeError, match=r"deadlines\.yml: not YAML"):
        load_rules(file, KNOWLEDGE)
    file.write_text("# nothing yet\n")
    assert load_rules(file, KNOWLEDGE) == {}
