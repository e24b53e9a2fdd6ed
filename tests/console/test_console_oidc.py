"""Signing in with the organisation's own account, at a provider that does right, does wrong, or does nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from pydantic import SecretStr, ValidationError

from bot.settings import Settings
from bot.texts import text
from integrations.console.provider import LARGEST_ANSWER_BYTES, NotVouched, Provider, ProviderDown
from tests.console import local_provider
from tests.console.conftest import PASSWORD, Console, running_console
from tests.console.local_provider import CLIENT_ID, CLIENT_SECRET, LocalProvider


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Console, LocalProvider]]:
    provider = LocalProvider()
    settings = {"OIDC_ISSUER": provider.issuer, "OIDC_CLIENT_ID": CLIENT_ID, "OIDC_CLIENT_SECRET": CLIENT_SECRET}
    console = running_console(tmp_path_factory.mktemp("oidc"), NO_PROXY="127.0.0.1", **settings)
    yield console, provider
    console.close()
    provider.close()


@pytest.fixture
def provider(shared: tuple[Console, LocalProvider]) -> Iterator[LocalProvider]:
    yield shared[1]
    shared[1].claims, shared[1].wrong = {}, {}


@pytest.fixture
def house(shared: tuple[Console, LocalProvider], provider: LocalProvider) -> Iterator[Console]:
    yield shared[0]
    shared[0].hang_up()


def go_there(client: httpx.Client, path: str = "/console/oidc") -> str:
    """Begins, and lets the provider send the browser back; gives where to."""
    begun = client.get(path)
    assert begun.status_code == 303, begun.text
    sent = httpx.get(begun.headers["location"], trust_env=False)
    assert sent.status_code == 302, sent.text
    return sent.headers["location"]


def sign_in(console: Console, path: str = "/console/oidc") -> tuple[httpx.Client, httpx.Response]:
    client = console.client()
    return client, client.get(go_there(client, path))


def says(reply: httpx.Response, name: str) -> bool:
    return text(f"staff.provider.{name}", "nl") in reply.text.replace("&#39;", "'")


def is_in(client: httpx.Client) -> bool:
    return client.get("/console/password").status_code == 200


def is_out(client: httpx.Client, reply: httpx.Response, name: str, status: int) -> bool:
    assert (reply.status_code, says(reply, name)) == (status, True), reply.text
    return not is_in(client) and "wegwijzer_staff" not in str(reply.headers.get("set-cookie"))


def test_an_account_is_found_by_its_verified_address_and_then_by_its_subject(
    house: Console, provider: LocalProvider
) -> None:
    account = house.account("editor")
    provider.claims = {"sub": "subject-of-anna", "email": account.email.upper(), "email_verified": True}
    client, reply = sign_in(house)
    assert reply.status_code == 200, reply.text
    assert 'content="0; url=/console/"' in reply.text, "no redirect: the browser would not send the Strict cookie"
    assert is_in(client)
    provider.claims = {"sub": "subject-of-anna", "email": "moved@example.org", "email_verified": False}
    client, reply = sign_in(house)
    assert is_in(client) and house.sessions.find(client.cookies["wegwijzer_staff"]).id == account.id  # type: ignore[union-attr]


def test_it_leads_to_where_somebody_wanted_to_go(house: Console, provider: LocalProvider) -> None:
    provider.claims = {"sub": "a1", "email": house.account("admin").email, "email_verified": True}
    _, reply = sign_in(house, "/console/oidc?next=/console/staff/")
    assert 'url=/console/staff/"' in reply.text
    _, reply = sign_in(house, "/console/oidc?next=//evil.example")
    assert 'url=/console/"' in reply.text


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "new-1", "email": "niemand@example.org", "email_verified": True},
        {"sub": "new-2"},
        {"sub": "new-3", "email": "KNOWN", "email_verified": False},
        {"sub": "new-4", "email": "KNOWN"},
        {"sub": "new-5", "email": "KNOWN", "email_verified": "true"},
        {"sub": "new-6", "email": ["KNOWN"], "email_verified": True},
        {"sub": "new-7", "email": "OFF", "email_verified": True},
    ],
    ids=["unknown", "no address", "not verified", "not said", "a text", "a list", "switched off"],
)
def test_who_is_not_known_is_refused_kindly(house: Console, provider: LocalProvider, claims: dict) -> None:
    known, off = house.account("editor"), house.account("editor")
    house.accounts.change(off.id, is_active=False)
    real = {"KNOWN": known.email, "OFF": off.email}
    email = claims.get("email")
    named = [real[one] for one in email] if isinstance(email, list) else real.get(email, email)  # type: ignore[arg-type]
    provider.claims = {**claims, "email": named}
    client, reply = sign_in(house)
    assert is_out(client, reply, "unknown", 403)
    assert 'href="/console/sign-in"' in reply.text


NOW = int(time.time())


@pytest.mark.parametrize(
    "wrong",
    [
        {"claims": {"nonce": "another"}},
        {"claims": {"nonce": None}},
        {"claims": {"aud": "another"}},
        {"claims": {"aud": None}},
        {"claims": {"aud": [CLIENT_ID, "another"]}},
        {"claims": {"aud": [CLIENT_ID, "another"], "azp": "another"}},
        {"claims": {"iss": "https://login.example.org"}},
        {"claims": {"iss": None}},
        {"claims": {"exp": NOW - 3600}},
        {"claims": {"exp": None}},
        {"claims": {"exp": "tomorrow"}},
        {"claims": {"iat": None}},
        {"claims": {"iat": NOW + 7200}},
        {"claims": {"nbf": NOW + 7200}},
        {"claims": {"sub": None}},
        {"claims": {"sub": ""}},
        {"claims": {"sub": {"a": 1}}},
        {"claims": {"at_hash": "another"}},
        {"sign": local_provider.unsigned},
        {"sign": local_provider.signed_by_another},
        {"sign": local_provider.signed_with_the_secret},
        {"sign": local_provider.signed_with_the_public_key},
        {"sign": local_provider.changed_afterwards},
        {"sign": local_provider.signed_by_an_unknown_key},
        {"sign": local_provider.garbage},
        {"token": 400},
        {"token": 401},
        {"token": {"access_token": "opaque"}},
        {"token": {"id_token": 7}},
        {"authorize": {"error": "access_denied"}},
        {"authorize": {"code": "stolen"}},
        {"authorize": {"code": "code-0", "iss": "https://login.example.org"}},
        {"authorize": {"code": "x" * 5000}},
    ],
    ids=str,
)
def test_what_does_not_hold_lets_nobody_in(house: Console, provider: LocalProvider, wrong: dict) -> None:
    account = house.account("editor")
    said = wrong.get("claims", {})
    provider.claims = {"sub": account.id, "email": account.email, "email_verified": True, **said}
    provider.wrong = {what: how for what, how in wrong.items() if what != "claims"}
    client, reply = sign_in(house)
    assert is_out(client, reply, "refused", 403)
    assert not house.accounts.by_id(account.id).is_set_up  # type: ignore[union-attr]
    logged = house.system.logs()
    assert account.email not in logged and CLIENT_SECRET not in logged


# ---- what a browser may bring


def test_a_code_without_what_this_browser_began_is_worth_nothing(house: Console, provider: LocalProvider) -> None:
    """Somebody sends a link with their own code, so that others sign in as them."""
    account = house.account("editor")
    provider.claims = {"sub": account.id, "email": account.email, "email_verified": True}
    back = go_there(house.client())
    for stranger in (house.client(), house.client(cookies={"wegwijzer_oidc": "forged.forged"})):
        assert is_out(stranger, stranger.get(back), "refused", 403)
    other = house.client()
    go_there(other)
    assert is_out(other, other.get(back), "refused", 403), "another one's state"


def test_what_this_browser_began_cannot_be_changed(house: Console, provider: LocalProvider) -> None:
    account = house.account("editor")
    provider.claims = {"sub": account.id, "email": account.email, "email_verified": True}
    client = house.client()
    back = go_there(client)
    body, _, seal = client.cookies["wegwijzer_oidc"].partition(".")
    for forged in (f"{body}A.{seal}", f"{body}.{seal[:-1]}0", f"{body}.", body, f".{seal}", "é.é"):
        header = {"Cookie": f"wegwijzer_oidc={forged}".encode()}
        assert house.client().get(back, headers=header).status_code == 403, forged
    assert client.get(back).status_code == 200


def test_a_code_works_once(house: Console, provider: LocalProvider) -> None:
    account = house.account("editor")
    provider.claims = {"sub": account.id, "email": account.email, "email_verified": True}
    client = house.client()
    back = go_there(client)
    kept = dict(client.cookies)
    assert client.get(back).status_code == 200
    assert "wegwijzer_oidc" not in client.cookies, "what was begun is over"
    assert house.client(cookies=kept).get(back).status_code == 403


def test_what_goes_along_with_the_browser_is_no_secret(house: Console) -> None:
    """State, nonce and the hash of the verifier: neither the verifier nor the client's secret."""
    begun = house.client().get("/console/oidc")
    query = parse_qs(urlsplit(begun.headers["location"]).query)
    assert set(query) == {
        "client_id", "response_type", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method",
    }  # fmt: skip
    assert query["redirect_uri"] == [f"{house.url}/console/oidc/callback"]
    given = begun.headers["set-cookie"].lower()
    assert "httponly" in given and "samesite=lax" in given and "max-age=600" in given


