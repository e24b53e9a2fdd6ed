"""Serves sentence vectors with ONNX Runtime. Runs on Python 3.10 (Rasa) and 3.11 alike; never imports torch."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

Vectors = npt.NDArray[np.float32]

MODEL_FILE = "encoder.onnx"
TOKENIZER_FILE = "tokenizer.json"
DESCRIPTION_FILE = "encoder.json"

_REMEMBERED = 512


@dataclass(frozen=True)
class Handed:
    """A vector on its way from one process to another, with the encoder that made it."""

    encoder: str
    """The hash of the encoder."""
    values: str
    """Base64 of the float32 values, little-endian."""

    @classmethod
    def over(cls, vector: Vectors, encoder: Encoder) -> Handed:
        """Packs a vector of shape (dimensions,)."""
        return cls(encoder.hash, base64.b64encode(vector.astype("<f4").tobytes()).decode())

    def taken_by(self, encoder: Encoder) -> Vectors | None:
        """The vector, shape (dimensions,), or None where another encoder made it."""
        if self.encoder != encoder.hash:
            return None
        return np.frombuffer(base64.b64decode(self.values), dtype="<f4").astype(np.float32)


class EncoderError(RuntimeError):
    """The built encoder is missing or damaged."""


class Encoder:
    """A sentence encoder read from a folder that `python -m bot.train` wrote.

    folder: holds encoder.onnx, tokenizer.json and encoder.json (prefixes, dimensions, hash).
    threads: processor threads per call.

    Raises EncoderError when the folder does not hold a built encoder.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        try:
            description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
            self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        except Exception as problem:
            raise EncoderError(f"No built encoder in {folder}: run `make train`.") from problem
        self.hash: str = description["hash"]
        self.dimensions: int = description["dimensions"]
        self._prefixes: dict[str, str] = description["prefixes"]
        self._tokenizer.enable_truncation(description["max_tokens"])
        self._tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # One sentence at a time: an arena that keeps the largest batch ever seen only costs memory.
        options.enable_cpu_mem_arena = False
        try:
            self._session = onnxruntime.InferenceSession(
                str(folder / MODEL_FILE), options, providers=["CPUExecutionProvider"]
            )
        except Exception as problem:
            raise EncoderError(f"{folder / MODEL_FILE} cannot be read: run `make train`.") from problem
        self._remembered: OrderedDict[bytes, Vectors] = OrderedDict()
        self._secret = os.urandom(32)
        self._lock = Lock()

    def encode(self, texts: Sequence[str], kind: str = "query", workers: int = 1) -> Vectors:
        """Vectors of `texts`, shape (texts, dimensions), float32, each of length 1.

        kind: "query" for what people ask, "passage" for what answers it.
        workers: how many texts are encoded at once.
        """
        # One at a time: int8 scales its activations per call, so in a batch a vector would depend on its neighbours.
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        prefixed = [self._prefixes.get(kind, "") + text for text in texts]
        if workers == 1:
            for at, text in enumerate(prefixed):
                vectors[at] = self._encode(text)
            return vectors
        with ThreadPoolExecutor(workers) as pool:
            for at, vector in enumerate(pool.map(self._encode, prefixed)):
                vectors[at] = vector
        return vectors

    def _encode(self, text: str) -> Vectors:
        encoding = self._tokenizer.encode(text)
        ids = np.asarray([encoding.ids], dtype=np.int64)
        vector: Vectors = self._session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0]
        return vector

    def encode_one(self, text: str, kind: str = "query") -> Vectors:
        """The vector of one text, shape (dimensions,). The last few hundred are remembered."""
        # By digest, under a key that dies with the process: what visitors say is not kept here.
        key = hashlib.blake2b(f"{kind}\0{text}".encode("utf-8", "replace"), key=self._secret).digest()
        with self._lock:
            known = self._remembered.get(key)
            if known is not None:
                self._remembered.move_to_end(key)
                return known
        vector: Vectors = self._encode(self._prefixes.get(kind, "") + text)
        with self._lock:
            self._remembered[key] = vector
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return vector
