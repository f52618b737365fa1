"""Starts the job and watches it: the worker `analytics`, and `vori analytics submit`.

The job is a child process in a session of its own, begun when there is something to count and
ended when there has been nothing for long, because Spark takes about a gigabyte. It holds the
other end of our pipe: however we end, it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from vori import log
from vori.analytics.plan import CURSOR, SOURCES, Plan, Report
from vori.data.engine import DB
from vori.errors import Unavailable, VoriError
from vori.settings import Kafka, Spark
from vori.worker import Health, State, background

OLDEST_JAVA = 17
CONNECTOR = "org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0"
LOOK_S = 5.0
"""How often the database is asked whether there is anything to count."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 300.0
STEADY_S = 300.0
"""A job that ran for so long starts again at once."""
STOP_S = 15.0
JOB = ("-m", "vori.analytics.job")
LOG_BYTES = 10 * 1024 * 1024
SECRETS = ("VORI_", "ANTHROPIC_", "AWS_", "GOOGLE_")
"""Variables that the job, and Spark's own log of its environment, need nothing of."""

_logger = log.get(__name__)


def find_java(java_home: str | None = None) -> str:
    """The `JAVA_HOME` of a Java that runs Spark; blocks for a moment.

    Looks at `java_home`, else at JAVA_HOME, else for `java` on the PATH. Raises Unavailable that
    says what to do.
    """
    named = java_home or os.environ.get("JAVA_HOME")
    program = str(Path(named, "bin", "java")) if named else shutil.which("java")
    if program is None or not Path(program).exists():
        where = f"{named} holds no Java" if named else "there is no Java on this machine"
        raise Unavailable(f"{where}; analytics need {_WANTED}", code="no_java")
    try:
        told = subprocess.run(  # noqa: S603 - the Java that was named or found
            [program, "-version"], capture_output=True, text=True, timeout=20, check=True
        ).stderr
    except (OSError, subprocess.SubprocessError) as exc:
        raise Unavailable(
            f"{program} does not run; analytics need {_WANTED}", code="no_java"
        ) from exc
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    if found is None or int(found[1]) < OLDEST_JAVA:
        version = found[1] if found else "unknown"
        raise Unavailable(
            f"{program} is Java {version}; analytics need {_WANTED}", code="java_too_old"
        )
    return str(Path(program).resolve().parents[1])


_WANTED = f"Java {OLDEST_JAVA} or newer: install one (openjdk-{OLDEST_JAVA}-jre-headless) or set JAVA_HOME"


def reads_kafka(settings: Spark, kafka: Kafka) -> bool:
    """Whether events come from Kafka, not from the outbox itself."""
    return settings.source == "kafka" or (settings.source == "auto" and bool(kafka.bootstrap))


def plan_of(
    settings: Spark, kafka: Kafka, *, home: Path, database_url: str, once: bool = False
) -> Plan:
    """What the settings say the job is to run. Raises Unavailable when they ask for Kafka and
    name none.
    """
    from_kafka = reads_kafka(settings, kafka)
    if from_kafka and not kafka.bootstrap:
        raise Unavailable(
            "spark.source is kafka, and kafka.bootstrap names no broker", code="no_kafka"
        )
    road = "kafka" if from_kafka else "outbox"
    folder = home / "analytics"
    return Plan(
        database_url=database_url,
        checkpoint=settings.checkpoint or str(folder / f"checkpoint-{road}"),
        master=settings.master,
        memory=settings.memory,
        trigger_s=settings.trigger_s,
        weeks_every_s=settings.weeks_every_s,
        keep_days=settings.keep_days,
        kafka=_connector_options(kafka) if from_kafka else {},
        topic_prefix=kafka.topic_prefix,
        packages=settings.packages or ((CONNECTOR,) if from_kafka and not settings.jars else ()),
        jars=_jars(settings.jars),
        ivy=str(folder / "ivy"),
        once=once,
    )


def _connector_options(kafka: Kafka) -> dict[str, str]:
    options = {
        "kafka.bootstrap.servers": ",".join(kafka.bootstrap),
        "kafka.security.protocol": kafka.security_protocol,
    }
    if kafka.ca_file:
        options |= {
            "kafka.ssl.truststore.type": "PEM",
            "kafka.ssl.truststore.location": kafka.ca_file,
        }
    if kafka.security_protocol.startswith("SASL"):
        module = "scram.Scram" if kafka.sasl_mechanism.startswith("SCRAM") else "plain.Plain"
        user, word = (
            text.replace("\\", "\\\\").replace('"', '\\"')
            for text in (kafka.sasl_user, _password(kafka))
        )
        options |= {
            "kafka.sasl.mechanism": kafka.sasl_mechanism,
            "kafka.sasl.jaas.config": (
                f"org.apache.kafka.common.security.{module}LoginModule required"
                f' username="{user}" password="{word}";'
            ),
        }
    return options


