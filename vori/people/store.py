"""Users, groups, members and tokens, kept. Who may call what is decided in `access.py`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec

from vori.data.engine import DB, transaction
from vori.errors import BadMessage, Conflict, Forbidden, NotFound
from vori.ids import GroupId, UserId
from vori.people.auth import digest, new_secret
from vori.people.messages import (
    ALL_SCOPES,
    Account,
    Group,
    GroupMember,
    NewToken,
    Policy,
    Principal,
    Role,
    Scope,
    Token,
    User,
)

_USER = "id AS user_id, name, email, language, time_zone, is_admin, created_at"
_TOKEN = "id AS token_id, name, created_at, expires_at, last_used_at, scopes"  # noqa: S105
_MEMBER = (
    "SELECT m.user_id, m.group_id, u.name, u.email, m.role, m.nicknames"
    " FROM members m JOIN users u ON u.id = m.user_id"
)


async def user(user_id: UserId) -> User:
    rows = await DB.fetch(f"SELECT {_USER} FROM users WHERE id = $1", user_id)  # noqa: S608
    if not rows:
        raise NotFound(f"There is no user {user_id}.", userId=user_id)
    return User(**rows[0])


async def user_by_email(email: str) -> User | None:
    rows = await DB.fetch(
        f"SELECT {_USER} FROM users WHERE lower(email) = lower($1)",  # noqa: S608
        email,
    )
    return User(**rows[0]) if rows else None


async def has_users() -> bool:
    return bool(await DB.fetch("SELECT 1 FROM users LIMIT 1"))


async def create_user(*, name: str, email: str | None, is_admin: bool = False) -> User:
    """Raises Conflict when the address belongs to somebody."""
    rows = await DB.fetch(
        "INSERT INTO users (name, email, is_admin) VALUES ($1, $2, $3)"  # noqa: S608
        f" ON CONFLICT DO NOTHING RETURNING {_USER}",
        name,
        email,
        is_admin,
    )
    if not rows:
        raise _email_taken()
    return User(**rows[0])


async def change_user(user_id: UserId, changes: dict[str, Any]) -> User:
    """Set `changes` (column: value); raises Conflict when the address belongs to another."""
    async with transaction():
        before = await user(user_id)
        email = changes.get("email", before.email)
        if email is not None and email != before.email:
            await DB.fetch("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")  # nobody takes it now
            other = await user_by_email(email)
            if other is not None and other.user_id != user_id:
                raise _email_taken()
        await DB.fetch(
            "UPDATE users SET name = $2, email = $3, language = $4, time_zone = $5 WHERE id = $1",
            user_id,
            changes.get("name", before.name),
            email,
            changes.get("language", before.language),
            changes.get("time_zone", before.time_zone),
        )
        return await user(user_id)


_ACCOUNT = """
SELECT u.id AS user_id, u.name, u.email, u.language, u.time_zone, u.is_admin,
       u.disabled_at IS NOT NULL AS is_disabled, u.created_at, u.last_seen_at,
       array_cat(CASE WHEN u.password_hash IS NULL THEN '{}' ELSE ARRAY['password'] END,
                 ARRAY(SELECT i.issuer FROM identities i WHERE i.user_id = u.id ORDER BY 1)
       ) AS methods,
       ARRAY(SELECT g.name FROM members m JOIN groups g ON g.id = m.group_id
             WHERE m.user_id = u.id ORDER BY g.id) AS groups
