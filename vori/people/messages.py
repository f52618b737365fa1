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


class Policy(StrEnum):
    """What machines may change by themselves; the rest waits for somebody to accept it."""

    AUTO = "auto"
    PROPOSE = "propose"
    THRESHOLD = "threshold"
    """What a reading is at least `autoAbove` sure of."""


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
    """`role` is the asking user's.

    The budgets are for one calendar month (UTC), None for no limit: tokens of the hosted
    ticket engine, and money in the currency of the prices in the settings.
    """

    group_id: GroupId
    name: str
    role: Role
    created_at: datetime
    policy: Policy = Policy.AUTO
    auto_above: float | None = None
    budget_tokens: int | None = None
    budget_cost: float | None = None


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
