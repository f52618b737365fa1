"""Two VORIs on one database do together what one does alone, with and without Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect

from tests.journeys.running import Running, held, running
from tests.kafka import unique
from tools.kafka.broker import Broker, missing
from vori.client import MeetingClient, Message, paced
from vori.demo.play import SOUND

SPEED = 4.0
LAST_BYTE = SOUND.stat().st_size - 1


class Both:
    """`hears` takes sound and has no tickets; `reads` has tickets and takes no sound."""

    def __init__(self, hears: Running, reads: Running, database: str) -> None:
        self.hears = hears
        self.reads = reads
        self.database = database


@contextlib.contextmanager
def both(
    folder: Path, database: str, model: str, *, on_second: str, **settings: Any
) -> Iterator[Both]:
    folder.mkdir(parents=True, exist_ok=True)
    shared = {"database__url": database, "database__pool_size": 5, **settings}
    hears = Running(folder / "hears", model=model, server__workers="web,transcribe", **shared)
    reads = Running(folder / "reads", model=model, server__workers=on_second, **shared)
    try:
        hears.start()
        reads.start()
        yield Both(hears, reads, database)
    finally:
        for server in (hears, reads):
            with contextlib.suppress(AssertionError):
                server.stop()


def new_meeting(server: Running) -> int:
    return int(server.post("/api/meetings", {"groupId": 1, "title": "apart"})["meetingId"])


@contextlib.asynccontextmanager
async def page_of(server: Running, meeting: int) -> AsyncIterator[list[Message]]:
    """What a page shows that is open on this server."""
    told: list[Message] = []
    async with connect(f"{server.ws_url}/api/events?meetingId={meeting}") as socket:
        assert json.loads(await socket.recv())["type"] == "ready"

        async def read() -> None:
            while True:
                told.append(json.loads(await socket.recv()))

        reading = asyncio.create_task(read())
        yield told
        reading.cancel()


async def until(condition: Callable[[], Any], *, within_s: float = 240) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.05)


async def hold_meeting(servers: Both) -> tuple[int, list[Message]]:
    """The bundled meeting, played into `hears` and ended; its number, and what its client heard."""
    meeting = await asyncio.to_thread(new_meeting, servers.hears)
    told: list[Message] = []
    client = MeetingClient(
        servers.hears.ws_url,
        meeting,
        {"audioId": f"apart-{meeting}", "groupId": 1},
        on_message=told.append,
    )
    await client.stream(paced(SOUND.read_bytes(), 60, chunk_bytes=4096, speed=2 * SPEED))
    await asyncio.to_thread(servers.hears.post, f"/api/meetings/{meeting}/end?wait=60")

    def minutes_are_there() -> bool:
        return bool(servers.hears.get(f"/api/meetings/{meeting}/minutes", ok=False).get("markdown"))

    await asyncio.to_thread(servers.hears.wait_until, minutes_are_there)
    return meeting, told


async def test_captions_and_tickets_reach_pages_of_both_and_an_end_here_finishes_recordings_there(
    own_home: Path, speech_model: str, make_database: Callable[[], str]
) -> None:
    with both(own_home, make_database(), speech_model, on_second="web,tickets,streams") as servers:
        meeting = await asyncio.to_thread(new_meeting, servers.hears)
        told: list[Message] = []
        client = MeetingClient(
            servers.hears.ws_url,
            meeting,
            {"audioId": f"apart-{meeting}", "groupId": 1},
            on_message=told.append,
        )
        async with page_of(servers.reads, meeting) as shown:
            sound = paced(SOUND.read_bytes(), 60, chunk_bytes=4096, speed=SPEED)
            ended_there = asyncio.Event()
            stream = asyncio.create_task(
                client.stream(held(sound, ended_there, from_byte=LAST_BYTE))
            )
            # Tickets are read in the other process, and told to the client of this one.
            await until(lambda: any(message["type"] == "ticket" for message in told))
            await until(lambda: any(message["type"] == "caption" for message in shown))
            await until(lambda: any(message["type"] == "ticket.created" for message in shown))
            # The process that is asked has none of the meeting's sound.
            ended = await asyncio.to_thread(
                servers.reads.post, f"/api/meetings/{meeting}/end?wait=60"
            )
            assert ended["status"] == "ENDED"
            ended_there.set()
            await asyncio.gather(stream, return_exceptions=True)
            [recording] = await asyncio.to_thread(
                servers.reads.get, f"/api/meetings/{meeting}/recordings"
            )
            assert recording["status"] == "COMPLETE"
            heard = [message for message in told if message["type"] == "caption"]
            lines = servers.reads.get(f"/api/meetings/{meeting}/transcript")["lines"]
            assert [line["captionId"] for line in lines] == [one["captionId"] for one in heard]
            assert servers.hears.get(f"/api/meetings/{meeting}/minutes")["markdown"]
            assert servers.reads.get(f"/api/meetings/{meeting}/tickets")["items"]


async def test_a_process_that_takes_no_sound_says_so(
    own_home: Path, speech_model: str, make_database: Callable[[], str]
) -> None:
    with running(
        own_home,
        model=speech_model,
        server__workers="web,tickets,streams",
        database__url=make_database(),
    ) as server:
        meeting = new_meeting(server)
        async with connect(f"{server.ws_url}/ws/meeting/{meeting}") as socket:
            opening = {"audioId": "here", "groupId": 1}
            await socket.send(json.dumps({"type": "metadata", "data": opening}))
            refused = json.loads(await socket.recv())
        assert (refused["type"], refused["code"]) == ("error", "no_transcribe")
        assert "transcribe" in refused["message"]


async def test_without_web_a_process_answers_health_and_nothing_else(
    own_home: Path, speech_model: str, make_database: Callable[[], str]
) -> None:
    with running(
        own_home,
        model=speech_model,
        server__workers="tickets,streams",
        database__url=make_database(),
    ) as server:
        assert httpx.get(f"{server.url}/health", timeout=60).status_code == 200
        for path in ("/", "/api/meetings", "/schema", "/api/users/me"):
            assert httpx.get(server.url + path, timeout=60).status_code in (401, 404), path
        assert set(server.get("/health")["workers"]) == {"streams", "tickets"}


async def test_a_recording_that_another_process_holds_is_left_to_it(
    own_home: Path, speech_model: str, make_database: Callable[[], str]
) -> None:
    """A second box starts in the middle of a meeting: it must not take up what is not its own."""
    with both(own_home, make_database(), speech_model, on_second="web,transcribe") as servers:
        await asyncio.to_thread(servers.reads.stop)
        meeting = new_meeting(servers.hears)
        told: list[Message] = []
        client = MeetingClient(
            servers.hears.ws_url,
            meeting,
            {"audioId": "mine", "groupId": 1},
            on_message=told.append,
        )
        sound = paced(SOUND.read_bytes(), 60, chunk_bytes=4096, speed=SPEED)
        was_refused = asyncio.Event()
        stream = asyncio.create_task(client.stream(held(sound, was_refused, from_byte=LAST_BYTE)))
        await until(lambda: any(message["type"] == "ack" for message in told))
        await asyncio.to_thread(servers.reads.start)
        await asyncio.to_thread(
            servers.reads.wait_until,
            lambda: "model" in servers.reads.get("/health")["workers"]["transcribe"]["detail"],
        )
        assert servers.reads.get("/health")["workers"]["transcribe"]["detail"]["recordings"] == 0
        async with connect(f"{servers.reads.ws_url}/ws/meeting/{meeting}") as socket:
            opening = {"audioId": "mine", "groupId": 1, "resume": {"nextSeq": 0}}
            await socket.send(json.dumps({"type": "metadata", "data": opening}))
            refused = json.loads(await socket.recv())
        assert refused["code"] == "recorded_elsewhere"
        was_refused.set()
        await asyncio.wait_for(stream, 240)
        [recording] = servers.hears.get(f"/api/meetings/{meeting}/recordings")
        assert recording["status"] == "COMPLETE"


async def events_of(database: str, meeting: int) -> dict[str, list[dict[str, Any]]]:
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch(
            "SELECT topic, payload FROM outbox WHERE key = $1 ORDER BY xid, id", str(meeting)
        )
    finally:
        await connection.close()
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["topic"]].append(msgspec.json.decode(row["payload"]))
    return found


async def topics_of(
    bootstrap: str, prefix: str, meeting: int, wanted: dict[str, int]
) -> dict[str, list[dict[str, Any]]]:
    import aiokafka

    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    names = [prefix + topic for topic in wanted]
    async with (
        aiokafka.AIOKafkaConsumer(
            *names, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None
        ) as consumer,
        asyncio.timeout(120),
    ):
        while any(len(found[topic]) < count for topic, count in wanted.items()):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                for record in batch:
                    if record.key == str(meeting).encode():
                        topic = record.topic.removeprefix(prefix)
                        found[topic].append(msgspec.json.decode(record.value))
    return found


def outline(events: dict[str, list[dict[str, Any]]]) -> dict[str, list[Any]]:
    """What must be the same in two runs over the same sound: ids and times are not."""
    return {
        "captions": [e["text"] for e in events["transcription.completed"]],
        "meetings": [e["status"] for e in events["meeting.created"] + events["meeting.updated"]],
        "minutes": [bool(e["markdown"]) for e in events["meeting.summary"]],
        "tickets": sorted(
            {e["ticket"]["title"] for e in events["ticket.created"] + events["ticket.updated"]}
        ),
    }


@pytest.mark.kafka
async def test_a_meeting_over_kafka_tells_the_same_events_in_the_same_order(
    own_home: Path, speech_model: str, make_database: Callable[[], str], kafka: str
) -> None:
    """Sound to captions to tickets in two processes over Kafka, and in two without."""
    outlines = []
    for broker in (None, kafka):
        prefix = f"{unique()}."
        over = (
            {
                "kafka__bootstrap": broker,
                "kafka__topic_prefix": prefix,
                "kafka__group_prefix": prefix,
                "kafka__session_timeout_s": 10,
            }
            if broker
            else {}
        )
        home = own_home / ("kafka" if broker else "alone")
        database = make_database()
        with both(home, database, speech_model, on_second="tickets,streams", **over) as servers:
            meeting, told = await hold_meeting(servers)
            events = await events_of(database, meeting)
            if broker:
                counts = {topic: len(found) for topic, found in events.items()}
                arrived = await topics_of(broker, prefix, meeting, counts)
                for topic, found in events.items():
                    assert arrived[topic] == found, topic

                def health() -> dict[str, Any]:
                    return dict(servers.reads.get("/health")["workers"]["streams"]["detail"])

                # What was sent is counted a moment after it has arrived.
                await asyncio.to_thread(
                    servers.reads.wait_until, lambda: health()["kafka"]["lagEvents"] == 0
                )
                assert health()["tickets.end"]["deadLetters"] == 0
            outlines.append(outline(events))
            heard = [message for message in told if message["type"] == "caption"]
            assert [m["text"] for m in heard] == outlines[-1]["captions"]
    without, over_kafka = outlines
    assert over_kafka["captions"] == without["captions"]
    assert over_kafka["meetings"] == without["meetings"]
    assert over_kafka["minutes"] == without["minutes"]
    assert over_kafka["tickets"] == without["tickets"]
    assert without["tickets"]


@pytest.mark.kafka
async def test_captions_go_on_while_the_broker_is_away_and_vori_stops_without_it(
    own_home: Path, speech_model: str, make_database: Callable[[], str], tmp_path: Path
) -> None:
    if reason := missing():
        pytest.skip(reason)
    broker = Broker(tmp_path / "broker")
    server = Running(
        own_home,
        model=speech_model,
        database__url=make_database(),
        kafka__bootstrap=broker.bootstrap,
        kafka__session_timeout_s=10,
        kafka__send_timeout_s=3,
    )

    def streams() -> dict[str, Any]:
        return dict(server.get("/health")["workers"]["streams"])

    try:
        await asyncio.gather(asyncio.to_thread(broker.start), asyncio.to_thread(server.start))
        await asyncio.to_thread(
            server.wait_until, lambda: streams()["detail"]["tickets.end"]["state"] == "reading"
        )
        meeting = await asyncio.to_thread(new_meeting, server)
        told: list[Message] = []
        client = MeetingClient(
            server.ws_url, meeting, {"audioId": "away", "groupId": 1}, on_message=told.append
        )
        sound = paced(SOUND.read_bytes(), 60, chunk_bytes=4096, speed=SPEED)
        is_away = asyncio.Event()
        stream = asyncio.create_task(client.stream(held(sound, is_away, from_byte=LAST_BYTE // 2)))
        await until(lambda: any(message["type"] == "caption" for message in told))
        await asyncio.to_thread(broker.stop)
        before = len([m for m in told if m["type"] == "caption"])
        is_away.set()
        await asyncio.wait_for(stream, 240)
        assert len([m for m in told if m["type"] == "caption"]) > before
        await asyncio.to_thread(server.wait_until, lambda: streams()["state"] == "degraded")
        assert "events wait" in streams()["message"]
        assert streams()["detail"]["kafka"]["lagEvents"] > 0
        ended = await asyncio.to_thread(server.post, f"/api/meetings/{meeting}/end")
        assert ended["status"] == "ENDED"
        await asyncio.to_thread(broker.start)

        def minutes_are_there() -> bool:
            return bool(server.get(f"/api/meetings/{meeting}/minutes", ok=False).get("markdown"))

        await asyncio.to_thread(server.wait_until, minutes_are_there, timeout_s=240)
        assert server.get(f"/api/meetings/{meeting}/tickets")["items"]
        await asyncio.to_thread(broker.stop)
        assert await asyncio.to_thread(server.stop) == 0
    finally:
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(broker.stop, how=signal.SIGKILL)
