"""Who people are, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

from vori.ids import GroupId, UserId


class Role(StrEnum):
    """ADMIN manages a group's members; both see and change its meetings and tickets."""

    ADMIN = "ADMIN"
    MEMBER = "MEMBER"


class Principal(Struct, frozen=True, kw_only=True):
    """Whoever sent a request. `is_admin`: may run this VORI; says nothing about groups."""

    user_id: UserId
    name: str
    is_admin: bool = False
    roles: Mapping[GroupId, Role] = field(default_factory=dict)


class User(Struct, frozen=True, kw_only=True, rename="camel"):
    user_id: UserId
    name: str
    email: str | None
    language: str
    time_zone: str
    is_admin: bool
    created_at: datetime


class Group(Struct, frozen=True, kw_only=True, rename="camel"):
    """`role` is the asking user's."""

    group_id: GroupId
    name: str
    role: Role
    created_at: datetime


class GroupMember(Struct, frozen=True, kw_only=True, rename="camel"):
    """`nicknames` are how others call them in meetings."""

    user_id: UserId
    group_id: GroupId
    name: str
    email: str | None
    role: Role
    nicknames: tuple[str, ...] = ()


class Token(Struct, frozen=True, kw_only=True, rename="camel"):
    """A bearer token without its secret."""

    token_id: int
    name: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class NewToken(Struct, frozen=True, kw_only=True, rename="camel"):
    """`secret` is told this once and kept nowhere."""

    token: Token
    secret: str
