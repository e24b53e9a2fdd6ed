"""Tickets in a folder, and by mail."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot.helpdesk.outbox import Reply
from bot.helpdesk.ticketing import NotNow, Refused
from integrations.mail.errors import MailDown, MailRefused
from integrations.mail.folder import FolderMailer
from integrations.mail.interfaces import Mail
from integrations.tickets.folder import FolderTickets
from integrations.tickets.mail import MailPost, MailTickets
from tests.tickets.conftest import TICKET, Kept

pytestmark = pytest.mark.anyio


def names(folder: Path) -> list[str]:
    """What stands in a folder."""
    return sorted(file.name for file in folder.iterdir())


def contents(folder: Path) -> list[str]:
    """What every file of a folder holds."""
    return [file.read_text() for file in folder.iterdir()]


BOXES = {"portal": "portaal@example.org", "charter": "charter@example.org"}


async def test_a_file_that_only_its_owner_reads(tmp_path: Path, kept: Kept) -> None:
    folder = tmp_path / "tickets"
    assert await FolderTickets(folder).open(TICKET, kept.trail()) == "P-1234567.md"
    file = folder / "P-1234567.md"
    assert file.read_text() == f"# {TICKET.title}\n\n{TICKET.body}\n"
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert names(folder) == ["P-1234567.md"]


async def test_the_same_ticket_again_is_one_file(tmp_path: Path, kept: Kept) -> None:
    folder = FolderTickets(tmp_path)
    for _ in range(3):
        await folder.open(TICKET, kept.trail())
    assert names(tmp_path) == ["P-1234567.md"]


async def test_it_keeps_the_newest(tmp_path: Path, kept: Kept) -> None:
    folder = FolderTickets(tmp_path, most=3)
    for number in range(5):
        reference = f"P-100000{number}"
        await folder.open(replace(TICKET, reference=reference), kept.trail())
        os.utime(tmp_path / f"{reference}.md", (1000 + number, 1000 + number))
    assert names(tmp_path) == ["P-1000002.md", "P-1000003.md", "P-1000004.md"]


async def test_it_writes_nowhere_else(tmp_path: Path, kept: Kept) -> None:
    folder = tmp_path / "tickets"
    for reference in ("../P-1", "P-1/../../x", "", "P-1\n", "P-1.md"):
        with pytest.raises(Refused):
            await FolderTickets(folder).open(replace(TICKET, reference=reference), kept.trail())
    assert names(tmp_path) == []


async def test_a_folder_that_cannot_be_written(tmp_path: Path, kept: Kept) -> None:
    (tmp_path / "tickets").write_text("a file")
    with pytest.raises(NotNow):
        await FolderTickets(tmp_path / "tickets").open(TICKET, kept.trail())


async def test_files_go_with_their_requests(tmp_path: Path, kept: Kept) -> None:
    folder = FolderTickets(tmp_path)
    for reference in ("P-1000001", "P-1000002"):
        await folder.open(replace(TICKET, reference=reference), kept.trail())
    (tmp_path / "notes.md").write_text("somebody's own")
    asked: list[set[str]] = []

    def existing(references: object) -> set[str]:
        asked.append(set(references))  # type: ignore[call-overload]
        return {"P-1000002"}

    assert folder.forget(existing) == 1
    assert asked == [{"P-1000001", "P-1000002"}]
    assert names(tmp_path) == ["P-1000002.md", "notes.md"]


async def test_nothing_to_forget(tmp_path: Path) -> None:
    assert FolderTickets(tmp_path / "none").forget(lambda _: set()) == 0


async def test_a_ticket_by_mail(tmp_path: Path, kept: Kept) -> None:
    mailer = FolderMailer(tmp_path, "Wegwijzer <wegwijzer@example.org>")
    assert await MailTickets(mailer, BOXES).open(TICKET, kept.trail()) is None
    [mail] = mailer.mails()
    assert (mail.to, mail.subject) == ("portaal@example.org", TICKET.title)
    assert mail.text.strip() == TICKET.body
    [headers] = contents(tmp_path)
    assert "\nReply-To: vera@example.nl\n" in headers
    assert "\nMessage-ID: <ticket-P-1234567@example.org>\n" in headers
    assert "\nAuto-Submitted: auto-generated\n" in headers


async def test_a_ticket_of_somebody_without_an_address(tmp_path: Path, kept: Kept) -> None:
    mailer = FolderMailer(tmp_path, "wegwijzer@example.org")
    await MailTickets(mailer, BOXES).open(replace(TICKET, email=None, desk="charter"), kept.trail())
    assert mailer.mails()[0].to == "charter@example.org"
    assert "Reply-To" not in contents(tmp_path)[0]


@pytest.mark.parametrize("email", ["vera", "véra@example.nl", "vera@example.nl\nBcc: other@example.nl", "a@b, c@d.nl"])
async def test_an_address_that_cannot_be_used_does_not_keep_a_ticket_back(
    tmp_path: Path, kept: Kept, email: str
) -> None:
    mailer = FolderMailer(tmp_path, "wegwijzer@example.org")
    await MailTickets(mailer, BOXES).open(replace(TICKET, email=email), kept.trail())
    assert "Reply-To" not in contents(tmp_path)[0]
    assert "Bcc" not in contents(tmp_path)[0]


@pytest.mark.parametrize("wrong", [{"id": "a b"}, {"id": "a>\nBcc: x"}, {"id": ""}, {"reply_to": "no address"}])
async def test_what_would_make_another_mail(tmp_path: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(MailRefused):
        FolderMailer(tmp_path, "wegwijzer@example.org").send(Mail("vera@example.nl", "x", "y", **wrong))


async def test_an_answer_by_mail(tmp_path: Path) -> None:
    """A person wrote it; sent twice it is the same mail; what is answered goes to the desk."""
    mailer = FolderMailer(tmp_path, "wegwijzer@example.org")
    reply = Reply("0190-abc", "portal", "vera@example.nl", "Uw aanvraag P-1234567", "Geachte Vera,\n\nDat kan.")
    for _ in range(2):
        await MailPost(mailer, BOXES).send(reply)
    assert len(names(tmp_path)) == 2
    for headers in contents(tmp_path):
        assert "\nMessage-ID: <reply-0190-abc@example.org>\n" in headers
        assert "\nReply-To: portaal@example.org\n" in headers
        assert "Auto-Submitted" not in headers
    assert mailer.mails()[0].to == "vera@example.nl"


async def test_without_a_mailbox_it_is_answered_to_the_sender(tmp_path: Path) -> None:
    await MailPost(FolderMailer(tmp_path, "w@example.org"), {}).send(Reply("a", "portal", "vera@example.nl", "x", "y"))
    assert "Reply-To" not in contents(tmp_path)[0]


class _Failing:
    def __init__(self, problem: Exception) -> None:
        self._problem = problem

    def send(self, mail: Mail) -> None:
        raise self._problem


async def test_what_mail_says_is_passed_on(kept: Kept) -> None:
    with pytest.raises(NotNow, match="no time"):
        await MailTickets(_Failing(MailDown("no time")), BOXES).open(TICKET, kept.trail())
    with pytest.raises(Refused, match="never"):
        await MailPost(_Failing(MailRefused("never")), BOXES).send(Reply("a", "portal", "v@example.nl", "x", "y"))


async def test_an_address_that_would_make_another_mail(tmp_path: Path) -> None:
    mailer = FolderMailer(tmp_path, "wegwijzer@example.org")
    for to in ("vera@example.nl, other@example.nl", "vera@example.nl\nBcc: other@example.nl"):
        with pytest.raises(Refused):
            await MailPost(mailer, BOXES).send(Reply("a", "portal", to, "x", "y"))
    assert names(tmp_path) == []
