"""Says what kind of turn a message is, from its sentence vector, with a logistic regression.

Our own instead of Rasa's LogisticRegressionClassifier: that one gives no hold on regularisation and scaling, and
raw E5 vectors are nearly flat for it (confidence 0.36 on its own training rows). Here they are standardised, and
every intent weighs the same however many examples it has.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.linear_model import LogisticRegression

import bot.nlu.lighter_turns  # takes out of a turn what never changes
import bot.nlu.quiet_log  # noqa: F401  (keeps texts out of Rasa's log)
from bot.nlu.featurizer import SentenceFeaturizer, sentence_vector

RANKED = 3
"""How many intents the ranking names: all of it travels with every action call."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class SentenceIntentClassifier(IntentClassifier, GraphComponent):
    """Logistic regression over standardised sentence vectors; kept as plain arrays, not as a pickle."""

    @classmethod
    def required_components(cls) -> list[type]:
        """The vectors must be there."""
        return [SentenceFeaturizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """inverse_regularisation: scikit-learn's C, over standardised vectors."""
        return {"inverse_regularisation": 0.1}

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config = {**self.get_default_config(), **config}
        self._storage = model_storage
        self._resource = resource
        self._intents: list[str] = []
        self._weights = np.zeros((0, 0), dtype=np.float32)
        self._bias = np.zeros(0, dtype=np.float32)

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentenceIntentClassifier:
        """Makes an untrained component."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> SentenceIntentClassifier:
        """Reads a trained component back."""
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder, np.load(folder / "intents.npz") as arrays:
            component._intents = [str(name) for name in arrays["intents"]]
            component._weights, component._bias = arrays["weights"], arrays["bias"]
        return component

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Nothing that Rasa could not say itself."""

    def train(self, training_data: TrainingData) -> Resource:
        """Learns from every example that has an intent and a vector."""
        examples = [(sentence_vector(e), e.get(INTENT)) for e in training_data.intent_examples]
        rows = [(vector, intent) for vector, intent in examples if vector is not None]
        vectors = np.stack([vector for vector, _ in rows])
        intents = [intent for _, intent in rows]
        mean, spread = vectors.mean(axis=0), vectors.std(axis=0) + 1e-6
        model = LogisticRegression(
            C=self._config["inverse_regularisation"], class_weight="balanced", max_iter=1000, random_state=0
        ).fit((vectors - mean) / spread, intents)
        self._intents = [str(name) for name in model.classes_]
        # The scaling is folded into the weights, so that serving is one matrix and one addition.
        self._weights = (model.coef_ / spread).astype(np.float32)
        self._bias = (model.intercept_ - self._weights @ mean).astype(np.float32)
        with self._storage.write_to(self._resource) as folder:
            np.savez(folder / "intents.npz", intents=self._intents, weights=self._weights, bias=self._bias)
        return self._resource

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Classifies the examples, for components that come after."""
        self.process(training_data.training_examples)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        """Sets the intent and a short ranking; a button's message has no vector, and no intent of ours."""
        for message in messages:
            vector = sentence_vector(message)
            if vector is None:
                # The fallback classifier after this one wants to see an intent, whatever it is.
                message.set(INTENT, {"name": None, "confidence": 0.0}, add_to_output=True)
                message.set(INTENT_RANKING_KEY, [], add_to_output=True)
                continue
            scores = self._weights @ vector + self._bias
            shares = np.exp(scores - scores.max())
            shares /= shares.sum()
            ranking = [
                {"name": self._intents[at], "confidence": round(float(shares[at]), 4)}
                for at in np.argsort(-shares)[:RANKED]
            ]
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        return messages
