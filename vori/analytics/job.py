"""The program Spark runs: events in, minutes out, and now and then the weeks.

`python -m vori.analytics.job` reads its `Plan` as one JSON line from standard input, tells on
standard output what it does (one JSON `Report` a line), and ends when it is told to (SIGTERM) or
when standard input closes, because whoever started it is gone. Started with a master elsewhere it
is the driver of that cluster: the same code, the workers need VORI installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import msgspec
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.streaming.query import StreamingQuery

from vori import log
from vori.analytics import metrics, sink, source
from vori.analytics.plan import CURSOR, SOURCES, Plan, Report
from vori.analytics.report import count_weeks
from vori.analytics.sink import Minute
from vori.analytics.text import RECENT, count_text, read_words
from vori.data import outbox
from vori.data.engine import DB
from vori.errors import Unavailable
from vori.settings import Log

T = TypeVar("T")

WATERMARK = timedelta(minutes=2)
"""An event so much older than the newest one no longer counts."""
QUIET_S = 5.0
"""With no event for so long, minutes are closed by the clock: talk that stops moves no watermark."""
TICK_S = 0.5
STANDBY_S = 2.0
CHECK_S = 5.0
"""How often the job looks whether it still holds its lock."""
BESIDE = "beside"
WEEKS_AFTER_S = 10.0
"""The minutes come first: the weeks are counted when they have had so long to begin."""

_logger = log.get(__name__)


def session(plan: Plan) -> SparkSession:
    """Spark as this job needs it: small, quick to start, and without a page of its own."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    is_local = plan.master.startswith("local")
    if is_local:
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    cores = os.cpu_count() or 2
    options = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": plan.memory,
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(min(cores, 8) if is_local else 2 * cores),
        "spark.default.parallelism": str(cores),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.streaming.metricsEnabled": "false",
        "spark.sql.streaming.noDataMicroBatches.enabled": "false",
        "spark.sql.streaming.minBatchesToRetain": "10",
        "spark.sql.streaming.numRecentProgressUpdates": "20",
        "spark.sql.ansi.enabled": "false",
        "spark.sql.adaptive.enabled": "false",
        "spark.log.level": "WARN",
        "spark.ui.showConsoleProgress": "false",
        **({"spark.driver.host": "127.0.0.1"} if is_local else {}),
        **({"spark.jars.packages": ",".join(plan.packages)} if plan.packages else {}),
        **({"spark.jars": ",".join(plan.jars)} if plan.jars else {}),
        **({"spark.jars.ivy": plan.ivy} if plan.ivy else {}),
        **plan.options,
    }
    builder = SparkSession.builder.appName("vori analytics").master(plan.master)
    for name, value in options.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.dataSource.register(source.Outbox)
    spark.dataSource.register(source.Query)
    return spark


def messages(spark: SparkSession, plan: Plan) -> DataFrame:
    """The stream of messages: `topic`, `value`, `written_at`."""
    names = [topic.name for topic in SOURCES]
    if not plan.kafka:
        return (
            spark.readStream.format("vori_outbox")
            .option("url", plan.database_url)
            .option("topics", ",".join(names))
            .option("rowsPerBatch", plan.rows_per_batch)
            .load()
        )
    prefixed = ",".join(plan.topic_prefix + name for name in names)
    reader = spark.readStream.format("kafka").options(
        **{
            "subscribe": prefixed,
            "startingOffsets": "earliest",
            "failOnDataLoss": "false",
            "maxOffsetsPerTrigger": str(plan.rows_per_batch),
            **plan.kafka,
        }
    )
    return reader.load().select(
        f.substring("topic", len(plan.topic_prefix) + 1, 249).alias("topic"),
        f.col("value").cast("string").alias("value"),
        f.col("timestamp").alias("written_at"),
    )


