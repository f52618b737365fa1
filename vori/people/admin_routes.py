"""People, for whoever runs this VORI."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Controller, delete, get, patch, post
from litestar.datastructures import State
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET, Struct, UnsetType

from vori.api import BodyId, Cursor, Limit, Page, PathId, SignedIn, cursor_of, place_of
from vori.data.engine import transaction
from vori.errors import Conflict
from vori.ids import GroupId, UserId
from vori.people import sessions, store
from vori.people.access import require_operator
from vori.people.erase import Erased, erase
from vori.people.messages import Account, NewAccount, NewLink, Role
from vori.people.session_routes import Doors, Email, Name


class AccountRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Somebody new; in `groupId` as `role`, if given."""

    name: Name
    email: Email
    is_admin: bool = False
    group_id: BodyId | None = None
    role: Role = Role.MEMBER


class AccountChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    name: Name | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    is_admin: bool | UnsetType = UNSET
    is_disabled: bool | UnsetType = UNSET


class AdminUserRoutes(Controller):
    path = "/api/admin/users"
    tags = ("admin",)

    @get(summary="Everybody (administrators)")
    async def list_users(
        self,
        principal: SignedIn,
        limit: Limit = 50,
        cursor: Cursor = None,
        q: Annotated[str | None, QueryParameter(max_length=200)] = None,
    ) -> Page[Account]:
        require_operator(principal)
        found = await store.accounts(before_id=place_of(cursor)[1], limit=limit + 1, text=q)
        page = found[:limit]
        if len(found) == len(page):
            return Page(items=tuple(page))
        return Page(items=tuple(page), next_cursor=cursor_of(page[-1].created_at, page[-1].user_id))

    @post(summary="Add somebody; the link lets them choose their password (administrators)")
    async def add_user(
        self, principal: SignedIn, doors: Doors, data: JSONBody[AccountRequest]
    ) -> NewAccount:
        require_operator(principal)
        async with transaction():
            user = await store.create_user(
                name=data.name.strip(), email=store.check_email(data.email), is_admin=data.is_admin
            )
            if data.group_id is not None:
                await store.require_group(GroupId(data.group_id))
                await store.add_member(
                    GroupId(data.group_id), user.user_id, role=data.role, nicknames=()
                )
            link = await sessions.make_link(
                user.user_id,
                at=doors.clock.now(),
                hours=doors.rules.link_hours,
                created_by=principal.user_id,
            )
            return NewAccount(account=await store.account(user.user_id), link=link)

    @get("/{user_id:int}", summary="One user (administrators)")
    async def get_user(self, principal: SignedIn, user_id: PathId) -> Account:
        require_operator(principal)
        return await store.account(UserId(user_id))

    @patch("/{user_id:int}", summary="Change, promote or disable somebody (administrators)")
    async def change_user(
        self, principal: SignedIn, doors: Doors, user_id: PathId, data: JSONBody[AccountChange]
    ) -> Account:
        require_operator(principal)
        given = {k: v for k, v in msgspec.structs.asdict(data).items() if v is not UNSET}
        changes: dict[str, Any] = {k: v for k, v in given.items() if k in ("name", "email")}
        if changes.get("email") is not None:
            changes["email"] = store.check_email(changes["email"])
        disabled = given.get("is_disabled")
        if disabled is None:
            disabled = (await store.account(UserId(user_id))).is_disabled
        return await store.change_account(
            UserId(user_id),
            changes,
            is_admin=given.get("is_admin"),
            at=doors.clock.now() if disabled else None,
        )

    @delete(
        "/{user_id:int}",
        summary="Forget somebody: account, sound, name; cannot be undone (administrators)",
        status_code=200,
    )
    async def erase_user(
        self,
        principal: SignedIn,
        doors: Doors,
        state: State,
        user_id: PathId,
        dry_run: Annotated[
            bool, QueryParameter(name="dryRun", description="Only tell what would be done.")
        ] = False,
        keep_spoken: Annotated[
            bool,
            QueryParameter(
                name="keepSpoken", description="Leave the name where somebody said or wrote it."
            ),
        ] = False,
        with_groups: Annotated[
            bool,
            QueryParameter(
                name="withGroups", description="Delete groups in which nobody else is, too."
            ),
        ] = False,
    ) -> Erased:
        require_operator(principal)
        erased = await erase(
            UserId(user_id),
            at=doors.clock.now(),
            by=principal.user_id,
            keep_spoken=keep_spoken,
            with_groups=with_groups,
            dry_run=dry_run,
        )
        remove_sound = state["parts"].remove_sound
        if remove_sound is not None and not dry_run:
            await remove_sound()
        return erased

    @post("/{user_id:int}/link", summary="A new one-time link for a password (administrators)")
    async def make_link(self, principal: SignedIn, doors: Doors, user_id: PathId) -> NewLink:
        require_operator(principal)
        account = await store.account(UserId(user_id))
        if account.is_disabled:
            raise Conflict("This user is disabled; enable them first.", code="user_disabled")
        return await sessions.make_link(
            account.user_id,
            at=doors.clock.now(),
            hours=doors.rules.link_hours,
            created_by=principal.user_id,
        )
