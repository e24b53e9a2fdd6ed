"""Makes a message of a mail, with the headers that an automatic one needs, and no others."""

from __future__ import annotations

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


def compose(mail: Mail, sender: str) -> EmailMessage:
    """The message of a mail (RFC 5322), marked as automatic (RFC 3834), so that no absence note answers it.

    sender: an address, with or without a name, as the settings have checked it.

    Raises MailRefused for what would make another mail of it: an address that is none or more than one, a subject of
    more than one line.
    """
    try:
        to = validate_email(mail.to, check_deliverability=False, strict=True)
        mail.text.encode()
    except EmailNotValidError:
        raise MailRefused("not an address") from None
    except UnicodeEncodeError:
        raise MailRefused("not a text") from None
    if to.ascii_email is None:
        raise MailRefused("an address that few servers take: a name before the @ that is not ASCII")
    if any(unicodedata.category(sign) in _ENDS_A_LINE for sign in mail.subject):
        raise MailRefused("not a subject of one line")
    validated = validate_email(sender, check_deliverability=False, allow_display_name=True)
    message = EmailMessage(_POLICY)
    message["From"] = Address(validated.display_name or "", addr_spec=validated.ascii_email)
    message["To"] = Address(addr_spec=to.ascii_email)
    message["Subject"] = mail.subject
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = make_msgid(domain=validated.ascii_domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text, charset="utf-8")
    return message
