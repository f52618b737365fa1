"""Users, groups, members and tokens over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, delete, get, patch, post
from litestar.params import JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from vori.api import BodyId, Language, Now, PathId, SignedIn, TimeZone, check_time_zone
from vori.data.engine import transaction
from vori.errors import BadMessage, NotFound
from vori.ids import BIGINT_MAX, GroupId, UserId
from vori.people import export, store
from vori.people.access import require_admin, require_member
from vori.people.messages import (
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

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
Email = Annotated[str, Meta(min_length=3, max_length=320)]
Nickname = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"\S")]
Nicknames = Annotated[tuple[Nickname, ...], Meta(max_length=20)]


class ProfileChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    name: Name | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    language: Language | UnsetType = UNSET
    time_zone: TimeZone | UnsetType = UNSET


class GroupName(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    name: Name


class GroupChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """`policy`: what machines may change by themselves; threshold: from `autoAbove` on.

    The budgets are for a calendar month (UTC); null for no limit. Sound and words of a meeting are
    deleted so many days after its end; null keeps them. Sound goes with the words at the latest.
    """

    name: Name | UnsetType = UNSET
    policy: Policy | UnsetType = UNSET
    auto_above: Annotated[float, Meta(ge=0, le=1)] | UnsetType | None = UNSET
    budget_tokens: Annotated[int, Meta(ge=0, le=BIGINT_MAX)] | UnsetType | None = UNSET
    budget_cost: Annotated[float, Meta(ge=0, le=1e12)] | UnsetType | None = UNSET
    keep_sound_days: Annotated[int, Meta(ge=0, le=36_500)] | UnsetType | None = UNSET
    """0: no sound is kept once the meeting is over."""
    keep_words_days: Annotated[int, Meta(ge=1, le=36_500)] | UnsetType | None = UNSET
    end_after_silence_min: Annotated[int, Meta(ge=1, le=1440)] | UnsetType | None = UNSET
    """A meeting in which nobody says a word for so long ends; null: as this VORI has it."""


class NewMember(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Either `userId`, of somebody you share a group with, or `email`."""

    user_id: BodyId | None = None
    email: Email | None = None
    name: Name | None = None
    """For an address nobody has yet; else its part before the @."""
    role: Role = Role.MEMBER
    nicknames: Nicknames = ()


class MemberChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    role: Role | None = None
    nicknames: Nicknames | None = None


class TokenRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    name: Annotated[str, Meta(max_length=200)] = ""
    expires_in_days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    """None: the token counts until it is revoked."""
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=len(Scope))] | None = None
    """None: all that I may. A token makes no token that may more, or counts longer, than it."""


