"""How the job is found its Java, told its plan, and how the worker answers without it."""

from __future__ import annotations

import asyncio

import pytest

from vori.analytics import submit
from vori.analytics.submit import CONNECTOR, Analytics, find_java, plan_of
from vori.errors import Unavailable
from vori.settings import Kafka, Spark
from vori.worker import State


def java(folder, version):
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-01' >&2\n")
    program.chmod(0o755)
    return str(folder)


async def health_of(settings, folder):
    worker = Analytics(settings, Kafka(), folder)
    await asyncio.wait_for(worker._run(), 60)
    return worker.health()


@pytest.mark.parametrize("version", ["17.0.9", "21", "25-ea"])
def test_a_java_that_is_new_enough_is_found(tmp_path, version):
    assert find_java(java(tmp_path, version)) == str(tmp_path.resolve())


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2"])
def test_an_old_java_is_refused_by_its_version(tmp_path, version):
    with pytest.raises(Unavailable, match="17 or newer") as caught:
        find_java(java(tmp_path, version))
    assert caught.value.code == "java_too_old"


def test_no_java_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(Unavailable, match="openjdk-17"):
        find_java()


async def test_without_java_nothing_is_wrong_unless_analytics_were_asked_for(tmp_path):
    missing = str(tmp_path / "nowhere")
    told = await health_of(Spark(java_home=missing), tmp_path)
    assert (told.state, told.detail["state"]) == (State.OK, "off")
    assert "holds no Java" in told.message
    told = await health_of(Spark(java_home=missing, enabled="on"), tmp_path)
    assert told.state is State.DEGRADED


async def test_turned_off_it_stays_off(tmp_path):
    told = await health_of(Spark(enabled="off"), tmp_path)
    assert (told.state, told.detail["state"]) == (State.OK, "off")


def test_the_road_is_kafka_where_there_is_one(tmp_path):
    kafka = Kafka(bootstrap=("a:1", "b:2"), topic_prefix="x.")
    made = plan_of(Spark(), kafka, home=tmp_path, database_url="db")
    assert made.kafka["kafka.bootstrap.servers"] == "a:1,b:2"
    assert (made.packages, made.topic_prefix) == ((CONNECTOR,), "x.")
    made = plan_of(Spark(source="outbox"), kafka, home=tmp_path, database_url="db")
    assert (made.kafka, made.packages) == ({}, ())
    with pytest.raises(Unavailable, match=r"kafka\.bootstrap"):
        plan_of(Spark(source="kafka"), Kafka(), home=tmp_path, database_url="db")


def test_jars_by_path_keep_spark_from_fetching_any(tmp_path):
    for name in ("b.jar", "a.jar", "note.txt"):
        (tmp_path / name).touch()
    settings = Spark(jars=(str(tmp_path),))
    made = plan_of(settings, Kafka(bootstrap=("a:1",)), home=tmp_path, database_url="db")
    assert [jar[-5:] for jar in made.jars] == ["a.jar", "b.jar"]
    assert made.packages == ()


def test_a_password_reaches_the_connector_whatever_it_holds(tmp_path):
    kafka = Kafka(
        bootstrap=("a:1",),
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_user="vori",
        sasl_password='a"b\\c',
    )
    made = plan_of(Spark(), kafka, home=tmp_path, database_url="db")
    config = made.kafka["kafka.sasl.jaas.config"]
    assert "ScramLoginModule" in config
    assert r'password="a\"b\\c";' in config


def test_the_job_is_not_given_secrets():
    ours = {"PATH": "/bin", "ANTHROPIC_API_KEY": "x", "VORI_DATABASE__URL": "y"}
    assert submit._environment(ours, "/java").keys() == {"PATH", "JAVA_HOME", "PYSPARK_PYTHON"}