def _password(kafka: Kafka) -> str:
    if kafka.sasl_password_file is None:
        return kafka.sasl_password
    try:
        return Path(kafka.sasl_password_file).read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise Unavailable(
            f"kafka.sasl_password_file: {kafka.sasl_password_file} cannot be read",
            code="kafka_password_file",
        ) from exc


def _jars(named: tuple[str, ...]) -> tuple[str, ...]:
    """Paths of jars; a folder stands for all that lie in it."""
    found: list[str] = []
    for name in named:
        path = Path(name)
        found += sorted(map(str, path.glob("*.jar"))) if path.is_dir() else [name]
    return tuple(found)


class Child:
    """The job as a process of ours."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, plan: Plan, java_home: str, *, log_path: Path | None = None) -> Child:
        """Start it with its plan. `log_path`: where its log goes, else to our standard error."""
        with contextlib.ExitStack() as stack:
            errors = None if log_path is None else stack.enter_context(_log_file(log_path))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, *JOB),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                env=_environment(os.environ, java_home),
                limit=8 * 1024 * 1024,
            )
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(plan) + b"\n")
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def reports(self) -> AsyncIterator[Report]:
        """What it tells, until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            yield msgspec.json.decode(line, type=Report)

    async def wait(self) -> int:
        """Its exit code, when it has ended."""
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end, and end it when it does not; its JVM and workers with it."""
        if self._process.returncode is None:
            # Not by its own method: that may take its exit code away from whoever waits for it.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await self._process.wait()
        # It led its session; whatever is left of that is ours.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()


def _environment(ours: Mapping[str, str], java_home: str) -> dict[str, str]:
    kept = {name: value for name, value in ours.items() if not name.startswith(SECRETS)}
    return kept | {"JAVA_HOME": java_home, "PYSPARK_PYTHON": sys.executable}


@contextlib.contextmanager
def _log_file(path: Path) -> Any:
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
    with path.open("ab") as file:
        yield file


class Analytics:
    """Worker `analytics`."""

    name = "analytics"

    def __init__(
        self,
        settings: Spark,
        kafka: Kafka,
        home: Path,
    ) -> None:
        self._settings = settings
        self._kafka = kafka
        self._home = home
        self._from_kafka = reads_kafka(settings, kafka)
        self._child: Child | None = None
        self._state = "waiting"
        """off, waiting (for something to count), starting, running, standby, failed."""
        self._why = ""
        self._trouble = State.OK
        self._last = Report(kind="batch")
        self._heard_at = 0.0
        self._totals = {"rows": 0, "late": 0, "unreadable": 0, "batches": 0, "restarts": 0}
        self._figures: dict[str, float] = {}
        self._waiting = 0

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        async with background(self._run()):
            try:
                yield
            finally:
                if self._child is not None:
                    await self._child.stop()

    def health(self) -> Health:
        detail: dict[str, Any] = {"state": self._state, "lagEvents": self._waiting}
        detail |= self._totals
        if self._totals["batches"]:
            detail |= {
                "batchRows": self._last.rows,
                "batchMs": self._last.batch_ms,
                "lagMs": self._last.lag_ms,
                "openMinutes": self._last.minutes,
            }
        if self._child is not None:
            detail["pid"] = self._child.pid
        return Health(state=self._trouble, message=self._why, detail=detail | self._figures)

    # ------------------------------------------------------------------ running

    async def _run(self) -> None:
        if self._settings.enabled == "off":
            self._state, self._why = "off", "turned off by spark.enabled"
            return
        try:
            java_home = await asyncio.to_thread(self._find)
        except Unavailable as exc:
            # Where nobody asked for analytics, doing without them is nothing to look at.
            self._state, self._why = "off", f"analytics are off: {exc.message}"
            self._trouble = State.DEGRADED if self._settings.enabled == "on" else State.OK
            _logger.info("analytics are off", reason=exc.code)
            return
        wait_s = FIRST_WAIT_S
        while True:
            await self._until_wanted()
            started = time.monotonic()
            try:
                is_idle = await self._run_once(java_home)
            except VoriError as exc:
                is_idle = False
                self._failed(exc.message)
            if is_idle:
                self._state, self._why, wait_s = "waiting", "", FIRST_WAIT_S
                continue
            if time.monotonic() - started > STEADY_S:
                wait_s = FIRST_WAIT_S
            self._totals["restarts"] += 1
            _logger.warning("the analytics job ended", reason=self._why, wait_s=wait_s)
            await _pause(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _find(self) -> str:
        if (
            importlib.util.find_spec("pyspark") is None
            or importlib.util.find_spec("pyarrow") is None
        ):
            raise Unavailable(
                "Spark is not installed: pip install 'vori[analytics]'", code="no_spark"
            )
        return find_java(self._settings.java_home)

    async def _until_wanted(self) -> None:
        """Return when events have been waiting for `start_after_s`; Kafka is not asked."""
        if self._from_kafka:
            await asyncio.sleep(self._settings.start_after_s)
            return
        first: float | None = None
        while True:
            try:
                self._waiting = await waiting_events()
            except VoriError:
                first = None
            else:
                now = time.monotonic()
                first = (first or now) if self._waiting else None
                if first is not None and now - first >= self._settings.start_after_s:
                    return
            await asyncio.sleep(min(LOOK_S, self._settings.start_after_s))

    async def _run_once(self, java_home: str) -> bool:
        """Run the job until it ends; whether we ended it because there was nothing to count."""
        assert DB.url is not None
        plan = plan_of(
            self._settings,
            self._kafka,
            home=self._home,
            database_url=DB.url,
        )
        self._state = "starting"
        self._heard_at = time.monotonic()
        child = await Child.start(plan, java_home, log_path=self._home / "analytics" / "spark.log")
        self._child = child
        try:
            async with background(self._watch_idle(child)):
                async for report in child.reports():
                    await self._hear(report)
                code = await child.wait()
        finally:
            await child.stop()
            self._child = None
        if code == 0:
            return True
        self._failed(self._why or f"the job ended with {code}; see analytics/spark.log")
        return False

    async def _watch_idle(self, child: Child) -> None:
        """Look how much waits, and end the job when nothing has come for long."""
        while True:
            await asyncio.sleep(LOOK_S)
            if not self._from_kafka:
                with contextlib.suppress(VoriError):
                    self._waiting = await waiting_events()
            quiet_s = time.monotonic() - self._heard_at
            if (
                self._settings.idle_stop_s
                and not self._from_kafka
                and self._state != "starting"
                and quiet_s > self._settings.idle_stop_s
            ):
                _logger.info("the analytics job is idle and ends")
                await child.stop()
                return

    async def _hear(self, report: Report) -> None:
        if report.kind == "failed":
            self._failed(report.message)
            return
        self._trouble, self._why = State.OK, ""
        self._state = "standby" if report.kind == "standby" else "running"
        if report.kind == "started":
            self._heard_at = time.monotonic()
        elif report.kind == "batch":
            self._last = report
            self._totals["batches"] += 1
            if self._from_kafka:
                self._waiting = report.waiting
            for name in ("rows", "late", "unreadable"):
                self._totals[name] += getattr(report, name)
            if report.rows:
                self._heard_at = time.monotonic()
        elif report.kind == "weeks":
            self._figures = report.figures

    def _failed(self, why: str) -> None:
        self._state, self._why, self._trouble = "failed", why, State.DEGRADED


async def _pause(wait_s: float) -> None:
    await asyncio.sleep(wait_s)


async def waiting_events() -> int:
    """How many events the job has not counted yet, up to 10,000."""
    rows = await DB.fetch(_WAITING, CURSOR, [t.name for t in SOURCES], MOST_WAITING)
    return int(rows[0]["waiting"])


async def submit(plan: Plan, java_home: str, report: Callable[[Report], None]) -> int:
    """Run the job in the foreground until it ends or we are told to; its exit code."""
    child = await Child.start(plan, java_home)
    try:
        async for told in child.reports():
            report(told)
        return await child.wait()
    finally:
        await child.stop()


MOST_WAITING = 10_000

_WAITING = """
SELECT count(*) AS waiting FROM (
    SELECT 1 FROM outbox
    WHERE (outbox.xid, outbox.id) > (
        coalesce((SELECT xid FROM relay_cursors WHERE sink = $1), '0'::xid8),
        coalesce((SELECT id FROM relay_cursors WHERE sink = $1), 0)
    ) AND topic = ANY($2::text[]) LIMIT $3
) AS waiting
"""
