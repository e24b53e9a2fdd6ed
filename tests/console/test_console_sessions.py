"""Who gets in with which cookie, from where, and what every change must bring along."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from integrations.console.sessions import COOKIE, COOKIE_ON_LOOPBACK
from tests.console.conftest import PASSWORD, Console, SignedIn, csrf_in

PAGES = ["/console/password", "/console/staff/", "/console/staff/01939e6f-0000-7000-8000-000000000000"]
CHANGES = [
    "/console/sign-out", "/console/language", "/console/password", "/console/staff/", "/console/staff/x",
    "/console/staff/x/link", "/console/staff/x/active",
]  # fmt: skip


def cookie(console: Console, value: str, name: str = COOKIE_ON_LOOPBACK, **headers: str) -> httpx.Client:
    return console.client(headers={"Cookie": f"{name}={value}", **headers})


# ---- the session


@pytest.mark.parametrize("path", PAGES)
def test_who_is_not_signed_in_is_led_to_sign_in_and_back(console: Console, path: str) -> None:
    reply = console.client().get(path, params={"a": "1"})
    assert reply.status_code == 303
    assert reply.headers["location"] == f"/console/sign-in?next={path}%3Fa%3D1"
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", CHANGES)
def test_who_is_not_signed_in_changes_nothing(console: Console, path: str) -> None:
    reply = console.client().post(path, data={"csrf": "x"})
    assert (reply.status_code, reply.headers["location"]) == (303, "/console/sign-in")


def test_a_forged_token_is_nobody(console: Console, agent: SignedIn) -> None:
    forged = ["", "x", "a" * 43, agent.token[:-1], agent.token + "a", agent.token.swapcase(), "%00", '"', "a" * 6000]
    for value in forged:
        assert cookie(console, value).get("/console/password").status_code == 303, value[:50]
    assert cookie(console, agent.token).get("/console/password").status_code == 200


def test_a_session_cannot_be_used_after_signing_out(console: Console, agent: SignedIn) -> None:
    reply = agent.post("/console/sign-out")
    assert reply.status_code == 303
    assert 'wegwijzer_staff=""' in reply.headers["set-cookie"] or "wegwijzer_staff=;" in reply.headers["set-cookie"]
    assert "Max-Age=0" in reply.headers["set-cookie"]
    assert cookie(console, agent.token).get("/console/password").status_code == 303


def test_expired_and_rested_sessions_are_over(console: Console) -> None:
    for column in ("expires_at", "last_seen_at"):
        staff = console.signed_in("editor")
        assert staff.get("/console/password").status_code == 200
        past = "2020-01-01 00:00:00.000000"
        console.rows(f"UPDATE staff_sessions SET {column} = '{past}' WHERE account_id = :id", id=staff.account.id)
        assert staff.get("/console/password").status_code == 303, column


def test_an_account_that_is_switched_off_is_out_at_once(console: Console, admin: SignedIn, agent: SignedIn) -> None:
    assert agent.get("/console/password").status_code == 200
    assert admin.post(f"/console/staff/{agent.account.id}/active", data={"active": "0"}).status_code == 200
    assert agent.get("/console/password").status_code == 303


# ---- the CSRF token


@pytest.mark.parametrize("path", CHANGES)
def test_a_change_needs_the_csrf_token(console: Console, admin: SignedIn, path: str) -> None:
    of_another = console.signed_in("admin").http.headers["X-CSRF-Token"]
    client = cookie(console, admin.token)
    for token in (None, "", "x", of_another):
        for given in (
            {"headers": {"X-CSRF-Token": token}} if token is not None else {},
            {"data": {"csrf": token or ""}},
        ):
            reply = client.post(path, **given)
            assert reply.status_code == 403, (path, token)
            assert "verlopen" in reply.text
    assert client.get("/console/password").status_code == 200, "nobody was signed out"


def test_a_wrong_header_is_not_made_good_by_the_form(console: Console, admin: SignedIn) -> None:
    client = cookie(console, admin.token)
    reply = client.post(
        "/console/sign-out", headers={"X-CSRF-Token": "x"}, data={"csrf": csrf_in(client.get("/console/password").text)}
    )
    assert reply.status_code == 403


def test_the_token_of_a_page_is_the_right_one(console: Console, admin: SignedIn) -> None:
    client = cookie(console, admin.token)
    csrf = csrf_in(client.get("/console/password").text)
    assert client.post("/console/language", data={"csrf": csrf, "language": "en"}).status_code == 303
    assert console.accounts.by_id(admin.account.id).language == "en"


# ---- from where


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "https://[", ""])
def test_another_website_can_do_nothing(console: Console, admin: SignedIn, origin: str) -> None:
    for path in ("/console/sign-in", "/console/link", "/console/link/password", *CHANGES):
        assert admin.http.post(path, headers={"Origin": origin}).status_code == 403, path
    for path in PAGES[:2]:
        assert admin.http.get(path, headers={"Origin": origin}).status_code == 403, path


def test_a_website_that_may_embed_the_chat_is_another_one_too(more_consoles: Callable[..., Console]) -> None:
    console = more_consoles(ALLOWED_ORIGINS="https://www.example.nl")
    admin, origin = console.signed_in("admin"), {"Origin": "https://www.example.nl"}
    assert console.client().post("/api/v1/conversations", json={}, headers=origin).status_code == 201
    assert admin.http.post("/console/sign-out", headers=origin).status_code == 403
    assert admin.get("/console/password", headers=origin).status_code == 403
    assert "access-control-allow-origin" not in admin.get("/console/password").headers


@pytest.mark.parametrize("came", ["cross-site", "same-site"])
def test_what_the_browser_says_of_where_it_came_from_counts(admin: SignedIn, came: str) -> None:
    assert admin.post("/console/language", data={"language": "nl"}, headers={"Sec-Fetch-Site": came}).status_code == 403
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": str(admin.http.base_url).rstrip("/")}
    assert admin.post("/console/language", data={"language": "nl"}, headers=headers).status_code == 303


# ---- the cookie


def signed_in_with_password(console: Console, **headers: str) -> httpx.Response:
    account = console.account("editor", password=True)
    form = {"email": account.email, "password": PASSWORD}
    return console.client().post("/console/sign-in", data=form, headers=headers)


def test_the_cookie_on_this_machine(console: Console) -> None:
    given = signed_in_with_password(console).headers["set-cookie"]
    name, _, rest = given.partition("=")
    assert name == COOKIE_ON_LOOPBACK
    parts = {part.strip().lower() for part in rest.split(";")[1:]}
    assert parts == {"path=/", "httponly", "samesite=strict"}


def test_the_cookie_over_https_is_bound_to_the_host(more_consoles: Callable[..., Console]) -> None:
    console = more_consoles(PUBLIC_URL="https://wegwijzer.example.org")
    given = signed_in_with_password(console, Host="wegwijzer.example.org").headers["set-cookie"]
    name, _, rest = given.partition("=")
    assert name == COOKIE == "__Host-wegwijzer"
    token = rest.partition(";")[0]
    assert {part.strip().lower() for part in rest.split(";")[1:]} == {"path=/", "httponly", "samesite=strict", "secure"}
    assert cookie(console, token, COOKIE).get("/console/password").status_code == 200
    assert cookie(console, token).get("/console/password").status_code == 303, "the other name is not good there"


def test_a_trusted_proxy_says_that_it_is_https(more_consoles: Callable[..., Console]) -> None:
    trusting = more_consoles(TRUSTED_PROXIES="127.0.0.1")
    https = {"X-Forwarded-Proto": "https", "Host": "wegwijzer.example.org"}
    assert signed_in_with_password(trusting, **https).headers["set-cookie"].startswith(COOKIE)
    assert signed_in_with_password(trusting, Host="wegwijzer.example.org").status_code == 403


def test_nobody_else_says_so(console: Console) -> None:
    reply = signed_in_with_password(console, **{"X-Forwarded-Proto": "https", "Host": "wegwijzer.example.org"})
    assert reply.status_code == 403
    assert "https" in reply.text


@pytest.mark.parametrize("path", ["/console/sign-in", "/console/link"])
def test_no_password_travels_in_the_clear(console: Console, path: str) -> None:
    for method in ("GET", "POST"):
        reply = console.client().request(method, path, headers={"Host": "192.0.2.10:8000"})
        assert reply.status_code == 403
        assert "<form" not in reply.text


# ---- headers


@pytest.mark.parametrize("path", ["/console/sign-in", "/console/link", *PAGES])
def test_pages_are_not_kept_framed_or_scripted(admin: SignedIn, console: Console, path: str) -> None:
    for client in (admin.http, console.client()):
        headers = client.get(path).headers
        assert headers["cache-control"] == "no-store"
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        if "text/html" in headers["content-type"] and headers.get("content-language"):
            assert "frame-ancestors 'none'" in policy and "form-action 'self'" in policy


def test_pages_have_no_inline_script_or_style(admin: SignedIn, console: Console) -> None:
    for path in ["/console/sign-in", "/console/link", *PAGES[:2], f"/console/staff/{admin.account.id}"]:
        page = (console.client() if path.endswith(("sign-in", "link")) else admin.http).get(path).text
        assert "<style" not in page and " style=" not in page and " onclick" not in page
        assert page.count("<script") == page.count('<script src="/console/static/')
