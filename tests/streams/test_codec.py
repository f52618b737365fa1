from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from vori.errors import BadMessage
from vori.ids import CaptionId, EventId, GroupId, MeetingId, TicketId, uuid7
from vori.streams.codec import decode, encode
from vori.streams.topics import (
    BY_NAME,
    BY_STRUCT,
    GROUP_TRENDS,
    OURS,
    PRODUCTIVITY,
    RECEIVED,
    TOPICS,
    TRANSCRIPTION_COMPLETED,
)
from vori.tickets.messages import Actor, Ticket, TicketCreated, TicketStatus
from vori.transcribe.messages import Caption

CAPTION = Caption(
    event_id=EventId(UUID(int=1)),
    caption_id=CaptionId(UUID(int=2)),
    meeting_id=MeetingId(7),
    group_id=GroupId(1),
    audio_id="mic-1",
    seq=0,
    text="배포는 내일까지 할게요",
    language="ko",
    start_ms=0,
    end_ms=1500,
    meeting_start_ms=90_000,
)


def test_an_event_comes_back_as_it_was():
    assert decode(TRANSCRIPTION_COMPLETED, encode(CAPTION)) == CAPTION


def test_json_is_camel_case_and_keeps_korean_readable():
    told = encode(CAPTION)
    assert '"meetingStartMs":90000' in told
    assert "배포는 내일까지" in told


def test_fields_a_newer_sender_added_are_ignored():
    fields = msgspec.json.decode(encode(CAPTION)) | {"mood": "good"}
    assert decode(TRANSCRIPTION_COMPLETED, msgspec.json.encode(fields)) == CAPTION


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"hello",
        b"[]",
        b"{}",
        b'{"text": "\xff"}',
        encode(CAPTION).replace('"seq":0', '"seq":"first"').encode(),
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    ],
    ids=["empty", "text", "array", "no fields", "not utf-8", "wrong type", "deep", "deep objects"],
)
def test_what_is_not_the_topics_message_is_refused_with_its_name(payload):
    with pytest.raises(BadMessage, match=r"transcription\.completed"):
        decode(TRANSCRIPTION_COMPLETED, payload)


def test_a_refusal_does_not_repeat_what_was_said():
    payload = encode(CAPTION).replace('"seq":0', '"seq":"0"')
    with pytest.raises(BadMessage) as refused:
        decode(TRANSCRIPTION_COMPLETED, payload)
    assert "배포" not in refused.value.message
    assert "seq" in refused.value.message


@pytest.mark.parametrize("text", ["a\0b", "half \ud83d"], ids=["nul", "surrogate"])
def test_text_that_cannot_be_stored_is_refused(text):
    with pytest.raises(BadMessage) as refused:
        encode(msgspec.structs.replace(CAPTION, text=text))
    assert refused.value.code == "bad_text"


def test_somebody_who_types_the_escape_for_nul_is_understood():
    typed = msgspec.structs.replace(CAPTION, text=r"type \u0000 here")
    assert decode(TRANSCRIPTION_COMPLETED, encode(typed)) == typed


def test_every_topic_has_its_own_name_and_struct_and_its_events_an_id():
    assert len(BY_NAME) - len(RECEIVED) == len((*TOPICS, *OURS)) == len(BY_STRUCT)
    for topic in TOPICS:
        names = {part.encode_name for part in msgspec.structs.fields(topic.struct)}
        assert "eventId" in names, topic.name
        if topic not in (PRODUCTIVITY, GROUP_TRENDS):  # whose fields readers know by other names
            assert not any("_" in name for name in names), topic.name
        assert topic.doc


def test_a_ticket_without_a_meeting_is_kept_in_order_by_itself():
    now = datetime(2026, 1, 5, tzinfo=UTC)
    ticket = Ticket(
        ticket_id=TicketId("T-1"),
        group_id=GroupId(1),
        title="t",
        content="",
        status=TicketStatus.TODO,
        created_at=now,
        updated_at=now,
    )
    event = TicketCreated(
        event_id=EventId(uuid7()), meeting_id=None, ticket=ticket, actor=Actor.HUMAN
    )
    key = BY_STRUCT[TicketCreated].key
    assert key(event) == "T-1"
    assert key(msgspec.structs.replace(event, meeting_id=MeetingId(9))) == "9"
