"""One Spark for all tests of a run: starting it takes longer than most of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONNECTOR = Path(__file__).parents[2] / "tools" / "spark" / "target" / "jars"
"""Spark's connector to Kafka, where `make spark-kafka` has put it."""


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    from vori.analytics.submit import find_java
    from vori.errors import Unavailable

    try:
        find_java()
    except Unavailable as exc:
        pytest.skip(exc.message)
    from vori.analytics.job import session
    from vori.analytics.plan import Plan

    options = {"spark.sql.shuffle.partitions": "1", "spark.log.level": "ERROR"}
    jars = tuple(str(jar) for jar in sorted(CONNECTOR.glob("*.jar")))
    plan = Plan(database_url="", checkpoint="", master="local[2]", jars=jars, options=options)
    spark = session(plan)
    yield spark
    spark.stop()
