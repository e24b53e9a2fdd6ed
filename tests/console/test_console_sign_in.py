"""The pages to sign in, to use a link, and to change a password."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable

import httpx
import pytest

from bot.texts import catalogue, text
from integrations.console.rendering import HERE, HOME, local_path
from integrations.console.sign_in import Comparing
from integrations.website.problems import Problem
from tests.console.conftest import PASSWORD, Console, SignedIn

WRONG = "een heel andere zin"
NEW = "een nieuwe lange zin"


def attempt(console: Console, email: str, password: str = WRONG, **form: str) -> httpx.Response:
    return console.client().post("/console/sign-in", data={"email": email, "password": password, **form})


def without_email(page: str, email: str) -> str:
    return page.replace(email, "EMAIL")


# ---- passwords


def test_the_right_password_leads_to_the_console(console: Console) -> None:
    account = console.account("agent", password=True)
    client = console.client()
    reply = client.post("/console/sign-in", data={"email": account.email, "password": PASSWORD})
    assert (reply.status_code, reply.headers["location"]) == (303, "/console/")
    assert client.get("/console/password").status_code == 200
    assert client.get("/console/sign-in").headers["location"] == "/console/", "it knows who is there"


def test_a_new_session_ends_the_one_before(console: Console) -> None:
    account = console.account("agent", password=True)
    client = console.client()
    first = client.post("/console/sign-in", data={"email": account.email, "password": PASSWORD}).cookies
    client.post("/console/sign-in", data={"email": account.email, "password": PASSWORD})
    [(count,)] = console.rows("SELECT count(*) FROM staff_sessions WHERE account_id = :id", id=account.id)
    assert count == 1
    assert console.client(cookies=first).get("/console/password").status_code == 303


def test_everybody_who_fails_reads_the_same(console: Console) -> None:
    """Wrong, unknown, switched off, without a password, and locked: no page tells them apart."""
    anna, off, locked = (console.account("editor", password=True) for _ in range(3))
    new = console.account("editor")
    console.accounts.change(off.id, is_active=False)
    for _ in range(5):
        attempt(console, locked.email)
    replies = [
        (email, attempt(console, email, password))
        for email, password in [
            (anna.email, WRONG), ("niemand@example.org", WRONG), (off.email, PASSWORD), (new.email, WRONG),
            (locked.email, PASSWORD), (locked.email, WRONG),
        ]
    ]  # fmt: skip
    pages = {(reply.status_code, without_email(reply.text, email)) for email, reply in replies}
    assert len(pages) == 1
    [(status, page)] = pages
    assert status == 403
    assert text("staff.sign_in.paused", "nl", attempts=5, minutes=15) in page.replace("&#39;", "'")
    assert {"set-cookie", "retry-after"} & {name for _, reply in replies for name in reply.headers} == set()


def test_five_wrong_lock_the_account_and_a_link_opens_it(console: Console) -> None:
    anna = console.account("editor", password=True)
    for _ in range(5):
        assert attempt(console, anna.email).status_code == 403
    assert attempt(console, anna.email, PASSWORD).status_code == 403
    link = console.accounts.link(anna.id)
    assert choose(console, link, NEW).status_code == 303
    assert attempt(console, anna.email, NEW).status_code == 303


def test_the_settings_say_when_it_locks(more_consoles: Callable[..., Console]) -> None:
    console = more_consoles(STAFF_LOCK_AFTER="2", STAFF_LOCK_MINUTES="30")
    anna = console.account("editor", password=True)
    page = [attempt(console, anna.email).text for _ in range(2)][-1]
    assert text("staff.sign_in.paused", "nl", attempts=2, minutes=30) in page
    assert attempt(console, anna.email, PASSWORD).status_code == 403


def test_an_address_may_not_try_for_ever(more_consoles: Callable[..., Console]) -> None:
    console = more_consoles(SIGN_INS_PER_ADDRESS_PER_HOUR="3")
    anna = console.account("editor", password=True)
    assert [attempt(console, f"niemand{n}@example.org").status_code for n in range(4)] == [403, 403, 403, 429]
    reply = attempt(console, anna.email, PASSWORD)
    assert reply.status_code == 429 and int(reply.headers["retry-after"]) > 0
    assert "<h1>" in reply.text


@pytest.mark.parametrize(
    "form", [{}, {"email": "x"}, {"email": "a\0b", "password": "\0"}, {"email": "é" * 5000, "password": "x"}]
)
def test_a_strange_form_is_a_wrong_password(console: Console, form: dict[str, str]) -> None:
    assert console.client().post("/console/sign-in", data=form).status_code == 403


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"email=%ff%fe&password=%00", b"{}", b"email[]=x&password[]=y", b"&&&==="]
)
@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]
)
def test_a_broken_body_is_no_failure_of_ours(console: Console, body: bytes, kind: str) -> None:
    for path in ("/console/sign-in", "/console/link", "/console/link/password"):
        reply = console.client().post(path, content=body, headers={"Content-Type": kind} if kind else {})
        assert 400 <= reply.status_code < 500, (path, reply.status_code, reply.text)


def test_nothing_that_was_typed_becomes_markup(console: Console) -> None:
    page = attempt(console, '"><script>alert(1)</script>@example.org', next='/console/"><b>').text
    assert "<script>" not in page and "<b>" not in page


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_passwords_are_compared_a_few_at_a_time_whoever_hangs_up() -> None:
    comparing, most, lock = Comparing(at_once=2, waiting=3), [0, 0], threading.Lock()
    begun, ended, going = threading.Semaphore(0), threading.Semaphore(0), threading.Event()

    def compare() -> None:
        with lock:
            most[0] += 1
            most[1] = max(most)
        begun.release()
        going.wait(30)
        with lock:
            most[0] -= 1
        ended.release()

    first = [asyncio.create_task(comparing.run(compare)) for _ in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(Problem, match="busy"):
        await comparing.run(compare)
    for _ in range(2):
        await asyncio.to_thread(begun.acquire)
    for task in first[:2]:
        task.cancel()
    await asyncio.gather(*first[:2], return_exceptions=True)
    with pytest.raises(Problem, match="busy"):
        await comparing.run(compare)
    going.set()
    await asyncio.gather(*first[2:])
    await comparing.run(compare)
    # Nobody waits any more for the comparisons of those who hung up: they end when they end.
    for _ in range(len(first) + 1):
        assert await asyncio.to_thread(ended.acquire, timeout=30)
    assert most == [0, 2]


# ---- where to go afterwards


@pytest.mark.parametrize(
    "path", ["/console/", "/console/staff/", "/console/staff/a-b?x=1&y=%20", "/taskforce/2026", "/console/a.b_c~d"]
)
def test_a_page_of_ours_is_where_to_go(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None, "", "/", "https://evil.example/console/", "//evil.example/console/", "/\\evil.example", "/console//evil",
        "/console/../admin", "/console/\n", "javascript:alert(1)", "/consolexyz", "/console/é", "/api/v1/conversations",
        "/console/" + "a" * 600, "/console/@evil.example", "/console/?next=//x",
    ],
)  # fmt: skip
def test_another_website_is_not(path: str | None) -> None:
    assert local_path(path) == HOME


def test_signing_in_leads_back(console: Console) -> None:
    admin = console.account("admin", password=True)
    assert attempt(console, admin.email, PASSWORD, next="/console/staff/").headers["location"] == "/console/staff/"
    assert attempt(console, admin.email, PASSWORD, next="//evil.example").headers["location"] == "/console/"


# ---- links


def choose(console: Console, link: str, password: str, again: str | None = None) -> httpx.Response:
    form = {"token": link, "password": password, "again": password if again is None else again}
    return console.client().post("/console/link/password", data=form)


def test_a_link_leads_to_a_password_and_in(console: Console) -> None:
    anna = console.account("editor", language="en")
    link = console.accounts.link(anna.id)
    client = console.client()
    assert client.get("/console/link").status_code == 200
    page = client.post("/console/link", data={"token": f" {link} "})
    assert page.status_code == 200
    assert anna.email in page.text and link in page.text
    assert '<html lang="en">' in page.text, "the account's own language"
    assert client.post("/console/link", data={"token": link}).status_code == 200, "looking does not use it up"
    reply = client.post("/console/link/password", data={"token": link, "password": NEW, "again": NEW})
    assert (reply.status_code, reply.headers["location"]) == (303, "/console/")
    assert client.get("/console/password").status_code == 200
    assert client.post("/console/link", data={"token": link}).status_code == 410
    assert choose(console, link, NEW).status_code == 410


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "a" * 60_000, "\0", "é"])
def test_a_wrong_link_opens_nothing(console: Console, token: str) -> None:
    for path in ("/console/link", "/console/link/password"):
        reply = console.client().post(path, data={"token": token, "password": NEW, "again": NEW})
        assert reply.status_code == 410
        assert "set-cookie" not in reply.headers


def test_a_password_that_may_not_be_chosen_leaves_the_link_good(console: Console) -> None:
    anna = console.account("editor")
    link = console.accounts.link(anna.id)
    said = []
    for password, again in [
        ("pietje", None),
        (anna.email, None),
        ("Wachtwoord123!", None),
        (NEW, NEW + "x"),
        ("x" * 201, None),
    ]:
        reply = choose(console, link, password, again)
        assert reply.status_code == 422
        assert password not in reply.text or password == anna.email
        said.append(re.search(r'<p id="said">(.*)</p>', reply.text)[1])  # type: ignore[index]
    keys = ("password_short", "password_email", "password_common", "again", "password_long")
    assert said == [text(f"staff.problem.{key}", "nl").replace("{shortest}", "12") for key in keys]
    assert choose(console, link, NEW).status_code == 303


# ---- one's own password and language


def change(staff: SignedIn, old: str, new: str, again: str | None = None) -> httpx.Response:
    return staff.post("/console/password", data={"old": old, "password": new, "again": new if again is None else again})


def test_a_password_is_changed_by_who_knows_it(console: Console) -> None:
    account = console.account("editor", password=True)
    here, there = console.as_account(account), console.as_account(account)
    assert change(here, WRONG, NEW).status_code == 422
    assert change(here, PASSWORD, "kort").status_code == 422
    assert change(here, PASSWORD, NEW, NEW + "x").status_code == 422
    assert there.get("/console/password").status_code == 200
    done = change(here, PASSWORD, NEW)
    assert done.status_code == 200 and text("staff.change.done", "nl") in done.text
    assert there.get("/console/password").status_code == 303, "the other browser is out"
    assert here.get("/console/password").status_code == 200
    assert attempt(console, account.email, PASSWORD).status_code == 403
    assert attempt(console, account.email, NEW).status_code == 303


@pytest.mark.parametrize(
    ("header", "language"), [("en-GB,en;q=0.9,nl;q=0.5", "en"), ("nl", "nl"), ("fr", "nl"), ("", "nl")]
)
def test_who_is_not_signed_in_reads_what_the_browser_prefers(console: Console, header: str, language: str) -> None:
    reply = console.client().get("/console/sign-in", headers={"Accept-Language": header})
    assert f'<html lang="{language}">' in reply.text
    assert reply.headers["content-language"] == language


def test_the_page_has_a_way_to_the_other_language(console: Console) -> None:
    client = console.client(headers={"Accept-Language": "nl"})
    page = client.get("/console/sign-in?next=/console/staff/").text
    assert 'href="?next=%2Fconsole%2Fstaff%2F&amp;language=en"' in page
    english = client.get("/console/sign-in?next=/console/staff/&language=en").text
    assert "<h1>Sign in</h1>" in english and 'value="/console/staff/"' in english
    form = {"email": "x@example.org", "password": WRONG, "language": "en"}
    assert "did not work" in client.post("/console/sign-in", data=form).text, "it stays"


def test_who_is_signed_in_reads_the_accounts_language(console: Console) -> None:
    staff = console.signed_in("editor", language="en")
    staff.http.headers["Accept-Language"] = "nl"
    assert '<html lang="en">' in staff.get("/console/password?language=nl").text
    reply = staff.post("/console/language", data={"language": "nl", "next": "/console/password"})
    assert (reply.status_code, reply.headers["location"]) == (303, "/console/password")
    assert '<html lang="nl">' in staff.get("/console/password").text
    assert staff.post("/console/language", data={"language": "fr"}).status_code == 422


def test_choosing_a_language_never_leads_to_an_address_that_is_no_page(console: Console, admin: SignedIn) -> None:
    path = f"/console/staff/{admin.account.id}"
    for method, address, back in [
        ("GET", path, path), ("GET", "/console/password", "/console/password"), ("POST", f"{path}/link", "/console/"),
        ("POST", "/console/password", "/console/password"), ("POST", "/console/staff/", "/console/staff/"),
    ]:  # fmt: skip
        page = admin.http.request(method, address)
        assert f'name="next" value="{back}"' in page.text, (method, address)
    other = console.signed_in("editor")
    assert 'action="/console/sign-out"' in other.get("/console/staff/").text, "who may not see a page can go elsewhere"


def test_every_text_of_the_pages_is_there() -> None:
    pages = "".join(page.read_text() for page in (HERE / "pages").glob("*.html"))
    asked = set(re.findall(r"\bt\('([a-z_.]+)'[,)]", pages))
    assert len(asked) > 30
    missing = {key for key in asked if f"staff.{key}" not in catalogue("nl")}
    assert missing == set()
    code = "".join(file.read_text() for file in HERE.glob("*.py"))
    problems = {f"problem.{name}.title" for name in re.findall(r'Problem\(\d+, "(\w+)"', code)}
    assert problems <= set(catalogue("nl"))
