"""Fine-tunes the encoder on the knowledge: questions of one topic move together, those of others apart.

The loss is a normalised softmax over one learned prototype per topic (as in ProxyNCA++, arXiv:2004.01113). Unlike
in-batch negatives it needs no care about two questions of one topic in a batch, and every step sees every topic.
sentence-transformers has no such loss; its trainer would also bring datasets and a checkpointing loop for what is
one minute's work.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sentence_transformers import SentenceTransformer
from torch.nn.functional import cross_entropy, dropout, normalize, one_hot
from torch.nn.utils.rnn import pad_sequence

Vectors = npt.NDArray[np.float32]
Progress = Callable[[int, int], None]
"""Told after each step: steps done, steps in all."""


TEXTS_PER_PROTOTYPE = 8
"""A topic's prototype starts at the mean of this many of its texts."""
AVERAGE_EVERY = 5
"""Steps between two looks at the weights that are averaged."""


@dataclass(frozen=True)
class Recipe:
    """How long and how hard to tune. What else was tried: docs/evaluation.md."""

    epochs: float = 3.0
    batch: int = 32
    learning_rate: float = 3e-4
    prototype_learning_rate: float = 1e-2
    scale: float = 20.0
    """Sharpness of the softmax over cosines."""
    smoothing: float = 0.1
    """Label smoothing: without it the confidences spoil before the choices stop improving."""
    frozen_layers: int = 6
    """The word vectors stay as they are, and this many of the lower layers: what they make of a text is computed once,
    which halves the time of a step."""
    dropout: float = 0.1
    """Of what the frozen layers make of a text."""
    average_last: int = 200
    """The weights that count are the mean over at most this many of the last steps, in a run of twice as many or more:
    confidences come out more even. In a short run the early ones would only be in the way."""
    most_steps: int = 1200
    """Whatever the knowledge grows to, tuning ends."""
    max_tokens: int = 128
    also: float = 0.3
    """What a topic that answers a text as well counts, beside the text's own."""
    parity: float = 0.5
    """Weight of what draws the two questions of a pair to the same topics (R-Drop, arXiv:2106.14448)."""


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


class _AsGiven(torch.nn.Module):
    """Stands in for the word vectors and the lower layers: what they made of a text is known already."""

    def forward(self, inputs_embeds: torch.Tensor, **_: object) -> torch.Tensor:
        """Passes it on."""
        return inputs_embeds


def _frozen(model: SentenceTransformer, recipe: Recipe) -> int:
    """How many of the lower layers stay as they are; at least one learns."""
    return min(recipe.frozen_layers, len(model[0].auto_model.encoder.layer) - 1)


def read(model: SentenceTransformer, texts: Sequence[str], recipe: Recipe) -> list[torch.Tensor]:
    """What the frozen layers make of each text, shape (tokens, dimensions), in half precision.

    The same for every tuning that starts from this model: it can be computed once for several.
    """
    transformer, prefix = model[0].auto_model, model.prompts.get("query", "")
    layers = transformer.encoder.layer
    states: list[torch.Tensor] = [torch.empty(0)] * len(texts)
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    model.eval()
    transformer.encoder.layer = layers[: _frozen(model, recipe)]
    try:
        with torch.inference_mode(), _autocast():
            for start in range(0, len(order), 64):
                these = order[start : start + 64]
                tokens = model.tokenizer(
                    [prefix + texts[at] for at in these],
                    padding=True,
                    truncation=True,
                    max_length=recipe.max_tokens,
                    return_tensors="pt",
                )
                made = transformer(**tokens).last_hidden_state
                for at, state, mask in zip(these, made, tokens["attention_mask"], strict=True):
                    states[at] = state[: int(mask.sum())].to(torch.bfloat16)
    finally:
        transformer.encoder.layer = layers
    return [state.clone() for state in states]


class _Upper:
    """The layers that learn, over what the frozen ones make of each text."""

    def __init__(self, model: SentenceTransformer, states: Sequence[torch.Tensor], recipe: Recipe) -> None:
        self.model = model
        self._states = states
        self._dropout = recipe.dropout
        self._transformer = model[0].auto_model
        self._embeddings, self._layers = self._transformer.embeddings, self._transformer.encoder.layer
        frozen = _frozen(model, recipe)
        for part in (self._embeddings, *self._layers[:frozen]):
            part.requires_grad_(False)
        self._upper = self._layers[frozen:]

    def learning(self) -> list[torch.nn.Parameter]:
        """What learns."""
        return [parameter for parameter in self._upper.parameters() if parameter.requires_grad]

    def __enter__(self) -> _Upper:
        self._transformer.embeddings, self._transformer.encoder.layer = _AsGiven(), self._upper
        return self

    def __exit__(self, *_: object) -> None:
        self._transformer.embeddings, self._transformer.encoder.layer = self._embeddings, self._layers

    def vectors(self, chosen: Sequence[int]) -> torch.Tensor:
        """Vectors of the texts with these numbers, shape (texts, dimensions), of length 1."""
        states = pad_sequence([self._states[at] for at in chosen], batch_first=True).float()
        # The frozen layers are computed once, without their own dropout: this stands in for it.
        states = dropout(states, self._dropout, training=self.model.training)
        lengths = torch.tensor([len(self._states[at]) for at in chosen])
        mask = (torch.arange(states.shape[1])[None] < lengths[:, None]).long()
        with _autocast():
            made = self._transformer(inputs_embeds=states, attention_mask=mask).last_hidden_state
            pooled = self.model[1]({"token_embeddings": made.float(), "attention_mask": mask})["sentence_embedding"]
        return normalize(pooled.float(), dim=-1)


