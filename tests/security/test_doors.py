"""Every route and every socket, for everybody who has no business there."""

from __future__ import annotations

from typing import Any

import pytest
from litestar import Litestar, get
from litestar.connection import ASGIConnection
from litestar.routes import HTTPRoute, WebSocketRoute

from tests.test_web import BODIES, filled, operations, parts
from tests.web_site import Person, Site
from vori.app import Vori
from vori.clock import SystemClock
from vori.data.engine import DB
from vori.errors import Forbidden, NotSignedIn
from vori.people.auth import principal_of
from vori.people.messages import Role, Scope
from vori.people.rules import RULES, Needs
from vori.settings import Settings
from vori.web import build

pytestmark = pytest.mark.filterwarnings(
    "ignore::litestar.exceptions.LitestarDeprecationWarning"  # how parameters are declared
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Litestar:
    """The application as `vori serve` builds it, with every worker's routes."""
    settings = Settings(home=str(tmp_path_factory.mktemp("home")))
    return Vori(settings, SystemClock()).app()


def names_of(app: Litestar) -> tuple[set[str], set[str]]:
    """Routes that are closed, and those that are open."""
    closed, opened = set(), set()
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                if method not in ("OPTIONS", "HEAD") and not route.path_format.startswith(
                    "/schema"
                ):
                    names = opened if handler.opt.get("open") else closed
                    names.add(f"{method} {route.path_format}")
        elif isinstance(route, WebSocketRoute):
            closed.add(f"WS {route.path_format}")
    return closed, opened


def test_every_route_has_a_rule_and_every_rule_a_route(whole: Litestar) -> None:
    closed, _ = names_of(whole)
    assert closed - RULES.keys() == set(), "write a rule for these in vori/people/rules.py"
    assert RULES.keys() - closed == set(), "these rules are for no route"


def test_what_is_open_to_everybody_is_this_and_nothing_else(whole: Litestar) -> None:
    _, opened = names_of(whole)
    # `/metrics` has a lock of its own: a token, or loopback only.
    assert opened - {"GET /metrics"} == {
        "GET /", "GET /{path}", "GET /health", "GET /health/live", "GET /health/ready",
        "GET /api/session", "POST /api/session", "DELETE /api/session",
        "POST /api/links", "POST /api/links/look",
        "GET /api/session/oidc", "GET /api/session/oidc/callback",
    }  # fmt: skip


def test_a_path_that_names_something_asks_whose_it_is() -> None:
    named = {
        "{meeting_id}": Needs.MEETING,
        "{ticket_id}": Needs.TICKET,
        "{proposal_id}": Needs.PROPOSAL,
    }
    for name, rule in RULES.items():
        for part, needs in named.items():
            if part in name and not name.startswith("WS "):
                assert rule.needs is needs, name
        if "{group_id}" in name:
            assert rule.needs in (Needs.MEMBER, Needs.GROUP_ADMIN), name
        if "/api/admin" in name:
            assert (rule.needs, rule.scope) == (Needs.OPERATOR, Scope.ADMIN), name
        if name.startswith(("PATCH", "DELETE", "PUT")):
            assert rule.scope in (Scope.WRITE, Scope.ADMIN), name


@pytest.mark.postgres
async def test_a_route_without_a_rule_is_closed_to_everybody(site: Site, mina: Person) -> None:
    @get("/api/forgotten")
    async def forgotten() -> str:
        return "secret"

    import httpx

    app = build(parts([]), route_handlers=[forgotten])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", headers=mina.client.headers
    ) as client:
        answer = await client.get("/api/forgotten")
    assert (answer.status_code, answer.json()["code"]) == (403, "no_rule")


