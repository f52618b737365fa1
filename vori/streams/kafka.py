"""Events by Kafka: the outbox's go out in order, and Faust agents bring them to consumers.

Out: `KafkaSink` is one more sink of a relay, so it has the outbox' order and its lock. A batch
counts as sent when all replicas in sync have all of it; a batch that does not come through is
thrown away with its producer and sent anew, so that no older event can land behind a newer one.

In: each consumer has a Faust app of its own, whose consumer group bears its name. The agent is
thin: it takes what has come, and hands it to the same `Consumer` that a relay would, which
decodes, retries and sets aside. Offsets are committed here, not by Faust: Faust takes an event
for handled when its agent was cancelled in it, or when it skipped it during a rebalance. Only
what the consumer returned from is committed, so a process that is killed repeats some events
and loses none.

A Faust app cannot be started twice: each attempt makes a new one. Its failure is a state in
`health`, never VORI's end.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import msgspec
from msgspec import Struct

from vori import log
from vori.data import outbox
from vori.data.outbox import Position, Row
from vori.errors import Unavailable
from vori.settings import Kafka as KafkaSettings
from vori.streams.known import Known
from vori.streams.relay import Consumer
from vori.streams.topics import GROUP_TRENDS, TOPICS, TRENDS_OF_GROUP

try:
    import aiokafka
    import faust
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic
    from aiokafka.errors import KafkaError, MessageSizeTooLargeError, for_code
    from aiokafka.partitioner import DefaultPartitioner
    from aiokafka.record.default_records import DefaultRecordBatchBuilder
    from faust.contrib.asgi import faust_app_running

    from vori.streams.batches import Batches, Transport
except ImportError as exc:
    raise Unavailable(
        "kafka.bootstrap is set, but Kafka's libraries are not here: install vori[kafka].",
        code="no_kafka_library",
    ) from exc

LARGEST_BYTES = 8 * 1024 * 1024
"""Of a message; a longer event is a dead letter."""
BATCH_ROWS = 500
BATCH_BYTES = 256 * 1024
READ_ROWS = 200
"""Handled in one go at most, so that partitions that are taken away are let go soon."""
BUFFERED_BATCHES = 16
"""Fetched and not yet handled."""
COMMIT_S = 0.5
START_S = 30.0
STOP_S = 2.0
FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0
TOPIC_EXISTS = 36
"""Kafka's error code when two processes make a topic at once."""
SAME_LINE_S = 30.0
"""A line that the libraries log again and again is logged once in so long."""

_logger = log.get(__name__)
_partitioner = DefaultPartitioner()


