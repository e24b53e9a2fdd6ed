"""The short code with which a guide goes on elsewhere: twelve digits, not guessable, good for fourteen days.

It stands for where somebody is in a guide (choices and dates) and opens no conversation. Digits alone: they are easily
read out and typed on a phone, and are never taken for an activation code.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta

GOOD_FOR = timedelta(days=14)
_DIGITS = 12
_BETWEEN = r"[^\S\n]{0,2}[-\u2010-\u2015\u2212]?[^\S\n]{0,2}"
_CODE = re.compile(rf"(?<!\d)(?<!\d[-\s])([0-9]{{4}}){_BETWEEN}([0-9]{{4}}){_BETWEEN}([0-9]{{4}})(?!{_BETWEEN}\d)(?!-)")


def new_code() -> str:
    """A new code, such as 4821-7730-1963: one of 10^12."""
    digits = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
    return "-".join(digits[at : at + 4] for at in range(0, _DIGITS, 4))


def code_in(text: str) -> str | None:
    """The code in a text, tidied; None where there is none, or more than one."""
    found = {"-".join(match.groups()) for match in _CODE.finditer(text)}
    return found.pop() if len(found) == 1 else None


def mask_code(text: str, mask: str) -> str:
    """The text with its code masked."""
    return _CODE.sub(mask, text)


def hash_of(code: str) -> str:
    """What is kept of a code."""
    return hashlib.sha256(f"resume:{code}".encode()).hexdigest()
