"""Fine-tunes the encoder on the knowledge: questions of one topic move together, those of others apart.

The loss is a normalised softmax over one learned prototype per topic (as in ProxyNCA++, arXiv:2004.01113). Unlike
in-batch negatives it needs no care about two questions of one topic in a batch, and every step sees every topic.
sentence-transformers has no such loss; its trainer would also bring datasets and a checkpointing loop for what is
one minute's work.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sentence_transformers import SentenceTransformer
from torch.nn.functional import cross_entropy, normalize

Vectors = npt.NDArray[np.float32]
Progress = Callable[[int, int], None]
"""Told after each step: steps done, steps in all."""


@dataclass(frozen=True)
class Recipe:
    """How long and how hard to tune. Measured in docs/encoder.md."""

    epochs: float = 3.0
    batch: int = 32
    learning_rate: float = 2e-4
    prototype_learning_rate: float = 1e-2
    scale: float = 20.0
    """Sharpness of the softmax over cosines."""
    smoothing: float = 0.1
    """Label smoothing: without it the confidences spoil before the choices stop improving."""
    frozen_layers: int = 0
    """The word vectors stay as they are, and this many of the lower layers."""
    most_steps: int = 500
    """Whatever the knowledge grows to, tuning ends."""
    max_tokens: int = 64


def _autocast() -> torch.autocast:
    """Half precision where the processor multiplies it natively; elsewhere it would be slower."""
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=native)


def encode(model: SentenceTransformer, texts: Sequence[str], kind: str) -> Vectors:
    """Vectors of `texts` by a model in training, shape (texts, dimensions), float32, of length 1."""
    model.eval()
    with torch.inference_mode(), _autocast():
        vectors = model.encode(
            list(texts), prompt_name=kind, batch_size=64, convert_to_tensor=True, show_progress_bar=False
        )
    return normalize(vectors.float(), dim=-1).numpy()


def _freeze(model: SentenceTransformer, layers: int) -> list[torch.nn.Parameter]:
    """Stops learning in the word vectors and the lower layers; gives what still learns."""
    transformer = model[0].auto_model
    still = [transformer.embeddings, *transformer.encoder.layer[:layers]] if hasattr(transformer, "encoder") else []
    for part in still:
        for parameter in part.parameters():
            parameter.requires_grad = False
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _batches(texts: Sequence[str], size: int, chance: np.random.Generator) -> list[npt.NDArray[np.int64]]:
    """Shuffled batches of texts of about the same length, so that little is spent on padding."""
    lengths = np.array([len(text) for text in texts]) // 24 + chance.random(len(texts))
    order = np.argsort(lengths)
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    chance.shuffle(batches)  # type: ignore[arg-type]
    return batches


def tune(
    model: SentenceTransformer, texts: Sequence[str], places: Sequence[int], recipe: Recipe, progress: Progress
) -> None:
    """Fine-tunes `model` in place.

    texts: the questions; places: the topic of each, 0 to topics - 1, every topic at least once.
    """
    random.seed(0)
    torch.manual_seed(0)
    chance = np.random.default_rng(0)
    labels = torch.as_tensor(np.asarray(places))
    vectors = torch.from_numpy(encode(model, texts, "query"))
    means = torch.stack([vectors[labels == topic].mean(0) for topic in range(int(labels.max()) + 1)])
    prototypes = torch.nn.Parameter(normalize(means, dim=-1))
    learning = _freeze(model, recipe.frozen_layers)
    optimiser = torch.optim.AdamW(
        [
            {"params": learning, "lr": recipe.learning_rate, "weight_decay": 0.01},
            {"params": [prototypes], "lr": recipe.prototype_learning_rate, "weight_decay": 0.0},
        ],
        fused=True,
    )
    per_epoch = -(-len(texts) // recipe.batch)
    steps = min(recipe.most_steps, int(per_epoch * recipe.epochs))
    pace = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        [recipe.learning_rate, recipe.prototype_learning_rate],
        total_steps=steps + 1,
        pct_start=0.1,
        anneal_strategy="linear",
    )
    prefix = model.prompts.get("query", "")
    model.train()
    waiting: list[npt.NDArray[np.int64]] = []
    told = time.monotonic()
    for step in range(steps):
        waiting = waiting or _batches(texts, recipe.batch, chance)
        chosen = waiting.pop()
        tokens = model.tokenizer(
            [prefix + texts[at] for at in chosen],
            padding=True,
            truncation=True,
            max_length=recipe.max_tokens,
            return_tensors="pt",
        )
        with _autocast():
            out = model({"input_ids": tokens["input_ids"], "attention_mask": tokens["attention_mask"]})
        cosines = normalize(out["sentence_embedding"].float(), dim=-1) @ normalize(prototypes, dim=-1).T
        loss = cross_entropy(recipe.scale * cosines, labels[chosen], label_smoothing=recipe.smoothing)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimiser.step()
        pace.step()
        if time.monotonic() - told > 1 or step + 1 == steps:
            told = time.monotonic()
            progress(step + 1, steps)
    model.eval()
