"""Exports a sentence-transformers model to ONNX: fp32, and int8 for serving."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from sentence_transformers import SentenceTransformer

from bot.encoder.runtime import DESCRIPTION_FILE, MODEL_FILE, TOKENIZER_FILE


class _Sentence(torch.nn.Module):
    """Tokens in, one vector out: transformer, pooling and normalising as one graph."""

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        features = {"input_ids": input_ids, "attention_mask": attention_mask}
        vector = self.model(features)["sentence_embedding"]
        return torch.nn.functional.normalize(vector, dim=-1)


def export(model: SentenceTransformer, folder: Path, hash_: str, quantise: bool = True) -> None:
    """Writes encoder.onnx, tokenizer.json and encoder.json to `folder`.

    hash_: what the encoder was built from; everything made with its vectors is named after it.
    quantise: int8 weights (a quarter of the size, about half the time; see docs/encoder.md for the cost).
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = model.eval().cpu()
    sample = model.tokenizer(
        ["query: een vraag", "query: nog een vraag, iets langer"], padding=True, return_tensors="pt"
    )
    with tempfile.TemporaryDirectory() as scratch:
        full = Path(scratch) / "full.onnx"
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                _Sentence(model),
                (sample["input_ids"], sample["attention_mask"]),
                str(full),
                input_names=["input_ids", "attention_mask"],
                output_names=["vector"],
                dynamic_axes={
                    "input_ids": {0: "batch", 1: "tokens"},
                    "attention_mask": {0: "batch", 1: "tokens"},
                    "vector": {0: "batch"},
                },
                opset_version=17,
                dynamo=False,
            )
        if quantise:
            quantize_dynamic(full, folder / MODEL_FILE, weight_type=QuantType.QInt8, per_channel=True)
        else:
            shutil.copy(full, folder / MODEL_FILE)
    tokenizer = model.tokenizer
    tokenizer.backend_tokenizer.save(str(folder / TOKENIZER_FILE))
    description = {
        "hash": hash_,
        "dimensions": model.get_embedding_dimension(),
        "prefixes": {"query": model.prompts.get("query", ""), "passage": model.prompts.get("passage", "")},
        "max_tokens": min(256, model.max_seq_length or 256),
        "quantised": quantise,
    }
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=2), encoding="utf-8")
