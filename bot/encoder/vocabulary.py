"""Which of the 250,002 pieces of the vocabulary Dutch and English need.

Four fifths of the encoder's weights are word vectors, and most of them serve other languages. What is kept:
the pieces into which the frequent Dutch and English words fall (word lists of the `wordfreq` package), with a
capital and in capitals too, every piece without a letter (numbers, times, signs), and every piece short enough that
a typo or an unknown word can still be spelled with it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from tokenizers import Tokenizer
from wordfreq import top_n_list

SPECIAL_PIECES = ("<s>", "<pad>", "</s>", "<unk>")
METASPACE = "▁"


def frequent_words(languages: Iterable[str], words_per_language: int) -> list[str]:
    """The most frequent words of each language, as written in a sentence, at its start and in capitals."""
    lower = {word for language in languages for word in top_n_list(language, words_per_language, wordlist="best")}
    return sorted(lower | {word.capitalize() for word in lower} | {word.upper() for word in lower if len(word) <= 5})


def _spells_anything(piece: str) -> bool:
    """Whether any text in Latin script may need the piece: no letters in it, one Latin one, or a short run of them."""
    text = piece.removeprefix(METASPACE)
    if not any(character.isalpha() for character in text):
        return True
    if len(text) == 1:
        return unicodedata.name(text, "").startswith("LATIN")
    return text.isascii() and len(text) <= 3


def needed_pieces(tokenizer: Tokenizer, pieces: tuple[str, ...], texts: Iterable[str]) -> list[int]:
    """Row numbers, ascending, of the pieces to keep of `pieces` so that `texts` are cut as before.

    The special pieces keep their places 0 to 3.
    """
    keep = set(range(len(SPECIAL_PIECES)))
    keep.update(number for number, piece in enumerate(pieces) if _spells_anything(piece))
    for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False):
        keep.update(encoding.ids)
    return sorted(keep)
