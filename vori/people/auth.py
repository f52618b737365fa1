"""Who sent a request: a bearer token, a session's cookie, a pass, or development mode.

A secret is 32 random bytes in base64url, a token's with `vori_` before it; the database knows
its SHA-256 only. A plain hash is enough because the secret itself is random, not a password.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from msgspec import Struct

from vori import settings
from vori.clock import Clock
from vori.data.engine import DB, transaction
from vori.errors import Forbidden, NotSignedIn
from vori.ids import GroupId, UserId
from vori.people.messages import ALL_SCOPES, Principal, Role, Scope
from vori.people.oidc import OpenIdConnect, looks_like_id_token
from vori.people.passwords import Passwords
from vori.people.rules import require_scope

DEV_USER = UserId(1)
DEV_GROUP = GroupId(1)

_SECRET = re.compile(r"vori_[A-Za-z0-9_-]{43}")
_USE_NOTED_EVERY = timedelta(minutes=1)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_PRINCIPAL = """
SELECT u.id, u.name, u.is_admin,
       coalesce((SELECT jsonb_object_agg(m.group_id, m.role) FROM members m
                 WHERE m.user_id = u.id), '{}') AS roles
FROM users u WHERE u.id = $1 AND u.disabled_at IS NULL
"""

Connection = ASGIConnection[Any, Any, Any, Any]


class Credential(Struct, frozen=True, kw_only=True):
    """What somebody signed in with. A pass stands for the session or token it was made with."""

    user_id: UserId
    scopes: frozenset[Scope] = ALL_SCOPES
    session_id: int | None = None
    token_id: int | None = None


def new_secret() -> str:
    return "vori_" + secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


class SignIn:
    """Tells who holds a secret. In development mode, who holds none is user 1."""

    def __init__(
        self,
        *,
        clock: Clock,
        dev: bool = False,
        rules: settings.SignIn | None = None,
        hasher: PasswordHasher | None = None,
        oidc: OpenIdConnect | None = None,
    ) -> None:
        """hasher: how passwords are hashed, if not by the library's defaults."""
        self.oidc = oidc
        self.clock = clock
        self.dev = dev
        self.rules = rules or settings.SignIn()
        self.passwords = Passwords(clock, least_characters=self.rules.min_password, hasher=hasher)

    async def authenticate(
        self, authorization: str | None, query_token: str | None = None
    ) -> Principal:
        """Whose token this is: `Bearer …` (or `Token …`) in the header, else `query_token`.

        Where a provider of identities is set, its ID tokens count too.

        Raises NotSignedIn when the token is missing, malformed, unknown, expired or revoked.
        """
        secret = _from_header(authorization) if authorization else query_token
        if secret and self.oidc is not None and looks_like_id_token(secret):
            user_id = await self.oidc.admit(await self.oidc.read(secret))
            return await self.principal(Credential(user_id=user_id))
        if secret:
            return await self.principal(await self._by_token(secret))
        if self.dev:
            return await self.principal(Credential(user_id=DEV_USER))
        raise NotSignedIn("Sign in, or send your token: `Authorization: Bearer vori_…`.")

    async def principal(self, credential: Credential) -> Principal:
        """The user and their roles; raises NotSignedIn when the user is gone or disabled."""
        rows = await DB.fetch(_PRINCIPAL, credential.user_id)
        if not rows:
            raise NotSignedIn("This user is gone.", code="bad_token")
        row = rows[0]
        return Principal(
            user_id=UserId(row["id"]),
            name=row["name"],
            is_admin=row["is_admin"],
            roles={GroupId(int(group)): Role(role) for group, role in row["roles"].items()},
            scopes=credential.scopes,
            session_id=credential.session_id,
            token_id=credential.token_id,
        )

    async def _by_token(self, secret: str) -> Credential:
        # One answer for every wrong token: guessing learns nothing.
        wrong = NotSignedIn("This token is unknown, expired or revoked.", code="bad_token")
        if not _SECRET.fullmatch(secret):
            raise wrong
        now = self.clock.now()
        tokens = await DB.fetch(
            "SELECT id, user_id, last_used_at, scopes FROM tokens"
            " WHERE hash = $1 AND revoked_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > $2)",
            digest(secret),
            now,
        )
        if not tokens:
            raise wrong
        token = tokens[0]
        if _is_due(token["last_used_at"], now):
            await DB.fetch("UPDATE tokens SET last_used_at = $2 WHERE id = $1", token["id"], now)
            await _seen(token["user_id"], now)
        return Credential(
            user_id=UserId(token["user_id"]),
            scopes=frozenset(map(Scope, token["scopes"])),
            token_id=token["id"],
        )

    async def by_session(self, secret: str) -> Credential:
        """Raises NotSignedIn(code="session_over")."""
        now = self.clock.now()
        idle = timedelta(days=self.rules.session_idle_days)
        rows = await DB.fetch(
            "SELECT id, user_id, last_used_at FROM sessions"
            " WHERE hash = $1 AND expires_at > $2 AND last_used_at > $3",
            digest(secret),
            now,
            now - idle,
        )
        if not rows:
            raise NotSignedIn("You are signed out; sign in again.", code="session_over")
        [row] = rows
        if _is_due(row["last_used_at"], now):
            await DB.fetch("UPDATE sessions SET last_used_at = $2 WHERE id = $1", row["id"], now)
            await _seen(row["user_id"], now)
        return Credential(user_id=UserId(row["user_id"]), session_id=row["id"])

    async def by_pass(self, secret: str) -> Credential:
        """What a pass was made with; from now on the pass is used up.

        Raises NotSignedIn(code="bad_pass") when it is unknown, used or too old.
        """
        rows = await DB.fetch(
            "DELETE FROM passes WHERE hash = $1 RETURNING user_id, session_id, token_id, scopes,"
            " expires_at > $2 AS is_young",
            digest(secret),
            self.clock.now(),
        )
        if not rows or not rows[0]["is_young"]:
            raise NotSignedIn("This pass is unknown, used or too old.", code="bad_pass")
        [row] = rows
        credential = Credential(
            user_id=UserId(row["user_id"]),
            scopes=frozenset(map(Scope, row["scopes"])),
            session_id=row["session_id"],
            token_id=row["token_id"],
        )
        await self.still_counts(credential)
        return credential

    async def still_counts(self, credential: Credential) -> None:
        """Raises NotSignedIn when the session or token is over by now."""
        rows = await DB.fetch(
            "SELECT 1 WHERE ($1::bigint IS NULL OR EXISTS (SELECT 1 FROM sessions"
            " WHERE id = $1 AND expires_at > $3 AND last_used_at > $4))"
            " AND ($2::bigint IS NULL OR EXISTS (SELECT 1 FROM tokens WHERE id = $2"
            " AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)))",
            credential.session_id,
            credential.token_id,
            self.clock.now(),
            self.clock.now() - timedelta(days=self.rules.session_idle_days),
        )
        if not rows:
            raise NotSignedIn("What you signed in with is over.", code="session_over")


