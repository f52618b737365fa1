"""The web application: every error as a problem (RFC 9457), health, the API's description.

Nothing is open unless its route says `opt={"open": True}`: a gate in front of all HTTP routes
asks who it is and goes by the table in `people/rules.py`. WebSocket handlers ask `people.auth.principal_of` themselves, so that they can
answer in-band.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from http import HTTPStatus
from pathlib import Path
from typing import Any

import litestar
import msgspec
from litestar import Litestar, MediaType, Response, Router, get
from litestar.config.cors import CORSConfig
from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders, State
from litestar.di import Provide
from litestar.enums import ParamType, ScopeType
from litestar.exceptions import HTTPException, ValidationException
from litestar.middleware import ASGIMiddleware
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, OpenAPI, SecurityScheme, Tag
from litestar.static_files import create_static_files_router
from litestar.types import ASGIApp, ControllerRouterHandler, Message, Receive, Scope, Send
from msgspec import Struct
from structlog.contextvars import bind_contextvars

import vori
from vori import log
from vori.analytics.routes import AnalyticsRoutes
from vori.api import Request, check_text
from vori.clock import Clock
from vori.errors import Busy, NotSignedIn, TooMany, Unavailable, VoriError
from vori.ids import uuid7
from vori.meetings.blockers import meeting_blockers
from vori.meetings.export import MEDIA_TYPES
from vori.meetings.routes import (
    AudioFile,
    DeleteSound,
    EndMeeting,
    MeetingRoutes,
    WriteMinutes,
)
from vori.metrics import Metrics, read_metrics
from vori.notices.routes import list_notices, read_notices
from vori.people.admin_routes import AdminUserRoutes
from vori.people.audit import Audit, AuditRoutes
from vori.people.auth import SignIn, principal_of
from vori.people.limits import Rates, Sockets, address_of
from vori.people.messages import Principal
from vori.people.routes import GroupRoutes, TokenRoutes, UserRoutes
from vori.people.rules import require, rule_of
from vori.people.session_routes import LinkRoutes, MySessionRoutes, SessionRoutes, make_pass
from vori.search.routes import search
from vori.settings import Limits
from vori.tickets.routes import (
    ProposalRoutes,
    TicketRoutes,
    group_usage,
    meeting_reading,
    meeting_tickets,
    undo_meeting_changes,
)
from vori.worker import Health, Worker
from vori.worker import State as WorkerState

_log = log.get(__name__)

PROBLEM = "application/problem+json"
RETRY_AFTER_S = 2
HSTS_S = 365 * 86_400
"""Whoever came by TLS comes by TLS for a year."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(self)",
    "content-security-policy": (
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:;"
        " media-src 'self' blob:; worker-src 'self' blob:; style-src 'self' 'unsafe-inline';"
        " object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}
_CODES = {
    400: "bad_request",
    404: "no_route",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}


class Parts(Struct, frozen=True, kw_only=True):
    """What the routes are given."""

    clock: Clock
    sign_in: SignIn
    end_meeting: EndMeeting
    audio_file: AudioFile
    delete_sound: DeleteSound
    write_minutes: WriteMinutes
    workers: Sequence[Worker] = ()
    is_draining: Callable[[], bool] = lambda: False
    limits: Limits = Limits()
    cors_origins: Sequence[str] = ()
    open_metrics: bool = False
    remove_sound: Callable[[], Awaitable[int]] | None = None
    """Removes from this home what the database says is deleted."""


def operating_routes() -> list[ControllerRouterHandler]:
    """What every process answers, also one without the worker `web`."""
    return [health, live, ready, read_metrics]


def routes() -> list[ControllerRouterHandler]:
    """Every HTTP route of the API, to be given to `build`."""
    return [
        MeetingRoutes,
        meeting_tickets,
        meeting_blockers,
        search,
        list_notices,
        read_notices,
        undo_meeting_changes,
        meeting_reading,
        group_usage,
        TicketRoutes,
        ProposalRoutes,
        GroupRoutes,
        UserRoutes,
        TokenRoutes,
        AnalyticsRoutes,
        SessionRoutes,
        MySessionRoutes,
        AuditRoutes,
        LinkRoutes,
        make_pass,
        AdminUserRoutes,
        *operating_routes(),
    ]


def build(
    parts: Parts,
    *,
    route_handlers: Sequence[ControllerRouterHandler] = (),
    with_api: bool = True,
    max_body_bytes: int = 16 * 1024 * 1024,
    **options: Any,
) -> Litestar:
    """The application: `routes()`, what `route_handlers` adds, and what all of them rely on.

    Without the API there are only the routes of operators. `options` go to Litestar (lifespan, static files …).
    """
    return Litestar(
        route_handlers=[*routes(), *route_handlers] if with_api else operating_routes(),
        dependencies={
            "principal": Provide(_principal),
            "clock": _given(parts.clock),
            "doors": _given(parts.sign_in),
            "end_meeting": _given(parts.end_meeting),
            "audio_file": _given(parts.audio_file),
            "delete_sound": _given(parts.delete_sound),
            "write_minutes": _given(parts.write_minutes),
        },
        state=State(
            {
                "parts": parts,
                "sign_in": parts.sign_in,
                "audit": Audit(parts.clock),
                "rates": Rates(parts.clock, parts.limits),
                "sockets": Sockets(parts.limits),
                "metrics": Metrics(),
                "max_body_bytes": max_body_bytes,
            }
        ),
        middleware=[Gate(), SocketGate(), *options.pop("middleware", ())],
        exception_handlers={
            VoriError: _vori_problem,
            HTTPException: _http_problem,
            Exception: _unforeseen_problem,
        },
        before_send=[_finish_headers],
        cors_config=_cors(parts.cors_origins),
        request_class=Request,
        request_max_body_size=max_body_bytes,
        openapi_config=_description() if with_api else None,
        logging_config=None,
        **options,
    )


def _cors(origins: Sequence[str]) -> CORSConfig | None:
    """Closed, but for pages of `origins` that hold a token; cookies never go across."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_headers=["authorization", "content-type", "x-request-id"],
        allow_methods=["GET", "POST", "PATCH", "DELETE", "HEAD"],
        expose_headers=["x-request-id", "retry-after"],
        allow_credentials=False,
        max_age=600,
    )


def _given(part: Any) -> Provide:
    return Provide(lambda: part, sync_to_thread=False)


class Gate(ASGIMiddleware):
    """In front of every HTTP route: text in the URL is checked, somebody signed in, and may do
    what the table in `people/rules.py` says; what was done is noted in the audit log.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        bind_contextvars(request_id=request_id(scope))
        scope["state"]["started"] = time.perf_counter()
        request = Request(scope)
        check_text(
            [scope["path"], *(t for pair in request.query_params.multi_items() for t in pair)]
        )
        if scope["route_handler"].opt.get("open"):
            await next_app(scope, receive, send)
            return
        rates: Rates = scope["litestar_app"].state.rates
        rates.may_come(address_of(request))
        try:
            principal = await principal_of(request)
        except NotSignedIn:
            rates.stranger(address_of(request))
            raise
        rates.by_user(principal.user_id)
        group_id = await require(principal, scope)
        rule = rule_of(scope)
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await next_app(scope, receive, watch if rule.audit else send)
        if rule.audit and 200 <= status < 400:
            audit: Audit = scope["litestar_app"].state.audit
            await audit.note_request(request, principal, rule.audit, rule.scope, group_id=group_id)


class SocketGate(ASGIMiddleware):
    """In front of every WebSocket: there must be room for one more.

    Who it is, and what they may, handlers ask of `principal_of`, to answer in-band; it counts
    the user's sockets by what is put into the connection's state here.
    """

    scopes = (ScopeType.WEBSOCKET,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        sockets: Sockets = scope["litestar_app"].state.sockets
        users: set[int] = set()

        def enter(user_id: int) -> None:
            if user_id not in users:
                sockets.enter(user_id)
                users.add(user_id)

        try:
            with sockets.counted(address_of(ASGIConnection(scope))):
                scope["state"]["entered_socket"] = enter
                await next_app(scope, receive, _noting(scope, send))
        except TooMany as exc:
            with suppress(OSError):  # the client has gone: uvicorn's ClientDisconnected
                await _no_room(scope, receive, send, exc)
        finally:
            for user_id in users:
                sockets.leave(user_id)


def _noting(scope: Scope, send: Send) -> Send:
    """Note who opened the socket, with the first word they get once it is known who they are."""
    noted = False

    async def watch(message: Message) -> None:
        nonlocal noted
        principal: Principal | None = scope["state"].get("principal")
        if not noted and principal is not None and message["type"] == "websocket.send":
            noted = True
            rule, app = rule_of(scope), scope["litestar_app"]
            if rule.audit:
                audit: Audit = app.state.audit
                await audit.note_request(
                    ASGIConnection(scope), principal, rule.audit, rule.scope, group_id=None
                )
        await send(message)

    return watch


async def _no_room(scope: Scope, receive: Receive, send: Send, error: TooMany) -> None:
    """Answer the handshake with 429, or where the server cannot, refuse it."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 4429, "reason": error.code})
        return
    wait_s = str(max(1, -(-error.retry_after_ms // 1000)))
    start: Any = {
        "type": "websocket.http.response.start",
        "status": error.status,
        "headers": [(b"retry-after", wait_s.encode()), (b"content-type", PROBLEM.encode())],
    }
    body = {"status": error.status, "code": error.code, "detail": error.message}
    end: Any = {
        "type": "websocket.http.response.body",
        "body": msgspec.json.encode(body),
        "more_body": False,
    }
    await send(start)
    await send(end)


def request_id(scope: Scope) -> str:
    """The id that log lines and problems share: the client's `X-Request-ID`, or a new one."""
    known: str | None = scope["state"].get("request_id")
    if known is None:
        sent = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        known = sent if _REQUEST_ID.fullmatch(sent) else uuid7().hex
        scope["state"]["request_id"] = known
    return known


def problem(
    request: litestar.Request[Any, Any, Any],
    status: int,
    code: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Response[dict[str, Any]]:
    """An error as RFC 9457 describes it, with the stable `code` and the request's id."""
    body = {
        "type": f"urn:vori:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "requestId": request_id(request.scope),
    }
    return Response(body | more, status_code=status, media_type=PROBLEM, headers=headers)


def _vori_problem(request: litestar.Request[Any, Any, Any], exc: VoriError) -> Response[Any]:
    if exc.status == 500:
        return _unforeseen_problem(request, exc)
    headers = {}
    if isinstance(exc, NotSignedIn):
        headers["www-authenticate"] = "Bearer"
    elif isinstance(exc, Busy | TooMany):
        headers["retry-after"] = str(max(1, -(-exc.retry_after_ms // 1000)))
    elif isinstance(exc, Unavailable):
        headers["retry-after"] = str(RETRY_AFTER_S)
        _log.warning("a part is away", code=exc.code, error=exc.message)
    ids = {name: value if isinstance(value, int) else str(value) for name, value in exc.ids.items()}
    return problem(request, exc.status, exc.code, exc.message, headers=headers, **ids)


def _http_problem(request: litestar.Request[Any, Any, Any], exc: HTTPException) -> Response[Any]:
    status = exc.status_code
    if status >= 500:
        return _unforeseen_problem(request, exc)
    code = _CODES.get(status, HTTPStatus(status).phrase.lower().replace(" ", "_"))
    more: dict[str, Any] = {}
    detail = exc.detail
    if status == 404:
        detail = f"There is nothing at {request.scope['path'][:200]}."
    elif status == 405:
        detail = f"{request.method} is not for this path."
    elif status == 413:
        detail = f"The body is larger than {request.app.state.max_body_bytes} bytes."
    elif isinstance(exc, ValidationException) and isinstance(exc.extra, list):
        code = "bad_request"
        more["errors"] = errors = [_field_error(dict(one)) for one in exc.extra]
        detail = "; ".join(f"{e['field']}: {e['message']}" for e in errors) or detail
    headers = {k.lower(): v for k, v in (exc.headers or {}).items()}
    return problem(request, status, code, detail, headers=headers, **more)


_NAMED_FIELD = re.compile(r"(?:unknown|required) field `([^`]*)`")


def _field_error(error: dict[str, Any]) -> dict[str, str]:
    """One wrong value of a request: which field, where, and what is wrong with it."""
    message = str(error.get("message", "wrong"))
    where = error.get("source", "body")
    field = str(error.get("key", "data"))
    named = _NAMED_FIELD.search(message)
    if named:
        field = named[1] if field == "data" else f"{field}.{named[1]}"
    elif field == "data":
        field = "body"
        if message == "'data'":
            message = "A JSON object is needed"
    if isinstance(where, ParamType):
        head, *tail = field.split("_")
        field = head + "".join(part.title() for part in tail)
        where = where.value
    return {"field": field, "in": str(where), "message": message}


def _unforeseen_problem(request: litestar.Request[Any, Any, Any], exc: Exception) -> Response[Any]:
    _log.error(
        "request failed",
        method=request.method,
        path=request.scope["path"],
        request_id=request_id(request.scope),
        exc_info=exc,
    )
    return problem(request, 500, "internal", "Something went wrong here; it has been logged.")


async def _principal(scope: Scope) -> Principal:
    return await principal_of(ASGIConnection(scope))


async def _finish_headers(message: Message, scope: Scope) -> None:
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders(message)
    headers["x-request-id"] = request_id(scope)
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if scope.get("scheme") == "https":
        headers.setdefault("strict-transport-security", f"max-age={HSTS_S}")
    if scope["path"].startswith("/api"):
        headers.setdefault("cache-control", "no-store")
    started = scope["state"].get("started")
    if started is not None and scope["type"] == ScopeType.HTTP:
        _log.debug(
            "answered",
            method=scope["method"],
            path=scope["path"],
            status=message["status"],
            duration_ms=round(1000 * (time.perf_counter() - started), 1),
        )


class HealthReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """`status` is the worst of the workers'."""

    status: WorkerState
    version: str
    draining: bool
    workers: dict[str, Health]


@get("/health", opt={"open": True}, tags=["health"], security=[{}], summary="How every worker is")
async def health(state: State) -> Response[HealthReport]:
    report = _report(state["parts"])
    return Response(report, status_code=503 if report.status is WorkerState.DOWN else 200)


@get("/health/live", opt={"open": True}, tags=["health"], security=[{}], summary="Alive at all")
async def live() -> dict[str, str]:
    return {"status": "ok"}


@get("/health/ready", opt={"open": True}, tags=["health"], security=[{}], summary="Send work here")
async def ready(state: State) -> Response[HealthReport]:
    report = _report(state["parts"])
    away = report.draining or report.status is WorkerState.DOWN
    return Response(report, status_code=503 if away else 200)


def _report(parts: Parts) -> HealthReport:
    workers = {worker.name: worker.health() for worker in parts.workers}
    states = {health.state for health in workers.values()}
    worst = next(
        s
        for s in (WorkerState.DOWN, WorkerState.DEGRADED, WorkerState.OK)
        if s in states | {WorkerState.OK}
    )
    return HealthReport(
        status=worst, version=vori.__version__, draining=parts.is_draining(), workers=workers
    )


class _SwaggerPage(OpenAPIRenderPlugin):
    """Swagger UI out of the installed package, so that it works without the internet."""

    def __init__(self) -> None:
        super().__init__(path="/swagger", media_type=MediaType.HTML)

    def render(
        self, request: litestar.Request[Any, Any, Any], openapi_schema: dict[str, Any]
    ) -> bytes:
        return _PAGE

    def receive_router(self, router: Router) -> None:
        from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]

        router.register(create_static_files_router("/assets", directories=[Path(swagger_ui_path)]))
        router.register(_start_script)


_PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>VORI API</title>
<link rel="icon" type="image/png" href="/schema/assets/favicon-32x32.png">
<link rel="stylesheet" href="/schema/assets/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="/schema/assets/swagger-ui-bundle.js"></script>
<script src="/schema/start.js"></script>
</body>
</html>
"""

_START = """SwaggerUIBundle({
  url: "/schema/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""


@get("/start.js", media_type="text/javascript", include_in_schema=False)
async def _start_script() -> str:
    return _START


class _Described(OpenAPI):
    """The document with VORI's errors in place of Litestar's, which nobody is ever told."""

    def to_schema(self) -> dict[str, Any]:
        schema = super().to_schema()
        schema["components"]["schemas"]["Problem"] = _PROBLEM_SCHEMA
        for path, operations in schema["paths"].items():
            error = {"application/json": _OPENAI_ERROR} if path.startswith("/v1/") else _PROBLEMS
            for operation in operations.values():
                answers = operation["responses"]
                answers.pop("400", None)
                answers.get("204", {}).pop("content", None)
                if path == "/api/meetings/{meeting_id}/export":
                    answers["200"]["content"] = {
                        kind.partition(";")[0]: {"schema": {}} for kind in MEDIA_TYPES.values()
                    }
                answers["4XX"] = {
                    "description": "What is wrong with the request; `code` names it.",
                    "content": error,
                }
                answers["503"] = {
                    "description": "Something VORI needs is away or has no room; try again.",
                    "content": error,
                }
        return schema


_PROBLEMS = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_OPENAI_ERROR = {
    "schema": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "properties": {
                    "message": {"type": "string"},
                    "type": {"type": "string"},
                    "param": {"type": ["string", "null"]},
                    "code": {"type": "string"},
                },
            }
        },
    }
}
"""What clients of OpenAI's convention expect."""
_PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "An error as RFC 9457 has it; some carry ids of what they are about.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "requestId"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "requestId": {"type": "string"},
    },
}


class _Config(OpenAPIConfig):
    def to_openapi_schema(self) -> OpenAPI:
        made = super().to_openapi_schema()
        return _Described(**{field.name: getattr(made, field.name) for field in fields(made)})


def _description() -> OpenAPIConfig:
    page = _SwaggerPage()
    return _Config(
        title="VORI",
        version=vori.__version__,
        description="Meetings in, tracked work out. Errors are problems (RFC 9457) with a `code`.",
        components=Components(
            security_schemes={
                "token": SecurityScheme(type="http", scheme="bearer", description="`vori_…`"),
                "session": SecurityScheme(
                    type="apiKey", name="vori_session", security_scheme_in="cookie"
                ),
            }
        ),
        security=[{"token": []}, {"session": []}],
        tags=[
            Tag(name=name)
            for name in (
                "meetings",
                "speech",
                "tickets",
                "proposals",
                "search",
                "notices",
                "analytics",
                "groups",
                "users",
                "tokens",
                "session",
                "admin",
                "health",
            )
        ],
        render_plugins=[page],
        openapi_router=Router(
            "/schema", route_handlers=[], include_in_schema=False, opt={"open": True}
        ),
    )
