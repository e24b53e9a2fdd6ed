"""Puts the package's weights into a real sentence-transformers model, with a trimmed vocabulary."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from bot.encoder import vocabulary
from bot.encoder.package_weights import PackedModel

log = logging.getLogger(__name__)

MAX_TOKENS = 256
"""Longest input. A question has at most 2,000 characters; what counts stands in the first 256 pieces."""

PROMPTS = {"query": "query: ", "passage": "passage: "}
"""What E5 wants before a text, by its kind."""

MODEL_ARGUMENTS = {"add_pooling_layer": False}
"""For reading the model back: the vector is a mean over tokens, BERT's own pooling layer is not in the weights."""

_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def unigram_tokenizer(packed: PackedModel, rows: Sequence[int] | None = None) -> Tokenizer:
    """The tokenizer of XLM-RoBERTa, over all pieces or over the given rows of them."""
    rows = range(len(packed.pieces)) if rows is None else rows
    tokenizer = Tokenizer(models.Unigram([(packed.pieces[r], packed.scores[r]) for r in rows], unk_id=packed.unk_id))
    tokenizer.normalizer = normalizers.Sequence(  # type: ignore[assignment]
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]  # type: ignore[list-item]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()  # type: ignore[assignment]
    tokenizer.decoder = decoders.Metaspace()  # type: ignore[assignment]
    tokenizer.post_processor = processors.TemplateProcessing(  # type: ignore[assignment]
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", packed.bos_id), ("</s>", packed.eos_id)],
    )
    return tokenizer


def _bert(packed: PackedModel, rows: Sequence[int]) -> BertModel:
    tensors = packed.tensors
    config = BertConfig(
        vocab_size=len(rows),
        hidden_size=packed.hidden_size,
        num_hidden_layers=packed.layers,
        num_attention_heads=packed.heads,
        intermediate_size=packed.intermediate_size,
        max_position_embeddings=packed.max_positions,
        type_vocab_size=packed.token_types,
        layer_norm_eps=packed.layer_norm_eps,
        pad_token_id=packed.pad_id,
        hidden_act="gelu",
    )
    state = {
        "embeddings.word_embeddings.weight": tensors["emb.word"][list(rows)],
        "embeddings.position_embeddings.weight": tensors["emb.pos"].reshape(-1, packed.hidden_size),
        "embeddings.token_type_embeddings.weight": tensors["emb.type"].reshape(-1, packed.hidden_size),
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    for layer in range(packed.layers):
        for short, name in _LAYER_NAMES.items():
            for kind, full in (("w", "weight"), ("b", "bias")):
                state[f"encoder.layer.{layer}.{name}.{full}"] = tensors[f"l{layer}.{short}.{kind}"]
    model = BertModel(config, add_pooling_layer=False)
    missing = model.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in state.items()}, strict=False)
    if missing.unexpected_keys or missing.missing_keys:
        raise RuntimeError(f"The weights do not fit a BERT model: {missing}")
    return model.eval()


def pieces_to_keep(packed: PackedModel, words_per_language: int) -> list[int]:
    """The rows of the vocabulary that Dutch and English use."""
    words = vocabulary.frequent_words(("nl", "en"), words_per_language)
    rows = vocabulary.needed_pieces(unigram_tokenizer(packed), packed.pieces, [*words, *PROMPTS.values()])
    log.info("Vocabulary: %s of %s pieces kept.", f"{len(rows):,}", f"{len(packed.pieces):,}")
    return rows


def build(packed: PackedModel, rows: Sequence[int], folder: Path) -> None:
    """Writes a sentence-transformers model with the given rows of the vocabulary to `folder`/model."""
    source = folder / "transformer"
    _bert(packed, rows).save_pretrained(source)
    special: dict[str, Any] = {
        "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>",
        "pad_token": "<pad>", "unk_token": "<unk>",
    }  # fmt: skip
    PreTrainedTokenizerFast(
        tokenizer_object=unigram_tokenizer(packed, rows), model_max_length=MAX_TOKENS, **special
    ).save_pretrained(source)
    transformer = Transformer(str(source), max_seq_length=MAX_TOKENS, model_kwargs=MODEL_ARGUMENTS)
    pooling = Pooling(packed.hidden_size, pooling_mode="mean")
    model = SentenceTransformer(
        modules=[transformer, pooling, Normalize()],
        prompts=PROMPTS,
        device="cpu",
    )
    model.save(str(folder / "model"))
