"""`bin/wegwijzer staff …`: accounts from a terminal."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.answers.knowledge import DESKS
from bot.database.engine import migrate, open_engine
from bot.settings import Settings, settings
from bot.staff.accounts import AccountStore, NoSuchAccount, Staff
from bot.staff.models import ROLES
from bot.texts import LANGUAGES

LOCK_SECONDS = 30.0
"""A command may wait for the database longer than a visitor."""
FIRST_NAME, FIRST_ROLES = "Admin", ("admin",)

_Run = Callable[[argparse.Namespace], None]


def add_commands(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `staff` and its commands."""
    does = "keep the accounts of staff"
    things = verbs.add_parser("staff", help=does, description="Keeps the accounts of staff.").add_subparsers(
        required=True, metavar="WHAT"
    )

    def leaf(name: str, does: str, run: _Run, *, with_email: bool = True) -> argparse.ArgumentParser:
        made = things.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}.")
        made.set_defaults(run=run)
        if with_email:
            made.add_argument("email", metavar="EMAIL")
        return made

    made = leaf("add", "add an account, and print its sign-in link", _add)
    made.add_argument("name", metavar="NAME", help="as visitors see it")
    _rights(made, needed=True)
    leaf("list", "print all accounts", _list, with_email=False)
    made = leaf("change", "change what an account is called, what it may do, and for which desks", _change)
    made.add_argument("--name")
    _rights(made, needed=False)
    leaf("link", "print a new sign-in link for an account, in place of the one before", _link)
    leaf("disable", "switch an account off: its sessions end at once", _disable)
    leaf("enable", "switch an account on again", _enable)
    leaf("first", "make the first account, and print its sign-in link until it is set up", _first, with_email=False)


def _rights(leaf: argparse.ArgumentParser, *, needed: bool) -> None:
    """The options for roles and desks; what is given replaces what there was."""
    leaf.add_argument("--role", action="extend", nargs="+", choices=ROLES, required=needed, help="one or more")
    leaf.add_argument("--desk", action="extend", nargs="+", choices=DESKS, help="one or more; an agent needs one")
    leaf.add_argument("--language", choices=LANGUAGES, default=LANGUAGES[0] if needed else None)


@contextmanager
def _accounts(config: Settings) -> Iterator[AccountStore]:
    migrate(config.database_url)
    engine = open_engine(config.database_url, LOCK_SECONDS)
    try:
        yield AccountStore(engine)
    finally:
        engine.dispose()


def _known(accounts: AccountStore, email: str) -> Staff:
    found = accounts.by_email(email)
    if found is None:
        raise NoSuchAccount(email)
    return found


def _print_link(accounts: AccountStore, account: Staff, config: Settings) -> None:
    token = accounts.link(account.id)
    print(f"Sign-in link for {account.email} (works once, for 24 hours): {config.web_address}/console/link#{token}")


def _add(arguments: argparse.Namespace) -> None:
    config = settings()
    with _accounts(config) as accounts:
        made = accounts.create(
            arguments.email, arguments.name, arguments.role, arguments.desk or (), arguments.language
        )
        _print_link(accounts, made, config)


def _list(_arguments: argparse.Namespace) -> None:
    with _accounts(settings()) as accounts:
        for account in accounts.all():
            state = "switched off" if not account.is_active else "in use" if account.is_set_up else "not signed in yet"
            roles, desks = (", ".join(sorted(one)) or "-" for one in (account.roles, account.desks))
            print("\t".join((account.email, account.name, roles, desks, account.language, state)))


def _change(arguments: argparse.Namespace) -> None:
    with _accounts(settings()) as accounts:
        changed = accounts.change(
            _known(accounts, arguments.email).id, name=arguments.name, roles=arguments.role, desks=arguments.desk,
            language=arguments.language,
        )  # fmt: skip
        print(f"{changed.email}: {', '.join(sorted(changed.roles | changed.desks))}.")


def _link(arguments: argparse.Namespace) -> None:
    config = settings()
    with _accounts(config) as accounts:
        _print_link(accounts, _known(accounts, arguments.email), config)


def _disable(arguments: argparse.Namespace) -> None:
    with _accounts(settings()) as accounts:
        accounts.change(_known(accounts, arguments.email).id, is_active=False)
        print(f"{arguments.email} is switched off.")


def _enable(arguments: argparse.Namespace) -> None:
    with _accounts(settings()) as accounts:
        accounts.change(_known(accounts, arguments.email).id, is_active=True)
        print(f"{arguments.email} is switched on.")


def _first(_arguments: argparse.Namespace) -> None:
    """For `make run`: says nothing once somebody can sign in, or where others are being added already."""
    config = settings()
    with _accounts(config) as accounts:
        everybody = accounts.all()
        if not everybody:
            everybody = [accounts.create(config.first_staff_email, FIRST_NAME, FIRST_ROLES, DESKS)]
        if len(everybody) == 1 and everybody[0].is_active and not everybody[0].is_set_up:
            token = accounts.link(everybody[0].id)
            print(f"The one-time sign-in link for {everybody[0].email} (works once, for 24 hours):")
            print(f"  {config.web_address}/console/link#{token}")
