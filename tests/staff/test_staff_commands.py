"""`bin/wegwijzer staff`, run as it is run at a terminal."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.commands import parser
from bot.database.engine import open_engine
from bot.staff.accounts import AccountStore
from tests.running import ROOT
from tests.staff.conftest import PASSWORD, House

PAGE = (ROOT / "docs" / "staff.md").read_text()


@dataclass
class Terminal:
    """Somebody at a terminal, with a database that is not there yet."""

    url: str
    folder: Path

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        known = {"DATABASE_URL": self.url, "SERVER_KEY_FILE": str(self.folder / "server.key"), "WEB_PORT": "8123"}
        environment = {**os.environ, **known, **settings}
        return subprocess.run(
            [ROOT / "bin" / "wegwijzer", "staff", *words], env=environment, capture_output=True, text=True, check=False
        )

    def house(self) -> House:
        return House(open_engine(self.url, 20))


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(f"sqlite:///{tmp_path / 'test.db'}", tmp_path)


def link_in(said: str, address: str = "http://127.0.0.1:8123") -> str:
    found = re.search(rf"{re.escape(address)}/console/link#([\w-]{{43}})\n", said)
    assert found, said
    return found[1]


def test_accounts_from_a_terminal(terminal: Terminal) -> None:
    made = terminal.run("add", "anna@example.org", "Anna Agent", "--role", "agent", "editor", "--desk", "portal")
    assert (made.returncode, made.stderr) == (0, "")
    first = link_in(made.stdout)
    assert terminal.run("list").stdout == "anna@example.org\tAnna Agent\tagent, editor\tportal\tnl\tnot signed in yet\n"
    second = link_in(terminal.run("link", "ANNA@example.org").stdout)
    house = terminal.house()
    token = house.signing_in.by_link(second, PASSWORD)
    assert first != second
    changed = terminal.run("change", "anna@example.org", "--name", "Anna B.", "--role", "editor", "--language", "en")
    assert changed.returncode == 0
    assert terminal.run("list").stdout == "anna@example.org\tAnna B.\teditor\tportal\ten\tin use\n"
    assert terminal.run("disable", "anna@example.org").returncode == 0
    assert house.sessions.find(token) is None
    assert terminal.run("list").stdout.endswith("\tswitched off\n")
    assert terminal.run("enable", "anna@example.org").returncode == 0
    assert house.rows("SELECT DISTINCT account_id FROM staff_audit WHERE action LIKE 'account%'") == [(None,)]
    house.engine.dispose()


def test_what_cannot_be_done_is_said_in_a_line(terminal: Terminal) -> None:
    terminal.run("add", "a@example.org", "A", "--role", "admin")
    for words in (
        ["add", "A@example.org", "B", "--role", "admin"], ["add", "b", "B", "--role", "admin"],
        ["add", "b@example.org", "B", "--role", "agent"], ["add", "b@example.org", " ", "--role", "admin"],
        ["link", "nobody@example.org"], ["change", "nobody@example.org", "--name", "X"],
        ["disable", "a@example.org"], ["change", "a@example.org", "--role", "editor"],
    ):  # fmt: skip
        done = terminal.run(*words)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), (words, done)
        assert "Traceback" not in done.stderr
    assert terminal.run("add", "b@example.org", "B", "--role", "boss").returncode == 2


def test_the_first_account_gets_links_until_it_is_set_up(terminal: Terminal) -> None:
    first = terminal.run("first", FIRST_STAFF_EMAIL="Chef@example.org", PUBLIC_URL="https://wegwijzer.example.org")
    assert "The one-time sign-in link for chef@example.org" in first.stdout
    link_in(first.stdout, "https://wegwijzer.example.org")
    assert terminal.run("list").stdout == "chef@example.org\tAdmin\tadmin\tcharter, portal\tnl\tnot signed in yet\n"
    again = link_in(terminal.run("first").stdout)
    house = terminal.house()
    house.signing_in.by_link(again, PASSWORD)
    silent = terminal.run("first")
    assert (silent.returncode, silent.stdout, silent.stderr) == (0, "", "")
    assert len(house.accounts.all()) == 1
    house.engine.dispose()


def test_there_is_no_first_account_where_there_are_others(terminal: Terminal) -> None:
    for name in "ab":
        terminal.run("add", f"{name}@example.org", name, "--role", "admin")
    assert terminal.run("first").stdout == ""
    engine = open_engine(terminal.url, 20)
    assert len(AccountStore(engine).all()) == 2
    engine.dispose()


def test_every_command_is_in_the_docs() -> None:
    staff = parser()._subparsers._group_actions[0].choices["staff"]  # type: ignore[union-attr,index,call-overload]
    names = set(staff._subparsers._group_actions[0].choices)
    assert len(names) == 7
    assert {name for name in names if f"staff {name}" not in PAGE} == set()


def test_everything_that_is_audited_is_in_the_docs() -> None:
    code = "".join(file.read_text() for file in (ROOT / "bot" / "staff").glob("*.py"))
    actions = set(re.findall(r'record\([^)"]*?"([a-z_]+)"', code)) | set(re.findall(r'"(account_[a-z]+)"', code))
    assert len(actions) > 9
    assert {action for action in actions - {"account_id"} if f"`{action}`" not in PAGE} == set()
