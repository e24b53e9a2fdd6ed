"""Partners' keys, and the employers that they hand over."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from bot.answers.knowledge import load
from bot.conversations.masking import MASK
from bot.conversations.models import Conversation
from bot.conversations.store import ConversationStore, KeyUsedForAnother
from bot.database.engine import open_engine
from bot.database.types import new_id, now
from bot.helpdesk import partners
from bot.helpdesk.forms import filled_in
from bot.helpdesk.logging_questions import BY_PARTNER, LoggedQuestionStore, NewQuestion, QuestionWrong
from bot.helpdesk.models import LoggedQuestion, Outgoing, PartnerKey, Request
from bot.helpdesk.partners import (
    NoSuchKey,
    Partner,
    PartnerKeys,
    PartnerQuestions,
    PartnerWrong,
    Referral,
    Referrals,
    referral_form,
)
from bot.helpdesk.requests import RequestStore
from bot.settings import Settings, settings
from bot.staff.models import StaffAudit

KNOWLEDGE = load(settings().knowledge_dir)
PATTERN = str(Settings.model_fields["activation_code_pattern"].default)
SERVER_KEY = b"k" * 32
FIELDS = {"subject": "Quotum", "message": "Deze werkgever heeft een vraag.", "organisation": "Voorbeeld BV"}
REFERRAL = Referral("charter", "nl", FIELDS)


@dataclass
class Partners:
    """Keys and referrals on one database."""

    engine: Engine
    keys: PartnerKeys
    referrals: Referrals

    def partner(self, referrer: str = "awvn") -> Partner:
        return self.keys.add(referrer, f"Desk van {referrer}", ["referrals", "suggestions"])[0]

    def all(self, table: type[Any]) -> list[Any]:
        with Session(self.engine, expire_on_commit=False) as session:
            return list(session.scalars(select(table).order_by(table.id)))

    def audited(self) -> list[tuple[str, str | None, dict[str, Any] | None]]:
        return [(row.action, row.account_id, row.details) for row in self.all(StaffAudit)]


@pytest.fixture
def desk(database_url: str) -> Iterator[Partners]:
    engine = open_engine(database_url, 20)
    yield Partners(engine, PartnerKeys(engine), Referrals(engine, RequestStore(engine, PATTERN), SERVER_KEY, PATTERN))
    engine.dispose()


def test_a_key_is_shown_once_and_kept_nowhere(desk: Partners) -> None:
    partner, key = desk.keys.add("vno-ncw", "  Werkgeverslijn   VNO-NCW ", ["suggestions"])
    assert key.startswith("wp_") and len(key) == 3 + 43
    assert partner.name == "Werkgeverslijn VNO-NCW"
    [row] = desk.all(PartnerKey)
    assert key not in repr(vars(row)) and key[3:] not in repr(vars(row)) and len(row.key_hash) == 64
    found = desk.keys.find(key)
    assert found == partner and found.may("suggestions") and not found.may("referrals")
    assert desk.audited() == [("partner_key_added", None, {"partner": "vno-ncw", "scopes": ["suggestions"]})]


@pytest.mark.parametrize("change", ["", "x", " "])
def test_what_is_no_key_is_nobodys(desk: Partners, change: str) -> None:
    _, key = desk.keys.add("awvn", "AWVN", ["suggestions"])
    assert desk.keys.find(key[:-1] + change) is None
    assert desk.keys.find(key[3:]) is None
    assert desk.keys.find("") is None


def test_a_revoked_key_is_over_at_once(desk: Partners) -> None:
    partner, key = desk.keys.add("awvn", "AWVN", ["suggestions"])
    other, other_key = desk.keys.add("awvn", "AWVN", ["suggestions"])
    assert not desk.keys.revoke(partner.id).may("suggestions")
    desk.keys.revoke(partner.id)
    assert desk.keys.find(key) is None
    assert desk.keys.find(other_key) == other
    assert [each.id for each in desk.keys.all()] == [other.id, partner.id]
    assert [action for action, _, _ in desk.audited()].count("partner_key_revoked") == 1
    with pytest.raises(NoSuchKey, match="partner list"):
        desk.keys.revoke(new_id())


@pytest.mark.parametrize(
    ("referrer", "name", "scopes"),
    [
        ("AWVN", "AWVN", ["suggestions"]), ("a b", "AWVN", ["suggestions"]), ("x" * 41, "AWVN", ["suggestions"]),
        ("awvn", "  ", ["suggestions"]), ("awvn", "x" * 101, ["suggestions"]), ("awvn", "AW\x00VN", ["suggestions"]),
        ("awvn", "AWVN", []), ("awvn", "AWVN", ["suggestions", "everything"]),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_is_refused(desk: Partners, referrer: str, name: str, scopes: list[str]) -> None:
    with pytest.raises(PartnerWrong):
        desk.keys.add(referrer, name, scopes)
    assert desk.all(PartnerKey) == []


def test_there_is_a_bound_to_keys(desk: Partners, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partners, "MOST_KEYS", 1)
    first = desk.partner()
    with pytest.raises(PartnerWrong, match="revoke"):
        desk.partner()
    desk.keys.revoke(first.id)
    desk.partner()


def test_every_use_is_audited_and_the_last_one_known(desk: Partners) -> None:
    partner, key = desk.keys.add("awvn", "AWVN", ["suggestions"])
    assert partner.last_used_at is None
    desk.keys.used(partner, "suggestions")
    used = desk.keys.find(key)
    assert used is not None and used.last_used_at is not None
    desk.keys.used(used, "suggestions")
    assert [action for action, _, _ in desk.audited()] == ["partner_key_added", *["partner_suggestions"] * 2]
    assert desk.keys.find(key) == used, "not written anew within a minute"
    with Session(desk.engine) as session, session.begin():
        session.execute(update(PartnerKey).values(last_used_at=now() - timedelta(minutes=2)))
    old = desk.keys.find(key)
    assert old is not None
    desk.keys.used(old, "suggestions")
    again = desk.keys.find(key)
    assert again is not None and again.last_used_at is not None and again.last_used_at > used.last_used_at


# ---- handing over


def test_a_referral_is_a_request_of_the_partner(desk: Partners) -> None:
    partner = desk.partner()
    handed = desk.referrals.put_in(partner, REFERRAL)
    assert handed.is_new and handed.conversation_id is None and handed.token is None
    [request] = desk.all(Request)
    assert (request.kind, request.desk, request.language, request.reference) == (
        "referral", "charter", "nl", handed.reference,
    )  # fmt: skip
    assert request.fields == {**FIELDS, "referrer": "awvn", "partner": "Desk van awvn"}
    assert request.conversation_id is None
    assert [(row.kind, row.request_id) for row in desk.all(Outgoing)] == [("ticket", request.id)]
    assert desk.audited()[-1] == ("partner_referral", None, {"partner": "awvn"})


def test_codes_are_masked(desk: Partners) -> None:
    desk.referrals.put_in(desk.partner(), replace(REFERRAL, fields={"message": "de code is AB12-CD34-EF56"}))
    assert desk.all(Request)[0].fields["message"] == f"de code is {MASK}"


def test_a_partner_cannot_pass_for_another(desk: Partners) -> None:
    desk.referrals.put_in(desk.partner("fnv"), replace(REFERRAL, fields={**FIELDS, "referrer": "awvn", "partner": "x"}))
    assert (desk.all(Request)[0].fields["referrer"], desk.all(Request)[0].fields["partner"]) == ("fnv", "Desk van fnv")


def test_a_conversation_opens_with_the_token_that_is_given(desk: Partners) -> None:
    handed = desk.referrals.put_in(desk.partner(), replace(REFERRAL, opens_conversation=True, language="en"))
    assert handed.conversation_id and handed.token
    context = ConversationStore(desk.engine).check(handed.conversation_id, handed.token)
    assert (context.language, context.mode) == ("en", "assistant")
    [conversation] = desk.all(Conversation)
    assert (conversation.channel, conversation.referrer) == ("partner", "awvn")
    assert handed.token not in repr(vars(conversation))
    assert desk.all(Request)[0].conversation_id == handed.conversation_id


def test_a_referral_is_a_question_for_the_trends_without_the_contact_and_once(desk: Partners) -> None:
    partner, _ = desk.keys.add("awvn", "Werkgeverslijn AWVN", ["referrals"])
    message = "Geldt het quotum ook voor een stichting? Bel 06-12345678 of mail jan@voorbeeld.nl."
    fields = {**FIELDS, "message": message, "name": "Jan Voorbeeld", "email": "jan@voorbeeld.nl"}
    referral = Referral("portal", "nl", fields, key="een")
    for _ in range(2):
        desk.referrals.put_in(partner, referral)
    with Session(desk.engine) as session:
        [row] = session.scalars(select(LoggedQuestion))
        assert (row.channel, row.referrer, row.desk, row.topic) == ("partner", "awvn", "portal", None)
        assert row.question.startswith("Geldt het quotum ook voor een stichting?")
        assert not any(each in row.question for each in ("0612345678", "06-12345678", "jan@", "Voorbeeld"))


def test_erasing_the_conversation_erases_the_referral(desk: Partners) -> None:
    handed = desk.referrals.put_in(desk.partner(), replace(REFERRAL, opens_conversation=True))
    ConversationStore(desk.engine).erase(str(handed.conversation_id), str(handed.token))
    assert desk.all(Request) == [] and desk.all(Outgoing) == []


@pytest.mark.parametrize("opens", [False, True])
def test_the_same_key_puts_it_in_once(desk: Partners, opens: bool) -> None:
    partner, referral = desk.partner(), replace(REFERRAL, key="k", opens_conversation=opens)
    first = desk.referrals.put_in(partner, referral)
    with ThreadPoolExecutor(4) as threads:
        again = list(threads.map(lambda _: desk.referrals.put_in(partner, referral), range(8)))
    assert {replace(each, is_new=True) for each in again} == {first}
    assert not any(each.is_new for each in again)
    assert len(desk.all(Request)) == 1 and len(desk.all(Conversation)) == int(opens)


def test_many_at_once_with_the_same_key(desk: Partners) -> None:
    partner, referral = desk.partner(), replace(REFERRAL, key="k", opens_conversation=True)
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda _: desk.referrals.put_in(partner, referral), range(12)))
    assert len({(each.reference, each.conversation_id, each.token) for each in found}) == 1
    assert [each.is_new for each in found].count(True) == 1
    assert len(desk.all(Request)) == 1 and len(desk.all(Conversation)) == 1


@pytest.mark.parametrize(
    "change", [{"desk": "portal"}, {"language": "en"}, {"fields": {"message": "Iets anders."}}], ids=repr
)
def test_the_same_key_for_another_referral_is_refused(desk: Partners, change: dict[str, Any]) -> None:
    partner = desk.partner()
    for opens in (False, True):
        referral = replace(REFERRAL, key=f"k{opens}", opens_conversation=opens)
        desk.referrals.put_in(partner, referral)
        with pytest.raises(KeyUsedForAnother):
            desk.referrals.put_in(partner, replace(referral, **change))
    assert len(desk.all(Request)) == 2


def test_partners_may_think_of_the_same_key(desk: Partners) -> None:
    one, two = desk.partner("awvn"), desk.partner("fnv")
    first = desk.referrals.put_in(one, replace(REFERRAL, key="1", opens_conversation=True))
    second = desk.referrals.put_in(two, replace(REFERRAL, key="1", opens_conversation=True))
    assert second.is_new and first.token != second.token and first.conversation_id != second.conversation_id


def test_without_a_key_each_is_new(desk: Partners) -> None:
    partner = desk.partner()
    handed = [desk.referrals.put_in(partner, replace(REFERRAL, opens_conversation=True)) for _ in range(2)]
    assert len({each.token for each in handed}) == 2 and all(each.is_new for each in handed)


def test_the_form_checks_what_partners_fill_in() -> None:
    given = {"message": " Een vraag. ", "email": "Vera@Example.nl", "phone": "070 123 45 67", "name": None}
    fields = filled_in(referral_form("portal"), given, "nl")
    assert fields == {"message": "Een vraag.", "email": "Vera@example.nl", "phone": "070 123 45 67"}
    for label in (field.label for field in referral_form("charter").fields):
        assert label["nl"] and label["en"]


# ---- what a partner's own desk was asked


ASKED = NewQuestion(
    channel=BY_PARTNER, question="Mag een stichting tekenen? Bel 06-12345678", language="nl", desk="portal",
    is_signatory=False, size="sme", need="voorbeeld, mail vera@example.nl", referred_to="network",
    referred_name="awvn",
)  # fmt: skip


@pytest.fixture
def asked(desk: Partners) -> PartnerQuestions:
    return PartnerQuestions(desk.engine, LoggedQuestionStore(desk.engine, KNOWLEDGE, PATTERN))


def test_what_was_asked_is_kept_masked_under_the_partner(desk: Partners, asked: PartnerQuestions) -> None:
    id_ = asked.put_in(desk.partner("fnv"), replace(ASKED, referrer="awvn"))
    [row] = desk.all(LoggedQuestion)
    assert (row.id, row.channel, row.referrer, row.desk, row.topic) == (id_, "partner", "fnv", "portal", None)
    assert (row.question, row.need) == (f"Mag een stichting tekenen? Bel {MASK}", f"voorbeeld, mail {MASK}")
    assert (row.is_signatory, row.size, row.referred_to, row.referred_name) == (False, "sme", "network", "awvn")
    assert (row.account_id, row.request_id) == (None, None)
    assert desk.audited()[-1] == ("partner_question", None, {"partner": "fnv"})
    assert desk.all(Request) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"question": "\u200b"}, "question"), ({"topic": "no.such-topic"}, "topic"), ({"need": "x" * 301}, "need"),
        ({"referred_to": "material", "referred_name": "no-such-material"}, "referred_name"),
        ({"referred_to": None}, "referred_name"), ({"referred_to": "moon"}, "referred_to"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused(
    desk: Partners, asked: PartnerQuestions, change: dict[str, Any], field: str
) -> None:
    with pytest.raises(QuestionWrong, match=f"^{field}$"):
        asked.put_in(desk.partner(), replace(ASKED, **change))
    assert desk.all(LoggedQuestion) == []


def test_the_same_key_keeps_a_question_once(desk: Partners, asked: PartnerQuestions) -> None:
    partner, other = desk.partner("awvn"), desk.partner("fnv")
    with ThreadPoolExecutor(6) as threads:
        ids = set(threads.map(lambda _: asked.put_in(partner, ASKED, "k"), range(12)))
    assert len(ids) == len(desk.all(LoggedQuestion)) == 1
    with pytest.raises(KeyUsedForAnother):
        asked.put_in(partner, replace(ASKED, size="large"), "k")
    assert asked.put_in(other, ASKED, "k") not in ids, "the keys of partners are their own"
    for _ in range(2):
        asked.put_in(partner, ASKED)
    assert len(desk.all(LoggedQuestion)) == 4, "without a key, the same question was asked again"
    assert [action for action, _, _ in desk.audited()].count("partner_question") == 4
