"""What the register answers, well and badly, and what the house makes of it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback

import pytest
from pydantic import SecretStr, ValidationError

from bot.settings import Settings
from integrations.kvk.breaker import Breaker
from integrations.kvk.cache import CachedRegister
from integrations.kvk.client import LARGEST_BODY_BYTES, KvkClient
from integrations.kvk.errors import RegisterDown, RegisterError, RegisterRefused
from integrations.kvk.interfaces import Activity, Found, Profile
from integrations.kvk.off import NoRegister
from integrations.kvk.service import open_register
from tests.kvk.register import KEY, LocalRegister, Reply, basic_profile, error, result
from tests.running import free_port

pytestmark = pytest.mark.anyio

NUMBER = "68750110"
FOUND = Found(NUMBER, "Verzonnen Proefbedrijf BV", "rechtspersoon", "Lutjebroek")


async def test_a_number_finds_its_company(register: LocalRegister, client: KvkClient) -> None:
    assert await client.search(" 6875.0110 ") == [FOUND]
    assert [(asked.path, asked.query["kvkNummer"]) for asked in register.asked] == [("/test/api/v2/zoeken", NUMBER)]
    assert register.asked[0].headers["apikey"] == KEY


async def test_a_number_finds_no_other_company(register: LocalRegister, client: KvkClient) -> None:
    body = {"totaal": 1, "resultaten": [result("90001354", "Een Ander BV")]}
    register.next.append(Reply(body=json.dumps(body).encode()))
    assert await client.search(NUMBER) == []


async def test_a_name_goes_over_as_it_is_written(register: LocalRegister, client: KvkClient) -> None:
    name = "Café 't Hœkje & Zn. +50% /v1/#?kvkNummer=1"
    register.results = [result("90001354", name, town=None)]
    assert await client.search(f"  {name} ") == [Found("90001354", name, "rechtspersoon", None)]
    assert register.asked[0].query["naam"] == name and "kvkNummer" not in register.asked[0].query


async def test_several_pages_are_one_list(register: LocalRegister, client: KvkClient) -> None:
    register.results = [result(f"{at:08}", f"Proef {at}") for at in range(1, 251)]
    assert [found.kvk_number for found in await client.search("proef")] == [f"{at:08}" for at in range(1, 251)]
    assert [asked.query["pagina"] for asked in register.asked] == ["1", "2", "3"]


async def test_a_name_of_a_thousand_companies_takes_three_pages(register: LocalRegister, client: KvkClient) -> None:
    register.results = [result(f"{at:08}", f"Proef {at}") for at in range(1, 1001)]
    assert len(await client.search("proef")) == 300
    assert len(register.asked) == 3


async def test_pages_that_promise_more_than_they_hold_end(register: LocalRegister, client: KvkClient) -> None:
    register.always = Reply(body=b'{"totaal": 1000, "resultaten": []}')
    assert await client.search("proef") == []
    assert len(register.asked) == 1


async def test_a_company_is_found_once_by_its_own_name(register: LocalRegister, client: KvkClient) -> None:
    register.results = [
        result(NUMBER, "Proef filiaal", "nevenvestiging"),
        result("90001354", "Proef twee", "hoofdvestiging"),
        result(NUMBER, "Proef BV"),
        result(NUMBER, "Proef hoofdkantoor", "hoofdvestiging"),
    ]
    assert [(found.kvk_number, found.name) for found in await client.search("proef")] == [
        (NUMBER, "Proef BV"),
        ("90001354", "Proef twee"),
    ]


async def test_a_profile_tells_what_is_documented(register: LocalRegister, client: KvkClient) -> None:
    assert await client.profile(NUMBER) == Profile(
        kvk_number=NUMBER,
        name="Verzonnen Proefbedrijf BV",
        statutory_name="Verzonnen Proefbedrijf BV statutair",
        legal_form="BeslotenVennootschap",
        employees=312,
        trade_names=("Verzonnen Proefbedrijf BV", "Verzonnen Handel"),
        activities=(
            Activity("86101", "Universitair medisch centra", True),
            Activity("8610", "Ziekenhuizen", False),
        ),
    )
    assert register.asked[0].path == f"/test/api/v1/basisprofielen/{NUMBER}"


async def test_a_profile_may_have_little(register: LocalRegister, client: KvkClient) -> None:
    register.next.append(Reply(body=json.dumps({"kvkNummer": NUMBER, "naam": "Proef"}).encode()))
    assert await client.profile(NUMBER) == Profile(NUMBER, "Proef", None, None, None, (), ())


@pytest.mark.parametrize(
    "number", ["", "1234567", "123456789", "1234567a", "../../1", "１２３４５６７８", "68750110/x"]
)
async def test_what_is_no_number_is_not_asked_for(register: LocalRegister, client: KvkClient, number: str) -> None:
    assert await client.profile(number) is None
    assert register.asked == []


@pytest.mark.parametrize("name", ["", " ", "x", "x" * 201])
async def test_what_is_no_name_is_not_asked_for(register: LocalRegister, client: KvkClient, name: str) -> None:
    assert await client.search(name) == []
    assert register.asked == []


@pytest.mark.parametrize("code", ["IPD0001", "IPD0005", "IPD0007", "IPD5200", "IPD5203"])
async def test_nothing_there_is_no_error(register: LocalRegister, client: KvkClient, code: str) -> None:
    register.always = error(404, code)
    assert await client.profile("90004973") is None
    assert await client.search("90002903") == []
    assert await client.search("niemand") == []
    assert len(register.asked) == 3


@pytest.mark.parametrize("code", ["IPD0004", "IPD0006", "IPD0010", "IPD1998", "IPD1999"])
async def test_a_wrong_question_is_asked_once(register: LocalRegister, client: KvkClient, code: str) -> None:
    register.always = error(400, code)
    with pytest.raises(RegisterRefused, match=f"^400 {code}$"):
        await client.profile(NUMBER)
    with pytest.raises(RegisterRefused):
        await client.search("proef")
    assert len(register.asked) == 2


@pytest.mark.parametrize(
    "reply",
    [
        Reply(401, b'{"error": "unauthorized"}'),
        Reply(403),
        Reply(404, b"<html>no such route</html>", {"Content-Type": "text/html"}),
        error(404, "IPD7777"),
        Reply(301, headers={"Location": "/elsewhere"}),
        Reply(204),
    ],
    ids=["401", "403", "404 of a gateway", "404 of an unknown code", "301", "204"],
)
async def test_what_does_not_get_better_is_asked_once(register: LocalRegister, client: KvkClient, reply: Reply) -> None:
    register.always = reply
    with pytest.raises(RegisterRefused):
        await client.profile(NUMBER)
    assert len(register.asked) == 1


@pytest.mark.parametrize(
    "first",
    [
        error(404, "IPD1002"),
        error(404, "IPD1003"),
        error(500, "IPD9999"),
        Reply(502, b"<html>"),
        Reply(hangs_up=True),
        Reply(429),
    ],
    ids=["IPD1002", "IPD1003", "IPD9999", "502", "hangs up", "429"],
)
async def test_what_is_temporary_is_asked_again(register: LocalRegister, client: KvkClient, first: Reply) -> None:
    register.next += [first, first]
    assert await client.search(NUMBER) == [FOUND]
    assert len(register.asked) == 3


async def test_three_failures_are_enough(register: LocalRegister, client: KvkClient) -> None:
    register.always = error(500, "IPD9999")
    with pytest.raises(RegisterDown, match=r"^500 IPD9999$"):
        await client.profile(NUMBER)
    assert len(register.asked) == 3


async def test_nobody_waits_longer_than_five_seconds(register: LocalRegister, client: KvkClient) -> None:
    register.always = Reply(after_seconds=30)
    began = time.monotonic()
    with pytest.raises(RegisterDown):
        await client.profile(NUMBER)
    assert 3.5 < time.monotonic() - began < 5.5
    assert len(register.asked) <= 3


async def test_an_answer_that_drips_is_slow_too(register: LocalRegister, client: KvkClient) -> None:
    whole = json.dumps(basic_profile(NUMBER, "Proef")).encode()
    register.next.append(Reply(body=whole, byte_every_seconds=0.1))
    began = time.monotonic()
    assert await client.profile(NUMBER) is not None
    assert 1.9 < time.monotonic() - began < 3


async def test_many_slow_pages_share_the_five_seconds(register: LocalRegister, client: KvkClient) -> None:
    register.results = [result(f"{at:08}", f"Proef {at}") for at in range(1, 301)]
    pages = [
        Reply(body=register._searched({"naam": "proef", "pagina": str(at), "resultatenPerPagina": "100"}).body,
              after_seconds=1.8)
        for at in (1, 2, 3)
    ]  # fmt: skip
    register.next += pages
    began = time.monotonic()
    with pytest.raises(RegisterDown, match="in time"):
        await client.search("proef")
    assert time.monotonic() - began < 5.5


FINE = basic_profile(NUMBER, "Proef")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Onderhoud</html>",
        b"\xff\xfe{}",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        json.dumps({**FINE, "kvkNummer": 68750110}).encode(),
        json.dumps({**FINE, "kvkNummer": "6875"}).encode(),
        json.dumps({**FINE, "kvkNummer": "90001354"}).encode(),
        json.dumps({**FINE, "naam": None}).encode(),
        json.dumps({**FINE, "naam": "x" * 1001}).encode(),
        json.dumps({**FINE, "totaalWerkzamePersonen": "veel"}).encode(),
        json.dumps({**FINE, "totaalWerkzamePersonen": -1}).encode(),
        json.dumps({**FINE, "handelsnamen": "Proef"}).encode(),
        json.dumps({**FINE, "sbiActiviteiten": [{"sbiOmschrijving": "zonder code"}]}).encode(),
        json.dumps({**FINE, "_embedded": {"eigenaar": []}}).encode(),
    ],
    ids=range(17),
)
async def test_garbage_is_no_profile(register: LocalRegister, client: KvkClient, body: bytes) -> None:
    register.always = Reply(body=body)
    with pytest.raises(RegisterDown):
        await client.profile(NUMBER)
    assert len(register.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"totaal": 1},
        {"totaal": -1, "resultaten": []},
        {"totaal": 1, "resultaten": {}},
        {"totaal": 1, "resultaten": [{"kvkNummer": NUMBER}]},
        {"totaal": 1, "resultaten": [{**result(NUMBER, "Proef"), "adres": "Kerkstraat"}]},
    ],
    ids=range(6),
)
async def test_garbage_is_no_search(register: LocalRegister, client: KvkClient, body: dict) -> None:
    register.always = Reply(body=json.dumps(body).encode())
    with pytest.raises(RegisterDown):
        await client.search("proef")
    assert len(register.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"fout": 1}',
        b'{"fout": [1]}',
        b'{"fout": [{"code": ["IPD5200"]}]}',
        b'{"fout": [{"code": "IPD5200\\nA FORGED LINE"}]}',
    ],
    ids=range(5),
)
async def test_garbage_is_no_error_code(register: LocalRegister, client: KvkClient, body: bytes) -> None:
    register.always = Reply(404, body)
    with pytest.raises(RegisterRefused, match=r"^404$"):
        await client.profile(NUMBER)


async def test_a_body_without_an_end_is_not_read_to_the_end(register: LocalRegister, client: KvkClient) -> None:
    register.always = Reply(body=json.dumps(FINE).encode().ljust(LARGEST_BODY_BYTES))
    assert await client.profile(NUMBER)
    register.always = Reply(body=json.dumps(FINE).encode().ljust(LARGEST_BODY_BYTES + 1))
    with pytest.raises(RegisterDown, match="too large"):
        await client.profile(NUMBER)


async def test_nobody_listens(clock) -> None:
    client = KvkClient(f"http://127.0.0.1:{free_port()}", SecretStr(KEY), Breaker(clock=clock))
    with pytest.raises(RegisterDown, match="ConnectError"):
        await client.profile(NUMBER)
    await client.close()


@pytest.mark.parametrize("status", [429, 503])
async def test_it_waits_as_long_as_it_is_asked_to(register: LocalRegister, client: KvkClient, status: int) -> None:
    register.next.append(Reply(status, headers={"Retry-After": "1"}))
    began = time.monotonic()
    assert await client.search(NUMBER) == [FOUND]
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize("after", ["60", "Fri, 01 Jan 2100 00:00:00 GMT", "9" * 5000], ids=["seconds", "date", "huge"])
async def test_asked_to_stay_away_it_stays_away(register: LocalRegister, client: KvkClient, clock, after: str) -> None:
    register.next.append(Reply(429, headers={"Retry-After": after}))
    for _ in range(3):
        with pytest.raises(RegisterDown) as problem:
            await client.search(NUMBER)
        assert problem.value.retry_after_seconds and problem.value.retry_after_seconds >= 59
    assert len(register.asked) == 1
    clock.now += 601
    assert await client.search(NUMBER) == [FOUND]


@pytest.mark.parametrize("after", ["soon", "-5", "1e9", "², "], ids=range(4))
async def test_a_wait_that_is_none_is_passed_over(register: LocalRegister, client: KvkClient, after: str) -> None:
    register.next.append(Reply(429, headers={"Retry-After": after}))
    assert await client.search(NUMBER) == [FOUND]


async def test_the_key_is_in_no_log_and_no_error(
    register: LocalRegister, clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    for reply in [
        None,
        Reply(401),
        Reply(body=KEY.encode()),
        error(400, "IPD0004"),
        error(400, KEY),
        error(500, "IPD9999"),
        Reply(hangs_up=True),
        Reply(301, headers={"Location": f"/{'elsewhere'}"}),
    ]:
        client = KvkClient(register.url, SecretStr(KEY), Breaker(clock=clock))
        register.always = reply
        said += [repr(client), repr(vars(client))]
        try:
            await client.profile(NUMBER)
        except RegisterError as problem:
            said += [str(problem), repr(problem), "".join(traceback.format_exception(problem))]
        await client.close()
    assert len(register.asked) >= 12 and len(said) > 16
    logged = [f"{record.getMessage()} {record.exc_text or ''}" for record in caplog.records]
    assert any("zoeken" in line or "basisprofielen" in line for line in logged), "the libraries' own logs are looked at"
    assert [line for line in [*said, *logged] if KEY in line] == []


async def test_our_own_log_holds_nothing_of_what_was_asked(
    register: LocalRegister, client: KvkClient, caplog: pytest.LogCaptureFixture
) -> None:
    register.next += [error(400, "IPD1998"), *[Reply(body=b"garbage")] * 5]
    for _ in range(6):
        with pytest.raises(RegisterError):
            await client.search("Jansen Privé")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("integrations.kvk")]
    assert len(ours) == 2
    assert [line for line in ours if "Jansen" in line] == []


async def test_without_a_key_it_is_off(register: LocalRegister) -> None:
    off = open_register(Settings(_env_file=None, kvk_api_key="", kvk_api_base=register.url))
    assert isinstance(off, NoRegister)
    assert (await off.search(NUMBER), await off.profile(NUMBER)) == ([], None)
    await off.close()
    assert register.asked == []


async def test_with_a_key_it_is_on(register: LocalRegister) -> None:
    on = open_register(Settings(_env_file=None, kvk_api_key=KEY, kvk_api_base=f"{register.url}/"))
    assert isinstance(on, CachedRegister)
    assert await on.search(NUMBER) == [FOUND]
    assert (await on.profile(NUMBER)).name == FOUND.name
    await on.close()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("kvk_api_base", "http://api.kvk.nl"),
        ("kvk_api_base", "https://user:password@api.kvk.nl"),
        ("kvk_api_base", "api.kvk.nl"),
        ("kvk_api_base", "https://api.kvk.nl?x=1"),
        ("kvk_api_key", f"{KEY}\nX-Other: 1"),
        ("kvk_api_key", f"{KEY}é"),
    ],
)
async def test_a_wrong_setting_is_told_without_the_key(setting: str, value: str) -> None:
    with pytest.raises(ValidationError) as problem:
        Settings(_env_file=None, **{setting: value})
    assert setting in str(problem.value) and KEY not in str(problem.value)


async def test_whoever_hangs_up_is_let_go(register: LocalRegister, client: KvkClient) -> None:
    register.next.append(Reply(after_seconds=5))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.profile(NUMBER), 0.2)
    assert await client.search(NUMBER) == [FOUND]
