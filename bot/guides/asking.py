"""Which guide or form somebody asks for: the one whose examples are nearest in meaning."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bot.answers.knowledge import ByLanguage
from bot.encoder.runtime import Encoder, Vectors

CLEARLY = 0.05
"""So much nearer (in cosine) than the next best one, and there is no doubt."""
RATHER_A_QUESTION = 0.1
"""So much nearer to a question of the knowledge, and it is one: the answer offers the guide and the form as well."""

_ASKS_FOR_A_FACT = re.compile(
    r"^\W*(wat|waar|waarom|wanneer|wie|hoe|hoeveel|welke?|what|where|why|when|who|how|which)\b.*\?\s*$",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Asking:
    """The examples of each guide or form, as vectors."""

    names: tuple[str, ...]
    vectors: tuple[Vectors, ...]
    """One of shape (examples, dimensions) for each name."""

    @classmethod
    def of(cls, asks: Mapping[str, Sequence[ByLanguage]], encoder: Encoder) -> Asking:
        """Encodes every example, in both languages."""
        names = tuple(name for name, pairs in asks.items() if pairs)
        return cls(names, tuple(encoder.encode([t for pair in asks[n] for t in pair.values()]) for n in names))

    def meant(self, said: str, vector: Vectors, questions: Vectors) -> list[str]:
        """The nearest one, and those that are hardly further away; none where it is rather a question.

        questions: of the knowledge, shape (questions, dimensions).
        """
        nearness = self._nearness(vector)
        order = np.argsort(-nearness)
        if _ASKS_FOR_A_FACT.match(said) or self.rather_a_question(vector, questions):
            return []
        return [self.names[at] for at in order if nearness[at] > nearness[order[0]] - CLEARLY]

    def rather_a_question(self, vector: Vectors, questions: Vectors) -> bool:
        """Whether the words are clearly nearer to a question of the knowledge than to any example."""
        return bool(self._nearness(vector).max() < (questions @ vector).max() - RATHER_A_QUESTION)

    def _nearness(self, vector: Vectors) -> Vectors:
        """Of each name's nearest example, shape (names,)."""
        return np.array([(vectors @ vector).max() for vectors in self.vectors])
