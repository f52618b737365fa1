"""What concerns me, over HTTP. Pages ask again when `/api/events` tells of something of theirs."""

from __future__ import annotations

from datetime import datetime

from litestar import get, post
from litestar.params import JSONBody
from msgspec import Struct

from vori.api import Limit, Now, SignedIn
from vori.errors import BadMessage
from vori.notices import store
from vori.notices.messages import Notices


class Read(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    until: datetime
    """The newest notice that was seen."""


@get("/api/notices", tags=["notices"], summary="What concerns me, newest first")
async def list_notices(principal: SignedIn, clock: Now, limit: Limit = 50) -> Notices:
    return await store.notices(
        principal.user_id, list(principal.roles), at=clock.now(), limit=limit
    )


@post(
    "/api/notices/read",
    tags=["notices"],
    summary="I have seen them up to here; harmless when repeated",
    status_code=204,
)
async def read_notices(principal: SignedIn, clock: Now, data: JSONBody[Read]) -> None:
    if data.until.tzinfo is None:
        raise BadMessage("`until` needs a time zone, for example Z.", code="no_time_zone")
    await store.read(principal.user_id, until=min(data.until, clock.now()))
