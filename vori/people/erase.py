"""Forgetting one person: their account, their sound, their name.

What they did stays, without them: meetings, words and tickets belong to their group too. Every
table is looked through, by the schema of the database itself, so that a table that is added later
is not forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from vori.data.engine import DB, transaction
from vori.data.retention import delete_words
from vori.errors import Conflict, NotFound
from vori.ids import GroupId, MeetingId, UserId

ENGLISH, KOREAN = "former member", "전 구성원"
STEP_ROWS = 500
"""Changed in one transaction."""
PASSES = 3
"""So often a column is looked through while others change what is found."""
_SLOWLY = "SET LOCAL statement_timeout = '10min'"
SHORTEST_NAME = 2
"""Shorter ones stand in too many words."""
_OWN = ("users", "members", "tokens", "sessions", "links", "passes", "identities", "notices_read")
"""Go with the user's row, or hold nothing of a name."""
_JSON_TEXT = ("outbox.payload", "dead_letters.payload")
_HANGUL = re.compile(r"[가-힣]")

REMAINS = (
    "Words that the person said, without their name: they are the group's transcript. Delete the"
    " meetings to delete them.",
    "Nicknames, parts of the name and other spellings, where somebody said them.",
    "Lines of the audit log, under the person's number, which is nobody's now: they go by"
    " retention.audit_days.",
    "Messages that a Kafka cluster has (kafka.retention_days) and what Spark counted of them, and"
    " backups: a person comes back with a restored backup, and is to be erased again.",
)