@pytest.mark.postgres
async def test_a_token_does_nothing_outside_its_scopes(site: Site) -> None:
    mina = await site.person("Mina", role=Role.ADMIN)
    await DB.fetch("UPDATE users SET is_admin = true WHERE id = $1", mina.user_id)
    ids = await filled(site, mina)
    clients = {}
    for scope in Scope:
        made = (await mina.post("/api/tokens", json={"scopes": [scope.value]})).json()
        clients[scope] = await site.client(made["secret"])
    for method, path in operations(site.app):
        if method == "HEAD":
            continue
        rule = RULES[f"{method} {path}"]
        for scope, client in clients.items():
            if scope is rule.scope:
                continue
            answer = await client.request(
                method, path.format(**ids), json=BODIES.get(f"{method} {path}")
            )
            told = (answer.status_code, answer.json()["code"])
            assert told == (403, "missing_scope"), f"{scope} {method} {path}"


@pytest.mark.postgres
async def test_a_member_without_rights_and_a_user_who_is_no_administrator_are_refused(
    site: Site,
) -> None:
    mina = await site.person("Mina")
    jun = await site.person("Jun", mina.group_id)
    ids = await filled(site, mina)
    walked = 0
    for method, path in operations(site.app):
        if method == "HEAD":
            continue
        rule = RULES[f"{method} {path}"]
        if rule.needs not in (Needs.GROUP_ADMIN, Needs.OPERATOR):
            continue
        walked += 1
        body = BODIES.get(f"{method} {path}")
        answer = await jun.request(method, path.format(**ids), json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), f"{method} {path}"
    assert walked >= 9


@pytest.mark.postgres
async def test_sockets_ask_who_it_is_and_what_the_token_is_for(
    site: Site, whole: Litestar, mina: Person
) -> None:
    whole.state.sign_in = site.app.state.sign_in
    narrow = (await mina.post("/api/tokens", json={"scopes": ["write"]})).json()["secret"]
    sockets = [name.removeprefix("WS ") for name in RULES if name.startswith("WS ")]
    assert len(sockets) >= 4
    for template in sockets:
        handler = next(
            route.route_handler
            for route in whole.routes
            if isinstance(route, WebSocketRoute) and route.path_format == template
        )

        def socket(query: str) -> ASGIConnection[Any, Any, Any, Any]:
            scope: Any = {
                "type": "websocket",
                "headers": [(b"host", b"vori.example")],
                "query_string": query.encode(),
                "litestar_app": whole,
                "route_handler": handler,  # noqa: B023
                "path_template": template,  # noqa: B023
                "state": {},
            }
            return ASGIConnection(scope)

        for query in ("", "token=vori_" + "a" * 43, "pass=nothing"):
            with pytest.raises(NotSignedIn):
                await principal_of(socket(query))
        with pytest.raises(Forbidden) as refused:
            await principal_of(socket(f"token={narrow}"))
        assert refused.value.code == "missing_scope", template
        secret = mina.client.headers["authorization"].removeprefix("Bearer ")
        assert (await principal_of(socket(f"token={secret}"))).user_id == mina.user_id


@pytest.mark.postgres
async def test_the_audit_log_tells_who_saw_changed_exported_and_deleted(site: Site) -> None:
    mina = await site.person("Mina")
    ids = await filled(site, mina)
    path = f"/api/meetings/{ids['meeting_id']}"
    for _ in range(3):
        await mina.get(f"{path}/transcript")
    await mina.get(f"{path}/export?format=md")
    await mina.patch(path, json={"title": "secret plan"})
    await (await site.person("Ada")).get(f"{path}/transcript")
    await mina.delete(path)

    assert (await mina.get("/api/admin/audit")).status_code == 403
    await DB.fetch("UPDATE users SET is_admin = true WHERE id = $1", mina.user_id)
    answer = await mina.get(f"/api/admin/audit?meetingId={ids['meeting_id']}")
    told = [entry["action"] for entry in reversed(answer.json()["items"])]
    assert told == ["transcript.seen", "meeting.exported", "meeting.changed", "meeting.deleted"]
    [entry] = [e for e in answer.json()["items"] if e["action"] == "meeting.exported"]
    assert (entry["userId"], entry["name"], entry["via"]) == (mina.user_id, "Mina", "token")
    assert (entry["groupId"], entry["address"]) == (mina.group_id, "127.0.0.1")
    assert "secret" not in answer.text
