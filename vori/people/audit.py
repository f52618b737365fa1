"""Who saw, changed, exported and deleted what: numbers, never words."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Annotated, Any

from litestar import Controller, get
from litestar.enums import ScopeType
from litestar.params import QueryParameter
from msgspec import Struct

from vori import log
from vori.api import Cursor, Limit, Page, SignedIn, cursor_of, place_of
from vori.clock import Clock
from vori.data.engine import DB
from vori.errors import VoriError
from vori.ids import BIGINT_MAX, GroupId, UserId
from vori.people.access import require_operator
from vori.people.limits import MOST_KEYS, address_of
from vori.people.messages import Principal, Scope

_log = log.get(__name__)

SEEN_ONCE = timedelta(minutes=10)
"""A page reads the same thing again and again; that is noted once in so long."""


class Entry(Struct, frozen=True, kw_only=True, rename="camel"):
    """`target` is the path's last id, if the group and meeting do not say it all."""

    entry_id: int
    at: datetime
    user_id: UserId | None
    name: str | None
    via: str
    action: str
    group_id: int | None
    meeting_id: int | None
    target: str
    address: str
    request_id: str


class Audit:
    """Writes the log."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: OrderedDict[object, datetime] = OrderedDict()

    async def note_request(
        self,
        connection: Any,
        principal: Principal,
        action: str,
        scope: Scope,
        *,
        group_id: GroupId | None,
    ) -> None:
        """Note a request that was answered; a failure to is logged, not told to the client."""
        given = {k: v for k, v in connection.scope["path_params"].items() if k.endswith("_id")}
        target = str(given.get(next(reversed(given), ""), ""))[:200]
        key = (principal.user_id, action, target, connection.scope["path"])
        # A page asks for the same again and again, and sound comes in many pieces.
        if scope in (Scope.READ, Scope.RECORD) and not self._is_new(key):
            return
        meeting_id = given.get("meeting_id")
        if connection.scope["type"] == ScopeType.HTTP:
            request_id = connection.scope["state"].get("request_id", "")
        else:
            request_id = ""
        try:
            await self.note(
                action,
                user_id=principal.user_id,
                via=_via(principal),
                group_id=group_id,
                meeting_id=meeting_id if isinstance(meeting_id, int) else None,
                target=target,
                address=address_of(connection),
                request_id=request_id,
            )
        except VoriError as exc:
            _log.error("audit lost", action=action, user_id=principal.user_id, code=exc.code)

    async def note_sign_in(self, connection: Any, user_id: UserId | None, action: str) -> None:
        """A browser that was signed in or refused; refusals alike are noted once in a while."""
        address = address_of(connection)
        if action.endswith("refused") and not self._is_new((user_id, action, address)):
            return
        try:
            await self.note(action, user_id=user_id, via="browser", address=address)
        except VoriError as exc:
            _log.error("audit lost", action=action, user_id=user_id, code=exc.code)

    async def note(
        self,
        action: str,
        *,
        user_id: UserId | None,
        via: str,
        group_id: int | None = None,
        meeting_id: int | None = None,
        target: str = "",
        address: str = "",
        request_id: str = "",
    ) -> None:
        """One line; in the current transaction, if there is one."""
        await DB.fetch(
            "INSERT INTO audit (at, user_id, via, action, group_id, meeting_id, target, address,"
            " request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            self._clock.now(),
            user_id,
            via,
            action,
            group_id,
            meeting_id,
            target,
            address,
            request_id,
        )

    def _is_new(self, key: object) -> bool:
        now = self._clock.now()
        before = self._seen.get(key)
        if before is not None and now - before < SEEN_ONCE:
            return False
        self._seen[key] = now
        self._seen.move_to_end(key)
        if len(self._seen) > MOST_KEYS:
            self._seen.popitem(last=False)
        return True


class AuditRoutes(Controller):
    path = "/api/admin/audit"
    tags = ("admin",)

    @get(summary="Who did what, newest first (administrators)")
    async def list_entries(
        self,
        principal: SignedIn,
        limit: Limit = 50,
        cursor: Cursor = None,
        user_id: Annotated[int | None, QueryParameter(name="userId", ge=1, le=BIGINT_MAX)] = None,
        group_id: Annotated[int | None, QueryParameter(name="groupId", ge=1, le=BIGINT_MAX)] = None,
        meeting_id: Annotated[
            int | None, QueryParameter(name="meetingId", ge=1, le=BIGINT_MAX)
        ] = None,
        action: Annotated[str | None, QueryParameter(max_length=100)] = None,
    ) -> Page[Entry]:
        require_operator(principal)
        rows = await DB.fetch(
            "SELECT a.id AS entry_id, a.at, a.user_id, u.name, a.via, a.action, a.group_id,"
            " a.meeting_id, a.target, a.address, a.request_id FROM audit a"
            " LEFT JOIN users u ON u.id = a.user_id"
            " WHERE a.id < $1 AND ($2::bigint IS NULL OR a.user_id = $2)"
            " AND ($3::bigint IS NULL OR a.group_id = $3)"
            " AND ($4::bigint IS NULL OR a.meeting_id = $4)"
            " AND ($5::text IS NULL OR a.action = $5) ORDER BY a.id DESC LIMIT $6",
            place_of(cursor)[1],
            user_id,
            group_id,
            meeting_id,
            action,
            limit + 1,
        )
        page = tuple(Entry(**row) for row in rows[:limit])
        if len(rows) == len(page):
            return Page(items=page)
        return Page(items=page, next_cursor=cursor_of(page[-1].at, page[-1].entry_id))


def _via(principal: Principal) -> str:
    if principal.session_id is not None:
        return "session"
    return "dev" if principal.token_id is None else "token"
