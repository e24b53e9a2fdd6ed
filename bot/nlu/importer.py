"""Feeds the knowledge to Rasa at training time: questions of every topic are examples of one intent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rasa.shared.core.domain import Domain
from rasa.shared.core.training_data.structures import StoryGraph
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.answers import knowledge

QUESTION = "question"
START_GUIDE = "start_guide"
INTENTS_OF_FORMS = {"request": "put_in_request", "verification": "company_status"}
"""By what a form sends."""
PAIRS_PER_TOPIC = 12
"""Telling a question from small talk takes no more of each topic; all of them would cost a minute of training."""


class KnowledgeImporter(TrainingDataImporter):
    """Gives Rasa questions of every topic, and the texts that must not be answered, as the intent `question`.

    Rasa only learns that something is a question; which topic it asks for is decided in `bot/answers`.
    What is out of scope counts as a question too: declining it is that same decision. In the same way it learns that
    somebody asks for a guide, wants to put something in, or asks how their company stands; which guide or form that is
    gets decided in `bot/guides`.
    """

    def __init__(
        self,
        config_file: str | None = None,
        domain_path: str | None = None,
        training_data_paths: list[str] | None = None,
        folder: str | None = None,
    ) -> None:
        self._folder = Path(folder or os.environ.get("KNOWLEDGE_DIR", "knowledge"))

    def get_nlu_data(self, language: str | None = "nl") -> TrainingData:
        """The examples; a knowledge that breaks its rules ends the training with the list of problems."""
        known = knowledge.load(self._folder)
        pairs = {topic.id: len(topic.questions) for topic in known.topics.values()}
        step = {topic: max(1, count // PAIRS_PER_TOPIC) for topic, count in pairs.items()}
        step |= dict.fromkeys(self._led_on_from(), 1)
        texts = [text for topic, number, _, text in known.questions() if number % step[topic] == 0]
        texts += [text for pair in known.out_of_scope for text in pair.values()]
        intents = dict.fromkeys(texts, QUESTION)
        for file in sorted((self._folder / "guides").glob("*.yml")):
            intents |= {text: START_GUIDE for pair in knowledge.asks_in(file) for text in pair.values()}
        forms = self._folder / "forms.yml"
        for sends, intent in INTENTS_OF_FORMS.items():
            intents |= {text: intent for pair in knowledge.asks_in(forms, sends) for text in pair.values()}
        return TrainingData([Message.build(text, intent) for text, intent in intents.items()])

    def _led_on_from(self) -> set[str]:
        """The topics under which a guide or a form is offered: asking about a thing is near to asking for it."""
        files = [*sorted((self._folder / "guides").glob("*.yml")), self._folder / "forms.yml"]
        return {topic for file in files for topic in knowledge.leading_on(file)}

    def get_domain(self) -> Domain:
        """Nothing: the domain stands in domain/."""
        return Domain.empty()

    def get_stories(self, exclusion_percentage: int | None = None) -> StoryGraph:
        """Nothing: rules and stories stand in data/."""
        return StoryGraph([])

    def get_conversation_tests(self) -> StoryGraph:
        """Nothing."""
        return StoryGraph([])

    def get_config(self) -> dict[str, Any]:
        """Nothing: the configuration stands in config.yml."""
        return {}

    def get_config_file_for_auto_config(self) -> str | None:
        """Nothing."""
        return None