class Kafka:
    """One cluster, as VORI uses it."""

    def __init__(
        self, settings: KafkaSettings, home: Path, *, more_topics: Sequence[str] = ()
    ) -> None:
        """more_topics: topics besides VORI's own that are made when they are missing.

        Raises Unavailable when a file that the settings name cannot be read.
        """
        self.settings = settings
        self.home = home
        self.sink = KafkaSink(self)
        self.known = Known()
        self.made = 0
        """How often topics had to be made; apps that run must be made anew then."""
        self._topics = [*(topic.name for topic in TOPICS), *more_topics]
        self._tls = _tls(settings)
        self._password = _password(settings)
        self._making = asyncio.Lock()
        self._is_ready = False

    def reader(self, consumer: Consumer) -> Reader:
        return Reader(self, consumer)

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        _quieten()
        try:
            yield
        finally:
            await self.sink.close()

    def name_of(self, topic: str) -> str:
        return self.settings.topic_prefix + topic

    def connection(self) -> dict[str, Any]:
        """What every client of aiokafka is given."""
        return {
            "bootstrap_servers": list(self.settings.bootstrap),
            "client_id": self.settings.client_id,
            "security_protocol": self.settings.security_protocol,
            "ssl_context": self._tls,
            "sasl_mechanism": self.settings.sasl_mechanism,
            "sasl_plain_username": self.settings.sasl_user or None,
            "sasl_plain_password": self._password or None,
        }

    def credentials(self) -> Any:
        """The same for Faust."""
        if self.settings.security_protocol.startswith("SASL"):
            return faust.SASLCredentials(
                username=self.settings.sasl_user,
                password=self._password,
                ssl_context=self._tls,
                mechanism=self.settings.sasl_mechanism,
            )
        return self._tls

    async def ready(self) -> None:
        """Return when the cluster answers and every topic is there; missing ones are made.

        Raises Unavailable.
        """
        async with self._making:
            if self._is_ready:
                return
            with _translated("Kafka does not answer"):
                async with asyncio.timeout(START_S):
                    made = await self._make_topics()
            self._is_ready = True
            if made:
                self.made += 1
                _logger.info("topics made", topics=made)

    async def also(self, topics: Iterable[str]) -> None:
        """Make topics whose names depend on what is sent, where they are not known. As `ready`."""
        async with self._making:
            missing = sorted(set(topics) - set(self._topics))
            if not missing:
                return
            self._topics += missing
            try:
                await self._make_topics()
            except BaseException:
                self._topics = [topic for topic in self._topics if topic not in missing]
                raise

    def look_again(self) -> None:
        """Something went wrong: `ready` asks the cluster again."""
        self._is_ready = False

    async def _make_topics(self) -> list[str]:
        admin = AIOKafkaAdminClient(**self.connection())
        try:
            await admin.start()
            known = set(await admin.list_topics())
            missing = [n for topic in self._topics if (n := self.name_of(topic)) not in known]
            if not missing:
                return []
            made = await admin.create_topics([self._new_topic(name) for name in missing])
        finally:
            await admin.close()
        for name, code, *why in made.topic_errors:
            if code not in (0, TOPIC_EXISTS):
                reason = (why and why[0]) or for_code(code).__name__
                raise Unavailable(f"topic {name} could not be made: {reason}", code="kafka_refused")
        return missing

    def _new_topic(self, name: str) -> NewTopic:
        copies = self.settings.replication
        return NewTopic(
            name,
            self.settings.partitions,
            copies,
            topic_configs={
                "cleanup.policy": "delete",
                "retention.ms": str(int(self.settings.retention_days * 86_400_000)),
                "max.message.bytes": str(LARGEST_BYTES),
                # One copy may be lost and events still go out; none is acknowledged by one alone.
                "min.insync.replicas": str(max(1, copies - 1)),
            },
        )