async def principal_of(connection: Connection) -> Principal:
    """Who opened this request or WebSocket, by `app.state.sign_in`; asked once a connection.

    In this order: a token in the header; a token in `?token=`, on WebSockets and on routes with
    `opt={"token_in_query": True}` (browsers cannot set headers there), or among the subprotocols
    that a WebSocket offers; on WebSockets `?pass=`; the session's cookie; development mode.
    Raises NotSignedIn, or Forbidden when a page of another site tries to use a cookie or
    development mode, or when the token's scopes leave this route out.
    """
    state = connection.scope["state"]
    known: Principal | None = state.get("principal")
    if known is not None:
        return known
    sign_in: SignIn = connection.app.state.sign_in
    principal = await _identified(connection, sign_in)
    entered = state.get("entered_socket")
    if entered is not None:
        entered(principal.user_id)
    if "path_template" in connection.scope and not connection.route_handler.opt.get("open"):
        require_scope(principal, connection.scope)
    state["principal"] = principal
    return principal


async def _identified(connection: Connection, sign_in: SignIn) -> Principal:
    authorization = connection.headers.get("authorization")
    query_token = connection.query_params.get("token") if _may_ask(connection) else None
    query_token = query_token or _offered(connection)
    if authorization or query_token:
        return await sign_in.authenticate(authorization, query_token)
    if credential := await _by_pass(connection, sign_in):
        return await sign_in.principal(credential)
    cookie = connection.cookies.get(cookie_name(connection))
    if cookie:
        try:
            credential = await sign_in.by_session(cookie)
        except NotSignedIn:
            if not sign_in.dev:
                raise
        else:
            require_same_site(connection)
            return await sign_in.principal(credential)
    if sign_in.dev:
        _require_same_machine(connection)
    return await sign_in.authenticate(None)