def counted(messages: DataFrame) -> DataFrame:
    """Messages to minutes. As a stream: an event that comes twice counts once, one that comes
    more than WATERMARK behind the newest does not count.
    """
    events = metrics.events_of(messages)
    watermark = f"{WATERMARK.total_seconds():.0f} seconds"
    if not messages.isStreaming:
        return metrics.minutes(events.dropDuplicates(["event_id"]))
    observed = events.observe(
        "events",
        f.count(f.lit(1)).alias("rows"),
        f.count(f.when(~metrics.readable(), 1)).alias("unreadable"),
        f.max("at").alias("newest"),
    )
    once = (
        observed.where(metrics.readable())
        .withWatermark("at", watermark)
        .dropDuplicatesWithinWatermark(["event_id"])
    )
    return metrics.minutes(once)


class Job:
    """The stream and its neighbours, on one Spark session."""

    def __init__(
        self, plan: Plan, report: Callable[[Report], None], *, spark: SparkSession | None = None
    ) -> None:
        """spark: a session to use, else one is made, and stopped at the end."""
        self._plan = plan
        self._report = report
        self._given = spark
        self._loop = _Loop()
        self._reported = -1
        self._heard_at = time.monotonic()
        self._closed_until: datetime | None = None
        self._counted_on: date | None = None
        self._has_new_words = False
        self._stop = threading.Event()

    def stop(self) -> None:
        """End `run` soon; from any thread, also from a signal's handler."""
        self._stop.set()

    def run(self) -> None:
        """Until `stop`, or the stream fails: raises what Spark raised.

        One job at a time counts for one database; others wait for it to go.
        """
        try:
            self._loop.run(DB.open(self._plan.database_url, pool_size=2))
            self._lock = self._loop.run(outbox.open_reader())
            if self._until_alone_at_work():
                self._forget_other_database()
                with self._spark() as spark:
                    self._count(spark)
            self._loop.run(outbox.close_reader(self._lock))
        finally:
            self._loop.run(DB.close())
            self._loop.close()

    def _until_alone_at_work(self) -> bool:
        """Wait for the job's lock, which goes with its connection; False when told to stop."""
        is_told = False
        while not self._loop.run(outbox.try_lock(self._lock, CURSOR)):
            if not is_told:
                self._report(Report(kind="standby"))
                is_told = True
            if self._stop.wait(STANDBY_S):
                return False
        return not self._stop.is_set()

    @contextlib.contextmanager
    def _spark(self) -> Iterator[SparkSession]:
        if self._given is not None:
            yield self._given
            return
        spark = session(self._plan)
        try:
            yield spark
        finally:
            with contextlib.suppress(Exception):
                spark.stop()

    def _count(self, spark: SparkSession) -> None:
        query = self._start(spark)
        try:
            self._report(Report(kind="started"))
            if self._plan.once:
                query.awaitTermination()
                self._tell_batches(query)
                self._close(_now() - WATERMARK)
                if self._plan.weeks_every_s:
                    self._count_weeks(spark)
            else:
                with self._beside(spark):
                    self._watch(query)
        finally:
            query.stop()

    def _start(self, spark: SparkSession) -> StreamingQuery:
        writer = (
            counted(messages(spark, self._plan))
            .writeStream.queryName("minutes")
            .outputMode("update")
            .option("checkpointLocation", self._plan.checkpoint)
            .foreachBatch(self._write)
        )
        if self._plan.once:
            writer = writer.trigger(availableNow=True)
        else:
            writer = writer.trigger(
                processingTime=f"{int(self._plan.trigger_s * 1000)} milliseconds"
            )
        return writer.start()

    def _write(self, batch: DataFrame, _batch_id: int) -> None:
        """Store a batch. The same batch again, after a crash, changes nothing."""
        table = batch.toArrow()
        minutes = msgspec.convert(table.to_pylist(), list[Minute])
        self._loop.run(sink.write_minutes(minutes))

    @contextlib.contextmanager
    def _beside(self, spark: SparkSession) -> Iterator[None]:
        """Words and weeks now and then, in a thread: the minutes do not wait for them."""

        def count() -> None:
            spark.sparkContext.setJobGroup(BESIDE, "words and weeks", interruptOnCancel=True)
            wait_s, weeks_at = WEEKS_AFTER_S, time.monotonic()
            while not self._stop.wait(wait_s):
                if time.monotonic() >= weeks_at:
                    self._count_weeks(spark)
                    weeks_at = time.monotonic() + self._plan.weeks_every_s
                else:
                    self._read_words(spark)
                wait_s = min(self._plan.words_every_s, self._plan.weeks_every_s)

        if not self._plan.weeks_every_s:
            yield
            return
        thread = threading.Thread(target=count, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            spark.sparkContext.cancelJobGroup(BESIDE)
            thread.join()

    def _watch(self, query: StreamingQuery) -> None:
        check_at = time.monotonic()
        while not self._stop.wait(TICK_S):
            if not query.isActive:
                error = query.exception()
                raise RuntimeError(str(error) if error else "the stream ended")
            self._tell_batches(query)
            now = time.monotonic()
            if now - self._heard_at > QUIET_S and not query.status["isDataAvailable"]:
                self._close(_now() - WATERMARK)
            if now >= check_at:
                check_at = now + CHECK_S
                self._loop.run(outbox.still_there(self._lock))

    def _tell_batches(self, query: StreamingQuery) -> None:
        last = query.lastProgress
        if last is None or last.batchId == self._reported:
            return
        for told in query.recentProgress:
            progress: dict[str, Any] = msgspec.json.decode(told.json)
            if progress["batchId"] <= self._reported or "addBatch" not in progress["durationMs"]:
                continue
            self._reported = progress["batchId"]
            report = report_of(progress)
            if report.rows:
                self._heard_at = time.monotonic()
            watermark = progress.get("eventTime", {}).get("watermark")
            if watermark:
                self._close(datetime.fromisoformat(watermark))
            self._keep_cursor(progress)
            self._report(report)

    def _keep_cursor(self, progress: dict[str, Any]) -> None:
        """Tell VORI how far the job has come: what it has read may be thrown away."""
        end = progress["sources"][0]["endOffset"]
        if not self._plan.kafka and end is not None:
            offset = msgspec.json.decode(end) if isinstance(end, str) else end
            at = outbox.Position(offset["xid"], offset["id"])
            self._loop.run(outbox.save_cursor(self._lock, CURSOR, at))

    def _close(self, until: datetime) -> None:
        """Close what has ended by then; asks the database only when another minute has."""
        until = until.replace(second=0, microsecond=0)
        if self._closed_until is None or until != self._closed_until:
            self._closed_until = until
            self._loop.run(sink.close_minutes(until))

    def _count_weeks(self, spark: SparkSession) -> None:
        """Words, weeks and insights; what fails here does not hold up the minutes."""
        url, run, now = self._plan.database_url, self._loop.run, _now()
        is_due = self._has_new_words or now.date() != self._counted_on
        try:
            began = time.monotonic()
            figures = count_text(*(spark, url, run, now), is_over=self._stop.is_set, anyway=is_due)
            figures["wordsS"] = time.monotonic() - began
            began = time.monotonic()
            figures |= count_weeks(spark, url, run, now)
            figures["weeksS"] = time.monotonic() - began
            run(sink.forget_minutes(timedelta(days=self._plan.keep_days), RECENT))
        except Exception:
            if not self._stop.is_set():  # else their jobs were cancelled
                _logger.exception("the weeks could not be counted")
        else:
            self._counted_on, self._has_new_words = now.date(), False
            self._report(Report(kind="weeks", figures=figures))

    def _read_words(self, spark: SparkSession) -> None:
        url, run = self._plan.database_url, self._loop.run
        try:
            if read_words(spark, url, run, _now(), is_over=self._stop.is_set):
                self._has_new_words = True
        except Exception:
            if not self._stop.is_set():
                _logger.exception("the words of meetings could not be read")

    def _forget_other_database(self) -> None:
        """Start from the beginning when the checkpoint tells of a database that is not this one.

        The job's cursor lies in the database it read: where it is missing, the database is
        another one, or was restored from a dump.
        """
        checkpoint = Path(self._plan.checkpoint)
        if self._plan.kafka or not checkpoint.exists():
            return
        known = self._loop.run(DB.fetch("SELECT 1 FROM relay_cursors WHERE sink = $1", CURSOR))
        if not known:
            _logger.warning("the checkpoint is another database's: starting from the beginning")
            shutil.rmtree(checkpoint)


def report_of(progress: dict[str, Any]) -> Report:
    """A batch as Spark's `StreamingQueryProgress` tells of it."""
    operators = {o["operatorName"]: o for o in progress.get("stateOperators", [])}
    late = sum(o["numRowsDroppedByWatermark"] for o in operators.values())
    observed = progress.get("observedMetrics", {}).get("events") or {}
    newest = observed.get("newest")
    duration_ms = progress["durationMs"].get("triggerExecution", 0)
    ended = datetime.fromisoformat(progress["timestamp"]) + timedelta(milliseconds=duration_ms)
    lag_ms = 0.0
    if newest:
        lag_ms = (ended - _instant(newest)).total_seconds() * 1000
    return Report(
        kind="batch",
        batch=progress["batchId"],
        rows=progress["numInputRows"],
        waiting=_behind(progress["sources"][0]),
        unreadable=int(observed.get("unreadable") or 0),
        late=late,
        batch_ms=duration_ms,
        lag_ms=max(0, round(lag_ms)),
        minutes=operators.get("stateStoreSave", {}).get("numRowsTotal", 0),
        parts=progress["durationMs"] | _of_state(operators),
    )


def _of_state(operators: dict[str, Any]) -> dict[str, int]:
    """What the state took, summed over its partitions: part of `addBatch`, side by side."""
    return {
        f"{name}.{part}": operator[f"{part}TimeMs"]
        for name, operator in operators.items()
        for part in ("allUpdates", "allRemovals", "commit")
    }


def _behind(source: dict[str, Any]) -> int:
    """How far Kafka's partitions are ahead of what was read; 0 for other sources."""
    latest, end = source.get("latestOffset"), source.get("endOffset")
    if not (isinstance(latest, dict) and isinstance(end, dict)):
        return 0
    return sum(
        offset - end.get(topic, {}).get(partition, 0)
        for topic, partitions in latest.items()
        if isinstance(partitions, dict)
        for partition, offset in partitions.items()
    )


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _now() -> datetime:
    return datetime.now(UTC)


class _Loop:
    """One event loop in a thread of its own: the database's connections belong to it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work` from any thread but its own."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


# ------------------------------------------------------------------ the process


def main() -> int:
    """Run the plan on standard input; 0 when told to end, 1 when it failed."""
    log.configure(Log(format="json"))
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=Plan)
    told = os.fdopen(os.dup(1), "wb", buffering=0)
    telling = threading.Lock()
    os.dup2(2, 1)  # whatever else prints goes with the logs

    def report(report: Report) -> None:
        with telling, contextlib.suppress(BrokenPipeError):
            told.write(msgspec.json.encode(report) + b"\n")

    job = Job(plan, report)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        job.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    threading.Thread(target=_until_abandoned, args=(job,), daemon=True).start()
    try:
        job.run()
    except Unavailable as exc:
        report(Report(kind="failed", message=exc.message))
        return 1
    except Exception as exc:
        _logger.exception("the analytics job failed")
        report(Report(kind="failed", message=_short(exc)))
        return 1
    return 0


def _until_abandoned(job: Job) -> None:
    """Whoever started us holds the other end of standard input."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    job.stop()


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:500]


if __name__ == "__main__":
    sys.exit(main())
