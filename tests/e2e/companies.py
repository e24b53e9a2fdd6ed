"""A system with the demo companies in it, and ears on everything that is sent to Rasa and to the action server."""

from __future__ import annotations

import http.client
import secrets
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.registry.codes import normal_code
from bot.registry.demo import activation_code
from bot.settings import Settings
from integrations.mail.folder import FolderMailer, Landed
from tests.conftest import Visitor
from tests.running import ROOT, System

BLOEMEN, BEURS, HOLDING, ADVIES, BOUW = "68750110", "68727720", "90009002", "90009003", "90009005"
ZORG = "69599068"
"""On the way to the Charter alone."""
UNKNOWN = "90009999"
VERA, BRAM, ROBIN = "vera.voorbeeld@example.nl", "bram.voorbeeld@example.com", "robin.voorbeeld@example.nl"
PATTERN = str(Settings.model_fields["activation_code_pattern"].default)
NOT_PASSED_ON = ("connection", "keep-alive", "transfer-encoding", "content-length", "host")


class Recorder:
    """Stands in front of a process, passes everything on, and remembers all of it.

    before: is told what is asked, before it is passed on.
    """

    def __init__(self, to: str, before: Callable[[bytes], None] = lambda _: None) -> None:
        address = urlsplit(to)
        self.heard: list[bytes] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 120
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                before(asked)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in NOT_PASSED_ON}
                there = http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)
                with closing(there):
                    there.request(self.command, self.path, asked, headers)
                    reply = there.getresponse()
                    said = reply.read()
                heard.append(b"\n".join([self.path.encode(), str(self.headers).encode(), asked, said]))
                self.send_response(reply.status)
                for name, value in reply.getheaders():
                    if name.lower() not in NOT_PASSED_ON:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Whoever hung up is not interested any more."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stops passing on."""
        self._server.shutdown()
        self._server.server_close()


class Companies:
    """A running system with the demo companies, and every code that was used in it."""

    def __init__(self, system: System, key: str, recorders: list[Recorder]) -> None:
        self.system, self.recorders = system, recorders
        self._key = key.encode()
        self._mailer = FolderMailer(system.folder / "mail", "test@example.org")
        self.used: set[str] = set()

    def code(self, number: str) -> str:
        """The activation code of a demo company."""
        code = activation_code(number, self._key, PATTERN)
        self.used.add(code)
        return code

    def mails(self, to: str) -> list[Landed]:
        """What somebody got, the newest first."""
        return [mail for mail in self._mailer.mails() if mail.to == to]

    def mailed_code(self, to: str, after: int, seconds: float = 90) -> str:
        """The code in the mail that comes when there were so many before."""
        end = time.monotonic() + seconds
        while len(self.mails(to)) <= after:
            assert time.monotonic() < end, "no mail came"
            time.sleep(0.05)
        lines = self.mails(to)[0].text.splitlines()
        [code] = [line for line in lines if len(line) == 9 and line[4] == "-"]
        self.used.add(code)
        return code

    def verify(self, visitor: Visitor, **body: Any) -> httpx.Response:
        """What the form sends, whatever comes of it."""
        return visitor.http.post(f"{visitor.path}/verification", json=body)

    def by_code(self, visitor: Visitor, number: str) -> list[dict]:
        """Verifies by activation code; gives the messages that follow."""
        reply = self.verify(visitor, kvk_number=number, activation_code=self.code(number))
        assert reply.status_code == 200, reply.text
        assert reply.json()["verified"] is True
        return reply.json()["messages"]

    def ask_for_code(self, visitor: Visitor, number: str, email: str) -> str:
        """Asks for a mail, and gives the code in it."""
        before = len(self.mails(email))
        reply = self.verify(visitor, kvk_number=number, email=email)
        assert (reply.status_code, reply.json()) == (200, {"verified": False}), reply.text
        return self.mailed_code(email, before)

    def by_email(self, visitor: Visitor, number: str, email: str) -> list[dict]:
        """Verifies by e-mail; gives the messages that follow."""
        code = self.ask_for_code(visitor, number, email)
        reply = self.verify(visitor, kvk_number=number, email=email, one_time_code=code)
        assert reply.status_code == 200, reply.text
        return reply.json()["messages"]

    def rows(self, query: str, *values: object) -> list[tuple]:
        """What the database says; it may write too."""
        with closing(sqlite3.connect(self.system.database, timeout=60)) as database, database:
            return database.execute(query, values).fetchall()

    def expire(self, visitor: Visitor) -> None:
        """Lets the half hour pass."""
        past = "2020-01-01 00:00:00.000000"
        self.rows(
            "UPDATE verifications SET verified_at = '2019-01-01 00:00:00.000000', expires_at = ?"
            " WHERE conversation_id = ?", past, visitor.id,
        )  # fmt: skip
        self.rows(
            "UPDATE messages SET expires_at = ? WHERE conversation_id = ? AND expires_at IS NOT NULL", past, visitor.id
        )

    def places_of(self, *codes: str) -> list[str]:
        """Where codes stand, in any case, with hyphens and without: of all that is kept, printed and heard."""
        places = {
            "the database and its logs": b"".join(
                file.read_bytes() for file in sorted(self.system.folder.glob("test.db*"))
            ),
            "every table": "\n".join(self._tables()).encode(),
            "what the processes printed": self.system.logs().encode(),
            "what Rasa heard": b"\n".join(self.recorders[0].heard),
            "what the actions heard": b"\n".join(self.recorders[1].heard),
        }
        found = []
        for place, content in places.items():
            assert content, f"{place}: nothing to look in"
            plain = content.upper()
            bare = plain.replace(b"-", b"").replace(b" ", b"")
            if any(code.upper().encode() in plain or normal_code(code).encode() in bare for code in codes):
                found.append(place)
        return found

    def _tables(self) -> Iterator[str]:
        for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'"):
            yield f"{name}: {self.rows(f'SELECT * FROM {name}')!r}"


@contextmanager
def running_companies(folder: Path, **settings: str) -> Iterator[Companies]:
    """Starts a system with the demo companies; what goes to Rasa and the actions goes past recorders."""
    key = secrets.token_hex(32)
    system = System(
        folder,
        {
            "SERVER_KEY": key,
            "MAIL_FOLDER": str(folder / "mail"),
            # All tests speak from one address.
            "VERIFICATIONS_PER_ADDRESS_PER_HOUR": "100000",
            "CODE_VERIFICATIONS_PER_COMPANY_PER_DAY": "100000",
            "VERIFICATION_MAILS_PER_COMPANY_PER_HOUR": "100000",
            **settings,
        },
    )
    command = [sys.executable, "-m", "bot.commands", "demo", "companies"]
    loaded = subprocess.run(command, cwd=ROOT, env=system.environment, capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
    rasa, actions = Recorder(system.environment["RASA_URL"]), Recorder(system.environment["ACTIONS_URL"])
    companies = Companies(system, key, [rasa, actions])
    assert companies.code(BLOEMEN) in loaded.stdout, "the code to try is printed"
    try:
        system.start("actions")
        system.environment["ACTIONS_URL"] = actions.url
        system.start("rasa")
        system.environment["RASA_URL"] = rasa.url
        system.start("web")
        system.wait_until(200)
        yield companies
    finally:
        with suppress(KeyError):
            system.stop(*list(system.processes))
        for recorder in (rasa, actions):
            recorder.close()
