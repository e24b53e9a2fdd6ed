"""Opens the mailer that the settings choose."""

from __future__ import annotations

from bot.settings import Settings
from integrations.mail.folder import FolderMailer
from integrations.mail.interfaces import Mailer
from integrations.mail.smtp import SmtpMailer


def open_mailer(settings: Settings) -> Mailer:
    """One that sends where there is a server, else one that writes into the folder."""
    if settings.mail_url is None:
        return FolderMailer(settings.mail_folder, settings.mail_from)
    return SmtpMailer(settings.mail_url.get_secret_value(), settings.mail_from)
