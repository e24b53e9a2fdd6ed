"""Verification against a real database, SQLite and PostgreSQL: who is let in, who is not, and how often one may try."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import event

from bot.conversations.store import ConversationStore, NoSuchConversation
from bot.database.engine import migrate, open_engine
from bot.registry.codes import normal_code
from bot.registry.verification import (
    Asker,
    Limits,
    OneTime,
    Refused,
    TooOften,
    Verified,
    Verifier,
    new_one_time_code,
)
from bot.settings import Settings
from tests.registry.conftest import KEY, Registry, row

NUMBER, OTHER, UNKNOWN = "68750110", "68727720", "90001354"
CODE, OTHER_CODE = "AB12-CD34-EF56", "GH78-JK90-LM12"
VERA, BRAM, LARS = "vera@example.nl", "bram@example.nl", "lars@example.nl"
EVERY_TABLE = ("verification_attempts", "one_time_codes", "verifications", "companies", "contacts", "conversations")


class Desk:
    """A registry with two companies of one contact, conversations, and a verifier."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.verifier = Verifier(registry.engine, KEY)
        self.store = ConversationStore(registry.engine)
        vera = {"contact_1_name": "Vera Voorbeeld", "contact_1_email": VERA, "contact_1_account": "active"}
        bram = {"contact_2_name": "Bram Voorbeeld", "contact_2_email": BRAM}
        lars = {"contact_2_name": "Lars Voorbeeld", "contact_2_email": LARS}
        invited = {"invited_on": "2026-01-05"}
        registry.load(
            row(NUMBER, **vera, **bram, **invited, activation_code=CODE),
            row(OTHER, **vera, **lars, **invited, activation_code=OTHER_CODE),
        )

    def asker(self, address: str | None = None) -> Asker:
        """Somebody in a conversation of their own, from an address of their own."""
        id_, _, _ = self.store.open("nl", "website", None, [])
        return Asker(id_, address or uuid4().hex)

    def mailed(self, asker: Asker, number: str = NUMBER, email: str = VERA) -> OneTime:
        """A code that is on its way."""
        one_time = self.verifier.request_code(asker, number, email)
        assert one_time is not None
        return one_time

    def outcomes(self) -> Counter[tuple[str, str]]:
        """Way and outcome of every attempt, as the audit has them."""
        return Counter(self.registry.rows("SELECT way, outcome FROM verification_attempts"))  # type: ignore[arg-type]

    def company(self, verified: Verified | None) -> str:
        """The KVK number of what may be seen."""
        assert verified is not None
        return str(self.registry.rows("SELECT kvk_number FROM companies WHERE id = :id", id=verified.company_id)[0][0])

    def everything(self) -> str:
        """All that stands in the tables that verification touches."""
        return "\n".join(repr(self.registry.rows(f"SELECT * FROM {table}")) for table in EVERY_TABLE)

    def move_clock(self, table: str, column: str, by: timedelta) -> None:
        """Moves what is kept back in time, for these tests have no clock of their own."""
        self.registry.rows(f"UPDATE {table} SET {column} = :then", then=_stored(datetime.now(UTC) - by, self.registry))


def _stored(moment: datetime, registry: Registry) -> object:
    """As the column holds it: SQLite has no type for moments."""
    return moment if registry.engine.dialect.name == "postgresql" else moment.replace(tzinfo=None).isoformat(" ")


@pytest.fixture
def desk(registry: Registry) -> Iterator[Desk]:
    yield Desk(registry)


# ---- by activation code


@pytest.mark.parametrize("typed", [CODE, CODE.lower(), "ab12 cd34 ef56", "AB12CD34EF56", "ab12\u2011cd34\u2011ef56 "])
def test_right_code(desk: Desk, typed: str) -> None:
    """Capitals, spaces and hyphens do not matter; it is good for half an hour, for this conversation alone."""
    asker, other = desk.asker(), desk.asker()
    verified = desk.verifier.by_code(asker, NUMBER, typed)
    assert desk.company(verified) == NUMBER
    assert verified.contact_id is None
    assert timedelta(minutes=29) < verified.expires_at - datetime.now(UTC) <= timedelta(minutes=30)
    assert desk.verifier.verified(asker.conversation_id) == verified
    assert desk.verifier.verified(other.conversation_id) is None


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (NUMBER, "AB12-CD34-EF57"),
        (NUMBER, OTHER_CODE),
        (NUMBER, ""),
        (NUMBER, " - "),
        (NUMBER, CODE + "X"),
        (UNKNOWN, CODE),
        (UNKNOWN, ""),
    ],
)
def test_wrong_code_and_unknown_company_are_one_outcome(desk: Desk, number: str, code: str) -> None:
    asker = desk.asker()
    with pytest.raises(Refused) as refusal:
        desk.verifier.by_code(asker, number, code)
    assert refusal.value.args == ()
    assert desk.verifier.verified(asker.conversation_id) is None
    assert desk.outcomes() == {("code", "refused"): 1}


