"""`bin/wegwijzer partner` and `report`, run as staff run them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from bot.commands import parser
from bot.database.engine import open_engine
from bot.database.types import new_id, now
from bot.helpdesk.models import Suggestion
from bot.helpdesk.partners import PartnerKeys
from bot.helpdesk.reranking import Verdict
from bot.settings import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(empty_database_url: str, tmp_path: Path) -> Run:
    environment = {**os.environ, "DATABASE_URL": empty_database_url, "MODELS_DIR": str(tmp_path)}

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "bin" / "wegwijzer", *words], env=environment, capture_output=True, text=True, check=False
        )

    return command


def test_a_key_is_made_listed_used_and_revoked(run: Run, empty_database_url: str) -> None:
    made = run("partner", "add", "awvn", "Werkgeverslijn AWVN", "--scope", "suggestions", "referrals", "questions")
    assert made.returncode == 0, made.stderr
    found = re.search(r"^  (wp_[\w-]{43})$", made.stdout, flags=re.MULTILINE)
    assert found, made.stdout
    engine = open_engine(empty_database_url)
    keys = PartnerKeys(engine)
    partner = keys.find(found[1])
    assert partner is not None and partner.id in made.stdout
    assert partner.scopes == {"suggestions", "referrals", "questions"}
    listed = run("partner", "list").stdout
    assert listed == f"{partner.id}\tawvn\tWerkgeverslijn AWVN\tquestions, referrals, suggestions\tnot used yet\n"
    keys.used(partner, "suggestions")
    assert "last used 20" in run("partner", "list").stdout and found[1] not in listed
    assert run("partner", "revoke", partner.id).stdout == "The key of Werkgeverslijn AWVN (awvn) is revoked.\n"
    assert keys.find(found[1]) is None and run("partner", "list").stdout.endswith("\trevoked\n")
    engine.dispose()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("partner", "add", "awvn", "AWVN"), "--scope"),
        (("partner", "add", "awvn", "AWVN", "--scope", "all"), "invalid choice"),
        (("partner",), "WHAT"),
        (("report", "suggestions", "--weeks", "0"), "--weeks"),
    ],
)
def test_words_that_are_no_command(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_what_cannot_be_is_said(run: Run) -> None:
    for words, said in (
        (("add", "AWVN", "AWVN", "--scope", "suggestions"), "small letters"),
        (("revoke", "nothing"), "partner list"),
    ):
        done = run("partner", *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr and "Traceback" not in done.stderr


def test_the_report_counts_and_says_how_suggestions_are_ranked(
    run: Run, empty_database_url: str, tmp_path: Path
) -> None:
    empty = run("report", "suggestions")
    assert empty.returncode == 0, empty.stderr
    assert "ranked by their confidence alone" in empty.stdout and "too few" in empty.stdout
    engine, batch = open_engine(empty_database_url), new_id()
    with Session(engine) as session, session.begin():
        session.add_all(
            Suggestion(
                id=new_id(), batch_id=batch, channel="phone", language="nl", position=position, topic=topic,
                confidence=0.5, fate=fate, created_at=now(), settled_at=now(),
            )
            for position, (topic, fate) in enumerate((("law.quota", "ignored"), ("law.targets", "inserted")), start=1)
        )  # fmt: skip
    engine.dispose()
    Verdict(True, "helps", 600, weight=1.0, offsets={"law.targets": 1.0}).save(tmp_path / "reranking.json")
    report = run("report", "suggestions", "--weeks", "4").stdout
    assert re.search(r"^all +0% +1 +100% +1 ", report, flags=re.MULTILINE), report
    assert re.search(r"^  law\.targets +– +0 +100% +1 ", report, flags=re.MULTILINE), report
    assert "ranked by these fates too" in report