def _batches(
    texts: Sequence[str], size: int, together: int, chance: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
    """Shuffled batches of texts of about the same length, so that little is spent on padding.

    together: so many texts in a row stay in one batch, next to each other.
    """
    groups = np.arange(len(texts)).reshape(-1, together)
    longest = np.array([len(text) for text in texts]).reshape(-1, together).max(axis=1)
    lengths = longest // 24 + chance.random(len(groups))
    order = groups[np.argsort(lengths)].reshape(-1)
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    chance.shuffle(batches)  # type: ignore[arg-type]
    return batches


def tune(
    model: SentenceTransformer,
    texts: Sequence[str],
    places: Sequence[int],
    recipe: Recipe,
    progress: Progress,
    *,
    also: Mapping[int, Collection[int]] | None = None,
    states: Sequence[torch.Tensor] | None = None,
    pairs: bool = False,
) -> None:
    """Fine-tunes `model` in place.

    texts: the questions; places: the topic of each, 0 to topics - 1, every topic at least once.
    also: other topics that answer a text as well, by the number of the text.
    states: what `read` gave for the texts, where that was done before.
    pairs: each two texts, from the first on, ask the same in two languages.
    """
    if pairs and (len(texts) % 2 or recipe.batch % 2):
        raise ValueError("Pairs need an even number of texts, in all and in a batch.")
    random.seed(0)
    torch.manual_seed(0)
    with _Upper(model, states or read(model, texts, recipe), recipe) as upper:
        labels = torch.as_tensor(np.asarray(places))
        targets = _targets(labels, also or {}, recipe.also)
        _learn(upper, texts, labels, targets=targets, recipe=recipe, progress=progress, pairs=pairs)
    model.eval()


def _prototypes(upper: _Upper, labels: torch.Tensor) -> torch.nn.Parameter:
    """Where each topic starts: the mean vector of its first few texts, shape (topics, dimensions)."""
    means = []
    with torch.inference_mode():
        for topic in range(int(labels.max()) + 1):
            first = (labels == topic).nonzero()[:TEXTS_PER_PROTOTYPE, 0]
            means.append(upper.vectors(first.tolist()).mean(0))
    return torch.nn.Parameter(normalize(torch.stack(means), dim=-1).clone())


def _targets(labels: torch.Tensor, also: Mapping[int, Collection[int]], counts: float) -> torch.Tensor:
    """What each text should come to: its topic, beside those that answer it as well; shape (texts, topics)."""
    targets = one_hot(labels).float()
    for text, topics in also.items():
        targets[text, list(topics)] = counts
    return targets / targets.sum(dim=1, keepdim=True)


def _apart(logits: torch.Tensor) -> torch.Tensor:
    """How differently the two texts of each pair are judged: the mean of the two divergences (Kullback-Leibler)."""
    pairs = torch.log_softmax(logits.view(-1, 2, logits.shape[1]), dim=-1)
    one, other = pairs[:, 0], pairs[:, 1]
    return 0.5 * ((one.exp() - other.exp()) * (one - other)).sum(dim=-1).mean()


def _learn(
    upper: _Upper,
    texts: Sequence[str],
    labels: torch.Tensor,
    *,
    targets: torch.Tensor,
    recipe: Recipe,
    progress: Progress,
    pairs: bool,
) -> None:
    chance = np.random.default_rng(0)
    prototypes = _prototypes(upper, labels)
    learning = upper.learning()
    optimiser = torch.optim.AdamW(
        [
            {"params": learning, "lr": recipe.learning_rate, "weight_decay": 0.01},
            {"params": [prototypes], "lr": recipe.prototype_learning_rate, "weight_decay": 0.0},
        ],
        fused=True,
    )
    per_epoch = -(-len(texts) // recipe.batch)
    steps = max(1, min(recipe.most_steps, int(per_epoch * recipe.epochs)))
    pace = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        [recipe.learning_rate, recipe.prototype_learning_rate],
        total_steps=steps + 1,
        pct_start=0.1,
        anneal_strategy="linear",
    )
    average = torch.optim.swa_utils.AveragedModel(upper.model)
    upper.model.train()
    waiting: list[npt.NDArray[np.int64]] = []
    told = time.monotonic()
    for step in range(steps):
        waiting = waiting or _batches(texts, recipe.batch, 2 if pairs else 1, chance)
        chosen = waiting.pop()
        logits = recipe.scale * (upper.vectors(chosen.tolist()) @ normalize(prototypes, dim=-1).T)
        loss = cross_entropy(logits, targets[chosen], label_smoothing=recipe.smoothing)
        if pairs:
            loss = loss + recipe.parity * _apart(logits)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimiser.step()
        pace.step()
        if steps >= 2 * recipe.average_last and step >= steps - recipe.average_last and step % AVERAGE_EVERY == 0:
            average.update_parameters(upper.model)
        if time.monotonic() - told > 1 or step + 1 == steps:
            told = time.monotonic()
            progress(step + 1, steps)
    if average.n_averaged:
        upper.model.load_state_dict(average.module.state_dict())
