"""What comes in over the socket and cannot be used: a clear error with a code, nothing lost."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.journeys.running import Running
from tests.transcribe.sounds import muxed, s16, sweep, wav, webm

Message = dict[str, Any]
_numbers = itertools.count(1)


def metadata(**changes: Any) -> str:
    data: dict[str, Any] = {"audioId": f"a{next(_numbers)}", "groupId": 1}
    return msgspec.json.encode({"type": "metadata", "data": data | changes}).decode()


END = '{"type":"end"}'
SECOND = wav(s16(sweep(1.0, 16_000)))


async def converse(
    server: Running, meeting: Any, messages: Iterable[str | bytes], *, patience_s: float = 60
) -> tuple[list[Message], int | None]:
    """Send `messages`; everything the server says until it closes, and its close code."""
    heard: list[Message] = []
    async with (
        asyncio.timeout(patience_s),
        connect(f"{server.ws_url}/ws/meeting/{meeting}", max_size=2**24) as socket,
    ):
        with contextlib.suppress(ConnectionClosed):  # what it said before is there to be read
            for message in messages:
                await socket.send(message)
        try:
            while True:
                heard.append(msgspec.json.decode(await socket.recv()))
        except ConnectionClosed as closed:
            with_rest = closed.rcvd.code if closed.rcvd else None
    return heard, with_rest


def fatal(heard: list[Message]) -> str:
    assert heard, "nothing was said before the close"
    assert heard[-1]["type"] == "error", heard[-1]
    assert heard[-1]["fatal"]
    assert heard[-1]["message"]
    return str(heard[-1]["code"])


@pytest.fixture
def meeting(shared_server: Running) -> int:
    made = shared_server.post("/api/meetings", {"groupId": 1, "title": "bad sound"})
    return int(made["meetingId"])


@pytest.mark.parametrize(
    ("first", "code", "closes"),
    [
        (b"\x00" * 100, "metadata_first", 4400),
        ("{", "not_json", 4400),
        ("[" * 10_000 + "]" * 10_000, "not_json", 4400),
        ('{"a":' * 10_000 + "1" + "}" * 10_000, "not_json", 4400),
        ('"text"', "unknown_message", 4400),
        (END, "metadata_first", 4400),
        ('{"type":"metadata"}', "bad_metadata", 4400),
        ('{"type":"metadata","data":{"audioId":"x"}}', "bad_metadata", 4400),
        ('{"type":"metadata","data":{"groupId":1}}', "bad_metadata", 4400),
        (metadata(groupId="many"), "bad_metadata", 4400),
        (metadata(groupId=2**63), "bad_metadata", 4400),
        (metadata(groupId=-1), "bad_metadata", 4400),
        (metadata(audioId=""), "bad_metadata", 4400),
        (metadata(audioId="x" * 129), "bad_metadata", 4400),
        (metadata(audioId="a\0b"), "bad_metadata", 4400),
        ('{"type":"metadata","data":{"audioId":"\\ud800","groupId":1}}', "not_json", 4400),
        (metadata(format="mp9"), "bad_metadata", 4400),
        (metadata(format={"encoding": "s16le", "rateHz": 4000}), "bad_metadata", 4400),
        (metadata(format={"encoding": "s16le", "channels": 8}), "bad_metadata", 4400),
        (metadata(language="tlh"), "bad_metadata", 4400),
        (metadata(speakerId=999_999), "unknown_speaker", 4400),
        (metadata(groupId=999_999), "forbidden", 4403),
        (metadata(resume=True), "unknown_resume", 4404),
    ],
)
async def test_first_message_that_cannot_be_used(
    shared_server: Running, meeting: int, first: str | bytes, code: str, closes: int
) -> None:
    heard, closed = await converse(shared_server, meeting, [first])
    assert (fatal(heard), closed) == (code, closes)


async def test_a_meeting_of_another_group_looks_absent(
    shared_server: Running, meeting: int
) -> None:
    other = shared_server.post("/api/groups", {"name": "Others"})["groupId"]
    heard, closed = await converse(shared_server, meeting, [metadata(groupId=other)])
    assert (fatal(heard), closed) == ("not_found", 4404)


@pytest.mark.parametrize("path", ["0", "-1", "abc", str(2**63), "9" * 4000, "%00"])
async def test_meeting_id_out_of_range(shared_server: Running, path: str) -> None:
    heard, closed = await converse(shared_server, path, [metadata()])
    assert (fatal(heard), closed) == ("bad_meeting_id", 4400)


async def test_random_bytes_are_no_sound(shared_server: Running, meeting: int) -> None:
    heard, closed = await converse(shared_server, meeting, [metadata(), b"\x17\x88" * 3000, END])
    assert (fatal(heard), closed) == ("unknown_audio", 4400)


async def test_frame_over_the_limit(shared_server: Running, meeting: int) -> None:
    heard, closed = await converse(shared_server, meeting, [metadata(), os.urandom(300_000)])
    assert (fatal(heard), closed) == ("frame_too_large", 1009)


async def test_webm_that_starts_in_the_middle(shared_server: Running, meeting: int) -> None:
    data = webm(sweep(3.0))
    middle = data[data.index(b"\x1f\x43\xb6\x75") :]
    heard, closed = await converse(shared_server, meeting, [metadata(), middle, END])
    assert (fatal(heard), closed) == ("webm_without_header", 4400)


async def test_format_that_changes_midway_keeps_what_was_heard(
    shared_server: Running, meeting: int
) -> None:
    first = webm(sweep(2.0))
    second = muxed(sweep(2.0), "ogg", "libopus")
    heard, closed = await converse(shared_server, meeting, [metadata(), first, second, second, END])
    assert (fatal(heard), closed) == ("format_changed", 4400)

    def recording() -> Message:
        [one] = shared_server.get(f"/api/meetings/{meeting}/recordings")
        return dict(one)

    await asyncio.to_thread(shared_server.wait_until, lambda: recording()["status"] != "OPEN")
    assert recording()["status"] == "FAILED"
    assert recording()["failure"] == "format_changed"
    assert abs(recording()["durationMs"] - 2000) <= 60
    assert recording()["receivedBytes"] >= len(first)


async def test_m4a_with_its_index_at_the_end_is_read_when_it_is_whole(
    shared_server: Running, meeting: int
) -> None:
    data = muxed(sweep(3.0), "mp4", "aac")
    assert data.index(b"mdat") < data.index(b"moov")
    chunks = [data[i : i + 4096] for i in range(0, len(data), 4096)]
    heard, closed = await converse(shared_server, meeting, [metadata(), *chunks, END])
    assert [m["code"] for m in heard if m["type"] == "warning"] == ["decoded_at_end"]
    assert heard[-1]["type"] == "finished"
    assert abs(heard[-1]["durationMs"] - 3000) <= 60
    assert closed == 1000


async def test_m4a_that_was_cut_off(shared_server: Running, meeting: int) -> None:
    data = muxed(sweep(2.0), "mp4", "aac")
    heard, closed = await converse(shared_server, meeting, [metadata(), data[:5000], END])
    assert (fatal(heard), closed) == ("undecodable_audio", 4400)


async def test_empty_stream_finishes_without_captions(shared_server: Running, meeting: int) -> None:
    heard, closed = await converse(shared_server, meeting, [metadata(), END])
    assert heard[-1] | {"durationMs": 0, "captions": 0} == heard[-1]
    assert heard[-1]["type"] == "finished"
    assert closed == 1000


async def test_audio_id_of_another_meeting(shared_server: Running, meeting: int) -> None:
    other = shared_server.post("/api/meetings", {"groupId": 1})["meetingId"]
    await converse(shared_server, meeting, [metadata(audioId=f"taken-{meeting}"), END])
    heard, closed = await converse(
        shared_server, other, [metadata(audioId=f"taken-{meeting}"), END]
    )
    assert (fatal(heard), closed) == ("audio_id_taken", 4400)


async def test_meeting_already_ended(shared_server: Running, meeting: int) -> None:
    """Whoever is cut off by the end stays out; whoever begins to speak opens it again."""
    shared_server.post(f"/api/meetings/{meeting}/end")
    heard, closed = await converse(shared_server, meeting, [metadata(resume=True), END])
    assert (fatal(heard), closed) == ("meeting_ended", 4400)
    heard, closed = await converse(shared_server, meeting, [metadata(), END])
    assert (heard[-1]["type"], closed) == ("finished", 1000)
    assert shared_server.get(f"/api/meetings/{meeting}")["status"] == "LIVE"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nonsense", "not_json"),
        ('{"type":"dance"}', "unknown_message"),
        ("{}", "unknown_message"),
        ('"\0"', "not_json"),
    ],
)
async def test_text_in_the_middle_that_cannot_be_used(
    shared_server: Running, meeting: int, text: str, code: str
) -> None:
    data = SECOND
    heard, closed = await converse(shared_server, meeting, [metadata(), data, text])
    assert (fatal(heard), closed) == (code, 4400)


async def test_clients_that_say_nothing_or_fall_silent_are_closed_and_may_resume(
    shared_server: Running, meeting: int
) -> None:
    data = wav(s16(sweep(2.0, 16_000)))
    first = metadata(audioId=f"idle-{meeting}")
    for heard, closed in await asyncio.gather(
        converse(shared_server, meeting, []),
        converse(shared_server, meeting, [first, data[:20_000]]),
    ):
        assert (fatal(heard), closed) == ("idle", 4408)
    again = metadata(audioId=f"idle-{meeting}", resume=True)
    heard, closed = await converse(shared_server, meeting, [again, data[20_000:], END])
    assert heard[0] | {"type": "resumed", "receivedBytes": 20_000} == heard[0]
    assert abs(heard[-1]["durationMs"] - 2000) <= 20
    assert closed == 1000


async def test_second_connection_takes_the_recording_over(
    shared_server: Running, meeting: int
) -> None:
    first = metadata(audioId=f"twice-{meeting}")
    data = SECOND
    async with connect(f"{shared_server.ws_url}/ws/meeting/{meeting}") as one:
        await one.send(first)
        await one.recv()
        await one.send(data)
        heard, closed = await converse(
            shared_server, meeting, [metadata(audioId=f"twice-{meeting}", resume=True), END]
        )
        assert closed == 1000
        assert heard[-1]["type"] == "finished"
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                await asyncio.wait_for(one.recv(), 60)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 4409


async def test_server_is_well_after_all_of_it(shared_server: Running, meeting: int) -> None:
    for bad in (b"\0", "{", metadata(groupId=999_999)):
        await converse(shared_server, meeting, [bad])
    _heard, closed = await converse(shared_server, meeting, [metadata(), SECOND, END])
    assert closed == 1000
    assert shared_server.get("/health", ok=False)["status"] != "down"
