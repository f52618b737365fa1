from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from litestar.routes import HTTPRoute
from structlog.testing import capture_logs

from tests.web_site import Person, Site, make_recording, say
from vori.clock import SystemClock
from vori.data.engine import DB
from vori.errors import Busy, Unavailable
from vori.people.auth import SignIn
from vori.web import Parts, build
from vori.worker import Health, State

PROBLEM = "application/problem+json"


async def nobody(*_: object) -> Any:
    raise AssertionError("not to be called")


def parts(workers: list[Any], *, draining: bool = False) -> Parts:
    clock = SystemClock()
    return Parts(
        clock=clock,
        sign_in=SignIn(clock=clock),
        end_meeting=nobody,
        audio_file=nobody,
        delete_sound=nobody,
        write_minutes=nobody,
        workers=workers,
        is_draining=lambda: draining,
    )


def client_of(app: Litestar) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


class Stub:
    """A worker in a given state."""

    def __init__(self, name: str, state: State, message: str = "") -> None:
        self.name = name
        self._health = Health(state=state, message=message)

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        raise NotImplementedError

    def health(self) -> Health:
        return self._health


@pytest.mark.parametrize(
    ("states", "draining", "overall", "health", "ready"),
    [
        ([], False, "ok", 200, 200),
        ([State.OK, State.OK], False, "ok", 200, 200),
        ([State.OK, State.DEGRADED], False, "degraded", 200, 200),
        ([State.DOWN, State.DEGRADED], False, "down", 503, 503),
        ([State.OK], True, "ok", 200, 503),
    ],
)
async def test_health_is_the_worst_worker_s(
    states: list[State], draining: bool, overall: str, health: int, ready: int
) -> None:
    workers = [Stub(f"w{n}", state, "because") for n, state in enumerate(states)]
    async with client_of(build(parts(workers, draining=draining))) as client:
        answer = await client.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (health, overall)
        assert {w["state"] for w in answer.json()["workers"].values()} == set(states)
        assert (await client.get("/health/ready")).status_code == ready
        assert (await client.get("/health/live")).json() == {"status": "ok"}


