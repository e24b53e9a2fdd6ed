"""Draws charts and sets pages in a process of its own, which can be ended when it takes too long.

What draws takes 140 MB and a second to start. The web process starts it when somebody looks at a chart, and it ends
when nobody has for a minute.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Literal, cast

from cachetools import LRUCache

DRAW_WITHIN_SECONDS = 30.0
IDLE_SECONDS = 60.0
KEPT_BYTES = 24 * 1024 * 1024
LARGEST_KEPT_BYTES = 2 * 1024 * 1024

_LOCALES: dict[str, Literal["nl-NL", "en-US"]] = {"nl": "nl-NL", "en": "en-US"}
ROOT = Path(__file__).resolve().parents[2]


class CannotDraw(RuntimeError):
    """Something could not be drawn, or not in time."""


def draw(job: Mapping[str, Any]) -> bytes:
    """Does a job here and now.

    {"kind": "svg" | "png", "specification": Vega-Lite, "language"} or {"kind": "pdf", "template", "data", "day"}.
    """
    # Only what is needed is loaded, and never in the process that asks.
    if job["kind"] == "pdf":
        from bot.trends.typesetting import typeset

        return typeset(Path(job["template"]), job["data"], job["day"])
    import vl_convert

    specification, locale = job["specification"], _LOCALES[job["language"]]
    if job["kind"] == "svg":
        drawn = vl_convert.vegalite_to_svg(specification, format_locale=locale, allowed_base_urls=[])
        return _numbered_anew(drawn).encode()
    return vl_convert.vegalite_to_png(specification, scale=2, format_locale=locale, allowed_base_urls=[])


def _numbered_anew(svg: str) -> str:
    """A drawing whose parts are numbered from 0: Vega goes on counting where the drawing before it ended."""
    known: dict[str, str] = {}
    return re.sub(
        r'((?:id="|url\(#))((?:clip|gradient_)\d+)',
        lambda found: found[1] + known.setdefault(found[2], f"part{len(known)}"),
        svg,
    )


class Drawer:
    """Does jobs one after the other, and keeps the latest results. Thread-safe; `draw` waits."""

    def __init__(self, seconds: float = DRAW_WITHIN_SECONDS, idle_seconds: float = IDLE_SECONDS) -> None:
        self._seconds, self._idle_seconds = seconds, idle_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._idle: threading.Timer | None = None
        self._kept: LRUCache[str, bytes] = LRUCache(KEPT_BYTES, getsizeof=len)
        self._keeping = threading.Lock()

    def draw(self, job: Mapping[str, Any]) -> bytes:
        """Gives what a job makes: the same bytes for the same job. Raises CannotDraw."""
        order = json.dumps(job, sort_keys=True, ensure_ascii=True).encode()
        mark = hashlib.sha256(order).hexdigest()
        with self._keeping:
            if (kept := self._kept.get(mark)) is not None:
                return kept
        if not self._lock.acquire(timeout=self._seconds):
            raise CannotDraw("others are being drawn")
        try:
            made = self._ask(order)
        finally:
            self._lock.release()
        if len(made) <= LARGEST_KEPT_BYTES:
            with self._keeping:
                self._kept[mark] = made
        return made

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            self._end()

    def _ask(self, order: bytes) -> bytes:
        if self._idle is not None:
            self._idle.cancel()
        process = self._process
        if process is None or process.poll() is not None:
            self._end()
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", "bot.trends.drawing"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
            )
        too_long = threading.Timer(self._seconds, process.kill)
        too_long.daemon = True
        too_long.start()
        try:
            pipe_in, pipe_out = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
            pipe_in.write(order + b"\n")
            pipe_in.flush()
            line = pipe_out.readline()
        except OSError:
            line = b""
        finally:
            too_long.cancel()
        if not line.endswith(b"\n"):
            self._end()
            raise CannotDraw("it took too long, or ended")
        self._idle = threading.Timer(self._idle_seconds, self._end_when_idle)
        self._idle.daemon = True
        self._idle.start()
        answer = json.loads(line)
        if "problem" in answer:
            raise CannotDraw(answer["problem"])
        return base64.b64decode(answer["made"])

    def _end_when_idle(self) -> None:
        if self._lock.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._lock.release()

    def _end(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()


def _serve(orders: IO[bytes], answers: IO[bytes]) -> None:
    for order in orders:
        try:
            answer = {"made": base64.b64encode(draw(json.loads(order))).decode()}
        except Exception as problem:  # noqa: BLE001 - whatever it is, who asked is told
            # Its kind alone: the rest may quote what was to be drawn.
            answer = {"problem": type(problem).__name__}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    # What a library prints must not stand between the answers.
    _answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _serve(sys.stdin.buffer, _answers)
