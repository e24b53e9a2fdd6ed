"""The jobs as a process of their own: tickets and answers go out, also when it is killed in the middle."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from bot.answers.knowledge import load
from bot.database.engine import migrate, open_engine
from bot.helpdesk.forms import load_forms
from bot.helpdesk.requests import Answer, PutIn, RequestStore
from bot.settings import Settings
from bot.staff.accounts import AccountStore
from integrations.mail.folder import FolderMailer
from tests.running import System
from tests.tickets.servers import TOKEN, LocalZammad, Reply

pytestmark = pytest.mark.anyio

PATTERN = str(Settings.model_fields["activation_code_pattern"].default)
FIELDS = {"organisation": "Voorbeeld BV", "name": "Vera Voorbeeld", "email": "vera@example.nl", "consent": True}


class Jobs:
    """The process, and the database that it works on."""

    def __init__(self, folder: Path) -> None:
        self.system = System(folder)
        self.url = self.system.environment["DATABASE_URL"]
        migrate(self.url)
        self.engine: Engine = open_engine(self.url, 20)
        self.requests = RequestStore(self.engine, PATTERN)

    def put_in(self) -> tuple[str, str]:
        """A request; gives its id and its reference."""
        knowledge = Settings.model_fields["knowledge_dir"].default
        form = load_forms(knowledge, load(knowledge))["orientation-talk"]
        with Session(self.engine) as session, session.begin():
            reference, _ = self.requests.add(session, PutIn(None, form, FIELDS, "nl"))
            id_ = str(session.execute(text("SELECT id FROM requests")).scalar_one())
        return id_, reference

    def state(self, kind: str = "ticket") -> tuple[str, int, str | None]:
        with self.engine.connect() as connection:
            query = text("SELECT state, attempts, external_id FROM outbox WHERE kind = :kind")
            return tuple(connection.execute(query, {"kind": kind}).one())  # type: ignore[return-value]

    def later(self) -> None:
        """Time passes: the claim of a process that is gone is over."""
        with self.engine.begin() as connection:
            connection.execute(text("UPDATE outbox SET next_at = '2020-01-01 00:00:00'"))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds; tells what the process printed when it never does."""
        try:
            async with asyncio.timeout(60):
                while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - another process makes it so
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pytest.fail(self.system.logs())

    async def stop(self, with_signal: int = signal.SIGTERM) -> None:
        await asyncio.to_thread(partial(self.system.stop, "jobs", with_signal=with_signal))


@pytest.fixture
async def jobs(anyio_backend: str, tmp_path: Path) -> AsyncIterator[Jobs]:
    jobs = Jobs(tmp_path)
    yield jobs
    if "jobs" in jobs.system.processes:
        await jobs.stop()
    jobs.engine.dispose()


async def test_a_ticket_and_an_answer_go_out(jobs: Jobs, tmp_path: Path) -> None:
    id_, reference = jobs.put_in()
    agent = AccountStore(jobs.engine).create("anna@example.org", "Anna", ("agent",), ("charter",), "nl")
    jobs.requests.answer(id_, ("charter",), agent.id, Answer("Uw aanvraag", "Geachte Vera,\n\nDat kan."))
    folder = tmp_path / "tickets"
    folder.mkdir()
    (folder / "P-7777777.md").write_text("of a request that is gone")
    jobs.system.start("jobs")
    await jobs.until(lambda: jobs.state()[0] == jobs.state("reply")[0] == "sent")
    await jobs.until(lambda: [file.name for file in folder.iterdir()] == [f"{reference}.md"])
    [mail] = FolderMailer(tmp_path / "mail", "w@example.org").mails()
    assert (mail.to, mail.subject) == ("vera@example.nl", f"Uw aanvraag [{reference}]")
    assert mail.text.startswith("Geachte Vera,\n\nDat kan.")
    process = jobs.system.processes["jobs"]
    await jobs.stop()
    assert process.returncode == 0
    assert "vera" not in jobs.system.logs().lower()


async def test_killed_while_zammad_has_the_ticket(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zammad made it and was about to say so. The next process finds it, and does not make another one."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with LocalZammad() as zammad:
        jobs.system.environment |= {
            "TICKETS": "zammad", "ZAMMAD_URL": zammad.url, "ZAMMAD_TOKEN": TOKEN, "ZAMMAD_GROUP_PORTAL": "Portaal",
            "ZAMMAD_GROUP_CHARTER": "Charter", "ZAMMAD_CUSTOMER": "desk@example.org", "NO_PROXY": "127.0.0.1",
        }  # fmt: skip
        zammad.customers.add("vera@example.nl")
        zammad.next.append(Reply(does_it=True, answers_itself=True, after_seconds=30))
        jobs.put_in()
        jobs.system.start("jobs")
        await jobs.until(lambda: len(zammad.tickets) == 1)
        await jobs.stop(signal.SIGKILL)
        assert jobs.state() == ("waiting", 1, None)
        jobs.later()
        jobs.system.start("jobs")
        await jobs.until(lambda: jobs.state()[0] == "sent")
        [ticket] = zammad.tickets
        assert jobs.state() == ("sent", 2, ticket["number"])
    assert TOKEN not in jobs.system.logs()


async def test_settings_that_miss_something_are_told_at_the_start(jobs: Jobs) -> None:
    jobs.system.environment["TICKETS"] = "zammad"
    jobs.system.environment["ZAMMAD_URL"] = "https://tickets.example.org"
    jobs.system.start("jobs")
    assert await asyncio.to_thread(jobs.system.processes["jobs"].wait, 60) == 2
    printed = jobs.system.logs()
    assert "TICKETS=zammad needs ZAMMAD_TOKEN, ZAMMAD_GROUP_PORTAL, ZAMMAD_GROUP_CHARTER, ZAMMAD_CUSTOMER" in printed
