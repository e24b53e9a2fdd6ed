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
from bot.guides.guiding import open_guiding
from bot.helpdesk.hours import portal_hours
from bot.helpdesk.requests import RequestStore
from bot.registry.codes import server_key
from bot.registry.companies import CompanyStore
from bot.registry.showing import Showing
from bot.registry.verification import Limits, Verifier
from bot.settings import Settings
from integrations.kvk.interfaces import CompanyRegister
from integrations.kvk.service import open_register
from integrations.mail.service import open_mailer
from integrations.website.post import Post
from integrations.website.recognition import ChatRegister


def _limits(settings: Settings) -> Limits:
    return Limits(
        settings.verifications_per_conversation,
        settings.verifications_per_address_per_hour,
        settings.code_verifications_per_company_per_day,
        settings.verification_mails_per_company_per_hour,
    )


@dataclass(frozen=True)
class Services:
    """Opened when the process starts, closed when it stops."""

    settings: Settings
    knowledge: Knowledge
    turns: Turns
    requests: RequestStore
    verifier: Verifier
    post: Post
    register: CompanyRegister

    @classmethod
    def open(cls, settings: Settings) -> Services:
        """Opens the database and the connection to Rasa. Must be called inside the event loop."""
        engine = open_engine(settings.database_url, settings.database_timeout_seconds)
        knowledge = load_knowledge(settings.knowledge_dir)
        guiding = open_guiding(settings.knowledge_dir, knowledge)
        router = Router(settings.rasa_url, settings.router_timeout_seconds)
        register = open_register(settings)
        verifier = Verifier(engine, server_key(settings), _limits(settings))
        hours = portal_hours(settings.portal_desk_closes_on_holidays)
        turns = Turns(
            ConversationStore(engine),
            router,
            Streams(),
            guiding=guiding,
            showing=Showing(CompanyStore(engine), verifier, guiding, hours),
            register=ChatRegister(register),
            code_pattern=settings.activation_code_pattern,
        )
        return cls(
            settings,
            knowledge,
            turns,
            requests=RequestStore(engine, settings.activation_code_pattern),
            verifier=verifier,
            post=Post(open_mailer(settings)),
            register=register,
        )
