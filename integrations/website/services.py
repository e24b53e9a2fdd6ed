"""What the web process shares between requests."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from bot.answers.knowledge import Knowledge
from bot.answers.knowledge import load as load_knowledge
from bot.conversations.router import Router
from bot.conversations.store import ConversationStore
from bot.conversations.streams import Streams
from bot.conversations.turns import Turns
from bot.database.engine import open_engine
from bot.guides.guiding import open_guiding
from bot.helpdesk.canned_texts import CannedTextStore
from bot.helpdesk.desks import Desks
from bot.helpdesk.dossiers import DossierStore
from bot.helpdesk.drafting import DraftStore
from bot.helpdesk.handing_over import HandingOver
from bot.helpdesk.hours import portal_hours
from bot.helpdesk.logging_questions import LoggedQuestionStore
from bot.helpdesk.partners import PartnerKeys, PartnerQuestions, Referrals
from bot.helpdesk.queue import HandOverStore
from bot.helpdesk.requests import RequestStore
from bot.helpdesk.suggesting import Suggester, open_suggester
from bot.registry.codes import server_key
from bot.registry.companies import CompanyStore
from bot.registry.showing import Showing
from bot.registry.verification import Limits, Verifier
from bot.settings import Settings
from bot.staff.accounts import AccountStore
from bot.staff.audit import AuditStore
from bot.staff.sessions import SessionStore
from bot.staff.signing_in import SigningIn
from bot.trends.drawing import Drawer
from bot.trends.popularity import PopularityLog
from bot.trends.reading import SnapshotStore
from integrations.console.provider import Provider, open_provider
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
    companies: CompanyStore
    dossiers: DossierStore
    canned_texts: CannedTextStore
    staff: AccountStore
    hand_overs: HandOverStore
    handing_over: HandingOver
    staff_sessions: SessionStore
    signing_in: SigningIn
    provider: Provider | None
    suggester: Suggester
    question_log: LoggedQuestionStore
    drafts: DraftStore
    partner_keys: PartnerKeys
    referrals: Referrals
    partner_questions: PartnerQuestions
    audit: AuditStore
    popularity: PopularityLog
    snapshots: SnapshotStore
    drawer: Drawer

    @classmethod
    def open(cls, settings: Settings) -> Services:
        """Opens the database and the connection to Rasa. Must be called inside the event loop."""
        engine = open_engine(settings.database_url, settings.database_timeout_seconds)
        knowledge = load_knowledge(settings.knowledge_dir)
        guiding = open_guiding(settings.knowledge_dir, knowledge)
        router = Router(settings.rasa_url, settings.router_timeout_seconds)
        register = open_register(settings)
        key = server_key(settings)
        verifier = Verifier(engine, key, _limits(settings))
        staff_sessions = SessionStore(
            engine, key, hours=settings.staff_session_hours, idle_minutes=settings.staff_idle_minutes
        )
        hours = portal_hours(settings.portal_desk_closes_on_holidays)
        staff = AccountStore(engine)
        companies = CompanyStore(engine)
        hand_overs = HandOverStore(engine, settings.activation_code_pattern)
        turns = Turns(
            ConversationStore(engine),
            router,
            Streams(),
            guiding=guiding,
            showing=Showing(companies, verifier, guiding, hours),
            desks=Desks(staff, hours, guiding, knowledge),
            register=ChatRegister(register),
            code_pattern=settings.activation_code_pattern,
        )
        suggester = open_suggester(settings, knowledge, engine)
        requests = RequestStore(engine, settings.activation_code_pattern, with_tickets=settings.tickets != "none")
        question_log = LoggedQuestionStore(engine, knowledge, settings.activation_code_pattern)
        return cls(
            settings,
            knowledge,
            turns,
            requests=requests,
            verifier=verifier,
            post=Post(open_mailer(settings)),
            register=register,
            companies=companies,
            dossiers=DossierStore(engine),
            canned_texts=CannedTextStore(engine),
            staff=staff,
            hand_overs=hand_overs,
            handing_over=HandingOver(turns, hand_overs, timedelta(minutes=settings.hand_over_wait_minutes)),
            staff_sessions=staff_sessions,
            signing_in=SigningIn(
                engine,
                staff_sessions,
                key,
                lock_after=settings.staff_lock_after,
                lock_minutes=settings.staff_lock_minutes,
            ),
            provider=open_provider(settings),
            suggester=suggester,
            question_log=question_log,
            drafts=DraftStore(engine, knowledge, settings.activation_code_pattern, suggester.alike),
            partner_keys=PartnerKeys(engine),
            referrals=Referrals(engine, requests, key, settings.activation_code_pattern),
            partner_questions=PartnerQuestions(engine, question_log),
            audit=AuditStore(engine),
            popularity=PopularityLog(engine, knowledge),
            snapshots=SnapshotStore(engine),
            drawer=Drawer(),
        )

    async def tell_requests(self, desk: str) -> None:
        """Tells the consoles of a desk that its requests changed, and how many of them are open.

        What was stored is stored: where the database has no time to count, a console finds out when it looks.
        """
        if self.turns.streams.watched(f"desk:{desk}"):
            with suppress(SQLAlchemyError, TimeoutError):
                count = await self.turns.in_database(self.requests.count_open, (desk,))
                self.turns.streams.tell_desk(desk, {"type": "requests", "desk": desk, "open": count})
