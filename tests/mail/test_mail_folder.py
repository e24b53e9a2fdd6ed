"""Mail that lands in a folder, and the developer's page that shows it."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import httpx
import pytest
from multidict import CIMultiDict
from sanic import Sanic, empty

from bot.settings import Settings
from integrations.mail.errors import MailDown, MailRefused
from integrations.mail.folder import FolderMailer
from integrations.mail.interfaces import Mail
from integrations.mail.pages import is_from_here, show_mails
from integrations.website.problems import handle
from tests.running import free_port

SENDER = "Wegwijzer <wegwijzer@example.org>"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "mail"


def test_a_mail_lands(folder: Path) -> None:
    mailer = FolderMailer(folder, SENDER)
    assert mailer.mails() == []
    mailer.send(Mail("jan@example.com", "Één code", "Uw code is 123 456. 🎉\n"))
    (file,) = folder.iterdir()
    assert file.suffix == ".eml" and "jan" not in file.name
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (landed,) = mailer.mails()
    assert (landed.to, landed.subject, landed.text) == ("jan@example.com", "Één code", "Uw code is 123 456. 🎉\n")
    assert "123" not in repr(landed) and "jan" not in repr(landed)


def test_the_newest_stay(folder: Path) -> None:
    mailer = FolderMailer(folder, SENDER)
    for at in range(203):
        mailer.send(Mail("jan@example.com", f"Mail {at}", "tekst"))
    assert [landed.subject for landed in mailer.mails()] == [f"Mail {at}" for at in range(202, 2, -1)]
    assert len(list(folder.iterdir())) == 200


def test_many_at_once_all_land(folder: Path) -> None:
    mailer = FolderMailer(folder, SENDER)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda at: mailer.send(Mail("jan@example.com", f"Mail {at}", "tekst")), range(100)))
    assert {landed.subject for landed in mailer.mails()} == {f"Mail {at}" for at in range(100)}


def test_what_is_no_mail_does_not_land(folder: Path) -> None:
    with pytest.raises(MailRefused):
        FolderMailer(folder, SENDER).send(Mail("jan@example.com", "Uw code\nBcc: piet@example.com", "tekst"))
    assert not folder.exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MailDown):
        FolderMailer(tmp_path / "file" / "mail", SENDER).send(Mail("jan@example.com", "Uw code", "tekst"))


@asynccontextmanager
async def page(folder: Path, **settings: object) -> AsyncIterator[httpx.AsyncClient]:
    app = Sanic(f"mail-{uuid4().hex}", configure_logging=False)
    # Sanic rewrites its own code for the first app of a process, and would again for the second.
    app.config.TOUCHUP = False
    handle(app)
    app.add_route(lambda _: empty(), "/")
    show_mails(app, Settings(_env_file=None, **{"mail_folder": folder, "web_host": "127.0.0.1", **settings}))
    port = free_port()
    server = await app.create_server("127.0.0.1", port, return_asyncio_server=True, access_log=False)
    await server.startup()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as browser:
            yield browser
    finally:
        await server.close()


@pytest.mark.anyio
async def test_the_page_shows_the_newest_first(folder: Path) -> None:
    mailer = FolderMailer(folder, SENDER)
    async with page(folder) as browser:
        assert "none yet" in (await browser.get("/dev/mail")).text
        for at in range(3):
            mailer.send(Mail("jan@example.com", f"Mail {at}", f"Code {at}"))
        reply = await browser.get("/dev/mail")
        assert reply.status_code == 200 and reply.headers["cache-control"] == "no-store"
        places = [reply.text.index(f"Code {at}") for at in (2, 1, 0)]
        assert places == sorted(places)
        style = await browser.get("/dev/mail/mails.css")
        assert style.status_code == 200 and style.headers["content-type"].startswith("text/css")


@pytest.mark.anyio
async def test_a_mail_is_text_and_never_markup(folder: Path) -> None:
    evil = "</pre><script>alert(1)</script>\"'&amp;<img src=x onerror=alert(1)>"
    FolderMailer(folder, SENDER).send(Mail("jan@example.com", evil, evil))
    (folder / "99990101.eml").write_bytes(b"To: <script>x</script>\nSubject: =?utf-8?q?=3Cscript=3E?=\n\n<script>")
    (folder / "99990102.eml").write_bytes(b"Content-Type: text/plain; charset=nonsense\n\n\xff\xfe")
    (folder / "99990103.eml").write_bytes(b"")
    (folder / "99990104.eml").mkdir()
    async with page(folder) as browser:
        text = (await browser.get("/dev/mail")).text
    assert "&lt;script&gt;alert(1)" in text and "&amp;amp;" in text
    for inline in ["<script", "<img", "<style", "style=", "onerror=alert(1)>"]:
        assert inline not in text


@pytest.mark.anyio
@pytest.mark.parametrize(
    "settings",
    [
        {"web_host": "0.0.0.0"},
        {"web_host": "192.168.1.2"},
        {"web_host": "www.example.org"},
        {"trusted_proxies": "127.0.0.1"},
        {"mail_url": "smtps://mail.example.org", "mail_from": "desk@example.org"},
    ],
    ids=lambda settings: next(iter(settings)),
)
async def test_elsewhere_there_is_no_page(folder: Path, settings: dict[str, object]) -> None:
    async with page(folder, **settings) as browser:
        for path in ["/dev/mail", "/dev/mail/", "/dev/mail/mails.css"]:
            assert (await browser.get(path)).status_code == 404


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Host", "wegwijzer.example.org", 404),
        ("Host", "127.0.0.1.example.org:8000", 404),
        ("Host", "localhost:8000", 200),
        ("Host", "[::1]:8000", 200),
        ("X-Forwarded-For", "203.0.113.9", 404),
        ("Forwarded", "for=203.0.113.9", 404),
        ("Via", "1.1 proxy", 404),
        ("X-Real-IP", "127.0.0.1", 404),
    ],
)
async def test_only_a_browser_here_sees_it(folder: Path, header: str, value: str, status: int) -> None:
    async with page(folder) as browser:
        assert (await browser.get("/dev/mail", headers={header: value})).status_code == status


@pytest.mark.parametrize(("address", "here"), [("127.0.0.1", True), ("::1", True), ("203.0.113.9", False), ("", False)])
def test_whose_address_counts(address: str, here: bool) -> None:
    assert is_from_here(SimpleNamespace(ip=address, host="localhost", headers=CIMultiDict())) is here


@pytest.mark.anyio
async def test_the_page_while_mails_come_and_go(folder: Path) -> None:
    mailer = FolderMailer(folder, SENDER, most=5)

    def send() -> None:
        for at in range(60):
            mailer.send(Mail("jan@example.com", f"Mail {at}", "tekst"))

    async with page(folder) as browser:
        sending = asyncio.create_task(asyncio.to_thread(send))
        while not sending.done():
            assert (await browser.get("/dev/mail")).status_code == 200
        await sending
