"""The road over a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiokafka
import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.kafka import unique
from tests.streams.test_relay import Told, created, tell, until
from tools.kafka.broker import PASSWORD, USER, Broker
from vori.analytics.messages import GroupTrend, Span
from vori.data.engine import DB
from vori.data.tables import DeadLetter
from vori.errors import Unavailable
from vori.ids import EventId, GroupId, uuid7
from vori.settings import Kafka as KafkaSettings
from vori.streams import kafka as kafka_module
from vori.streams.codec import encode
from vori.streams.kafka import Kafka
from vori.streams.relay import Road
from vori.streams.topics import MEETING_CREATED, TOPICS
from vori.worker import State

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


def settings_for(bootstrap: str, *, session_timeout_s: float = 30.0, **more: Any) -> KafkaSettings:
    """Topics and groups of their own.

    A process that is silent for `session_timeout_s` loses its partitions, and what it was handling
    comes again: a machine that stands still for a moment must not look like that.
    """
    prefix = f"{unique()}."
    names = {"topic_prefix": prefix, "group_prefix": prefix}
    return KafkaSettings(
        bootstrap=(bootstrap,), session_timeout_s=session_timeout_s, **names, **more
    )


def road_on(settings: KafkaSettings, home: Path) -> Road:
    broker = Kafka(settings, home)
    road = Road(broker)
    road.attach(broker.sink)
    return road


@contextlib.asynccontextmanager
async def sending(bootstrap: str) -> AsyncIterator[aiokafka.AIOKafkaProducer]:
    """A producer that is not VORI's."""
    async with aiokafka.AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        yield producer


async def make_meetings(count: int) -> None:
    """Meetings 1 to `count` of group 1; there is a group 2, too."""
    await DB.fetch("INSERT INTO groups (id, name) VALUES (1, 'one'), (2, 'two')")
    await DB.fetch(
        "INSERT INTO meetings (id, group_id) SELECT n, 1 FROM generate_series(1, $1) n", count
    )


async def read_all(bootstrap: str, topic: str, count: int) -> list[Any]:
    """The first `count` messages, as somebody else's consumer reads them."""
    records: list[Any] = []
    async with (
        aiokafka.AIOKafkaConsumer(
            topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None
        ) as consumer,
        asyncio.timeout(120),
    ):
        while len(records) < count:
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                records += batch
    return records


async def test_events_come_back_from_kafka_to_their_consumer_in_order(database, kafka, tmp_path):
    told, road = Told(), road_on(settings_for(kafka), tmp_path)
    road.subscribe("titles", [MEETING_CREATED], told)
    await tell(*(created(title=f"{n}") for n in range(50)))
    async with road.lifespan():
        assert await told.until(50) == [f"{n}" for n in range(50)]
        assert road.health().detail["titles"]["state"] == "reading"
        assert road.health().state is State.OK


async def test_a_message_is_the_event_as_json_with_its_key_and_id(database, kafka, tmp_path):
    settings = settings_for(kafka)
    event = created(7, title="주간 회의")
    await tell(event)
    async with road_on(settings, tmp_path).lifespan():
        [record] = await read_all(kafka, f"{settings.topic_prefix}meeting.created", 1)
    assert record.key == b"7"
    assert msgspec.json.decode(record.value)["title"] == "주간 회의"
    assert record.value.decode() == encode(event)
    assert dict(record.headers)["eventId"].decode() == str(event.event_id)


async def test_a_group_s_weeks_have_a_topic_of_their_own_where_that_is_set(
    database, kafka, tmp_path
):
    start = datetime(2026, 3, 2, tzinfo=UTC)
    weeks = [
        GroupTrend(
            event_id=EventId(uuid7()),
            group_id=GroupId(group),
            period=Span(start=start, end=start + timedelta(days=7)),
            avg_productivity=0.5,
            avg_actionable_items=2.0,
            avg_status_updates=1.0,
            meeting_count=3,
        )
        for group in (4, 5, 4)
    ]
    await tell(*weeks)
    settings = settings_for(kafka, group_topics=True)
    async with road_on(settings, tmp_path).lifespan():
        trends = f"{settings.topic_prefix}analytics.trends"
        assert len(await read_all(kafka, f"{trends}.groups", 3)) == 3
        [apart] = await read_all(kafka, f"{trends}.group.5", 1)
        both = await read_all(kafka, f"{trends}.group.4", 2)
    assert apart.value.decode() == encode(weeks[1])
    assert [record.value.decode() for record in both] == [encode(weeks[0]), encode(weeks[2])]