@pytest.mark.parametrize("code", ["", " ", "-", "AB12-CD34-EF56"])
def test_company_without_a_code(desk: Desk, code: str) -> None:
    """Nothing is not the code of a company that has none."""
    desk.registry.load(row(UNKNOWN))
    with pytest.raises(Refused):
        desk.verifier.by_code(desk.asker(), UNKNOWN, code)


def test_expired(desk: Desk) -> None:
    asker = desk.asker()
    desk.verifier.by_code(asker, NUMBER, CODE)
    desk.move_clock("verifications", "verified_at", timedelta(minutes=31))
    desk.move_clock("verifications", "expires_at", timedelta(seconds=1))
    assert desk.verifier.verified(asker.conversation_id) is None
    assert desk.verifier.look_at(asker.conversation_id, desk.registry.company(OTHER).id) is None
    desk.verifier.forget(timedelta(days=90))
    assert desk.registry.rows("SELECT * FROM verifications") == []


def test_another_company_takes_the_place_of_the_first(desk: Desk) -> None:
    asker = desk.asker()
    desk.verifier.by_code(asker, NUMBER, CODE)
    desk.verifier.by_code(asker, OTHER, OTHER_CODE)
    assert desk.company(desk.verifier.verified(asker.conversation_id)) == OTHER


def test_replaced_code_ends_what_was_verified_with_it(desk: Desk) -> None:
    asker = desk.asker()
    desk.verifier.by_code(asker, NUMBER, CODE)
    desk.registry.load(row(NUMBER, invited_on="2026-01-05", activation_code="NP34-QR56-ST78"))
    assert desk.verifier.verified(asker.conversation_id) is None
    with pytest.raises(Refused):
        desk.verifier.by_code(asker, NUMBER, CODE)


def test_conversation_that_is_erased_takes_it_along(desk: Desk) -> None:
    """The audit stays, with an id that leads nowhere any more."""
    asker = desk.asker()
    desk.mailed(asker)
    desk.verifier.by_code(asker, NUMBER, CODE)
    desk.registry.rows("DELETE FROM conversations")
    assert desk.registry.rows("SELECT * FROM verifications") == []
    assert desk.registry.rows("SELECT * FROM one_time_codes") == []
    assert desk.outcomes() == {("email-request", "sent"): 1, ("code", "verified"): 1}
    with pytest.raises(NoSuchConversation):
        desk.verifier.by_code(asker, NUMBER, CODE)
    with pytest.raises(NoSuchConversation):
        desk.verifier.request_code(asker, NUMBER, VERA)


# ---- by e-mail


def test_one_time_code_works_once(desk: Desk) -> None:
    asker = desk.asker()
    one_time = desk.mailed(asker)
    assert (one_time.to, one_time.company) == (VERA, f"Voorbeeld {NUMBER} BV")
    verified = desk.verifier.by_email(asker, NUMBER, VERA, one_time.code.lower().replace("-", " "))
    assert desk.company(verified) == NUMBER
    assert verified.contact_id is not None
    with pytest.raises(Refused):
        desk.verifier.by_email(asker, NUMBER, VERA, one_time.code)


