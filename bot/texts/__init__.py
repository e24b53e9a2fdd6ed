"""Everything that people read and that is not knowledge: one catalogue per language, same keys in each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("nl", "en")


def _flatten(node: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in node.items():
        if isinstance(value, Mapping):
            flat.update(_flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = str(value).strip()
    return flat


@lru_cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every text of a language, by its dotted key."""
    content = (Path(__file__).parent / f"{language}.yml").read_text(encoding="utf-8")
    return _flatten(yaml.safe_load(content))


def text(key: str, language: str, **values: object) -> str:
    """One text, its {places} filled in.

    Raises KeyError when there is no such text: a test keeps both catalogues complete.
    """
    return catalogue(language)[key].format(**values) if values else catalogue(language)[key]


def texts_under(prefix: str, language: str) -> dict[str, str]:
    """The texts whose key starts with `prefix` and a dot, by the rest of their key."""
    start = f"{prefix}."
    return {key.removeprefix(start): value for key, value in catalogue(language).items() if key.startswith(start)}