# ---- a provider that is down


@pytest.mark.parametrize(
    "wrong", [{"token": 500}, {"token": 503}, {"token": 429}, {"token": b"<html>"}, {"token": b"[]"}], ids=str
)
def test_a_token_endpoint_that_is_down_is_said_so(house: Console, provider: LocalProvider, wrong: dict) -> None:
    provider.wrong = wrong
    client, reply = sign_in(house)
    assert is_out(client, reply, "down", 502)


def test_without_a_provider_the_password_still_works(tmp_path: Path, more_consoles: Callable[..., Console]) -> None:
    provider = LocalProvider()
    provider.close()
    settings = {"OIDC_ISSUER": provider.issuer, "OIDC_CLIENT_ID": CLIENT_ID, "OIDC_CLIENT_SECRET": CLIENT_SECRET}
    console = more_consoles(NO_PROXY="127.0.0.1", **settings)
    reply = console.client().get("/console/oidc")
    assert reply.status_code == 502 and says(reply, "down")
    assert text("staff.sign_in.provider", "nl") in console.client().get("/console/sign-in").text
    account = console.account("editor", password=True)
    form = {"email": account.email, "password": PASSWORD}
    assert console.client().post("/console/sign-in", data=form).status_code == 303


def test_without_the_setting_there_is_no_such_way(console: Console) -> None:
    assert console.client().get("/console/oidc").status_code == 404
    assert console.client().get("/console/oidc/callback?code=x&state=y").status_code == 404
    assert text("staff.sign_in.provider", "nl") not in console.client().get("/console/sign-in").text


