"""`python -m bot.guides.outline`: prints docs/guide-steps.md, every step of every guide and every form, in one view.

A test holds the page against the guides, so that no step goes unread in either language.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bot.answers import knowledge as knowledge_module
from bot.answers.knowledge import LANGUAGES
from bot.guides.guides import Guide, Step
from bot.guides.guiding import Guiding, open_guiding
from bot.helpdesk.forms import Form
from bot.settings import settings

INTRODUCTION = """\
# Every step of every guide, and every form

Written from `knowledge/` by `.venv/bin/python -m bot.guides.outline > docs/guide-steps.md`. A test fails when it is not
up to date. [guides.md](guides.md) says what the kinds mean; a kind in *italics* stands at a step with a condition."""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def _kind(step: Step) -> str:
    kind = f"{step.kind}, may be skipped" if step.optional else step.kind
    return f"*{kind}*" if step.when else kind


def _of_guide(guide: Guide) -> Iterator[str]:
    yield f"## {guide.id}: {guide.title['nl']} / {guide.title['en']}"
    yield f"Desk: {guide.desk}. To be checked by {guide.review_by.isoformat()}."
    rows = [
        [
            f"`{step.id}`",
            _kind(step),
            *(step.title[language] for language in LANGUAGES),
            f"`{step.form}`" if step.form else "",
        ]
        for step in guide.steps
    ]
    yield _table(["step", "kind", "Dutch", "English", "form"], rows)


def _of_forms(forms: Iterable[Form]) -> Iterator[str]:
    yield "## Forms"
    rows = [
        [f"`{form.id}`", f"`{form.sends}`", form.desk, *(form.title[language] for language in LANGUAGES)]
        for form in forms
    ]
    yield _table(["form", "sends", "desk", "Dutch", "English"], rows)


def outline(guiding: Guiding) -> str:
    """The page, as Markdown."""
    guides = [part for guide in guiding.guides.guides.values() for part in _of_guide(guide)]
    return "\n\n".join([INTRODUCTION, *guides, *_of_forms(guiding.forms.values())]) + "\n"


def main() -> None:
    """Prints the page. Raises KnowledgeError where the knowledge breaks a rule."""
    folder = settings().knowledge_dir
    print(outline(open_guiding(folder, knowledge_module.load(folder))), end="")


if __name__ == "__main__":
    main()
