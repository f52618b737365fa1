"""The container files say what VORI, its settings and Kafka understand.

There is no Docker here: what the files name is held against what it means.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.kafka.broker import _java, missing
from vori.cli import cli
from vori.settings import Settings, load

ROOT = Path(__file__).parents[1]
GIVEN = {"POSTGRES_PASSWORD": "secret"}


def _substituted(text: str) -> str:
    """As compose does it: `${NAME}`, `${NAME:-default}`, `${NAME:?message}`."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found["name"], found["kind"], found["rest"]
        if name in GIVEN:
            return GIVEN[name]
        assert kind == ":-", f"{name} has no default"
        return str(rest)

    return re.sub(r"\$\{(?P<name>\w+)(?:(?P<kind>:[-?])(?P<rest>[^}]*))?\}", value, text)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    compose = yaml.safe_load(_substituted(text))
    named = {
        v.partition(":")[0] for s in compose["services"].values() for v in s.get("volumes", ())
    }
    assert named == set(compose["volumes"])
    for service in compose["services"].values():
        assert set(service.get("depends_on", ())) <= set(compose["services"])
    return dict(compose["services"])


def _instructions() -> list[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.strip().partition(" ") for line in lines)]


def test_vori_in_compose_is_told_what_its_settings_understand(services):
    settings = load(environ=services["vori"]["environment"])
    assert settings.kafka.bootstrap == ("kafka:9092",)
    assert settings.spark.master == Settings().spark.master
    assert settings.database.url == "postgresql://vori:secret@postgres:5432/vori"
    postgres = services["postgres"]["environment"]
    user, database = postgres["POSTGRES_USER"], postgres["POSTGRES_DB"]
    assert settings.database.url == f"postgresql://{user}:secret@postgres:5432/{database}"


def test_compose_opens_vori_to_this_machine_only_and_nothing_else_at_all(services):
    port = Settings().server.port
    assert services["vori"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert [name for name, service in services.items() if "ports" in service] == ["vori"]


def test_compose_has_the_kafka_that_the_tests_run(services):
    pom = (ROOT / "tools/kafka/pom.xml").read_text(encoding="utf-8")
    version = re.search(r"<artifactId>kafka_2.13</artifactId>\s*<version>(.*?)<", pom)
    assert version is not None
    assert services["kafka"]["image"] == f"apache/kafka:{version[1]}"


@pytest.mark.kafka
def test_kafka_accepts_what_compose_tells_it(services, tmp_path):
    """Its image turns KAFKA_LOG_DIRS into log.dirs; formatting reads the whole configuration."""
    if reason := missing():
        pytest.skip(reason)
    told = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in services["kafka"]["environment"].items()
    }
    told["log.dirs"] = str(tmp_path / "data")
    config = tmp_path / "server.properties"
    config.write_text("".join(f"{name}={value}\n" for name, value in told.items()))
    command = [*_java(), "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk"]
    done = subprocess.run(
        [*command, "-c", str(config)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "data" / "meta.properties").exists()
    assert told["auto.create.topics.enable"] == "false"  # VORI makes them, as its settings say


def test_the_image_starts_vori_as_it_is_started_elsewhere(services):
    said = dict(_instructions())
    entry, command = yaml.safe_load(said["ENTRYPOINT"]), yaml.safe_load(said["CMD"])
    assert entry == ["vori"]
    name, *options = command
    assert cli.commands[name].make_context(name, options).info_name == "serve"
    assert int(said["EXPOSE"]) == Settings().server.port
    assert "/health/live" in said["HEALTHCHECK"]
    assert str(Settings().server.port) in said["HEALTHCHECK"]
    assert services["vori"]["build"] == "."


def test_the_image_is_built_by_the_documented_target_on_a_python_that_vori_takes():
    bases = {rest.split()[0] for word, rest in _instructions() if word == "FROM"}
    assert len(bases) == 1  # the environment that is copied is bound to its Python
    [base] = bases
    found = re.fullmatch(r"python:3\.(\d+)-slim-\w+", base)
    assert found is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert int(found[1]) >= int(project["requires-python"].removeprefix(">=3."))
    built = [shlex.split(rest) for word, rest in _instructions() if word == "RUN"]
    assert any(words[:2] == ["make", "setup"] for words in built)
    assert re.search(r"^setup:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_spark_of_the_cluster_is_where_compose_looks_for_it(services):
    import pyspark

    [base] = {rest.split()[0] for word, rest in _instructions() if word == "FROM"}
    version = base.partition(":")[2].partition("-")[0]
    home = f"/app/.venv/lib/python{version}/site-packages/pyspark"
    for name in ("spark", "spark-worker"):
        program, main, *_ = services[name]["entrypoint"]
        assert program.startswith(home + "/")
        assert (Path(pyspark.__file__).parent / program.removeprefix(home + "/")).exists()
        assert main.startswith("org.apache.spark.deploy.")
