"""An agent's own texts, inserted by a shortcut."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.database.types import new_id
from bot.helpdesk.models import CannedText

MOST = 200
SHORTCUT = r"^[a-z0-9][a-z0-9-]{0,29}$"
"""What is typed after the slash: small letters, digits and hyphens."""


class CannedTextError(Exception):
    """The root of what can be wrong with a canned text."""


class NoSuchText(CannedTextError):
    """It is not there, or somebody else's: the same to the asker."""


class ShortcutTaken(CannedTextError):
    """The agent has another text under this shortcut in this language."""


class TooManyTexts(CannedTextError):
    """The agent has as many texts as there can be."""


@dataclass(frozen=True)
class Canned:
    """One text."""

    id: str
    shortcut: str
    language: str
    text: str


def _shown(row: CannedText) -> Canned:
    return Canned(row.id, row.shortcut, row.language, row.text)


class CannedTextStore:
    """Canned texts in the database, each agent's apart. Thread-safe; every method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self, account_id: str) -> list[Canned]:
        """An agent's texts, by shortcut."""
        query = select(CannedText).where(CannedText.account_id == account_id)
        with Session(self._engine.execution_options(writes=False)) as session:
            return [_shown(row) for row in session.scalars(query.order_by(CannedText.shortcut, CannedText.language))]

    def add(self, account_id: str, shortcut: str, language: str, text: str) -> Canned:
        """A new text.

        Raises ShortcutTaken, TooManyTexts.
        """
        row = CannedText(id=new_id(), account_id=account_id, shortcut=shortcut, language=language, text=text)
        try:
            with Session(self._engine, expire_on_commit=False) as session, session.begin():
                kept = select(func.count()).select_from(CannedText).where(CannedText.account_id == account_id)
                if (session.scalar(kept) or 0) >= MOST:
                    raise TooManyTexts(account_id)
                session.add(row)
        except IntegrityError:
            raise ShortcutTaken(shortcut) from None
        return _shown(row)

    def change(self, account_id: str, id_: str, shortcut: str, language: str, text: str) -> Canned:
        """Writes a text anew.

        Raises NoSuchText, ShortcutTaken.
        """
        try:
            with Session(self._engine, expire_on_commit=False) as session, session.begin():
                row = session.get(CannedText, id_)
                if row is None or row.account_id != account_id:
                    raise NoSuchText(id_)
                row.shortcut, row.language, row.text = shortcut, language, text
        except IntegrityError:
            raise ShortcutTaken(shortcut) from None
        return _shown(row)

    def remove(self, account_id: str, id_: str) -> None:
        """Takes a text away.

        Raises NoSuchText.
        """
        with Session(self._engine) as session, session.begin():
            mine = delete(CannedText).where(CannedText.id == id_, CannedText.account_id == account_id)
            if not session.execute(mine).rowcount:  # type: ignore[attr-defined]
                raise NoSuchText(id_)