async def test_topics_are_made_as_the_settings_say(database, kafka, tmp_path):
    settings = settings_for(kafka, retention_days=2.0)
    await Kafka(settings, tmp_path).ready()
    async with aiokafka.AIOKafkaConsumer(bootstrap_servers=kafka) as client:
        for topic in TOPICS:
            name = settings.topic_prefix + topic.name
            async with asyncio.timeout(60):
                while not client.partitions_for_topic(name):  # brokers tell each other first
                    await client._client.add_topic(name)
                    await client._client.force_metadata_update()
            assert len(client.partitions_for_topic(name) or ()) == 5
        assert not {
            n for n in await client.topics() if n.startswith(settings.topic_prefix + "vori.f")
        }
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        asked = ConfigResource(ConfigResourceType.TOPIC, f"{settings.topic_prefix}ticket.created")
        [answer] = await admin.describe_configs([asked])
    finally:
        await admin.close()
    stored = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    assert stored["retention.ms"] == str(2 * 86_400_000)
    assert stored["cleanup.policy"] == "delete"
    assert stored["min.insync.replicas"] == "1"


async def test_a_cluster_too_small_for_the_copies_asked_for_says_so(kafka, tmp_path):
    with pytest.raises(Unavailable, match="could not be made"):
        await Kafka(settings_for(kafka, replication=3), tmp_path).ready()


@pytest.mark.parametrize("protocol", ["SASL_SSL", "SASL_PLAINTEXT"])
async def test_signing_in_by_sasl(database, broker: Broker, tmp_path, protocol):
    (tmp_path / "ca.pem").write_text(broker.certificate_pem)
    (tmp_path / "password").write_text(PASSWORD + "\n")
    is_over_tls = protocol == "SASL_SSL"
    settings = settings_for(
        broker.secure_bootstrap if is_over_tls else broker.signed_in_bootstrap,
        security_protocol=protocol,
        sasl_user=USER,
        sasl_password_file=str(tmp_path / "password"),
        ca_file=str(tmp_path / "ca.pem") if is_over_tls else None,
    )
    told, road = Told(), road_on(settings, tmp_path)
    road.subscribe("titles", [MEETING_CREATED], told)
    await tell(created(title="secret"))
    async with road.lifespan():
        assert await told.until(1) == ["secret"]


async def test_a_wrong_password_is_a_state_in_health_and_events_wait(
    database, broker: Broker, tmp_path
):
    (tmp_path / "ca.pem").write_text(broker.certificate_pem)
    settings = settings_for(
        broker.secure_bootstrap,
        security_protocol="SASL_SSL",
        sasl_user=USER,
        sasl_password="wrong",
        ca_file=str(tmp_path / "ca.pem"),
    )
    road = road_on(settings, tmp_path)
    await tell(created())
    async with road.lifespan():

        async def waits() -> bool:
            return road.health().detail["kafka"]["state"] == "waiting"

        await until(waits)
        assert road.health().state is State.DEGRADED
        assert road.health().detail["kafka"]["lagEvents"] == 1


async def test_a_handler_that_fails_is_retried_and_its_event_set_aside_then(
    database, kafka, tmp_path, monkeypatch
):
    monkeypatch.setattr("vori.streams.relay.FIRST_WAIT_S", 0.001)
    seen: Counter[str] = Counter()
    done = asyncio.Event()

    async def handler(event: Any) -> None:
        seen[event.title] += 1
        if event.title == "bad" or (event.title == "shaky" and seen["shaky"] < 3):
            raise ZeroDivisionError
        if event.title == "last":
            done.set()

    road = road_on(settings_for(kafka), tmp_path)
    road.subscribe("shaky", [MEETING_CREATED], handler)
    await tell(*(created(title=title) for title in ("bad", "shaky", "last")))
    async with road.lifespan():
        async with asyncio.timeout(120):
            await done.wait()
    assert seen == {"bad": 5, "shaky": 3, "last": 1}
    [letter] = await DeadLetter.objects()
    assert (letter.topic, letter.consumer) == ("meeting.created", "shaky")
    assert letter.partition is not None
    assert letter.offset == 0
    assert "ZeroDivisionError" in letter.reason


