"""`python -m bot.answers.lint`: checks the knowledge, and says every problem at once."""

from __future__ import annotations

import sys

from bot.answers.knowledge import KnowledgeError, load
from bot.settings import settings


def main() -> int:
    """Prints what is wrong, a line each; gives the exit status."""
    try:
        knowledge = load(settings().knowledge_dir)
    except KnowledgeError as problem:
        print("The knowledge has problems:", *problem.problems, sep="\n- ", file=sys.stderr)
        return 1
    pairs = sum(len(topic.questions) for topic in knowledge.topics.values())
    print(f"Knowledge: {len(knowledge.topics)} topics, {pairs} question pairs, no problems.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