FROM users u
"""


async def accounts(*, before_id: int, limit: int, text: str | None = None) -> list[Account]:
    """Users with numbers below `before_id`, newest first; `text` is part of name or address."""
    rows = await DB.fetch(
        f"{_ACCOUNT} WHERE u.id < $1 AND ($3::text IS NULL"
        " OR strpos(lower(u.name || ' ' || coalesce(u.email, '')), lower($3)) > 0)"
        " ORDER BY u.id DESC LIMIT $2",
        before_id,
        limit,
        text,
    )
    return [_account(row) for row in rows]


async def account(user_id: UserId) -> Account:
    rows = await DB.fetch(f"{_ACCOUNT} WHERE u.id = $1", user_id)
    if not rows:
        raise NotFound(f"There is no user {user_id}.", userId=user_id)
    return _account(rows[0])


async def change_account(
    user_id: UserId, changes: dict[str, Any], *, is_admin: bool | None, at: datetime | None
) -> Account:
    """Set profile `changes`; `is_admin` unless None; disabled since `at`, enabled without.

    Whoever is disabled is signed out everywhere; their tokens wait. Raises Conflict when nobody
    would be left to run this VORI.
    """
    async with transaction():
        await DB.fetch("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
        before = await account(user_id)
        if changes:
            await change_user(user_id, changes)
        becomes = before.is_admin if is_admin is None else is_admin
        await DB.fetch(
            "UPDATE users SET is_admin = $2, disabled_at = CASE WHEN $3::timestamptz IS NULL"
            " THEN NULL ELSE coalesce(disabled_at, $3) END WHERE id = $1",
            user_id,
            becomes,
            at,
        )
        if at is not None:
            await DB.fetch("DELETE FROM sessions WHERE user_id = $1", user_id)
        if not await DB.fetch("SELECT 1 FROM users WHERE is_admin AND disabled_at IS NULL LIMIT 1"):
            raise Conflict(
                "Nobody would be left to run this VORI; make another administrator first.",
                code="last_operator",
                userId=user_id,
            )
        return await account(user_id)


async def groups_of(user_id: UserId) -> tuple[Group, ...]:
    rows = await DB.fetch(
        "SELECT g.id AS group_id, g.name, m.role, g.created_at, g.policy, g.auto_above,"
        " g.budget_tokens, g.budget_cost, g.keep_sound_days, g.keep_words_days,"
        " g.end_after_silence_min FROM groups g"
        " JOIN members m ON m.group_id = g.id WHERE m.user_id = $1 ORDER BY g.id",
        user_id,
    )
    return tuple(
        Group(**{**row, "role": Role(row["role"]), "policy": Policy(row["policy"])}) for row in rows
    )


async def group(group_id: GroupId, user_id: UserId) -> Group:
    for one in await groups_of(user_id):
        if one.group_id == group_id:
            return one
    raise NotFound(f"There is no group {group_id}.", groupId=group_id)


async def require_group(group_id: GroupId) -> None:
    """Raises NotFound when there is no such group at all."""
    if not await DB.fetch("SELECT 1 FROM groups WHERE id = $1", group_id):
        raise NotFound(f"There is no group {group_id}.", groupId=group_id)


async def create_group(*, name: str, admin: UserId) -> Group:
    """A group whose first ADMIN is `admin`."""
    async with transaction():
        rows = await DB.fetch("INSERT INTO groups (name) VALUES ($1) RETURNING id", name)
        group_id = GroupId(rows[0]["id"])
        await DB.fetch(
            "INSERT INTO members (group_id, user_id, role) VALUES ($1, $2, 'ADMIN')",
            group_id,
            admin,
        )
        return await group(group_id, admin)


async def change_group(group_id: GroupId, changes: dict[str, Any], user_id: UserId) -> Group:
    """Set `changes` (column: value). Raises BadMessage for policy threshold without a number."""
    async with transaction():
        await DB.fetch("SELECT id FROM groups WHERE id = $1 FOR NO KEY UPDATE", group_id)
        before = await group(group_id, user_id)
        after = msgspec.structs.replace(before, **changes)
        if after.policy is Policy.THRESHOLD and after.auto_above is None:
            raise BadMessage(
                "Policy `threshold` needs `autoAbove`, 0 to 1: from which confidence on"
                " machines change tickets by themselves.",
                code="no_threshold",
            )
        if after.keep_words_days is not None and (after.keep_sound_days or 0) > (
            after.keep_words_days
        ):
            raise BadMessage(
                "`keepSoundDays` cannot be more than `keepWordsDays`: the sound tells the words.",
                code="sound_outlives_words",
            )
        await DB.fetch(
            "UPDATE groups SET name = $2, policy = $3, auto_above = $4, budget_tokens = $5,"
            " budget_cost = $6, keep_sound_days = $7, keep_words_days = $8,"
            " end_after_silence_min = $9 WHERE id = $1",
            group_id,
            after.name,
            after.policy.value,
            after.auto_above,
            after.budget_tokens,
            after.budget_cost,
            after.keep_sound_days,
            after.keep_words_days,
            after.end_after_silence_min,
        )
        return after


async def members(group_id: GroupId) -> tuple[GroupMember, ...]:
    rows = await DB.fetch(f"{_MEMBER} WHERE m.group_id = $1 ORDER BY u.id", group_id)
    return tuple(_member(row) for row in rows)


async def member(group_id: GroupId, user_id: UserId) -> GroupMember:
    rows = await DB.fetch(f"{_MEMBER} WHERE m.group_id = $1 AND m.user_id = $2", group_id, user_id)
    if not rows:
        raise NotFound(
            f"User {user_id} is not in group {group_id}.", groupId=group_id, userId=user_id
        )
    return _member(rows[0])


async def share_a_group(one: UserId, other: UserId) -> bool:
    rows = await DB.fetch(
        "SELECT 1 FROM members a JOIN members b USING (group_id)"
        " WHERE a.user_id = $1 AND b.user_id = $2 LIMIT 1",
        one,
        other,
    )
    return bool(rows)


async def add_member(
    group_id: GroupId, user_id: UserId, *, role: Role, nicknames: Sequence[str]
) -> GroupMember:
    """Raises Conflict when the user is in the group already."""
    rows = await DB.fetch(
        "INSERT INTO members (group_id, user_id, role, nicknames) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING RETURNING id",
        group_id,
        user_id,
        role.value,
        list(nicknames),
    )
    if not rows:
        raise Conflict(
            f"User {user_id} is in group {group_id} already.",
            code="already_member",
            groupId=group_id,
            userId=user_id,
        )
    return await member(group_id, user_id)


async def change_member(
    group_id: GroupId, user_id: UserId, *, role: Role | None, nicknames: Sequence[str] | None
) -> GroupMember:
    """Raises Conflict when the group would be left without an ADMIN."""
    async with transaction():
        before = await _locked_member(group_id, user_id)
        if role is Role.MEMBER and before.role is Role.ADMIN:
            await _require_other_admin(group_id, user_id)
        await DB.fetch(
            "UPDATE members SET role = $3, nicknames = $4 WHERE group_id = $1 AND user_id = $2",
            group_id,
            user_id,
            (role or before.role).value,
            list(before.nicknames if nicknames is None else nicknames),
        )
        return await member(group_id, user_id)


async def remove_member(group_id: GroupId, user_id: UserId) -> None:
    """Raises Conflict when the group would be left without an ADMIN."""
    async with transaction():
        before = await _locked_member(group_id, user_id)
        if before.role is Role.ADMIN:
            await _require_other_admin(group_id, user_id)
        await DB.fetch(
            "DELETE FROM members WHERE group_id = $1 AND user_id = $2", group_id, user_id
        )


async def tokens(user_id: UserId) -> tuple[Token, ...]:
    """Those that are not revoked, newest first."""
    rows = await DB.fetch(
        f"SELECT {_TOKEN} FROM tokens WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id DESC",  # noqa: S608
        user_id,
    )
    return tuple(_token(row) for row in rows)


async def create_token(
    user_id: UserId,
    *,
    name: str,
    expires_at: datetime | None = None,
    scopes: Collection[Scope] = ALL_SCOPES,
) -> NewToken:
    """Make a token; its secret is in the answer and nowhere else."""
    secret = new_secret()
    rows = await DB.fetch(
        "INSERT INTO tokens (user_id, name, hash, expires_at, scopes)"  # noqa: S608
        f" VALUES ($1, $2, $3, $4, $5) RETURNING {_TOKEN}",
        user_id,
        name,
        digest(secret),
        expires_at,
        [scope.value for scope in Scope if scope in scopes],
    )
    return NewToken(token=_token(rows[0]), secret=secret)


async def require_within(
    principal: Principal, scopes: Collection[Scope], expires_at: datetime | None
) -> None:
    """Raises Forbidden when a new token would reach further than the one it is made with."""
    rows = await DB.fetch("SELECT expires_at FROM tokens WHERE id = $1", principal.token_id)
    limit = rows[0]["expires_at"] if rows else None
    if not principal.scopes.issuperset(scopes) or (
        limit is not None and (expires_at is None or expires_at > limit)
    ):
        raise Forbidden(
            "A token cannot make a token with more scopes, or one that counts longer.",
            code="beyond_token",
        )


async def revoke_token(user_id: UserId, token_id: int, *, at: datetime) -> None:
    """Raises NotFound when the user has no such token, or revoked it before."""
    rows = await DB.fetch(
        "UPDATE tokens SET revoked_at = $3"
        " WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING id",
        token_id,
        user_id,
        at,
    )
    if not rows:
        raise NotFound(f"There is no token {token_id}.", tokenId=token_id)


def _token(row: Any) -> Token:
    return Token(**{**row, "scopes": tuple(map(Scope, row["scopes"]))})


def _email_taken() -> Conflict:
    return Conflict("This email address belongs to another user.", code="email_taken")


def _account(row: Any) -> Account:
    return Account(**{**row, "methods": tuple(row["methods"]), "groups": tuple(row["groups"])})


def _member(row: Any) -> GroupMember:
    return GroupMember(**{**row, "role": Role(row["role"]), "nicknames": tuple(row["nicknames"])})


async def _locked_member(group_id: GroupId, user_id: UserId) -> GroupMember:
    """The member, while nobody else changes the group's members."""
    await DB.fetch("SELECT id FROM groups WHERE id = $1 FOR NO KEY UPDATE", group_id)
    return await member(group_id, user_id)


async def _require_other_admin(group_id: GroupId, user_id: UserId) -> None:
    rows = await DB.fetch(
        "SELECT 1 FROM members WHERE group_id = $1 AND user_id <> $2 AND role = 'ADMIN' LIMIT 1",
        group_id,
        user_id,
    )
    if not rows:
        raise Conflict(
            f"User {user_id} is the last ADMIN of group {group_id}; make another one first.",
            code="last_admin",
            groupId=group_id,
            userId=user_id,
        )


def check_email(email: str) -> str:
    """`email` without spaces around it; raises BadMessage unless it looks like an address."""
    trimmed = email.strip()
    name, at, domain = trimmed.rpartition("@")
    if not (name and at and domain) or any(c.isspace() for c in trimmed):
        raise BadMessage("`email` is not an address.", code="bad_email")
    return trimmed
