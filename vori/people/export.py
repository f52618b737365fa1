"""All that belongs to one person, as a ZIP of JSON files."""

from __future__ import annotations

import asyncio
import io
import zipfile
from pathlib import Path
from typing import Any

import msgspec

from vori.data.engine import DB
from vori.errors import NotFound
from vori.ids import UserId

FILES = {
    "account": """
        SELECT u.id AS user_id, u.name, u.email, u.language, u.time_zone, u.is_admin, u.created_at,
               u.password_hash IS NOT NULL AS has_password, u.password_changed_at, u.disabled_at,
               u.last_seen_at,
               (SELECT read_until FROM notices_read n WHERE n.user_id = u.id) AS notices_read_until
        FROM users u WHERE u.id = $1
    """,
    "groups": """
        SELECT m.group_id, g.name, m.role, m.nicknames, m.created_at AS member_since
        FROM members m JOIN groups g ON g.id = m.group_id WHERE m.user_id = $1 ORDER BY 1
    """,
    "identities": """
        SELECT issuer, subject, email, created_at FROM identities WHERE user_id = $1 ORDER BY 4
    """,
    "sessions": """
        SELECT id AS session_id, method, agent, address, created_at, last_used_at, expires_at
        FROM sessions WHERE user_id = $1 ORDER BY 1
    """,
    "tokens": """
        SELECT id AS token_id, name, scopes, created_at, expires_at, last_used_at, revoked_at
        FROM tokens WHERE user_id = $1 ORDER BY 1
    """,
    "links": """
        SELECT id AS link_id, kind, created_at, expires_at, user_id = $1 AS is_for_me
        FROM links WHERE user_id = $1 OR created_by = $1 ORDER BY 1
    """,
    "passes": "SELECT scopes, expires_at FROM passes WHERE user_id = $1 ORDER BY 2",
    "meetings": """
        SELECT id AS meeting_id, group_id, title, status, started_at, ended_at, created_at
        FROM meetings WHERE created_by = $1 ORDER BY 1
    """,
    "recordings": """
        SELECT id AS recording_id, audio_id, meeting_id, group_id, status, language, offset_ms,
               decoded_ms AS duration_ms, received_bytes, started_at, finished_at, sound_deleted_at
        FROM recordings WHERE user_id = $1 ORDER BY started_at, id
    """,
    "said": """
        SELECT id AS caption_id, meeting_id, recording_id, text, language,
               meeting_start_ms AS start_ms, meeting_start_ms + end_ms - start_ms AS end_ms,
               created_at
        FROM captions WHERE speaker_id = $1 ORDER BY meeting_id, meeting_start_ms, seq
    """,
    "said_versions": """
        SELECT v.recording_id, v.number AS version, v.text, v.language, v.created_at
        FROM version_captions v WHERE v.speaker_id = $1 ORDER BY 1, 2, v.seq
    """,
    "versions": """
        SELECT recording_id, number AS version, state, origin, model, created_at
        FROM transcript_versions WHERE created_by = $1 ORDER BY created_at
    """,
    "jobs": """
        SELECT id AS job_id, meeting_id, recording_id, state, model, created_at
        FROM transcription_jobs WHERE created_by = $1 ORDER BY created_at
    """,
    "minutes": """
        SELECT meeting_id, language, markdown, updated_at FROM minutes WHERE edited_by = $1
        ORDER BY 1
    """,
    "tickets": """
        SELECT id AS ticket_id, group_id, meeting_id, title, content, status, due, created_at,
               updated_at FROM tickets WHERE assignee_id = $1 ORDER BY created_at
    """,
    "changes": """
        SELECT ticket_id, meeting_id, at, kind, before, after FROM ticket_history
        WHERE user_id = $1 ORDER BY at
    """,
    "decisions": """
        SELECT id AS proposal_id, meeting_id, group_id, kind, ticket_id, payload, state, decided_at
        FROM proposals WHERE decided_by = $1 ORDER BY 1
    """,
    "audit": """
        SELECT at, via, action, group_id, meeting_id, target, address FROM audit
        WHERE user_id = $1 ORDER BY id
    """,
}

_README = """All that this VORI keeps of one person, as JSON; times are UTC.

account groups identities sessions tokens links passes: who you are, and how you sign in.
meetings: those that you made. recordings: your microphone. said, said_versions: your words.
versions, jobs: transcripts that you asked for. minutes: those that you edited, as they are now.
tickets: those that you have. changes, decisions: what you changed on the board, and decided.
audit: what the audit log tells of you.

The sound of your recordings: GET /api/meetings/MEETING/audio?audioId=AUDIO, or, from whoever runs
this VORI, by `vori user export --sound`, as it came: the folder `sound`.
"""


async def belongings(user_id: UserId) -> dict[str, list[dict[str, Any]]]:
    """Rows by file name, with names in camelCase. Raises NotFound."""
    if not await DB.fetch("SELECT 1 FROM users WHERE id = $1", user_id):
        raise NotFound(f"There is no user {user_id}.", userId=user_id)
    return {
        name: [{_camel(k): v for k, v in row.items()} for row in await DB.fetch(sql, user_id)]
        for name, sql in FILES.items()
    }


async def archive(user_id: UserId) -> bytes:
    """The ZIP. Raises NotFound."""
    return await asyncio.to_thread(_zipped, await belongings(user_id))


def _zipped(rows: dict[str, list[dict[str, Any]]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("README.txt", _README)
        for name, found in rows.items():
            text = msgspec.json.format(msgspec.json.encode(found), indent=1)
            file.writestr(f"{name}.json", text)
    return buffer.getvalue()


def add_sound(archive: Path, home: Path) -> int:
    """Put the recordings' sound that lies in `home` into the ZIP, as it came; how many had any."""
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_STORED) as file:
        recordings = msgspec.json.decode(file.read("recordings.json"))
        added = 0
        for one in recordings:
            folder = home / "journal" / str(one["meetingId"]) / one["recordingId"]
            parts = sorted(folder.glob("*")) if folder.is_dir() else []
            for part in parts:
                file.write(part, f"sound/{one['recordingId']}/{part.name}")
            added += bool(parts)
    return added


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)