async def test_malformed_messages_among_good_ones_are_set_aside_and_the_rest_is_handled(
    database, kafka, tmp_path
):
    count = int(os.environ.get("VORI_TEST_MALFORMED", "10000"))
    settings = settings_for(kafka)
    topic = f"{settings.topic_prefix}meeting.created"
    await Kafka(settings, tmp_path).ready()
    await make_meetings(50)
    bad = [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b'{"title": 1}',
        b"[" * 5000,
        b'{"eventId":"x"}',
        b"\0",
        None,
    ]
    async with sending(kafka) as producer:
        for n in range(count):
            meeting = 1 + n % 50
            good = encode(created(meeting, title=f"{n}")).encode()
            await producer.send(topic, good, key=str(meeting).encode())
            await producer.send(topic, bad[n % len(bad)], key=str(meeting).encode())
        await producer.flush()
    told, road = Told(), road_on(settings, tmp_path)
    road.subscribe("titles", [MEETING_CREATED], told)
    async with road.lifespan():

        async def all_done() -> bool:
            return len(told.titles) >= count and await DeadLetter.count() >= count

        async with asyncio.timeout(400):
            while not await all_done():
                await asyncio.sleep(0.1)

        async def nothing_waits() -> bool:
            health = road.health().detail
            return health["titles"]["lagEvents"] == 0 and health["titles"]["partitions"] == 5

        await until(nothing_waits)
    assert Counter(told.titles) == Counter(f"{n}" for n in range(count))
    assert await DeadLetter.count() == count
    rows = await DB.fetch("SELECT DISTINCT encoding, payload FROM dead_letters")
    assert ("base64", "//4A") in {(row["encoding"], row["payload"]) for row in rows}
    places = 'SELECT DISTINCT "partition", "offset" FROM dead_letters'
    [row] = await DB.fetch(f"SELECT count(*) FROM ({places}) AS places")
    assert row[0] == count


async def test_what_others_send_is_refused_when_it_names_what_is_not_here(
    database, kafka, tmp_path
):
    """An event of VORI's own is handled, although its meeting has been deleted since."""
    settings = settings_for(kafka)
    topic = f"{settings.topic_prefix}meeting.created"
    await Kafka(settings, tmp_path).ready()
    await make_meetings(1)
    elsewhere = msgspec.structs.replace(created(1, title="another group's"), group_id=2)
    async with sending(kafka) as producer:
        for event in (
            created(1, title="here"),
            created(7, title="no such meeting"),
            created(2**63, title="no such number"),
            elsewhere,
            msgspec.structs.replace(created(1, title="no such group"), group_id=3),
        ):
            await producer.send_and_wait(topic, encode(event).encode(), key=b"1")
    await tell(created(8, title="deleted"))
    told, road = Told(), road_on(settings, tmp_path)
    road.subscribe("titles", [MEETING_CREATED], told)
    async with road.lifespan():
        assert set(await told.until(2)) == {"here", "deleted"}

        async def all_set_aside() -> bool:
            return await DeadLetter.count() == 4

        await until(all_set_aside)
    reasons = {letter.reason for letter in await DeadLetter.objects()}
    assert reasons == {
        "BadMessage: it names meeting 7, which is not here",
        f"BadMessage: it names meeting {2**63}, which is not here",
        "BadMessage: it names meeting 1 as one of group 2, which it is not",
        "BadMessage: it names group 3, which is not here",
    }


