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
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AnyUrl,
    Field,
    Secret,
    SecretStr,
    UrlConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent

NO_SENDER = "Wegwijzer <wegwijzer@example.org>"
"""Who mails come from as long as they only land in a folder."""


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine's own, and nobody else's."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class MailUrl(AnyUrl):
    """smtps://user:password@host:port, or smtp:// for STARTTLS; `?starttls=never` for a relay on this machine."""

    _constraints = UrlConstraints(allowed_schemes=["smtp", "smtps"], host_required=True)


class Settings(BaseSettings):
    """Read from the environment, and from `.env` in the project's folder where there is one."""

    model_config = SettingsConfigDict(env_file=ROOT / ".env", extra="ignore", frozen=True, hide_input_in_errors=True)

    database_url: str = f"sqlite:///{ROOT / 'var' / 'wegwijzer.db'}"
    models_dir: Path = ROOT / "models"
    knowledge_dir: Path = ROOT / "knowledge"
    encoder_model: str | None = None
    rasa_python: Path = ROOT / ".venv-rasa" / "bin" / "python"

    web_host: str = "127.0.0.1"
    web_port: int = Field(8000, ge=1, le=65535)
    public_url: str = ""
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
    resume_codes_per_address_per_hour: int = Field(20, ge=1)
    requests_per_conversation_per_hour: int = Field(10, ge=1)
    requests_per_address_per_hour: int = Field(60, ge=1)
    partner_requests_per_minute: int = Field(60, ge=1)
    verifications_per_conversation: int = Field(5, ge=1)
    verifications_per_address_per_hour: int = Field(10, ge=1)
    code_verifications_per_company_per_day: int = Field(50, ge=1)
    verification_mails_per_company_per_hour: int = Field(10, ge=1)

    activation_code_pattern: str = r"\b(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9]{4}(?:-[A-Z0-9]{4}){1,4}\b"
    server_key: SecretStr | None = None
    server_key_file: Path = ROOT / "var" / "server.key"
    retention_days: int = Field(30, ge=1, le=3650)
    request_retention_days: int = Field(180, ge=1, le=3650)
    audit_retention_days: int = Field(90, ge=2, le=3650)
    suggestion_retention_days: int = Field(730, ge=30, le=3650)
    helpdesk_fte: float | None = Field(None, gt=0, le=100)
    trends_min_askers: int = Field(5, ge=2, le=100)
    question_retention_days: int = Field(730, ge=30, le=3650)
    trends_every_minutes: float = Field(15, gt=0, le=1440)
    trends_after_minutes: float = Field(30, ge=0, le=1440)
    portal_desk_closes_on_holidays: bool = False
    hand_over_wait_minutes: int = Field(10, ge=1, le=120)

    first_staff_email: str = "admin@example.org"
    staff_session_hours: float = Field(12, gt=0, le=72)
    staff_idle_minutes: float = Field(120, gt=0, le=1440)
    staff_lock_after: int = Field(5, ge=1, le=100)
    staff_lock_minutes: float = Field(15, gt=0, le=1440)
    sign_ins_per_address_per_hour: int = Field(20, ge=1)
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None

    kvk_api_key: SecretStr | None = None
    kvk_api_base: str = "https://api.kvk.nl/test"

    tickets: Literal["none", "folder", "mail", "zammad", "chatwoot"] = "folder"
    tickets_folder: Path = ROOT / "var" / "tickets"
    tickets_mail_portal: str | None = None
    tickets_mail_charter: str | None = None
    zammad_url: str | None = None
    zammad_token: SecretStr | None = None
    zammad_group_portal: str | None = None
    zammad_group_charter: str | None = None
    zammad_customer: str | None = None
    chatwoot_url: str | None = None
    chatwoot_token: SecretStr | None = None
    chatwoot_account: int | None = Field(None, ge=1)
    chatwoot_inbox_portal: int | None = Field(None, ge=1)
    chatwoot_inbox_charter: int | None = Field(None, ge=1)
    outbox_tries: int = Field(12, ge=2, le=20)

    mail_url: Secret[MailUrl] | None = None
    mail_from: str = NO_SENDER
    mail_folder: Path = ROOT / "var" / "mail"

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

    @field_validator("server_key")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 32:
            raise ValueError("at least 32 signs, for example those of: openssl rand -hex 32")
        return value

    @field_validator("public_url", "oidc_issuer")
    @classmethod
    def _is_an_address(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return value
        try:
            parts = urlsplit(value)
            loopback = parts.scheme == "http" and is_loopback(parts.hostname or "")
        except ValueError:
            raise ValueError("not an address such as https://wegwijzer.example.org") from None
        if not parts.hostname or parts.query or parts.fragment or parts.username is not None:
            raise ValueError("not an address such as https://wegwijzer.example.org")
        if parts.scheme != "https" and not loopback:
            raise ValueError("must start with https://: passwords and codes are sent there")
        if info.field_name == "oidc_issuer":
            # The provider says its own name, sign for sign.
            return value
        if parts.path not in ("", "/"):
            raise ValueError("without a path: the console is always at /console/")
        return value.rstrip("/")

    @field_validator("first_staff_email")
    @classmethod
    def _is_an_email_address(cls, value: str) -> str:
        try:
            return validate_email(value, check_deliverability=False).normalized.lower()
        except EmailNotValidError:
            raise ValueError("not an e-mail address such as admin@example.org") from None

    @field_validator(
        "kvk_api_key", "mail_url", "oidc_client_secret", "tickets_mail_portal", "tickets_mail_charter", "zammad_url",
        "zammad_token", "zammad_group_portal", "zammad_group_charter", "zammad_customer", "chatwoot_url",
        "chatwoot_token", "chatwoot_account", "chatwoot_inbox_portal", "chatwoot_inbox_charter", "helpdesk_fte",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("kvk_api_key", "zammad_token", "chatwoot_token")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        # Later on an error would quote it.
        if value is not None and not re.fullmatch("[!-~]+", value.get_secret_value()):
            raise ValueError("not a key: it has a space, an accent or another sign that no key has")
        return value

    @field_validator("kvk_api_base")
    @classmethod
    def _keeps_the_key_secret(cls, value: str) -> str:
        base = urlsplit(value)
        if not base.hostname or base.query or base.fragment or base.username is not None:
            raise ValueError("not an address such as https://api.kvk.nl")
        if base.scheme != "https" and not (base.scheme == "http" and is_loopback(base.hostname)):
            raise ValueError("must start with https://: the key is sent there")
        return value.rstrip("/")

    @field_validator("zammad_url", "chatwoot_url")
    @classmethod
    def _keeps_the_token_secret(cls, value: str | None) -> str | None:
        if value is None:
            return None
        base = urlsplit(value)
        if not base.hostname or base.query or base.fragment or base.username is not None:
            raise ValueError("not an address such as https://tickets.example.org")
        if base.scheme != "https" and not (base.scheme == "http" and is_loopback(base.hostname)):
            raise ValueError("must start with https://: the token and the tickets are sent there")
        return value.rstrip("/")

    @field_validator("tickets_mail_portal", "tickets_mail_charter", "zammad_customer")
    @classmethod
    def _is_a_mailbox(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            return validate_email(value, check_deliverability=False).normalized
        except EmailNotValidError:
            raise ValueError("not an e-mail address such as helpdesk@example.org") from None

    @model_validator(mode="after")
    def _has_what_tickets_need(self) -> Self:
        needed = {
            "mail": ("tickets_mail_portal", "tickets_mail_charter"),
            "zammad": ("zammad_url", "zammad_token", "zammad_group_portal", "zammad_group_charter", "zammad_customer"),
            "chatwoot": (
                "chatwoot_url", "chatwoot_token", "chatwoot_account", "chatwoot_inbox_portal", "chatwoot_inbox_charter",
            ),
        }.get(self.tickets, ())  # fmt: skip
        missing = [name.upper() for name in needed if getattr(self, name) is None]
        if missing:
            raise ValueError(f"TICKETS={self.tickets} needs {', '.join(missing)}")
        return self

    @field_validator("mail_url")
    @classmethod
    def _is_a_mail_server(cls, value: Secret[MailUrl] | None) -> Secret[MailUrl] | None:
        if value is None:
            return None
        url = value.get_secret_value()
        if (url.username is None) != (url.password is None):
            raise ValueError("a user needs a password, and a password a user")
        if (url.path or "/") != "/" or url.fragment or url.query not in (None, "starttls=never"):
            raise ValueError("not an address such as smtps://user:password@mail.example.org:465")
        if url.query and (url.scheme != "smtp" or url.password is not None or not is_loopback(url.host or "")):
            raise ValueError("starttls=never is for smtp:// to a relay on this machine, without a password")
        return value

    @field_validator("mail_from")
    @classmethod
    def _is_a_sender(cls, value: str) -> str:
        try:
            sender = validate_email(value, check_deliverability=False, allow_display_name=True)
        except EmailNotValidError:
            sender = None
        if sender is None or sender.ascii_email is None:
            raise ValueError(f"not a sender such as {NO_SENDER}")
        return value

    @model_validator(mode="after")
    def _has_a_sender(self) -> Self:
        if self.mail_url is not None and self.mail_from == NO_SENDER:
            raise ValueError("MAIL_URL needs a MAIL_FROM: who the mails come from")
        return self

    @model_validator(mode="after")
    def _knows_the_provider(self) -> Self:
        given = (bool(self.oidc_issuer), bool(self.oidc_client_id), self.oidc_client_secret is not None)
        if any(given) and not all(given):
            raise ValueError("OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET go together")
        return self

    @property
    def web_address(self) -> str:
        """Where people find the web process: PUBLIC_URL, or where it listens."""
        everywhere = self.web_host in ("0.0.0.0", "::")  # noqa: S104 - only to say where it can be found
        host = "127.0.0.1" if everywhere else f"[{self.web_host}]" if ":" in self.web_host else self.web_host
        return self.public_url or f"http://{host}:{self.web_port}"

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
