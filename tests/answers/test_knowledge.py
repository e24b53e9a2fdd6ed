"""Knowledge that breaks a rule is refused, and every broken rule is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.answers.knowledge import FEWEST_QUESTIONS, KnowledgeError, load
from bot.settings import settings

QUOTA = "law/quota.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the knowledge, to break."""
    shutil.copytree(settings().knowledge_dir, tmp_path / "knowledge")
    return tmp_path / "knowledge"


def change(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text()
    assert old in text, f"{name} has no {old!r}"
    (folder / name).write_text(text.replace(old, new, 1))


def refused(folder: Path) -> str:
    with pytest.raises(KnowledgeError) as refusal:
        load(folder)
    return "\n".join(refusal.value.problems)


def test_the_knowledge_is_in_order() -> None:
    known = load(settings().knowledge_dir)
    assert 90 <= len(known.topics) <= 130
    assert all(len(topic.questions) >= FEWEST_QUESTIONS for topic in known.topics.values())
    assert len(known.out_of_scope) >= 150


def test_an_unknown_source(folder: Path) -> None:
    change(folder, QUOTA, "{document: ", "{document: made-up-")
    assert "sources.yml has no made-up-" in refused(folder)


def test_a_dead_related(folder: Path) -> None:
    change(folder, QUOTA, "related: [", "related: [law.nowhere, ")
    assert "law.nowhere" in refused(folder)


def test_a_missing_language(folder: Path) -> None:
    change(folder, QUOTA, "\n## en\n", "\n## de\n")
    assert "law/quota.md: language missing: en" in refused(folder)


def test_too_few_questions(folder: Path) -> None:
    lines = (folder / QUOTA).read_text().split("\n")
    pairs = [line for line in lines if line.startswith("  - {nl:")]
    (folder / QUOTA).write_text("\n".join(line for line in lines if line not in pairs[FEWEST_QUESTIONS - 1 :]))
    assert f"law.quota: {FEWEST_QUESTIONS - 1} question pairs" in refused(folder)


def test_a_question_that_stands_in_two_topics(folder: Path) -> None:
    other = next(line for line in (folder / "law/targets.md").read_text().split("\n") if line.startswith("  - {nl:"))
    change(folder, QUOTA, "questions:\n", f"questions:\n{other.upper().replace('NL:', 'nl:').replace('EN:', 'en:')}\n")
    assert "stands in law.quota" in refused(folder) or "stands in law.targets" in refused(folder)


def test_a_question_that_must_not_be_answered_and_is(folder: Path) -> None:
    known = load(folder)
    question = known.topics["law.quota"].questions[0]["nl"]
    with (folder / "out_of_scope.yml").open("a") as file:
        file.write(f'more:\n  - {{nl: "{question}", en: "Something else entirely"}}\n')
    assert "is a question of law.quota" in refused(folder)


def test_an_answer_that_is_too_long(folder: Path) -> None:
    change(folder, QUOTA, "\n## en\n", "\n" + "lang " * 200 + "\n## en\n")
    assert "law.quota: the answer in nl has" in refused(folder)


def test_an_id_in_the_wrong_file(folder: Path) -> None:
    change(folder, QUOTA, "id: law.quota", "id: law.quotum")
    assert "belongs in another file" in refused(folder)


def test_every_problem_is_named_at_once(folder: Path) -> None:
    change(folder, QUOTA, "desk: portal", "desk: elsewhere")
    change(folder, "law/targets.md", "desk: portal", "desk: nowhere")
    problems = refused(folder)
    assert "elsewhere" in problems and "nowhere" in problems


def test_not_yaml_names_the_file(folder: Path) -> None:
    change(folder, QUOTA, "questions:", "questions: [")
    assert "law/quota.md: not YAML" in refused(folder)


def test_a_mended_answer_needs_no_training(folder: Path) -> None:
    before = load(folder).questions_hash
    change(folder, QUOTA, "\n## en\n", " Nog een zin.\n## en\n")
    assert load(folder).questions_hash == before
    change(folder, QUOTA, '  - {nl: "', '  - {nl: "Tja, ')
    assert load(folder).questions_hash != before


def test_an_also_that_is_no_topic(folder: Path) -> None:
    change(folder, QUOTA, "questions:\n  - {nl:", "questions:\n  - {also: [law.nowhere], nl:")
    assert "also names law.nowhere" in refused(folder)


def test_a_material_that_is_not_there(folder: Path) -> None:
    change(folder, QUOTA, "materials: [", "materials: [magic-wand")
    assert "materials.yml has no magic-wand" in refused(folder)


def test_a_material_that_nobody_links(folder: Path) -> None:
    text = (
        folder / "materials.yml"
    ).read_text() + "spare: {kind: app, document: charter, url: null, status: planned, title: Spare}\n"
    (folder / "materials.yml").write_text(text)
    assert "spare: no topic links it" in refused(folder)


def test_a_material_of_an_unknown_kind(folder: Path) -> None:
    change(folder, "materials.yml", "kind: game", "kind: toy")
    assert "there is no kind toy" in refused(folder)


def test_every_one_of_the_four_documents_has_topics() -> None:
    known = load(settings().knowledge_dir)
    used = {source.document for topic in known.topics.values() for source in topic.sources}
    assert {"aanmelden", "charter", "dialoog-2024", "werkagenda"} <= used
