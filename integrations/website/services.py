"""What the web process shares between requests."""

from __future__ import annotations

from dataclasses import dataclass

from bot.answers.knowledge import Knowledge
from bot.answers.knowledge import load as load_knowledge
from bot.conversations.router import Router
from bot.conversations.store import ConversationStore
from bot.conversations.streams import Streams
from bot.conversations.turns import Turns
from bot.database.engine import open_engine
from bot.settings import Settings


@dataclass(frozen=True)
class Services:
    """Opened when the process starts, closed when it stops."""

    settings: Settings
    knowledge: Knowledge
    turns: Turns

    @classmethod
    def open(cls, settings: Settings) -> Services:
        """Opens the database and the connection to Rasa. Must be called inside the event loop."""
        store = ConversationStore(open_engine(settings.database_url, settings.database_timeout_seconds))
        router = Router(settings.rasa_url, settings.router_timeout_seconds)
        turns = Turns(store, router, Streams(), settings.activation_code_pattern)
        return cls(settings, load_knowledge(settings.knowledge_dir), turns)