async def test_of_two_processes_one_is_killed_under_load_and_every_event_is_handled(
    database, kafka, tmp_path
):
    """500 events a second, unless the machine is busy; both share outbox and partitions, kill -9
    hits the one that relays.
    """
    await DB.fetch("CREATE TABLE noted (meeting_id bigint, number bigint, who text, id bigserial)")
    settings = settings_for(kafka, session_timeout_s=6.0)
    environ = os.environ | {
        "ROAD_KAFKA": msgspec.json.encode(settings).decode(),
        "ROAD_DATABASE": database,
        "ROAD_HOME": str(tmp_path),
    }
    processes = {}
    try:
        for who in ("first", "second"):
            with (tmp_path / f"{who}.log").open("w") as log:
                processes[who] = subprocess.Popen(
                    [sys.executable, "-m", "tests.streams.worker_process", who],
                    env=environ,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
            assert await asyncio.to_thread(processes[who].stdout.readline) == "running\n"

        async def both_work() -> bool:
            await tell(*(created(n, title="-1") for n in range(20)))
            rows = await DB.fetch("SELECT DISTINCT who FROM noted")
            await asyncio.sleep(0.2)
            return len(rows) == 2

        await until(both_work)
        numbers: Counter[int] = Counter()
        loop = asyncio.get_running_loop()
        started = loop.time()
        for turn in range(160):  # 8 s
            events = []
            for n in range(25):
                key = (turn * 25 + n) % 40
                events.append(created(key, title=f"{numbers[key]}"))
                numbers[key] += 1
            await tell(*events)
            if turn == 60:
                processes["first"].kill()
            await asyncio.sleep(max(0.0, started + (turn + 1) * 0.05 - loop.time()))
        assert loop.time() - started < 60

        async def all_noted() -> bool:
            [row] = await DB.fetch("SELECT count(*) FROM noted WHERE number >= 0")
            return bool(row[0] >= 4000)

        await until(all_noted)
        rows = await DB.fetch("SELECT meeting_id, number FROM noted WHERE number >= 0 ORDER BY id")
        by_key: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            by_key[row["meeting_id"]].append(row["number"])
        assert by_key == {key: list(range(count)) for key, count in numbers.items()}
        assert await DeadLetter.count() == 0
    finally:
        for process in processes.values():
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
        await DB.fetch("DROP TABLE noted")


async def test_what_the_relay_gave_a_consumer_before_does_not_come_again_by_kafka(
    database, kafka, tmp_path
):
    told, road = Told(), Road()
    road.subscribe("titles", [MEETING_CREATED], told)
    async with road.lifespan():
        await tell(created(title="before"))
        await told.until(1)

        async def is_kept() -> bool:
            return bool(await DB.fetch("SELECT 1 FROM relay_cursors WHERE sink = 'titles'"))

        await until(is_kept)
    road = road_on(settings_for(kafka), tmp_path)
    road.subscribe("titles", [MEETING_CREATED], told)
    async with road.lifespan():
        await tell(created(title="after"))
        assert await told.until(2) == ["before", "after"]


async def test_an_event_that_is_too_long_for_kafka_holds_up_no_other(
    database, kafka, tmp_path, monkeypatch
):
    monkeypatch.setattr(kafka_module, "LARGEST_BYTES", 200_000)
    monkeypatch.setattr("vori.data.outbox._LONGEST_TOLD", 100_000)
    told, road = Told(), road_on(settings_for(kafka), tmp_path)
    road.subscribe("titles", [MEETING_CREATED], told)
    await tell(created(title="x" * 300_000), created(title="short"))
    async with road.lifespan():
        assert await told.until(1) == ["short"]

        async def is_set_aside() -> bool:
            return await DeadLetter.count() == 1

        await until(is_set_aside)
    [letter] = await DeadLetter.objects()
    assert letter.consumer == "kafka"
    assert len(letter.payload) > 300_000


async def test_a_broker_that_takes_less_than_a_batch_gets_all_but_what_is_too_long_alone(
    database, kafka, tmp_path
):
    settings = settings_for(kafka)
    small = NewTopic(
        f"{settings.topic_prefix}meeting.created", 5, 1, topic_configs={"max.message.bytes": "1000"}
    )
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([small])
    await admin.close()
    told, road = Told(), road_on(settings, tmp_path)
    road.subscribe("titles", [MEETING_CREATED], told)
    titles = [f"{n}" for n in range(20)]
    await tell(*(created(title=title) for title in [*titles[:10], "x" * 2000, *titles[10:]]))
    async with road.lifespan():

        async def all_came() -> bool:
            return set(titles) <= set(told.titles)

        await until(all_came)
    assert list(dict.fromkeys(told.titles)) == titles
    [letter] = await DeadLetter.objects()
    assert (letter.consumer, "x" * 2000 in letter.payload) == ("kafka", True)