def test_one_time_code_works_for_ten_minutes(desk: Desk) -> None:
    asker = desk.asker()
    one_time = desk.mailed(asker)
    [(expires,)] = desk.registry.rows("SELECT expires_at FROM one_time_codes")
    expires = expires if isinstance(expires, datetime) else datetime.fromisoformat(expires).replace(tzinfo=UTC)
    assert timedelta(minutes=9) < expires - datetime.now(UTC) <= timedelta(minutes=10)
    desk.move_clock("one_time_codes", "expires_at", timedelta(seconds=1))
    with pytest.raises(Refused):
        desk.verifier.by_email(asker, NUMBER, VERA, one_time.code)
    desk.verifier.forget(timedelta(days=90))
    assert desk.registry.rows("SELECT * FROM one_time_codes") == []


def test_one_time_code_works_where_it_was_asked_for(desk: Desk) -> None:
    """Not in another conversation, for another company of the same contact, or with another contact's address."""
    asker, thief = desk.asker(), desk.asker()
    one_time = desk.mailed(asker)
    for who, number, email in (
        (thief, NUMBER, VERA),
        (asker, OTHER, VERA),
        (asker, NUMBER, BRAM),
        (asker, UNKNOWN, VERA),
        (asker, NUMBER, "nobody@example.nl"),
    ):
        with pytest.raises(Refused):
            desk.verifier.by_email(who, number, email, one_time.code)
    assert desk.company(desk.verifier.by_email(asker, NUMBER, VERA, one_time.code)) == NUMBER


def test_newer_code_takes_the_place_of_the_older(desk: Desk) -> None:
    asker = desk.asker()
    older, newer = desk.mailed(asker), desk.mailed(asker)
    with pytest.raises(Refused):
        desk.verifier.by_email(asker, NUMBER, VERA, older.code)
    desk.verifier.by_email(asker, NUMBER, VERA, newer.code)


def test_nobody_gets_a_mail_but_the_contacts(desk: Desk) -> None:
    """Whoever asks is told the same."""
    for number, email in ((NUMBER, LARS), (NUMBER, "nobody@example.nl"), (UNKNOWN, VERA), (NUMBER, "")):
        assert desk.verifier.request_code(desk.asker(), number, email) is None
    assert desk.registry.rows("SELECT * FROM one_time_codes") == []
    assert desk.outcomes() == {("email-request", "refused"): 4}


@pytest.mark.parametrize("code", ["", " ", "-"])
def test_no_code_is_not_the_code_that_was_never_sent(desk: Desk, code: str) -> None:
    with pytest.raises(Refused):
        desk.verifier.by_email(desk.asker(), NUMBER, VERA, code)


def test_contact_who_goes_takes_along_what_they_verified(desk: Desk) -> None:
    asker = desk.asker()
    desk.verifier.by_email(asker, NUMBER, VERA, desk.mailed(asker).code)
    desk.registry.load(row(NUMBER, invited_on="2026-01-05", contact_1_name="Noor", contact_1_email="noor@example.nl"))
    assert desk.verifier.verified(asker.conversation_id) is None


def test_other_companies_of_the_same_contact(desk: Desk) -> None:
    """Whoever reads a contact's mail may turn to the contact's other companies, for as long as was left."""
    asker = desk.asker()
    first = desk.verifier.by_email(asker, NUMBER, VERA, desk.mailed(asker).code)
    second = desk.verifier.look_at(asker.conversation_id, desk.registry.company(OTHER).id)
    assert desk.company(second) == OTHER
    assert second is not None and second.expires_at == first.expires_at
    assert desk.verifier.verified(asker.conversation_id) == second


def test_nobody_else_turns_to_another_company(desk: Desk) -> None:
    """Not with an activation code, not a contact of this company alone, not without verification, not to nowhere."""
    other = desk.registry.company(OTHER).id
    by_code, bram, nobody = desk.asker(), desk.asker(), desk.asker()
    desk.verifier.by_code(by_code, NUMBER, CODE)
    desk.verifier.by_email(bram, NUMBER, BRAM, desk.mailed(bram, email=BRAM).code)
    for asker in (by_code, bram, nobody):
        assert desk.verifier.look_at(asker.conversation_id, other) is None
        assert desk.verifier.look_at(asker.conversation_id, "68727720") is None
    assert desk.company(desk.verifier.verified(bram.conversation_id)) == NUMBER