class KafkaSink:
    """Where the relay takes events: the topic of the same name."""

    name = "kafka"
    batch_rows = BATCH_ROWS

    def __init__(self, kafka: Kafka) -> None:
        self.topics = frozenset(topic.name for topic in TOPICS)
        self.dead_letters = 0
        self._kafka = kafka
        self._producer: aiokafka.AIOKafkaProducer | None = None
        self._batch_bytes = BATCH_BYTES
        self._refused: set[tuple[str, UUID]] = set()
        """Topic and event of what the broker has found too large."""

    async def send(self, rows: Sequence[Row]) -> None:
        """Raises Unavailable when not every replica in sync has every row."""
        try:
            with _translated("events cannot be sent to Kafka"):
                async with asyncio.timeout(self._kafka.settings.send_timeout_s):
                    too_large = await self._send(rows)
        except BaseException:
            await self._drop()
            raise
        for row in too_large:
            self.dead_letters += 1
            await outbox.set_aside(row, consumer=self.name, reason="longer than Kafka takes")
            self._refused.discard(_place(row))

    async def _send(self, rows: Sequence[Row]) -> list[Row]:
        """In batches made here: a future and a task switch for each would cost more than they."""
        producer = await self._connected()
        if self._kafka.settings.group_topics:
            rows = [one for row in rows for one in (row, *_for_its_group(row))]
            await self._kafka.also(row.topic for row in rows)
        estimate_size = DefaultRecordBatchBuilder.estimate_size_in_bytes
        too_large: list[Row] = []
        open_ones: dict[tuple[str, int], list[_Batch]] = {}
        for row in rows:
            topic, key = self._kafka.name_of(row.topic), row.key.encode()
            value, headers = row.payload.encode(), _headers(row)
            size = estimate_size(key, value, headers)
            if size > LARGEST_BYTES or _place(row) in self._refused:
                too_large.append(row)
                continue
            partition = _partition(key, len(await producer.partitions_for(topic)))
            batches = open_ones.setdefault((topic, partition), [])
            if not (batches and batches[-1].take(row, key, value, headers)):
                batches.append(_Batch(producer.create_batch()))
                batches[-1].take(row, key, value, headers)
        ends = await asyncio.gather(
            *(
                self._deliver(producer, topic, partition, batches)
                for (topic, partition), batches in open_ones.items()
            ),
            return_exceptions=True,  # none may still be under way when the batch is sent anew
        )
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return too_large

    async def _deliver(
        self,
        producer: aiokafka.AIOKafkaProducer,
        topic: str,
        partition: int,
        batches: Sequence[_Batch],
    ) -> None:
        """Send one partition its batches, in order.

        What the broker finds too large leaves a gap in the producer's numbers, and nothing behind
        it is taken: all goes to another producer then, and knows what to leave out.
        """
        sent = [await producer.send_batch(b.builder, topic, partition=partition) for b in batches]
        ends = await asyncio.gather(*sent, return_exceptions=True)
        for batch, end in zip(batches, ends, strict=True):
            if isinstance(end, MessageSizeTooLargeError):
                if len(batch.rows) == 1:
                    self._refused.add(_place(batch.rows[0]))
                else:
                    self._batch_bytes = 1  # this broker takes less: each alone from now on
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def _connected(self) -> aiokafka.AIOKafkaProducer:
        if self._producer is None:
            await self._kafka.ready()
            producer = aiokafka.AIOKafkaProducer(
                **self._kafka.connection(),
                acks="all",
                enable_idempotence=True,
                max_batch_size=self._batch_bytes,
                max_request_size=LARGEST_BYTES,
            )
            self._producer = producer
            await producer.start()
        return self._producer

    async def _drop(self) -> None:
        """Throw the producer away with what it has not sent: `stop` would go on sending it."""
        producer, self._producer = self._producer, None
        self._kafka.look_again()
        if producer is None:
            return
        producer._closed = True
        with contextlib.suppress(Exception):
            async with asyncio.timeout(STOP_S):
                await producer._sender.close()
                await producer.client.close()

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(STOP_S):
                    await producer.stop()


def _place(row: Row) -> tuple[str, UUID]:
    return row.topic, row.event_id


class _Batch:
    """Messages of one partition, in order, and the rows they are."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self.rows: list[Row] = []

    def take(self, row: Row, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> bool:
        """False when it is full; an empty one takes any."""
        taken = self.builder.append(timestamp=None, key=key, value=value, headers=headers)
        if taken is None:
            return False
        self.rows.append(row)
        return True


@lru_cache(maxsize=10_000)
def _partition(key: bytes, partitions: int) -> int:
    """Where Kafka's own clients put this key."""
    return int(_partitioner(key, list(range(partitions)), []))


