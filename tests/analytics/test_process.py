"""The job as processes: killed in the middle, on a cluster, from Kafka. For CI's own step."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.analytics import three_weeks
from tests.analytics.conftest import CONNECTOR
from tests.analytics.test_job import Runs, minutes_stored, told
from tests.analytics.test_metrics import EXPECTED
from tests.analytics.test_weeks import WEEKS
from vori.analytics.plan import SOURCES, Plan
from vori.analytics.submit import Child, find_java
from vori.data.engine import DB
from vori.errors import Unavailable

pytestmark = [pytest.mark.spark, pytest.mark.postgres]


@pytest.fixture
def java_home():
    try:
        return find_java()
    except Unavailable as exc:
        pytest.skip(exc.message)


@pytest.fixture
def runs(spark, database_url, tmp_path):
    runs = Runs(spark, database_url, tmp_path)
    runs.do(three_weeks.put_rows)
    return runs


async def killed_in_a_batch(runs, java_home):
    """Run with tiny batches and kill it as soon as it has told of two."""
    plan = Plan(
        database_url=runs.url,
        checkpoint=str(runs.checkpoint),
        master="local[2]",
        once=True,
        weeks_every_s=0,
        rows_per_batch=4,
        options={"spark.sql.shuffle.partitions": "1"},
    )
    child = await Child.start(plan, java_home)
    batches = 0
    async for report in child.reports():
        batches += report.kind == "batch"
        if batches == 2:
            os.kill(child.pid, signal.SIGKILL)
            break
    await child.stop()
    return batches


def test_a_job_killed_in_a_batch_goes_on_with_the_same_numbers(runs, java_home):
    runs.publish()
    with asyncio.Runner() as runner:
        runner.run(killed_in_a_batch(runs, java_home))
    before = runs.do(minutes_stored)
    reports = runs.run()
    assert len(before) < len(EXPECTED) or sum(r.rows for r in reports) == 0
    assert runs.do(minutes_stored) == EXPECTED
    assert len(runs.do(lambda: told("analytics.productivity"))) == len(EXPECTED)


@pytest.fixture
def cluster(tmp_path):
    """A master and two workers of Spark on loopback; gives the master's address."""
    home = Path(__import__("pyspark").__file__).parent
    environ = os.environ | {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_HOME": str(home),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_DAEMON_MEMORY": "256m",
    }
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str) -> None:
        with (tmp_path / f"{len(started)}.log").open("wb") as file:
            started.append(
                subprocess.Popen(
                    [home / "bin" / "spark-class", f"org.apache.spark.deploy.{name}", *arguments],
                    env=environ,
                    stdout=file,
                    stderr=file,
                    cwd=tmp_path,
                    start_new_session=True,
                )
            )

    try:
        start("master.Master", "--host", "127.0.0.1", "--port", "17077", "--webui-port", "18080")
        for number in (1, 2):
            start(
                "worker.Worker",
                *("--host", "127.0.0.1", "--cores", "1", "--memory", "700m"),
                *("--webui-port", str(18080 + number), "--work-dir", str(tmp_path / str(number))),
                "spark://127.0.0.1:17077",
            )
        until_alive(2)
        yield "spark://127.0.0.1:17077"
    finally:
        for process in reversed(started):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def until_alive(workers: int) -> None:
    """Ask the master's page, as there is nothing else to wait for."""
    give_up = time.monotonic() + 240
    while time.monotonic() < give_up:
        try:
            with urllib.request.urlopen("http://127.0.0.1:18080/json/", timeout=10) as answer:
                if answer.read().count(b'"ALIVE"') >= workers + 1:
                    return
        except OSError:
            pass
        time.sleep(0.5)
    pytest.fail("the cluster did not come up")


def test_submitted_to_a_cluster_two_workers_count_minutes_and_weeks(runs, cluster, tmp_path):
    runs.publish()
    conf = tmp_path / "conf"
    conf.mkdir()
    lines = ("spark.driver.host 127.0.0.1", "spark.executor.memory 512m", "spark.executor.cores 1")
    (conf / "spark-defaults.conf").write_text("\n".join(lines))
    kept = {n: v for n, v in os.environ.items() if not n.startswith("VORI_")}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "vori", "--home", str(tmp_path / "home")),
            *("analytics", "submit", "--master", cluster, "--once"),
        ],
        env=kept
        | {
            "VORI_DATABASE__URL": runs.url,
            "SPARK_CONF_DIR": str(conf),
            "SPARK_LOCAL_IP": "127.0.0.1",
        },
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert sum(r.get("rows", 0) for r in reports) == len(three_weeks.events())
    assert [r["kind"] for r in reports][-1] == "weeks"
    assert runs.do(minutes_stored) == EXPECTED
    for worker in ("1", "2"):
        assert list((tmp_path / worker).glob("app-*/*/stderr")), "a worker had no part in it"
    [weeks] = runs.do(lambda: DB.fetch("SELECT count(*) AS n FROM analytics_trends"))
    assert weeks["n"] == len(WEEKS)


@pytest.mark.kafka
def test_the_numbers_from_kafka_are_those_from_the_outbox(runs, kafka):
    from aiokafka import AIOKafkaProducer
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    from tests.kafka import unique
    from vori.streams.topics import BY_STRUCT

    if not CONNECTOR.is_dir():
        pytest.skip("Spark's Kafka connector is not here: make spark-kafka")
    prefix = unique("spark") + "."

    async def produce():
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        try:
            names = [prefix + topic.name for topic in SOURCES]
            await admin.create_topics([NewTopic(name, 2, 1) for name in names])
        finally:
            await admin.close()
        producer = AIOKafkaProducer(bootstrap_servers=kafka)
        await producer.start()
        try:
            happened = three_weeks.events()
            for event, (topic, value, _) in zip(
                happened, three_weeks.messages(happened), strict=True
            ):
                key = BY_STRUCT[type(event)].key(event).encode()
                for _ in range(2):  # a relay that crashed sends some twice
                    await producer.send_and_wait(prefix + topic, value.encode(), key=key)
        finally:
            await producer.stop()

    asyncio.run(produce())
    road = {"kafka.bootstrap.servers": kafka}
    reports = runs.run(kafka=road, topic_prefix=prefix, rows_per_batch=40)
    batches = [report for report in reports if report.kind == "batch" and report.rows]
    sent = 2 * len(three_weeks.events())
    assert sum(batch.rows for batch in batches) == sent
    assert [batch.waiting for batch in batches][-1] == 0
    assert batches[0].waiting == sent - batches[0].rows > 0
    assert runs.do(minutes_stored) == EXPECTED
