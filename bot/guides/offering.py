"""What an answer leads to: the guide that goes further, the form that puts it in."""

from __future__ import annotations

from collections.abc import Mapping

from bot.guides.guides import Guides
from bot.guides.rendering import form_link, start_button, status_button
from bot.helpdesk.forms import VERIFICATION, Form
from bot.messages import Draft
from bot.texts import text


def with_offers(draft: Draft, guides: Guides, forms: Mapping[str, Form], busy_with: str | None = None) -> Draft:
    """An answer with a link to its form below it, and a button for its guide or for the company's own status.

    busy_with: the guide that the visitor is in already.
    """
    if draft.topic is None or draft.kind != "answer":
        return draft
    about = [form for form in forms.values() if draft.topic in form.topics]
    links = [form_link(form, draft.language) for form in about if form.sends != VERIFICATION]
    body = draft.text
    if links:
        body += "\n\n" + "\n".join([text("form.offer", draft.language), *(f"- {link}" for link in links)])
    guide = guides.under(draft.topic)
    buttons = list(draft.buttons)
    if guide is not None and guide.id != busy_with:
        buttons.insert(0, start_button(guide, draft.language))
    if any(form.sends == VERIFICATION for form in about):
        buttons.insert(0, status_button(draft.language))
    return draft.model_copy(update={"text": body, "buttons": buttons})