class Reader:
    """Brings one consumer what its group reads, for as long as `run` is awaited."""

    def __init__(self, kafka: Kafka, consumer: Consumer) -> None:
        self.sink = consumer
        self.state = "starting"
        """starting, reading, waiting (Kafka is away), failed."""
        self.read = 0
        self._kafka = kafka
        self._rows = min(consumer.batch_rows, READ_ROWS)
        self._before = Position()
        """Events up to here came to the consumer by the relay, before there was a Kafka."""
        self._done: dict[Any, int] = {}
        """By partition the offset up to which everything has been handled."""
        self._committed: dict[Any, int] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._oldest_at: float | None = None
        self._lag = 0

    def wake(self) -> None:
        """Kafka says itself when there is news."""

    def health(self) -> dict[str, Any]:
        oldest_at = self._oldest_at
        return {
            "state": self.state,
            "lagEvents": self._lag,
            "lagMs": 0 if oldest_at is None else round((time.time() - oldest_at) * 1000),
            "relayed": self.read,
            "failures": self.sink.failures,
            "deadLetters": self.sink.dead_letters,
            "partitions": len(self._committed),
        }

    async def run(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            try:
                await self._kafka.ready()
                self._before = await outbox.cursor_of(self.sink.name)
                await self._read()
                wait_s = FIRST_WAIT_S
            except (Unavailable, KafkaError, OSError) as exc:
                self.state = "waiting"
                _logger.warning(
                    "a reader waits for Kafka", consumer=self.sink.name, reason=str(exc)
                )
            except Exception:
                self.state = "failed"
                _logger.exception("a reader failed", consumer=self.sink.name)
            self._kafka.look_again()
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _read(self) -> None:
        """Run one Faust app until it fails, or topics had to be made anew under it."""
        app, made = self._new_app(), self._kafka.made
        async with asyncio.timeout(START_S) as starting:
            async with _running(app):
                starting.reschedule(None)
                try:
                    while not app.should_stop and made == self._kafka.made:
                        await asyncio.sleep(COMMIT_S)
                        await self._commit(app)
                        self._measure(app)
                finally:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(STOP_S):
                            await self._commit(app)
                    self._forget()
        if app.crash_reason is not None:
            raise Unavailable(f"Faust gave up: {app.crash_reason!r}", code="kafka_away")

    def _new_app(self) -> faust.App:
        settings, consumer = self._kafka.settings, self.sink
        session_s = settings.session_timeout_s
        folder = self._kafka.home / "faust"
        folder.mkdir(parents=True, exist_ok=True)
        app = faust.App(
            settings.group_prefix + consumer.name,
            broker=[f"kafka://{address}" for address in settings.bootstrap],
            broker_credentials=self._kafka.credentials(),
            broker_client_id=settings.client_id,
            broker_session_timeout=session_s,
            broker_heartbeat_interval=session_s / 4,
            broker_request_timeout=max(40.0, session_s),
            consumer_auto_offset_reset="earliest",
            datadir=str(folder),
            store="memory://",
            autodiscover=False,
            web_enabled=False,
            topic_allow_declare=False,  # `Kafka.ready` makes them
            topic_disable_leader=True,
            reply_create_topic=False,
            stream_wait_empty=False,  # what is not committed comes again
            stream_buffer_maxsize=BUFFERED_BATCHES,
            ConsumerScheduler=partial(Batches, self._rows),
            # A handler may wait for its database for as long as it takes.
            stream_processing_timeout=86_400.0,
            broker_commit_livelock_soft_timeout=86_400.0,
        )
        app.transport = Transport(app)
        names = sorted(self._kafka.name_of(topic) for topic in consumer.topics)
        # Without acks Faust commits nothing.
        topic = app.topic(*names, key_serializer="raw", value_serializer="raw", acks=False)

        async def agent(stream: Any) -> None:
            waiting = stream.channel.queue
            # Faust would put partitions aside when the queue is nearly full, and when all of them
            # are, sleep a second; a queue that is full holds it up as well.
            waiting.pressure_high_size = sys.maxsize
            async for event in stream.noack().events():
                batches = [event.message]
                while _count(batches) < self._rows and not waiting.empty():
                    batches.append(waiting.get_nowait().message)
                await self._handle(app, batches)

        app.agent(topic, name=consumer.name, concurrency=1)(agent)

        async def let_go(*_: Any, **__: Any) -> None:
            await self._let_go(app)

        app.on_partitions_revoked.connect(let_go, weak=False)
        return app

    async def _handle(self, app: faust.App, batches: Sequence[Any]) -> None:
        """Hand over batches of partitions that are ours; return when they are dealt with."""
        if not (batches := [batch for batch in batches if _is_ours(app, batch)]):
            return
        rows = [row for batch in batches for one in batch.value if (row := self._row(one))]
        self.state = "reading"
        self._oldest_at = batches[0].value[0].timestamp / 1000
        self._idle.clear()
        try:
            await self._send(rows)
        finally:
            self._idle.set()
            self._oldest_at = None
        self.read += len(rows)
        for batch in batches:
            if _is_ours(app, batch):
                self._done[batch.tp] = batch.offset + 1

    async def _send(self, rows: Sequence[Row]) -> None:
        """A consumer fails only by a defect of ours; the agent must outlive that, too."""
        wait_s = FIRST_WAIT_S
        while rows:
            try:
                for row, why in await self._kafka.known.strangers(rows):
                    await self.sink.refuse(row, why)
                    rows = [one for one in rows if one is not row]
                await self.sink.send(rows)
                return
            except Unavailable as exc:
                _logger.warning("a consumer waits", consumer=self.sink.name, reason=exc.code)
            except Exception:
                _logger.exception("a consumer could not take events", consumer=self.sink.name)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _row(self, message: Any) -> Row | None:
        """The message as the relay would give it; None when the relay gave it already."""
        headers: dict[str, bytes] = dict(message.headers or ())
        if (position := _position(headers.get("outbox"))) and position <= self._before:
            return None
        payload, is_text = _text(message.value or b"")
        prefix = self._kafka.settings.topic_prefix
        return Row(
            position=position or Position(),
            event_id=_event_id(headers.get("eventId"), payload, message),
            topic=message.topic.removeprefix(prefix),
            key=(message.key or b"").decode("utf-8", "replace").replace("\0", "\ufffd"),
            payload=payload,
            age_ms=time.time() * 1000 - message.timestamp,
            partition=message.partition,
            offset=message.offset,
            encoding="utf-8" if is_text else "base64",
        )

    async def _commit(self, app: faust.App) -> None:
        """Tell the group how far we are. A commit that fails is made with the next one."""
        done = {tp: at for tp, at in self._done.items() if self._committed.get(tp) != at}
        consumer: Any = app.consumer
        if done and await consumer._commit(done):
            self._committed |= done

    async def _let_go(self, app: faust.App) -> None:
        """Partitions may go to another process: finish what is being handled, if it is short."""
        try:
            async with asyncio.timeout(self._kafka.settings.session_timeout_s / 2):
                await self._idle.wait()
                await self._commit(app)
        except TimeoutError:
            pass  # the next owner handles it again
        self._forget()

    def _forget(self) -> None:
        self._done.clear()
        self._committed.clear()
        self._lag = 0

    def _measure(self, app: faust.App) -> None:
        """How many messages wait, as far as the last fetch told."""
        with contextlib.suppress(Exception):
            consumer: Any = app.consumer
            ours = consumer.assignment()
            ends = {tp: consumer.highwater(tp) or 0 for tp in ours}
            at = consumer._committed_offset
            self._lag = sum(
                max(0, end - self._done.get(tp, at.get(tp) or 0)) for tp, end in ends.items()
            )
            for tp in ours:
                self._committed.setdefault(tp, at.get(tp) or 0)
            self.state = "reading"


@contextlib.asynccontextmanager
async def _running(app: faust.App) -> AsyncIterator[None]:
    """Faust's own, but an end that the broker's absence keeps from coming is not waited for."""
    try:
        async with faust_app_running(app, stop_timeout=STOP_S):
            yield
    except TimeoutError:
        if not app.should_stop:
            raise
        _logger.warning("Faust did not stop in time", app=app.conf.id)
    finally:
        transport: Any = app.transport
        transport.abandon()


class _Wanted(Struct):
    """The one field of every event that is read without knowing its topic."""

    event_id: UUID = msgspec.field(name="eventId")


_ids = msgspec.json.Decoder(_Wanted)


def _for_its_group(row: Row) -> Iterator[Row]:
    """The same for the topic of the group alone, where one group's weeks are to be read apart."""
    if row.topic == GROUP_TRENDS.name:
        yield msgspec.structs.replace(row, topic=f"{TRENDS_OF_GROUP}.{row.key}")


def _count(batches: Sequence[Any]) -> int:
    return sum(len(batch.value) for batch in batches)


def _is_ours(app: faust.App, message: Any) -> bool:
    """Whether the message belongs to what the group gave us last."""
    return bool(message.generation_id == app.consumer_generation_id)


def _headers(row: Row) -> list[tuple[str, bytes]]:
    at = row.position
    return [("eventId", str(row.event_id).encode()), ("outbox", f"{at.xid}:{at.id}".encode())]


def _position(header: bytes | None) -> Position | None:
    try:
        xid, _, number = (header or b"").partition(b":")
        return Position(int(xid), int(number))
    except ValueError:
        return None


def _event_id(header: bytes | None, payload: str, message: Any) -> UUID:
    """The sender's, from the header or the event; else one that is the same at each reading."""
    with contextlib.suppress(ValueError, UnicodeDecodeError):
        if header is not None:
            return UUID(header.decode())
    with contextlib.suppress(msgspec.DecodeError, UnicodeError, RecursionError):
        return _ids.decode(payload).event_id
    return uuid5(NAMESPACE_OID, f"{message.topic}:{message.partition}:{message.offset}")


def _text(value: bytes) -> tuple[str, bool]:
    """The bytes as text that can be stored, or in base64; whether they are text."""
    with contextlib.suppress(UnicodeDecodeError):
        text = value.decode()
        if "\0" not in text:
            return text, True
    return base64.b64encode(value).decode(), False


def _tls(settings: KafkaSettings) -> ssl.SSLContext | None:
    if settings.security_protocol not in ("SSL", "SASL_SSL"):
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as exc:
        raise Unavailable(
            f"kafka.ca_file: {settings.ca_file} holds no certificates that can be read ({exc}).",
            code="kafka_ca_file",
        ) from exc


def _password(settings: KafkaSettings) -> str:
    if settings.sasl_password_file is None:
        return settings.sasl_password
    try:
        return Path(settings.sasl_password_file).read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise Unavailable(
            f"kafka.sasl_password_file: {settings.sasl_password_file} cannot be read"
            f" ({exc.strerror}).",
            code="kafka_password_file",
        ) from exc


@contextlib.contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError) as exc:  # TimeoutError too
        raise Unavailable(f"{what}: {exc or type(exc).__name__}", code="kafka_away") from exc


class _Once(logging.Handler):
    """Passes a line on, and then, for a while, not again: an outage writes 100 lines a second."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._lines: dict[tuple[str, str], tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        line = (record.name, str(record.msg))
        last, passed_over = self._lines.get(line, (-SAME_LINE_S, 0))
        if self._now() - last < SAME_LINE_S:
            self._lines[line] = (last, passed_over + 1)
            return
        if len(self._lines) > 1000:
            self._lines.clear()
        self._lines[line] = (self._now(), 0)
        if passed_over:
            record.msg = f"{record.msg} (and {passed_over} times before)"
        logging.getLogger().handle(record)


def _quieten() -> None:
    """The libraries' logs are ours: warnings only, and none of them a hundred times."""
    for name in ("aiokafka", "faust", "mode"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logging.WARNING, logging.getLogger().level))
        logger.propagate = False
        if not any(isinstance(handler, _Once) for handler in logger.handlers):
            logger.addHandler(_Once())
