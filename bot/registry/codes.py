"""Codes are never kept: what is kept is their HMAC, made with a key of this installation."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import tempfile
import unicodedata
from contextlib import suppress
from pathlib import Path

from bot.settings import Settings

KEY_BYTES = 32


class BadServerKey(Exception):
    """The file of the server key holds something else, or cannot be read or made."""


def normal_code(code: str) -> str:
    """A code without what people type differently: capitals, spaces and hyphens of any kind."""
    return re.sub(r"[\s\-\u00ad\u2010-\u2015\u2212]", "", unicodedata.normalize("NFKC", code)).upper()


def code_hmac(code: str, key: bytes) -> str:
    """HMAC-SHA256 over the normal form of a code: 64 hexadecimal signs."""
    return hmac.new(key, normal_code(code).encode(), hashlib.sha256).hexdigest()


def server_key(config: Settings) -> bytes:
    """The key of this installation: the setting SERVER_KEY, or else the file SERVER_KEY_FILE, made where it is missing.

    Several processes may ask at once and get the same key. Raises BadServerKey.
    """
    if config.server_key is not None:
        return config.server_key.get_secret_value().encode()
    file = config.server_key_file
    try:
        if not file.exists():
            _make(file)
        key = file.read_bytes()
    except OSError as problem:
        raise BadServerKey(f"{file} cannot be read or made: {problem.strerror}.") from None
    if len(key) != KEY_BYTES:
        raise BadServerKey(f"{file} does not hold {KEY_BYTES} bytes. Without the right key no code is recognised.")
    return key


def _make(file: Path) -> None:
    """Writes a new key beside its place and links it there: it appears whole, and the first one to appear stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)  # for the owner alone (0600)
    try:
        with os.fdopen(descriptor, "wb") as new:
            new.write(secrets.token_bytes(KEY_BYTES))
            new.flush()
            os.fsync(new.fileno())
        with suppress(FileExistsError):
            os.link(name, file)
    finally:
        Path(name).unlink()
