"""Going on in the other language, because the visitor asked for it."""

from __future__ import annotations

from bot.actions.turn import Turn, TurnAction
from bot.messages import Draft, Language, Memory
from bot.texts import text


class SwitchLanguage(TurnAction):
    """Dutch or English, as asked; the conversation remembers it."""

    action_name = "action_switch_language"

    def reply(self, turn: Turn) -> list[Draft]:
        """Confirms in the new language."""
        language: Language = "nl" if turn.intent == "speak_dutch" else "en"
        said = text("smalltalk.language", language)
        return [Draft(kind="smalltalk", text=said, language=language, memory=Memory(language=language))]
