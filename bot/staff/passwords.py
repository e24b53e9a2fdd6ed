"""Passwords of staff: kept as Argon2id, at least twelve characters, and none that everybody tries first."""

from __future__ import annotations

import base64
import re
import secrets
import unicodedata
from functools import lru_cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 200
_COMMON = Path(__file__).with_name("common_passwords.txt")
_AN_END = re.compile(r"[\W\d_]{1,6}$")
"""What people hang behind a common word: Welkom2026!"""


class BadPassword(Exception):
    """What was chosen cannot be a password. `key` is its text in the catalogue."""

    key = "staff.problem.password"


class TooShort(BadPassword):
    """Fewer than twelve characters."""

    key = "staff.problem.password_short"


class TooLong(BadPassword):
    """More characters than a password may have."""

    key = "staff.problem.password_long"


class TooCommon(BadPassword):
    """One that everybody tries first."""

    key = "staff.problem.password_common"


class LikeTheEmail(BadPassword):
    """The e-mail address, or what stands before or behind its @."""

    key = "staff.problem.password_email"


def _normal(password: str) -> str:
    """The same signs for the same password, whatever keyboard it was typed on (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


@lru_cache
def _common() -> frozenset[str]:
    lines = _COMMON.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def check(password: str, email: str) -> None:
    """Raises BadPassword for one that may not be chosen."""
    normal = _normal(password)
    if len(normal) < SHORTEST:
        raise TooShort
    if len(normal) > LONGEST:
        raise TooLong
    plain = normal.casefold().strip()
    bare = _AN_END.sub("", plain)
    name, _, host = email.casefold().partition("@")
    if plain == email.casefold() or bare in {name, host, email.casefold()} or plain in {name, host}:
        raise LikeTheEmail
    words = {plain, bare, re.sub(r"\s+", "", plain)}
    if words & _common() or len(set(plain)) < 4:
        raise TooCommon


class Passwords:
    """Hashes and compares. Each takes some 50 ms and 64 MiB, on purpose."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hash_of_nothing()

    def _hash_of_nothing(self) -> str:
        """The hash of no password at all, with the same costs: comparing with it takes as long as with a real one."""
        costs = self._hasher
        salt, key = (
            base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode()
            for size in (costs.salt_len, costs.hash_len)
        )
        return f"$argon2id$v=19$m={costs.memory_cost},t={costs.time_cost},p={costs.parallelism}${salt}${key}"

    def hash(self, password: str) -> str:
        """What is kept of a password."""
        return self._hasher.hash(_normal(password).encode("utf-8", "surrogatepass"))

    def is_right(self, kept: str | None, password: str) -> bool:
        """Whether this is the password. Where none is kept it compares all the same: that takes as long."""
        try:
            self._hasher.verify(kept or self._nobody, _normal(password).encode("utf-8", "surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether it was hashed with other costs than those of today."""
        return self._hasher.check_needs_rehash(kept)
