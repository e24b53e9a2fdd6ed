"""Guides and forms: leading somebody through, and offering what can be put in."""

from __future__ import annotations

from bot.actions.answering import AnswerQuestion, decide, show
from bot.actions.turn import Turn, TurnAction, services
from bot.guides.rendering import form_link, start_button
from bot.messages import Draft, Memory
from bot.texts import text


class LeadThroughGuide(TurnAction):
    """Starts a guide. Its steps are taken in `TurnAction.run`, whatever Rasa made of the visitor's words."""

    action_name = "action_guide"

    def reply(self, turn: Turn) -> list[Draft]:
        """The guide that was asked for; where that is not clear, all that it could be."""
        guiding = services().guiding
        if turn.intent not in ("start_guide", "guide_where"):
            # The web process took the words for an answer to a step, and there is no such step any more.
            return AnswerQuestion().reply(turn)
        meant = turn.meant(services().asking_for_guides) if turn.intent == "start_guide" else []
        if len(meant) == 1:
            return guiding.start(turn.said, guiding.guides.guides[meant[0]])
        decision = decide(turn)
        if decision.outcome == "answer" or (turn.intent == "start_guide" and not meant):
            return AnswerQuestion().reply(turn)
        return guiding.offer(turn.language)


class OfferForm(TurnAction):
    """The form with which a request can be put in."""

    action_name = "action_offer_form"

    def reply(self, turn: Turn) -> list[Draft]:
        """A link that the widget opens; where it is not clear which form, all that it could be.

        Where the words ask for something that the form's own topic answers, the answer: the link stands below it.
        """
        guiding = services().guiding
        forms = [guiding.forms[id_] for id_ in turn.meant(services().asking_for_forms)]
        if not forms:
            return AnswerQuestion().reply(turn)
        decision = decide(turn)
        answers = decision.outcome == "answer" or (decision.outcome == "choices" and "?" in turn.text)
        if answers and any(decision.topics[0] in form.topics for form in forms):
            return [show(turn, decision.topics[0], decision)]
        guide = next((guiding.guides.under(topic) for topic in forms[0].topics if guiding.guides.under(topic)), None)
        links = "\n".join(f"- {form_link(form, turn.language)}" for form in forms)
        return [
            Draft(
                kind="text",
                text=f"{text('form.here', turn.language)}\n\n{links}",
                language=turn.language,
                buttons=[start_button(guide, turn.language)] if guide and guide.id != turn.busy_with else [],
                memory=Memory(misses=0),
            )
        ]
