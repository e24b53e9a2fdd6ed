"""Every setting, typed and checked at start-up. `.env.example` documents each one.

The Rasa process does not import this module: it gets what it needs from `endpoints.yml` and `config.yml`.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Read from the environment, and from `.env` in the project's folder where there is one."""

    model_config = SettingsConfigDict(env_file=ROOT / ".env", extra="ignore", frozen=True)

    database_url: str = f"sqlite:///{ROOT / 'var' / 'wegwijzer.db'}"
    models_dir: Path = ROOT / "models"
    knowledge_dir: Path = ROOT / "knowledge"
    encoder_model: str | None = None
    rasa_python: Path = ROOT / ".venv-rasa" / "bin" / "python"

    web_host: str = "127.0.0.1"
    web_port: int = Field(8000, ge=1, le=65535)
    rasa_url: str = "http://127.0.0.1:5005"
    actions_url: str = "http://127.0.0.1:5055"

    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()

    router_timeout_seconds: float = Field(10.0, gt=0, le=50)
    database_timeout_seconds: float = Field(5.0, gt=0, le=60)
    conversations_per_address_per_hour: int = Field(60, ge=1)
    messages_per_conversation_per_minute: int = Field(30, ge=1)
    messages_per_address_per_minute: int = Field(240, ge=1)
    streams_per_address: int = Field(50, ge=1)

    activation_code_pattern: str = r"\b(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9]{4}(?:-[A-Z0-9]{4}){1,4}\b"
    retention_days: int = Field(30, ge=1, le=3650)
    portal_desk_closes_on_holidays: bool = False

    @field_validator("allowed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _separated_by_commas(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        origins = tuple(origin.rstrip("/") for origin in value)
        wrong = [origin for origin in origins if not re.fullmatch(r"https?://[^/\s]+", origin)]
        if wrong:
            raise ValueError(f"not a website's origin such as https://www.example.nl: {', '.join(wrong)}")
        return origins

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            ipaddress.ip_network(proxy, strict=False)
        return value

    @field_validator("activation_code_pattern")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as problem:
            raise ValueError(f"not a regular expression: {problem}") from problem
        return value

    @property
    def database_mark(self) -> str:
        """Tells whether two processes use the same database, without saying where it is."""
        return hashlib.sha256(self.database_url.encode()).hexdigest()[:12]


@lru_cache
def settings() -> Settings:
    """The settings of this process; a wrong one ends it with a line for each."""
    try:
        return Settings()
    except ValidationError as problem:
        for error in problem.errors():
            name = str(error["loc"][0]).upper() if error["loc"] else "settings"
            print(f"{name}: {error['msg']} (see .env.example)", file=sys.stderr)
        raise SystemExit(2) from None
