"""Gives each message its sentence vector, made by the same encoder that finds the answers."""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.encoder.runtime import Encoder, Handed, Vectors

VECTOR_KEY = "vector"
"""Where the parsed message carries its vector to the action server, which then need not make it again."""


@lru_cache(maxsize=1)
def served_encoder() -> Encoder:
    """One encoder for the whole process; bin/start-rasa and training name its folder."""
    return Encoder(Path(os.environ["ENCODER_DIR"]))


def sentence_vector(message: Message) -> Vectors | None:
    """The sentence vector that `SentenceFeaturizer` gave the message, shape (dimensions,), or None."""
    for features in message.features:
        if features.attribute == TEXT and features.type == FEATURE_TYPE_SENTENCE:
            return np.asarray(features.features, dtype=np.float32).reshape(-1)
    return None


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceFeaturizer(DenseFeaturizer, GraphComponent):
    """Adds one dense sentence feature, shape (1, dimensions), per message; there are no token features."""

    def __init__(self, config: dict[str, Any], name: str) -> None:
        super().__init__(name, config)

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Rasa's own keys only: the environment names the encoder (ENCODER_DIR)."""
        return {**DenseFeaturizer.get_default_config()}

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Nothing to check."""

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """The encoder's hash: without it Rasa restores a classifier trained on another encoder's vectors."""
        return served_encoder().hash

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentenceFeaturizer:
        """Makes the component; the encoder is read when the first message needs it."""
        return cls(config, execution_context.node_name)

    def _add(self, messages: list[Message]) -> None:
        with_text = [message for message in messages if message.get(TEXT)]
        vectors = served_encoder().encode([message.get(TEXT) for message in with_text])
        for message, vector in zip(with_text, vectors):
            message.add_features(Features(vector.reshape(1, -1), FEATURE_TYPE_SENTENCE, TEXT, self._identifier))

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Featurizes every example."""
        self._add(training_data.training_examples)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        """Featurizes incoming messages; a button's intent needs no vector."""
        self._add([message for message in messages if not str(message.get(TEXT) or "").startswith("/")])
        for message in messages:
            vector = sentence_vector(message)
            if vector is not None:
                message.set(VECTOR_KEY, asdict(Handed.over(vector, served_encoder())), add_to_output=True)
        return messages
