"""`bin/wegwijzer partner …` and `bin/wegwijzer report …`: partners' keys, and how good the suggestions are."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Engine

from bot.database.engine import migrate, open_engine
from bot.database.types import now
from bot.helpdesk import fates, reranking
from bot.helpdesk.hours import AMSTERDAM
from bot.helpdesk.models import PARTNER_SCOPES
from bot.helpdesk.partners import PartnerKeys
from bot.helpdesk.suggesting import RERANKING_FILE
from bot.settings import settings

LOCK_SECONDS = 30.0
"""A command may wait for the database longer than a visitor."""
WEEKS = 26


def add_commands(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    """Adds `partner` and `report`, with their commands; gives `report`, for those of others."""
    does = "keep the keys of partners' own desks"
    things = verbs.add_parser("partner", help=does, description="Keeps the keys of partners' own desks.")
    kinds = things.add_subparsers(required=True, metavar="WHAT")
    made = kinds.add_parser("add", help="make a key, and print it this once")
    made.add_argument("referrer", metavar="PARTNER", help="which one: awvn, vno-ncw")
    made.add_argument("name", metavar="NAME", help="of its desk, as employers see it: Werkgeverslijn AWVN")
    made.add_argument("--scope", action="extend", nargs="+", choices=PARTNER_SCOPES, required=True, help="one or more")
    made.set_defaults(run=_add)
    kinds.add_parser("list", help="print all keys, without the keys themselves").set_defaults(run=_list)
    made = kinds.add_parser("revoke", help="end a key, at once and for good")
    made.add_argument("id", metavar="ID", help="as `partner list` prints it")
    made.set_defaults(run=_revoke)

    does = "print how it goes"
    kinds = verbs.add_parser("report", help=does, description="Prints how it goes.").add_subparsers(
        required=True, metavar="WHAT"
    )
    made = kinds.add_parser("suggestions", help="precision of suggested answers, per topic and per week")
    made.add_argument("--weeks", type=int, default=WEEKS, choices=range(1, 105), metavar="WEEKS", help="1 to 104")
    made.set_defaults(run=_suggestions)
    return kinds


@contextmanager
def _database() -> Iterator[Engine]:
    config = settings()
    migrate(config.database_url)
    engine = open_engine(config.database_url, LOCK_SECONDS)
    try:
        yield engine
    finally:
        engine.dispose()


def _add(arguments: argparse.Namespace) -> None:
    with _database() as engine:
        partner, key = PartnerKeys(engine).add(arguments.referrer, arguments.name, arguments.scope)
        print(f"A key for {partner.name} ({partner.referrer}), good for {', '.join(sorted(partner.scopes))}.")
        print(f"It is shown this once; send it by a safe way. Its id is {partner.id}.")
        print(f"  {key}")


def _list(_arguments: argparse.Namespace) -> None:
    with _database() as engine:
        for partner in PartnerKeys(engine).all():
            used = partner.last_used_at.astimezone(AMSTERDAM).strftime("%Y-%m-%d %H:%M") if partner.last_used_at else ""
            state = "revoked" if partner.revoked_at else f"last used {used}" if used else "not used yet"
            print("\t".join((partner.id, partner.referrer, partner.name, ", ".join(sorted(partner.scopes)), state)))


def _revoke(arguments: argparse.Namespace) -> None:
    with _database() as engine:
        partner = PartnerKeys(engine).revoke(arguments.id)
        print(f"The key of {partner.name} ({partner.referrer}) is revoked.")


def _suggestions(arguments: argparse.Namespace) -> None:
    with _database() as engine:
        kept = fates.settled(engine, now() - timedelta(weeks=arguments.weeks))
        print(fates.as_table(fates.report(kept)))
        print()
        # Whether it is on is decided by `make eval` alone.
        is_on = reranking.Reranking.read(settings().models_dir / RERANKING_FILE) is not None
        print(f"Suggestions are ranked {'by these fates too' if is_on else 'by their confidence alone'}. Judged now:")
        print(reranking.judge(fates.settled(engine)).in_words())
