"""Sessions of browsers, one-time links and socket passes, kept."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from vori.data.engine import DB, transaction
from vori.errors import Conflict, NotFound, NotSignedIn
from vori.ids import UserId
from vori.people import store
from vori.people.auth import SignIn, digest
from vori.people.messages import (
    LinkInfo,
    LinkKind,
    NewLink,
    Pass,
    Principal,
    SessionInfo,
    User,
)

PASS_S = 30
"""A pass is fetched right before the socket is opened."""
LINK_PATH = "/welcome#"
"""Where the page takes a link; behind `#` it is sent to no server and stands in no log."""
_LONGEST_AGENT = 200


async def open_session(
    sign_in: SignIn, user_id: UserId, *, method: str, agent: str, address: str
) -> tuple[str, datetime]:
    """The cookie's secret and when it expires. Sessions that are over are swept out."""
    now = sign_in.clock.now()
    secret = secrets.token_urlsafe(32)
    expires_at = now + timedelta(days=sign_in.rules.session_days)
    async with transaction():
        await DB.fetch(
            "DELETE FROM sessions WHERE expires_at <= $1 OR last_used_at <= $2",
            now,
            now - timedelta(days=sign_in.rules.session_idle_days),
        )
        await DB.fetch(
            "INSERT INTO sessions (user_id, hash, method, agent, address, created_at,"
            " last_used_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
            user_id,
            digest(secret),
            method,
            printable(agent)[:_LONGEST_AGENT],
            address,
            now,
            expires_at,
        )
        await DB.fetch("UPDATE users SET last_seen_at = $2 WHERE id = $1", user_id, now)
    return secret, expires_at


async def sessions(principal: Principal, *, sign_in: SignIn) -> tuple[SessionInfo, ...]:
    """Where the user is signed in, the one used last first."""
    now = sign_in.clock.now()
    rows = await DB.fetch(
        "SELECT id AS session_id, method, agent, address, created_at, last_used_at, expires_at,"
        " id IS NOT DISTINCT FROM $2 AS is_current FROM sessions"
        " WHERE user_id = $1 AND expires_at > $3 AND last_used_at > $4"
        " ORDER BY last_used_at DESC, id DESC",
        principal.user_id,
        principal.session_id,
        now,
        now - timedelta(days=sign_in.rules.session_idle_days),
    )
    return tuple(SessionInfo(**row) for row in rows)


async def session_expiry(session_id: int) -> datetime | None:
    rows = await DB.fetch("SELECT expires_at FROM sessions WHERE id = $1", session_id)
    return rows[0]["expires_at"] if rows else None


async def end_session(user_id: UserId, session_id: int) -> None:
    """Raises NotFound when the user has no such session."""
    rows = await DB.fetch(
        "DELETE FROM sessions WHERE id = $1 AND user_id = $2 RETURNING id", session_id, user_id
    )
    if not rows:
        raise NotFound(f"There is no session {session_id}.", sessionId=session_id)


async def end_by_secret(secret: str) -> None:
    """End the session with this cookie, if there is one."""
    await DB.fetch("DELETE FROM sessions WHERE hash = $1", digest(secret))


async def set_password(user_id: UserId, hashed: str, *, at: datetime, keep: int | None) -> None:
    """Every session but `keep` is over, and every link to set a password."""
    async with transaction():
        await DB.fetch(
            "UPDATE users SET password_hash = $2, password_changed_at = $3 WHERE id = $1",
            user_id,
            hashed,
            at,
        )
        await DB.fetch(
            "DELETE FROM sessions WHERE user_id = $1 AND id IS DISTINCT FROM $2", user_id, keep
        )
        await DB.fetch("DELETE FROM links WHERE user_id = $1", user_id)


async def make_pass(principal: Principal, *, at: datetime) -> Pass:
    secret, expires_at = secrets.token_urlsafe(32), at + timedelta(seconds=PASS_S)
    async with transaction():
        await DB.fetch("DELETE FROM passes WHERE expires_at <= $1", at)
        await DB.fetch(
            "INSERT INTO passes (hash, user_id, session_id, token_id, scopes, expires_at)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            digest(secret),
            principal.user_id,
            principal.session_id,
            principal.token_id,
            sorted(principal.scopes),
            expires_at,
        )
    return Pass(secret=secret, expires_at=expires_at)


async def make_link(
    user_id: UserId | None, *, at: datetime, hours: float, created_by: UserId | None = None
) -> NewLink:
    """A link that sets the user's password, or without a user makes the first admin.

    Links made before for the same user no longer work.
    """
    secret, expires_at = secrets.token_urlsafe(32), at + timedelta(hours=hours)
    kind = LinkKind.FIRST_ADMIN if user_id is None else LinkKind.PASSWORD
    async with transaction():
        await DB.fetch("DELETE FROM links WHERE user_id IS NOT DISTINCT FROM $1", user_id)
        await DB.fetch(
            "INSERT INTO links (user_id, kind, hash, created_by, created_at, expires_at)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            user_id,
            kind.value,
            digest(secret),
            created_by,
            at,
            expires_at,
        )
    return NewLink(path=LINK_PATH + secret, expires_at=expires_at)


async def look_at_link(secret: str, *, at: datetime) -> LinkInfo:
    """Raises NotSignedIn(code="bad_link")."""
    row = await _link(secret, at)
    return LinkInfo(
        kind=LinkKind(row["kind"]),
        name=row["name"],
        email=row["email"],
        expires_at=row["expires_at"],
    )


async def follow_link(
    secret: str, *, at: datetime, hashed: str, admin: dict[str, Any] | None, group: str | None
) -> User:
    """Use the link up: its user gets the password, or the first admin is made of `admin`.

    group: a group's name, made for the first admin. Raises NotSignedIn(code="bad_link"), and
    Conflict(code="has_admin") when somebody became admin meanwhile.
    """
    async with transaction():
        row = await _link(secret, at, lock=True)
        if row["user_id"] is None:
            await DB.fetch("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
            if await DB.fetch("SELECT 1 FROM users WHERE is_admin LIMIT 1"):
                raise Conflict("There is an administrator already.", code="has_admin")
            made = await store.create_user(is_admin=True, **(admin or {}))
            user_id = made.user_id
            if group:
                await store.create_group(name=group, admin=user_id)
            await DB.fetch("DELETE FROM links WHERE user_id IS NULL")
        else:
            user_id = UserId(row["user_id"])
        await set_password(user_id, hashed, at=at, keep=None)
        return await store.user(user_id)


async def _link(secret: str, at: datetime, *, lock: bool = False) -> Any:
    if lock:
        await DB.fetch("SELECT 1 FROM links WHERE hash = $1 FOR UPDATE", digest(secret))
    rows = await DB.fetch(
        "SELECT l.user_id, l.kind, l.expires_at, u.name, u.email FROM links l"
        " LEFT JOIN users u ON u.id = l.user_id"
        " WHERE l.hash = $1 AND l.expires_at > $2 AND u.disabled_at IS NULL",
        digest(secret),
        at,
    )
    if not rows:
        raise NotSignedIn(
            "This link is unknown, used or too old; ask for a new one.", code="bad_link"
        )
    return rows[0]


def printable(text: str) -> str:
    """`text` without what could break a line of a log or a screen."""
    return "".join(c if c.isprintable() else "?" for c in text)
