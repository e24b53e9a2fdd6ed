"""Opens the register that the settings choose."""

from __future__ import annotations

from bot.settings import Settings
from integrations.kvk.breaker import Breaker
from integrations.kvk.cache import CachedRegister
from integrations.kvk.client import KvkClient
from integrations.kvk.interfaces import CompanyRegister
from integrations.kvk.off import NoRegister


def open_register(settings: Settings) -> CompanyRegister:
    """KVK's register where there is a key, with its cache and its breaker; else one that gives nothing."""
    if settings.kvk_api_key is None:
        return NoRegister()
    return CachedRegister(KvkClient(settings.kvk_api_base, settings.kvk_api_key, Breaker()))
