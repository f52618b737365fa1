"""Signing in and out of the page, one-time links, passwords, socket passes."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime
from typing import Annotated, Any

import litestar
import msgspec
from litestar import Controller, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.params import JSONBody, QueryParameter, SkipValidation
from msgspec import Meta, Struct

from vori.api import Language, Now, PathId, SignedIn, TimeZone, check_time_zone
from vori.data.engine import DB, transaction
from vori.errors import BadMessage, Forbidden, NotFound, NotSignedIn, VoriError
from vori.people import sessions, store
from vori.people.audit import Audit
from vori.people.auth import (
    Credential,
    SignIn,
    cookie_name,
    is_secure,
    principal_of,
    require_same_site,
)
from vori.people.limits import address_of
from vori.people.messages import (
    LinkInfo,
    LinkKind,
    Method,
    Pass,
    SessionInfo,
    SessionState,
    User,
)
from vori.people.oidc import Attempt, OpenIdConnect, local_path

ATTEMPT_S = 600
"""How long a sign-in may take at the provider."""
Doors = SkipValidation[SignIn]
"""How people sign in; given by `web.build`."""
Request = litestar.Request[Any, Any, Any]

Password = Annotated[str, Meta(min_length=1, max_length=1_000)]
LinkSecret = Annotated[str, Meta(min_length=1, max_length=200)]
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
Email = Annotated[str, Meta(min_length=3, max_length=320)]


class SignInRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    email: Email
    password: Password


class LinkLook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """`link` is what stands behind `#` in the link's path."""

    link: LinkSecret


