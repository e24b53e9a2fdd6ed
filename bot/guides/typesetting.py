"""Sets pages with Typst: no network, no fonts of the machine, no files but the template, and texts only as data.

Typst ends in a panic on some scripts (typst/typst#8667), and PDF/UA refuses a sign that no font has. So a text keeps
only the signs that the fonts in the package have, and that are set from left to right, one by one.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

LONGEST_WORD = 40
"""A longer word may be broken anywhere, so that it stays on the page."""

_STRANGE = re.compile(
    "[^ -~\u00a1-\u00ac\u00ae-\u02ff\u0391-\u03a1\u03a3-\u03ff\u0400-\u0482\u048a-\u04ff\u1e00-\u1eff"
    "\u2010-\u2027\u2030-\u2040\u2044-\u2052\u20a0-\u20bf\u2190-\u22ff]"
)
_LONG = re.compile(rf"\S{{{LONGEST_WORD}}}(?=\S)")


def by_name(sign: str) -> str:
    """A sign in words, as Unicode calls it: [rocket]."""
    return f"[{unicodedata.name(sign, 'unknown sign').lower()}]"


def settable(text: str, stand_in: Callable[[str], str]) -> str:
    """A line of text as it can be set: white space is a space, marks and signs that are not seen are left out.

    stand_in: gives what stands for a sign that can't be set, in signs that can.
    """

    def replaced(found: re.Match[str]) -> str:
        sign = found[0]
        if sign.isspace():
            return " "
        return "" if unicodedata.category(sign)[0] in "CM" else stand_in(sign)

    known = _STRANGE.sub(replaced, unicodedata.normalize("NFC", text))
    return _LONG.sub(lambda found: f"{found[0]}\u200b", known.strip())


def options(template: Path, data: Any) -> dict[str, Any]:
    """What `typst.compile` and `typst.query` need to set a template; it reads the data from `sys.inputs.data`."""
    return {
        "input": template,
        "root": template.parent,
        "ignore_system_fonts": True,
        "sys_inputs": {"data": json.dumps(data)},
    }