async def test_an_unforeseen_error_tells_nothing_of_the_inside_and_is_logged_once() -> None:
    @get("/api/broken", opt={"open": True})
    async def broken() -> None:
        raise RuntimeError("secret detail")

    app = build(parts([]), route_handlers=[broken])
    async with client_of(app) as client:
        with capture_logs() as logs:
            answer = await client.get("/api/broken", headers={"X-Request-ID": "abc-1"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["content-type"] == PROBLEM
    assert "secret" not in answer.text
    failures = [entry for entry in logs if entry["log_level"] == "error"]
    assert [entry["request_id"] for entry in failures] == ["abc-1"]
    assert str(failures[0]["exc_info"]) == "secret detail"


async def test_a_route_that_forgets_to_ask_for_a_token_stays_closed() -> None:
    @get("/api/forgotten")
    async def forgotten() -> str:
        return "secret"

    async with client_of(build(parts([]), route_handlers=[forgotten])) as client:
        answer = await client.get("/api/forgotten")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


async def test_a_busy_part_says_when_to_come_back() -> None:
    @get("/api/busy", opt={"open": True})
    async def busy() -> None:
        raise Busy("full", retry_after_ms=2_500)

    @get("/api/away", opt={"open": True})
    async def away() -> None:
        raise Unavailable("no disk", code="disk_full")

    async with client_of(build(parts([]), route_handlers=[busy, away])) as client:
        answer = await client.get("/api/busy")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
        answer = await client.get("/api/away")
        assert (answer.status_code, answer.json()["code"]) == (503, "disk_full")
        assert int(answer.headers["retry-after"]) > 0


async def test_what_is_not_there_is_a_problem_too() -> None:
    async with client_of(build(parts([]))) as client:
        answer = await client.get("/api/nothing/here")
        assert (answer.status_code, answer.json()["code"]) == (404, "no_route")
        answer = await client.put("/api/meetings")
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert "GET" in answer.headers["allow"]
        assert answer.headers["content-type"] == PROBLEM


async def test_every_answer_carries_its_id_and_security_headers() -> None:
    async with client_of(build(parts([]))) as client:
        for path in ("/health", "/api/nothing", "/api/meetings", "/schema"):
            answer = await client.get(path)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'self'" in answer.headers["content-security-policy"]
            assert answer.headers["x-request-id"]
        kept = await client.get("/health", headers={"X-Request-ID": "from-proxy.7"})
        assert kept.headers["x-request-id"] == "from-proxy.7"
        replaced = await client.get("/health", headers={"X-Request-ID": "no spaces\ttabs"})
        assert replaced.headers["x-request-id"] != "no spaces\ttabs"


async def test_the_api_describes_itself_without_the_internet() -> None:
    async with client_of(build(parts([]))) as client:
        page = await client.get("/schema")
        assert page.status_code == 200
        assert "://" not in page.text
        for path in ("start.js", "assets/swagger-ui-bundle.js", "assets/swagger-ui.css"):
            assert f"/schema/{path}" in page.text
            assert (await client.get(f"/schema/{path}")).status_code == 200
        described = (await client.get("/schema/openapi.json")).json()
    assert described["openapi"].startswith("3.1")
    assert described["security"] == [{"token": []}, {"session": []}]
    for path in described["paths"].values():
        for operation in path.values():
            assert operation.get("summary")
    change = described["components"]["schemas"]["TicketChange"]["properties"]
    assert {"title", "assigneeId", "status", "version"} <= set(change)
    query = described["paths"]["/api/tickets"]["get"]["parameters"]
    assert {"groupId", "meetingId", "assigneeId", "dueBefore", "cursor"} <= {
        p["name"] for p in query
    }


@pytest.mark.postgres
async def test_bodies_that_cannot_be_read_are_refused(mina: Person) -> None:
    deep = b"[" * 10_000 + b"]" * 10_000
    cases: list[tuple[bytes, int, str]] = [
        (b"", 400, "bad_request"),
        (b"null", 400, "bad_request"),
        (b"[]", 400, "bad_request"),
        (b"7", 400, "bad_request"),
        (b'"text"', 400, "bad_request"),
        (b"{", 400, "bad_json"),
        (b"title=x", 400, "bad_json"),
        (b'{"title": "x"} {}', 400, "bad_json"),
        (b"\xff\xfe{\x00}\x00", 400, "bad_json"),
        (deep, 400, "too_deep"),
        (b'{"title": ' + deep + b"}", 400, "too_deep"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "too_deep"),
        (b'{"title": "a\\u0000b"}', 400, "bad_text"),
        (b'{"title": "a\\ud800b"}', 400, "bad_text"),
        (b'{"title": "\\udc00"}', 400, "bad_text"),
        (b'{"title": "\xed\xa0\x80"}', 400, "bad_text"),
        (b'{"a\\u0000": 1}', 400, "bad_text"),
        (b'{"title": "' + b"x" * 100_000 + b'"}', 413, "too_large"),
    ]
    for body, status, code in cases:
        for path in ("/api/tickets", "/api/meetings", "/api/groups", "/api/tokens"):
            answer = await mina.post(path, content=body)
            assert (answer.status_code, answer.json()["code"]) == (status, code), body[:40]
            assert answer.headers["content-type"] == PROBLEM
    smile = await mina.post("/api/groups", content=b'{"name": "\\ud83d\\ude00"}')
    assert (smile.status_code, smile.json()["name"]) == (201, "\N{GRINNING FACE}")


@pytest.mark.postgres
async def test_a_body_that_grows_over_the_limit_is_cut_off(mina: Person) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'{"title": "'
        for _ in range(200):
            yield b"x" * 1_000

    answer = await mina.client.post("/api/tickets", content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.postgres
async def test_while_the_database_is_away_requests_are_told_to_come_back(
    site: Site, mina: Person, database: str
) -> None:
    await DB.close()
    answer = await mina.get("/api/meetings")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_away")
    assert int(answer.headers["retry-after"]) > 0
    assert (await mina.get("/health")).status_code == 200
    await DB.open(database)
    assert (await mina.get("/api/meetings")).status_code == 200


# ------------------------------------------------------------------ every route


def operations(app: Litestar) -> list[tuple[str, str]]:
    """Method and path of every HTTP route but those that are open to everyone."""
    return [
        (str(method), route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute) and not route.path_format.startswith(("/health", "/schema"))
        for method, (handler, _) in sorted(route.route_handler_map.items())
        if method != "OPTIONS" and not handler.opt.get("open")
    ]


async def filled(site: Site, owner: Person) -> dict[str, str]:
    """One thing of each kind that belongs to `owner`."""
    body = {"groupId": owner.group_id}
    meeting_id = (await owner.post("/api/meetings", json=body)).json()["meetingId"]
    await say(await make_recording(meeting_id, owner.group_id), "secret words", at_ms=0, seq=0)
    (site.folder / f"{meeting_id}-first.wav").write_bytes(b"secret sound")
    ticket = await owner.post("/api/tickets", json={"title": "secret title", **body})
    [token] = (await owner.get("/api/tokens")).json()
    return {
        "group_id": str(owner.group_id),
        "user_id": str(owner.user_id),
        "meeting_id": str(meeting_id),
        "ticket_id": ticket.json()["ticketId"],
        "token_id": str(token["tokenId"]),
        "session_id": "1",
        "proposal_id": str(await propose(owner.group_id, meeting_id)),
    }


async def propose(group_id: int, meeting_id: int) -> int:
    draft = {"title": "secret plan", "content": "", "status": "TODO", "assigneeId": None,
             "due": None}  # fmt: skip
    receipt = {"quote": "secret words", "captionIds": [], "startMs": 0, "endMs": 0,
               "engine": "local", "confidence": 0.5, "reason": ""}  # fmt: skip
    rows = await DB.fetch(
        "INSERT INTO proposals (group_id, meeting_id, kind, payload, receipt)"
        " VALUES ($1, $2, 'create', $3, $4) RETURNING id",
        group_id,
        meeting_id,
        {"before": {}, "after": draft, "origin": {"captionIds": [], "title": "", "status": "TODO"}},
        receipt,
    )
    return int(rows[0]["id"])


BODIES: dict[str, dict[str, object]] = {
    "POST /api/groups/{group_id}/members": {"email": "x@example.org"},
    "PATCH /api/groups/{group_id}/members/{user_id}": {"role": "MEMBER"},
    "PATCH /api/groups/{group_id}": {"name": "x"},
    "PATCH /api/meetings/{meeting_id}": {"title": "x"},
    "PATCH /api/meetings/{meeting_id}/minutes": {"markdown": "x"},
    "POST /api/meetings/{meeting_id}/minutes": {"replace": True},
    "PATCH /api/tickets/{ticket_id}": {"title": "x"},
    "PATCH /api/admin/users/{user_id}": {"isDisabled": True},
}
NO_BODY = ("end", "undo", "accept", "dismiss", "link", "reread")


@pytest.mark.postgres
async def test_without_a_token_every_route_is_closed(site: Site) -> None:
    ids = await filled(site, await site.person("Mina"))
    anyone = await site.client()
    assert len(operations(site.app)) >= 42
    for method, path in operations(site.app):
        answer = await anyone.request(method, path.format(**ids))
        assert answer.status_code == 401, f"{method} {path}"
        assert "secret" not in answer.text


@pytest.mark.postgres
async def test_a_stranger_finds_nothing_of_another_group(site: Site) -> None:
    mina, stranger = await site.person("Mina"), await site.person("Ada")
    ids = await filled(site, mina)
    await stranger.get("/api/users/me")  # when they were seen is noted once
    before = await everything()
    walked = 0
    for method, path in operations(site.app):
        if "{" not in path:
            continue
        walked += 1
        body = BODIES.get(f"{method} {path}")
        assert body is not None or method not in ("POST", "PATCH") or path.endswith(NO_BODY)
        answer = await stranger.request(method, path.format(**ids), json=body)
        expected = 403 if path.startswith("/api/admin/") else 404
        assert answer.status_code == expected, f"{method} {path}: {answer.text}"
        assert "secret" not in answer.text
    assert walked >= 30
    for path, ours in (
        (f"/api/meetings?groupId={mina.group_id}", {}),
        (f"/api/tickets?groupId={mina.group_id}", {}),
        (f"/api/proposals?groupId={mina.group_id}", {}),
        ("/api/meetings", {"groupId": mina.group_id}),
        ("/api/tickets", {"title": "t", "groupId": mina.group_id}),
        ("/api/tickets", {"title": "t", "meetingId": int(ids["meeting_id"])}),
    ):
        method = "POST" if ours else "GET"
        answer = await stranger.request(method, path, json=ours or None)
        assert answer.status_code == 404, f"{method} {path}"
    for path in ("/api/meetings", "/api/tickets", f"/api/tickets?meetingId={ids['meeting_id']}",
                 "/api/proposals", f"/api/proposals?meetingId={ids['meeting_id']}"):  # fmt: skip
        assert (await stranger.get(path)).json()["items"] == []
    assert await everything() == before


async def everything() -> list[list[str]]:
    tables = ("groups", "users", "members", "meetings", "minutes", "tickets", "ticket_history",
              "captions", "outbox", "proposals")  # fmt: skip
    return [
        sorted(row["row"] for row in await DB.fetch(f"SELECT t::text AS row FROM {table} t"))
        for table in tables
    ]


@pytest.mark.postgres
async def test_ids_out_of_range_are_refused_everywhere(site: Site, mina: Person) -> None:
    ids = await filled(site, mina)
    for method, path in operations(site.app):
        for name in ("group_id", "user_id", "meeting_id", "token_id", "proposal_id"):
            if f"{{{name}}}" not in path:
                continue
            for wrong in ("0", "-1", str(2**63), "9" * 40, "9" * 5_000, "x", "1.5", "%00"):
                answer = await mina.request(
                    method,
                    path.format(**ids | {name: wrong}),
                    json=BODIES.get(f"{method} {path}"),
                )
                refused = (400, 403, 404) if path.startswith("/api/admin/") else (400, 404)
                assert answer.status_code in refused, f"{method} {path} {wrong[:40]}"
