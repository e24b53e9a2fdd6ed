"""`python -m bot.lint`: checks the knowledge, the guides and the forms, and says every problem at once."""

from __future__ import annotations

import sys

from bot.answers import knowledge as knowledge_module
from bot.answers.knowledge import KnowledgeError
from bot.guides.guiding import open_guiding
from bot.guides.walking import dead_ends
from bot.settings import settings


def main() -> int:
    """Prints what is wrong, a line each; gives the exit status."""
    folder = settings().knowledge_dir
    try:
        knowledge = knowledge_module.load(folder)
        guiding = open_guiding(folder, knowledge)
        found = [problem for guide in guiding.guides.guides.values() for problem in dead_ends(guide)]
        if found:
            raise KnowledgeError(found)
    except KnowledgeError as problem:
        print("The knowledge has problems:", *problem.problems, sep="\n- ", file=sys.stderr)
        return 1
    pairs = sum(len(topic.questions) for topic in knowledge.topics.values())
    guides = len(guiding.guides.guides)
    print(f"Knowledge: {len(knowledge.topics)} topics, {pairs} question pairs, {guides} guides,", end=" ")
    print(f"{len(guiding.forms)} forms, no problems.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
