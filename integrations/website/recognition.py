"""The Handelsregister as the chat sees it: somebody is found, or nobody; it never fails."""

from __future__ import annotations

import asyncio
import logging

from bot.registry.recognising import Recognised
from integrations.kvk.errors import RegisterError
from integrations.kvk.interfaces import CompanyRegister

log = logging.getLogger(__name__)

ANSWER_WITHIN_SECONDS = 3.0
"""A visitor waits for it: without an answer by then the chat goes on without a name."""


class ChatRegister:
    """A `Handelsregister` for the chat."""

    def __init__(self, register: CompanyRegister) -> None:
        self._register = register

    async def find(self, name_or_number: str) -> list[Recognised]:
        """The companies, or none when the register is off, slow or down."""
        try:
            found = await asyncio.wait_for(self._register.search(name_or_number), ANSWER_WITHIN_SECONDS)
        except (RegisterError, TimeoutError) as problem:
            log.warning("The Handelsregister gave nothing (%s).", type(problem).__name__)
            return []
        return [Recognised(company.kvk_number, company.name, company.town) for company in found]