def test_one_time_codes_look_like_codes_that_the_chat_masks() -> None:
    codes = {new_one_time_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert all(len(normal_code(code)) == 8 for code in codes)


# ---- limits


def guess(desk: Desk, asker: Asker, number: str = NUMBER) -> str:
    """One wrong code; says how it ended."""
    try:
        desk.verifier.by_code(asker, number, f"ZZ99-{uuid4().hex[:4]}")
    except Refused:
        return "refused"
    except TooOften as problem:
        assert 0 < problem.seconds <= 24 * 3600
        return problem.limit
    return "verified"


def test_limits_are_those_of_the_settings() -> None:
    fields = Settings.model_fields
    assert Limits() == Limits(
        fields["verifications_per_conversation"].default,
        fields["verifications_per_address_per_hour"].default,
        fields["code_verifications_per_company_per_day"].default,
        fields["verification_mails_per_company_per_hour"].default,
    )
    assert Limits() == Limits(5, 10, 50, 10)


def test_five_in_a_conversation(desk: Desk) -> None:
    """By code and by one-time code together; then the right code does not help either."""
    asker = desk.asker()
    assert [guess(desk, asker) for _ in range(3)] == ["refused"] * 3
    for _ in range(2):
        with pytest.raises(Refused):
            desk.verifier.by_email(asker, NUMBER, VERA, "K7PQ-3MXD")
    assert guess(desk, asker) == "conversation"
    with pytest.raises(TooOften):
        desk.verifier.by_code(asker, NUMBER, CODE)
    with pytest.raises(TooOften):
        desk.verifier.by_email(asker, NUMBER, VERA, "K7PQ-3MXD")
    assert guess(desk, desk.asker()) == "refused"


def test_five_mails_in_a_conversation(desk: Desk) -> None:
    """Also where none is sent, or the fifth would tell who is known. The codes that came may still be given."""
    known, unknown = desk.asker(), desk.asker()
    code = [desk.mailed(known).code for _ in range(5)][-1]
    for _ in range(5):
        assert desk.verifier.request_code(unknown, NUMBER, "nobody@example.nl") is None
    for asker, email in ((known, VERA), (unknown, "nobody@example.nl")):
        with pytest.raises(TooOften) as problem:
            desk.verifier.request_code(asker, NUMBER, email)
        assert problem.value.limit == "conversation"
    desk.verifier.by_email(known, NUMBER, VERA, code)


def test_the_wait_ends(desk: Desk) -> None:
    """What is tried too often does not prolong it."""
    asker = desk.asker()
    assert [guess(desk, asker) for _ in range(6)] == ["refused"] * 5 + ["conversation"]
    desk.move_clock("verification_attempts", "at", timedelta(hours=24, seconds=1))
    assert guess(desk, asker) == "refused"


def test_ten_from_an_address_in_an_hour(desk: Desk) -> None:
    assert [guess(desk, desk.asker("192.0.2.1")) for _ in range(12)] == ["refused"] * 10 + ["address"] * 2
    assert guess(desk, desk.asker("192.0.2.2")) == "refused"
    desk.move_clock("verification_attempts", "at", timedelta(hours=1, seconds=1))
    assert guess(desk, desk.asker("192.0.2.1")) == "refused"


def test_fifty_codes_for_a_company_in_a_day(desk: Desk) -> None:
    """The way by e-mail stays open, and other companies are not touched. An unknown company has the same limit."""
    for number in (NUMBER, UNKNOWN):
        ends = [guess(desk, desk.asker(), number) for _ in range(52)]
        assert ends == ["refused"] * 50 + ["company"] * 2
    with pytest.raises(TooOften):
        desk.verifier.by_code(desk.asker(), NUMBER, CODE)
    desk.verifier.by_code(desk.asker(), OTHER, OTHER_CODE)
    contact = desk.asker()
    desk.verifier.by_email(contact, NUMBER, VERA, desk.mailed(contact).code)


def test_who_is_let_in_has_not_guessed(desk: Desk) -> None:
    """Somebody who looks at a company every half hour is not locked out."""
    asker = desk.asker()
    for _ in range(12):
        desk.verifier.by_code(asker, NUMBER, CODE)


def test_a_mailbox_is_not_filled(desk: Desk) -> None:
    """Whoever asks is told the same, and after an hour there are mails again."""
    for _ in range(Limits().mails_per_company_and_hour):
        desk.mailed(desk.asker())
    assert desk.verifier.request_code(desk.asker(), NUMBER, VERA) is None
    desk.mailed(desk.asker(), OTHER)
    desk.move_clock("verification_attempts", "at", timedelta(hours=1, seconds=1))
    desk.mailed(desk.asker())


def test_many_at_once_do_not_slip_past(desk: Desk) -> None:
    """Forty threads of two processes, on one conversation: five are compared."""
    asker = desk.asker()
    second = Desk.__new__(Desk)
    engine = open_engine(desk.registry.url, 30)
    second.verifier, second.registry = Verifier(engine, KEY), desk.registry
    try:
        with ThreadPoolExecutor(12) as pool:
            ends = Counter(pool.map(lambda at: guess((desk, second)[at % 2], asker), range(40)))
    finally:
        engine.dispose()
    assert ends == {"refused": 5, "conversation": 35}


def test_code_given_by_many_at_once_works_once(desk: Desk) -> None:
    asker = desk.asker()
    code = desk.mailed(asker).code

    def give(_: int) -> bool:
        try:
            desk.verifier.by_email(asker, NUMBER, VERA, code)
        except (Refused, TooOften):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(give, range(8))) == 1


