"""What operators do about people from the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from vori.data.engine import DB, transaction
from vori.errors import NotFound
from vori.ids import BIGINT_MAX, GroupId, UserId
from vori.people import store
from vori.people.erase import Erased, erase
from vori.people.export import archive
from vori.people.messages import ALL_SCOPES, Role, Scope, User
from vori.people.sessions import make_link

RemoveSound = Callable[[], Awaitable[int]]


async def add_user(
    name: str,
    *,
    email: str | None,
    group_name: str | None,
    role: str,
    is_admin: bool,
) -> dict[str, Any]:
    """Make a user, and put them into the group called `group_name`, made if there is none.

    The first member of a group is its ADMIN. Raises Conflict for an address that is taken.
    """
    async with transaction():
        user = await store.create_user(
            name=name, email=store.check_email(email) if email else None, is_admin=is_admin
        )
        made: dict[str, Any] = {"userId": user.user_id, "name": user.name, "email": user.email}
        if group_name:
            rows = await DB.fetch(
                "SELECT id FROM groups WHERE name = $1 ORDER BY id LIMIT 1", group_name
            )
            if rows:
                group_id = GroupId(rows[0]["id"])
                await store.add_member(group_id, user.user_id, role=Role(role), nicknames=())
            else:
                group_id = (await store.create_group(name=group_name, admin=user.user_id)).group_id
            made["groupId"] = group_id
        return made


async def list_users() -> list[dict[str, Any]]:
    rows = await DB.fetch("SELECT id, name, email, is_admin FROM users ORDER BY id")
    return [
        {
            "userId": row["id"],
            "name": row["name"],
            "email": row["email"],
            "isAdmin": row["is_admin"],
            "groups": [
                {"groupId": group.group_id, "name": group.name, "role": group.role}
                for group in await store.groups_of(UserId(row["id"]))
            ],
        }
        for row in rows
    ]


async def create_token(
    who: str, *, name: str, days: int | None, scopes: Sequence[str] = ()
) -> dict[str, Any]:
    """A token for the user with this number or e-mail address. Raises NotFound."""
    user = await find_user(who)
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    made = await store.create_token(
        user.user_id,
        name=name,
        expires_at=expires_at,
        scopes=frozenset(map(Scope, scopes)) or ALL_SCOPES,
    )
    return {"token": made.secret, "tokenId": made.token.token_id, "userId": user.user_id}


async def create_link(who: str, *, hours: float) -> dict[str, Any]:
    """A one-time link by which the user sets their password. Raises NotFound."""
    user = await find_user(who)
    link = await make_link(user.user_id, at=datetime.now(UTC), hours=hours)
    return {"path": link.path, "expiresAt": link.expires_at, "userId": user.user_id}


async def erase_user(
    who: str, *, keep_spoken: bool, with_groups: bool, dry_run: bool, remove_sound: RemoveSound
) -> Erased:
    """Forget the user with this number or address; their sound leaves this home at once."""
    user = await find_user(who)
    erased = await erase(
        user.user_id,
        at=datetime.now(UTC),
        keep_spoken=keep_spoken,
        with_groups=with_groups,
        dry_run=dry_run,
    )
    if not dry_run:
        await remove_sound()
    return erased


async def export_user(who: str) -> tuple[UserId, bytes]:
    """All that belongs to the user with this number or address, as a ZIP; the log tells of it."""
    user = await find_user(who)
    await DB.fetch(
        "INSERT INTO audit (at, via, action, target) VALUES ($1, 'command', 'user.exported', $2)",
        datetime.now(UTC),
        str(user.user_id),
    )
    return user.user_id, await archive(user.user_id)


async def find_user(who: str) -> User:
    """The user with this number or e-mail address. Raises NotFound."""
    if who.isascii() and who.isdigit() and 1 <= int(who[:20]) <= BIGINT_MAX:
        return await store.user(UserId(int(who)))
    found = await store.user_by_email(who)
    if found is None:
        raise NotFound(f"There is no user {who!r}; `vori user list` shows them.")
    return found