async def _by_pass(connection: Connection, sign_in: SignIn) -> Credential | None:
    """A pass opens a socket once; who asks again on that socket is who came with it."""
    if connection.scope["type"] != ScopeType.WEBSOCKET:
        return None
    state = connection.scope["state"]
    redeemed: Credential | None = state.get("redeemed")
    if redeemed is not None:
        await sign_in.still_counts(redeemed)
        return redeemed
    secret = connection.query_params.get("pass")
    if not secret:
        return None
    state["redeemed"] = credential = await sign_in.by_pass(secret)
    return credential


def is_secure(connection: Connection) -> bool:
    """Whether the client speaks TLS to us, or to a trusted proxy."""
    return connection.scope.get("scheme") in ("https", "wss")


def cookie_name(connection: Connection) -> str:
    """With TLS a name that browsers let nobody set but this very host."""
    return "__Host-vori_session" if is_secure(connection) else "vori_session"


def require_same_site(connection: Connection) -> None:
    """Cookies come along with whatever a browser sends, so what changes something, and every
    WebSocket, must come from a page of this VORI.

    Browsers say so in Sec-Fetch-Site, older ones in Origin alone; a request with neither is not
    a browser's. Raises Forbidden.
    """
    # A WebSocket has no method.
    if connection.scope.get("method") in _SAFE_METHODS:
        return
    site = connection.headers.get("sec-fetch-site")
    if site in ("same-origin", "none"):
        return
    origin = connection.headers.get("origin")
    if site is None and (origin is None or _host_of(origin) == connection.headers.get("host")):
        return
    raise Forbidden("This came from a page of another site.", code="foreign_origin")


async def ensure_dev() -> None:
    """The rows of development mode: user 1, ADMIN of group 1. Does nothing when they exist."""
    async with transaction():
        await DB.fetch(
            "INSERT INTO users (id, name, email, is_admin)"
            " VALUES ($1, 'Testadmin', 'admin@localhost', true) ON CONFLICT DO NOTHING",
            DEV_USER,
        )
        await DB.fetch(
            "INSERT INTO groups (id, name) VALUES ($1, 'Test Group') ON CONFLICT DO NOTHING",
            DEV_GROUP,
        )
        await DB.fetch(
            "INSERT INTO members (group_id, user_id, role) VALUES ($1, $2, 'ADMIN')"
            " ON CONFLICT DO NOTHING",
            DEV_GROUP,
            DEV_USER,
        )
        for table in ("users", "groups"):  # the ids above were not drawn from the sequences
            await DB.fetch(
                f"SELECT setval('{table}_id_seq', greatest((SELECT max(id) FROM {table}),"  # noqa: S608
                f" (SELECT last_value FROM {table}_id_seq)))"
            )


async def _seen(user_id: int, at: datetime) -> None:
    await DB.fetch("UPDATE users SET last_seen_at = $2 WHERE id = $1", user_id, at)


def _is_due(last_used_at: datetime | None, now: datetime) -> bool:
    return last_used_at is None or now - last_used_at >= _USE_NOTED_EVERY


def _from_header(authorization: str) -> str:
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() not in ("bearer", "token") or not secret.strip():
        raise NotSignedIn("The Authorization header must read `Bearer vori_…`.", code="bad_token")
    return secret.strip()


def _offered(connection: Connection) -> str | None:
    """The token in `Sec-WebSocket-Protocol`: alone, or after the last dot of a name."""
    names: list[str] = connection.scope.get("subprotocols") or []  # type: ignore[assignment]
    offered = (name.rsplit(".", 1)[-1] for name in names)
    return next((secret for secret in offered if _SECRET.fullmatch(secret)), None)


def _may_ask(connection: Connection) -> bool:
    if connection.scope["type"] == ScopeType.WEBSOCKET:
        return True
    return bool(connection.route_handler.opt.get("token_in_query"))


def _require_same_machine(connection: Connection) -> None:
    """Development mode needs no token, so a web page of elsewhere must not get to use it.

    A foreign page betrays itself by its Origin, or by a Host that is a name of its own which it
    lets point to this machine.
    """
    for header, url in (
        ("Host", "//" + connection.headers.get("host", "")),
        ("Origin", connection.headers.get("origin", "//localhost")),
    ):
        if not _is_loopback(url):
            raise Forbidden(
                f"Development mode without a token answers this machine only; see {header}.",
                code="foreign_origin",
            )


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return (
            host == "localhost"
            or host.endswith(".localhost")
            or ipaddress.ip_address(host).is_loopback
        )
    except ValueError:
        return False
