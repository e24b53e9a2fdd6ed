"""Databases for tests: SQLite in a file, and PostgreSQL, started for the tests in a folder of its own."""

from __future__ import annotations

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from bot.database.engine import MIGRATIONS, migrate
from tests.running import ROOT, free_port

PATIENCE_SECONDS = 60
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "40",
    # A test database need not survive the machine.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
}


class CannotStart(Exception):
    """PostgreSQL cannot be started on this machine; the text says why."""


class Postgres:
    """A running PostgreSQL, with a database in it that has all tables, to copy from."""

    def __init__(self, url: str) -> None:
        self._admin: Engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        self._url = make_url(url)
        self._count = 0
        self._do("CREATE DATABASE migrated")
        migrate(self._named("migrated"))

    def _named(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def _do(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))

    @contextmanager
    def database(self, *, migrated: bool) -> Iterator[str]:
        """The URL of a new database, empty or with all tables; it is gone afterwards."""
        self._count += 1
        name = f"test_{self._count}"
        self._do(f"CREATE DATABASE {name} TEMPLATE {'migrated' if migrated else 'template0'}")
        try:
            yield self._named(name)
        finally:
            self._do(f"DROP DATABASE {name} WITH (FORCE)")


def _unprivileged() -> dict[str, object]:
    """How to start a process that PostgreSQL accepts: it refuses to run as root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise CannotStart("this is root, and there is no user postgres or nobody to run it as")


def _end_with_the_tests() -> None:
    """In the new process: to be told (SIGINT, a fast shutdown) when the tests are killed and cannot stop it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Starts a PostgreSQL on a free port of loopback. Raises CannotStart."""
    found = subprocess.run([ROOT / "bin" / "find-postgres"], capture_output=True, text=True, check=False)
    if found.returncode:
        raise CannotStart((found.stderr.strip().splitlines() or ["bin/find-postgres failed and said nothing"])[-1])
    programs, account = Path(found.stdout.strip()), _unprivileged()
    # Not in pytest's own folder: only its owner may enter that.
    folder = Path(tempfile.mkdtemp(prefix="wegwijzer-postgres-"))
    server = None
    try:
        password, port = secrets.token_hex(16), free_port()
        secret = folder / "password"
        secret.write_text(password)
        if account:
            for place in (folder, secret):
                os.chown(place, account["user"], account["group"])  # type: ignore[arg-type]
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        quietly = {"cwd": folder, "env": environment, **account}
        initdb = [programs / "initdb", "-D", folder / "data", "-U", "tester", "--pwfile", secret, "-A", "scram-sha-256"]
        made = subprocess.run(
            [*initdb, "-E", "UTF8", "--no-sync"], capture_output=True, text=True, check=False, **quietly
        )
        if made.returncode:
            raise CannotStart(f"initdb failed: {(made.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", folder / "data", "-p", str(port), *options],
                stdout=log, stderr=log, start_new_session=True, **quietly,
                preexec_fn=_end_with_the_tests,  # noqa: PLW1509 - there are no threads yet that could hold a lock
            )  # fmt: skip
        url = f"postgresql+psycopg://tester:{password}@127.0.0.1:{port}/postgres"
        _wait(server, url, folder / "log")
        yield Postgres(url)
    finally:
        if server is not None and server.poll() is None:
            server.send_signal(signal.SIGINT)  # "fast": does not wait for clients that were forgotten
            try:
                server.wait(PATIENCE_SECONDS / 4)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    engine = create_engine(url, poolclass=NullPool)
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            engine.connect().close()
        except OperationalError:
            time.sleep(0.1)
        else:
            return
    last = log.read_text(errors="replace").strip().splitlines()
    raise CannotStart(f"it did not come up: {(last or ['it said nothing'])[-1]}")


def migrate_to(url: str, revision: str) -> None:
    """Brings the tables to a revision, downwards too; `base` leaves none."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    (command.downgrade if revision == "base" else command.upgrade)(config, revision)
