"""Whoever sees, changes, exports or deletes what is private stands in the log; who does not, why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.test_web import BODIES, filled, operations
from tests.web_site import Person, Site
from vori.data.engine import DB
from vori.people.auth import new_secret
from vori.people.messages import Principal
from vori.people.passwords import Passwords
from vori.people.rules import RULES
from vori.web import SocketGate

UNLOGGED = {
    "titles, times and states: pages read them all the time": {
        "GET /api/meetings", "GET /api/meetings/{meeting_id}",
        "GET /api/meetings/{meeting_id}/recordings", "GET /api/meetings/{meeting_id}/reading",
        "GET /api/meetings/{meeting_id}/jobs", "GET /api/meetings/{meeting_id}/jobs/{job_id}",
        "GET /api/meetings/{meeting_id}/versions", "GET /api/groups", "GET /api/groups/{group_id}",
        "GET /api/groups/{group_id}/members", "GET /api/groups/{group_id}/usage",
    },
    "the board, which everybody in the group works with": {
        "GET /api/tickets", "GET /api/tickets/{ticket_id}", "GET /api/meetings/{meeting_id}/tickets",
    },
    "counts, and single words without who said them": {
        "GET /api/analytics/groups", "GET /api/analytics/groups/{group_id}/trends",
        "GET /api/analytics/insights", "GET /api/analytics/keywords",
        "GET /api/analytics/meetings/{meeting_id}/realtime",
        "GET /api/analytics/meetings/{meeting_id}/ticket-patterns",
        "GET /api/analytics/productivity/hourly", "GET /api/analytics/topics",
    },
    "only my own": {
        "GET /api/users/me", "GET /api/users/me/sessions", "GET /api/tokens", "POST /api/passes",
        "POST /api/notices/read",
    },
    "numbers about this VORI": {"GET /api/admin/dead-letters", "GET /api/admin/system"},
}  # fmt: skip


def test_every_route_is_logged_or_says_why_not() -> None:
    unlogged = set().union(*UNLOGGED.values())
    quiet = {name for name, rule in RULES.items() if not rule.audit}
    assert quiet - unlogged == set(), "give these an `audit` in rules.py, or a reason here"
    assert unlogged - quiet == set()
    for name in unlogged:
        assert name.startswith(("GET", "POST /api/passes", "POST /api/notices")), name


@pytest.mark.postgres
async def test_each_answer_of_a_logged_route_leaves_a_line(site: Site) -> None:
    mina = await site.person("Mina")
    await site.person("Jun", mina.group_id)
    await DB.fetch("UPDATE users SET is_admin = true")
    ids = await filled(site, mina)
    ids["user_id"] = "2"
    walked = set()
    # What takes things away comes last.
    for method, path in sorted(operations(site.app), key=lambda one: (one[0] == "DELETE", one)):
        name = f"{method} {path}"
        if method == "HEAD" or not RULES[name].audit:
            continue
        await DB.fetch("DELETE FROM audit")
        site.app.state.audit._seen.clear()
        bodies: dict[str, Any] = {
            "POST /api/meetings": {"groupId": mina.group_id},
            "POST /api/groups": {"name": "x"},
            "POST /api/tickets": {"groupId": mina.group_id, "title": "x"},
            "POST /api/tokens": {"name": "x"},
            "PATCH /api/users/me": {"language": "ko"},
            "POST /api/users/sync": {},
            "POST /api/admin/users": {"name": "x", "email": "y@example.org"},
            **BODIES,
        }
        query = "?q=secret" if path == "/api/search" else ""
        answer = await mina.request(method, path.format(**ids) + query, json=bodies.get(name))
        lines = await DB.fetch("SELECT user_id, action FROM audit WHERE action <> 'user.erased'")
        if answer.is_success:
            walked.add(name)
            assert [(row["user_id"], row["action"]) for row in lines] == [
                (mina.user_id, RULES[name].audit)
            ], name
        else:
            assert lines == [], name
    assert len(walked) >= 30, sorted(walked)


async def opened(site: Site, path: str, principal: Principal, *, says: int) -> None:
    """A socket that is let in as `principal` and hears `says` words."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        scope["state"]["principal"] = principal
        for _ in range(says):
            await send({"type": "websocket.send", "text": "x"})

    async def send(_: Any) -> None: ...

    scope: Any = {
        "type": "websocket", "litestar_app": site.app, "path": path, "path_template": path,
        "path_params": {"meeting_id": "7"} if "meeting_id" in path else {}, "headers": [],
        "client": ("192.0.2.7", 1), "query_string": b"", "state": {},
    }  # fmt: skip
    await SocketGate().handle(scope, None, send, app)  # type: ignore[arg-type]


@pytest.mark.postgres
async def test_sockets_that_send_sound_or_watch_stand_in_the_log_once(
    site: Site, mina: Person
) -> None:
    principal = Principal(user_id=mina.user_id, name="Mina", token_id=1)
    for name in [name for name in RULES if name.startswith("WS ")]:
        await opened(site, name.removeprefix("WS "), principal, says=0)
    assert await DB.fetch("SELECT 1 FROM audit") == []
    for _ in range(3):
        for name in [name for name in RULES if name.startswith("WS ")]:
            await opened(site, name.removeprefix("WS "), principal, says=5)
    rows = await DB.fetch("SELECT * FROM audit ORDER BY id")
    assert sorted(row["action"] for row in rows) == ["events.watched"] + 3 * ["sound.sent"]
    assert {(row["user_id"], row["via"], row["address"]) for row in rows} == {
        (mina.user_id, "token", "192.0.2.7")
    }
    assert [row["target"] for row in rows if row["target"]] == ["7"]


@pytest.mark.postgres
async def test_signing_in_and_being_refused_stand_in_the_log(site: Site, mina: Person) -> None:
    passwords: Passwords = site.app.state.sign_in.passwords
    await DB.fetch(
        "UPDATE users SET password_hash = $1 WHERE id = $2",
        await passwords.hash("a long enough one"),
        mina.user_id,
    )
    anyone = await site.client()
    for email, password in (
        ("mina@example.org", "wrong"), ("mina@example.org", "wrong"), ("no@example.org", "wrong"),
        ("mina@example.org", "a long enough one"),
    ):  # fmt: skip
        await anyone.post("/api/session", json={"email": email, "password": password})
    rows = await DB.fetch("SELECT action, user_id, address FROM audit ORDER BY id")
    assert [(row["action"], row["user_id"]) for row in rows] == [
        ("sign_in.refused", mina.user_id),
        ("sign_in.refused", None),
        ("session.opened", mina.user_id),
    ]
    assert {row["address"] for row in rows} == {"127.0.0.1"}


@pytest.mark.postgres
async def test_the_log_holds_no_words_and_no_secrets(site: Site, mina: Person) -> None:
    secret = new_secret()
    await DB.fetch("UPDATE users SET is_admin = true WHERE id = $1", mina.user_id)
    ids = await filled(site, mina)
    await mina.get(f"/api/meetings/{ids['meeting_id']}/audio?token={secret}&audioId=secret")
    await mina.get("/api/search?q=secret")
    await mina.patch(f"/api/tickets/{ids['ticket_id']}", json={"title": "secret"})
    told = [str(dict(row)) for row in await DB.fetch("SELECT * FROM audit")]
    assert len(told) >= 3
    assert not any("secret" in line or secret in line for line in told)
