"""Makes a message of a mail, with the headers that an automatic one needs, and no others."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid

from email_validator import EmailNotValidError, validate_email

from integrations.mail.errors import MailRefused
from integrations.mail.interfaces import Mail

# Every server takes seven bits; eight have to be asked for.
_POLICY = SMTP.clone(cte_type="7bit")

_ENDS_A_LINE = {"Cc", "Zl", "Zp", "Cs"}
"""Signs that may end a header or cannot be written: controls, separators of lines and paragraphs, half characters."""


def ascii_address(value: str) -> str:
    """One address, as every server takes it. Raises MailRefused."""
    try:
        found = validate_email(value, check_deliverability=False, strict=True)
    except EmailNotValidError:
        raise MailRefused("not an address") from None
    if found.ascii_email is None:
        raise MailRefused("an address that few servers take: a name before the @ that is not ASCII")
    return found.ascii_email


def compose(mail: Mail, sender: str) -> EmailMessage:
    """The message of a mail (RFC 5322), marked as automatic where it is (RFC 3834), so that no absence note answers it.

    sender: an address, with or without a name, as the settings have checked it.

    Raises MailRefused for what would make another mail of it: an address that is none or more than one, a subject of
    more than one line.
    """
    to = ascii_address(mail.to)
    try:
        mail.text.encode()
    except UnicodeEncodeError:
        raise MailRefused("not a text") from None
    if any(unicodedata.category(sign) in _ENDS_A_LINE for sign in mail.subject):
        raise MailRefused("not a subject of one line")
    validated = validate_email(sender, check_deliverability=False, allow_display_name=True)
    message = EmailMessage(_POLICY)
    message["From"] = Address(validated.display_name or "", addr_spec=validated.ascii_email)
    message["To"] = Address(addr_spec=to)
    if mail.reply_to is not None:
        message["Reply-To"] = Address(addr_spec=ascii_address(mail.reply_to))
    message["Subject"] = mail.subject
    message["Date"] = datetime.now(UTC)
    if mail.id is not None and not re.fullmatch("[A-Za-z0-9-]{1,100}", mail.id):
        raise MailRefused("not an id")
    message["Message-ID"] = (
        f"<{mail.id}@{validated.ascii_domain}>" if mail.id else make_msgid(domain=validated.ascii_domain)
    )
    if mail.is_automatic:
        message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text, charset="utf-8")
    return message
