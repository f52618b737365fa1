"""Signing in to the page: passwords, sessions, one-time links, passes."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from litestar.connection import ASGIConnection

from tests.web_site import Site, open_site
from vori.data.engine import DB
from vori.errors import Forbidden, NotSignedIn
from vori.people import sessions, store
from vori.people.auth import principal_of
from vori.people.passwords import Passwords

pytestmark = pytest.mark.postgres

CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
PASSWORD = "correct horse battery"


@pytest.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as site:
        doors = site.app.state.sign_in
        doors.passwords = Passwords(site.clock, least_characters=10, hasher=CHEAP)
        yield site


async def first_admin(site: Site, **more: object) -> tuple[httpx.AsyncClient, httpx.Response]:
    """A browser in which the first link was followed."""
    link = await sessions.make_link(None, at=site.clock.now(), hours=24)
    browser = await site.client()
    body = {"link": secret_of(link.path), "password": PASSWORD, "name": "Mina Kim",
            "email": "mina@example.org", **more}  # fmt: skip
    return browser, await browser.post("/api/links", json=body)


async def browser_of(site: Site, email: str, password: str = PASSWORD) -> httpx.AsyncClient:
    browser = await site.client()
    answer = await browser.post("/api/session", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    return browser


def secret_of(path: str) -> str:
    return path.partition("#")[2]


async def test_the_first_link_makes_an_administrator_once(site: Site) -> None:
    anyone = await site.client()
    assert (await anyone.get("/api/session")).json()["needsFirstAdmin"] is True
    link = await sessions.make_link(None, at=site.clock.now(), hours=24)
    body = {"link": secret_of(link.path), "password": PASSWORD, "name": "Mina",
            "email": "mina@example.org", "groupName": "Web", "language": "ko"}  # fmt: skip
    looked = (await anyone.post("/api/links/look", json={"link": body["link"]})).json()
    assert (looked["kind"], looked["email"]) == ("first_admin", None)

    made = await anyone.post("/api/links", json=body)
    assert made.status_code == 200
    user = made.json()["user"]
    assert (user["isAdmin"], user["language"]) == (True, "ko")
    assert [g["name"] for g in (await anyone.get("/api/groups")).json()] == ["Web"]
    assert (await anyone.get("/api/session")).json()["needsFirstAdmin"] is False

    again = await (await site.client()).post("/api/links", json=body | {"email": "x@example.org"})
    assert (again.status_code, again.json()["code"]) == (401, "bad_link")


async def test_the_first_link_expires_and_a_newer_one_takes_its_place(site: Site) -> None:
    old = await sessions.make_link(None, at=site.clock.now(), hours=1)
    new = await sessions.make_link(None, at=site.clock.now(), hours=1)
    anyone = await site.client()

    async def look(path: str) -> int:
        answer = await anyone.post("/api/links/look", json={"link": secret_of(path)})
        return answer.status_code

    assert (await look(old.path), await look(new.path)) == (401, 200)
    site.clock.turn(timedelta(hours=1))
    assert await look(new.path) == 401


async def test_the_first_link_makes_nobody_once_there_is_an_administrator(site: Site) -> None:
    link = await sessions.make_link(None, at=site.clock.now(), hours=1)
    await store.create_user(name="Chief", email="chief@example.org", is_admin=True)
    body = {"link": secret_of(link.path), "password": PASSWORD, "name": "Eve",
            "email": "eve@example.org"}  # fmt: skip
    answer = await (await site.client()).post("/api/links", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "has_admin")
    assert await store.user_by_email("eve@example.org") is None


async def test_a_browser_signs_in_and_out_by_cookie(site: Site) -> None:
    await first_admin(site)
    browser = await site.client()
    answer = await browser.post(
        "/api/session", json={"email": " MINA@example.org ", "password": PASSWORD}
    )
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert (await browser.get("/api/users/me")).json()["name"] == "Mina Kim"
    state = (await browser.get("/api/session")).json()
    assert (state["user"]["email"], state["password"]) == ("mina@example.org", True)

    secret = browser.cookies["vori_session"]
    assert (await browser.delete("/api/session")).status_code == 204
    assert (await browser.get("/api/users/me")).status_code == 401
    stolen = await site.client(Cookie=f"vori_session={secret}")
    assert (await stolen.get("/api/users/me")).json()["code"] == "session_over"


async def test_with_tls_the_cookie_is_secure_and_bound_to_the_host(site: Site) -> None:
    await first_admin(site)
    transport = httpx.ASGITransport(site.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://vori.example") as browser:
        body = {"email": "mina@example.org", "password": PASSWORD}
        cookie = (await browser.post("/api/session", json=body)).headers["set-cookie"]
        assert cookie.startswith("__Host-vori_session=")
        assert "Secure" in cookie
        assert (await browser.get("/api/users/me")).status_code == 200
        secret = browser.cookies["__Host-vori_session"]
        browser.cookies.clear()
        planted = {"Cookie": f"vori_session={secret}"}  # as a page of a sister host could
        assert (await browser.get("/api/users/me", headers=planted)).status_code == 401


async def test_cookies_and_passwords_lie_hashed(site: Site) -> None:
    browser, _ = await first_admin(site)
    await browser.post("/api/passes")
    rows = await DB.fetch(
        "SELECT s::text AS row FROM sessions s UNION ALL SELECT u::text FROM users u"
        " UNION ALL SELECT p::text FROM passes p"
    )
    text = "\n".join(row["row"] for row in rows)
    assert "$argon2id$" in text
    assert PASSWORD not in text
    assert browser.cookies["vori_session"] not in text


async def test_a_wrong_password_an_unknown_address_and_a_disabled_user_look_alike(
    site: Site,
) -> None:
    admin, _ = await first_admin(site)
    made = await admin.post("/api/admin/users", json={"name": "Jun", "email": "jun@example.org"})
    jun = made.json()["account"]["userId"]
    link = secret_of(made.json()["link"]["path"])
    await (await site.client()).post("/api/links", json={"link": link, "password": PASSWORD})
    await admin.patch(f"/api/admin/users/{jun}", json={"isDisabled": True})
    anyone = await site.client()
    told = set()
    for email, password in (
        ("mina@example.org", "wrong password"),
        ("nobody@example.org", PASSWORD),
        ("jun@example.org", PASSWORD),
    ):
        answer = await anyone.post("/api/session", json={"email": email, "password": password})
        assert "set-cookie" not in answer.headers
        told.add((answer.status_code, answer.json()["code"], answer.json()["detail"]))
    assert {(status, code) for status, code, _ in told} == {(401, "wrong_password")}
    assert len(told) == 1


async def test_guesses_are_slowed_down_and_the_right_person_is_let_in_again(site: Site) -> None:
    await first_admin(site)
    anyone = await site.client()
    wrong = {"email": "mina@example.org", "password": "wrong password"}
    statuses = [(await anyone.post("/api/session", json=wrong)).status_code for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    answer = await anyone.post("/api/session", json=wrong | {"password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_tries")
    wait_s = int(answer.headers["retry-after"])
    assert 1 <= wait_s <= 31
    site.clock.turn(timedelta(seconds=wait_s))
    answer = await anyone.post("/api/session", json=wrong | {"password": PASSWORD})
    assert answer.status_code == 200


async def test_one_machine_cannot_try_many_accounts(site: Site) -> None:
    anyone = await site.client()
    statuses = [
        (await anyone.post(
            "/api/session", json={"email": f"u{n}@example.org", "password": "a password"}
        )).status_code
        for n in range(32)
    ]  # fmt: skip
    assert statuses.count(401) == 30
    assert statuses[-1] == 429


async def test_a_session_ends_when_it_is_idle_and_when_it_is_old(site: Site) -> None:
    browser, _ = await first_admin(site)
    for _ in range(6):
        site.clock.turn(timedelta(days=4.9))
        assert (await browser.get("/api/users/me")).status_code == 200
    site.clock.turn(timedelta(days=0.7))
    assert (await browser.get("/api/users/me")).status_code == 401
    idle = await browser_of(site, "mina@example.org")
    site.clock.turn(timedelta(days=7))
    assert (await idle.get("/api/users/me")).status_code == 401


async def test_a_new_password_signs_other_browsers_out(site: Site) -> None:
    browser, _ = await first_admin(site)
    other = await browser_of(site, "mina@example.org")
    body = {"current": "not it at all", "new": "another password"}
    answer = await browser.post("/api/users/me/password", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_password")
    for weak in ("short", "aaaaaaaaaaaaaaa", "mina@example.org", "x" * 300):
        answer = await browser.post(
            "/api/users/me/password", json={"current": PASSWORD, "new": weak}
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "weak_password"), weak
    answer = await browser.post(
        "/api/users/me/password", json={"current": PASSWORD, "new": "another password"}
    )
    assert answer.status_code == 204
    assert (await browser.get("/api/users/me")).status_code == 200
    assert (await other.get("/api/users/me")).status_code == 401
    await browser_of(site, "mina@example.org", "another password")


async def test_browsers_are_listed_and_signed_out_one_by_one(site: Site) -> None:
    browser, _ = await first_admin(site)
    site.clock.turn(timedelta(minutes=2))
    other = await browser_of(site, "mina@example.org")
    listed = (await browser.get("/api/users/me/sessions")).json()
    here, there = sorted(listed, key=lambda one: not one["isCurrent"])
    assert (here["isCurrent"], there["isCurrent"]) == (True, False)
    path = f"/api/users/me/sessions/{there['sessionId']}"
    assert (await browser.delete(path)).status_code == 204
    assert (await browser.delete(path)).status_code == 404
    assert (await other.get("/api/users/me")).status_code == 401
    stranger = await site.person("Ada")
    mine = f"/api/users/me/sessions/{here['sessionId']}"
    assert (await stranger.delete(mine)).status_code == 404


async def test_pages_of_other_sites_cannot_use_a_cookie_to_change_anything(site: Site) -> None:
    browser, _ = await first_admin(site)
    foreign = [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://sister.localhost"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
    ]
    for headers in foreign:
        for method, path in (
            ("POST", "/api/groups"), ("DELETE", "/api/session"), ("POST", "/api/session"),
        ):  # fmt: skip
            body = {"name": "x", "email": "a@example.org", "password": PASSWORD}
            answer = await browser.request(
                method, path, headers=headers,
                json=({"name": "x"} if path.endswith("groups") else
                      {k: body[k] for k in ("email", "password")}),
            )  # fmt: skip
            assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin"), headers
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}, {}):
        answer = await browser.post("/api/groups", json={"name": "x"}, headers=headers)
        assert answer.status_code == 201


async def test_a_socket_takes_a_cookie_only_from_a_page_of_this_vori(site: Site) -> None:
    browser, _ = await first_admin(site)
    cookie = f"vori_session={browser.cookies['vori_session']}"
    principal = await principal_of(socket(site, cookie=cookie, origin="http://vori.example"))
    assert principal.is_admin
    for origin in ("http://elsewhere.example", "null", "http://vori.example.evil.example"):
        with pytest.raises(Forbidden):
            await principal_of(socket(site, cookie=cookie, origin=origin))


async def test_a_pass_opens_one_socket_soon_and_no_longer_than_its_session(site: Site) -> None:
    browser, _ = await first_admin(site)

    async def new() -> str:
        return str((await browser.post("/api/passes")).json()["secret"])

    opened = socket(site, query=f"pass={(one := await new())}")
    assert (await principal_of(opened)).name == "Mina Kim"
    opened.scope["state"].pop("principal")
    assert (await principal_of(opened)).name == "Mina Kim"  # asked again on the same socket
    for query in (f"pass={one}", "pass=guess", "pass=%00"):
        with pytest.raises(NotSignedIn):
            await principal_of(socket(site, query=query))
    late = await new()
    site.clock.turn(timedelta(seconds=30))
    with pytest.raises(NotSignedIn):
        await principal_of(socket(site, query=f"pass={late}"))

    await browser.delete("/api/session")
    opened.scope["state"].pop("principal")
    with pytest.raises(NotSignedIn):
        await principal_of(opened)


async def test_a_pass_is_for_sockets_only(site: Site) -> None:
    browser, _ = await first_admin(site)
    one = (await browser.post("/api/passes")).json()["secret"]
    answer = await (await site.client()).get(f"/api/users/me?pass={one}")
    assert answer.status_code == 401


async def test_an_administrator_adds_people_who_choose_their_password(site: Site) -> None:
    admin, _ = await first_admin(site, groupName="Web")
    [group] = (await admin.get("/api/groups")).json()
    body = {"name": "박준", "email": "jun@example.org", "groupId": group["groupId"]}
    made = (await admin.post("/api/admin/users", json=body)).json()
    assert made["account"]["groups"] == ["Web"]
    assert made["account"]["methods"] == []
    anyone = await site.client()
    use = {"link": secret_of(made["link"]["path"]), "password": PASSWORD}
    assert (await anyone.post("/api/links/look", json={"link": use["link"]})).json()[
        "name"
    ] == "박준"
    assert (await anyone.post("/api/links", json=use)).json()["user"]["name"] == "박준"
    assert (await anyone.get("/api/admin/users")).status_code == 403
    listed = (await admin.get("/api/admin/users?q=JUN@")).json()["items"]
    assert [one["methods"] for one in listed] == [["password"]]

    path = f"/api/admin/users/{listed[0]['userId']}"
    link = (await admin.post(f"{path}/link")).json()
    await (await site.client()).post(
        "/api/links", json={"link": secret_of(link["path"]), "password": "a new password"}
    )
    assert (await anyone.get("/api/users/me")).status_code == 401  # signed out by the reset


async def test_whoever_is_disabled_is_out_everywhere_at_once(site: Site) -> None:
    admin, _ = await first_admin(site)
    jun = await site.person("Jun")
    path = f"/api/admin/users/{jun.user_id}"
    assert (await admin.patch(path, json={"isDisabled": True})).json()["isDisabled"] is True
    assert (await jun.get("/api/users/me")).status_code == 401
    assert (await admin.post(f"{path}/link")).json()["code"] == "user_disabled"
    await admin.patch(path, json={"isDisabled": False})
    assert (await jun.get("/api/users/me")).status_code == 200


async def test_the_last_administrator_stays(site: Site) -> None:
    admin, made = await first_admin(site)
    path = f"/api/admin/users/{made.json()['user']['userId']}"
    for change in ({"isAdmin": False}, {"isDisabled": True}):
        answer = await admin.patch(path, json=change)
        assert (answer.status_code, answer.json()["code"]) == (409, "last_operator")
    assert (await admin.get("/api/admin/users")).status_code == 200


async def test_a_token_makes_no_token_that_may_more(site: Site) -> None:
    mina = await site.person("Mina")
    reading = (await mina.post("/api/tokens", json={"scopes": ["read", "write"]})).json()
    assert reading["token"]["scopes"] == ["read", "write"]
    narrow = await site.client(reading["secret"])
    answer = await narrow.post("/api/tokens", json={"scopes": ["read", "admin"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "beyond_token")
    assert (await narrow.post("/api/tokens", json={})).json()["token"]["scopes"] == [
        "read",
        "write",
    ]
    short = (await mina.post("/api/tokens", json={"expiresInDays": 2})).json()["secret"]
    for body in ({}, {"expiresInDays": 3}):
        answer = await (await site.client(short)).post("/api/tokens", json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "beyond_token")


def socket(
    site: Site, *, query: str = "", cookie: str = "", origin: str = ""
) -> ASGIConnection[Any, Any, Any, Any]:
    headers = [(b"host", b"vori.example")]
    if cookie:
        headers.append((b"cookie", cookie.encode()))
    if origin:
        headers.append((b"origin", origin.encode()))
    scope: Any = {
        "type": "websocket",
        "headers": headers,
        "query_string": query.encode(),
        "litestar_app": site.app,
        "state": {},
    }
    return ASGIConnection(scope)
