"""`python -m bot.actions`: the action server, on loopback.

`python -m rasa_sdk` listens on every address of the machine; this serves the same app on 127.0.0.1 only.
"""

from __future__ import annotations

import logging
import warnings
from urllib.parse import urlsplit

from rasa_sdk.endpoint import create_app
from rasa_sdk.executor import ActionExecutor
from sanic import Sanic

from bot.actions.answering import AnswerQuestion, ChooseTopic, DeclineChoices
from bot.actions.guide import LeadThroughGuide, OfferForm
from bot.actions.language import SwitchLanguage
from bot.actions.person import TalkToPerson
from bot.actions.probe import Probe
from bot.actions.small_talk import SmallTalk
from bot.actions.starting_over import StartOver
from bot.actions.status import ShowStatus
from bot.actions.turn import services
from bot.settings import settings

ACTIONS = (
    AnswerQuestion, ChooseTopic, DeclineChoices, LeadThroughGuide, OfferForm, ShowStatus, SmallTalk, StartOver,
    SwitchLanguage, TalkToPerson, Probe,
)  # fmt: skip


def main() -> None:
    """Serves until it is told to stop."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # Tested together; the SDK compares version numbers alone.
    warnings.filterwarnings("ignore", message="Your versions of rasa and rasa_sdk might not be compatible")
    services()
    executor = ActionExecutor()
    for action in ACTIONS:
        executor.register_action(action)
    app: Sanic = create_app(executor)
    app.config.MOTD = False
    app.run(host="127.0.0.1", port=urlsplit(settings().actions_url).port or 5055, single_process=True, access_log=False)


if __name__ == "__main__":
    main()