class Erased(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was done about one person, or with `isDryRun` would be."""

    user_id: UserId
    is_dry_run: bool
    recordings: int
    """Whose sound is deleted."""
    unassigned: int
    """Tickets that nobody has now."""
    replaced: dict[str, int]
    """Rows in which the name or the address was replaced, by table and column."""
    groups_deleted: tuple[GroupId, ...]
    groups_without_members: tuple[GroupId, ...]
    """Nobody sees what is in them, until an administrator adds somebody."""
    namesakes_in: tuple[GroupId, ...]
    """Groups with another member of the same name, in whose words it stays."""
    name_stays: str = ""
    """Why the name was left in what was said, if it was."""
    remains: tuple[str, ...] = REMAINS


async def erase(
    user_id: UserId,
    *,
    at: datetime,
    by: UserId | None = None,
    keep_spoken: bool = False,
    with_groups: bool = False,
    dry_run: bool = False,
) -> Erased:
    """Forget the person; `remove_sound` of each home deletes their files.

    Done in short steps, since a long transaction would hold up every reader of events: the
    person is signed out first, their row goes last. What was interrupted is done by asking again.

    keep_spoken: leave their name where others said or wrote it; labels and minutes lose it.
    with_groups: delete groups that have no other member, with all their meetings.

    Raises NotFound; Conflict for the last administrator, the last ADMIN of a group with others
    in it, and while they are recording.
    """
    person = await _person(user_id)
    await _check(user_id, is_admin=person["is_admin"])
    alone, groups = await _groups_alone(user_id), await _groups(user_id)
    namesakes = await _namesakes(user_id, person["name"])
    names = _Names(person["name"], person["email"], keep_spoken=keep_spoken)
    scope = [group for group in groups if group not in namesakes]
    [counted] = await DB.fetch(
        "SELECT (SELECT count(*) FROM tickets WHERE assignee_id = $1) AS tickets,"
        " (SELECT count(*) FROM recordings WHERE user_id = $1) AS recordings",
        user_id,
    )
    if not dry_run:
        await _sign_out(user_id, at)
        await _delete_sound(user_id, at)
    replaced = await _replace(names, scope, dry_run=dry_run)
    if not dry_run:
        for group in alone if with_groups else ():
            await _delete_group(group)
        await _let_go(user_id)
        await _delete_account(user_id, at=at, by=by)
    return Erased(
        user_id=user_id,
        is_dry_run=dry_run,
        recordings=counted["recordings"],
        unassigned=counted["tickets"],
        replaced=replaced,
        groups_deleted=tuple(alone) if with_groups else (),
        groups_without_members=() if with_groups else tuple(alone),
        namesakes_in=tuple(group for group in groups if group in namesakes),
        name_stays=names.why_not,
    )


async def _person(user_id: UserId) -> Any:
    rows = await DB.fetch("SELECT name, email, is_admin FROM users WHERE id = $1", user_id)
    if not rows:
        raise NotFound(f"There is no user {user_id}.", userId=user_id)
    return rows[0]


async def _sign_out(user_id: UserId, at: datetime) -> None:
    """From here on they come in no more, and record nothing."""
    async with transaction():
        await DB.fetch("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
        await _check(user_id, is_admin=(await _person(user_id))["is_admin"])
        await DB.fetch(
            "UPDATE users SET disabled_at = coalesce(disabled_at, $2) WHERE id = $1", user_id, at
        )
        await DB.fetch("DELETE FROM sessions WHERE user_id = $1", user_id)


async def _delete_group(group_id: GroupId) -> None:
    """With all that was said in its meetings, events too."""
    for row in await DB.fetch("SELECT id FROM meetings WHERE group_id = $1", group_id):
        async with transaction():
            await delete_words(MeetingId(row["id"]))
    async with transaction():
        await DB.script(_SLOWLY)
        await DB.fetch_slowly("DELETE FROM groups WHERE id = $1", group_id)


async def _let_go(user_id: UserId) -> None:
    """Of every row that only names the person, some at a time."""
    for one in await DB.fetch(_NAMING):
        sql = (
            f'UPDATE {one["table"]} SET "{one["column"]}" = NULL WHERE ctid IN'  # noqa: S608
            f' (SELECT ctid FROM {one["table"]} WHERE "{one["column"]}" = $1 LIMIT {10 * STEP_ROWS})'
            " RETURNING 1"
        )
        rows: Sequence[Any] = [None]
        while rows:
            async with transaction():
                await DB.script(_SLOWLY)
                rows = await DB.fetch_slowly(sql, user_id)


async def _delete_account(user_id: UserId, *, at: datetime, by: UserId | None) -> None:
    async with transaction():
        await DB.script(_SLOWLY)
        await DB.fetch_slowly("DELETE FROM users WHERE id = $1", user_id)
        await DB.fetch("UPDATE audit SET address = '', request_id = '' WHERE user_id = $1", user_id)
        await DB.fetch(
            "INSERT INTO audit (at, user_id, via, action, target) VALUES ($1, $2, $3, $4, $5)",
            at,
            by,
            "command" if by is None else "",
            "user.erased",
            str(user_id),
        )


async def _check(user_id: UserId, *, is_admin: bool) -> None:
    if is_admin and not await DB.fetch(
        "SELECT 1 FROM users WHERE is_admin AND disabled_at IS NULL AND id <> $1 LIMIT 1", user_id
    ):
        raise Conflict(
            "Nobody would be left to run this VORI; make another administrator first.",
            code="last_operator",
            userId=user_id,
        )
    left = await DB.fetch(_LAST_ADMIN_OF, user_id)
    if left:
        listed = ", ".join(str(row["group_id"]) for row in left)
        raise Conflict(
            f"User {user_id} is the last ADMIN of group {listed}; make another one first.",
            code="last_admin",
            userId=user_id,
        )
    if await DB.fetch(
        "SELECT 1 FROM recordings WHERE user_id = $1 AND status = 'OPEN' LIMIT 1", user_id
    ):
        raise Conflict(
            f"User {user_id} is recording; end the meeting first.",
            code="recording_open",
            userId=user_id,
        )


async def _groups_alone(user_id: UserId) -> list[GroupId]:
    rows = await DB.fetch(
        "SELECT group_id FROM members GROUP BY 1 HAVING array_agg(user_id) = ARRAY[$1::bigint]"
        " ORDER BY 1",
        user_id,
    )
    return [GroupId(row["group_id"]) for row in rows]


async def _groups(user_id: UserId) -> list[GroupId]:
    """Those that the person is in, and those that they left something in."""
    async with transaction():
        await DB.script(_SLOWLY)
        rows = await DB.fetch_slowly(_GROUPS, user_id)
    return [GroupId(row["group_id"]) for row in rows]


async def _namesakes(user_id: UserId, name: str) -> set[GroupId]:
    rows = await DB.fetch(
        "SELECT DISTINCT m.group_id FROM members m JOIN users u ON u.id = m.user_id"
        " WHERE lower(u.name) = lower($2) AND u.id <> $1",
        user_id,
        name,
    )
    return {GroupId(row["group_id"]) for row in rows}


async def _delete_sound(user_id: UserId, at: datetime) -> None:
    """Mark the person's recordings; `audio_id` is what their client chose, and goes too."""
    async with transaction():
        await DB.fetch(
            "UPDATE transcription_jobs SET state = 'CANCELLED', finished_at = $2, updated_at = $2"
            " WHERE state IN ('QUEUED', 'RUNNING')"
            " AND recording_id IN (SELECT id FROM recordings WHERE user_id = $1)",
            user_id,
            at,
        )
        await DB.fetch(
            "DELETE FROM audio_streams WHERE audio_id IN"
            " (SELECT audio_id FROM recordings WHERE user_id = $1)",
            user_id,
        )
        rows = await DB.fetch(
            "UPDATE recordings SET sound_deleted_at = coalesce(sound_deleted_at, $2),"
            " audio_id = 'erased-' || id WHERE user_id = $1 RETURNING meeting_id",
            user_id,
            at,
        )
        await DB.fetch(
            "UPDATE meetings m SET sound_deleted_at = $2 WHERE id = ANY ($1)"
            " AND sound_deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM recordings r"
            " WHERE r.meeting_id = m.id AND r.sound_deleted_at IS NULL)",
            [row["meeting_id"] for row in rows],
            at,
        )


class _Names:
    """The person's name and address as they stand in texts, and what takes their place."""

    def __init__(self, name: str, email: str | None, *, keep_spoken: bool) -> None:
        self.name = " ".join(name.split())
        self.email = email or ""
        self.keep_spoken = keep_spoken
        self.instead = KOREAN if _HANGUL.search(name) else ENGLISH
        self.why_not = ""
        if keep_spoken:
            self.why_not = "as asked for"
        elif len(self.name) < SHORTEST_NAME:
            self.why_not = "it is too short to be told from other words"
        self._pattern = _pattern(self.name)

    def mend(self, text: str, *, is_spoken: bool) -> str:
        """`text` without the address; without the name, unless it is left where it is spoken."""
        if self.email:
            text = re.sub(re.escape(self.email), self.instead, text, flags=re.IGNORECASE)
        if is_spoken and self.why_not:
            return text
        return self._pattern.sub(self.instead, text)

    def mend_json(self, value: Any) -> Any:
        """The same in every text within; a text that is the name and nothing else is a label."""
        if isinstance(value, str):
            return self.mend(value, is_spoken=" ".join(value.split()) != self.name)
        if isinstance(value, list):
            return [self.mend_json(one) for one in value]
        if isinstance(value, dict):
            return {self.mend_json(key): self.mend_json(one) for key, one in value.items()}
        return value


def _pattern(name: str) -> re.Pattern[str]:
    """Korean words end in particles, so a Korean name is found within them; others stand alone.

    One word may be another word too (Will, Grace): it counts as it is written only.
    """
    words = r"\s+".join(re.escape(word) for word in name.split())
    if _HANGUL.search(name):
        return re.compile(words)
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE if " " in name else 0)


