"""The stand-in for development: each ticket lands in a folder, as a file that only its owner can read."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Callable, Collection
from pathlib import Path

from bot.helpdesk.ticketing import NotNow, Refused, Ticket, Trail

MOST_TICKETS = 500
_NAME = re.compile(r"[A-Z]-\d{1,12}")


class FolderTickets:
    """A TicketSystem that writes Markdown files, named after their references, and keeps the newest."""

    name = "folder"

    def __init__(self, folder: Path, most: int = MOST_TICKETS) -> None:
        self._folder, self._most = folder, most

    async def close(self) -> None:
        """See TicketSystem."""

    async def open(self, ticket: Ticket, trail: Trail) -> str | None:
        """See TicketSystem. A ticket that is there already is written anew: it stays one. Gives the file's name."""
        if not _NAME.fullmatch(ticket.reference):
            raise Refused("not a reference")
        return await asyncio.to_thread(self._write, ticket)

    def _write(self, ticket: Ticket) -> str:
        file = self._folder / f"{ticket.reference}.md"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Under another name until it is whole: whoever looks sees no half ticket.
            draft = self._folder / f"{ticket.reference}-{secrets.token_hex(4)}.part"
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as text:  # noqa: PTH123
                text.write(f"# {ticket.title}\n\n{ticket.body}\n")
            draft.rename(file)
            newest_first = sorted(self._folder.glob("*.md"), key=lambda one: one.stat().st_mtime_ns, reverse=True)
            for old in newest_first[self._most :]:
                old.unlink(missing_ok=True)
        except OSError as problem:
            raise NotNow(type(problem).__name__) from None
        return file.name

    def forget(self, existing: Callable[[Collection[str]], set[str]]) -> int:
        """Removes the tickets of requests that are gone; gives how many.

        existing: which of some references are still kept.
        """
        files = {file.stem: file for file in self._folder.glob("*.md") if _NAME.fullmatch(file.stem)}
        gone = set(files) - existing(set(files)) if files else set()
        for reference in gone:
            files[reference].unlink(missing_ok=True)
        return len(gone)