class LinkUse(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The first admin gives `name` and `email`, and may name their first group."""

    link: LinkSecret
    password: Password
    name: Name | None = None
    email: Email | None = None
    language: Language | None = None
    time_zone: TimeZone | None = None
    group_name: Name | None = None


class PasswordChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    current: Password
    new: Password


class SessionRoutes(Controller):
    path = "/api/session"
    tags = ("session",)

    @get(
        opt={"open": True},
        security=[{}],
        summary="Whether anybody is signed in, and how one may sign in",
    )
    async def look(self, request: Request, doors: Doors) -> SessionState:
        try:
            principal = await principal_of(request)
        except (NotSignedIn, Forbidden):
            return await _state(doors, None)
        expires_at = (
            await sessions.session_expiry(principal.session_id) if principal.session_id else None
        )
        return await _state(doors, await store.user(principal.user_id), expires_at=expires_at)

    @post(
        opt={"open": True},
        security=[{}],
        status_code=200,
        summary="Sign in with address and password; sets the session's cookie",
    )
    async def sign_in(
        self, request: Request, doors: Doors, data: JSONBody[SignInRequest]
    ) -> Response[SessionState]:
        require_same_site(request)
        if not doors.rules.password:
            raise Forbidden("Passwords do not sign in here.", code="no_passwords")
        account, address = data.email.strip().lower(), address_of(request)
        doors.passwords.may_try(account, address)
        rows = await DB.fetch(
            "SELECT id, password_hash FROM users WHERE lower(email) = $1 AND disabled_at IS NULL",
            account,
        )
        stored = rows[0]["password_hash"] if rows else None
        if not await doors.passwords.verify(stored, data.password) or stored is None:
            await _audit(request).note_sign_in(
                request, rows[0]["id"] if rows else None, "sign_in.refused"
            )
            # One answer for every reason: guessing learns nothing.
            raise NotSignedIn("The address or the password is wrong.", code="wrong_password")
        doors.passwords.was_right(account, address)
        user_id = rows[0]["id"]
        if doors.passwords.is_old(stored):
            await DB.fetch(
                "UPDATE users SET password_hash = $2 WHERE id = $1 AND password_hash = $3",
                user_id,
                await doors.passwords.hash(data.password),
                stored,
            )
        return await signed_in(request, doors, await store.user(user_id), method="password")

    @delete(opt={"open": True}, security=[{}], status_code=204, summary="Sign this browser out")
    async def sign_out(self, request: Request, doors: Doors) -> Response[None]:
        require_same_site(request)
        cookie = request.cookies.get(cookie_name(request))
        if cookie:
            await sessions.end_by_secret(cookie)
        response: Response[None] = Response(None, status_code=204)
        response.set_cookie(_cookie(request, "", max_age=0))
        return response

    @get(
        "/oidc",
        opt={"open": True},
        security=[{}],
        status_code=302,
        summary="Go to the provider of identities to sign in; `next` is the path to come back to",
    )
    async def go_to_provider(
        self,
        request: Request,
        doors: Doors,
        next_path: Annotated[str, QueryParameter(name="next", max_length=500)] = "/",
    ) -> Response[None]:
        try:
            oidc = _oidc(doors)
            url, attempt = await oidc.start(redirect_uri=_callback(request), next_path=next_path)
        except VoriError as exc:
            return _told(request, exc)
        response: Response[None] = Response(None, status_code=302, headers={"location": url})
        kept = base64.urlsafe_b64encode(msgspec.json.encode(attempt)).decode()
        response.set_cookie(_cookie(request, kept, max_age=ATTEMPT_S, name=_attempt_name(request)))
        return response

    @get(
        "/oidc/callback",
        opt={"open": True},
        security=[{}],
        status_code=302,
        summary="Where the provider of identities sends the browser back to; signs in",
    )
    async def come_from_provider(
        self,
        request: Request,
        doors: Doors,
        code: Annotated[str | None, QueryParameter(max_length=4_000)] = None,
        given_state: Annotated[str | None, QueryParameter(name="state", max_length=500)] = None,
    ) -> Response[Any]:
        try:
            attempt, user = await _came_back(request, doors, code, given_state)
        except VoriError as exc:
            return _told(request, exc)
        signed = await signed_in(request, doors, user, method="oidc")
        response: Response[Any] = Response(
            None, status_code=302, headers={"location": local_path(attempt.next)}
        )
        for cookie in signed.cookies:
            response.set_cookie(cookie)
        response.set_cookie(_cookie(request, "", max_age=0, name=_attempt_name(request)))
        return response


class LinkRoutes(Controller):
    path = "/api/links"
    tags = ("session",)

    @post(
        "/look",
        opt={"open": True},
        security=[{}],
        status_code=200,
        summary="What a one-time link is for; it stays unused",
    )
    async def look(self, doors: Doors, data: JSONBody[LinkLook]) -> LinkInfo:
        return await sessions.look_at_link(data.link, at=doors.clock.now())

    @post(
        opt={"open": True},
        security=[{}],
        status_code=200,
        summary="Set the password that a one-time link allows; signs in",
    )
    async def follow(
        self, request: Request, doors: Doors, data: JSONBody[LinkUse]
    ) -> Response[SessionState]:
        require_same_site(request)
        info = await sessions.look_at_link(data.link, at=doors.clock.now())
        admin: dict[str, Any] | None = None
        email = info.email
        if info.kind is LinkKind.FIRST_ADMIN:
            if data.name is None or data.email is None:
                raise BadMessage("The first admin gives `name` and `email`.", code="no_name")
            email = store.check_email(data.email)
            admin = {"name": data.name.strip(), "email": email}
        changes: dict[str, Any] = {}
        if data.language is not None:
            changes["language"] = data.language
        if data.time_zone is not None:
            changes["time_zone"] = check_time_zone(data.time_zone)
        hashed = await doors.passwords.hash(doors.passwords.check(data.password, email=email))
        async with transaction():
            user = await sessions.follow_link(
                data.link,
                at=doors.clock.now(),
                hashed=hashed,
                admin=admin,
                group=data.group_name.strip() if data.group_name else None,
            )
            user = await store.change_user(user.user_id, changes)
        return await signed_in(request, doors, user, method="password")


class MySessionRoutes(Controller):
    path = "/api/users/me"
    tags = ("session",)

    @post("/password", status_code=204, summary="Change my password; other browsers sign out")
    async def change_password(
        self, request: Request, doors: Doors, principal: SignedIn, data: JSONBody[PasswordChange]
    ) -> None:
        user = await store.user(principal.user_id)
        account, address = (user.email or str(user.user_id)).lower(), address_of(request)
        doors.passwords.may_try(account, address)
        [row] = await DB.fetch("SELECT password_hash FROM users WHERE id = $1", user.user_id)
        if not await doors.passwords.verify(row["password_hash"], data.current):
            raise Forbidden("The current password is wrong.", code="wrong_password")
        doors.passwords.was_right(account, address)
        hashed = await doors.passwords.hash(doors.passwords.check(data.new, email=user.email))
        await sessions.set_password(
            user.user_id, hashed, at=doors.clock.now(), keep=principal.session_id
        )

    @get("/sessions", summary="Where I am signed in")
    async def list_sessions(self, doors: Doors, principal: SignedIn) -> list[SessionInfo]:
        return list(await sessions.sessions(principal, sign_in=doors))

    @delete("/sessions/{session_id:int}", summary="Sign a browser of mine out")
    async def end_session(self, principal: SignedIn, session_id: PathId) -> None:
        await sessions.end_session(principal.user_id, session_id)


@post("/api/passes", tags=["session"], summary="A pass that opens one WebSocket within 30 s")
async def make_pass(principal: SignedIn, clock: Now) -> Pass:
    return await sessions.make_pass(principal, at=clock.now())


async def signed_in(
    request: Request, doors: SignIn, user: User, *, method: str
) -> Response[SessionState]:
    """The answer that signs this browser in as `user`, and out of what it was before."""
    before = request.cookies.get(cookie_name(request))
    if before:
        await sessions.end_by_secret(before)
    secret, expires_at = await sessions.open_session(
        doors,
        user.user_id,
        method=method,
        agent=request.headers.get("user-agent", ""),
        address=address_of(request),
    )
    await _audit(request).note_sign_in(request, user.user_id, "session.opened")
    response = Response(await _state(doors, user, expires_at=expires_at))
    response.set_cookie(_cookie(request, secret, max_age=int(86_400 * doors.rules.session_days)))
    return response


def _audit(request: Request) -> Audit:
    audit: Audit = request.app.state.audit
    return audit


def _oidc(doors: SignIn) -> OpenIdConnect:
    if doors.oidc is None or not doors.oidc.is_for_pages:
        raise NotFound("No provider of identities is set; see oidc.issuer.", code="no_provider")
    return doors.oidc


async def _came_back(
    request: Request, doors: SignIn, code: str | None, given_state: str | None
) -> tuple[Attempt, User]:
    """Who the provider says has come, in the attempt that this browser began."""
    oidc = _oidc(doors)
    attempt = _attempt(request)
    if (
        attempt is None
        or not given_state
        or not code
        or not secrets.compare_digest(attempt.state.encode(), given_state.encode())
    ):
        raise NotSignedIn("This sign-in was not begun here; try again.", code="bad_sign_in")
    user_id = await oidc.finish(attempt, code=code, redirect_uri=_callback(request))
    await doors.principal(Credential(user_id=user_id))  # not disabled
    return attempt, await store.user(user_id)


def _told(request: Request, error: VoriError) -> Response[None]:
    """Browsers are shown on the page why nobody signed in; programs get the problem itself."""
    if "text/html" not in request.headers.get("accept", ""):
        raise error
    return Response(None, status_code=302, headers={"location": f"/?problem={error.code}"})


def _callback(request: Request) -> str:
    return f"{request.base_url}".rstrip("/") + "/api/session/oidc/callback"


def _attempt_name(request: Request) -> str:
    return "__Host-vori_oidc" if is_secure(request) else "vori_oidc"


def _attempt(request: Request) -> Attempt | None:
    """What this browser set out with."""
    try:
        kept = base64.urlsafe_b64decode(request.cookies.get(_attempt_name(request), ""))
        return msgspec.json.decode(kept, type=Attempt)
    except (ValueError, msgspec.DecodeError):
        return None


def _cookie(request: Request, value: str, *, max_age: int, name: str | None = None) -> Cookie:
    return Cookie(
        key=name or cookie_name(request),
        value=value,
        max_age=max_age,
        path="/",
        httponly=True,
        samesite="lax",
        secure=is_secure(request),
    )


async def _state(
    doors: SignIn, user: User | None, *, expires_at: datetime | None = None
) -> SessionState:
    return SessionState(
        user=user,
        expires_at=expires_at,
        password=doors.rules.password,
        methods=(Method(label=doors.oidc.label, start_path="/api/session/oidc"),)
        if doors.oidc is not None and doors.oidc.is_for_pages
        else (),
        dev=doors.dev,
        needs_first_admin=user is None and not await store.has_users(),
    )