async def _replace(names: _Names, groups: Sequence[GroupId], *, dry_run: bool) -> dict[str, int]:
    """Mend every text, array and JSON of every table; the rows changed, by `table.column`."""
    changed: dict[str, int] = {}
    for one in await DB.fetch(_COLUMNS, list(_OWN)):
        table, column = one["table"], one["column"]
        for _ in range(1 if dry_run else PASSES):
            found = await _found(names, one, groups)
            if not found:
                break
            place = f"{table}.{column}"
            changed[place] = changed.get(place, 0) + len(found)
            for at in range(0, 0 if dry_run else len(found), STEP_ROWS):
                async with transaction():
                    for row, mended in found[at : at + STEP_ROWS]:
                        await _mend(table, column, row, mended)
        else:
            if not dry_run and await _found(names, one, groups):
                raise Conflict(
                    f"{table} is being changed all the time; ask again.", code="changed_since"
                )
    return changed


async def _found(names: _Names, one: Any, groups: Sequence[GroupId]) -> list[tuple[Any, Any]]:
    """Rows that hold something to be replaced, and what they are to hold."""
    async with transaction():  # which reads only, and so holds nobody up
        await DB.script(_SLOWLY)
        rows = await _rows_with(names, one["table"], one["column"], set(one["beside"]), groups)
    found = [(row, _mended(names, one, row["value"])) for row in rows]
    return [(row, mended) for row, mended in found if mended != row["value"]]


async def _rows_with(
    names: _Names, table: str, column: str, beside: set[str], groups: Sequence[GroupId]
) -> list[Any]:
    """Rows with the address, and those of the person's groups with the name."""
    scope = next((sql for having, sql in _SCOPES if having in beside), _NOBODY_S)
    if table == "groups":
        scope = "t.id = ANY ({groups}::bigint[])"
    quoted = msgspec.json.encode(names.name).decode()[1:-1]
    # A blank in the name may be any blank in the text: its longest word finds the rows.
    needles = sorted({max(one.split(), key=len, default="") for one in (names.name, quoted)})
    return await DB.fetch_slowly(
        f'SELECT ctid::text AS place, "{column}" AS value, "{column}"::text AS raw FROM "{table}" t'  # noqa: S608 - of the schema
        f" WHERE ($1 <> '' AND strpos(lower(\"{column}\"::text), lower($1)) > 0)"
        f' OR ({scope.format(groups="$2")} AND (strpos(lower("{column}"::text), lower($3)) > 0'
        f' OR strpos(lower("{column}"::text), lower($4)) > 0))',
        names.email,
        list(groups),
        needles[0],
        needles[-1],
    )


