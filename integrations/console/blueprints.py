"""Everything that the web process serves under /console."""

from __future__ import annotations

from integrations.console import board, companies, conversations, oidc, questions, requests, sign_in, staff, stream

BLUEPRINTS = (
    sign_in.blueprint,
    staff.blueprint,
    oidc.blueprint,
    board.page,
    board.blueprint,
    stream.blueprint,
    conversations.blueprint,
    requests.blueprint,
    questions.blueprint,
    companies.blueprint,
)
