"""Who sent a request: bearer tokens, and the sign-in of development mode.

A token is `vori_` and 32 random bytes in base64url; the database knows its SHA-256 only. A
plain hash is enough because the token itself is random, not a password.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType

from vori.clock import Clock
from vori.data.engine import DB, transaction
from vori.errors import Forbidden, NotSignedIn
from vori.ids import GroupId, UserId
from vori.people.messages import Principal, Role

DEV_USER = UserId(1)
DEV_GROUP = GroupId(1)

_SECRET = re.compile(r"vori_[A-Za-z0-9_-]{43}")
_USE_NOTED_EVERY = timedelta(minutes=1)

_PRINCIPAL = """
SELECT u.id, u.name, u.is_admin,
       coalesce((SELECT jsonb_object_agg(m.group_id, m.role) FROM members m
                 WHERE m.user_id = u.id), '{}') AS roles
FROM users u
"""

Connection = ASGIConnection[Any, Any, Any, Any]


def new_secret() -> str:
    return "vori_" + secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


class SignIn:
    """Tells who holds a token. In development mode, who holds none is user 1."""

    def __init__(self, *, clock: Clock, dev: bool = False) -> None:
        self._clock = clock
        self.dev = dev

    async def authenticate(
        self, authorization: str | None, query_token: str | None = None
    ) -> Principal:
        """Whose token this is: `Bearer …` (or `Token …`) in the header, else `query_token`.

        Raises NotSignedIn when the token is missing, malformed, unknown, expired or revoked.
        """
        secret = _from_header(authorization) if authorization else query_token
        if secret:
            return await self._by_secret(secret)
        if self.dev:
            return await principal_for(DEV_USER)
        raise NotSignedIn("Send your token: `Authorization: Bearer vori_…`.")

    async def _by_secret(self, secret: str) -> Principal:
        # One answer for every wrong token: guessing learns nothing.
        wrong = NotSignedIn("This token is unknown, expired or revoked.", code="bad_token")
        if not _SECRET.fullmatch(secret):
            raise wrong
        now = self._clock.now()
        tokens = await DB.fetch(
            "SELECT id, user_id, last_used_at FROM tokens WHERE hash = $1 AND revoked_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > $2)",
            digest(secret),
            now,
        )
        if not tokens:
            raise wrong
        token = tokens[0]
        if token["last_used_at"] is None or now - token["last_used_at"] >= _USE_NOTED_EVERY:
            await DB.fetch("UPDATE tokens SET last_used_at = $2 WHERE id = $1", token["id"], now)
        return await principal_for(UserId(token["user_id"]))


async def principal_for(user_id: UserId) -> Principal:
    """The user and their roles; raises NotSignedIn when the user is gone."""
    rows = await DB.fetch(f"{_PRINCIPAL} WHERE u.id = $1", user_id)
    if not rows:
        raise NotSignedIn("This user is gone.", code="bad_token")
    row = rows[0]
    return Principal(
        user_id=UserId(row["id"]),
        name=row["name"],
        is_admin=row["is_admin"],
        roles={GroupId(int(group)): Role(role) for group, role in row["roles"].items()},
    )


async def principal_of(connection: Connection) -> Principal:
    """Who opened this request or WebSocket, by `app.state.sign_in`; asked once a connection.

    Browsers cannot set headers on a WebSocket or a media element, so `?token=` counts on
    WebSockets and on routes with `opt={"token_in_query": True}`, and so does a token among the
    subprotocols that a WebSocket offers.
    Raises NotSignedIn, or Forbidden when another site tries to use development mode.
    """
    known: Principal | None = connection.scope["state"].get("principal")
    if known is not None:
        return known
    sign_in: SignIn = connection.app.state.sign_in
    authorization = connection.headers.get("authorization")
    query_token = connection.query_params.get("token") if _may_ask(connection) else None
    query_token = query_token or _offered(connection)
    if sign_in.dev and not authorization and not query_token:
        _require_same_machine(connection)
    principal = await sign_in.authenticate(authorization, query_token)
    connection.scope["state"]["principal"] = principal
    return principal


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