def _mended(names: _Names, one: Any, value: Any) -> Any:
    place = f"{one['table']}.{one['column']}"
    if one["kind"] == "ARRAY":
        return [names.mend(x, is_spoken=True) if isinstance(x, str) else x for x in value]
    if one["kind"] == "jsonb":
        return names.mend_json(value)
    if place in _JSON_TEXT:
        return _mend_payload(names, value)
    return names.mend(value, is_spoken=place != "minutes.markdown")


async def _mend(table: str, column: str, row: Any, mended: Any) -> None:
    """Unless somebody has changed the row since: then the next pass finds it again."""
    where = f'WHERE ctid = $1::text::tid AND "{column}"::text = $2'
    if table.startswith("analytics_"):  # counted anew
        await DB.fetch(f'DELETE FROM "{table}" {where}', row["place"], row["raw"])  # noqa: S608
        return
    told = f"{table}.{column}" in ("captions.text", "version_captions.text")
    also = ", words = '[]'" if told else ""
    await DB.fetch(
        f'UPDATE "{table}" SET "{column}" = $3{also} {where}',  # noqa: S608
        row["place"],
        row["raw"],
        mended,
    )


def _mend_payload(names: _Names, text: str) -> str:
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return names.mend(text, is_spoken=True)
    mended = names.mend_json(value)
    return text if mended == value else msgspec.json.encode(mended).decode()


_LAST_ADMIN_OF = """
SELECT m.group_id FROM members m WHERE m.user_id = $1 AND m.role = 'ADMIN'
AND EXISTS (SELECT 1 FROM members o WHERE o.group_id = m.group_id AND o.user_id <> $1)
AND NOT EXISTS (SELECT 1 FROM members o WHERE o.group_id = m.group_id AND o.user_id <> $1
                AND o.role = 'ADMIN')
ORDER BY 1
"""

_GROUPS = """
SELECT group_id FROM members WHERE user_id = $1
UNION SELECT group_id FROM recordings WHERE user_id = $1
UNION SELECT group_id FROM captions WHERE speaker_id = $1
UNION SELECT group_id FROM meetings WHERE created_by = $1
UNION SELECT group_id FROM tickets WHERE assignee_id = $1
UNION SELECT t.group_id FROM ticket_history h JOIN tickets t ON t.id = h.ticket_id
      WHERE h.user_id = $1
UNION SELECT group_id FROM audit WHERE user_id = $1 AND group_id IS NOT NULL
ORDER BY 1
"""

_NAMING = """
SELECT conrelid::regclass::text AS "table", a.attname AS "column"
FROM pg_constraint JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1]
WHERE contype = 'f' AND confrelid = 'users'::regclass AND confdeltype = 'n' ORDER BY 1, 2
"""

_COLUMNS = """
SELECT c.table_name AS "table", c.column_name AS "column", c.data_type AS kind,
       ARRAY(SELECT o.column_name::text FROM information_schema.columns o
             WHERE o.table_schema = 'public' AND o.table_name = c.table_name) AS beside
FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.is_generated = 'NEVER'
AND (c.data_type IN ('text', 'character varying', 'jsonb')
     OR (c.data_type = 'ARRAY' AND c.udt_name IN ('_text', '_varchar')))
AND NOT (c.table_name::text = ANY ($1)) AND c.table_name <> 'migration'
ORDER BY 1, 2
"""

_NOBODY_S = "cardinality({groups}::bigint[]) < 0"
_MEETINGS = "SELECT m.id FROM meetings m WHERE m.group_id = ANY ({groups})"
_TICKETS = "SELECT k.id FROM tickets k WHERE k.group_id = ANY ({groups})"
_SCOPES = (
    ("group_id", "t.group_id = ANY ({groups}::bigint[])"),
    ("ticket_id", f"t.ticket_id IN ({_TICKETS})"),
    ("meeting_id", f"t.meeting_id IN ({_MEETINGS})"),
    (
        "recording_id",
        "t.recording_id IN (SELECT r.id FROM recordings r WHERE r.group_id = ANY ({groups}))",
    ),
    (
        "key",
        "t.key IN (SELECT x::text FROM unnest({groups}::bigint[]) AS x"
        " UNION SELECT k.id FROM tickets k WHERE k.group_id = ANY ({groups})"
        " UNION SELECT m.id::text FROM meetings m WHERE m.group_id = ANY ({groups}))",
    ),
)
"""Whose a row is, by the first of these columns that its table has."""
