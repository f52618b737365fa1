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


class Scope(StrEnum):
    """What a token may be used for, besides what its user may do."""

    READ = "read"
    WRITE = "write"
    RECORD = "record"
    """Send sound."""
    ADMIN = "admin"
    """Run this VORI, for users who may."""


ALL_SCOPES = frozenset(Scope)


class Principal(Struct, frozen=True, kw_only=True):
    """Whoever sent a request. `is_admin`: may run this VORI; says nothing about groups.

    `session_id` or `token_id` is what they signed in with; neither in development mode.
    """

    user_id: UserId
    name: str
    is_admin: bool = False
    roles: Mapping[GroupId, Role] = field(default_factory=dict)
    scopes: frozenset[Scope] = ALL_SCOPES
    session_id: int | None = None
    token_id: int | None = None


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
    keep_sound_days: int | None = None
    keep_words_days: int | None = None
    """Days after a meeting's end; None: until somebody deletes the meeting."""
    end_after_silence_min: int | None = None
    """A meeting in which nobody says a word for so long ends; None: as `[tickets]` has it."""


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
    scopes: tuple[Scope, ...] = tuple(Scope)


class NewToken(Struct, frozen=True, kw_only=True, rename="camel"):
    """`secret` is told this once and kept nowhere."""

    token: Token
    secret: str


class Method(Struct, frozen=True, kw_only=True, rename="camel"):
    """A provider of identities to sign in with: the page goes to `startPath`."""

    label: str
    start_path: str


class SessionState(Struct, frozen=True, kw_only=True, rename="camel"):
    """Who is signed in, if anybody, and how one may sign in.

    `dev`: development mode, where nobody needs to. `needsFirstAdmin`: nobody can sign in yet; the
    link that VORI printed at its start makes the first one.
    """

    user: User | None = None
    expires_at: datetime | None = None
    password: bool = True
    methods: tuple[Method, ...] = ()
    dev: bool = False
    needs_first_admin: bool = False


class SessionInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """A browser that is signed in. `agent` is what it calls itself."""

    session_id: int
    method: str
    agent: str
    address: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    is_current: bool


class LinkKind(StrEnum):
    FIRST_ADMIN = "first_admin"
    PASSWORD = "password"  # noqa: S105 - a kind of link


class LinkInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a one-time link is for: whose password it sets; the first admin has no name yet."""

    kind: LinkKind
    name: str | None
    email: str | None
    expires_at: datetime


class NewLink(Struct, frozen=True, kw_only=True, rename="camel"):
    """`path` on this VORI, to be given to the person; it works once and is told this once."""

    path: str
    expires_at: datetime


class Pass(Struct, frozen=True, kw_only=True, rename="camel"):
    """Opens one WebSocket, as `?pass=…`, until `expiresAt`."""

    secret: str
    expires_at: datetime


class Account(Struct, frozen=True, kw_only=True, rename="camel"):
    """A user as administrators see them. `methods`: password, and issuers of identities."""

    user_id: UserId
    name: str
    email: str | None
    language: str
    time_zone: str
    is_admin: bool
    is_disabled: bool
    methods: tuple[str, ...]
    groups: tuple[str, ...]
    created_at: datetime
    last_seen_at: datetime | None


class NewAccount(Struct, frozen=True, kw_only=True, rename="camel"):
    account: Account
    link: NewLink
