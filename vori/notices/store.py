"""Notices are read out of what is kept anyway: tickets' history, meetings, due dates."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from vori.data.engine import DB
from vori.ids import GroupId, UserId
from vori.notices.messages import Notice, NoticeKind, Notices

SHOWN_DAYS = 30

_NOTICES = """
WITH me AS (SELECT id, time_zone FROM users WHERE id = $1)
SELECT 'h:' || h.id AS notice_id,
       CASE WHEN h.after -> 'assigneeId' = to_jsonb($1::bigint) THEN 'assigned' ELSE 'moved' END
           AS kind,
       h.at, t.group_id, t.title, t.id AS ticket_id, h.meeting_id,
       coalesce(h.after ->> 'status', t.status) AS status, u.name AS by
FROM ticket_history h JOIN tickets t ON t.id = h.ticket_id LEFT JOIN users u ON u.id = h.user_id
WHERE t.group_id = ANY($2) AND t.dismissed_at IS NULL AND h.undone_at IS NULL AND h.at >= $3
  AND h.user_id IS DISTINCT FROM $1
  AND (h.after -> 'assigneeId' = to_jsonb($1::bigint)
       OR (t.assignee_id = $1 AND h.kind <> 'created' AND h.after ? 'status'))
UNION ALL
SELECT 'd:' || t.id || ':' || t.due, 'due', t.due::timestamp AT TIME ZONE me.time_zone,
       t.group_id, t.title, t.id, t.meeting_id, t.status, NULL
FROM tickets t, me
WHERE t.group_id = ANY($2) AND t.assignee_id = $1 AND t.dismissed_at IS NULL
  AND t.status <> 'DONE' AND t.due::timestamp AT TIME ZONE me.time_zone BETWEEN $3 AND $4
UNION ALL
SELECT 'm:' || m.id || ':' || extract(epoch FROM m.started_at), 'started', m.started_at,
       m.group_id, m.title, NULL, m.id, m.status, u.name
FROM meetings m LEFT JOIN users u ON u.id = m.created_by
WHERE m.group_id = ANY($2) AND m.started_at >= $3 AND m.created_by IS DISTINCT FROM $1
ORDER BY at DESC, notice_id LIMIT $5
"""


async def notices(
    user_id: UserId, groups: Collection[GroupId], *, at: datetime, limit: int
) -> Notices:
    """What happened to `user_id` in the last 30 days, as of `at`."""
    read_until = await _read_until(user_id)
    since = at - timedelta(days=SHOWN_DAYS)
    rows = await DB.fetch(_NOTICES, user_id, list(groups), since, at, limit)
    items = tuple(_notice(row, read_until) for row in rows)
    return Notices(items=items, unread=sum(not one.is_read for one in items), read_until=read_until)


async def read(user_id: UserId, *, until: datetime) -> None:
    """Count everything up to `until` as read; what was read stays so."""
    await DB.fetch(
        "INSERT INTO notices_read (user_id, read_until) VALUES ($1, $2)"
        " ON CONFLICT (user_id) DO UPDATE"
        " SET read_until = greatest(notices_read.read_until, excluded.read_until)",
        user_id,
        until,
    )


async def _read_until(user_id: UserId) -> datetime | None:
    rows = await DB.fetch("SELECT read_until FROM notices_read WHERE user_id = $1", user_id)
    return rows[0]["read_until"] if rows else None


def _notice(row: Any, read_until: datetime | None) -> Notice:
    is_read = read_until is not None and row["at"] <= read_until
    return Notice(**{**row, "kind": NoticeKind(row["kind"])}, is_read=is_read)