# ---- the client on its own


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def lone() -> Iterator[LocalProvider]:
    provider = LocalProvider()
    yield provider
    provider.close()


async def begun_and_back(provider: LocalProvider, client: Provider) -> tuple[str, str, str]:
    begun = await client.begin()
    async with httpx.AsyncClient(trust_env=False) as http:
        sent = await http.get(begun.address)
    return parse_qs(urlsplit(sent.headers["location"]).query)["code"][0], begun.verifier, begun.nonce


def client_of(provider: LocalProvider, monkeypatch: pytest.MonkeyPatch, **options: float) -> Provider:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return Provider(provider.issuer, CLIENT_ID, SecretStr(CLIENT_SECRET), "http://127.0.0.1:1/back", **options)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "discovery",
    [
        404, 500, b"", b"<html>", b"[]", b"[" * 100_000, b'{"a": "' + b"x" * LARGEST_ANSWER_BYTES + b'"}', {},
        {"issuer": "ANOTHER"}, {"token_endpoint": None}, {"token_endpoint": "http://elsewhere.example.org/token"},
        {"jwks_uri": "file:///etc/passwd"}, {"authorization_endpoint": "javascript:alert(1)"}, {"jwks_uri": ["x"]},
        {"token_endpoint": "https://["},
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
async def test_a_discovery_that_is_wrong(
    lone: LocalProvider, monkeypatch: pytest.MonkeyPatch, discovery: object
) -> None:
    lone.wrong["discovery"] = (
        {**lone.document(), **discovery} if isinstance(discovery, dict) and discovery else discovery
    )
    client = client_of(lone, monkeypatch)
    with pytest.raises(ProviderDown):
        await client.begin()
    lone.wrong.clear()
    assert await client.begin(), "what was wrong is not kept"
    await client.close()


@pytest.mark.anyio
async def test_what_it_documents_is_asked_once(lone: LocalProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(lone, monkeypatch)
    for _ in range(3):
        assert (await client.finish(*await begun_and_back(lone, client))).subject == "subject-1"
    assert lone.asked == ["discovery", "token", "keys", "token", "token"]
    await client.close()


@pytest.mark.anyio
async def test_new_keys_are_found_but_not_asked_for_at_every_forgery(
    lone: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(lone, monkeypatch)
    await client.finish(*await begun_and_back(lone, client))
    lone.key = RSAKey.generate_key(2048, {"kid": "first"})
    with pytest.raises(NotVouched):
        await client.finish(*await begun_and_back(lone, client))
    assert lone.asked.count("keys") == 1
    monkeypatch.setattr("integrations.console.provider.ASK_AGAIN_AFTER_SECONDS", -1)
    assert await client.finish(*await begun_and_back(lone, client))
    assert lone.asked.count("keys") == 2
    await client.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "keys", [500, b"x", {}, {"keys": 7}, {"keys": []}, {"keys": [7]}, {"keys": [{"kty": "oct", "k": "AAAA"}]}], ids=str
)
async def test_keys_that_are_wrong(lone: LocalProvider, monkeypatch: pytest.MonkeyPatch, keys: object) -> None:
    client = client_of(lone, monkeypatch)
    lone.wrong["keys"] = keys
    with pytest.raises(ProviderDown):
        await client.finish(*await begun_and_back(lone, client))
    await client.close()


@pytest.mark.anyio
async def test_one_that_hangs_is_not_waited_for(lone: LocalProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(lone, monkeypatch, answer_within_seconds=0.5)
    back = await begun_and_back(lone, client)
    lone.wrong["hang"] = 3
    with pytest.raises(ProviderDown):
        await client.finish(*back)
    await client.close()


@pytest.mark.anyio
async def test_a_wrong_verifier_is_refused_there(lone: LocalProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(lone, monkeypatch)
    code, _, nonce = await begun_and_back(lone, client)
    with pytest.raises(NotVouched):
        await client.finish(code, "another", nonce)
    await client.close()


# ---- settings


@pytest.mark.parametrize(
    "given",
    [
        {"oidc_issuer": "https://login.example.org"},
        {"oidc_issuer": "https://login.example.org", "oidc_client_id": "x"},
        {"oidc_issuer": "http://login.example.org", "oidc_client_id": "x", "oidc_client_secret": "y"},
        {"oidc_issuer": "login.example.org", "oidc_client_id": "x", "oidc_client_secret": "y"},
        {"public_url": "http://wegwijzer.example.org"},
        {"public_url": "https://wegwijzer.example.org/path"},
        {"public_url": "https://a:b@wegwijzer.example.org"},
        {"public_url": "https://["},
        {"first_staff_email": "admin"},
    ],
    ids=str,
)
def test_settings_that_cannot_be_right(given: dict) -> None:
    with pytest.raises(ValidationError):
        Settings(_env_file=None, **given)


def test_where_people_find_it() -> None:
    def found(**given: object) -> str:
        return Settings(_env_file=None, **given).web_address  # type: ignore[arg-type]

    assert found() == "http://127.0.0.1:8000"
    assert found(web_host="0.0.0.0", web_port=80) == "http://127.0.0.1:80"
    assert found(web_host="::1") == "http://[::1]:8000"
    assert found(public_url="https://wegwijzer.example.org/") == "https://wegwijzer.example.org"
