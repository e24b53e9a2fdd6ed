"""Shows a company's status in the conversation that was verified for it, and in no other.

This runs in the web process: what it shows passes neither Rasa nor the action server.
"""

from __future__ import annotations

from bot.database.types import now
from bot.guides.guiding import Guiding, Said
from bot.guides.rendering import form_link, start_button
from bot.helpdesk.contact import how_to_reach
from bot.helpdesk.hours import OpeningHours
from bot.messages import ButtonDraft, Draft, Memory
from bot.registry.companies import CompanyRecord, CompanyStore
from bot.registry.status import desk_of, guides_ahead, in_markdown
from bot.registry.verification import Verified, Verifier
from bot.texts import text

CALL_BACK = "call-back"


class Showing:
    """Answers "how do we stand?" from the registry."""

    def __init__(self, companies: CompanyStore, verifier: Verifier, guiding: Guiding, hours: OpeningHours) -> None:
        self._companies, self._verifier, self._guiding, self._hours = companies, verifier, guiding, hours

    def reply(self, said: Said, wanted: str) -> list[Draft]:
        """The status, or what has to be done before it can be shown.

        wanted: `show`, `own` (nothing, unless it can be shown at once), `wrong` (something in it is not right), or the
        id of another company of the same contact.
        """
        verified = self._verified(said, wanted)
        company = self._companies.by_id(verified.company_id) if verified else None
        if wanted == "wrong":
            return [self._wrong(said, company)]
        if verified is None or company is None:
            return [] if wanted == "own" else [self._ask_to_verify(said)]
        return [self._status(said, company, verified)]

    def _verified(self, said: Said, wanted: str) -> Verified | None:
        """What the conversation may see now; asked for another company, that one, where it is of the same contact."""
        if wanted in ("show", "own", "wrong"):
            return self._verifier.verified(said.context.id)
        return self._verifier.look_at(said.context.id, wanted)

    def invite(self, said: Said, recognised: str) -> list[Draft]:
        """To somebody who names a company: how to see its status. recognised: which company it is, in words."""
        draft = self._ask_to_verify(said)
        return [draft.model_copy(update={"text": f"{recognised}\n\n{draft.text}"})]

    def _ask_to_verify(self, said: Said) -> Draft:
        language = said.language
        if not self._verifier.knows_companies():
            reach = how_to_reach("portal", self._hours, now(), language)
            words = f"{text('status.not_here', language)}\n\n{reach}"
            return Draft(kind="handoff", text=words, language=language, memory=Memory(misses=0))
        return Draft(kind="text", text=text("status.verify", language), language=language, memory=Memory(misses=0))

    def _status(self, said: Said, company: CompanyRecord, verified: Verified) -> Draft:
        language = said.language
        guides = self._guiding.guides.guides
        ahead = guides_ahead(company, language, said.today)
        theirs = self._companies.of_contact(verified.contact_id) if verified.contact_id else []
        buttons = [start_button(guides[id_], language, step) for id_, step in ahead.items() if id_ in guides]
        buttons += [
            ButtonDraft(title=text("status.other", language, name=other.name), payload={"status": other.id})
            for other in theirs
            if other.id != company.id
        ]
        buttons.append(ButtonDraft(title=text("status.wrong_button", language), payload={"status": "wrong"}))
        words = in_markdown(company, language, said.today, verified.expires_at)
        if len(theirs) > 1:
            words = f"{words}\n\n{text('status.which', language)}"
        return Draft(
            kind="status",
            text=words,
            language=language,
            buttons=buttons,
            expires_at=verified.expires_at,
            memory=Memory(misses=0),
        )

    def _wrong(self, said: Said, company: CompanyRecord | None) -> Draft:
        """Leads to the desk; a request that is put in from here carries the company, where it was verified."""
        language = said.language
        reach = how_to_reach(desk_of(company) if company else "portal", self._hours, now(), language)
        parts = [text("status.wrong" if company else "status.wrong_unverified", language), reach]
        if CALL_BACK in self._guiding.forms:
            parts.insert(1, form_link(self._guiding.forms[CALL_BACK], language))
        return Draft(kind="handoff", text="\n\n".join(parts), language=language, memory=Memory(misses=0))