class UserRoutes(Controller):
    path = "/api/users"
    tags = ("users",)

    @get("/me", summary="Who I am")
    async def me(self, principal: SignedIn) -> User:
        return await store.user(principal.user_id)

    @patch("/me", summary="Change my name, language or time zone")
    async def change_me(self, principal: SignedIn, data: JSONBody[ProfileChange]) -> User:
        return await store.change_user(principal.user_id, _columns(principal, data))

    @get("/me/export", summary="All that belongs to me, as a ZIP", media_type="application/zip")
    async def export_me(self, principal: SignedIn) -> Response[bytes]:
        name = f"vori-user-{principal.user_id}.zip"
        return Response(
            await export.archive(principal.user_id),
            media_type="application/zip",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    @post("/sync", summary="Bring my profile up to date; harmless when repeated", status_code=200)
    async def sync(self, principal: SignedIn, data: JSONBody[ProfileChange]) -> User:
        return await store.change_user(principal.user_id, _columns(principal, data))


class GroupRoutes(Controller):
    path = "/api/groups"
    tags = ("groups",)

    @get(summary="The groups I belong to")
    async def list_groups(self, principal: SignedIn) -> list[Group]:
        return list(await store.groups_of(principal.user_id))

    @post(summary="Make a group and become its ADMIN")
    async def create_group(self, principal: SignedIn, data: JSONBody[GroupName]) -> Group:
        return await store.create_group(name=data.name, admin=principal.user_id)

    @get("/{group_id:int}", summary="One group")
    async def get_group(self, principal: SignedIn, group_id: PathId) -> Group:
        require_member(principal, GroupId(group_id))
        return await store.group(GroupId(group_id), principal.user_id)

    @patch(
        "/{group_id:int}",
        summary="Change a group's name, policy, budget or days of keeping (ADMIN)",
    )
    async def change_group(
        self, principal: SignedIn, group_id: PathId, data: JSONBody[GroupChange]
    ) -> Group:
        require_admin(principal, GroupId(group_id))
        changes = {k: v for k, v in msgspec.structs.asdict(data).items() if v is not UNSET}
        return await store.change_group(GroupId(group_id), changes, principal.user_id)

    @get("/{group_id:int}/members", summary="Who is in a group")
    async def list_members(self, principal: SignedIn, group_id: PathId) -> list[GroupMember]:
        require_member(principal, GroupId(group_id))
        return list(await store.members(GroupId(group_id)))

    @post("/{group_id:int}/members", summary="Add somebody to a group (ADMIN)")
    async def add_member(
        self, principal: SignedIn, group_id: PathId, data: JSONBody[NewMember]
    ) -> GroupMember:
        require_admin(principal, GroupId(group_id))
        async with transaction():
            return await store.add_member(
                GroupId(group_id),
                await _whom(principal, data),
                role=data.role,
                nicknames=data.nicknames,
            )

    @patch(
        "/{group_id:int}/members/{user_id:int}",
        summary="Change role or nicknames (ADMIN), or my nicknames",
    )
    async def change_member(
        self, principal: SignedIn, group_id: PathId, user_id: PathId, data: JSONBody[MemberChange]
    ) -> GroupMember:
        if user_id == principal.user_id and data.role is None:
            require_member(principal, GroupId(group_id))
        else:
            require_admin(principal, GroupId(group_id))
        return await store.change_member(
            GroupId(group_id), UserId(user_id), role=data.role, nicknames=data.nicknames
        )

    @delete("/{group_id:int}/members/{user_id:int}", summary="Remove somebody (ADMIN), or leave")
    async def remove_member(self, principal: SignedIn, group_id: PathId, user_id: PathId) -> None:
        if user_id == principal.user_id:
            require_member(principal, GroupId(group_id))
        else:
            require_admin(principal, GroupId(group_id))
        await store.remove_member(GroupId(group_id), UserId(user_id))


class TokenRoutes(Controller):
    path = "/api/tokens"
    tags = ("tokens",)

    @get(summary="My tokens, without their secrets")
    async def list_tokens(self, principal: SignedIn) -> list[Token]:
        return list(await store.tokens(principal.user_id))

    @post(summary="Make a token; its secret is told this once")
    async def create_token(
        self, principal: SignedIn, clock: Now, data: JSONBody[TokenRequest]
    ) -> NewToken:
        days = data.expires_in_days
        expires_at = clock.now() + timedelta(days=days) if days else None
        scopes = frozenset(data.scopes or principal.scopes)
        async with transaction():
            if principal.token_id is not None:
                await store.require_within(principal, scopes, expires_at)
            return await store.create_token(
                principal.user_id, name=data.name, expires_at=expires_at, scopes=scopes
            )

    @delete("/{token_id:int}", summary="Revoke a token")
    async def revoke_token(self, principal: SignedIn, clock: Now, token_id: PathId) -> None:
        await store.revoke_token(principal.user_id, token_id, at=clock.now())


async def _whom(principal: Principal, data: NewMember) -> UserId:
    """The user to add; an address nobody has becomes a user who may be given a token."""
    if (data.user_id is None) == (data.email is None):
        raise BadMessage("Give either `userId` or `email`.", code="bad_member")
    if data.email is not None:
        email = store.check_email(data.email)
        known = await store.user_by_email(email)
        if known is None:
            name = data.name or email.partition("@")[0]
            known = await store.create_user(name=name, email=email)
        return known.user_id
    user_id = UserId(data.user_id or 0)
    if not principal.is_admin and not await store.share_a_group(principal.user_id, user_id):
        raise NotFound(f"There is no user {user_id}.", userId=user_id)
    return (await store.user(user_id)).user_id


def _columns(principal: Principal, data: ProfileChange) -> dict[str, Any]:
    """What to set. An address counts from administrators only.

    People are added to groups by address: whoever could take any address could take a place
    meant for somebody else.
    """
    changes = {k: v for k, v in msgspec.structs.asdict(data).items() if v is not UNSET}
    if "time_zone" in changes:
        check_time_zone(changes["time_zone"])
    if changes.get("email") is not None:
        changes["email"] = store.check_email(changes["email"])
    if "email" in changes and not principal.is_admin:
        del changes["email"]
    return changes
