"""Sound over Kafka: messages `{"randomkey": …, "audiodata": …}` of one sender make a recording.

`audiodata` is base64 of the next bytes, `"-"` that there are no more. A sender that names no
meeting gets one of its own. Where a sender is, is kept in the database with the bytes its
recording had by then: a message that comes again is passed over, and of one whose bytes were
on the disk already when VORI was killed only the rest is taken.
"""

from __future__ import annotations

from msgspec import Struct, structs

from vori.data.engine import DB
from vori.errors import BadMessage, Unavailable
from vori.ids import AudioId, GroupId, MeetingId, UserId
from vori.people.messages import Principal, Role
from vori.transcribe.messages import AudioData
from vori.transcribe.outgoing import Listener
from vori.transcribe.protocols.chunks import decoded, go_on
from vori.transcribe.recordings import Opening, Recordings

LAST = "-"
ENDED = ""
"""In place of the recording's name, once its sender has ended it."""


class _Sender(Struct, frozen=True, kw_only=True):
    """How far a sender's messages have been taken in."""

    audio_id: str
    meeting_id: int
    partition: int
    next_offset: int
    received_bytes: int


class AudioStream:
    """Records what senders say, as meetings of one group, in the name of its first ADMIN."""

    def __init__(self, recordings: Recordings, group_id: GroupId) -> None:
        self._recordings = recordings
        self._group_id = group_id

    async def take(self, message: AudioData, partition: int, offset: int) -> None:
        """Return when the message's bytes are on the disk.

        Raises BadMessage for what is no base64, and what `Recordings.open` raises.
        """
        sender = await _sender(message.randomkey)
        if sender is not None and sender.partition == partition and offset < sender.next_offset:
            return
        is_last = message.audiodata == LAST
        sound = b"" if is_last else decoded(message.audiodata, "audiodata")
        if sender is None or sender.audio_id == ENDED:
            if is_last or not sound:
                return
            # The same when the message comes again before it was noted that it came.
            audio_id = f"kafka:{message.randomkey[:80]}:{partition}:{offset}"
            sender = _Sender(
                audio_id=audio_id,
                meeting_id=await _meeting_for(audio_id, message.meeting_id, self._group_id),
                partition=partition,
                next_offset=offset,
                received_bytes=0,
            )
        received = await self._feed(sender, sound, is_last=is_last)
        await _keep(
            message.randomkey,
            structs.replace(
                sender,
                audio_id=ENDED if is_last else sender.audio_id,
                partition=partition,
                next_offset=offset + 1,
                received_bytes=received,
            ),
        )

    async def _feed(self, sender: _Sender, sound: bytes, *, is_last: bool) -> int:
        opening = Opening(
            meeting_id=MeetingId(sender.meeting_id),
            group_id=self._group_id,
            audio_id=AudioId(sender.audio_id),
        )
        listener = Listener()
        principal = await _speaker(self._group_id)
        live = await go_on(self._recordings, opening, principal, listener)
        try:
            already = max(0, live.journal.durable_bytes - sender.received_bytes)
            if rest := sound[already:]:
                await live.feed(rest, listener)
            await live.journal.sync()
            return live.journal.durable_bytes
        finally:
            live.detach(listener, for_good=is_last)


async def _sender(random_key: str) -> _Sender | None:
    rows = await DB.fetch(
        'SELECT audio_id, meeting_id, "partition", next_offset, received_bytes'
        " FROM audio_streams WHERE random_key = $1",
        _key(random_key),
    )
    return _Sender(**rows[0]) if rows else None


async def _keep(random_key: str, sender: _Sender) -> None:
    await DB.fetch(
        'INSERT INTO audio_streams (random_key, audio_id, meeting_id, "partition", next_offset,'
        " received_bytes) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (random_key) DO UPDATE SET audio_id = excluded.audio_id,"
        ' meeting_id = excluded.meeting_id, "partition" = excluded."partition",'
        " next_offset = excluded.next_offset, received_bytes = excluded.received_bytes,"
        " updated_at = now()",
        _key(random_key),
        sender.audio_id,
        sender.meeting_id,
        sender.partition,
        sender.next_offset,
        sender.received_bytes,
    )


def _key(random_key: str) -> str:
    if not random_key.isprintable():
        raise BadMessage("randomkey must be printable text.", code="bad_audio_id")
    return random_key


async def _meeting_for(audio_id: str, wanted: int | None, group_id: GroupId) -> int:
    """The meeting named by the sender, the recording's if it was begun already, or a new one.

    Nobody knows who the sender is, so that a meeting must be there, and the group's, to be named.
    """
    if wanted is not None:
        known = await DB.fetch(
            "SELECT 1 FROM meetings WHERE id = $1 AND group_id = $2", wanted, group_id
        )
        if not known:
            raise BadMessage(
                f"meetingId {wanted} is no meeting of group {group_id}.", code="unknown_meeting"
            )
        return wanted
    rows = await DB.fetch("SELECT meeting_id FROM recordings WHERE audio_id = $1", audio_id)
    if not rows:
        rows = await DB.fetch("SELECT next_meeting_id() AS meeting_id")
    return int(rows[0]["meeting_id"])


async def _speaker(group_id: GroupId) -> Principal:
    rows = await DB.fetch(
        "SELECT u.id, u.name FROM members m JOIN users u ON u.id = m.user_id"
        " WHERE m.group_id = $1 AND m.role = 'ADMIN' ORDER BY m.id LIMIT 1",
        group_id,
    )
    if not rows:
        raise Unavailable(
            f"Group {group_id} of kafka.audio_group_id has no ADMIN; make one.", code="no_group"
        )
    [row] = rows
    return Principal(user_id=UserId(row["id"]), name=row["name"], roles={group_id: Role.MEMBER})