def test_ten_thousand_guesses(tmp_path: Path) -> None:
    """From as many addresses and conversations as one likes, at one company: fifty are compared, in a day.

    On SQLite alone, and without waiting for the disk at each guess, which would take minutes.
    """
    url = f"sqlite:///{tmp_path / 'guessed.db'}"
    migrate(url)
    registry = Registry(url)
    event.listen(registry.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    desk = Desk(registry)
    askers = [desk.asker() for _ in range(20)]
    strangers = (Asker(asker.conversation_id, str(number)) for number in range(500) for asker in askers)
    ends = Counter(guess(desk, asker) for asker in strangers)
    registry.engine.dispose()
    assert ends.total() == 10_000
    assert (ends["refused"], ends["verified"]) == (50, 0)


# ---- what is kept


def test_audit_holds_no_code_and_no_address(desk: Desk) -> None:
    """Every attempt leaves a row that says when, where, for which number, which way and how it ended."""
    asker = desk.asker("192.0.2.77")
    one_time = desk.mailed(asker)
    with pytest.raises(Refused):
        desk.verifier.by_code(asker, NUMBER, "WR99-ONGC-0DE5")
    desk.verifier.by_email(asker, NUMBER, VERA, one_time.code)
    desk.verifier.by_code(asker, NUMBER, CODE)
    assert desk.outcomes() == {
        ("email-request", "sent"): 1, ("code", "refused"): 1, ("email-code", "verified"): 1, ("code", "verified"): 1,
    }  # fmt: skip
    kept = desk.registry.rows("SELECT DISTINCT conversation_id, kvk_number FROM verification_attempts")
    assert kept == [(asker.conversation_id, NUMBER)]
    audit = repr(desk.registry.rows("SELECT * FROM verification_attempts"))
    assert VERA not in audit
    everything = desk.everything().upper()
    assert "192.0.2.77" not in everything
    for code in (one_time.code, CODE, "WR99-ONGC-0DE5"):
        assert code not in everything
        assert normal_code(code) not in everything


def test_addresses_are_told_apart_with_the_key_alone(desk: Desk) -> None:
    """The same address gives the same hash, and another one with another key."""
    for verifier in (desk.verifier, Verifier(desk.registry.engine, b"another key of thirty-two bytes.")):
        for _ in range(2):
            with pytest.raises(Refused):
                verifier.by_code(desk.asker("192.0.2.1"), NUMBER, "ZZ99-ZZ99")
    assert len(desk.registry.rows("SELECT DISTINCT address_hash FROM verification_attempts")) == 2


def test_audit_ends(desk: Desk) -> None:
    guess(desk, desk.asker())
    assert desk.verifier.forget(timedelta(days=90)) == 0
    desk.move_clock("verification_attempts", "at", timedelta(days=91))
    assert desk.verifier.forget(timedelta(days=90)) == 1
    assert desk.registry.rows("SELECT * FROM verification_attempts") == []


def test_is_there_anything_to_verify_for(registry: Registry) -> None:
    assert not Verifier(registry.engine, KEY).knows_companies()
    registry.load(row(NUMBER))
    assert Verifier(registry.engine, KEY).knows_companies()
