"""What an administrator sees of this VORI: its settings, and its recordings without their words."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from vori.api import SignedIn
from vori.data.engine import DB
from vori.ids import GroupId, MeetingId
from vori.people.access import require_operator
from vori.settings import Part, Settings

NEWEST_RECORDINGS = 100
SECRETS = frozenset({"database.url", "kafka.sasl_password"})
"""Of these it is only told whether they are set."""


class SettingView(Struct, frozen=True, kw_only=True, rename="camel"):
    """One setting as it counts now; `value` as it would be written."""

    name: str
    value: str
    is_default: bool


class RecordingCounts(Struct, frozen=True, kw_only=True, rename="camel"):
    open: int
    complete: int
    failed: int
    hours: float
    """Of sound, in all of them."""


class RecordingView(Struct, frozen=True, kw_only=True, rename="camel"):
    recording_id: UUID
    meeting_id: MeetingId
    group_id: GroupId
    status: str
    duration_ms: int
    received_bytes: int
    failure: str | None
    started_at: datetime
    finished_at: datetime | None


class SystemView(Struct, frozen=True, kw_only=True, rename="camel"):
    """The newest recordings: those that failed or go on first."""

    settings: tuple[SettingView, ...]
    counts: RecordingCounts
    recordings: tuple[RecordingView, ...]


_COUNTS = """
SELECT count(*) FILTER (WHERE status = 'OPEN') AS open,
       count(*) FILTER (WHERE status = 'COMPLETE') AS complete,
       count(*) FILTER (WHERE status = 'FAILED') AS failed,
       coalesce(sum(decoded_ms), 0)::double precision / 3600000 AS hours
FROM recordings
"""

_RECORDINGS = """
SELECT id AS recording_id, meeting_id, group_id, status, decoded_ms AS duration_ms,
       received_bytes, failure, started_at, finished_at
FROM recordings ORDER BY (status = 'COMPLETE'), started_at DESC LIMIT $1
"""


def system_route(settings: Settings) -> HTTPRouteHandler:
    @get("/api/admin/system", tags=["admin"], summary="Settings and recordings (administrators)")
    async def system(principal: SignedIn) -> SystemView:
        require_operator(principal)
        [counts] = await DB.fetch(_COUNTS)
        rows = await DB.fetch(_RECORDINGS, NEWEST_RECORDINGS)
        return SystemView(
            settings=tuple(settings_view(settings)),
            counts=RecordingCounts(**counts),
            recordings=tuple(RecordingView(**row) for row in rows),
        )

    return system


def settings_view(
    settings: Part, defaults: Part | None = None, prefix: str = ""
) -> list[SettingView]:
    """Every setting below `settings`, in the order of the tree; secrets are never in it."""
    defaults = type(settings)() if defaults is None else defaults
    found: list[SettingView] = []
    for field in msgspec.structs.fields(settings):
        value, default = getattr(settings, field.name), getattr(defaults, field.name)
        name = prefix + field.name
        if isinstance(value, Part):
            found += settings_view(value, default, f"{name}.")
        else:
            shown = ("***" if value else "") if name in SECRETS else _written(value)
            found.append(SettingView(name=name, value=shown, is_default=value == default))
    return found


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
